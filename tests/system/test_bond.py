#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Link aggregation: DPDK's bonding driver as a port, with Open vSwitch (an LACP of its own) or another shunt
at the other end of two links."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import shunt_test
from hosts import NAMESPACE_SETTINGS, Network, Pings
from shunt_test import assert_sound, wait_until
from wire import Namespace, run, veth

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
MEMBERS = 2
REQUESTS = 30  # one each 100 ms
TRIES = 3      # of a machine that may have stopped meanwhile
NOISE = "bond_mode_8023ad|already stopped|necessary to do TX|failed to enable (allmulti|promisc)"


def devargs(mode, extra=""):
    """A group of e0 and e1."""
    return f"net_bonding0,mode={mode}" + "".join(
        f",slave(net_af_packet{i},iface=e{i})" for i in range(MEMBERS)) + extra


class Switch:
    """A private Open vSwitch without DPDK in a namespace: br0 with 10.0.0.2, and f0 and f1 as one group."""

    def __init__(self, namespace, mode):
        self.namespace = namespace
        self.directory = Path(tempfile.mkdtemp(prefix="shunt-ovs-", dir="/tmp"))
        self.environment = {**os.environ, **{f"OVS_{kind}": str(self.directory) for kind in
                                             ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}}
        self.processes = []
        self.call("ovsdb-tool", "create", f"{self.directory}/conf.db", str(SCHEMA))
        socket = f"unix:{self.directory}/db.sock"
        self.start("ovsdb-server", f"{self.directory}/conf.db", f"--remote=p{socket}",
                   f"--unixctl={self.directory}/ovsdb.ctl", f"--pidfile={self.directory}/ovsdb.pid")
        wait_until((self.directory / "db.sock").exists, 10, "ovsdb-server")
        self.database = f"--db={socket}"
        self.call("ovs-vsctl", "--retry", "--timeout=20", self.database, "--no-wait", "init")
        self.control = f"{self.directory}/vswitchd.ctl"
        self.start("ovs-vswitchd", socket, f"--unixctl={self.control}",
                   f"--pidfile={self.directory}/vswitchd.pid")
        self.call("ovs-vsctl", "--retry", "--timeout=20", self.database, "add-br", "br0", "--",
                  "set", "bridge", "br0", "datapath_type=netdev", "--", "add-bond", "br0", "bond0",
                  *(f"f{i}" for i in range(MEMBERS)), *mode)
        namespace.ip("address", "add", "10.0.0.2/24", "dev", "br0")
        namespace.ip("link", "set", "br0", "up")

    def start(self, *words):
        self.processes.append(subprocess.Popen(
            self.namespace.command(*words), env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=shunt_test._die_with_parent))

    def call(self, *words):
        done = subprocess.run(self.namespace.command(*words), env=self.environment, text=True,
                              capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def lacp(self):
        """What it says of the group."""
        return self.call("ovs-appctl", "-t", self.control, "lacp/show", "bond0")

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class BondTest(unittest.TestCase):
    """A node whose p0 (10.0.0.1) is a group of e0 and e1."""

    def setUp(self):
        self.network = Network("net_af_packet")
        self.addCleanup(self.network.close)
        self.node = self.network.node("node")
        self.node.start_processes()

    def add_group(self, node, mode, address):
        node.ctl(["port", "add", "p0", "devargs", devargs(mode)])
        node.ctl(f"address add {address}/24 dev p0")
        wait_until(lambda: node.json("port show")[0]["link"] == "up", 20, "the group is up")

    def tearDown(self):
        assert_sound(self, self.network, NOISE)
        for node in self.network.nodes.values():
            wait_until(lambda n=node: n.counters()["p0"]["in_flight"] == 0, 10, "all packets ended")

    def pings(self, namespace, to, count=3, wait=30):
        """`count` answers, asked for every 100 ms; how many requests had none before the last of them."""
        end = time.monotonic() + wait
        while True:
            words = ["ping", "-n", "-c", str(count), "-i", "0.1", "-w", str(wait), to]
            done = subprocess.run(namespace.command(*words), capture_output=True, text=True, check=False)
            pings = Pings(done.stdout)
            if pings.received >= count:
                return len(pings.lost())
            # an ICMP error ends it
            self.assertLess(time.monotonic(), end, done.stdout)


class FarTest(BondTest):
    """The members' other ends are f0 and f1 in a namespace."""

    def setUp(self):
        super().setUp()
        self.far = Namespace("far")
        self.addCleanup(self.far.remove)
        for setting in NAMESPACE_SETTINGS:
            run(*self.far.command("sysctl", "-qw", setting))
        for i in range(MEMBERS):
            veth(self.node.router, f"e{i}", self.network.mac(), self.far, f"f{i}", self.network.mac(), 1500)

    def lose_and_regain(self, dead):
        """Flows go on by the other member within a second and a half, and by both later."""
        lost = []
        for _ in range(TRIES):
            self.far.ip("link", "set", f"f{dead}", "down")
            lost.append([self.pings(self.far, "10.0.0.1", REQUESTS)])
            self.assertEqual(self.node.json("port show")[0]["link"], "up")
            self.far.ip("link", "set", f"f{dead}", "up")
            lost[-1].append(self.pings(self.far, "10.0.0.1", REQUESTS))
            if max(lost[-1]) < REQUESTS // 2:
                return
            self.both_again()
        self.fail(f"requests lost when f{dead} goes and comes: {lost}")

    def both_again(self):
        """Before another try."""


@unittest.skipUnless(SCHEMA.exists() and shutil.which("ovs-vswitchd"), "Open vSwitch is not installed")
class WithOpenVswitch(FarTest):
    """The other end is a program with an LACP of its own."""

    def start_switch(self, *mode):
        self.switch = Switch(self.far, mode)
        self.addCleanup(self.switch.close)
        return self.switch

    def both_again(self):
        wait_until(lambda: self.switch.lacp().count("current attached") == MEMBERS, 30, "both again")

    def test_lacp(self):
        switch = self.start_switch("lacp=active", "bond_mode=balance-tcp", "--", "set", "port", "bond0",
                                   "other_config:lacp-time=fast")
        self.add_group(self.node, 4, "10.0.0.1")
        both = "status: active negotiated"
        wait_until(lambda: both in switch.lacp() and
                   switch.lacp().count("current attached") == MEMBERS, 20, "negotiated")
        wait_until(lambda: switch.lacp().count("partner state: activity") == MEMBERS and
                   switch.lacp().count("synchronized collecting distributing") >= 2 * MEMBERS, 20,
                   "all collect and distribute")
        self.pings(self.far, "10.0.0.1")
        for dead in range(MEMBERS):
            self.lose_and_regain(dead)
            self.both_again()
        self.assertNotIn("tx_port_gone", self.node.json("port show")[0]["drops"])


class WithBridge(FarTest):
    """Active-backup: the other end is the Linux bridge, which knows nothing of a group."""

    def test_active_backup(self):
        self.far.ip("link", "add", "name", "br0", "type", "bridge", "stp_state", "0")
        for i in range(MEMBERS):
            self.far.ip("link", "set", f"f{i}", "master", "br0")
        self.far.ip("address", "add", "10.0.0.2/24", "dev", "br0")
        self.far.ip("link", "set", "br0", "up")
        self.add_group(self.node, 1, "10.0.0.1")
        self.pings(self.far, "10.0.0.1")
        for dead in range(MEMBERS):
            self.lose_and_regain(dead)


class WithShunt(BondTest):
    """Both ends are groups."""

    def test_lacp(self):
        other = self.network.node("other")
        other.start_processes("1")
        for i in range(MEMBERS):
            veth(self.node.router, f"e{i}", self.network.mac(), other.router, f"e{i}", self.network.mac(),
                 1500)
        self.add_group(self.node, 4, "10.0.0.1")
        self.add_group(other, 4, "10.0.0.2")
        for node, peer in ((self.node, "10.0.0.2"), (other, "10.0.0.1")):
            node.ctl(f"route add 192.0.2.0/24 via {peer}")
            wait_until(lambda n=node, p=peer: n.neighbour(p), 30, f"neighbour {peer}")
        # a group goes and comes again
        self.node.ctl("route del 192.0.2.0/24")
        self.node.ctl("address del 10.0.0.1/24 dev p0")
        self.node.ctl("port del p0")
        self.add_group(self.node, 4, "10.0.0.1")
        self.node.ctl("route add 192.0.2.0/24 via 10.0.0.2")
        wait_until(lambda: self.node.neighbour("10.0.0.2"), 30, "neighbour after another start")


class Refusals(BondTest):
    """Devargs that make no group say why."""

    def test_errors(self):
        for words, text in (("net_bonding0,mode=4", "expected slave"),
                            ("net_bonding0,mode=4,slave(net_af_packet7,iface=none9)", "no such device"),
                            ("net_bonding0,mode=4,slave(net_null0", "expected )")):
            self.node.ctl(["port", "add", "p0", "devargs", words])
            wait_until(lambda t=text: t in self.node.json("port show")[0].get("error", ""), 10, text)
            self.node.ctl("port del p0")
        self.node.new_trouble(".")
        self.node.ctl(["port", "add", "p0", "devargs", "net_null9"])


del BondTest, FarTest

if __name__ == "__main__":
    unittest.main(verbosity=2)
