# SPDX-License-Identifier: BSD-3-Clause
"""Scenarios of the forwarding benchmarks: the packets, the commands that make shunt's tables, and the
rules by which Open vSwitch does the same.

Packets come in by p0 and leave by p1, multicast copies by p1, p2, ... A scenario's `entries` are what it
looks up in: labels, routes, tunnels, groups, rules, addresses. The packets are random over them. All
frames are `size` bytes with their check sequence, which is not in memory.
"""

import argparse
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "pktgen-scripts" / "packets"))
from frames import checksum, mac  # pylint: disable=wrong-import-position

FIRST_LABEL = 16
LABEL_COUNT = 1 << 20
ENTRIES_MAX = LABEL_COUNT - FIRST_LABEL
NEXTHOPS = 16
PACKETS = 65536  # of a source: their lines are four times a second-level cache of 2 MiB
LARGE_PACKETS = 8192  # of those above 256 bytes
JUMBO_PACKETS = 2048  # of those that no ordinary buffer has room for
JUMBO = 1518  # frames above this
SOURCE_MAC = "02:00:00:00:00:01"
NEXTHOP_MAC = "02:00:00:00:02:{:02x}"
PCAP_MAC = "02:70:63:61:70:00"  # that net_pcap gives its first port
PERMITTED = ("tcp", 6), ("udp", 17)
IMIX = (64,) * 7 + (594,) * 4 + (1518,)  # the simple one
ETHERNET = "set_field:{}->eth_src,set_field:{}->eth_dst"
OUR_MAC = "02:00:00:00:00:aa"


def frame_size(text):
    """-> a number of bytes, or "imix"; for argparse."""
    if text == "imix":
        return text
    if not text.isdigit() or not 64 <= int(text) <= 9000:
        raise argparse.ArgumentTypeError(f"{text}: expected imix or 64 to 9000")
    return int(text)


def mean_size(size):
    """Bytes of a frame."""
    return sum(IMIX) / len(IMIX) if size == "imix" else size


def ip4(source, destination, protocol, length, ttl=64):
    """20 bytes; `length` is of what follows; addresses are numbers."""
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + length, 0, 0, ttl, protocol, 0, source, destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def address(number):
    """Dotted."""
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def ipv4(text):
    """The number."""
    return int.from_bytes(bytes(map(int, text.split("."))), "big")


def indices(entries, packets):
    """An entry for each packet; every entry at least once where there are enough packets."""
    source = random.Random(entries)
    found = [i % entries for i in range(packets)] if entries <= packets else \
        source.sample(range(entries), packets)
    source.shuffle(found)
    return found


def next_hop(i):
    """An address and the MAC that it has."""
    return f"10.0.1.{i % NEXTHOPS + 2}", NEXTHOP_MAC.format(i % NEXTHOPS)


def rewrite(i):
    """OpenFlow actions: towards the nexthop of entry i."""
    return ETHERNET.format(OUR_MAC, next_hop(i)[1])


def out_label(label):
    """What a swap writes: no special-purpose label, as tables have a million entries at most."""
    return LABEL_COUNT - 1 - label


class Scenario:
    """One kind of traffic. Subclasses say what is in a frame and in the tables."""

    name = what = ""
    sizes = (1, 1000, 100000, 1000000)  # of the table
    ethertype = 0x0800
    bridged = False
    ports = 1    # by which packets leave
    peer = True  # Open vSwitch can do it

    def destination(self, _i):
        """MAC that a frame goes to."""
        return PCAP_MAC

    def packet(self, i, room):
        """What follows the Ethernet header, of entry i and up to `room` bytes long."""
        raise NotImplementedError

    def commands(self, entries):
        """shuntctl's, after the ports are there."""
        raise NotImplementedError

    def rules(self, entries):
        """ovs-ofctl's."""
        raise NotImplementedError

    def frames(self, entries, size, packets=None):
        """The source's. `size`: a number, or IMIX."""
        mix = IMIX if size == "imix" else (size,)
        packets = packets or (PACKETS if max(mix) <= 256 else LARGE_PACKETS if max(mix) <= JUMBO else JUMBO_PACKETS)
        for number, i in enumerate(indices(entries, packets)):
            room = mix[number % len(mix)] - 18
            part, i = self.part(number, i)
            yield (mac(part.destination(i)) + mac(SOURCE_MAC)
                   + struct.pack("!H", part.ethertype) + part.packet(i, room).ljust(room, b"\0"))

    def part(self, _number, i):
        """-> scenario and entry of a packet: a mixture has several."""
        return self, i


def udp(source, destination, sport, dport, room, protocol=17):
    """An IPv4 packet of `room` bytes; as TCP an acknowledgement."""
    if protocol == 6:
        layer4 = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x10, 1024, 0, 0)
    else:
        layer4 = struct.pack("!HHHH", sport, dport, room - 20, 0)
    return ip4(source, destination, protocol, room - 20) + layer4.ljust(room - 20, b"\0")


INSIDE = ipv4("10.1.0.1"), ipv4("10.2.0.2"), 1000, 2000


class Mpls(Scenario):
    """Labelled packets; `depth` labels on arrival."""

    what = "labels"
    ethertype = 0x8847

    def __init__(self, name, depth, operation):
        self.name, self.depth, self.operation = name, depth, operation

    def packet(self, i, room):
        labels = [FIRST_LABEL + i, *(500000 + k for k in range(1, self.depth))]
        stack = b"".join(struct.pack("!I", label << 12 | (k == self.depth - 1) << 8 | 64)
                         for k, label in enumerate(labels))
        return stack + udp(*INSIDE, room - len(stack))

    def route(self, label, verb="add"):
        """The command of one label."""
        via = f"via {next_hop(label)[0]}"
        if self.operation == "pop ip":
            return f"mpls {verb} {label} pop ip"
        if self.operation == "pop":
            return f"mpls {verb} {label} pop {via}"
        push = " push 900001/900002" if self.operation == "push" else ""
        return f"mpls {verb} {label} swap {out_label(label)} {via}{push}"

    def commands(self, entries):
        inside = ["route add 10.2.0.0/16 via 10.0.1.2"] if self.operation == "pop ip" else []
        return inside + [self.route(FIRST_LABEL + i) for i in range(entries)]

    def rules(self, entries):
        for label in range(FIRST_LABEL, FIRST_LABEL + entries):
            actions = {"swap": f"dec_mpls_ttl,set_field:{out_label(label)}->mpls_label",
                       "pop": "pop_mpls:0x8847", "pop ip": "pop_mpls:0x0800"}.get(self.operation)
            if self.operation == "push":
                actions = f"dec_mpls_ttl,set_field:{out_label(label)}->mpls_label" + "".join(
                    f",push_mpls:0x8847,set_field:{pushed}->mpls_label" for pushed in (900002, 900001))
            yield f"priority=10,mpls,mpls_label={label},actions={actions},{rewrite(label)},output:2"


class Routes(Scenario):
    """IPv4 by as many /24 routes."""

    name, what = "ip4-route", "routes"

    def packet(self, i, room):
        return udp(INSIDE[0], (20 << 24) + (i << 8) + 1, 1000, 2000, room)

    def commands(self, entries):
        return [f"route add {address((20 << 24) + (i << 8))}/24 via {next_hop(i)[0]}" for i in range(entries)]

    def rules(self, entries):
        for i in range(entries):
            yield (f"priority=10,ip,nw_dst={address((20 << 24) + (i << 8))}/24,actions=dec_ttl,{rewrite(i)},"
                   "output:2")


class Gre(Scenario):
    """IPv4 in GRE with a key each (RFC 2890), routed after it came out."""

    name, what, peer = "gre-decap", "tunnels", False
    sizes = (1, 100, 1000)

    def packet(self, i, room):
        inside = udp(*INSIDE, max(room - 28, 28))
        gre = struct.pack("!HHI", 0x2000, 0x0800, i + 1)
        return ip4(ipv4("10.0.0.2"), ipv4("10.0.0.1"), 47, len(gre) + len(inside)) + gre + inside

    def commands(self, entries):
        return ["neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev p0", "route add 10.2.0.0/16 via 10.0.1.2"] + [
            f"tunnel add t{i} mode gre local 10.0.0.1 remote 10.0.0.2 key {i + 1}" for i in range(entries)]


class Bridge(Scenario):
    """Ethernet by static addresses."""

    name, what, bridged = "bridge-unicast", "addresses", True
    sizes = (1, 1000, 100000)

    def destination(self, i):
        return f"02:{0x10 + (i >> 24):02x}:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}:02"

    def packet(self, i, room):
        return udp(*INSIDE, room)

    def commands(self, entries):
        return [f"bridge fdb add {self.destination(i)} dev p1 vlan 1" for i in range(entries)]

    def rules(self, entries):
        for i in range(entries):
            yield f"priority=10,dl_dst={self.destination(i)},actions=output:2"


class Multicast(Scenario):
    """Groups that so many ports have asked for."""

    what, bridged = "groups", True
    sizes = (1, 1000, 16384)

    def __init__(self, ports):
        self.name, self.ports = f"multicast-fanout-{ports}", ports

    @staticmethod
    def group(i):
        """Above 224.0.0.0/24."""
        return ipv4("239.1.0.0") + i

    def destination(self, i):
        low = self.group(i) & 0x7FFFFF
        return f"01:00:5e:{low >> 16:02x}:{low >> 8 & 255:02x}:{low & 255:02x}"

    def packet(self, i, room):
        return udp(INSIDE[0], self.group(i), 1000, 2000, room)

    def commands(self, entries):
        return [f"bridge group add br0 vlan 1 {address(self.group(i))} port p{port}"
                for i in range(entries) for port in range(1, self.ports + 1)]

    def rules(self, entries):
        outputs = ",".join(f"output:{port + 1}" for port in range(1, self.ports + 1))
        for i in range(entries):
            yield f"priority=10,ip,dl_vlan=0xffff,nw_dst={address(self.group(i))},actions={outputs}"


class Filtered(Scenario):
    """One route behind a filter whose rules permit what comes, the default is deny. A packet meets a random
    rule; `tuple_`: rules on protocol, both networks and port, else on protocol and port."""

    what = "rules"
    sizes = (1, 100, 1000, 4096)

    def __init__(self, name, tuple_):
        self.name, self.tuple_ = name, tuple_

    def rule(self, i):
        """-> protocol's name and number, source network, destination network, port."""
        source = random.Random(i)
        return (*PERMITTED[i % 2], source.randrange(4096) << 8 | 30 << 24,
                source.randrange(256) << 8 | 20 << 24, 1000 + i)

    def packet(self, i, room):
        _, number, source, destination, port = self.rule(i)
        return udp(source | i & 255, destination | 1, 1000, port, room, number)

    def commands(self, entries):
        yield "route add 20.0.0.0/8 via 10.0.1.2"
        yield "filter add bench default deny"
        for i in range(entries):
            name, _, source, destination, port = self.rule(i)
            ends = f" from {address(source)}/24 to {address(destination)}/24" if self.tuple_ else ""
            yield f"filter rule add bench {i + 1} permit proto {name}{ends} dport {port}"
        yield "filter bind bench in p0"

    def rules(self, entries):
        for i in range(entries):
            name, _, source, destination, port = self.rule(i)
            ends = f",nw_src={address(source)}/24,nw_dst={address(destination)}/24" if self.tuple_ else ""
            yield f"priority=10,{name}{ends},tp_dst={port},actions=dec_ttl,{rewrite(0)},output:2"


class Mixed(Scenario):
    """A third each of labelled, tunnelled and multicast packets behind a filter of as many rules; the groups
    are routed to a bridge with one port."""

    name, what, peer, ports = "mixed", "rules", False, 2
    sizes = (1, 1000)

    def part(self, number, i):
        return ((MPLS_SWAP, 0), (GRE, 0), (Multicast(1), i % 64))[number % 3]

    def commands(self, entries):
        yield from MPLS_SWAP.commands(1)
        yield from GRE.commands(1)
        yield from FILTER_PORTS.commands(entries)
        yield "filter rule add bench 5000 permit proto gre"
        yield "filter rule add bench 5001 permit to 239.0.0.0/8"
        yield "bridge add br0 snooping on querier on multicast-routing no-rpf"
        yield "address add 10.0.2.1/24 dev br0"
        yield "port set p2 bridge br0 vlan 1"
        for i in range(64):
            yield f"bridge group add br0 vlan 1 {address(Multicast.group(i))} port p2"


MPLS_SWAP, GRE, FILTER_PORTS = Mpls("mpls-swap", 1, "swap"), Gre(), Filtered("filter-ports", False)
SCENARIOS = {scenario.name: scenario for scenario in (
    MPLS_SWAP, Mpls("mpls-swap-3-labels", 3, "swap"), Mpls("mpls-pop", 2, "pop"),
    Mpls("mpls-push-2", 1, "push"), Mpls("mpls-pop-ip", 1, "pop ip"), Routes(), GRE, Bridge(),
    Multicast(1), Multicast(4), Multicast(16), FILTER_PORTS, Filtered("filter-5tuple", True), Mixed())}


def write_frames(path, frames):
    """Into a pcap file."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def write_pcap(path, scenario, entries, size=64, packets=None):
    """The scenario's frames into a file."""
    write_frames(path, scenario.frames(entries, size, packets))
