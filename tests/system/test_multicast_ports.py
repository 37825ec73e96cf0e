#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Multicast routed to ports and a VLAN subinterface that are in no bridge, whose hosts joined by their own kernels:
shunt is the querier there (RFC 3376, RFC 3810). Each numbered packet once at every subscriber, none at anybody else.

    sender --- p0 edge p1 --- h1
                       p2 --- h2
                       p3.100 (v3) --- switch p1 --- h3, a bridge that takes the tags off
                       p4 --- h4, which never joins
"""

import time
import unittest

from hosts import Network
from multicast_agent import MARK, Agent, older_version
from shunt_test import assert_sound, wait_until
from wire import veth

RATE, COUNT = 200, 100
SOURCES = {4: "10.7.0.2", 6: "2001:db8:7::2"}
TIMERS = ("query-interval 4s query-response-interval 500ms last-member-interval 100ms startup-query-interval 1s")
ROUTING = f"multicast-routing on {TIMERS}"
MEMBERS = ["p1", "p2", "v3"]


def group_of(family, number):
    """As applications have them."""
    return f"239.8.0.{number}" if family == 4 else f"ff15::8:{number:x}"


class Routed:
    """h1 to h3 join what the sender sends. With unittest.TestCase."""

    driver = "net_af_packet"

    @classmethod
    def setUpClass(cls):
        cls.network = Network(cls.driver)
        cls.addClassCleanup(cls.network.close)
        cls.source = cls.network.host("sender")
        cls.hosts = [cls.network.host(f"h{i}") for i in (1, 2, 3, 4)]
        cls.build()
        cls.sender = Agent(cls.source)
        cls.agents = [Agent(host) for host in cls.hosts[:3]]
        for agent in (cls.sender, *cls.agents):
            cls.addClassCleanup(agent.close)

    @classmethod
    def build(cls):
        """Ports, addresses and hosts."""
        node = cls.node = cls.network.node("edge")
        for i, host in enumerate((cls.source, *cls.hosts)):
            if i != 3:
                cls.network.link(node, f"p{i}", host)
        switch = cls.build_switch(node)
        node.start_processes()
        node.add_port(["10.7.0.1/24", "2001:db8:7::1/64"])
        for i in (1, 2, 3, 4):
            node.add_port([f"10.8.{i}.1/24"])
        node.ctl("vlan add v3 dev p3 tag 100")
        node.ctl("address add 10.8.103.1/24 dev v3")
        for port in ("p1", "p2", "p4"):
            node.ctl(f"port set {port} {ROUTING}")
        node.ctl(f"vlan set v3 {ROUTING}")
        cls.source.configure(["10.7.0.2/24", "2001:db8:7::2/64"], [])
        for i, host in enumerate(cls.hosts, 1):
            host.configure([f"10.8.{103 if i == 3 else i}.2/24"], [])
        switch.wait_links("up")
        node.wait_links("up")
        assert cls.source.ping_until("10.7.0.1", count=1).answered, "no link"

    @classmethod
    def build_switch(cls, node):
        """Between p3 and h3."""
        switch = cls.network.node("switch")
        veth(switch.router, "p0", cls.network.mac(), node.router, "p3", cls.network.mac(), 1600)
        cls.network.link(switch, "p1", cls.hosts[2])
        switch.start_processes("1")
        switch.ctl("bridge add br0 snooping off")
        for i, vlan in enumerate(("trunk 100", "vlan 100")):
            switch.ctl(f"port add p{i} devargs {cls.driver}{i},iface=p{i} bridge br0 {vlan}")
            switch.ports.append(f"p{i}")
        return switch

    def tearDown(self):
        assert_sound(self, self.network)

    def wait_members(self, group, ports):
        """Until exactly these have joined, and the group is routed to them."""
        def ports_of(command):
            return sorted(row.get("port") for row in self.node.json(command) if row["group"] == group)
        wait_until(lambda: ports_of("multicast groups show") == ports == ports_of("multicast route show"), 15,
                   f"{group} at {ports}")

    def dropped(self, reason, interface="p0"):
        """Packets that ended so."""
        return self.node.drops().get((interface, reason), 0)

    def captures(self, hosts):
        """What these hosts receive."""
        made = [host.capture() for host in hosts]
        for capture in made:
            self.addCleanup(capture.close)
        return made

    def each_once(self, family, number, source=""):
        """All three join; the sender sends COUNT packets; they leave, and it sends once more."""
        group = group_of(family, number)
        for agent in self.agents:
            agent.do(f"join {group}{source}")
        self.wait_members(group, MEMBERS)
        silent = self.captures(self.hosts[3:])
        self.sender.do(f"send {group} {COUNT} {RATE}")
        for agent in self.agents:
            self.assertEqual(agent.until(group, COUNT - 1), list(range(COUNT)))
            agent.do(f"leave {group}{source}")
        self.wait_members(group, [])
        silent += self.captures(self.hosts)
        before = self.dropped("ip_multicast")
        self.sender.do(f"send {group} {COUNT} {RATE}")
        wait_until(lambda: self.dropped("ip_multicast") - before >= COUNT, 10, "what nobody wants is dropped")
        for capture in silent:
            self.assertEqual([f for f in capture.drain() if MARK in f], [], "nobody is there who joined")

    def test_igmp_v3(self):
        """As hosts do it of themselves."""
        self.each_once(4, 1)

    def test_mld_v2(self):
        """As hosts do it of themselves."""
        self.each_once(6, 3)

    def test_control_plane_dies(self):
        """Killed and started again while a stream runs: nobody misses a packet."""
        group, count = group_of(4, 10), 6 * RATE
        for agent in self.agents:
            agent.do(f"join {group}")
        self.wait_members(group, MEMBERS)
        silent = self.captures(self.hosts[3:])[0]
        self.sender.do(f"send {group} {count} {RATE}")
        for _ in range(2):
            time.sleep(0.5)
            self.node.kill("controlplane")
            time.sleep(0.5)
            self.node.start_controlplane()
            self.assertEqual(sorted(row["port"] for row in self.node.json("multicast route show")
                                    if row["group"] == group), MEMBERS)
        for agent in self.agents:
            self.assertEqual(agent.until(group, count - 1, 15), list(range(count)))
        wait_until(lambda: [row["origin"] for row in self.node.json("multicast groups show")
                            if row["group"] == group] == ["learned"] * 3, 15, "all were asked, and answered")
        for agent in self.agents:
            agent.do(f"leave {group}")
        self.wait_members(group, [])
        self.assertEqual([f for f in silent.drain() if MARK in f], [], "nobody joined there")


class Ports(Routed, unittest.TestCase):
    """By sockets of the kernel: older versions, sources, what frames look like, and settings."""

    def test_igmp_v2(self):
        """By sysctl."""
        older_version(self, self.hosts, "net.ipv4.conf.eth0.force_igmp_version")
        self.each_once(4, 2)

    def test_mld_v1(self):
        """By sysctl."""
        older_version(self, self.hosts, "net.ipv6.conf.eth0.force_mld_version")
        self.each_once(6, 4)

    def test_of_one_source(self):
        """Joined for the sender alone; another one's is nobody's."""
        self.each_once(4, 5, f" {SOURCES[4]}")
        self.each_once(6, 6, f" {SOURCES[6]}")
        group = group_of(4, 7)
        self.agents[0].do(f"join {group} 10.7.0.77")
        self.wait_members(group, ["p1"])
        before = self.dropped("multicast_no_route")
        self.sender.do(f"send {group} 10 {RATE}")
        wait_until(lambda: self.dropped("multicast_no_route") - before == 10, 15, "another source")
        self.agents[0].do(f"leave {group} 10.7.0.77")
        self.wait_members(group, [])

    def test_between_members(self):
        """A member sends: the others get it, and nothing comes back."""
        group = group_of(4, 8)
        for agent in self.agents[:2]:
            agent.do(f"join {group}")
        self.wait_members(group, ["p1", "p2"])
        mac = bytes.fromhex(next(row["mac"] for row in self.node.json("port show")
                                 if row["name"] == "p1").replace(":", ""))
        back = self.captures(self.hosts[:1])[0]
        self.agents[0].do(f"send {group} {COUNT} {RATE}")
        self.assertEqual(self.agents[1].until(group, COUNT - 1), list(range(COUNT)))
        self.assertEqual([f for f in back.drain() if MARK in f and f[6:12] == mac], [], "sent back")
        for agent in self.agents[:2]:
            agent.do(f"leave {group}")
        self.wait_members(group, [])

    def test_frames(self):
        """What a host sees: the group's MAC, our own as source, a TTL that is one less; below the threshold nothing."""
        group = group_of(4, 9)
        self.agents[0].do(f"join {group}")
        self.wait_members(group, ["p1"])
        mac = bytes.fromhex(next(row["mac"] for row in self.node.json("port show")
                                 if row["name"] == "p1").replace(":", ""))
        seen, frames = self.captures(self.hosts[:1])[0], []

        def whole():
            frames.extend(frame for frame in seen.drain() if MARK in frame)
            return len(frames) >= 5
        self.sender.do(f"send {group} 5 {RATE}")
        wait_until(whole, 10, "the frames")
        for frame in frames:
            self.assertEqual((frame[:6], frame[6:12], frame[22]), (bytes.fromhex("01005e080009"), mac, 7))
        self.node.ctl("port set p1 multicast-ttl-threshold 8")
        self.addCleanup(self.node.ctl, "port set p1 multicast-ttl-threshold 0")
        before = self.dropped("multicast_ttl")
        self.sender.do(f"send {group} 10 {RATE}")
        wait_until(lambda: self.dropped("multicast_ttl") - before == 10, 10, "below the threshold")
        self.agents[0].do(f"leave {group}")
        self.wait_members(group, [])

    def test_switched_off(self):
        """Nothing is routed there any more; switched on again, the hosts are asked and answer."""
        group = group_of(4, 11)
        for agent in self.agents[:2]:
            agent.do(f"join {group}")
        self.wait_members(group, ["p1", "p2"])
        self.node.ctl("port set p1 multicast-routing off")
        self.wait_members(group, ["p2"])
        self.sender.do(f"send {group} {COUNT} {RATE}")
        self.assertEqual(self.agents[1].until(group, COUNT - 1), list(range(COUNT)))
        self.assertEqual(self.agents[0].numbers(group), [])
        metrics = self.node.ctl("metrics")
        self.assertRegex(metrics, r'shunt_multicast_querier_total{port="p2",counter="reports"} [1-9]')
        self.assertNotIn('port="p1",counter="reports"', metrics)
        self.node.ctl("port set p1 multicast-routing on")
        self.wait_members(group, ["p1", "p2"])
        for agent in self.agents[:2]:
            agent.do(f"leave {group}")
        self.wait_members(group, [])


class PortsXdp(Routed, unittest.TestCase):
    """With the program in the driver, which leaves IGMP and MLD to shunt."""

    driver = "net_af_xdp"


if __name__ == "__main__":
    unittest.main()
