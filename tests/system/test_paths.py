#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where labelled packets go: equal-cost groups, fast reroute, VLANs, MTU."""

import collections
import random
import signal
import subprocess
import threading
import time
import unittest

from shunt_test import LabTest, for_each_driver, wait_until, waited
from frames import (ETHERTYPE_IPV4, ETHERTYPE_QINQ, ETHERTYPE_VLAN, ipv4, numbered, sequence_of,
                    stack, udp4, udp6)

MEMBERS = 8
FLOWS = 2000


def member_mac(i):
    """The MAC of the i-th member of a group."""
    return f"02:00:00:00:0a:{i:02x}"


class EqualCost(LabTest):
    """Groups of nexthops: spread, resilience, and what the hash looks at."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for i in range(MEMBERS):
            cls.lab.ctl(f"neigh add 10.0.1.{10 + i} lladdr {member_mac(i)} dev p1")

    def group(self, members, verb="add", label=None):
        """A route over these members; its label."""
        label = label or self.label()
        paths = " ".join(f"swap 200 via 10.0.1.{10 + i}" for i in members)
        self.lab.ctl(f"mpls {verb} {label} {paths}")
        return label

    def members_of(self, bodies):
        """Send these label stacks with payload; the member that each left by, in order."""
        return [frame[5] for frame in self.outputs([self.arriving(body) for body in bodies])]

    def outputs(self, sent):
        """Send these frames, as many at once as any ring holds; the same number that comes out of p1."""
        self.lab.captures[1].drain()
        self.lab.send_settled(sent)
        got = self.lab.captures[1].collect(len(sent), 20)
        self.assertEqual(len(got), len(sent))
        return got

    def test_spread(self):
        label = self.group(range(MEMBERS))
        rng = random.Random(1)
        used = collections.Counter(self.members_of(
            [stack(label) + udp4(numbered(i), sport=rng.randrange(65536), dport=rng.randrange(65536))
             for i in range(FLOWS)]))
        self.assertEqual(len(used), MEMBERS)
        for member, count in used.items():
            self.assertGreater(count, FLOWS / MEMBERS * 0.7, f"member {member} of {used}")
            self.assertLess(count, FLOWS / MEMBERS * 1.3, f"member {member} of {used}")

    def test_weights(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.10 weight 3 swap 200 via 10.0.1.11")
        rng = random.Random(2)
        used = collections.Counter(self.members_of(
            [stack(label) + udp4(numbered(i), sport=rng.randrange(65536)) for i in range(FLOWS)]))
        self.assertAlmostEqual(used[0] / FLOWS, 0.75, delta=0.06)

    def test_removing_a_member_moves_only_its_flows(self):
        label = self.group(range(MEMBERS))
        flows = [stack(label) + udp4(numbered(i), sport=i, dport=3 * i) for i in range(FLOWS)]
        before = self.members_of(flows)
        self.group([i for i in range(MEMBERS) if i != 3], "replace", label)
        after = self.members_of(flows)
        moved = [(a, b) for a, b in zip(before, after) if a != b]
        self.assertTrue(all(a == 3 for a, _ in moved), "a flow of another member moved")
        self.assertEqual(len(moved), before.count(3))
        self.assertNotIn(3, after)
        self.assertEqual(len({b for _, b in moved}), MEMBERS - 1, "its flows go to all the others")
        self.group(range(MEMBERS), "replace", label)
        again = self.members_of(flows)
        self.assertTrue(all(b == 3 for a, b in zip(after, again) if a != b),
                        "a flow moved that the new member did not get")

    def test_members_with_different_labels(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 210 via 10.0.1.10 swap 211/212 via 10.0.1.11 "
                     f"swap implicit-null via 10.0.1.12")
        got = self.outputs([self.arriving(stack((label, 64, 3), (77, 9, 1)) + udp4(numbered(i), sport=i))
                            for i in range(300)])
        shapes = {0: stack((210, 63, 3), (77, 9, 1)),
                  1: stack((211, 63, 3), (212, 63, 3), (77, 9, 1)), 2: stack((77, 9, 1))}
        for frame in got:
            inner = udp4(numbered(sequence_of(frame)), sport=sequence_of(frame))
            self.assertEqual(frame[14:], shapes[frame[5]] + inner)
        self.assertEqual({frame[5] for frame in got}, {0, 1, 2})

    def assert_same(self, bodies, why):
        self.assertEqual(len(set(self.members_of(bodies))), 1, why)

    def assert_spread(self, bodies, why):
        self.assertGreater(len(set(self.members_of(bodies))), MEMBERS // 2, why)

    def test_never_ttl_or_traffic_class(self):
        label = self.group(range(MEMBERS))
        self.assert_same([stack((label, ttl, ttl % 8), (5000, 255 - ttl, 7 - ttl % 8)) +
                          udp4(numbered(ttl), ttl=ttl) for ttl in range(2, 250)], "TTL or TC")

    def test_inner_addresses_and_ports(self):
        label = self.group(range(MEMBERS))
        inputs = {
            "source": [udp4(numbered(i), src=f"10.1.{i}.7") for i in range(100)],
            "destination": [udp4(numbered(i), dst=f"10.1.{i}.7") for i in range(100)],
            "source port": [udp4(numbered(i), sport=i) for i in range(100)],
            "destination port": [udp4(numbered(i), dport=i) for i in range(100)],
            "IPv6 source": [udp6(numbered(i), src=i) for i in range(100)],
            "IPv6 port": [udp6(numbered(i), dport=i) for i in range(100)],
        }
        for what, packets in inputs.items():
            with self.subTest(what):
                self.assert_spread([stack(label, 5000) + packet for packet in packets], what)

    def test_labels_below(self):
        label = self.group(range(MEMBERS))
        self.assert_spread([stack(label, 5000 + i) + udp4(numbered(i)) for i in range(100)], "labels")

    def test_payload_that_is_not_ip(self):
        label = self.group(range(MEMBERS))
        self.assert_same([stack(label, 5000) + b"\0" + numbered(i) for i in range(100)], "no IP")

    def test_fragments_go_without_ports(self):
        label = self.group(range(MEMBERS))
        first = [stack(label) + udp4(numbered(i), sport=i, fragment=0x2000) for i in range(50)]
        later = [stack(label) + ipv4(numbered(i), fragment=100 + i) for i in range(50)]
        self.assert_same(first + later, "all fragments of a packet")

    def test_entropy_label_is_all_that_counts(self):
        label = self.group(range(MEMBERS))
        self.assert_same([stack(label, 7, (70000, 0), 5000 + i) + udp4(numbered(i), sport=i)
                          for i in range(100)], "below the entropy label")
        self.assert_spread([stack(label, 7, (70000 + i, 0)) + udp4(numbered(1)) for i in range(100)],
                           "the entropy label")

    def test_special_labels_do_not_count(self):
        label = self.group(range(MEMBERS))
        for i in range(10):
            inner = udp4(numbered(i), sport=i)
            self.assert_same([stack(label, 5000) + inner, stack(label, 5000, 0) + inner,
                              stack(label, 1, 5000) + inner], "special-purpose labels")

    def test_pushed_entropy_label(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.10 push 300 entropy")
        got = self.outputs([self.arriving(stack((label, 50, 2), 77) + udp4(numbered(i), sport=i // 2))
                            for i in range(100)])
        entropy = []
        for i, frame in enumerate(got):
            value = int.from_bytes(frame[22:25], "big") >> 4
            entropy.append(value)
            self.assertEqual(frame[14:], stack((300, 49, 2), (7, 49, 2), (value, 0, 2), (200, 49, 2),
                                               77) + udp4(numbered(i), sport=i // 2))
        self.assertEqual(entropy[0::2], entropy[1::2], "one flow, one entropy label")
        self.assertGreater(len(set(entropy)), 40)
        self.assertGreaterEqual(min(entropy), 16)


class FastReroute(LabTest):
    """`backup via` takes over inside the data plane, the control plane being stopped."""

    ports = 3
    rate = 4000
    limit_ms = 10

    def link(self, state):
        """Take the far end of p1 up or down."""
        return subprocess.Popen(["ip", "-n", self.lab.target.name, "link", "set", "h1", state])

    def send(self, frames, times):
        """As Sender.send at `rate`, and note when each frame went."""
        due = time.monotonic()
        for frame in frames:
            pause = due - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            times.append(time.monotonic())
            self.lab.sender.send([frame])
            due = max(due, times[-1]) + 1 / self.rate

    def fail_over(self, label, start):
        """Traffic while the link goes down. -> milliseconds from the first to the last lost frame (None: the
        backup did not get the last frame), and the longest pause between two frames in that time. The
        kernel takes its time to stop a device, but forwards until the carrier goes: no frame is lost
        before. Judged by the captures alone: nobody asks the stopped control plane."""
        sent, times = [self.arriving(stack(label) + udp4(numbered(start + i))) for i in range(1600)], []
        for capture in self.lab.captures:
            capture.drain()
        sender = threading.Thread(target=self.send, args=(sent, times))
        sender.start()
        first = self.lab.captures[1].collect(200, 10)
        self.link("down").wait()
        sender.join()
        second = []
        try:
            wait_until(lambda: second.extend(self.lab.captures[2].drain()) or
                       (second and sequence_of(second[-1]) == start + len(sent) - 1), 2)
        except AssertionError:
            return None, 0
        first = [sequence_of(frame) for frame in first + self.lab.captures[1].drain()]
        second = [sequence_of(frame) for frame in second]
        self.assertEqual(second, sorted(second))
        self.assertGreaterEqual(len(first), 200, "the first nexthop carries the beginning")
        arrived = {number - start for number in first + second}
        lost = [i for i in range(len(sent)) if i not in arrived]
        if not lost:
            return 0, 0
        around = times[max(lost[0] - 1, 0):lost[-1] + 2]
        return ((times[lost[-1]] - times[lost[0]]) * 1000 + 1000 / self.rate,
                max(after - before for before, after in zip(around, around[1:])) * 1000)

    def test_takes_over_within_10_ms(self):
        """Every time, but for rounds in which this process itself had no processor for half of that, or the
        data plane hadn't when it took longer: they are about the machine, and are done again."""
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2 backup via 10.0.2.2 dev p2")
        gaps, again = [], []
        while len(gaps) < 5:
            self.lab.signal("controlplane", signal.SIGSTOP)
            worker = self.lab.processes["dataplane"].pid
            without = waited(worker)
            try:
                gap, pause = self.fail_over(label, (len(gaps) + len(again)) * 10000)
            finally:
                self.lab.signal("controlplane", signal.SIGCONT)
                self.link("up").wait()
            self.lab.wait_links("up")
            without = (waited(worker) - without) * 1000
            if gap is None or pause > self.limit_ms / 2 or without > self.limit_ms / 2 and gap >= self.limit_ms:
                again.append(gap)
            else:
                gaps.append(round(gap, 2))
            self.assertLess(len(again), 60, f"the machine is too busy to measure: {again} ms")
        print(f"fast reroute, {self.driver}: gaps {gaps} ms, not counted {again} ms")
        self.assertLess(max(gaps), self.limit_ms, f"gaps {gaps} ms")
        self.allow = "link"

    def test_returns_when_the_link_does(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2 backup via 10.0.2.2 dev p2")
        frame = self.arriving(stack(label) + udp4(numbered(1)))
        out = stack((200, 63)) + udp4(numbered(1))
        self.check([frame], [self.leaving(out)])
        self.link("down").wait()
        self.lab.wait_links("down", ["p1"])
        self.check([frame], [self.leaving(out, port=2)], port=2)
        self.link("up").wait()
        self.lab.wait_links("up")
        self.check([frame], [self.leaving(out)])
        self.allow = "link"

    def goes_by(self, label, port, **options):
        """A frame of this label leaves by this port; nothing leaves by another."""
        inner = udp4(numbered(port))
        self.check([self.arriving(stack(label) + inner)],
                   [self.leaving(stack((200, 63)) + inner, port=port, **options)], port=port)

    def test_backup_while_the_neighbour_is_unknown(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.77 backup via 10.0.2.2 dev p2")
        self.goes_by(label, 2)
        self.lab.ctl(f"neigh add 10.0.1.77 lladdr {member_mac(7)} dev p1")
        self.goes_by(label, 1, dst=member_mac(7))

    def test_backup_while_the_vlan_is_down(self):
        label = self.label()
        self.lab.batch(["vlan add v30 dev p1 tag 30", "address add 10.0.130.1/24 dev v30",
                        f"neigh add 10.0.130.2 lladdr {member_mac(8)} dev v30",
                        f"mpls add {label} swap 200 via 10.0.130.2 backup via 10.0.2.2 dev p2"])
        self.goes_by(label, 1, dst=member_mac(8), vlans=(30,))
        self.lab.ctl("vlan set v30 down")
        self.goes_by(label, 2)
        self.lab.ctl("vlan set v30 up")
        self.goes_by(label, 1, dst=member_mac(8), vlans=(30,))

    def test_backup_while_the_port_is_down_by_command(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2 backup via 10.0.2.2 dev p2")
        self.lab.ctl("port set p1 down")
        try:
            self.lab.wait_links("down", ["p1"])
            self.goes_by(label, 2)
        finally:
            self.lab.ctl("port set p1 up")
        self.lab.wait_links("up")
        self.goes_by(label, 1)
        self.allow = "link"

    def test_without_backup(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        frame = self.arriving(stack(label) + udp4(numbered(1)))
        self.link("down").wait()
        self.lab.wait_links("down", ["p1"])
        self.check([frame], [], drops={"nexthop_down": 1})
        self.link("up").wait()
        self.lab.wait_links("up")
        self.check([frame], [self.leaving(stack((200, 63)) + udp4(numbered(1)))])
        self.allow = "link"


class Interfaces(LabTest):
    """VLAN subinterfaces, destination addresses, states and the MTU."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab = cls.lab
        for name, port, tags, net in (("in1", "p0", "tag 10 mpls on", 100),
                                      ("in2", "p0", "tag 10 inner 20 mpls on", 101),
                                      ("off1", "p0", "tag 11", 102),
                                      ("out1", "p1", "tag 30", 103),
                                      ("out2", "p1", "tag 30 inner 40", 104),
                                      ("small", "p1", "tag 31 mtu 500", 105)):
            lab.ctl(f"vlan add {name} dev {port} {tags}")
            lab.ctl(f"address add 10.0.{net}.1/24 dev {name}")
            lab.ctl(f"neigh add 10.0.{net}.2 lladdr {lab.host_mac(1)} dev {name}")

    def test_one_tag_in(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        self.check([self.arriving(stack(label) + udp4(numbered(1)), vlans=(10,))],
                   [self.leaving(stack((200, 63)) + udp4(numbered(1)))], interface="in1")

    def test_two_tags_in(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        self.check([self.arriving(stack(label) + udp4(numbered(1)), vlans=(10, 20))],
                   [self.leaving(stack((200, 63)) + udp4(numbered(1)))], interface="in2")

    def test_priority_tag(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        self.check([self.arriving(stack(label) + udp4(numbered(1)), vlans=(0,))],
                   [self.leaving(stack((200, 63)) + udp4(numbered(1)))])

    def test_one_tag_out(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.103.2")
        self.check([self.arriving(stack(label) + udp4(numbered(1)))],
                   [self.leaving(stack((200, 63)) + udp4(numbered(1)), vlans=(30,))])

    def test_two_tags_out(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.104.2")
        self.check([self.arriving(stack(label) + udp4(numbered(1)), vlans=(10, 20))],
                   [self.leaving(stack((200, 63)) + udp4(numbered(1)), vlans=(30, 40))],
                   interface="in2")

    def test_unknown_tags(self):
        body = stack(16) + udp4(numbered(1))
        self.check([self.arriving(body, vlans=(12,)), self.arriving(body, vlans=(10, 21)),
                    self.arriving(body, vlans=(11, 20))], [], drops={"unknown_vlan": 3})

    def test_mpls_off(self):
        self.check([self.arriving(stack(16) + udp4(numbered(1)), vlans=(11,))], [],
                   drops={"mpls_disabled": 1}, interface="off1")

    def test_other_destination_address(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        body = stack(label) + udp4(numbered(1))
        self.check([self.arriving(body, dst="02:00:00:00:01:99"),
                    self.arriving(body, dst="ff:ff:ff:ff:ff:ff"),
                    self.arriving(body, dst="01:00:5e:00:00:01")], [], drops={"not_for_us": 3})

    def test_interface_down(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        frame = self.arriving(stack(label) + udp4(numbered(1)), vlans=(10,))
        self.lab.ctl("vlan set in1 down")
        try:
            self.check([frame], [], drops={"interface_down": 1}, interface="in1")
        finally:
            self.lab.ctl("vlan set in1 up")
        self.check([frame], [self.leaving(stack((200, 63)) + udp4(numbered(1)))], interface="in1")

    def sized(self, label, size, ip=True):
        """A labelled packet of `size` bytes after the Ethernet header."""
        if ip:
            return stack(label) + udp4(numbered(1, size - 4 - 28))
        return stack(label) + b"\0" + numbered(1, size - 5)

    def test_mtu_counts_labels(self):
        label, push = self.label(), self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.105.2")
        self.lab.ctl(f"mpls add {push} swap 201/200 via 10.0.105.2")
        fits, fits_with_push = self.sized(label, 500), self.sized(push, 496)
        self.check([self.arriving(fits), self.arriving(fits_with_push)],
                   [self.leaving(stack((200, 63)) + fits[4:], vlans=(31,)),
                    self.leaving(stack((201, 63), (200, 63)) + fits_with_push[4:], vlans=(31,))])
        self.check([self.arriving(self.sized(label, 501, ip=False)),
                    self.arriving(self.sized(push, 497, ip=False)),
                    self.arriving(self.sized(label, 1400, ip=False))], [],
                   drops={"mtu_exceeded": 3})

    def test_ip_above_the_mtu_is_punted(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.105.2")
        self.check([self.arriving(self.sized(label, 501))], [], punts={"mtu_exceeded": 1})

    def test_push_past_the_ports_mtu(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 201/200 via 10.0.1.2")
        self.check([self.arriving(self.sized(label, 1500, ip=False)),
                    self.arriving(self.sized(label, 1496, ip=False))],
                   [self.leaving(stack((201, 63), (200, 63)) +
                                 self.sized(label, 1496, ip=False)[4:])],
                   drops={"mtu_exceeded": 1})


class BadInput(LabTest):
    """Frames that are wrong: dropped under the name of what was wrong, and the next one goes on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.ctl("mpls add 100 swap 200 via 10.0.1.2")
        cls.lab.ctl("mpls add 101 pop via 10.0.1.2")
        cls.lab.ctl("mpls add 102 pop label")
        cls.lab.ctl("vlan add v10 dev p0 tag 10 mpls on")

    def after(self, bad, drops, interface="p0"):
        """These frames are dropped so, and a good one after them comes through."""
        self.check(bad, [], drops=drops, interface=interface)
        inner = udp4(numbered(1))
        self.check([self.arriving(stack(100) + inner)], [self.leaving(stack((200, 63)) + inner)])

    def test_nothing_after_the_ethertype(self):
        self.after([self.arriving(bytes(n)) for n in range(4)], {"mpls_truncated": 4})

    def test_frame_ends_before_the_bottom(self):
        self.after([self.arriving(stack(*[label] * n, bottom=False) + bytes(extra))
                    for label in (100, 101, 102) for n in (1, 2, 5) for extra in range(4)],
                   {"mpls_truncated": 36})

    def test_no_bottom_at_all(self):
        self.after([self.arriving(stack(*[100] * 350, bottom=False))], {"mpls_truncated": 1})

    def test_bottom_and_nothing_below(self):
        self.after([self.arriving(stack(101)), self.arriving(stack(101) + b"\x45"),
                    self.arriving(stack(101) + b"\x45" + bytes(18))], {"mpls_payload_unknown": 3})

    def test_swap_of_a_bare_label(self):
        self.check([self.arriving(stack(100))], [self.leaving(stack((200, 63)))])

    @property
    def kernel_takes_tags_out(self):
        """The kernel looks at tags before a packet socket does, and keeps cut ones to itself."""
        return self.driver == "net_af_packet"

    def test_cut_tags(self):
        if self.kernel_takes_tags_out:
            self.skipTest("the kernel drops frames that end within their tag")
        body = bytes.fromhex("000a")
        self.after([self.arriving(body[:n], ethertype=kind) for n in range(3)
                    for kind in (ETHERTYPE_VLAN, ETHERTYPE_QINQ)] +
                   [self.arriving(bytes.fromhex("000a8100") + bytes(n), ethertype=ETHERTYPE_VLAN)
                    for n in range(4)],
                   {"runt_frame": 10})

    def test_labelled_behind_a_tag_and_cut(self):
        sizes = (2, 3) if self.kernel_takes_tags_out else (0, 1, 2, 3)
        self.check([self.arriving(bytes(n), vlans=(10,)) for n in sizes], [],
                   drops={"mpls_truncated": len(sizes)}, interface="v10")

    def test_other_ethertypes(self):
        if self.driver == "net_af_xdp":
            self.skipTest("our program in the driver leaves them to the kernel: test_xdp.py")
        self.after([self.arriving(bytes(60), ethertype=kind) for kind in (0x88B5, 0x0000, 0x0600)],
                   {"unknown_ethertype": 3})

    def test_ip_without_route(self):
        self.check([self.arriving(udp4(numbered(1)), ethertype=ETHERTYPE_IPV4)], [],
                   punts={"ip_no_route": 1})

    def test_noise(self):
        rng = random.Random(7)
        sent = [self.arriving(rng.randbytes(rng.randrange(8, 200)),
                              vlans=rng.choice(((), (), (10,)))) for _ in range(2000)]
        self.lab.send_settled(sent, None)
        self.after([], {})


class Jumbo(LabTest):
    """Frames of 9,000 bytes, where the links carry them."""

    mtu = 9000
    devargs = ",framesz=9216,blocksz=36864,framecnt=512"

    def test_whole_or_not_at_all(self):
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        for size in (1600, 2100, 4200, 8900):
            with self.subTest(size=size):
                body = udp4(numbered(size, size))
                before = self.lab.counters()
                self.lab.captures[1].drain()
                self.lab.sender.send([self.arriving(stack(label) + body)])
                self.lab.settle(before, "p0", 1)
                got = self.lab.captures[1].collect(1, 1)
                self.compare(got, [self.leaving(stack((200, 63)) + body)])


for_each_driver(globals(), EqualCost, FastReroute, Interfaces, BadInput)
# net_af_xdp needs a page per frame: no jumbo frames there
Jumbo.driver = "net_af_packet"

if __name__ == "__main__":
    unittest.main(verbosity=2)
