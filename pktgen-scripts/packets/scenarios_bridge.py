# SPDX-License-Identifier: BSD-3-Clause
"""Ethernet between ports of a bridge, and multicast to those who asked (RFC 4541; measured by RFC 3918)."""

import frames
from traffic import NEXTHOP_MAC, SOURCE_MAC, Traffic

GROUPS = 100


def _ports(receivers):
    """A bridge of p0 and as many more ports. Nothing is said by the bridge itself."""
    return ["bridge add br0 unknown-multicast drop querier off",
            *(f"port add p{i} devargs {{dev{i}}} bridge br0" for i in range(receivers + 1))]


def bridge(source, count):
    """Ethernet to 100 hosts that the bridge knows: not one byte is changed."""
    hosts = [f"02:00:00:01:00:{i:02x}" for i in range(100)]
    traffic = Traffic([f"bridge fdb add {host} dev p1" for host in hosts], setup=_ports(1))
    for number in range(count):
        frame = frames.ethernet(source.choice(hosts), SOURCE_MAC, frames.ETHERTYPE_IPV4,
                                source.packet(number, 14, source="10.1.0.1"))
        traffic.forward(frame, frame)
    return traffic


def group_address(i):
    """The i-th group; no two have the same MAC."""
    return f"239.1.{i >> 8}.{i & 0xff}"


def group_mac(address):
    """RFC 1112 6.4."""
    parts = list(map(int, address.split(".")))
    return f"01:00:5e:{parts[1] & 0x7f:02x}:{parts[2]:02x}:{parts[3]:02x}"


def group_frame(source, number, i, ttl=16):
    """A packet to the i-th group."""
    address = group_address(i)
    packet = source.packet(number, 14, source="10.0.0.2", target=address)
    return frames.ethernet(group_mac(address), SOURCE_MAC, frames.ETHERTYPE_IPV4,
                           frames.with_ttl(packet, ttl))


def join(i, host=NEXTHOP_MAC, address="10.0.0.3"):
    """An IGMPv2 report for the i-th group (RFC 2236), with router alert."""
    group = group_address(i)
    return frames.ethernet(group_mac(group), host, frames.ETHERTYPE_IPV4, frames.igmp(0x16, group, address))


def query():
    """An IGMPv2 general query: as long as nobody asks hosts, a bridge cannot know what they want, and
    floods; and until they have had the time to answer, which is short here."""
    return frames.ethernet("01:00:5e:00:00:01", SOURCE_MAC, frames.ETHERTYPE_IPV4,
                           frames.igmp(0x11, "0.0.0.0", "10.0.0.2", "224.0.0.1", 1))


def fanout(receivers, joined):
    """A scenario: packets to 100 groups that every receiver has asked for, or that are said by hand."""
    def make(source, count, groups=GROUPS):
        ports = [f"p{i + 1}" for i in range(receivers)]
        commands = [] if joined else [f"bridge group add br0 {group_address(i)} port {port}"
                                      for i in range(groups) for port in ports]
        traffic = Traffic(commands, setup=_ports(receivers), receivers=receivers)
        if joined:
            traffic.queries = [query()]
            traffic.joins = [join(i) for i in range(groups)]
        for number in range(count):
            frame = group_frame(source, number, number % groups)
            traffic.forward(frame, frame)
        return traffic
    make.__doc__ = f"{GROUPS} groups to {receivers} port(s) of a bridge " + \
        ("that asked for them by IGMP." if joined else "that were said to have them.")
    return make


SCENARIOS = {
    "bridge": bridge,
    "multicast": fanout(1, joined=False),
    "multicast-joined": fanout(1, joined=True),
    **{f"multicast-fanout-{n}": fanout(n, joined=False) for n in (2, 4, 8, 16)},
    "multicast-fanout-4-joined": fanout(4, joined=True),
}
