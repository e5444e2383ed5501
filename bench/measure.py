# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a process and says what it cost: CPU seconds of user and kernel as the kernel has them when it has ended, wall seconds, memory."""
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

LIMIT_S = 300  # for one process
SLEEP_S = 0.06  # of a bare program after each mark (rt/guest.c)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Cost(NamedTuple):
    cpu: float  # seconds
    wall: float
    peak: int  # bytes resident
    code: int
    output: str


class Failed(Exception):
    pass


def start(argv):
    return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def reap(process):
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def kill(process):
    """Popen.kill() might reap it, and with it what it cost."""
    if process.returncode is None:
        os.kill(process.pid, signal.SIGKILL)


def run(argv):
    """To its end; one that does not end, or fails, is an error."""
    begin = time.monotonic()
    process = start(argv)
    timer = threading.Timer(LIMIT_S, kill, [process])
    timer.start()
    output = process.stdout.read().decode(errors="replace").replace("\r", "")
    usage = reap(process)
    timer.cancel()
    process.stdout.close()
    cost = Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss * 1024, process.returncode, output)
    if cost.code:
        raise Failed(f"{argv[0]} ended with {cost.code}: {output.strip()[-300:]}")
    return cost


def run_raw(argv, cwd, env):
    """CPU seconds and the bytes of its output."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=cwd, env=env) as process:
        timer = threading.Timer(LIMIT_S, kill, [process])
        timer.start()
        output = process.stdout.read()
        usage = reap(process)
        timer.cancel()
    if process.returncode:
        raise Failed(f"{' '.join(str(a) for a in argv)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, output


class Running:
    """A process that goes on after the mark is on its output; leaving the `with` kills it."""

    def __init__(self, argv, mark, every=None):
        """every: called about four times a second until the mark comes."""
        self.begin = time.monotonic()
        self.process = start(argv)
        self.seen = b""
        try:
            self.cpu_at_mark, self.wall_at_mark = self.wait(mark, every)
        except BaseException:
            self.close()
            raise

    def wait(self, mark, every=None):
        """CPU and wall seconds from the process's start to the mark."""
        self.wait_bytes(mark.encode(), time.monotonic() + LIMIT_S, every)
        wall = time.monotonic() - self.begin
        return self.cpu(), wall

    def wait_bytes(self, mark, end, every):
        selector = selectors.DefaultSelector()
        selector.register(self.process.stdout, selectors.EVENT_READ)
        while mark not in self.seen:
            if time.monotonic() > end:
                raise Failed(f"{self.process.args[0]} does not say {mark.decode().strip()}: {self.seen[-300:].decode(errors='replace')}")
            if every and self.seen:
                every(self)
            if selector.select(0.25):
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    raise Failed(f"{self.process.args[0]} ended early: {self.seen[-300:].decode(errors='replace')}")
                self.seen += data

    def cpu(self):
        """CPU seconds so far, all threads (Linux: the process's own clock has this number)."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def resident(self):
        """Bytes resident, the guest's memory included; shared pages count by their share."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
            return int(re.search(r"(?m)^Pss: +(\d+) kB", file.read())[1]) * 1024

    def own_memory(self, guest_memory):
        """Bytes resident that are not the guest's memory, which is the mapping of exactly its size; shared pages count by their share."""
        total = 0
        with open(f"/proc/{self.process.pid}/smaps", encoding="ascii", errors="replace") as file:
            for mapping in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", file.read()):
                sizes = dict(re.findall(r"(?m)^(\w+): +(\d+) kB", mapping))
                if sizes and int(sizes["Size"]) * 1024 != guest_memory:
                    total += int(sizes["Pss"])
        return total * 1024

    def close(self):
        kill(self.process)
        reap(self.process)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run_bare(argv):
    """A bare program's work: what happens between the marks that it prints, without the sleep that follows the first."""
    with Running(argv, "go\n") as running:
        cpu, wall = running.wait("done\n")
        output = running.seen.decode(errors="replace").replace("\r", "")
        return Cost(cpu - running.cpu_at_mark, max(wall - running.wall_at_mark - SLEEP_S, 0), 0, 0, output)
