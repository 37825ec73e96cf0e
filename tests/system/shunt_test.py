# SPDX-License-Identifier: BSD-3-Clause
"""A lab: both processes on veth pairs in namespaces of their own, and test cases that use it.

    source namespace: h0 ---- p0 \\
                                  router namespace: shunt
    target namespace: h1 ---- p1 /   (h2 ---- p2, ...)

Everything carries a name of its own and is removed at the end, also after SIGTERM and SIGINT.
"""

import atexit
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from wire import Capture, Namespace, Sender, veth

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "pktgen-scripts" / "packets"))

import frames  # noqa: E402
import scenarios  # noqa: E402

BUILD = Path(os.environ.get("SHUNT_BUILD", ROOT / "build"))
DRIVERS = os.environ.get("SHUNT_DRIVERS", "net_af_packet net_af_xdp").split()
RATE = 20000  # frames a second that two busy cores carry over veth without loss, with room to spare
PORTION = 200  # frames that a driver holds while its worker does not run: af_packet 512, veth with XDP 256
PATIENCE = 4  # times as long as a quiet machine is given; waiting for what comes costs nothing

# What the libraries say on a machine without a NIC, hugepages or a BPF file system.
EXPECTED_NOISE = re.compile(
    r"No bpffs found|Physical addresses are unavailable|No free .*hugepages|hugepage|"
    r"TELEMETRY: No legacy callbacks|Detected shared linkage|VFIO|IOVA|Multi-process socket|"
    r"PF_PACKET|Static memory layout is selected|HPET|NUMA")
TROUBLE = re.compile(r"warn|error|critical|alert|emerg|fail|cannot|sanitizer|assert", re.IGNORECASE)

_labs = []


def wait_until(predicate, timeout=10.0, what="condition", interval=0.01):
    """Ask until the answer is true; returns it. Else, after PATIENCE times `timeout`, AssertionError with
    `what`, which may be a function that says at the end what there is."""
    timeout *= PATIENCE
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what() if callable(what) else what}: not within {timeout} s")
        time.sleep(interval)


def waited(*pids):
    """Seconds so far in which these could have run and had no processor, or the whole machine had none."""
    nanoseconds = sum(int(path.read_text().split()[1]) for pid in pids
                      for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    stolen = int(Path("/proc/stat").read_text().split()[8])
    return nanoseconds / 1e9 + stolen / os.sysconf("SC_CLK_TCK")


def _die_with_parent():
    """The kernel ends the process if we are killed; called in the child."""
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _run_root():
    """Where run directories go: a tmpfs, as /run is on a server."""
    for place in ("/run", "/dev/shm", "/tmp"):
        kind = subprocess.run(["stat", "-f", "-c", "%T", place], capture_output=True, text=True,
                              check=False).stdout.strip()
        if kind == "tmpfs":
            return place
    return "/tmp"


class Refused(AssertionError):
    """shuntctl said no."""

    def __init__(self, words, code, text):
        super().__init__(f"shuntctl {words}: exit {code}: {text}")
        self.code = code
        self.text = text


class Lab:
    """Namespaces, links and the two processes. `ports`: how many; `driver`: the PMD of all of them."""

    def __init__(self, ports=2, driver="net_af_packet", mtu=1500, devargs=""):
        self.driver = driver
        self.mtu = mtu
        self.devargs = devargs
        self.ports = [f"p{i}" for i in range(ports)]
        self.processes = {}
        self.namespaces = []
        self.log_at = {}
        self.run_dir = None
        _labs.append(self)
        self.run_dir = Path(tempfile.mkdtemp(prefix="shunt-test-", dir=_run_root()))
        self.run_dir.chmod(0o750)
        self.instance = f"t{os.getpid()}-{secrets.token_hex(3)}"
        self.router, self.source, self.target = (self._namespace(role)
                                                 for role in ("router", "source", "target"))
        for i, port in enumerate(self.ports):
            veth(self.router, port, self.mac(port), self.host(i), f"h{i}", self.host_mac(i), mtu)
        self.sender = Sender(self.source, "h0")
        self.captures = [Capture(self.host(i), f"h{i}") for i in range(ports)]

    def _namespace(self, role):
        namespace = Namespace(role)
        self.namespaces.append(namespace)
        return namespace

    # ---- names

    def host(self, i):
        """The namespace at the other end of port i."""
        return self.source if i == 0 else self.target

    @staticmethod
    def mac(port):
        """A port's own MAC."""
        return f"02:00:00:00:01:{int(port[1:]):02x}"

    @staticmethod
    def host_mac(i):
        """The MAC at the other end."""
        return f"02:00:00:00:00:{i + 1:02x}"

    # ---- processes

    def start_dataplane(self, *options, lcores="0", wait=True, eal=()):
        """Start it, on one lcore if nothing else is said, without hugepages; `eal`: options of EAL's."""
        self._start("dataplane", *self.router.command(
            str(BUILD / "dataplane/shunt-dataplane"), "-l", lcores, "--no-huge", "-m", "256", *eal,
            "--", *self._where(), *options), wait=wait)

    def start_controlplane(self, *options, wait=True):
        """Start it in the foreground."""
        self._start("controlplane", str(BUILD / "controlplane/shunt-controlplane"), *self._where(),
                    "--foreground", *options, wait=wait)

    def _where(self):
        return ["--instance", self.instance, "--run-dir", str(self.run_dir)]

    def _start(self, name, *words, wait):
        out = open(self.run_dir / f"{name}.out", "wb")
        log = open(self.run_dir / f"{name}.log", "ab")
        with out, log:
            self.processes[name] = subprocess.Popen(
                words, stdout=out, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent)
        if wait:
            self.wait_ready(name)

    def wait_ready(self, name, timeout=20):
        """It said `ready` on standard output."""
        def ready():
            code = self.processes[name].poll()
            if code is not None:
                raise AssertionError(f"{name} ended with {code}:\n{self.log(name)}")
            return "ready" in (self.run_dir / f"{name}.out").read_text()
        wait_until(ready, timeout, f"{name} ready")

    def signal(self, name, number):
        """Send a signal to one of the two."""
        self.processes[name].send_signal(number)

    def kill(self, name):
        """kill -9, and wait until it is gone."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name, timeout=15 * PATIENCE):
        """SIGTERM; returns its exit code, which must be 0."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not end within {timeout} s of SIGTERM") from None

    def log(self, name):
        """What it wrote to standard error so far."""
        path = self.run_dir / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def new_trouble(self, allow=None):
        """Log lines since the last question that are warnings or worse and that nobody expects."""
        out = []
        for name in ("dataplane", "controlplane"):
            text = self.log(name)
            for line in text[self.log_at.get(name, 0):].splitlines():
                if line.startswith("info:") or not TROUBLE.search(line):
                    continue
                if not EXPECTED_NOISE.search(line) and not (allow and re.search(allow, line)):
                    out.append(f"{name}: {line}")
            self.log_at[name] = len(text)
        return out

    def trouble(self, allow=None):
        """What is wrong with its processes: dead, or words in the logs that nobody expects."""
        return [f"{name} died:\n{self.log(name)[-4000:]}" for name, process in self.processes.items()
                if process.poll() is not None] + self.new_trouble(allow)

    # ---- shuntctl

    def ctl_words(self):
        """The beginning of a shuntctl command line."""
        return [str(BUILD / "cli/shuntctl"), *self._where()]

    def ctl(self, line, *, stdin=None, options=(), timeout=60):
        """Run `shuntctl LINE`; its output. Raises Refused."""
        words = line.split() if isinstance(line, str) else list(line)
        done = subprocess.run([*self.ctl_words(), *options, *words], input=stdin, text=True,
                              capture_output=True, check=False, timeout=timeout)
        if done.returncode != 0:
            raise Refused(" ".join(words), done.returncode, done.stderr.strip() or done.stdout)
        return done.stdout

    def json(self, line):
        """Run `shuntctl -j LINE`; what it says as Python objects."""
        return json.loads(self.ctl(line, options=["-j"]))

    def batch(self, lines, atomic=False):
        """Many commands at once."""
        options = ["-b", "-"] + (["--atomic"] if atomic else [])
        return self.ctl([], stdin="".join(line + "\n" for line in lines), options=options)

    # ---- set-up

    def start(self, mpls_in=("p0",)):
        """Both processes, all ports with addresses and neighbours: port i is 10.0.i.1/24, its host
        10.0.i.2."""
        self.start_dataplane()
        self.start_controlplane()
        for i, port in enumerate(self.ports):
            labels = " mpls on" if port in mpls_in else ""
            self.ctl(f"port add {port} devargs {self.driver}{i},iface={port}{self.devargs} "
                     f"mtu {self.mtu}{labels}")
            self.ctl(f"address add 10.0.{i}.1/24 dev {port}")
            self.ctl(f"neigh add 10.0.{i}.2 lladdr {self.host_mac(i)} dev {port}")
        self.wait_links("up")
        return self

    def wait_links(self, state, ports=None):
        """Until these ports (all) are so; "up": and the control plane knows their addresses, so that
        nexthops by them are complete."""
        names = ports or self.ports

        def so():
            rows = {row["name"]: row for row in self.json("port show")}
            return all(name in rows and rows[name]["link"] == state and
                       (state != "up" or "mac" in rows[name]) for name in names)
        try:
            wait_until(so, 20, f"{names} {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.ctl('port show')}{self.log('dataplane')}") from None

    # ---- counters

    def counters(self):
        """Interface to its counters, as `show counters` has them."""
        return {row["interface"]: row for row in self.json("show counters")}

    def drops(self):
        """(interface, reason) to packets."""
        return {(name, reason): count for name, row in self.counters().items()
                for reason, count in row["drops"].items() if count}

    def punts(self):
        """Reason to packets, over all workers."""
        out = {}
        for worker in self.json("show workers"):
            for reason, count in worker["punted"].items():
                if count:
                    out[reason] = out.get(reason, 0) + count
        return out

    def settle(self, before, interface, count, timeout=15):
        """Wait until `count` more packets came in by `interface` (None: by any) and every packet has ended.
        What was forwarded is with the driver then, not yet at the other end."""
        def settled():
            now = self.counters()
            came = sum(now[name]["rx_packets"] - before[name]["rx_packets"]
                       for name in ([interface] if interface else before))
            return now if came >= count and all(row["in_flight"] == 0 for row in now.values()) else None
        try:
            return wait_until(settled, timeout, "packets received and ended")
        except AssertionError as error:
            raise AssertionError(f"{error}: {count} sent to {interface}: {before.get(interface, before)} -> "
                                 f"{self.counters().get(interface)}") from None

    def send_settled(self, frames, interface="p0", rate=RATE):
        """Send frames into p0, as many at once as any ring holds while nobody empties it, and wait until all
        have ended. `interface`: where they are counted; None: anywhere."""
        for start in range(0, len(frames), PORTION):
            portion, before = frames[start:start + PORTION], self.counters()
            self.sender.send(portion, rate)
            self.settle(before, interface, len(portion))

    def close(self):
        """End and remove everything. Safe to call twice."""
        for process in list(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.processes.clear()
        for namespace in self.namespaces:
            namespace.remove()
        self.namespaces.clear()
        for thing in [getattr(self, "sender", None), *getattr(self, "captures", ())]:
            if thing is not None:
                thing.close()
        self.captures = []
        self.sender = None
        if self.run_dir is not None:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            for left in Path("/var/run/dpdk").glob(f"*{self.instance}*"):  # by EAL
                shutil.rmtree(left, ignore_errors=True)
        if self in _labs:
            _labs.remove(self)


@atexit.register
def _close_all():
    for lab in list(_labs):
        lab.close()


def _on_signal(number, _frame):
    sys.exit(128 + number)


signal.signal(signal.SIGTERM, _on_signal)
signal.signal(signal.SIGINT, _on_signal)


def assert_sound(test, what, allow=None):
    """For tearDown: a lab or network has no trouble."""
    found = what.trouble(allow)
    test.assertEqual(found, [], "\n".join(found))


class LabTest(unittest.TestCase):
    """A test case with one lab for the class. After each test the logs must be silent and every
    packet must have ended."""

    driver = "net_af_packet"
    ports = 2
    mtu = 1500
    devargs = ""
    mpls_in = ("p0",)
    lab_class = Lab
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.lab_class(cls.ports, cls.driver, cls.mtu, cls.devargs)
        cls.addClassCleanup(cls.lab.close)
        cls.labels = iter(range(1000, 1 << 20))
        cls.lab.start(cls.mpls_in)

    def setUp(self):
        self.allow = None

    def tearDown(self):
        assert_sound(self, self.lab, self.allow)

    def label(self):
        """A label that no other test of the class uses."""
        return next(self.labels)

    def arriving(self, body, **options):
        """A labelled frame as the source sends it to p0."""
        return frames.ethernet(options.pop("dst", self.lab.mac("p0")), self.lab.host_mac(0),
                               options.pop("ethertype", frames.ETHERTYPE_MPLS), body, **options)

    def leaving(self, body, port=1, **options):
        """A labelled frame as the host behind `port` gets it."""
        return frames.ethernet(options.pop("dst", self.lab.host_mac(port)), self.lab.mac(f"p{port}"),
                               options.pop("ethertype", frames.ETHERTYPE_MPLS), body, **options)

    def check(self, sent, expected, *, drops=None, punts=None, interface="p0", port=1, ordered=True,
              rate=RATE, count=None):
        """Send frames to p0, no more at once than a driver holds, or call `sent` to send `count` of them.
        These must come out of `port`, byte by byte, and the rest must have ended for these reasons, counted
        at `interface`. Nothing else may have been counted."""
        lab = self.lab
        before, before_drops, before_punts = lab.counters(), lab.drops(), lab.punts()
        for capture in lab.captures:
            capture.drain()
        if callable(sent):
            sent()
            lab.settle(before, interface, count)
        elif count:
            lab.sender.send(sent, rate)
            lab.settle(before, interface, count)
        else:
            lab.send_settled(sent, interface, rate)
        got = lab.captures[port].collect(len(expected), 20)
        try:
            self.compare(got, expected, ordered)
        except AssertionError as error:
            raise AssertionError(f"{error}\ndrops {_difference(lab.drops(), before_drops)}, "
                                 f"punts {_difference(lab.punts(), before_punts)}") from None
        for i, capture in enumerate(lab.captures):
            if i != port:
                self.assertEqual(capture.drain(), [], f"nothing is expected out of p{i}")
        self.assertEqual(_difference(lab.drops(), before_drops),
                         {(interface, reason): n for reason, n in (drops or {}).items()}, "drops")
        self.assertEqual(_difference(lab.punts(), before_punts), punts or {}, "punts")

    def compare(self, got, expected, ordered=True):
        """Two lists of frames; says which frame and which byte differ."""
        if got == expected or (not ordered and sorted(got) == sorted(expected)):
            return
        for i, (one, other) in enumerate(zip(got, expected)):
            if one != other:
                self.fail(f"frame {i} of {len(expected)} (got {len(got)}) differs\n"
                          f"got      {one[:96].hex(' ', 2)} ({len(one)} bytes)\n"
                          f"expected {other[:96].hex(' ', 2)} ({len(other)} bytes)")
        self.fail(f"{len(got)} frames came out, expected {len(expected)}")


def _difference(after, before):
    return {key: count - before.get(key, 0) for key, count in after.items()
            if count != before.get(key, 0)}


def for_each_driver(module, *classes):
    """Make one test case per driver of each class, in `module`; the class itself is not run."""
    for cls in classes:
        for driver in DRIVERS:
            name = f"{cls.__name__}_{driver.removeprefix('net_')}"
            module[name] = type(name, (cls,), {"driver": driver, "__module__": cls.__module__})
        module.pop(cls.__name__, None)
