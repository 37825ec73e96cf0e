#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""10,000 joins and leaves a second at one port while a stream goes to another: nothing of it is lost, each of them is
handled, and who joins in the middle of it has the first packet soon. bench-multicast-churn measures the same."""

import unittest

from multicast_churn import STREAM, Churn

RATE = 10000
TRIES = 4  # a machine that is busy loses frames on its veth pairs, and is late: but not always


class MulticastChurn(unittest.TestCase):
    """The stream's port never changes its membership."""

    def churn(self, **options):
        """The bridge, with hosts."""
        churn = Churn(**options)
        self.addCleanup(churn.close)
        return churn

    def check(self, churn, result):
        """What holds whatever happens at other ports, and whatever the machine lost before or behind shunt."""
        self.assertEqual((result["dropped"], result["twice"]), ({}, 0))
        self.assertEqual(churn.node.new_trouble(), [])
        groups = {row["group"] for row in churn.node.json("bridge groups show")}
        self.assertFalse(groups & set(churn.names), "the last thing that was said of each was a leave")

    def test_each_is_handled(self):
        """Each join puts an entry into the tables, each leave takes it out (fast leave)."""
        churn, failed = self.churn(), []
        for _ in range(TRIES):
            result = churn.run(RATE, 3)
            times = result.pop("times")
            self.check(churn, result)
            median = times[len(times) // 2] if len(times) > 10 else 1
            good = result["lost"] == 0 and result["rate"] > RATE * 0.9 and median < 0.010 and \
                min(result["joins"], result["leaves"]) > result["asked"] / 2 * 0.98
            if good:
                return
            failed.append((result, f"median {median * 1000:.1f} ms of {len(times)}"))
        self.fail(f"{TRIES} times: {failed}")

    def test_flood(self):
        """More than the policer lets through (2,000 a second here): the rest is dropped and counted, the stream
        goes on, and neighbours are still found."""
        churn = self.churn(options=("--punt-rate", "100"))
        replay = churn.replay(RATE, 2)
        churn.agents[0].do(f"send {STREAM} 2000 1000")
        self.assertGreater(churn.hosts[3].ping("10.0.0.1", count=3).received, 0)
        asked = churn.replayed(replay, RATE)[0]
        got = churn.agents[1].until(STREAM, 1999)
        self.assertEqual(got, list(range(2000)))
        policed = churn.node.drops().get(("p2", "punt_policed"), 0)
        handled = sum(churn.handled())
        self.assertGreater(policed, asked / 2)
        self.assertLess(handled, asked / 2)
        self.assertGreater(handled, 1000)
        self.assertEqual(churn.node.new_trouble(), [])


if __name__ == "__main__":
    unittest.main()
