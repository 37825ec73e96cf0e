# SPDX-License-Identifier: BSD-3-Clause
"""IGMP and MLD snooping beside a Linux bridge: the same frames into both, and after each step the same
memberships (`bridge mdb show`, `bridge groups show`) and the same ports that data comes out of.

Both are querier, with a router said to be at port 4. Where RFCs and kernel differ, the RFC wins: see DIFFERENT.

One VLAN; several, for which a kernel needs CONFIG_BRIDGE_VLAN_FILTERING: test_snooping_vlan.py.
"""

import json
import random
import time
import unittest

import multicast_frames as make
import snooping_script as script
from hosts import Network
from shunt_test import assert_sound, wait_until
from wire import Capture, Namespace, Sender, run, veth

PORTS = 5
ROUTER = 4
LAST_MEMBER_MS = 100  # twice: a leave has its effect after that
FAST = 3              # this port has fast leave

# Where the kernel (6.1 to 6.18 were looked at) does otherwise than the RFC: only shunt is held to the situation.
DIFFERENT = {
    "excluded here, all there": "RFC 3376 6.3: a port that joined gets all sources; the kernel leaves it out of an "
                                "(S,G) entry that is there already",
    "three ports": "the same",
    "empty ALLOW": "RFC 3376 6.4.2: INCLUDE({}) is no state; the kernel makes an entry",
    "v2 host, then BLOCK": "RFC 3376 7.3.2: ignored while v2 hosts are there; the kernel has no such timer",
    "leave of INCLUDE hosts": "RFC 3376 7.3.2: a v2 leave is TO_IN({}); the kernel asks, and takes nothing away",
}

# A situation is steps of `PORT what ...`; each has a group of its own, G, and the next one, H.
#   join, join1, leave | is_in ... block SOURCES | `PORT type G SOURCES & type H SOURCES`
# After each step both sides must agree; `= PORTS` says besides where data of a stranger goes, and
# `a = PORTS` where source a's goes, so that they don't agree on something wrong. Data comes in by port 0,
# and always goes to the router.
SITUATIONS = [
    ("a join", "1 join; = 1"),
    ("two joins", "1 join; 2 join; = 1,2"),
    ("the same join again", "1 join; 1 join; = 1"),
    ("a join at the router's port", "4 join; 1 join; = 1"),
    ("a join at the sender's port", "0 join; 1 join; = 1"),
    ("join by TO_EX", "1 to_ex; = 1"),
    ("join by IS_EX", "1 is_ex; = 1"),
    ("join and leave", "1 join; 1 leave; ="),
    ("leave while others stay", "1 join; 2 join; 1 leave; = 2"),
    ("all leave", "1 join; 2 join; 1 leave; 2 leave; ="),
    ("leave without a join", "1 join; 2 leave; = 1"),
    ("leave of nothing", "2 leave; ="),
    ("leave and join again", "1 join; 1 leave; 1 join; = 1"),
    ("fast leave", "3 join; 1 join; 3 leave; = 1"),
    ("fast leave of the last one", "3 join; 3 leave; ="),
    ("leave by TO_IN", "1 to_ex; 1 to_in; ="),
    ("leave by TO_IN, others stay", "1 to_ex; 2 to_ex; 1 to_in; = 2"),
    ("one source", "1 allow a; a = 1; ="),
    ("two sources", "1 allow a,b; a = 1; b = 1; ="),
    ("one source each", "1 allow a; 2 allow b; a = 1; b = 2; ="),
    ("the same source twice", "1 allow a; 2 allow a; a = 1,2"),
    ("a source by IS_IN", "1 is_in a; a = 1; ="),
    ("a source by TO_IN", "1 to_in a; a = 1; ="),
    ("more sources by IS_IN", "1 is_in a; 1 is_in b; a = 1; b = 1"),
    ("more sources by TO_IN: the others are asked for", "1 is_in a,b; 1 to_in b,c; a =; b = 1; c = 1"),
    ("a source is blocked", "1 allow a,b; 1 block a; a =; b = 1"),
    ("all sources are blocked", "1 allow a,b; 1 block a,b; ="),
    ("sources that are not there are blocked", "1 allow a; 1 block b; a = 1"),
    ("block of nothing", "1 block a; ="),
    ("sources end by TO_IN", "1 allow a,b; 1 to_in; ="),
    ("exclude one", "1 to_ex a; a =; = 1"),
    ("exclude two", "1 is_ex a,b; a =; b =; c = 1; = 1"),
    ("exclude less", "1 to_ex a,b; 1 to_ex b; a = 1; b =; = 1"),
    ("exclude others", "1 to_ex a; 1 to_ex b; a = 1; b =; = 1"),
    ("exclude by IS_EX after that", "1 is_ex a,b; 1 is_ex b,c; a = 1; b =; c = 1"),
    ("exclude nothing any more", "1 to_ex a; 1 to_ex; a = 1; = 1"),
    ("an excluded one is allowed", "1 to_ex a,b; 1 allow a; a = 1; b =; = 1"),
    ("a further one is blocked", "1 to_ex a; 1 block b; a =; b =; = 1"),
    ("an excluded one is blocked", "1 to_ex a; 1 block a; a =; = 1"),
    ("IS_IN of an excluded one", "1 is_ex a; 1 is_in a; a = 1; = 1"),
    ("IS_IN of another", "1 is_ex a; 1 is_in b; a =; b = 1; = 1"),
    ("include, then exclude", "1 allow a,b; 1 to_ex b,c; a = 1; b =; c =; = 1"),
    ("include, then exclude nothing", "1 allow a; 1 to_ex; a = 1; = 1"),
    ("include, then IS_EX", "1 is_in a,b; 1 is_ex b,c; a = 1; b = 1; c =; = 1"),
    ("exclude, then include", "1 to_ex a; 1 to_in b; a =; b = 1; ="),
    ("exclude, then include the excluded one", "1 to_ex a; 1 to_in a; a = 1; ="),
    ("excluded here, included there", "1 to_ex a; 2 allow a; a = 2; = 1"),
    ("excluded here, all there", "1 to_ex a; 2 join; a = 2; = 1,2"),
    ("excluded on both", "1 to_ex a; 2 to_ex a; a =; = 1,2"),
    ("different ones excluded", "1 to_ex a; 2 to_ex b; a = 2; b = 1; = 1,2"),
    ("all here, one there", "1 join; 2 allow a; a = 1,2; = 1"),
    ("all here leaves, one there stays", "1 join; 2 allow a; 1 leave; a = 2; ="),
    ("one there leaves, all here stays", "1 join; 2 allow a; 2 block a; a = 1; = 1"),
    ("three ports", "1 allow a; 2 to_ex b; 3 join; a = 1,2,3; b = 3; = 2,3"),
    ("fast leave of a source", "3 allow a,b; 3 block a; a =; b = 3"),
    ("two groups in one report", "1 to_ex G & to_ex H; = 1"),
    ("three records", "1 allow G a & to_ex H b & allow G b; a = 1; b = 1; ="),
    ("an unknown record type between two", "1 allow G a & 9 G b & allow G c; a = 1; b =; c = 1"),
    ("an unknown record type alone", "1 9 G a; ="),
    ("empty ALLOW", "1 allow; ="),
    ("empty BLOCK", "1 join; 1 block; = 1"),
    ("empty IS_IN of a member", "1 allow a; 1 is_in; a = 1; ="),
    ("many sources", "1 allow a,b,c,d,e,f; 1 block b,d,f; a = 1; b =; c = 1; d =; e = 1; f ="),
    ("back and forth", "1 join; 1 to_in a; 1 to_ex; 1 to_in; ="),
    ("exclude, leave, include", "1 to_ex a; 1 to_in; 1 allow b; a =; b = 1; ="),
    ("v2 host, then BLOCK", "1 join; 1 block a; a = 1; = 1"),
    ("leave of INCLUDE hosts", "1 allow a; 1 leave; a =; ="),
    ("all the same in different order", "1 allow b,a; 2 allow a,b; 1 block b; a = 1,2; b = 2"),
]


def parse(situation):
    """-> [("frame", port, rows or word)], [("data", source, ports)]"""
    for text in filter(None, map(str.strip, situation.split(";"))):
        words = text.split()
        if "=" in words:
            source = words[0] if words[0] != "=" else None
            ports = words[words.index("=") + 1:]
            yield "data", source, sorted(map(int, ports[0].split(","))) if ports else []
        else:
            yield "frame", int(words[0]), script.said(words[1:])


class LinuxBridge:
    """The reference that nobody here wrote."""

    def __init__(self, network):
        self.namespace, self.hosts = Namespace("reference"), []
        ip = self.namespace.ip
        run(*self.namespace.command("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"))
        ip("link", "add", "name", "br0", "address", "02:00:00:00:03:ff", "type", "bridge", "stp_state", "0",
           "mcast_snooping", "1", "mcast_igmp_version", "3", "mcast_mld_version", "2",
           "mcast_query_response_interval", "20", "mcast_startup_query_interval", "100",
           "mcast_last_member_interval", str(LAST_MEMBER_MS // 10))
        for i in range(PORTS):
            host = Namespace(f"ref{i}")
            self.hosts.append(host)
            veth(self.namespace, f"p{i}", network.mac(), host, "eth0", network.mac(), 1500)
            ip("link", "set", f"p{i}", "master", "br0")
        for options in (("dev", f"p{ROUTER}", "mcast_router", "2"), ("dev", f"p{FAST}", "fastleave", "on")):
            run(*self.namespace.command("bridge", "link", "set", *options))
        for i in range(PORTS):  # as unknown-multicast router-ports
            if i != ROUTER:
                run(*self.namespace.command("bridge", "link", "set", "dev", f"p{i}", "mcast_flood", "off"))
        ip("link", "set", "br0", "up")
        ip("link", "set", "br0", "type", "bridge", "mcast_querier", "1")

    def members(self):
        """{(group, port): (mode, {source: forwarded})}"""
        text = run(*self.namespace.command("bridge", "-j", "-d", "-s", "mdb", "show", "dev", "br0"))
        out = {}
        for row in json.loads(text)[0]["mdb"]:
            if "src" in row or row["port"] == "br0":
                continue
            out[row["grp"], row["port"]] = script.theirs(row)
        return out

    def close(self):
        """Safe to call twice."""
        for namespace in [*self.hosts, self.namespace]:
            namespace.remove()


class Beside(unittest.TestCase):
    """shunt and Linux, side by side."""

    groups = iter(range(1, 1 << 14))
    numbers = iter(range(1, 1 << 24))

    @classmethod
    def setUpClass(cls):
        cls.network = Network("net_af_packet")
        cls.addClassCleanup(cls.network.close)
        cls.reference = LinuxBridge(cls.network)
        cls.addClassCleanup(cls.reference.close)
        node = cls.node = cls.network.node("bridge")
        hosts = [cls.network.host(f"h{i}") for i in range(PORTS)]
        for i, host in enumerate(hosts):
            cls.network.link(node, f"p{i}", host)
        node.start_processes()
        node.ctl("bridge add br0 vlan 10 snooping on querier on unknown-multicast router-ports "
                 f"query-response-interval 200ms last-member-interval {LAST_MEMBER_MS}ms last-member-count 2 "
                 "startup-query-interval 1s")
        for i in range(PORTS):
            node.ctl(f"port add p{i} devargs net_af_packet{i},iface=p{i} bridge br0 vlan 10")
            node.ports.append(f"p{i}")
        node.ctl(f"bridge router add br0 port p{ROUTER}")
        node.ctl(f"bridge multicast add p{FAST} fast-leave on")
        node.wait_links("up")
        cls.sides = []
        for namespaces in ([h.namespace for h in hosts], cls.reference.hosts):
            cls.sides.append([(Capture(n, "eth0", arp=True), Sender(n, "eth0")) for n in namespaces])
            for capture, sender in cls.sides[-1]:
                cls.addClassCleanup(capture.close)
                cls.addClassCleanup(sender.close)
        cls.punted = cls.taken()
        # enforced, when one who did not ask gets nothing
        cls.family = 4
        for cls.family in (4, 6):
            group = make.group_address(cls.family, 0)
            cls.say(make.join(cls.family, 1, group), 1)
            wait_until(lambda: all(p == [1] for p in cls.ports(group, make.STRANGER[cls.family])), 20,
                       "both enforce what hosts asked for", 0.2)

    def tearDown(self):
        assert_sound(self, self.node)

    # ---- frames in

    @classmethod
    def taken(cls):
        """Frames that the control plane was given."""
        punts = cls.node.punts()
        return punts.get("igmp", 0) + punts.get("mld", 0)

    @classmethod
    def say(cls, frame, port):
        """To both; shunt's control plane has it."""
        for side in cls.sides:
            side[port][1].send([frame])
        cls.punted += 1
        wait_until(lambda: cls.taken() >= cls.punted, 20, "frame taken by shunt", 0.002)

    # ---- what came of it

    @classmethod
    def members(cls, groups):
        """Of these groups, on both sides."""
        ours = {}
        for row in cls.node.json("bridge groups show br0"):
            if row["group"] in groups:
                ours[row["group"], row["port"]] = script.ours(row)
        return ours, {key: value for key, value in cls.reference.members().items() if key[0] in groups}

    @classmethod
    def ports(cls, group, source):
        """Where a packet of a stream that comes in by port 0 goes, but for the router: on both sides."""
        out = []
        for side in cls.sides:
            number = next(cls.numbers)
            frame = make.data(cls.family, 0, group, source, number)
            side[0][1].send([frame])
            # the router gets it last or first, all in one go; the rest came when a second one is there
            got, last = set(), next(cls.numbers)
            side[0][1].send([b"\xff" * 6 + frame[6:12] + b"\x88\xb5" + b"DATA%08d" % last + bytes(40)])
            waiting = set(range(1, PORTS))
            end = time.monotonic() + 20
            while waiting and time.monotonic() < end:
                for port in range(1, PORTS):
                    for seen in map(make.number_of, side[port][0].drain()):
                        if seen == number:
                            got.add(port)
                        if seen == last:
                            waiting.discard(port)
            if waiting or ROUTER not in got:
                raise AssertionError(f"no marker at {waiting}; data at {got}")
            out.append(sorted(got - {ROUTER}))
        return out

    def agree(self, groups, title):
        """Memberships, within the time that a leave takes; then who gets what."""
        last = []

        def same():
            last[:] = self.members(groups)
            return last[0] == last[1]
        try:
            wait_until(same, 15, "", 0.02)
        except AssertionError:
            self.fail(f"{title}: shunt has {last[0]}, Linux {last[1]}")
        for group in groups:
            named = {s for mode, sources in last[0].values() for s in sources}
            for source in sorted(named) + [make.STRANGER[self.family]]:
                ours, theirs = self.ports(group, source)
                self.assertEqual(ours, theirs, f"{title}: ports that get {source} to {group}")

    def agree_but_for_the_kernel(self, group, title):
        """As agree(), with what the RFC says where the kernel goes astray: sources that it forgets while they
        are forwarded anyway, empty INCLUDE entries, and ports that exclude other sources than this one and that
        it leaves out (the first of DIFFERENT)."""
        last = []

        def same():
            last[:] = map(script.matter, self.members([group]))
            return last[0] == last[1]
        try:
            wait_until(same, 15, "", 0.02)
        except AssertionError:
            self.fail(f"{title}: shunt has {last[0]}, Linux {last[1]}")
        for source in [make.SOURCES[self.family][s] for s in "abcd"] + [make.STRANGER[self.family]]:
            wanted, excluding = [], []
            for (_, port), (mode, sources) in sorted(last[0].items()):
                if (source in sources) == (mode == "include"):
                    wanted.append(int(port[1:]))
                    excluding += wanted[-1:] if mode == "exclude" else []
            ours, theirs = self.ports(group, source)
            self.assertEqual(ours, wanted, f"{title}: ports that get {source}")
            self.assertTrue(set(wanted) - set(excluding) <= set(theirs) <= set(wanted),
                            f"{title}: {source}: Linux {theirs}, wanted {wanted}")

    @staticmethod
    def settle():
        """Leaves have had their effect, within what timers here and there may be late."""
        time.sleep(2 * LAST_MEMBER_MS / 1000 + 0.1)

    def await_ports(self, group, source, wanted, title):
        """Until data goes there: both have asked and got no answer, which a machine that is busy does later. What
        it is then is compared by others."""
        def so():
            ours, theirs = self.ports(group, source)
            return ours == wanted and (theirs == wanted or title in DIFFERENT)
        try:
            wait_until(so, 5, interval=0.1)
        except AssertionError:
            pass

    def run_situation(self, title, situation):
        """All steps of one."""
        group, other = (make.group_address(self.family, next(self.groups)) for _ in range(2))
        waited, asked = True, False
        for kind, what, more in parse(situation):
            if kind == "frame":
                self.say(script.frame(self.family, what, more, group, other), what)
                asked |= script.ends_something(more)
                waited = False
                continue
            source = make.SOURCES[self.family].get(what, make.STRANGER[self.family])
            if not waited:
                if asked:
                    self.settle()
                    self.await_ports(group, source, more, title)
                asked = False
                if title not in DIFFERENT:
                    self.agree([group, other], f"{title} (IPv{self.family})")
                waited = True
            ours, theirs = self.ports(group, source)
            self.assertEqual(ours, more, f"{title} (IPv{self.family}): shunt, source {what}")
            if title not in DIFFERENT:
                self.assertEqual(theirs, more, f"{title} (IPv{self.family}): Linux, source {what}")

    # ---- tests

    def run_all(self, family):
        """Every situation."""
        type(self).family = family
        for title, situation in SITUATIONS:
            with self.subTest(title):
                self.run_situation(title, situation)

    def test_situations_ipv4(self):
        """IGMP."""
        self.run_all(4)

    def test_situations_ipv6(self):
        """MLD."""
        self.run_all(6)

    def random_sequences(self, family, seed):
        """Random records of three ports, several in a row before both are looked at. Each is another host's:
        the kernel tracks hosts, and takes away what one of them no longer says (RFC 3376 A.2 leaves that to it)."""
        type(self).family = family
        choose = random.Random(seed)
        for sequence in range(4):
            group = make.group_address(family, next(self.groups))
            said = []
            for _ in range(6):
                for _ in range(choose.randrange(1, 4)):
                    kind = choose.choice(list(make.TYPES))
                    sources = sorted(choose.sample("abcd", choose.randrange(4)))
                    port = choose.randrange(1, 4)
                    said.append(f"{port} {kind} {','.join(sources)}")
                    host = next(self.numbers) % 60000 + 1
                    source = f"10.1.{host >> 8}.{host & 255}" if family == 4 else f"fe80::{host:x}"
                    self.say(make.records(family, port, (kind, group, sources), source=source), port)
                self.settle()
                self.agree_but_for_the_kernel(group, f"seed {seed}, sequence {sequence}: {'; '.join(said)}")

    def test_random_ipv4(self):
        """IGMP."""
        self.random_sequences(4, 11)

    def test_random_ipv6(self):
        """MLD."""
        self.random_sequences(6, 12)


if __name__ == "__main__":
    unittest.main()
