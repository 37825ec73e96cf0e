#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports: added, changed, removed, lost and found at run time; several workers; both ways to end."""

import os
import subprocess
import unittest

from frames import numbered, stack, udp4
from shunt_test import BUILD, LabTest, for_each_driver, wait_until
from wire import run, veth


BINARY = str(BUILD / "dataplane/shunt-dataplane")


class Ports(LabTest):
    """Forwarding from p0 to p1 while ports around it, or they themselves, come and go."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.swapped = next(cls.labels)
        cls.lab.ctl(f"mpls add {cls.swapped} swap 777 via 10.0.1.2")

    def port(self, name):
        """`port show` of one port, or None."""
        return next((port for port in self.lab.json("port show") if port["name"] == name), None)

    def wait_port(self, name, condition, timeout=10):
        """Until the data plane reports so; returns the port."""
        return wait_until(lambda: (port := self.port(name)) and port["condition"] == condition and port,
                          timeout, f"{name} {condition}")

    def forwards(self, count=20):
        """Frames go from p0 to p1, unharmed."""
        bodies = [udp4(numbered(i)) for i in range(count)]
        self.check([self.arriving(stack(self.swapped) + body) for body in bodies],
                   [self.leaving(stack((777, 63)) + body) for body in bodies])

    def add_and_remove(self, devargs, name="px"):
        """A port of these devargs runs, and is gone again; the others do not notice."""
        self.lab.ctl(["port", "add", name, "devargs", devargs])
        port = self.wait_port(name, "running")
        self.forwards()
        self.lab.ctl(f"port del {name}")
        wait_until(lambda: self.port(name) is None, what=f"{name} gone")
        self.forwards()
        return port

    def tearDown(self):
        if self.port("px") is not None:
            self.lab.ctl("port del px")
            wait_until(lambda: self.port("px") is None, what="px gone")
        super().tearDown()

    # ---- added and removed

    def test_other_drivers(self):
        self.allow = "tap|multiq|memif"  # net_tap and net_memif complain of what they can do without
        self.assertEqual(self.add_and_remove("net_ring0")["driver"], "net_ring")
        run(*self.lab.router.command("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"))
        self.assertEqual(self.add_and_remove("net_tap0,iface=tap-px")["driver"], "net_tap")
        socket = self.lab.run_dir / "memif.sock"
        memif = f"net_memif0,role=server,socket={socket},socket-abstract=no"
        self.assertEqual(self.add_and_remove(memif)["driver"], "net_memif")

    def test_removed_and_added_again(self):
        lab = self.lab
        for _ in range(5):
            lab.ctl("mpls del " + str(self.swapped))
            for line in ("neigh del 10.0.1.2 dev p1", "address del 10.0.1.1/24 dev p1", "port del p1"):
                lab.ctl(line)
            lab.ctl(f"port add p1 devargs {lab.driver}1,iface=p1{lab.devargs} mtu {lab.mtu}")
            lab.ctl("address add 10.0.1.1/24 dev p1")
            lab.ctl(f"neigh add 10.0.1.2 lladdr {lab.host_mac(1)} dev p1")
            lab.ctl(f"mpls add {self.swapped} swap 777 via 10.0.1.2")
            lab.wait_links("up")
            # the control plane learns the port's MAC a little later than it is there to be seen
            wait_until(lambda: "unresolved" not in lab.ctl(f"-j mpls show {self.swapped}"),
                       what="nexthop resolved")
            self.forwards()
        self.assertEqual(lab.new_trouble(self.allow), [])

    def test_failure_is_told_and_disturbs_nobody(self):
        self.allow = "no such interface|EAL|refused|no such device|net_nothing"
        for devargs, words in ((f"{self.lab.driver}7,iface=nowhere", "no such interface"),
                               ("net_nothing0", "no such device or driver")):
            self.lab.ctl(["port", "add", "px", "devargs", devargs])
            self.assertIn(words, self.wait_port("px", "failed")["error"])
            self.forwards()
            self.lab.ctl("port del px")

    def test_interface_that_comes_later(self):
        self.allow = "no such interface|bpf_|XDP"  # libxdp finds no program to take off
        self.lab.ctl(f"port add px devargs {self.lab.driver}8,iface=late0")
        self.wait_port("px", "failed")
        self.lab.router.ip("link", "add", "late0", "type", "veth", "peer", "late1")
        for name in ("late0", "late1"):
            self.lab.router.ip("link", "set", name, "up")
        self.wait_port("px", "running")
        wait_until(lambda: self.port("px")["link"] == "up", what="link of px")
        self.lab.ctl("port del px")
        wait_until(lambda: self.port("px") is None, what="px gone")
        self.lab.router.ip("link", "del", "late0")

    # ---- changed

    def test_down_and_up(self):
        lab = self.lab
        lab.ctl("port set p0 down")
        self.wait_port("p0", "stopped")
        before = lab.counters()
        lab.sender.send([self.arriving(stack(self.swapped) + udp4(numbered(i))) for i in range(20)])
        lab.ctl("port set p0 up")
        self.wait_port("p0", "running")
        lab.wait_links("up")
        self.forwards()
        # what came in while it was down must not come out when it is up
        self.assertEqual(lab.counters()["p0"]["rx_packets"] - before["p0"]["rx_packets"], 20)

    def test_mtu(self):
        self.allow = "mtu 9999"
        self.lab.ctl("port set p1 mtu 1700")
        wait_until(lambda: self.port("p1")["mtu"] == 1700, what="mtu")
        self.wait_port("p1", "running")
        self.lab.ctl("port set p1 mtu 9999")
        self.assertIn("mtu 9999", self.wait_port("p1", "failed")["error"])
        self.assertEqual(self.port("p1")["link"], "up", "it runs on with what it had")
        self.lab.ctl(f"port set p1 mtu {self.lab.mtu}")
        self.wait_port("p1", "running")
        self.forwards()

    # ---- lost and found

    def test_carrier(self):
        flaps = self.port("p1")["flaps"]
        self.lab.target.ip("link", "set", "h1", "down")
        wait_until(lambda: self.port("p1")["link"] == "down", what="link down")
        self.lab.target.ip("link", "set", "h1", "up")
        wait_until(lambda: self.port("p1")["link"] == "up", what="link up")
        self.assertEqual(self.port("p1")["flaps"], flaps + 1)

    def test_interface_deleted_and_made_again(self):
        lab = self.lab
        self.allow = "interface is gone|no such interface|bpf_|xdp|XDP"
        lab.ctl("port add px devargs " + f"{lab.driver}9,iface=px0")
        for _ in range(2):
            veth(lab.router, "px0", "02:00:00:00:09:01", lab.target, "px1", "02:00:00:00:09:02", 1500)
            wait_until(lambda: self.port("px")["link"] == "up", what="link of px")
            lab.router.ip("link", "del", "px0")
            wait_until(lambda: self.port("px")["link"] == "down", what="px without its interface")
            self.wait_port("px", "failed")
        lab.ctl("port del px")
        wait_until(lambda: self.port("px") is None, what="px gone")
        self.forwards()

    # ---- the process

    def test_killed_and_started_with_two_workers(self):
        lab = self.lab
        before = self.port("p0")["rx_packets"]
        lab.kill("dataplane")
        lab._start("dataplane", *lab.router.command(
            BINARY, "-l", "0,1", "--no-huge", "-m", "256", "--", *lab._where()), wait=True)
        lab.wait_links("up")
        self.assertGreaterEqual(self.port("p0")["rx_packets"], before, "totals outlive the process")
        self.assertEqual(len(lab.json("show workers")), 2)
        self.forwards()
        self.assertEqual(lab.stop("dataplane"), 0)
        lab.start_dataplane()
        lab.wait_links("up")
        self.forwards()

    def test_second_data_plane_is_refused(self):
        lab = self.lab
        done = subprocess.run(lab.router.command(BINARY, "--no-huge", "--", *lab._where()),
                              capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("has a data plane already", done.stderr)
        self.forwards()


for_each_driver(globals(), Ports)

if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
    else:
        unittest.main(verbosity=2)
