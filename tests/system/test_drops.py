#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`show drops`: reason, port, rate, and the packet that was dropped."""

import struct
import time
import unittest

from frames import ETHERTYPE_IPV4, numbered, stack, udp4
from shunt_test import LabTest, for_each_driver, wait_until
from wire import Flood

REMEMBERED = 160  # bytes of a packet, DROP_SAMPLE_BYTES


class Drops(LabTest):
    """Several reasons, each with the packet that was sent."""

    def row(self, reason, interface="p0"):
        """The line of a reason, or None."""
        rows = [row for row in self.lab.json("show drops")
                if (row["reason"], row["interface"]) == (reason, interface)]
        self.assertLessEqual(len(rows), 1)
        return rows[0] if rows else None

    def remembered(self, frame, reason, words, **options):
        """Send a frame until it is the one that is remembered: one that came shortly after another of the
        same reason is not."""
        def so():
            self.check([frame], [], drops={reason: 1}, **options)
            row = self.row(reason, options.get("interface", "p0"))
            return row if row["hex"] == frame[:REMEMBERED].hex() else None
        row = wait_until(so, what=f"{reason} with the frame", interval=0.02)
        self.assertEqual(row["length"], len(frame))
        self.assertLessEqual(row["age"], 5)
        self.assertIn(words, row["headers"])
        self.assertIn(words, self.lab.ctl("show drops"))

    def ip(self, body, **options):
        """An IPv4 frame to p0."""
        return self.arriving(body, ethertype=ETHERTYPE_IPV4, **options)

    def test_each_reason_has_its_packet(self):
        lab, ends = self.lab, f"{self.lab.host_mac(0)} > {self.lab.mac('p0')}"
        label = self.label()
        lab.ctl("filter add strict default deny")
        self.addCleanup(lab.ctl, "filter del strict")
        self.remembered(self.arriving(stack((label, 64, 5)) + udp4(numbered(1))),
                        "mpls_unknown_label", f"{ends} mpls {label} tc 5 ttl 64 ipv4 ")
        self.remembered(self.arriving(stack((label, 7), (label + 1, 9)) + udp4(numbered(2))),
                        "mpls_unknown_label", f"mpls {label}/{label + 1} tc 0 ttl 7 ipv4")
        self.remembered(self.arriving(stack((3, 64)) + bytes(900)), "mpls_implicit_null", "mpls 3 ")
        self.remembered(self.ip(udp4(numbered(3)), dst="02:00:00:00:00:77"), "not_for_us",
                        f"{lab.host_mac(0)} > 02:00:00:00:00:77 ipv4 ")
        wrong = bytearray(udp4(numbered(4)))
        wrong[10] ^= 0xff
        self.remembered(self.ip(bytes(wrong)), "ip_checksum", f"{ends} ipv4 ")
        lab.ctl("filter bind strict in p0")
        try:
            self.remembered(self.ip(udp4(numbered(5))), "filter_in", "udp ")
        finally:
            lab.ctl("filter unbind strict in p0")

    def test_interfaces_are_apart(self):
        """One reason at many interfaces: each has its own packet."""
        label, tags, sent = self.label(), range(100, 108), {}
        for tag in tags:
            self.lab.ctl(f"vlan add v{tag} dev p0 tag {tag} mpls on")
            self.addCleanup(self.lab.ctl, f"vlan del v{tag}")
        for tag in (None, *tags):
            interface = "p0" if tag is None else f"v{tag}"
            body = stack((label, 64)) + udp4(numbered(tag or 1))
            sent[interface] = self.arriving(body) if tag is None else self.arriving(
                struct.pack("!HH", tag, 0x8847) + body, ethertype=0x8100)
            self.remembered(sent[interface], "mpls_unknown_label", f"mpls {label} ", interface=interface)
        for interface, frame in sent.items():
            self.assertEqual(self.row("mpls_unknown_label", interface).get("hex"), frame[:REMEMBERED].hex(), interface)

    def test_the_rate(self):
        """What is said of the last second or two is held against what came in that time."""
        frame = self.arriving(stack(self.label()) + udp4(numbered(1)))
        traffic = Flood(self.lab.sender, [frame] * 10, 0.01)
        self.addCleanup(traffic.stop)
        seen = []  # (time, packets)

        def near():
            row = self.row("mpls_unknown_label") or {"packets": 0}
            seen.append((time.monotonic(), row["packets"]))
            then, packets = next((one for one in reversed(seen) if one[0] <= seen[-1][0] - 1.5), seen[0])
            real = (row["packets"] - packets) / max(seen[-1][0] - then, 1.5)
            return real > 0 and 0.7 * real < row.get("rate", 0) < 1.3 * real
        wait_until(near, 10, lambda: f"a rate near that: {seen}: {self.row('mpls_unknown_label')}", 0.1)
        traffic.stop()
        wait_until(lambda: self.row("mpls_unknown_label")["rate"] == 0, what="none a second")

    def test_without_a_control_plane(self):
        frame = self.arriving(stack(self.label()) + udp4(numbered(1)))
        self.remembered(frame, "mpls_unknown_label", "mpls ")
        self.lab.kill("controlplane")
        try:
            row = self.row("mpls_unknown_label")
            self.assertNotIn("rate", row)
            self.assertEqual(row["hex"], frame.hex())
        finally:
            self.lab.start_controlplane()


for_each_driver(globals(), Drops)

if __name__ == "__main__":
    unittest.main(verbosity=2)
