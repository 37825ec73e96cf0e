# SPDX-License-Identifier: BSD-3-Clause
"""Hosts that join and leave by the thousand a second beside a stream: what test_multicast_churn and the benchmark
bench-multicast-churn share.

At h0 there is a sender of two groups; at h1 a subscriber of the one, who stays; at h2 tcpreplay joins and leaves
many groups; at h3 the other group is joined, its first packet waited for, and left, again and again.
"""

import re
import select
import subprocess
import time

from scapy.utils import PcapWriter

import multicast_frames as make
import shunt_test
from hosts import Network
from multicast_agent import MARK, Agent
from shunt_test import wait_until
from wire import Capture, Sender

STREAM, PROBED = "239.200.0.1", "239.200.0.2"
STREAM_RATE = 1000  # packets a second of each of the two


class Churn:
    """The bridge and its hosts; close() removes everything."""

    def __init__(self, driver="net_af_packet", groups=1000, lcores="0", fast_leave=True, options=()):
        self.network = Network(driver)
        devargs = ",framecnt=4096" if driver == "net_af_packet" else ""  # holds what comes while nobody looks
        node = self.node = self.network.node("bridge")
        self.hosts = [self.network.host(f"h{i}") for i in range(4)]
        for i, host in enumerate(self.hosts):
            self.network.link(node, f"p{i}", host)
        node.start_dataplane(*options, lcores=lcores)
        node.start_controlplane()
        node.ctl("bridge add br0 vlan 10 querier on querier-address 10.0.0.100 unknown-multicast drop "
                 "query-interval 60s query-response-interval 500ms startup-query-interval 1s")
        for i, host in enumerate(self.hosts):
            node.ctl(f"port add p{i} devargs {driver}{i},iface=p{i}{devargs} bridge br0 vlan 10")
            node.ports.append(f"p{i}")
            host.configure([f"10.0.0.{i + 1}/24"], [])
        node.ctl("bridge multicast add p3 fast-leave on")
        if fast_leave:  # each leave takes an entry out of the tables; else it is asked for, twice
            node.ctl("bridge multicast add p2 fast-leave on")
        node.wait_links("up")
        self.agents = [Agent(host) for host in self.hosts[:2]]
        self.sender, self.capture = Sender(self.hosts[3].namespace, "eth0"), Capture(self.hosts[3].namespace, "eth0")
        self.names = [make.group_address(4, 20000 + i) for i in range(groups)]
        self.pcap = node.run_dir / "churn.pcap"
        with PcapWriter(str(self.pcap), linktype=1) as writer:
            for say in (make.join, make.leave):
                for name in self.names:
                    writer.write(say(4, 2, name))
        self.join, self.leave = make.join(4, 3, PROBED), make.leave(4, 3, PROBED)
        self.agents[1].do(f"join {STREAM}")
        wait_until(self.enforced, 20, "what hosts asked for is enforced", 0.1)

    def close(self):
        """Safe to call twice."""
        for agent in self.agents:
            agent.close()
        self.sender.close()
        self.capture.close()
        self.network.close()

    def status(self):
        """The row of `bridge snooping show`."""
        return self.node.json("bridge snooping show br0")[0]

    def enforced(self):
        """By now nobody gets what was not asked for; the subscriber is known."""
        return self.status()["ipv4"]["enforced"] and ("p1", STREAM) in {
            (row["port"], row["group"]) for row in self.node.json("bridge groups show")}

    def handled(self):
        """Joins and leaves that the engine took."""
        counters = self.status()["counters"]
        return counters.get("reports", 0), counters.get("leaves", 0)

    def first_packet(self, timeout=2):
        """Seconds from the join to the first packet; None: it took longer than that. Then the group is left, and
        no more of it comes."""
        self.capture.drain()
        began = time.monotonic()
        self.sender.send([self.join])
        took = None
        while took is None and time.monotonic() < began + timeout:
            if select.select([self.capture.socket], [], [], 0.1)[0] and any(MARK in f for f in self.capture.drain()):
                took = time.monotonic() - began
        self.sender.send([self.leave])
        end, quiet = time.monotonic() + timeout, time.monotonic()
        while time.monotonic() < min(end, quiet + 0.02):
            if select.select([self.capture.socket], [], [], 0.005)[0] and any(MARK in f for f in self.capture.drain()):
                quiet = time.monotonic()
        return took

    def replay(self, rate, seconds):
        """tcpreplay at h2; 0: just time."""
        words = ["sleep", str(seconds)] if rate == 0 else [
            "tcpreplay", "--intf1=eth0", "--preload-pcap", f"--pps={rate}", "--pps-multi=10",
            f"--loop={max(1, round(rate * seconds / (2 * len(self.names))))}", str(self.pcap)]
        return subprocess.Popen(self.hosts[2].namespace.command(*words), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, preexec_fn=shunt_test._die_with_parent)

    @staticmethod
    def replayed(replay, rate):
        """(frames, seconds) that it says it has sent."""
        said = replay.communicate()[0]
        found = re.search(r"(\d+) packets \(\d+ bytes\) sent in ([\d.]+)", said)
        if rate and not found:
            raise AssertionError(f"tcpreplay: {said}")
        return (int(found[1]), float(found[2])) if rate else (0, 1)

    def run(self, rate, seconds):
        """Joins and leaves, `rate` a second in all (0: none). {asked, rate: as sent; joins, leaves: handled; stream:
        packets sent; lost, twice; dropped: by shunt, of what came from the sender, by reason; times: sorted, of first
        packets}"""
        before, drops = self.handled(), self.node.drops()
        self.agents[1].numbers(STREAM)
        count = int((seconds + 1) * STREAM_RATE)
        for group in (STREAM, PROBED):
            self.agents[0].do(f"send {group} {count} {STREAM_RATE}")
        replay, times, probes = self.replay(rate, seconds), [], 0
        while replay.poll() is None:
            took = self.first_packet()
            probes += 1
            times += [took] if took is not None else []
        asked, took = self.replayed(replay, rate)
        got = self.agents[1].until(STREAM, count - 1)
        joins, leaves = (after - b - probes for b, after in zip(before, self.handled()))
        return {"asked": asked, "rate": asked / took, "joins": joins, "leaves": leaves, "stream": count,
                "dropped": {reason: number - drops.get((port, reason), 0) for (port, reason), number
                            in self.node.drops().items() if port == "p0" and reason != "bridge_unregistered"
                            and number > drops.get((port, reason), 0)},
                "lost": count - len(set(got)), "twice": len(got) - len(set(got)), "times": sorted(times)}
