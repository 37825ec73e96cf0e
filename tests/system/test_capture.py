#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`shuntctl capture`: what is in the file is what was sent and what came out."""

import json
import signal
import subprocess
import time
import unittest

from scapy.utils import PcapNgReader

import pcapng
from frames import numbered, stack, udp4
from shunt_test import PORTION, RATE, LabTest, Refused, for_each_driver, wait_until

VIA = "via 10.0.1.2"
RING = 4 << 20  # bytes of a worker's ring, CAPTURE_BYTES
TRIES = 10
LEASE = 5       # seconds, CAPTURE_LEASE_NS


class Capture(LabTest):
    """Received, sent and dropped frames, with an expression, by stage, into a pipe, and lost."""

    def setUp(self):
        super().setUp()
        self.file = self.lab.run_dir / "capture.pcapng"
        self.running = None
        self.addCleanup(self.end)

    def end(self):
        """Whatever became of the test."""
        if self.running and self.running.poll() is None:
            self.running.send_signal(signal.SIGCONT)
            self.running.kill()
            self.running.wait()
        if self.running:
            self.running.stderr.close()

    def begin(self, *words, file=None, stdout=subprocess.DEVNULL, under=()):
        """Start it, `under` another program; it says when the workers know of it. Another one may have
        been killed just before."""
        def started():
            self.running = subprocess.Popen(
                [*under, *self.lab.ctl_words(), "capture", str(file or self.file), *words],
                stdout=stdout, stderr=subprocess.PIPE, text=False)
            said = self.running.stderr.readline().decode()
            if said.endswith(": capturing\n"):
                return True
            self.assertIn("another one runs", said)
            self.running.wait()
            self.running.stderr.close()
            return False
        wait_until(started, LEASE + 15, "capture", 0.1)

    def finish(self, number=signal.SIGINT):
        """End it by a signal (0: it ends by itself); its packets, and how many it has lost."""
        if number:
            self.running.send_signal(number)
        said = self.running.communicate(timeout=60)[1].decode()
        self.assertEqual(self.running.returncode, 0, said)
        words = said.split()
        packets = pcapng.read(self.file.read_bytes())
        self.assertEqual(int(words[-4]), len(packets), said)
        return packets, int(words[-2])

    def swapped(self, count, label=None):
        """Frames that come out of p1, and what they are there."""
        if label is None:
            label = self.label()
            self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        return ([self.arriving(stack((label, 64, 5)) + udp4(numbered(i))) for i in range(count)],
                [self.leaving(stack((200, 63, 5)) + udp4(numbered(i))) for i in range(count)])

    def unknown(self, count):
        """Frames of a label that nobody knows."""
        label = self.label()
        return [self.arriving(stack((label, 64)) + udp4(numbered(i), ttl=9)) for i in range(count)]

    def test_what_comes_goes_and_is_dropped(self):
        sent, expected = self.swapped(20)
        lost = self.unknown(5)
        self.begin()
        before = time.time_ns()
        self.check(sent, expected)
        self.check(lost, [], drops={"mpls_unknown_label": 5})
        everything, missed = self.finish()
        self.assertEqual(missed, 0)
        # what the control plane says for itself is in there too
        packets = [p for p in everything if p.frame[12:14] == sent[0][12:14]]
        parts = {key: [p.frame for p in packets if (p.interface, p.direction, p.comment) == key]
                 for key in {(p.interface, p.direction, p.comment) for p in packets}}
        reason = "dropped: mpls_unknown_label (no entry for this label in its label space)"
        self.assertEqual(sorted(parts), [("p0", "in", ""), ("p0", "in", reason), ("p1", "out", "")])
        self.assertEqual(parts["p0", "in", ""], sent + lost)
        self.assertEqual(parts["p1", "out", ""], expected)
        self.assertEqual(parts["p0", "in", reason], lost)
        times = [p.time for p in packets]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(times[0], before)
        self.assertLessEqual(times[-1], time.time_ns())
        # the same by readers that others have written
        with PcapNgReader(str(self.file)) as reader:
            theirs = list(reader)
        self.assertEqual([bytes(p) for p in theirs], [p.frame for p in everything])
        done = subprocess.run(["tcpdump", "-nr", self.file], capture_output=True, text=True, check=True)
        self.assertEqual(len(done.stdout.splitlines()), len(everything))

    def test_an_expression(self):
        sent, expected = self.swapped(6)
        self.begin("match", "ether[14:4] >> 12 = 200 or ether[26] = 9")
        lost = self.unknown(2)
        self.check(sent, expected)
        self.check(lost, [], drops={"mpls_unknown_label": 2})
        packets, _ = self.finish()
        self.assertEqual([p.frame for p in packets if p.direction == "out"], expected)
        self.assertEqual([p.frame for p in packets if p.comment], lost)
        self.assertEqual([p.frame for p in packets if p.direction == "in" and not p.comment], lost)

    def test_names_are_looked_up_once(self):
        hosts = self.lab.run_dir / "hosts"
        hosts.write_text("10.9.9.9 capture.invalid\n", encoding="ascii")
        self.begin("duration", "2s", "match", "host capture.invalid", under=[
            "unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)])
        hosts.write_text("", encoding="ascii")  # who looks it up at a renewal, which comes twice, fails
        self.finish(0)

    def test_one_port_dropped_only_short(self):
        sent, expected = self.swapped(3)
        lost = self.unknown(3)
        self.begin("dropped", "port", "p0", "snap", "30")
        self.check(sent, expected)
        self.check(lost, [], drops={"mpls_unknown_label": 3})
        packets, _ = self.finish(signal.SIGTERM)
        self.assertEqual([(p.frame, p.length) for p in packets], [(f[:30], len(f)) for f in lost])
        self.begin("dropped", "port", "p1")
        self.check(self.unknown(3), [], drops={"mpls_unknown_label": 3})
        self.assertEqual(self.finish()[0], [])

    def test_before_and_after_a_stage(self):
        for words, frames_of in ((["mpls"], lambda sent, out: [("before mpls", f) for f in sent]),
                                 (["mpls", "after"], lambda sent, out: [
                                     ("after mpls", s[:14] + o[14:]) for s, o in zip(sent, out)])):
            sent, expected = self.swapped(4)
            self.begin("stage", *words)
            self.check(sent, expected)
            packets, _ = self.finish()
            self.assertEqual([(p.comment, p.frame) for p in packets], frames_of(sent, expected))

    def test_count_into_a_pipe(self):
        sent, expected = self.swapped(10)
        self.begin("count", "7", "match", "mpls 200", file="-", stdout=subprocess.PIPE)
        with subprocess.Popen(["tcpdump", "-nr", "-"], stdin=self.running.stdout,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as reader:
            self.running.stdout.close()
            self.check(sent, expected)
            said = reader.communicate(timeout=60)[0].splitlines()
        self.assertEqual(self.running.wait(30), 0)
        self.assertEqual([line for line in said if "label 200" not in line], [])
        self.assertEqual(len(said), 7)

    def test_a_reader_that_goes_away(self):
        sent, expected = self.swapped(1)
        self.begin(file="-", stdout=subprocess.PIPE)
        self.running.stdout.close()
        self.check(sent, expected)
        self.assertEqual(self.running.wait(30), 1)
        self.assertIn("Broken pipe", self.running.stderr.read().decode())

    def test_a_reader_that_goes_away_while_nothing_comes(self):
        self.begin("match", "ether proto 0x4711", file="-", stdout=subprocess.PIPE)
        self.running.stdout.close()
        self.assertEqual(self.running.wait(30), 1)
        self.assertIn("Broken pipe", self.running.stderr.read().decode())
        self.begin("duration", "1ms")  # it has taken its wish back
        self.finish(0)

    def test_what_nobody_reads_in_time_is_counted(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        body = [self.arriving(stack((label, 64)) + udp4(numbered(i, 1400))) for i in range(PORTION)]
        count = 5 * RING // 4 // len(body[0]) // len(body) * len(body)
        for _ in range(TRIES):
            self.begin("port", "p0", "match", "mpls")
            self.running.send_signal(signal.SIGSTOP)
            before, begun = self.lab.counters(), time.monotonic()
            self.lab.captures[1].drain()
            for _ in range(count // len(body)):
                self.lab.sender.send(body, RATE)
                self.assertEqual(len(self.lab.captures[1].collect(len(body), 10)), len(body))
            self.lab.settle(before, "p0", count)
            lasted = time.monotonic() - begun
            self.running.send_signal(signal.SIGCONT)
            if lasted < LEASE * 2 / 3:  # else its wish may have ended
                break
            self.finish()
        else:
            self.fail(f"{count} frames take {lasted:.1f} s")
        sent, _ = self.swapped(1, label)
        more = []

        def behind():  # what it skips may have the first of these in it
            if sent[0] in self.file.read_bytes():
                return True
            self.lab.sender.send(sent)
            more.extend(sent)
            return False
        wait_until(behind, 10, "a frame behind those that are lost", 0.2)
        self.lab.settle(before, "p0", count + len(more))
        packets, lost = self.finish()
        self.assertGreater(lost, 0)
        self.assertEqual(sum(p.lost for p in packets), lost)
        self.assertEqual(len(packets) + lost, count + len(more))

    def test_one_that_is_killed(self):
        self.begin()
        with self.assertRaisesRegex(Refused, "another one runs"):
            self.lab.ctl(f"capture {self.file}.second")
        self.running.kill()
        self.running.wait()
        start = time.monotonic()
        self.running.stderr.close()
        self.begin("count", "1")  # waits until it may
        self.assertLess(time.monotonic() - start, LEASE + 15)
        sent, expected = self.swapped(1)
        self.check(sent, expected)
        self.assertEqual([p.frame for p in self.finish(0)[0]], sent)

    def test_a_control_plane_that_comes_again(self):
        self.begin()
        self.lab.kill("controlplane")
        self.lab.start_controlplane()
        sent, expected = self.swapped(1)

        def captured():
            self.check(sent, expected)
            return sent[0] in self.file.read_bytes()
        wait_until(captured, 10, "captured again")
        self.finish()

    def test_words(self):
        self.begin("duration", "1ms")  # no other one runs any more
        self.finish(0)
        for words, code, text in (("match nonsense", 2, "match: 'nonsense'"), ("after", 1, "`stage`"),
                                  ("port p9", 1, "p9"), ("program 1", 1, "program: instruction 1")):
            with self.assertRaisesRegex(Refused, text) as caught:
                self.lab.ctl(f"capture {self.file} {words}")
            self.assertEqual(caught.exception.code, code)
        with self.assertRaisesRegex(Refused, "without protochain"):  # its program jumps back
            self.lab.ctl(["capture", str(self.file), "match", "ip6 protochain 6"])
        said = json.loads(self.lab.ctl(f"-j capture {self.file} duration 100ms").splitlines()[-1])
        self.assertEqual(sorted(said), ["lost", "packets"])


for_each_driver(globals(), Capture)

if __name__ == "__main__":
    unittest.main(verbosity=2)
