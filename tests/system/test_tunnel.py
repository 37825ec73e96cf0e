#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels between two shunts, with Linux hosts at both ends.

    host 0 ---- A ==== B ---- host 1        A 10.0.8.1, B 10.0.8.2; hosts in 10.0.0 and 10.0.1
"""

import unittest

from chain import both
from hosts import Network
from shunt_test import Refused, for_each_driver, wait_until
from test_ip import NetworkTest

A4, B4, A6, B6 = "10.0.8.1", "10.0.8.2", "2001:db8:9::1", "2001:db8:9::2"
FAMILIES = {"4": (A4, B4), "6": (A6, B6)}


class TunnelNetwork(Network):
    """The network above."""

    def __init__(self, driver):
        super().__init__(driver)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.ends = [self.host(f"host{i}") for i in range(2)]
        self.a, self.b = self.node("a"), self.node("b")
        self.link(self.a, "p0", self.ends[0])
        self.from_a, self.from_b = self.tapped_link(self.a, "p1", self.b, "p1")
        self.link(self.b, "p0", self.ends[1])
        for host, net in ((self.ends[0], 0), (self.ends[1], 1)):
            host.configure([address.replace("::1/", "::2/").replace(".1/", ".2/")
                            for address in both(net, 1)],
                           [f"10.0.{net}.1", f"2001:db8:{net + 1}::1"])
        for i, (node, net) in enumerate(((self.a, 0), (self.b, 1))):
            node.start_processes(str(i))
            node.add_port(both(net, 1))
            node.add_port(both(8, i + 1), mpls=True)
            node.wait_links("up")

    def close(self):
        for name in ("from_a", "from_b"):
            capture = getattr(self, name, None)
            if capture is not None:
                capture.close()
        super().close()

    # ---- one tunnel, t0, at each end

    def tunnel(self, outer, words_a, words_b=None, labels=None):
        """Between A's and B's addresses of a family, and routes into it. `labels`: put on, as a path of
        one hop."""
        a, b = FAMILIES[outer]
        for node, words, local, remote in ((self.a, words_a, a, b),
                                           (self.b, words_b or words_a, b, a)):
            node.ctl(f"tunnel add t0 {words} local {local} remote {remote}")
            net = 1 if node is self.a else 0
            push = f" push {labels}" if labels else ""
            node.ctl(f"route add 10.0.{net}.0/24 dev t0{push}")
            node.ctl(f"route add 2001:db8:{net + 1}::/64 dev t0{push}")
            if labels:
                node.ctl(f"mpls add {labels} pop ip")

    def remove(self, labels=None):
        """Whatever of it is there."""
        for node, net in ((self.a, 1), (self.b, 0)):
            for words in (f"route del 10.0.{net}.0/24", f"route del 2001:db8:{net + 1}::/64",
                          f"mpls del {labels}" if labels else None, "tunnel del t0"):
                if words:
                    refusal(node, words)


def refusal(node, words):
    """Why a command is refused; "" if it is not."""
    try:
        node.ctl(words)
    except Refused as error:
        return str(error)
    return ""


def row_of(node, name="t0"):
    """What `tunnel show` says."""
    return node.json(f"tunnel show {name}")[0]


class TunnelTest(NetworkTest):
    """Through every kind of tunnel that carries packets."""

    @classmethod
    def setUpClass(cls):
        cls.network = TunnelNetwork(cls.driver)
        cls.addClassCleanup(cls.network.close)

    def assert_through(self):
        """Pings of both families from both hosts."""
        for host, net in zip(self.network.ends, (1, 0)):
            self.assert_pings(host, f"10.0.{net}.2")
            self.assert_pings(host, f"2001:db8:{net + 1}::2")

    def assert_forms(self, outer, words, labels=None, other=None):
        """Packets go through, and are counted in both directions."""
        with self.subTest(outer=outer, words=words):
            self.addCleanup(self.network.remove, labels)
            self.network.tunnel(outer, words, other, labels)
            self.assert_through()
            for node in (self.network.a, self.network.b):
                row = row_of(node)
                self.assertEqual(row["state"], "up")
                self.assertGreaterEqual(row["rx_packets"], 12)
                self.assertGreaterEqual(row["tx_packets"], 12)
                self.assertLess(row["last_seen"], 30)
                self.assertEqual(row["drops"], {})
            self.network.remove(labels)

    def test_gre(self):
        """GRE over IPv4 and IPv6, with and without key, checksum and sequence numbers."""
        for outer in "46":
            for words in ("", " key 0", " key 77 checksum", " sequence", " key 1 checksum sequence window"):
                self.assert_forms(outer, f"mode gre{words}")

    def test_ip_in_ip(self):
        """4 in 4, 6 in 4, 4 in 6, 6 in 6."""
        for outer in "46":
            self.assert_forms(outer, "mode ipip")

    def test_labels(self):
        """Labelled packets in GRE (RFC 4023)."""
        self.assert_forms("4", "mode gre mpls on", labels="100")
        self.assert_forms("6", "mode gre key 9 mpls on", labels="100")


class AddressTest(NetworkTest):
    """What stands on a tunnel, and what follows it."""

    @classmethod
    def setUpClass(cls):
        cls.network = TunnelNetwork(cls.driver)
        cls.addClassCleanup(cls.network.close)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.network.remove)

    def test_addresses(self):
        """An address on a tunnel answers through it; time exceeded comes from there."""
        network = self.network
        network.tunnel("4", "mode gre")
        for node, host in ((network.a, 1), (network.b, 2)):
            node.ctl(f"address add 172.16.0.{host}/30 dev t0")
            node.ctl(f"address add fd00::{host}/64 dev t0")
            self.addCleanup(node.ctl, f"address del fd00::{host}/64 dev t0")
            self.addCleanup(node.ctl, f"address del 172.16.0.{host}/30 dev t0")
        network.b.ctl("route add 172.16.1.0/24 via 172.16.0.1")
        self.addCleanup(network.b.ctl, "route del 172.16.1.0/24")
        self.assert_pings(network.ends[0], "172.16.0.2")
        self.assert_pings(network.ends[0], "fd00::2")
        self.assert_pings(network.ends[1], "172.16.0.1")
        hops = network.ends[0].traceroute("10.0.1.2")
        self.assertEqual([hop.address for hop in hops], ["10.0.0.1", "172.16.0.2", "10.0.1.2"])

    def test_mss(self):
        """TCP through the tunnel, with clamping, in both directions."""
        network = self.network
        network.tunnel("4", "mode gre tcp-mss-clamp 1200")
        client, server = network.ends
        for options in ((), ("-R",)):
            end = client.iperf3(server, "10.0.1.2", *options, seconds=2)
            self.assertGreater(end["sum_received"]["bits_per_second"], 1e6)
        self.assertEqual(row_of(network.a)["mtu"], 1476)

    def test_keepalive(self):
        """Answered by the other shunt; silence takes the tunnel down, and routes with it."""
        network = self.network
        network.tunnel("4", "mode gre keepalive 300ms retries 10", "mode gre")
        a, b = network.a, network.b
        wait_until(lambda: row_of(a)["keepalives_answered"] > 2, 30, "no keepalive came back")
        self.assertEqual(row_of(a)["state"], "up")
        b.ctl("tunnel set t0 down")
        wait_until(lambda: row_of(a)["state"] == "down", 30, "the tunnel stays up")
        self.assertEqual(row_of(a)["reason"], "no answer to keepalives")
        route = [row for row in a.json("route show") if row["prefix"] == "10.0.1.0/24"][0]
        self.assertEqual(route["nexthops"][0]["state"], "unresolved")
        b.ctl("tunnel set t0 up")
        wait_until(lambda: row_of(a)["state"] == "up", 30, "the tunnel stays down")
        self.assert_pings(network.ends[0], "10.0.1.2")

    def test_recursion(self):
        """A tunnel is not led into itself, and is held down where routes do it later."""
        network = self.network
        a = network.a
        network.tunnel("4", "mode gre")
        a.ctl("tunnel add t1 mode gre local 10.0.8.1 remote 10.0.9.9")
        self.addCleanup(a.ctl, "tunnel del t1")
        a.ctl("route add 10.0.9.0/24 dev t0")
        self.addCleanup(a.ctl, "route del 10.0.9.0/24")
        self.assertEqual(row_of(a, "t1")["state"], "up")
        self.assertIn("into itself", refusal(a, "route add 10.0.9.9/32 dev t1"))
        self.assertIn("into itself", refusal(a, "address add 10.0.9.1/24 dev t1"))
        self.assert_pings(network.ends[0], "10.0.1.2")

    def test_down(self):
        """Nothing goes through a tunnel that is set down, at either end."""
        network = self.network
        network.tunnel("4", "mode gre")
        self.assert_pings(network.ends[0], "10.0.1.2")
        for node in (network.a, network.b):
            node.ctl("tunnel set t0 down")
            self.assert_silence(network.ends[0], "10.0.1.2")
            node.ctl("tunnel set t0 up")
        self.assert_pings(network.ends[0], "10.0.1.2")

    def test_reroute(self):
        """The underlay follows the routes of the outer VRF."""
        a = self.network.a
        a.ctl("tunnel add t1 mode ipip local 10.0.8.1 remote 10.0.77.1")
        self.addCleanup(a.ctl, "tunnel del t1")
        self.assertEqual((row_of(a, "t1")["state"], row_of(a, "t1")["reason"]),
                         ("down", "no route to the remote end"))
        a.ctl("route add 10.0.77.0/24 via 10.0.8.2")
        self.assertEqual(row_of(a, "t1")["underlay"][0]["via"], "10.0.8.2")
        a.ctl("route add 10.0.77.1/32 via 10.0.0.2")
        self.assertEqual(row_of(a, "t1")["underlay"][0]["via"], "10.0.0.2")
        a.ctl("route del 10.0.77.1/32")
        self.assertEqual(row_of(a, "t1")["underlay"][0]["via"], "10.0.8.2")
        a.ctl("route del 10.0.77.0/24")
        self.assertEqual(row_of(a, "t1")["state"], "down")

    def test_restart(self):
        """A control plane killed and started again takes tunnels over; not a ping is lost."""
        network = self.network
        network.tunnel("4", "mode gre key 5 checksum")
        self.assert_pings(network.ends[0], "10.0.1.2")
        ping = network.ends[0].start_ping("10.0.1.2", "-c", "60", "-i", "0.02", "-w", "30")
        network.a.kill("controlplane")
        network.a.start_controlplane()
        self.assert_answered(network.ends[0].finish(ping), 60)
        self.assertEqual(row_of(network.a)["state"], "up")


for_each_driver(globals(), TunnelTest, AddressTest)

if __name__ == "__main__":
    unittest.main(verbosity=2)
