#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration behind `make demo`: real labelled packets through both processes, each one compared.

    demo.py [--scenario mpls-swap] [--count 10000] [--seed 1] [--driver net_af_packet|net_af_xdp]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from shunt_test import Lab, scenarios
import generate

PICTURE = """\
   namespace "source"           namespace "router"            namespace "target"
   tcpreplay -> h0 =========== p0  shunt-dataplane  p1 =========== h1 -> capture
                  veth pair         | reads tables |     veth pair
                                   shared memory
                                    | writes them  |
                                   shunt-controlplane <- shuntctl
"""


def title(number, text):
    """A step's headline."""
    print(f"\n== {number}. {text}", flush=True)


def shuntctl(lab, line, *, quiet_after=None):
    """Run a command as a user would type it, and show what it says."""
    print(f"$ shuntctl {line}")
    lines = lab.ctl(line).splitlines()
    for text in lines[:quiet_after]:
        print(f"  {text}")
    if quiet_after is not None and len(lines) > quiet_after:
        print(f"  ... {len(lines) - quiet_after} more lines")
    if not lines and " show" in f" {line}":
        print("  (none)")
    sys.stdout.flush()


def configure(lab, made):
    """Ports, addresses, neighbour one by one; the label routes as one atomic batch."""
    for line in made["setup"]:
        shuntctl(lab, line)
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


def demo(arguments):
    """-> whether everything was as expected."""
    with tempfile.TemporaryDirectory(prefix="shunt-demo-") as place:
        place = Path(place)
        title(1, "Traffic: a pcap of labelled packets, and beside it what must come out")
        print(f"$ pktgen-scripts/packets/generate.py {arguments.scenario} "
              f"--count {arguments.count} --seed {arguments.seed}")
        made = generate.write(arguments.scenario, arguments.count, arguments.seed, place,
                              arguments.driver)
        print(f"  {made['description']}")
        expected = read_pcap(place / f"{arguments.scenario}.expected.pcap")

        title(2, "Start both processes: no hugepages, no NIC")
        print(PICTURE)
        lab = Lab(2, arguments.driver)
        lab.start_dataplane()
        print("$ shunt-dataplane -l 0 --no-huge -m 256 --\n  ready")
        lab.start_controlplane()
        print("$ shunt-controlplane\n  ready")

        title(3, "Configure")
        configure(lab, made)

        title(4, "Send")
        got, counters = replay(lab, place / f"{arguments.scenario}.pcap", made["sent"])

        title(5, "Look")
        shuntctl(lab, "port show")
        shuntctl(lab, "mpls show", quiet_after=6)
        shuntctl(lab, "show counters")
        shuntctl(lab, "show drops")
        shuntctl(lab, "show workers")

        good, strange = compare(got, expected)
        in_flight = sum(row["in_flight"] for row in counters.values())
        title(6, "Verdict: every captured frame compared byte by byte")
        print(f"sent {made['sent']}, forwarded {len(got)}, as expected {good}")
        if strange is not None:
            print(f"first frame that nobody expected: {strange[:64].hex(' ', 2)}")
        if in_flight:
            print(f"{in_flight} packets are unaccounted for")
        trouble = lab.new_trouble()
        if trouble:
            print("unexpected words in the logs:", *trouble, sep="\n  ")
        codes = [lab.stop("controlplane"), lab.stop("dataplane")]
        lab.close()
        return good == len(expected) == len(got) and not in_flight and not trouble and \
            codes == [0, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--scenario", choices=scenarios.SCENARIOS, default="mpls-swap")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", default="net_af_packet",
                        choices=("net_af_packet", "net_af_xdp"))
    arguments = parser.parse_args()
    if demo(arguments):
        return 0
    print("NOT as expected", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
