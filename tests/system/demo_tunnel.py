# SPDX-License-Identifier: BSD-3-Clause
"""Part of the demonstration: two shunts with a GRE tunnel between them, and Linux hosts behind."""

from test_tunnel import TunnelNetwork, row_of

TITLE = "A GRE tunnel with key and checksum between two shunts"
PICTURE = """\
   Linux host 10.0.0.2 ---- A 10.0.8.1 ===== GRE ===== 10.0.8.2 B ---- Linux host 10.0.1.2
"""
COUNT = 20
TUNNEL = "tunnel add t0 mode gre key 77 checksum tcp-mss-clamp 1400"


def show(page, driver):
    """-> whether every ping came back through the tunnel."""
    page.say(PICTURE)
    network = TunnelNetwork(driver)
    try:
        for node, local, remote, far in ((network.a, 1, 2, 1), (network.b, 2, 1, 0)):
            role = f"{node.role.upper()} "
            page.shuntctl(node, f"{TUNNEL} local 10.0.8.{local} remote 10.0.8.{remote}", node=role)
            page.shuntctl(node, f"route add 10.0.{far}.0/24 dev t0", node=role)
        host = network.ends[0]
        host.ping_until("10.0.1.2")  # neighbours are found before
        before = row_of(network.b)["rx_packets"]
        text = page.run(host, "ping", "-n", "-q", "-c", str(COUNT), "-i", "0.02", "10.0.1.2", role="host ")
        good = not page.differs("answers", f"{COUNT} received" in text, True)
        good &= not page.differs("packets out of the tunnel", row_of(network.b)["rx_packets"] - before,
                                 COUNT)
        page.shuntctl(network.b, "tunnel show", node="B ")
        trouble = [line for node in (network.a, network.b) for line in node.new_trouble()]
        good &= not page.differs("words in the logs", trouble, [])
        codes = [node.stop(name) for node in (network.a, network.b)
                 for name in ("controlplane", "dataplane")]
        return good and not page.differs("exit codes", codes, [0] * len(codes))
    finally:
        network.close()
