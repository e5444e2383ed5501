# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs of Debian inside the guest, and the same versions of them on the host: neither is installed, both come as packages
(tools/fetch-deb) and are unpacked into an initramfs and into a folder. The host's run through the loader of that folder."""
import os
import platform
import re
import shutil
import subprocess
import tarfile
import time
import zlib
from typing import NamedTuple

import measure
import programs
import report
import system

SUITE = "trixie"  # the first release that has riscv64
PACKAGES = ["openssl", "gzip", "sqlite3", "python3-minimal"]
COMPILER = "cpp-14-{triple}"  # a cross compiler of the same version is the host's
NATIVE_ARCH = {"x86_64": "amd64"}  # hosts whose packages are known to run from a folder
UNWANTED = re.compile(r"usr/(share/|sbin/|lib/(dpkg|systemd|tmpfiles\.d|[^/]*/(gconv|ossl-modules))/|libexec/dpkg/)")
SETTINGS = {"OPENSSL_CONF": "/dev/null", "PYTHONHASHSEED": "0", "LC_ALL": "C"}
SOURCES = ["quicksort", "strings"]  # bench/programs, what the compiler is given


class Skipped(Exception):
    """There is nothing to measure with; not a failure."""


class Job(NamedTuple):
    name: str
    commands: list  # of words; the first is a path below the root, {cc1} the compiler's; {march} is several


TEXTS = 16
JOBS = [
    Job("openssl-sha256", [["usr/bin/openssl", "dgst", "-sha256", *["text"] * TEXTS]]),
    Job("openssl-aes", [["usr/bin/openssl", "enc", "-aes-256-ctr", "-K", "11" * 32, "-iv", "22" * 16, "-in", "text"]] * 4),
    Job("openssl-prime", [["usr/bin/openssl", "prime", "-checks", "60", "-hex", "7" + "f" * 319]]),  # 2^1279 - 1: modular powers, as in RSA
    Job("gzip", [["usr/bin/gzip", "-n", "-c", "text"]]),
    Job("sqlite3", [["usr/bin/sqlite3", "-init", "work.sql", ":memory:", ".exit"]]),
    Job("python3", [["usr/bin/python3.13", "-S", "-B", "work.py"]]),
    Job("cc1", [["{cc1}", "-quiet", "-fpreprocessed", "-O2", "{march}", "-fno-ident", f"{s}.i", "-o", "-"]
                for s in SOURCES]),
]

SQL = """
CREATE TABLE part(id INTEGER PRIMARY KEY, kind INTEGER, name TEXT, price REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)
  INSERT INTO part SELECT i, (i * 7919) % 101, 'part ' || ((i * 104729) % 15013), (i * 31 % 977) / 8.0 FROM n;
CREATE INDEX by_name ON part(name);
SELECT kind, count(*), sum(price), min(name), max(name) FROM part GROUP BY kind ORDER BY sum(price) DESC LIMIT 20;
SELECT count(*) FROM part a JOIN part b ON a.name = 'part ' || b.id WHERE b.kind < 50;
UPDATE part SET price = price * 1.5 WHERE kind IN (SELECT kind FROM part GROUP BY kind HAVING avg(price) > 61);
SELECT name, price FROM part WHERE name LIKE '%99%' ORDER BY price, name LIMIT 30;
DELETE FROM part WHERE id % 3 = 0;
SELECT count(*), sum(price) FROM part;
"""
PYTHON = """
class Node:
    def __init__(self, key):
        self.key, self.left, self.right = key, None, None

    def insert(self, key):
        side = "left" if key < self.key else "right"
        child = getattr(self, side)
        if child is None:
            setattr(self, side, Node(key))
        else:
            child.insert(key)

    def walk(self):
        if self.left:
            yield from self.left.walk()
        yield self.key
        if self.right:
            yield from self.right.walk()

def words(text):
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]

seed, root = 1, Node(500000)
for _ in range(4000):
    seed = seed * 1103515245 + 12345 & 0x7fffffff
    root.insert(seed % 1000000)
print(sum(i * key for i, key in enumerate(root.walk())))
with open("text", encoding="ascii") as file:
    print(words(file.read(400000)))
x = 0.5
for i in range(60000):
    x = 3.7 * x * (1 - x)
print(repr(x), len(str(3 ** 6000)))
"""


def text():
    """4 MiB of words, as compressible as prose."""
    stems = [a + b for a in ("in", "ex", "pro", "con", "tra", "sub") for b in ("tend", "port", "ject", "struct", "duce", "scribe")]
    state, out, size = 12345, [], 0
    while size < 4 << 20:
        state = (state * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        word = stems[(state >> 33) % len(stems)] + ("ing", "ed", "s", "ion", "", "", "", "er")[state >> 60 & 7]
        word += str(state >> 50 & 255) if state >> 40 & 7 == 0 else ""
        out.append(word + ("\n" if state >> 20 & 15 == 0 else " "))
        size += len(out[-1])
    return "".join(out).encode()


def write_data(guest, folder):
    """What the programs are given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text").write_bytes(text())
    (folder / "work.sql").write_text(SQL, encoding="ascii")
    (folder / "work.py").write_text(PYTHON, encoding="ascii")
    for name in SOURCES:
        source = programs.HERE / f"programs/{name}.c"
        subprocess.run([*programs.freestanding(guest), f"-I{programs.HERE / 'rt'}", "-E", "-P", "-o", folder / f"{name}.i", source], check=True)


def fetch(guest, arch):
    command = [system.TOP / "tools/fetch-deb", "--depends", SUITE, arch, *PACKAGES, COMPILER.format(triple=guest.triple)]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if out.returncode:
        raise Skipped(f"there are no packages of Debian {SUITE} for {arch}")
    return out.stdout.split()


def members(debs):
    """(entry, its bytes) of everything in the packages that programs need to run."""
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as unpack:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as tar:
                for entry in tar:
                    entry.name = entry.name.removeprefix("./").rstrip("/")
                    if entry.name.startswith("usr/") and not UNWANTED.match(entry.name):
                        yield entry, tar.extractfile(entry).read() if entry.isfile() else b""
        if unpack.returncode:
            raise measure.Failed(f"{deb}: dpkg-deb failed")


class Tree:
    """Names of what was unpacked, so that the compiler is found."""

    def __init__(self, guest):
        self.arch, self.names = guest, {"usr"}

    def words(self, command):
        """The path of the program below the root first."""
        words = [w for word in command for w in (self.arch.march if word == "{march}" else [word])]
        if words[0] == "{cc1}":
            words[0] = next(n for n in self.names if re.fullmatch(rf"usr/libexec/gcc[^/]*/{self.arch.triple}/\d+/cc1", n))
        return words


class GuestTree(Tree):
    """An initramfs of the packages, the data and the jobs."""

    def __init__(self, guest, folder, data):
        super().__init__(guest)
        self.cpio, self.initrd = system.archive(), folder / "real.cpio"
        self.cpio.add("usr", 0o040755)
        for entry, content in members(fetch(guest, guest.name)):
            self.add(entry, content)
        for name in ("bin", "lib"):
            self.cpio.add(name, 0o120777, f"usr/{name}".encode())
        self.cpio.add("data", 0o040755)
        for file in sorted(data.iterdir()):
            self.cpio.add(f"data/{file.name}", 0o100644, file.read_bytes())
        self.cpio.add("jobs", 0o100644, self.jobs().encode())
        self.cpio.add("init", 0o100755, programs.build_real_init(guest, folder).read_bytes())
        self.initrd.write_bytes(self.cpio.finish())

    def add(self, entry, content):
        if entry.name in self.names:
            return
        self.names.add(entry.name)
        if entry.isdir():
            self.cpio.add(entry.name, 0o040755)
        elif entry.issym():
            self.cpio.add(entry.name, 0o120777, entry.linkname.encode())
        elif entry.isfile():
            self.cpio.add(entry.name, 0o100000 | entry.mode, content)

    def jobs(self):
        lines = [f"set {name}={value}" for name, value in SETTINGS.items()]
        for job in JOBS:
            lines += [f"job {job.name}", *(" ".join(self.line(c)) for c in job.commands), "end"]
        return "\n".join(lines) + "\n"

    def line(self, command):
        program, *rest = self.words(command)
        return ["/" + program, *rest]


class HostTree(Tree):
    """A folder of the packages for an architecture; the host's, if none is named."""

    def __init__(self, guest, folder, data, arch=None):
        super().__init__(guest)
        self.data, self.root = data, folder / f"real-root{'-' + arch if arch else ''}"
        shutil.rmtree(self.root, ignore_errors=True)
        for entry, content in members(fetch(guest, arch or NATIVE_ARCH[platform.machine()])):
            self.add(entry, content)
        self.libraries = next((self.root / "usr/lib").glob("*-linux-gnu"))
        self.loader = next(self.libraries.glob("ld-linux*.so.*"))

    def add(self, entry, content):
        path = self.root / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.issym() and not path.is_symlink():
            path.symlink_to(entry.linkname)
        elif entry.isfile():
            path.write_bytes(content)
            path.chmod(entry.mode | 0o600)
        self.names.add(entry.name)

    def env(self):
        return os.environ | SETTINGS | {"PYTHONHOME": str(self.root / "usr")}

    def argv(self, command):
        program, *rest = self.words(command)
        return [self.loader, "--library-path", self.libraries, self.root / program, *rest]

    def run(self, job):
        """CPU seconds and the check value."""
        cpu, crc = 0, 0
        for command in job.commands:
            cost, output = measure.run_raw(self.argv(command), cwd=self.data, env=self.env())
            cpu, crc = cpu + cost, zlib.crc32(output, crc)
        return cpu, f"{crc:x}"


class Work:
    def __init__(self, guest, emulators, folder):
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise Skipped("real programs come from Debian's archive, which needs apt-get and dpkg-deb")
        self.emulators, self.wrong = [e for e in emulators if e.name != "tier0"], []
        data = folder / "real-data"
        write_data(guest, data)
        self.guest = GuestTree(guest, folder, data)
        self.host = HostTree(guest, folder, data) if platform.machine() in NATIVE_ARCH else None
        self.image, self.console = system.kernel_image(guest), guest.console
        self.found = {job.name: report.Row("real", job.name, "CPU s", timed=True) for job in JOBS}

    def on_host(self):
        checks = {}
        for job in JOBS if self.host else ():
            cpu, checks[job.name] = self.host.run(job)
            self.found[job.name].add("native", cpu)
        return checks

    def in_guest(self, emulator):
        argv = emulator.kernel(self.image, self.guest.initrd, f"console={self.console} quiet")
        with measure.Running(argv, "bench ") as running:
            for job in JOBS:
                begin, _ = running.wait(f"bench {job.name} go\r\n")
                end, _ = running.wait(f"bench {job.name} done\r\n")
                self.found[job.name].add(emulator.name, end - begin)
            running.wait("bench end\r\n")
            output = running.seen.decode(errors="replace").replace("\r", "")
        self.wrong += [f"{emulator.name}: {line}" for line in re.findall(r"(?m)^.*: failed, status.*$", output)]
        return dict(re.findall(r"(?m)^check (\S+) (\w+)$", output))

    def run(self, rounds, budget):
        begin = time.monotonic()
        for number in range(rounds):
            if number and (time.monotonic() - begin) * (number + 1) / number > budget:
                break
            measure.say(f"real programs, round {number + 1}")
            everybody = {"native": self.on_host()} if self.host else {}
            for emulator in self.emulators[:: 1 - number % 2 * 2]:
                everybody[emulator.name] = self.in_guest(emulator)
            right = next(iter(everybody.values()))
            self.wrong += [f"{name} on {who}: check value {checks.get(name)}, not {right.get(name)}"
                           for who, checks in everybody.items() for name in self.found if checks.get(name) != right.get(name)]

    def rows(self):
        return list(self.found.values())
