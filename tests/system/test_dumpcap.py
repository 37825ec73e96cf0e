#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-dumpcap beside a data plane whose EAL options let other processes in."""

import fcntl
import re
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from scapy.utils import PcapNgReader

from frames import numbered, stack, udp4
from shunt_test import BUILD, Lab, LabTest, for_each_driver, wait_until

MEGABYTES = 192
PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


class Hugepages:
    """As many free huge pages as a data plane of ours needs, the kernel's number as before at the end.

    One test at a time on the machine: what one sets aside, another's end would give back.
    """

    def __init__(self, number):
        self.number = number
        self.lock = open("/run/lock/shunt-test-hugepages", "w", encoding="ascii")
        self.before = None

    def take(self):
        """Set them aside; whether they are there."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        missing = self.number - self._read("free_hugepages")
        if missing > 0:
            self.before = self._read("nr_hugepages")
            self._set(self.before + missing)
        return self._read("free_hugepages") >= self.number

    def give_back(self):
        """The machine as it was."""
        if self.before is not None:
            self._set(self.before)
        self.lock.close()

    @staticmethod
    def _read(name):
        return int((PAGES / name).read_text(encoding="ascii"))

    @staticmethod
    def _set(number):
        """The kernel gives fewer, without an error, if memory is short; a container may not ask at all."""
        try:
            (PAGES / "nr_hugepages").write_text(str(number), encoding="ascii")
        except OSError:
            pass


class SharedLab(Lab):
    """Its data plane has shared hugepages, in a mount namespace of its own."""

    def start_dataplane(self, *options, lcores="0", wait=True):
        pages = self.run_dir / "huge"
        pages.mkdir()
        words = [str(BUILD / "dataplane/shunt-dataplane"), "-l", lcores, "--huge-dir", str(pages),
                 "-m", str(MEGABYTES), "--file-prefix", self.instance, "--", *self._where(),
                 "--mbufs", "4096", *options]
        self._start("dataplane", *self.router.command(
            "unshare", "-m", "sh", "-c", f"mount -t hugetlbfs none {pages} && exec \"$0\" \"$@\"",
            *words), wait=wait)

    def beside_dataplane(self, *words):
        """The words that run a command where it is."""
        return ["nsenter", "-m", "-n", "-t", str(self.processes["dataplane"].pid), *words]


@unittest.skipUnless(PAGES.exists(), "the kernel has no hugepages of 2 MiB")
@unittest.skipUnless(shutil.which("dpdk-dumpcap"), "dpdk-dumpcap is not installed")
class Dumpcap(LabTest):
    """It sees what comes in and goes out, and the data plane does not notice when it ends or is killed."""

    lab_class = SharedLab

    @classmethod
    def setUpClass(cls):
        pages = Hugepages(MEGABYTES // 2)
        cls.addClassCleanup(pages.give_back)
        if not pages.take():
            raise unittest.SkipTest(f"the kernel has no {MEGABYTES} MiB for hugepages")
        super().setUpClass()

    def begin(self, port):
        """Start it on a port, for labelled frames; it has said that it captures."""
        log = self.log = self.lab.run_dir / "dumpcap.log"
        self.file = self.lab.run_dir / f"{port}-{time.monotonic_ns()}.pcapng"
        with open(log, "wb") as out:
            running = subprocess.Popen(self.lab.beside_dataplane(
                "dpdk-dumpcap", "--file-prefix", self.lab.instance, "-i", str(port),
                "-f", "mpls", "-w", str(self.file)), stdout=out, stderr=out)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        # said when its callbacks are there; "Capturing on" comes before them
        wait_until(lambda: "Packets captured" in log.read_text() or running.poll() is not None, 60, self.said)
        self.assertIsNone(running.poll(), self.said())
        return running

    def said(self):
        """What it says, for a failure's message."""
        return f"dpdk-dumpcap says: {self.log.read_text().strip()}"

    def swapped(self):
        """Frames that come out of p1, and what they are there."""
        label = self.label()
        self.lab.ctl(f"mpls add {label} swap 200 via 10.0.1.2")
        return ([self.arriving(stack((label, 64)) + udp4(numbered(i))) for i in range(10)],
                [self.leaving(stack((200, 63)) + udp4(numbered(i))) for i in range(10)])

    def counted(self):
        """How many labelled frames it says that it has."""
        found = re.findall(r"\d+", self.log.read_text().partition("Packets captured:")[2])
        return int(found[-1]) if found else 0

    def captured(self):
        """The frames in its file."""
        with PcapNgReader(str(self.file)) as reader:
            return list(map(bytes, reader))

    def test_frames_end_and_death(self):
        for port in (0, 1):
            sent, expected = self.swapped()
            running = self.begin(port)
            self.check(sent, expected)
            wait_until(lambda: self.counted() >= len(sent), 20, self.said)
            running.send_signal(signal.SIGINT)
            running.wait(60)
            self.assertEqual(self.captured(), sent if port == 0 else expected, self.said())
        self.check(*self.swapped())
        # killed: nothing more is captured on that port, and nothing else suffers
        running = self.begin(0)
        self.check(*self.swapped())
        running.kill()
        running.wait()
        self.check(*self.swapped())
        # devices come and go still
        self.lab.ctl("port add n0 devargs net_null9")
        self.lab.wait_links("up", ["n0"])
        self.lab.ctl("port del n0")
        self.check(*self.swapped())


for_each_driver(globals(), Dumpcap)

if __name__ == "__main__":
    unittest.main(verbosity=2)
