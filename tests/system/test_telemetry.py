#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What DPDK's own dpdk-telemetry.py shows of a data plane that was started with --telemetry."""

import json
import subprocess
import unittest

from shunt_test import LabTest
from frames import numbered, stack, udp4


class Telemetry(LabTest):
    """Ten packets forwarded, three dropped, then the same numbers as shuntctl has."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = cls.lab.instance
        cls.lab.stop("dataplane")
        cls.lab.start_dataplane(eal=["--file-prefix", cls.prefix, "--telemetry"])
        cls.lab.wait_links("up")
        cls.lab.ctl("mpls add 100 swap 200 via 10.0.1.2")

    def ask(self, *questions):
        """The answers of dpdk-telemetry.py, in the order of the questions."""
        done = subprocess.run(["dpdk-telemetry.py", "-f", self.prefix], text=True, timeout=30,
                              input="".join(f"{question}\n" for question in questions),
                              capture_output=True, check=True)
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.assertEqual(len(answers), len(questions), done)
        return [answer[question.split(",")[0]] for answer, question in zip(answers, questions)]

    def test_the_same_numbers(self):
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(100) + inner)] * 10 +
                   [self.arriving(stack(999) + inner)] * 3,
                   [self.leaving(stack((200, 63)) + inner)] * 10, drops={"mpls_unknown_label": 3})
        p0, drops, all_drops, names = self.ask("/shunt/counters,p0", "/shunt/drops,p0",
                                               "/shunt/drops", "/shunt/interfaces")
        counters = self.lab.counters()["p0"]
        for key in ("rx_packets", "rx_bytes", "forwarded", "punted", "consumed", "dropped"):
            self.assertEqual(p0[key], counters[key], key)
        self.assertGreaterEqual(p0["rx_packets"], 13)
        self.assertEqual({reason: n for reason, n in drops.items() if n}, counters["drops"])
        self.assertEqual(all_drops["mpls_unknown_label"], 3)
        self.assertEqual(names, ["p0", "p1"])

    def test_ports_and_workers(self):
        ports, p1, workers, worker, version = self.ask(
            "/shunt/ports", "/shunt/ports,p1", "/shunt/workers", "/shunt/workers,0",
            "/shunt/version")
        row = {row["name"]: row for row in self.lab.json("port show")}["p1"]
        self.assertEqual(ports, ["p0", "p1"])
        self.assertEqual((p1["condition"], p1["link"], p1["mtu"], p1["rx_queues"]),
                         ("running", "up", row["mtu"], row["rx_queues"]))
        self.assertEqual(workers, [0])
        self.assertEqual((worker["lcore"], worker["state"] in ("online", "offline")), (0, True))
        self.assertGreater(worker["turns"], 0)
        self.assertEqual(version["version"], self.lab.json("show version")["dataplane"])

    def test_questions_about_nothing(self):
        for question in ("/shunt/counters,nowhere", "/shunt/counters", "/shunt/workers,7",
                         "/shunt/workers,-1", "/shunt/ports,p9", "/shunt/interfaces,x"):
            self.assertIsNone(self.ask(question)[0], question)
        punts, stages = self.ask("/shunt/punts", "/shunt/stages")
        self.assertIn("igmp", punts)
        self.assertEqual({key.rpartition("_")[2] for key in stages}, {"calls", "packets", "cycles"})
        self.assertTrue({"mpls_packets", "transmit_cycles"} <= set(stages), stages)

    def test_help(self):
        listed = self.ask("/")[0]
        for command in ("counters", "drops", "interfaces", "ports", "punts", "stages", "version", "workers"):
            self.assertIn(f"/shunt/{command}", listed)

    def test_more_interfaces_than_an_answer_holds(self):
        name = "a-name-as-long-as-they-may-b{:03}"
        self.lab.batch(f"loopback add {name.format(i)}" for i in range(600))
        try:
            first, others = self.ask("/shunt/interfaces", "/shunt/interfaces,400")
            self.assertEqual(len(first), 400)
            self.assertEqual({name.format(i) for i in range(600)} - set(first) - set(others), set())
        finally:
            self.lab.batch(f"loopback del {name.format(i)}" for i in range(600))


if __name__ == "__main__":
    unittest.main(verbosity=2)
