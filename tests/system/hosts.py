# SPDX-License-Identifier: BSD-3-Clause
"""Linux hosts and shunt nodes, joined by veth pairs as a test likes.

Unlike shunt_test.Lab's, these hosts have their whole network stack, and nothing is told to a node but
addresses: who is there it finds out.
"""

import json
import os
import re
import secrets
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import shunt_test
from shunt_test import Lab
from wire import Capture, Namespace, run, veth

NAMESPACE_SETTINGS = ("net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0",
                      "net.ipv6.conf.default.accept_ra=0", "net.ipv6.conf.lo.disable_ipv6=0",
                      "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")


class Pings:
    """What `ping` said."""

    def __init__(self, text):
        self.text = text
        found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        if found is None:
            raise AssertionError(f"ping said no summary: {text}")
        self.sent, self.received = int(found[1]), int(found[2])
        self.answered = set(map(int, re.findall(r"bytes from .*icmp_seq=(\d+)", text)))

    def lost(self):
        """Requests without an answer, but for those behind the last answer: they may be on their way."""
        return set(range(1, max(self.answered, default=0))) - self.answered


class Hop:
    """A line of `traceroute -e`: who answered (None: nobody), and the label stack that the probe had there:
    (label, traffic class, bottom, TTL), outermost first."""

    def __init__(self, line):
        self.line = line
        found = re.match(r" *\d+ +([0-9a-f.:]+) ", line + " ")
        self.address = found[1] if found else None
        self.labels = [tuple(map(int, entry)) for entry in
                       re.findall(r"L=(\d+),E=(\d+),S=(\d+),T=(\d+)", line)]

    def __repr__(self):
        return self.line


class Host:
    """A namespace that is a Linux host. Its interface has the name eth0."""

    def __init__(self, role):
        self.namespace = Namespace(role)
        for setting in NAMESPACE_SETTINGS:
            self.set(setting)
        self.namespace.ip("link", "set", "lo", "up")

    def set(self, setting):
        """NAME=VALUE, as sysctl has them."""
        run(*self.namespace.command("sysctl", "-qw", setting))

    def configure(self, addresses, gateways):
        """Addresses (with lengths) on eth0 and default routes, once it has a link."""
        self.set("net.ipv6.conf.eth0.disable_ipv6=0")
        self.namespace.ip("link", "set", "eth0", "arp", "on", "up")
        for address in addresses:
            self.add_address(address, "eth0")
        for gateway in gateways:
            self.namespace.ip("route", "add", "default", "via", gateway)

    def add_address(self, address, interface="lo"):
        """One more; of IPv6 without duplicate detection."""
        self.namespace.ip("address", "add", address, "dev", interface,
                          *(["nodad"] if ":" in address else []))

    def start_ping(self, to, *options):
        """`ping` that runs by itself; see finish()."""
        return subprocess.Popen(self.namespace.command("ping", "-n", *options, to), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, preexec_fn=shunt_test._die_with_parent,
                                env={**os.environ, "LC_ALL": "C"}, pipesize=1 << 20)

    @staticmethod
    def finish(ping, timeout=60):
        """Wait for its end; Pings."""
        try:
            return Pings(ping.communicate(timeout=timeout)[0])
        finally:
            ping.kill()
            ping.wait()

    def ping(self, to, *options, count=3, wait=3):
        """Pings of `count` echo requests. `wait`: seconds for the first answer; after one, `ping` waits
        for two round trips only, too short to say that something was lost."""
        return self.finish(self.start_ping(to, "-c", str(count), "-i", "0.1", "-W", str(wait),
                                           *options))

    def ping_until(self, to, *options, count=3, wait=20):
        """Pings until `count` answers came, or more at once, or `wait` seconds are over. An answer that is
        late costs a further request; look at `answered` for what was lost. An ICMP error ends `ping`: it
        begins anew if nothing was answered before."""
        end = time.monotonic() + wait
        while True:
            pings = self.finish(self.start_ping(to, "-c", str(count), "-i", "0.1", "-w", str(wait), *options))
            if pings.received or "nreachable" not in pings.text or time.monotonic() > end:
                return pings

    def traceroute(self, to, *options):
        """Hops, the destination among them if it answers."""
        text = self.run("traceroute", "-n", "-e", "-q", "1", "-w", "10", "-m", "8", *options, to)
        return [Hop(line) for line in text.splitlines()[1:]]

    def run(self, *words, timeout=60):
        """A command here; its output. AssertionError with all it said if it fails."""
        done = subprocess.run(self.namespace.command(*words), capture_output=True, text=True,
                              check=False, timeout=timeout, stdin=subprocess.DEVNULL,
                              preexec_fn=shunt_test._die_with_parent)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def iperf3(self, server, to, *options, seconds=1):
        """TCP from here to the server's address `to`, or back with `-R`, for some seconds; what iperf3
        says of it: its sum_sent and sum_received."""
        words = server.namespace.command("iperf3", "-s", "-1", "-B", to, "--forceflush")
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, stdin=subprocess.DEVNULL,
                                   preexec_fn=shunt_test._die_with_parent)
        try:
            while "listening" not in (line := process.stdout.readline()):
                if not line:
                    raise AssertionError("iperf3 -s ended before it listened")
            text = self.run("iperf3", "-c", to, "-t", str(seconds), "-J", "--connect-timeout", "15000",
                            *options, timeout=seconds + 60)
        finally:
            process.kill()
            process.communicate()
        return json.loads(text)["end"]

    def capture(self):
        """Everything that eth0 receives from now on."""
        return Capture(self.namespace, "eth0", arp=True)

    def route_to(self, address):
        """What the kernel says about its way to an address."""
        return self.namespace.ip("route", "get", address)


class Node(Lab):
    """One shunt instance in a namespace of its own, without links. Ports are p0, p1, ..., and a link's
    far end belongs to others."""

    def __init__(self, role, driver):  # pylint: disable=super-init-not-called
        self.role = role
        self.driver = driver
        self.ports = []
        self.processes = {}
        self.namespaces = []
        self.log_at = {}
        self.captures = []
        self.run_dir = None
        shunt_test._labs.append(self)
        self.run_dir = Path(tempfile.mkdtemp(prefix="shunt-test-", dir=shunt_test._run_root()))
        self.instance = f"t{os.getpid()}-{secrets.token_hex(3)}"
        self.router = self._namespace(role)

    def start_processes(self, lcores="0"):
        """Both."""
        self.start_dataplane(lcores=lcores)
        self.start_controlplane()

    def add_port(self, addresses, mtu=1500, mpls=False, devargs=""):
        """Take the next port into use, whose interface is there already."""
        port = f"p{len(self.ports)}"
        self.ports.append(port)
        self.ctl(f"port add {port} devargs {self.driver}{port[1:]},iface={port}{devargs} mtu {mtu}"
                 f"{' mpls on' if mpls else ''}")
        for address in addresses:
            self.ctl(f"address add {address} dev {port}")

    def neighbour(self, address):
        """The MAC that it has for an address, or None."""
        for row in self.json("neigh show"):
            if row.get("address") == address:
                return row.get("lladdr")
        return None


class Network:
    """Hosts, nodes and what is between them; close() removes everything."""

    def __init__(self, driver):
        self.driver = driver
        self.hosts = {}
        self.nodes = {}
        self.wires = []
        self.count = 0

    def host(self, role):
        """A new host."""
        self.hosts[role] = Host(role)
        shunt_test.atexit.register(self.hosts[role].namespace.remove)
        return self.hosts[role]

    def node(self, role):
        """A new node."""
        self.nodes[role] = Node(role, self.driver)
        return self.nodes[role]

    def mac(self):
        """One that nobody else has."""
        self.count += 1
        return f"02:00:00:00:02:{self.count:02x}"

    def link(self, node, port, host, mtu=1500):
        """A veth pair between a port-to-be of a node and a host."""
        veth(node.router, port, self.mac(), host.namespace, "eth0", self.mac(), mtu)

    def tapped_link(self, left, left_port, right, right_port, mtu=1500):
        """A link between two nodes with a place in its middle where frames are seen, whatever the
        driver: a bridge. Returns a capture of what the left sends, and one of what the right sends."""
        wire = Namespace("wire")
        shunt_test.atexit.register(wire.remove)
        self.wires.append(wire)
        for node, port, end in ((left, left_port, "left"), (right, right_port, "right")):
            veth(node.router, port, self.mac(), wire, end, self.mac(), mtu)
        wire.ip("link", "add", "name", "middle", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        run(*wire.command("sysctl", "-qw", "net.ipv6.conf.middle.disable_ipv6=1"))
        wire.ip("link", "set", "left", "master", "middle")
        wire.ip("link", "set", "right", "master", "middle")
        wire.ip("link", "set", "middle", "up")
        return Capture(wire, "left", arp=True), Capture(wire, "right", arp=True)

    def trouble(self, allow=None):
        """What is wrong with its nodes."""
        return [f"{role}: {line}" for role, node in self.nodes.items() for line in node.trouble(allow)]

    def close(self):
        """Safe to call twice."""
        for node in self.nodes.values():
            node.close()
        for host in self.hosts.values():
            host.namespace.remove()
        for wire in self.wires:
            wire.remove()


# ---- reading frames

def label_stack(frame):
    """The (label, TTL) pairs of a labelled frame, and the packet below; none if it has no labels."""
    if frame[12:14] != b"\x88\x47":
        return [], frame[14:]
    stack, at, bottom = [], 14, False
    while not bottom:
        entry = int.from_bytes(frame[at:at + 4], "big")
        stack.append((entry >> 12, entry & 0xff))
        bottom = bool(entry & 0x100)
        at += 4
    return stack, frame[at:]


def icmp_message(packet):
    """(type, code, source, message bytes) of an ICMP or ICMPv6 packet, else None."""
    if packet[:1] == b"\x45" and packet[9] == 1:
        message = packet[20:int.from_bytes(packet[2:4], "big")]
        return message[0], message[1], packet[12:16], message
    if packet[:1] and packet[0] >> 4 == 6 and packet[6] == 58:
        message = packet[40:40 + int.from_bytes(packet[4:6], "big")]
        return message[0], message[1], packet[8:24], message
    return None


def checksum(data):
    """The Internet checksum (RFC 1071): 0 over data that contains a right one."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def label_stack_object(message, ipv6):
    """The entries of the RFC 4950 object in an ICMP message as numbers: RFC 4884's length field, the
    extension header with its checksum, and the object's must all be right."""
    size = message[4] * 8 if ipv6 else message[5] * 4
    extension = message[8 + size:]
    if size < 128 or len(extension) < 8 or extension[0] >> 4 != 2 or checksum(extension) != 0:
        raise AssertionError(f"no good extension after {size} bytes: {extension.hex(' ', 4)}")
    length, kind, subtype = struct.unpack_from("!HBB", extension, 4)
    if (length, kind, subtype) != (len(extension) - 4, 1, 1):
        raise AssertionError(f"not a label stack object alone: {extension.hex(' ', 4)}")
    return list(struct.unpack(f"!{length // 4 - 1}I", extension[8:]))
