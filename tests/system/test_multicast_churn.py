#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""10,000 joins and leaves a second at one port while a stream goes to another: nothing of it is lost, each of them is
handled, and who joins in the middle of it has the first packet soon. bench-multicast-churn measures the same."""

import unittest

from multicast_churn import STREAM, Churn

RATE = 10000
SLOWER = (1, 1, 2, 2, 4, 4)  # a machine that is busy loses frames on its veth pairs, and is late: less, at a lower rate
TRIES = 4


class MulticastChurn(unittest.TestCase):
    """The stream's port never changes its membership."""

    def churn(self, **options):
        """The bridge, with hosts."""
        churn = Churn(**options)
        self.addCleanup(churn.close)
        return churn

    @staticmethod
    def left(churn):
        """Groups that are there although the last thing that was said of each was a leave, which the machine may
        have lost before shunt."""
        return {row["group"] for row in churn.node.json("bridge groups show")} & set(churn.names)

    def test_each_is_handled(self):
        """Each join puts an entry into the tables, each leave takes it out (fast leave)."""
        churn, failed = self.churn(), []
        for slower in SLOWER:
            rate = RATE // slower
            result = churn.run(rate, 3)
            times = result.pop("times")
            self.assertEqual((result["twice"], churn.node.new_trouble()), (0, []))
            median = times[len(times) // 2] if len(times) > 10 else 1
            left = self.left(churn)
            good = not left and result["lost"] == 0 and result["dropped"] == {} and result["rate"] > rate * 0.9 and \
                median < 0.010 and min(result["joins"], result["leaves"]) > result["asked"] / 2 * 0.98
            if good:
                print(f"{rate} a second")
                return
            failed.append((result, f"{len(left)} groups left, median {median * 1000:.1f} ms of {len(times)}"))
        self.fail(f"{len(SLOWER)} times: {failed}")

    def test_flood(self):
        """More than the policer lets through (2,000 a second here): the rest is dropped and counted, the stream
        goes on, and neighbours are still found."""
        churn, failed = self.churn(options=("--punt-rate", "100")), []
        for _ in range(TRIES):
            policed, handled = self.policed(churn), sum(churn.handled())
            replay = churn.replay(RATE, 2)
            churn.agents[0].do(f"send {STREAM} 2000 1000")
            answers = churn.hosts[3].ping("10.0.0.1", count=3).received
            asked, took = churn.replayed(replay, RATE)
            lost = 2000 - len(churn.agents[1].until(STREAM, 1999))
            policed, handled = self.policed(churn) - policed, sum(churn.handled()) - handled
            self.assertEqual(churn.node.new_trouble(), [])
            self.assertLessEqual(handled, 2000 * took * 1.2 + 1000, f"of {asked} in {took} s")
            if lost == 0 and answers > 0 and handled > 1000 and policed > asked / 2:
                return
            failed.append({"lost": lost, "answers": answers, "handled": handled, "policed": policed, "of": asked})
        self.fail(f"{TRIES} times: {failed}")

    @staticmethod
    def policed(churn):
        """What the policer dropped at the port that joins and leaves."""
        return churn.node.drops().get(("p2", "punt_policed"), 0)


if __name__ == "__main__":
    unittest.main()
