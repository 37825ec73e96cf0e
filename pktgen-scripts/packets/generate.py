#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write a scenario's traffic: NAME.pcap (to send into p0), NAME.expected.pcap (what must come out of
p1, and of each further receiver's port, in that order), NAME.commands (for `shuntctl -b`) and NAME.json
(what it is, how the other frames end); NAME.queries.pcap and NAME.joins.pcap where the source and then
each receiver must first have said that.

    generate.py mpls-swap --count 10000 --seed 1 --out /tmp/traffic
    generate.py ip4 --size imix --driver net_af_xdp
"""

import argparse
import json
import logging
import os
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.utils import RawPcapWriter  # noqa: E402

import scenarios  # noqa: E402
import traffic as base  # noqa: E402


def write_pcap(path, frames):
    """Frames a microsecond apart, from time 0: the same frames make the same file."""
    with RawPcapWriter(os.fspath(path), linktype=1, sync=False) as writer:
        writer.write_header(None)
        for i, frame in enumerate(frames):
            writer.write_packet(frame, sec=i // 1000000, usec=i % 1000000)


def devices(driver, ports):
    """{devN} of the set-up commands: the PMD's N-th device on interface pN."""
    return {f"dev{i}": f"{driver}{i},iface=p{i}" for i in range(ports)}


def write(name, count, seed, out, driver="net_af_packet", size=None, places=None):
    """Make the files in directory `out`; returns what the JSON has. `size`: of each frame with FCS, or
    "imix". `places`: where the ports are, if not the PMD on p0, p1, ..."""
    traffic = scenarios.make(name, count, seed, size)
    os.makedirs(out, exist_ok=True)
    write_pcap(os.path.join(out, f"{name}.pcap"), traffic.sent)
    write_pcap(os.path.join(out, f"{name}.expected.pcap"), traffic.expected)
    if traffic.joins:
        write_pcap(os.path.join(out, f"{name}.queries.pcap"), traffic.queries)
        write_pcap(os.path.join(out, f"{name}.joins.pcap"), traffic.joins)
    places = places or devices(driver, traffic.receivers + 1)
    description = {
        "scenario": name,
        "description": scenarios.description(name),
        "count": count,
        "seed": seed,
        "size": size,
        "setup": [line.format(**places) for line in traffic.setup],
        "commands": traffic.commands,
        "sent": len(traffic.sent),
        "expected": len(traffic.expected),
        "receivers": traffic.receivers,
        "ordered": traffic.ordered,
        "free": [list(span) for span in traffic.free],
        "bytes": sum(map(len, traffic.sent)),
        "expected_bytes": sum(map(len, traffic.expected)),
        "drops": traffic.drops,
        "punts": traffic.punts,
        "macs": {"source": base.SOURCE_MAC, "p0": base.P0_MAC, "p1": base.P1_MAC,
                 "nexthop": base.NEXTHOP_MAC},
    }
    with open(os.path.join(out, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=2)
        file.write("\n")
    with open(os.path.join(out, f"{name}.commands"), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in description["setup"] + description["commands"])
    return description


def size_of(text):
    """A size as it is written on a command line."""
    return int(text) if text and text.isdigit() else text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("scenario", choices=[*scenarios.SCENARIOS, "all"])
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default=".")
    parser.add_argument("--driver", default="net_af_packet", help="PMD in the setup commands")
    parser.add_argument("--size", help="of each frame with FCS, or imix; left out: all kinds")
    arguments = parser.parse_args()
    names = scenarios.SCENARIOS if arguments.scenario == "all" else [arguments.scenario]
    for name in names:
        made = write(name, arguments.count, arguments.seed, arguments.out, arguments.driver,
                     size_of(arguments.size))
        print(f"{name}: {made['sent']} frames, {made['expected']} come out, "
              f"drops {made['drops']}, punts {made['punts']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
