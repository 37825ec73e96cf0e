#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pseudowires (RFC 4448, 4385): Ethernet between Linux hosts over label-switched paths of three shunts,
and frames that no peer makes.

    host 0 ---- A ==== B ==== C ---- host 1        A and C: bridges with a pseudowire; B: swaps labels
"""

import signal
import unittest

import frames
from hosts import Network
from shunt_test import LabTest, Refused, for_each_driver, wait_until
from wire import Sender

LABELS = {"there": (500, 501), "back": (600, 601)}  # what the end puts on, what B makes of it
TRUNK = "trunk 10 native 1"


def labelled(captured):
    """(labels with their traffic classes, what is below) of the labelled frames."""
    out = []
    for frame in captured:
        if frame[12:14] != b"\x88\x47":
            continue
        labels, at, bottom = [], 14, False
        while not bottom:
            entry = int.from_bytes(frame[at:at + 4], "big")
            labels.append((entry >> 12, entry >> 9 & 7))
            bottom, at = bool(entry & 0x100), at + 4
        out.append((labels, frame[at:]))
    return out


class Wire(unittest.TestCase):
    """Hosts at both ends of a pseudowire through a transit node."""

    driver = "net_af_packet"

    @classmethod
    def setUpClass(cls):
        cls.network = network = Network(cls.driver)
        cls.addClassCleanup(network.close)
        cls.near, cls.far = network.host("near"), network.host("far")
        cls.a, cls.b, cls.c = (network.node(role) for role in "abc")
        network.link(cls.a, "p0", cls.near)
        cls.from_a, cls.from_b = network.tapped_link(cls.a, "p1", cls.b, "p0", 1600)
        more = network.tapped_link(cls.b, "p1", cls.c, "p0", 1600)
        network.link(cls.c, "p1", cls.far)
        for capture in (cls.from_a, cls.from_b, *more):
            cls.addClassCleanup(capture.close)
        for i, host in enumerate((cls.near, cls.far)):
            host.configure([f"192.168.1.{i + 1}/24", f"2001:db8:ff::{i + 1}/64"], [])
        cls.ends = [(Sender(host.namespace, "eth0"), host.capture()) for host in (cls.near, cls.far)]
        for end in cls.ends:
            for thing in end:
                cls.addClassCleanup(thing.close)
        for i, node in enumerate((cls.a, cls.b, cls.c)):
            node.start_processes(str(i % 2))
        for node in (cls.a, cls.c):
            node.ctl("bridge add br0 snooping off")
        cls.a.add_port([])
        cls.a.add_port(["10.0.8.1/24"], 1600, mpls=True)
        cls.b.add_port(["10.0.8.2/24"], 1600, mpls=True)
        cls.b.add_port(["10.0.9.1/24"], 1600, mpls=True)
        cls.c.add_port(["10.0.9.2/24"], 1600, mpls=True)
        cls.c.add_port([])
        cls.a.ctl(f"port set p0 bridge br0 {TRUNK}")
        cls.c.ctl(f"port set p1 bridge br0 {TRUNK}")
        for node in (cls.a, cls.b, cls.c):
            node.wait_links("up")
        cls.b.ctl(f"mpls add {LABELS['there'][0]} swap {LABELS['there'][1]} via 10.0.9.2")
        cls.b.ctl(f"mpls add {LABELS['back'][0]} swap {LABELS['back'][1]} via 10.0.8.1")

    def wires(self, words=""):
        """Pseudowires at both ends."""
        self.a.ctl(f"pseudowire add wire bridge br0 {TRUNK} in {LABELS['back'][1]} "
                   f"out {LABELS['there'][0]} via 10.0.8.2 {words}")
        self.addCleanup(self.a.ctl, "pseudowire del wire")
        self.c.ctl(f"pseudowire add wire bridge br0 {TRUNK} in {LABELS['there'][1]} "
                   f"out {LABELS['back'][0]} via 10.0.9.1 {words}")
        self.addCleanup(self.c.ctl, "pseudowire del wire")
        for node in (self.a, self.c):
            wait_until(lambda node=node: node.json("pseudowire show wire")[0]["state"] == "up", 10, "up")
        self.from_a.drain()

    def tearDown(self):
        for node in (self.a, self.b, self.c):
            self.assertEqual(node.new_trouble(), [])

    def answered(self, to, *options, count=3):
        """Every echo request is."""
        pings = self.near.ping_until(to, *options, count=count)
        self.assertEqual(set(range(1, count + 1)) - pings.answered, set(), pings.text)

    def pass_frames(self, below):
        """IPv4, IPv6, whole frames and tagged ones; `below` is what stands below the label."""
        self.answered("192.168.1.2")
        self.answered("2001:db8:ff::2")
        self.answered("192.168.1.2", "-s", "1472", "-M", "do")
        seen = labelled(self.from_a.drain())
        self.assertGreaterEqual(len(seen), 9)
        for labels, frame in seen:
            self.assertEqual(labels, [(LABELS["there"][0], 0)])
            self.assertEqual(frame[:len(below)], below)
            self.assertNotEqual(frame[len(below) + 12:len(below) + 14], b"\x81\x00")
        tagged = frames.ethernet("02:00:00:00:aa:01", "02:00:00:00:aa:02", 0x8100,
                                 b"\xa0\x0a\x88\xb5" + bytes(range(60)))
        for sender, capture in ((self.ends[0][0], self.ends[1][1]), (self.ends[1][0], self.ends[0][1])):
            capture.drain()
            sender.send([tagged])
            wait_until(lambda capture=capture: tagged in capture.drain(), 10, "the tagged frame")
        seen = [labels for labels, frame in labelled(self.from_a.drain()) if frame == below + tagged]
        self.assertEqual(seen, [[(LABELS["there"][0], 5)]])

    def test_without_control_word(self):
        self.wires()
        self.pass_frames(b"")
        row = self.a.json("pseudowire show wire")[0]
        self.assertEqual((row["bridge"], row["in_label"], row["out_labels"], row["control_word"]),
                         ("br0", LABELS["back"][1], [LABELS["there"][0]], False))
        self.assertEqual(row["mtu"], 1600 - 4 - 14)
        self.assertEqual([(hop["via"], hop["dev"]) for hop in row["nexthops"]], [("10.0.8.2", "p1")])

    def test_with_control_word(self):
        self.wires("control-word")
        self.pass_frames(bytes(4))
        self.assertTrue(self.c.json("pseudowire show wire")[0]["control_word"])

    def test_statistics(self):
        """What one end sent the other received, in packets and bytes."""
        self.wires()
        self.answered("192.168.1.2", "-s", "500", count=20)

        def agree():
            ends = [node.json("pseudowire show wire")[0] for node in (self.a, self.c)]
            return all(one["tx_packets"] == other["rx_packets"] and one["tx_bytes"] == other["rx_bytes"] and
                       one["tx_packets"] >= 20 and one["tx_bytes"] >= 20 * 542
                       for one, other in (ends, ends[::-1]))
        wait_until(agree, 10, "both ends count the same")
        row = self.a.json(f"mpls show {LABELS['back'][1]}")[0]
        self.assertEqual((row["operation"], row["pseudowire"]), ("pop-bridge", "wire"))
        self.assertGreaterEqual(row["packets"], 20)

    def test_kill(self):
        """Either control plane dies and comes back; no ping is lost."""
        self.wires("control-word")
        self.answered("192.168.1.2")
        for node in (self.a, self.c):
            before = node.ctl("config show")
            ping = self.near.start_ping("192.168.1.2", "-c", "60", "-i", "0.02", "-w", "30")
            node.signal("controlplane", signal.SIGKILL)
            node.processes["controlplane"].wait()
            node.start_controlplane()
            pings = self.near.finish(ping)
            self.assertEqual(set(range(1, 61)) - pings.answered, set(), pings.text)
            self.assertEqual(node.ctl("config show"), before)
            self.answered("192.168.1.2")


    def test_label_into_a_bridge(self):
        """The far end has no pseudowire, but a label that leads into its bridge; also after its control
        plane's death, as do 256 branches of another label."""
        out, label = LABELS["there"]
        self.a.ctl(f"pseudowire add wire bridge br0 {TRUNK} in {LABELS['back'][1]} out {out} via 10.0.8.2")
        self.addCleanup(self.a.ctl, "pseudowire del wire")
        self.c.ctl(f"mpls add {label} pop bridge br0")
        self.addCleanup(self.c.ctl, f"mpls del {label}")
        branches = [f"swap {1000 + i} via 10.0.9.1" for i in range(256)]
        self.c.ctl(f"mpls add 900 replicate {' '.join(branches)}")
        self.addCleanup(self.c.ctl, "mpls del 900")
        with self.assertRaisesRegex(Refused, "more than 256 paths"):
            self.c.ctl(f"mpls add 901 replicate {' '.join(branches)} swap 999 via 10.0.9.1")
        before = self.c.ctl("config show")
        for tag in (b"", b"\x81\x00\x00\x0a"):  # VLAN 1 is the bridge's own, and p1's native one
            frame = frames.ethernet("02:00:00:00:aa:01", "02:00:00:00:aa:02", 0x88b5, bytes(range(60)))
            frame = frame[:12] + tag + frame[12:]
            self.passes(frame)
            self.c.kill("controlplane")
            self.passes(frame)
            self.c.start_controlplane()
            self.passes(frame)
            self.assertEqual(self.c.ctl("config show"), before)

    def passes(self, frame):
        """The far host gets it."""
        capture = self.ends[1][1]
        capture.drain()
        self.ends[0][0].send([frame])
        wait_until(lambda: frame in capture.drain(), 10, "the frame at the far host")


class Bad(LabTest):
    """What comes in by labels at p0; the bridge's other port is p1, which has no addresses."""

    CONTROL, PLAIN, DOWN = 700, 701, 702

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ctl = cls.lab.ctl
        ctl("neigh del 10.0.1.2 dev p1")
        ctl("address del 10.0.1.1/24 dev p1")
        ctl("bridge add br0 snooping off")
        ctl("port set p1 bridge br0")
        ctl(f"pseudowire add control bridge br0 in {cls.CONTROL} out 800 via 10.0.0.2 control-word")
        ctl(f"pseudowire add plain bridge br0 in {cls.PLAIN} out 16/801 via 10.0.0.2")
        ctl(f"pseudowire add down bridge br0 in {cls.DOWN} out 802 via 10.0.0.2 down")
        cls.inner = frames.ethernet("02:00:00:00:aa:01", "02:00:00:00:aa:02", 0x88b5, bytes(range(60)))

    def below(self, label, data):
        """A frame to p0 with this below a label."""
        return self.arriving((label << 12 | 0x100 | 64).to_bytes(4, "big") + data)

    def test_good(self):
        """With and without control word; a length in it says where padding begins."""
        self.check([self.below(self.PLAIN, self.inner), self.below(self.CONTROL, bytes(4) + self.inner)],
                   [self.inner] * 2)
        short = self.inner[:20]
        word = bytes([0, 4 + len(short), 0, 0])
        self.check([self.below(self.CONTROL, word + short + bytes(30))], [short])

    def test_refused(self):
        """Each for its own reason."""
        for nibble in (2, 4, 6, 15):
            self.check([self.below(self.CONTROL, bytes([nibble << 4, 0, 0, 0]) + self.inner)], [],
                       drops={"pseudowire_control_word": 1}, interface="control", count=0)
        self.check([self.below(self.PLAIN, self.inner[:length]) for length in range(14)], [],
                   drops={"runt_frame": 14}, interface="plain", count=0)
        word = bytes(4)
        self.check([self.below(self.CONTROL, word[:length]) for length in range(4)], [],
                   drops={"tunnel_truncated": 4}, interface="control", count=0)
        self.check([self.below(703, self.inner)], [], drops={"mpls_unknown_label": 1})
        self.check([self.below(self.DOWN, self.inner)], [], drops={"tunnel_down": 1}, interface="down", count=0)
        self.check([self.below(self.CONTROL, bytes([0x10, 0, 0, 7]) + self.inner)], [],
                   punts={"mpls_oam": 1})

    def test_changes(self):
        """The label is the pseudowire's; others are told so."""
        for line in (f"mpls add {self.PLAIN} pop ip", f"mpls replace {self.PLAIN} pop ip",
                     f"mpls del {self.PLAIN}",
                     f"pseudowire add other in {self.PLAIN} out 900 via 10.0.0.2"):
            with self.assertRaisesRegex(AssertionError, "incoming label of pseudowire plain"):
                self.lab.ctl(line)
        self.assertEqual(self.lab.json("pseudowire show plain")[0]["out_labels"], [16, 801])
        self.lab.ctl("pseudowire set plain mtu 900 down")
        row = self.lab.json("pseudowire show plain")[0]
        self.assertEqual((row["mtu"], row["state"]), (900, "down"))
        self.lab.ctl("pseudowire set plain mtu 1500 up")


for_each_driver(globals(), Wire, Bad)


if __name__ == "__main__":
    unittest.main()
