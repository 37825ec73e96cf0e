# SPDX-License-Identifier: BSD-3-Clause
"""Labelled frames as bytes, by hand: what is sent and what is expected are both computed from here.

Nothing but the standard library, so that ten thousand frames take a tenth of a second, and so that a
mistake in a packet library is not on both sides of a comparison. test_frames.py holds these functions
against scapy.
"""

import struct

ETHERTYPE_MPLS = 0x8847
ETHERTYPE_MPLS_UPSTREAM = 0x8848
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_ARP = 0x0806
ETHERTYPE_VLAN = 0x8100
ETHERTYPE_QINQ = 0x88A8

IPV4_EXPLICIT_NULL = 0
ROUTER_ALERT = 1
IPV6_EXPLICIT_NULL = 2
IMPLICIT_NULL = 3
ENTROPY_LABEL_INDICATOR = 7
GAL = 13
OAM_ALERT = 14
EXTENSION = 15

MAGIC = b"shunt#"


def mac(text):
    """"02:00:00:00:00:01" to six bytes."""
    return bytes.fromhex(text.replace(":", ""))


def entry(label, ttl=64, tc=0, bottom=False):
    """One label stack entry (RFC 3032 2.1): label 20 bits, traffic class 3, bottom 1, TTL 8."""
    return struct.pack("!I", label << 12 | tc << 9 | int(bottom) << 8 | ttl)


def stack(*entries, bottom=True):
    """A label stack, outermost first. Each entry is a label or (label, ttl) or (label, ttl, tc).
    `bottom` False leaves the bottom-of-stack bit out of the last one."""
    out = b""
    for i, item in enumerate(entries):
        label, ttl, tc = (item if isinstance(item, tuple) else (item,)) + (64, 0)[
            len(item) - 1 if isinstance(item, tuple) else 0:]
        out += entry(label, ttl, tc, bottom and i == len(entries) - 1)
    return out


def ethernet(dst, src, ethertype, body, vlans=()):
    """A frame without FCS. `vlans`: VLAN IDs, outermost first; of two the outer one is 802.1ad."""
    tags = b""
    for i, vlan in enumerate(vlans):
        tpid = ETHERTYPE_QINQ if len(vlans) == 2 and i == 0 else ETHERTYPE_VLAN
        tags += struct.pack("!HH", tpid, vlan)
    return mac(dst) + mac(src) + tags + struct.pack("!H", ethertype) + body


def checksum(data):
    """Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def numbered(sequence, length=32):
    """A payload that carries its number and shows when a byte of it was changed."""
    filler = bytes((sequence + i) & 0xFF for i in range(max(0, length - 14)))
    return MAGIC + struct.pack("!Q", sequence) + filler


def sequence_of(frame):
    """The number in a frame's payload, or None."""
    at = frame.find(MAGIC)
    if at < 0 or len(frame) < at + 14:
        return None
    return struct.unpack_from("!Q", frame, at + len(MAGIC))[0]


def _addresses4(src, dst):
    return bytes(map(int, src.split("."))) + bytes(map(int, dst.split(".")))


def ipv4(payload, src="10.1.0.1", dst="10.2.0.1", protocol=17, ttl=64, fragment=0):
    """An IPv4 packet with a valid header checksum. `fragment`: flags and offset field."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, ttl, protocol, 0)
    header += _addresses4(src, dst)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def with_ttl(packet, ttl):
    """An IPv4 packet (without options) with another TTL, checksum right."""
    header = packet[:8] + bytes([ttl]) + packet[9:10] + b"\0\0" + packet[12:20]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + packet[20:]


def gre4(body, src, dst, protocol, key=None, with_checksum=False):
    """GRE (RFC 2784, 2890) in IPv4. `protocol`: ethertype of `body`."""
    bits = (0x8000 if with_checksum else 0) | (0x2000 if key is not None else 0)
    head = struct.pack("!HH", bits, protocol)
    tail = b"" if key is None else struct.pack("!I", key)
    if with_checksum:
        value = checksum(head + b"\0\0\0\0" + tail + body)
        head += struct.pack("!HH", value, 0)
    return ipv4(head + tail + body, src, dst, protocol=47)


def igmp(kind, group, src, dst=None, response=0):
    """IGMPv2 (RFC 2236), TTL 1, router alert. `dst`: if it is not the group itself; `response`: tenths of
    a second."""
    message = struct.pack("!BBH", kind, response, 0) + bytes(map(int, group.split(".")))
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    header = struct.pack("!BBHHHBBH", 0x46, 0xC0, 24 + len(message), 1, 0, 1, 2, 0)
    header += _addresses4(src, dst or group) + b"\x94\x04\0\0"
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + message


def udp4(payload, src="10.1.0.1", dst="10.2.0.1", sport=1024, dport=2048, ttl=64, fragment=0):
    """UDP in IPv4, checksums valid."""
    length = 8 + len(payload)
    pseudo = _addresses4(src, dst) + struct.pack("!HH", 17, length)
    datagram = struct.pack("!HHHH", sport, dport, length, 0) + payload
    value = checksum(pseudo + datagram) or 0xFFFF
    datagram = datagram[:6] + struct.pack("!H", value) + datagram[8:]
    return ipv4(datagram, src, dst, 17, ttl, fragment)


def udp6(payload, src=1, dst=2, sport=1024, dport=2048, hops=64):
    """UDP in IPv6 from 2001:db8::src to 2001:db8:1::dst (numbers), checksum valid."""
    length = 8 + len(payload)
    source = bytes.fromhex("20010db8") + struct.pack("!IQ", 0, src)
    target = bytes.fromhex("20010db80001") + struct.pack("!HQ", 0, dst)
    datagram = struct.pack("!HHHH", sport, dport, length, 0) + payload
    value = checksum(source + target + struct.pack("!II", length, 17) + datagram) or 0xFFFF
    datagram = datagram[:6] + struct.pack("!H", value) + datagram[8:]
    return struct.pack("!IHBB", 6 << 28, length, 17, hops) + source + target + datagram
