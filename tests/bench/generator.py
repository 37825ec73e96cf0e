# SPDX-License-Identifier: BSD-3-Clause
"""A forwarder between the two memif ports of bench-generator, which sends, takes and compares."""

import json
import os
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

import forwarders
import lab
import workload

PROGRAM = "tests/bench/bench-generator"
P1_MAC = "02:00:00:00:01:01"
FRAMES = 4096  # different ones


class Loop:
    """A forwarder on POLL_CPU, the generator on OTHER_CPU; left with the session. Frames have `size` bytes;
    `expected`: frame to the frame that comes out, for each of them."""

    def __init__(self, session, scenario, entries, size=80, expected=None):
        self.session, self.scenario, self.entries = session, scenario, entries
        self.directory = Path(tempfile.mkdtemp(dir=session.directory))
        self.process = self.forwarder = None
        frames = list(scenario.frames(entries, size, FRAMES))
        self.files = [self.directory / "sent.pcap"]
        workload.write_frames(self.files[0], frames)
        if expected is not None:
            self.files.append(self.directory / "expected.pcap")
            workload.write_frames(self.files[1], map(expected, frames))
        self.ends = [forwarders.memif_devargs(0, "server", self.directory),
                     forwarders.memif_devargs(1, "server", self.directory) + f",mac={P1_MAC}"]

    def with_shunt(self, load=True):
        """`load`: its tables too."""
        self.forwarder = forwarders.Shunt(self.session, self.ends[0], self.scenario, connect=self._connect,
                                          sink=self.ends[1])
        if load:
            self.forwarder.load(self.entries)
        self._line("ready")
        return self

    def with_testpmd(self):
        """Nothing but the ports."""
        self.forwarder = forwarders.Testpmd(self.session, "io", *self.ends)
        self._connect()
        self._line("ready")
        return self

    def _connect(self):
        for i in range(2):
            lab.wait_until((self.directory / f"memif{i}.sock").exists, f"memif{i}.sock")
        ports = (word for i in range(2)
                 for word in ("--vdev", forwarders.memif_devargs(i, "client", self.directory)))
        self.process = self.session.start(
            [lab.BUILD / PROGRAM, "--lcores", f"0@{lab.OTHER_CPU}", "--no-pci", "--no-telemetry",
             *lab.eal_memory(128), "--log-level=lib.eal:error", *ports, "--", *self.files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def pause(self):
        """Neither runs until `go_on`."""
        for process in (self.forwarder.process, self.process):
            process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """After `pause`."""
        for process in (self.forwarder.process, self.process):
            process.send_signal(signal.SIGCONT)

    def _line(self, what):
        line = self.process.stdout.readline()
        while line and not line.startswith(("{", "ready")):  # what DPDK says
            line = self.process.stdout.readline()
        if not line:
            raise lab.Failed(f"bench-generator: {what}: " + self.process.log.read_text(errors="replace")[-1000:])
        return line

    def begin(self, rate, seconds):
        """Packets a second."""
        self.process.stdin.write(f"run {rate:.0f} {seconds}\n")
        self.process.stdin.flush()

    def end(self):
        """What it saw."""
        return json.loads(self._line("run"))

    def run(self, rate, seconds):
        """Both."""
        self.begin(rate, seconds)
        return self.end()


def swapped(frame):
    """What `mpls-swap` makes of a frame."""
    entry = struct.unpack("!I", frame[14:18])[0]
    label = entry >> 12
    entry = workload.out_label(label) << 12 | (entry & 0xF00) | (entry & 0xFF) - 1
    macs = workload.mac(workload.next_hop(label)[1]) + workload.mac(P1_MAC)
    return macs + frame[12:14] + struct.pack("!I", entry) + frame[18:]


def skip():
    """Why there is nothing to measure with, or None."""
    if len(lab.CPUS) < 2:
        return "two cores are needed"
    return None if os.path.exists(lab.BUILD / PROGRAM) else f"{PROGRAM} is not built"
