#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""GRE between shunt and Open vSwitch's userspace datapath: pings in both directions.

    host ---- shunt 10.0.8.1 ==GRE== 10.0.8.2 Open vSwitch, which is 10.0.1.2
"""

import unittest

from hosts import Network
from openvswitch_peer import OpenVswitch
from shunt_test import for_each_driver, wait_until
from test_ip import NetworkTest


class OpenVswitchTest(NetworkTest):
    """Open vSwitch at the other end."""

    @classmethod
    def build(cls):
        """One node, one host, one switch."""
        cls.node = cls.network.node("shunt")
        cls.client, cls.far = cls.network.host("client"), cls.network.host("switch")
        cls.network.link(cls.node, "p0", cls.client)
        cls.network.link(cls.node, "p1", cls.far)
        cls.client.configure(["10.0.0.2/24"], ["10.0.0.1"])
        cls.far.namespace.ip("link", "set", "eth0", "up")
        cls.node.start_processes()
        cls.node.add_port(["10.0.0.1/24"])
        cls.node.add_port(["10.0.8.1/24"])
        cls.node.wait_links("up")
        cls.switch = OpenVswitch(cls.far)
        cls.addClassCleanup(cls.switch.close)

    def assert_tunnel(self, words, *options):
        """What the host and the switch send each other arrives."""
        with self.subTest(words=words):
            self.node.ctl(f"tunnel add t0 mode gre local 10.0.8.1 remote 10.0.8.2 {words}")
            self.node.ctl("route add 10.0.1.0/24 dev t0")
            try:
                self.switch.tunnel(*options)
                wait_until(lambda: self.client.ping("10.0.1.2", count=1, wait=1).received, 20,
                           "the switch answers")
                self.assert_pings(self.client, "10.0.1.2")
                self.assert_pings(self.far, "10.0.0.2", "-I", "br-int")
                self.assert_pings(self.client, "10.0.1.2", "-s", "1400")
                row = self.node.json("tunnel show t0")[0]
                self.assertGreaterEqual(row["rx_packets"], 9)
            finally:
                self.node.ctl("route del 10.0.1.0/24")
                self.node.ctl("tunnel del t0")

    def test_plain(self):
        """Neither key nor checksum."""
        self.assert_tunnel("")

    def test_key(self):
        """A key, 0 among them, is needed on both sides."""
        self.assert_tunnel("key 4711", "key=4711")
        self.assert_tunnel("key 0", "key=0")

    def test_checksum(self):
        """Sent by both, or by one alone."""
        self.assert_tunnel("key 7 checksum", "key=7", "csum=true")
        self.assert_tunnel("checksum")
        self.assert_tunnel("", "csum=true")

    def test_wrong_key(self):
        """Nothing goes through, and the reason is counted."""
        self.node.ctl("tunnel add t0 mode gre local 10.0.8.1 remote 10.0.8.2 key 5")
        self.addCleanup(self.node.ctl, "tunnel del t0")
        self.switch.tunnel("key=6")

        def refused():
            self.far.ping("10.0.0.2", "-I", "br-int", count=1, wait=1)
            return self.node.drops().get(("p1", "tunnel_key"), 0) > 0
        wait_until(refused, 20, "a packet is refused for its key")
        self.assert_silence(self.far, "10.0.0.2")


class EthernetTest(NetworkTest):
    """Bridges at both ends: a host on shunt's, and an address on the other's."""

    @classmethod
    def build(cls):
        """A bridge with a port for the host."""
        cls.node = cls.network.node("shunt")
        cls.client, cls.switched = cls.network.host("client"), cls.network.host("switch")
        cls.kernel = cls.network.host("kernel")
        cls.network.link(cls.node, "p0", cls.client)
        cls.network.link(cls.node, "p1", cls.switched)
        cls.network.link(cls.node, "p2", cls.kernel)
        cls.client.configure(["10.0.5.2/24"], [])
        cls.switched.namespace.ip("link", "set", "eth0", "up")
        cls.kernel.configure(["10.0.9.2/24"], [])
        cls.node.start_processes()
        cls.node.ctl("bridge add br0")
        cls.node.add_port([])
        cls.node.ctl("port set p0 bridge br0")
        cls.node.add_port(["10.0.8.1/24"])
        cls.node.add_port(["10.0.9.1/24"])
        cls.node.wait_links("up")

    def assert_bridged(self, words, net, far, address):
        """Both directions, before and after a restart of the control plane, and counted."""
        self.node.ctl(f"tunnel add t0 {words} local 10.0.{net}.1 remote 10.0.{net}.2 bridge br0")
        try:
            wait_until(lambda: self.client.ping(address, count=1, wait=1).received, 20, "an answer")
            self.assert_pings(self.client, address)
            self.assert_pings(far, "10.0.5.2")
            self.node.kill("controlplane")
            self.node.start_controlplane()
            self.assert_pings(self.client, address, "-s", "1300")
            row = self.node.json("tunnel show t0")[0]
            self.assertEqual((row["state"], row["drops"]), ("up", {}))
            self.assertGreaterEqual(row["rx_packets"], 9)
        finally:
            self.node.ctl("tunnel del t0")

    def test_vxlan(self):
        """The kernel's VXLAN device (RFC 7348)."""
        far = self.kernel
        far.namespace.ip("link", "add", "vx0", "type", "vxlan", "id", "77", "remote", "10.0.9.1",
                         "dstport", "4789", "dev", "eth0")
        try:
            far.add_address("10.0.5.4/24", "vx0")
            far.namespace.ip("link", "set", "vx0", "up", "mtu", "1450")
            self.assert_bridged("mode vxlan vni 77", 9, far, "10.0.5.4")
        finally:
            far.namespace.ip("link", "del", "vx0")

    def test_gretap(self):
        """Open vSwitch, with and without key and checksum."""
        switch = OpenVswitch(self.switched)
        try:
            self.switched.add_address("10.0.5.3/24", "br-int")
            for words, options in (("mode gretap", ()), ("mode gretap key 5 checksum", ("key=5", "csum=true"))):
                switch.ethernet(*options)
                self.assert_bridged(words, 8, self.switched, "10.0.5.3")
        finally:
            switch.close()


for_each_driver(globals(), OpenVswitchTest, EthernetTest)

if __name__ == "__main__":
    unittest.main(verbosity=2)
