#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Multicast that comes out of a GRE tunnel or a label, to hosts on a bridge that joined by their own kernels:
each numbered packet once at every subscriber, none at anybody else.

    sender ---- core p1 == gretap == p4 edge br0 p1..p3 ---- h1 h2 h3
    wan (frames with GRE, with labels) ---- p0 edge

The sender is on a bridge of its own, brt, behind the tunnel; t0 is a tunnel that carries IP.
"""

import struct
import time
import unittest

from hosts import Network
from ip_packets import ip_bytes, packet4, packet6
from frames import checksum
from multicast_agent import MARK, Agent, older_version
from shunt_test import assert_sound, wait_until
from wire import Sender, veth

RATE, COUNT = 200, 100
LABEL, BUD = 100, 101
SOURCES = {4: "10.7.0.2", 6: "2001:db8:7::2"}  # the sender's
BEHIND_T0 = {4: "10.6.0.2", 6: "2001:db8:6::2"}
ELSEWHERE = {4: "10.99.0.1", 6: "2001:db8:99::1"}
PORT = 5001


def group_of(family, number):
    """As applications have them."""
    return f"239.7.0.{number}" if family == 4 else f"ff15::7:{number:x}"


def numbered(family, group, source, number):
    """What multicast_host.py sends."""
    body = struct.pack("!I", number).ljust(100, b"x")
    udp = struct.pack("!HHHH", PORT, PORT, 8 + len(body), 0)
    if family == 4:
        return packet4(number, udp + body, src=source, dst=group, ttl=8, protocol=17)
    pseudo = ip_bytes(source) + ip_bytes(group) + struct.pack("!IHBB", 8 + len(body), 0, 0, 17)
    value = checksum(pseudo + udp + body) or 0xffff
    return packet6(0, udp[:6] + struct.pack("!H", value) + body, src=source, dst=group, hops=8, protocol=17)


class Routes(unittest.TestCase):
    """h1 to h3 may join what the wan host sends."""

    driver = "net_af_packet"

    @classmethod
    def setUpClass(cls):
        cls.network = Network(cls.driver)
        cls.addClassCleanup(cls.network.close)
        cls.wan, cls.source = cls.network.host("wan"), cls.network.host("sender")
        cls.hosts = [cls.network.host(f"h{i}") for i in (1, 2, 3)]
        cls.build()
        cls.agents = [Agent(host) for host in cls.hosts]
        cls.sender = Agent(cls.source)
        for agent in (cls.sender, *cls.agents):
            cls.addClassCleanup(agent.close)
        cls.mac = next(row["mac"] for row in cls.node.json("port show") if row["name"] == "p0")

    @classmethod
    def build(cls):
        """Ports, bridge, tunnel and label."""
        node = cls.node = cls.network.node("edge")
        for i, host in enumerate((cls.wan, *cls.hosts)):
            cls.network.link(node, f"p{i}", host)
        node.start_processes()
        node.add_port(["10.0.8.1/24"], mpls=True)
        node.ctl("bridge add br0 vlan 10 querier on unknown-multicast drop multicast-routing on "
                 "query-interval 4s query-response-interval 500ms last-member-interval 100ms "
                 "startup-query-interval 1s")
        node.ctl("address add 10.0.0.100/24 dev br0")
        for i, host in enumerate(cls.hosts, 1):
            node.ctl(f"port add p{i} devargs {cls.driver}{i},iface=p{i} bridge br0 vlan 10")
            node.ports.append(f"p{i}")
            host.configure([f"10.0.0.{i}/24", f"2001:db8::{i}/64"], [])
        cls.wan.configure(["10.0.8.2/24"], [])
        node.ctl("tunnel add t0 mode gre local 10.0.8.1 remote 10.0.8.2")
        node.ctl("route add 10.6.0.0/24 dev t0")
        node.ctl("route add 2001:db8:6::/64 dev t0")
        node.ctl(f"mpls add {LABEL} pop ip")
        cls.build_core()
        node.wait_links("up")

    @classmethod
    def build_core(cls):
        """The sender's bridge goes on at the edge, by a tunnel."""
        node, core = cls.node, cls.network.node("core")
        cls.network.link(core, "p0", cls.source)
        veth(core.router, "p1", cls.network.mac(), node.router, "p4", cls.network.mac(), 1600)
        core.start_processes("1")
        core.ctl("bridge add brt vlan 10 snooping off")
        core.ctl(f"port add p0 devargs {cls.driver}0,iface=p0 bridge brt vlan 10")
        core.ports.append("p0")
        core.add_port(["10.0.9.1/24"], mtu=1600)
        node.add_port(["10.0.9.2/24"], mtu=1600)
        core.ctl("tunnel add x0 mode gretap local 10.0.9.1 remote 10.0.9.2 bridge brt vlan 10")
        node.ctl("bridge add brt vlan 10 querier on multicast-routing on")
        for address in ("10.7.0.1/24", "2001:db8:7::1/64"):
            node.ctl(f"address add {address} dev brt")
        node.ctl("tunnel add x0 mode gretap local 10.0.9.2 remote 10.0.9.1 bridge brt vlan 10")
        cls.source.configure(["10.7.0.2/24", "2001:db8:7::2/64"], [])
        core.wait_links("up")
        assert cls.source.ping_until("10.7.0.1", count=1).answered, "the tunnel carries nothing"
        # until the hosts had time to answer its first query, br0 gives everybody everything
        wait_until(lambda: all(node.json("bridge snooping show br0")[0][family]["enforced"]
                               for family in ("ipv4", "ipv6")), 30, "what hosts asked for is enforced", 0.1)

    def tearDown(self):
        assert_sound(self, self.network)

    def wait_members(self, group, ports):
        """Until exactly these have joined, and the group is routed to them."""
        def members():
            return sorted(row["port"] for row in self.node.json("bridge groups show") if row["group"] == group)

        def routed():
            return any(row["group"] == group for row in self.node.json("multicast route show"))
        wait_until(lambda: members() == ports and routed() == bool(ports), 15, f"{group} at {ports}")

    def unwanted(self):
        """Packets to groups that are routed nowhere."""
        return self.node.drops().get((self.ingress, "ip_multicast"), 0)

    def each_once(self, group, send, source=""):
        """Two of the three join; `send` sends COUNT packets."""
        for agent in self.agents[:2]:
            agent.do(f"join {group}{source}")
        self.wait_members(group, ["p1", "p2"])
        silent = self.hosts[2].capture()
        self.addCleanup(silent.close)
        send()
        for agent in self.agents[:2]:
            self.assertEqual(agent.until(group, COUNT - 1), list(range(COUNT)))
        self.assertEqual([f for f in silent.drain() if MARK in f], [], "nobody joined there")
        for agent in self.agents[:2]:
            agent.do(f"leave {group}{source}")
        self.wait_members(group, [])
        before = self.unwanted()
        send()
        wait_until(lambda: self.unwanted() - before >= COUNT, 10,
                   "what nobody wants is dropped")

    def by_tunnel(self, family, number, source=""):
        """From the sender's socket, through both shunts."""
        group = group_of(family, number)
        self.ingress = "brt"
        self.each_once(group, lambda: self.sender.do(f"send {group} {COUNT} {RATE}"), source)

    def by_frames(self, family, number, ingress, outer, source):
        """From the wan host, with `outer` before each packet."""
        group = group_of(family, number)
        out = Sender(self.wan.namespace, "eth0")
        self.addCleanup(out.close)
        ethernet = bytes.fromhex(self.mac.replace(":", "")) + bytes.fromhex("0200000000fe")
        frames = [ethernet + outer(numbered(family, group, source, i)) for i in range(COUNT)]
        self.ingress = ingress
        self.each_once(group, lambda: out.send(frames, 2000))

    def by_gre(self, family, number):
        """IP in GRE, of a source that is routed to the tunnel."""
        kind = b"\x08\x00" if family == 4 else b"\x86\xdd"
        self.by_frames(family, number, "t0",
                       lambda packet: b"\x08\x00" + packet4(7, bytes(2) + kind + packet, src="10.0.8.2",
                                                            dst="10.0.8.1", protocol=47), BEHIND_T0[family])

    def by_label(self, family, number):
        """Of a source that no route leads back to: the label's path is trusted."""
        entry = struct.pack("!I", LABEL << 12 | 0x100 | 64)
        self.by_frames(family, number, "p0", lambda packet: b"\x88\x47" + entry + packet, ELSEWHERE[family])

    def test_tunnel_igmp_v3(self):
        """As hosts do it of themselves."""
        self.by_tunnel(4, 1)

    def test_tunnel_igmp_v2(self):
        """By sysctl."""
        older_version(self, self.hosts, "net.ipv4.conf.eth0.force_igmp_version")
        self.by_tunnel(4, 2)

    def test_tunnel_mld_v2(self):
        """As hosts do it of themselves."""
        self.by_tunnel(6, 3)

    def test_tunnel_of_one_source(self):
        """Joined for the sender alone."""
        self.by_tunnel(4, 4, f" {SOURCES[4]}")
        self.by_tunnel(6, 5, f" {SOURCES[6]}")

    def test_gre(self):
        """Both families out of a tunnel that is an interface."""
        self.by_gre(4, 11)
        self.by_gre(6, 12)

    def test_label_igmp_v3(self):
        """IPv4 below the label."""
        self.by_label(4, 6)

    def test_label_mld_v2(self):
        """IPv6 below it."""
        self.by_label(6, 7)

    def test_bud(self):
        """A point to multipoint path that goes on, with a label of its own, and ends here as well."""
        group = group_of(4, 13)
        self.node.ctl(f"mpls add {BUD} replicate vrf 0 via 10.0.8.2 swap {BUD + 200}")
        self.addCleanup(self.node.ctl, f"mpls del {BUD}")
        self.node.kill("controlplane")
        self.node.start_controlplane()
        self.assertEqual([(row["operation"], row["vrf"]) for row in self.node.json(f"mpls show {BUD}")],
                         [("replicate", 0)])
        self.agents[0].do(f"join {group}")
        self.wait_members(group, ["p1"])
        onwards, out = self.wan.capture(), Sender(self.wan.namespace, "eth0")
        self.addCleanup(onwards.close)
        self.addCleanup(out.close)
        ethernet = bytes.fromhex(self.mac.replace(":", "")) + bytes.fromhex("0200000000fe")
        below = [numbered(4, group, ELSEWHERE[4], i) for i in range(COUNT)]
        entry = struct.pack("!I", BUD << 12 | 0x100 | 64)
        out.send([ethernet + b"\x88\x47" + entry + packet for packet in below], 2000)
        self.assertEqual(self.agents[0].until(group, COUNT - 1), list(range(COUNT)))
        wanted = [b"\x88\x47" + struct.pack("!I", BUD + 200 << 12 | 0x100 | 63) + packet for packet in below]
        copies = []

        def whole():
            copies.extend(frame[12:] for frame in onwards.drain() if frame[12:14] == b"\x88\x47")
            return [frame for frame in copies if frame in wanted] == wanted
        wait_until(whole, 15, "a labelled copy of each")
        self.agents[0].do(f"leave {group}")
        self.wait_members(group, [])

    def test_other_source_is_refused(self):
        """A source that nobody asked for; one that is routed elsewhere, until the bridge does not mind."""
        group = group_of(4, 8)

        def dropped(reason):
            return self.node.drops().get(("brt", reason), 0)
        self.agents[0].do(f"join {group} 10.7.0.77")
        self.wait_members(group, ["p1"])
        self.sender.do(f"send {group} 10 {RATE}")
        wait_until(lambda: dropped("multicast_no_route") == 10, 15, "a source that nobody asked for")
        self.agents[0].do(f"leave {group} 10.7.0.77")
        group = group_of(4, 9)
        self.agents[0].do(f"join {group}")
        self.wait_members(group, ["p1"])
        self.node.ctl("route add 10.7.0.2/32 dev t0")
        self.addCleanup(self.node.ctl, "route del 10.7.0.2/32")
        self.sender.do(f"send {group} 10 {RATE}")
        wait_until(lambda: dropped("multicast_incoming") == 10, 15, "a source that is elsewhere")
        self.node.ctl("bridge set br0 multicast-routing no-rpf")
        self.addCleanup(self.node.ctl, "bridge set br0 multicast-routing on")
        self.sender.do(f"send {group} {COUNT} {RATE}")
        self.assertEqual(self.agents[0].until(group, COUNT - 1), list(range(COUNT)))
        self.agents[0].do(f"leave {group}")
        self.wait_members(group, [])

    def test_control_plane_dies(self):
        """Killed and started again while a stream runs: nobody misses a packet."""
        group, count = group_of(4, 10), 6 * RATE
        for agent in self.agents[:2]:
            agent.do(f"join {group}")
        self.wait_members(group, ["p1", "p2"])
        silent = self.hosts[2].capture()
        self.addCleanup(silent.close)
        self.sender.do(f"send {group} {count} {RATE}")
        for _ in range(2):
            time.sleep(0.5)
            self.node.kill("controlplane")
            time.sleep(0.5)
            self.node.start_controlplane()
            self.assertIn((group, "br0"), [(row["group"], row["bridge"])
                                           for row in self.node.json("multicast route show")])
        for agent in self.agents[:2]:
            self.assertEqual(agent.until(group, count - 1, 15), list(range(count)))
            agent.do(f"leave {group}")
        self.wait_members(group, [])
        self.assertEqual([f for f in silent.drain() if MARK in f], [], "nobody joined there")


if __name__ == "__main__":
    unittest.main()
