# SPDX-License-Identifier: BSD-3-Clause
"""Debian's own kernel in a virtual machine, for what the kernel that the tests run on was built without.

The kernel's package is downloaded and looked into, not installed; what of it is needed stays in
build/linux-guest. The rest of the guest is this machine's own python3, ip and bridge. No disk, no network: lines
of JSON go in and out of linux_guest_agent.py, its process 1. By software emulation, so KVM is not needed.
"""

import atexit
import contextlib
import fcntl
import json
import lzma
import os
import platform
import re
import select
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

import shunt_test

SYSTEM = Path(__file__).parent
STORE = shunt_test.ROOT / "build" / "linux-guest"
PYTHON = os.path.realpath("/usr/bin/python3")
TOOLS = ("/usr/sbin/ip", "/usr/sbin/bridge")
MODULES = ("virtio_pci", "virtio_console", "veth", "bridge")
DIRECTORIES = ("drivers/net/veth.ko", "drivers/char/virtio_console.ko", "drivers/virtio", "net/bridge/bridge.ko",
               "net/llc", "net/802")
MEMORY = 384        # MiB
BOOT_LIMIT = 300    # seconds until it is ready; 12 of a processor's time
BOOTS = 6
BOOTS_LIMIT = 450   # seconds of all of them together
STUCK = 15          # seconds without work before it is ready: it waits for a timer that never comes
CALL_LIMIT = 120    # seconds for an answer
DOWNLOAD_LIMIT = 240


# ---------------------------------------------------------------- the kernel

class Refused(unittest.SkipTest):
    """A command ended, and not well."""


def said(*words, limit=60):
    """A command's output, or SkipTest with why there is none."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=limit,
                              stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise unittest.SkipTest(f"no kernel for a virtual machine: {error}") from error
    if done.returncode != 0:
        raise Refused(f"no kernel for a virtual machine: {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def download(place):
    """The file of the package with the kernel that `linux-image-amd64` stands for now, in this directory."""
    found = re.search(r"Depends: (linux-image-\d\S+)", said("apt-cache", "depends", "linux-image-amd64"))
    if not found:
        raise Refused("no kernel for a virtual machine: apt does not say what linux-image-amd64 is")
    said("sh", "-c", 'cd "$1" && exec apt-get -q -o APT::Sandbox::User=root download "$2"', "sh", str(place), found[1],
         limit=DOWNLOAD_LIMIT)
    return next(place.glob("*.deb"))


def uncompressed(image):
    """The ELF file in a bzImage: to start it saves its unpacking by an emulated processor."""
    at = image.find(b"\xfd7zXZ\0")
    if at < 0:
        raise unittest.SkipTest("no kernel for a virtual machine: Debian's is not compressed by xz")
    return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(image[at:])


def take_out(package, place):
    """vmlinux and modules out of a package's file, of which they are a small part."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process, \
            tarfile.open(fileobj=process.stdout, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name.startswith("boot/vmlinuz-"):
                (place / "vmlinux").write_bytes(uncompressed(archive.extractfile(member).read()))
            inside = name.partition("/kernel/")[2]
            if member.isfile() and inside.startswith(DIRECTORIES):
                (place / Path(inside).name).write_bytes(archive.extractfile(member).read())


def kernel():
    """The directory with vmlinux and modules; only the first call ever downloads. SkipTest if it cannot."""
    STORE.mkdir(parents=True, exist_ok=True)
    with open(STORE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = STORE / "kernel"
        if place.exists():
            return place
        with tempfile.TemporaryDirectory(dir=STORE) as work:
            work = Path(work)
            try:
                package = download(work)
            except Refused:  # apt's lists may be old, and a container has none
                said("apt-get", "update", "-q", limit=DOWNLOAD_LIMIT)
                package = download(work)
            (work / "kernel").mkdir()
            take_out(package, work / "kernel")
            missing = {"vmlinux", *(f"{name}.ko" for name in MODULES)} - {
                path.name.replace("-", "_") for path in (work / "kernel").iterdir()}
            if missing:
                raise unittest.SkipTest(f"no kernel for a virtual machine: {package.name} has no {sorted(missing)}")
            (work / "kernel").rename(place)
        return place


# ---------------------------------------------------------------- the initial file system

def libraries(program):
    """Shared libraries that a program or library needs, as paths."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", done.stdout)


def python_files():
    """Of the standard library's, those that the agent imports."""
    look = ("import sys; sys.path.insert(0, sys.argv[1]); import linux_guest_agent\n"
            "for module in list(sys.modules.values()):\n"
            "    print(getattr(module, '__file__', None), getattr(module, '__cached__', None), sep='\\n')")
    done = subprocess.run([PYTHON, "-I", "-S", "-c", look, str(SYSTEM)], capture_output=True, text=True, check=True)
    return {path for path in done.stdout.split() if path.startswith("/usr/") and os.path.exists(path)}


def module_order(place):
    """Files of the modules, each after those that it depends on."""
    have = {path.stem.replace("-", "_"): path for path in place.glob("*.ko")}
    order = []

    def need(name):
        path = have.get(name)
        if path is None or path in order:
            return
        for other in re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())[1].decode().split(","):
            need(other)
        order.append(path)
    for name in MODULES:
        need(name)
    return order


class Archive:
    """A cpio archive, as the kernel takes it for its first file system."""

    def __init__(self):
        self.parts, self.names = [], set()

    def entry(self, name, mode, content=b"", device=(0, 0)):
        """One, after the directories that it is in."""
        if name in self.names:
            return
        self.names.add(name)
        if "/" in name:
            self.entry(name.rpartition("/")[0], 0o40755)
        packed = name.encode() + b"\0"
        head = b"070701" + b"".join(b"%08X" % number for number in (
            len(self.names), mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(packed), 0)) + packed
        for part in (head, content):
            self.parts += [part, bytes(-len(part) % 4)]

    def copy(self, path, name=None):
        """A file of this machine's."""
        self.entry((name or str(path)).lstrip("/"), 0o100755, Path(path).read_bytes())

    def bytes(self):
        """All of it."""
        self.entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def initial_files(place):
    """What the guest has: the agent and what that needs."""
    archive = Archive()
    for name in ("proc", "sys", "dev"):
        archive.entry(name, 0o40755)
    archive.entry("dev/console", 0o20600, device=(5, 1))
    wanted = {PYTHON, *TOOLS, *python_files()}
    for path in list(wanted):
        if path in (PYTHON, *TOOLS) or path.endswith(".so"):
            wanted.update(libraries(path))
    for path in sorted(wanted):
        archive.copy(path)
    for number, path in enumerate(module_order(place)):
        archive.copy(path, f"modules/{number:02}-{path.name}")
    for name in ("linux_guest_agent.py", "wire.py", "passing.py"):
        archive.copy(SYSTEM / name, f"agent/{name}")
    return archive.bytes()


# ---------------------------------------------------------------- the machine

class Ended(AssertionError):
    """The guest is no more."""


class Stalled(unittest.SkipTest):
    """The emulator got stuck, as it was seen to on busy machines: it is no one's fault who is tested here."""


class Guest:
    """A running one. SkipTest if there is no emulator or no kernel for it."""

    def __init__(self):
        self.process = self.place = None
        self.line = b""
        self.stalled = False
        if platform.machine() != "x86_64":
            raise unittest.SkipTest(f"a virtual machine's kernel is looked for for x86_64, not {platform.machine()}")
        if shutil.which("qemu-system-x86_64") is None:
            raise unittest.SkipTest("no qemu-system-x86_64 (Debian's qemu-system-x86)")
        where = kernel()
        atexit.register(self.close)
        self.place = Path(tempfile.mkdtemp(prefix="shunt-guest-"))
        (self.place / "initial").write_bytes(initial_files(where))
        self.boot(where / "vmlinux")

    def boot(self, vmlinux):
        """Until it is ready. What keeps one from it, on a machine that is busy, does not keep the next one."""
        end = time.monotonic() + BOOTS_LIMIT
        for left in reversed(range(BOOTS)):
            self.start(vmlinux)
            try:
                while self.read(min(BOOT_LIMIT, end - time.monotonic()), watch=True) != b"ready":
                    pass
                return
            except (Ended, Stalled) as error:
                self.stop()
                if not left or time.monotonic() + STUCK > end:
                    self.close()
                    raise Stalled(f"no virtual machine starts: {error}") from error

    def start(self, vmlinux):
        """Switch it on."""
        words = ["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "tsc=unstable", "no_timer_check",
                 "nohz=off", "highres=off",  # a tick that comes by itself is not lost on a busy machine
                 "net.ifnames=0", "audit=0", "cryptomgr.notests", f"rdinit={PYTHON}", "--", "-I", "-S",
                 "/agent/linux_guest_agent.py"]
        with open(self.place / "errors", "wb") as errors:
            self.process = self.emulator(vmlinux, words, errors)
        self.line = b""

    def emulator(self, vmlinux, words, errors):
        """Its process."""
        return subprocess.Popen(
            ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-m", str(MEMORY),
             "-smp", "1", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel", str(vmlinux),
             "-initrd", str(self.place / "initial"), "-append", " ".join(words), "-serial", f"file:{self.place / 'console'}",
             "-chardev", "stdio,id=line,signal=off", "-device", "virtio-serial-pci", "-device",
             "virtserialport,chardev=line,name=agent"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            preexec_fn=shunt_test._die_with_parent)

    def console(self):
        """The last that its kernel and agent, and the emulator, said."""
        paths = [self.place / "console", self.place / "errors"]
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in paths if path.exists())

    def worked(self):
        """Seconds of processor time that it took so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def read(self, limit, watch=False):
        """Its next line. `watch`: not if it stops working."""
        end = time.monotonic() + limit
        look, work = time.monotonic() + STUCK, self.worked()
        while b"\n" not in self.line:
            left = max(0, end - time.monotonic())
            if select.select([self.process.stdout], [], [], min(left, 1))[0]:
                more = os.read(self.process.stdout.fileno(), 1 << 16)
                if not more:
                    raise Ended(f"the guest ended: {self.line}\n{self.console()}")
                self.line += more
            elif not left:
                raise Stalled(f"the guest says nothing for {limit} s: {self.line}\n{self.console()}")
            elif watch and time.monotonic() > look:
                if self.worked() - work < 0.3:
                    raise Stalled(f"the guest does nothing for {STUCK} s\n{self.console()}")
                look, work = time.monotonic() + STUCK, self.worked()
        answer, _, self.line = self.line.partition(b"\n")
        return answer

    def call(self, name, *arguments):
        """A function of the agent's; what it returns."""
        if self.stalled:
            raise Stalled("the guest said nothing before")
        self.stalled = True  # until it answers
        self.process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.read(CALL_LIMIT))
        self.stalled = False
        if "failed" in answer:
            raise AssertionError(f"guest: {name}: {answer['failed']}")
        return answer["said"]

    def run(self, *words, text=""):
        """A command in it with this standard input; its output."""
        return self.call("run", list(words), text)

    def stop(self):
        """Pull the plug."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            with contextlib.suppress(BrokenPipeError):  # what it did not take
                self.process.stdin.close()
            self.process.stdout.close()
            self.process = None

    def close(self):
        """Safe to call twice."""
        self.stop()
        if self.place is not None:
            shutil.rmtree(self.place, ignore_errors=True)
            self.place = None
