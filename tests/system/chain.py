# SPDX-License-Identifier: BSD-3-Clause
"""Three shunts in a row between two Linux hosts, with a label-switched path each way and per family.

    host 0 ---- A ---- B ---- C ---- host 1
      net 0      net 8   net 9    net 1

The ingress node pushes by a route, B swaps or pops (penultimate-hop popping), the egress node pops.
"""

from hosts import Network

# label that the ingress pushes, label that B swaps it for: by direction and family
LABELS = {("there", 4): (100, 101), ("there", 6): (110, 111),
          ("back", 4): (200, 201), ("back", 6): (210, 211)}
EXPLICIT_NULL = {4: "explicit-null", 6: "ipv6-explicit-null"}
HOPS = 4  # links from host to host


def address(family, net, host, length=""):
    """An address of the plan; `length`: a prefix with it, "" for none. Host 0: the network itself."""
    if family == 4:
        return f"10.0.{net}.{host}{length and '/24'}"
    return f"2001:db8:{net + 1}::{host or ''}{length and '/64'}"


def both(net, host):
    """As `address add` wants them."""
    return [address(family, net, host, True) for family in (4, 6)]


class Chain(Network):
    """The network above, with its paths. `mtu`: of the links host 0 - A, A - B, B - C, C - host 1."""

    def __init__(self, driver, mtu=(1500, 1500, 1500, 1500)):
        super().__init__(driver)
        try:
            self._build(mtu)
            self._configure(mtu)
        except BaseException:
            self.close()
            raise

    def _build(self, mtu):
        self.ends = [self.host(f"host{i}") for i in range(2)]
        self.row = [self.node(role) for role in "abc"]
        self.a, self.b, self.c = self.row
        self.link(self.a, "p0", self.ends[0], mtu[0])
        # what A, B, B, C send on the links between them
        self.from_a, self.a_from_b = self.tapped_link(self.a, "p1", self.b, "p0", mtu[1])
        self.from_b, self.from_c = self.tapped_link(self.b, "p1", self.c, "p0", mtu[2])
        self.link(self.c, "p1", self.ends[1], mtu[3])
        for host, net in ((self.ends[0], 0), (self.ends[1], 1)):
            host.configure(both(net, 2), [address(family, net, 1) for family in (4, 6)])

    def _configure(self, mtu):
        for i, node in enumerate(self.row):
            node.start_processes(str(i % 2))
        self.a.add_port(both(0, 1), mtu[0])
        self.a.add_port(both(8, 1), mtu[1], mpls=True)
        self.b.add_port(both(8, 2), mtu[1], mpls=True)
        self.b.add_port(both(9, 1), mtu[2], mpls=True)
        self.c.add_port(both(9, 2), mtu[2], mpls=True)
        self.c.add_port(both(1, 1), mtu[3])
        for node in self.row:
            node.wait_links("up")
        self.push()
        self.swap()
        self.pop()

    def close(self):
        for name in ("from_a", "a_from_b", "from_b", "from_c"):
            capture = getattr(self, name, None)
            if capture is not None:
                capture.close()
        super().close()

    # ---- what each node does; each replaces what was

    def push(self, words=""):
        """A and C: routes into the paths. `words`: after `push LABEL`."""
        for node, net, gateway, way in ((self.a, 1, (8, 2), "there"), (self.c, 0, (9, 1), "back")):
            node.batch([f"route replace {address(family, net, 0, True)} "
                        f"via {address(family, *gateway)} push {LABELS[way, family][0]} {words}"
                        for family in (4, 6)])

    def swap(self, words=""):
        """B, in the middle: swaps for the second label."""
        self._transit(lambda way, family: f"swap {LABELS[way, family][1]}", words)

    def pop_before(self, words=""):
        """B: penultimate-hop popping, as the egress asks for with implicit null."""
        self._transit(lambda way, family: "swap implicit-null", words)

    def swap_for_null(self, words=""):
        """B: explicit null of the family, as the egress may ask for."""
        self._transit(lambda way, family: f"swap {EXPLICIT_NULL[family]}", words)

    def _transit(self, operation, words):
        gateways = {"there": (9, 2), "back": (8, 1)}
        self.b.batch([f"mpls replace {labels[0]} {operation(way, family)} "
                      f"via {address(family, *gateways[way])} {words}"
                      for (way, family), labels in LABELS.items()])

    def pop(self, words=""):
        """C and A: ultimate-hop popping."""
        for node, way in ((self.c, "there"), (self.a, "back")):
            node.batch([f"mpls replace {LABELS[way, family][1]} pop ip {words}" for family in (4, 6)])

    def route_plainly(self):
        """No labels: all three by IP routes."""
        for node, net, gateway in ((self.a, 1, (8, 2)), (self.b, 1, (9, 2)),
                                   (self.c, 0, (9, 1)), (self.b, 0, (8, 1))):
            node.batch([f"route replace {address(family, net, 0, True)} via {address(family, *gateway)}"
                        for family in (4, 6)])

    def drain(self):
        """Forget what was seen on the links."""
        for capture in (self.from_a, self.a_from_b, self.from_b, self.from_c):
            capture.drain()

    def trouble(self, allow=None):
        """What is wrong with the six processes."""
        return [f"{role}: {line}" for role, node in self.nodes.items() for line in node.trouble(allow)]
