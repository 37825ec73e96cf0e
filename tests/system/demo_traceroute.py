# SPDX-License-Identifier: BSD-3-Clause
"""Part of the demonstration: Linux hosts trace a label-switched path of three shunts."""

from chain import LABELS, Chain, address
from hosts import Hop

TITLE = "Trace a label-switched path of three shunts"
PICTURE = """\
   Linux host ---- A ============= B ============= C ---- Linux host
               push 100        100 -> 101       101 pop ip
               201 pop ip      200 -> 201       push 200         (IPv6: 110, 111, 210, 211)
"""
# what stands in three nodes for the way of IPv4 from left to right
LOOKED_AT = (("a", "route show 10.0.1.0/24"), ("b", "mpls show 100"), ("c", "mpls show 101"))


def expected_hops(family):
    """(address, [(label, traffic class, bottom, TTL), ...])"""
    first, second = LABELS["there", family]
    return [(address(family, 0, 1), []), (address(family, 8, 2), [(first, 0, 1, 1)]),
            (address(family, 9, 2), [(second, 0, 1, 1)]), (address(family, 1, 2), [])]


def show(page, driver):
    """-> whether each hop answered with its labels."""
    page.say(PICTURE)
    chain = Chain(driver)
    try:
        left = chain.ends[0]
        for role, line in LOOKED_AT:
            page.shuntctl(chain.nodes[role], line, node=f"{role.upper()} ")
        good = True
        for family in (4, 6):
            to = address(family, 1, 2)
            left.ping_until(to)  # neighbours are found before, so that no probe waits for one
            text = page.run(left, "traceroute", "-n", "-e", "-q", "1", to, role="host ")
            hops = [(hop.address, hop.labels) for hop in map(Hop, text.splitlines()[1:])]
            good &= not page.differs(f"way to {to}", hops, expected_hops(family))
        trouble = chain.trouble()
        good &= not page.differs("words in the logs", trouble, [])
        codes = [node.stop(name) for node in chain.row for name in ("controlplane", "dataplane")]
        return good and not page.differs("exit codes", codes, [0] * len(codes))
    finally:
        chain.close()
