#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`shuntctl top`: rates that are those of the traffic; on a terminal, as text and as JSON lines."""

import json
import re
import signal
import subprocess
import unittest
from datetime import datetime, timezone

from shunt_test import LabTest
from frames import numbered, stack, udp4
from terminal import Tmux

SENT = {100: 300, 101: 600, 999: 150}  # label to frames; there is no 999


class Top(LabTest):
    """Labels 100 and 101 go out by p1; a filter's rule on p0; a tunnel."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.batch(["mpls add 100 swap 200 via 10.0.1.2", "mpls add 101 swap 201 via 10.0.1.2",
                       "mpls add 102 swap 202 via 10.0.1.2",
                       "tunnel add gre0 mode gre local 10.0.1.1 remote 10.0.1.2",
                       "filter add f", "filter rule add f 10 permit proto udp dport 9",
                       "filter bind f in p0"])

    def frame(self, label):
        return self.arriving(stack(label) + udp4(numbered(1)))

    def send(self):
        """The traffic that all of them look at."""
        for label, count in SENT.items():
            self.lab.send_settled([self.frame(label)] * count, rate=3000)

    def looks(self, *words, during=None):
        """What `top -j` says of as many looks as it takes to see all that is sent."""
        before = self.lab.counters()
        command = [*self.lab.ctl_words(), "-j", "top", *words, "--interval", "300ms"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as top:
            rows = [json.loads(top.stdout.readline())]  # it looks, and has something to compare with
            (during or self.send)()
            if not during:
                self.lab.settle(before, "p0", sum(SENT.values()))
            ended = datetime.now(timezone.utc)
            while datetime.fromisoformat(rows[-1]["time"]) <= ended:
                rows.append(json.loads(top.stdout.readline()))
            rows.append(json.loads(top.stdout.readline()))  # it looks, and then says when
            top.send_signal(signal.SIGINT)
            rows += [json.loads(line) for line in top.stdout]
            self.assertEqual(top.wait(20), 0)
        return rows

    def counted(self, looks, name, key):
        """Object to what its rate amounts to over all looks."""
        out = {}
        for look in looks:
            for row in look["rows"]:
                out[row[name]] = out.get(row[name], 0) + row[key] * look["seconds"]
        return {key: round(value) for key, value in out.items()}

    def test_labels(self):
        looks = self.looks("labels")
        counted = self.counted(looks, "label", "packets_rate")
        for label in (100, 101):
            self.assertAlmostEqual(counted[label], SENT[label], delta=1)
        self.assertNotIn(102, counted)
        bits = self.counted(looks, "label", "bits_rate")
        self.assertAlmostEqual(bits[100], 8 * SENT[100] * len(self.frame(100)), delta=8)
        for look in looks:
            rates = [row["packets_rate"] for row in look["rows"]]
            self.assertEqual(rates, sorted(rates, reverse=True))
        last = {row["label"]: row["packets"] for row in looks[-1]["rows"]}
        self.assertEqual(last, {row["label"]: row["packets"] for row in self.lab.json("mpls show")
                                if row["packets"]})

    def test_ports_and_summary(self):
        looks = self.looks("ports")
        total = sum(SENT.values())
        p0 = self.counted(looks, "port", "rx_packets_rate")["p0"]
        p1 = self.counted(looks, "port", "tx_packets_rate")["p1"]
        drops = self.counted(looks, "port", "drops_rate")["p0"]
        # hosts on veth pairs say something by themselves now and then
        self.assertTrue(total - 1 <= p0 <= total + 10, p0)
        self.assertTrue(total - 151 <= p1 <= total - 150 + 10, p1)
        self.assertTrue(149 <= drops <= 160, drops)
        summary = round(sum(look["summary"]["rx_packets_rate"] * look["seconds"] for look in looks))
        self.assertTrue(total - 1 <= summary <= total + 20, summary)
        self.assertEqual({row["link"] for row in looks[-1]["rows"]}, {"up"})

    def test_drops(self):
        looks = self.looks("drops")
        counted = self.counted(looks, "reason", "packets_rate")
        self.assertAlmostEqual(counted["mpls_unknown_label"], 150, delta=1)
        row = next(row for row in looks[-1]["rows"] if row["reason"] == "mpls_unknown_label")
        self.assertEqual(row["interface"], "p0")
        self.assertEqual(row["packets"], self.lab.drops()["p0", "mpls_unknown_label"])

    def test_rules(self):
        def send():
            before = self.lab.counters()
            frames = [self.arriving(udp4(numbered(i), dport=port), ethertype=0x0800)
                      for i, port in enumerate([9] * 40 + [10] * 20)]
            self.lab.sender.send(frames, 1000)
            self.lab.settle(before, "p0", 60)
        looks = self.looks("rules", during=send)
        counted = self.counted(looks, "seq", "packets_rate")
        self.assertAlmostEqual(counted[10], 40, delta=1)
        self.assertTrue(19 <= counted["default"] <= 30, counted)  # and what the host says itself
        self.assertEqual({row["filter"] for row in looks[-1]["rows"]}, {"f"})

    def test_workers_tunnels_interfaces(self):
        looks = self.looks("workers")
        total = self.counted(looks, "worker", "packets_rate")[0]
        self.assertTrue(sum(SENT.values()) - 1 <= total <= sum(SENT.values()) + 20, looks)
        for look in looks:
            self.assertTrue(all(0 <= row["busy"] + row["idle"] <= 101 for row in look["rows"]), look)
        self.assertTrue(any(row["busy"] > 0 for look in looks for row in look["rows"]))
        for pane, name in (("tunnels", "gre0"), ("interfaces", None)):
            look = json.loads(self.lab.ctl(f"top {pane} --interval 100ms --count 1", options=["-j"]))
            self.assertEqual([row.get("tunnel") for row in look["rows"]], [name] if name else [])

    def test_text(self):
        for label in (100, 101):
            self.check([self.frame(label)] * 2,
                       [self.leaving(stack((label + 100, 63)) + udp4(numbered(1)))] * 2)
        out = self.lab.ctl("top labels --interval 100ms --count 2 --sort label --rows 1")
        self.assertEqual(len(re.findall(r"^\S+Z labels: 1 of \d+, over \d+\.\d+ s$", out, re.M)), 2)
        self.assertEqual(len(re.findall(r"^100 +0 ", out, re.M)), 2)
        self.assertNotRegex(out, r"(?m)^101 ")
        out = self.lab.ctl("top labels sort label reverse count 1 interval 100ms rows 1")
        self.assertRegex(out, r"(?m)^10[12] ")  # the last one that counted anything
        self.assertNotRegex(out, r"(?m)^100 ")

    def test_wrong_words(self):
        for words, expected in (("top labels sort nothing", "label, packets_rate, bits_rate"),
                                ("top --interval 1ms", "interval"), ("top bridges", "ports, tunnels")):
            with self.assertRaises(AssertionError) as refused:
                self.lab.ctl(words)
            self.assertEqual(refused.exception.code, 2, words)
            self.assertIn(expected, refused.exception.text)

    def test_nothing_to_read(self):
        done = subprocess.run([self.lab.ctl_words()[0], "--run-dir", str(self.lab.run_dir),
                               "--instance", "nobody", "top", "count", "1"], capture_output=True,
                              text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: top: ", done.stderr)

    # ---- on a terminal

    def terminal(self, *words, **options):
        terminal = Tmux([*self.lab.ctl_words(), "top", *words], **options)
        self.addCleanup(terminal.close)
        terminal.until_text("q end")
        return terminal

    def test_screen(self):
        terminal = self.terminal("--interval", "300ms")
        lines = terminal.until(lambda lines: any(re.match(r"p0 +up +\d", line) for line in lines), "p0")
        self.assertTrue(lines[0].startswith(self.lab.instance))
        self.assertIn("control plane up  data plane up", lines[0])
        self.assertRegex(lines[3], r"PORT +LINK +>RX/S")
        self.assertTrue(lines[23].startswith("2 ports "), lines)
        terminal.type("3")  # labels
        self.send()
        terminal.until(lambda lines: any(re.match(r"101 +0 +\d", line) for line in lines), "label 101")
        terminal.type("n")  # by number
        def labels(lines):
            return [line.split()[0] for line in lines[4:] if re.match(r"10[01] ", line)]
        terminal.until(lambda lines: labels(lines) == ["100", "101"], "labels in order")
        terminal.type("r")
        terminal.until(lambda lines: labels(lines) == ["101", "100"], "labels the other way")
        terminal.type("Tab", "Tab", "Tab")
        terminal.until_text("mpls_unknown_label")
        terminal.type("BTab", "BTab", "BTab", ">")
        terminal.until_text(">BIT/S")
        terminal.type("?")
        terminal.until_text("1-8, Tab, Shift-Tab  another pane")  # as many keys as panes
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)

    def test_scroll(self):
        """One of two rows fits: keys show the other one."""
        terminal = self.terminal("--interval", "300ms")
        terminal.type("n")
        terminal.resize(80, 6)
        for key, shown in ((None, "p0"), ("Down", "p1"), ("Up", "p0"), ("NPage", "p1"), ("Home", "p0"), ("Down", "p1")):
            if key is not None:
                terminal.type(key)
            terminal.until(lambda lines, shown=shown: lines[4].startswith(shown) and lines[5].startswith("2 ports"),
                           f"{shown} after {key}")
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)

    def test_resize(self):
        terminal = self.terminal()
        for columns, lines in ((120, 40), (40, 10), (20, 3), (80, 24)):
            terminal.resize(columns, lines)
            found = terminal.until(
                lambda found, lines=lines, columns=columns:
                found[min(lines, 24) - 1 if lines < 24 else lines - 1].startswith("2 ports") and
                max(len(line) for line in found) <= columns, f"{columns} x {lines}")
            self.assertEqual(len(found) - 1, lines)
        terminal.until_text(">RX/S")
        terminal.type("C-c")
        self.assertEqual(terminal.end(), 0)

    def test_terminated(self):
        """Whoever ends it, the terminal is as before; a count ends it too."""
        terminal = self.terminal("interval", "200ms", "count", "2")
        self.assertEqual(terminal.end(), 0)

    def test_no_such_terminal(self):
        terminal = Tmux([*self.lab.ctl_words(), "top", "count", "1"], env="TERM=nonsense")
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.end(), 0)
        self.assertRegex("\n".join(terminal.screen()), r"ports: 2 of 2, over")

    def test_restarts(self):
        """Rates go on without a control plane; a data plane that comes again is counted on."""
        terminal = self.terminal("labels", "--interval", "200ms")
        self.lab.kill("controlplane")
        try:
            terminal.until_text("control plane down: waiting")
            total = {row["label"]: row["packets"] for row in self.lab.json("mpls show")}[102]
            self.lab.sender.send([self.frame(102)] * 50, 1000)
            terminal.until(lambda lines: any(
                line.split()[:2] == ["102", "0"] and line.split()[4] == str(total + 50)
                for line in lines), "50 more packets")
        finally:
            self.lab.start_controlplane()
        terminal.until_text("control plane up")
        self.lab.kill("dataplane")
        terminal.until_text("data plane down: waiting")
        self.lab.start_dataplane()
        self.lab.wait_links("up")
        terminal.until_text("data plane up")
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)
        self.lab.new_trouble()

    def test_in_the_shell(self):
        """A command as any other: afterwards the shell goes on."""
        terminal = Tmux(self.lab.ctl_words(), env=f"HOME={self.lab.run_dir}")
        self.addCleanup(terminal.close)
        terminal.until_text(f"{self.lab.instance}>")
        terminal.type("top workers", "Enter")
        terminal.until_text("BUSY %")
        terminal.type("C-c")
        terminal.until(lambda lines: not any("BUSY" in line for line in lines), "the shell again")
        terminal.type("show version", "Enter")
        terminal.until_text("layout_hash")
        terminal.type("quit", "Enter")
        self.assertEqual(terminal.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
