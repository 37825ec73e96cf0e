# SPDX-License-Identifier: BSD-3-Clause
"""Bridges between real Linux hosts, and the same frames through a Linux bridge."""

import random
import unittest

from hosts import Network
from shunt_test import wait_until
from wire import Capture, Namespace, Sender, run, veth

PORTS = 5
# (port's words in shunt, untagged VLAN and tagged VLANs in Linux)
VLAN_SEATS = [("vlan 10", 10, []), ("vlan 10", 10, []), ("trunk 10,20", None, [10, 20]),
              ("trunk 10,20 native 10", 10, [20]), ("vlan 20", 20, [])]
PLAIN_SEATS = [("vlan 10", 10, [])] * PORTS


def mac(number):
    """A host's address."""
    return bytes([0x0a, 0, 0, 0, 0, number])


def frame(to, source, vlan=None, body=b"", priority=0):
    """An Ethernet frame of a local experimental type, padded."""
    tag = b"" if vlan is None else b"\x81\x00" + (priority << 13 | vlan).to_bytes(2, "big")
    return to + source + tag + b"\x88\xb5" + body.ljust(60, b"\0")


class LinuxBridge:
    """The reference that nobody here wrote. `filtering`: with VLANs, which not every kernel has."""

    def __init__(self, seats, filtering):
        self.namespace, self.hosts = Namespace("reference"), []
        ip = self.namespace.ip
        try:
            ip("link", "add", "name", "middle", "type", "bridge", "stp_state", "0", "mcast_snooping", "0",
               "ageing_time", "30000",
               *(["vlan_filtering", "1", "vlan_default_pvid", "0"] if filtering else []))
        except RuntimeError as error:
            self.close()
            if "not supported" not in str(error):
                raise
            raise unittest.SkipTest("this kernel's bridge has no VLAN filtering") from error
        run(*self.namespace.command("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                                    "net.ipv6.conf.default.disable_ipv6=1"))
        for i, (_, native, tagged) in enumerate(seats):
            host = Namespace(f"ref{i}")
            self.hosts.append(host)
            veth(self.namespace, f"p{i}", f"02:00:00:00:03:{i:02x}", host, "eth0", f"02:00:00:00:04:{i:02x}",
                 1500)
            ip("link", "set", f"p{i}", "master", "middle")
            for vlan in tagged:
                self.vlan("add", "dev", f"p{i}", "vid", str(vlan))
            if native and filtering:
                self.vlan("add", "dev", f"p{i}", "vid", str(native), "pvid", "untagged")
        ip("link", "set", "middle", "up")

    def vlan(self, *words):
        """bridge vlan ..."""
        run(*self.namespace.command("bridge", "vlan", *words))

    def close(self):
        """Safe to call twice."""
        for namespace in [*self.hosts, self.namespace]:
            namespace.remove()


class Twin:
    """The same frames into both; the ports that got each one, with their bytes, are the same."""

    DRIVER = "net_af_packet"
    SEATS = None
    FILTERING = False
    TAGS = [None]
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.network = Network(cls.DRIVER)
        cls.addClassCleanup(cls.network.close)
        cls.reference = LinuxBridge(cls.SEATS, cls.FILTERING)
        cls.addClassCleanup(cls.reference.close)
        node = cls.node = cls.network.node("bridge")
        hosts = [cls.network.host(f"h{i}") for i in range(PORTS)]
        for i, host in enumerate(hosts):
            cls.network.link(node, f"p{i}", host)
        node.start_processes()
        node.ctl("bridge add br0 vlan 4000 ageing 300s")
        for i, (words, _, _) in enumerate(cls.SEATS):
            node.ctl(f"port add p{i} devargs {cls.DRIVER}{i},iface=p{i} bridge br0 {words}")
            node.ports.append(f"p{i}")
        node.wait_links("up")
        cls.ends = [[(Capture(h.namespace, "eth0", arp=True), Sender(h.namespace, "eth0")) for h in hosts],
                    [(Capture(n, "eth0", arp=True), Sender(n, "eth0")) for n in cls.reference.hosts]]
        for side in cls.ends:
            for capture, sender in side:
                cls.addClassCleanup(capture.close)
                cls.addClassCleanup(sender.close)

    def through(self, side, port, data):
        """Send a frame, and after it a marker into each VLAN that the port has, which goes to everybody
        there; what came with the markers. A burst leaves VLAN by VLAN."""
        Twin.count += 1
        _, native, tagged = self.SEATS[port]
        markers = {vlan: b"MARK" + vlan.to_bytes(4, "big") + Twin.count.to_bytes(4, "big")
                   for vlan in {native or tagged[0], *tagged}}
        last = [frame(b"\xff" * 6, mac(100 + port), None if vlan == native else vlan, marker)
                for vlan, marker in markers.items()]
        self.ends[side][port][1].send([data, *last])
        got = [[] for _ in self.SEATS]

        def all_marked():
            for i, (capture, _) in enumerate(self.ends[side]):
                got[i] += capture.drain()
            return all(any(marker in f for f in got[i]) for i, (_, n, tags) in enumerate(self.SEATS)
                       if i != port for vlan, marker in markers.items() if vlan in (n, *tags))
        wait_until(all_marked, 10, f"frame {Twin.count} through {['shunt', 'Linux'][side]}")
        return [[f for f in frames if b"\x88\xb5" in f[12:18] and b"MARK" not in f] for frames in got]

    def learned(self, address, vlan):
        """Do both know the address?"""
        text = ":".join(f"{b:02x}" for b in address)
        wait_until(lambda: any(row["mac"] == text and row["vlan"] == vlan
                             for row in self.node.json("bridge fdb show")), 10, f"{text} is learned")

    def same(self, port, data, learn=None):
        """One frame through both."""
        ours = self.through(0, port, data)
        if learn:
            self.learned(data[6:12], learn)
        theirs = self.through(1, port, data)
        self.assertEqual(ours, theirs, f"frame {data.hex()} into port {port}")
        return ours

    def random_frames(self, count):
        """Frames at random, known and unknown, with and without tags."""
        rng = random.Random(5)
        for i in range(PORTS):
            vlan = self.SEATS[i][1] or 10
            self.same(i, frame(b"\xff" * 6, mac(50 + i), None if self.SEATS[i][1] else vlan), learn=vlan)
        for _ in range(count):
            port = rng.randrange(PORTS)
            to = rng.choice([mac(50 + rng.randrange(PORTS)), mac(200), b"\xff" * 6,
                             bytes.fromhex("333300000099"), bytes.fromhex("01005e7f0001")])
            vlan = rng.choice(self.TAGS)
            native = self.SEATS[port][1]
            where = native if vlan in (None, 0) else vlan
            # a source of each port and VLAN, so that the order of learning and looking says nothing
            source = mac((50 if where == (native or 10) else 60) + port)
            carries = where and (where == native or where in self.SEATS[port][2])
            self.same(port, frame(to, source, vlan, priority=rng.randrange(8) if vlan is not None else 0),
                      learn=where if carries else None)


class Plain(Twin, unittest.TestCase):
    """Without VLANs."""

    SEATS = PLAIN_SEATS

    def test_situations(self):
        """Flooding, learning, moving, link-local addresses."""
        flooded = self.same(0, frame(b"\xff" * 6, mac(1)), learn=10)
        self.assertEqual([len(f) for f in flooded], [0, 1, 1, 1, 1])
        self.assertEqual([len(f) for f in self.same(1, frame(mac(1), mac(2)), learn=10)], [1, 0, 0, 0, 0])
        self.same(2, frame(mac(2), mac(3)), learn=10)
        self.same(0, frame(mac(1), mac(1)))                  # back to itself
        # Linux passes 01:80:c2:00:00:00 on while it speaks no spanning tree; IEEE 802.1Q 8.6.3 wins
        self.assertEqual(self.through(0, 0, frame(bytes.fromhex("0180c2000000"), mac(1))), [[]] * PORTS)
        for to in ("0180c2000003", "0180c200000e", "0180c2000010", "01005e000001",
                   "01005e7f0001", "333300000001", "0a0000000077"):
            self.same(0, frame(bytes.fromhex(to), mac(1)))
        self.same(1, frame(mac(9), mac(1)))                  # moved to port 1
        wait_until(lambda: any(row["mac"] == "0a:00:00:00:00:01" and row["dev"] == "p1"
                               for row in self.node.json("bridge fdb show")), 10, "the move is seen")
        self.same(2, frame(mac(1), mac(3)))

    def test_random(self):
        """Frames at random."""
        self.random_frames(60)


class Vlans(Twin, unittest.TestCase):
    """With VLANs."""

    SEATS = VLAN_SEATS
    FILTERING = True
    TAGS = [None, None, 10, 20, 30, 0]

    def test_situations(self):
        """Flooding, learning, tags put on and taken off, VLANs that a port is not in, priorities."""
        broadcast = b"\xff" * 6
        flooded = self.same(0, frame(broadcast, mac(1)), learn=10)
        self.assertEqual([len(f) for f in flooded], [0, 1, 1, 1, 0])
        self.assertEqual([len(f) for f in self.same(1, frame(mac(1), mac(2)), learn=10)], [1, 0, 0, 0, 0])
        self.same(2, frame(mac(2), mac(3), 10), learn=10)
        self.same(0, frame(mac(3), mac(1)))
        self.same(3, frame(mac(3), mac(4)), learn=10)
        self.same(3, frame(mac(5), mac(4), 20), learn=20)
        self.same(4, frame(mac(4), mac(5)), learn=20)
        self.same(2, frame(mac(4), mac(3), 20, priority=5), learn=20)
        self.same(0, frame(mac(2), mac(1), 20))              # not its VLAN
        self.same(0, frame(mac(2), mac(1), 10))              # its own VLAN, with a tag
        self.same(0, frame(mac(3), mac(1), 0, priority=6))   # priority tag
        self.same(2, frame(mac(2), mac(3)))                  # no native VLAN
        self.same(0, frame(mac(1), mac(1)))                  # back to itself
        self.same(0, frame(bytes.fromhex("0180c2000000"), mac(1)))
        self.same(0, frame(bytes.fromhex("01005e7f0001"), mac(1)))
        self.same(1, frame(mac(9), mac(1)), learn=None)      # moved to port 1
        wait_until(lambda: any(row["mac"] == "0a:00:00:00:00:01" and row["dev"] == "p1"
                             for row in self.node.json("bridge fdb show")), 10, "the move is seen")
        self.same(2, frame(mac(1), mac(3), 10))

    def test_random(self):
        """Frames at random."""
        self.random_frames(60)


class Hosts(unittest.TestCase):
    """Real hosts behind a bridge with an address of its own."""

    DRIVER = "net_af_packet"

    def test_hosts(self):
        """They ping each other, the bridge, and through it a host on a routed port; both processes are
        killed and started again meanwhile, and nothing that was learned is forgotten."""
        network = Network(self.DRIVER)
        self.addCleanup(network.close)
        node = network.node("bridge")
        first, second, outside = (network.host(name) for name in ("first", "second", "outside"))
        for i, host in enumerate((first, second, outside)):
            network.link(node, f"p{i}", host)
        node.start_processes()
        node.ctl("bridge add br0")
        for i in range(2):
            node.ctl(f"port add p{i} devargs {self.DRIVER}{i},iface=p{i} bridge br0")
            node.ports.append(f"p{i}")
        node.add_port(["192.0.2.1/24", "2001:db8:2::1/64"])
        node.ctl("address add 198.51.100.1/24 dev br0")
        node.ctl("address add 2001:db8:1::1/64 dev br0")
        first.configure(["198.51.100.11/24", "2001:db8:1::11/64"], ["198.51.100.1", "2001:db8:1::1"])
        second.configure(["198.51.100.12/24", "2001:db8:1::12/64"], ["198.51.100.1", "2001:db8:1::1"])
        outside.configure(["192.0.2.9/24", "2001:db8:2::9/64"], ["192.0.2.1", "2001:db8:2::1"])
        node.wait_links("up")
        for host, to in ((first, "198.51.100.12"), (second, "2001:db8:1::11"), (first, "198.51.100.1"),
                         (first, "2001:db8:1::1"), (second, "192.0.2.9"), (outside, "198.51.100.11"),
                         (outside, "2001:db8:1::12")):
            self.assertGreaterEqual(host.ping_until(to).received, 3, to)
        self.assertGreaterEqual(first.ping_until("192.0.2.9", "-s", "1472", "-M", "do").received, 3)
        learned = {row["mac"]: row["dev"] for row in node.json("bridge fdb show")
                   if row["origin"] == "learned"}
        self.assertEqual(sorted(learned.values()), ["p0", "p1"])
        ping = first.start_ping("198.51.100.12", "-c", "40", "-i", "0.05", "-w", "30")
        node.kill("controlplane")
        node.start_controlplane()
        self.assertEqual({row["mac"]: row["dev"] for row in node.json("bridge fdb show")
                          if row["origin"] == "learned"}, learned)
        pings = first.finish(ping)
        self.assertGreaterEqual(pings.received, 40)
        self.assertEqual(pings.lost(), set(), "lost while the control plane was killed and started")
        node.kill("dataplane")
        node.start_dataplane()
        self.assertGreaterEqual(second.ping_until("192.0.2.9").received, 3)
        self.assertGreaterEqual(first.ping_until("198.51.100.12").received, 3)
        wait_until(lambda: all(row["in_flight"] == 0 for row in node.counters().values()), 10,
                   "every packet has ended")


if __name__ == "__main__":
    unittest.main()
