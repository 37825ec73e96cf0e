# SPDX-License-Identifier: BSD-3-Clause
"""IP packets to forward, good and broken, as a table that is the same for the same seed.

A packet carries its number in the IPv4 identification or the IPv6 flow label, so that what became of it
is found by looking at the header, or at the one that an ICMP error quotes.
"""

import random
import struct

from frames import checksum, mac

HOST, ROUTER = "02:00:00:00:00:01", "02:00:00:00:01:00"
PROTOCOLS = (1, 6, 17, 33, 47, 50, 89, 132, 253)
# where packets go: the plan that both routers are configured by
NEAR4, FAR4, SMALL4, UNREACHABLE4, BLACKHOLE4, NOWHERE4 = ("10.0.1.2", "10.2.7.1", "10.3.7.1",
                                                           "10.5.0.1", "10.4.0.1", "172.20.1.1")
NEAR6, FAR6, SMALL6, UNREACHABLE6, BLACKHOLE6, NOWHERE6 = (
    "2001:db8:2::2", "2001:db8:a::1", "2001:db8:b::1", "2001:db8:d::1", "2001:db8:c::1",
    "2001:db9::1")
UNREACHABLE = "IPv6 unreachable:"  # kinds of packets of IPv6 by such a route
SOURCE4, SOURCE6 = "10.0.0.2", "2001:db8:1::2"


def ip_bytes(text):
    """An address of either family as it stands in a header."""
    import socket
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def frame_of(packet, destination=ROUTER):
    """In Ethernet, by what it says at its begin to whom it is sent."""
    kind = b"\x86\xdd" if packet[:1] and packet[0] >> 4 == 6 else b"\x08\x00"
    return mac(destination) + mac(HOST) + kind + packet


def packet4(number, payload, src=SOURCE4, dst=FAR4, tos=0, flags=0, ttl=64, protocol=253, options=b"",
            **wrong):
    """`flags`: flags and offset. `wrong`: fields that are not what they should be: first byte,
    total_length, checksum (added to the right one)."""
    header = bytearray(struct.pack(
        "!BBHHHBBH", wrong.get("first", 0x45 + len(options) // 4), tos,
        wrong.get("total_length", 20 + len(options) + len(payload)), number, flags, ttl, protocol, 0))
    header += ip_bytes(src) + ip_bytes(dst) + options
    value = (checksum(bytes(header)) + wrong.get("checksum", 0)) & 0xffff
    header[10:12] = value.to_bytes(2, "big")
    return bytes(header) + payload


def packet6(number, payload, src=SOURCE6, dst=FAR6, tc=0, hops=64, protocol=253, **wrong):
    """`wrong`: version, payload_length."""
    return struct.pack("!IHBB", wrong.get("version", 6) << 28 | tc << 20 | number,
                       wrong.get("payload_length", len(payload)), protocol, hops) + \
        ip_bytes(src) + ip_bytes(dst) + payload


def option6(next_header, data):
    """A hop-by-hop or destination options header: these options, padded."""
    padding = -(len(data) + 2) % 8
    data += b"" if padding == 0 else b"\0" if padding == 1 else bytes((1, padding - 2)) + bytes(padding - 2)
    return bytes((next_header, (len(data) + 2) // 8 - 1)) + data


def number_of(packet):
    """The number in an IP packet, or None."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        return int.from_bytes(packet[4:6], "big")
    if len(packet) >= 40 and packet[0] >> 4 == 6:
        return int.from_bytes(packet[1:4], "big") & 0xfffff
    return None


class Packets:
    """Makes (kind, number, frame); a kind is what the packet is about."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.list = []

    def add(self, kind, make, *arguments, to=ROUTER, cut=None, trailer=b"", ethertype=None, **options):
        """One more packet by packet4 or packet6; `cut`: only so many bytes of it."""
        number = len(self.list) + 1
        frame = frame_of(make(number, *arguments, **options), to)
        if ethertype is not None:
            frame = frame[:12] + ethertype + frame[14:]
        self.list.append((kind, number, (frame if cut is None else frame[:14 + cut]) + trailer))

    def stranger(self):
        """A source of its own: the kernel tells each of unreachable destinations only now and then."""
        return f"10.100.{len(self.list) >> 8}.{len(self.list) & 255}"

    def bytes(self, most):
        """Random ones, at most so many."""
        return self.random.randbytes(self.random.randrange(most + 1))

    # ---- IPv4

    def good4(self, count):
        """Everything that may vary does. DF, or short enough for every link."""
        rng = self.random
        for _ in range(count):
            whole = rng.random() < 0.8
            dst = rng.choice((NEAR4, FAR4, FAR4, SMALL4))
            flags = rng.choice((0, 0x4000)) if whole else rng.choice((0x2000, 0, 0x2000)) | \
                rng.randrange(1, 8000)
            self.add("IPv4", packet4, self.bytes(1300), dst=dst, tos=rng.randrange(256), flags=flags,
                     src=f"10.{rng.randrange(64, 128)}.{rng.randrange(256)}.{rng.randrange(256)}",
                     ttl=rng.randrange(2, 256), protocol=rng.choice(PROTOCOLS))
        for ttl in range(2, 256):
            self.add("IPv4", packet4, b"", ttl=ttl)
        for size in range(0, 1481, 7):
            self.add("IPv4", packet4, rng.randbytes(size), flags=0x4000)
        self.add("IPv4", packet4, bytes(1480))
        self.add("IPv4 reserved flag", packet4, b"x", flags=0x8000)
        for size in (1, 6, 26, 100):
            self.add("IPv4 trailer", packet4, b"abc", trailer=bytes(size))

    def ends4(self):
        """Packets about which the sender is told, and such that nobody may be told about."""
        message = bytes.fromhex("0b00f4ff00000000") + packet4(9, b"quoted", src=FAR4, dst=SOURCE4)
        for payload in (b"", b"12345678", self.random.randbytes(100), self.random.randbytes(1400)):
            for ttl in (0, 1):
                self.add("IPv4 TTL", packet4, payload, ttl=ttl)
            for dst in (UNREACHABLE4, NOWHERE4):
                self.add(f"IPv4 to {dst}", packet4, payload, dst=dst, src=self.stranger())
            self.add("IPv4 blackhole", packet4, payload, dst=BLACKHOLE4)
        for dst, ttl in ((FAR4, 1), (UNREACHABLE4, 9), (NOWHERE4, 9)):
            self.add("IPv4 ICMP error", packet4, message, dst=dst, ttl=ttl, protocol=1, src=self.stranger())
            for kind in (0, 8, 13, 5, 4, 12):
                self.add(f"IPv4 ICMP type {kind}", packet4, bytes((kind, 0)) + bytes(6), dst=dst,
                         ttl=ttl, protocol=1, src=self.stranger())
            self.add("IPv4 first fragment", packet4, bytes(64), dst=dst, ttl=ttl, flags=0x2000, src=self.stranger())
            self.add("IPv4 later fragment", packet4, bytes(64), dst=dst, ttl=ttl, flags=0x2005,
                     src=self.stranger())
        for size in (1381, 1382, 1470, 1480):
            self.add("IPv4 too long", packet4, self.random.randbytes(size), dst=SMALL4, flags=0x4000,
                     ttl=77, tos=0x28)
        self.add("IPv4 fits", packet4, self.random.randbytes(1380), dst=SMALL4, flags=0x4000)

    def fragmented4(self):
        """Longer than the way on takes, and without DF: whole ones and fragments."""
        rng = self.random
        for _ in range(60):
            flags = rng.choice((0, 0, 0x2000, 0x2000 | rng.randrange(1, 8000), rng.randrange(1, 7900)))
            self.add("IPv4 fragmented", packet4, rng.randbytes(rng.randrange(1381, 1481)), dst=SMALL4,
                     flags=flags, tos=rng.randrange(256), ttl=rng.randrange(2, 256))
        for size in range(1376, 1390):
            self.add("IPv4 fragmented", packet4, rng.randbytes(size), dst=SMALL4)
        self.add("IPv4 fragmented", packet4, rng.randbytes(1480), dst=SMALL4)
        for size in (1300, 1376, 1380):
            self.add("IPv4 fits without its trailer", packet4, rng.randbytes(size), dst=SMALL4,
                     trailer=bytes(1480 - size))
        self.add("IPv4 fragmented, TTL 1", packet4, rng.randbytes(1470), dst=SMALL4, ttl=1)
        self.add("IPv4 fragmented, reserved flag", packet4, rng.randbytes(1470), dst=SMALL4, flags=0x8000)
        self.add("IPv4 fragmented, reserved flag", packet4, rng.randbytes(1470), dst=SMALL4, flags=0xc000)
        for options in (b"\1\1\1\0", b"\x94\x04\0\0", b"\x9e\x08abcdef", b"\x1e\x08abcdef"):
            for flags in (0, 0x4000):
                self.add("IPv4 fragmented, options", packet4, rng.randbytes(1460), dst=SMALL4, flags=flags,
                         options=options)

    def broken4(self):
        """Each field wrong in turn."""
        rng = self.random
        for version in (0, 1, 2, 3, 5, 6, 7, 8, 15):
            self.add("IPv4 version", packet4, b"abcd", first=version << 4 | 5, ethertype=b"\x08\x00")
        for length in range(5):
            self.add("IPv4 header length", packet4, bytes(40), first=0x40 | length)
        for length in range(6, 16):
            self.add("IPv4 header past its end", packet4, b"", first=0x40 | length)
        for length in (0, 1, 4, 19):
            self.add("IPv4 total length", packet4, b"abcd", total_length=length)
        for length in (25, 26, 1000, 65535):
            self.add("IPv4 past the frame", packet4, b"abcd", total_length=length)
        for _ in range(200):
            self.add("IPv4 checksum", packet4, self.bytes(99), checksum=rng.randrange(1, 65535))
        for cut in range(20):
            self.add("IPv4 cut", packet4, b"", cut=cut)
        self.add("IPv4 from 0/8", packet4, b"abcd", src="0.1.2.3")
        for src in ("0.0.0.0", "127.0.0.1", "127.9.9.9", "224.0.0.1", "239.1.2.3",
                    "255.255.255.255"):
            self.add("IPv4 martian source", packet4, b"abcd", src=src)
        for src in ("240.0.0.1", "254.1.1.1"):
            self.add("IPv4 class E source", packet4, b"abcd", src=src)
        for src in ("10.0.0.1", "10.0.1.1"):
            self.add("IPv4 from our own address", packet4, b"abcd", src=src)
        self.add("IPv4 to 0/8", packet4, b"abcd", dst="0.1.2.3")
        for dst in ("0.0.0.0", "127.0.0.1", "127.9.9.9"):
            self.add("IPv4 martian destination", packet4, b"abcd", dst=dst)
        for dst in ("240.0.0.1", "254.1.1.1"):
            self.add("IPv4 class E destination", packet4, b"abcd", dst=dst)
        for dst in ("224.0.0.5", "225.1.2.3", "255.255.255.255", "10.0.1.255", "10.0.0.255"):
            self.add("IPv4 not to one", packet4, b"abcd", dst=dst)
        for to in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:00:00:00:01:99"):
            for ttl in (1, 64):
                self.add("IPv4 by another link-layer address", packet4, b"abcd", to=to, ttl=ttl)
            self.add("IPv4 by another link-layer address", packet4, b"abcd", to=to, dst=UNREACHABLE4)

    def options4(self):
        """RFC 791 3.1, RFC 2113, RFC 7126."""
        address = ip_bytes("10.0.0.2")
        kinds = {
            "nothing": b"\1\1\1\0", "end": bytes(4), "40 bytes of nothing": b"\1" * 40,
            "router alert": b"\x94\x04\0\0", "unknown": b"\x9e\x04ab", "unknown, long": b"\x9e\x20" + bytes(30),
            "stream": b"\x88\x04\0\7", "security": b"\x82\x0b" + bytes(9) + b"\0",
            "record route": b"\x07\x0b\x04" + bytes(8) + b"\0",
            "record route, full": b"\x07\x07\x08" + address + b"\0",
            "time stamp": b"\x44\x0c\x05\x00" + bytes(8),
            "time stamp, full": b"\x44\x08\x09\x00" + bytes(4),
            "loose source route": b"\x83\x0b\x04" + address + address + b"\0",
            "strict source route": b"\x89\x0b\x04" + address + address + b"\0",
            "length 0": b"\x9e\0\0\0", "length 1": b"\x9e\1\0\0", "past the header": b"\x9e\x05ab",
            "length missing": b"\1\1\1\x9e", "record route, pointer 3": b"\x07\x07\x03" + bytes(4) + b"\0",
        }
        for name, options in kinds.items():
            for size in (0, 50):
                self.add(f"IPv4 option: {name}", packet4, self.random.randbytes(size), options=options)
            self.add(f"IPv4 option, TTL 1: {name}", packet4, b"abcd", options=options, ttl=1)

    # ---- IPv6

    def extension(self):
        """Headers before the payload that routers leave alone, and the payload; (first kind, bytes)."""
        rng = self.random
        kind, data = rng.choice(PROTOCOLS[1:]), self.bytes(1200)
        for _ in range(rng.randrange(3)):
            which = rng.choice((44, 43, 60))
            if which == 44:
                data = struct.pack("!BBHI", kind, 0, rng.randrange(65536) & 0xfff9, rng.getrandbits(32)) + data
            elif which == 43:
                data = struct.pack("!BBBBI", kind, 0, 4, 0, 0) + data
            else:
                data = option6(kind, b"\x1e\x02ab") + data
            kind = which
        return kind, data

    def good6(self, count):
        """Everything that may vary does."""
        rng = self.random
        for _ in range(count):
            kind, data = self.extension()
            self.add("IPv6", packet6, data, dst=rng.choice((NEAR6, FAR6, FAR6, SMALL6)), tc=rng.randrange(256),
                     src=f"2001:db8:ffff:{rng.randrange(65536):x}::{rng.randrange(1, 65536):x}",
                     hops=rng.randrange(2, 256), protocol=kind)
        for hops in range(2, 256):
            self.add("IPv6", packet6, b"", hops=hops)
        for size in range(0, 1461, 7):
            self.add("IPv6", packet6, rng.randbytes(size))
        self.add("IPv6", packet6, bytes(1460))
        self.add("IPv6 no next header", packet6, b"", protocol=59)
        for size in (1, 6, 100):
            self.add("IPv6 trailer", packet6, b"abc", trailer=bytes(size))

    def ends6(self):
        """As ends4."""
        error = bytes.fromhex("0300000000000000") + packet6(9, b"quoted", src=FAR6, dst=SOURCE6)
        for payload in (b"", b"12345678", self.random.randbytes(100), self.random.randbytes(1300)):
            for hops in (0, 1):
                self.add("IPv6 hop limit", packet6, payload, hops=hops)
            for dst in (UNREACHABLE6, NOWHERE6):
                self.add(f"{UNREACHABLE if dst == UNREACHABLE6 else 'IPv6'} to {dst}", packet6, payload,
                         dst=dst)
            self.add("IPv6 blackhole", packet6, payload, dst=BLACKHOLE6)
        for dst, hops, about in ((FAR6, 1, "IPv6"), (UNREACHABLE6, 9, UNREACHABLE), (NOWHERE6, 9, "IPv6")):
            self.add("IPv6 ICMP error", packet6, error, dst=dst, hops=hops, protocol=58)
            for kind in (1, 2, 4, 127):
                self.add(f"IPv6 ICMP type {kind}", packet6, bytes((kind,)) + bytes(7), dst=dst, hops=hops,
                         protocol=58)
            for kind in (128, 129, 131, 200):
                self.add(f"{about} ICMP type {kind}", packet6, bytes((kind,)) + bytes(7), dst=dst, hops=hops,
                         protocol=58)
            for offset in (0, 80):
                self.add(f"{about} fragment", packet6, struct.pack("!BBHI", 17, 0, offset | 1, 7) + bytes(32),
                         dst=dst, hops=hops, protocol=44)
        for size in (1361, 1400, 1460):
            self.add("IPv6 too long", packet6, self.random.randbytes(size), dst=SMALL6, hops=77, tc=0x28)
        for size in (1300, 1360):
            self.add("IPv6 fits without its trailer", packet6, self.random.randbytes(size), dst=SMALL6,
                     trailer=bytes(1460 - size))
        self.add("IPv6 fits", packet6, self.random.randbytes(1360), dst=SMALL6)

    def broken6(self):
        """Each field wrong in turn."""
        for version in (0, 1, 4, 5, 7, 15):
            self.add("IPv6 version", packet6, b"abcd", version=version, ethertype=b"\x86\xdd")
        for length in (5, 6, 1000, 65535):
            self.add("IPv6 past the frame", packet6, b"abcd", payload_length=length)
        for cut in range(40):
            self.add("IPv6 cut", packet6, b"", cut=cut, ethertype=b"\x86\xdd")
        for src in ("::", "::1", "ff02::1", "ff0e::1"):
            self.add(f"IPv6 from {src}", packet6, b"abcd", src=src)
        self.add("IPv6 from a mapped address", packet6, b"abcd", src="::ffff:10.0.0.2")
        self.add("IPv6 to a mapped address", packet6, b"abcd", dst="::ffff:10.2.7.1")
        self.add("IPv6 from our own address", packet6, b"abcd", src="2001:db8:1::1")
        for size in (4, 300):
            self.add("IPv6 from a link-local address", packet6, bytes(size), src="fe80::2")
        for dst in ("::", "::1"):
            self.add(f"IPv6 to {dst}", packet6, b"abcd", dst=dst)
        self.add("IPv6 to a link-local address", packet6, b"abcd", dst="fe80::77")
        for dst in ("ff01::1", "ff02::99", "ff05::99", "ff0e::99"):
            self.add("IPv6 to a group", packet6, b"abcd", dst=dst)
        for to in ("ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01", "02:00:00:00:01:99"):
            for hops in (1, 64):
                self.add("IPv6 by another link-layer address", packet6, b"abcd", to=to, hops=hops)

    def options6(self):
        """Hop-by-hop options (RFC 8200 4.3)."""
        kinds = {"padding": b"", "router alert": b"\x05\x02\0\0", "unknown, skip": b"\x1e\x02ab",
                 "unknown, discard": b"\x5e\x02ab", "unknown, tell": b"\x9e\x02ab",
                 "unknown, tell if unicast": b"\xde\x02ab", "past the header": b"\x1e\x40ab"}
        for name, data in kinds.items():
            header = bytes((17, 0)) + (data + b"\1\0" if len(data) == 4 else option6(17, data)[2:])
            self.add(f"IPv6 hop-by-hop: {name}", packet6, header + bytes(20), protocol=0)
            self.add(f"IPv6 hop-by-hop, hop limit 1: {name}", packet6, header + bytes(20), protocol=0,
                     hops=1)
        self.add("IPv6 hop-by-hop past the packet", packet6, bytes((17, 9)) + bytes(14), protocol=0)
        self.add("IPv6 hop-by-hop that is not the first", packet6,
                 bytes((0, 0, 1, 4)) + bytes(4) + bytes((17, 0, 1, 4)) + bytes(4), protocol=60)


def make(seed, good):
    """The whole table, `good` random packets of each family in it."""
    packets = Packets(seed)
    packets.good4(good)
    packets.good6(good)
    for part in (packets.ends4, packets.fragmented4, packets.broken4, packets.options4, packets.ends6, packets.broken6,
                 packets.options6):
        part()
    return packets.list
