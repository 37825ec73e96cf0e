#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the control plane knows after kill -9, and its configuration file.

Only shunt-controlplane runs, in a run directory of its own; no port of it is real.
"""

import json
import os
import random
import resource
import signal
import subprocess
import threading
import time
import unittest
from pathlib import Path

from api_client import ANSWER, Controlplane


class Journal(Controlplane):
    """What it said yes to, it knows."""

    def test_second_one_is_refused(self):
        self.start()
        done = subprocess.run(self.command(), capture_output=True, text=True, timeout=ANSWER,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("ready", done.stdout)
        self.assertIn("error: ", done.stderr)
        self.assertIn("result", self.client().ask("config show"))

    def test_terminate_and_start(self):
        client = self.network()
        client.batch(["mpls add 100 swap 200 via 10.0.0.2", "port set p0 down"])
        before = client.call("config show")
        self.assertEqual(self.stop(), 0)
        self.assertFalse((self.place / "control.sock").exists())
        self.start()
        self.assertEqual(self.client().call("config show"), before)

    def test_half_a_line(self):
        self.network()
        self.stop(signal.SIGKILL)
        with open(self.place / "journal", "a", encoding="ascii") as journal:
            journal.write("mpls add 100 swap 200 via 10.0.0.2\nbegin 2\n"
                          "mpls add 101 swap 200 via 10.0.0.2\nmpls add 1")
        self.start()
        client = self.client()
        self.assertEqual(list(client.labels()), [100])
        client.batch(["mpls add 102 swap 200 via 10.0.0.2"])
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(list(self.client().labels()), [100, 102])

    def test_lines_that_fail_are_left_out(self):
        self.network()
        self.stop()
        with open(self.place / "journal", "a", encoding="ascii") as journal:
            journal.write("nonsense\nmpls add 100 swap 200 via 10.0.0.2\nmpls del 999\n")
        before = (self.place / "journal").read_bytes()
        kept = self.place / "journal.left-out"
        for _ in range(2):  # what was left out once is kept also when all is well
            self.start()
            self.assertEqual(list(self.client().labels()), [100])
            self.assertIn("2 of 6 lines were left out, first 'nonsense': nonsense: unknown command",
                          self.log_text())
            self.assertIn(str(kept), self.log_text())
            self.assertEqual(kept.read_bytes(), before)
            self.assertNotIn(b"nonsense", (self.place / "journal").read_bytes())
            self.stop()

    def test_flush_is_not_journaled(self):
        """Nor does one of an older journal hinder the start: VLANs are not known yet then."""
        flush = "bridge fdb flush br0 vlan 10"
        client = self.network()
        done = client.batch(["bridge add br0", "port add t0 devargs net_null7 bridge br0 trunk 10,20",
                             flush])
        self.assertEqual(done["failed"], 0, done)
        before = client.call("config show")
        journal = self.place / "journal"
        for older in ("", flush + "\n"):
            self.assertNotIn("flush", journal.read_text(encoding="ascii"))
            self.stop(signal.SIGKILL)
            with open(journal, "a", encoding="ascii") as file:
                file.write(older)
            self.start()
            self.assertEqual(self.client().call("config show"), before)
            self.assertNotIn("left out", self.log_text())

    def test_random_kills(self):
        """100 kills while a client adds routes: every one that was answered is there, and no other
        than the last one asked for."""
        self.network()
        generator = random.Random(7)
        answered = set()
        label = 1000
        for _ in range(100):
            client = self.client()
            timer = threading.Timer(generator.uniform(0.0005, 0.02), self.process.kill)
            timer.start()
            asked = set()
            try:
                while True:
                    count = generator.choice((1, 1, 5, 50))
                    asked = set(range(label, label + count))
                    label += count
                    lines = [f"mpls add {one} swap 100 via 10.0.0.2" for one in sorted(asked)]
                    if client.batch(lines, atomic=count == 5)["done"] == count:
                        answered |= asked
                        asked = set()
            except (BrokenPipeError, ConnectionResetError, TypeError, ValueError):
                pass  # it was killed
            timer.join()
            self.stop(signal.SIGKILL)
            self.start()
            have = set(self.client().labels())
            self.assertEqual(answered - have, set(), "it had said yes to these")
            self.assertEqual(have - answered - asked, set(), "nobody asked for these")
            if len(asked) == 5:
                self.assertIn(len(have & asked), (0, 5), "an atomic batch is whole")
            if len(have) > 2000:
                result = self.client().batch([f"mpls del {one}" for one in have])
                self.assertEqual(result["failed"], 0)
                have = set()
            answered = have
        self.assertGreater(label, 2000)

    def test_no_space(self):
        """The journal cannot grow: the change is refused and undone, and later ones are taken."""
        client = self.network()
        client.batch(["mpls add 99 swap 100 via 10.0.0.2"])
        size = os.path.getsize(self.place / "journal")
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE,
                         (size + 10, resource.RLIM_INFINITY))
        error = client.ask("mpls add", label=100, paths=[{"swap": [200], "via": "10.0.0.2"}])["error"]
        self.assertIn("journal", error["message"])
        result = client.batch(["mpls del 99", "mpls add 101 swap 100 via 10.0.0.2"], atomic=True)
        self.assertEqual(result["done"], 0)
        result = client.batch(["mpls replace 99 pop label", "mpls add 101 swap 100 via 10.0.0.2"])
        self.assertEqual(result["done"], 0)
        self.assertEqual(client.labels(), {99: [100]})
        self.assertEqual(os.path.getsize(self.place / "journal"), size)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        client.batch(["mpls add 102 swap 100 via 10.0.0.2"])
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().labels(), {99: [100], 102: [100]})

    def test_compaction(self):
        """Changes that undo each other do not make it grow for ever."""
        client = self.network()
        for _ in range(12):
            client.batch([f"mpls add {1000 + i} swap 100 via 10.0.0.2" for i in range(5000)])
            client.batch([f"mpls del {1000 + i}" for i in range(5000)])
        self.until(lambda: os.path.getsize(self.place / "journal") < 1100000, "compaction")
        client.batch(["mpls add 99 swap 100 via 10.0.0.2"])
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().labels(), {99: [100]})


class Configuration(Controlplane):
    """show, save, diff, apply, confirm, rollback."""

    FULL = {"shunt_config": 1,
            "port": [{"name": "p0", "devargs": "net_null0", "mpls": True},
                     {"name": "p1", "devargs": "net_null1", "mtu": 9000, "admin": "down"}],
            "vlan": [{"name": "v1", "dev": "p1", "tag": 7}],
            "loopback": [{"name": "lo"}],
            "address": [{"prefix": "10.0.0.1/24", "dev": "p0"}, {"prefix": "10.1.0.1/24",
                                                                 "dev": "v1"}],
            "neigh": [{"address": "10.0.0.2", "lladdr": "02:00:00:00:00:02", "dev": "p0"}],
            "route": [],
            "mpls": [{"label": 100, "operation": "swap",
                      "paths": [{"swap": [200], "via": "10.0.0.2"}]},
                     {"label": 101, "operation": "pop-label"},
                     {"label": 103, "operation": "swap",
                      "paths": [{"swap": [300], "via": "10.0.0.2"}]}]}

    def known(self, document):
        """A configuration without the nouns that FULL knows nothing of: nothing of them is there."""
        self.assertFalse(any(rows for noun, rows in document.items() if noun not in self.FULL))
        return {noun: rows for noun, rows in document.items() if noun in self.FULL}

    def shown(self, client):
        """The running configuration, as far as FULL goes."""
        return self.known(client.call("config show"))

    def file(self, content):
        """A file with that text or document; its path."""
        path = self.directory / "wished.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content),
                        encoding="utf-8")
        return str(path)

    def test_broken_file_at_start(self):
        for text, says in (('{"shunt_config": 1,\n "port": [}\n', "line 2, column"),
                           ("", "line 1"), ('{"shunt_config": 1, "ports": []}', "ports"),
                           ('{"shunt_config": 1, "port": [{"name": "p0"}]}', "port[0]"),
                           ('{"shunt_config": 1, "address": [{"prefix": "10.0.0.1/8", '
                            '"dev": "p7"}]}', "p7")):
            with self.subTest(text=text):
                done = subprocess.run(self.command("--config", self.file(text)), text=True,
                                      capture_output=True, timeout=ANSWER, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stdout, "")
                self.assertIn(says, done.stderr)
                self.assertFalse((self.place / "journal").exists())
        done = subprocess.run(self.command("--config", "/nonexistent.json"), text=True,
                              capture_output=True, timeout=ANSWER, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent.json", done.stderr)

    def test_file_at_start(self):
        """It counts where there is no journal, and only there."""
        self.start("--config", self.file(self.FULL))
        client = self.client()
        self.assertEqual(self.shown(client), self.FULL)
        self.assertEqual([row["text"] for row in client.call("show events", kind="config")],
                         [f"loaded from {self.file(self.FULL)}"])
        client.call("mpls del", label=101)
        self.stop(signal.SIGKILL)
        self.start("--config", self.file(self.FULL))
        self.assertEqual(list(self.client().labels()), [100, 103])
        self.assertEqual(self.client().call("show events", kind="config"), [])

    def test_save_and_apply(self):
        self.start()
        client = self.client()
        self.assertGreater(client.call("config apply", config=self.FULL)["changed"], 8)
        self.assertEqual(self.shown(client), self.FULL)
        path = str(self.directory / "saved.json")
        self.assertEqual(client.call("config save", file=path), {"file": path})
        self.assertEqual(self.known(json.loads(Path(path).read_text("utf-8"))), self.FULL)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        self.assertEqual([name for name in os.listdir(self.directory) if "saved" in name],
                         ["saved.json"])
        self.assertEqual(client.call("config diff", file=path),
                         {"add": [], "delete": [], "change": []})
        self.assertEqual(client.call("config apply", file=path), {"changed": 0})
        self.assertEqual([row["text"] for row in client.call("show events", kind="config", count=2)],
                         [f"saved to {path}", f"applied from {path}: 0 commands"])
        empty = {"shunt_config": 1}
        client.call("config apply", config=empty)
        self.assertEqual(self.shown(client),
                         {noun: [] if noun != "shunt_config" else 1 for noun in self.FULL})
        client.call("config apply", file=path)
        self.assertEqual(self.shown(client), self.FULL)
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.shown(self.client()), self.FULL)

    def test_down(self):
        """What was set down stays down: saved, compacted, restarted, and deleted by a batch that is
        undone."""
        self.start()
        client = self.client()
        lines = ["port add p0 devargs net_null0", "port add p1 down devargs net_null1",
                 "vlan add v0 dev p0 tag 7", "vlan add v1 dev p0 tag 8 down", "loopback add l0",
                 "loopback add l1 down", "port set p0 down", "vlan set v0 down",
                 "loopback set l0 down"]
        self.assertEqual(client.batch(lines)["done"], len(lines))

        def check(client):
            shown = client.call("config show")
            for noun in ("port", "vlan", "loopback"):
                self.assertEqual([row["admin"] for row in shown[noun]], ["down"] * 2)
                self.assertEqual([row["admin"] for row in client.call(f"{noun} show")],
                                 ["down"] * 2)
        check(client)
        result = client.batch(["loopback del l0", "loopback del l1", "vlan del v0", "vlan del v1",
                               "port del p0", "port del p1", "port del p2"], atomic=True)
        self.assertEqual((result["done"], result["failed"]), (0, 1))
        check(client)
        path = str(self.directory / "saved.json")
        client.call("config save", file=path)
        for _ in range(2):  # the second one starts from the compacted journal
            self.stop(signal.SIGKILL)
            self.start()
            check(self.client())
        client = self.client()
        client.call("config apply", config={"shunt_config": 1})
        self.assertEqual(client.call("port show"), [])
        client.call("config apply", file=path)
        check(client)
        client.batch(["port set p0 up"])
        self.assertEqual(client.call("config diff", file=path)["change"][0]["text"],
                         "port set p0 down")

    def test_save_refused(self):
        self.start()
        client = self.client()
        self.assertIn("error", client.ask("config save", file="relative.json"))
        self.assertIn("error", client.ask("config save", file="/nonexistent/x.json"))

    def wished(self):
        """FULL with something added, changed and deleted, and what depends on it moved."""
        new = json.loads(json.dumps(self.FULL))
        new["port"][1] = {"name": "p2", "devargs": "net_null2"}
        new["port"][0]["mtu"] = 4000
        new["vlan"][0]["dev"] = "p2"
        new["mpls"][0]["paths"][0] = {"swap": [201, 202], "via": "10.1.0.9"}
        new["mpls"][1]["label"] = 102
        new["mpls"][2]["paths"][0]["swap"] = [301, 302]
        del new["loopback"][0]
        return new

    def test_diff(self):
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        diff = client.call("config diff", config=self.wished())
        texts = {kind: [one["text"] for one in diff[kind]] for kind in diff}
        self.assertEqual(texts["add"][0], "port add p2 devargs net_null2")
        self.assertIn("mpls add 102 pop label", texts["add"])
        self.assertIn("mpls del 101", texts["delete"])
        self.assertIn("loopback del lo", texts["delete"])
        self.assertIn("port set p0 mtu 4000", texts["change"])
        one = [one for one in diff["change"] if one["command"] == "mpls replace"][0]
        self.assertEqual(one["params"]["paths"], [{"swap": [301, 302], "via": "10.0.0.2"}])
        # v1 moves to another port, and what stands on it with it; nothing else is touched.
        self.assertEqual(texts["delete"][-5:],
                         ["mpls del 100", "address del 10.1.0.1/24 dev v1", "loopback del lo",
                          "vlan del v1", "port del p1"])
        self.assertEqual(self.shown(client), self.FULL)

    def test_apply_refused(self):
        """Nothing changes, and it says what is wrong."""
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        journal = (self.place / "journal").read_bytes()
        refused = self.wished()
        refused["mpls"].append({"label": 500, "operation": "swap",
                                "paths": [{"swap": [1000], "via": "10.77.0.1"}]})
        unknown = self.wished()
        unknown["mpls"][0]["colour"] = "red"
        for document, says in ((refused, "10.77.0.1"), (unknown, "mpls[0]"), ({}, "shunt_config"),
                               ({"shunt_config": 1, "ports": []}, "ports")):
            for source in ({"config": document}, {"file": self.file(document)}):
                with self.subTest(says=says, source=list(source)):
                    error = client.ask("config apply", **source)["error"]
                    self.assertIn(says, error["message"])
                    self.assertEqual(self.shown(client), self.FULL)
                    self.assertEqual((self.place / "journal").read_bytes(), journal)
        error = client.ask("config apply", file=self.file('{"shunt_config": 1,\n  "port": oops}'))
        self.assertIn("line 2, column", error["error"]["message"])
        self.assertIn("error", client.ask("config apply"))

    def test_confirm(self):
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        self.assertEqual(client.ask("config confirm")["error"]["data"]["errno"], "ENOENT")
        client.call("config apply", config=self.wished(), confirm="1h")
        self.assertIn("error", client.ask("config apply", config=self.FULL))
        client.call("config confirm")
        self.assertFalse((self.place / "rollback.json").exists())
        after = client.call("config show")
        self.assertEqual(after["port"][1]["name"], "p2")
        self.assertIn("error", client.ask("config rollback"))
        client.call("config apply", config=self.FULL, confirm="1h")
        client.call("config rollback")
        self.assertEqual(client.call("config show"), after)
        self.assertFalse((self.place / "rollback.json").exists())

    def test_rollback_by_time(self):
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        client.call("config apply", config=self.wished(), confirm="5s")
        self.assertNotEqual(self.shown(client), self.FULL)
        self.until(lambda: client.labels().get(100) == [200], "rolled back")
        self.assertEqual(self.shown(client), self.FULL)
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.shown(self.client()), self.FULL)

    def test_rollback_over_kill(self):
        """Killed before the deadline, started before or after it: it comes back."""
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        client.call("config apply", config=self.wished(), confirm="1s")
        self.stop(signal.SIGKILL)
        self.start()
        client = self.client()
        self.until(lambda: client.labels().get(100) == [200], "rolled back")
        client.call("config apply", config=self.wished(), confirm="5s")
        deadline = json.loads((self.place / "rollback.json").read_text("utf-8"))["deadline_ns"]
        self.stop(signal.SIGKILL)
        self.until(lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) > deadline, "the deadline")
        self.start()
        client = self.client()
        self.until(lambda: client.labels().get(100) == [200], "rolled back after the deadline")
        self.assertEqual(self.shown(client), self.FULL)
        client.call("config apply", config=self.wished(), confirm="1h")
        self.stop(signal.SIGKILL)
        self.start()
        self.client().call("config confirm")

    def test_rollback_damaged(self):
        """What is no way back is told at start and kept; it holds up nothing."""
        path, aside = self.place / "rollback.json", self.place / "rollback.json.damaged"
        self.start()
        for text in ("", "{", "[]", '{"deadline_ns": "x", "config": {}}', '{"deadline_ns": 7}'):
            with self.subTest(text=text):
                self.stop(signal.SIGKILL)
                path.write_text(text, encoding="ascii")
                told = self.log_text().count("error: ")
                self.start()
                self.assertEqual(self.log_text().count("error: "), told + 1, self.log_text())
                self.assertIn("rollback.json.damaged", self.log_text())
                self.assertFalse(path.exists())
                self.assertEqual(aside.read_text("ascii"), text)
                self.client().call("config apply", config=self.FULL, confirm="1h")
                self.client().call("config confirm")


if __name__ == "__main__":
    unittest.main(verbosity=2)
