#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A million label routes, and as many routes as the Internet has, in a control plane: they fit, into little
memory and little time, and a restart knows them."""

import os
import random
import resource
import signal
import subprocess
import time
import unittest
from pathlib import Path

from api_client import BUILD, Controlplane

ROUTES = 1_000_000
FIRST = 16
TABLES_MAX = 64 << 20  # bytes of table memory, without counters
ANSWER = 240  # seconds: half a minute for the sanitizers' build on a busy machine, and room


class Million(Controlplane):
    """All through `shuntctl -b`."""

    def allocated(self):
        """Bytes that the tables file really has."""
        table, = self.place.glob("tables.*")
        return os.stat(table).st_blocks * 512

    def used(self):
        """Labels in the tables."""
        return self.api.call("show memory")["tables"]["labels"]["used"]

    def batch(self, *options, line):
        """One line a label, through shuntctl."""
        path = self.directory / "batch"
        path.write_text("".join(line(label) for label in range(FIRST, FIRST + ROUTES)),
                        encoding="ascii")
        began = time.monotonic()
        done = subprocess.run([BUILD / "cli/shuntctl", "--run-dir", self.directory, "--instance",
                               "t", *options, "-b", path], capture_output=True, text=True,
                              check=False, timeout=ANSWER)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        print(f"\n{ROUTES / (time.monotonic() - began):,.0f} lines a second", flush=True)

    def test_memory(self):
        self.api = self.network()
        self.batch(line=lambda label: f"mpls add {label} swap {FIRST + label % 1000} via 10.0.0.2 "
                                      "no-counters\n")
        self.assertEqual(self.used(), ROUTES)
        allocated = self.allocated()
        print(f"tables: {allocated / (1 << 20):.1f} MiB allocated", flush=True)
        self.assertLess(allocated, TABLES_MAX)
        shown = self.api.call("show memory")["files"]["tables"]
        self.assertEqual(shown["allocated"], allocated)
        self.assertGreater(shown["reserved"], 1 << 30)
        self.stop(signal.SIGKILL)
        self.start()
        self.api = self.client()
        self.assertEqual(self.used(), ROUTES)
        row, = self.api.call("mpls show", label=FIRST + ROUTES - 1)
        self.assertEqual((row["out_labels"], row["counters"]), ([FIRST + (FIRST + ROUTES - 1) % 1000],
                                                               False))
        self.batch("--atomic", line="mpls del {}\n".format)
        self.assertEqual(self.used(), 0)
        self.assertLess(self.allocated(), TABLES_MAX)


class Internet(Controlplane):
    """1,000,000 IPv4 and 256,000 IPv6 routes, many of them /24 and /48, nested, in no order."""

    COUNT = {4: 1_000_000, 6: 256_000}
    BITS = {4: 32, 6: 128}
    # the first is of every second route
    LENGTHS = {4: (24, 23, 22, 21, 20, 19, 18, 17, 16, 14, 32), 6: (48, 32, 36, 40, 44, 46, 29, 64)}
    RANGE = {4: (16 << 24, 223 << 24), 6: (0x2001 << 112, 0x2c10 << 112)}
    GATEWAY = {4: "10.0.0.2", 6: "2001:db8::2"}
    SECONDS = 40  # of both processes together, on a slow machine; it takes 2 to 5

    def prefixes(self, family):
        """So many, all different, none of them the port's."""
        rng = random.Random(family)
        form = "{}.{}.{}.{}/{}" if family == 4 else "{:x}:{:x}:{:x}:{:x}::/{}"
        shifts, part = ((24, 16, 8, 0), 0xff) if family == 4 else ((112, 96, 80, 64), 0xffff)
        found = set()
        while len(found) < self.COUNT[family]:
            length = self.LENGTHS[family][0] if rng.random() < 0.5 else rng.choice(self.LENGTHS[family])
            host = self.BITS[family] - length
            found.add((rng.randrange(*self.RANGE[family]) >> host << host, length))
        return [form.format(*(address >> shift & part for shift in shifts), length)
                for address, length in found]

    def processor_time(self):
        """Seconds of the control plane and of the children that ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + children.ru_utime + \
            children.ru_stime

    def used(self):
        """Routes of each family, the system's too."""
        tables = self.api.call("show memory")["tables"]
        return {family: tables[f"ipv{family}_routes"]["used"] for family in (4, 6)}

    def test_load(self):
        self.api = self.network()
        self.api.call("address add", prefix="2001:db8::1/64", dev="p0")
        before = self.used()
        lines = [f"route add {prefix} via {self.GATEWAY[family]}\n" for family in (4, 6)
                 for prefix in self.prefixes(family)]
        random.Random(1).shuffle(lines)
        path = self.directory / "routes"
        path.write_text("".join(lines), encoding="ascii")
        began, spent = time.monotonic(), self.processor_time()
        done = subprocess.run([BUILD / "cli/shuntctl", "--run-dir", self.directory, "--instance", "t",
                               "-b", path], capture_output=True, text=True, check=False, timeout=ANSWER)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        spent = self.processor_time() - spent
        print(f"\n{len(lines)} routes in {time.monotonic() - began:.1f} s, {spent:.1f} s of processors",
              flush=True)
        if "asan" not in BUILD.name and "tsan" not in BUILD.name:
            self.assertLess(spent, self.SECONDS)
        expected = {family: before[family] + self.COUNT[family] for family in (4, 6)}
        self.assertEqual(self.used(), expected)
        self.stop(signal.SIGKILL)
        self.start()
        self.api = self.client()
        self.assertEqual(self.used(), expected)


if __name__ == "__main__":
    unittest.main()
