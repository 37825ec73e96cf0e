# SPDX-License-Identifier: BSD-3-Clause
"""Growth with the table's size as SVG, by gnuplot; without gnuplot there are no plots."""

import csv
import subprocess
import sys

import lab

STYLE = """set terminal svg size 760,440 font "sans,13" background "white"
set datafile separator ","
set logscale x 10
set xrange [0.7:1500000]
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key left top
set xlabel "labels in the table, packets random over them"
set ylabel "cycles per packet"
"""


def rows(path, scenario):
    """entries to the row, of one scenario."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["scenario"] == scenario]


def plot(path, title, lines):
    """`lines`: (name, [(entries, cycles)])."""
    lines = [(name, points) for name, points in lines if points]
    if not lines:
        return
    script = STYLE + f'set output "{path}"\nset title "{title}"\n'
    for i, (_, points) in enumerate(lines):
        script += f"$d{i} << EOD\n" + "".join(f"{x},{y}\n" for x, y in points) + "EOD\n"
    script += "plot " + ", ".join(f'$d{i} with linespoints lw 2 pt 7 title "{name}"'
                                  for i, (name, _) in enumerate(lines)) + "\n"
    done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        print(f"gnuplot: {done.stderr.strip()}", file=sys.stderr)


def points(found, column):
    """Of rows."""
    return [(row["entries"], row[column]) for row in found]


def write(out):
    """All plots that the CSV files in `out` allow."""
    if not lab.has("gnuplot"):
        print("no plots: gnuplot is not installed (make deps-bench)", file=sys.stderr)
        return
    for scenario in lab.SCENARIOS:
        found = rows(out / "pipeline.csv", scenario)
        plot(out / f"pipeline-{scenario}.svg", f"{scenario}: pipeline, no ports",
             [("shunt", points(found, "cycles_median")),
              ("bare loop: loads, rewrite, counters", points(found, "bare_median"))])
        found = rows(out / "peers.csv", scenario)
        plot(out / f"peers-{scenario}.svg", f"{scenario}: net_pcap to net_null on one core",
             [("Open vSwitch with DPDK", points(found, "ovs_cycles")),
              ("shunt", points(found, "shunt_cycles")),
              ("testpmd io: the ports alone", points(found, "floor_io"))])
