# SPDX-License-Identifier: BSD-3-Clause
"""What the forwarding benchmarks share: processes that end with us, a polling thread's own clock,
turns between forwarders on one core.

Two cores are enough: the forwarders share POLL_CPU, one at a time, the others stopped (SIGSTOP);
everything else runs on OTHER_CPU. A forwarder's cost is the CPU time of its polling thread, as the
scheduler counts it, so that another process on the core lengthens a run but not the result.
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SHUNT_BUILD", ROOT / "build"))
CPUS = sorted(os.sched_getaffinity(0))
POLL_CPU, OTHER_CPU = CPUS[-1], CPUS[0]


class Failed(Exception):
    """A benchmark cannot go on; says why."""


def number(kind, least, most=sys.maxsize):
    """Type of an option for argparse: an int or a float in these bounds."""
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            to = f" to {most}" if most != sys.maxsize else ""
            raise argparse.ArgumentTypeError(f"{text}: expected {what} from {least}{to}")
        return value
    return parse


def each(program, measurements):
    """Run each of these, (what, function and its arguments), and print the line that it returns. One that fails
    says so and does not stop the others. -> exit status."""
    status = 0
    for what, function, *arguments in measurements:
        try:
            print(function(*arguments), flush=True)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            print(f"{program}: {what}: {error}", file=sys.stderr)
            status = 1
    return status


# ---------------------------------------------------------------- processes

def _child():
    """In a child: die with this script, whatever ends it, and get no Ctrl-C of its own."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    os.setsid()
    try:  # the scheduler shares the cores among sessions: what else runs here gets the least that it can
        Path("/proc/self/autogroup").write_text("-19", encoding="ascii")
    except OSError:
        pass


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _end(number, _frame):
    end_on_signals(False)
    sys.exit(128 + number)


def end_on_signals(wanted):
    """Leave by SystemExit, once, so that `with` blocks tidy up; while they do (False), nothing
    interrupts: Ctrl-C reaches the whole process group, and `run` passes the end on as well."""
    for number in ENDINGS:
        signal.signal(number, _end if wanted else signal.SIG_IGN)


class Session:
    """Processes and a directory, all gone when the `with` block is left, by Ctrl-C and SIGTERM too."""

    def __init__(self):
        self.processes = []
        self.directory = None

    def __enter__(self):
        end_on_signals(True)
        place = os.environ.get("SHUNT_BENCH_DIR", "/dev/shm")
        self.directory = Path(tempfile.mkdtemp(prefix="shunt-bench-", dir=place))
        self.directory.chmod(0o750)
        return self

    def __exit__(self, kind, *_):
        end_on_signals(False)
        self.stop(*self.processes)
        shutil.rmtree(self.directory, ignore_errors=True)
        end_on_signals(kind is None)

    def start(self, words, cpus=None, **options):
        """Popen; standard error goes to a file that `log` reads."""
        log = self.directory / f"{Path(words[0]).name}.{len(self.processes)}.log"

        def prepare():
            _child()
            os.sched_setaffinity(0, cpus if cpus is not None else {OTHER_CPU})
        with open(log, "wb") as file:
            process = subprocess.Popen([str(word) for word in words], stderr=file,
                                       preexec_fn=prepare, **options)
        process.log = log
        self.processes.append(process)
        return process

    def stop(self, *processes):
        """SIGTERM, then SIGKILL after 10 s; the last started first."""
        for process in reversed(processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            if process in self.processes:
                self.processes.remove(process)


def wait_until(predicate, what, process=None, timeout=60.0):
    """Ask every 20 ms until the answer is true; returns it."""
    end = time.monotonic() + timeout
    while not (value := predicate()):
        if process is not None and process.poll() is not None:
            raise Failed(f"{what}: {process.args[0]} ended with {process.returncode}:\n"
                         + process.log.read_text(errors="replace")[-2000:])
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.02)
    return value


def has(program):
    """Is it installed?"""
    return shutil.which(program) is not None


def thread_named(process, prefix):
    """Thread id of the first thread whose name begins so, or None."""
    for task in sorted(Path(f"/proc/{process.pid}/task").iterdir()):
        if (task / "comm").read_text().startswith(prefix):
            return int(task.name)
    return None


def eal_memory(megabytes):
    """EAL options: hugepages where enough are free, else ordinary memory. No file is left behind."""
    path = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
    free = int(path.read_text()) * 2 if path.exists() else 0
    if free >= megabytes + 64:
        return ["--in-memory"]
    return ["--no-huge", "--no-shconf", "-m", str(megabytes)]


def tsc_hz():
    """Ticks a second of the clock in which cycles are counted, as EAL finds it."""
    said = subprocess.run(["dpdk-testpmd", "--no-huge", "-m", "128", "--no-shconf", "--no-pci",
                           "--no-telemetry", "--log-level=lib.eal:debug",
                           "--lcores", f"0@{OTHER_CPU},1@{OTHER_CPU}", "--vdev", "net_null0", "--",
                           "--total-num-mbufs=2048"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=60).stdout
    for line in said.splitlines():
        if "TSC frequency is ~" in line:
            return int(line.split("~")[1].split()[0]) * 1000
    raise Failed(f"dpdk-testpmd does not say the TSC frequency:\n{said[-1000:]}")


# ---------------------------------------------------------------- turns

class Slice:
    """One turn of one forwarder."""

    def __init__(self, packets, cpu_seconds, seconds, hz):
        self.mpps = packets / seconds / 1e6
        self.cycles = cpu_seconds * hz / packets if packets else float("nan")
        self.share = cpu_seconds / seconds


def cpu_seconds(tid, process):
    """CPU time that a thread has had so far."""
    return int(Path(f"/proc/{process.pid}/task/{tid}/schedstat").read_text().split()[0]) / 1e9


def snapshot(forwarder):
    """-> packets, CPU seconds, wall-clock seconds at (nearly) one moment: the clocks are read before and
    after the count, which takes a message, and the middle is taken."""
    cpu, wall = cpu_seconds(forwarder.tid, forwarder.process), time.monotonic()
    packets = forwarder.packets()
    cpu += cpu_seconds(forwarder.tid, forwarder.process)
    wall += time.monotonic()
    return packets, cpu / 2, wall / 2


def let(forwarder, number):
    """SIGCONT or SIGSTOP for it and what feeds it, or its own way to run and to rest."""
    own = getattr(forwarder, "let", None)
    if own is not None:
        own(number == signal.SIGCONT)
        return
    for process in (forwarder.process, *getattr(forwarder, "companions", ())):
        process.send_signal(number)


def turn(forwarder, seconds, hz):
    """Let one forwarder run, all others being stopped."""
    let(forwarder, signal.SIGCONT)
    try:
        time.sleep(0.05)  # its caches are another's
        before = snapshot(forwarder)
        time.sleep(seconds)
        after = snapshot(forwarder)
    finally:
        let(forwarder, signal.SIGSTOP)
    packets, used, wall = (a - b for a, b in zip(after, before))
    if packets <= 0:
        raise Failed(f"{forwarder.name} forwarded nothing in {wall:.2f} s; its polling thread had "
                     f"{used:.2f} s of CPU; {before} {after}\n"
                     + forwarder.process.log.read_text(errors="replace")[-1000:])
    return Slice(packets, used, wall, hz)


def take_turns(forwarders, rounds, seconds, hz):
    """A B C A B C ...; -> name to slices. A slice in which the thread had less than a tenth of the core
    says nothing and is repeated, as long as that helps."""
    for forwarder in forwarders:
        let(forwarder, signal.SIGSTOP)
    slices = {forwarder.name: [] for forwarder in forwarders}
    for _ in range(rounds):
        for forwarder in forwarders:
            for _ in range(3):
                got = turn(forwarder, seconds, hz)
                if got.share > 0.1:
                    break
            slices[forwarder.name].append(got)
    return slices


def median(slices, field="cycles"):
    """Median of a field."""
    return statistics.median(getattr(item, field) for item in slices)


def best(slices):
    """Fewest cycles."""
    return min(item.cycles for item in slices)


def spread(slices):
    """Half the distance of the quartiles, as a share of the median."""
    cycles = sorted(item.cycles for item in slices)
    if len(cycles) < 4:
        return (cycles[-1] - cycles[0]) / 2 / statistics.median(cycles)
    low, _, high = statistics.quantiles(cycles, n=4)
    return (high - low) / 2 / statistics.median(cycles)


def rpc(path, method, params, timeout=120, **members):
    """One JSON-RPC call on a Unix socket; its result. `members`: of the request beside the usual."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(str(path))
        request = {"id": 1, "method": method, "params": params, **members}
        client.sendall(json.dumps(request).encode() + b"\n")
        text, decoder = "", json.JSONDecoder()
        while chunk := client.recv(1 << 20):
            text += chunk.decode()
            try:
                answer, _ = decoder.raw_decode(text)
            except ValueError:
                continue
            if answer.get("error"):
                raise Failed(f"{method}: {answer['error']}")
            return answer.get("result")
    raise Failed(f"{method}: the connection was closed")
