# SPDX-License-Identifier: BSD-3-Clause
"""The CSV files of a run as SVG, by gnuplot; without gnuplot there are no plots.

Cost against table size, rate against frame size, fanout against copies, latency percentiles.
"""

import csv
import subprocess
import sys

import lab

STYLE = """set terminal svg size 760,440 font "sans,13" background "white"
set datafile separator ","
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key left top
"""
TABLE = 'set logscale x 10\nset xrange [0.7:1500000]\nset xlabel "{} in the table, packets random over them"\n'
TABLES = {"mpls-swap": "labels", "ip4-route": "routes", "gre-decap": "tunnels", "bridge-unicast": "addresses",
          "filter-ports": "rules", "filter-5tuple": "rules"}


def rows(path, **wanted):
    """Of a CSV file, those whose columns have these values."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as file:
        return [row for row in csv.DictReader(file)
                if all(row.get(column) == value for column, value in wanted.items())]


def plot(path, title, axes, lines):
    """`lines`: (name, [(x, y)]). Nothing if they have less than two points."""
    lines = [(name, points) for name, points in lines if len(points) > 1]
    if not lines:
        return
    script = STYLE + axes + f'set output "{path}"\nset title "{title}" noenhanced\n'
    for i, (_, points) in enumerate(lines):
        script += f"$d{i} << EOD\n" + "".join(f"{x},{y}\n" for x, y in points) + "EOD\n"
    script += "plot " + ", ".join(f'$d{i} with linespoints lw 2 pt 7 title "{name}" noenhanced'
                                  for i, (name, _) in enumerate(lines)) + "\n"
    done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        print(f"gnuplot: {path.name}: {done.stderr.strip()}", file=sys.stderr)


def points(found, x, y):
    """Of rows."""
    return [(row[x], row[y]) for row in found]


def tables(out):
    """Cost against table size."""
    for scenario, what in TABLES.items():
        axes = TABLE.format(what) + 'set ylabel "cycles per packet"\n'
        found = rows(out / "pipeline.csv", scenario=scenario) or rows(out / "multicast.csv", scenario=scenario)
        plot(out / f"pipeline-{scenario}.svg", f"{scenario}: pipeline, no ports", axes,
             [("shunt", points(found, "entries", "cycles_median")),
              ("bare loop: loads, rewrite, counters", points(found, "entries", "bare_median"))])
        found = rows(out / "peers.csv", scenario=scenario)
        plot(out / f"peers-{scenario}.svg", f"{scenario}: net_pcap to net_null on one core", axes,
             [("Open vSwitch with DPDK", points(found, "entries", "ovs_cycles")),
              ("shunt", points(found, "entries", "shunt_cycles")),
              ("testpmd io: the ports alone", points(found, "entries", "floor_io"))])
    axes = TABLE.format("rules") + 'set ylabel "cycles per packet of the filter alone"\n'
    plot(out / "filter.svg", "filter: random packets, each meets some rule", axes,
         [(name, points(rows(out / "filter.csv", scenario=name), "rules", "cycles_median"))
          for name in ("filter-5tuple", "filter-ports")])


def sizes(out):
    """Rate against frame size."""
    found = [row for row in rows(out / "sizes.csv") if row["size"] != "imix"]
    axes = ('set xlabel "bytes of a frame"\nset ylabel "{}"\nset logscale x 2\nset xrange [56:10000]\n'
            'set xtics (64, 128, 256, 512, 1024, 1518, 9000)\n')
    plot(out / "sizes-rate.svg", "mpls-swap, 1,000 labels, net_pcap to net_null on one core",
         axes.format("Gb/s"), [("shunt", points(found, "size", "gbps"))])
    plot(out / "sizes-cycles.svg", "mpls-swap, 1,000 labels, net_pcap to net_null on one core",
         axes.format("cycles per packet"),
         [("shunt", points(found, "size", "cycles_median")),
          ("testpmd macswap", points(found, "size", "floor_macswap")),
          ("testpmd io: the ports alone", points(found, "size", "floor_io"))])


def fanout(out):
    """Against copies."""
    axes = 'set xlabel "copies of a packet"\nset ylabel "cycles per packet"\n'
    plot(out / "fanout-pipeline.svg", "multicast: pipeline, no ports", axes,
         [(f"{groups} groups", points(rows(out / "multicast.csv", scenario="multicast-fanout", entries=groups),
                                     "copies", "cycles_median"))
          for groups in ("131072", "1000", "1")])
    found = [dict(row, copies=row["scenario"].rsplit("-", 1)[1]) for row in rows(out / "peers.csv", entries="1000")
             if row["scenario"].startswith("multicast-fanout-")]
    plot(out / "fanout-peers.svg", "multicast, 1,000 groups: net_pcap to net_null on one core",
         axes + "set logscale y 10\nset yrange [100:*]\n",
         [("Open vSwitch with DPDK", points(found, "copies", "ovs_cycles")),
          ("shunt", points(found, "copies", "shunt_cycles"))])


def latency(out):
    """Percentiles of the time on the way."""
    names = ("p50", "p90", "p99", "p999")
    axes = ('set xlabel "percentile"\nset ylabel "microseconds"\nset logscale y 10\nset yrange [1:*]\n'
            'set xtics ("50" 1, "90" 2, "99" 3, "99.9" 4)\nset xrange [0.8:4.2]\n')
    lines = [(f"{row['forwarder']}, {row['share']} % ({int(row['pps']) / 1000:.0f} kpps)",
              [(i + 1, row[name]) for i, name in enumerate(names)]) for row in rows(out / "latency.csv")]
    plot(out / "latency.svg", "mpls-swap between two memifs", axes, lines)


def write(out):
    """All plots that the CSV files in `out` allow."""
    if not lab.has("gnuplot"):
        print("no plots: gnuplot is not installed (make deps-bench)", file=sys.stderr)
        return
    for part in (tables, sizes, fanout, latency):
        try:
            part(out)
        except (KeyError, TypeError, ValueError) as error:
            print(f"plots: {part.__name__}: a CSV file of another version: {error!r}", file=sys.stderr)
