# SPDX-License-Identifier: BSD-3-Clause
"""A private Open vSwitch whose userspace datapath terminates GRE: its own database and namespace.

    shunt p1 ---- eth0 [br-phy 10.0.8.2] ==GRE== [br-int 10.0.1.2]
"""

import os
import subprocess
import tempfile
from pathlib import Path

import shunt_test
from shunt_test import wait_until

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
GATEWAY = "02:00:00:00:03:01"


class OpenVswitch:
    """In a host's namespace; close() ends it."""

    def __init__(self, host):
        self.host = host
        self.directory = Path(tempfile.mkdtemp(prefix="ovs-", dir=shunt_test._run_root()))
        self.environment = {**os.environ, **{f"OVS_{kind}": str(self.directory) for kind in
                                             ("RUNDIR", "DBDIR", "LOGDIR", "SYSCONFDIR")}}
        self.processes = []
        shunt_test.atexit.register(self.close)
        self._start()

    def _run(self, *words):
        done = subprocess.run(self.host.namespace.command(*words), env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.stdout[-1000:]}")
        return done.stdout.strip()

    def _spawn(self, *words, ready):
        process = subprocess.Popen(self.host.namespace.command(*words), env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   stdin=subprocess.DEVNULL, preexec_fn=shunt_test._die_with_parent)
        self.processes.append(process)
        wait_until((self.directory / ready).exists, 20, f"{words[0]} is there")

    def _vsctl(self, *words):
        return self._run("ovs-vsctl", "--timeout=20", f"--db=unix:{self.directory}/db.sock", *words)

    def _start(self):
        database = str(self.directory / "conf.db")
        self._run("ovsdb-tool", "create", database, SCHEMA)
        self._spawn("ovsdb-server", database, f"--remote=punix:{self.directory}/db.sock",
                    f"--unixctl={self.directory}/db.ctl", ready="db.sock")
        self._vsctl("--no-wait", "init")
        self._spawn("ovs-vswitchd", f"unix:{self.directory}/db.sock",
                    f"--unixctl={self.directory}/switch.ctl", ready="switch.ctl")
        for bridge in ("br-phy", "br-int"):
            self._vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")
        self._vsctl("add-port", "br-phy", "eth0")
        for bridge, address in (("br-phy", "10.0.8.2/24"), ("br-int", "10.0.1.2/24")):
            self.host.namespace.ip("address", "add", address, "dev", bridge)
            self.host.namespace.ip("link", "set", bridge, "up")
        self.host.namespace.ip("neighbour", "add", "10.0.1.1", "lladdr", GATEWAY, "dev", "br-int")
        self.host.namespace.ip("route", "add", "10.0.0.0/24", "via", "10.0.1.1")

    def tunnel(self, *options):
        """One that carries packets (not Ethernet), to shunt, instead of what was there."""
        self._vsctl("--if-exists", "del-port", "br-int", "gre0", "--", "add-port", "br-int", "gre0", "--",
                    "set", "interface", "gre0", "type=gre", "ofport_request=9",
                    "options:remote_ip=10.0.8.1", "options:packet_type=legacy_l3",
                    *(f"options:{option}" for option in options))
        mac = self._vsctl("get", "interface", "br-int", "mac_in_use").strip('"')
        rules = ["in_port=LOCAL,ip,actions=output:9",
                 f"in_port=9,actions=set_field:{mac}->eth_dst,LOCAL"]
        for rule in rules:
            self._run("ovs-ofctl", "-O", "OpenFlow13", "add-flow", f"unix:{self.directory}/br-int.mgmt", rule)

    def ethernet(self, *options):
        """A tunnel that carries Ethernet, for br-int to switch."""
        self._vsctl("--if-exists", "del-port", "br-int", "gre0", "--", "add-port", "br-int", "gre0", "--",
                    "set", "interface", "gre0", "type=gre", "ofport_request=9",
                    "options:remote_ip=10.0.8.1", *(f"options:{option}" for option in options))
        switch = f"unix:{self.directory}/br-int.mgmt"
        self._run("ovs-ofctl", "-O", "OpenFlow13", "del-flows", switch)
        self._run("ovs-ofctl", "-O", "OpenFlow13", "add-flow", switch, "actions=NORMAL")

    def close(self):
        """Safe to call twice."""
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
