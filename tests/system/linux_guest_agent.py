# SPDX-License-Identifier: BSD-3-Clause
"""Process 1 of linux_guest.py's virtual machine: a line of JSON in, [name of a function here, its arguments...],
and one out, {"said": ...} or {"failed": why}."""

import ctypes
import json
import os
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(__file__))

import passing  # noqa: E402
import wire  # noqa: E402

LINE = "/dev/vport0p1"
LINE_TRIES = 6000  # of 10 ms
_libc = ctypes.CDLL(None, use_errno=True)
_ends = []


class Here:
    """The guest's only namespace."""

    @staticmethod
    def socket(interface, *, protocol=wire.ETH_P_ALL):
        """As wire.Namespace.socket."""
        return wire._packet_socket(interface, protocol)


def run(words, text):
    """A command with this standard input; its output."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=60,
                          env={"PATH": "/usr/sbin:/usr/bin"})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}\n{text}")
    return done.stdout


def write(values):
    """{path: text}, into files that are there."""
    for path, text in values.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def open_ends(names):
    """Sockets on these interfaces, for through()."""
    for capture, sender in _ends:
        capture.close()
        sender.close()
    _ends[:] = [(wire.Capture(Here, name, arp=True), wire.Sender(Here, name)) for name in names]


def through(port, frame, markers, limit):
    """As passing.through, frames as hexadecimal digits."""
    got = passing.through(_ends, port, bytes.fromhex(frame),
                          [(bytes.fromhex(marker), ports) for marker, ports in markers], limit)
    return [[frame.hex() for frame in frames] for frames in got]


CALLS = {call.__name__: call for call in (run, write, open_ends, through)}


def begin():
    """File systems and modules; the line."""
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        if _libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None) != 0:
            raise OSError(ctypes.get_errno(), f"mount {place}")
    for name in sorted(os.listdir("/modules")):
        with open(f"/modules/{name}", "rb") as file:
            content = file.read()
        if _libc.syscall(175, content, ctypes.c_ulong(len(content)), b"") != 0:  # init_module
            raise OSError(ctypes.get_errno(), name)
    for _ in range(LINE_TRIES):
        if os.path.exists(LINE):
            break
        time.sleep(0.01)
    return open(LINE, "r+b", buffering=0)


def main():
    """For ever."""
    line = begin()
    line.write(b"ready\n")
    waiting = b""
    while True:
        while b"\n" not in waiting:
            waiting += line.read(1 << 16) or b""
        request, _, waiting = waiting.partition(b"\n")
        try:
            name, *arguments = json.loads(request)
            answer = {"said": CALLS[name](*arguments)}
        except Exception:  # pylint: disable=broad-except
            answer = {"failed": traceback.format_exc()}
        out = json.dumps(answer).encode() + b"\n"
        while out:
            out = out[line.write(out):]


if __name__ == "__main__":
    main()
