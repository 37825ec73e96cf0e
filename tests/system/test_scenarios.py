#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The traffic of pktgen-scripts/packets, replayed from its files by tcpreplay."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from shunt_test import LabTest, for_each_driver
import generate
import scenarios

COUNT = 1000  # few enough for the policers of what is punted


class Replay(LabTest):
    """What the description beside a pcap says is what happens."""

    def replay(self, path):
        """Send a file from h0, as the demo does."""
        subprocess.run(self.lab.source.command("tcpreplay", "--pps=10000", "-q", "-i", "h0",
                                               str(path)), check=True, capture_output=True, timeout=60)

    def scenario(self, name):
        """Configure, replay, compare, and remove the routes again."""
        with tempfile.TemporaryDirectory() as place:
            made = generate.write(name, COUNT, 5, place)
            traffic = scenarios.make(name, COUNT, 5)
            self.lab.batch(made["commands"], atomic=True)
            self.check(lambda: self.replay(Path(place) / f"{name}.pcap"), traffic.expected,
                       count=made["sent"], drops=made["drops"], punts=made["punts"])
        self.lab.batch([f"mpls del {line.split()[2]}" for line in made["commands"]], atomic=True)
        self.assertEqual(self.lab.json("mpls show"), [])

    def test_mpls_swap(self):
        self.scenario("mpls-swap")

    def test_mpls_swap_3_labels(self):
        self.scenario("mpls-swap-3-labels")

    def test_mpls_pop(self):
        self.scenario("mpls-pop")

    def test_mpls_push_2(self):
        self.scenario("mpls-push-2")

    def test_mixed_bad(self):
        self.scenario("mixed-bad")

    def test_a_wrong_frame_is_noticed(self):
        """The comparison itself: one bit of one expected frame, a frame too few, a count too many."""
        traffic = scenarios.make("mpls-swap", 10, 5)
        self.lab.batch(traffic.commands)
        bit = bytearray(traffic.expected[3])
        bit[-1] ^= 1
        for expected, drops in (
                (traffic.expected[:3] + [bytes(bit)] + traffic.expected[4:], None),
                (traffic.expected[:-1], None), (traffic.expected, {"mpls_truncated": 1})):
            with self.assertRaises(AssertionError):
                self.check(traffic.sent, expected, drops=drops)
        self.check(traffic.sent, traffic.expected)
        self.lab.batch([f"mpls del {line.split()[2]}" for line in traffic.commands])


for_each_driver(globals(), Replay)

if __name__ == "__main__":
    unittest.main(verbosity=2)
