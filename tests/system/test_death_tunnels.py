#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane dies while 10,000 tunnels come and go: packets out of those that stay are neither
lost nor misforwarded, and what was accepted is known."""

import os
import random
import struct
import subprocess
import time
import unittest

from shunt_test import LabTest, for_each_driver
from frames import ipv4, numbered, udp4
from test_death import Stream, next_duration

KEPT = 100
CHANGING = 10000
KILLS = {"net_af_packet": 12, "net_af_xdp": 6}
TYPE_IPV4 = 0x0800


def gre(key, packet):
    """GRE with a key (RFC 2890)."""
    return struct.pack("!HHI", 0x2000, TYPE_IPV4, key) + packet


class TunnelStream(Stream):
    """Numbered packets out of the tunnels that stay, to the host behind p1."""

    def sent(self, number):
        inner = udp4(numbered(number), dst="10.0.1.2", sport=number & 0xFFFF)
        outer = ipv4(gre(number % KEPT, inner), src="10.0.0.2", dst="10.0.0.1", protocol=47)
        return self.test.arriving(outer, ethertype=TYPE_IPV4)

    def expected(self, number):
        inner = udp4(numbered(number), dst="10.0.1.2", sport=number & 0xFFFF, ttl=63)
        return self.test.leaving(inner, ethertype=TYPE_IPV4)


def batch_text(value):
    """What makes all changing tunnels those of this round; 0 deletes them."""
    if value == 0:
        return "".join(f"tunnel del c{i}\n" for i in range(CHANGING))
    if value == 1:
        return "".join(f"tunnel add c{i} mode gre local 10.0.0.1 remote 10.0.1.2 key {i} ttl 1\n"
                       for i in range(CHANGING))
    return "".join(f"tunnel set c{i} ttl {value}\n" for i in range(CHANGING))


class DeathOfTunnels(LabTest):
    """kill -9 of the control plane in the middle of batches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.batch([f"tunnel add k{i} mode gre local 10.0.0.1 remote 10.0.0.2 key {i}"
                       for i in range(KEPT)])

    def tunnels(self):
        """Name to TTL of the changing tunnels."""
        return {row["name"]: row["ttl"] for row in self.lab.json("tunnel show")
                if row["name"].startswith("c")}

    def start_batch(self, value, atomic):
        """Feed it to a shuntctl that goes on by itself."""
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

    def round_of(self, value):
        """What there is once the batch is through."""
        return {} if value == 0 else {f"c{i}": value for i in range(CHANGING)}

    def finish(self, value):
        """What a kill has cut off."""
        found = self.tunnels()
        if value == 0:
            lines = [f"tunnel del {name}" for name in found]
        else:
            lines = [line for i, line in enumerate(batch_text(value).splitlines())
                     if found.get(f"c{i}") != value]
        self.lab.batch(lines)
        self.assertEqual(self.tunnels(), self.round_of(value))

    def test_kill_in_the_middle_of_batches(self):
        """Adding, changing and deleting, some of them atomic."""
        rng = random.Random(os.environ.get("SHUNT_SEED", "1"))
        stream = TunnelStream(self)
        self.addCleanup(stream.abandon)
        start = time.monotonic()
        self.lab.ctl([], stdin=batch_text(1), options=["-b", "-"])
        duration = time.monotonic() - start
        kills = int(os.environ.get("SHUNT_KILLS", KILLS[self.driver]))
        value, cut = 1, 0
        for kill in range(kills):
            new, atomic = (value + 1) % 4, kill % 2 == 0
            batch = self.start_batch(new, atomic)
            time.sleep(rng.uniform(0, duration * 1.2))  # the random moment is the point
            self.lab.kill("controlplane")
            was_cut = batch.wait(30) != 0
            cut += was_cut
            duration = next_duration(duration, was_cut)
            self.lab.start_controlplane()
            stream.look()
            found = self.tunnels()
            before, after = self.round_of(value), self.round_of(new)
            if atomic:
                self.assertIn(found, (before, after), "an atomic batch is all or nothing")
            for i in range(CHANGING):
                self.assertIn(found.get(f"c{i}"), (before.get(f"c{i}"), after.get(f"c{i}")))
            self.finish(new)
            value = new
            stream.look()
        sent, lost, wrong = stream.stop()
        print(f"control plane killed {kills} times, {cut} batches of {CHANGING} tunnels cut "
              f"({self.driver}): sent {sent}, lost {lost}, misforwarded {wrong}, "
              f"waited for {stream.longest:.2f} s")
        self.assertEqual((lost, wrong), (0, 0), f"of {sent}")
        self.assertGreater(sent, kills * 100)
        self.assertGreater(cut, kills // 5, "too few batches were cut for this to show anything")


for_each_driver(globals(), DeathOfTunnels)

if __name__ == "__main__":
    unittest.main(verbosity=2)
