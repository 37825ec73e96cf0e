#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Duplicate address detection against Linux: who else has an address, and who was told of it."""

import json
import socket
import time
import unittest

from scapy.layers.l2 import ARP, Ether

from api_client import Client
from hosts import icmp_message
from shunt_test import for_each_driver, wait_until
from test_ip import NetworkTest
from wire import Sender

GATEWAYS = ("10.0.0.1", "2001:db8:1::1")
PLANS = (("10.0.0.77", "/24", "10.0.0.66"), ("2001:db8:1::77", "/64", "2001:db8:1::66"))
STATES = ("tentative", "preferred", "duplicate")
TRIES = 5  # of a machine that may miss the second in which an answer must come
DUPLICATE_WORDS = "is used by .* too: expected no other host"


def packed(address):
    """Its bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


class Watched:
    """What the host hears of one address of shunt's: "probe" and "announcement", as they came."""

    def __init__(self, host, address):
        self.capture = host.capture()
        self.address = packed(address)
        self.heard = []

    def look(self):
        """Everything until now."""
        for frame in self.capture.drain():
            kind = self.arp(frame) if len(self.address) == 4 else self.discovery(frame)
            if kind:
                self.heard.append(kind)
        return self.heard

    def arp(self, frame):
        """RFC 5227 1.1: a probe is from nobody; an announcement from and about the same address."""
        if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\1" or frame[38:42] != self.address:
            return None
        return {bytes(4): "probe", self.address: "announcement"}.get(frame[28:32])

    def discovery(self, frame):
        """RFC 4862 5.4.2; RFC 4861 7.2.6."""
        message = icmp_message(frame[14:]) if frame[12:14] == b"\x86\xdd" else None
        if message is None or message[3][8:24] != self.address:
            return None
        if message[0] == 135:
            return "probe" if message[2] == bytes(16) else None
        return "announcement" if message[0] == 136 and not message[3][4] & 0x40 else None

    def close(self):
        self.capture.close()


class DuplicateAddresses(NetworkTest):
    """One Linux host on shunt's link."""

    @classmethod
    def build(cls):
        cls.node = cls.network.node("shunt")
        cls.host = cls.network.host("host")
        cls.network.link(cls.node, "p0", cls.host)
        cls.node.start_processes()
        cls.host.configure(["10.0.0.2/24", "2001:db8:1::2/64"], GATEWAYS)
        cls.node.add_port([f"{address}{length}" for address, length in zip(GATEWAYS, ("/24", "/64"))])
        cls.node.wait_links("up")
        cls.settled(cls)

    def state(self, address):
        """What `address show` says of it."""
        return {row["prefix"].split("/")[0]: row["state"]
                for row in self.node.json("address show")}.get(address)

    def settled(self, but=()):
        """Every probe has been sent."""
        wait_until(lambda: all(row["state"] != "tentative" for row in self.node.json("address show")),
                   15, "no address is tentative")
        for row in self.node.json("address show"):
            if row["prefix"].split("/")[0] not in but:
                assert row["state"] == "preferred", row

    def add(self, address, length):
        self.node.ctl(f"address add {address}{length} dev p0")
        self.addCleanup(self.node.ctl, f"address del {address}{length} dev p0")

    def add_and_see(self, address, length):
        """In one message, which is answered before anything else happens: it is tentative."""
        self.addCleanup(self.node.ctl, f"address del {address}{length} dev p0")
        with Client(self.node.run_dir / self.node.instance / "control.sock") as client:
            client.send(json.dumps([
                {"jsonrpc": "2.0", "id": 1, "method": "address add",
                 "params": {"prefix": address + length, "dev": "p0"}},
                {"jsonrpc": "2.0", "id": 2, "method": "address show"}]) + "\n")
            answers = {answer["id"]: answer for answer in client.read()}
        self.assertIn("result", answers[1], answers)
        self.assertEqual({row["prefix"]: row["state"] for row in answers[2]["result"]}[address + length],
                         "tentative")

    def watch(self, address):
        watched = Watched(self.host, address)
        self.addCleanup(watched.close)
        return watched

    def become(self, address, state):
        wait_until(lambda: self.state(address) == state, 15, f"{address} is {state}", 0.05)

    def mac(self):
        return next(row["mac"] for row in self.node.json("port show") if row["name"] == "p0")

    def test_free_addresses(self):
        """Tentative, probed for, preferred; announced behind the probes, and answered for all the time."""
        watched = [self.watch(address) for address, _, _ in PLANS]
        for address, length, _ in PLANS:
            self.add_and_see(address, length)
            self.assert_pings(self.host, address, count=1)
        for (address, _, _), seen, probes in zip(PLANS, watched, (3, 1)):
            self.become(address, "preferred")
            wait_until(lambda s=seen: "announcement" in s.look(), 5, f"{address} is announced")
            self.assertEqual(seen.heard, ["probe"] * probes + ["announcement"])

    def test_the_host_has_it(self):
        """Found by the kernel's own answer to a probe; said by `address show`, an event and the log;
        never announced."""
        self.allow = DUPLICATE_WORDS
        for address, length, _ in PLANS:
            with self.subTest(address=address):
                self.host.add_address(address + length, "eth0")
                self.addCleanup(self.host.namespace.ip, "address", "del", address + length, "dev", "eth0")
                since, seen = self.add_known(address, length)
                self.become(address, "duplicate")
                self.settled([plan[0] for plan in PLANS])
                self.assertIn("probe", seen.look())
                if ":" in address:  # IPv4 is defended by one (RFC 5227 2.4)
                    self.assertNotIn("announcement", seen.heard)
                self.assertEqual(self.state(address), "duplicate")
                mac = self.host.namespace.ip("-br", "link", "show", "eth0").split()[2]
                rows = self.node.json(f"show events from {since} kind address")
                self.assertEqual([(row["object"], row["text"]) for row in rows],
                                 [("p0", f"{address} is used by {mac} too")])

    def add_known(self, address, length):
        """-> the number of the next event before that, and what the host hears."""
        self.addCleanup(self.node.ctl, f"address del {address}{length} dev p0")
        for attempt in range(TRIES):
            since, seen = self.node.json("show events")[-1]["number"] + 1, self.watch(address)
            self.node.ctl(f"address add {address}{length} dev p0")
            wait_until(lambda: self.state(address) != "tentative", 15, f"{address} is looked for", 0.05)
            if self.state(address) == "duplicate" and not (":" in address and "announcement" in seen.look()):
                break
            if attempt + 1 < TRIES:
                self.node.ctl(f"address del {address}{length} dev p0")
        return since, seen

    def test_the_host_wants_ours(self):
        """The kernel's own detection for IPv6, and a probe for IPv4, find that shunt has it."""
        self.host.set("net.ipv6.conf.all.accept_dad=1")
        self.host.set("net.ipv6.conf.eth0.accept_dad=1")
        ours = GATEWAYS[1] + "/64"
        self.host.namespace.ip("address", "add", ours, "dev", "eth0")
        self.addCleanup(self.host.namespace.ip, "address", "del", ours, "dev", "eth0")
        tries = iter(range(TRIES))

        def failed():
            said = self.host.namespace.ip("address", "show", "dev", "eth0", "to", GATEWAYS[1])
            if "tentative" not in said and next(tries, None) is not None:  # not within the kernel's second
                self.host.namespace.ip("address", "del", ours, "dev", "eth0")
                self.host.namespace.ip("address", "add", ours, "dev", "eth0")
            return "dadfailed" in said
        wait_until(failed, 10, "the kernel says dadfailed")
        self.assertEqual(self.probe(GATEWAYS[0]), self.mac())
        for address in GATEWAYS:  # who only asks takes nothing away
            self.assertEqual(self.state(address), "preferred")

    def test_the_host_may_have_others(self):
        """The negative half: what nobody has is left to the host."""
        self.host.set("net.ipv6.conf.all.accept_dad=1")
        self.host.set("net.ipv6.conf.eth0.accept_dad=1")
        self.host.namespace.ip("address", "add", PLANS[1][2] + "/64", "dev", "eth0")
        self.addCleanup(self.host.namespace.ip, "address", "del", PLANS[1][2] + "/64", "dev", "eth0")
        wait_until(lambda: "tentative" not in self.host.namespace.ip("address", "show", "dev", "eth0"),
                   10, "the kernel is done")
        self.assertNotIn("dadfailed", self.host.namespace.ip("address", "show", "dev", "eth0"))
        self.assertIsNone(self.probe(PLANS[0][2], 0.5))

    def probe(self, address, seconds=5):
        """What `arping -D` does (RFC 5227 2.1.1): the MAC that answers, or None."""
        capture, sender = self.host.capture(), Sender(self.host.namespace, "eth0")
        self.addCleanup(capture.close)
        self.addCleanup(sender.close)
        source = "02:00:00:00:0f:0f"
        sender.send([bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src=source) /
                           ARP(op=1, hwsrc=source, psrc="0.0.0.0", pdst=address))])
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for frame in capture.collect(1, end - time.monotonic()):
                if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\2" and \
                        frame[28:32] == packed(address) and frame[32:38] == b"\x02\0\0\0\x0f\x0f":
                    return frame[22:28].hex(":")
        return None

    def test_a_link_that_comes_up(self):
        """May have been another machine's: announced at once, and again once nobody has answered."""
        watched = [self.watch(address) for address in GATEWAYS]
        self.host.namespace.ip("link", "set", "eth0", "down")
        self.node.wait_links("down")
        for seen in watched:
            seen.look()
            seen.heard.clear()
        self.host.configure(["2001:db8:1::2/64"], GATEWAYS)
        for address, seen, probes in zip(GATEWAYS, watched, (3, 1)):
            wait_until(seen.look, 10, f"{address} is heard of")
            self.assertEqual(seen.heard[0], "announcement")
            end = ["probe"] * probes + ["announcement"]
            wait_until(lambda s=seen, e=end: s.look()[-len(e):] == e, 15, f"{address} once more")
            # a link may come up in two steps, and go between the probes
            self.assertEqual(seen.heard[-len(end) - 1], "announcement")
        self.settled()


for_each_driver(globals(), DuplicateAddresses)

if __name__ == "__main__":
    unittest.main(verbosity=2)
