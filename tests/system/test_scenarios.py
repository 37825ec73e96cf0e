#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The traffic of pktgen-scripts/packets, replayed from its files by tcpreplay: every scenario, one of each
kind with both drivers."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from shunt_test import Lab, LabTest, for_each_driver, wait_until
import generate
import scenarios

COUNT = 500  # few enough for the policers of what is punted
SEED = 5
JOIN_RATE = 500  # a second: IGMP is policed
EACH_DRIVER = ("mpls-swap", "mpls-push-2", "mixed-bad", "gre-decapsulate", "gre-encapsulate", "mixed", "bridge",
               "multicast")
NOTHING = '{"shunt_config": 1}'


class Scenarios(LabTest):
    """Both processes without a configuration; each scenario brings its own, ports included."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(cls.ports, cls.driver)
        cls.addClassCleanup(cls.lab.close)
        cls.lab.start_dataplane()
        cls.lab.start_controlplane()
        cls.empty = cls.lab.run_dir / "nothing.json"
        cls.empty.write_text(NOTHING)

    traffic = None

    def compare(self, got, expected, ordered=True):
        """Without what may be anything."""
        def blank(frames):
            return [self.traffic.comparable(frame) for frame in frames] if self.traffic else frames
        super().compare(blank(got), blank(expected), ordered)

    def replay(self, path, namespace, interface, rate=2000):
        """Send a file."""
        subprocess.run(namespace.command("tcpreplay", f"--pps={rate}", "-q", "-i", interface, str(path)),
                       check=True, capture_output=True, timeout=60)

    def configure(self, made):
        """The scenario's set-up and commands, and nothing else."""
        self.lab.ctl(f"config apply {self.empty}")
        self.lab.batch(made["setup"])
        self.lab.wait_links("up", self.lab.ports[:made["receivers"] + 1])
        self.lab.batch(made["commands"], atomic=True)

    def ask(self, made, path):
        """A querier is there, nothing is flooded any more, every receiver says what it wants, and the
        bridge knows."""
        self.replay(path.with_suffix("").with_suffix(".queries.pcap"), self.lab.source, "h0")

        def dropped():
            self.lab.sender.send(self.traffic.sent[:1])
            return self.lab.drops().get(("p0", "bridge_unregistered"))
        wait_until(dropped, what="nothing is flooded any more", timeout=30, interval=0.1)
        groups = len(scenarios.make(made["scenario"], 0, SEED).joins)
        for i in range(made["receivers"]):
            self.replay(path, self.lab.target, f"h{i + 1}", JOIN_RATE)
        wait_until(lambda: len(self.lab.json("bridge groups show")) == groups * made["receivers"],
                   30, f"{groups} groups at each receiver")

    def scenario(self, name):
        """Configure, replay, compare. What the description beside a pcap says is what happens."""
        with tempfile.TemporaryDirectory() as place:
            made = generate.write(name, COUNT, SEED, place, self.driver)
            self.traffic = traffic = scenarios.make(name, COUNT, SEED)
            self.configure(made)
            joins = Path(place) / f"{name}.joins.pcap"
            if joins.exists():
                self.ask(made, joins)
            others = self.lab.captures[2:made["receivers"] + 1]
            for capture in others:
                capture.drain()
            held, self.lab.captures = self.lab.captures, self.lab.captures[:2]
            try:
                self.check(lambda: self.replay(Path(place) / f"{name}.pcap", self.lab.source, "h0"),
                           traffic.expected, count=made["sent"], drops=made["drops"],
                           punts=made["punts"], ordered=traffic.ordered)
            finally:
                self.lab.captures = held
            for capture in others:
                self.compare(capture.collect(len(traffic.expected), 20), traffic.expected)


class Replay(Scenarios):
    """One of each kind, both drivers."""

    def test_a_wrong_frame_is_noticed(self):
        """The comparison itself: one bit of one expected frame, a frame too few, a count too many."""
        traffic = scenarios.make("mpls-swap", 10, SEED)
        with tempfile.TemporaryDirectory() as place:
            self.configure(generate.write("mpls-swap", 10, SEED, place, self.driver))
        bit = bytearray(traffic.expected[3])
        bit[-1] ^= 1
        for expected, drops in (
                (traffic.expected[:3] + [bytes(bit)] + traffic.expected[4:], None),
                (traffic.expected[:-1], None), (traffic.expected, {"mpls_truncated": 1})):
            with self.assertRaises(AssertionError):
                self.check(traffic.sent, expected, drops=drops)
        self.check(traffic.sent, traffic.expected)


class Others(Scenarios):
    """All others with one receiver."""


class Fanout(Scenarios):
    """Up to sixteen receivers."""

    ports = 17


def add_cases():
    """A test of each scenario, in the class that has its ports."""
    for name in scenarios.SCENARIOS:
        cls = Replay if name in EACH_DRIVER else \
            Fanout if scenarios.make(name, 0, SEED).receivers > 1 else Others

        def test(self, name=name):
            self.scenario(name)
        test.__doc__ = scenarios.description(name)
        setattr(cls, "test_" + name.replace("-", "_"), test)


add_cases()
for_each_driver(globals(), Replay)
del Scenarios

if __name__ == "__main__":
    unittest.main(verbosity=2)
