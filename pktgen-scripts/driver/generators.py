# SPDX-License-Identifier: BSD-3-Clause
"""Generators that Debian has, and our own: each sends a scenario's frames at a rate and counts what comes.

    generator   tests/bench/bench-generator over net_memif: any rate, times of each frame
    testpmd     dpdk-testpmd over net_memif: as fast as the port takes frames, no faster or slower
    flowgen     the same, but testpmd makes the frames: UDP in IPv4 to 1,024 addresses
    txonly      likewise: one flow
    tcpreplay   over veth: slow, but frames pass the kernel and any driver
    trafgen     likewise, up to some ten thousand a second
"""

import json
import math
import re
import shutil
import subprocess
import time

from scapy.utils import RawPcapReader

from router import OTHER_CPU, P0_MAC, scenarios, shunt_test
from scenarios_bridge import query

PROGRAM = shunt_test.BUILD / "tests/bench/bench-generator"


ROUND = 4  # frames after which a scenario repeats what is forwarded and what is not


class Failed(Exception):
    """A measurement cannot go on; says why."""


class Trial:
    """What came of sending `sent` frames in `seconds`: `received` by one receiver, of `expected`."""

    def __init__(self, rate, sent, received, share, seconds, late=False, times=None):
        self.rate, self.sent, self.received, self.seconds = rate, sent, received, seconds
        self.expected = sent * share
        missing = self.expected - received
        if share != 1 and missing < ROUND:  # the last round of the pattern was not whole
            missing = 0
        self.lost = max(0.0, missing) / self.expected if self.expected else 1.0
        self.pps = sent / seconds
        self.late = late  # the rate was not reached
        self.times = times or {}
        self.passed = not late and self.lost == 0

    def verdict(self):
        """In a word."""
        return "ok" if self.passed else "loss" if self.lost else "shortfall"


def _read_line(process, log, wanted):
    """The next line that begins with one of these; DPDK says others."""
    line = process.stdout.readline()
    while line and not line.startswith(wanted):
        line = process.stdout.readline()
    if not line:
        raise Failed(f"{process.args[0]} ended:\n{log.read_text(errors='replace')[-2000:]}")
    return line


class _Program:
    """A DPDK program at the other ends of both memifs."""

    veth = False
    ends = 2  # memifs that it has the other ends of
    mac = P0_MAC  # that it sends to
    only = None  # the one scenario that it can do
    commands = ()  # more of shunt's
    process = None

    def __init__(self, router, made, shortfall=0.02):
        self.router, self.made, self.shortfall = router, made, shortfall

    def _start(self, words):
        # what a client asks for once, a server must already listen to
        for i in range(self.ends):
            shunt_test.wait_until((self.router.directory / f"memif{i}.sock").exists, 20, f"memif{i}.sock")
        self.log = self.router.directory / f"{self.name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(OTHER_CPU), *map(str, words)], text=True, bufsize=1, stderr=log,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=shunt_test._die_with_parent)

    def _ends(self):
        return [word for i in range(self.ends) for word in ("--vdev", self.router.memif_end(i, "client"))]

    def close(self):
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


class Own(_Program):
    """bench-generator. The last 16 bytes of each frame become its mark."""

    name = "generator"

    @staticmethod
    def missing():
        """Why it cannot be used, or None."""
        return None if PROGRAM.exists() else f"{PROGRAM} is not built"

    @staticmethod
    def version():
        """It is of shunt's own build."""
        return "bench-generator"

    def connect(self):
        """Start, and wait for nothing."""
        self._start([PROGRAM, "--lcores", f"0@{OTHER_CPU}", "--no-pci", "--no-telemetry", "--no-huge",
                     "--no-shconf", "-m", "128", "--log-level=lib.eal:error", *self._ends(), "--",
                     self.made["pcap"]])

    def ready(self):
        """When the links are up."""
        _read_line(self.process, self.log, "ready")

    def trial(self, rate, seconds):
        """-> Trial at `rate` frames a second."""
        self.process.stdin.write(f"run {rate:.0f} {seconds}\n")
        got = json.loads(_read_line(self.process, self.log, "{"))
        sent = got["sent"] - got["refused"]
        return Trial(rate, sent, got["received"], self.made["share"], seconds,
                     late=sent < rate * seconds * (1 - self.shortfall), times=got)


class Testpmd(_Program):
    """dpdk-testpmd: net_pcap for ever into one memif, the other into nothing. It has no rate: it offers what
    the port takes, so that what is taken and comes back is the throughput."""

    name = "testpmd"

    @staticmethod
    def missing():
        """Why it cannot be used, or None."""
        return None if shutil.which("dpdk-testpmd") else "dpdk-testpmd is not installed (make deps-bench)"

    @staticmethod
    def version():
        """shunt runs with the same DPDK, and says which."""
        return "dpdk-testpmd"

    def _devices(self):
        return ["--vdev", f"net_pcap0,rx_pcap={self.made['pcap']},infinite_rx=1", *self._ends(),
                "--vdev", "net_null0,no-rx=1"]

    def _mode(self):
        return ["--forward-mode=io", "--port-topology=paired"]

    def connect(self):
        """Start, and wait for nothing."""
        self._start(["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{OTHER_CPU},1@{OTHER_CPU}", "--no-pci",
                     "--no-telemetry", "--no-huge", "--no-shconf", "-m", "512", *self._devices(), "--", "-i",
                     "--no-flush-rx", "--total-num-mbufs=65536", "--burst=32", "--nb-cores=1",
                     "--disable-link-check", *self._mode()])

    def ready(self):
        """Begin to send; before this nothing is counted."""
        self._say("start", "packet forwarding")

    def _say(self, command, wanted):
        self.process.stdin.write(command + "\n")
        return self._read(wanted)

    def _read(self, wanted):
        line = ""
        while wanted not in line:
            line = self.process.stdout.readline()
            if not line:
                raise Failed(f"testpmd: {wanted} expected: {self.log.read_text(errors='replace')[-2000:]}")
        return line

    def _port(self, number):
        """Frames received and sent by one of testpmd's ports, numbered as the --vdev options stand."""
        received = self._say(f"show port stats {number}", "RX-packets:")
        sent = self._read("TX-packets:")
        return [int(re.search(r"X-packets: +(\d+)", line)[1]) for line in (received, sent)]

    def _counts(self):
        """The moment, frames into p0, out of p1, lost on the way."""
        into, out = self._port(1)[1], self._port(2)[0]
        lost = sum(count for reason, count in self.router.drops().items() if reason not in self.made["drops"])
        return time.monotonic(), into, out, lost

    def trial(self, _rate, seconds):
        """-> Trial; its own rate is in `pps`. It never stops sending: what is on the way when the counters
        are read is not lost, so that losses are those that shunt counted."""
        before = self._counts()
        time.sleep(seconds)
        took, sent, out, lost = (now - then for now, then in zip(self._counts(), before))
        expected = sent * self.made["share"]
        if out < expected * 0.9 - 8192:
            lost = max(lost, expected - out)
        return Trial(sent / took, sent, expected - lost, self.made["share"], took)


class Flowgen(Testpmd):
    """dpdk-testpmd that makes its frames itself, of one size. It has the other end of p0 alone: what leaves by p1
    is shunt's to count."""

    name = "flowgen"
    ends, only = 1, "ip4"
    what = "UDP in IPv4 to 10.253.0.0 and the 1,023 addresses behind it, made by dpdk-testpmd"
    mac = "00:01:02:03:04:01"  # it knows no other
    commands = ("route add 10.253.0.0/16 via 10.0.1.2",)

    def _devices(self):
        return self._ends()

    def _mode(self):
        size = round(self.made["bytes_mean"])
        return ["--forward-mode=flowgen", f"--txpkts={size}", "--port-topology=loop"]

    def _counts(self):
        into = self._port(0)[1]
        counters = self.router.lab.counters()
        # p1 takes all; what p0 did not take is shunt's own, which nobody reads there
        lost = sum(count for reason, count in self.router.drops().items() if reason != "tx_full")
        return time.monotonic(), into, counters["p1"]["tx_packets"], lost


class Txonly(Flowgen):
    """One flow of those."""

    name = "txonly"
    what = "UDP in IPv4, one flow from 10.1.0.1 to 10.2.0.1, made by dpdk-testpmd"
    mac = P0_MAC
    commands = ()

    def _mode(self):
        size = round(self.made["bytes_mean"]) - 4
        return ["--forward-mode=txonly", f"--txpkts={size}", "--tx-ip=10.1.0.1,10.2.0.1",
                f"--eth-peer=0,{self.mac}", "--port-topology=loop"]


def _first_line(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return (done.stdout + done.stderr).split("\n", maxsplit=1)[0]


class Tcpreplay:
    """tcpreplay into h0; the kernel counts what comes by h1."""

    name = "tcpreplay"
    veth, ends, mac, only, commands = True, 2, P0_MAC, None, ()

    def __init__(self, router, made, shortfall=0.02):
        self.router, self.made, self.shortfall = router, made, shortfall

    @staticmethod
    def version():
        """Its own."""
        return _first_line("tcpreplay", "--version").replace(" version:", "")

    @staticmethod
    def missing():
        """Why it cannot be used, or None."""
        return None if shutil.which("tcpreplay") else "tcpreplay is not installed (make deps)"

    def connect(self):
        """Nothing to start."""

    def ready(self):
        """Receivers ask for what they want."""
        groups = len(scenarios.make(self.router.scenario, 0, 1).joins)
        if groups == 0:
            return
        self.query()
        for i in range(self.router.receivers):
            self.replay(self.made["joins"], 500, namespace=self.router.lab.target, interface=f"h{i + 1}")
        shunt_test.wait_until(
            lambda: len(self.router.lab.json("bridge groups show")) >= groups * self.router.receivers, 30,
            f"{groups} groups")

    def query(self):
        """A querier is heard at p0, and from now on nothing is flooded."""
        lab = self.router.lab
        lab.sender.send([query()])
        probe = scenarios.make("multicast", 1, 1, 64).sent

        def dropped():
            lab.sender.send(probe)
            return self.router.drops().get("bridge_unregistered")
        shunt_test.wait_until(dropped, 20, "groups that nobody asked for dropped", 0.1)

    def replay(self, path, rate, count=None, namespace=None, interface="h0", longest=None):
        """Send a file at `rate` frames a second, or None: at once; `count` frames, going round, but for no more
        than about `longest` seconds."""
        pace = "--topspeed" if rate is None else f"--pps={rate:.0f}"
        rounds = [] if count is None else ["--loop=0", f"--limit={count}"]
        rounds += [] if longest is None else [f"--duration={math.ceil(longest)}"]
        done = subprocess.run((namespace or self.router.lab.source).command(
            "tcpreplay", "-q", "-K", pace, *rounds, "-i", interface, str(path)),
            capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            raise Failed(f"tcpreplay: {done.stderr.strip()}")
        found = re.search(r"Actual: (\d+) packets .* sent in ([0-9.]+) seconds", done.stdout)
        return int(found[1]), float(found[2])

    def prepare(self):
        """Before frames are counted."""

    def send(self, rate, count, longest):
        """The scenario's frames; what cannot be sent in time is not waited for. -> seconds that it took."""
        return self.replay(self.made["pcap"], rate, count, longest=longest)[1]

    def _counts(self):
        counts = []
        for namespace, interface, side in ((self.router.lab.source, "h0", "tx"),
                                           (self.router.lab.target, "h1", "rx")):
            stats = json.loads(namespace.ip("-s", "-j", "link", "show", "dev", interface))[0]["stats64"]
            counts.append(stats[side]["packets"])
        return counts

    def _settled(self):
        before = self._counts()
        while True:
            time.sleep(0.1)
            now = self._counts()
            if now == before:
                return now
            before = now

    def trial(self, rate, seconds, count=None):
        """-> Trial; `count` frames instead of so many seconds."""
        self.prepare()
        before = self._settled()
        wanted = count or max(1, round(rate * seconds))
        took = self.send(rate, wanted, 2 * (seconds or wanted / rate))
        sent, received = (now - then for now, then in zip(self._settled(), before))
        took = max(took, 1e-6)
        return Trial(rate, sent, received, self.made["share"], took,
                     late=rate is not None and sent / took < rate * (1 - self.shortfall))

    def close(self):
        """Nothing to end."""


class Trafgen(Tcpreplay):
    """netsniff-ng's trafgen into h0. Told a gap, for told a rate it sends a second's frames in one burst; some ten
    thousand gaps a second are as many as it keeps. It does not say how long it sent: that is what it took longer
    than for one frame alone."""

    name = "trafgen"
    _startup = None

    @staticmethod
    def missing():
        """Why it cannot be used, or None."""
        return None if shutil.which("trafgen") else "trafgen is not installed (make deps-pktgen)"

    @staticmethod
    def version():
        """Its own."""
        return _first_line("trafgen", "--version").split(" (")[0]

    def _configuration(self):
        path = self.made["pcap"].with_suffix(".trafgen")
        if not path.exists():
            path.write_text("".join("{ " + ", ".join(f"0x{byte:02x}" for byte in frame) + " }\n"
                                    for frame, _ in RawPcapReader(str(self.made["pcap"]))), encoding="ascii")
        return path

    def _run(self, count, *more, longest=60):
        words = self.router.lab.source.command("trafgen", "-P", "1", "-Q", "-C", "-n", str(count), *more, "-i",
                                               str(self._configuration()), "-o", "h0")
        begun = time.monotonic()
        done = subprocess.run(["timeout", "-s", "INT", f"{longest:.3f}", *words], capture_output=True, text=True,
                              check=False, timeout=600)
        if done.returncode == 124:
            return time.monotonic() - begun
        if done.returncode != 0:
            raise Failed(f"trafgen: {(done.stderr or done.stdout).strip()[-1000:]}")
        return time.monotonic() - begun

    def prepare(self):
        """How long it takes to begin."""
        if self._startup is None:
            self._startup = min(self._run(1) for _ in range(3))

    def send(self, rate, count, longest):
        """As Tcpreplay.send."""
        took = self._run(count, "-t", f"{1e9 / rate:.0f}ns", longest=longest + self._startup)
        return max(1e-6, took - self._startup)


GENERATORS = {cls.name: cls for cls in (Own, Testpmd, Flowgen, Txonly, Tcpreplay, Trafgen)}
