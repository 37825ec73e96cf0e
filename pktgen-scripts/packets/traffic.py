# SPDX-License-Identifier: BSD-3-Clause
"""What scenarios are made of: a source of packets that repeats itself, and the traffic with its answers.

The topology is always the same: the source sends to port p0, frames leave by p1 (and p2, p3, ... where a
scenario has more receivers) to the hosts behind.
"""

import random
from dataclasses import dataclass, field

import frames

SOURCE_MAC = "02:00:00:00:00:01"
P0_MAC = "02:00:00:00:01:00"
P1_MAC = "02:00:00:00:01:01"
NEXTHOP_MAC = "02:00:00:00:00:02"
SOURCE = "10.0.0.2"
NEXTHOP = "10.0.1.2"
OTHER_MAC = "02:00:00:00:00:99"

# {devN}: where port N is, as `port add` has it
ROUTED = [
    "port add p0 devargs {dev0} mpls on",
    "port add p1 devargs {dev1} mpls on",
    "address add 10.0.0.1/24 dev p0",
    "address add 10.0.1.1/24 dev p1",
    "address add 2001:db8:ff::1/64 dev p0",
    "address add 2001:db8:ff:1::1/64 dev p1",
    f"neigh add {SOURCE} lladdr {SOURCE_MAC} dev p0",
    f"neigh add {NEXTHOP} lladdr {NEXTHOP_MAC} dev p1",
    f"neigh add 2001:db8:ff:1::2 lladdr {NEXTHOP_MAC} dev p1",
]

FCS = 4
FULL = 1518  # bytes of the longest frame, with FCS
# Frame sizes with FCS, and how often: the "simple IMIX", 7 : 4 : 1
IMIX = (64,) * 7 + (594,) * 4 + (1518,)


@dataclass
class Traffic:
    """What one scenario sends and expects."""

    commands: list
    setup: list = field(default_factory=lambda: list(ROUTED))
    sent: list = field(default_factory=list)
    expected: list = field(default_factory=list)  # out of each receiver's port
    drops: dict = field(default_factory=dict)
    punts: dict = field(default_factory=dict)
    queries: list = field(default_factory=list)   # what the source must have said before all
    joins: list = field(default_factory=list)     # ... and then each receiver
    receivers: int = 1                            # ports p1, p2, ...
    ordered: bool = True                          # they come out in the order they went in
    free: tuple = ()                              # (offset, bytes) in `expected` that may be anything

    def forward(self, sent, expected):
        """This frame comes out as that one."""
        self.sent.append(sent)
        self.expected.append(expected)

    def end(self, sent, counters, reason):
        """This frame does not come out; `reason` counts it in drops or punts."""
        self.sent.append(sent)
        counters[reason] = counters.get(reason, 0) + 1

    def comparable(self, frame):
        """A frame that came out, or that is expected, with zeros where it may be anything."""
        for at, length in self.free:
            frame = frame[:at] + bytes(length) + frame[at + length:]
        return frame


class Source(random.Random):
    """Packets that follow from a seed. `size`: of each frame, with FCS; "imix"; or None: all kinds, IPv6
    among them. What does not fit into a size makes the frame longer; only what grows on its way is shorter
    than a full frame, so that it leaves as one."""

    def __init__(self, seed, size=None):
        super().__init__(seed)
        self.size = size

    def length(self, above, grows=0):
        """Bytes for the numbered payload of UDP in IPv4 with `above` bytes of headers before IPv4, in a frame
        that will grow by so many."""
        if self.size is None:
            return self.choice((18, 64, 256, 512, 1400))
        size = self.choice(IMIX) if self.size == "imix" else self.size
        return max(14, min(size, FULL - grows) - FCS - above - 28)

    def packet(self, number, above=18, source=None, target=None, grows=0):
        """An IP packet of a random flow, with its number inside. `above`: bytes of the frame before it;
        `grows`: bytes that the frame will get on its way."""
        length = self.length(above, grows)
        sport, dport = self.randrange(1024, 65536), self.randrange(1024, 65536)
        body = frames.numbered(number, length)
        if self.size is None and source is None and target is None and self.random() < 0.25:
            return frames.udp6(body, self.randrange(1, 1000), self.randrange(1, 1000), sport, dport)
        return frames.udp4(body, source or f"10.1.0.{self.randrange(1, 255)}",
                           target or f"10.2.{self.randrange(100)}.{self.randrange(1, 255)}", sport, dport)


def arriving(body, dst=P0_MAC, ethertype=frames.ETHERTYPE_MPLS):
    """A frame as the source sends it."""
    return frames.ethernet(dst, SOURCE_MAC, ethertype, body)


def leaving(body, ethertype=frames.ETHERTYPE_MPLS):
    """A frame as the nexthop gets it."""
    return frames.ethernet(NEXTHOP_MAC, P1_MAC, ethertype, body)


def ethertype_of(packet):
    """Of a bare IP packet."""
    return frames.ETHERTYPE_IPV6 if packet[0] >> 4 == 6 else frames.ETHERTYPE_IPV4
