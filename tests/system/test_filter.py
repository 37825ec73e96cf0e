#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Filters at work: frames one by one under changes and deaths, and Linux hosts behind default deny."""

import json
import random
import struct
import subprocess
import time
import unittest
from collections import Counter

import frames
from api_client import Client
from hosts import Network
from shunt_test import LabTest, for_each_driver, wait_until
from wire import Flood

OUTSIDE, INSIDE = "10.0.0.2", "10.0.1.2"
REPLACES = 1000
LEAST_ROUNDS = 50
ROUNDS_AT_ONCE = 6  # of the traffic, within what a driver holds
TRIES = 5
PAIRS = 16


class FilterTest(LabTest):
    """Filter f, default deny, decides about what comes in by p0."""

    def setUp(self):
        super().setUp()
        self.api = Client(self.lab.run_dir / self.lab.instance / "control.sock")
        self.addCleanup(self.api.close)
        self.say("filter add f", "filter rule add f 1 permit from 10.0.0.99", "filter bind f in p0")
        self.addCleanup(self.clear)
        # after the flood of another test: what is in the driver follows changes some milliseconds late
        calm = "not pushed: it denies fewer" if self.driver == "net_af_xdp" else "none"
        wait_until(lambda: self.lab.json("port show p0")[0]["xdp_filter"].startswith(calm), 15,
                   "the filter is not in the driver")

    def clear(self):
        """Away with what a test has made."""
        self.lab.ctl("filter unbind f in p0")
        rules = self.lab.json("filter rule show f")
        self.lab.batch([f"filter rule del f {rule['seq']}" for rule in rules] + ["filter del f"])
        for row in self.lab.json("filter list show"):
            prefixes = self.lab.json(f"filter list show {row['name']}")[0]["prefixes"]
            # at once, though packets may be judged by a rule that named it until a grace period is over
            self.lab.ctl(f"filter list del {row['name']} {' '.join(prefixes)}")

    def say(self, *lines):
        """Commands, as one."""
        answer = self.api.batch(list(lines), atomic=True)
        self.assertEqual(answer["failed"], 0, answer)

    def udp(self, port, number=0, source=OUTSIDE):
        """A frame to the inside."""
        return self.frame(frames.udp4(frames.numbered(number), source, INSIDE, dport=port))

    def frame(self, packet):
        return frames.ethernet(self.lab.mac("p0"), self.lab.host_mac(0), 0x0800, packet)

    def arrived(self):
        """Ports of the UDP packets that came out."""
        return [struct.unpack_from("!H", frame, 36)[0] for frame in self.lab.captures[1].drain()
                if frame[12:14] == b"\x08\x00" and frame[23] == 17]

    def one(self, frame):
        """Does it come out? A frame that does is sent behind it, so that nothing is waited for in vain."""
        self.lab.captures[1].drain()
        self.lab.sender.send([frame, self.udp(9, source="10.0.0.99")])
        got = []

        def marked():
            got.extend(f for f in self.lab.captures[1].drain() if f[12:14] == b"\x08\x00")
            return any(f[26:30] == bytes([10, 0, 0, 99]) for f in got)
        wait_until(marked, 5, "the frame behind", interval=0.001)
        return len(got) > 1

    # ---- changes under traffic

    def sets(self):
        """Two rule sets without a rule in common. Ports 1000 + i pass by both of them and 2000 + i by
        none, but not by any mixture of a pair's two rules; 3000 passes by the first one."""
        one, other = [], []
        for i in range(PAIRS):
            seq, x, y = 10 * i + 10, 1000 + i, 2000 + i
            one += [f"{seq} permit proto udp dport {x}", f"{seq + 5} deny proto udp dport {x},{y}"]
            other += [f"{seq} deny proto udp dport {y}", f"{seq + 5} permit proto udp dport {x},{y}"]
        return one + ["900 permit proto udp dport 3000"], other + ["900 deny proto udp dport 3000"]

    def denied(self):
        """By workers, and in the driver."""
        drops = self.lab.drops()
        return drops.get(("p0", "filter_in"), 0) + drops.get(("p0", "filter_xdp"), 0)

    def test_replace(self):
        sets = self.sets()
        self.say(*(f"filter rule add f {rule}" for rule in sets[0]))
        ports = [1000 + i for i in range(PAIRS)] + [2000 + i for i in range(PAIRS)] + [3000]
        lab, before, drops = self.lab, self.lab.counters(), self.denied()
        lab.captures[1].drain()
        traffic = Flood(lab.sender, [self.udp(port) for port in ports],
                        window=ROUNDS_AT_ONCE * len(ports))
        count, replaces = Counter(), 0

        def replaced():
            nonlocal replaces
            replaces += 1
            self.say(*(f"filter rule replace f {rule}" for rule in sets[replaces % 2]))
            count.update(self.arrived())
            through = count[1000 + PAIRS - 1]
            traffic.through = through * len(ports)
            return replaces >= REPLACES and through >= LEAST_ROUNDS
        try:
            wait_until(replaced, 60, "replaces under traffic", interval=0)
        finally:
            rounds = traffic.stop() // len(ports)
        lab.settle(before, "p0", rounds * len(ports))
        wait_until(lambda: count.update(self.arrived()) or
                   count.total() + self.denied() - drops >= rounds * len(ports), 20, "all come or are denied")
        for i in range(PAIRS):
            self.assertEqual((1000 + i, count[1000 + i]), (1000 + i, rounds))
            self.assertEqual((2000 + i, count[2000 + i]), (2000 + i, 0))
        self.assertTrue(0 < count[3000] < rounds, f"both sets were at work: {count[3000]} of {rounds}")
        self.assertEqual(self.denied() - drops, rounds * len(ports) - count.total())
        print(f"  {replaces} replaces, {rounds * len(ports)} packets, {count[3000]} of {rounds} by the first set")

    def test_list(self):
        self.say("filter list add bad 10.77.0.0/16", "filter rule add f 10 deny from @bad",
                 "filter rule add f 20 permit proto udp")
        bad, other = self.udp(7, source="10.78.1.1"), [self.udp(8, source=f"10.79.0.{i}") for i in range(50)]
        self.assertFalse(self.one(self.udp(7, source="10.77.1.1")))
        for i in range(40):
            self.assertTrue(self.one(bad), f"taken out {i}")
            self.say("filter list add bad 10.78.1.1")
            self.assertFalse(self.one(bad), f"added {i}")
            self.lab.sender.send(other)
            self.say("filter list del bad 10.78.1.1")
        self.assertTrue(self.one(bad))

    # ---- what the rules do

    def flood(self, seconds):
        """So many seconds of far more than any rate: what is measured is packets in a time. -> DSCPs of the
        packets that came out, how many were policed, and two times: that of the flood, and that in which all
        of them came. Each that was received came out or was policed; the rings may overflow."""
        lab, came, marked = self.lab, [], 0
        before, begun = lab.counters()["p0"], time.monotonic()
        lab.captures[1].drain()
        traffic = Flood(lab.sender, [self.udp(5000)] * 50)
        time.sleep(seconds)
        traffic.stop()
        lasted, received, policed = time.monotonic() - begun, 0, 0

        def behind():
            nonlocal marked
            if time.monotonic() > marked + 3:  # a full ring has lost it
                marked = time.monotonic()
                lab.sender.send([self.udp(9, source="10.0.0.99")])
            came.extend(f for f in lab.captures[1].drain() if f[12:14] == b"\x08\x00")
            return any(f[26:30] == bytes([10, 0, 0, 99]) for f in came)
        wait_until(behind, 15, "the frame behind")

        def accounted():
            nonlocal received, policed
            now = lab.counters()
            received = now["p0"]["rx_packets"] - before["rx_packets"]
            came.extend(f for f in lab.captures[1].drain() if f[12:14] == b"\x08\x00")
            policed, policed_before = (row["drops"].get("filter_policed", 0) for row in (now["p0"], before))
            policed -= policed_before
            return received == len(came) + policed and all(row["in_flight"] == 0 for row in now.values())
        wait_until(accounted, 15, lambda: f"{received} received, {len(came)} came out, {policed} policed")
        marks = [f[15] >> 2 for f in came if f[26:30] == bytes([10, 0, 0, 2])]
        return marks, policed, lasted, time.monotonic() - begun

    def test_police(self):
        """Within 10 % of the rate, beside the burst: more than what a worker without a processor misses."""
        rate, burst, seconds = 200, 500, 4
        self.say(f"filter rule add f 20 police {rate}pps burst {burst} proto udp")
        tries = []
        for _ in range(TRIES):
            marks, policed, lasted, until = self.flood(seconds)
            tries.append(f"{len(marks)} in {lasted:.2f} s")
            self.assertLessEqual(len(marks), burst + 1.02 * rate * until, tries)
            if abs(len(marks) - burst - rate * lasted) < 0.1 * rate * lasted and policed > rate * seconds:
                return
            time.sleep(burst / rate)  # the bucket is full again
        self.fail(f"never at {rate} a second: {tries}")

    def test_police_two_rates(self):
        """RFC 2698: the committed rate as it was, up to the peak rate marked AF11, the rest dropped."""
        rate, burst, seconds = 200, 500, 3
        self.say(f"filter rule add f 20 police {rate}pps burst {burst} peak {2 * rate}pps "
                 f"peak-burst {2 * burst} exceed af11 proto udp")
        tries = []
        for _ in range(TRIES):
            marks, policed, lasted, until = self.flood(seconds)
            tries.append(f"{Counter(marks)} in {lasted:.2f} s")
            self.assertLessEqual(set(marks), {0, 10}, tries)
            self.assertLessEqual(marks.count(0), burst + 1.02 * rate * until, tries)
            self.assertLessEqual(len(marks), 2 * (burst + 1.02 * rate * until), tries)
            near = [mark for mark in (0, 10)
                    if abs(marks.count(mark) - burst - rate * lasted) < 0.15 * rate * lasted]
            if near == [0, 10] and policed > rate * seconds:
                break
            time.sleep(burst / rate)  # the buckets are full again
        else:
            self.fail(f"never at {rate} a second each: {tries}")
        rule = next(rule for rule in json.loads(self.lab.ctl("config show"))["filter rule"] if rule["seq"] == 20)
        self.assertEqual(rule, {"name": "f", "seq": 20, "police": "200pps", "burst": 500, "peak": "400pps",
                                "peak_burst": 1000, "exceed": 10, "proto": "udp"})

    def test_samples(self):
        self.say("filter rule add f 10 deny proto udp dport 5353 log",
                 "filter rule add f 20 permit proto udp", "filter rule add f 30 deny ethertype mpls log")
        since = self.lab.json("show events")[-1]["number"] + 1
        self.assertFalse(self.one(self.udp(5353)))
        self.assertTrue(self.one(self.udp(5354)))
        wait_until(lambda: any(f"{INSIDE}:5353" in row["text"] and row.get("object") == "f"
                               for row in self.lab.json(f"show events from {since}")), 5, "a sample")
        self.lab.send_settled([self.arriving(bytes.fromhex("00064140"))])
        wait_until(lambda: any(row["text"] == "rule 30 denies a frame that is not IP from p0" for row in
                               self.lab.json(f"show events from {since}")), 5, "a sample of a frame")
        self.assertFalse(any(":5354" in row["text"] for row in self.lab.json(f"show events from {since}")))

    RULES = ["10 deny from @blocked", "20 permit proto tcp dport 80,443,8000-8100",
             "30 permit proto tcp established", "40 deny proto tcp syn", "50 permit proto udp sport 53",
             "60 permit proto icmp icmp 8/0", "70 deny fragments", "80 permit proto udp dport 1000-2000 dscp 46",
             "90 permit proto 47 from 10.0.0.0/24", "100 deny proto udp to 10.0.1.2/32 dport 2000-3000"]

    def random_packet(self, chance):
        """(words for `filter test`, packet)."""
        source = chance.choice([OUTSIDE, "10.66.0.1", "10.66.3.1", "10.0.0.7"])
        kind, words = chance.choice([1, 6, 17, 47]), [f"from {source} to {INSIDE}"]
        ports = [53, 79, 80, 443, 1000, 2000, 2500, 7999, 8000, 8100, 8101]
        sport, dport = chance.choice(ports), chance.choice(ports)
        # net_af_packet has the kernel put fragments together, and these lack the rest
        tos, fragment = chance.choice([0, 46]), chance.random() < 0.2 and self.driver != "net_af_packet"
        words.append(f"proto {kind} dscp {tos}")
        if fragment:
            words.append("fragments")
        elif kind == 1:
            icmp = chance.choice([(8, 0), (0, 0), (3, 1)])
            words.append("icmp %d/%d" % icmp)
        elif kind in (6, 17):
            words.append(f"sport {sport} dport {dport}")
        flags = chance.choice([("", 0), ("syn", 2), ("established", 16)])
        if kind == 6 and not fragment:
            words.append(flags[0])
        payload = {1: lambda: bytes(icmp) + bytes(14), 47: lambda: bytes(16),
                   6: lambda: struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, flags[1], 100, 0, 0),
                   17: lambda: struct.pack("!HHHH", sport, dport, 24, 0) + bytes(16)}[kind if not fragment else 47]()
        packet = bytearray(frames.ipv4(payload, source, INSIDE, kind, fragment=99 if fragment else 0))
        packet[1], packet[10], packet[11] = tos << 2, 0, 0
        packet[10:12] = frames.checksum(bytes(packet[:20])).to_bytes(2, "big")
        return " ".join(words), bytes(packet)

    def counts(self):
        """Sequence number (0: the default) to packets."""
        row = self.lab.json("filter show f")[0]
        return {0: row["packets"], **{rule["seq"]: rule["packets"] for rule in row["rules"]}}

    def test_agrees(self):
        """`filter test` says of every packet what the data plane does, and by which rule."""
        chance = random.Random(5)
        self.say("filter list add blocked 10.66.0.0/23 10.66.0.0/24", *(f"filter rule add f {r}" for r in self.RULES))
        made, expected, passing = [], dict.fromkeys(self.counts(), 0), []
        for _ in range(400):
            words, packet = self.random_packet(chance)
            answer = self.lab_test(words)
            expected[answer.get("seq", 0)] += 1
            made.append(self.frame(packet))
            if answer["verdict"] == "permit":
                passing.append(packet[9:10] + packet[12:])
        expected[1] += 1  # the rule for markers
        self.assertGreater(min(n for seq, n in expected.items() if seq != 70 or self.driver != "net_af_packet"), 0, f"every rule decides some: {expected}")
        made.append(self.udp(9, source="10.0.0.99"))
        counted = self.counts()
        self.lab.captures[1].drain()
        self.lab.send_settled(made)
        got = [f[23:24] + f[26:14 + int.from_bytes(f[16:18], "big")]
               for f in self.lab.captures[1].collect(len(passing) + 1, 20) if f[12:14] == b"\x08\x00"][:-1]
        self.assertEqual(got, passing)
        self.assertEqual({seq: n - counted[seq] for seq, n in self.counts().items()}, expected)

    def lab_test(self, words):
        """What `filter test f WORDS` says."""
        answer = self.lab.json(f"filter test f {words}")
        return answer[0] if isinstance(answer, list) else answer

    # ---- deaths

    def test_deaths(self):
        """Either process dies under traffic: no packet that is denied ever passes."""
        self.say("filter list add bad 10.78.0.0/16", "filter rule add f 10 deny from @bad",
                 "filter rule add f 20 permit proto udp dport 1000")
        made = [self.udp(1000), self.udp(1000, source="10.78.0.1"), self.udp(2000)]
        self.lab.captures[1].drain()
        traffic = Flood(self.lab.sender, made, 0.02)
        got = set()

        def passes():
            came = [(f[26:30], f[36:38]) for f in self.lab.captures[1].drain() if f[12:14] == b"\x08\x00"]
            got.update(came)
            return came
        try:
            wait_until(passes, 5, "traffic")
            for name in ("controlplane", "dataplane"):
                self.lab.kill(name)
                if name == "controlplane":
                    wait_until(passes, 5, "traffic without a control plane")
                    self.lab.start_controlplane()
                else:
                    passes()
                    self.lab.start_dataplane()
                    self.lab.wait_links("up")
                wait_until(passes, 10, f"traffic after the {name}'s death")
        finally:
            traffic.stop()
        passes()
        self.assertEqual(got, {(bytes([10, 0, 0, 2]), (1000).to_bytes(2, "big"))})
        self.one(made[2])  # nothing of it is left to the next test
        self.api.close()
        self.allow = "data plane|dataplane|died|gone"


class HostsTest(unittest.TestCase):
    """outside (10.0.0.2) - p0 of a node p1 - inside (10.0.1.2), with default deny at both ports."""

    driver = "net_af_packet"

    @classmethod
    def setUpClass(cls):
        cls.network = Network(cls.driver)
        cls.addClassCleanup(cls.network.close)
        node = cls.node = cls.network.node("node")
        cls.outside, cls.inside = cls.network.host("outside"), cls.network.host("inside")
        cls.network.link(node, "p0", cls.outside)
        cls.network.link(node, "p1", cls.inside)
        node.start_processes()
        for i, host in enumerate((cls.outside, cls.inside)):
            host.configure([f"10.0.{i}.2/24", f"fd00:{i}::2/64"], [])
            node.add_port([f"10.0.{i}.1/24", f"fd00:{i}::1/64"])
        node.wait_links("up")
        for i, host in enumerate((cls.outside, cls.inside)):
            for gateway in (f"10.0.{i}.1", f"fd00:{i}::1"):
                host.namespace.ip("route", "add", "default", "via", gateway)
        node.batch(["filter list add resolvers 10.0.0.2 fd00:0::2",
                    "filter add in", "filter bind in in p0", "filter add out", "filter bind out in p1",
                    "filter rule add in 10 permit proto tcp dport https",
                    "filter rule add in 20 permit proto udp from @resolvers sport domain",
                    "filter rule add in 30 permit proto icmp icmp 8",
                    "filter rule add in 40 permit proto icmpv6 icmp 128",
                    "filter rule add out 10 permit proto tcp sport https established",
                    "filter rule add out 20 permit proto udp to @resolvers dport domain",
                    "filter rule add out 30 permit proto icmp icmp 0",
                    "filter rule add out 40 permit proto icmpv6 icmp 129"])

    def tearDown(self):
        self.assertEqual(self.node.new_trouble(), [])

    def serve(self, host, address, port, kind):
        """An echo server on the host."""
        words = host.namespace.command("python3", "-c", f"""
import socket
s = socket.socket(socket.AF_INET6 if ":" in "{address}" else socket.AF_INET, socket.SOCK_{kind})
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("{address}", {port}))
print("ready", flush=True)
if "{kind}" == "DGRAM":
    while True:
        data, peer = s.recvfrom(2000)
        s.sendto(data, peer)
s.listen()
while True:
    peer, _ = s.accept()
    while data := peer.recv(65536):
        peer.sendall(data)
    peer.close()
""")
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

        def end():
            process.kill()
            process.wait()
            process.stdout.close()
        self.addCleanup(end)
        self.assertEqual(process.stdout.readline(), "ready\n")

    @staticmethod
    def ask(host, address, port, kind, count=1000, wait=10):
        """Does the server echo?"""
        text = host.run("python3", "-c", f"""
import socket
s = socket.socket(socket.AF_INET6 if ":" in "{address}" else socket.AF_INET, socket.SOCK_{kind})
s.settimeout({wait})
try:
    s.connect(("{address}", {port}))
    got, tries = 0, 1 if s.type == socket.SOCK_STREAM else {max(1, wait)}
    s.settimeout({wait} / tries)
    while got < {count} and tries:  # a datagram may be lost: once more
        tries -= 1
        try:
            s.sendall(b"x" * {count})
            while got < {count}:
                got += len(s.recv(65536)) or exit("ended")
        except TimeoutError:
            pass
    print("echo" if got >= {count} else "timeout")
except TimeoutError:
    print("timeout")
""")
        return text.strip()

    def test_https(self):
        for address in ("10.0.1.2", "fd00:1::2"):
            for port in (443, 8443):
                self.serve(self.inside, address, port, "STREAM")
            self.assertEqual(self.ask(self.outside, address, 443, "STREAM", count=300000), "echo")
            self.assertEqual(self.ask(self.outside, address, 8443, "STREAM", wait=1), "timeout")

    def test_not_back(self):
        """Who is inside opens no connection, not even from port 443."""
        self.serve(self.outside, "10.0.0.2", 443, "STREAM")
        self.assertEqual(self.ask(self.inside, "10.0.0.2", 443, "STREAM", wait=1), "timeout")

    def test_dns(self):
        for address, other in (("10.0.0.2", "10.0.0.3"), ("fd00:0::2", "fd00:0::3")):
            self.outside.add_address(other + ("/24" if "." in other else "/64"), "eth0")
            for to in (address, other):
                self.serve(self.outside, to, 53, "DGRAM")
            self.assertEqual(self.ask(self.inside, address, 53, "DGRAM"), "echo")
            self.assertEqual(self.ask(self.inside, other, 53, "DGRAM", wait=1), "timeout")
            self.node.ctl(f"filter list add resolvers {other}")
            self.assertEqual(self.ask(self.inside, other, 53, "DGRAM"), "echo")
            self.node.ctl(f"filter list del resolvers {other}")

    def test_ping(self):
        for inside, outside in (("10.0.1.2", "10.0.0.2"), ("fd00:1::2", "fd00:0::2")):
            self.assertGreaterEqual(self.outside.ping_until(inside).received, 3)
            self.assertEqual(self.inside.ping(outside, count=2, wait=1).received, 0)

    def test_local(self):
        """Our own addresses, by whatever interface; what is forwarded is not asked about."""
        node = self.node
        node.batch(["filter rule add in 50 permit to 10.0.0.1", "filter rule add in 60 permit to 10.0.1.1"])
        self.assertGreaterEqual(self.outside.ping_until("10.0.0.1").received, 3)
        node.batch(["filter add own", "filter rule add own 10 permit to 10.0.1.1", "filter bind own local"])
        try:
            self.assertEqual(self.outside.ping("10.0.0.1", count=2, wait=1).received, 0)
            self.assertGreaterEqual(self.outside.ping_until("10.0.1.1").received, 3)
            self.assertGreaterEqual(self.outside.ping_until("10.0.1.2").received, 3)
            self.assertGreater(node.drops()["p0", "filter_local"], 0)
        finally:
            node.batch(["filter unbind own local", "filter rule del own 10", "filter del own",
                        "filter rule del in 50", "filter rule del in 60"])
        self.assertGreaterEqual(self.outside.ping_until("10.0.1.2").received, 3)


for_each_driver(globals(), FilterTest, HostsTest)

if __name__ == "__main__":
    unittest.main()
