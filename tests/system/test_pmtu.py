#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets and links of different sizes: path-MTU discovery by hosts (RFC 1191, RFC 8201, RFC 3032 3), and
fragments of what may be cut."""

import re
import unittest

from chain import address
from shunt_test import for_each_driver
from test_lsp import ChainTest, read_stack

HEADERS = {4: 28, 6: 48}  # of an echo request
SMALL = 1300
LABEL = 4


class Discovery(ChainTest):
    """A link of the path is smaller: the hosts are told of it, and what fits into it goes through."""

    def setUp(self):
        super().setUp()
        for host in self.chain.ends:
            self.forget(host)

    @staticmethod
    def forget(host):
        """What a host learned about the path."""
        for family in ("-4", "-6"):
            host.run("ip", family, "route", "flush", "cache")

    def learned(self, host, to):
        """The path's MTU as the host's kernel knows it."""
        found = re.search(r" mtu (\d+)", host.route_to(to))
        return int(found[1]) if found else None

    def check_ping(self, family, teller, mtu, back_mtu=None):
        """A packet that fits both ways goes through whole; for one longer than `mtu`, `teller` says that
        it is too long."""
        to = address(family, 1, 2)
        self.pings(family, "-M", "do", "-s", str((back_mtu or mtu) - HEADERS[family]))
        pings = self.near.ping(to, "-M", "do", "-s", str(mtu - HEADERS[family] + 1), count=1)
        words = rf"Frag needed and DF set \(mtu = {mtu}\)" if family == 4 else \
            f"Packet too big: mtu={mtu}"
        self.assertRegex(pings.text, f"From {teller} .*{words}")
        self.assertEqual(pings.received, 0)
        self.assertEqual(self.learned(self.near, to), mtu)

    def check_tcp(self, family, mtu, back_mtu):
        """TCP finds the size for itself, both ways, with nothing known before."""
        for options, host, to, expected in (
                ((), self.near, address(family, 1, 2), mtu),
                (("-R",), self.far, address(family, 0, 2), back_mtu)):
            self.forget(self.near)
            self.forget(self.far)
            self.iperf3(family, *options)
            self.assertEqual(self.learned(host, to), expected)

    def test_plain(self):
        self.chain.route_plainly()
        for family in (4, 6):
            self.check_ping(family, address(family, 8, 2), SMALL)
            self.check_tcp(family, SMALL, SMALL)

    def test_labelled(self):
        """B tells of the link that it sends on, by way of the path's end; C of the one it pushes on."""
        for family in (4, 6):
            self.check_ping(family, address(family, 8, 2), SMALL - LABEL)
            self.check_tcp(family, SMALL - LABEL, SMALL - LABEL)

    def test_labelled_and_popped_before(self):
        """B takes the label off; C puts one on."""
        self.chain.pop_before()
        for family in (4, 6):
            self.check_ping(family, address(family, 8, 2), SMALL, SMALL - LABEL)

    def test_at_the_ingress_with_entropy(self):
        """Three labels leave 1488 bytes of the first link, more than the second takes."""
        self.chain.push("entropy")
        for family in (4, 6):
            self.check_ping(family, address(family, 8, 2), SMALL - 3 * LABEL)

    def test_labelled_is_not_cut_in_the_middle(self):
        """B swaps: what does not fit is dropped there, and nobody is told of IPv4 without DF."""
        pings = self.near.ping(address(4, 1, 2), "-M", "dont", "-s", str(SMALL), count=2, wait=1)
        self.assertEqual(pings.received, 0, pings.text)
        self.assertNotIn("From ", pings.text)


class Fragments(ChainTest):
    """The links behind the ingress node are small both ways: IPv4 without DF is cut where labels are
    pushed, and comes out whole for the host."""

    def test_cut_at_push(self):
        for words, room in (("", SMALL - LABEL), ("entropy", SMALL - 3 * LABEL)):
            self.chain.push(words)
            self.chain.drain()
            self.pings(4, "-M", "dont", "-s", "1400")
            pieces = self.pieces(self.chain.from_a)
            self.assertEqual([len(packet) - 20 for packet in pieces[:2]],
                             [(room - 20) // 8 * 8, 1408 - (room - 20) // 8 * 8])
            self.assertGreaterEqual(len(pieces), 6)
            self.assertGreaterEqual(len(self.pieces(self.chain.from_c)), 6)

    def test_cut_behind_the_penultimate_hop(self):
        """B pops and has plain IP to send on."""
        self.chain.push()
        self.chain.pop_before()
        self.pings(4, "-M", "dont", "-s", "1400")

    def test_cut_plainly(self):
        self.chain.route_plainly()
        self.chain.drain()
        self.pings(4, "-M", "dont", "-s", "1400")

    @staticmethod
    def pieces(capture):
        """The fragments among what went by below labels; each must fit the link."""
        found = [(frame, packet) for frame in capture.drain() for stack, packet in [read_stack(frame)]
                 if stack and packet[0] >> 4 == 4 and int.from_bytes(packet[6:8], "big") & 0x3fff]
        for frame, packet in found:
            if len(frame) - 14 > SMALL:
                raise AssertionError(f"{len(frame) - 14} bytes on a link of {SMALL}")
        return [packet for _, packet in found]


Discovery.mtu = (1500, 1500, SMALL, 1500)
Fragments.mtu = (1500, SMALL, SMALL, 1500)

for_each_driver(globals(), Discovery, Fragments)

if __name__ == "__main__":
    unittest.main(verbosity=2)
