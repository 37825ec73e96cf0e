# SPDX-License-Identifier: BSD-3-Clause
"""Two bridges with the same VLANs on the same ports: shunt's, and Linux' in a virtual machine, whose kernel has
VLAN filtering and snooping per VLAN (mcast_vlan_snooping), which the machine's own may lack."""

import json
import struct

import multicast_frames as make
import passing
import snooping_script as script
from hosts import Network
from linux_guest import Guest
from shunt_test import wait_until
from wire import Capture, Sender

# (port's words in shunt, VLAN without tag, VLANs with a tag)
SEATS = [("trunk 10,20,30", None, [10, 20, 30]), ("vlan 10", 10, []), ("vlan 20", 20, []),
         ("trunk 10,20 native 10", 10, [20]), ("trunk 10,20,30 native 30", 30, [10, 20]),
         ("trunk 10,20,30", None, [10, 20, 30])]
VLANS = (10, 20, 30)
FAST = 4              # this port has fast leave
LAST_MEMBER_MS = 100  # twice: a leave has its effect after that
LIMIT = 60            # seconds for a frame to pass
NOTHING = b"\xff" * 6 + bytes((10, 0, 0, 0, 1, 0)) + b"\x88\xb5" + bytes(50)  # a frame that nobody looks at


def tag_of(port, vlan):
    """What a VLAN's frames have on a port: None without a tag; KeyError if the port is not in it."""
    _, native, tagged = SEATS[port]
    if vlan == native:
        return None
    if vlan not in tagged:
        raise KeyError(vlan)
    return vlan


def members_of(vlan):
    """Ports that are in a VLAN."""
    return [port for port, (_, native, tagged) in enumerate(SEATS) if vlan == native or vlan in tagged]


class Marks:
    """Frames that show that those before them have passed."""

    count = 0

    @classmethod
    def after(cls, port):
        """One in each VLAN of the port, with the ports that get it."""
        out = []
        for vlan in VLANS:
            if port in members_of(vlan):
                cls.count += 1
                frame = b"\xff" * 6 + bytes((10, 0, 0, 0, 1, port)) + b"\x88\xb5" + bytes(40) + \
                    struct.pack("!8sII", b"passing!", vlan, cls.count)
                out.append((make.tagged(frame, tag_of(port, vlan)), [p for p in members_of(vlan) if p != port]))
        return out


def passes(side):
    """Does a bridge forward in all VLANs? A new one does not at once."""
    try:
        side.through(0, NOTHING, 1)
        return True
    except AssertionError:
        return False


class LinuxBridge:
    """The reference that nobody here wrote."""

    def __init__(self):
        self.guest = Guest()
        self.number = 0
        self.name = None
        self.guest.call("write", {"/proc/sys/net/ipv6/conf/default/accept_dad": "0"})
        self.guest.run("ip", "-batch", "-", text="".join(
            f"link add p{i} type veth peer name h{i}\n" for i in range(len(SEATS))))
        self.guest.call("write", {f"/proc/sys/net/ipv6/conf/{end}{i}/disable_ipv6": "1"
                                  for i in range(len(SEATS)) for end in "ph"})
        self.guest.run("ip", "-batch", "-", text="".join(
            f"link set {end}{i} arp off up\n" for i in range(len(SEATS)) for end in "ph"))
        self.guest.call("open_ends", [f"h{i}" for i in range(len(SEATS))])

    def begin(self, querier, routers):
        """A bridge that knows nothing; routers: {VLAN: port}."""
        if self.name:
            self.guest.run("ip", "link", "del", self.name)
        self.number += 1
        name = self.name = f"br{self.number}"
        self.guest.run("ip", "-batch", "-", text=(
            f"link add name {name} address 02:00:00:00:03:ff type bridge stp_state 0 vlan_filtering 1 "
            # the versions here decide what `bridge mdb show` tells, those of VLANs what is done
            "vlan_default_pvid 0 mcast_snooping 1 mcast_vlan_snooping 1 mcast_igmp_version 3 mcast_mld_version 2\n" +
            "".join(f"link set p{i} master {name}\n" for i in range(len(SEATS)))))
        lines = []
        for i, (_, native, tagged) in enumerate(SEATS):
            lines += [f"vlan add dev p{i} vid {vlan}" for vlan in tagged]
            lines += [f"vlan add dev p{i} vid {native} pvid untagged"] if native else []
        lines += [f"link set dev p{FAST} fastleave on"]
        lines += [f"vlan set dev p{port} vid {vlan} mcast_router 2" for vlan, port in routers.items()]
        lines += [f"vlan global set dev {name} vid {vlan} mcast_snooping 1 mcast_igmp_version 3 mcast_mld_version 2 "
                  f"mcast_query_response_interval 20 mcast_startup_query_interval 100 "
                  f"mcast_last_member_interval {LAST_MEMBER_MS // 10}" for vlan in VLANS]
        self.bridge(lines)
        self.guest.run("ip", "link", "set", name, "up")
        if querier:
            self.bridge([f"vlan global set dev {name} vid {vlan} mcast_querier 1" for vlan in VLANS])

    def bridge(self, lines):
        """Lines of `bridge`."""
        self.guest.run("bridge", "-batch", "-", text="\n".join(lines) + "\n")

    def through(self, port, frame, limit=LIMIT):
        """As passing.through, with marks."""
        got = self.guest.call("through", port, frame.hex(), [[m.hex(), to] for m, to in Marks.after(port)], limit)
        return [list(map(bytes.fromhex, frames)) for frames in got]

    def members(self, groups):
        """{(group, VLAN, port): (mode, {source: forwarded})}"""
        text = self.guest.run("bridge", "-j", "-d", "-s", "mdb", "show", "dev", self.name)
        return {(row["grp"], row["vid"], row["port"]): script.theirs(row) for row in json.loads(text)[0]["mdb"]
                if "src" not in row and row["port"] != self.name and row["grp"] in groups}

    def global_options(self):
        """`bridge vlan global show`, by VLAN."""
        text = self.guest.run("bridge", "-j", "-d", "vlan", "global", "show", "dev", self.name)
        return {row["vlan"]: row for row in json.loads(text)[0]["vlans"]}

    def routers(self):
        """{(VLAN, port)}: of both families, which it does not tell apart here."""
        return {(vlan, row["port"]) for vlan, options in self.global_options().items()
                for row in options.get("router_ports", [])}

    def static(self, add, group, vlan, port):
        """A group that is always wanted there."""
        self.bridge([f"mdb {'add' if add else 'del'} dev {self.name} port p{port} grp {group} "
                     f"{'permanent ' if add else ''}vid {vlan}"])

    def close(self):
        """Safe to call twice."""
        self.guest.close()


class ShuntBridge:
    """Both processes in a namespace, and hosts' ends."""

    def __init__(self):
        self.network = Network("net_af_packet")
        self.number, self.name, self.ends = 0, None, []
        self.before, self.groups = [], set()  # what takes the bridge away, and what refers to it
        self.seen = 0
        try:
            self.node = self.network.node("bridge")
            hosts = [self.network.host(f"h{i}") for i in range(len(SEATS))]
            for i, host in enumerate(hosts):
                self.network.link(self.node, f"p{i}", host)
            self.node.start_processes()
            for i in range(len(SEATS)):
                self.node.ctl(f"port add p{i} devargs net_af_packet{i},iface=p{i}")
                self.node.ports.append(f"p{i}")
            self.node.wait_links("up")
            for host in hosts:
                self.ends.append((Capture(host.namespace, "eth0", arp=True), Sender(host.namespace, "eth0")))
        except BaseException:
            self.close()
            raise

    def begin(self, querier, routers):
        """As LinuxBridge.begin."""
        lines = [f"bridge group del {words}" for words in self.groups] + self.before
        self.groups = set()
        self.number += 1
        name = self.name = f"br{self.number}"
        # no VLAN of the ports' is its own interface's
        lines.append(f"bridge add {name} vlan 4000 snooping on querier {'on' if querier else 'off'} "
                     "unknown-multicast router-ports query-response-interval 200ms "
                     f"last-member-interval {LAST_MEMBER_MS}ms last-member-count 2 startup-query-interval 1s")
        lines += [f"port set p{i} bridge {name} {words}" for i, (words, _, _) in enumerate(SEATS)]
        lines.append(f"bridge multicast add p{FAST} fast-leave on")
        lines += [f"bridge router add {name} vlan {vlan} port p{port}" for vlan, port in routers.items()]
        self.node.batch(lines)
        self.before = [f"bridge router del {name} vlan {vlan} port p{port}" for vlan, port in routers.items()]
        self.before += [f"bridge multicast del p{FAST}", *(f"port set p{i} bridge none" for i in range(len(SEATS))),
                        f"bridge del {name}"]
        self.seen = self.punted()

    def punted(self):
        """Frames that the control plane was given for snooping."""
        punts = self.node.punts()
        return sum(punts.get(reason, 0) for reason in ("igmp", "mld", "pim"))

    def through(self, port, frame, limit=LIMIT, punts=0):
        """As passing.through, with marks; and the control plane has so many more frames."""
        got = passing.through(self.ends, port, frame, Marks.after(port), limit)
        self.seen += punts
        wait_until(lambda: self.punted() >= self.seen, 20, "frame taken by shunt", 0.002)
        return got

    def members(self, groups):
        """As LinuxBridge.members."""
        return {(row["group"], row["vlan"], row["port"]): script.ours(row)
                for row in self.node.json(f"bridge groups show {self.name}") if row["group"] in groups}

    def routers(self, family):
        """{(VLAN, port)} of a family."""
        return {(row["vlan"], row["port"]) for row in self.node.json(f"bridge routers show {self.name}")
                if row["family"] == family}

    def static(self, add, group, vlan, port):
        """As LinuxBridge.static."""
        words = f"{self.name} vlan {vlan} {group} port p{port}"
        self.node.ctl(f"bridge group {'add' if add else 'del'} {words}")
        self.groups ^= {words}

    def close(self):
        """Safe to call twice."""
        for capture, sender in self.ends:
            capture.close()
            sender.close()
        self.ends = []
        self.network.close()
