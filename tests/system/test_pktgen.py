#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pktgen-scripts: the Lua scripts in pktgen_stub.lua as each Pktgen has it, so that their answers are known, and
in short against the real data plane: without Pktgen, and with it where PKTGEN says where it is."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import shunt_test

SCRIPTS = shunt_test.ROOT / "pktgen-scripts"
sys.path.append(str(SCRIPTS / "driver"))
import measure  # noqa: E402
from generators import Trial  # noqa: E402
from results import Results  # noqa: E402
STUB = Path(__file__).with_name("pktgen_stub.lua")
VERSIONS = ("24.05", "26.02")
LINE_64 = 10e9 / 84 / 8  # frames a second
PKTGEN = os.environ.get("PKTGEN")


class Stub(unittest.TestCase):
    """Scripts in simulated time: both calling conventions, both ways to be overloaded."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.out = Path(place.name)

    def run_script(self, version, test, settings=None, **stub):
        """The rows of its JSON. AssertionError with what it said if it fails."""
        environment = {
            **os.environ, "SHUNT_OUT": str(self.out), "SHUNT_SIZES": "64", "SHUNT_SECONDS": "0.5",
            "SHUNT_QUIT": "1", "SHUNT_REPEATS": "3",
            **{f"SHUNT_{name.upper()}": str(value) for name, value in (settings or {}).items()},
            **{f"STUB_{name.upper()}": str(value) for name, value in stub.items()}}
        done = subprocess.run(["lua5.4", str(STUB), version, str(SCRIPTS / f"{test}.lua")], text=True,
                              capture_output=True, check=False, timeout=60, env=environment)
        if done.returncode != 0 or f"shunt: {test}: done" not in done.stdout:
            raise AssertionError(f"{test} on {version}: exit {done.returncode}: {done.stdout}{done.stderr}")
        made = json.loads((self.out / f"{test}-ip4.json").read_text(encoding="utf-8"))
        self.assertIn(version, made["version"])
        with open(self.out / f"{test}-ip4.csv", encoding="utf-8", newline="") as file:
            self.assertEqual(len(list(csv.DictReader(file))), len(made["rows"]))
        return made["rows"]

    def each(self, test, check, settings=None, **stub):
        """On both versions."""
        for version in VERSIONS:
            with self.subTest(version=version):
                check(self.run_script(version, test, settings, **stub))

    def test_throughput_that_the_forwarder_limits(self):
        """What it forwards at most, from below, within the resolution."""
        for test in ("rfc2544", "gre", "rfc5695", "rfc3918", "filter"):
            def check(rows):
                self.assertEqual(rows[0]["limit"], "loss")
                self.assertLessEqual(rows[0]["mpps"], 5.0)
                self.assertGreater(rows[0]["mpps"], 5.0 - 0.005 * LINE_64 / 1e6)
            self.each(f"{test}-throughput", check, dut=5e6)

    def test_throughput_that_the_port_limits(self):
        """26.x sends what the port does not take later and loses nothing: the trial is late. 24.05 loses."""
        for version, limit in zip(VERSIONS, ("loss", "shortfall")):
            rows = self.run_script(version, "rfc2544-throughput", {"seconds": 10}, port=3e6)
            self.assertEqual(rows[0]["limit"], limit)
            self.assertLess(abs(rows[0]["mpps"] - 3.0), 0.09, rows)

    def test_throughput_of_the_line(self):
        """Nothing limits but the line, which a frame that grows fills before the way in is full."""
        self.each("rfc2544-throughput", lambda rows: self.assertEqual(rows[0]["percent"], 100))
        self.each("rfc5695-throughput", lambda rows: self.assertAlmostEqual(rows[0]["percent"], 84 / 92 * 100, 2),
                  {"growth": 8, "labels": "push 2", "packets": "pcap"})

    def test_imix(self):
        """Its mean size is that of its sequence."""
        self.each("rfc2544-throughput", lambda rows: self.assertAlmostEqual(rows[0]["line_mpps"], 3.2737, 3),
                  {"sizes": "imix"})

    def test_filter(self):
        """Half are denied: neither a loss nor, if they pass, a success that goes unseen."""
        settings = {"copies": 0.5, "packets": "pcap", "period": 4}
        self.each("filter-throughput", lambda rows: self.assertEqual((rows[0]["limit"], rows[0]["leaked"]),
                                                                     ("line", 0)), settings, share=0.5)
        self.each("filter-throughput", lambda rows: self.assertGreater(rows[0]["leaked"], 1000), settings)

    def test_none_passed(self):
        """Half is lost at any rate: no zero looks like a result."""
        for test in ("throughput", "latency", "back-to-back", "recovery"):
            self.each(f"rfc2544-{test}", lambda rows: self.assertEqual(rows[0]["limit"], "none passed: loss"),
                      share=0.5)

    def test_frame_loss(self):
        """The share above what is forwarded, down to none."""
        def check(rows):
            self.assertAlmostEqual(rows[0]["loss_percent"], 100 * (1 - 5e6 / LINE_64), 1)
            self.assertEqual([row["loss_percent"] for row in rows[-2:]], [0, 0])
            self.assertEqual(len(rows), 9)  # 40 % is above, 30 % and 20 % are not
        self.each("rfc2544-frame-loss", check, dut=5e6)

    def test_back_to_back(self):
        """The buffer that there is, with the correction of RFC 9004; none where nothing limits."""
        def check(rows):
            self.assertLess(abs(rows[0]["corrected_us"] - 20000 / LINE_64 * 1e6), 250, rows)
        self.each("rfc2544-back-to-back", check, {"seconds": 2, "resolution": 0.05}, dut=5e6, buffer=20000)
        self.each("rfc2544-back-to-back", lambda rows: self.assertEqual(rows[0]["trials"], 0))

    def test_latency(self):
        """Of samples whose distribution is known."""
        def check(rows):
            self.assertEqual((rows[0]["samples"], rows[0]["min_us"], rows[0]["max_us"], rows[0]["mean_us"]),
                             (3000, 7, 14, 10.5))
        self.each("rfc2544-latency", check, latency=7)

    def test_recovery(self):
        """An overload is lost, half of the throughput is not."""
        def check(rows):
            self.assertGreater(rows[0]["lost_in_overload"], 100000)
            self.assertEqual((rows[0]["lost_after"], rows[0]["recovery_ms"]), (0, 0))
        self.each("rfc2544-recovery", check, {"seconds": 3}, dut=5e6)

    def test_join_delay(self):
        """Frames missing at the beginning, at a known rate."""
        self.each("rfc3918-join-delay", lambda rows: self.assertLess(abs(rows[0]["delay_ms"] - 40), 1.5),
                  {"max_rate": 10}, join=40)

    def test_group_capacity(self):
        """All come, or they don't."""
        self.each("rfc3918-group-capacity", lambda rows: self.assertEqual(rows[0]["held"], "yes"),
                  {"groups": 1000}, join=1)
        self.each("rfc3918-group-capacity", lambda rows: self.assertEqual(rows[0]["held"], "no"),
                  {"groups": 1000}, join=1, share=0.9)

    def test_join_rate(self):
        """Frames are sent when the last report was, however slowly; and it is a setting like others."""
        self.each("rfc3918-group-capacity", lambda rows: self.assertEqual(rows[0]["held"], "yes"),
                  {"groups": 1000, "join_rate": 0.0001}, join=1)
        for rate in ("soon", 200):
            with self.assertRaisesRegex(AssertionError, f"SHUNT_JOIN_RATE: {rate}: expected a number from 1e-06 to 100"):
                self.run_script("26.02", "rfc3918-group-capacity", {"join_rate": rate})

    def test_wrong_calls_are_noticed(self):
        """The stub itself: a shape of the other version, a function that is not there, a wrong setting."""
        for version, call in (("24.05", "pktgen.portStats('0')"), ("26.02", "pktgen.portStats('0', 'port')"),
                              ("26.02", "pktgen.pktStats('0')"), ("24.05", "pktgen.set('0', 'speed', 1)"),
                              ("24.05", "pktgen.start(0)"), ("26.02", "pktgen.delay(1.5)")):
            script = self.out / "wrong.lua"
            script.write_text(call, encoding="utf-8")
            done = subprocess.run(["lua5.4", str(STUB), version, str(script)], capture_output=True, check=False,
                                  timeout=60)
            self.assertNotEqual(done.returncode, 0, f"{call} on {version}")

    def test_wrong_settings_are_refused(self):
        """In words."""
        for name, value, why in (
                ("seconds", "soon", "expected a number from 0.1"), ("seconds", "1e999", "expected a number from 0.1"),
                ("max_rate", 0, "expected a number from 1e-06 to 100"), ("loss", 2, "expected a number from 0 to 1"),
                ("tx", "p0", "expected a number from 0 to 1023"), ("rx", "1,", "expected 0 to 1023"),
                ("sizes", "64,12", "expected imix or 64 to 9018"), ("sizes", "64.5", "expected imix or 64 to 9018"),
                ("packets", "tcp", "expected udp or pcap")):
            with self.assertRaisesRegex(AssertionError, f"failed: SHUNT_{name.upper()}: {value}: {why}"):
                self.run_script("26.02", "rfc2544-throughput", {name: value})
        with self.assertRaisesRegex(AssertionError, "SHUNT_PACKETS must be udp"):
            self.run_script("26.02", "rfc2544-latency", {"packets": "pcap"})


class Slow:
    """A generator that sends a third of what it is asked for; `lost`: frames of so many asked for."""

    def __init__(self, lost, late=False):
        self.lost, self.late, self.asked = lost, late, []

    def trial(self, rate, seconds):
        """-> Trial. AssertionError: no search takes so many."""
        asked = round(rate * seconds)
        self.asked.append(asked)
        if len(self.asked) > 20:
            raise AssertionError(f"the search does not end: {self.asked}")
        return Trial(rate, asked // 3, asked // 3 - self.lost(asked), 1, seconds, late=self.late)


class Searches(unittest.TestCase):
    """What `run` searches for, with generators whose answers are known."""

    def burst(self, lost):
        """The longest of 6,400 at most, and what was asked for meanwhile."""
        generator = Slow(lost)
        bench = SimpleNamespace(generator=generator, line_frames=lambda: 1e6)
        return measure._longest_burst(bench, 6400), generator.asked

    def test_longest_burst(self):
        """It ends though less is sent than was asked for, and says what was sent."""
        self.assertEqual(self.burst(lambda asked: int(asked == 6400)),
                         (6300 // 3, [6400, 3200, 4800, 5600, 6000, 6200, 6300]))
        self.assertEqual(self.burst(lambda _: 0), (6400 // 3, [6400]))
        self.assertEqual(self.burst(lambda _: 1)[0], 0)

    def search(self, generator):
        """Bench.search with it."""
        bench = measure.Bench.__new__(measure.Bench)
        bench.generator, bench.made = generator, {"bytes_mean": 64, "growth": 0}
        bench.options = SimpleNamespace(seconds=1, resolution=10, max_rate=100, line=10, again=0)
        return bench.search()

    def test_no_burst_is_too_long(self):
        """Where the throughput is the line's there is no buffer to be seen, and none is made up."""
        bench = mock.MagicMock(**{"search.return_value": (object(), 1, "line"), "line_frames.return_value": 1e6})
        bench.__enter__.return_value = bench
        with mock.patch.object(measure, "Bench", lambda options, size: bench):
            results = mock.Mock()
            measure.back_to_back(SimpleNamespace(sizes=[64], seconds=1, max_rate=100, repeats=1), results)
        results.add.assert_called_once_with({"size": 64, "trials": 0, "limit": "line"})
        bench.generator.trial.assert_not_called()

    def test_none_passed(self):
        """What the limit was, in words that no rate's limit has."""
        self.assertEqual(self.search(Slow(lambda _: 1)), (None, 5, "none passed: loss"))
        self.assertEqual(self.search(Slow(lambda _: 0, late=True)), (None, 5, "none passed: shortfall"))
        best, _, limit = self.search(Slow(lambda asked: int(asked > LINE_64 / 3)))
        self.assertEqual((limit, best.passed), ("loss", True))


class Files(unittest.TestCase):
    """What `run` writes."""

    def test_rows_of_different_columns(self):
        """A size of which nothing passed says less than the others, and may come first."""
        with tempfile.TemporaryDirectory() as place:
            results = Results("latency", {"test": "latency"})
            rows = [{"size": 64}, {"size": 128, "share": 0.5}, {"size": 256, "lost": 0}]
            for row in rows:
                results.add(row)
            results.save(f"{place}/latency")
            self.assertEqual(Path(place, "latency.csv").read_text(encoding="utf-8").splitlines(),
                             ["size,share,lost", "64,,", "128,0.5,", "256,,0"])
            self.assertEqual(json.loads(Path(place, "latency.json").read_text(encoding="utf-8"))["rows"], rows)


class Driver(unittest.TestCase):
    """`run` in its short form against the real data plane. How fast is no matter here: rates are so low
    that a machine with other work keeps up."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.out = Path(place.name)

    def measure(self, words, name):
        """The rows of the JSON."""
        done = subprocess.run([str(SCRIPTS / "run"), *words.split(), "--quick", "--shortfall", "0.9", "--out",
                               str(self.out)], capture_output=True, text=True, check=False, timeout=250,
                              env={name: value for name, value in os.environ.items() if name != "PKTGEN"})
        if done.returncode != 0:
            raise AssertionError(f"run {words}: exit {done.returncode}: {done.stdout}{done.stderr}")
        made = json.loads((self.out / f"{name}.json").read_text(encoding="utf-8"))
        self.assertTrue((self.out / f"{name}.csv").exists())
        return made["rows"]

    def test_throughput(self):
        """Of labelled packets: all that came in went out."""
        self.throughput("mpls-swap-3-labels")

    def test_throughput_filter(self):
        """With a filter."""
        self.throughput("filter-deny")

    def test_throughput_multicast(self):
        """And of copies."""
        self.throughput("multicast-fanout-4")

    def throughput(self, scenario):
        """At this rate nothing but the line limits it; in one of three runs, as a machine may stand still."""
        for _ in range(3):
            rows = self.measure(f"{scenario} --max-rate 0.1 --sizes imix", f"throughput-{scenario}")
            if (len(rows), rows[0]["limit"]) == (1, "line"):
                return
        self.fail(f"three times: {rows}")

    def test_testpmd(self):
        """Checksums stay right."""
        rows = self.measure("gre-decapsulate-checksum --with testpmd --sizes 512", "throughput-gre-decapsulate-checksum")
        self.assertGreater(rows[0]["mpps"], 0.001)

    def test_tcpreplay(self):
        """Through the kernel."""
        rows = self.measure("ip4 --with tcpreplay --max-rate 0.05 --sizes 64", "throughput-ip4")
        self.assertEqual(rows[0]["limit"], "line", rows)

    def test_trafgen(self):
        """A frame every few milliseconds."""
        rows = self.measure("filter-deny --with trafgen --max-rate 0.002 --sizes 64", "throughput-filter-deny")
        self.assertEqual(rows[0]["limit"], "line", rows)

    def test_frames_of_testpmd(self):
        """What testpmd makes is forwarded, all of it, from the first to the last of its addresses."""
        for tool in ("flowgen", "txonly"):
            rows = self.measure(f"ip4 --with {tool} --sizes 128", "throughput-ip4")
            self.assertEqual(rows[0]["limit"], "port", rows)
            self.assertGreater(rows[0]["mpps"], 0.001)
            made = json.loads((self.out / "throughput-ip4.json").read_text(encoding="utf-8"))
            self.assertIn("made by dpdk-testpmd", made["packets"])
            self.assertRegex(made["version"], rf"^{tool}, memif: dpdk-testpmd, shunt-dataplane [0-9.]+, DPDK 2")

    def test_latency(self):
        """Percentiles in order."""
        for row in self.measure("ip6 --test latency --max-rate 0.1 --sizes 128", "latency-ip6"):
            self.assertLess(0, row["p50_us"])
            self.assertLessEqual(row["p50_us"], row["p99_us"])

    def test_frame_loss(self):
        """It ends when nothing is lost twice, at once unless the machine stands still meanwhile."""
        rows = self.measure("mpls-pop --test frame-loss --max-rate 0.1 --sizes 64", "frame-loss-mpls-pop")
        self.assertEqual([row["loss_percent"] for row in rows[-2:]], [0, 0], rows)

    def test_back_to_back(self):
        """Bursts of some length."""
        rows = self.measure("mpls-swap --test back-to-back --max-rate 0.1 --sizes 64", "back-to-back-mpls-swap")
        self.assertGreater(rows[0]["mean_frames"], 0)

    def test_recovery(self):
        """No overload at so low a rate, but for a moment in which the machine stands still: not three times."""
        for _ in range(3):
            rows = self.measure("bridge --test recovery --max-rate 0.1 --sizes 64", "recovery-bridge")
            self.assertGreater(rows[0]["throughput_percent"], 0, rows)
            if rows[0]["lost_after"] < 200:
                return
        self.fail(f"three times: {rows}")

    def test_multicast(self):
        """From report to first frame; and as many groups as were asked for."""
        rows = self.measure("multicast --test join-delay --sizes 64", "join-delay-multicast")
        self.assertLess(0, rows[0]["min_ms"])
        rows = self.measure("multicast --test group-capacity --sizes 64", "group-capacity-multicast")
        self.assertEqual([(row["groups"], row["all"]) for row in rows], [(64, "yes"), (128, "yes")])

    def test_refusals(self):
        """What cannot be is said before anything is started."""
        for words, why in (("nothing", "no such scenario"), ("ip4 --test join-delay", "begins with multicast"),
                           ("ip4 --test latency --with testpmd", "cannot do latency"),
                           ("ip6 --with flowgen --sizes 64", "makes its own frames, of one size: expected ip4"),
                           ("ip4 --with txonly --sizes imix", "expected ip4 without imix"),
                           ("ip4 --test latency --with trafgen", "cannot do latency"),
                           ("ip4 --sizes abc", "--sizes abc: expected imix or 64"),
                           ("ip4 --sizes 12", "--sizes 12: expected"), ("ip4 --seconds 0", "--seconds 0: expected"),
                           ("ip4 --max-rate nan", "--max-rate nan: expected"),
                           ("ip4 --repeats 0", "--repeats 0: expected 1 to"),
                           ("ip4 --again -1", "--again -1: expected 0 to"),
                           ("ip4 --groups 0", "--groups 0: expected 1 to 65536"),
                           ("ip4 --join-rate 0", "--join-rate 0: expected 1 to"),
                           ("ip4 --pktgen /bin/true", "expected the program of Pktgen")):
            with self.assertRaisesRegex(AssertionError, f"exit 1: .*{why}"):
                self.measure(words, "none")
        for option, value, why in (("--shortfall", "2", "expected a share, 0 to 1"),
                                   ("--out", "/dev/null/results", "expected a directory")):
            done = subprocess.run([str(SCRIPTS / "run"), "ip4", option, value], capture_output=True, text=True,
                                  check=False, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{option} {value}: {why}", done.stderr)

    @unittest.skipUnless(PKTGEN, "PKTGEN does not say where Pktgen is")
    def test_pktgen(self):
        """Every script in a real Pktgen."""
        for words, name in (
                ("ip4", "rfc2544-throughput-ip4"), ("mpls-swap", "rfc5695-throughput-mpls-swap"),
                ("gre-decapsulate", "gre-throughput-gre-decapsulate"),
                ("filter-deny", "filter-throughput-filter-deny"),
                ("multicast-joined", "rfc3918-throughput-multicast-joined"),
                ("ip4 --test latency", "rfc2544-latency-ip4"), ("ip4 --test frame-loss", "rfc2544-frame-loss-ip4"),
                ("mpls-pop --test back-to-back", "rfc2544-back-to-back-mpls-pop"),
                ("mpls-pop --test recovery", "rfc2544-recovery-mpls-pop"),
                ("multicast --test join-delay", "rfc3918-join-delay-multicast"),
                ("multicast --test group-capacity", "rfc3918-group-capacity-multicast")):
            with self.subTest(words):
                rows = self.measure(f"{words} --sizes 128 --seconds 0.5 --max-rate 0.02 --resolution 0.01 "
                                    f"--repeats 1 --poll adaptive --pktgen {PKTGEN}", name)
                self.assertGreater(len(rows), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
