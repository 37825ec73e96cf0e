#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write a scenario's traffic: NAME.pcap (to send into p0), NAME.expected.pcap (what must come out of
p1, in that order), NAME.commands (for `shuntctl -b`) and NAME.json (what it is, how the other frames end).

    generate.py mpls-swap --count 10000 --seed 1 --out /tmp/traffic
"""

import argparse
import json
import logging
import os
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.utils import RawPcapWriter  # noqa: E402

import scenarios  # noqa: E402


def write_pcap(path, frames):
    """Frames a microsecond apart, from time 0: the same frames make the same file."""
    with RawPcapWriter(path, linktype=1, sync=False) as writer:
        writer.write_header(None)
        for i, frame in enumerate(frames):
            writer.write_packet(frame, sec=i // 1000000, usec=i % 1000000)


def write(name, count, seed, out, driver="net_af_packet"):
    """Make the four files in directory `out`; returns what the JSON has."""
    traffic = scenarios.make(name, count, seed)
    os.makedirs(out, exist_ok=True)
    write_pcap(os.path.join(out, f"{name}.pcap"), traffic.sent)
    write_pcap(os.path.join(out, f"{name}.expected.pcap"), traffic.expected)
    description = {
        "scenario": name,
        "description": " ".join(scenarios.SCENARIOS[name].__doc__.split()),
        "count": count,
        "seed": seed,
        "setup": [line.format(driver=driver) for line in scenarios.SETUP],
        "commands": traffic.commands,
        "sent": len(traffic.sent),
        "expected": len(traffic.expected),
        "drops": traffic.drops,
        "punts": traffic.punts,
        "macs": {"source": scenarios.SOURCE_MAC, "p0": scenarios.P0_MAC, "p1": scenarios.P1_MAC,
                 "nexthop": scenarios.NEXTHOP_MAC},
    }
    with open(os.path.join(out, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=2)
        file.write("\n")
    with open(os.path.join(out, f"{name}.commands"), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in description["setup"] + description["commands"])
    return description


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("scenario", choices=[*scenarios.SCENARIOS, "all"])
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default=".")
    parser.add_argument("--driver", default="net_af_packet", help="PMD in the setup commands")
    arguments = parser.parse_args()
    names = scenarios.SCENARIOS if arguments.scenario == "all" else [arguments.scenario]
    for name in names:
        made = write(name, arguments.count, arguments.seed, arguments.out, arguments.driver)
        print(f"{name}: {made['sent']} frames, {made['expected']} come out, "
              f"drops {made['drops']}, punts {made['punts']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
