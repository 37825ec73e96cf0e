# SPDX-License-Identifier: BSD-3-Clause
"""Label switching: swap, pop, push, one to three labels (RFC 3031, 3032, 3443; measured by RFC 5695)."""

import frames
from traffic import NEXTHOP, OTHER_MAC, Traffic, arriving, ethertype_of, leaving

LABELS = 100


def _random_below(source, count):
    """Entries below the top one, which nobody looks at."""
    return tuple((source.randrange(16, 1 << 20), source.randrange(1, 256), source.randrange(8))
                 for _ in range(count))


def swap(depth):
    """A scenario: `depth` labels, the top one is swapped."""
    def make(source, count):
        traffic = Traffic([f"mpls add {100 + i} swap {1100 + i} via {NEXTHOP}" for i in range(LABELS)])
        for number in range(count):
            i, ttl, tc = source.randrange(LABELS), source.randrange(2, 256), source.randrange(8)
            below, inner = _random_below(source, depth - 1), source.packet(number, 14 + 4 * depth)
            traffic.forward(arriving(frames.stack((100 + i, ttl, tc), *below) + inner),
                            leaving(frames.stack((1100 + i, ttl - 1, tc), *below) + inner))
        return traffic
    make.__doc__ = f"{LABELS} labels, {depth} deep: the top one is swapped, TTL less one, traffic class " \
        "kept; what is below is not touched."
    return make


def _exposed(inner, ttl):
    """An IP packet whose label went: the smaller TTL (uniform model, RFC 3443)."""
    if inner[0] >> 4 == 6:
        return inner[:7] + bytes([min(inner[7], ttl)]) + inner[8:]
    return frames.with_ttl(inner, min(inner[8], ttl))


def pop(depth):
    """A scenario: `depth` labels, the top one goes at the penultimate hop."""
    def make(source, count):
        traffic = Traffic([f"mpls add {100 + i} pop via {NEXTHOP}" for i in range(LABELS)])
        for number in range(count):
            i, ttl = source.randrange(LABELS), source.randrange(2, 256)
            below, inner = _random_below(source, depth - 1), source.packet(number, 14 + 4 * depth)
            sent = arriving(frames.stack((100 + i, ttl, 5), *below) + inner)
            if not below:
                body = _exposed(inner, ttl - 1)
                traffic.forward(sent, leaving(body, ethertype_of(body)))
                continue
            label, under, tc = below[0]
            traffic.forward(sent, leaving(
                frames.stack((label, min(ttl - 1, under), tc), *below[1:]) + inner))
        return traffic
    make.__doc__ = f"{depth} deep, penultimate hop: the top label goes; what is exposed gets the smaller " \
        "TTL (uniform model, RFC 3443) and keeps its traffic class."
    return make


def push(more):
    """A scenario: one label, swapped, and `more` pushed on top."""
    def make(source, count):
        stacks = [[1000 * (k + 2) + 100 + i for k in range(more)] + [1100 + i] for i in range(LABELS)]
        traffic = Traffic([f"mpls add {100 + i} swap {'/'.join(map(str, stacks[i]))} via {NEXTHOP}"
                           for i in range(LABELS)])
        for number in range(count):
            i, ttl, tc = source.randrange(LABELS), source.randrange(2, 256), source.randrange(8)
            inner = source.packet(number, 18, grows=4 * more)
            traffic.forward(arriving(frames.stack((100 + i, ttl, tc)) + inner),
                            leaving(frames.stack(*((label, ttl - 1, tc) for label in stacks[i])) + inner))
        return traffic
    make.__doc__ = f"One label, swapped, and {more} more pushed on top: TTL and traffic class are copied to all."
    return make


def impose(depth):
    """A scenario: IPv4 that gets `depth` labels where the path begins."""
    def make(source, count):
        stacks = [[1000 * (k + 1) + 100 + i for k in range(depth)] for i in range(LABELS)]
        traffic = Traffic([f"route add 10.2.{i}.0/24 via {NEXTHOP} push {'/'.join(map(str, stacks[i]))}"
                           for i in range(LABELS)])
        for number in range(count):
            i = source.randrange(LABELS)
            inner = source.packet(number, 14, "10.1.0.1", f"10.2.{i}.{source.randrange(1, 255)}", 4 * depth)
            hop = frames.with_ttl(inner, 63)
            traffic.forward(arriving(inner, ethertype=frames.ETHERTYPE_IPV4),
                            leaving(frames.stack(*((label, 63, 0) for label in stacks[i])) + hop))
        return traffic
    make.__doc__ = f"IPv4 by {LABELS} routes onto paths of {depth} label(s) pushed: TTL less one, copied to all."
    return make


def _bad_frame(traffic, kind, number, source):
    """The `kind`-th way to be wrong."""
    inner = source.packet(number)
    ways = (
        (arriving(frames.stack(999) + inner), traffic.drops, "mpls_unknown_label"),
        (arriving(frames.stack(3) + inner), traffic.drops, "mpls_implicit_null"),
        (arriving(frames.stack(4) + inner), traffic.drops, "mpls_reserved_label"),
        (arriving(frames.stack(100) + inner, dst=OTHER_MAC), traffic.drops, "not_for_us"),
        (arriving(frames.stack(100) + inner, ethertype=frames.ETHERTYPE_MPLS_UPSTREAM),
         traffic.drops, "mpls_upstream_label"),
        (arriving(b"\0" * (number % 4)), traffic.drops, "mpls_truncated"),
        (arriving(frames.stack(150, 151, bottom=False)), traffic.drops, "mpls_truncated"),
        (arriving(frames.stack(160) + inner), traffic.drops, "mpls_no_label_below"),
        (arriving(frames.stack(170, 171) + inner), traffic.drops, "mpls_not_bottom"),
        (arriving(frames.stack(150) + b"\xf0" + inner), traffic.drops, "mpls_payload_unknown"),
        (arriving(frames.stack((100, 1)) + inner), traffic.punts, "mpls_ttl_exceeded"),
        (arriving(frames.stack((100, 0)) + inner), traffic.punts, "mpls_ttl_exceeded"),
        (arriving(frames.stack(1, 100) + inner), traffic.punts, "mpls_router_alert"),
    )
    traffic.end(*ways[kind % len(ways)])


def mixed_bad(source, count):
    """Every other frame is wrong in one of fourteen ways, the good ones between them all come out."""
    traffic = Traffic([f"mpls add 100 swap 1100 via {NEXTHOP}", f"mpls add 150 pop via {NEXTHOP}",
                       "mpls add 160 pop label", "mpls add 170 pop ip"])
    for number in range(count):
        if number % 2:
            _bad_frame(traffic, number // 2, number, source)
            continue
        inner = source.packet(number)
        traffic.forward(arriving(frames.stack(100) + inner),
                        leaving(frames.stack((1100, 63)) + inner))
    return traffic


SCENARIOS = {
    "mpls-swap": swap(1),
    "mpls-swap-2-labels": swap(2),
    "mpls-swap-3-labels": swap(3),
    "mpls-pop-1-label": pop(1),
    "mpls-pop": pop(2),
    "mpls-pop-3-labels": pop(3),
    "mpls-push-1": push(1),
    "mpls-push-2": push(2),
    "mpls-impose-1": impose(1),
    "mpls-impose-2": impose(2),
    "mpls-impose-3": impose(3),
    "mixed-bad": mixed_bad,
}
