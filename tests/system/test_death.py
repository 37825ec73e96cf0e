#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either process may die or stop at any instant: what was forwarded goes on, what was accepted is known."""

import os
import random
import signal
import subprocess
import time
import unittest

from shunt_test import PORTION, RATE, LabTest, Refused, for_each_driver, wait_until
from frames import numbered, sequence_of, stack, udp4
from wire import Capture

KEPT = 100            # routes that don't change, and that the traffic uses
KEPT_FIRST = 1000
CHANGING = 10000      # routes of a batch
CHANGING_FIRST = 100000
KILLS = {"net_af_packet": 50, "net_af_xdp": 20}
TRAFFIC_RATE = 3000   # frames a second
LOST_AFTER = 5        # seconds


class Traffic:
    """Frames that a process of its own sends by `sender`, `rate` a second, until end(): sent(0),
    sent(1) and so on."""

    GROUP = 30
    rate = TRAFFIC_RATE
    longest = 0.0  # seconds that wait() took

    def __init__(self, sender):
        self.sender = sender
        self.stop_read, self.stop_write = os.pipe()
        self.count_read, count_write = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.stop_write)
            self._send(count_write)
        os.close(self.stop_read)
        os.close(count_write)

    def _send(self, count_write):
        """The child: never returns."""
        code = 1
        try:
            os.set_blocking(self.stop_read, False)
            number = 0
            while self._go_on():
                group = [self.sent(number + i) for i in range(self.GROUP)]
                self.sender.send(group, self.rate)
                number += len(group)
                begun = time.monotonic()
                self.wait(number)
                self.longest = max(self.longest, time.monotonic() - begun)
            os.write(count_write, f"{number} {self.longest}".encode())
            code = 0
        finally:
            os._exit(code)

    def wait(self, number):
        """The child: until more than these may be sent."""

    def _go_on(self):
        try:
            os.read(self.stop_read, 1)
            return False
        except BlockingIOError:
            return True

    def end(self):
        """No more. -> how many were sent."""
        os.write(self.stop_write, b".")  # closing says nothing while a later child has it too
        os.close(self.stop_write)
        count, longest = os.read(self.count_read, 64).decode().split() or (-1, 0)
        os.waitpid(self.child, 0)
        os.close(self.count_read)
        self.child, self.longest = None, float(longest)
        return int(count)

    def abandon(self):
        """After a failed test."""
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)


class Stream(Traffic):
    """Numbered frames over the kept routes, of which at most WINDOW are on their way: a worker that has no
    processor for a while loses nothing by that. Another class may send over other routes: sent() and right()
    say what goes in and what may come out."""

    WINDOW = PORTION

    def __init__(self, test):
        self.test = test
        self.lab = test.lab
        self.seen = bytearray()
        self.wrong = []
        self.lab.captures[1].drain()
        self.before = self.lab.counters()
        self.through = 0
        self.out = Capture(self.lab.host(1), "h1")  # the child's
        super().__init__(self.lab.sender)
        self.out.close()

    def wait(self, number):
        """What has not come after LOST_AFTER is lost; look() will say so."""
        end = time.monotonic() + LOST_AFTER
        came = self.out.drain()
        while True:
            self.through += sum(sequence_of(frame) is not None for frame in came)
            if number - self.through <= self.WINDOW:
                return
            if time.monotonic() > end:
                self.through = number
                return
            came = self.out.collect(1, 0.01)

    def sent(self, number):
        """The frame of this number on its way in."""
        return self.test.arriving(stack((KEPT_FIRST + number % KEPT, 64, number % 8)) +
                                  udp4(numbered(number), sport=number & 0xFFFF))

    def expected(self, number):
        """The same on its way out."""
        return self.test.leaving(stack((KEPT_FIRST + 500 + number % KEPT, 63, number % 8)) +
                                 udp4(numbered(number), sport=number & 0xFFFF))

    def right(self, number, frame):
        """Is this how the frame of this number may come out?"""
        return frame == self.expected(number)

    def look(self):
        """Check every frame that came out since."""
        for frame in self.lab.captures[1].drain():
            number = sequence_of(frame)
            if number is None or not self.right(number, frame):
                self.wrong.append(frame)
                continue
            if number >= len(self.seen):
                self.seen.extend(bytes(number + 1 - len(self.seen)))
            if self.seen[number]:
                self.wrong.append(frame)
            self.seen[number] = 1

    def stop(self):
        """End the traffic. -> how many were sent, lost, misforwarded."""
        count = self.end()
        self.lab.settle(self.before, "p0", count)
        end = time.monotonic() + 10
        self.look()
        while sum(self.seen) < count and time.monotonic() < end:
            self.lab.captures[1].collect(0, 0.01)
            self.look()
        return count, count - sum(self.seen), len(self.wrong)


def batch_text(value):
    """The batch that points all changing routes at out labels of this round; 0 deletes them."""
    if value == 0:
        return "".join(f"mpls del {CHANGING_FIRST + i}\n" for i in range(CHANGING))
    return "".join(f"mpls replace {CHANGING_FIRST + i} swap {value * CHANGING + i} via 10.0.1.2\n"
                   for i in range(CHANGING))


def next_duration(duration, was_cut):
    """How long a batch takes, in seconds: less than was thought when a kill came after its end. The first
    one may have been slow."""
    return duration if was_cut else max(0.05, 0.8 * duration)


class Death(LabTest):
    """kill -9 and SIGSTOP of either process."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.batch([f"mpls add {KEPT_FIRST + i} swap {KEPT_FIRST + 500 + i} via 10.0.1.2"
                       for i in range(KEPT)])

    def kept(self, count=500, start=0):
        """Frames over the kept routes, and what comes out."""
        stream_in = [self.arriving(stack(KEPT_FIRST + i % KEPT) + udp4(numbered(start + i)))
                     for i in range(count)]
        out = [self.leaving(stack((KEPT_FIRST + 500 + i % KEPT, 63)) + udp4(numbered(start + i)))
               for i in range(count)]
        return stream_in, out

    def assert_forwards(self):
        """The kept routes forward; judged by what comes out alone."""
        sent, out = self.kept()
        self.lab.captures[1].drain()
        got = []
        for start in range(0, len(sent), PORTION):
            self.lab.sender.send(sent[start:start + PORTION], RATE)
            got += self.lab.captures[1].collect(min(PORTION, len(sent) - start), 10)
        self.compare(got, out)

    def routes(self):
        """Label to out label of the changing routes."""
        return {row["label"]: row["out_labels"][0] for row in self.lab.json("mpls show")
                if row["label"] >= CHANGING_FIRST}

    def restart_controlplane(self):
        self.lab.start_controlplane()

    def round_of_value(self, value):
        return {} if value == 0 else {CHANGING_FIRST + i: value * CHANGING + i
                                      for i in range(CHANGING)}

    def start_batch(self, value, atomic):
        options = ["--atomic"] if atomic else []
        batch = subprocess.Popen([*self.lab.ctl_words(), *options, "-b", "-"],
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, text=True)
        try:
            batch.stdin.write(batch_text(value))
            batch.stdin.close()
        except BrokenPipeError:
            pass
        return batch

    def check_routes(self, old, new, atomic):
        """After a kill in the middle: each route is the old or the new one; of an atomic batch, all
        are the one or the other."""
        found = self.routes()
        before, after = self.round_of_value(old), self.round_of_value(new)
        if atomic:
            self.assertIn(found, (before, after), "an atomic batch is all or nothing")
        for label in range(CHANGING_FIRST, CHANGING_FIRST + CHANGING):
            self.assertIn(found.get(label), (before.get(label), after.get(label)), f"label {label}")
        return found

    def test_kill_the_control_plane_in_the_middle_of_batches(self):
        rng = random.Random(os.environ.get("SHUNT_SEED", "1"))
        stream = Stream(self)
        self.addCleanup(stream.abandon)
        start = time.monotonic()
        self.lab.ctl([], stdin=batch_text(1), options=["-b", "-"])
        duration = time.monotonic() - start
        stream.look()
        value, cut = 1, 0
        kills = int(os.environ.get("SHUNT_KILLS", KILLS[self.driver]))
        for kill in range(kills):
            new, atomic = (0 if value and kill % 5 == 4 else value % 90 + 1), kill % 2 == 0
            batch = self.start_batch(new, atomic)
            time.sleep(rng.uniform(0, duration * 1.2))  # the random moment is the point
            self.lab.kill("controlplane")
            was_cut = batch.wait(30) != 0
            cut += was_cut
            duration = next_duration(duration, was_cut)
            self.restart_controlplane()
            stream.look()
            self.check_routes(value, new, atomic)
            # finish what was begun, so that the next round starts from a known state
            text = batch_text(new)
            if new == 0:
                left = self.routes()
                text = "".join(f"mpls del {label}\n" for label in left)
            self.lab.ctl([], stdin=text, options=["-b", "-"])
            self.assertEqual(self.routes(), self.round_of_value(new))
            value = new
            stream.look()
        sent, lost, wrong = stream.stop()
        print(f"control plane killed {kills} times, {cut} batches of {CHANGING} cut ({self.driver}): "
              f"sent {sent}, lost {lost}, misforwarded {wrong}, waited for {stream.longest:.2f} s")
        self.assertEqual((lost, wrong), (0, 0), f"of {sent}")
        self.assertGreater(sent, kills * 100)
        self.assertGreater(cut, kills // 5, "too few batches were cut for this to show anything")

    def test_stream_loses_nothing_by_itself(self):
        """The yardstick of the test above: the same traffic without any kill."""
        stream = Stream(self)
        self.addCleanup(stream.abandon)
        for value in (2, 3):
            self.lab.ctl([], stdin=batch_text(value), options=["-b", "-"])
            self.routes()
            stream.look()
        wait_until(lambda: stream.look() or len(stream.seen) > 3000, 20, "traffic flows")
        sent, lost, wrong = stream.stop()
        self.assertEqual((lost, wrong), (0, 0), f"of {sent}")

    def test_accepted_commands_are_known_after_a_kill(self):
        labels = [self.label() + 50000 for _ in range(20)]
        for label in labels:
            self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
            if label % 4 == 0:
                self.lab.kill("controlplane")
                self.restart_controlplane()
        self.lab.ctl(f"mpls del {labels[0]}")
        self.lab.kill("controlplane")
        self.restart_controlplane()
        known = {row["label"] for row in self.lab.json("mpls show")}
        self.assertTrue(known.issuperset(labels[1:]))
        self.assertNotIn(labels[0], known)

    def test_client_killed_in_the_middle_of_a_batch(self):
        sent, out = self.kept()
        for _ in range(5):
            batch = self.start_batch(4, True)
            time.sleep(0.02)
            batch.kill()
            batch.wait()
        self.lab.ctl("show version")
        self.check(sent, out)

    def test_data_plane_restarts_while_the_control_plane_is_stopped(self):
        self.assert_forwards()
        self.lab.signal("controlplane", signal.SIGSTOP)
        try:
            for _ in range(3):
                self.lab.kill("dataplane")
                start = time.monotonic()
                self.lab.start_dataplane()
                self.wait_forwarding()
                print(f"data plane restart ({self.driver}): forwards after "
                      f"{time.monotonic() - start:.2f} s")
                self.assert_forwards()
        finally:
            self.lab.signal("controlplane", signal.SIGCONT)
        self.lab.wait_links("up")
        self.check(*self.kept())

    def wait_forwarding(self):
        """Until a frame comes through: ports come up after `ready`. Those that waited with it too."""
        sent, _ = self.kept(1)
        last_sent, last = self.kept(1, start=1)

        def through():
            self.lab.sender.send(sent)
            return self.lab.captures[1].collect(1, 0.1)
        wait_until(through, 20, "frames come through")
        self.lab.sender.send(last_sent)
        wait_until(lambda: last[0] in self.lab.captures[1].drain(), 5, "the last one too")

    def test_data_plane_restarts_without_a_control_plane(self):
        self.lab.kill("controlplane")
        self.lab.kill("dataplane")
        self.lab.start_dataplane()
        self.wait_forwarding()
        self.assert_forwards()
        self.restart_controlplane()
        self.lab.wait_links("up")
        self.check(*self.kept())

    def test_showing_without_a_control_plane(self):
        up = self.lab.json("mpls show 1000")
        self.lab.kill("controlplane")
        try:
            self.assert_forwards()
            row = self.lab.json("mpls show 1000")[0]
            for key in ("label", "operation", "out_labels", "space"):
                self.assertEqual(row[key], up[0][key])
            self.assertGreater(row["packets"], up[0]["packets"])
            self.assertGreater(self.lab.counters()["p0"]["rx_packets"], 0)
            text = subprocess.run([*self.lab.ctl_words(), "mpls", "show"], capture_output=True,
                                  text=True, check=True)
            self.assertRegex(text.stdout + text.stderr, r"(?i)control plane|read-only")
            with self.assertRaises(Refused):
                self.lab.ctl("mpls del 1000")
        finally:
            self.restart_controlplane()
        self.check(*self.kept())

    def test_both_end_cleanly_and_come_back(self):
        self.assertEqual(self.lab.stop("controlplane"), 0)
        self.assert_forwards()
        self.assertEqual(self.lab.stop("dataplane"), 0)
        self.lab.start_controlplane()
        self.lab.start_dataplane()
        self.lab.wait_links("up")
        self.check(*self.kept())
        self.assertEqual(self.lab.stop("dataplane"), 0)
        self.lab.start_dataplane()
        self.lab.wait_links("up")
        self.check(*self.kept())

    def test_second_ones_are_refused(self):
        for name in ("controlplane", "dataplane"):
            words = self.lab.processes[name].args
            done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("another process owns it", done.stderr)
        self.check(*self.kept())


for_each_driver(globals(), Death)

if __name__ == "__main__":
    unittest.main(verbosity=2)
