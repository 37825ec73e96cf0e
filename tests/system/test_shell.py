#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""shuntctl as people and scripts use it: the shell on a terminal, options, batches, and what it still
knows while the control plane is down."""

import json
import os
import pty
import re
import select
import subprocess
import time
import unittest

from api_client import ANSWER, BUILD, Controlplane

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, words, home):
        self.text = ""  # what it wrote since the last question
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(words[0], words, {**os.environ, "HOME": str(home), "TERM": "xterm",
                                        "LC_ALL": "C"})

    def _read(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            new = os.read(self.fd, 65536)
        except OSError:  # its end
            new = b""
        self.text += ESCAPES.sub(b"", new).decode(errors="replace")
        return bool(new)

    def until(self, wanted):
        """Read until a regular expression fits; the text up to its end."""
        end = time.monotonic() + ANSWER
        while True:
            found = re.search(wanted, self.text)
            if found:
                text, self.text = self.text[:found.end()], self.text[found.end():]
                return text
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"{wanted!r} did not come: {self.text!r}")

    def type(self, keys):
        """As on a keyboard."""
        os.write(self.fd, keys.encode())

    def end(self):
        """Its exit code."""
        if not self.ended(ANSWER):
            raise AssertionError(f"it does not end: {self.text!r}")
        return self.code

    def ended(self, timeout):
        """Wait for its end; whether it came in time. Then `code` is its exit code."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                os.close(self.fd)
                self.code = os.waitstatus_to_exitcode(status)
                return True
        return False


class Cli(Controlplane):
    """A control plane with p0, its network and one route."""

    def setUp(self):
        super().setUp()
        self.api = self.network()
        self.api.batch(["port add uplink devargs net_null1", "mpls add 100 swap 200 via 10.0.0.2"])
        self.words = [str(BUILD / "cli/shuntctl"), "--run-dir", str(self.directory), "--instance",
                      "t"]

    def ctl(self, *words, stdin=None):
        """shuntctl: exit code, output, errors."""
        done = subprocess.run([*self.words, *words], input=stdin, capture_output=True, text=True,
                              check=False, timeout=ANSWER)
        return done.returncode, done.stdout, done.stderr

    def routes(self):
        """The labels that there are."""
        return {row["label"] for row in self.api.call("mpls show")}


class Shell(Cli):
    """Interactive, on a terminal."""

    PROMPT = r"t> "

    def setUp(self):
        super().setUp()
        self.shell = Terminal(self.words, self.directory)
        self.shell.until(self.PROMPT)

    def say(self, line):
        """A line; what comes before the next prompt."""
        self.shell.type(line + "\n")
        return self.shell.until(r"\n(?:.*\n)*" + self.PROMPT)

    def leave(self):
        """Ctrl-D on an empty line (Ctrl-U empties it); again where the terminal was between two lines and lost it."""
        for _ in range(ANSWER):
            self.shell.type("\x15\x04")
            if self.shell.ended(1):
                break
        else:
            self.fail(f"the shell goes on after Ctrl-D: {self.shell.text!r}")
        self.assertEqual(self.shell.code, 0)

    def test_commands_and_errors(self):
        self.assertRegex(self.say("mpls show"), r"LABEL .*\n +100 ")
        self.assertEqual(self.say("mpls add 101 swap 201 via 10.0.0.2").count("error"), 0)
        self.assertEqual(self.routes(), {100, 101})
        answer = self.say("mpls add 5 pop label")
        self.assertIn("mpls add 5 pop label\n         ^\nerror: label 5: expected 16 to 1048575",
                      answer)
        answer = self.say("mpls add 100 pop label")
        self.assertIn("error: label 100 exists already", answer)
        self.assertIn("mpls add", self.say("help mpls add"))
        self.leave()

    def test_completion(self):
        self.shell.type("po\t")
        self.shell.until("port ")
        self.shell.type("sh\t\n")
        self.assertRegex(self.shell.until(self.PROMPT), r"show[\s\S]*uplink")
        self.shell.type("port set u\t")  # a live name
        self.shell.until("port set uplink ")
        self.shell.type("do\t\n")
        self.shell.until(self.PROMPT)
        down = {row["name"]: row["admin"] for row in self.api.call("port show")}
        self.assertEqual(down, {"p0": "up", "uplink": "down"})
        answer = self.say("vlan add v1 dev ?")
        self.assertRegex(answer, r"\n  p0\n  uplink\n")
        self.leave()

    def test_history(self):
        answer = r"layout_hash[\s\S]*" + self.PROMPT
        self.say("show version")
        for keys in ("\x1b[A\n", "\x10\n"):  # cursor up, Ctrl-P
            self.shell.type(keys)
            self.shell.until(answer)
        self.leave()
        self.shell = Terminal(self.words, self.directory)
        self.shell.until(self.PROMPT)
        self.shell.type("\x1b[A")  # of the session before
        self.shell.until("show version")
        self.shell.type("\n")
        self.shell.until(answer)
        self.shell.type("quit\n")
        self.assertEqual(self.shell.end(), 0)

    def test_control_plane_dies(self):
        """The shell stays, and shows what can be shown."""
        self.say("mpls show")
        self.assertEqual(self.stop(), 0)
        answer = self.say("mpls show")
        self.assertIn("# control plane is not running: read from shared memory", answer)
        self.assertRegex(answer, r"\n +100 ")
        self.assertIn("is not running", self.say("mpls add 101 pop label"))
        self.start()
        self.assertNotIn("error", self.say("mpls add 101 pop label"))
        self.leave()


class Options(Cli):
    """Before the command and behind it."""

    def test_places(self):
        ports = self.api.call("port show")
        for words in (["-j", "port", "show"], ["port", "show", "-j"], ["port", "-j", "show"]):
            code, out, err = self.ctl(*words)
            self.assertEqual((code, json.loads(out), err), (0, ports, ""))
            self.assertEqual(out.count("\n"), 1)
        code, out, _ = self.ctl("port", "show", "-p")
        self.assertEqual((code, json.loads(out)), (0, ports))
        self.assertGreater(out.count("\n"), 20)
        self.assertNotIn("RX PACKETS", self.ctl("port", "show")[1])
        self.assertIn("RX PACKETS", self.ctl("port", "show", "-s")[1])

    def test_errors(self):
        code, out, err = self.ctl("port", "shov", "p0")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("port shov p0\n     ^^^^\nerror: shov:", err)
        self.assertIn("expected: add, set, del, show", err)
        code, out, err = self.ctl("-j", "port", "shov")
        self.assertEqual((code, json.loads(err)["error"]["column"]), (2, 5))
        code, out, err = self.ctl("mpls", "del", "999")
        self.assertEqual((code, out, err), (1, "", "error: label 999 does not exist in space 0\n"))
        self.assertEqual(self.ctl("--nonsense")[0], 2)


class Batch(Cli):
    """-b FILE, -b - and --atomic."""

    def file(self, text):
        """A file with this text."""
        path = self.directory / "lines"
        path.write_text(text, encoding="ascii")
        return str(path)

    def test_file_with_an_error(self):
        path = self.file("# two good ones\n\nmpls add 101 pop label\nmpls add 102 pop label\n"
                         "mpls add 103 pup label\nmpls add 104 pop label\n")
        code, out, err = self.ctl("-b", path)
        self.assertEqual((code, out), (2, ""))
        self.assertIn(f"{path}:5:\nmpls add 103 pup label\n             ^^^\nerror: pup:", err)
        self.assertIn("2 commands before it were applied", err)
        self.assertEqual(self.routes(), {100, 101, 102})

    def test_refused_line(self):
        path = self.file("mpls add 101 pop label\nmpls add 100 pop label\nmpls add 102 pop label\n")
        code, _, err = self.ctl("-b", path)
        self.assertEqual(code, 1)
        self.assertIn(f"{path}:2:\nmpls add 100 pop label\n", err)
        self.assertIn("error: label 100 exists already in space 0", err)
        self.assertEqual(self.routes(), {100, 101})

    def test_standard_input(self):
        code, out, err = self.ctl("-b", "-", stdin="mpls add 101 pop label\nmpls show 101\n"
                                                   "mpls del 101")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("101", out)
        self.assertEqual(self.routes(), {100})
        code, _, err = self.ctl("-b", "-", stdin="mpls add 100 pop label\n")
        self.assertEqual(code, 1)
        self.assertIn("stdin:1:\n", err)

    def test_atomic(self):
        lines = "".join(f"mpls add {label} pop label\n" for label in range(1000, 3000))
        for bad, expected in (("mpls add 100 pop label\n", 1), ("mpls add 5 pop label\n", 2)):
            code, _, err = self.ctl("--atomic", "-b", self.file(lines + bad + "mpls del 100\n"))
            self.assertEqual(code, expected)
            self.assertIn("lines:2001:\n", err)
            self.assertIn("nothing was changed", err)
            self.assertEqual(self.routes(), {100})
        self.assertEqual(self.ctl("-b", self.file(lines), "--atomic"), (0, "", ""))
        self.assertEqual(len(self.routes()), 2001)

    def test_no_file(self):
        code, _, err = self.ctl("-b", "/nonexistent")
        self.assertEqual(code, 2)
        self.assertIn("/nonexistent", err)


class Down(Cli):
    """The control plane is down: reading goes on, and says so."""

    NOTE = "# control plane is not running: read from shared memory\n"

    def test_shows(self):
        rows = {noun: self.api.call(f"{noun} show") for noun in ("mpls", "neigh", "nexthop")}
        self.assertEqual(self.stop(), 0)
        for noun, row in rows.items():
            code, out, err = self.ctl("-j", noun, "show")
            self.assertEqual((code, err), (0, self.NOTE))
            for one in row:
                one.pop("references", None)
            self.assertEqual(json.loads(out), row)
        for words in (["show", "counters"], ["show", "drops"], ["show", "memory"], ["port", "show"],
                      ["show", "version"], ["loopback", "show"], ["vlan", "show"]):
            code, _, err = self.ctl(*words)
            self.assertEqual((code, err), (0, self.NOTE), words)
        files = json.loads(self.ctl("-j", "show", "memory")[1])["files"]["tables"]
        self.assertLess(files["allocated"], files["reserved"])

    def test_not_known(self):
        """What the tables do not have is said plainly; changes are refused."""
        self.assertEqual(self.stop(), 0)
        code, out, err = self.ctl("address", "show")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, "error: interface addresses are not known while the control plane is "
                              "not running: the shared tables, which can be read without it, do "
                              "not have them\n")
        for words in (["mpls", "add", "101", "pop", "label"], ["config", "show"],
                      ["counters", "clear"]):
            code, out, err = self.ctl(*words)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("the control plane of instance t is not running", err)
        self.assertEqual(self.ctl("mpls", "show", "101")[0], 1)


del Cli  # has no tests of its own


if __name__ == "__main__":
    unittest.main()
