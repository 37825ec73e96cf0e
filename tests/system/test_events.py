#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What happened lately: `show events`, its follower, and JSON lines on standard error."""

import json
import re
import socket
import subprocess
import threading
import unittest

from shunt_test import BUILD, LabTest, for_each_driver, frames, wait_until
import multicast_frames
from wire import Sender


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
                second = {}
                while [second.get(key) for key in ("kind", "object", "text")] != ["link", "p1", "down"]:
                    second = json.loads(follower.stdout.readline())
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

# a /dev with everything that is there, and a log socket
WITH_LOG = """set -e
mount --make-rprivate /; mount --rbind /dev /mnt; mount -t tmpfs none /dev
ln -s /mnt/* /dev/; rm -f /dev/log; ln -s "$1" /dev/log; shift; exec "$@"
"""

QUEUE = 10  # lines that wait in a new namespace's socket (net.unix.max_dgram_qlen)


class Kinds(LabTest):
    """Each kind of event, by what makes it happen; as JSON lines in the system's log too."""

    ports = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # the namespace says how many lines wait in it: 10, if nobody set more as systemd does outside
        cls.log = cls.lab.router.inside(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        cls.addClassCleanup(cls.log.close)
        cls.log.bind(str(cls.lab.run_dir / "log"))
        cls.lines = []
        cls.reading = threading.Event()
        cls.reading.set()
        reader = threading.Thread(target=cls.read_log, daemon=True)
        reader.start()
        cls.addClassCleanup(reader.join)
        cls.addClassCleanup(cls.log.shutdown, socket.SHUT_RD)
        cls.addClassCleanup(cls.reading.set)
        cls.lab.stop("controlplane")
        cls.lab._start("controlplane", "unshare", "-m", "sh", "-c", WITH_LOG, "sh",
                       str(cls.lab.run_dir / "log"),
                       str(BUILD / "controlplane/shunt-controlplane"), *cls.lab._where(),
                       "--foreground", "--events", "syslog", wait=True)
        cls.lab.batch(["neigh del 10.0.1.2 dev p1", "address del 10.0.1.1/24 dev p1",
                       "neigh del 10.0.2.2 dev p2", "address del 10.0.2.1/24 dev p2",
                       "bridge add br0 snooping on querier on", "port set p1 bridge br0",
                       "port set p2 bridge br0",
                       "loopback add lo0", "address add 192.0.2.1/32 dev lo0"])
        cls.lab.wait_links("up")

    @classmethod
    def read_log(cls):
        """What comes into the log: header and event of each line. At once: of more than some ten that were not
        read the rest is lost."""
        while cls.reading.wait() and (line := cls.log.recv(4096)):
            head, _, text = line.decode().partition(": ")
            cls.lines.append((head, json.loads(text.rstrip("\0"))))

    def happens(self, kind, name, text, action):
        """The action makes such an event, which is in the log as it is in the ring."""
        since = self.lab.json("show events count 1")[-1]["number"] + 1
        action()

        def found():
            return [row for row in self.lab.json(f"show events kind {kind} from {since}")
                    if row.get("object", "") == name and re.search(text, row["text"])]
        row = wait_until(found, what=f"{kind} {name} {text}")[0]
        wait_until(lambda: row in [line for _, line in self.lines], what=f"{row} in the log")
        head = next(head for head, line in self.lines if line == row)
        self.assertRegex(head, r"^<30>.*shunt-controlplane\[\d+\]$")  # daemon, info

    def test_link(self):
        self.happens("link", "p0", "^down$", lambda: self.lab.host(0).ip("link", "set", "h0", "down"))
        self.happens("link", "p0", "^up", lambda: self.lab.host(0).ip("link", "set", "h0", "up"))

    def test_a_log_that_does_not_read(self):
        """Nobody waits for it; what it misses is in the ring, and when it reads again it gets what comes."""
        link = self.lab.host(2).ip
        since = self.lab.json("show events count 1")[-1]["number"] + 1

        def happened():
            rows = self.lab.json(f"show events kind link from {since}")
            return [row["object"] for row in rows].count("p2")

        def toggle(state):  # what is over soon may not be told of
            link("link", "set", "h2", state)
            self.lab.wait_links(state, ["p2"])
        self.reading.clear()
        try:
            for _ in range(100):
                if happened() >= QUEUE + 6:
                    break
                toggle("down")
                toggle("up")
        finally:
            before = len(self.lines)
            self.reading.set()
        self.assertGreaterEqual(happened(), QUEUE + 6)
        wait_until(lambda: len(self.lines) > before, what="what was in the log's queue")

        def told():
            toggle("down")
            toggle("up")
            return [line["lost"] for _, line in self.lines if "lost" in line]
        lost = wait_until(told, what="how many were lost")
        self.assertLess(0, lost[0])

    def test_neighbour(self):
        def ask():
            self.lab.ctl("route add 198.51.100.0/24 via 10.0.0.77")
            answer = frames.ethernet(self.lab.mac("p0"), "02:00:00:00:00:77", 0x0806, bytes.fromhex(
                "0001080006040002" "020000000077" "0a00004d") + bytes.fromhex(
                    self.lab.mac("p0").replace(":", "")) + bytes([10, 0, 0, 1]))
            packet = frames.ethernet(self.lab.mac("p0"), self.lab.host_mac(0), 0x0800,
                                     frames.udp4(frames.numbered(1), "10.0.0.2", "198.51.100.1"))
            self.lab.sender.send([packet, answer])
        self.happens("neighbour", "p0", "^10.0.0.77 ", ask)

    def test_join_and_leave(self):
        def say(frame):
            raw = Sender(self.lab.host(1), "h1")
            self.addCleanup(raw.close)
            raw.send([frame])
        self.happens("join", "p1", r"bridge br0 vlan \d+: joined 239\.1\.1\.1",
                     lambda: say(multicast_frames.join(4, 1, "239.1.1.1")))
        self.happens("leave", "p1", r"left 239\.1\.1\.1",
                     lambda: say(multicast_frames.leave(4, 1, "239.1.1.1")))

    def test_mac(self):
        def broadcast(number):
            raw = Sender(self.lab.host(number), f"h{number}")
            self.addCleanup(raw.close)
            raw.send([frames.ethernet("ff:ff:ff:ff:ff:ff", "02:00:00:00:07:01", 0x88b5, bytes(46))])
        broadcast(1)
        wait_until(lambda: "02:00:00:00:07:01" in [row["mac"] for row in
                                                   self.lab.json("bridge fdb show")], what="learned")
        self.happens("mac", "p2", r"^bridge br0 vlan \d+: 02:00:00:00:07:01 moved here from p1$",
                     lambda: broadcast(2))

    def test_config(self):
        self.allow = "not confirmed in time"
        path = str(self.lab.run_dir / "saved.json")
        self.happens("config", "", f"^saved to {path}$", lambda: self.lab.ctl(f"config save {path}"))
        self.happens("config", "", "^applied: 0 commands$",
                     lambda: self.lab.ctl(f"config apply {path}"))
        self.happens("config", "", "^applied: to be confirmed, 0 commands$",
                     lambda: self.lab.ctl(f"config apply {path} confirm 1h"))
        self.happens("config", "", "^confirmed$", lambda: self.lab.ctl("config confirm"))
        self.lab.ctl(f"config apply {path} confirm 1h")
        self.happens("config", "", "^rolled back$", lambda: self.lab.ctl("config rollback"))
        self.happens("config", "", "^not confirmed in time$",
                     lambda: self.lab.ctl(f"config apply {path} confirm 1s"))

    def test_tunnel(self):
        add = "tunnel add gre0 mode gre local 192.0.2.1 remote 10.0.0.2"
        self.happens("tunnel", "gre0", "^up$", lambda: self.lab.ctl(add))
        self.happens("tunnel", "gre0", "^down: set down$", lambda: self.lab.ctl("tunnel set gre0 down"))
        self.happens("tunnel", "gre0", "^up$", lambda: self.lab.ctl("tunnel set gre0 up"))
        self.happens("tunnel", "gre0", "^down: local address is not ours$",
                     lambda: self.lab.ctl("address del 192.0.2.1/32 dev lo0"))

    def test_filter_log(self):
        self.lab.batch(["filter add f", "filter rule add f 10 deny proto udp dport 5353 log",
                        "filter bind f in p0"])
        packet = frames.ethernet(self.lab.mac("p0"), self.lab.host_mac(0), 0x0800,
                                 frames.udp4(frames.numbered(1), dport=5353))
        self.happens("filter", "f", "^rule 10 denies .*:5353 from p0$",
                     lambda: self.lab.sender.send([packet]))

    def test_restart(self):
        self.happens("process", "", "data plane", lambda: self.lab.kill("dataplane"))
        self.happens("process", "", "data plane", self.lab.start_dataplane)
        self.lab.wait_links("up")


if __name__ == "__main__":
    unittest.main(verbosity=2)
