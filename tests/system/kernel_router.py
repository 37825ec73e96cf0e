# SPDX-License-Identifier: BSD-3-Clause
"""The Linux kernel as a router, and a shunt beside it with the same interfaces, addresses, neighbours and
routes, so that what comes out of both can be held against each other byte by byte."""

import time

import shunt_test
from hosts import NAMESPACE_SETTINGS
from ip_packets import (BLACKHOLE4, BLACKHOLE6, UNREACHABLE4, UNREACHABLE6, number_of)
from shunt_test import Lab, wait_until
from wire import Capture, Namespace, Sender, run, veth

PORTS = 3
MTU = (1500, 1500, 1400)
FORWARDING = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0",
              "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.default.send_redirects=0",
              # not icmp_ratelimit=0, which takes away what unreachables are told by
              "net.ipv4.conf.all.send_redirects=0", "net.ipv4.icmp_ratemask=0",
              "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=1000000",
              "net.ipv6.icmp.ratelimit=0", "net.ipv6.conf.default.router_solicitations=0")


def addresses(i):
    """Those of port i."""
    return f"10.0.{i}.1/24", f"2001:db8:{i + 1}::1/64"


def neighbours(i):
    """The hosts behind port i."""
    return f"10.0.{i}.2", f"2001:db8:{i + 1}::2", "fe80::2"


def routes():
    """(prefix, gateway, or what becomes of packets)."""
    return [("10.64.0.0/10", "10.0.0.2"), ("2001:db8:ffff::/48", "2001:db8:1::2"),
            ("10.2.0.0/16", "10.0.1.2"), ("2001:db8:a::/48", "2001:db8:2::2"),
            ("10.3.0.0/16", "10.0.2.2"), ("2001:db8:b::/48", "2001:db8:3::2"),
            (BLACKHOLE4.rsplit(".", 1)[0] + ".0/24", "blackhole"), (BLACKHOLE6[:-1] + "/64", "blackhole"),
            (UNREACHABLE4.rsplit(".", 1)[0] + ".0/24", "unreachable"),
            (UNREACHABLE6[:-1] + "/64", "unreachable")]


class KernelRouter:
    """Namespaces with the same veth pairs as a Lab's; the kernel forwards."""

    def __init__(self):
        self.namespaces = []
        self.sockets = []
        self.router, self.source, self.target = (self._namespace(role)
                                                 for role in ("kernel", "from", "to"))
        for setting in NAMESPACE_SETTINGS + FORWARDING:
            run(*self.router.command("sysctl", "-qw", setting))
        self.router.ip("link", "set", "lo", "up")
        for i in range(PORTS):
            self._port(i)
        for prefix, to in routes():
            how = [to, prefix] if "." not in to and ":" not in to else [prefix, "via", to]
            self.router.ip("route", "add", *how)
        self.sender = Sender(self.source, "h0")
        self.captures = [Capture(self.host(i), f"h{i}", arp=True) for i in range(PORTS)]
        self.sockets = [self.sender, *self.captures]

    def _namespace(self, role):
        namespace = Namespace(role)
        self.namespaces.append(namespace)
        shunt_test.atexit.register(namespace.remove)
        return namespace

    def host(self, i):
        """As Lab.host."""
        return self.source if i == 0 else self.target

    def _port(self, i):
        port = f"p{i}"
        veth(self.router, port, Lab.mac(port), self.host(i), f"h{i}", Lab.host_mac(i), MTU[i])
        run(*self.router.command("sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=0"))
        self.router.ip("link", "set", port, "arp", "on")
        for address in addresses(i):
            self.router.ip("address", "add", address, "dev", port, *(["nodad"] if ":" in address else []))
        for address in neighbours(i):
            self.router.ip("neigh", "replace", address, "lladdr", Lab.host_mac(i), "dev", port, "nud",
                           "permanent")

    def close(self):
        """Safe to call twice."""
        for thing in self.sockets:
            thing.close()
        self.sockets = []
        for namespace in self.namespaces:
            namespace.remove()


class ShuntRouter(Lab):
    """shunt, configured in the same way."""

    def __init__(self, driver):
        super().__init__(PORTS, driver)
        for capture in self.captures:
            capture.arp = True
        for i, size in enumerate(MTU):
            self.router.ip("link", "set", f"p{i}", "mtu", str(size))
            self.host(i).ip("link", "set", f"h{i}", "mtu", str(size))

    def start(self, mpls_in=()):
        self.start_dataplane()
        self.start_controlplane()
        for i, port in enumerate(self.ports):
            self.ctl(f"port add {port} devargs {self.driver}{i},iface={port} mtu {MTU[i]}")
            for address in addresses(i):
                self.ctl(f"address add {address} dev {port}")
            for address in neighbours(i):
                self.ctl(f"neigh add {address} lladdr {self.host_mac(i)} dev {port}")
        self.wait_links("up")
        self.batch([f"route add {prefix} {to if to.isalpha() else 'via ' + to}" for prefix, to in routes()])
        return self


class Outputs:
    """What came out of a router: number to [(port, frame)], and frames without one."""

    def __init__(self, router):
        self.router = router
        self.of = {}
        self.strange = []

    def drain(self):
        """Take in what waits."""
        for port, capture in enumerate(self.router.captures):
            for frame in capture.drain():
                if is_own_talk(frame):
                    continue
                number = number_of(quoted(frame[14:]) or frame[14:])
                if number is None:
                    self.strange.append((port, frame))
                else:
                    self.of.setdefault(number, []).append((port, frame))

    def send(self, packets, expected, timeout=2.0):
        """Send these; wait until `expected(number)` outputs of each have come, or for the time."""
        self.router.sender.send([frame for _, _, frame in packets], shunt_test.RATE)
        waiting = {number: expected(kind, number) for kind, number, _ in packets}

        def all_here():
            self.drain()
            return all(len(self.of.get(number, ())) >= count for number, count in waiting.items())
        try:
            wait_until(all_here, timeout / shunt_test.PATIENCE, "outputs", interval=0.002)
        except AssertionError:
            pass  # the comparison says what is missing
        return time.monotonic()


def is_own_talk(frame):
    """ARP, neighbour discovery and group membership: each router's own."""
    if frame[12:14] == b"\x08\x06":
        return True
    if frame[12:14] == b"\x08\x00":
        return frame[23] == 2
    if frame[12:14] != b"\x86\xdd":
        return True
    at, kind = 54, frame[20]
    if kind == 0:
        kind, at = frame[54], 54 + 8 * (frame[55] + 1)
    return kind == 58 and (133 <= frame[at] <= 137 or
                           (frame[at] in (130, 131, 132, 143) and frame[22:24] != b"\x20\x01"))


def quoted(packet):
    """The packet that an ICMP error of the router's is about, or None."""
    at = header_length(packet)
    if len(packet) < at + 8:
        return None
    if packet[0] >> 4 == 4 and packet[9] == 1 and packet[at] in (3, 11, 12) and packet[12:16] == b"\x0a\0\0\1" or \
            packet[0] >> 4 == 6 and packet[6] == 58 and 1 <= packet[at] <= 4 and \
            (packet[8:10] == b"\xfe\x80" or
             packet[8:24] == bytes.fromhex("20010db8000100000000000000000001")):
        return packet[at + 8:]
    return None


def header_length(packet):
    """Of an IP packet."""
    return 40 if packet[0] >> 4 == 6 else (packet[0] & 15) * 4
