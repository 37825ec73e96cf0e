#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Path-MTU discovery by hosts across links of different sizes: RFC 1191, RFC 8201, RFC 3032 3."""

import re
import unittest

from chain import address
from shunt_test import for_each_driver
from test_lsp import ChainTest

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
        """Three labels leave 1488 bytes of the first link, more than the second takes: the smallest of
        the path counts in the end."""
        self.chain.push("entropy")
        for family in (4, 6):
            self.pings(family, "-M", "do", "-s", str(SMALL - 3 * LABEL - HEADERS[family]))
            self.check_tcp(family, SMALL - 3 * LABEL, SMALL - 3 * LABEL)


Discovery.mtu = (1500, 1500, SMALL, 1500)

for_each_driver(globals(), Discovery)

if __name__ == "__main__":
    unittest.main(verbosity=2)
