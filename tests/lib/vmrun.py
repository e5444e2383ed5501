# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the command `vm` as a user does and judges what it says; used by tests/boot, tests/cli and tools/test-rootfs.

A test is a script that hands its cases to main(). A case is a function of a Rig; every step that it yields is a point of TAP, and one
that yields nothing is one point. Failed ends the case, Skipped tells why it cannot be done here; the tail of every console that the
case opened is printed then. Consoles are pipes, or a pseudo terminal with tty=True.
"""
import codecs
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import secrets
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
PROMPT = r"^[~/][^\n]*# \Z"
LIMIT_S = 600  # for one wait: a machine that does other things meanwhile is slow, and that is no failure
TAIL_LINES = 60
CONSOLES = {"riscv64": "ttyS0", "arm64": "ttyAMA0"}  # what kernels of each guest call the board's serial port
MODE = os.environ.get("VM_TEST_MODE")  # --mode of every machine whose test does not choose one
# What terminals obey and nobody reads; shells also ask where the cursor is. Names of services hide between such sequences.
UNSEEN = re.compile(r"\r|\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0-9A-B]?)")
UNFINISHED = re.compile(r"\x1b[^A-Za-z\x07]*\Z")


class Failed(Exception):
    """What was promised did not happen."""


class Skipped(Exception):
    """This host lacks something that the case needs."""


class Machine:
    """A running `vm`. expect() waits for text on its console, send() types, wait() looks at its end."""

    def __init__(self, vm, *args, tty=False, size=(24, 80), prepare=None, leader=True, **popen):
        self.errors = tempfile.TemporaryFile()
        self.slave = self.before = None
        argv = [str(vm), *map(str, args)]
        if MODE and argv[1:2] == ["run"] and not any(a.startswith("--mode") for a in argv):
            argv += ["--mode", MODE]
        popen.setdefault("stderr", self.errors)
        if tty:
            self.reader, self.slave = pty.openpty()
            self.resize(*size, tell=False)
            if prepare:
                prepare(self.slave)
            self.before = self.attributes()
            self.writer = self.reader
            # The terminal's owner, as a shell's only job; or a job of ours, which can be stopped and goes on.
            group = {"start_new_session": True, "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)} if leader else {"process_group": 0}
            self.process = subprocess.Popen(argv, **({"stdin": self.slave, "stdout": self.slave} | group | popen))
        else:
            # A group of its own: it is killed whole if a step fails.
            self.process = subprocess.Popen(argv, **({"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | popen), start_new_session=True)
            self.reader = self.process.stdout.fileno() if self.process.stdout else None
            self.writer = self.process.stdin.fileno() if self.process.stdin else None
        self.raw, self.rest, self.text, self.at, self.ended = bytearray(), "", "", 0, False
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may come in two reads
        self.selector = selectors.DefaultSelector()
        if self.reader is not None:
            self.selector.register(self.reader, selectors.EVENT_READ)

    def read(self, seconds):
        """Takes what comes next into self.text; False: nothing will come any more, None: nothing came in time."""
        if self.ended or self.reader is None:
            return False
        if not self.selector.select(max(0, seconds)):
            # A terminal that this process holds open as well has no end; the process has.
            return None if self.slave is None or self.process.poll() is None else False
        try:
            data = os.read(self.reader, 65536)
        except OSError:
            data = b""
        self.ended = not data
        self.raw += data
        text = self.rest + self.decoder.decode(data, final=self.ended)
        cut = UNFINISHED.search(text[-64:])
        self.rest = cut[0] if cut else ""
        self.text += UNSEEN.sub("", text[:len(text) - len(self.rest)])
        return bool(data)

    def expect(self, pattern, seconds=LIMIT_S):
        """Waits for a regular expression behind what was found last."""
        search, end = re.compile(pattern, re.M), time.monotonic() + seconds
        while True:
            match = search.search(self.text, self.at)
            if match:
                self.at = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0:
                raise Failed(f"the console did not say {pattern!r} within {seconds:.0f} s")
            if self.read(min(left, 0.5)) is False:
                raise Failed(f"the console did not say {pattern!r} before it ended")

    def quiet(self, seconds):
        """What comes in that time."""
        end, start = time.monotonic() + seconds, len(self.text)
        while time.monotonic() < end and self.read(end - time.monotonic()) is not False:
            pass
        return self.text[start:]

    def send(self, data):
        data = data.encode() if isinstance(data, str) else data
        while data:
            data = data[os.write(self.writer, data):]

    def shell(self, command, seconds=LIMIT_S, prompt=PROMPT, code=0):
        """Runs a command in the guest's shell; returns what it printed."""
        mark = secrets.token_hex(4)
        self.send(f"{command}; echo {mark[:4]}''{mark[4:]} $?\n")
        start = self.at
        match = self.expect(rf"{mark} (\d+)$", seconds)
        said = self.text[start:match.start()].split("\n", 1)[-1]
        self.expect(prompt, seconds)
        if code is not None and int(match[1]) != code:
            raise Failed(f"{command}: exit code {match[1]}: {said.strip()[-500:]}")
        return said

    def reach_shell(self, seconds=LIMIT_S):
        """Waits for the shell of tools/initramfs; then neither the kernel's messages nor broken lines stand between a command and its answer."""
        self.expect("^~ # ", seconds)
        self.shell("dmesg -n 1; stty cols 999")
        self.shell("true")

    def resize(self, rows, columns, tell=True):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def attributes(self):
        """What the terminal is set to; its speed and characters, too."""
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        return not self.attributes()[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def until(self, what, condition, seconds=LIMIT_S):
        """Waits until a function tells True."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"within {seconds} s: not {what}")
            if self.process.poll() is not None:
                raise Failed(f"vm ended with {self.process.returncode} before: {what}: {self.stderr()}")
            self.read(0.02)

    def hang_up(self):
        """Closes the terminal's other end."""
        self.selector.close()
        os.close(self.slave)
        os.close(self.reader)
        self.slave, self.reader, self.ended = None, None, True

    def cpu_seconds(self):
        """CPU time of the process so far."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def end(self, seconds=LIMIT_S):
        """Waits for the end of the process; returns its exit code, -N after signal N."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if self.read(min(0.2, end - time.monotonic())) is False:
                break
        try:
            code = self.process.wait(max(1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed("vm does not end") from None
        while self.read(0):
            pass
        return code

    def wait(self, code, seconds=LIMIT_S):
        got = self.end(seconds)
        if got != code:
            raise Failed(f"vm ended with {got}, not {code}: {self.stderr().strip()[-300:]}")

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        if self.slave is not None:
            self.hang_up()

    def tail(self):
        lines = self.text.splitlines()[-TAIL_LINES:] + ["stderr: " + line for line in self.stderr().splitlines()[-10:]]
        self.errors.close()
        return [f"{' '.join(map(str, self.process.args))} ({self.process.returncode})", *lines]


class Result:
    """What a command that ended left."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit code {self.code}, {len(self.out)} bytes of output, errors: {self.err.strip()[-400:]!r}"


class Rig:
    """What a case works with: the command, a folder that vanishes, the machines it starts."""

    def __init__(self, vm, folder):
        self.vm, self.folder, self.machines = vm, pathlib.Path(folder), []

    def start(self, *args, **options):
        self.machines.append(Machine(self.vm, *args, **options))
        return self.machines[-1]

    def run(self, *args, seconds=LIMIT_S, **options):
        """Runs the command to its end, without input."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "check": False} | options
        try:
            done = subprocess.run([self.vm, *map(str, args)], timeout=seconds, **options)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"vm {' '.join(map(str, args))} did not end in {seconds} s; errors: {(late.stderr or b'')[-300:]!r}") from None
        return Result(done.returncode, (done.stdout or b"").decode(errors="replace"), (done.stderr or b"").decode(errors="replace"))

    def file(self, name, data=b"", size=None):
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        if size is not None:
            os.truncate(path, size)
        return path

    def close(self):
        for machine in self.machines:
            machine.close()


def guest_files(arch="riscv64"):
    """Paths of Debian's kernel, the small initramfs, and the one with ext4."""
    out = subprocess.run([TOP / "tools/guest-files", arch], capture_output=True, text=True, check=False)
    if out.returncode:
        raise Skipped("no Debian kernel: " + (out.stderr.strip().splitlines() or ["tools/guest-files failed"])[-1])
    return out.stdout.split()


def needs(*paths):
    for path in paths:
        if not path.exists():
            raise Skipped(f"there is no {path} (tools/setup test)")
    return paths[0]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Points:
    """TAP on standard output."""

    def __init__(self):
        self.count, self.failed, self.begin = 0, 0, time.monotonic()

    def put(self, ok, text):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} - {text}", flush=True)
        self.note(f"after {time.monotonic() - self.begin:.1f} s")

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print("# " + line.encode("ascii", "backslashreplace").decode(), flush=True)


def run_case(points, vm, name, case):
    with tempfile.TemporaryDirectory(prefix="vm-test-") as folder:
        rig, steps, bad = Rig(vm, folder), 0, True
        try:
            for step in case(rig) or ():
                points.put(True, f"{name}: {step}")
                steps += 1
            if not steps:
                points.put(True, name)
            bad = False
        except Skipped as why:
            points.put(True, f"{name} # SKIP {why}")
            bad = False
        except (Failed, OSError, subprocess.TimeoutExpired) as why:
            points.put(False, f"{name}: {' '.join(str(why).split())}")
            points.note(why)
        finally:
            rig.close()
        for machine in rig.machines if bad else ():
            for line in machine.tail():
                points.note("| " + line)


def default_signals():
    """Shells start what runs in the background with signals ignored, and programs inherit that."""
    for number in signal.valid_signals():
        if signal.getsignal(number) == signal.SIG_IGN and number not in (signal.SIGPIPE, signal.SIGXFSZ):  # Python's own, not inherited
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def main(doc, cases, summary=False):
    """The body of a test script: `script VM [CASE...]`, cases: functions by name. summary: a last line for people."""
    default_signals()
    names = sys.argv[2:] or list(cases)
    if len(sys.argv) < 2 or sys.argv[1].startswith("-") or not set(names) <= set(cases):
        sys.exit(f"{doc}\ncases: {' '.join(cases)}")
    points = Points()
    for name in names:
        run_case(points, pathlib.Path(sys.argv[1]).resolve(), name, cases[name])
    print(f"1..{points.count}", flush=True)
    if summary:
        print(f"{points.count - points.failed} passed, {points.failed} failed", flush=True)
    return 1 if points.failed else 0


def cases_of(namespace):
    """Functions named case_NAME, in the order in which they stand."""
    return {name[5:]: function for name, function in namespace.items() if name.startswith("case_")}
