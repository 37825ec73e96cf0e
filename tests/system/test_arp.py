#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Address resolution for our own addresses: up a punt ring and down an inject ring, whoever restarted."""

import unittest

from frames import ETHERTYPE_ARP, ethernet, mac
from shunt_test import LabTest, for_each_driver, wait_until
from wire import Capture, Sender

EVERYBODY = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"


def arp(operation, to, ours, sender, target, about):
    """An ARP packet (RFC 826) in a frame."""
    body = bytes.fromhex("000108000604") + operation.to_bytes(2, "big")
    body += mac(sender) + bytes(map(int, ours.split("."))) + mac(target)
    return ethernet(to, sender, ETHERTYPE_ARP, body + bytes(map(int, about.split("."))))


class AddressResolution(LabTest):
    """Requests are answered on every port."""

    ports = 3

    def request(self, i, about):
        """Who has this address? asked by the host of port i."""
        return arp(1, EVERYBODY, f"10.0.{i}.2", self.lab.host_mac(i), NOBODY, about)

    def assert_answered(self, i):
        """A request for our address on port i gets its answer there."""
        lab = self.lab
        answer = arp(2, lab.host_mac(i), f"10.0.{i}.1", lab.mac(f"p{i}"), lab.host_mac(i),
                     f"10.0.{i}.2")
        capture, sender = Capture(lab.host(i), f"h{i}", arp=True), Sender(lab.host(i), f"h{i}")
        try:
            def answered():  # a ring that comes into use may lose one
                sender.send([self.request(i, f"10.0.{i}.1")])
                return answer in [frame[:42] for frame in capture.collect(1, 0.5)]
            wait_until(answered, 5, f"an answer by p{i}")
        finally:
            capture.close()
            sender.close()

    def assert_answered_on_every_port(self):
        self.lab.wait_links("up")
        for i in range(self.ports):
            self.assert_answered(i)

    def tables_files(self):
        """The tables file of the instance, and nothing else."""
        return list((self.lab.run_dir / self.lab.instance).glob("tables.*"))

    def test_answered_and_counted(self):
        self.check([self.request(0, "10.0.0.77"), self.request(0, "10.0.0.1")], [], punts={"arp": 2})
        self.assert_answered_on_every_port()

    def test_after_a_restart_with_fewer_workers(self):
        lab = self.lab
        for end in (lab.kill, lab.stop):
            with self.subTest(end=end.__name__):
                end("dataplane")
                lab.start_dataplane(lcores="0,1")
                self.assert_answered_on_every_port()
                self.assertEqual(len(lab.json("show workers")), 2)
                end("dataplane")
                lab.start_dataplane(lcores="0")
                self.assert_answered_on_every_port()

    def test_after_a_restart_of_the_control_plane(self):
        for end in (self.lab.kill, self.lab.stop):
            with self.subTest(end=end.__name__):
                end("controlplane")
                self.lab.start_controlplane()
                self.assert_answered_on_every_port()

    def test_after_the_tables_were_removed(self):
        lab = self.lab
        self.assert_answered_on_every_port()
        for first, second in (("dataplane", "controlplane"), ("controlplane", "dataplane")):
            with self.subTest(first=first):
                lab.stop("controlplane")
                lab.stop("dataplane")
                self.assertEqual(len(self.tables_files()), 1)
                self.tables_files()[0].unlink()
                getattr(lab, f"start_{first}")(wait=False)
                getattr(lab, f"start_{second}")(wait=False)
                lab.wait_ready(first)
                lab.wait_ready(second)
                self.assert_answered_on_every_port()


for_each_driver(globals(), AddressResolution)

if __name__ == "__main__":
    unittest.main(verbosity=2)
