#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Metrics as Prometheus reads them: promtool and the OpenMetrics parser, neither of them ours."""

import json
import re
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from shunt_test import BUILD, ROOT, LabTest, for_each_driver, wait_until
from frames import numbered, stack, udp4


def free_port():
    """A TCP port of the loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def samples(families):
    """(name, labels) -> value of everything."""
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families for sample in family.samples}


class Metrics(LabTest):
    """Ten packets forwarded, three dropped; then the numbers in every form."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.stop("controlplane")
        cls.start_with_metrics()
        cls.lab.batch(["mpls add 100 swap 200 via 10.0.1.2",
                       "tunnel add gre0 mode gre local 10.0.1.1 remote 10.0.1.2",
                       "tunnel add gre1 mode gre local 10.0.1.1 remote 192.0.2.9",
                       "bridge add br0", "pseudowire add pw0 bridge br0 in 500 out 600 via 10.0.1.2",
                       "filter add f", "filter rule add f 10 deny proto udp dport 9",
                       "filter rule add f 20 police 1mbps proto udp dport 10", "filter bind f in p0"])

    @classmethod
    def start_with_metrics(cls):
        """On a port that was free a moment ago: another one, if somebody took it."""
        for last in (False, False, True):
            cls.port = free_port()
            try:
                return cls.lab.start_controlplane("--metrics", str(cls.port))
            except AssertionError:
                if last:
                    raise

    def traffic(self):
        inner = udp4(numbered(1))
        good = [self.arriving(stack(100) + inner)] * 10
        self.check(good + [self.arriving(stack(999) + inner)] * 3,
                   [self.leaving(stack((200, 63)) + inner)] * 10, drops={"mpls_unknown_label": 3})

    def get(self, path="/metrics", accept=None):
        """Status, content type and text of an HTTP request."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         headers={"Accept": accept} if accept else {})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()

    def assert_numbers(self, found):
        """What the samples say is what the shows say."""
        counters = self.lab.counters()
        p0 = (("interface", "p0"),)
        self.assertEqual(found["shunt_receive_packets_total", p0], counters["p0"]["rx_packets"])
        self.assertGreaterEqual(found["shunt_forwarded_packets_total", p0], 10)
        self.assertEqual(found["shunt_dropped_packets_total",
                               (("interface", "p0"), ("reason", "mpls_unknown_label"))],
                         counters["p0"]["drops"]["mpls_unknown_label"])
        self.assertEqual(found["shunt_port_link_up", (("port", "p1"),)], 1)
        self.assertEqual(found["shunt_table_entries", (("table", "labels"),)], 2)  # and the pseudowire's
        self.assertEqual(found["shunt_process_up", (("process", "dataplane"),)], 1)

    def assert_families(self, found):
        """What has no rows in a show."""
        def value(name, **labels):
            return found[name, tuple(sorted(labels.items()))]
        self.assertEqual([value("shunt_tunnel_up", tunnel=name) for name in ("gre0", "gre1", "pw0")],
                         [1, 0, 1])
        for rules, count in (("deny", 7), ("police", 2)):
            self.assertEqual(value("shunt_filter_packets_total", filter="f", rules=rules), count)
        self.assertGreaterEqual(value("shunt_filter_packets_total", filter="f", rules="default"), 3)
        self.assertEqual(value("shunt_filter_bytes_total", filter="f", rules="deny"),
                         7 * len(self.denied()))
        self.assertGreaterEqual(value("shunt_events_total", kind="process"), 1)
        self.assertEqual(value("shunt_events_total", kind="tunnel"),
                         len(self.lab.json("show events kind tunnel")))
        for row in self.lab.json("show protocols"):
            self.assertIn(("shunt_protocols_total", (("counter", row["counter"]),)), found)
        self.assertGreaterEqual(value("shunt_snooping_total", bridge="br0", counter="solicitations_sent"), 1)
        self.assertEqual(value("shunt_copies_failed_total", interface="p0"), 0)
        self.assertEqual(value("shunt_worker_cycle_hertz"), self.lab.json("show version")["tsc_hz"])
        self.assertIn(("shunt_stage_packets_total", (("stage", "mpls"), ("worker", "0"))), found)
        self.assertEqual(value("shunt_table_entries", table="filters"), 1)

    def denied(self, dport=9):
        """What the filter's rules are about."""
        return self.arriving(udp4(numbered(1), dport=dport), ethertype=0x0800)

    def filtered(self):
        """Of these rules seven, two, and three that none decides about; once for all tests."""
        before = self.lab.counters()
        if before["p0"]["drops"].get("filter_in"):
            return
        frames = [self.denied()] * 7 + [self.denied(10)] * 2 + [self.denied(11)] * 3
        self.lab.sender.send(frames, 1000)
        self.lab.settle(before, "p0", len(frames))

    def test_families(self):
        self.filtered()
        wait_until(lambda: "solicitations_sent" in self.lab.json("bridge snooping show br0")[0]["counters"], 10,
                   "routers are solicited")
        for text, parse in ((self.lab.ctl("metrics"), prometheus),
                            (self.lab.ctl("metrics format openmetrics"), openmetrics)):
            self.assert_families(samples(parse(text)))
        self.promtool(self.lab.ctl("metrics"))

    def test_the_dashboard(self):
        """It asks for metrics that there are, for all of them, and by labels that they have."""
        self.filtered()
        dashboard = json.loads((ROOT / "controlplane/grafana-dashboard.json").read_text())
        families = {sample.name: set(sample.labels) | {"instance", "job"}
                    for family in prometheus(self.lab.ctl("metrics")) for sample in family.samples}
        for family in prometheus(self.lab.ctl("metrics")):  # those without a sample now
            families.setdefault(family.name + ("_total" if family.type == "counter" else ""), None)
        asked = set()
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                names = set(re.findall(r"\bshunt_\w+", target["expr"]))
                self.assertTrue(names and names <= set(families), f"{panel['title']}: {target}")
                asked |= names
                words = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                for group in re.findall(r"by \((\w+)\)", target["expr"]):
                    words.add(group)
                labels = [families[name] for name in names if families[name] is not None]
                self.assertTrue(not labels or words <= set().union(*labels),
                                f"{panel['title']}: {target}")
        self.assertEqual(asked, set(families))
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            self.assertTrue(panel["title"] and place["x"] + place["w"] <= 24, panel["title"])
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"])
                     for y in range(place["h"])}
            self.assertFalse(cells & taken, f"{panel['title']} lies on another panel")
            taken |= cells

    def test_the_dashboard_as_prometheus_reads_it(self):
        """Every expression is one: promtool takes them all as rules."""
        dashboard = json.loads((ROOT / "controlplane/grafana-dashboard.json").read_text())
        expressions = [target["expr"].replace("$__rate_interval", "1m")
                       for panel in dashboard["panels"] for target in panel.get("targets", ())]
        rules = {"groups": [{"name": "dashboard", "rules": [
            {"record": f"rule:{i}", "expr": text} for i, text in enumerate(expressions)]}]}
        path = self.lab.run_dir / "rules.yml"
        path.write_text(json.dumps(rules))  # JSON is YAML
        done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(expressions)} rules found", done.stdout)

    def promtool(self, text):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_promtool_finds_nothing(self):
        self.traffic()
        text = self.lab.ctl("metrics")
        self.promtool(text)
        self.assert_numbers(samples(prometheus(text)))

    def test_openmetrics_is_strict(self):
        self.traffic()
        text = self.lab.ctl("metrics format openmetrics")
        self.assertTrue(text.endswith("\n# EOF\n"))
        self.assert_numbers(samples(openmetrics(text)))

    def test_http_gives_what_is_accepted(self):
        self.traffic()
        status, kind, text = self.get()
        self.assertEqual((status, kind.split(";")[0]), (200, "text/plain"))
        self.promtool(text)
        status, kind, text = self.get(accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
        self.assertEqual((status, kind.split(";")[0]), (200, "application/openmetrics-text"))
        self.assert_numbers(samples(openmetrics(text)))

    def test_http_says_no(self):
        with self.assertRaises(urllib.error.HTTPError) as no:
            self.get("/elsewhere")
        self.assertEqual(no.exception.code, 404)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", data=b"x" * 5000)
        with self.assertRaises(urllib.error.HTTPError) as no:
            urllib.request.urlopen(request, timeout=20)
        self.assertEqual((no.exception.code, no.exception.headers["Allow"]), (405, "GET, HEAD"))

    def test_a_client_that_says_nothing_holds_nobody_up(self):
        with socket.create_connection(("127.0.0.1", self.port)):
            self.assertEqual(self.get()[0], 200)
            self.assertEqual(self.lab.json("show version")["dataplane_alive"], True)

    def test_without_a_control_plane(self):
        self.lab.kill("controlplane")
        try:
            found = samples(prometheus(self.lab.ctl("metrics")))
        finally:
            self.lab.start_controlplane("--metrics", str(self.port))
        self.assertEqual(found["shunt_process_up", (("process", "controlplane"),)], 0)
        self.assertEqual(found["shunt_process_up", (("process", "dataplane"),)], 1)

    def test_addresses_that_are_none(self):
        for listen in ("", "0", "65536", "nowhere:9100", "127.0.0.1:", "::1:9100x", "[::1]", "9100x"):
            with self.subTest(listen=listen):
                done = subprocess.run(
                    [BUILD / "controlplane/shunt-controlplane", "--run-dir", self.lab.run_dir,
                     "--instance", "other", "--metrics", listen],
                    capture_output=True, text=True, timeout=20, check=False)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(f"metrics on {listen}: expected PORT", done.stderr)


for_each_driver(globals(), Metrics)

if __name__ == "__main__":
    unittest.main(verbosity=2)
