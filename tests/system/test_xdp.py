#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A NIC that stays with the kernel: what our program in its driver gives to shunt, and what it leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

import shunt_test
from frames import ethernet, gre4, mac, udp4
from hosts import Network
from shunt_test import BUILD, wait_until
from wire import Sender, run, veth

KERNEL, KERNEL6 = "10.0.0.100", "2001:db8:1::100"  # the kernel's own, on the same interface as shunt's
SHUNT, SHUNT6 = "10.0.0.1", "2001:db8:1::1"
FAR, FAR6 = "10.0.1.2", "2001:db8:2::2"
TCP_PORT = 2222
PINS = "/sys/fs/bpf"

# Echoes lines for ever: what sshd is to this test.
ECHO = """
import socket, sys, threading
server = socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
def serve(connection):
    with connection:
        while data := connection.recv(4096):
            connection.sendall(data)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
# Connects, then sends each line of standard input and prints what came back.
CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], 2222), timeout=10)
print("connected", flush=True)
for line in sys.stdin:
    connection.sendall(line.encode())
    print(connection.recv(4096).decode(), end="", flush=True)
"""


class Steering(unittest.TestCase):
    """Host `near` on p0, where the kernel has addresses too, host `far` on p1; shunt routes between."""

    port_is_bridge = False  # a device whose driver has no XDP: the generic hook

    def setUp(self):
        self.network = Network("net_af_xdp")
        self.addCleanup(self.network.close)
        self.node = self.network.node("router")
        self.near, self.far = self.network.host("near"), self.network.host("far")
        if self.port_is_bridge:
            self.bridge_as_port()
        else:
            self.network.link(self.node, "p0", self.near)
        self.network.link(self.node, "p1", self.far)
        router = self.node.router
        run(*router.command("sysctl", "-qw", "net.ipv6.conf.p0.disable_ipv6=0",
                            "net.ipv6.conf.p0.accept_dad=0"))
        router.ip("link", "set", "lo", "up")
        router.ip("link", "set", "p0", "arp", "on", "up")
        router.ip("address", "add", f"{KERNEL}/24", "dev", "p0")
        router.ip("address", "add", f"{KERNEL6}/64", "dev", "p0", "nodad")
        self.start_server()
        self.node.start_processes()
        self.node.add_port([f"{SHUNT}/24", f"{SHUNT6}/64"])
        self.node.add_port(["10.0.1.1/24", "2001:db8:2::1/64"])
        self.near.configure(["10.0.0.2/24", "2001:db8:1::2/64"], [SHUNT, SHUNT6])
        self.far.configure([f"{FAR}/24", f"{FAR6}/64"], ["10.0.1.1", "2001:db8:2::1"])
        self.wait_running()

    def bridge_as_port(self):
        """p0 is a bridge, whose driver knows nothing of XDP, with the link to `near` in it."""
        router = self.node.router
        self.network.link(self.node, "wire", self.near)
        router.ip("link", "add", "name", "p0", "address", self.network.mac(), "type", "bridge",
                  "stp_state", "0", "mcast_snooping", "0")
        router.ip("link", "set", "wire", "master", "p0")

    def start_server(self):
        self.server = subprocess.Popen(self.node.router.command(sys.executable, "-c", ECHO),
                                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                       preexec_fn=shunt_test._die_with_parent)
        self.addCleanup(self.end, self.server)
        self.assertEqual(self.server.stdout.readline(), "ready\n")

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def connect(self, to):
        """A connection that stays: say(client, line) uses it."""
        client = subprocess.Popen(self.near.namespace.command(sys.executable, "-c", CLIENT, to),
                                  stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
                                  preexec_fn=shunt_test._die_with_parent)
        self.addCleanup(self.end, client)
        self.assertEqual(client.stdout.readline(), "connected\n")
        return client

    def takes_tcp(self, to):
        """Does somebody take a connection?"""
        words = self.near.namespace.command(
            sys.executable, "-c",
            f"import socket; socket.create_connection(('{to}', {TCP_PORT}), timeout=5)")
        return subprocess.run(words, capture_output=True, timeout=20, check=False).returncode == 0

    def say(self, client, line):
        client.stdin.write(line + "\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), line + "\n")

    def port(self, name="p0"):
        return self.node.json(f"port show {name}")[0]

    def wait_running(self):
        wait_until(lambda: all(row["condition"] == "running" and row["link"] == "up"
                               for row in self.node.json("port show")), 40, "ports running")

    def assert_answers(self, to, count=3):
        pings = self.near.ping_until(to, count=count)
        self.assertGreaterEqual(pings.received, count, f"{to}: {pings.text}")

    def grown(self, name, before, least, timeout=5):
        wait_until(lambda: self.port()[name] - before >= least, timeout,
                   f"{name} grows from {before} by {least}")

    def xdp_of(self, device):
        """Has the interface a program?"""
        row = json.loads(run(*self.node.router.command("ip", "-j", "link", "show", device)))[0]
        return "xdp" in row


class Native(Steering):
    """veth has XDP in its driver."""

    mode = "native"

    def test_the_kernel_keeps_its_addresses(self):
        self.assertEqual(self.port()["xdp"], self.mode)
        before = self.port()
        clients = [self.connect(KERNEL), self.connect(KERNEL6)]
        for to in (KERNEL, KERNEL6, SHUNT, SHUNT6, FAR, FAR6):
            self.assert_answers(to)
        for client in clients:
            self.say(client, "hello")
        self.grown("xdp_kernel", before["xdp_kernel"], 10)
        self.grown("xdp_shunt", before["xdp_shunt"], 10)
        self.assertGreaterEqual(self.port()["rx_packets"] - before["rx_packets"], 10)

    def test_a_connection_outlives_the_dataplane(self):
        client = self.connect(KERNEL)
        self.say(client, "one")
        self.node.kill("dataplane")
        self.say(client, "two")
        self.node.start_dataplane()
        self.wait_running()
        self.say(client, "three")
        self.assert_answers(FAR)
        self.assertEqual(self.node.stop("dataplane"), 0)
        self.assertFalse(self.xdp_of("p0"), "the program stays after SIGTERM")
        self.say(client, "four")

    def test_a_deleted_port_leaves_no_program(self):
        self.assertTrue(self.xdp_of("p0"))
        self.delete_port("p0", f"{SHUNT}/24", f"{SHUNT6}/64")
        wait_until(lambda: not self.xdp_of("p0"), what="p0 without a program")

    def test_a_port_deleted_meanwhile_leaves_no_program(self):
        """p0 and p1 go while no data plane runs. The next one takes off its instance's program, and not
        that of p1, which says that it is another's; the same for what is pinned."""
        self.node.kill("dataplane")
        pins = self.pin_outside()
        self.node.start_dataplane()
        self.wait_running()
        self.node.kill("dataplane")
        self.assertTrue(self.owner_map("p0")["frozen"], "who loads it says whose it is")
        self.make_foreign("p1", f"{pins}/p1")
        self.assertEqual(sorted(os.listdir(pins)), ["p0", "p1"])
        self.assertTrue(self.xdp_of("p0") and self.xdp_of("p1"))
        self.delete_port("p0", f"{SHUNT}/24", f"{SHUNT6}/64")
        self.delete_port("p1", "10.0.1.1/24", "2001:db8:2::1/64")
        self.node.start_dataplane()
        self.assertFalse(self.xdp_of("p0"), "our program stays")
        self.assertTrue(self.xdp_of("p1"), "another's program is gone")
        self.assertEqual(os.listdir(pins), ["p1"])

    def pin_outside(self):
        """Start the data plane without a /sys of its own from now on: pins outlive it, as on a server."""
        self.node.router.command = lambda *words: [
            "nsenter", f"--net=/run/netns/{self.node.router.name}", *words]
        pins = f"{PINS}/shunt/{self.node.instance}"
        self.addCleanup(self.remove_pins, pins)
        return pins

    @staticmethod
    def remove_pins(pins):
        shutil.rmtree(pins, ignore_errors=True)
        try:
            os.rmdir(os.path.dirname(pins))
        except OSError:
            pass  # other instances'

    def delete_port(self, name, *addresses):
        for address in addresses:
            self.node.ctl(f"address del {address} dev {name}")
        self.node.ctl(f"port del {name}")

    def owner_map(self, device):
        """What says whose the program on the device is, as bpftool shows it."""
        row = json.loads(run(*self.node.router.command("ip", "-j", "link", "show", device)))[0]
        program = json.loads(run("bpftool", "-j", "prog", "show", "id", str(row["xdp"]["prog"]["id"])))
        maps = [json.loads(run("bpftool", "-j", "map", "show", "id", str(one)))
                for one in program["map_ids"]]
        owner, = [one for one in maps if one["name"] == ".rodata.owner"]
        return owner

    def make_foreign(self, device, pins):
        """In the place of the device's program the same one of nobody's: the object as it was compiled."""
        program = f"{PINS}/{self.node.instance}-{device}"
        self.addCleanup(lambda: os.path.exists(program) and os.unlink(program))
        run("bpftool", "prog", "load", str(BUILD / "dataplane/xdp/steer.bpf.o"), program)
        run(*self.node.router.command("bpftool", "net", "attach", "xdp", "pinned", program,
                                      "dev", device, "overwrite"))
        os.unlink(program)
        os.unlink(f"{pins}/owner")
        run("bpftool", "map", "pin", "id", str(self.owner_map(device)["id"]), f"{pins}/owner")

    def test_an_address_comes_and_goes(self):
        router = self.node.router
        router.ip("address", "add", "10.0.0.101/24", "dev", "p0")
        wait_until(lambda: self.near.ping("10.0.0.101", count=1, wait=1).received,
                   what="the kernel answers at its new address")
        router.ip("address", "del", "10.0.0.101/24", "dev", "p0")
        before = self.port()["xdp_shunt"]
        wait_until(lambda: self.near.ping("10.0.0.101", count=1, wait=1) and
                   self.port()["xdp_shunt"] > before, what="what is nobody's is shunt's")

    def test_protocols_that_are_the_kernels(self):
        self.assert_answers(KERNEL)  # the link carries frames
        sender = Sender(self.near.namespace, "eth0")
        me, all_ones = bytes.fromhex("020000000999"), b"\xff" * 6
        lldp = bytes.fromhex("0180c200000e") + me + b"\x88\xcc" + bytes(46)
        unknown = all_ones + me + b"\x88\xb5" + bytes(46)
        port = mac(self.port()["mac"])
        dhcp = all_ones + me + b"\x08\x00" + self.dhcp("255.255.255.255", bytes(6))
        offer = port + me + b"\x08\x00" + self.dhcp("10.0.0.77", port)
        # a Linux bridge takes link-constrained frames before they are its device's
        sent = [unknown, dhcp, offer] + ([] if self.port_is_bridge else [lldp])
        before = self.port()
        sender.send(sent)
        self.grown("xdp_kernel", before["xdp_kernel"], len(sent))

    def test_answers_to_dhcp_clients_elsewhere_are_routed(self):
        self.assert_answers(FAR)
        capture = self.far.capture()
        frame = mac(self.port()["mac"]) + bytes.fromhex("020000000999") + b"\x08\x00"
        Sender(self.near.namespace, "eth0").send([frame + self.dhcp(FAR, bytes.fromhex("020000000777"))] * 5)
        got = [one for one in capture.collect(5, 5) if one[34:38] == b"\x00\x43\x00\x44"]
        self.assertEqual(len(got), 5)

    def test_an_address_that_both_have(self):
        self.node.router.ip("address", "add", f"{SHUNT}/24", "dev", "p0")
        # until the program knows, TCP is shunt's, which refuses it
        wait_until(lambda: self.takes_tcp(SHUNT), what="the kernel answers at the shared address")
        client = self.connect(SHUNT)
        self.say(client, "the kernel's TCP")
        before = self.port()
        gre = gre4(bytes(40), "10.0.0.2", SHUNT, 0x0800)
        vxlan = udp4(bytes(18), "10.0.0.2", SHUNT, 4000, 4789)
        frame = mac(before["mac"]) + bytes.fromhex("020000000999") + b"\x08\x00"
        wait_until(lambda: self.sent_to_shunt(frame, [gre, vxlan]), 20, "tunnels are shunt's")

    def sent_to_shunt(self, header, packets):
        """The program learns within 100 ms that an address is shared: ask until it has."""
        before = self.port()["xdp_shunt"]
        Sender(self.near.namespace, "eth0").send([header + packet for packet in packets])
        try:
            self.grown("xdp_shunt", before, len(packets), timeout=0.5)
        except AssertionError:
            return False
        return True

    @staticmethod
    def dhcp(target, client_mac):
        return udp4(bytes(28) + client_mac + bytes(202), "10.0.0.2", target, 67, 68)

    def test_labels_are_shunts(self):
        self.node.ctl("port set p0 mpls on")
        self.node.ctl(f"mpls add 100 pop via {FAR} dev p1")
        self.assert_answers(FAR)
        capture = self.far.capture()
        frame = (mac(self.port()["mac"]) + bytes.fromhex("020000000999") + b"\x88\x47" +
                 (100 << 12 | 0x100 | 64).to_bytes(4, "big"))
        Sender(self.near.namespace, "eth0").send([frame + udp4(bytes(18), "10.0.0.2", FAR, 4000, 4001)] * 5)
        popped = [got for got in capture.collect(5, 5) if b"\x0f\xa0\x0f\xa1" in got]
        self.assertEqual(len(popped), 5)


class Generic(Native):
    """A bridge device has no XDP of its own: the kernel's generic hook."""

    mode = "generic"
    port_is_bridge = True


# Runs a command for which the kernel is one without XDP: a seccomp program has the system call that is named
# (socket: of AF_XDP alone) say so.
WITHOUT = """
import ctypes, os, platform, struct, sys
number = {"x86_64": {"socket": 41, "bpf": 321}, "aarch64": {"socket": 198, "bpf": 280}}[platform.machine()]
LOAD, EQUAL, RETURN, ALLOW, ERROR = 0x20, 0x15, 6, 0x7fff0000, 0x50000
family = [(LOAD, 0, 0, 16), (EQUAL, 0, 1, 44)] if sys.argv[1] == "socket" else []
look = [(LOAD, 0, 0, 0), (EQUAL, 0, len(family) + 1, number[sys.argv[1]])]  # on, or to ALLOW
look += family + [(RETURN, 0, 0, ERROR | {"socket": 97, "bpf": 38}[sys.argv[1]]), (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in look))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(look), ctypes.addressof(code)))
if ctypes.CDLL(None).prctl(22, 2, program) != 0:
    sys.exit("seccomp")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class LabWithout(shunt_test.Lab):
    """Its data plane has a kernel without `call`."""

    call = None

    def _start(self, name, *words, wait):
        before = [sys.executable, "-c", WITHOUT, self.call] if name == "dataplane" else []
        super()._start(name, *before, *words, wait=wait)


class Bridged(unittest.TestCase):
    """What configures hosts crosses a bridge: it is not the kernel's of a port."""

    def test_configuration_of_hosts(self):
        lab = shunt_test.Lab(2, "net_af_xdp")
        self.addCleanup(lab.close)
        lab.start_dataplane()
        lab.start_controlplane()
        lab.batch(["bridge add br0", *(f"port add p{i} devargs net_af_xdp{i},iface=p{i} bridge br0" for i in (0, 1))])
        wait_until(lambda: all(row["link"] == "up" for row in lab.json("port show")), 20, "links")
        client, router = "02:00:00:00:00:77", lab.host_mac(0)
        answer = bytes([2, 1, 6, 0]) + bytes(24) + mac(client) + bytes(230)
        dhcp6 = bytes.fromhex("60000000 000c 11ff") + bytes.fromhex("fe80" + 27 * "00" + "01" + "fe80" + 27 * "00" + "77")[:32]
        sent = [ethernet("ff:ff:ff:ff:ff:ff", router, 0x0800, udp4(answer, "10.0.0.2", "255.255.255.255", 67, 68)),
                ethernet(client, router, 0x0800, udp4(answer, "10.0.0.2", "10.0.0.77", 67, 68)),
                ethernet(client, router, 0x86dd, dhcp6 + bytes.fromhex("02230222000c000007000000"))]
        lab.captures[1].drain()
        lab.sender.send(sent)
        got = []
        wait_until(lambda: got.extend(lab.captures[1].drain()) or set(sent) <= set(got), 5,
                   lambda: f"of {len(sent)} came {len(set(sent) & set(got))}")


class Two(shunt_test.LabTest):
    """A second instance is not given the interface that the first one has, until that one is killed."""

    driver = "net_af_xdp"

    def through(self):
        self.lab.captures[1].drain()
        self.lab.sender.send([ethernet(self.lab.mac("p0"), self.lab.host_mac(0), 0x0800,
                                       udp4(bytes(18), "10.0.0.2", FAR, 1, 2))])
        return len(self.lab.captures[1].collect(1, 5)) == 1

    def test_two_instances(self):
        second = shunt_test.Lab(1, self.driver)
        self.addCleanup(second.close)
        own, second.router = second.router, self.lab.router
        try:
            second.start_dataplane()
        finally:
            second.router = own
        second.start_controlplane()
        second.ctl("port add p0 devargs net_af_xdp0,iface=p0")
        wait_until(lambda: second.json("port show p0")[0]["condition"] == "failed", 20, "it is refused")
        self.assertEqual(second.json("port show p0")[0]["error"], "p0: another instance of shunt has it")
        self.assertTrue(self.through(), "the first one forwards as before")
        self.lab.kill("dataplane")
        self.lab.kill("controlplane")
        second.wait_links("up")  # it tries again


class NoXdp(unittest.TestCase):
    """A kernel without XDP: the port says so, and net_af_packet works."""

    def without(self, call, says):
        lab = LabWithout(2, "net_af_packet")
        self.addCleanup(lab.close)
        lab.call = call
        lab.start_dataplane()
        lab.start_controlplane()
        lab.ctl("port add p0 devargs net_af_xdp0,iface=p0")
        row = wait_until(lambda: next((r for r in lab.json("port show p0") if r["condition"] == "failed"), None), 20,
                         "the port failed")
        self.assertEqual(row["error"], f"p0: the kernel refuses {says}; net_af_packet needs none")
        lab.ctl("port del p0")
        for i, port in enumerate(lab.ports):
            lab.batch([f"port add {port} devargs net_af_packet{i},iface={port}", f"address add 10.0.{i}.1/24 dev {port}",
                       f"neigh add 10.0.{i}.2 lladdr {lab.host_mac(i)} dev {port}"])
        lab.wait_links("up")
        lab.send_settled([ethernet(lab.mac("p0"), lab.host_mac(0), 0x0800, udp4(bytes(18), "10.0.0.2", FAR, 1, 2))])
        self.assertEqual(len(lab.captures[1].collect(1, 5)), 1)

    def test_no_sockets(self):
        self.without("socket", "AF_XDP sockets: Address family not supported by protocol")

    def test_no_programs(self):
        self.without("bpf", "XDP programs: Function not implemented")


if __name__ == "__main__":
    unittest.main()
