#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Long lists of label routes: pages, limits, and others who are served meanwhile."""

import json
import subprocess
import threading
import time
import unittest

from api_client import ANSWER, BUILD, Controlplane

ROWS_MAX = 65536  # LABEL_ROWS_MAX
FIRST = 16


class Lists(Controlplane):
    """Routes in three spaces, more than a page in two of them."""

    def setUp(self):
        super().setUp()
        self.api = self.network()
        self.routes = ([(0, FIRST + i) for i in range(9000)] + [(3, 77)]
                       + [(9, 100000 + 2 * i) for i in range(5000)])
        self.api.batch([f"mpls add {label} space {space} swap {FIRST + label % 1000} via 10.0.0.2"
                        for space, label in self.routes])

    def ctl(self, *words):
        """shuntctl: exit code, output, errors."""
        done = subprocess.run([BUILD / "cli/shuntctl", "--run-dir", self.directory, "--instance", "t",
                               *words], capture_output=True, text=True, check=False, timeout=ANSWER)
        return done.returncode, done.stdout, done.stderr

    @staticmethod
    def keys(rows):
        """(space, label) of each."""
        return [(row["space"], row["label"]) for row in rows]

    def test_pages_of_the_api(self):
        show = lambda **params: self.keys(self.api.call("mpls show", **params))
        self.assertEqual(show(), self.routes)
        self.assertEqual(show(count=3), self.routes[:3])
        self.assertEqual(show(**{"from": 9000}), [r for r in self.routes if r >= (0, 9000)])
        self.assertEqual(show(**{"from": 9015, "count": 3}),
                         [(0, 9015), (3, 77), (9, 100000)])
        self.assertEqual(show(space=9, count=1), [(9, 100000)])
        self.assertEqual(show(space=9, **{"from": 100001, "count": 2}),
                         [(9, 100002), (9, 100004)])
        self.assertEqual(show(space=9, **{"from": 109999}), [])
        self.assertEqual(show(space=5), [])
        self.assertEqual(show(label=77, space=3), [(3, 77)])

    def test_refused(self):
        for params, expected in (({"label": 16, "from": 20}, "from and count go with a list"),
                                 ({"label": 16, "count": 2}, "from and count go with a list"),
                                 ({"count": 0}, "count 0: expected 1 to 65536"),
                                 ({"count": ROWS_MAX + 1}, "expected 1 to 65536"),
                                 ({"from": 15}, "from 15: expected 16 to 1048575"),
                                 ({"label": 77}, None), ({"label": 78, "space": 3},
                                                         "label 78 does not exist in space 3")):
            answer = self.api.ask("mpls show", **params)
            if expected:
                self.assertIn(expected, answer["error"]["message"])
            else:
                self.assertEqual(len(answer["result"]), 1)

    def test_the_whole_table(self):
        """Text, -j and -p: every route once and in order, whatever the pages are."""
        for options in (["-j"], ["-p"], ["-j", "-p"]):
            code, out, err = self.ctl(*options, "mpls", "show")
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(self.keys(json.loads(out)), self.routes)
        code, out, err = self.ctl("mpls", "show")
        self.assertEqual((code, err), (0, ""))
        rows = [line.split() for line in out.splitlines() if "LABEL" not in line]
        self.assertEqual([(int(row[1]), int(row[0])) for row in rows], self.routes)
        for words, expected in ((["from", "9000"], [r for r in self.routes if r >= (0, 9000)]),
                                (["space", "9"], [r for r in self.routes if r[0] == 9]),
                                (["space", "9", "from", "104001"],
                                 [r for r in self.routes if r >= (9, 104001)]),
                                (["count", "2"], self.routes[:2]), (["space", "5"], [])):
            with self.subTest(words=words):
                code, out, _ = self.ctl("-j", "mpls", "show", *words)
                self.assertEqual((code, self.keys(json.loads(out))), (0, expected))
        self.assertEqual(self.ctl("-p", "mpls", "show", "space", "5"), (0, "[]\n", ""))
        self.assertEqual(self.ctl("mpls", "show", "space", "5"), (0, "", ""))

    def test_without_the_control_plane(self):
        self.assertEqual(self.stop(), 0)
        code, out, err = self.ctl("-j", "mpls", "show")
        self.assertEqual((code, self.keys(json.loads(out))), (0, self.routes))
        self.assertEqual(err, "# control plane is not running: read from shared memory\n")

    def test_large(self):
        """More than fit into one answer: refused in words; and nobody waits for those that do fit."""
        self.api.batch([f"mpls add {200000 + i} pop label" for i in range(ROWS_MAX)])
        answer = self.api.ask("mpls show")
        self.assertEqual(answer["error"]["data"]["errno"], "E2BIG")
        for word in ("65536", "count", "from"):
            self.assertIn(word, answer["error"]["message"])
        waits = []
        while len(waits) < 5 and min(waits, default=1) >= 1:  # a machine that is busy is so not each time
            waits.append(self.longest_wait())
        self.assertLess(min(waits), 1.0)

    def longest_wait(self):
        """Seconds that others waited for, while one got all rows at once."""
        done = threading.Event()
        answers = []

        def ask():
            other.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "mpls show",
                                   "params": {"count": ROWS_MAX}}) + "\n")
            answers.append(other.file.readline())  # parsed later: that would hold us up here
            done.set()
        other = self.client()
        thread = threading.Thread(target=ask)
        longest = 0.0
        began = time.monotonic()
        thread.start()
        while not done.is_set():
            before = time.monotonic()
            self.api.call("port show")
            longest = max(longest, time.monotonic() - before)
        thread.join()
        self.assertEqual(len(json.loads(answers[0])["result"]), ROWS_MAX)
        print(f"\n{ROWS_MAX} routes in {time.monotonic() - began:.2f} s; others waited for at most "
              f"{longest * 1000:.1f} ms")
        return longest


if __name__ == "__main__":
    unittest.main()
