# SPDX-License-Identifier: BSD-3-Clause
"""What is tested: both shunt processes in a namespace of their own, with a scenario's configuration.

    memif   p0 and p1 are net_memif servers, further receivers are sinks: for generators that run DPDK; those
            that have one end only have p0
    veth    p0, p1, ... are veth pairs whose other ends h0, h1, ... are in namespaces
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "system"), str(ROOT / "pktgen-scripts" / "packets")]

import shunt_test  # noqa: E402
import generate  # noqa: E402
import scenarios  # noqa: E402
from traffic import P0_MAC, P1_MAC  # noqa: E402
from wire import run  # noqa: E402

CPUS = sorted(os.sched_getaffinity(0))
POLL_CPU, OTHER_CPU = CPUS[-1], CPUS[0]
FRAMES = 4096  # different ones in a file
SEED = 1


class Router:
    """Left by `with`: all of it is gone. `wire`: "memif", "net_af_packet" or "net_af_xdp"."""

    def __init__(self, scenario, wire, poll="adaptive", ends=2, mac=P0_MAC):
        self.scenario, self.wire, self.poll = scenario, wire, poll
        self.ends, self.mac = ends, mac  # of memifs; p0's
        self.receivers = scenarios.make(scenario, 0, SEED).receivers
        self.lab = None

    def __enter__(self):
        ports = 2 if self.memif else self.receivers + 1
        self.lab = shunt_test.Lab(ports, "net_af_packet" if self.memif else self.wire)
        self.lab.start_dataplane("--poll", self.poll, lcores=str(POLL_CPU))
        self.lab.start_controlplane()
        self.directory = Path(tempfile.mkdtemp(dir=self.lab.run_dir))
        return self

    def __exit__(self, *_):
        self.lab.close()

    @property
    def memif(self):
        """Else veth."""
        return self.wire == "memif"

    def memif_end(self, number, role):
        """devargs of one end of the wire to port `number`."""
        mac = f",mac={(self.mac, P1_MAC)[number]}" if role == "server" else ""
        # what waits at p0 has room at p1, should the generator be away for a while
        return (f"net_memif{number},role={role},id=0,bsize=2048,rsize={(10, 12)[number]},"
                f"socket={self.directory}/memif{number}.sock,socket-abstract=no{mac}")

    def _places(self):
        if not self.memif:
            return generate.devices(self.wire, self.receivers + 1)
        return {f"dev{i}": self.memif_end(i, "server") if i < self.ends else f"net_null{i},no-rx=1"
                for i in range(self.receivers + 1)}

    def traffic(self, size, count=FRAMES):
        """Make a scenario's files in frames of this size; what generate.write() says, with `pcap` and
        `joins` as paths and `bytes_mean` with FCS."""
        made = generate.write(self.scenario, count, SEED, self.directory, size=size, places=self._places())
        made["pcap"] = self.directory / f"{self.scenario}.pcap"
        made["joins"] = self.directory / f"{self.scenario}.joins.pcap"
        made["bytes_mean"] = made["bytes"] / made["sent"] + 4
        made["growth"] = (made["expected_bytes"] / made["expected"] - made["bytes"] / made["sent"]
                          if made["expected"] == made["sent"] else 0)
        made["share"] = made["expected"] / made["sent"]
        return made

    def configure(self, made, connect=lambda: None):
        """The scenario's ports and tables. `connect`: what makes links of memifs come up."""
        self.lab.batch(made["setup"])
        connect()
        self.lab.wait_links("up", [f"p{i}" for i in range(self.receivers + 1)])
        self.lab.batch(made["commands"])

    def drops(self):
        """Reason to packets, at any interface."""
        out = {}
        for (_, reason), count in self.lab.drops().items():
            out[reason] = out.get(reason, 0) + count
        return out

    def one_namespace(self):
        """For a generator that has both ends: h1, h2, ... join h0."""
        for i in range(1, len(self.lab.ports)):
            run("ip", "-n", self.lab.target.name, "link", "set", f"h{i}", "netns", self.lab.source.name)
            self.lab.source.ip("link", "set", f"h{i}", "arp", "off", "promisc", "on", "up")
            run(*self.lab.source.command("sysctl", "-qw", f"net.ipv6.conf.h{i}.disable_ipv6=1"))
