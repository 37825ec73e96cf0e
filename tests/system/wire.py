# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces, veth pairs, and raw sockets that send and capture frames in them.

Names carry this process's id and a random part, so that runs side by side never meet.
"""

import ctypes
import errno
import os
import secrets
import select
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
RECEIVE_BUFFER = 64 << 20
FRAME_MAX = 65536

_libc = ctypes.CDLL(None, use_errno=True)


def run(*words, check=True):
    """Run a command; its standard output. Raises with what it said if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """A network namespace of its own, gone with remove()."""

    def __init__(self, role):
        self.name = f"shunt-{os.getpid()}-{secrets.token_hex(3)}-{role}"
        run("ip", "netns", "add", self.name)

    def remove(self):
        """Its interfaces go with it. Safe to call twice."""
        run("ip", "netns", "del", self.name, check=False)

    def ip(self, *words):
        """`ip` with these words inside."""
        return run("ip", "-n", self.name, *words)

    def command(self, *words):
        """The words that run a command inside; the process id stays the command's."""
        return ["ip", "netns", "exec", self.name, *words]

    def socket(self, interface, *, protocol=ETH_P_ALL):
        """A raw packet socket on one of its interfaces. Protocol 0 never receives."""
        return self.inside(lambda: _packet_socket(interface, protocol))

    def inside(self, make):
        """What make() returns when it is called inside."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _setns(there)
            return make()
        finally:
            _setns(home)
            os.close(there)
            os.close(home)


def _packet_socket(interface, protocol):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.bind((interface, protocol))
    return made


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def veth(left, left_name, left_mac, right, right_name, right_mac, mtu):
    """A veth pair between two namespaces: up, silent (no IPv6), no offloads that would change what
    a capture sees."""
    left.ip("link", "add", "name", left_name, "address", left_mac, "mtu", str(mtu), "type", "veth",
            "peer", "name", right_name, "address", right_mac, "mtu", str(mtu), "netns", right.name)
    for namespace, name in ((left, left_name), (right, right_name)):
        run(*namespace.command("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1"))
        run(*namespace.command("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off",
                               "gro", "off", "txvlan", "off"), check=False)
        namespace.ip("link", "set", name, "arp", "off", "up")


class Sender:
    """Sends frames into an interface as they are."""

    def __init__(self, namespace, interface):
        self.socket = namespace.socket(interface, protocol=0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)

    def send(self, frames, rate=None):
        """All frames, `rate` a second, in groups of at most a millisecond; None: as fast as it goes.
        A group that is late is not made up for by a burst. From one CPU: what two have sent over a veth
        comes in any order."""
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(allowed)})  # workers have the first ones
        try:
            self._send(frames, rate)
        finally:
            os.sched_setaffinity(0, allowed)

    def _send(self, frames, rate):
        if rate is None:
            for frame in frames:
                self.socket.send(frame)
            return
        group = max(1, rate // 1000)
        due = time.monotonic()
        for start in range(0, len(frames), group):
            pause = due - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            else:
                due -= pause
            for frame in frames[start:start + group]:
                self.socket.send(frame)
            due += group / rate

    def close(self):
        self.socket.close()


class Flood(threading.Thread):
    """The same frames again and again, `pause` seconds between, until stop(). Begins by itself. `window`: no
    round begins while so many frames, or more, were sent that the test has not yet said to be `through`."""

    def __init__(self, sender, frames, pause=0.004, window=None):
        super().__init__(daemon=True)
        self.sender, self.frames, self.pause, self.window = sender, frames, pause, window
        self.sent, self.through, self.ends = 0, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ends.is_set():
            if self.window and self.sent - self.through >= self.window:
                time.sleep(0.001)
                continue
            self.sender.send(self.frames)
            self.sent += len(self.frames)
            time.sleep(self.pause)

    def stop(self):
        """How many frames were sent. Safe to call twice."""
        self.ends.set()
        self.join()
        return self.sent


class Capture:
    """Everything that comes in by an interface from now on, VLAN tags included; without ARP, unless
    wanted, neighbour discovery, solicitations of multicast routers (RFC 4286) and ICMP errors: the
    control plane says these for itself."""

    def __init__(self, namespace, interface, arp=False):
        self.arp = arp
        self.socket = namespace.socket(interface, protocol=0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def drain(self):
        """What waits now."""
        out = []
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(FRAME_MAX, 64)
            except BlockingIOError:
                return out
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # said once when the link goes down
                    raise
                continue
            frame = _with_tag(data, ancillary)
            if self.arp or not (_is_arp(frame) or _is_icmp_own(frame)):
                out.append(frame)

    def collect(self, count, timeout):
        """Wait until `count` frames came or the time is over; then everything that waits."""
        out = self.drain()
        end = time.monotonic() + timeout
        while len(out) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                break
            out += self.drain()
        return out

    def close(self):
        self.socket.close()


def _is_arp(frame):
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return frame[at:at + 2] == b"\x08\x06"


def _is_icmp_own(frame):
    """Neighbour discovery, a solicitation of multicast routers, or an ICMP error, below labels too (RFC 3032 2.3.2)."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind = frame[at:at + 2]
    at += 2
    if kind in (b"\x88\x47", b"\x88\x48"):
        while at + 4 < len(frame) and not frame[at + 2] & 1:
            at += 4
        at += 4
    packet = frame[at:]
    if len(packet) > 20 and packet[0] == 0x45 and packet[9] == 1:
        return packet[20] in (3, 11)
    if len(packet) > 48 and packet[0] >> 4 == 6 and packet[6] == 0 and packet[40] == 58:
        return packet[48] == 152
    if len(packet) > 24 and packet[0] == 0x46 and packet[9] == 2:
        return packet[24] == 0x31
    return len(packet) > 40 and packet[0] >> 4 == 6 and packet[6] == 58 and \
        packet[40] in (1, 2, 3, 133, 134, 135, 136)


def _with_tag(data, ancillary):
    """The kernel takes the outer VLAN tag out of received frames: put it back."""
    for level, kind, content in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack_from("=IIIHHHH", content)
            if status & TP_STATUS_VLAN_VALID:
                if not status & TP_STATUS_VLAN_TPID_VALID:
                    tpid = 0x8100
                return data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data
