#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either plane may die at any instant while a bridge is flooded with source addresses that it never saw:
what it knows goes on being switched, what is new is learned again, and nothing is learned wrongly."""

import math
import os
import random
import time
import unittest

from frames import ethernet, mac, numbered, sequence_of
from shunt_test import Lab, LabTest, for_each_driver, wait_until
from test_death import Stream, Traffic
from wire import Sender

PORTS = 4             # p0, p1: the stream's; p2, p3: the floods', p3 with a limit
LIMIT = 200           # addresses of p3
AGEING = 15           # seconds: so that entries go while others come
ETHERTYPE = 0x88B5    # local experimental (IEEE 802)
LEARNED, STATIC = "02:00:00:00:0b:01", "02:00:00:00:0b:02"  # behind p1: where the stream goes
FLOODED = {2: "02:00:00:00:0b:03", 3: "02:00:00:00:0b:04"}  # behind p2 and p3
CONTROL_KILLS = 12
DATA_KILLS = 2


def new_mac(port, number):
    """An address of its own for each frame of a flood."""
    return f"06:{port:02x}:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:" \
           f"{number >> 8 & 255:02x}:{number & 255:02x}"


def mover_mac(number):
    """An address that moves from p2 to p1."""
    return f"0a:00:00:00:{number >> 8:02x}:{number & 255:02x}"


class BridgeLab(Lab):
    """All ports in one bridge, whose static addresses are those that the traffic goes to, but LEARNED."""

    def start(self, mpls_in=()):
        self.start_dataplane()
        self.start_controlplane()
        self.ctl(f"bridge add br0 ageing {AGEING}s")
        for i, port in enumerate(self.ports):
            self.ctl(f"port add {port} devargs {self.driver}{i},iface={port}{self.devargs} bridge br0"
                     f"{f' learning-limit {LIMIT}' if i == 3 else ''}")
        self.wait_links("up")
        for address, port in ((STATIC, "p1"), (FLOODED[2], "p2"), (FLOODED[3], "p3")):
            self.ctl(f"bridge fdb add {address} dev {port}")
        return self

    def fdb(self):
        """Address to port, of what was learned."""
        return {row["mac"]: row["dev"] for row in self.json("bridge fdb show")
                if row["origin"] == "learned"}


class Flood(Traffic):
    """Frames into a port, each from another address, to an address behind the other flooded port."""

    rate = 1000

    def __init__(self, lab, port):
        self.port = port
        super().__init__(Sender(lab.host(port), f"h{port}"))

    def sent(self, number):
        return ethernet(FLOODED[5 - self.port], new_mac(self.port, number), ETHERTYPE, bytes(46))


class Refresh(Traffic):
    """The learned address goes on talking."""

    GROUP, rate = 1, 20

    def sent(self, number):
        time.sleep(1 / self.rate)
        return ethernet(FLOODED[3], LEARNED, ETHERTYPE, bytes(46))


class BridgeStream(Stream):
    """Numbered frames by p0 to a learned and a static address behind p1."""

    rate = 1000

    def __init__(self, test):
        self.elsewhere = []
        super().__init__(test)

    def sent(self, number):
        return ethernet((LEARNED, STATIC)[number % 2], self.lab.host_mac(0), ETHERTYPE,
                        numbered(number, 46))

    expected = sent

    def look(self):
        """Also at the ports where none shall be."""
        super().look()
        for i in (0, 2, 3):
            self.elsewhere += [frame for frame in self.lab.captures[i].drain()
                               if sequence_of(frame) is not None]


class LossyStream(BridgeStream):
    """As many as there are: what the data plane's death takes with it is not waited for."""

    WINDOW = math.inf


class DeathWhileLearning(LabTest):
    """kill -9 of either plane in the middle of a flood of addresses."""

    ports = PORTS
    lab_class = BridgeLab

    def setUp(self):
        super().setUp()
        self.rng = random.Random(os.environ.get("SHUNT_SEED", "1"))
        self.behind = [Sender(self.lab.host(i), f"h{i}") for i in range(PORTS)]
        for sender in self.behind:
            self.addCleanup(sender.close)
        self.movers, self.running, self.most = set(), [], 0
        self.learn(LEARNED, 1)
        self.start(Refresh, self.behind[1])

    def start(self, traffic, *arguments):
        """Ends with the test, also when it failed."""
        made = traffic(*arguments)
        self.addCleanup(made.abandon)
        self.running.append(made)
        return made

    def learn(self, address, port):
        """Say it until it is known at this port: a busy ring may lose what is new."""
        frame = ethernet(FLOODED[3 if port != 3 else 2], address, ETHERTYPE, bytes(46))

        def known():
            self.behind[port].send([frame])
            return self.lab.fdb().get(address) == f"p{port}"
        wait_until(known, 15, f"{address} learned at p{port}", interval=0.1)

    def random_moment(self, most):
        """What happens meanwhile is the point."""
        time.sleep(self.rng.uniform(0, most))

    def check_fdb(self):
        """No address where it never was, no port over its limit, what moved is where it went. -> the
        addresses of the flood of p2."""
        rows = self.lab.json("bridge fdb show")
        found = {row["mac"]: row["dev"] for row in rows if row["origin"] == "learned"}
        for address, port in found.items():
            if address.startswith("06:"):
                self.assertEqual(port, f"p{int(address[3:5], 16)}", address)
        self.assertEqual(found.get(LEARNED), "p1")
        limited = sum(port == "p3" for port in found.values())
        self.assertLessEqual(limited, LIMIT)
        self.most = max(self.most, limited)
        for address in self.movers:  # or forgotten
            self.assertEqual(found.get(address, "p1"), "p1", f"{address} moved there")
        known = {row["mac"]: row["dev"] for row in rows if row["origin"] == "static"}
        self.assertEqual(known, {STATIC: "p1", FLOODED[2]: "p2", FLOODED[3]: "p3"})
        return {address for address in found if address.startswith("06:02:")}

    def round(self, stream, victims, restart):
        """Kill, restart, and see that it learns: an address that moved meanwhile, and those of the flood."""
        mover = mover_mac(len(self.movers))
        self.learn(mover, 2)
        before = self.check_fdb()
        self.random_moment(0.2)
        for name in victims:
            self.lab.kill(name)
        stream.look()
        self.random_moment(0.1)  # the ring runs full, or nobody fills it
        restart()
        stream.look()
        if "dataplane" in victims:  # its links went down: who was behind them is forgotten
            self.learn(LEARNED, 1)
        self.movers.add(mover)
        self.learn(mover, 1)
        newest = max(before, default="")
        wait_until(lambda: max(self.check_fdb(), default="") > newest, 15, "new addresses are learned")
        stream.look()

    def wait_quiet(self):
        """Every packet has ended."""
        wait_until(lambda: all(row["in_flight"] == 0 for row in self.lab.counters().values()), 10,
                   "nothing in flight")

    def test_kill_the_control_plane(self):
        """Nothing that goes to known addresses is lost or goes elsewhere."""
        for port in (2, 3):
            self.start(Flood, self.lab, port)
        stream = self.start(BridgeStream, self)
        kills = int(os.environ.get("SHUNT_KILLS", CONTROL_KILLS))
        for _ in range(kills):
            self.round(stream, ["controlplane"], self.lab.start_controlplane)
        learned = len(self.check_fdb())
        sent, lost, wrong = stream.stop()
        for traffic in self.running:
            if traffic is not stream:
                traffic.end()
        wrong += len(stream.elsewhere)
        print(f"control plane killed {kills} times while two ports learn ({self.driver}): sent "
              f"{sent}, lost {lost}, misforwarded {wrong}, waited for {stream.longest:.2f} s, "
              f"{learned} addresses known")
        self.assertEqual((lost, wrong), (0, 0), f"of {sent}")
        self.assertGreater(sent, kills * 100)
        self.assertEqual(self.most, LIMIT, "the limit was never reached")
        self.wait_quiet()

    def test_kill_the_data_plane(self):
        """What it held is lost with it, and what is behind a port whose link is not up again is flooded;
        afterwards it forwards and tells new addresses as before, also when both die together."""
        for port in (2, 3):
            self.start(Flood, self.lab, port)
        stream = self.start(LossyStream, self)
        for kill in range(DATA_KILLS):
            both = kill % 2 == 1
            self.round(stream, ["dataplane", "controlplane"][:1 + both], lambda: self.restart(both))
            start = len(stream.seen)
            wait_until(lambda: stream.look() or len(stream.seen) > start + 100, 10, "traffic flows")
        for traffic in self.running:
            traffic.end()
        stream.look()
        self.assertEqual(stream.wrong, [])
        self.assertEqual([frame for frame in stream.elsewhere if frame[:6] != mac(LEARNED)], [],
                         "only what is unknown is flooded")
        self.wait_quiet()

    def restart(self, both):
        """Until the ports are there again."""
        self.lab.start_dataplane()
        if both:
            self.lab.start_controlplane()
        self.lab.wait_links("up")


for_each_driver(globals(), DeathWhileLearning)

if __name__ == "__main__":
    unittest.main(verbosity=2)
