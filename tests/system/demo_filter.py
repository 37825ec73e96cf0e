# SPDX-License-Identifier: BSD-3-Clause
"""Part of the demonstration: a default-deny filter between Linux hosts, and what it says about packets."""

import socket

from hosts import Network

TITLE = "A filter that lets https in and nothing else"
PICTURE = """\
   Linux host "outside" 10.0.0.2 ---- p0 10.0.0.1  shunt  10.0.1.1 p1 ---- Linux host "inside" 10.0.1.2
"""
FILTER = ["filter list add scanners 192.0.2.0/24", "filter add web", "filter rule add web 10 deny from @scanners",
          "filter rule add web 20 permit proto tcp dport https", "filter rule add web 30 permit proto icmp icmp 8",
          "filter bind web in p0"]
TESTS = [("from 198.51.100.7", 443, "permit", 20), ("from 192.0.2.66", 443, "deny", 10),
         ("from 198.51.100.7", 22, "deny", None)]
KNOCKS = [443, *range(8000, 8050)]


def knock(page, network):
    """SYNs to many ports of the inside; the ports that came through."""
    seen = network.hosts["inside"].capture()
    try:
        page.say(f"outside $ SYNs to 10.0.1.2, ports {KNOCKS[0]} and {KNOCKS[1]} to {KNOCKS[-1]}")
        program = f"""
import socket
for port in {KNOCKS[::-1]}:
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("10.0.1.2", port))
"""
        network.hosts["outside"].run("python3", "-c", program)
        network.hosts["outside"].ping_until("10.0.1.2", count=1)  # comes in behind them
        return {int.from_bytes(f[36:38], "big") for f in seen.drain()
                if f[12:14] == b"\x08\x00" and f[23] == socket.IPPROTO_TCP}
    finally:
        seen.close()


def show(page, driver):
    """-> whether only what is permitted came in."""
    page.say(PICTURE)
    network = Network(driver)
    try:
        node = network.node("node")
        for i, role in enumerate(("outside", "inside")):
            network.link(node, f"p{i}", network.host(role))
        node.start_processes()
        for i, host in enumerate(network.hosts.values()):
            host.configure([f"10.0.{i}.2/24"], [f"10.0.{i}.1"])
            host.set("net.ipv6.conf.eth0.disable_ipv6=1")  # its chatter is denied, and counted
            node.add_port([f"10.0.{i}.1/24"])
        node.wait_links("up")
        network.hosts["outside"].ping_until("10.0.1.2")  # neighbours are found before
        for line in FILTER:
            page.shuntctl(node, line)
        good = True
        for source, port, verdict, rule in TESTS:
            line = f"filter test web proto tcp {source} to 10.0.1.2 dport {port}"
            page.shuntctl(node, line)
            answer = node.json(line)
            good &= not page.differs("verdict", (answer["verdict"], answer.get("seq")), (verdict, rule))
        came = knock(page, network)
        page.say(f"inside: SYNs to {sorted(came)}")
        good &= not page.differs("ports that came in", came, {443})
        page.shuntctl(node, "filter show web -s")
        page.shuntctl(node, "show drops")
        good &= not page.differs("dropped", node.drops().get(("p0", "filter_in"), 0), len(KNOCKS) - 1)
        good &= not page.differs("words in the logs", node.new_trouble(), [])
        codes = [node.stop(name) for name in ("controlplane", "dataplane")]
        return good and not page.differs("exit codes", codes, [0, 0])
    finally:
        network.close()
