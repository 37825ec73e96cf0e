# SPDX-License-Identifier: BSD-3-Clause
"""A control plane alone, in a run directory of its own, and a JSON-RPC client."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SHUNT_BUILD", ROOT / "build"))
PROGRAM = str(BUILD / "controlplane" / "shunt-controlplane")
ANSWER = 60  # seconds that an answer may take, sanitizers included

NETWORK = ["port add p0 devargs net_null0", "address add 10.0.0.1/24 dev p0",
           "neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev p0"]


class Client:
    """A connection to the control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")
        self.id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Go away."""
        self.file.close()
        self.socket.close()

    def send(self, text):
        """Bytes or a string as they are."""
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def read(self):
        """One answer; None at the end."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, method, **params):
        """The whole response."""
        self.id += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
                  + "\n")
        answer = self.read()
        assert answer["id"] == self.id, answer
        return answer

    def call(self, method, **params):
        """The result, which there must be."""
        answer = self.ask(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    def batch(self, commands, **options):
        """The result of a batch."""
        return self.call("batch", commands=commands, **options)

    def labels(self):
        """Label -> first outgoing stack, of the running configuration."""
        return {route["label"]: route.get("paths", [{}])[0].get("swap")
                for route in self.call("config show")["mpls"]}


class Controlplane(unittest.TestCase):
    """A control plane in a run directory of its own."""

    def setUp(self):
        place = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.directory = Path(tempfile.mkdtemp(prefix="shunt-api-", dir=place))
        self.directory.chmod(0o750)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.place = self.directory / "t"
        self.process = None
        self.addCleanup(self.stop, signal.SIGKILL)
        self.clients = []
        self.log = open(self.directory / "log", "w+", encoding="utf-8")
        self.addCleanup(self.log.close)

    def command(self, *options):
        """The program's command line."""
        return [PROGRAM, "--run-dir", str(self.directory), "--instance", "t", *options]

    def start(self, *options):
        """Start and wait for `ready`."""
        self.process = subprocess.Popen(self.command(*options), stdout=subprocess.PIPE,
                                        stderr=self.log)
        line = self.process.stdout.readline()
        self.assertEqual(line, b"ready\n", self.log_text())

    def log_text(self):
        """What it said on standard error."""
        return Path(self.log.name).read_text(encoding="utf-8")

    def stop(self, number=signal.SIGTERM):
        """End it by a signal; returns its status."""
        for client in self.clients:
            client.close()
        self.clients = []
        if not self.process:
            return None
        self.process.send_signal(number)
        status = self.process.wait(ANSWER)
        self.process.stdout.close()
        self.process = None
        return status

    def tearDown(self):
        if self.process:
            self.assertIsNone(self.process.poll(), "it ended by itself: " + self.log_text())
            self.assertEqual(self.stop(), 0, self.log_text())
        self.assertNotIn("Sanitizer", self.log_text())
        self.assertNotIn("runtime error", self.log_text())

    def client(self):
        """A new connection, closed at the end."""
        client = Client(self.place / "control.sock")
        self.clients.append(client)
        return client

    def network(self):
        """Start, configure a port to point routes at; returns a client."""
        self.start()
        client = self.client()
        self.assertEqual(client.batch(NETWORK)["failed"], 0)
        return client

    def until(self, predicate, what):
        """Ask until it is true."""
        end = time.monotonic() + ANSWER
        while not predicate():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.005)
