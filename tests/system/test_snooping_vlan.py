# SPDX-License-Identifier: BSD-3-Clause
"""IGMP and MLD snooping in several VLANs beside a Linux bridge: as test_snooping.py, but with VLANs, for which
that bridge is in a virtual machine.

Compared are memberships by VLAN (`bridge mdb show`, `bridge groups show`), and the frames, with their tags, that
each port gets of data in each VLAN. Where RFCs and kernel differ, the RFC wins: see DIFFERENT.
"""

import random
import time
import unittest

import multicast_frames as make
import snooping_script as script
from shunt_test import assert_sound, wait_until
from vlan_bridges import LAST_MEMBER_MS, SEATS, VLANS, LinuxBridge, ShuntBridge, members_of, passes, tag_of

STATIC = {10: 5, 20: 5}  # VLAN: port where a router is said to be

# Where the kernel (6.1) does otherwise than the RFC: it must go on doing so, or the line is wrong.
DIFFERENT = {
    "excluded here, all there": "RFC 3376 6.3: a port that joined gets all sources; the kernel leaves it out of an "
                                "(S,G) entry that is there already",
    "a second querier, that loses": "RFC 4541 2.1.1 1) b): every query but those from 0.0.0.0 shows a router; the "
                                    "kernel takes only that of the elected one for it",
    "a query from 0.0.0.0": "RFC 4541 2.1.1 1) b): shows no router; the kernel takes it for one while it has no "
                            "address itself",
}

# A situation is steps of `PORT what ...`, or `PORT.VLAN what ...` with a tag of that VLAN. Each has a group of its
# own, G, and the next one, H. What: as in test_snooping.py, or
#   static, unstatic | query [SOURCE] | hello
# `VLAN = PORTS` says where data of a stranger in the VLAN goes that comes in by port 0, besides STATIC, `VLAN a =
# PORTS` where source a's does; `VLAN routers = PORTS` which ports routers are at.
SITUATIONS = [
    ("an access port asks", "1 join; 10 = 1; 20 =; 30 ="),
    ("the same group in two VLANs", "1 join; 2 join; 10 = 1; 20 = 2; 30 ="),
    ("a trunk asks in one VLAN", "3.20 join; 20 = 3; 10 ="),
    ("a trunk asks in both", "3 join; 3.20 join; 10 = 3; 20 = 3; 30 ="),
    ("a join without tag is the native VLAN's", "3 join; 4 join; 10 = 3; 30 = 4; 20 ="),
    ("a join with the native VLAN's tag", "3.10 join; 10 = 3; 20 ="),
    ("a join with an access port's own tag", "1.10 join; 10 = 1"),
    ("a join with a priority tag", "2.0 join; 20 = 2; 10 ="),
    ("a VLAN that the access port is not in", "1.20 join; 10 =; 20 ="),
    ("a VLAN that the trunk is not in", "3.30 join; 10 =; 30 ="),
    ("a VLAN that nobody is in", "5.99 join; 10 =; 20 =; 30 ="),
    ("no native VLAN", "5 join; 10 =; 20 =; 30 ="),
    ("everybody asks in one VLAN", "0.10 join; 1 join; 3 join; 4.10 join; 5.10 join; 10 = 1,3,4; 20 =; 30 ="),
    ("a router's port asks in a VLAN without router", "5.30 join; 30 = 5; 4 join; 30 = 4,5"),
    ("a leave in one VLAN", "3 join; 3.20 join; 3 leave; 10 =; 20 = 3"),
    ("a leave in a VLAN that did not ask", "3 join; 3.20 leave; 10 = 3; 20 ="),
    ("a leave in a VLAN that the port is not in", "1 join; 1.20 leave; 10 = 1; 2 join; 1.20 leave; 20 = 2"),
    ("a leave of one of three", "2 join; 3.20 join; 4.20 join; 3 join; 3.20 leave; 20 = 2,4; 10 = 3"),
    ("fast leave with a tag", "4.10 join; 4.20 join; 4.10 leave; 10 =; 20 = 4"),
    ("fast leave without tag", "4 join; 4.20 join; 4 leave; 30 =; 20 = 4"),
    ("TO_IN in one VLAN", "3 to_ex; 3.20 to_ex; 3.20 to_in; 10 = 3; 20 ="),
    ("v2 here, v3 there", "3 join; 3.20 to_ex a; 10 a = 3; 10 = 3; 20 a =; 20 = 3"),
    ("a v2 host in another VLAN does not void a BLOCK", "3 join; 3.20 is_ex; 3.20 block a; 10 a = 3; 20 a =; 20 = 3"),
    ("a source in one VLAN", "3.20 allow a; 20 a = 3; 20 =; 10 a ="),
    ("other sources in each VLAN", "3 allow a; 3.20 allow b; 10 a = 3; 10 b =; 20 a =; 20 b = 3"),
    ("a source blocked in one VLAN", "3 allow a,b; 3.20 allow a,b; 3 block a; 10 a =; 10 b = 3; 20 a = 3; 20 b = 3"),
    ("fast leave of a source", "4.10 allow a,b; 4.20 allow a; 4.10 block a; 10 a =; 10 b = 4; 20 a = 4"),
    ("excluded here, included there", "3 to_ex a; 3.20 to_in a; 10 a =; 10 = 3; 20 a = 3; 20 ="),
    ("others excluded in each VLAN", "3 to_ex a; 3.20 to_ex b; 10 a =; 10 b = 3; 20 a = 3; 20 b =; 10 = 3; 20 = 3"),
    ("excluded here, all there in another VLAN", "1 to_ex a; 2 join; 10 a =; 20 a = 2; 10 = 1; 20 = 2"),
    ("excluded here, all there", "1 to_ex a; 3 join; 10 a = 3; 10 = 1,3; 20 ="),
    ("exclude turns to include in one VLAN", "3 to_ex a; 3.20 to_ex a; 3 to_in b; 10 a =; 10 b = 3; 10 =; 20 a =; "
     "20 = 3"),
    ("two groups in one report", "3.20 to_ex G & allow H a; 20 = 3; 10 ="),
    ("a static group", "1 static; 10 = 1; 20 ="),
    ("a static group with a tag", "3.20 static; 20 = 3; 10 =; 3.20 join; 3.20 leave; 20 = 3; 3.20 unstatic; 20 ="),
    ("a static group beside one that asks", "3.20 static; 2 join; 3 join; 20 = 2,3; 10 = 3; 2 leave; 20 = 3; 10 = 3"),
]

# Each on bridges that know nothing, with querier, without a router said.
ROUTERS = [
    ("a query in one VLAN", "5.10 query; 10 routers = 5; 20 routers =; 30 routers =; 10 = 5; 20 =; 30 ="),
    ("a query without tag", "3 query; 10 routers = 3; 20 routers =; 2 join; 1 join; 10 = 1,3; 20 = 2"),
    ("a query in a VLAN that the port is not in", "1.20 query; 10 routers =; 20 routers =; 10 =; 20 ="),
    ("routers in two VLANs", "3.20 query; 4 query; 4.20 join; 10 routers =; 20 routers = 3; 30 routers = 4; 20 = 3,4; "
     "30 = 4; 10 ="),
    ("a second querier, that wins", "4.20 query high; 5.20 query low; 20 routers = 4,5; 10 routers =; 20 = 4,5"),
    ("a second querier, that loses", "4.20 query low; 5.20 query high; 20 routers = 4,5; 10 routers =; 20 = 4,5"),
]
ROUTERS_IPV4 = [
    ("a query from 0.0.0.0", "5.10 query nobody; 10 routers =; 10 ="),
    ("PIM in one VLAN", "5.20 hello; 20 routers = 5; 10 routers =; 1 join; 20 = 5; 10 = 1"),
    ("PIM without tag", "4 hello; 30 routers = 4; 10 routers =; 20 routers =; 30 = 4"),
]
ROUTERS_IPV6 = [
    ("a query from ::", "5.10 query nobody; 10 routers =; 10 ="),
]

# Without querier.
FLOODED = [
    ("nobody asks", "1 join; 2 join; 10 = 1,3,4,5; 20 = 2,3,4,5; 30 = 4,5"),
    ("somebody asks in one VLAN", "5.10 query; 1 join; 2 join; 10 routers = 5; 10 = 1,5; 20 = 2,3,4,5; 30 = 4,5"),
    ("somebody asks without tag", "4 query; 4.10 join; 30 = 4; 10 = 1,3,4,5; 20 = 2,3,4,5"),
]

# (port, tag): whom random reports come from, some without effect
SEATS_TO_ASK = [(1, None), (2, None), (3, None), (3, 20), (4, None), (4, 10), (4, 20), (5, 10), (5, 30), (1, 20),
                (3, 30)]
QUERIERS = {4: {"low": "10.0.0.7", "high": "10.0.0.70", "nobody": "0.0.0.0"},
            6: {"low": "fe80::7", "high": "fe80::70", "nobody": "::"}}


def parse(situation):
    """-> (kind, port, VLAN of the tag or None, what), ("data", VLAN, source, ports), ("routers", VLAN, None, ports)"""
    for text in filter(None, map(str.strip, situation.split(";"))):
        words = text.split()
        if "=" in words:
            vlan, *source = words[:words.index("=")]
            ports = words[words.index("=") + 1:]
            ports = sorted(map(int, ports[0].split(","))) if ports else []
            yield ("routers" if source == ["routers"] else "data", int(vlan), source[0] if source else None, ports)
            continue
        port, _, tag = words[0].partition(".")
        kind = words[1] if words[1] in ("static", "unstatic", "query", "hello") else "report"
        yield kind, int(port), int(tag) if tag else None, words[2:] if kind == "query" else script.said(words[1:]) \
            if kind == "report" else None


def vlan_of(port, tag):
    """The VLAN that a frame is in, or None: the port is not in it."""
    vlan = tag or SEATS[port][1]
    return vlan if vlan and port in members_of(vlan) else None


class Beside(unittest.TestCase):
    """shunt and Linux, side by side."""

    groups = iter(range(1, 1 << 14))
    numbers = iter(range(1, 1 << 24))
    family = 4

    @classmethod
    def setUpClass(cls):
        cls.linux = LinuxBridge()  # first: without it all is skipped
        cls.addClassCleanup(cls.linux.close)
        cls.shunt = ShuntBridge()
        cls.addClassCleanup(cls.shunt.close)

    def tearDown(self):
        assert_sound(self, self.shunt.node)

    def begin(self, querier, routers):
        """New bridges; with a querier both enforce soon what hosts asked for."""
        self.routers = routers
        for side in (self.shunt, self.linux):
            side.begin(querier, routers)
            wait_until(lambda: passes(side), 20, "a new bridge forwards", 0.05)  # pylint: disable=cell-var-from-loop
        if querier:
            group = make.group_address(self.family, next(self.groups))
            for vlan in VLANS:
                quiet = [[routers[vlan]] if vlan in routers else []] * 2
                # pylint: disable-next=cell-var-from-loop
                wait_until(lambda: self.ports(vlan, group, self.source()) == quiet, 20,
                           f"both enforce in VLAN {vlan} what hosts asked for", 0.1)

    # ---- frames in

    def say(self, frame, port, tag):
        """To both; they have it."""
        frame = make.tagged(frame, tag)
        self.shunt.through(port, frame, punts=vlan_of(port, tag) is not None)
        self.linux.through(port, frame)

    def step(self, kind, port, tag, what, group, other):
        """Of a situation."""
        if kind == "report":
            self.say(script.frame(self.family, port, what, group, other), port, tag)
        elif kind == "query":
            self.say(make.query(self.family, port, QUERIERS[self.family][what[0] if what else "low"]), port, tag)
        elif kind == "hello":
            self.say(make.hello(port), port, tag)
        else:
            for side in (self.shunt, self.linux):
                side.static(kind == "static", group, vlan_of(port, tag), port)

    # ---- what came of it

    def source(self, letter=None):
        """An address."""
        return make.SOURCES[self.family].get(letter, make.STRANGER[self.family])

    def ports(self, vlan, group, source):
        """Where a packet of a stream in this VLAN that comes in by port 0 goes, on both sides, with the tag that
        the VLAN has on that port."""
        number = next(self.numbers)
        frame = make.data(self.family, 0, group, source, number)
        out = []
        for side in (self.shunt, self.linux):
            got = []
            for port, frames in enumerate(side.through(0, make.tagged(frame, tag_of(0, vlan)))):
                data = [f for f in frames if make.number_of(f) is not None]
                if data:
                    self.assertIn(port, members_of(vlan), f"{side}: VLAN {vlan} leaks")
                    self.assertEqual(data, [make.tagged(frame, tag_of(port, vlan))],
                                     f"{side}: VLAN {vlan}, port {port}")
                    got.append(port)
            out.append(got)
        return out

    def same_members(self, groups, title, view=lambda members: members):
        """Both have the same, within the time that a leave takes; that."""
        last = []

        def same():
            last[:] = [view(side.members(groups)) for side in (self.shunt, self.linux)]
            return last[0] == last[1]
        try:
            wait_until(same, 15, interval=0.05)
        except AssertionError:
            self.fail(f"{title}: shunt has {last[0]}, Linux {last[1]}")
        return last[0]

    def same_routers(self, vlan, wanted, title):
        """Those of a VLAN; whether Linux has them as well."""
        def seen():
            return [sorted(int(port[1:]) for v, port in rows if v == vlan) for rows in
                    (self.shunt.routers(f"ipv{self.family}"), self.linux.routers())]
        both = seen()
        self.assertEqual(both[0], wanted, f"{title}: shunt's routers in VLAN {vlan}")
        return both[1] == wanted

    def same_data(self, vlan, group, source, wanted, title, patient):
        """Where it goes; whether Linux says the same. `patient`: a leave's time may not be over."""
        router = {self.routers[vlan]} if vlan in self.routers else set()
        wanted = sorted(set(wanted) | router)
        last = []

        def so():
            last[:] = self.ports(vlan, group, source)
            return last[0] == wanted and (last[1] == wanted or title in DIFFERENT)
        try:
            wait_until(so, 5 if patient else 0, interval=0.1)
        except AssertionError:
            pass
        self.assertEqual(last[0], wanted, f"{title}: shunt, {source} in VLAN {vlan}")
        return last[1] == wanted

    def run_situation(self, title, situation):
        """All steps of one."""
        group, other = (make.group_address(self.family, next(self.groups)) for _ in range(2))
        name = f"{title} (IPv{self.family})"
        looked, patient, different = True, False, False
        for kind, *rest in parse(situation):
            if kind not in ("data", "routers"):
                self.step(kind, *rest, group, other)
                if kind == "report" and script.ends_something(rest[2]):
                    patient = True
                patient |= kind == "query"
                looked = False
                continue
            if not looked:
                if patient:
                    time.sleep(2 * LAST_MEMBER_MS / 1000 + 0.1)
                if title not in DIFFERENT:
                    self.same_members([group, other], name)
                looked = True
            vlan, source, wanted = rest
            good = self.same_routers(vlan, wanted, name) if kind == "routers" else \
                self.same_data(vlan, group, self.source(source), wanted, title, patient)
            if title not in DIFFERENT:
                self.assertTrue(good, f"{name}: Linux is alone with {vlan} {source or ''} {kind}, wanted {wanted}")
            different |= not good
        if title in DIFFERENT:
            self.assertTrue(different, f"{name}: Linux does the same now, the line in DIFFERENT is out of date")

    # ---- tests

    def run_all(self, family, situations, querier, routers, anew):
        """Every situation; `anew`: each on bridges that know nothing."""
        self.family = family
        for i, (title, situation) in enumerate(situations):
            with self.subTest(title):
                if anew or not i:
                    self.begin(querier, routers)
                self.run_situation(title, situation)

    def agree_but_for_the_kernel(self, group, title):
        """As test_snooping.py's, in each VLAN: members, and who gets what of them by the RFCs; the kernel may leave
        out ports that exclude other sources."""
        members = self.same_members([group], title, script.matter)
        for vlan in VLANS:
            for source in [*map(self.source, "abcd"), self.source()]:
                wanted, excluding = set(), set()
                for (_, where, port), (mode, sources) in members.items():
                    if where == vlan and (source in sources) == (mode == "include"):
                        wanted.add(int(port[1:]))
                        excluding |= {int(port[1:])} if mode == "exclude" else set()
                router = {self.routers[vlan]} if vlan in self.routers else set()
                wanted |= router
                ours, theirs = self.ports(vlan, group, source)
                self.assertEqual(ours, sorted(wanted), f"{title}: ports that get {source} in VLAN {vlan}")
                self.assertTrue(wanted - (excluding - router) <= set(theirs) <= wanted,
                                f"{title}: {source} in VLAN {vlan}: Linux {theirs}, wanted {wanted}")

    def random_sequences(self, family, seed):
        """Random records in random VLANs, several in a row before both are looked at. Each is another host's:
        the kernel tracks hosts, and takes away what one of them no longer says (RFC 3376 A.2 leaves that to it)."""
        self.family = family
        self.begin(True, STATIC)
        choose = random.Random(seed)
        for sequence in range(3):
            group = make.group_address(family, next(self.groups))
            told = []
            for _ in range(5):
                for _ in range(choose.randrange(2, 5)):
                    port, tag = choose.choice(SEATS_TO_ASK)
                    kind, sources = choose.choice(list(make.TYPES)), sorted(choose.sample("abcd", choose.randrange(4)))
                    told.append(f"{port}{'.' if tag else ''}{tag or ''} {kind} {','.join(sources)}")
                    host = next(self.numbers) % 60000 + 1
                    source = f"10.1.{host >> 8}.{host & 255}" if family == 4 else f"fe80::{host:x}"
                    self.say(make.records(family, port, (kind, group, sources), source=source), port, tag)
                time.sleep(2 * LAST_MEMBER_MS / 1000 + 0.1)
                self.agree_but_for_the_kernel(group, f"seed {seed}, sequence {sequence}: {'; '.join(told)}")

    def test_random_ipv4(self):
        """IGMP."""
        self.random_sequences(4, 21)

    def test_random_ipv6(self):
        """MLD."""
        self.random_sequences(6, 22)

    def test_situations_ipv4(self):
        """IGMP."""
        self.run_all(4, SITUATIONS, True, STATIC, False)

    def test_situations_ipv6(self):
        """MLD."""
        self.run_all(6, SITUATIONS, True, STATIC, False)

    def test_routers_ipv4(self):
        """IGMP queries and PIM."""
        self.run_all(4, ROUTERS + ROUTERS_IPV4, True, {}, True)

    def test_routers_ipv6(self):
        """MLD queries."""
        self.run_all(6, ROUTERS + ROUTERS_IPV6, True, {}, True)

    def test_flooded_ipv4(self):
        """No querier."""
        self.run_all(4, FLOODED, False, {}, True)

    def test_flooded_ipv6(self):
        """No querier."""
        self.run_all(6, FLOODED, False, {}, True)


if __name__ == "__main__":
    unittest.main()
