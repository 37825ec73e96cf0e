# SPDX-License-Identifier: BSD-3-Clause
"""A private Open vSwitch with DPDK: its own database, directory and network namespace, in the
foreground, so that it ends with the benchmark and leaves nothing behind."""

import os
import re
import subprocess
import time

import lab

VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
FLOW_LIMIT = 200000  # as many flows as a table has entries must fit into its cache


def installed():
    """Is there everything that this needs?"""
    return os.path.exists(VSWITCHD) and lab.has("ovs-vsctl") and lab.has("ovs-ofctl")


class OpenVswitch:
    """One bridge from a net_pcap source to net_null, on POLL_CPU."""

    name = "ovs"

    def __init__(self, session, pcap, settings=()):
        self.session = session
        self.pcap = pcap
        self.directory = session.directory / "ovs"
        self.directory.mkdir()
        self.environment = {**os.environ, **{f"OVS_{kind}": str(self.directory) for kind in
                                             ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}}
        self.control = self.directory / "vswitchd.ctl"
        self._start_database(settings)
        self._start_switch()
        self._run("ovs-vsctl", self._database(), "add-br", "br0", "--", "set", "bridge", "br0",
                  "datapath_type=netdev")
        self._openflow("del-flows", "br0")
        self._add_port("out1", 2, "eth_null9,no-rx=1")

    def _database(self):
        return f"--db=unix:{self.directory}/db.sock"

    def _run(self, *words):
        done = subprocess.run(words, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
        if done.returncode != 0:
            raise lab.Failed(f"{' '.join(map(str, words))}: {done.stdout[-1000:]}")
        return done.stdout

    def _openflow(self, *words):
        return self._run("ovs-ofctl", "-O", "OpenFlow13", *words)

    def _start_database(self, settings):
        self._run("ovsdb-tool", "create", self.directory / "conf.db", SCHEMA)
        server = self.session.start(
            ["ovsdb-server", self.directory / "conf.db",
             f"--remote=punix:{self.directory}/db.sock", f"--pidfile={self.directory}/ovsdb.pid",
             f"--unixctl={self.directory}/ovsdb.ctl"],
            env=self.environment, stdout=subprocess.DEVNULL)
        lab.wait_until((self.directory / "db.sock").exists, "ovsdb-server", server)
        memory = " ".join(lab.eal_memory(1024))
        self._run("ovs-vsctl", self._database(), "--no-wait", "init")
        self._run("ovs-vsctl", self._database(), "--no-wait", "set", "Open_vSwitch", ".",
                  "other_config:dpdk-init=true",
                  f"other_config:dpdk-extra=--no-pci --no-telemetry {memory}",
                  f"other_config:pmd-cpu-mask={1 << lab.POLL_CPU:#x}",
                  f"other_config:dpdk-lcore-mask={1 << lab.OTHER_CPU:#x}",
                  f"other_config:flow-limit={FLOW_LIMIT}",
                  "other_config:max-idle=3600000",
                  *(f"other_config:{setting}" for setting in settings))

    def _start_switch(self):
        self.process = self.session.start(
            ["unshare", "-n", VSWITCHD, f"unix:{self.directory}/db.sock",
             f"--pidfile={self.directory}/vswitchd.pid", f"--unixctl={self.control}"],
            cpus=set(lab.CPUS), env=self.environment, stdout=subprocess.DEVNULL)
        lab.wait_until(self.control.exists, "ovs-vswitchd", self.process)

    def _add_port(self, name, number, devargs):
        self._run("ovs-vsctl", "--timeout=60", self._database(), "add-port", "br0", name, "--", "set",
                  "interface", name, "type=dpdk", f"ofport_request={number}",
                  f"options:dpdk-devargs={devargs}")
        trouble = self._run("ovs-vsctl", self._database(), "get", "interface", name, "error").strip()
        if trouble != "[]":
            raise lab.Failed(f"Open vSwitch: port {name}: {trouble}")

    def load(self, scenario, entries):
        """The scenario's rules, then the source, then wait until its flows are in the cache."""
        for port in range(2, scenario.ports + 1):
            self._add_port(f"out{port}", port + 1, f"eth_null{port + 8},no-rx=1")
        rules = self.directory / "rules"
        with open(rules, "w", encoding="ascii") as file:
            file.writelines(rule + "\n" for rule in scenario.rules(entries))
        self._openflow("add-flows", "br0", rules)
        self._add_port("in", 1, f"eth_pcap0,rx_pcap={self.pcap},infinite_rx=1")
        self.tid = lab.wait_until(lambda: lab.thread_named(self.process, "pmd-c"),
                                  "the polling thread of ovs-vswitchd", self.process)
        self._settle()

    def _settle(self):
        """Until hardly a packet of the last half second had to ask for a flow: what is measured is the
        cache. At most a minute: what does not settle shows in the spread."""
        for _ in range(120):
            packets, misses = self.packets(), self.statistic("miss with success upcall")
            time.sleep(0.5)
            packets, misses = (self.packets() - packets,
                               self.statistic("miss with success upcall") - misses)
            if packets > 0 and misses < packets / 10000:
                return

    def let(self, run):
        """Between its turns the polling thread gets only what the others leave of the core (next to
        nothing). The process is not stopped: its revalidators would take the pause for overload and
        throw flows out of the cache."""
        os.sched_setscheduler(self.tid, os.SCHED_OTHER if run else os.SCHED_IDLE, os.sched_param(0))
        if run:
            self._settle()

    def statistic(self, name):
        """Of the polling thread."""
        text = lab.rpc(self.control, "dpif-netdev/pmd-stats-show", [])
        thread = next(part for part in re.split(r"^(?=\S)", text, flags=re.M)
                      if part.startswith("pmd thread"))
        return int(re.search(rf"{name}: *(\d+)", thread)[1])

    def packets(self):
        """Received so far."""
        return self.statistic("packets received")

    def flows(self):
        """In its cache now."""
        return len(re.findall(r"^.*recirc_id", lab.rpc(self.control, "dpctl/dump-flows", []), re.M))
