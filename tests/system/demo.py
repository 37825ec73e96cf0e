#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration behind `make demo`: real labelled packets through both processes, each one compared;
then the parts in demo_*.py.

    demo.py [--scenario mpls-swap] [--count 10000] [--seed 1] [--driver net_af_packet|net_af_xdp]
            [--frames-only]
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from page import Page
from shunt_test import Lab
import generate
import scenarios_mpls

PICTURE = """\
   namespace "source"           namespace "router"            namespace "target"
   tcpreplay -> h0 =========== p0  shunt-dataplane  p1 =========== h1 -> capture
                  veth pair         | reads tables |     veth pair
                                   shared memory
                                    | writes them  |
                                   shunt-controlplane <- shuntctl
"""


def configure(page, lab, made):
    """Ports, addresses, neighbour one by one; the label routes as one atomic batch."""
    for line in made["setup"]:
        page.shuntctl(lab, line)
    lab.wait_links("up")
    routes = made["commands"]
    print(f"$ shuntctl --atomic -b -        # {len(routes)} label routes, the first ones:")
    for line in routes[:2]:
        print(f"  {line}")
    lab.batch(routes, atomic=True)


def replay(lab, path, count):
    """tcpreplay the file; what came out of p1, in order."""
    before = lab.counters()
    command = lab.source.command("tcpreplay", "--pps=20000", "-q", "-i", "h0", str(path))
    print(f"$ ip netns exec source tcpreplay --pps=20000 -q -i h0 {path.name}")
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"tcpreplay: {done.stderr}")
    after = lab.settle(before, "p0", count)
    print(f"  {count} frames in {time.monotonic() - start:.1f} s")
    got = lab.captures[1].collect(after["p0"]["forwarded"] - before["p0"]["forwarded"], 5)
    return got, after


def read_pcap(path):
    """The frames of a file."""
    from scapy.utils import RawPcapReader
    reader = RawPcapReader(str(path))
    try:
        return [frame for frame, _ in reader]
    finally:
        reader.close()


def compare(got, expected):
    """How many of the frames are what they should be, in any order; the first that is not, or None."""
    missing = Counter(expected)
    strange = None
    good = 0
    for frame in got:
        if missing[frame] > 0:
            missing[frame] -= 1
            good += 1
        elif strange is None:
            strange = frame
    return good, strange


def frames(page, arguments):
    """Labelled frames through both processes; a verdict: whether they were as expected, and in words."""
    with tempfile.TemporaryDirectory(prefix="shunt-demo-") as place:
        place = Path(place)
        page.title("Traffic: a pcap of labelled packets, and beside it what must come out")
        page.say(f"$ pktgen-scripts/packets/generate.py {arguments.scenario} "
                 f"--count {arguments.count} --seed {arguments.seed}")
        made = generate.write(arguments.scenario, arguments.count, arguments.seed, place,
                              arguments.driver)
        page.say(f"  {made['description']}")
        expected = read_pcap(place / f"{arguments.scenario}.expected.pcap")

        page.title("Start both processes: no hugepages, no NIC")
        page.say(PICTURE)
        lab = Lab(2, arguments.driver)
        lab.start_dataplane()
        page.say("$ shunt-dataplane -l 0 --no-huge -m 256 --\n  ready")
        lab.start_controlplane()
        page.say("$ shunt-controlplane\n  ready")

        page.title("Configure")
        configure(page, lab, made)

        page.title("Send")
        got, counters = replay(lab, place / f"{arguments.scenario}.pcap", made["sent"])

        page.title("Look")
        page.shuntctl(lab, "port show")
        page.shuntctl(lab, "mpls show", quiet_after=6)
        page.shuntctl(lab, "show counters")
        page.shuntctl(lab, "show drops")
        page.shuntctl(lab, "show workers")

        good, strange = compare(got, expected)
        right = good == len(expected) == len(got)
        if strange is not None:
            page.say(f"first frame that nobody expected: {strange[:64].hex(' ', 2)}")
        right &= not page.differs("packets in flight",
                                  sum(row["in_flight"] for row in counters.values()), 0)
        right &= not page.differs("words in the logs", lab.new_trouble(), [])
        codes = [lab.stop("controlplane"), lab.stop("dataplane")]
        right &= not page.differs("exit codes", codes, [0, 0])
        lab.close()
        return right, f"sent {made['sent']}, forwarded {len(got)}, as expected {good}"


def parts():
    """The other parts of the demonstration: see page.py."""
    return [importlib.import_module(path.stem) for path in
            sorted(Path(__file__).parent.glob("demo_*.py"))]


def demo(arguments):
    """-> whether everything was as expected; the last line says so of the frames."""
    page = Page()
    good, words = frames(page, arguments)
    for part in [] if arguments.frames_only else parts():
        page.title(part.TITLE)
        good &= part.show(page, arguments.driver)
    page.title("Verdict: every captured frame compared byte by byte")
    page.say(words)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--scenario", choices=scenarios_mpls.SCENARIOS, default="mpls-swap")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", default="net_af_packet",
                        choices=("net_af_packet", "net_af_xdp"))
    parser.add_argument("--frames-only", action="store_true", help="leave the other parts out")
    arguments = parser.parse_args()
    if demo(arguments):
        return 0
    print("NOT as expected", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
