#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane's API: JSON-RPC, bad input, limits, access, batches.

Only shunt-controlplane runs, in a run directory of its own; no port of it is real.
"""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

from api_client import ANSWER, BUILD, NETWORK, Client, Controlplane

NOBODY = 65534


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

    def test_refused_by_name(self):
        """The errno is the reason's, not the method's."""
        self.assertEqual(self.api.batch(NETWORK)["failed"], 0)
        mac = "02:00:00:00:00:09"
        document = {"shunt_config": 1, "address": [{"prefix": "10.0.0.1/24", "dev": "p7"}]}
        for name, method, params in (
                ("ENOENT", "port show", {"name": "p9"}),
                ("ENOENT", "neigh add", {"address": "10.0.0.9", "lladdr": mac, "dev": "p9"}),
                ("ENETUNREACH", "neigh add", {"address": "10.9.0.9", "lladdr": mac, "dev": "p0"}),
                ("EEXIST", "neigh add", {"address": "10.0.0.2", "lladdr": mac, "dev": "p0"}),
                ("ENOENT", "config rollback", {}), ("ENOENT", "config confirm", {}),
                ("ENOENT", "config apply", {"file": "/nowhere/x.json"}),
                ("ENOENT", "config diff", {"file": "/nowhere/x.json"}),
                ("ENOENT", "config apply", {"config": document})):
            with self.subTest(method=method, params=params):
                error = self.api.ask(method, **params)["error"]
                self.assertEqual((error["code"], error.get("data")),
                                 (1, {"kind": "refused", "errno": name}), error)
        self.api.call("config apply", config={"shunt_config": 1}, confirm="1h")
        error = self.api.ask("config apply", config={"shunt_config": 1})["error"]
        self.assertEqual(error["data"]["errno"], "EBUSY")

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

    def test_reason_reaches_the_user(self):
        """shuntctl tells why it was cut off in the middle of its request."""
        self.start()
        lines = "loopback add aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 1_600_000
        answer = subprocess.run(
            [BUILD / "cli" / "shuntctl", "--run-dir", self.directory, "--instance", "t", "--atomic",
             "-b", "-"], input=lines.encode(), capture_output=True, check=False)
        self.assertEqual(answer.returncode, 1)
        self.assertIn(b"a message may have 64 MiB", answer.stderr)

    def test_too_many_requests(self):
        """A message of small requests is not answered with gigabytes."""
        self.start()
        client = self.client()
        client.send("[" + "1," * 100_000 + "1]\n")
        answer = client.read()
        self.assertEqual((answer["id"], answer["error"]["code"]), (None, -32600))
        self.assertIn("100001 requests", answer["error"]["message"])
        client.send("[" + "1," * 99_999 + "1]\n")
        self.assertEqual(len(client.read()), 100_000)

    def test_too_many_values(self):
        """A message of nothing but small values is not parsed into gigabytes."""
        self.start()
        for value in (b"1,", b"{},", b'{"a":1},', b"[[]],"):
            with self.subTest(value=value), Client(self.place / "control.sock") as client:
                try:
                    client.send(b"[" + value * (60_000_000 // len(value)) + b"1]\n")
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it was told before it had sent all
                self.assertIn("4194304 values", client.read()["error"]["message"])
        client = self.client()
        self.assertEqual(client.batch(["", "# a, b"] * 1_000_000)["failed"], 0)
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        self.assertLess(int(peak.group(1)), 400 << 10)

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
                one.connect(str(self.place / "control.sock"))  # waits for its turn; with a timeout it would not
                one.settimeout(ANSWER)
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
        client.batch(["mpls add 50 swap 51 via 10.0.0.2", "mpls add 60 swap 61 via 10.0.0.2",
                      "mpls add 80 swap 81 via 10.0.0.3"])
        before = client.call("config show")
        journal = (self.place / "journal").read_bytes()
        changes = ["mpls replace 50 swap 52/53 via 10.0.0.2", "mpls del 60", "port set p0 mtu 9000",
                   "loopback add lo", "mpls add 70 swap 71 via 10.0.0.2", "port set p0 down",
                   "neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev p0",
                   "neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 dev p0"]  # which 80 uses already
        for bad in ("mpls add 70 swap 1 via 10.0.0.2", "nonsense", "port del p0",
                    "mpls add 71 swap 72 via 10.9.9.9", "show version", "config confirm",
                    "counters clear"):
            with self.subTest(bad=bad):
                result = client.batch(changes + [bad], atomic=True)
                self.assertEqual((result["done"], result["failed"]), (0, 1), result)
                self.assertEqual(result["errors"][0]["index"], len(changes))
                self.assertEqual(client.call("config show"), before)
                self.assertEqual((self.place / "journal").read_bytes(), journal)
        self.assertEqual(client.batch(changes, atomic=True)["done"], len(changes))
        self.assertEqual(client.labels(), {50: [52, 53], 70: [71], 80: [81]})
        after = client.call("config show")
        self.stop(signal.SIGKILL)
        self.start()
        self.assertEqual(self.client().call("config show"), after)

    def test_others_are_served_meanwhile(self):
        """A look is answered while a long atomic batch runs; a change waits for its end, and so does
        what reads the configuration as a whole."""
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
        self.assertEqual(len(self.client().call("config show")["mpls"]), 50000)
        answer = other.ask("mpls add", label=1000 + 49999, operation="pop-label")
        thread.join()
        self.assertEqual(seen[0]["result"]["done"], 50000)
        self.assertEqual(answer["error"]["data"]["errno"], "EEXIST", answer)

    def test_difference_waits(self):
        """`config diff` sees none of an atomic batch, or all of it."""
        client = self.network()
        before = client.call("config show")
        lines = [f"mpls add {1000 + i} swap 100 via 10.0.0.2" for i in range(50000)]
        client.send(json.dumps({"jsonrpc": "2.0", "id": "b", "method": "batch",
                                "params": {"atomic": True, "commands": lines}}) + "\n")
        look = self.client()
        self.until(lambda: "result" in look.ask("mpls show", label=1000), "the batch to begin")
        self.assertEqual(len(look.call("config diff", config=before)["delete"]), 50000)
        self.assertEqual(client.read()["result"]["done"], 50000)

    def test_speed(self):
        """Not the benchmark: a bound that only something badly wrong exceeds."""
        client = self.network()
        lines = [f"mpls add {1000 + i} swap {16 + i % 1000} via 10.0.0.2" for i in range(100000)]
        begun = time.monotonic()
        self.assertEqual(client.batch(lines)["done"], 100000)
        self.assertLess(time.monotonic() - begun, ANSWER)


if __name__ == "__main__":
    unittest.main(verbosity=2)
