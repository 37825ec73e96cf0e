#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Label-switched paths of three shunts between Linux hosts: what the hosts see, and what is on the links."""

import re
import unittest

from chain import HOPS, LABELS, Chain, address
from frames import mac, numbered, udp4, udp6
from hosts import icmp_message
from shunt_test import assert_sound, for_each_driver, wait_until
from wire import Sender

IPERF_RATE = "80M"  # a second, what two busy cores carry
EXPEDITED = 0xb8    # DSCP 46; its class selector is 5
ECHO = {4: 8, 6: 128}


def read_stack(frame):
    """(label, traffic class, TTL) from the outermost on, and the packet below."""
    out, at, bottom = [], 14, frame[12:14] != b"\x88\x47"
    while not bottom:
        entry = int.from_bytes(frame[at:at + 4], "big")
        out.append((entry >> 12, entry >> 9 & 7, entry & 0xff))
        bottom = bool(entry & 0x100)
        at += 4
    return out, frame[at:]


def traffic_class(packet):
    """DSCP and ECN of an IP packet."""
    if packet[0] >> 4 == 4:
        return packet[1]
    return int.from_bytes(packet[:2], "big") >> 4 & 0xff


class ChainTest(unittest.TestCase):
    """A chain for the class; after each test the logs must be silent."""

    driver = "net_af_packet"
    mtu = (1500, 1500, 1500, 1500)

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain(cls.driver, cls.mtu)
        cls.addClassCleanup(cls.chain.close)
        cls.near, cls.far = cls.chain.ends

    def setUp(self):
        self.chain.push()
        self.chain.swap()
        self.chain.pop()

    def tearDown(self):
        assert_sound(self, self.chain)

    def pings(self, family, *options, count=3):
        """Each answered; the TTL that the replies had left."""
        to = address(family, 1, 2)
        pings = self.near.ping_until(to, *options, count=count)
        self.assertEqual(set(range(1, count + 1)) - pings.answered, set(), pings.text)
        ttl = set(re.findall(r"ttl=(\d+)", pings.text))
        self.assertEqual(len(ttl), 1, pings.text)
        return int(ttl.pop())

    def iperf3(self, family, *options):
        """Bytes arrive, and hardly any of them had to be sent again; in one of six tries, as a machine that is
        busy with something else looks like a slow path."""
        for _ in range(6):
            end = self.near.iperf3(self.far, address(family, 1, 2), "-b", IPERF_RATE, *options)
            sent, received = end["sum_sent"], end["sum_received"]
            if received["bytes"] > 5_000_000 and sent["retransmits"] < sent["bytes"] / 1400 * 0.02:
                return
        self.fail(f"iperf3, six times: {end}")

    def assert_route(self, family, hops, *options):
        """A traceroute has these hops: (address, [(label, traffic class, bottom, TTL), ...])."""
        got = self.near.traceroute(address(family, 1, 2), *options)
        self.assertEqual([(hop.address, hop.labels) for hop in got], hops, got)

    def on_link(self, capture, kind):
        """Stacks and packets of the ICMP messages of this type that went by."""
        found = [read_stack(frame) for frame in capture.drain()]
        return [(stack, packet) for stack, packet in found
                if (message := icmp_message(packet)) is not None and message[0] == kind]


class Path(ChainTest):
    """Ultimate and penultimate hop popping, the TTL and traffic class models, entropy."""

    def hops(self, family, at_c):
        """The whole way; C sees this stack."""
        return [(address(family, 0, 1), []),
                (address(family, 8, 2), [(LABELS["there", family][0], 0, 1, 1)]),
                (address(family, 9, 2), at_c),
                (address(family, 1, 2), [])]

    def check_path(self, family, at_c):
        """All there is to see with whole TTLs: ping, traceroute by UDP and by echo, TCP both ways."""
        self.assertEqual(self.pings(family), 64 - (HOPS - 1))
        self.assert_route(family, self.hops(family, at_c))
        self.assert_route(family, self.hops(family, at_c), "-I")

    def test_ultimate_hop_popping(self):
        for family in (4, 6):
            self.check_path(family, [(LABELS["there", family][1], 0, 1, 1)])
            self.iperf3(family)
            self.iperf3(family, "-R")

    def test_penultimate_hop_popping(self):
        self.chain.pop_before()
        for family in (4, 6):
            self.check_path(family, [])
            self.chain.drain()
            self.pings(family)
            seen = self.on_link(self.chain.from_b, ECHO[family])
            self.assertEqual([stack for stack, _ in seen], [[]] * len(seen))
            self.assertGreaterEqual(len(seen), 3)
            self.iperf3(family)
            self.iperf3(family, "-R")

    def test_explicit_null(self):
        self.chain.swap_for_null()
        for family in (4, 6):
            self.check_path(family, [(0 if family == 4 else 2, 0, 1, 1)])
            self.iperf3(family)

    def test_explicit_null_of_the_other_family_is_dropped(self):
        self.chain.b.ctl(f"mpls replace {LABELS['there', 4][0]} swap ipv6-explicit-null "
                         f"via {address(4, 9, 2)}")
        before = self.chain.c.drops().get(("p0", "mpls_payload_unknown"), 0)
        self.assertEqual(self.near.ping(address(4, 1, 2), count=2, wait=1).received, 0)
        wait_until(lambda: self.chain.c.drops().get(("p0", "mpls_payload_unknown"), 0) == before + 2,
                   5, "2 packets of the other family dropped")

    def test_labels_on_the_links(self):
        for family in (4, 6):
            there, back = LABELS["there", family], LABELS["back", family]
            self.chain.drain()
            self.pings(family)
            reply = {4: 0, 6: 129}[family]
            for capture, kind, expected in (
                    (self.chain.from_a, ECHO[family], (there[0], 0, 63)),
                    (self.chain.from_b, ECHO[family], (there[1], 0, 62)),
                    (self.chain.from_c, reply, (back[0], 0, 63)),
                    (self.chain.a_from_b, reply, (back[1], 0, 62))):
                stacks = [stack for stack, _ in self.on_link(capture, kind)]
                self.assertGreaterEqual(len(stacks), 3)
                self.assertEqual(stacks, [[expected]] * len(stacks))

    def test_long_packets(self):
        """8,000 bytes in fragments that the hosts make, through the path and to each node's addresses."""
        for family in (4, 6):
            if family == 4 and self.driver == "net_af_packet":
                continue  # its sockets put IPv4 fragments together (PACKET_FANOUT_FLAG_DEFRAG, always)
            self.near.ping_until(address(family, 1, 2), "-s", "8000")  # IPv6 learns the path's MTU
            self.pings(family, "-s", "8000")
            for to in (address(family, 0, 1), address(family, 1, 1)):
                pings = self.near.ping_until(to, "-s", "8000")
                self.assertEqual({1, 2, 3} - pings.answered, set(), pings.text)

    # ---- TTL (RFC 3443)

    def test_pipe_at_the_egress_hides_it(self):
        self.chain.pop("ttl pipe")
        for family in (4, 6):
            self.assertEqual(self.pings(family), 64 - (HOPS - 2))
            hops = self.hops(family, [])
            self.assert_route(family, hops[:2] + hops[3:])

    def test_path_in_a_path(self):
        """B puts a label of its own above: in the uniform model its TTL is the packet's, in the pipe
        model it says nothing about it."""
        self.chain.c.ctl("mpls replace 300 pop label")
        for model, ttl in (("uniform", 1), ("pipe", 255)):
            self.chain.c.ctl(f"mpls replace 300 pop label ttl {model}")
            for family in (4, 6):
                incoming, inner = LABELS["there", family]
                self.chain.b.ctl(f"mpls replace {incoming} swap 300/{inner} "
                                 f"via {address(family, 9, 2)} ttl {model}")
                self.check_path(family, [(300, 0, 0, ttl), (inner, 0, 1, 1)])

    # ---- traffic class (RFC 3270, RFC 5462)

    def test_class_of_the_packet_is_pushed(self):
        for words in ("tc pipe", "tc uniform"):
            self.chain.pop(words)
            for family in (4, 6):
                self.check_class(family, EXPEDITED if words == "tc pipe" else 5 << 5)

    def check_class(self, family, arrives):
        """The path's labels have class 5; the far host gets `arrives`."""
        there = LABELS["there", family]
        self.chain.drain()
        capture = self.far.capture()
        try:
            self.pings(family, "-Q", str(EXPEDITED))
            for link, expected in ((self.chain.from_a, (there[0], 5, 63)),
                                   (self.chain.from_b, (there[1], 5, 62)), (capture, None)):
                seen = self.on_link(link, ECHO[family])
                self.assertGreaterEqual(len(seen), 3)
                for stack, packet in seen:
                    self.assertEqual(stack, [expected] if expected else [])
                    self.assertEqual(traffic_class(packet),
                                     EXPEDITED if expected else arrives)
        finally:
            capture.close()

    def test_class_that_the_transit_node_sees(self):
        for family in (4, 6):
            hops = self.near.traceroute(address(family, 1, 2), "-t", str(EXPEDITED))
            self.assertEqual([entry[1] for hop in hops for entry in hop.labels], [5, 5], hops)

    # ---- entropy (RFC 6790)

    def flows(self, family, count):
        """As many packets of different flows as frames of the near host."""
        near_mac = self.near.namespace.ip("-o", "link", "show", "eth0").split("link/ether ")[1][:17]
        node_mac = self.chain.a.json("port show p0")[0]["mac"]
        head = mac(node_mac) + mac(near_mac) + (b"\x08\x00" if family == 4 else b"\x86\xdd")
        if family == 4:
            return [head + udp4(numbered(i), src=address(4, 0, 2), dst=address(4, 1, 2), sport=2000 + i)
                    for i in range(count)]
        frames = []
        for i in range(count):
            packet = bytearray(udp6(numbered(i), src=2, dst=2, sport=2000 + i))
            packet[8:40] = bytes.fromhex("20010db8000100000000000000000002"
                                         "20010db8000200000000000000000002")
            frames.append(head + bytes(packet))
        return frames

    def through(self, frames, capture):
        """Send each frame twice; what went by on the link and what the far host got, in order."""
        sender, arrived = Sender(self.near.namespace, "eth0"), self.far.capture()
        try:
            capture.drain()
            sender.send(frames + frames, 5000)
            wanted = len(frames) * 2
            at_host = [frame[14:] for frame in arrived.collect(wanted, 5)]
            return ([found for found in map(read_stack, capture.collect(wanted, 5)) if found[0]],
                    [packet for packet in at_host if b"shunt#" in packet])
        finally:
            sender.close()
            arrived.close()

    def check_entropy(self, family, stack_at_c):
        """Pairs on the first link, one per flow; C gets `stack_at_c` and the far host plain IP."""
        count, first = 64, LABELS["there", family][0]
        self.pings(family)
        frames = self.flows(family, count)
        links, hosts = self.through(frames, self.chain.from_a)
        self.assertEqual(len(links), 2 * count)
        for stack, _ in links:
            self.assertEqual(stack[:2] + [stack[2][1:]], [(first, 0, 63), (7, 0, 63), (0, 0)])
            self.assertGreaterEqual(stack[2][0], 16)
        labels = [stack[2][0] for stack, _ in links]
        self.assertEqual(labels[:count], labels[count:], "a flow's label is always the same")
        self.assertGreater(len(set(labels)), count - 4, "flows have labels of their own")
        links, hosts = self.through(frames, self.chain.from_b)
        self.assertEqual([stack for stack, _ in links],
                         [[(label, 0, ttl) if ttl is not None else (entropy, 0, 0)
                           for label, ttl in stack_at_c] for entropy in labels])
        self.assertEqual(hosts, [self.aged(frame[14:], HOPS - 1) for frame in frames + frames])

    @staticmethod
    def aged(packet, hops):
        """The packet after so many hops."""
        out = bytearray(packet)
        if packet[0] >> 4 == 6:
            out[7] -= hops
            return bytes(out)
        out[8] -= hops
        total = int.from_bytes(packet[10:12], "big") + (hops << 8)
        out[10:12] = ((total & 0xffff) + (total >> 16)).to_bytes(2, "big")
        return bytes(out)

    def test_entropy_to_the_egress(self):
        self.chain.push("entropy")
        for family in (4, 6):
            self.check_entropy(family, [(LABELS["there", family][1], 62), (7, 63), (None, None)])

    def test_entropy_and_penultimate_hop_popping(self):
        self.chain.push("entropy")
        self.chain.pop_before()
        for family in (4, 6):
            self.check_entropy(family, [(7, 62), (None, None)])


for_each_driver(globals(), Path)

if __name__ == "__main__":
    unittest.main(verbosity=2)
