# SPDX-License-Identifier: BSD-3-Clause
"""Tests of RFC 2544, 5695 and 3918 with a generator of generators.py: each is given the options and adds
rows to the results."""

import select
import statistics
import time

from generators import Failed, Tcpreplay, Testpmd
from router import FRAMES, Router, generate, scenarios, shunt_test
from scenarios_bridge import fanout, join
from traffic import Source
from wire import Sender

OVERHEAD = 20  # preamble, start of frame and gap of Ethernet, bytes


class Bench:
    """One size of frames through one scenario; left by `with`."""

    def __init__(self, options, size):
        self.options, self.size = options, size
        generator = options.generator
        self.router = Router(options.scenario, options.wire, options.poll, generator.ends, generator.mac)
        self.generator = None

    def __enter__(self):
        self.router.__enter__()
        try:
            self.made = self.router.traffic(self.size, 512 if self.options.quick else FRAMES)
            self.generator = self.options.generator(self.router, self.made, self.options.shortfall)
            self.made["commands"] += self.generator.commands
            self.router.configure(self.made, self.generator.connect)
            self.generator.ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.generator is not None:
            self.generator.close()
        self.router.__exit__()

    def line_frames(self, size=None):
        """Frames a second of the line that `percent` is of; `size`: bytes with FCS."""
        return self.options.line * 1e9 / ((size or self.made["bytes_mean"]) + OVERHEAD) / 8

    def ceiling(self):
        """Frames a second that both the way in and the way out carry, and no more than asked for."""
        both = min(self.line_frames(), self.line_frames(self.made["bytes_mean"] + self.made["growth"]))
        return both * self.options.max_rate / 100

    def search(self):
        """-> the Trial with the highest rate that passed, or None; how many trials; what the limit was, `none passed`
        where even the lowest rate that was tried was too high."""
        options = self.options
        if isinstance(self.generator, Testpmd):
            got = self.generator.trial(None, options.seconds)
            return (got, 1, "port") if got.passed else (None, 1, "none passed: loss")
        low, high, best, limit, trials = 0.0, self.ceiling(), None, "line", 0
        step = self.line_frames() * options.resolution / 100
        rate = high
        while trials == 0 or high - low > step:
            got = self._repeated(rate)
            trials += 1
            if got.passed:
                low, best = rate, got
                if rate == high:
                    break
            else:
                high, limit = rate, got.verdict()
            rate = (low + high) / 2
        return best, trials, limit if best else f"none passed: {limit}"

    def _repeated(self, rate):
        """A trial that fails is looked at again: the machine may be shared (RFC 9004 has this for bursts)."""
        for _ in range(1 + self.options.again):
            got = self.generator.trial(rate, self.options.seconds)
            if got.passed:
                break
        return got

    def row(self, trial, **more):
        """Columns that all tests of rates have."""
        pps = trial.pps if trial else 0.0
        return {"size": self.size, "percent": 100 * pps / self.line_frames(), "mpps": pps / 1e6,
                "gbps": pps * self.made["bytes_mean"] * 8 / 1e9, **more}


def throughput(options, results):
    """RFC 2544 section 26.1; of labels RFC 5695 section 6.1, of multicast RFC 3918 sections 4.1 and 4.3."""
    for size in options.sizes:
        with Bench(options, size) as bench:
            best, trials, limit = bench.search()
            made = bench.made
            results.add(bench.row(
                best, bytes=made["bytes_mean"], bytes_out=made["bytes_mean"] + made["growth"],
                receivers=made["receivers"], mpps_out=(best.pps if best else 0) * made["share"]
                * made["receivers"] / 1e6, trials=trials, limit=limit))


def latency(options, results):
    """RFC 2544 section 26.2: at the throughput, half and a tenth of it."""
    for size in options.sizes:
        with Bench(options, size) as bench:
            best, _, limit = bench.search()
            if best is None:
                results.add(bench.row(None, limit=limit))
            for share in (1, 0.5, 0.1) if best else ():
                got = bench.generator.trial(max(1, best.pps * share), options.seconds)
                times = {f"{name}_us": got.times[f"{name}_ns"] / 1000
                         for name in ("p50", "p90", "p99", "p999", "max")}
                results.add(bench.row(got, share=share, lost=got.lost, **times, limit=limit))


def frame_loss(options, results):
    """RFC 2544 section 26.3: from the full rate down in steps of a tenth, until nothing is lost twice."""
    for size in options.sizes:
        with Bench(options, size) as bench:
            clean = 0
            for tenth in range(10, 0, -1):
                got = bench.generator.trial(bench.ceiling() * tenth / 10, options.seconds)
                results.add(bench.row(got, offered_percent=options.max_rate * tenth / 10.0, sent=got.sent,
                                      received=got.received, loss_percent=100 * got.lost,
                                      short="yes" if got.late else "no"))
                clean = clean + 1 if got.passed else 0
                if clean == 2:
                    break


def _longest_burst(bench, most):
    """Frames at the line's rate of which nothing is lost: those that were sent, of the longest that passed."""
    low, high, count, best = 0, most, most, 0
    rate = bench.line_frames()
    while high - low > max(1, most // 64):
        got = bench.generator.trial(rate, count / rate)
        if got.lost == 0:
            low, best = count, got.sent
            if count == most:
                break
        else:
            high = count
        count = (low + high) // 2
    return best


def back_to_back(options, results):
    """RFC 2544 section 26.4, with the corrections of RFC 9004."""
    for size in options.sizes:
        with Bench(options, size) as bench:
            best, _, limit = bench.search()
            line, most = bench.line_frames(), int(bench.line_frames() * min(2, options.seconds))
            if limit == "line" and options.max_rate >= 100:
                # no burst is too long (RFC 9004 section 5.1)
                results.add({"size": size, "trials": 0, "limit": limit})
                continue
            bursts = [_longest_burst(bench, most) for _ in range(options.repeats or 50)]
            implied = statistics.mean(bursts) / line
            # RFC 9004 section 5.4
            corrected = implied - implied * (best.pps if best else 0) / line
            results.add({"size": size, "trials": len(bursts), "mean_frames": statistics.mean(bursts),
                         "min_frames": min(bursts), "max_frames": max(bursts),
                         "deviation": statistics.pstdev(bursts), "implied_us": implied * 1e6,
                         "corrected_us": corrected * 1e6, "limit": limit})


def recovery(options, results):
    """RFC 2544 section 26.5: how long frames are still lost when an overload (110 % of the throughput) ends and
    half of it follows, in steps of a tenth of the trial's time."""
    for size in options.sizes:
        with Bench(options, size) as bench:
            best, _, limit = bench.search()
            if best is None:
                results.add({"size": size, "throughput_percent": 0.0, "limit": limit})
                continue
            over = min(best.pps * 1.1, bench.line_frames())
            during = bench.generator.trial(over, options.seconds)
            begun, step, last, lost = time.monotonic(), options.seconds / 10, 0.0, 0
            for _ in range(10):
                got = bench.generator.trial(over / 2, step)
                if got.lost > 0:
                    last, lost = time.monotonic() - begun, lost + got.expected - got.received
            results.add({"size": size, "throughput_percent": 100 * best.pps / bench.line_frames(),
                         "lost_in_overload": during.expected - during.received, "lost_after": lost,
                         "recovery_ms": last * 1000, "resolution_ms": step * 1000, "limit": limit})


def fanouts(options, results):
    """RFC 3918 section 4.3: multicast throughput to one, two, four, eight and sixteen receivers."""
    for count in (1, 2, 4, 8, 16):
        options.scenario = "multicast" if count == 1 else f"multicast-fanout-{count}"
        throughput(options, results)


def join_delay(options, results):
    """RFC 3918 section 6.1: from a host's report to the first frame of a group that is being sent already."""
    for size in options.sizes:
        with Router("multicast-joined", options.wire, options.poll) as router:
            made = router.traffic(size)
            router.configure(made)
            Tcpreplay(router, made).query()
            times = []
            sender = Sender(router.lab.target, "h1")
            stream = generate.scenarios.make("multicast-joined", 1000, 1, size).sent
            for i in range(options.repeats or 20):
                frames = [frame for number, frame in enumerate(stream) if number % 100 == i]
                times.append(_one_join(router, sender, frames, i))
            sender.close()
            results.add({"size": size, "joins": len(times), "min_ms": min(times) * 1000,
                         "mean_ms": statistics.mean(times) * 1000, "p50_ms": statistics.median(times) * 1000,
                         "max_ms": max(times) * 1000})


def _one_join(router, sender, frames, group):
    """Seconds. The stream has a frame each 100 us, or as often as this machine sends one."""
    lab = router.lab
    capture = lab.captures[1]
    capture.drain()
    wanted = frames[0][:6]
    lab.sender.send(frames[:2], 10000)
    time.sleep(0.01)
    if any(frame.startswith(wanted) for frame in capture.drain()):
        raise Failed(f"group {group} is forwarded before anybody has asked for it")
    begun = time.monotonic()
    sender.send([join(group)])
    while time.monotonic() < begun + 5:
        lab.sender.send(frames[:1])
        if select.select([capture.socket], [], [], 0.0001)[0]:
            now = time.monotonic()
            if any(frame.startswith(wanted) for frame in capture.drain()):
                return now - begun
    raise Failed("a group is not forwarded 5 s after its report")


def group_capacity(options, results):
    """RFC 3918 section 7.1: the receiver asks for more and more groups; one frame is sent to each."""
    groups = options.groups_first
    while groups <= options.groups:
        with Router("multicast-joined", options.wire, options.poll) as router:
            made = router.traffic(options.sizes[0], 1)
            router.configure(made)
            generator = Tcpreplay(router, made)
            generator.query()
            asks = router.directory / "joins.pcap"
            generate.write_pcap(asks, [join(i) for i in range(groups)])
            begun = time.monotonic()
            generator.replay(asks, options.join_rate, namespace=router.lab.target, interface="h1")
            held = _wait_for_groups(router, groups)
            took = time.monotonic() - begun
            frames = fanout(1, joined=True)(Source("capacity", options.sizes[0]), groups, groups).sent
            generate.write_pcap(made["pcap"], frames)
            got = generator.trial(2000, None, count=groups)
            results.add({"groups": groups, "held": held, "seconds": took, "sent": got.sent,
                         "received": min(got.received, got.sent),
                         "all": "yes" if got.received >= got.sent == groups else "no"})
        groups *= 2


def _wait_for_groups(router, groups):
    """How many the bridge has in the end."""
    def held():
        return len(router.lab.json("bridge groups show"))
    try:
        shunt_test.wait_until(lambda: held() >= groups, 5, "groups")
    except AssertionError:
        pass
    return held()


# test: function, RFC, generators that can do it (the first that is there is taken), scenarios
TESTS = {
    "throughput": (throughput, "RFC 2544 section 26.1",
                   ("generator", "testpmd", "tcpreplay", "trafgen", "flowgen", "txonly"), ""),
    "latency": (latency, "RFC 2544 section 26.2", ("generator",), ""),
    "frame-loss": (frame_loss, "RFC 2544 section 26.3", ("generator", "tcpreplay", "trafgen"), ""),
    "back-to-back": (back_to_back, "RFC 2544 section 26.4, RFC 9004", ("generator",), ""),
    "recovery": (recovery, "RFC 2544 section 26.5", ("generator",), ""),
    "fanout": (fanouts, "RFC 3918 section 4.3", ("generator", "testpmd"), "multicast"),
    "join-delay": (join_delay, "RFC 3918 section 6.1", ("tcpreplay",), "multicast"),
    "group-capacity": (group_capacity, "RFC 3918 section 7.1", ("tcpreplay",), "multicast"),
}


def fits(test, scenario):
    """Whether a test makes sense for a scenario."""
    return scenario in scenarios.SCENARIOS and scenario.startswith(TESTS[test][3])
