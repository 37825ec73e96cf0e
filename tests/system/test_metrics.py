#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Metrics as Prometheus reads them: promtool and the OpenMetrics parser, neither of them ours."""

import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from shunt_test import BUILD, LabTest, for_each_driver
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
        cls.port = free_port()
        cls.lab.stop("controlplane")
        cls.lab.start_controlplane("--metrics", str(cls.port))
        cls.lab.ctl("mpls add 100 swap 200 via 10.0.1.2")

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
        self.assertEqual(found["shunt_table_entries", (("table", "labels"),)], 1)
        self.assertEqual(found["shunt_process_up", (("process", "dataplane"),)], 1)

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
        self.assertEqual(no.exception.code, 405)

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
