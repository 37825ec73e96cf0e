#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reverse-path check between Linux hosts: whose packets pass, and where the others end.

    host 0 10.0.0.2 ---- p0 \\                   routes to 192.0.2.0/24 and 2001:db8:99::/48, and to what
    host 1 10.0.1.2 ---- p1 -- shunt             a test adds, say where these sources are
    host 2 10.0.2.2 ---- p2 /  p2.5: VLAN 5; p3 and p4: bridge br0, 10.0.3.1
"""

import unittest

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from shunt_test import for_each_driver, frames, wait_until
from test_ip import NetworkTest, both, ipv4, ipv6
from test_tunnel import TunnelNetwork
from wire import Sender

COUNT = 5
MARK = b"reverse path "
LABEL = 500
CHECKS = ("strict", "loose")
FAR = (("192.0.2.77", "192.0.2.0/24"), ("2001:db8:99::77", "2001:db8:99::/48"))


def packet(source, to, number=0):
    """UDP that nobody but the tests knows."""
    ip = IPv6(src=source, dst=to) if ":" in to else IP(src=source, dst=to)
    return bytes(ip / UDP(sport=7, dport=9) / Raw(MARK + bytes([number]) * 20))


def is_marked(frame):
    """Such a packet itself, and no error about it."""
    return MARK in frame and frame[23 if frame[12:14] == b"\x08\0" else 20] == 17


class Checked(NetworkTest):
    """What a test sends by a host's wire ends where the test says."""

    def open(self, hosts):
        """A sender and a capture at each host's eth0."""
        self.senders = [Sender(host.namespace, "eth0") for host in hosts]
        self.captures = [host.capture() for host in hosts]
        for thing in (*self.senders, *self.captures):
            self.addCleanup(thing.close)

    def arrived(self, host, count):
        """Marked frames at a host: how many, once `count` came, or a while is over."""
        seen = []
        for wait in (5 if count else 0, 0.05):
            seen += [f for f in self.captures[host].collect(count - len(seen), wait) if is_marked(f)]
            if len(seen) >= count:
                break
        return len(seen)

    def sent(self, node, host, frame_list, interface, to=None, reason=None):
        """These frames come out at host `to`, or are dropped for `reason`, counted at `interface`;
        nothing else is counted there."""
        for capture in self.captures:
            capture.drain()
        before = node.counters()
        drops = node.drops()
        self.senders[host].send(frame_list)
        node.settle(before, interface, len(frame_list))
        expected = {(interface, reason): len(frame_list)} if reason else {}
        wait_until(lambda: self.refused(node, drops) == expected, 5,
                   lambda: f"{expected}, got {self.refused(node, drops)}")
        for i in range(len(self.captures)):
            expected = len(frame_list) if i == to and reason is None else 0
            self.assertEqual(self.arrived(i, expected), expected, f"at host {i}")
        self.assertEqual(self.refused(node, drops),
                         {(interface, reason): len(frame_list)} if reason else {})

    @staticmethod
    def refused(node, before):
        """(interface, reason) to packets that this check dropped since."""
        return {key: count - before.get(key, 0) for key, count in node.drops().items()
                if count != before.get(key, 0) and "rpf" in key[1]}


class ReversePath(Checked):
    """Hosts around one shunt."""

    hosts = 5

    @classmethod
    def build(cls):
        node = cls.node = cls.network.node("shunt")
        cls.ends = [cls.network.host(f"host{i}") for i in range(cls.hosts)]
        for i, host in enumerate(cls.ends):
            cls.network.link(node, f"p{i}", host)
        node.start_processes()
        for i, host in enumerate(cls.ends):
            net, number = (i, 2) if i < 3 else (3, i)
            host.configure([ipv4(net, number, "/24"), ipv6(net, number, "/64")],
                           [ipv4(net, 1), ipv6(net, 1)])
        for i in range(3):
            node.add_port(both(i, 1), mpls=i == 0)
        node.ctl("bridge add br0")
        for i in (3, 4):
            node.ctl(f"port add p{i} devargs {cls.driver}{i},iface=p{i} bridge br0")
            node.ports.append(f"p{i}")
        for address in both(3, 1):
            node.ctl(f"address add {address} dev br0")
        node.ctl("vlan add v5 dev p2 tag 5")
        for address in both(5, 1):
            node.ctl(f"address add {address} dev v5")
        node.ctl(f"mpls add {LABEL} pop ip")
        node.wait_links("up")
        for i in range(cls.hosts):  # neighbours are found before
            for family in (ipv4, ipv6):
                cls.ends[i].ping_until(family(1 if i != 1 else 0, 2), count=1)

    def setUp(self):
        super().setUp()
        self.open(self.ends)

    def set(self, interface, check):
        """Until the end of the test."""
        self.node.ctl(f"{interface} set rpf {check}")
        self.addCleanup(self.node.ctl, f"{interface} set rpf off")

    def route(self, prefix, path):
        """Until the end of the test."""
        self.node.ctl(f"route add {prefix} {path}")
        self.addCleanup(self.node.ctl, f"route del {prefix}")

    def mac(self, interface):
        """An interface's own."""
        for noun in ("port", "bridge", "vlan"):
            for row in self.node.json(f"{noun} show"):
                if row["name"] == interface and "mac" in row:
                    return row["mac"]
        raise AssertionError(f"{interface} has no MAC")

    def frames(self, source, interface="p0", to=None, tag=None):
        """From a host to host 1."""
        to = to or (ipv6(1, 2) if ":" in source else ipv4(1, 2))
        kind = 0x86dd if ":" in to else 0x0800
        return [frames.ethernet(self.mac(interface), "02:00:00:00:0f:0f", kind, packet(source, to, i),
                                **({"vlans": [tag]} if tag else {})) for i in range(COUNT)]

    def passes(self, source, interface="p0", host=0, **options):
        """It comes out at host 1."""
        self.sent(self.node, host, self.frames(source, interface, **options), interface, to=1)

    def ends_at(self, reason, source, interface="p0", host=0, **options):
        """It is dropped, by this check."""
        self.sent(self.node, host, self.frames(source, interface, **options), interface,
                  reason=f"ip_rpf_{reason}")

    def assert_ways(self, source, strict, loose, interface="p0", host=0, **options):
        """Off, strict, loose, off again."""
        for check in ("off", "strict", "loose", "off"):
            with self.subTest(source=source, check=check):
                self.set(interface, check)
                if {"off": True, "strict": strict, "loose": loose}[check]:
                    self.passes(source, interface, host, **options)
                else:
                    self.ends_at(check, source, interface, host, **options)

    def test_off_by_default(self):
        for name in ("p0", "p1"):
            row = next(row for row in self.node.json("port show") if row["name"] == name)
            self.assertEqual(row["rpf"], "off")
        for source in ("203.0.113.9", "2001:db8:dead::9"):  # nobody's
            self.passes(source)

    def test_hosts_behind_checked_interfaces(self):
        """Real traffic of hosts that say who they are; and their echo requests under another's name."""
        for check in CHECKS:
            for name in ("p0", "p1"):
                self.set(name, check)
            for family in (ipv4, ipv6):
                self.assert_pings(self.ends[0], family(1, 2))
                self.assert_pings(self.ends[0], family(0, 1))
        for address, to in (("203.0.113.8", ipv4(1, 2)), ("2001:db8:dead::8", ipv6(1, 2))):
            self.ends[0].add_address(address)
            self.addCleanup(self.ends[0].namespace.ip, "address", "del", address, "dev", "lo")
            drops = self.node.drops().get(("p0", "ip_rpf_loose"), 0)
            pings = self.ends[0].ping(to, "-I", address, count=2, wait=1)
            self.assertEqual(pings.received, 0)
            self.assertNotIn("From ", pings.text)
            wait_until(lambda before=drops: self.node.drops().get(("p0", "ip_rpf_loose"), 0) == before + 2, 5,
                       "2 packets fail the check")

    def test_spoofed_sources(self):
        """(source; does it pass strict, loose). Ours and nobody's fail both."""
        for family, nobody in ((ipv4, "203.0.113.9"), (ipv6, "2001:db8:dead::9")):
            self.assert_ways(family(0, 2), True, True)
            self.assert_ways(family(0, 200), True, True)  # on the link, not asked for yet
            self.assert_ways(family(2, 2), False, True)
            self.assert_ways(family(2, 200), False, True)
            self.assert_ways(nobody, False, False)
            self.assert_ways(family(1, 1), False, False)

    def test_asymmetric_routes(self):
        """The way back is by another interface: loose is for these. Once it has changed, strict passes."""
        for (source, prefix), family in zip(FAR, (ipv4, ipv6)):
            self.node.ctl(f"route add {prefix} via {family(2, 2)}")
            self.addCleanup(self.node.ctl, f"route del {prefix}")
            self.assert_ways(source, False, True)
            self.node.ctl(f"route replace {prefix} via {family(0, 2)}")
            self.assert_ways(source, True, True)

    def test_several_paths(self):
        """Any of them by that interface is enough."""
        for (source, prefix), family in zip(FAR, (ipv4, ipv6)):
            self.node.ctl(f"route add {prefix} via {family(2, 2)} via {family(0, 2)} weight 9")
            self.addCleanup(self.node.ctl, f"route del {prefix}")
            self.assert_ways(source, True, True)
            self.assert_ways(source, True, True, "p2", 2)
            self.node.ctl(f"route replace {prefix} via {family(1, 2)} via {family(2, 2)}")
            self.assert_ways(source, False, True)

    def test_blackhole(self):
        """Who floods is shut out by a route to its source (RFC 5635), loose or strict; others are not."""
        for prefix, source, other in (("10.0.0.66/32", "10.0.0.66", "10.0.0.67"),
                                      ("2001:db8:1::66/128", "2001:db8:1::66", "2001:db8:1::67")):
            for how in ("blackhole", "unreachable"):
                self.node.ctl(f"route add {prefix} {how}")
                try:
                    self.assert_ways(source, False, False)
                    self.assert_ways(other, True, True)
                finally:
                    self.node.ctl(f"route del {prefix}")

    def test_what_has_no_route(self):
        """DHCP from 0.0.0.0, link-local neighbours and labelled packets go their way."""
        discover = bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:0f:0f") /
                         IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) /
                         BOOTP(chaddr=b"\x02" * 6) / DHCP(options=[("message-type", "discover"), "end"]))
        labelled = [frames.ethernet(self.mac("p0"), "02:00:00:00:0f:0f", frames.ETHERTYPE_MPLS,
                                    frames.stack(LABEL) + packet(source, to, i))
                    for source, to in (("203.0.113.9", ipv4(1, 2)), ("2001:db8:dead::9", ipv6(1, 2)))
                    for i in range(COUNT)]
        self.ends[0].namespace.ip("address", "add", "fe80::99/64", "dev", "eth0", "nodad")
        self.addCleanup(self.ends[0].namespace.ip, "address", "del", "fe80::99/64", "dev", "eth0")
        octets = bytearray(map(lambda part: int(part, 16), self.mac("p0").split(":")))
        octets[0] ^= 2
        ours = f"fe80::{octets[0]:02x}{octets[1]:02x}:{octets[2]:02x}ff:fe{octets[3]:02x}:" \
               f"{octets[4]:02x}{octets[5]:02x}"
        for check in CHECKS:
            self.set("p0", check)
            self.sent(self.node, 0, [discover] * COUNT, "p0")
            self.sent(self.node, 0, labelled, "p0", to=1)
            self.assert_pings(self.ends[0], f"{ours}%eth0")

    def test_vlan(self):
        """A subinterface and its port are checked each for itself."""
        for family, nobody in ((ipv4, "203.0.113.9"), (ipv6, "2001:db8:dead::9")):
            self.assert_ways(family(5, 9), True, True, "v5", 2, tag=5)
            self.assert_ways(family(2, 2), False, True, "v5", 2, tag=5)
            self.assert_ways(nobody, False, False, "v5", 2, tag=5)
            self.assert_ways(family(5, 9), False, True, "p2", 2)
            self.set("v5", "strict")
            self.passes(nobody, "p2", 2)
            self.set("v5", "off")
            self.set("p2", "strict")
            self.passes(nobody, "v5", 2, tag=5)
            self.set("p2", "off")

    def test_bridge(self):
        """A bridge's own interface: what is routed out of it, not what is bridged."""
        for family, nobody in ((ipv4, "203.0.113.9"), (ipv6, "2001:db8:dead::9")):
            for host in (3, 4):
                self.assert_ways(family(3, host), True, True, "br0", host)
            self.assert_ways(family(2, 2), False, True, "br0", 3)
            self.assert_ways(nobody, False, False, "br0", 3)
            self.set("br0", "strict")
            self.assert_pings(self.ends[3], family(3, 4))
            self.assert_pings(self.ends[3], family(1, 2))
            mac = self.ends[4].namespace.ip("-br", "link", "show", "eth0").split()[2]
            kind = 0x86dd if family is ipv6 else 0x0800
            self.sent(self.node, 3, [frames.ethernet(mac, "02:00:00:00:0f:0f", kind,
                                                     packet(nobody, family(3, 4)))] * COUNT, "p3", to=4)
            self.set("br0", "off")

    def test_bridge_add(self):
        """Said with the bridge."""
        self.node.ctl("bridge add br9 rpf strict")
        self.addCleanup(self.node.ctl, "bridge del br9")
        row = next(row for row in self.node.json("bridge show") if row["name"] == "br9")
        self.assertEqual(row["rpf"], "strict")
        kept = self.node.ctl("config show").split('"name": "br9"')[1].split("}")[0]
        self.assertIn('"rpf": "strict"', kept)

    def test_survives(self):
        """kill -9 of either process, in both orders."""
        self.set("p0", "strict")
        self.set("p2", "loose")
        for name in ("controlplane", "dataplane", "controlplane"):
            self.node.kill(name)
            if name == "controlplane":  # the tables outlive it
                self.assertEqual(self.forgotten(), [])
            getattr(self.node, f"start_{name}")()
            self.node.wait_links("up")
            for family, nobody in ((ipv4, "203.0.113.9"), (ipv6, "2001:db8:dead::9")):
                self.ends[0].ping_until(family(1, 2), count=1)
                self.passes(family(0, 2))
                self.ends_at("strict", family(2, 2))
                self.ends_at("strict", nobody)
                self.passes(family(0, 2), "p2", 2)
                self.ends_at("loose", nobody, "p2", 2)
            self.assertEqual([row["rpf"] for row in self.node.json("port show")
                              if row["name"] in ("p0", "p1", "p2")], ["strict", "off", "loose"])

    def forgotten(self):
        """Ports that do not drop what is nobody's, while the control plane is dead."""
        macs = {"p0": "02:00:00:00:02:01", "p2": "02:00:00:00:02:05"}
        out = []
        for host, (port, reason) in ((0, ("p0", "strict")), (2, ("p2", "loose"))):
            key = (port, f"ip_rpf_{reason}")
            before, drops = self.node.counters(), self.node.drops().get(key, 0)
            self.senders[host].send([frames.ethernet(macs[port], "02:00:00:00:0f:0f", 0x0800,
                                                     packet("203.0.113.9", ipv4(1, 2)))] * COUNT)
            self.node.settle(before, port, COUNT)
            if self.node.drops().get(key, 0) - drops != COUNT:
                out.append(port)
        return out


class Tunnels(Checked):
    """What comes out of a tunnel is checked at the tunnel's interface, its outer header at the port's."""

    @classmethod
    def setUpClass(cls):
        cls.network = TunnelNetwork(cls.driver)
        cls.addClassCleanup(cls.network.close)
        cls.network.tunnel("4", "mode gre")
        for net, host in ((1, 0), (0, 1)):  # neighbours are found before
            for address in (f"10.0.{net}.2", f"2001:db8:{net + 1}::2"):
                cls.network.ends[host].ping_until(address, count=1)

    def test_tunnel(self):
        """Inner packets: strict, loose, off; outer ones are from the tunnel's far end."""
        network, node = self.network, self.network.b
        self.open(network.ends)
        mac = next(row["mac"] for row in network.a.json("port show") if row["name"] == "p0")
        for family in (ipv4, ipv6):
            good, other = family(0, 2), family(8, 200)
            nobody = "203.0.113.9" if family is ipv4 else "2001:db8:dead::9"
            kind = 0x0800 if family is ipv4 else 0x86dd
            for check in ("off", "strict", "loose", "off"):
                node.ctl(f"t0 set rpf {check}")
                node.ctl("p1 set rpf strict")
                ways = {"off": (1, 1, 1), "strict": (1, 0, 0), "loose": (1, 1, 0)}[check]
                for source, passes in zip((good, other, nobody), ways):
                    with self.subTest(check=check, source=source):
                        self.sent(node, 0, [frames.ethernet(mac, "02:00:00:00:0f:0f", kind,
                                                            packet(source, family(1, 2), i))
                                            for i in range(COUNT)], "t0", to=1,
                                  reason=None if passes else f"ip_rpf_{check}")


for_each_driver(globals(), ReversePath, Tunnels)

if __name__ == "__main__":
    unittest.main(verbosity=2)
