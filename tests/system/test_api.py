#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane's API: JSON-RPC, bad input, batches, journal over kill -9, configuration.

Only shunt-controlplane runs, in a run directory of its own; no port of it is real.
"""

import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SHUNT_BUILD", ROOT / "build"))
PROGRAM = str(BUILD / "controlplane" / "shunt-controlplane")
ANSWER = 60  # seconds that an answer may take, sanitizers included
NOBODY = 65534

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


class JsonRpc(Controlplane):
    """The standard, line by line."""

    def setUp(self):
        super().setUp()
        self.start()
        self.api = self.client()

    def exchange(self, text):
        """Send text, read one answer."""
        self.api.send(text)
        return self.api.read()

    def error(self, text):
        """The error code that text is answered with."""
        return self.exchange(text)["error"]["code"]

    def test_requests(self):
        for number in (1, "one", None, 1.5):
            answer = self.exchange(json.dumps({"jsonrpc": "2.0", "id": number,
                                               "method": "config show"}) + "\n")
            self.assertEqual(answer["id"], number)
            self.assertEqual(answer["jsonrpc"], "2.0")
            self.assertEqual(answer["result"]["shunt_config"], 1)

    def test_framing(self):
        request = {"jsonrpc": "2.0", "id": 1, "method": "config show"}
        self.assertIn("result", self.exchange(json.dumps(request, indent=4)))
        self.assertIn("result", self.exchange("\n\n \r\n" + json.dumps(request)))
        self.api.send(json.dumps(request) * 3)
        for _ in range(3):
            self.assertIn("result", self.api.read())
        for byte in json.dumps(request):
            self.api.send(byte)
        self.assertIn("result", self.api.read())

    def test_half_closed(self):
        """A client that says it has nothing more to ask still gets its answers."""
        self.api.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "config show"}) * 2)
        self.api.socket.shutdown(socket.SHUT_WR)
        self.assertIn("result", self.api.read())
        self.assertIn("result", self.api.read())
        self.assertIsNone(self.api.read())

    def test_invalid_requests(self):
        for text in ('[]', '{}', '{"jsonrpc":"1.0","id":1,"method":"port show"}',
                     '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","id":1,"method":7}',
                     '{"jsonrpc":"2.0","id":[1],"method":"port show"}',
                     '{"jsonrpc":"2.0","id":{},"method":"port show"}'):
            with self.subTest(text=text):
                self.assertEqual(self.error(text + "\n"), -32600)
        answer = self.exchange("[1, 2]\n")
        self.assertEqual([one["error"]["code"] for one in answer], [-32600, -32600])

    def test_no_json(self):
        for text, where in (("hello\n", "line 1, column"), ('{"a": nope}\n', "line 1, column"),
                            ('{"a":\n 1,\n "b": }\n', "line 3, column"), ("}\n", "line 1"),
                            ("[}\n", "line 1"), ('{"a\n', "line 1"), ("\x00\n", "line 1"),
                            ('{"a": 1, "a": 2}\n', "line 1"), ('{"a": "\xff"}\n', "line 1"),
                            ("42\n", "line 1"), ("[" * 3000 + "\n", "line 1")):
            with self.subTest(text=text[:20]):
                answer = self.exchange(text.encode("latin-1"))
                self.assertEqual(answer["error"]["code"], -32700)
                self.assertIsNone(answer["id"])
                self.assertIn(where, answer["error"]["message"])
        self.assertIn("result", self.api.ask("config show"))

    def test_unknown(self):
        self.assertEqual(self.api.ask("port fly")["error"]["code"], -32601)
        error = self.api.ask("port add", name="p0", devargs="x", colour="red")["error"]
        self.assertEqual(error["code"], -32602)
        self.assertIn("colour", error["message"])
        self.assertEqual(error["data"]["kind"], "usage")

    def test_wrong_types(self):
        for params in ({"name": 7, "devargs": "x"}, {"name": "p0", "devargs": "x", "mtu": "9000"},
                       {"name": "p0", "devargs": "x", "mtu": -1}, {"name": "p0", "devargs": "x",
                                                                   "mtu": 1e3},
                       {"name": "p0", "devargs": "x", "mpls": 1}, {"name": None, "devargs": "x"},
                       {"name": "p0"}, {"name": "p0", "devargs": {"a": 1}}):
            with self.subTest(params=params):
                self.assertEqual(self.api.ask("port add", **params)["error"]["code"], -32602)
        answer = self.exchange('{"jsonrpc":"2.0","id":1,"method":"port add","params":["p0","x"]}\n')
        self.assertEqual(answer["error"]["code"], -32602)
        for params in ({}, {"commands": "x"}, {"commands": [1]}, {"commands": [], "atomic": "no"},
                       {"commands": [], "colour": 1}):
            with self.subTest(params=params):
                self.assertEqual(self.api.ask("batch", **params)["error"]["code"], -32602)

    def test_refused(self):
        error = self.api.ask("port del", name="p9")["error"]
        self.assertEqual((error["code"], error["data"]["kind"]), (1, "refused"))
        self.assertTrue(error["data"]["errno"].startswith("E"))
        self.assertIn("p9", error["message"])

    def test_array_and_notifications(self):
        def request(method, number=None, **params):
            whole = {"jsonrpc": "2.0", "method": method, "params": params}
            return dict(whole, id=number) if number is not None else whole
        self.api.send(json.dumps([
            request("loopback add", 1, name="l1"), request("loopback add", name="l2"),
            request("loopback add", 2, name="l1"), request("nothing"), request("nothing", 3),
            request("batch", 4, commands=["loopback add l3", "loopback add l3"]), 5,
            request("config show", 6)]) + "\n")
        answer = self.api.read()
        self.assertEqual([one["id"] for one in answer], [1, 2, 3, 4, None, 6])
        self.assertEqual(answer[1]["error"]["code"], 1)
        self.assertEqual(answer[2]["error"]["code"], -32601)
        self.assertEqual(answer[3]["result"]["done"], 1)
        self.assertEqual(answer[4]["error"]["code"], -32600)
        self.assertEqual([one["name"] for one in answer[5]["result"]["loopback"]],
                         ["l1", "l2", "l3"])
        # Notifications alone are not answered at all: the next answer is the next request's.
        self.api.send(json.dumps([request("nothing"), request("loopback del", name="l2")]) + "\n")
        self.api.send(json.dumps(request("loopback del", name="l3")) + "\n")
        self.assertEqual(len(self.api.call("config show")["loopback"]), 1)

    def test_show_is_answered(self):
        for method in ("port show", "mpls show", "nexthop show", "show drops", "show counters",
                       "show workers", "show memory", "show version", "neigh show"):
            with self.subTest(method=method):
                self.assertIn("result", self.api.ask(method))


class Limits(Controlplane):
    """Too much of everything."""

    def test_hundred_megabytes(self):
        self.start()
        client = self.client()
        chunk = b'"' + b"x" * 1048574 + b'",'
        try:
            client.send(b'{"jsonrpc":"2.0","id":1,"method":"batch","params":{"commands":[')
            for _ in range(100):
                client.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was told before it had sent all
        error = client.read()["error"]
        self.assertIn("64 MiB", error["message"])
        with self.assertRaises((ConnectionResetError, EOFError)):
            if client.read() is None:
                raise EOFError
        self.assertIn("result", self.client().ask("config show"))

    def test_sixty_megabytes(self):
        """Just below the limit is taken."""
        self.start()
        lines = ["#" + "x" * 999999] * 60
        self.assertEqual(self.client().batch(lines)["failed"], 0)

    def test_ten_thousand_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 10300
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"only {hard} file descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.start()
        first = self.client()
        served = refused = 0
        open_ones = []
        try:
            for _ in range(10000):
                one = socket.socket(socket.AF_UNIX)
                open_ones.append(one)
                one.settimeout(ANSWER)
                one.connect(str(self.place / "control.sock"))
            for one in open_ones:
                try:
                    one.sendall(b'{"jsonrpc":"2.0","id":1,"method":"show version"}\n')
                except (BrokenPipeError, ConnectionResetError):
                    pass  # refused already; its line can still be read
                answer = json.loads(one.makefile("rb").readline())
                if "result" in answer:
                    served += 1
                else:
                    self.assertIn("too many connections", answer["error"]["message"])
                    refused += 1
            self.assertEqual((served, refused), (1023, 8977))
            self.assertIn("result", first.ask("show version"))
        finally:
            for one in open_ones:
                one.close()
        self.until(lambda: "result" in self.client().ask("config show"), "served again")

    def test_client_that_does_not_read(self):
        """It is not read from any more, and others are served."""
        client = self.network()
        client.batch([f"mpls add {16 + i} swap 100 via 10.0.0.2" for i in range(2000)])
        deaf = self.client()
        deaf.socket.settimeout(0.2)
        request = b'{"jsonrpc":"2.0","id":1,"method":"config show"}\n' * 1000
        with self.assertRaises(TimeoutError):
            while True:
                deaf.send(request)
        memory = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1]) * 4096
        self.assertLess(memory, 600 << 20)
        self.assertIn("result", self.client().ask("config show"))

    def test_half_a_message(self):
        """Whoever goes in the middle of a message has said nothing."""
        client = self.network()
        whole = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "batch", "params": {
            "commands": [f"mpls add {16 + i} swap 100 via 10.0.0.2" for i in range(1000)]}})
        for cut in (1, 100, len(whole) // 2, len(whole) - 1):
            with Client(self.place / "control.sock") as other:
                other.send(whole[:cut])
        self.assertEqual(client.labels(), {})

    def test_killed_in_the_middle_of_a_batch(self):
        """A client that is gone before its answer: an atomic batch is whole or not there."""
        client = self.network()
        for atomic in (True, False):
            with Client(self.place / "control.sock") as other:
                other.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "batch", "params": {
                    "atomic": atomic, "commands": [f"mpls add {16 + i} swap 100 via 10.0.0.2"
                                                   for i in range(20000)]}}) + "\n")
            # Changes of others wait for an atomic batch; this one comes after it.
            self.until(lambda: len(client.labels()) == 20000, "the batch")
            self.assertEqual(client.batch([f"mpls del {16 + i}" for i in range(20000)])["failed"], 0)


class Access(Controlplane):
    """Who may come."""

    def connect_as(self, user):
        """What a process of that user is told by the socket."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
                with Client(self.place / "control.sock") as client:
                    answer = json.dumps(client.read())
            except OSError as error:
                answer = json.dumps({"oserror": error.errno})
            os.write(writer, answer.encode())
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as file:
            text = file.read()
        os.waitpid(child, 0)
        return json.loads(text)

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_others(self):
        self.start()
        mode = os.stat(self.place / "control.sock").st_mode & 0o777
        self.assertIn(mode, (0o660, 0o666))
        self.assertIn("oserror" if mode == 0o660 else "error", self.connect_as(NOBODY))
        # Even where the file system lets everybody come, the credentials do not.
        self.directory.chmod(0o711)
        self.place.chmod(0o711)
        (self.place / "control.sock").chmod(0o666)
        self.assertIn("permission denied", self.connect_as(NOBODY)["error"]["message"])


class Batches(Controlplane):
    """All, nothing, or as far as it goes."""

    def test_stops_at_the_first_error(self):
        client = self.network()
        result = client.batch(["mpls add 100 swap 200 via 10.0.0.2", "", "# comment",
                               "mpls add 15 swap 1 via 10.0.0.2",
                               "mpls add 101 swap 200 via 10.0.0.2"])
        self.assertEqual((result["done"], result["failed"]), (1, 1))
        error = result["errors"][0]
        self.assertEqual((error["index"], error["kind"], error["column"]), (3, "usage", 9))
        self.assertEqual(list(client.labels()), [100])

    def test_continues(self):
        client = self.network()
        result = client.batch(["mpls add 100 swap 200 via 10.0.0.2", "nonsense",
                               "mpls add 100 swap 200 via 10.0.0.2",
                               "mpls add 101 swap 200 via 10.9.9.9",
                               "mpls add 102 swap 200 via 10.0.0.2"], **{"continue": True})
        self.assertEqual((result["done"], result["failed"]), (2, 3))
        self.assertEqual([error["kind"] for error in result["errors"]],
                         ["usage", "refused", "refused"])
        self.assertEqual(sorted(client.labels()), [100, 102])

    def test_atomic(self):
        client = self.network()
        client.batch(["mpls add 50 swap 51 via 10.0.0.2", "mpls add 60 swap 61 via 10.0.0.2"])
        before = client.call("config show")
        journal = (self.place / "journal").read_bytes()
        changes = ["mpls replace 50 swap 52/53 via 10.0.0.2", "mpls del 60", "port set p0 mtu 9000",
                   "loopback add lo", "mpls add 70 swap 71 via 10.0.0.2", "port set p0 down",
                   "neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev p0"]
        for bad in ("mpls add 70 swap 1 via 10.0.0.2", "nonsense", "port del p0",
                    "mpls add 71 swap 72 via 10.9.9.9", "show version", "config confirm"):
            with self.subTest(bad=bad):
                result = client.batch(changes + [bad], atomic=True)
                self.assertEqual((result["done"], result["failed"]), (0, 1), result)
                self.assertEqual(result["errors"][0]["index"], len(changes))
                self.assertEqual(client.call("config show"), before)
                self.assertEqual((self.place / "journal").read_bytes(), journal)
        self.assertEqual(client.batch(changes, atomic=True)["done"], len(changes))
        self.assertEqual(client.labels(), {50: [52, 53], 70: [71]})
        after = client.call("config show")
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().call("config show"), after)

    def test_others_are_served_meanwhile(self):
        """A look is answered while a long atomic batch runs; a change waits for its end."""
        client = self.network()
        lines = [f"mpls add {1000 + i} swap 100 via 10.0.0.2" for i in range(50000)]
        other, third = self.client(), self.client()
        client.send(json.dumps({"jsonrpc": "2.0", "id": "b", "method": "batch",
                                "params": {"atomic": True, "commands": lines}}) + "\n")
        seen = []
        thread = threading.Thread(target=lambda: seen.append(client.read()))
        thread.start()
        # Without the wait this must be refused: the label stands in the batch.
        self.until(lambda: "result" in third.ask("mpls show", label=1000) or seen,
                   "the batch to begin")
        answer = other.ask("mpls add", label=1000 + 49999, operation="pop-label")
        thread.join()
        self.assertEqual(seen[0]["result"]["done"], 50000)
        self.assertEqual(answer["error"]["data"]["errno"], "EEXIST", answer)

    def test_speed(self):
        """Not the benchmark: a bound that only something badly wrong exceeds."""
        client = self.network()
        lines = [f"mpls add {1000 + i} swap {16 + i % 1000} via 10.0.0.2" for i in range(100000)]
        begun = time.monotonic()
        self.assertEqual(client.batch(lines)["done"], 100000)
        self.assertLess(time.monotonic() - begun, 20)


class Journal(Controlplane):
    """What it said yes to, it knows."""

    def test_second_one_is_refused(self):
        self.start()
        done = subprocess.run(self.command(), capture_output=True, text=True, timeout=ANSWER,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("ready", done.stdout)
        self.assertIn("error: ", done.stderr)
        self.assertIn("result", self.client().ask("config show"))

    def test_terminate_and_start(self):
        client = self.network()
        client.batch(["mpls add 100 swap 200 via 10.0.0.2", "port set p0 down"])
        before = client.call("config show")
        self.assertEqual(self.stop(), 0)
        self.assertFalse((self.place / "control.sock").exists())
        self.start()
        self.assertEqual(self.client().call("config show"), before)

    def test_half_a_line(self):
        self.network()
        self.stop(signal.SIGKILL)
        with open(self.place / "journal", "a", encoding="ascii") as journal:
            journal.write("mpls add 100 swap 200 via 10.0.0.2\nbegin 2\n"
                          "mpls add 101 swap 200 via 10.0.0.2\nmpls add 1")
        self.start()
        client = self.client()
        self.assertEqual(list(client.labels()), [100])
        client.batch(["mpls add 102 swap 200 via 10.0.0.2"])
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(list(self.client().labels()), [100, 102])

    def test_lines_that_fail_are_left_out(self):
        self.network()
        self.stop()
        with open(self.place / "journal", "a", encoding="ascii") as journal:
            journal.write("nonsense\nmpls add 100 swap 200 via 10.0.0.2\nmpls del 999\n")
        self.start()
        self.assertEqual(list(self.client().labels()), [100])
        self.assertIn("2 of 6 lines were left out", self.log_text())

    def test_random_kills(self):
        """100 kills while a client adds routes: every one that was answered is there, and no other
        than the last one asked for."""
        self.network()
        generator = random.Random(7)
        answered = set()
        label = 1000
        for _ in range(100):
            client = self.client()
            timer = threading.Timer(generator.uniform(0.0005, 0.02), self.process.kill)
            timer.start()
            asked = set()
            try:
                while True:
                    count = generator.choice((1, 1, 5, 50))
                    asked = set(range(label, label + count))
                    label += count
                    lines = [f"mpls add {one} swap 100 via 10.0.0.2" for one in sorted(asked)]
                    if client.batch(lines, atomic=count == 5)["done"] == count:
                        answered |= asked
                        asked = set()
            except (BrokenPipeError, ConnectionResetError, TypeError, ValueError):
                pass  # it was killed
            timer.join()
            self.stop(signal.SIGKILL)
            self.start()
            have = set(self.client().labels())
            self.assertEqual(answered - have, set(), "it had said yes to these")
            self.assertEqual(have - answered - asked, set(), "nobody asked for these")
            if len(asked) == 5:
                self.assertIn(len(have & asked), (0, 5), "an atomic batch is whole")
            if len(have) > 2000:
                result = self.client().batch([f"mpls del {one}" for one in have])
                self.assertEqual(result["failed"], 0)
                have = set()
            answered = have
        self.assertGreater(label, 2000)

    def test_no_space(self):
        """The journal cannot grow: the change is refused and undone, and later ones are taken."""
        client = self.network()
        client.batch(["mpls add 99 swap 100 via 10.0.0.2"])
        size = os.path.getsize(self.place / "journal")
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE,
                         (size + 10, resource.RLIM_INFINITY))
        error = client.ask("mpls add", label=100, paths=[{"swap": [200], "via": "10.0.0.2"}])["error"]
        self.assertIn("journal", error["message"])
        result = client.batch(["mpls del 99", "mpls add 101 swap 100 via 10.0.0.2"], atomic=True)
        self.assertEqual(result["done"], 0)
        result = client.batch(["mpls replace 99 pop label", "mpls add 101 swap 100 via 10.0.0.2"])
        self.assertEqual(result["done"], 0)
        self.assertEqual(client.labels(), {99: [100]})
        self.assertEqual(os.path.getsize(self.place / "journal"), size)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        client.batch(["mpls add 102 swap 100 via 10.0.0.2"])
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().labels(), {99: [100], 102: [100]})

    def test_compaction(self):
        """Changes that undo each other do not make it grow for ever."""
        client = self.network()
        for _ in range(12):
            client.batch([f"mpls add {1000 + i} swap 100 via 10.0.0.2" for i in range(5000)])
            client.batch([f"mpls del {1000 + i}" for i in range(5000)])
        self.until(lambda: os.path.getsize(self.place / "journal") < 1100000, "compaction")
        client.batch(["mpls add 99 swap 100 via 10.0.0.2"])
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().labels(), {99: [100]})


class Configuration(Controlplane):
    """show, save, diff, apply, confirm, rollback."""

    FULL = {"shunt_config": 1,
            "port": [{"name": "p0", "devargs": "net_null0", "mpls": True},
                     {"name": "p1", "devargs": "net_null1", "mtu": 9000, "admin": "down"}],
            "vlan": [{"name": "v1", "dev": "p1", "tag": 7}],
            "loopback": [{"name": "lo"}],
            "address": [{"prefix": "10.0.0.1/24", "dev": "p0"}, {"prefix": "10.1.0.1/24",
                                                                 "dev": "v1"}],
            "neigh": [{"address": "10.0.0.2", "lladdr": "02:00:00:00:00:02", "dev": "p0"}],
            "mpls": [{"label": 100, "operation": "swap",
                      "paths": [{"swap": [200], "via": "10.0.0.2"}]},
                     {"label": 101, "operation": "pop-label"},
                     {"label": 103, "operation": "swap",
                      "paths": [{"swap": [300], "via": "10.0.0.2"}]}]}

    def file(self, content):
        """A file with that text or document; its path."""
        path = self.directory / "wished.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content),
                        encoding="utf-8")
        return str(path)

    def test_broken_file_at_start(self):
        for text, says in (('{"shunt_config": 1,\n "port": [}\n', "line 2, column"),
                           ("", "line 1"), ('{"shunt_config": 1, "ports": []}', "ports"),
                           ('{"shunt_config": 1, "port": [{"name": "p0"}]}', "port[0]"),
                           ('{"shunt_config": 1, "address": [{"prefix": "10.0.0.1/8", '
                            '"dev": "p7"}]}', "p7")):
            with self.subTest(text=text):
                done = subprocess.run(self.command("--config", self.file(text)), text=True,
                                      capture_output=True, timeout=ANSWER, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stdout, "")
                self.assertIn(says, done.stderr)
                self.assertFalse((self.place / "journal").exists())
        done = subprocess.run(self.command("--config", "/nonexistent.json"), text=True,
                              capture_output=True, timeout=ANSWER, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent.json", done.stderr)

    def test_file_at_start(self):
        """It counts where there is no journal, and only there."""
        self.start("--config", self.file(self.FULL))
        client = self.client()
        self.assertEqual(client.call("config show"), self.FULL)
        client.call("mpls del", label=101)
        self.stop(signal.SIGKILL)
        self.start("--config", self.file(self.FULL))
        self.assertEqual(list(self.client().labels()), [100, 103])

    def test_save_and_apply(self):
        self.start()
        client = self.client()
        self.assertGreater(client.call("config apply", config=self.FULL)["changed"], 8)
        self.assertEqual(client.call("config show"), self.FULL)
        path = str(self.directory / "saved.json")
        self.assertEqual(client.call("config save", file=path), {"file": path})
        self.assertEqual(json.loads(Path(path).read_text("utf-8")), self.FULL)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        self.assertEqual([name for name in os.listdir(self.directory) if "saved" in name],
                         ["saved.json"])
        self.assertEqual(client.call("config diff", file=path),
                         {"add": [], "delete": [], "change": []})
        self.assertEqual(client.call("config apply", file=path), {"changed": 0})
        empty = {"shunt_config": 1}
        client.call("config apply", config=empty)
        self.assertEqual(client.call("config show"),
                         {noun: [] if noun != "shunt_config" else 1 for noun in self.FULL})
        client.call("config apply", file=path)
        self.assertEqual(client.call("config show"), self.FULL)
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().call("config show"), self.FULL)

    def test_save_refused(self):
        self.start()
        client = self.client()
        self.assertIn("error", client.ask("config save", file="relative.json"))
        self.assertIn("error", client.ask("config save", file="/nonexistent/x.json"))

    def wished(self):
        """FULL with something added, changed and deleted, and what depends on it moved."""
        new = json.loads(json.dumps(self.FULL))
        new["port"][1] = {"name": "p2", "devargs": "net_null2"}
        new["port"][0]["mtu"] = 4000
        new["vlan"][0]["dev"] = "p2"
        new["mpls"][0]["paths"][0] = {"swap": [201, 202], "via": "10.1.0.9"}
        new["mpls"][1]["label"] = 102
        new["mpls"][2]["paths"][0]["swap"] = [301, 302]
        del new["loopback"][0]
        return new

    def test_diff(self):
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        diff = client.call("config diff", config=self.wished())
        texts = {kind: [one["text"] for one in diff[kind]] for kind in diff}
        self.assertEqual(texts["add"][0], "port add p2 devargs net_null2")
        self.assertIn("mpls add 102 pop label", texts["add"])
        self.assertIn("mpls del 101", texts["delete"])
        self.assertIn("loopback del lo", texts["delete"])
        self.assertIn("port set p0 mtu 4000", texts["change"])
        one = [one for one in diff["change"] if one["command"] == "mpls replace"][0]
        self.assertEqual(one["params"]["paths"], [{"swap": [301, 302], "via": "10.0.0.2"}])
        # v1 moves to another port, and what stands on it with it; nothing else is touched.
        self.assertEqual(texts["delete"][-3:], ["mpls del 100", "address del 10.1.0.1/24 dev v1",
                                                "vlan del v1"])
        self.assertEqual(client.call("config show"), self.FULL)

    def test_apply_refused(self):
        """Nothing changes, and it says what is wrong."""
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        journal = (self.place / "journal").read_bytes()
        refused = self.wished()
        refused["mpls"].append({"label": 500, "operation": "swap",
                                "paths": [{"swap": [1000], "via": "10.77.0.1"}]})
        unknown = self.wished()
        unknown["mpls"][0]["colour"] = "red"
        for document, says in ((refused, "10.77.0.1"), (unknown, "mpls[0]"), ({}, "shunt_config"),
                               ({"shunt_config": 1, "ports": []}, "ports")):
            for source in ({"config": document}, {"file": self.file(document)}):
                with self.subTest(says=says, source=list(source)):
                    error = client.ask("config apply", **source)["error"]
                    self.assertIn(says, error["message"])
                    self.assertEqual(client.call("config show"), self.FULL)
                    self.assertEqual((self.place / "journal").read_bytes(), journal)
        error = client.ask("config apply", file=self.file('{"shunt_config": 1,\n  "port": oops}'))
        self.assertIn("line 2, column", error["error"]["message"])
        self.assertIn("error", client.ask("config apply"))

    def test_confirm(self):
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        self.assertEqual(client.ask("config confirm")["error"]["data"]["errno"], "ENOENT")
        client.call("config apply", config=self.wished(), confirm="1h")
        self.assertIn("error", client.ask("config apply", config=self.FULL))
        client.call("config confirm")
        self.assertFalse((self.place / "rollback.json").exists())
        after = client.call("config show")
        self.assertEqual(after["port"][1]["name"], "p2")
        self.assertIn("error", client.ask("config rollback"))
        client.call("config apply", config=self.FULL, confirm="1h")
        client.call("config rollback")
        self.assertEqual(client.call("config show"), after)
        self.assertFalse((self.place / "rollback.json").exists())

    def test_rollback_by_time(self):
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        client.call("config apply", config=self.wished(), confirm="1s")
        self.assertNotEqual(client.call("config show"), self.FULL)
        self.until(lambda: client.labels().get(100) == [200], "rolled back")
        self.assertEqual(client.call("config show"), self.FULL)
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().call("config show"), self.FULL)

    def test_rollback_over_kill(self):
        """Killed before the deadline, started before or after it: it comes back."""
        self.start()
        client = self.client()
        client.call("config apply", config=self.FULL)
        client.call("config apply", config=self.wished(), confirm="1s")
        self.stop(signal.SIGKILL)
        self.start()
        client = self.client()
        self.until(lambda: client.labels().get(100) == [200], "rolled back")
        client.call("config apply", config=self.wished(), confirm="1s")
        deadline = json.loads((self.place / "rollback.json").read_text("utf-8"))["deadline_ns"]
        self.stop(signal.SIGKILL)
        self.until(lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) > deadline, "the deadline")
        self.start()
        client = self.client()
        self.until(lambda: client.labels().get(100) == [200], "rolled back after the deadline")
        self.assertEqual(client.call("config show"), self.FULL)
        client.call("config apply", config=self.wished(), confirm="1h")
        self.stop(signal.SIGKILL)
        self.start()
        self.client().call("config confirm")


if __name__ == "__main__":
    unittest.main(verbosity=2)
