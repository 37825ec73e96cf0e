#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets that should not come out of a tunnel, each beside one that does: why it ended is counted."""

import unittest

import frames
from shunt_test import LabTest, for_each_driver

LOCAL, REMOTE, INSIDE, TARGET = "10.0.0.1", "10.0.0.2", "10.9.0.1", "10.0.1.2"
GRE, IPIP = 47, 4
NOT_ECT, ECT1, ECT0, CE = range(4)


def with_tos(packet, tos):
    """An IPv4 packet with this DSCP and ECN."""
    header = packet[:1] + bytes([tos]) + packet[2:10] + b"\0\0" + packet[12:20]
    return header[:10] + frames.checksum(header).to_bytes(2, "big") + packet[12:20] + packet[20:]


def inner(ttl=64, source=INSIDE, target=TARGET, tos=0):
    """What is in the tunnel."""
    return with_tos(frames.udp4(b"payload", source, target, ttl=ttl), tos)


def gre(payload, flags=0, fields=b"", protocol=0x0800, source=REMOTE, tos=0, fragment=0):
    """GRE to ourselves."""
    body = flags.to_bytes(2, "big") + protocol.to_bytes(2, "big") + fields + payload
    return with_tos(frames.ipv4(body, source, LOCAL, GRE, fragment=fragment), tos)


def key(number):
    """The key field."""
    return number.to_bytes(4, "big")


class Bad(LabTest):
    """p0 is where tunnels come from, p1 where their packets go."""

    def tunnel(self, words, name="t0", mode="gre"):
        """For this test."""
        self.lab.ctl(f"tunnel add {name} mode {mode} local {LOCAL} {words}")
        self.addCleanup(self.lab.ctl, f"tunnel del {name}")

    def frame(self, packet):
        """As it comes to p0."""
        return frames.ethernet(self.lab.mac("p0"), self.lab.host_mac(0), 0x0800, packet)

    def out(self, packet):
        """As it leaves by p1."""
        return frames.ethernet(self.lab.host_mac(1), self.lab.mac("p1"), 0x0800, packet)

    def passes(self, packet, tos=0):
        """It comes out, one hop older."""
        self.check([self.frame(packet)], [self.out(inner(63, tos=tos))])

    def ends(self, packet, reason, where="p0", count=1):
        """It does not, for this reason."""
        self.check([self.frame(packet)] * count, [], drops={reason: count}, interface=where)

    def test_keys(self):
        """No key is not key 0."""
        self.tunnel(f"remote {REMOTE} key 0")
        self.passes(gre(inner(), 0x2000, key(0)))
        self.ends(gre(inner()), "tunnel_key")
        self.ends(gre(inner(), 0x2000, key(1)), "tunnel_key")
        self.ends(gre(inner(), source="10.0.0.3"), "tunnel_unknown")
        self.lab.ctl("tunnel set t0 down")
        self.ends(gre(inner(), 0x2000, key(0)), "tunnel_down", "t0")

    def test_no_key(self):
        """... and the reverse."""
        self.tunnel(f"remote {REMOTE}")
        self.passes(gre(inner()))
        self.ends(gre(inner(), 0x2000, key(0)), "tunnel_key")

    def test_unknown(self):
        """Another tunnel is there, but none of these addresses."""
        self.tunnel("remote 10.0.0.77")
        self.ends(gre(inner()), "tunnel_unknown")

    def test_flags(self):
        """Routing, bits 4 and 5, versions; the others are ignored (RFC 2784 2.3)."""
        self.tunnel(f"remote {REMOTE}")
        for flags in (0x4000, 0x0800, 0x0400, 1, 7):
            self.ends(gre(inner(), flags, bytes(4) if flags == 0x4000 else b""), "tunnel_header")
        self.passes(gre(inner(), 0x0010))
        self.ends(gre(inner(), protocol=0x1234), "tunnel_payload", "t0")

    def test_checksum(self):
        """Verified where one is, on whatever tunnel."""
        self.tunnel(f"remote {REMOTE}")
        body = b"\x80\0\x08\0" + bytes(4) + inner()
        good = frames.checksum(body)
        self.passes(gre(inner(), 0x8000, good.to_bytes(2, "big") + bytes(2)))
        self.ends(gre(inner(), 0x8000, (good ^ 1).to_bytes(2, "big") + bytes(2)), "tunnel_checksum", "t0")

    def test_sequence(self):
        """Window: what came already and what is too late; strict: what is not newer; none at all."""
        def numbered(number):
            return gre(inner(), 0x1000, number.to_bytes(4, "big"))
        self.tunnel(f"remote {REMOTE} sequence window")
        for number in (100, 102, 101):
            self.passes(numbered(number))
        self.ends(numbered(101), "tunnel_sequence_duplicate", "t0")
        self.ends(numbered(50), "tunnel_sequence_old", "t0")
        self.ends(gre(inner()), "tunnel_sequence_missing", "t0")
        self.lab.ctl("tunnel set t0 sequence strict")
        self.passes(numbered(200))
        self.ends(numbered(199), "tunnel_sequence_old", "t0")

    def test_sources(self):
        """Inside: what must not be on a link, and what has no way back by the tunnel."""
        self.tunnel(f"remote {REMOTE} rpf strict")
        self.lab.ctl("route add 10.9.0.0/16 dev t0")
        self.addCleanup(self.lab.ctl, "route del 10.9.0.0/16")
        self.passes(gre(inner()))
        self.ends(gre(inner(source="127.0.0.1")), "ip_martian", "t0")
        self.ends(gre(inner(source="10.0.1.77")), "ip_rpf_strict", "t0")

    def test_ecn(self):
        """RFC 6040 4.2, all sixteen."""
        self.tunnel(f"remote {REMOTE}", mode="ipip")
        for inside in (NOT_ECT, ECT1, ECT0, CE):
            for outside in (NOT_ECT, ECT1, ECT0, CE):
                packet = with_tos(frames.ipv4(inner(tos=inside), REMOTE, LOCAL, IPIP), outside)
                if (inside, outside) == (NOT_ECT, CE):
                    self.ends(packet, "tunnel_ecn", "t0")
                elif inside in (ECT0, ECT1) and outside == CE:
                    self.passes(packet, CE)
                elif (inside, outside) == (ECT0, ECT1):
                    self.passes(packet, ECT1)
                else:
                    self.passes(packet, inside)

    def test_nested(self):
        """Four tunnels in each other are taken off; a fifth is not."""
        self.tunnel(f"remote {REMOTE}")
        packet = inner()
        for depth in range(1, 6):
            packet = gre(packet)
            if depth <= 4:
                self.passes(packet)
        self.ends(packet, "too_many_layers", "t0")

    def test_fragments(self):
        """Outside: put together; those that overlap are not."""
        self.tunnel(f"remote {REMOTE}")
        whole = gre(inner())
        body, at = whole[20:], 24

        def part(begin, end, more):
            return self.frame(frames.ipv4(body[begin:end], REMOTE, LOCAL, GRE,
                                          fragment=begin // 8 | (0x2000 if more else 0)))
        first, last = part(0, at, True), part(at, len(body), False)
        self.check([first, last], [self.out(inner(63))], count=1)
        self.check([last, first], [self.out(inner(63))], count=1)
        if self.driver == "net_af_packet":
            return  # its sockets put IPv4 fragments together before shunt sees them
        self.check([first, part(at - 8, len(body), False)], [], drops={"fragment_overlap": 2}, count=2)


for_each_driver(globals(), Bad)


if __name__ == "__main__":
    unittest.main()
