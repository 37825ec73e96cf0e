#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`shuntctl trace`: packets followed through the stages, compared with the frames on the wire; and what
each stage costs (`show runtime`)."""

import json
import signal
import subprocess
import unittest

import frames
from frames import numbered, stack, udp4
from shunt_test import LabTest, Refused, wait_until
from wire import Sender

VIA = "via 10.0.1.2"
SHOWN = 160  # bytes of a frame in a trace


class TraceTest(LabTest):
    """Something that runs `shuntctl trace`."""

    def start_trace(self, *words, options=("-j",)):
        """A client that traces, and is seen to do so."""
        before = self.lab.json("show trace")["generation"]
        client = subprocess.Popen([*self.lab.ctl_words(), *options, "trace", *words], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, client)

        def traces():
            now = self.lab.json("show trace")
            self.assertIsNone(client.poll(), client)
            return now["active"] and now["generation"] != before
        wait_until(traces, 10, "the trace is on")
        return client

    @staticmethod
    def end(client):
        """Whatever became of it."""
        client.kill()
        client.communicate()

    def packets(self, client):
        """What a client with -j has said when it ended by itself."""
        out, err = client.communicate(timeout=20)
        self.assertEqual(client.returncode, 0, err)
        return json.loads(out)

    def compare_bytes(self, shown, frame):
        """A packet or an end is this frame."""
        self.assertEqual(shown["length"], len(frame))
        self.assertEqual(shown["bytes"], frame[:SHOWN].hex())

    def assert_off(self):
        """Nobody is traced."""
        self.assertFalse(self.lab.json("show trace")["active"])


class Trace(TraceTest):
    """One client, one packet or some."""

    def test_swap(self):
        """Every stage, what it looked up, and the bytes that came and left."""
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        sent = [self.arriving(stack((label, 64, i)) + udp4(numbered(i))) for i in range(3)]
        left = [self.leaving(stack((200, 63, i)) + udp4(numbered(i))) for i in range(3)]
        client = self.start_trace("3")
        self.check(sent, left)
        packets = self.packets(client)
        self.assertEqual(len(packets), 3)
        for packet, came, went in zip(packets, sent, left):
            self.assertEqual(packet["interface"], "p0")
            self.compare_bytes(packet, came)
            self.assertEqual([(step["stage"], step["next"]) for step in packet["steps"]],
                             [("classify", "mpls"), ("mpls", "output"), ("output", "transmit")])
            found = packet["steps"][1]["lookups"][0]
            self.assertEqual((found["label"], found["space"], found["operation"],
                              found["out_label"]), (label, 0, "swap", 200))
            out = packet["steps"][2]["lookups"][0]
            self.assertEqual((out["nexthop"], out["interface"]), (found["nexthop"], "p1"))
            self.assertEqual(len(packet["ends"]), 1)
            self.assertEqual((packet["ends"][0]["end"], packet["ends"][0]["port"]),
                             ("transmitted", "p1"))
            self.compare_bytes(packet["ends"][0], went)
        self.assert_off()

    def test_dropped(self):
        """The reason, and the stage that dropped it."""
        frame = self.arriving(stack(self.label()) + udp4(numbered(1)))
        client = self.start_trace("1")
        self.check([frame], [], drops={"mpls_unknown_label": 1})
        packet, = self.packets(client)
        self.compare_bytes(packet, frame)
        self.assertEqual([(end["end"], end["stage"], end["reason"]) for end in packet["ends"]],
                         [("dropped", "mpls", "mpls_unknown_label")])
        self.assertEqual(packet["steps"][-1]["lookups"][0]["operation"], "unknown")

    def test_punted(self):
        """To the control plane, for its reason."""
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        client = self.start_trace("1")
        before = self.lab.counters()
        self.lab.sender.send([self.arriving(stack((label, 1)) + udp4(numbered(1)))])
        self.lab.settle(before, "p0", 1)
        packet, = self.packets(client)
        self.assertEqual([(end["end"], end["reason"]) for end in packet["ends"]],
                         [("punted", "mpls_ttl_exceeded")])
        for capture in self.lab.captures:
            capture.drain()

    def test_match(self):
        """The expression selects, whatever else comes in between."""
        one, other = self.label(), self.label()
        for label in one, other:
            self.lab.ctl(f"mpls add {label} swap {label + 1} {VIA}")
        sent = [self.arriving(stack((label, 64)) + udp4(numbered(i)))
                for i in range(6) for label in (one, other)]
        left = [self.leaving(stack((label + 1, 63)) + udp4(numbered(i)))
                for i in range(6) for label in (one, other)]
        client = self.start_trace("4", "match", f"mpls {other} and udp")
        self.check(sent, left)
        packets = self.packets(client)
        self.assertEqual([packet["bytes"] for packet in packets],
                         [frame.hex() for frame in sent[1::2][:4]])
        self.assert_off()

    def test_port(self):
        """Only what comes in by the port."""
        frame = frames.ethernet(self.lab.mac("p1"), self.lab.host_mac(1), frames.ETHERTYPE_MPLS,
                                stack(self.label()) + udp4(numbered(1)))
        client = self.start_trace("1", "port", "p1")
        self.check([self.arriving(stack(self.label()) + udp4(numbered(1)))], [],
                   drops={"mpls_unknown_label": 1})
        self.assertEqual(self.lab.json("show trace")["packets"], [])
        before = self.lab.counters()
        sender = Sender(self.lab.target, "h1")
        self.addCleanup(sender.close)
        sender.send([frame])
        self.lab.settle(before, "p1", 1)
        packet, = self.packets(client)
        self.assertEqual(packet["interface"], "p1")
        self.compare_bytes(packet, frame)
        self.assertEqual(packet["ends"][0]["reason"], "mpls_disabled")

    def test_ip_and_filter(self):
        """The route that was found, and the rules that decided."""
        self.lab.batch(["route add 10.9.0.0/16 via 10.0.1.2", "filter add t default permit",
                        "filter rule add t 7 deny proto udp dport 4000",
                        "filter rule add t 9 permit proto udp", "filter bind t in p0"])
        self.addCleanup(self.lab.batch, ["filter unbind t in p0", "filter rule del t 7",
                                         "filter rule del t 9", "filter del t",
                                         "route del 10.9.0.0/16"])
        body = [frames.ethernet(self.lab.mac("p0"), self.lab.host_mac(0), frames.ETHERTYPE_IPV4,
                                udp4(numbered(port), dst="10.9.8.7", dport=port))
                for port in (4000, 5000)]
        client = self.start_trace("2", "match", "dst host 10.9.8.7")
        before = self.lab.counters()
        self.lab.sender.send(body)
        self.lab.settle(before, "p0", 2)
        denied, passed = self.packets(client)
        stages = {step["stage"]: step for step in denied["steps"]}
        rule = stages["filter"]["lookups"][0]
        self.assertEqual((rule["filter"], rule["rule"], rule["action"]), ("t", 7, "deny"))
        self.assertEqual(denied["ends"][0]["reason"], "filter_in")
        stages = {step["stage"]: step for step in passed["steps"]}
        self.assertEqual(stages["filter"]["lookups"][0]["rule"], 9)
        route = stages["ip"]["lookups"][0]
        self.assertEqual((route["address"], route["vrf"], route["route"]),
                         ("10.9.8.7", 0, "nexthop"))
        self.assertEqual(passed["ends"][0]["port"], "p1")
        for capture in self.lab.captures:
            capture.drain()

    def test_text(self):
        """What a person reads."""
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        frame = self.arriving(stack((label, 64)) + udp4(numbered(1)))
        client = self.start_trace("1", options=())
        self.check([frame], [self.leaving(stack((200, 63)) + udp4(numbered(1)))])
        out, _ = client.communicate(timeout=20)
        lines = out.splitlines()
        self.assertIn(f" p0, {len(frame)} bytes, worker 0", lines[0])
        self.assertEqual(lines[1], "    0000  " + frame[:16].hex(" "))
        self.assertIn("  classify -> mpls", lines)
        self.assertTrue(any(line.startswith(f"  mpls: label {label} (space 0): swap 200, nexthop ")
                            and line.endswith("(p1) -> output") for line in lines), out)
        self.assertIn(f"  transmit: transmitted by p1, {len(frame)} bytes", lines)
        self.assertEqual(self.lab.ctl("show trace"), out)


class Ends(TraceTest):
    """A trace ends, whoever dies."""

    def send_unknown(self, count):
        """Packets that are dropped."""
        self.check([self.arriving(stack(self.label()) + udp4(numbered(i))) for i in range(count)],
                   [], drops={"mpls_unknown_label": count})

    def test_count(self):
        """N packets and not one more, and then none."""
        client = self.start_trace("5")
        self.send_unknown(20)
        self.assertEqual(len(self.packets(client)), 5)
        self.assert_off()
        self.send_unknown(20)
        self.assertEqual(len(self.lab.json("show trace")["packets"]), 5)

    def test_timeout(self):
        """Fewer came: said, and no error."""
        client = self.start_trace("5", "timeout", "5s")
        self.send_unknown(2)
        out, err = client.communicate(timeout=20)
        self.assertEqual(client.returncode, 0, err)
        self.assertEqual(len(json.loads(out)), 2)
        self.assertIn("2 of 5 packets", err)
        self.assert_off()

    def test_interrupted_client(self):
        """Ctrl-C prints what came and switches it off."""
        client = self.start_trace("5")
        self.send_unknown(1)
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=20)
        self.assertEqual((client.returncode, len(json.loads(out))), (0, 1), err)
        self.assert_off()

    def test_killed_client(self):
        """Its deadline ends it."""
        before = self.lab.json("show trace")["packets"]
        client = self.start_trace("5", "timeout", "5s")
        self.end(client)
        wait_until(lambda: not self.lab.json("show trace")["active"], 20, "the trace is over")
        self.send_unknown(1)
        self.assertEqual(self.lab.json("show trace")["packets"], before)

    def test_killed_controlplane(self):
        """The next one wants nothing of it."""
        before = self.lab.json("show trace")["packets"]
        client = self.start_trace("5", "timeout", "1h")
        self.lab.kill("controlplane")
        self.lab.start_controlplane()
        self.lab.wait_links("up")
        self.assert_off()
        self.end(client)
        self.send_unknown(1)
        self.assertEqual(self.lab.json("show trace")["packets"], before)

    def test_refused(self):
        """Each by its name."""
        with self.assertRaisesRegex(Refused, "pcap-filter"):
            self.lab.ctl(["trace", "1", "match", "no such thing"])
        with self.assertRaisesRegex(Refused, "instruction 2"):
            self.lab.ctl(["trace", "1", "program", "6 0 0 1,x"])
        with self.assertRaisesRegex(Refused, "jump or read where they must not"):
            self.lab.ctl(["trace", "1", "program", "21 9 9 1,6 0 0 1"])
        with self.assertRaisesRegex(Refused, "p77"):
            self.lab.ctl("trace 1 port p77")
        with self.assertRaisesRegex(Refused, "expected a port"):
            self.lab.ctl("loopback add l0")
            self.addCleanup(self.lab.ctl, "loopback del l0")
            self.lab.ctl("trace 1 port l0")
        self.assert_off()


class Copies(TraceTest):
    """A bridge of three ports."""

    ports = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.ctl("bridge add br0 snooping off")
        for i in range(3):
            cls.lab.ctl(f"neigh del 10.0.{i}.2 dev p{i}")
            cls.lab.ctl(f"address del 10.0.{i}.1/24 dev p{i}")
            cls.lab.ctl(f"port set p{i} bridge br0")

    def test_flooded(self):
        """Each copy's port."""
        frame = frames.ethernet("02:00:00:00:77:77", self.lab.host_mac(0), 0x88b5, numbered(1))
        client = self.start_trace("1", "match", "ether proto 0x88b5")
        before = self.lab.counters()
        self.lab.sender.send([frame])
        self.lab.settle(before, "p0", 1)
        packet, = self.packets(client)
        found = packet["steps"][-1]["lookups"][0]
        self.assertEqual((found["bridge"], found["mac"]), ("br0", "02:00:00:00:77:77"))
        self.assertNotIn("interface", found)
        self.assertEqual(sorted(end["port"] for end in packet["ends"]), ["p1", "p2"])
        for end in packet["ends"]:
            self.compare_bytes(end, frame)


class Runtime(LabTest):
    """What the stages cost."""

    def test_runtime(self):
        """Of packets that are switched: these stages, each with its packets and cycles."""
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")

        def sampled():
            self.lab.sender.send([self.arriving(stack((label, 64)) + udp4(numbered(1)))] * 64)
            rows = {row["stage"]: row for row in self.lab.json("show runtime")}
            return rows if {"receive", "classify", "mpls", "output",
                            "transmit"} <= rows.keys() else None
        rows = wait_until(sampled, 20, "a sampled turn")
        for row in rows.values():
            self.assertEqual(row["worker"], 0)
            self.assertGreater(row["cycles_per_packet"], 0, row)
            self.assertGreaterEqual(row["packets_per_call"], 1, row)
        self.assertNotIn("bridge", rows)
        self.assertAlmostEqual(sum(row["percent"] for row in rows.values()), 100, delta=1)
        text = self.lab.ctl("show runtime").splitlines()
        self.assertEqual(text[0].split(), ["WORKER", "STAGE", "CALLS", "PACKETS", "PACKETS/CALL",
                                           "CYCLES/PACKET", "PERCENT"])

        def labels_seen():
            return any(row["stage"] == "mpls" for row in self.lab.json("show runtime"))

        def cleared():
            self.lab.ctl("clear runtime")
            return not labels_seen()
        wait_until(cleared, 10, "nothing counted after the last packet")
        self.lab.kill("controlplane")
        self.lab.start_controlplane()
        self.assertFalse(labels_seen(), "the baseline is gone with the control plane")
        wait_until(sampled, 20, "a sampled turn")


if __name__ == "__main__":
    unittest.main()
