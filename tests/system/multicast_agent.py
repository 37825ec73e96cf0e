# SPDX-License-Identifier: BSD-3-Clause
"""The program of a host that joins, leaves, sends and counts: multicast_host.py, from a test."""

import json
import subprocess
import time
from pathlib import Path

import shunt_test

PROGRAM = Path(__file__).with_name("multicast_host.py")
MARK = b"x" * 90  # what its packets contain


class Agent:
    """multicast_host.py in a host's namespace."""

    def __init__(self, host, interface="eth0"):
        self.process = subprocess.Popen(
            host.namespace.command("/usr/bin/python3", str(PROGRAM), interface), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, preexec_fn=shunt_test._die_with_parent)

    def do(self, line):
        """One line; its answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"{line}: the host's program ended")
        return answer.strip()

    def numbers(self, group):
        """What came since the last question."""
        return json.loads(self.do("report")).get(group, [])

    def until(self, group, last, timeout=10):
        """Numbers that come until this one has; those that came, if no more came for so many seconds."""
        got, end = self.numbers(group), time.monotonic() + timeout
        while got[-1:] != [last] and time.monotonic() < end:
            time.sleep(0.1)
            more = self.numbers(group)
            if more:
                got, end = got + more, time.monotonic() + timeout
        return got

    def stop(self, group):
        """End what is sent to a group; the number of the last packet."""
        return int(self.do(f"stop {group}")) - 1

    def close(self):
        """Safe to call twice."""
        self.process.kill()
        self.process.communicate()


def older_version(test, hosts, setting):
    """How all hosts join until the test ends: by IGMP version 2 or MLD version 1, whichever the sysctl is about."""
    for host in hosts:
        host.set(f"{setting}={1 if 'mld' in setting else 2}")
        test.addCleanup(host.set, f"{setting}=0")
