#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A million verdicts, each held against nftables': packets that were made at random and packets of a pcap, by
many rule sets.

nftables judges a packet by 16 rule sets in one passage: each is a chain that sets its bit of the packet's mark
when it accepts. shunt has a VLAN for each with the rule set as its filter, and gets the packet on all of them."""

import os
import random
import subprocess
import sys
import tempfile
import unittest
from ipaddress import ip_interface

from frames import checksum
from ip_packets import frame_of, ip_bytes, number_of, packet4
from kernel_router import KernelRouter, ShuntRouter, addresses
from nflog import Nflog
from shunt_test import ROOT, wait_until
from test_filter_nftables import RULES, Rule, list_commands, nft_sets, random_packet

SEED = int(os.environ.get("SEED", "7"))
AT_ONCE = 16  # rule sets: bits of a mark, VLANs
GENERATED = (4, 15200)  # times that there are new rule sets, packets by each
PCAPS = (("ip4", 2000), ("ip6", 2000))  # 64,000 pairs
KERNEL_PORTION, SHUNT_PORTION = 1000, 15  # packets that any queue has room for: veth with XDP 256, on each VLAN
LONGEST = 1500  # frames: longer ones have no room for a tag
LAST = (0xfffe, 0xffff)  # numbers of packets that say that all before them are through
GROUP = 7


def numbered(packet, number):
    """The same packet with another number: IPv4 identification, IPv6 flow label."""
    changed = bytearray(packet)
    if packet[0] >> 4 == 6:
        changed[1] &= 0xf0
        changed[2:4] = number.to_bytes(2, "big")
        return bytes(changed)
    changed[4:6] = number.to_bytes(2, "big")
    changed[10:12] = b"\0\0"
    changed[10:12] = checksum(bytes(changed[:(packet[0] & 15) * 4])).to_bytes(2, "big")
    return bytes(changed)


def tagged(packet, vlan):
    """In Ethernet with this tag."""
    frame = frame_of(packet)
    return frame[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + frame[12:]


def pcap_packets(scenario, count):
    """IP packets of a pcap that pktgen-scripts writes, without those to neighbours of p1 that are not there."""
    from scapy.utils import RawPcapReader
    with tempfile.TemporaryDirectory(prefix="shunt-pairs-") as directory:
        subprocess.run([sys.executable, os.path.join(ROOT, "pktgen-scripts/packets/generate.py"), scenario, "--size",
                        "imix", "--count", str(count), "--seed", str(SEED), "--out", directory],
                       check=True, timeout=60, capture_output=True)
        reader = RawPcapReader(os.path.join(directory, f"{scenario}.pcap"))
        frames = [frame for frame, _ in reader]
        reader.close()
        near = (b"\x08\x00" + ip_bytes("10.0.1.0")[:3], b"\x86\xdd" + ip_bytes("2001:db8:2::")[:8])
        return [frame[14:] for frame in frames
                if frame[12:14] in (b"\x08\x00", b"\x86\xdd") and len(frame) <= LONGEST
                and not (frame[12:14] + frame[30:]).startswith(near[0])
                and not (frame[12:14] + frame[38:]).startswith(near[1])]


class Pairs(unittest.TestCase):
    """By net_af_xdp: net_af_packet has the kernel put fragments together before we see them."""

    driver = "net_af_xdp"

    @classmethod
    def setUpClass(cls):
        cls.kernel = KernelRouter()
        cls.addClassCleanup(cls.kernel.close)
        cls.marks = Nflog(cls.kernel.router, GROUP, 64)
        cls.addClassCleanup(cls.marks.close)
        cls.shunt = ShuntRouter(cls.driver)
        cls.addClassCleanup(cls.shunt.close)
        cls.shunt.start()
        cls.shunt.batch([
            *(f"vlan add v{k} dev p0 tag {k + 1}" for k in range(AT_ONCE)),
            # wherever the packets of a pcap want to go, networks of other ports among it
            *(f"route add {half} via {'2001:db8:2::2' if ':' in half else '10.0.1.2'}" for i in (0, 2)
              for address in addresses(i) for half in map(str, ip_interface(address).network.subnets())),
            "route add 0.0.0.0/0 via 10.0.1.2", "route add ::/0 via 2001:db8:2::2",
            *list_commands()])

    def tearDown(self):
        self.assertEqual(self.shunt.new_trouble(), [])

    def configure(self, sets):
        """`sets`: (rules, default). Both sides."""
        lines = ["flush ruleset", "table inet t {", *nft_sets()]
        for k, (rules, default) in enumerate(sets):
            permit = f"meta mark set meta mark or {1 << k:#x} return"
            lines += [f"chain s{k} {{", *(line for i, rule in enumerate(rules, 1) for line in rule.nft(i, permit, "return")),
                      permit if default == "permit" else "return", "}"]
        lines += ["chain c { type filter hook prerouting priority -450;", 'iifname != "p0" accept;',
                  *(f"jump s{k}" for k in range(len(sets))), f"log group {GROUP} snaplen 64", "drop", "}", "}"]
        done = subprocess.run(self.kernel.router.command("nft", "-f", "-"), input="\n".join(lines) + "\n", text=True,
                              capture_output=True, check=False, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        for k, (rules, default) in enumerate(sets):
            self.shunt.batch([f"filter add f{k} default {default}",
                              *(f"filter rule add f{k} {i} {' '.join(rule.words)}" for i, rule in enumerate(rules, 1)),
                              f"filter bind f{k} in v{k}"], atomic=True)

    def clear(self, sets):
        for k, (rules, _) in enumerate(sets):
            self.shunt.batch([f"filter unbind f{k} in v{k}", *(f"filter rule del f{k} {i + 1}" for i in range(len(rules))),
                              f"filter del f{k}"])

    def by_kernel(self, packets):
        """Of each packet: its mark."""
        marks = []
        for start in range(0, len(packets), KERNEL_PORTION):
            portion, found = packets[start:start + KERNEL_PORTION], {}
            self.kernel.sender.send([frame_of(numbered(packet, n)) for n, packet in enumerate(portion)])

            def all_judged(portion=portion, found=found):
                found.update((number_of(data), mark) for mark, data in self.marks.drain())
                return len(found) >= len(portion)
            wait_until(all_judged, 10, f"{len(portion)} marks", interval=0.002)
            marks += [found[n] for n in range(len(portion))]
        return marks

    def by_shunt(self, packets, sets):
        """The same."""
        marks, capture = [], self.shunt.captures[1]
        capture.drain()
        for start in range(0, len(packets), SHUNT_PORTION):
            portion, passed = packets[start:start + SHUNT_PORTION], set()
            self.shunt.sender.send([tagged(numbered(packet, n * AT_ONCE + k), k + 1)
                                    for n, packet in enumerate(portion) for k in range(sets)])

            def is_through(number, passed=passed):
                passed.update(number_of(frame[14:]) for frame in capture.drain()
                              if frame[12:14] in (b"\x08\x00", b"\x86\xdd"))
                return number in passed
            # what the second follows is out: it cannot be in a burst with them, as the first may be
            for number in LAST:
                self.shunt.sender.send([frame_of(packet4(number, bytes(8), dst="10.2.7.1", protocol=253))])
                wait_until(lambda number=number: is_through(number), 10, "the last packet", interval=0.0005)
            marks += [sum(1 << k for k in range(sets) if n * AT_ONCE + k in passed) for n in range(len(portion))]
        return marks

    def compare(self, chance, packets):
        """By new rule sets -> how many pairs passed, of how many."""
        sets = [([Rule(chance) for _ in range(RULES[k % len(RULES)])], chance.choice(["permit", "deny"]))
                for k in range(AT_ONCE)]
        self.configure(sets)
        try:
            kernel, shunt = self.by_kernel(packets), self.by_shunt(packets, len(sets))
        finally:
            self.clear(sets)
        for packet, theirs, ours in zip(packets, kernel, shunt):
            if theirs != ours:
                k = ((theirs ^ ours) & -(theirs ^ ours)).bit_length() - 1
                rules = "\n".join(f"{i} {' '.join(r.words)}   {r.nft(i)}" for i, r in enumerate(sets[k][0], 1))
                self.fail(f"{packet[:80].hex()}: nftables {'passes' if theirs >> k & 1 else 'drops'} it, shunt does not agree"
                          f" (default {sets[k][1]})\n{rules}")
        return sum(mark.bit_count() for mark in kernel), len(packets) * len(sets)

    def check(self, chance, portions, what):
        passed, pairs = map(sum, zip(*(self.compare(chance, packets) for packets in portions)))
        print(f"  {what}: {pairs} pairs, {passed} passed, by both", flush=True)
        self.assertGreater(passed, pairs // 10)
        self.assertLess(passed, pairs * 9 // 10)
        return pairs

    def test_generated(self):
        chance = random.Random(SEED)
        times, count = GENERATED
        self.check(chance, ([random_packet(chance, n % 60000) for n in range(count)] for _ in range(times)), "generated")

    def test_pcap(self):
        chance = random.Random(SEED + 1)
        packets = [packet for name, count in PCAPS for packet in pcap_packets(name, count)]
        self.assertGreater(len(packets), 3000)
        self.check(chance, [packets], "pcap")


if __name__ == "__main__":
    unittest.main()
