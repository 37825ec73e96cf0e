# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are compared: each polls on POLL_CPU from one port to another and says how many
packets it took in.

Ports: `pcap` is net_pcap with infinite_rx (the file's packets in memory, each copied into a fresh
buffer) to net_null; `memif` is net_memif, fed by a dpdk-testpmd on the other core, to net_null.
"""

import os
import re
import subprocess
import threading
import time

import lab
import workload

MBUFS = 131072  # the source's packets are held in buffers too
JUMBO_MBUFS, JUMBO_MBUF = 16384, 10240 + 128  # for frames above workload.JUMBO, as shunt has them
MEMORY = 768    # MiB that they need: without hugepages each buffer has a page of its own


def memif_devargs(number, role, directory):
    """One end of a memif; shunt is the server."""
    mac = f",mac={workload.PCAP_MAC}" if role == "server" and number == 0 else ""
    return (f"net_memif{number},role={role},id=0,bsize=2048,rsize=10,socket={directory}/memif{number}.sock,"
            f"socket-abstract=no{mac}")


def source_devargs(kind, pcap, directory):
    """The port where packets come in."""
    if kind == "memif":
        return memif_devargs(0, "server", directory)
    return f"net_pcap0,rx_pcap={pcap},infinite_rx=1"


def generator(session, pcap, directory):
    """For `memif`: sends the file's packets for ever, from the other core. A client asks once: the
    server must listen."""
    lab.wait_until((directory / "memif0.sock").exists, f"{directory}/memif0.sock")
    return session.start(
        ["dpdk-testpmd", "--lcores", f"0@{lab.OTHER_CPU},1@{lab.OTHER_CPU}", "--no-pci",
         "--no-telemetry", *lab.eal_memory(MEMORY),
         "--vdev", f"net_pcap0,rx_pcap={pcap},infinite_rx=1",
         "--vdev", memif_devargs(0, "client", directory),
         "--", "--forward-mode=io", "--no-flush-rx", f"--total-num-mbufs={MBUFS}", "--burst=64",
         "--nb-cores=1", "--auto-start", "--stats-period=3600"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Testpmd:
    """dpdk-testpmd: what the ports themselves cost (`io`), and with a write to each packet (`macswap`)."""

    def __init__(self, session, mode, devargs, sink="net_null0,no-rx=1", jumbo=False):
        self.name = f"testpmd-{mode}"
        buffers = ([f"--total-num-mbufs={JUMBO_MBUFS}", f"--mbuf-size={JUMBO_MBUF}"] if jumbo else
                   [f"--total-num-mbufs={MBUFS}"])
        self.session = session
        self.lines = []
        self.answered = threading.Condition()
        self.process = session.start(
            ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{lab.OTHER_CPU},1@{lab.POLL_CPU}",
             "--no-pci", "--no-telemetry", *lab.eal_memory(MEMORY), "--vdev", devargs,
             "--vdev", sink, "--", "-i", f"--forward-mode={mode}", "--no-flush-rx",
             *buffers, "--burst=64", "--nb-cores=1",
             "--port-topology=paired", "--disable-link-check"],
            cpus=set(lab.CPUS), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        self._say("start", "packet forwarding - ports")
        self.tid = lab.wait_until(lambda: self._polling_thread(), self.name, self.process)

    def _polling_thread(self):
        for name in ("rte-worker-1", "lcore-worker-1"):
            tid = lab.thread_named(self.process, name)
            if tid:
                return tid
        return None

    def _read(self):
        for line in self.process.stdout:
            with self.answered:
                self.lines.append(line)
                self.answered.notify_all()

    def _say(self, command, expected):
        """Type a command; the first line that has `expected` in it."""
        with self.answered:
            self.lines.clear()
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            end = time.monotonic() + 60
            while True:
                for line in self.lines:
                    if expected in line:
                        return line
                if self.process.poll() is not None or time.monotonic() > end:
                    raise lab.Failed(f"{self.name}: {command}: " + "".join(self.lines[-20:])
                                     + self.process.log.read_text(errors="replace")[-1000:])
                self.answered.wait(0.5)

    def packets(self):
        """Received so far."""
        return int(re.search(r"RX-packets: (\d+)", self._say("show port stats 0", "RX-packets:"))[1])

    def close(self):
        """End it."""
        self.session.stop(self.process)


class Shunt:
    """Both planes, programmed through the API; the data plane on one core."""

    name = "shunt"

    def __init__(self, session, devargs, scenario=workload.MPLS_SWAP, poll="busy", connect=lambda: None,
                 sink="net_null{},no-rx=1", prefix=(), mtu=1500):
        """With the ports of the scenario. `connect` is called when they are there: what makes their links
        come up. `sink`: what packets leave by, with the port's number. `prefix`: words before the data
        plane's command."""
        self.session = session
        self.devargs = devargs
        self.scenario = scenario
        self.sink, self.prefix, self.mtu = sink, prefix, mtu
        self.run_dir = session.directory / "run"
        self.run_dir.mkdir(mode=0o750, exist_ok=True)
        self.socket = self.run_dir / "bench/control.sock"
        self.poll = poll
        self.process = self.controlplane = None
        self.dropped_before = {}
        self.start_dataplane()
        self.start_controlplane()
        self._set_up(connect)

    def _where(self):
        return ["--instance", "bench", "--run-dir", self.run_dir]

    def start_dataplane(self, wait=True):
        """One worker, the main thread, on POLL_CPU."""
        words = [*self.prefix, lab.BUILD / "dataplane/shunt-dataplane", "--lcores", f"0@{lab.POLL_CPU}",
                 *lab.eal_memory(MEMORY), "--", *self._where(), "--poll", self.poll,
                 "--mbufs", MBUFS]
        if wait:
            self.process = self._start_ready(words, cpus=set(lab.CPUS))
        else:
            self.process = self.session.start(words, cpus=set(lab.CPUS), stdout=subprocess.DEVNULL)
        self.tid = self.process.pid

    def start_controlplane(self):
        """It keeps what it knew before, if anything."""
        self.controlplane = self._start_ready(
            [lab.BUILD / "controlplane/shunt-controlplane", *self._where(), "--foreground"])

    def _start_ready(self, words, **options):
        process = self.session.start(words, stdout=subprocess.PIPE, **options)
        os.set_blocking(process.stdout.fileno(), False)
        said = b""

        def ready():
            nonlocal said
            said += process.stdout.read() or b""
            return b"ready" in said
        lab.wait_until(ready, f"{words[0]} ready", process)
        return process

    def call(self, method, params=None):
        """One call of the API."""
        return lab.rpc(self.socket, method, params or {}, jsonrpc="2.0")

    def batch(self, commands):
        """Many commands; all must be accepted."""
        for first in range(0, len(commands), 250000):
            part = commands[first:first + 250000]
            result = self.call("batch", {"commands": part})
            if result["done"] != len(part):
                raise lab.Failed(f"shunt: {result['failed']} commands failed: {result['errors'][:3]}")

    def _set_up(self, connect):
        outputs = range(1, self.scenario.ports + 1)
        commands = [f"port add p0 devargs {self.devargs} mtu {self.mtu} mpls on",
                    *(f"port add p{i} devargs {self.sink.format(i)} mtu {self.mtu}" for i in outputs)]
        if self.scenario.bridged:
            # groups are flooded until somebody asks hosts
            commands += ["bridge add br0 snooping on querier on query-response-interval 1s",
                         *(f"port set p{i} bridge br0 vlan 1" for i in (0, *outputs))]
        else:
            commands += ["address add 10.0.0.1/24 dev p0", "address add 10.0.1.1/24 dev p1"]
            for i in range(workload.NEXTHOPS):
                nexthop, lladdr = workload.next_hop(i)
                commands.append(f"neigh add {nexthop} lladdr {lladdr} dev p1")
        self.batch(commands)
        connect()
        lab.wait_until(self._links_up, "shunt: links up", self.process)
        mac = self.ports()["p0"]["mac"]
        if mac != workload.PCAP_MAC and self.devargs.startswith(("net_pcap", "net_memif")):
            raise lab.Failed(f"shunt: p0 has the MAC {mac}, expected {workload.PCAP_MAC}")

    def ports(self):
        """Name to what `port show` says."""
        return {port["name"]: port for port in self.call("port show")}

    def _links_up(self):
        ports = self.ports()
        bad = [port for port in ports.values() if port.get("error")]
        if bad:
            raise lab.Failed(f"shunt: port {bad[0]['name']}: {bad[0]['error']}")
        return all(port["link"] == "up" and port.get("mac") for port in ports.values())

    def _enforced(self):
        return self.call("bridge snooping show")[0]["ipv4"]["enforced"]

    def load(self, entries):
        """The scenario's table. What was dropped before it was there does not count."""
        self.batch(list(self.scenario.commands(entries)))
        if self.scenario.bridged:
            lab.wait_until(self._enforced, "shunt: what hosts asked for is enforced", self.process)
        time.sleep(0.1)
        self.dropped_before = self.counters()["drops"]

    def counters(self):
        """Of the ingress interface."""
        return next(row for row in self.call("show counters") if "p0" in (row.get("interface"), row.get("name")))

    def packets(self):
        """Received so far."""
        return self.counters()["rx_packets"]

    def check(self):
        """All that came in since went out: a benchmark of drops would be fast."""
        dropped = {reason: count - self.dropped_before.get(reason, 0)
                   for reason, count in self.counters()["drops"].items()
                   if count > self.dropped_before.get(reason, 0)}
        if dropped:
            raise lab.Failed(f"shunt dropped packets: {dropped}")

    def close(self):
        """End both."""
        self.session.stop(self.controlplane, self.process)
