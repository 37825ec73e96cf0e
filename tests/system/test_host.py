#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Host path: the kernel behind a port's mirror talks to a Linux host, and shunt keeps its own protocols."""

import json
import re
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from scapy.all import DHCP, BOOTP, IP, UDP, Ether, Raw  # pylint: disable=no-name-in-module

import shunt_test
from hosts import Network, Pings
from shunt_test import PORTION, Refused, assert_sound, for_each_driver, wait_until
from wire import Capture, Sender, run

MIRROR = "m0"
FRR = Path("/usr/lib/frr")
SERVER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.create_server((sys.argv[1], 7000), family=family)
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    while data := peer.recv(65536):
        peer.sendall(data)
    peer.close()
"""
CLIENT = """
import socket, sys
peer = socket.create_connection((sys.argv[1], 7000), timeout=20)
print("ready", flush=True)
for line in sys.stdin:
    data = line.encode() * 2000
    peer.sendall(data)
    got = b""
    while len(got) < len(data):
        part = peer.recv(65536)
        assert part, "connection ended"
        got += part
    assert got == data
    print("echoed", flush=True)
"""


class HostTest(unittest.TestCase):
    """host (10.0.0.2) - p0 of a node (10.0.0.1), whose mirror m0 has the same address in the kernel."""

    driver = "net_af_packet"
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.network = Network(cls.driver)
        cls.addClassCleanup(cls.network.close)
        cls.host, cls.node = cls.network.host("host"), cls.network.node("node")
        cls.network.link(cls.node, "p0", cls.host)
        # net_af_packet only looks at what the kernel gets too: it shall not answer by p0 itself
        run(*cls.node.router.command("sysctl", "-qw", "net.ipv4.conf.p0.rp_filter=1"))
        cls.node.start_dataplane(*cls.options)
        cls.node.start_controlplane()
        cls.host.configure(["10.0.0.2/24", "fd00::2/64"], [])
        cls.node.add_port(["10.0.0.1/24", "fd00::1/64"])
        cls.node.ctl(f"port set p0 host-interface {MIRROR}")
        cls.node.wait_links("up")
        cls.wait_mirror()
        for address in ("10.0.0.1/24", "fd00::1/64"):
            cls.node.router.ip("address", "add", address, "dev", MIRROR,
                               *(["nodad"] if ":" in address else []))

    def setUp(self):
        self.allow = None

    def tearDown(self):
        assert_sound(self, self.node, self.allow)
        wait_until(self.balanced, 10, "every packet has ended")

    @classmethod
    def link(cls, name=MIRROR):
        """What `ip link` knows of a device of the router's, or None."""
        done = subprocess.run(["ip", "-n", cls.node.router.name, "-j", "address", "show", name],
                              capture_output=True, text=True, check=False)
        rows = json.loads(done.stdout or "[]")  # empty while the device is going
        return rows[0] if done.returncode == 0 and rows else None

    @classmethod
    def wait_mirror(cls, carrier=True):
        """It is there, with this carrier."""
        wait_until(lambda: (link := cls.link()) and ("LOWER_UP" in link["flags"]) == carrier, 10,
                   f"{MIRROR} with carrier {carrier}")

    def balanced(self):
        return all(row["in_flight"] == 0 for row in self.node.counters().values())

    def port(self):
        return self.node.json("port show p0")[0]

    def start(self, namespace, *words, **options):
        """A process that is ended with the test."""
        process = subprocess.Popen(namespace.command(*words), text=True,
                                   preexec_fn=shunt_test._die_with_parent, **options)

        def end():
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        self.addCleanup(end)
        return process

    def talk(self, address):
        """A server on the kernel's side, and a client on the host that is connected."""
        server = self.start(self.node.router, "/usr/bin/python3", "-c", SERVER, address,
                            stdout=subprocess.PIPE)
        self.assertEqual(server.stdout.readline(), "ready\n")
        client = self.start(self.host.namespace, "/usr/bin/python3", "-c", CLIENT, address,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(client.stdout.readline(), "ready\n")
        return client

    def echo(self, client, word="hello"):
        """20,000 bytes there and back."""
        client.stdin.write(f"{word}\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), "echoed\n")


class Mirror(HostTest):
    """What it carries, and how it follows its port."""

    def test_tcp(self):
        for address in ("10.0.0.1", "fd00::1"):
            before = self.port()
            self.echo(self.talk(address))
            after = self.port()
            for counter in ("to_host", "from_host"):
                self.assertGreater(after[counter], before[counter] + 5)
            self.assertEqual(after["host_lost"], 0)

    def test_kernel_reaches_the_host(self):
        for address in ("10.0.0.2", "fd00::2"):
            done = run(*self.node.router.command("ping", "-n", "-c", "3", "-i", "0.2", "-w", "20", address))
            self.assertGreaterEqual(Pings(done).received, 3)
            self.assertNotIn("DUP", done)

    def test_echo_is_answered_once(self):
        """By shunt; the kernel does not even see the request."""
        capture = Capture(self.node.router, MIRROR, arp=True)
        self.addCleanup(capture.close)
        for address in ("10.0.0.1", "fd00::1"):
            pings = self.host.ping_until(address)
            self.assertGreaterEqual(pings.received, 3)
            self.assertNotIn("DUP", pings.text)
        seen = [frame for frame in capture.drain()
                if (frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 8) or
                (frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 128)]
        self.assertEqual(seen, [])

    def frames(self):
        """(name, frame) that the kernel must get as they are."""
        to, host = self.port()["mac"], self.link()["address"]
        source = "02:00:00:00:0f:0f"
        ospf = IP(src="10.0.0.2", dst="224.0.0.5", proto=89, ttl=1) / Raw(b"\x02\x01" + bytes(42))
        return [(name, bytes(frame)) for name, frame in (
            ("OSPF hello", Ether(dst="01:00:5e:00:00:05", src=source) / ospf),
            ("LDP hello", Ether(dst="01:00:5e:00:00:02", src=source) /
             IP(src="10.0.0.2", dst="224.0.0.2", ttl=1) / UDP(sport=646, dport=646) / Raw(bytes(30))),
            ("DHCP discover", Ether(dst="ff:ff:ff:ff:ff:ff", src=source) /
             IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) /
             BOOTP(chaddr=b"\x02" * 6) / DHCP(options=[("message-type", "discover"), "end"])),
            ("LLDP", Ether(dst="01:80:c2:00:00:0e", src=source, type=0x88cc) / Raw(bytes(60))),
            ("STP", Ether(dst="01:80:c2:00:00:00", src=source, type=38) / Raw(b"\x42\x42\x03" + bytes(43))),
            ("unknown Ethertype", Ether(dst=to, src=source, type=0x9999) / Raw(bytes(60))),
            ("UDP", Ether(dst=host, src=source) / IP(src="10.0.0.2", dst="10.0.0.1") /
             UDP(sport=5, dport=6) / Raw(b"x" * 40)))]

    def test_frames_as_they_came(self):
        sender = Sender(self.host.namespace, "eth0")
        capture = Capture(self.node.router, MIRROR)
        self.addCleanup(sender.close)
        self.addCleanup(capture.close)
        for name, frame in self.frames():
            capture.drain()
            sender.send([frame])
            got = []
            wait_until(lambda g=got, f=frame: g.extend(capture.drain()) or f in g, 5, name)
            self.assertEqual(got.count(frame), 1, name)

    def test_what_is_not_for_us(self):
        """Another's unicast, and a routable multicast, do not reach the kernel."""
        sender = Sender(self.host.namespace, "eth0")
        capture = Capture(self.node.router, MIRROR)
        self.addCleanup(sender.close)
        self.addCleanup(capture.close)
        mark = b"nobody's business" * 3
        before = self.node.counters()["p0"]["dropped"]
        sender.send([bytes(Ether(dst="02:00:00:00:0e:0e", src="02:00:00:00:0f:0f", type=0x9999) /
                           Raw(mark)),
                     bytes(Ether(dst="01:00:5e:01:01:01", src="02:00:00:00:0f:0f") /
                           IP(src="10.0.0.2", dst="225.1.1.1") / UDP() / Raw(mark))])
        if self.driver == "net_af_packet":  # else the program in the driver leaves one to the kernel
            wait_until(lambda: self.node.counters()["p0"]["dropped"] >= before + 2, 5, "dropped")
        self.assertEqual([frame for frame in capture.collect(1, 0.3) if mark in frame], [])

    def test_kernels_frames_go_out(self):
        sender = Sender(self.node.router, MIRROR)
        capture = self.host.capture()
        self.addCleanup(sender.close)
        self.addCleanup(capture.close)
        frames = [bytes(Ether(dst="01:80:c2:00:00:0e", src=self.link()["address"], type=0x88cc) /
                        Raw(bytes([i]) * 100)) for i in range(50)]
        frames.append(bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src=self.link()["address"], type=0x8100) /
                            Raw(b"\x00\x64\x99\x99" + bytes(60))))
        before = self.node.counters()["p0"]
        sender.send(frames)
        got = []
        wait_until(lambda: got.extend(capture.drain()) or
                   len([f for f in got if f in frames]) >= len(frames), 5, "frames")
        self.assertEqual([f for f in got if f in frames], frames)
        after = self.node.counters()["p0"]
        self.assertGreaterEqual(after["injected"] - before["injected"], len(frames))
        self.assertGreaterEqual(after["tx_packets"] - before["tx_packets"], len(frames))

    def test_follows_mac_mtu_link(self):
        self.assertEqual(self.link()["address"], self.port()["mac"])
        self.assertEqual(self.link()["mtu"], 1500)
        for mtu in (1400, 1500):
            self.node.ctl(f"port set p0 mtu {mtu}")
            wait_until(lambda m=mtu: self.link()["mtu"] == m, 5, f"mtu {mtu}")
        for words in (("port set p0 down", "port set p0 up"), None):
            if words is None:
                self.host.namespace.ip("link", "set", "eth0", "down")
            else:
                self.node.ctl(words[0])
            self.wait_mirror(carrier=False)
            if words is None:
                self.host.configure(["fd00::2/64"], [])
            else:
                self.node.ctl(words[1])
            self.wait_mirror()
        self.node.wait_links("up")
        self.echo(self.talk("10.0.0.1"))

    def test_vlan(self):
        """What is for a VLAN of the port reaches the kernel tagged as it came."""
        self.node.ctl("vlan add v5 dev p0 tag 5")
        self.addCleanup(self.node.ctl, "vlan del v5")
        self.node.ctl("address add 10.5.0.1/24 dev v5")
        self.addCleanup(self.node.ctl, "address del 10.5.0.1/24 dev v5")
        sender = Sender(self.host.namespace, "eth0")
        capture = Capture(self.node.router, MIRROR)
        self.addCleanup(sender.close)
        self.addCleanup(capture.close)
        frame = bytes(Ether(dst=self.port()["mac"], src="02:00:00:00:0f:0f", type=0x8100) /
                      Raw(b"\x00\x05\x08\x00") / IP(src="10.5.0.2", dst="10.5.0.1") /
                      UDP(sport=5, dport=6) / Raw(b"tagged" * 10))
        sender.send([frame])
        got = []
        wait_until(lambda: got.extend(capture.drain()) or frame in got, 5, "the tagged frame")
        wait_until(lambda: self.node.counters()["v5"]["consumed"] == 1, 5, "it is counted")


class Life(HostTest):
    """How a mirror comes and goes."""

    def test_restart_of_the_data_plane(self):
        """Addresses and routes stay, and so does a TCP connection, after SIGTERM and after SIGKILL."""
        self.node.router.ip("route", "add", "198.51.100.0/24", "via", "10.0.0.2")
        index = self.link()["ifindex"]
        client = self.talk("10.0.0.1")
        self.echo(client)
        for end in (self.node.stop, self.node.kill):
            end("dataplane")
            self.assertIsNotNone(self.link(), "gone with the process")
            self.node.start_dataplane(*self.options)
            self.node.wait_links("up")
            self.wait_mirror()
            self.assertEqual(self.link()["ifindex"], index)
            self.assertIn("10.0.0.1", {a["local"] for a in self.link()["addr_info"]})
            self.assertIn("198.51.100.0/24", self.node.router.ip("route"))
            self.echo(client, "again")

    def test_option_and_port_deleted(self):
        self.allow = "interface is gone"
        self.node.ctl("port set p0 host-interface other")
        wait_until(lambda: self.link() is None and self.link("other"), 5, "the other name")
        self.assertEqual(self.port()["host_interface"], "other")
        self.node.ctl("port set p0 host-interface none")
        wait_until(lambda: self.link("other") is None, 5, "none")
        self.restore()

    def restore(self):
        self.node.ctl(f"port set p0 host-interface {MIRROR}")
        self.wait_mirror()
        self.node.router.ip("address", "add", "10.0.0.1/24", "dev", MIRROR)
        self.echo(self.talk("10.0.0.1"))

    def test_left_behind(self):
        """Not wished any more while no data plane ran: the next one removes it."""
        self.node.kill("dataplane")
        self.node.ctl("port set p0 host-interface none")
        self.assertIsNotNone(self.link())
        self.node.start_dataplane(*self.options)
        wait_until(lambda: self.link() is None, 5, "removed")
        self.node.wait_links("up")
        self.restore()

    def test_deleted_by_somebody(self):
        self.allow = "is gone: it is made anew"
        self.node.router.ip("link", "del", MIRROR)
        self.wait_mirror()
        self.node.router.ip("address", "add", "10.0.0.1/24", "dev", MIRROR)
        self.echo(self.talk("10.0.0.1"))

    def test_name_is_taken(self):
        """By a device of others, which stays as it is; once it is free, the mirror comes."""
        self.allow = "another device has this name"
        for kind in (["link", "add", "name", "taken", "type", "dummy"],
                     ["tuntap", "add", "dev", "taken", "mode", "tap"]):
            try:
                self.node.router.ip(*kind)
            except RuntimeError as error:  # a kernel without dummies
                if "Unknown device type" not in str(error):
                    raise
                continue
            self.node.ctl("port set p0 host-interface taken")
            wait_until(lambda: self.port().get("error"), 5, "an error")
            self.assertEqual(self.port()["error"],
                             "host-interface taken: another device has this name")
            self.assertEqual(self.port()["condition"], "running")
            self.assertIsNotNone(self.link("taken"))
            self.node.router.ip("link", "del", "taken")
            wait_until(lambda: not self.port().get("error") and self.link("taken"), 5, "comes")
            self.node.ctl("port set p0 host-interface none")
            wait_until(lambda: self.link("taken") is None, 5, "gone")
        self.restore()

    def test_bad_names(self):
        for name in ("sixteen-letters-", "a/b", "tap%d", "p0"):
            with self.assertRaises(Refused):
                self.node.ctl(f"port set p0 host-interface {name}")


class Flood(HostTest):
    """A policer of 100 packets a second and class."""

    options = ("--host-rate", "100")

    def test_flood(self):
        """A flood to our address is policed; another class gets through, and all is accounted for."""
        sender = Sender(self.host.namespace, "eth0")
        capture = Capture(self.node.router, MIRROR)
        self.addCleanup(sender.close)
        self.addCleanup(capture.close)
        to, source = self.port()["mac"], "02:00:00:00:0f:0f"
        flood = bytes(Ether(dst=to, src=source) / IP(src="10.0.0.2", dst="10.0.0.1") /
                      UDP(sport=5, dport=6) / Raw(b"flood" * 10))
        lldp = bytes(Ether(dst="01:80:c2:00:00:0e", src=source, type=0x88cc) / Raw(b"quiet" * 12))
        before, start, got = self.node.counters(), time.monotonic(), []
        for sent in range(PORTION, 3000 + 1, PORTION):
            sender.send([flood] * PORTION, 5000)
            self.node.settle(before, "p0", sent)
        sender.send([lldp] * 3)

        def policed():
            return self.node.drops().get(("p0", "host_policed"), 0)
        wait_until(lambda: got.extend(capture.drain()) or
                   (got.count(lldp) >= 3 and got.count(flood) + policed() >= 3000), 15, "all accounted for")
        seconds = time.monotonic() - start
        self.assertEqual(got.count(lldp), 3)
        self.assertEqual(got.count(flood) + policed(), 3000)
        self.assertGreaterEqual(got.count(flood), 11)
        self.assertLessEqual(got.count(flood), 11 + 100 * (seconds + 0.5))
        self.assertEqual(self.port()["host_policed"], policed())


class Routing(HostTest):
    """FRR on the mirror: OSPF by its multicasts, and BGP by TCP."""

    @unittest.skipUnless((FRR / "ospfd").exists() and (FRR / "bgpd").exists(), "FRR is not installed")
    def test_frr(self):
        """OSPF comes to Full with the host's, BGP to Established; each learns a route from the other."""
        directory = Path(tempfile.mkdtemp(prefix="shunt-frr-", dir="/tmp"))
        directory.chmod(0o777)
        self.addCleanup(run, "rm", "-rf", str(directory))
        self.routers = {}
        for name, namespace, interface, number in (("node", self.node.router, MIRROR, 1),
                                                   ("host", self.host.namespace, "eth0", 2)):
            namespace.ip("link", "set", "lo", "up")
            namespace.ip("address", "add", f"192.0.2.{number}/32", "dev", "lo")
            self.frr(directory / name, namespace, interface, number)
        for name, other in (("node", 2), ("host", 1)):
            wait_until(lambda n=name: "Full" in self.vty(n, "ospfd", "show ip ospf neighbor"), 60,
                       f"{name}: OSPF Full")
            wait_until(lambda n=name, o=other: f"192.0.2.{o}" in self.vty(n, "zebra", "show ip route ospf"),
                       60, f"{name}: a route by OSPF")
            wait_until(lambda n=name: re.search(r"10\.0\.0\.[12] +4 +65000 .*\d\d:\d\d:\d\d +1",
                                                self.vty(n, "bgpd", "show bgp summary")), 60,
                       f"{name}: BGP Established")

    def frr(self, directory, namespace, interface, number):
        """zebra, ospfd and bgpd with files of their own."""
        directory.mkdir()
        directory.chmod(0o777)
        peer = 3 - number
        (directory / "zebra.conf").write_text("hostname x\n")
        (directory / "ospfd.conf").write_text(
            f"interface {interface}\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n"
            f"router ospf\n ospf router-id 192.0.2.{number}\n network 10.0.0.0/24 area 0\n"
            f" network 192.0.2.{number}/32 area 0\n")
        (directory / "bgpd.conf").write_text(
            f"router bgp 65000\n bgp router-id 192.0.2.{number}\n timers bgp 1 3\n"
            f" neighbor 10.0.0.{peer} remote-as 65000\n neighbor 10.0.0.{peer} timers connect 1\n"
            f" address-family ipv4 unicast\n  network 192.0.2.{number}/32\n")
        for daemon in ("zebra", "ospfd", "bgpd"):
            self.start(namespace, str(FRR / daemon), "-f", str(directory / f"{daemon}.conf"),
                       "-z", str(directory / "zserv"), "-i", str(directory / f"{daemon}.pid"),
                       "--vty_socket", str(directory), "-A", "127.0.0.1", "-P", "0",
                       *(["-p", "179"] if daemon == "bgpd" else []),
                       "--log", f"file:{directory}/{daemon}.log", "-u", "frr", "-g", "frr",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until((directory / f"{daemon}.vty").exists, 10, f"{daemon} of {directory.name}")
        self.routers[directory.name] = directory

    def vty(self, name, daemon, line):
        """What a daemon answers; "" if it does not."""
        try:
            return self.ask_vty(name, daemon, line)
        except OSError:
            return ""

    def ask_vty(self, name, daemon, line):
        """The same; OSError if it does not."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as vty:
            vty.settimeout(10)
            vty.connect(str(self.routers[name] / f"{daemon}.vty"))
            vty.sendall(b"enable\0")
            while (part := vty.recv(4096)) and not part.endswith(b"\0"):
                pass
            vty.sendall(line.encode() + b"\0")
            out = b""
            while not re.search(rb"\0\0\0.$", out, re.S):
                part = vty.recv(65536)
                if not part:
                    break
                out += part
            return out.decode(errors="replace")


for_each_driver(globals(), Mirror, Life, Flood)
del HostTest

if __name__ == "__main__":
    unittest.main(verbosity=2)
