#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Label switching end to end: what the RFCs say, with real frames, byte by byte."""

import unittest

from shunt_test import LabTest, Refused, for_each_driver
from frames import (ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MPLS_UPSTREAM, checksum, numbered,
                    stack, udp4, udp6)

VIA = "via 10.0.1.2"


class Operations(LabTest):
    """Swap, pop and push, one and many labels."""

    def test_swap(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        self.check([self.arriving(stack((label, 64, tc)) + udp4(numbered(tc))) for tc in range(8)],
                   [self.leaving(stack((200, 63, tc)) + udp4(numbered(tc))) for tc in range(8)])

    def test_swap_at_the_ends_of_the_label_range(self):
        self.lab.ctl(f"mpls add 16 swap 1048575 {VIA}")
        self.lab.ctl(f"mpls add 1048575 swap 16 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(16) + inner), self.arriving(stack(1048575) + inner)],
                   [self.leaving(stack((1048575, 63)) + inner),
                    self.leaving(stack((16, 63)) + inner)])

    def test_unknown_label(self):
        self.check([self.arriving(stack(self.label()) + udp4(numbered(1)))], [],
                   drops={"mpls_unknown_label": 1})

    def test_deleted_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        self.lab.ctl(f"mpls del {label}")
        self.check([self.arriving(stack(label) + udp4(numbered(1)))], [],
                   drops={"mpls_unknown_label": 1})

    def test_replaced_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        self.lab.ctl(f"mpls replace {label} swap 201 {VIA}")
        self.check([self.arriving(stack(label) + udp4(numbered(1)))],
                   [self.leaving(stack((201, 63)) + udp4(numbered(1)))])

    def test_swap_to_several(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 300/301/302 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 20, 3), (77, 9, 1)) + inner)],
                   [self.leaving(stack((300, 19, 3), (301, 19, 3), (302, 19, 3), (77, 9, 1)) + inner)])

    def test_swap_and_push(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 310 {VIA} push 311/312")
        inner = udp6(numbered(1))
        self.check([self.arriving(stack((label, 20, 3)) + inner)],
                   [self.leaving(stack((311, 19, 3), (312, 19, 3), (310, 19, 3)) + inner)])

    def test_swap_to_explicit_null(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap explicit-null {VIA}")
        self.check([self.arriving(stack((label, 20, 3)) + udp4(numbered(1)))],
                   [self.leaving(stack((0, 19, 3)) + udp4(numbered(1)))])

    def test_swap_to_ipv6_explicit_null(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap ipv6-explicit-null {VIA}")
        self.check([self.arriving(stack((label, 20, 3)) + udp6(numbered(1)))],
                   [self.leaving(stack((2, 19, 3)) + udp6(numbered(1)))])

    def test_swap_to_implicit_null_pops(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap implicit-null {VIA}")
        self.check([self.arriving(stack((label, 20), (77, 60, 1)) + udp4(numbered(1)))],
                   [self.leaving(stack((77, 19, 1)) + udp4(numbered(1)))])

    def test_pop_to_nexthop_with_labels_below(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 20, 7), (77, 60, 1), (78, 5, 2)) + inner)],
                   [self.leaving(stack((77, 19, 1), (78, 5, 2)) + inner)])

    def test_penultimate_hop_ipv4(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA}")
        self.check([self.arriving(stack((label, 20, 7)) + udp4(numbered(1), ttl=60)),
                    self.arriving(stack((label, 60, 7)) + udp4(numbered(2), ttl=20))],
                   [self.leaving(udp4(numbered(1), ttl=19), ethertype=ETHERTYPE_IPV4),
                    self.leaving(udp4(numbered(2), ttl=20), ethertype=ETHERTYPE_IPV4)])

    def test_penultimate_hop_ipv6(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA}")
        self.check([self.arriving(stack((label, 20, 7)) + udp6(numbered(1), hops=60))],
                   [self.leaving(udp6(numbered(1), hops=19), ethertype=ETHERTYPE_IPV6)])

    def test_penultimate_hop_unknown_payload(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA}")
        self.check([self.arriving(stack(label) + bytes([nibble << 4]) + bytes(60))
                    for nibble in range(16) if nibble not in (4, 6)], [],
                   drops={"mpls_payload_unknown": 14})

    def test_pop_and_push(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA} push 320/321")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 20, 5), (77, 60, 1)) + inner)],
                   [self.leaving(stack((320, 19, 5), (321, 19, 5), (77, 19, 1)) + inner)])

    def test_pop_label_looks_the_next_one_up(self):
        first, second = self.label(), self.label()
        self.lab.ctl(f"mpls add {first} pop label")
        self.lab.ctl(f"mpls add {second} swap 330 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((first, 20, 7), (second, 60, 2), (9999, 1, 1)) + inner)],
                   [self.leaving(stack((330, 19, 2), (9999, 1, 1)) + inner)])

    def test_pop_label_at_the_bottom(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop label")
        self.check([self.arriving(stack(label) + udp4(numbered(1)))], [],
                   drops={"mpls_no_label_below": 1})

    def test_pop_ip_has_no_route(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop ip")
        self.check([self.arriving(stack(label) + udp4(numbered(1))),
                    self.arriving(stack(label) + udp6(numbered(1))),
                    self.arriving(stack(label) + bytes(64)),
                    self.arriving(stack(label, 16) + udp4(numbered(1)))], [],
                   drops={"mpls_payload_unknown": 1, "mpls_not_bottom": 1},
                   punts={"ip_no_route": 2})

    def test_eight_in_eight_out(self):
        chain = [self.label() for _ in range(8)]
        self.lab.batch([f"mpls add {label} pop label" for label in chain[:7]])
        out = "/".join(str(400 + i) for i in range(8))
        self.lab.ctl(f"mpls add {chain[7]} swap {out} {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(*((label, 100 - i, 4) for i, label in enumerate(chain))) +
                                  inner)],
                   [self.leaving(stack(*((400 + i, 93, 4) for i in range(8))) + inner)])

    def test_nine_out_is_refused(self):
        out = "/".join(str(400 + i) for i in range(9))
        with self.assertRaises(Refused):
            self.lab.ctl(f"mpls add {self.label()} swap {out} {VIA}")

    def test_deep_stacks_are_switched_on_the_top(self):
        label, other = self.label(), self.label()
        self.lab.ctl(f"mpls add {label} swap 340 {VIA}")
        self.lab.ctl(f"mpls add {other} pop {VIA}")
        inner = udp4(numbered(1))
        for depth in (9, 12, 16, 32):
            below = [(5000 + i, 200 - i, i % 8) for i in range(depth - 1)]
            with self.subTest(depth=depth):
                self.check([self.arriving(stack((label, 9), *below) + inner),
                            self.arriving(stack((other, 255), *below) + inner)],
                           [self.leaving(stack((340, 8), *below) + inner),
                            self.leaving(stack(*below) + inner)])

    def test_more_pops_than_the_limit(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop label")
        self.check([self.arriving(stack(*[label] * 40) + udp4(numbered(1)))], [],
                   drops={"too_many_layers": 1})

    def test_counters_of_a_route(self):
        label, silent = self.label(), self.label()
        self.lab.ctl(f"mpls add {label} swap 350 {VIA}")
        self.lab.ctl(f"mpls add {silent} swap 350 {VIA} no-counters")
        sent = [self.arriving(stack(label) + udp4(numbered(i))) for i in range(10)]
        out = [self.leaving(stack((350, 63)) + udp4(numbered(i))) for i in range(10)]
        self.check(sent, out)
        row = self.lab.json(f"mpls show {label}")[0]
        self.assertEqual((row["label"], row["operation"], row["packets"], row["bytes"]),
                         (label, "swap", 10, sum(map(len, sent))))
        self.check([self.arriving(stack(silent) + udp4(numbered(i))) for i in range(10)], out)

    def test_nexthop_not_resolved(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 360 via 10.0.1.77")
        frame = self.arriving(stack(label) + udp4(numbered(1)))
        self.check([frame], [], drops={"nexthop_unresolved": 1})
        self.lab.ctl("neigh add 10.0.1.77 lladdr 02:00:00:00:00:77 dev p1")
        self.check([frame], [self.leaving(stack((360, 63)) + udp4(numbered(1)),
                                          dst="02:00:00:00:00:77")])


class TimeToLive(LabTest):
    """RFC 3443: one decrement a node, never raised, uniform and pipe."""

    def test_expiry(self):
        swap, pop, ip, chain = (self.label() for _ in range(4))
        self.lab.ctl(f"mpls add {swap} swap 200 {VIA}")
        self.lab.ctl(f"mpls add {pop} pop {VIA}")
        self.lab.ctl(f"mpls add {ip} pop ip")
        self.lab.ctl(f"mpls add {chain} pop label")
        inner = udp4(numbered(1))
        expired = [stack((swap, 1)), stack((swap, 0)), stack((pop, 1), 77), stack((pop, 0), 77),
                   stack((pop, 1)), stack((chain, 1), swap), stack((chain, 9), (swap, 0))]
        self.check([self.arriving(labels + inner) for labels in expired], [],
                   punts={"mpls_ttl_exceeded": len(expired)})

    def test_two_is_forwarded_as_one(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        self.check([self.arriving(stack((label, ttl)) + udp4(numbered(ttl))) for ttl in (2, 255)],
                   [self.leaving(stack((200, ttl - 1)) + udp4(numbered(ttl))) for ttl in (2, 255)])

    def test_uniform_pop_takes_the_smaller(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA} ttl uniform")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, above), (77, below)) + inner)
                    for above, below in ((10, 100), (100, 10), (10, 9), (10, 10))],
                   [self.leaving(stack((77, ttl)) + inner) for ttl in (9, 10, 9, 9)])

    def test_uniform_chain_decrements_once(self):
        first, second, third = (self.label() for _ in range(3))
        self.lab.ctl(f"mpls add {first} pop label")
        self.lab.ctl(f"mpls add {second} pop label")
        self.lab.ctl(f"mpls add {third} swap 210 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((first, 50), (second, 60), (third, 70)) + inner),
                    self.arriving(stack((first, 50), (second, 30), (third, 70)) + inner)],
                   [self.leaving(stack((210, 49)) + inner), self.leaving(stack((210, 30)) + inner)])

    def test_pipe_pop_leaves_the_exposed_alone(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA} ttl pipe")
        inner = udp4(numbered(1), ttl=200)
        self.check([self.arriving(stack((label, 10), (77, 100)) + inner),
                    self.arriving(stack((label, 10), (77, 1)) + inner),
                    self.arriving(stack((label, 10)) + inner),
                    self.arriving(stack((label, 1), (77, 100)) + inner)],
                   [self.leaving(stack((77, 100)) + inner), self.leaving(stack((77, 1)) + inner),
                    self.leaving(inner, ethertype=ETHERTYPE_IPV4)],
                   punts={"mpls_ttl_exceeded": 1})

    def test_pipe_chain_takes_the_exposed_as_incoming(self):
        first, second = self.label(), self.label()
        self.lab.ctl(f"mpls add {first} pop label ttl pipe")
        self.lab.ctl(f"mpls add {second} swap 220 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((first, 10), (second, 100)) + inner),
                    self.arriving(stack((first, 1), (second, 100)) + inner),
                    self.arriving(stack((first, 10), (second, 1)) + inner)],
                   [self.leaving(stack((220, 99)) + inner), self.leaving(stack((220, 99)) + inner)],
                   punts={"mpls_ttl_exceeded": 1})

    def test_pipe_push_writes_255_outside(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 230/231 {VIA} ttl pipe")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 10, 6)) + inner)],
                   [self.leaving(stack((230, 255, 6), (231, 9, 6)) + inner)])


class TrafficClass(LabTest):
    """RFC 5462 and 3270."""

    def test_pop_keeps_the_exposed_class(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 10, 5), (77, 5, 2)) + inner)],
                   [self.leaving(stack((77, 5, 2)) + inner)])

    def test_uniform_pop_writes_it_into_the_exposed_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA} tc uniform")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 10, 5), (77, 5, 2)) + inner)],
                   [self.leaving(stack((77, 5, 5)) + inner)])

    def test_uniform_chain(self):
        first, second = self.label(), self.label()
        self.lab.ctl(f"mpls add {first} pop label tc uniform")
        self.lab.ctl(f"mpls add {second} swap 240/241 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((first, 10, 5), (second, 100, 2)) + inner)],
                   [self.leaving(stack((240, 9, 5), (241, 9, 5)) + inner)])

    def test_uniform_pop_writes_the_class_selector_into_ip(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop {VIA} tc uniform")
        out = bytearray(udp4(numbered(1), ttl=9))
        out[1] = 5 << 5
        out[10:12] = bytes(2)
        out[10:12] = checksum(bytes(out[:20])).to_bytes(2, "big")
        self.check([self.arriving(stack((label, 10, 5)) + udp4(numbered(1)))],
                   [self.leaving(bytes(out), ethertype=ETHERTYPE_IPV4)])


class SpecialLabels(LabTest):
    """RFC 3032, 4182, 6790, 7274."""

    def test_explicit_null_at_the_bottom(self):
        self.check([self.arriving(stack(0) + udp4(numbered(1))),
                    self.arriving(stack(2) + udp6(numbered(1))),
                    self.arriving(stack(0) + udp6(numbered(1))),
                    self.arriving(stack(2) + udp4(numbered(1)))], [],
                   drops={"mpls_payload_unknown": 2}, punts={"ip_no_route": 2})

    def test_explicit_null_above_a_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((0, 40, 1), (label, 60, 4)) + inner),
                    self.arriving(stack((2, 60, 1), (0, 50), (label, 40, 4)) + inner)],
                   [self.leaving(stack((200, 39, 4)) + inner),
                    self.leaving(stack((200, 40, 4)) + inner)])

    def test_punted_ones(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(1, label) + inner), self.arriving(stack(13) + inner),
                    self.arriving(stack(14) + inner)], [],
                   punts={"mpls_router_alert": 1, "mpls_oam": 1, "mpls_oam_alert": 1})

    def test_expired_ones_for_ourselves_are_not_checked(self):
        self.check([self.arriving(stack((13, 1)) + udp4(numbered(1))),
                    self.arriving(stack((1, 1), 16) + udp4(numbered(1)))], [],
                   punts={"mpls_oam": 1, "mpls_router_alert": 1})

    def test_dropped_ones(self):
        inner = udp4(numbered(1))
        reserved = (4, 5, 6, 8, 9, 10, 11, 12)
        self.check([self.arriving(stack(3) + inner), self.arriving(stack(15, 100) + inner)] +
                   [self.arriving(stack(label) + inner) for label in reserved], [],
                   drops={"mpls_implicit_null": 1, "mpls_extended_label": 1,
                          "mpls_reserved_label": len(reserved)})

    def test_entropy_pair_on_top_is_popped(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((7, 30), (123456, 0), (label, 60, 4)) + inner)],
                   [self.leaving(stack((200, 29, 4)) + inner)])

    def test_entropy_pair_exposed_by_a_pop(self):
        first, second = self.label(), self.label()
        self.lab.ctl(f"mpls add {first} pop label")
        self.lab.ctl(f"mpls add {second} swap 201 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((first, 30), (7, 30), (123456, 0), (second, 60, 4)) + inner)],
                   [self.leaving(stack((201, 29, 4)) + inner)])

    def test_entropy_pair_below_pop_ip(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} pop ip")
        self.check([self.arriving(stack(label, 7, (123456, 0)) + udp4(numbered(1)))], [],
                   punts={"ip_no_route": 1})

    def test_entropy_pair_is_carried_along_by_a_swap(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 202 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((label, 30), (7, 30), (123456, 0)) + inner)],
                   [self.leaving(stack((202, 29), (7, 30), (123456, 0)) + inner)])

    def test_entropy_indicator_without_its_label(self):
        self.check([self.arriving(stack(7) + udp4(numbered(1)))], [],
                   drops={"mpls_no_label_below": 1})

    def test_special_labels_are_no_keys(self):
        for label in (0, 3, 7, 15, 1048576):
            with self.assertRaises(Refused):
                self.lab.ctl(f"mpls add {label} swap 200 {VIA}")


class Spaces(LabTest):
    """Label spaces and upstream-assigned labels."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.ctl("vlan add v10 dev p0 tag 10 mpls on space 5")

    def test_same_label_in_two_spaces(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 {VIA}")
        self.lab.ctl(f"mpls add {label} space 5 swap 205 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(label) + inner)], [self.leaving(stack((200, 63)) + inner)])
        self.check([self.arriving(stack(label) + inner, vlans=(10,))],
                   [self.leaving(stack((205, 63)) + inner)], interface="v10")

    def test_label_of_another_space(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} space 5 swap 205 {VIA}")
        self.check([self.arriving(stack(label) + udp4(numbered(1)))], [],
                   drops={"mpls_unknown_label": 1})

    def test_exposed_label_is_the_platforms(self):
        outer, inner_label = self.label(), self.label()
        self.lab.ctl(f"mpls add {outer} space 5 pop label")
        self.lab.ctl(f"mpls add {inner_label} space 5 swap 999 {VIA}")
        self.lab.ctl(f"mpls add {inner_label} swap 206 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack((outer, 9), inner_label) + inner, vlans=(10,))],
                   [self.leaving(stack((206, 8)) + inner)], interface="v10")

    def test_upstream_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} space 7 swap 207 {VIA}")
        inner = udp4(numbered(1))
        frame = self.arriving(stack(label) + inner, dst="01:00:5e:81:02:03",
                              ethertype=ETHERTYPE_MPLS_UPSTREAM)
        self.check([frame], [], drops={"mpls_upstream_label": 1})
        self.lab.ctl("port set p0 upstream-space 7")
        try:
            self.check([frame], [self.leaving(stack((207, 63)) + inner)])
        finally:
            self.lab.ctl("port set p0 upstream-space 0")

    def test_multicast_address_of_a_downstream_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 208 {VIA}")
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(label) + inner, dst="01:00:5e:8f:ff:ff"),
                    self.arriving(stack(label) + inner, dst="01:00:5e:7f:ff:ff"),
                    self.arriving(stack(label) + inner, dst="01:00:5e:90:00:00")],
                   [self.leaving(stack((208, 63)) + inner)], drops={"not_for_us": 2})


for_each_driver(globals(), Operations, TimeToLive, TrafficClass, SpecialLabels, Spaces)

if __name__ == "__main__":
    unittest.main(verbosity=2)
