#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""shuntctl and a control plane that runs but does not answer."""

import json
import os
import signal
import subprocess
import time
import unittest

from api_client import BUILD, NETWORK, Controlplane

LOOK = 3      # seconds that a `show` waits
ROUTES = 60000  # whose pages, had each to be waited for, would take more than PATIENCE
PATIENCE = 30
CHANGE = 60   # and that a change waits; all of it only with SHUNT_LONG set


class Stopped(Controlplane):
    """SIGSTOP, as a debugger or a frozen cgroup does it."""

    def setUp(self):
        super().setUp()
        self.start()
        self.client().batch(NETWORK + [f"mpls add {100 + i} swap 200 via 10.0.0.2"
                                       for i in range(ROUTES)])
        self.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.go_on)

    def tearDown(self):
        self.go_on()
        super().tearDown()

    def go_on(self):
        """Let it run again."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)

    def ctl(self, *words, **options):
        """Start shuntctl."""
        return subprocess.Popen([BUILD / "cli" / "shuntctl", "--run-dir", str(self.directory),
                                 "--instance", "t", *words], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    def test_show(self):
        """It waits once, also where it asks for many pages, then reads the shared files."""
        for words, first in ((["port", "show"], "p0"), (["-j", "mpls", "show"], '[{"label":100')):
            with self.subTest(words=words):
                began = time.monotonic()
                out, told = self.ctl(*words).communicate(timeout=2 * PATIENCE)
                self.assertLess(time.monotonic() - began, PATIENCE)
                self.assertIn("control plane does not answer: read from shared memory", told)
                self.assertEqual(told.count("#"), 1)
                self.assertIn(first, out)
        self.assertEqual(len(json.loads(out)), ROUTES)

    def test_change_waits(self):
        """Longer than a look, and is done when the control plane goes on."""
        ctl = self.ctl("loopback", "add", "lo")
        time.sleep(LOOK + 1)
        self.assertIsNone(ctl.poll())
        self.go_on()
        _, told = ctl.communicate(timeout=30)
        self.assertEqual((ctl.returncode, told), (0, ""))
        self.assertEqual(len(self.client().call("loopback show")), 1)

    @unittest.skipUnless(os.environ.get("SHUNT_LONG"), f"takes {CHANGE} seconds")
    def test_change_gives_up(self):
        """It says that nobody knows what becomes of it."""
        began = time.monotonic()
        _, told = self.ctl("loopback", "add", "lo").communicate(timeout=CHANGE + 30)
        self.assertAlmostEqual(time.monotonic() - began, CHANGE, delta=5)
        self.assertIn("does not answer: waited for 60 s", told)
        self.assertIn("may still be done", told)


if __name__ == "__main__":
    unittest.main(verbosity=2)
