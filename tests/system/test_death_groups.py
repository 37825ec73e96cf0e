#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane may die at any instant of changes to equal-cost groups: nothing is lost, and every
frame leaves by a member of its route with that member's label."""

import os
import random
import subprocess
import time
import unittest

from frames import numbered, stack, udp4
from shunt_test import LabTest, for_each_driver, wait_until
from test_death import Stream, next_duration

MEMBERS = 8           # neighbours behind p1
FLOWS = 16            # of each route
KEPT = range(1000, 1020)      # routes that nobody touches
EQUAL = range(2000, 2020)     # replaced by the same members in another order, again and again
CHURNED = range(3000, 4000)   # replaced by other members, weights and labels
USED = [*KEPT, *EQUAL, *CHURNED[:20]]  # what the traffic goes over
ROUNDS = 10           # times that a batch replaces each churned route
KILLS = 50


def member_mac(member):
    """The MAC of a neighbour behind p1."""
    return f"02:00:00:00:0a:{member:02x}"


def common(label):
    """The out label of a route whose members all have the same."""
    return label + 10000


def own(member):
    """A member's label on routes where each has its own."""
    return 800 + member


def steady(label):
    """The members (member, out label, weight) of a route that does not change."""
    return [((label + i) % MEMBERS, common(label) if label % 2 else own((label + i) % MEMBERS), 1 + i % 2)
            for i in range(3)]


def rotated(paths, rng):
    """The same set in another order."""
    at = rng.randrange(len(paths))
    return paths[at:] + paths[:at]


def changed(label, rng):
    """Other members and weights; a label for all or one for each."""
    alike = rng.random() < 0.5
    return [(member, common(label) if alike else own(member), rng.randint(1, 4))
            for member in rng.sample(range(MEMBERS), rng.randint(2, 6))]


def command(verb, label, paths):
    """The line for shuntctl."""
    return f"mpls {verb} {label} " + " ".join(
        f"swap {out} via 10.0.1.{10 + member} weight {weight}" for member, out, weight in paths)


class GroupStream(Stream):
    """Flows over groups. Those of routes that keep their members keep theirs."""

    def __init__(self, test):
        self.member_of = {}
        self.moved = []
        super().__init__(test)

    def route(self, number):
        """-> label and flow of a frame."""
        return USED[number % len(USED)], number // len(USED) % FLOWS

    def sent(self, number):
        label, flow = self.route(number)
        return self.test.arriving(stack((label, 64, number % 8)) + udp4(numbered(number), sport=flow))

    def right(self, number, frame):
        label, flow = self.route(number)
        member = frame[5]
        if member >= MEMBERS:
            return False
        outs = [own(member), common(label)]
        if label not in CHURNED:
            outs = [out for of, out, _ in steady(label) if of == member]
            if self.member_of.setdefault((label, flow), member) != member:
                self.moved.append((label, flow, member))
        return frame in [self.test.leaving(stack((out, 63, number % 8)) +
                                           udp4(numbered(number), sport=flow), dst=member_mac(member))
                         for out in outs]


class GroupDeath(LabTest):
    """kill -9 in the middle of `mpls replace` of groups."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rng = random.Random(os.environ.get("SHUNT_SEED", "1"))
        cls.lab.batch([f"neigh add 10.0.1.{10 + i} lladdr {member_mac(i)} dev p1"
                       for i in range(MEMBERS)])
        cls.lab.batch([command("add", label, steady(label)) for label in (*KEPT, *EQUAL)])
        cls.state = {label: changed(label, cls.rng) for label in CHURNED}
        cls.lab.batch([command("add", label, paths) for label, paths in cls.state.items()])

    def batch(self):
        """-> the lines, and each churned route's values in order."""
        lines, history = [], {label: [] for label in CHURNED}
        for _ in range(ROUNDS):
            for i, label in enumerate(CHURNED):
                history[label].append(changed(label, self.rng))
                lines.append(command("replace", label, history[label][-1]))
                if i % 10 == 0:
                    equal = self.rng.choice(EQUAL)
                    lines.append(command("replace", equal, rotated(steady(equal), self.rng)))
        return lines, history

    def routes(self):
        """Label to members, as `mpls show` has them."""
        return {row["label"]: [(int(path["via"].rpartition(".")[2]) - 10, path["labels"][0],
                                path["weight"]) for path in row["nexthops"]]
                for row in self.lab.json("mpls show")}

    def check_routes(self, history, atomic):
        """Each churned route is at some step of the batch, an atomic batch at its beginning or end; the
        others have their members."""
        found = self.routes()
        self.assertEqual(set(found), {*KEPT, *EQUAL, *CHURNED})
        for label in KEPT:
            self.assertEqual(found[label], steady(label))
        for label in EQUAL:
            self.assertEqual(sorted(found[label]), sorted(steady(label)))
        churned = {label: found[label] for label in CHURNED}
        if atomic:
            after = {label: steps[-1] for label, steps in history.items()}
            self.assertIn(churned, (self.state, after), "an atomic batch is all or nothing")
        for label in CHURNED:
            self.assertIn(churned[label], [self.state[label], *history[label]], f"label {label}")
        type(self).state = churned

    def run_batch(self, lines, atomic):
        """Start it in the background."""
        options = ["--atomic"] if atomic else []
        path = self.lab.run_dir / "batch"
        path.write_text("\n".join(lines) + "\n")
        with open(path, "rb") as text:
            return subprocess.Popen([*self.lab.ctl_words(), *options, "-b", "-"], stdin=text,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_kill_the_control_plane_while_groups_change(self):
        stream = GroupStream(self)
        self.addCleanup(stream.abandon)
        lines, history = self.batch()
        start = time.monotonic()
        self.assertEqual(self.run_batch(lines, False).wait(60), 0)
        duration = time.monotonic() - start
        self.check_routes(history, False)
        kills, cut = int(os.environ.get("SHUNT_KILLS", KILLS)), 0
        for kill in range(kills):
            lines, history = self.batch()
            atomic = kill % 2 == 0
            batch = self.run_batch(lines, atomic)
            time.sleep(self.rng.uniform(0, duration * 1.1))  # the random moment is the point
            self.lab.kill("controlplane")
            was_cut = batch.wait(30) != 0
            cut += was_cut
            duration = next_duration(duration, was_cut)
            stream.look()
            self.lab.start_controlplane()
            self.check_routes(history, atomic)
            stream.look()
        wait_until(lambda: stream.look() or len(stream.seen) > kills * 100, 30, "traffic flows")
        sent, lost, wrong = stream.stop()
        print(f"control plane killed {kills} times, {cut} batches of {len(lines)} group changes cut "
              f"({self.driver}): sent {sent}, lost {lost}, misforwarded {wrong}, moved {len(stream.moved)}, "
              f"waited for {stream.longest:.2f} s")
        self.assertEqual((lost, wrong), (0, 0), f"of {sent}")
        self.assertEqual([move for move in stream.moved if move[0] in KEPT], [],
                         "a flow of a route that nobody touched changed its member")
        self.assertEqual(len(stream.member_of), (len(KEPT) + len(EQUAL)) * FLOWS)
        self.assertGreater(cut, kills // 5, "too few batches were cut for this to show anything")


for_each_driver(globals(), GroupDeath)

if __name__ == "__main__":
    unittest.main(verbosity=2)
