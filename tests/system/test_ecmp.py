#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Equal-cost routes share the flows by weight: 10,000 of them within 5 %, whatever this instance's seed."""

import collections
import random
import unittest

from frames import ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS, numbered, stack, udp4, udp6
from shunt_test import LabTest, for_each_driver

FLOWS = 10000
PORTION = 200  # sent at once: a veth with XDP holds 256 (VETH_RING_SIZE), however busy the machine is
TOLERANCE = 0.05
WEIGHTS = ((1, 1), (1, 1, 1, 1), (1, 2, 1))
PUSHED = 300


def gateway(family, member):
    """Address of a member."""
    return f"10.0.1.{10 + member}" if family == 4 else f"2001:db8:2::{10 + member}"


def random4(rng):
    """A packet of a flow of its own to 10.2/16."""
    return udp4(numbered(1), src=f"10.64.{rng.randrange(256)}.{rng.randrange(256)}",
                dst=f"10.2.{rng.randrange(256)}.{rng.randrange(256)}", sport=rng.randrange(1024, 65536),
                dport=rng.randrange(1024, 65536))


def random6(rng):
    """To 2001:db8:1::/48."""
    return udp6(numbered(1), src=rng.getrandbits(64), dst=rng.getrandbits(64),
                sport=rng.randrange(1024, 65536), dport=rng.randrange(1024, 65536))


class Spread(LabTest):
    """Members are neighbours behind one port, told apart by their MAC."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flows = {}
        cls.lab.ctl("address add 2001:db8:2::1/64 dev p1")
        for member in range(max(map(len, WEIGHTS))):
            for family in (4, 6):
                cls.lab.ctl(f"neigh add {gateway(family, member)} lladdr 02:00:00:00:0a:{member:02x} dev p1")

    def spread(self, bodies, ethertype):
        """Send these; how many left by each member."""
        self.lab.captures[1].drain()
        got = []
        for start in range(0, len(bodies), PORTION):
            portion = bodies[start:start + PORTION]
            self.lab.sender.send([self.arriving(body, ethertype=ethertype) for body in portion])
            got += self.lab.captures[1].collect(len(portion), 10)
        self.assertEqual(len(got), len(bodies))
        return collections.Counter(frame[5] for frame in got)

    @staticmethod
    def worst(used, weights):
        """The largest difference from a member's share, as a part of that share."""
        total = sum(used.values())
        return max(abs(used[member] / (total * weight / sum(weights)) - 1)
                   for member, weight in enumerate(weights))

    def check_shares(self, make, weights, ethertype, prefix=b""):
        """10,000 random flows are within the tolerance. Of four equal members one in seventy such draws is
        not, with the best hash that there can be (a share's deviation is 1.7 %): then 30,000 more decide."""
        if make not in self.flows:
            self.flows[make] = [make(random) for _ in range(FLOWS)]
        used = self.spread([prefix + flow for flow in self.flows[make]], ethertype)
        if self.worst(used, weights) > TOLERANCE:
            used = sum((self.spread([prefix + make(random) for _ in range(FLOWS)], ethertype)
                        for _ in range(3)), collections.Counter())
        self.assertLessEqual(self.worst(used, weights), TOLERANCE, f"{weights}: {used}")
        self.assertEqual(set(used), set(range(len(weights))))

    def paths(self, family, weights, words):
        """Of a route."""
        return " ".join(f"{words} via {gateway(family, member)} weight {weight}" if words.startswith("swap")
                        else f"via {gateway(family, member)} {words} weight {weight}"
                        for member, weight in enumerate(weights))

    def routed(self, words):
        """Every set of weights, both families."""
        for weights in WEIGHTS:
            self.lab.ctl(f"route replace 10.2.0.0/16 {self.paths(4, weights, words)}")
            self.check_shares(random4, weights, ETHERTYPE_IPV4)
            self.lab.ctl(f"route replace 2001:db8:1::/48 {self.paths(6, weights, words)}")
            self.check_shares(random6, weights, ETHERTYPE_IPV6)

    def test_routes(self):
        self.routed("")

    def test_routes_into_labels(self):
        self.routed(f"push {PUSHED}")

    def test_labels(self):
        label = self.label()
        for weights in WEIGHTS:
            self.lab.ctl(f"mpls replace {label} {self.paths(4, weights, f'swap {PUSHED}')}")
            for make in (random4, random6):
                self.check_shares(make, weights, ETHERTYPE_MPLS, stack(label))


for_each_driver(globals(), Spread)

if __name__ == "__main__":
    unittest.main(verbosity=2)
