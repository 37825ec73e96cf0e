# SPDX-License-Identifier: BSD-3-Clause
"""Traffic with known answers: for each scenario the frames that go in, the frames that must come out,
where the others end, and the shuntctl commands that make it so.

Everything follows from (scenario, count, seed, size): the same four make the same bytes.
"""

import scenarios_bridge
import scenarios_ip
import scenarios_mpls
from traffic import Source

SCENARIOS = {**scenarios_mpls.SCENARIOS, **scenarios_ip.SCENARIOS, **scenarios_bridge.SCENARIOS}


def make(name, count, seed, size=None):
    """The traffic of a scenario. `size`: of each frame with FCS, or "imix"; left out: all kinds.
    KeyError: no such scenario."""
    return SCENARIOS[name](Source(f"{name}/{seed}", size), count)


def description(name):
    """What a scenario is, in words."""
    return " ".join(SCENARIOS[name].__doc__.split())
