# SPDX-License-Identifier: BSD-3-Clause
"""Part of the demonstration: Linux hosts on a bridge join a group, get its stream, and leave."""

import time

from hosts import Network
from multicast_agent import MARK, Agent
from shunt_test import wait_until

TITLE = "Multicast to the hosts that asked for it, and to nobody else"
PICTURE = """\
   Linux host "sender" 10.0.0.1 ---- p0            p1 ---- Linux host "one" 10.0.0.2
                                        shunt br0
                                     p3            p2 ---- Linux host "two" 10.0.0.3
   Linux host "three" 10.0.0.4 -----/
"""
GROUP, COUNT, RATE = "239.1.2.3", 200, 800
ROLES = ("sender", "one", "two", "three")
BRIDGE = ("bridge add br0 querier on querier-address 10.0.0.100 unknown-multicast drop query-response-interval 200ms "
          "startup-query-interval 1s last-member-interval 100ms")


def members(node):
    """Ports that joined."""
    return sorted(row["port"] for row in node.json("bridge groups show") if row["group"] == GROUP)


def send(page, agents, captures):
    """A stream of COUNT packets; how many of them came to each of the others, on the wire."""
    page.say(f"sender $ {COUNT} numbered packets to {GROUP}")
    for capture in captures:
        capture.drain()
    agents[0].do(f"send {GROUP} {COUNT} {RATE}")
    time.sleep(COUNT / RATE + 0.2)
    came = [sum(MARK in frame for frame in capture.drain()) for capture in captures]
    for role, count in zip(ROLES[1:], came):
        page.say(f"  {role} got {count}")
    return came


def change(page, node, agents, number, what, ports):
    """A host joins or leaves; until the bridge knows."""
    page.say(f"{ROLES[number]} $ setsockopt {'IP_ADD_MEMBERSHIP' if what == 'join' else 'IP_DROP_MEMBERSHIP'} {GROUP}")
    agents[number].do(f"{what} {GROUP}")
    wait_until(lambda: members(node) == ports, 5, f"{GROUP} at {ports}")


def play(page, node, agents, captures):
    """Join, stream, join, stream, leave, stream."""
    change(page, node, agents, 1, "join", ["p1"])
    good = not page.differs("packets", send(page, agents, captures), [COUNT, 0, 0])
    change(page, node, agents, 2, "join", ["p1", "p2"])
    page.shuntctl(node, "bridge groups show br0")
    good &= not page.differs("packets", send(page, agents, captures), [COUNT, COUNT, 0])
    change(page, node, agents, 1, "leave", ["p2"])
    good &= not page.differs("packets", send(page, agents, captures), [0, COUNT, 0])
    page.shuntctl(node, "show events kind leave")
    return good


def show(page, driver):
    """-> whether each host had what it asked for, and nothing else."""
    page.say(PICTURE)
    network, agents, captures = Network(driver), [], []
    try:
        node = network.node("node")
        hosts = [network.host(role) for role in ROLES]
        for i, host in enumerate(hosts):
            network.link(node, f"p{i}", host)
        node.start_processes()
        page.shuntctl(node, BRIDGE)
        for i, host in enumerate(hosts):
            host.configure([f"10.0.0.{i + 1}/24"], [])
            host.set("net.ipv6.conf.eth0.disable_ipv6=1")
            node.add_port([])
            page.shuntctl(node, f"port set p{i} bridge br0")
        node.wait_links("up")
        agents += [Agent(host) for host in hosts]
        captures += [host.capture() for host in hosts[1:]]
        wait_until(lambda: node.json("bridge snooping show br0")[0]["ipv4"]["enforced"], 10,
                   "hosts had time to answer the first query")
        good = play(page, node, agents, captures)
        good &= not page.differs("words in the logs", node.new_trouble(), [])
        codes = [node.stop(name) for name in ("controlplane", "dataplane")]
        return good and not page.differs("exit codes", codes, [0, 0])
    finally:
        for held in agents + captures:
            held.close()
        network.close()
