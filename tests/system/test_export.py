#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`tables export`: every row that was configured, once, under its table's name."""

import json
import subprocess
import unittest

from api_client import ANSWER, BUILD, Controlplane

SHOWS = {"ports": "port", "vlans": "vlan", "loopbacks": "loopback", "bridges": "bridge",
         "tunnels": "tunnel", "pseudowires": "pseudowire", "addresses": "address",
         "neighbours": "neigh", "nexthops": "nexthop", "labels": "mpls", "fdb": "bridge fdb",
         "groups": "bridge groups", "routers": "bridge routers",
         "multicast_routes": "multicast route", "filters": "filter", "rules": "filter rule"}
CHANGING = {"age", "expires", "uptime", "inconsistent", "changed"}  # between two questions
ROUTES = 9000    # more than two pages of 4096
PREFIXES = 5000


class Export(Controlplane):
    """Something of everything, more routes and prefixes than a page has."""

    def setUp(self):
        super().setUp()
        self.api = self.network()
        done = self.api.batch([
            "port add p1 devargs net_null1 bridge none", "vlan add v10 dev p0 tag 10",
            "loopback add lo0", "bridge add br0 snooping on", "port set p1 bridge br0",
            "address add 192.0.2.1/32 dev lo0",
            "tunnel add gre0 mode gre local 10.0.0.1 remote 10.0.0.2 key 7",
            "pseudowire add pw0 bridge br0 in 500 out 600 via 10.0.0.2",
            "bridge fdb add 02:00:00:00:00:77 dev p1", "bridge group add br0 239.1.1.1 port p1",
            "bridge router add br0 port p1",
            "mpls add 100 swap 200/201 via 10.0.0.2", "mpls add 101 pop ip vrf 3",
            "mpls add 102 space 5 pop label",
            "mpls add 103 swap 203 via 10.0.0.2 weight 2 swap 204 via 10.0.0.2",
            "filter list add bad 2001:db8:bad::/48", "filter add f default deny", "filter rule add f 10 permit proto tcp dport 25,80",
            "filter rule add f 20 deny from @bad", "filter add g", "filter bind f in p0",
            "route add 10.0.0.0/24 blackhole"])  # behind the system's own
        self.assertEqual(done["errors"], [])
        self.prefixes = {f"172.{16 + i // 16384}.{i // 64 % 256}.{i % 64 * 4}/30"
                         for i in range(PREFIXES)}
        self.api.batch([f"filter list add bad {prefix}" for prefix in self.prefixes] +
                       ["filter list add one 2001:db8::/32"])
        self.routes = {(f"10.{64 + i // 16384}.{i // 64 % 256}.{i % 64 * 4}/30", i % 2)
                       for i in range(ROUTES)} | {(f"2001:db8:{i:x}::/48", 0) for i in range(1, 101)}
        lines = [f"route add {prefix} vrf {vrf} {'unreachable' if vrf else 'blackhole'}"
                 for prefix, vrf in self.routes]
        self.assertEqual(self.api.batch(lines)["done"], len(lines))
        self.words = [str(BUILD / "cli/shuntctl"), "--run-dir", str(self.directory),
                      "--instance", "t"]

    def export(self):
        """Exit code, table to its rows, standard error."""
        done = subprocess.run([*self.words, "tables", "export"], capture_output=True, text=True,
                              check=False, timeout=ANSWER)
        tables = {}
        for line in done.stdout.splitlines():
            row = json.loads(line)
            self.assertEqual(next(iter(row)), "table")
            tables.setdefault(row.pop("table"), []).append(row)
        return done.returncode, tables, done.stderr

    @staticmethod
    def still(rows):
        """Rows without what changes by itself."""
        return [{key: value for key, value in row.items() if key not in CHANGING} for row in rows]

    def test_everything(self):
        code, tables, err = self.export()
        self.assertEqual((code, err), (0, ""))
        for table, noun in SHOWS.items():
            rows = self.still(self.api.call(f"{noun} show"))
            self.assertEqual(self.still(tables.get(table, [])), rows, table)
            if table != "multicast_routes":
                self.assertTrue(rows, table)
        self.assertEqual(set(tables) - set(SHOWS), {"routes", "lists"})
        found = [(row["prefix"], row["vrf"], row["kind"], row["active"]) for row in tables["routes"]]
        self.assertEqual(len(found), len(set(found)))
        static = {(prefix, vrf) for prefix, vrf, kind, _ in found
                  if kind in ("blackhole", "unreachable") and prefix != "10.0.0.0/24"}
        self.assertEqual(static, self.routes)
        self.assertEqual({(kind, active) for prefix, vrf, kind, active in found
                          if (prefix, vrf) == ("10.0.0.0/24", 0)},
                         {("connected", True), ("blackhole", False)})
        lists = [(row["list"], row["prefix"]) for row in tables["lists"]]
        self.assertEqual(len(lists), PREFIXES + 2)
        self.assertEqual(set(lists), {("bad", prefix) for prefix in self.prefixes} |
                         {("bad", "2001:db8:bad::/48"), ("one", "2001:db8::/32")})

    def test_without_a_control_plane(self):
        """What the shared files have is there; what is missing is named, and the exit code tells."""
        before = self.export()[1]
        self.assertEqual(self.stop(), 0)
        code, tables, err = self.export()
        self.assertEqual(code, 1)
        for table in ("addresses", "routes", "lists"):
            self.assertIn(f"# {table} are missing: ", err)
            self.assertNotIn(table, tables)
        for table in ("ports", "vlans", "labels", "fdb", "filters", "tunnels"):
            self.assertEqual(len(tables[table]), len(before[table]), table)
        self.assertEqual(self.still(tables["labels"]), self.still(before["labels"]))
        self.assertEqual(err.count("read from shared memory"), 1)

    def test_nobody_reads_on(self):
        with subprocess.Popen([*self.words, "tables", "export"], stdout=subprocess.PIPE,
                              text=True) as export:
            self.assertEqual(json.loads(export.stdout.readline())["table"], "ports")
            export.stdout.close()
            self.assertNotEqual(export.wait(ANSWER), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
