#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The Linux kernel and shunt forward the same packets, good and broken: what comes out is the same, byte
by byte, or the difference stands in a table below with the reason why shunt's way is right."""

import collections
import re
import time
import unittest

import ip_packets
import shunt_test
from frames import checksum
from kernel_router import KernelRouter, Outputs, ShuntRouter, header_length, quoted
from shunt_test import wait_until

SEED = 20
GOOD = 1000       # random packets of each family
PORTION = 40      # packets that may be answered by an ICMP error: less than shunt says at once
PAUSE = 0.25      # seconds in which it may say as many again
PATIENCE = 20     # seconds; nothing is waited for that does not come
LAST = 0xffff     # the number of the packet after all others
CALM = ("IPv4", "IPv6", "IPv4 cut", "IPv6 cut", "IPv4 checksum")  # kinds that nobody is told about


def passed_on(sent, _kernel, shunt):
    """Nothing but the TTL was changed."""
    return shunt[14:] != sent[14:] and same_but_for_age(shunt[14:], sent[14:])


def with_trailer(sent, kernel, shunt):
    """What followed the packet still does."""
    return shunt == kernel + sent[len(kernel):]


# (kinds, what the kernel does, what shunt does, why that is right[, what the frames must be])
DIFFERENCES = [(re.compile(row[0]), *row[1:]) for row in (
    ("IPv[46] trailer", "forwarded", "forwarded",
     "RFC 894, RFC 2464 3: what follows the packet is padding, by whose length a receiver does not go; it "
     "counts for no MTU, see `fits without its trailer`", with_trailer),
    ("IPv4 from 0/8", "forwarded", "dropped", "RFC 1122 3.2.1.3 a, b: no source on a link; RFC 6890 2.2.2"),
    ("IPv4 to 0/8", "icmp 3/0", "dropped", "RFC 1122 3.2.1.3 b, RFC 1812 5.3.7: martian, discarded"),
    ("IPv4 class E source", "forwarded", "dropped", "RFC 1812 5.3.7: no unicast address; RFC 6890 2.2.2"),
    ("IPv4 class E destination", "icmp 3/0", "dropped", "RFC 1812 5.3.7: martian, discarded"),
    ("IPv4 from our own address", "dropped", "forwarded",
     "RFC 1812 5.3.8: source validation must be off by default; `rpf` switches it on"),
    ("IPv4 option: (record route|time stamp).*", "forwarded", "forwarded",
     "RFC 1812 5.3.13.4, 5.3.13.5: a router may pass them on unchanged; RFC 7126 4.6, 4.7: they tell "
     "outsiders about the network", passed_on),
    ("IPv4 option: record route, pointer 3", "icmp 12/0", "forwarded", "as above: not looked into"),
    ("IPv4 option, TTL 1: record route, pointer 3", "icmp 12/0", "icmp 11/0", "as above"),
    ("IPv4 option, TTL 1: record route, full", "icmp 11/0 with options", "icmp 11/0",
     "as above: nothing to give back"),
    ("IPv4 option, TTL 1: (record route|time stamp|time stamp, full)",
     "icmp 11/0 with options, another packet quoted", "icmp 11/0",
     "as above; and what the kernel quotes has its own entry in it, shunt's quote is what came in"),
    (re.escape(ip_packets.UNREACHABLE) + ".*", "icmp 1/0", "icmp 1/3",
     "RFC 4443 3.1: code 0 is for no entry in the table; there is one, and no other code fits"),
    ("IPv4 fragmented, options", "forwarded, forwarded", "forwarded, forwarded",
     "RFC 791 3.1: options that are not to be copied are in the first fragment only; the kernel keeps their "
     "room, filled"),
    ("IPv4 fragmented, reserved flag", "forwarded, forwarded", "forwarded, forwarded",
     "RFC 791 3.1 gives the bit no meaning: it goes into the fragments as it came, as in whole packets"),
    ("IPv6 from a mapped address", "forwarded", "dropped", "RFC 6890 2.2.3: never on a link"),
    ("IPv6 to a mapped address", "icmp 1/0", "dropped", "RFC 6890 2.2.3"),
    ("IPv6 to ::", "icmp 1/0", "dropped", "RFC 4291 2.5.2: never a destination"),
    ("IPv6 hop-by-hop: unknown, discard", "dropped", "forwarded",
     "RFC 8200 4: nodes on the way look at these options only if configured to"),
    ("IPv6 hop-by-hop: unknown, tell.*", "icmp 4/2", "forwarded", "RFC 8200 4"),
    ("IPv6 hop-by-hop:? past the (header|packet)", "dropped", "forwarded", "RFC 8200 4"),
    ("IPv6 hop-by-hop, hop limit 1: unknown, tell.*", "icmp 4/2", "icmp 3/0", "RFC 8200 4"),
    ("IPv6 hop-by-hop, hop limit 1: (unknown, discard|past the header)", "dropped", "icmp 3/0",
     "RFC 8200 4"),
)]


def known(kind, sent, kernel, shunt):
    """The number of the difference that this is, or None."""
    for i, (kinds, by_kernel, by_shunt, _, *check) in enumerate(DIFFERENCES):
        if kinds.fullmatch(kind) and (by_kernel, by_shunt) == (kernel.words, shunt.words) and \
                all(right(sent, kernel.value[0][2], shunt.value[0][2]) for right in check):
            return i
    return None


def is_dropped_by_shunt(kind):
    """A kind of which nothing comes out, whatever comes out of the kernel."""
    return any(row[0].fullmatch(kind) and row[2] == "dropped" for row in DIFFERENCES)


def same_but_for_age(quote, packet):
    """Is this the beginning of the packet as it came in, or after the TTL was decremented (RFC 1812
    4.3.2.3 allows both)?"""
    aged = bytearray(packet)
    if packet[0] >> 4 == 6:
        aged[7] = max(aged[7] - 1, 0)
    else:
        aged[8] = max(aged[8] - 1, 0)
        header = (packet[0] & 15) * 4
        aged[10:12] = b"\0\0"
        aged[10:12] = checksum(bytes(aged[:header])).to_bytes(2, "big")
    return quote in (packet[:len(quote)], bytes(aged[:len(quote)]))


class Outcome:
    """What became of a packet: `words` says it in short, `value` is compared."""

    def __init__(self, sent, outputs):
        self.sent = sent[14:]
        parts = sorted(self.describe(port, frame) for port, frame in outputs)
        self.value = parts
        self.words = ", ".join(part[0] for part in parts) or "dropped"

    def describe(self, port, frame):
        """("forwarded", port, frame), or ("icmp TYPE/CODE", what of it must be the same)."""
        packet = frame[14:]
        quote = quoted(packet)
        if quote is None:
            return "forwarded", port, frame
        ipv6 = packet[0] >> 4 == 6
        message = packet[header_length(packet):]
        words = f"icmp {message[0]}/{message[1]}"
        if packet[0] & 15 > 5 and not ipv6:
            words += " with options"
        if not self.is_sound(packet, message, ipv6):
            words += " with a wrong checksum or length"
        if not same_but_for_age(quote, self.sent):
            words += ", another packet quoted"
        ends = packet[8:40] if ipv6 else packet[12:20]
        return words, port, frame[:14] + ends + message[4:8], len(quote)

    @staticmethod
    def is_sound(packet, message, ipv6):
        """Lengths and checksums."""
        if not ipv6:
            return int.from_bytes(packet[2:4], "big") == len(packet) and \
                checksum(packet[:header_length(packet)]) == 0 and checksum(message) == 0
        pseudo = packet[8:40] + len(message).to_bytes(4, "big") + b"\0\0\0\x3a"
        return int.from_bytes(packet[4:6], "big") == len(message) and checksum(pseudo + message) == 0


class SamePackets(unittest.TestCase):
    """One run of everything; the cases look at its parts."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = KernelRouter()
        cls.addClassCleanup(cls.kernel.close)
        # net_af_packet's sockets get IPv4 fragments put together already
        cls.shunt = ShuntRouter("net_af_xdp")
        cls.addClassCleanup(cls.shunt.close)
        cls.shunt.start()
        cls.packets = ip_packets.make(SEED, GOOD)
        cls.before = cls.shunt.counters()
        cls.by_kernel, cls.by_shunt = Outputs(cls.kernel), Outputs(cls.shunt)
        cls.forward()

    @classmethod
    def forward(cls):
        """Through the kernel, which is done with a frame when it takes the next; then through shunt."""
        calm = [packet for packet in cls.packets if packet[0] in CALM]
        other = [packet for packet in cls.packets if packet[0] not in CALM]
        cls.by_kernel.send(cls.packets, lambda kind, number: 0)
        last = ("IPv4", LAST, ip_packets.frame_of(ip_packets.packet4(LAST, b"")))
        cls.by_kernel.send([last], lambda kind, number: 1, PATIENCE)

        def expected(kind, number):
            return 0 if is_dropped_by_shunt(kind) else len(cls.by_kernel.of.get(number, ()))
        for start in range(0, len(calm), shunt_test.PORTION):
            cls.portion(calm[start:start + shunt_test.PORTION], expected)
        for start in range(0, len(other), PORTION):
            cls.portion(other[start:start + PORTION], expected)
            time.sleep(PAUSE)
        cls.portion([last], expected)
        wait_until(lambda: all(row["in_flight"] == 0 for row in cls.shunt.counters().values()),
                   what="every packet ended")
        cls.by_shunt.drain()

    @classmethod
    def portion(cls, packets, expected):
        """Through shunt, which has taken them all when this is over."""
        before = cls.shunt.counters()
        cls.by_shunt.send(packets, expected, PATIENCE)
        cls.shunt.settle(before, "p0", len(packets))

    def outcomes(self):
        """(kind, number, the kernel's outcome, shunt's)."""
        for kind, number, frame in self.packets:
            yield kind, number, frame, Outcome(frame, self.by_kernel.of.get(number, [])), \
                Outcome(frame, self.by_shunt.of.get(number, []))

    def test_same_or_known(self):
        different, met, same = [], set(), collections.Counter()
        for kind, number, frame, kernel, shunt in self.outcomes():
            if kernel.value == shunt.value:
                same[kernel.words] += 1
                continue
            number_of_difference = known(kind, frame, kernel, shunt)
            met.add(number_of_difference)
            if number_of_difference is None:
                different.append(f"{kind}: packet {number} {frame[14:70].hex(' ', 4)} ({len(frame)})\n"
                                 f"    kernel: {show(kernel)}\n    shunt:  {show(shunt)}")
        self.assertEqual(len(different), 0, f"{len(different)} differences:\n" + "\n".join(different[:40]))
        self.assertEqual([row[:4] for i, row in enumerate(DIFFERENCES) if i not in met], [],
                         "differences that are none any more")
        self.assertGreater(same["forwarded"], 2 * GOOD)
        self.assertGreater(same["dropped"], 300)
        for error in ("icmp 11/0", "icmp 12/0", "icmp 3/0", "icmp 3/1", "icmp 3/4", "icmp 1/0",
                      "icmp 1/2", "icmp 2/0"):
            self.assertGreater(same[error], 1, f"{error} of {same}")

    def test_nothing_else_came_out(self):
        self.assertEqual(self.by_kernel.strange, [])
        self.assertEqual(self.by_shunt.strange, [])
        sent = {number for _, number, _ in self.packets} | {LAST}
        self.assertEqual(set(self.by_kernel.of) - sent, set())
        self.assertEqual(set(self.by_shunt.of) - sent, set())

    def test_every_packet_ended_once(self):
        """By the counters too; and none of shunt's limits was met, which would hide differences."""
        counters = self.shunt.counters()["p0"]
        self.assertEqual(counters["rx_packets"], len(self.packets) + 1)
        self.assertEqual(counters["in_flight"], 0)
        drops = {reason for _, reason in self.shunt.drops()}
        self.assertLessEqual(drops, {"ip_invalid", "ip_checksum", "ip_martian", "ip_multicast", "blackhole",
                                     "not_for_us", "unknown_ethertype"})
        self.assertEqual(self.shunt.new_trouble(), [])


def show(outcome):
    """An outcome in a line or two."""
    return outcome.words + "".join(f"\n        {part[1]} {part[2][:80].hex(' ', 4)} ({part[3:] or len(part[2])})"
                                   for part in outcome.value)


if __name__ == "__main__":
    unittest.main(verbosity=2)
