# SPDX-License-Identifier: BSD-3-Clause
"""What nftables logs to a group (linux/netfilter/nfnetlink_log.h): the first bytes of packets and their marks."""

import socket
import struct

from wire import RECEIVE_BUFFER, SO_RCVBUFFORCE

NETLINK_NETFILTER, SUBSYSTEM, CONFIG, PACKET = 12, 4 << 8, 1, 0
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 1, 4, 2
COMMAND, MODE, BUFFER, TIMEOUT, THRESHOLD = 1, 2, 3, 4, 5
BIND, COPY_PACKET = 1, 2
MARK, PAYLOAD = 2, 9


class Nflog:
    """Of one group, in a namespace; nothing of it is lost as long as 64 MB have room for what waits."""

    def __init__(self, namespace, group, size):
        self.socket = namespace.inside(
            lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER))
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        self.group = group
        self._configure((COMMAND, struct.pack("!B", BIND)), (MODE, struct.pack("!IBB", size, COPY_PACKET, 0)))
        # together in messages of 64 KB, a hundredth of a second after the first at most
        self._configure((BUFFER, struct.pack("!I", 65536)), (TIMEOUT, struct.pack("!I", 1)),
                        (THRESHOLD, struct.pack("!I", 200)))
        self.socket.setblocking(False)

    def _configure(self, *attributes):
        body = struct.pack("!BBH", 0, 0, self.group)
        for kind, value in attributes:
            body += struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), SUBSYSTEM | CONFIG, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
                         + body)
        answer = self.socket.recv(4096)
        _, kind, _, _, _, error = struct.unpack("=IHHIIi", answer[:20])
        if kind != NLMSG_ERROR or error != 0:
            raise OSError(-error, "nflog")

    def drain(self):
        """(mark, first bytes) of all that waits."""
        out = []
        while True:
            try:
                data = self.socket.recv(1 << 18)
            except BlockingIOError:
                return out
            at = 0
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if kind == SUBSYSTEM | PACKET:
                    out.append(_packet(data[at + 20:at + size]))
                at += max(16, size + 3 & ~3)

    def close(self):
        self.socket.close()


def _packet(attributes):
    at, mark, payload = 0, 0, b""
    while at + 4 <= len(attributes):
        size, kind = struct.unpack_from("=HH", attributes, at)
        if kind & 0x3fff == MARK:
            mark = int.from_bytes(attributes[at + 4:at + 8], "big")
        elif kind & 0x3fff == PAYLOAD:
            payload = attributes[at + 4:at + size]
        at += max(4, size + 3 & ~3)
    return mark, payload
