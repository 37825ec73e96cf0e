# SPDX-License-Identifier: BSD-3-Clause
"""Pktgen-DPDK on the other ends of veth pairs: starts it with one of the .lua files beside this directory.

24.05 and 26.x want different things on a machine without NICs: 26.x refuses devices whose frames end at
1518 bytes (net_af_packet, net_memif), 24.05 makes buffers that net_af_xdp does not take. 24.05 keeps one
clock for the sending of all its cores, so that a second core takes every other turn: it gets one core
for both ports; 26.x wants a core for each port.
"""

import json
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

from generators import ROUND, Failed, Tcpreplay
from results import Results
from router import OTHER_CPU, Router, generate, scenarios, shunt_test
from scenarios_bridge import GROUPS, fanout, join
from traffic import Source

SCRIPTS = Path(__file__).resolve().parents[1]
MEMORY = 4096  # MiB: 24.05 has six pools of 24,576 buffers for each port
TIMEOUT = 3600
FEW = 8  # groups whose reports come at once: routers police what is for themselves
ENDED = re.compile(r"shunt: [\w-]+: (done|failed: .*)")
ESCAPES = re.compile(r"\x1b[\[()][0-9;?]*[ -/]*[@-~]?|\x1b.|\r")


class Program:
    """A Pktgen; `devices` and `mapping` are what its version wants."""

    def __init__(self, path):
        self.path = path
        found = None
        if os.access(path, os.X_OK):
            found = re.search(rb"\0(?:Pktgen )?(2\d)\.(\d\d)\.\d+\0", Path(path).read_bytes())
        if found is None:
            raise Failed(f"{path}: expected the program of Pktgen-DPDK 24.05 or later")
        self.old = (int(found[1]), int(found[2])) <= (24, 5)
        self.driver = "net_af_packet" if self.old else "net_af_xdp"
        self.mapping = ["-m", "1.0-1"] if self.old else ["-m", "1.0", "-m", "2.1"]

    def words(self, script, files):
        """Its command line. `files`: port to the pcap file that it replays."""
        lcores = ",".join(f"{i}@{OTHER_CPU}" for i in range(2 if self.old else 3))
        replay = [word for port, path in files.items() for word in ("-s", f"{port}:{path}")]
        return [self.path, "--lcores", lcores, "--no-huge", "--no-shconf", "-m", str(MEMORY), "--no-pci",
                "--no-telemetry", "--file-prefix", f"pktgen{os.getpid()}",
                "--vdev", f"{self.driver}0,iface=h0", "--vdev", f"{self.driver}1,iface=h1", "--",
                *self.mapping, *replay, "-f", str(script)]


def _read_until_end(terminal, process):
    """All that it said until its script has ended."""
    said, end = "", time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            said += os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            break
        plain = ESCAPES.sub("", said)
        if ENDED.search(plain):
            return plain
    raise Failed(f"Pktgen ended before its script did:\n{ESCAPES.sub('', said)[-3000:]}")


def run_script(router, program, script, files, settings):
    """Run one to its end. Failed: it says why."""
    environment = {**os.environ, "TERM": "xterm",
                   **{f"SHUNT_{name.upper()}": str(value) for name, value in settings.items()}}
    ours, theirs = pty.openpty()
    # 24.05 does not leave when it is told to: it is ended when its script has
    process = subprocess.Popen(router.lab.source.command(*program.words(SCRIPTS / script, files)),
                               stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
                               preexec_fn=shunt_test._die_with_parent)
    os.close(theirs)
    try:
        said = _read_until_end(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    ended = ENDED.search(said)
    if ended[1] != "done":
        raise Failed(f"{script}: {ended[1]}")


def script_of(test, scenario):
    """The file that does a test for a scenario. Failed: Pktgen cannot."""
    kinds = {"mpls": "rfc5695", "gre": "gre", "multicast": "rfc3918", "filter": "filter"}
    if test == "throughput":
        return f"{kinds.get(scenario.split('-', maxsplit=1)[0], 'rfc2544')}-throughput.lua"
    if test in ("join-delay", "group-capacity"):
        return f"rfc3918-{test}.lua"
    if test == "latency" and scenario != "ip4":
        raise Failed("Pktgen takes times of UDP in IPv4 only: expected --test latency with ip4")
    if not (SCRIPTS / f"rfc2544-{test}.lua").exists():
        raise Failed(f"--test {test}: not with Pktgen")
    return f"rfc2544-{test}.lua"


def labels_of(scenario):
    """What becomes of the labels, in words."""
    return scenario.removeprefix("mpls-") if scenario.startswith("mpls-") else ""


def _settings(options, made, program, size):
    own = options.scenario == "ip4"
    return {
        "packets": "udp" if own else "pcap", "sizes": size, "seconds": options.seconds,
        "resolution": options.resolution, "max_rate": options.max_rate, "scenario": options.scenario,
        "what": "UDP in IPv4, one flow, made by Pktgen" if own else
        f"{scenarios.description(options.scenario)} File: {made['pcap'].name}, {made['sent']} frames, "
        f"seed {made['seed']}",
        "copies": made["share"], "growth": made["growth"], "labels": labels_of(options.scenario),
        "groups": GROUPS if options.scenario.startswith("multicast") else 1, "fanout": made["receivers"],
        "period": ROUND if made["share"] != 1 else 1, "out": options.out, "command": options.command,
        "repeats": options.repeats or "", "shortfall": options.shortfall, "quit": "1",
        "dst_mac": made["macs"]["p0"],
    }


def _ask(router, made, size, settings, groups):
    """The receiver's reports for so many groups, and a stream to them; port to file."""
    generate.write_pcap(made["joins"], [join(i) for i in range(groups)])
    generate.write_pcap(made["pcap"], fanout(1, joined=True)(Source("groups", size), groups, groups).sent)
    settings["groups"] = settings["period"] = groups
    Tcpreplay(router, made).query()
    return {0: made["pcap"], 1: made["joins"]}


def _one(options, program, script, size):
    """One size of frames, "64,128" of Pktgen's own."""
    asks = "join-delay" in script or "group-capacity" in script
    with Router("multicast-joined" if asks else options.scenario, options.driver, options.poll) as router:
        first = size if not isinstance(size, str) or size == "imix" else 64
        made = router.traffic(first)
        router.configure(made)
        files = {} if options.scenario == "ip4" else {0: made["pcap"]}
        settings = _settings(options, made, program, size)
        if asks:
            files = _ask(router, made, first, settings, options.groups if "capacity" in script else FEW)
        elif made["joins"].exists():
            Tcpreplay(router, made).ready()
        router.one_namespace()
        run_script(router, program, script, files, settings)
        test = script.removesuffix(".lua")
        path = Path(options.out) / f"{test}-{options.scenario}.json"
        return json.loads(path.read_text(encoding="utf-8"))


def measure(options):
    """The test with Pktgen. Its own packets come in all sizes at once, a file's in one."""
    program = Program(options.pktgen)
    script = script_of(options.test, options.scenario)
    sizes = [",".join(map(str, options.sizes))] if options.scenario == "ip4" else options.sizes
    results = None
    for size in sizes:
        got = _one(options, program, script, size)
        if results is None:
            heading = {name: value for name, value in got.items() if name not in ("title", "rows")}
            results = Results(got["title"], heading)
            results.show_heading()
        for row in got["rows"]:
            results.add(row)
    results.save(Path(options.out) / f"{script.removesuffix('.lua')}-{options.scenario}")
