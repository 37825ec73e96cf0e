#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A host's program: joins and leaves groups as told on standard input, and writes down the numbers of packets.

    multicast_host.py INTERFACE        lines: join GROUP [SOURCE] | leave GROUP [SOURCE] | listen GROUP | report |
                                               send GROUP N RATE | stop GROUP
`listen`: somebody else on the host joins. `report` answers with a line of JSON: {group: [numbers]}; `stop` with how
many were sent; the others with `ok` when they are done (send: begun).
"""

import json
import select
import socket
import struct
import sys
import threading
import time

PORT = 5001
BEHIND = 0.01  # seconds: a sender that had no processor makes up for no more


class Host:
    """Memberships by one socket a group, and what came."""

    def __init__(self, interface):
        self.index = socket.if_nametoindex(interface)
        self.interface = interface
        self.sockets = {}
        self.got = {}
        self.streams = {}

    def socket_of(self, group):
        """Bound to the group, so that it gets no other one's packets."""
        if group not in self.sockets:
            six = ":" in group
            made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
            made.bind((group, PORT))
            made.setblocking(False)
            self.sockets[group] = made
            self.got.setdefault(group, [])
        return self.sockets[group]

    def change(self, join, group, source=None):
        """MCAST_JOIN_GROUP and others: RFC 3678."""
        six = ":" in group
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP

        def sockaddr(address):
            if six:
                return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address),
                                   0).ljust(128, b"\0")
            return struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(address)).ljust(128, b"\0")
        option = {(True, False): 42, (False, False): 45, (True, True): 46, (False, True): 47}[join, bool(source)]
        value = struct.pack("@I4x", self.index) + sockaddr(group) + (sockaddr(source) if source else b"")
        self.socket_of(group).setsockopt(level, option, value)

    def send(self, group, count, rate):
        """Numbered packets, by themselves. After a pause there is no burst that no ring holds."""
        ends, sent = threading.Event(), [0]

        def run():
            six = ":" in group
            out = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
            if six:
                out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.index)
                out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 8)
            else:
                out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4),
                                                                                     self.index))
                out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
            due = time.monotonic()
            while sent[0] < count and not ends.is_set():
                out.sendto(struct.pack("!I", sent[0]).ljust(100, b"x"), (group, PORT))
                sent[0] += 1
                due = max(due + 1 / rate, time.monotonic() - BEHIND)
                time.sleep(max(0, due - time.monotonic()))
        thread = threading.Thread(target=run, daemon=True)
        self.streams[group] = thread, ends, sent
        thread.start()

    def stop(self, group):
        """The last stream to a group ends; how many packets it had."""
        thread, ends, sent = self.streams.pop(group)
        ends.set()
        thread.join()
        return sent[0]

    def drain(self):
        """What waits."""
        for group, made in self.sockets.items():
            try:
                while True:
                    self.got[group].append(struct.unpack("!I", made.recv(2000)[:4])[0])
            except BlockingIOError:
                pass

    def command(self, words):
        """One line; its answer."""
        if words[0] == "report":
            self.drain()
            out, self.got = self.got, {group: [] for group in self.got}
            return json.dumps(out)
        if words[0] == "send":
            self.send(words[1], int(words[2]), float(words[3]))
        elif words[0] == "stop":
            return self.stop(words[1])
        elif words[0] == "listen":
            self.socket_of(words[1])
        else:
            self.change(words[0] == "join", *words[1:])
        return "ok"


def main():
    """Until standard input ends."""
    host = Host(sys.argv[1])
    while True:
        ready = select.select([sys.stdin, *host.sockets.values()], [], [], 1)[0]
        host.drain()
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            print(host.command(line.split()), flush=True)


if __name__ == "__main__":
    main()
