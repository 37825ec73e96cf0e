# SPDX-License-Identifier: BSD-3-Clause
"""What is in a pcapng file, block by block (draft-ietf-opsawg-pcapng): for what scapy does not tell."""

import struct
from collections import namedtuple

Packet = namedtuple("Packet", "interface direction time frame length comment lost")
DIRECTIONS = {0: "", 1: "in", 2: "out"}


def _options(data):
    out, at = {}, 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("=HH", data, at)
        if code == 0:
            break
        out[code] = data[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    return out


def read(data):
    """The packets of a file, whose blocks must all be whole."""
    names, packets, at = [], [], 0
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        body = data[at + 8:at + length - 4]
        if length % 4 or struct.unpack_from("=I", data, at + length - 4) != (length,):
            raise ValueError(f"block at {at}: lengths differ")
        at += length
        if kind == 0x0a0d0d0a:
            if struct.unpack_from("=IHH", body) != (0x1a2b3c4d, 1, 0):
                raise ValueError("not a section header of version 1.0")
        elif kind == 1:
            if struct.unpack_from("=HH", body) != (1, 0):
                raise ValueError("not Ethernet")
            options = _options(body[8:])
            if options[9] != b"\x09":
                raise ValueError("not nanoseconds")
            names.append(options[2].decode())
        elif kind == 6:
            interface, high, low, captured, wire = struct.unpack_from("=IIIII", body)
            options = _options(body[20 + (captured + 3) // 4 * 4:])
            flags = struct.unpack("=I", options.get(2, bytes(4)))[0]
            packets.append(Packet(names[interface], DIRECTIONS[flags & 3], high << 32 | low,
                                  body[20:20 + captured], wire, options.get(1, b"").decode(),
                                  struct.unpack("=Q", options.get(4, bytes(8)))[0]))
        else:
            raise ValueError(f"block of type {kind}")
    return packets
