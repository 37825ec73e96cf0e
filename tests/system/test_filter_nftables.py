#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same rules as nftables of a Linux router and as a filter of shunt's, the same packets into both: which
come out, and how many each rule has decided about, is the same."""

import collections
import json
import os
import random
import re
import struct
import subprocess
import unittest

from ip_packets import frame_of, number_of, packet4, packet6
from kernel_router import KernelRouter, ShuntRouter
from shunt_test import wait_until

SEED = int(os.environ.get("SEED", "7"))
SETS, RULES, PACKETS = 16, (1, 5, 20, 60), 3000
PORTION = 250  # packets that any queue has room for: veth with XDP 256
PROTOCOLS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6", 47: "47", 132: "sctp", 253: "253"}
WITH_PORTS = (6, 17, 132)
PORTS = [0, 22, 53, 80, 443, 1023, 8000, 8080, 8100, 65535]
SOURCES = {4: ["10.64.0.1", "10.64.0.2", "10.64.1.1", "10.65.7.7", "10.0.0.2"],
           6: ["2001:db8:ffff::1", "2001:db8:ffff::2", "2001:db8:ffff:1::1", "2001:db8:1::2"]}
TARGETS = {4: ["10.2.0.1", "10.2.0.9", "10.2.128.1", "10.0.1.2"],
           6: ["2001:db8:a::1", "2001:db8:a::9", "2001:db8:a:1::1", "2001:db8:2::2"]}
PREFIXES = {4: ["10.64.0.0/10", "10.64.0.0/24", "10.64.0.1/32", "10.65.0.0/16", "10.2.0.0/16", "10.2.0.8/29",
                "10.2.128.1/32", "0.0.0.0/0", "10.0.0.0/15"],
            6: ["2001:db8:ffff::/48", "2001:db8:ffff::/64", "2001:db8:ffff::1/128", "2001:db8:a::/48",
                "2001:db8:a::8/125", "2001:db8:a:1::1/128", "::/0", "2001:db8::/34"]}
LISTS = {"one": ["10.64.0.1", "10.65.0.0/16", "10.2.0.8/29", "2001:db8:ffff::2", "2001:db8:a::/64"],
         "two": ["10.64.0.0/23", "10.2.128.0/17", "2001:db8:ffff:1::/64", "2001:db8:2::2"]}
ROOT_FAMILY = {4: ("ipv4", "ip"), 6: ("ipv6", "ip6")}


class Rule:
    """One, in both languages: `words`, and `matches`: nftables' for each family that it may be about."""

    def __init__(self, chance):
        self.words = [chance.choice(["permit", "deny"])]
        self.matches = {family: [f"meta nfproto {ROOT_FAMILY[family][0]}"] for family in (4, 6)}
        protocol = chance.choice([None, None, *PROTOCOLS])
        fragments = chance.random() < 0.1
        if protocol is not None:
            self.both(f"proto {PROTOCOLS[protocol]}", f"meta l4proto {protocol}")
        if chance.random() < 0.4:
            self.party(chance, "from", "saddr")
        if chance.random() < 0.4:
            self.party(chance, "to", "daddr")
        if chance.random() < 0.15:
            dscp = chance.choice([0, 10, 46])
            self.words.append(f"dscp {dscp}")
            for family, matches in self.matches.items():
                matches.append(f"{ROOT_FAMILY[family][1]} dscp {dscp}")
        if fragments:
            self.words.append("fragments")
            for family, matches in self.matches.items():
                matches.append("ip frag-off & 0x1fff != 0" if family == 4 else "frag frag-off != 0")
        elif protocol in WITH_PORTS:
            self.layer4(chance, protocol)
        elif protocol in (1, 58) and (4 if protocol == 1 else 6) in self.matches and chance.random() < 0.7:
            kind, code = chance.choice([8, 0, 3, 128]), chance.choice([0, 1])
            name, family = ("icmp", 4) if protocol == 1 else ("icmpv6", 6)
            self.words.append(f"icmp {kind}/{code}")
            self.matches = {own: matches + [f"{name} type {kind}", f"{name} code {code}"]
                            for own, matches in self.matches.items() if own == family}

    def both(self, words, match):
        self.words.append(words)
        for matches in self.matches.values():
            matches.append(match)

    def party(self, chance, words, name):
        """A prefix, which leaves one family, or a list."""
        if chance.random() < 0.5:
            chosen = chance.choice(list(LISTS))
            self.words.append(f"{words} @{chosen}")
            for family, matches in self.matches.items():
                matches.append(f"{ROOT_FAMILY[family][1]} {name} @{chosen}{family}")
            return
        family = chance.choice(list(self.matches))  # that a prefix before left
        prefix = chance.choice(PREFIXES[family])
        self.words.append(f"{words} {prefix}")
        self.matches = {family: self.matches[family] + [f"{ROOT_FAMILY[family][1]} {name} {prefix}"]}

    def layer4(self, chance, protocol):
        for side in ("sport", "dport"):
            if chance.random() < 0.4:
                first = chance.choice(PORTS)
                last = min(65535, first + chance.choice([0, 0, 20, 1000]))
                spoken = f"{first}-{last}" if last > first else str(first)
                self.both(f"{side} {spoken}", f"th {side} {spoken}")
        if protocol == 6 and chance.random() < 0.4:
            self.both(*chance.choice([("syn", "tcp flags & (syn|ack) == syn"),
                                      ("established", "tcp flags & (ack|rst) != 0")]))

    def nft(self, number, permit="accept", deny="drop"):
        """nftables' lines."""
        verdict = permit if self.words[0] == "permit" else deny
        whole = {4: [""], 6: [""]}
        if re.search(r"port|icmp \d|syn|established", " ".join(self.words[1:])):
            # nftables' short way (nft_payload_fast_eval) takes the data of a fragment that is not the first
            # for a layer-4 header; others, ours among them, don't: RFC 1858 3, so it is told not to
            whole = {4: ["ip frag-off & 0x1fff == 0"], 6: ["exthdr frag missing", "frag frag-off 0"]}
        return [f"{' '.join(matches)} {part} counter {verdict} comment \"{number}\""
                for family, matches in self.matches.items() for part in whole[family]]


def nft_sets():
    """LISTS as nftables' lines: a set for each family."""
    out = []
    for name, prefixes in LISTS.items():
        for family, kind, mark in ((4, "ipv4_addr", "."), (6, "ipv6_addr", ":")):
            own = ", ".join(prefix for prefix in prefixes if mark in prefix)
            out.append(f"set {name}{family} {{ type {kind}; flags interval; elements = {{ {own} }} }}")
    return out


def list_commands():
    """LISTS as shuntctl's."""
    return [f"filter list add {name} {' '.join(prefixes)}" for name, prefixes in LISTS.items()]


def layer4(chance, protocol, kind):
    """A header and some bytes."""
    sport, dport = (min(65535, chance.choice(PORTS) + chance.choice([0, 0, 1, 20, 21])) for _ in range(2))
    if protocol == 6:
        return struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, chance.choice([2, 16, 18, 4, 0, 1]), 9, 0, 0) + b"abcd"
    if protocol in (1, 58):
        return bytes([kind, chance.choice([0, 1])]) + bytes(22)
    return struct.pack("!HHHH", sport, dport, 24, 0) + bytes(16)


def random_packet(chance, number):
    """A whole packet or a fragment of either family; fragments that are not the first have no header, but
    bytes that look like one."""
    family, protocol = chance.choice([4, 6]), chance.choice(list(PROTOCOLS))
    payload = layer4(chance, protocol, chance.choice([8, 0, 3, 128]))
    fragment = chance.choice([None] * 6 + [(0, 1), (99, 1), (99, 0)])
    tos = chance.choice([0, 10, 46]) << 2
    src, dst = chance.choice(SOURCES[family]), chance.choice(TARGETS[family])
    if family == 4:
        flags = 0 if fragment is None else fragment[1] << 13 | fragment[0]
        return packet4(number, payload, src, dst, tos=tos, protocol=protocol, flags=flags)
    headers = [60] * (chance.random() < 0.15) + [44] * (fragment is not None)
    chain = b""
    for i, header in enumerate(headers):
        after = headers[i + 1] if i + 1 < len(headers) else protocol
        chain += struct.pack("!BBHI", after, 0, fragment[0] << 3 | fragment[1], number) if header == 44 else \
            bytes([after, 0, 1, 4, 0, 0, 0, 0])
    return packet6(number, chain + payload, src, dst, tc=tos, protocol=headers[0] if headers else protocol)


class Nftables(unittest.TestCase):
    """By net_af_xdp: net_af_packet has the kernel put fragments together before we see them."""

    driver = "net_af_xdp"

    @classmethod
    def setUpClass(cls):
        cls.kernel = KernelRouter()
        cls.addClassCleanup(cls.kernel.close)
        cls.shunt = ShuntRouter(cls.driver)
        cls.addClassCleanup(cls.shunt.close)
        cls.shunt.start()
        cls.shunt.batch(list_commands())

    def tearDown(self):
        self.assertEqual(self.shunt.new_trouble(), [])

    def nft(self, text):
        """`nft -f -`."""
        done = subprocess.run(self.kernel.router.command("nft", "-f", "-"), input=text, text=True,
                              capture_output=True, check=False, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr + text)

    def configure(self, rules, default):
        """Both sides."""
        lines = ["flush ruleset", "table inet t {", *nft_sets()]
        lines.append("chain c { type filter hook prerouting priority -450; iifname != \"p0\" accept;")
        for number, rule in enumerate(rules, 1):
            lines += rule.nft(number)
        verdict = "accept" if default == "permit" else "drop"
        self.nft("\n".join([*lines, f"counter {verdict} comment \"0\"", "}", "}\n"]))
        self.shunt.batch([f"filter add f default {default}",
                          *(f"filter rule add f {number} {' '.join(rule.words)}" for number, rule in enumerate(rules, 1)),
                          "filter bind f in p0"], atomic=True)

    def clear(self, rules):
        self.shunt.batch(["filter unbind f in p0", *(f"filter rule del f {i + 1}" for i in range(len(rules))),
                          "filter del f"])

    def by_kernel(self):
        """Rule to packets."""
        text = subprocess.run(self.kernel.router.command("nft", "-j", "list", "chain", "inet", "t", "c"),
                              capture_output=True, text=True, check=True, timeout=30).stdout
        counts = collections.Counter()
        for item in json.loads(text)["nftables"]:
            for part in item.get("rule", {}).get("expr", []):
                if "counter" in part:
                    counts[int(item["rule"]["comment"])] += part["counter"]["packets"]
        return counts

    def by_shunt(self):
        row = self.shunt.json("filter show f")[0]
        return collections.Counter({0: row["packets"], **{r["seq"]: r["packets"] for r in row["rules"]}})

    @staticmethod
    def numbers(router, sent):
        """Of the packets that came out by p1."""
        router.captures[1].arp = True
        frames = [frame[14:] for frame in router.captures[1].drain() if frame[12:14] in (b"\x08\x00", b"\x86\xdd")]
        return [n for n in map(number_of, frames) if n in sent]

    @staticmethod
    def judged(counts, number):
        """Wait until rules have decided about so many."""
        try:
            wait_until(lambda: sum(counts().values()) >= number, 10, f"{number} judged", interval=0.02)
        except AssertionError as error:
            raise AssertionError(f"{error}: {counts.__name__} {counts()}") from None

    def run_set(self, chance, count):
        """-> how many packets passed."""
        rules, default = [Rule(chance) for _ in range(count)], chance.choice(["permit", "deny"])
        self.configure(rules, default)
        sent = {number: random_packet(chance, number) for number in range(1, PACKETS + 1)}
        frames = [frame_of(packet) for packet in sent.values()]
        passed = []
        for router, counts in ((self.kernel, self.by_kernel), (self.shunt, self.by_shunt)):
            router.captures[1].drain()
            for done in range(0, PACKETS, PORTION):
                router.sender.send(frames[done:done + PORTION])
                self.judged(counts, done + PORTION)
        self.assertEqual(self.by_shunt(), self.by_kernel(),
                         "\n".join(f"{i} {' '.join(r.words)}   {r.nft(i)}" for i, r in enumerate(rules, 1)))
        expected = sum(n for number, n in self.by_kernel().items()
                       if (rules[number - 1].words[0] if number else default) == "permit")
        for router in (self.kernel, self.shunt):
            got = []
            wait_until(lambda router=router, got=got: got.extend(self.numbers(router, sent)) or len(got) >= expected,
                       5, f"{expected} packets", interval=0.02)
            passed.append(sorted(got))
        self.assertEqual(*passed)
        self.clear(rules)
        return len(passed[0])

    def test_random(self):
        chance = random.Random(SEED)
        passed = [self.run_set(chance, RULES[i % len(RULES)]) for i in range(SETS)]
        print(f"  {SETS} rule sets, {SETS * PACKETS} packets, {sum(passed)} passed, by both", flush=True)
        self.assertGreater(sum(passed), SETS * PACKETS // 10)
        self.assertLess(sum(passed), SETS * PACKETS * 9 // 10)


if __name__ == "__main__":
    unittest.main()
