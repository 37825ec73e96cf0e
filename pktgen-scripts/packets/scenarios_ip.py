# SPDX-License-Identifier: BSD-3-Clause
"""IPv4 and IPv6 by routes, tunnels (RFC 2784, 2890, 4023, 2003, 7348), and filters."""

import frames
from traffic import NEXTHOP, SOURCE, Traffic, arriving, leaving

ROUTES = 100
LOCAL = "10.0.0.1"  # ends of tunnels that come in by p0 ...
FAR_LOCAL = "10.0.1.1"  # ... and that leave by p1
KEY = 77
IDENTIFICATION = ((18, 2), (24, 2))  # of the outer header, and its checksum


def _hop(packet):
    """One hop older."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:]
    return frames.with_ttl(packet, packet[8] - 1)


def ip4(source, count):
    """IPv4 by 100 routes: TTL less one, checksum right."""
    traffic = Traffic([f"route add 10.2.{i}.0/24 via {NEXTHOP}" for i in range(ROUTES)])
    for number in range(count):
        inner = source.packet(number, 14, source="10.1.0.1", target=_target(source))
        traffic.forward(arriving(inner, ethertype=frames.ETHERTYPE_IPV4),
                        leaving(_hop(inner), frames.ETHERTYPE_IPV4))
    return traffic


def _target(source):
    return f"10.2.{source.randrange(ROUTES)}.{source.randrange(1, 255)}"


def ip6(source, count):
    """IPv6 by 100 routes: hop limit less one."""
    traffic = Traffic([f"route add 2001:db8:1:0:{i:x}::/80 via 2001:db8:ff:1::2" for i in range(ROUTES)])
    for number in range(count):
        target = source.randrange(ROUTES) << 48 | source.randrange(1, 1000)
        inner = frames.udp6(frames.numbered(number, source.length(34)), source.randrange(1, 1000), target,
                            source.randrange(1024, 65536), source.randrange(1024, 65536))
        traffic.forward(arriving(inner, ethertype=frames.ETHERTYPE_IPV6),
                        leaving(_hop(inner), frames.ETHERTYPE_IPV6))
    return traffic


def _gre_words(words):
    """-> key or None, whether with checksum: of a tunnel's words."""
    return KEY if "key" in words else None, "checksum" in words


def encapsulate(words="", labels=()):
    """A scenario: IPv4 from p0 into a GRE tunnel that leaves by p1; with `labels` as MPLS in GRE."""
    key, checksum = _gre_words(words)

    outer = 24 + 4 * (key is not None) + 4 * checksum + 4 * len(labels)

    def make(source, count):
        pushed = f" push {'/'.join(map(str, labels))}" if labels else ""
        traffic = Traffic([f"tunnel add t0 mode gre local {FAR_LOCAL} remote {NEXTHOP} {words}".rstrip(),
                           f"route add 10.2.0.0/16 dev t0{pushed}"], free=IDENTIFICATION)
        for number in range(count):
            inner = source.packet(number, 14, "10.1.0.1", _target(source), outer)
            body, kind = _hop(inner), frames.ETHERTYPE_IPV4
            if labels:
                body, kind = frames.stack(*((label, 63, 0) for label in labels)) + body, frames.ETHERTYPE_MPLS
            traffic.forward(arriving(inner, ethertype=frames.ETHERTYPE_IPV4),
                            leaving(frames.gre4(body, FAR_LOCAL, NEXTHOP, kind, key, checksum),
                                    frames.ETHERTYPE_IPV4))
        return traffic
    make.__doc__ = f"IPv4 into a GRE tunnel {words or 'without key'}" \
        f"{' as MPLS with ' + str(len(labels)) + ' label' if labels else ''}: outer header, TTL less one inside."
    return make


def decapsulate(words=""):
    """A scenario: GRE from p0 that ends here, what is in it leaves by p1."""
    key, checksum = _gre_words(words)

    def make(source, count):
        traffic = Traffic([f"tunnel add t0 mode gre local {LOCAL} remote {SOURCE} {words}".rstrip(),
                           f"route add 10.2.0.0/16 via {NEXTHOP}"])
        above = 14 + 24 + 4 * (key is not None) + 4 * checksum
        for number in range(count):
            inner = source.packet(number, above, source="10.1.0.1", target=_target(source))
            traffic.forward(arriving(frames.gre4(inner, SOURCE, LOCAL, frames.ETHERTYPE_IPV4, key, checksum),
                                     ethertype=frames.ETHERTYPE_IPV4),
                            leaving(_hop(inner), frames.ETHERTYPE_IPV4))
        return traffic
    make.__doc__ = f"GRE {words or 'without key'} to ourselves: what is inside leaves by a route, TTL less one."
    return make


def gre_mpls_decapsulate(source, count):
    """MPLS in GRE to ourselves (RFC 4023): the label inside is swapped."""
    traffic = Traffic([f"tunnel add t0 mode gre local {LOCAL} remote {SOURCE} mpls on",
                       *(f"mpls add {100 + i} swap {1100 + i} via {NEXTHOP}" for i in range(ROUTES))])
    for number in range(count):
        i, ttl, tc = source.randrange(ROUTES), source.randrange(2, 256), source.randrange(8)
        inner = source.packet(number, 42)
        outer = frames.gre4(frames.stack((100 + i, ttl, tc)) + inner, SOURCE, LOCAL, frames.ETHERTYPE_MPLS)
        traffic.forward(arriving(outer, ethertype=frames.ETHERTYPE_IPV4),
                        leaving(frames.stack((1100 + i, ttl - 1, tc)) + inner))
    return traffic


def _filtered(source, count, commands, denied, share):
    """A `share` of the packets are of flows that `denied` picks a destination port for."""
    traffic = Traffic([*commands, f"route add 10.2.0.0/16 via {NEXTHOP}"])
    for number in range(count):
        bad = number % 4 < share * 4
        inner = frames.udp4(frames.numbered(number, source.length(14)), f"10.1.0.{source.randrange(1, 255)}",
                            _target(source), source.randrange(1024, 65536),
                            denied(source) if bad else source.choice((53, 443, 4789)))
        sent = arriving(inner, ethertype=frames.ETHERTYPE_IPV4)
        if bad:
            traffic.end(sent, traffic.drops, "filter_in")
        else:
            traffic.forward(sent, leaving(_hop(inner), frames.ETHERTYPE_IPV4))
    return traffic


def filter_permit(source, count):
    """A filter of 1000 rules that permits everything that comes, by its last rules."""
    rules = [f"filter rule add f {i + 1} deny proto udp dport {20000 + i}" for i in range(997)]
    rules += [f"filter rule add f {1000 + i} permit proto udp dport {port}"
              for i, port in enumerate((53, 443, 4789))]
    return _filtered(source, count, ["filter add f default deny", *rules, "filter bind f in p0"], None, 0)


def filter_deny(source, count):
    """The same filter, half of the packets to ports that it denies: none of them comes out."""
    rules = [f"filter rule add f {i + 1} deny proto udp dport {20000 + i}" for i in range(1000)]
    return _filtered(source, count, ["filter add f default permit", *rules, "filter bind f in p0"],
                     lambda source: 20000 + source.randrange(1000), 0.5)


def mixed(source, count):
    """Labels, IPv4, IPv6 and GRE, in turn: in order within a kind."""
    parts = [make(source, 0) for make in (ip4, ip6, decapsulate())]
    traffic = Traffic([*(f"mpls add {100 + i} swap {1100 + i} via {NEXTHOP}" for i in range(ROUTES)),
                       *parts[0].commands, *parts[1].commands, parts[2].commands[0]], ordered=False)
    for number in range(count):
        if number % 4 == 0:
            i, ttl, inner = source.randrange(ROUTES), source.randrange(2, 256), source.packet(number)
            traffic.forward(arriving(frames.stack((100 + i, ttl)) + inner),
                            leaving(frames.stack((1100 + i, ttl - 1)) + inner))
        elif number % 4 == 1:
            target = source.randrange(ROUTES) << 48 | 7
            inner = frames.udp6(frames.numbered(number, source.length(34)), 1, target)
            traffic.forward(arriving(inner, ethertype=frames.ETHERTYPE_IPV6),
                            leaving(_hop(inner), frames.ETHERTYPE_IPV6))
        else:
            inner = source.packet(number, 14 if number % 4 == 2 else 38, "10.1.0.1", _target(source))
            outer = inner if number % 4 == 2 else frames.gre4(inner, SOURCE, LOCAL, frames.ETHERTYPE_IPV4)
            traffic.forward(arriving(outer, ethertype=frames.ETHERTYPE_IPV4),
                            leaving(_hop(inner), frames.ETHERTYPE_IPV4))
    return traffic


SCENARIOS = {
    "ip4": ip4,
    "ip6": ip6,
    "gre-encapsulate": encapsulate(),
    "gre-encapsulate-key": encapsulate(f"key {KEY}"),
    "gre-encapsulate-checksum": encapsulate(f"key {KEY} checksum"),
    "gre-encapsulate-mpls": encapsulate(labels=(500,)),
    "gre-decapsulate": decapsulate(),
    "gre-decapsulate-key": decapsulate(f"key {KEY}"),
    "gre-decapsulate-checksum": decapsulate(f"key {KEY} checksum"),
    "gre-decapsulate-mpls": gre_mpls_decapsulate,
    "filter-permit": filter_permit,
    "filter-deny": filter_deny,
    "mixed": mixed,
}
