#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Snooping with real hosts: they join and leave by their own kernels, a sender numbers its packets, and every
subscriber says which numbers it got: each once, none missing once its join has settled, none at all once its
leave has. A router is FRR's pimd."""

import re
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import multicast_frames as make
import shunt_test
from hosts import Network
from multicast_agent import MARK, Agent
from shunt_test import assert_sound, wait_until, waited
from wire import run

HOSTS = 4
PIMD = Path("/usr/lib/frr/pimd")
SMCROUTE = Path("/usr/sbin/smcrouted")
RATE = 500
LONG = 120 * RATE  # packets of a stream that is stopped
SO_TIMESTAMPNS = 35
DEVARGS = ",framecnt=4096"  # holds 8 s of it


class Bridge(unittest.TestCase):
    """h0 sends; h1 to h3 may join."""

    driver = "net_af_packet"
    groups = iter(range(9000, 12000))

    def setUp(self):
        self.network = Network(self.driver)
        self.addCleanup(self.network.close)
        node = self.node = self.network.node("bridge")
        self.hosts = [self.network.host(f"h{i}") for i in range(HOSTS)]
        for i, host in enumerate(self.hosts):
            self.network.link(node, f"p{i}", host)
        node.start_processes()
        node.ctl("bridge add br0 vlan 10 querier on querier-address 10.0.0.100 unknown-multicast drop "
                 "query-interval 4s query-response-interval 500ms last-member-interval 100ms "
                 "startup-query-interval 1s")
        for i, host in enumerate(self.hosts):
            node.ctl(f"port add p{i} devargs {self.driver}{i},iface=p{i}{DEVARGS} bridge br0 vlan 10")
            node.ports.append(f"p{i}")
            host.configure([f"10.0.0.{i + 1}/24", f"2001:db8::{i + 1}/64"], [])
        node.wait_links("up")
        self.agents = [Agent(host) for host in self.hosts]
        for agent in self.agents:
            self.addCleanup(agent.close)
        # what nobody joined is dropped when hosts had time to answer the first query
        wait_until(lambda: self.drops_unregistered("239.255.0.9") and self.drops_unregistered("ff15::999"), 20,
                   "both families are enforced", 0.2)

    def tearDown(self):
        assert_sound(self, self.node)

    def drops_unregistered(self, group):
        """Does a packet to a group that nobody joined end in the bridge?"""
        before = self.node.drops().get(("p0", "bridge_unregistered"), 0)
        self.agents[0].do(f"send {group} 1 100")
        time.sleep(0.1)
        return self.node.drops().get(("p0", "bridge_unregistered"), 0) > before

    def members(self, group):
        """Ports that joined a group."""
        return sorted(row["port"] for row in self.node.json("bridge groups show") if row["group"] == group)

    def wait_members(self, group, ports, timeout=15):
        """Until it is these."""
        wait_until(lambda: self.members(group) == ports, timeout, f"{group} at {ports}")

    def goes_on(self, count=100):
        """So many packets more came in by p0: all that the data plane had in hand before has left."""
        before = self.node.counters()["p0"]["rx_packets"]
        wait_until(lambda: self.node.counters()["p0"]["rx_packets"] >= before + count, 20, "the stream goes on")

    def marked(self, capture, count):
        """How many of the senders' packets a capture has, when it has this many."""
        came = []
        wait_until(lambda: came.extend(f for f in capture.drain() if MARK in f) or len(came) >= count, 10,
                   lambda: f"{len(came)} packets of {count}")
        return len(came) + len([f for f in capture.drain() if MARK in f])

    def whole(self, numbers, what, last=None):
        """Each once, none missing between the first and the last."""
        self.assertTrue(numbers, f"{what}: nothing came")
        self.assertEqual(numbers, list(range(numbers[0], (numbers[-1] if last is None else last) + 1)), what)


class Subscribers(Bridge):
    """They join by their own sockets."""

    def stream(self, group, leave="leave", join="join", source=""):
        """Two subscribers come and go while a third is there all the time."""
        sender, one, two, steady = self.agents
        steady.do(f"{join} {group}{source}")
        self.wait_members(group, ["p3"])
        sender.do(f"send {group} {LONG} {RATE}")
        for agent, port in ((one, "p1"), (two, "p2")):
            agent.do(f"{join} {group}{source}")
            self.wait_members(group, sorted({"p1", port, "p3"}))
        got = []
        wait_until(lambda: got.extend(one.numbers(group)) or len(got) > RATE // 4, 10, "one gets the stream", 0.1)
        self.whole(got, "one, while it was a member")
        two.do(f"{leave} {group}{source}")
        self.wait_members(group, ["p1", "p3"])
        self.whole(two.numbers(group), "two, until its leave settled")
        self.goes_on()
        # its socket hears what other sockets' memberships let in; the wire must be silent
        silent = self.hosts[2].capture()
        self.addCleanup(silent.close)
        self.goes_on(RATE // 2)
        self.assertEqual([f for f in silent.drain() if MARK in f], [], "after its leave has settled")
        last = sender.stop(group)
        self.whole(steady.until(group, last), "the one who stays", last)
        self.whole(got + one.until(group, last), "one, to the end", last)
        for agent in (one, steady):
            agent.do(f"{leave} {group}{source}")
        self.wait_members(group, [])

    def test_igmp_v3(self):
        """As hosts do it of themselves."""
        self.stream(make.group_address(4, next(self.groups)))

    def test_igmp_v2(self):
        """By sysctl."""
        for host in self.hosts:
            host.set("net.ipv4.conf.eth0.force_igmp_version=2")
        self.stream(make.group_address(4, next(self.groups)))

    def test_mld_v2(self):
        """As hosts do it of themselves."""
        self.stream(make.group_address(6, next(self.groups)))

    def test_mld_v1(self):
        """By sysctl."""
        for host in self.hosts:
            host.set("net.ipv6.conf.eth0.force_mld_version=1")
        self.stream(make.group_address(6, next(self.groups)))

    def test_one_source(self):
        """Joined for the sender alone: it is let through, another sender is not."""
        for group, source, other in ((make.group_address(4, next(self.groups)), "10.0.0.1", "10.0.0.3"),
                                     (make.group_address(6, next(self.groups)), "2001:db8::1", "2001:db8::3")):
            self.agents[1].do(f"join {group} {source}")
            self.wait_members(group, ["p1"])
            capture = self.hosts[1].capture()
            self.addCleanup(capture.close)
            before = self.node.counters()
            self.agents[2].do(f"send {group} 50 {RATE}")
            self.agents[0].do(f"send {group} 50 {RATE}")
            self.assertEqual(self.agents[1].until(group, 49), list(range(50)), f"{group} from {source}")
            self.node.settle(before, "p2", 50)
            self.assertEqual(self.marked(capture, 50), 50, f"{group}: nothing of {other} on the wire")
        for option in ("-j", "-p"):
            text = self.node.ctl("bridge groups show", options=[option])
            self.assertIn("expires", text)
            self.assertNotRegex(text, r"\d\.\d{4}", "times are milliseconds")

    def test_control_plane_dies(self):
        """Killed and started again while a stream runs: no subscriber misses a packet, and who is gone
        meanwhile goes when nobody answers."""
        group = make.group_address(4, next(self.groups))
        sender, one, two, _ = self.agents
        for agent in (one, two):
            agent.do(f"join {group}")
        self.wait_members(group, ["p1", "p2"])
        sender.do(f"send {group} {LONG} {RATE}")
        self.goes_on()
        self.node.kill("controlplane")
        two.do(f"leave {group}")  # nobody hears it
        time.sleep(0.5)
        self.node.start_controlplane()
        self.assertEqual(self.members(group), ["p1", "p2"])
        # robustness times the query interval, and the response interval: then the unanswered one is gone
        self.wait_members(group, ["p1"], 30)
        self.goes_on(5 * RATE)
        self.assertEqual(self.members(group), ["p1"])
        last = sender.stop(group)
        self.whole(one.until(group, last), "the subscriber who stayed", last)

    def test_join_to_first_packet(self):
        """Under 10 ms at the median, with a packet every millisecond; in one of four rounds: a machine that is
        busy is late."""
        medians = []
        while len(medians) < 4 and min(medians, default=1) >= 0.010:
            medians.append(sorted(self.join_time() for _ in range(15))[7])
        self.assertLess(min(medians), 0.010, f"join to first packet: {[round(t * 1000, 1) for t in medians]} ms")

    def join_time(self):
        """Seconds from the report on the host's link (its kernel takes up to 12 ms to send that) to the first
        packet there, but for those in which one of ours had no processor."""
        group = make.group_address(4, next(self.groups))
        link = self.hosts[1].namespace.socket("eth0")
        self.addCleanup(link.close)
        link.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        link.settimeout(10)
        self.agents[0].do(f"send {group} {LONG} 1000")
        time.sleep(0.05)
        ours = [p.pid for p in self.node.processes.values()]
        without, report, first = waited(*ours), None, None
        self.agents[1].do(f"join {group}")
        while first is None:
            frame, control, _flags, _address = link.recvmsg(2048, 64)
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            now = seconds + nanoseconds / 1e9
            if report is None and frame[23:24] == b"\x02" and socket.inet_aton(group) in frame:
                report = now
            if MARK in frame:
                first = now
        self.assertIsNotNone(report, "the first packet came before the report")
        took = first - report - (waited(*ours) - without)
        self.agents[0].stop(group)
        self.agents[1].do(f"leave {group}")
        link.close()
        return took

    @unittest.skipUnless(PIMD.exists(), "FRR is not installed")
    def test_pim_router(self):
        """pimd's hellos make its port a router port, which then gets registered groups; others do not."""
        directory = Path(tempfile.mkdtemp(prefix="shunt-frr-", dir="/tmp"))
        directory.chmod(0o777)
        self.addCleanup(run, "rm", "-rf", str(directory))
        host = self.hosts[3]
        (directory / "zebra.conf").write_text("hostname x\n")
        (directory / "pimd.conf").write_text("interface eth0\n ip pim\n ip pim hello 1 15\n")
        daemons = []
        for daemon in ("zebra", "pimd"):
            daemons.append(subprocess.Popen(host.namespace.command(
                f"/usr/lib/frr/{daemon}", "-f", str(directory / f"{daemon}.conf"), "-z", str(directory / "zserv"),
                "-i", str(directory / f"{daemon}.pid"), "--vty_socket", str(directory), "-P", "0",
                "--log", f"file:{directory}/{daemon}.log", "-u", "frr", "-g", "frr"),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=shunt_test._die_with_parent))
            self.addCleanup(lambda d=daemons[-1]: (d.kill(), d.wait()))
            wait_until((directory / f"{daemon}.vty").exists, 10, daemon)

        def routers():
            return [(row["port"], row["reasons"]) for row in self.node.json("bridge routers show")
                    if row["family"] == "ipv4"]
        wait_until(lambda: routers() == [("p3", ["pim"])], 20, "pimd's port")
        group = make.group_address(4, next(self.groups))
        self.agents[1].do(f"join {group}")
        self.wait_members(group, ["p1"])
        router, other = host.capture(), self.hosts[2].capture()
        self.addCleanup(router.close)
        self.addCleanup(other.close)
        before = self.node.counters()
        self.agents[0].do(f"send {group} 20 {RATE}")
        self.assertEqual(self.agents[1].until(group, 19), list(range(20)))
        self.assertEqual(self.marked(router, 20), 20)
        self.node.settle(before, "p0", 20)
        self.assertEqual([f for f in other.drain() if MARK in f], [])
        for daemon in daemons:
            daemon.kill()
        wait_until(lambda: routers() == [], 40, "the router is forgotten")
        events = self.node.ctl("show events kind router")
        self.assertTrue(re.search(r"multicast router 10\.0\.0\.4", events), events)


@unittest.skipUnless(SMCROUTE.exists(), "smcroute is not installed")
class Smcroute(Bridge):
    """smcroute joins for its host, as where a router has no multicast routing protocol."""

    def smcroute(self, number):
        """Start it on a host; what does `smcroutectl WORDS` there."""
        host = self.hosts[number]
        files = [f"{self.node.run_dir}/smcroute{number}.{end}" for end in ("conf", "pid", "sock")]
        Path(files[0]).touch()
        daemon = subprocess.Popen(host.namespace.command(
            str(SMCROUTE), "-n", "-N", "-i", f"shunt{number}", "-f", files[0], "-P", files[1], "-u", files[2]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=shunt_test._die_with_parent)
        self.addCleanup(lambda: (daemon.kill(), daemon.wait()))
        wait_until(Path(files[2]).exists, 10, "smcrouted")
        return lambda *words: host.run("smcroutectl", "-u", files[2], *words)

    def stream(self, one, two, group, source=()):
        """`two` comes and goes while a stream runs, `one` stays until its end."""
        sender, first, second, stranger = self.agents
        for agent in (first, second):
            agent.do(f"listen {group}")
        two("join", "eth0", *source, group)
        self.wait_members(group, ["p2"])
        sender.do(f"send {group} {LONG} {RATE}")
        one("join", "eth0", *source, group)
        self.wait_members(group, ["p1", "p2"])
        got = []
        wait_until(lambda: got.extend(first.numbers(group)) or len(got) > RATE // 4, 10, "one gets the stream", 0.1)
        two("leave", "eth0", *source, group)
        self.wait_members(group, ["p1"])
        self.whole(second.numbers(group), "who leaves, until that settled")
        self.goes_on()
        silent = self.hosts[2].capture()
        self.addCleanup(silent.close)
        self.goes_on(RATE // 2)
        self.assertEqual([f for f in silent.drain() if MARK in f], [], "after its leave has settled")
        last = sender.stop(group)
        self.whole(got + first.until(group, last), "who stays", last)
        wire = self.hosts[1].capture()
        self.addCleanup(wire.close)
        before = self.node.counters()
        stranger.do(f"send {group} 20 {RATE}")
        self.node.settle(before, "p3", 20)
        wanted = 0 if source else 20
        self.assertEqual(self.marked(wire, wanted), wanted, "of another source")
        one("leave", "eth0", *source, group)
        self.wait_members(group, [])

    def test_v3(self):
        """Of any source; of one."""
        one, two = self.smcroute(1), self.smcroute(2)
        self.stream(one, two, make.group_address(4, next(self.groups)))
        self.stream(one, two, "232.1.2.3", ["10.0.0.1"])
        self.stream(one, two, "ff35::123", ["2001:db8::1"])

    def test_v2(self):
        """By sysctl."""
        for host in self.hosts:
            host.set("net.ipv4.conf.eth0.force_igmp_version=2")
        self.stream(self.smcroute(1), self.smcroute(2), make.group_address(4, next(self.groups)))


class ThroughTunnel(unittest.TestCase):
    """A subscriber behind a VXLAN tunnel that is a port of the bridge; its other end is the kernel's."""

    def test_subscriber(self):
        """It hears queries and answers them for longer than a membership lasts, gets the stream, and then no
        more."""
        network = Network("net_af_packet")
        self.addCleanup(network.close)
        node = network.node("bridge")
        sender, far = network.host("sender"), network.host("far")
        network.link(node, "p0", sender)
        network.link(node, "p1", far)
        sender.configure(["10.0.5.2/24"], [])
        far.configure(["10.0.9.2/24"], [])
        node.start_processes()
        node.ctl("bridge add br0 querier on querier-address 10.0.5.1 unknown-multicast drop query-interval 2s "
                 "query-response-interval 500ms last-member-interval 100ms startup-query-interval 1s")
        node.add_port([], devargs=DEVARGS)
        node.ctl("port set p0 bridge br0")
        node.add_port(["10.0.9.1/24"], devargs=DEVARGS)
        node.wait_links("up")
        node.ctl("tunnel add t0 mode vxlan vni 77 local 10.0.9.1 remote 10.0.9.2 bridge br0")
        far.namespace.ip("link", "add", "vx0", "type", "vxlan", "id", "77", "remote", "10.0.9.1", "dstport", "4789",
                         "dev", "eth0")
        far.add_address("10.0.5.4/24", "vx0")
        far.namespace.ip("link", "set", "vx0", "up", "mtu", "1450")
        wait_until(lambda: sender.ping("10.0.5.4", count=1, wait=1).received, 20, "the tunnel")
        agents = [Agent(sender), Agent(far, "vx0")]
        for agent in agents:
            self.addCleanup(agent.close)
        agents[1].do("join 239.7.7.7")
        wait_until(lambda: [row["port"] for row in node.json("bridge groups show") if row["group"] == "239.7.7.7"]
                   == ["t0"], 10, "the member at the tunnel")
        seconds = 8  # a membership lasts 4.5 s
        agents[0].do(f"send 239.7.7.7 {seconds * RATE} {RATE}")
        self.assertEqual(agents[1].until("239.7.7.7", seconds * RATE - 1), list(range(seconds * RATE)))
        agents[1].do("leave 239.7.7.7")
        wait_until(lambda: not any(row["group"] == "239.7.7.7" for row in node.json("bridge groups show")), 15,
                   "it has left")
        self.assertEqual(node.new_trouble(), [])


if __name__ == "__main__":
    unittest.main()
