#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A million routes are withdrawn and added again while packets go by routes that don't change: none of
these is lost, and none goes another way."""

import collections
import random
import subprocess
import threading
import time
import unittest

from frames import ETHERTYPE_IPV4, ethernet, numbered, sequence_of, udp4
from shunt_test import LabTest, Refused

FIRST = range(21, 77)  # first bytes of the addresses that a million routes lead to
STEADY = 256
RATE = 1000  # packets a second; the control plane and shuntctl need the machine
SAMPLE = 2000
OTHER = "02:00:00:00:0a:01"  # the neighbour that the million leads to
SEED = 3
BATCH_LIMIT = 120  # seconds; it takes some ten


def steady_destination(i):
    """One by each of the routes that stay: 20.i.7.0/24 and 20.i.9.1/32 in turn."""
    return f"20.{i}.9.1" if i % 2 else f"20.{i}.7.1"


def steady_route(i):
    return f"20.{i}.9.1/32" if i % 2 else f"20.{i}.7.0/24"


def prefixes():
    """A million, in no order: of many lengths, most of them /24, and around the steady ones wider than
    these, beside them and within them; but none that is the longest match of a steady destination."""
    found = []
    for i in range(STEADY):
        found += [f"20.{i}.0.0/16", f"20.{i}.6.0/24", f"20.{i}.7.128/25", f"20.{i}.9.2/31",
                  f"20.{i}.8.0/{24 - i % 2}"]
    for first in FIRST:
        found.append(f"{first}.0.0.0/8")
        for second in range(256):
            found += [f"{first}.{second}.0.0/{length}" for length in (16, 17, 19, 22, 30, 32)]
            found += [f"{first}.{second}.{third}.0/24" for third in range(1, 256, 4)]
    random.Random(SEED).shuffle(found)
    return found


class Flood:
    """Sends to the steady destinations in turn from a thread, until stopped."""

    def __init__(self, lab):
        self.lab = lab
        self.sent, self.got = 0, []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.is_set():
            packets = [ethernet(self.lab.mac("p0"), self.lab.host_mac(0), ETHERTYPE_IPV4,
                                udp4(numbered(i), src="10.0.0.2", dst=steady_destination(i % STEADY)))
                       for i in range(self.sent, self.sent + RATE // 10)]
            self.lab.sender.send(packets, RATE)
            self.sent += len(packets)
            self.got += self.lab.captures[1].drain()  # its buffer holds a minute, and this may take longer

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


class Churn(LabTest):
    """On net_af_packet, whose buffers hold 8 seconds of the flood here."""

    devargs = ",framecnt=8192"

    def batch(self, lines):
        """Through shuntctl; seconds that it took."""
        path = self.lab.run_dir / "batch"
        path.write_text("".join(lines), encoding="ascii")
        began = time.monotonic()
        done = subprocess.run([*self.lab.ctl_words(), "-b", str(path)], capture_output=True, text=True,
                              check=False, timeout=BATCH_LIMIT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return time.monotonic() - began

    def ways(self, sample):
        """Send to the first address of each prefix; to whom they went."""
        before = self.lab.counters()
        self.lab.captures[1].drain()
        self.lab.sender.send([self.arriving(udp4(numbered(i), src="10.0.0.2", dst=prefix.split("/")[0]),
                                            ethertype=ETHERTYPE_IPV4)
                              for i, prefix in enumerate(sample)], RATE * 5)
        self.lab.settle(before, "p0", len(sample))
        return collections.Counter(frame[:6].hex(":") for frame in
                                   self.lab.captures[1].collect(len(sample), 5))

    def test_none_is_lost(self):
        lab = self.lab
        lab.ctl(f"neigh add 10.0.1.9 lladdr {OTHER} dev p1")
        lab.batch([f"route add {steady_route(i)} via 10.0.1.2" for i in range(STEADY)])
        table = prefixes()
        self.assertGreater(len(table), 1_000_000)
        adds = [f"route add {prefix} via 10.0.1.9\n" for prefix in table]
        deletes = [f"route del {prefix}\n" for prefix in table]
        sample = [prefix for prefix in table[:SAMPLE] if not prefix.startswith("20.")]
        lab.captures[1].drain()
        seconds = []
        with Flood(lab) as flood:
            for lines, there in ((adds, True), (deletes, False), (adds, True)):
                seconds.append(round(self.batch(lines), 1))
                self.assertEqual([self.is_there(prefix) for prefix in sample[:10]], [there] * 10)
        got = flood.got + lab.captures[1].collect(flood.sent - len(flood.got), 20)
        print(f"{len(table)} routes added, withdrawn, added again in {seconds} s, {flood.sent} packets sent")
        numbers = [sequence_of(frame) for frame in got]
        lost = sorted(set(range(flood.sent)) - set(numbers))
        self.assertEqual((lost[:20], len(numbers)), ([], flood.sent), f"lost, of {flood.sent}; {lab.drops()}")
        self.assertEqual({frame[:6].hex(":") for frame in got}, {lab.host_mac(1)})
        self.assertEqual(lab.drops(), {})
        self.assertEqual(self.ways(sample), {OTHER: len(sample)})

    def is_there(self, prefix):
        """Is there such a route?"""
        try:
            return self.lab.json(f"route show {prefix}")[0]["prefix"] == prefix
        except Refused as refused:
            self.assertIn("does not exist", refused.text)
            return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
