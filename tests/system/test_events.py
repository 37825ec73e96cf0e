#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What happened lately: `show events`, its follower, and JSON lines on standard error."""

import json
import subprocess
import unittest

from shunt_test import BUILD, LabTest, for_each_driver, wait_until


class Events(LabTest):
    """A link that goes and comes, a neighbour that is found, a data plane that ends."""

    def events(self, words=""):
        return self.lab.json(f"show events {words}".strip())

    def seen(self, kind, name, text, since=0):
        """Wait for such an event."""
        wait_until(lambda: any(row["kind"] == kind and row.get("object", "") == name and
                               text in row["text"] for row in self.events(f"from {since}")),
                   what=f"{kind} {name} {text}")

    def test_a_link(self):
        since = self.events()[-1]["number"] + 1
        self.lab.host(1).ip("link", "set", "h1", "down")
        self.seen("link", "p1", "down", since)
        self.lab.host(1).ip("link", "set", "h1", "up")
        self.seen("link", "p1", "up", since)
        rows = self.events(f"from {since} kind link")
        self.assertEqual([row["text"].split(",")[0] for row in rows], ["down", "up"])
        self.assertEqual(rows, sorted(rows, key=lambda row: row["number"]))

    def test_the_last_ones(self):
        last = self.events("count 2")
        rows = self.events()  # with what happened since
        at = rows.index(last[-1])
        self.assertEqual(rows[at - 1:at + 1], last)
        self.assertTrue(any(row["kind"] == "process" for row in rows))

    def test_the_follower(self):
        with subprocess.Popen([*self.lab.ctl_words(), "-j", "show", "events", "follow", "count",
                               "1"], stdout=subprocess.PIPE, text=True) as follower:
            try:
                first = json.loads(follower.stdout.readline())
                self.lab.host(1).ip("link", "set", "h1", "down")
                second = json.loads(follower.stdout.readline())
                self.assertEqual((second["kind"], second["object"], second["text"]),
                                 ("link", "p1", "down"))
                self.assertGreater(second["number"], first["number"])
                # a control plane that comes again is waited for, and its events are seen
                self.lab.kill("controlplane")
                self.lab.start_controlplane()
                while "started" not in json.loads(follower.stdout.readline())["text"]:
                    pass
            finally:
                follower.kill()
                self.lab.host(1).ip("link", "set", "h1", "up")

    def test_for_a_log_collector(self):
        self.lab.stop("controlplane")
        self.lab.start_controlplane("--events", "stderr")
        lines = [json.loads(line) for line in self.lab.log("controlplane").splitlines()
                 if line.startswith("{")]
        self.assertTrue(any(line["kind"] == "process" and "started" in line["text"]
                            for line in lines), lines)

    def test_a_sink_that_is_none(self):
        done = subprocess.run([BUILD / "controlplane/shunt-controlplane", "--events", "paper"],
                              capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--events paper: expected stderr, syslog or none", done.stderr)


for_each_driver(globals(), Events)

if __name__ == "__main__":
    unittest.main(verbosity=2)
