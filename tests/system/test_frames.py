#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The frames that tests and demo are made of, held against scapy."""

import filecmp
import logging
import random
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "pktgen-scripts" / "packets"))
logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.utils import rdpcap  # noqa: E402

import frames  # noqa: E402
import generate  # noqa: E402
import scenarios  # noqa: E402

DST, SRC = "02:00:00:00:00:02", "02:00:00:00:00:01"


class Frames(unittest.TestCase):
    """Our bytes are scapy's bytes."""

    def test_labels(self):
        ours = frames.ethernet(DST, SRC, 0x8847, frames.stack((1048575, 255, 7), 16, (0, 1, 3)))
        theirs = Ether(dst=DST, src=SRC, type=0x8847) / MPLS(label=1048575, cos=7, s=0, ttl=255) / \
            MPLS(label=16, cos=0, s=0, ttl=64) / MPLS(label=0, cos=3, s=1, ttl=1)
        self.assertEqual(ours, bytes(theirs))

    def test_tags(self):
        body = frames.stack(16)
        label = MPLS(label=16, cos=0, s=1, ttl=64)
        self.assertEqual(frames.ethernet(DST, SRC, 0x8847, body, vlans=(10,)),
                         bytes(Ether(dst=DST, src=SRC) / Dot1Q(vlan=10, type=0x8847) / label))
        self.assertEqual(frames.ethernet(DST, SRC, 0x8847, body, vlans=(10, 20)),
                         bytes(Ether(dst=DST, src=SRC, type=0x88A8) / Dot1AD(vlan=10, type=0x8100) /
                               Dot1Q(vlan=20, type=0x8847) / label))

    def test_udp(self):
        for size in (14, 15, 500):
            payload = frames.numbered(size, size)
            self.assertEqual(frames.udp4(payload, sport=7, dport=9, ttl=3),
                             bytes(IP(src="10.1.0.1", dst="10.2.0.1", ttl=3) /
                                   UDP(sport=7, dport=9) / payload))
            self.assertEqual(frames.udp6(payload, 5, 6, 7, 9, 3),
                             bytes(IPv6(src="2001:db8::5", dst="2001:db8:1::6", hlim=3) /
                                   UDP(sport=7, dport=9) / payload))

    def test_number(self):
        self.assertEqual(frames.sequence_of(b"xyz" + frames.numbered(123456789, 40)), 123456789)
        self.assertIsNone(frames.sequence_of(b"nothing"))


class Scenarios(unittest.TestCase):
    """Traffic is the same for the same seed, adds up, and reads back from its file."""

    def test_adds_up(self):
        for name in scenarios.SCENARIOS:
            with self.subTest(name):
                traffic = scenarios.make(name, 500, random.randrange(1000))
                self.assertEqual(len(traffic.sent), 500)
                self.assertEqual(len(traffic.expected) + sum(traffic.drops.values()) +
                                 sum(traffic.punts.values()), 500)
                self.assertLessEqual(max(map(len, traffic.expected)), 1514)

    def test_files(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            for directory in (one, other):
                generate.write("mpls-pop", 50, 3, directory)
            names = [f"mpls-pop.{end}" for end in ("pcap", "expected.pcap", "json", "commands")]
            self.assertEqual(filecmp.cmpfiles(one, other, names, shallow=False)[0], names)
            read = [bytes(packet) for packet in rdpcap(f"{one}/mpls-pop.pcap")]
        self.assertEqual(read, scenarios.make("mpls-pop", 50, 3).sent)
        self.assertNotEqual(read, scenarios.make("mpls-pop", 50, 4).sent)


if __name__ == "__main__":
    unittest.main(verbosity=2)
