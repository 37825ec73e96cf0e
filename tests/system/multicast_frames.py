# SPDX-License-Identifier: BSD-3-Clause
"""IGMP and MLD frames, made with scapy, of hosts behind a bridge's ports."""

from scapy.all import Ether, Raw
from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3gr, IGMPv3mq, IGMPv3mr
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6MLDMultAddrRec, ICMPv6MLDone, ICMPv6MLQuery2, ICMPv6MLReport, ICMPv6MLReport2,
                                IPv6, IPv6ExtHdrHopByHop, RouterAlert)

TYPES = {"is_in": 1, "is_ex": 2, "to_in": 3, "to_ex": 4, "allow": 5, "block": 6}
SOURCES = {4: {name: f"10.9.0.{i}" for i, name in enumerate("abcdef", 1)},
           6: {name: f"2001:db8::{i}" for i, name in enumerate("abcdef", 1)}}
# sources of nobody's lists
STRANGER = {4: "10.9.0.99", 6: "2001:db8::99"}


def group_address(family, number):
    """The group with this number; no two have the same MAC address."""
    if family == 4:
        return f"239.{1 + number // 60000}.{number // 250 % 240}.{number % 250 + 1}"
    return f"ff15::{number + 1:x}"


def ethernet(port, destination):
    """From the host behind a port, to the MAC address of a group."""
    packed = [int(part) for part in destination.split(".")] if "." in destination else None
    if packed:
        mac = "01:00:5e:%02x:%02x:%02x" % (packed[1] & 0x7f, packed[2], packed[3])
    else:
        low = IPv6(dst=destination).build()[36:40]
        mac = "33:33:" + ":".join(f"{byte:02x}" for byte in low)
    return Ether(src=f"0a:00:00:00:01:{port:02x}", dst=mac)


def header(family, port, destination, ttl=1, alert=True, source=None):
    """Ethernet and IP with router alert."""
    if family == 4:
        ip = IP(src=source or f"10.0.0.{port + 1}", dst=destination, ttl=ttl,
                options=[IPOption_Router_Alert()] if alert else [])
        return ethernet(port, destination) / ip
    ip = IPv6(src=source or f"fe80::{port + 1}", dst=destination, hlim=ttl)
    return ethernet(port, destination) / (ip / IPv6ExtHdrHopByHop(options=[RouterAlert()]) if alert else ip)


def join(family, port, group, version=2, **options):
    """IGMPv1, v2 or MLDv1 report."""
    message = IGMP(type=0x12 if version == 1 else 0x16, gaddr=group, mrcode=0) if family == 4 else \
        ICMPv6MLReport(mladdr=group)
    return bytes(header(family, port, group, **options) / message)


def leave(family, port, group, **options):
    """IGMPv2 leave, MLDv1 done."""
    if family == 4:
        return bytes(header(4, port, "224.0.0.2", **options) / IGMP(type=0x17, gaddr=group, mrcode=0))
    return bytes(header(6, port, "ff02::2", **options) / ICMPv6MLDone(mladdr=group))


def records(family, port, *rows, **options):
    """IGMPv3, MLDv2 report; a row is (type, group, sources), sources as letters or addresses."""
    rows = [(TYPES.get(kind, kind), group, [SOURCES[family].get(s, s) for s in sources])
            for kind, group, sources in rows]
    if family == 4:
        message = IGMPv3(type=0x22) / IGMPv3mr(records=[
            IGMPv3gr(rtype=kind, maddr=group, srcaddrs=sources) for kind, group, sources in rows])
        return bytes(header(4, port, "224.0.0.22", **options) / message)
    message = ICMPv6MLReport2(records=[
        ICMPv6MLDMultAddrRec(rtype=kind, dst=group, sources=sources) for kind, group, sources in rows])
    return bytes(header(6, port, "ff02::16", **options) / message)


def query(family, port, source):
    """A general query of IGMPv3 or MLDv2, to be answered within half a second."""
    if family == 4:
        message = IGMPv3(type=0x11, mrcode=5) / IGMPv3mq(gaddr="0.0.0.0", qrv=2, qqic=125)
        return bytes(header(4, port, "224.0.0.1", source=source) / message)
    return bytes(header(6, port, "ff02::1", source=source) / ICMPv6MLQuery2(mladdr="::", mrd=500, QRV=2, QQIC=125))


def hello(port):
    """PIM's (RFC 7761 4.9.2), with a holdtime."""
    ip = IP(src=f"10.0.0.{port + 1}", dst="224.0.0.13", ttl=1, proto=103)
    return bytes(ethernet(port, "224.0.0.13") / ip / Raw(bytes.fromhex("2000df93 00010002 0069")))


def tagged(frame, vlan):
    """The frame with a VLAN tag; None: as it is."""
    return frame if vlan is None else frame[:12] + b"\x81\0" + vlan.to_bytes(2, "big") + frame[12:]


def data(family, port, group, source, number):
    """A numbered packet of a stream."""
    body = UDP(sport=5000, dport=5001) / Raw(b"DATA%08d" % number)
    ip = IP(src=source, dst=group, ttl=8) if family == 4 else IPv6(src=source, dst=group, hlim=8)
    return bytes(ethernet(port, group) / ip / body)


def number_of(frame):
    """The number in such a packet, or None."""
    at = frame.find(b"DATA")
    return int(frame[at + 4:at + 12]) if at >= 0 else None
