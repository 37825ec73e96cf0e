#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A million label routes in a control plane: they fit, into little memory, and a restart knows them."""

import os
import signal
import subprocess
import time
import unittest

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


if __name__ == "__main__":
    unittest.main()
