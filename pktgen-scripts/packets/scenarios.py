# SPDX-License-Identifier: BSD-3-Clause
"""Traffic with known answers: for each scenario the frames that go in, the frames that must come out,
where the others end, and the shuntctl commands that make it so.

The topology is always the same: the source sends to port p0, frames for NEXTHOP leave by port p1.
Everything follows from (scenario, count, seed): the same three make the same bytes.
"""

import random
from dataclasses import dataclass, field

import frames

SOURCE_MAC = "02:00:00:00:00:01"
P0_MAC = "02:00:00:00:01:00"
P1_MAC = "02:00:00:00:01:01"
NEXTHOP_MAC = "02:00:00:00:00:02"
NEXTHOP = "10.0.1.2"
OTHER_MAC = "02:00:00:00:00:99"

SETUP = [
    "port add p0 devargs {driver}0,iface=p0 mpls on",
    "port add p1 devargs {driver}1,iface=p1",
    "address add 10.0.0.1/24 dev p0",
    "address add 10.0.1.1/24 dev p1",
    f"neigh add {NEXTHOP} lladdr {NEXTHOP_MAC} dev p1",
]


@dataclass
class Traffic:
    """What one scenario sends and expects."""

    commands: list
    sent: list = field(default_factory=list)
    expected: list = field(default_factory=list)
    drops: dict = field(default_factory=dict)
    punts: dict = field(default_factory=dict)

    def forward(self, sent, expected):
        """This frame comes out as that one."""
        self.sent.append(sent)
        self.expected.append(expected)

    def end(self, sent, counters, reason):
        """This frame does not come out; `reason` counts it in drops or punts."""
        self.sent.append(sent)
        counters[reason] = counters.get(reason, 0) + 1


def arriving(body, dst=P0_MAC, ethertype=frames.ETHERTYPE_MPLS):
    """A frame as the source sends it."""
    return frames.ethernet(dst, SOURCE_MAC, ethertype, body)


def leaving(body):
    """A frame as the nexthop gets it."""
    return frames.ethernet(NEXTHOP_MAC, P1_MAC, frames.ETHERTYPE_MPLS, body)


def packet(rng, number):
    """An IP packet of random size and flow, with its number inside."""
    body = frames.numbered(number, rng.choice((18, 64, 256, 512, 1400)))
    sport, dport = rng.randrange(1024, 65536), rng.randrange(1024, 65536)
    if rng.random() < 0.25:
        return frames.udp6(body, rng.randrange(1, 1000), rng.randrange(1, 1000), sport, dport)
    return frames.udp4(body, f"10.1.0.{rng.randrange(1, 255)}", f"10.2.0.{rng.randrange(1, 255)}",
                       sport, dport)


def mpls_swap(rng, count):
    """100 labels, one label deep: swapped, TTL less one, traffic class kept."""
    traffic = Traffic([f"mpls add {100 + i} swap {1100 + i} via {NEXTHOP}" for i in range(100)])
    for number in range(count):
        i, ttl, tc, inner = rng.randrange(100), rng.randrange(2, 256), rng.randrange(8), \
            packet(rng, number)
        traffic.forward(arriving(frames.stack((100 + i, ttl, tc)) + inner),
                        leaving(frames.stack((1100 + i, ttl - 1, tc)) + inner))
    return traffic


def mpls_swap_3_labels(rng, count):
    """Three labels deep: the top one is swapped, the two below are not touched."""
    traffic = Traffic([f"mpls add {100 + i} swap {1100 + i} via {NEXTHOP}" for i in range(100)])
    for number in range(count):
        i, ttl, tc, inner = rng.randrange(100), rng.randrange(2, 256), rng.randrange(8), \
            packet(rng, number)
        below = ((rng.randrange(16, 1 << 20), rng.randrange(256), rng.randrange(8)),
                 (rng.randrange(16, 1 << 20), rng.randrange(256), rng.randrange(8)))
        traffic.forward(arriving(frames.stack((100 + i, ttl, tc), *below) + inner),
                        leaving(frames.stack((1100 + i, ttl - 1, tc), *below) + inner))
    return traffic


def mpls_pop(rng, count):
    """Two labels deep, penultimate hop: the top one goes, the exposed one gets the smaller TTL
    (uniform model, RFC 3443) and keeps its traffic class."""
    traffic = Traffic([f"mpls add {100 + i} pop via {NEXTHOP}" for i in range(100)])
    for number in range(count):
        i, ttl, inner = rng.randrange(100), rng.randrange(2, 256), packet(rng, number)
        label, below, tc = rng.randrange(16, 1 << 20), rng.randrange(1, 256), rng.randrange(8)
        traffic.forward(arriving(frames.stack((100 + i, ttl, 5), (label, below, tc)) + inner),
                        leaving(frames.stack((label, min(ttl - 1, below), tc)) + inner))
    return traffic


def mpls_push_2(rng, count):
    """Swapped, and two more labels pushed on top: TTL and traffic class are copied to all three."""
    traffic = Traffic([f"mpls add {100 + i} swap {2100 + i}/{3100 + i}/{1100 + i} via {NEXTHOP}"
                       for i in range(100)])
    for number in range(count):
        i, ttl, tc, inner = rng.randrange(100), rng.randrange(2, 256), rng.randrange(8), \
            packet(rng, number)
        labels = ((2100 + i, ttl - 1, tc), (3100 + i, ttl - 1, tc), (1100 + i, ttl - 1, tc))
        traffic.forward(arriving(frames.stack((100 + i, ttl, tc)) + inner),
                        leaving(frames.stack(*labels) + inner))
    return traffic


def _bad_frame(traffic, kind, number, rng):
    """The `kind`-th way to be wrong."""
    inner = packet(rng, number)
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


def mixed_bad(rng, count):
    """Every other frame is wrong in one of fourteen ways, the good ones between them all come out."""
    traffic = Traffic([f"mpls add 100 swap 1100 via {NEXTHOP}", f"mpls add 150 pop via {NEXTHOP}",
                       "mpls add 160 pop label", "mpls add 170 pop ip"])
    for number in range(count):
        if number % 2:
            _bad_frame(traffic, number // 2, number, rng)
            continue
        inner = packet(rng, number)
        traffic.forward(arriving(frames.stack(100) + inner),
                        leaving(frames.stack((1100, 63)) + inner))
    return traffic


SCENARIOS = {
    "mpls-swap": mpls_swap,
    "mpls-swap-3-labels": mpls_swap_3_labels,
    "mpls-pop": mpls_pop,
    "mpls-push-2": mpls_push_2,
    "mixed-bad": mixed_bad,
}


def make(name, count, seed):
    """The traffic of a scenario. KeyError: no such scenario."""
    return SCENARIOS[name](random.Random(f"{name}/{seed}"), count)
