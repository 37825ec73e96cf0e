#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A filter in the driver: a flood of what it denies ends there, and nothing else does."""

import collections
import json
import struct
import unittest

import test_xdp
from frames import mac, udp4
from shunt_test import wait_until
from wire import Flood, Sender, run

KERNEL, FAR = test_xdp.KERNEL, test_xdp.FAR
PERMITTED = 5000  # the port that all filters here let pass
DENIED = 9
PORTION = 100  # packets that rings have room for beside a flood's
TRIES = 3      # where a machine that is busy may lose some of them before the program sees them


class Filtered(test_xdp.Steering):
    """Filter f decides about what comes in by p0."""

    def setUp(self):
        super().setUp()
        self.assert_answers(FAR)
        self.sender = Sender(self.near.namespace, "eth0")
        self.addCleanup(self.sender.close)
        self.capture = self.far.capture()
        self.header = mac(self.port()["mac"]) + mac("02:00:00:00:09:99") + b"\x08\x00"

    def bind(self, *rules, default="deny"):
        self.node.batch([f"filter add f default {default}",
                         "filter rule add f 1 permit proto icmp",
                         *(f"filter rule add f {rule}" for rule in rules), "filter bind f in p0"])

    def udp(self, dport, number=0):
        payload = struct.pack("!I", number) + bytes(14)
        return self.header + udp4(payload, "10.0.0.2", FAR, 4000, dport)

    def flood(self, count=64, pause=0.002):
        self.not_sent = self.link_dropped()
        flood = Flood(self.sender, [self.udp(DENIED)] * count, pause)
        self.addCleanup(flood.stop)
        return flood

    def counters(self):
        return next(row for row in self.node.json("show counters") if row["interface"] == "p0")

    def drops(self, reason):
        return self.port()["drops"].get(reason, 0)

    def link_dropped(self):
        """Of the host's end of the link."""
        row, = json.loads(run(*self.near.namespace.command("ip", "-j", "-s", "link", "show", "eth0")))
        return row["stats64"]["tx"]["dropped"]

    def no_ring(self):
        """Frames since the flood began that the link could not hand over: the program never saw them."""
        return self.link_dropped() - self.not_sent

    def no_room(self):
        """Of a flood a few find no room in the socket's ring, until it ends in the driver: the program gave
        them to the socket, and we never had them."""
        row = self.counters()
        return self.port()["xdp_shunt"] + row["xdp_dropped"] - row["rx_packets"]

    def all_counted(self, sent):
        """By the rule that decided, which is the default, here and there, but for what found no room before.
        The host says a few things for itself."""
        def counted():
            by_port = self.drops("filter_in") + self.drops("filter_xdp")
            return self.node.json("filter show f")[0]["packets"], by_port, self.no_room(), self.no_ring()

        def same():
            by_rule, by_port, no_room, no_ring = counted()
            return by_rule == by_port and sent - no_ring <= by_rule + no_room <= sent + 50
        wait_until(same, 5, lambda: f"{sent} sent: by the rule, by the port, no room, not handed over: {counted()}")

    def in_driver(self, wanted="pushed", timeout=30):
        wait_until(lambda: self.port()["xdp_filter"] == wanted, timeout,
                   lambda: f"filter {wanted}, not {self.port()['xdp_filter']}")

    def arrive(self, dport, count):
        """`count` packets at a moderate rate all come out, each portion of them at once or after a second try."""
        for _ in range(0, count, PORTION):
            missed = []
            while (came := self.through([dport] * min(count, PORTION), dport)[dport]) < min(count, PORTION):
                missed.append(came)
                self.assertLess(len(missed), TRIES, f"of {min(count, PORTION)} to port {dport}: {missed}")

    def arrive_not(self, dport, count, permitted):
        """None of these comes out, but a packet that was sent behind them and is permitted does."""
        for _ in range(TRIES):
            came = self.through([dport] * count + [permitted], permitted)
            self.assertEqual(came[dport], 0, f"of {count} to port {dport}")
            if came[permitted]:
                return
        self.fail(f"nothing came to port {permitted}")

    def through(self, ports, last):
        """Send a packet to each of these ports; how many came out to each, when all to port `last` have."""
        came = collections.Counter()

        def all_here():
            came.update(struct.unpack_from("!H", frame, 36)[0] for frame in self.capture.drain()
                        if frame[23:24] == b"\x11")
            return came[last] >= ports.count(last)
        self.capture.drain()
        self.sender.send([self.udp(port, i) for i, port in enumerate(ports)], rate=2000)
        try:
            wait_until(all_here, 2)
        except AssertionError:
            pass  # who asks sees it
        return came


class Native(Filtered):
    """In the driver of veth."""

    def test_a_flood_ends_in_the_driver(self):
        self.bind(f"10 permit proto udp dport {PERMITTED}")
        client = self.connect(KERNEL)
        before = self.counters()
        flood = self.flood()
        self.in_driver()
        self.assertEqual(self.node.json("filter show f")[0]["xdp"], ["p0 pushed"])
        wait_until(lambda: self.counters()["xdp_dropped"] > before["xdp_dropped"] + 2000, 30,
                   "drops in the driver")
        for _ in range(TRIES):  # it leaves the driver when the flood has no processor
            self.in_driver()
            by_workers, by_driver = self.drops("filter_in"), self.drops("filter_xdp")
            self.say(client, "the host's TCP")
            self.takes_tcp(KERNEL)
            self.arrive(PERMITTED, 1000)
            by_workers, by_driver = self.drops("filter_in") - by_workers, self.drops("filter_xdp") - by_driver
            if 10 * by_workers < by_driver:
                break
        self.assertLess(10 * by_workers, by_driver, "the flood ends in the driver")
        self.all_counted(flood.stop())
        row = self.counters()
        self.assertEqual(row["xdp_dropped"], self.drops("filter_xdp"))
        self.assertEqual(row["in_flight"], 0)
        self.assertIn("filter_xdp", [line["reason"] for line in self.node.json("show drops p0")])
        self.in_driver("not pushed: it denies fewer than 2000 packets a second")
        self.node.ctl("filter unbind f in p0")
        self.in_driver("none")
        self.arrive(DENIED, 50)

    def test_replace_in_a_flood(self):
        """What both filters let pass always passes; what the new one does as soon as it is there."""
        self.bind(f"10 permit proto udp dport {PERMITTED} from 10.0.0.0/24",
                  "20 permit proto udp dport 6000 from 10.0.0.2")
        flood = self.flood()
        self.in_driver()
        steady = Flood(Sender(self.near.namespace, "eth0"), [self.udp(PERMITTED)], 0.002)
        self.addCleanup(steady.stop)
        for i in range(20):
            port, other = (7000, 6000) if i % 2 == 0 else (6000, 7000)
            self.node.ctl(f"filter rule replace f 20 permit proto udp dport {port} from 10.0.0.2")
            self.in_driver()
            if i >= 18:
                self.arrive(port, 100)
                self.arrive_not(other, 100, port)
        sent = steady.stop()

        def came():
            return self.node.json("filter rule show f 10")[0]["packets"]
        wait_until(lambda: sent - self.no_room() - self.no_ring() <= came() <= sent, 5,
                   lambda: f"{came()} of {sent} permitted")
        # an address that is taken out of a list passes soon, with the flood going on
        self.node.batch(["filter list add friends 192.0.2.1", "filter rule add f 30 permit from @friends"])
        self.in_driver()
        self.node.ctl("filter list add friends 10.0.0.0/30")
        self.in_driver("not pushed: it denies fewer than 2000 packets a second")
        flood.stop()
        self.assert_answers(FAR)  # what was on its way has come
        self.arrive(DENIED, 50)

    def test_what_cannot_be_there(self):
        """All denied is logged: the workers decide."""
        self.bind("10 deny proto udp dport 9 log", default="permit")
        flood = self.flood(32, 0.01)  # above the 2,000 a second that a filter is pushed for
        self.in_driver("not pushed: it denies nothing but what it logs or polices")
        self.arrive(PERMITTED, 200)
        sent = flood.stop()
        wait_until(lambda: sent - self.no_room() - self.no_ring() <=
                   self.drops("filter_in") <= sent, what="dropped by workers")
        self.assertEqual(self.drops("filter_xdp"), 0)

    def test_the_dataplane_dies_in_a_flood(self):
        self.bind(f"10 permit proto udp dport {PERMITTED}")
        client = self.connect(KERNEL)
        flood = self.flood()
        self.in_driver()
        wait_until(lambda: self.counters()["xdp_dropped"] > 500, 30, "drops in the driver")
        self.node.kill("dataplane")
        self.assertTrue(self.xdp_of("p0"), "nobody took the program off")
        dropped = self.counters()["xdp_dropped"]
        self.say(client, "nobody forwards")
        self.node.start_dataplane()
        self.wait_running()
        self.in_driver()
        wait_until(lambda: self.counters()["xdp_dropped"] > dropped + 500, 30, "counters go on")
        self.arrive(PERMITTED, 200)
        self.say(client, "and again")
        flood.stop()
        self.assertEqual(self.node.stop("dataplane"), 0)
        self.assertFalse(self.xdp_of("p0"), "the program stays after SIGTERM")


class Generic(Filtered):
    """In the kernel's generic hook."""

    port_is_bridge = True

    def test_a_flood_ends_there_too(self):
        self.bind(f"10 permit proto udp dport {PERMITTED}")
        flood = self.flood()
        self.in_driver()
        wait_until(lambda: self.counters()["xdp_dropped"] > 500, 30, "drops in the hook")
        self.arrive(PERMITTED, 500)
        self.all_counted(flood.stop())


if __name__ == "__main__":
    unittest.main()
