#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""IP between Linux hosts: neighbours, routes, errors, labels put on and taken off."""

import re
import signal
import socket
import unittest

from hosts import Network, icmp_message, label_stack, label_stack_object
from shunt_test import assert_sound, for_each_driver, wait_until

SMALL_MTU = 1400
FLOOD = 5000  # of which as many are sent as it takes


def ipv4(net, host, length=""):
    """Address of a host in a network of the test's plan."""
    return f"10.0.{net}.{host}{length}"


def ipv6(net, host, length=""):
    """The same for IPv6."""
    return f"2001:db8:{net + 1}::{host}{length}"


FAMILIES = (ipv4, ipv6)


def both(net, host):
    """As `address add` wants them."""
    return [ipv4(net, host, "/24"), ipv6(net, host, "/64")]


class NetworkTest(unittest.TestCase):
    """A network for the class; after each test the logs must be silent."""

    driver = "net_af_packet"

    @classmethod
    def setUpClass(cls):
        cls.network = Network(cls.driver)
        cls.addClassCleanup(cls.network.close)
        cls.build()

    def setUp(self):
        self.allow = None

    def tearDown(self):
        assert_sound(self, self.network, self.allow)

    def assert_pings(self, host, to, *options, count=3):
        """All answered, the first too."""
        pings = host.ping_until(to, *options, count=count)
        self.assert_answered(pings, count)
        return pings

    def assert_answered(self, pings, count):
        """The requests 1 to count, each."""
        lost = set(range(1, count + 1)) - pings.answered
        self.assertEqual(lost, set(), pings.text[-2000:])

    def assert_silence(self, host, to):
        """No answer, and nobody says why."""
        pings = host.ping(to, count=2, wait=1)
        self.assertEqual(pings.received, 0, pings.text)
        self.assertNotIn("From ", pings.text)

    def assert_error(self, host, to, expected, *options):
        """No answer, but an error that contains this."""
        pings = host.ping(to, *options, count=1)
        self.assertEqual(pings.received, 0, pings.text)
        self.assertRegex(pings.text, expected)
        return pings


class OneNode(NetworkTest):
    """Three hosts around one shunt; the third's link has a smaller MTU."""

    mtus = (1500, 1500, SMALL_MTU)

    @classmethod
    def build(cls):
        """Nothing but addresses is configured."""
        cls.node = cls.network.node("shunt")
        cls.hosts = [cls.network.host(f"host{i}") for i in range(3)]
        for i, host in enumerate(cls.hosts):
            cls.network.link(cls.node, f"p{i}", host, cls.mtus[i])
        cls.node.start_processes()
        for i, host in enumerate(cls.hosts):
            host.configure(both(i, 2), [ipv4(i, 1), ipv6(i, 1)])
            cls.node.add_port(both(i, 1), cls.mtus[i])
        cls.node.wait_links("up")

    def test_neighbours_are_found(self):
        for family in FAMILIES:
            for i in range(3):
                self.assert_pings(self.hosts[i], family((i + 1) % 3, 2))
            for i in range(3):
                mac = self.node.neighbour(family(i, 2))
                self.assertIn(f"link/ether {mac} ",
                              self.hosts[i].namespace.ip("link", "show", "eth0"))

    def reassembles(self, family):
        """Fragments reach shunt: net_af_packet has the kernel put IPv4 together first, into
        frames that are longer than its buffers."""
        return family is ipv6 or self.driver != "net_af_packet"

    def test_own_addresses(self):
        for family in FAMILIES:
            for i in range(3):  # the near one and the far ones
                self.assert_pings(self.hosts[0], family(i, 1))
                self.assert_pings(self.hosts[0], family(i, 1), "-s", "1300")
                if self.reassembles(family):  # in fragments, both ways
                    self.assert_pings(self.hosts[0], family(i, 1), "-s", "8000")

    def test_own_addresses_end_a_traceroute(self):
        """By UDP: nobody listens, and shunt says so from the address that was asked, near or far."""
        for family in FAMILIES:
            for i in range(2):
                hops = self.hosts[0].traceroute(family(i, 1))
                self.assertEqual([hop.address for hop in hops], [family(i, 1)])

    def test_one_hop(self):
        for family in FAMILIES:
            self.assertEqual(set(re.findall(r"ttl=(\d+)",
                                            self.assert_pings(self.hosts[0], family(1, 2)).text)),
                             {"63"})

    def test_routes(self):
        plan = ((ipv4, "10.9.{}.{}", "0.0/16", "1.0/24"),
                (ipv6, "2001:db8:9{:02}::{}", "00::/40", "01::/48"))
        for family, form, wide, narrow in plan:
            with self.subTest(family=family.__name__):
                self.routes(family, form, "10.9." + wide if family is ipv4 else "2001:db8:9" + wide,
                            "10.9." + narrow if family is ipv4 else "2001:db8:9" + narrow)

    def routes(self, family, form, wide, narrow):
        """10.9.2.1 is on host 1, 10.9.1.1 on host 2."""
        node, source = self.node, self.hosts[0]
        far, further = form.format(2, 1), form.format(1, 1)
        self.hosts[1].add_address(far)
        self.hosts[2].add_address(further)
        node.ctl(f"route add {wide} via {family(1, 2)}")
        self.assert_pings(source, far)
        self.assert_silence(source, further)  # host 1 gets it
        node.ctl(f"route add {narrow} via {family(2, 2)}")
        self.assert_pings(source, further)
        self.assert_pings(source, far)
        node.ctl(f"route replace {narrow} blackhole")
        before = node.drops().get(("p0", "blackhole"), 0)
        self.assert_silence(source, further)
        wait_until(lambda: node.drops().get(("p0", "blackhole"), 0) == before + 2, 5,
                   "2 packets counted as blackhole")
        self.assert_pings(source, far)
        node.ctl(f"route replace {narrow} unreachable")
        self.assert_error(source, further, f"From {family(0, 1)} .*[Uu]nreachable")
        self.assert_pings(source, far)
        node.ctl(f"route replace {narrow} via {family(2, 2)}")
        self.assert_pings(source, further)
        node.ctl(f"route del {narrow}")
        self.assert_silence(source, further)
        self.assert_pings(source, far)
        node.ctl(f"route del {wide}")
        self.assert_error(source, far,
                          f"From {family(0, 1)} .*(Net Unreachable|unreachable: No route)")

    def test_nobody_there(self):
        for family in FAMILIES:
            pings = self.hosts[0].ping(family(1, 77), count=1, wait=8)
            self.assertEqual(pings.received, 0)
            self.assertRegex(pings.text, f"From {family(0, 1)} .*[Uu]nreachable")

    def test_time_exceeded(self):
        for family in FAMILIES:
            self.assert_error(self.hosts[0], family(1, 2),
                              f"From {family(0, 1)} .*(Time to live exceeded|Hop limit)", "-t", "1")
            self.assert_pings(self.hosts[0], family(1, 2), "-t", "2")
            self.assert_pings(self.hosts[0], family(1, 1), "-t", "1")

    def test_too_big(self):
        for family, headers, words in ((ipv4, 28, rf"Frag needed and DF set \(mtu = {SMALL_MTU}\)"),
                                       (ipv6, 48, rf"Packet too big: mtu={SMALL_MTU}")):
            source, to = self.hosts[0], family(2, 2)
            self.assert_pings(source, to, "-M", "do", "-s", str(SMALL_MTU - headers))
            self.assert_error(source, to, f"From {family(0, 1)} .*{words}", "-M", "do", "-s",
                              str(SMALL_MTU - headers + 1))
            self.assertIn(f"mtu {SMALL_MTU}", source.route_to(to))
            if self.reassembles(family):
                # now the host knows, and sends fragments
                self.assert_pings(source, to, "-s", str(SMALL_MTU))

    def test_control_plane_restarts_in_a_flood(self):
        for family in FAMILIES:
            self.assert_pings(self.hosts[0], family(1, 2))
        floods = [self.hosts[0].start_ping(family(1, 2), "-c", str(FLOOD), "-i", "0.01", "-w", "90")
                  for family in FAMILIES]
        try:
            for _ in range(2):
                before = self.node.counters()["p0"]["rx_packets"]
                wait_until(lambda: self.node.counters()["p0"]["rx_packets"] > before + 50, 10,
                           "the flood runs")
                self.node.kill("controlplane")
                self.node.start_controlplane()
            for family in FAMILIES:  # whose answers come after those to what was sent before
                self.assert_pings(self.hosts[0], family(1, 2))
            for flood in floods:
                self.assertIsNone(flood.poll(), "the flood ended before the restarts did")
                flood.send_signal(signal.SIGINT)
        finally:
            results = [self.hosts[0].finish(flood) for flood in floods]
        for pings in results:
            self.assertGreater(len(pings.answered), 50)
            self.assert_answered(pings, max(pings.answered))

    def test_mac_changes(self):
        host = self.hosts[1]
        for announced in (True, False):
            for name in ("ipv4.conf.eth0.arp_notify", "ipv6.conf.eth0.ndisc_notify"):
                host.set(f"net.{name}={int(announced)}")
            for family in FAMILIES:
                self.assert_pings(self.hosts[0], family(1, 2))
            mac = self.network.mac()
            host.namespace.ip("link", "set", "eth0", "address", mac)
            for family in FAMILIES:
                if not announced:  # it asks for us with its new address
                    self.assert_pings(host, family(1, 1))
                wait_until(lambda f=family, m=mac: self.node.neighbour(f(1, 2)) == m, 10,
                           f"{family(1, 2)} at {mac}, announced: {announced}")
                self.assert_pings(self.hosts[0], family(1, 2))


class LabelSwitchedPath(NetworkTest):
    """host 0 - A - B - host 1, with a path each way: 100 towards host 1, 200 back."""

    @classmethod
    def build(cls):
        """A and B are joined by network 9."""
        network = cls.network
        cls.a, cls.b = network.node("a"), network.node("b")
        cls.hosts = [network.host(f"host{i}") for i in range(2)]
        network.link(cls.a, "p0", cls.hosts[0])
        network.link(cls.b, "p1", cls.hosts[1])
        cls.from_a, cls.from_b = network.tapped_link(cls.a, "p1", cls.b, "p0")
        cls.addClassCleanup(cls.from_a.close)
        cls.addClassCleanup(cls.from_b.close)
        cls.a.start_processes("0")
        cls.b.start_processes("1")
        for i, host in enumerate(cls.hosts):
            host.configure(both(i, 2), [ipv4(i, 1), ipv6(i, 1)])
        cls.a.add_port(both(0, 1))
        cls.a.add_port(both(9, 1), mpls=True)
        cls.b.add_port(both(9, 2), mpls=True)
        cls.b.add_port(both(1, 1))
        for node, net, peer, out, back in ((cls.a, 1, 2, 100, 200), (cls.b, 0, 1, 200, 100)):
            node.wait_links("up")
            node.ctl(f"route add {ipv4(net, 0, '/24')} via {ipv4(9, peer)} push {out}")
            node.ctl(f"route add {ipv6(net, '', '/64')} via {ipv6(9, peer)} push {out}")
            node.ctl(f"mpls add {back} pop ip")

    def stacks(self, capture, kinds):
        """The label stacks of what went by that has these ICMP types."""
        out = []
        for frame in capture.drain():
            stack, packet = label_stack(frame)
            message = icmp_message(packet)
            if message is not None and message[0] in kinds:
                out.append(stack)
        return out

    def test_labels_on_the_link(self):
        for family, request, reply in ((ipv4, 8, 0), (ipv6, 128, 129)):
            self.from_a.drain()
            self.from_b.drain()
            pings = self.assert_pings(self.hosts[0], family(1, 2))
            self.assertEqual(set(re.findall(r"ttl=(\d+)", pings.text)), {"62"})
            self.assertEqual(self.stacks(self.from_a, [request]), [[(100, 63)]] * pings.sent)
            self.assertEqual(self.stacks(self.from_b, [reply])[:pings.received],
                             [[(200, 63)]] * pings.received)

    def test_mtu_is_less_the_label(self):
        for family, headers, words in ((ipv4, 28, r"Frag needed and DF set \(mtu = 1496\)"),
                                       (ipv6, 48, "Packet too big: mtu=1496")):
            self.assert_pings(self.hosts[0], family(1, 2), "-M", "do", "-s", str(1496 - headers))
            self.assert_error(self.hosts[0], family(1, 2), f"From {family(0, 1)} .*{words}",
                              "-M", "do", "-s", str(1500 - headers))

    def test_time_exceeded_inside(self):
        for family, kind, number in ((ipv4, 11, socket.AF_INET), (ipv6, 3, socket.AF_INET6)):
            self.assert_pings(self.hosts[0], family(1, 2))
            capture = self.hosts[0].capture()
            try:
                self.assert_error(self.hosts[0], family(1, 2), f"From {family(9, 2)} ", "-t", "2")
                errors = [message for message in map(icmp_message, (frame[14:] for frame in
                                                                    capture.drain()))
                          if message is not None and message[0] == kind]
            finally:
                capture.close()
            self.assertEqual(len(errors), 1)
            self.assertEqual(errors[0][1], 0)
            self.assertEqual(errors[0][2], socket.inet_pton(number, family(9, 2)))
            entries = label_stack_object(errors[0][3], family is ipv6)
            self.assertEqual([(entry >> 12, entry >> 8 & 1, entry & 0xff) for entry in entries],
                             [(100, 1, 1)])


for_each_driver(globals(), OneNode, LabelSwitchedPath)

if __name__ == "__main__":
    unittest.main(verbosity=2)
