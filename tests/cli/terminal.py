#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command on a terminal: escape keys, raw mode and the way back from it on every way out, signals, sizes; pipes that are full or closed.

    terminal.py VM [CASE...]
"""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import bare  # noqa: E402
from vmrun import LIMIT_S, Failed, Skipped, cases_of, guest_files, main  # noqa: E402


def start(rig, program, *args, ready="on", **options):
    """A bare program on a terminal; returns the machine and what the terminal was set to before."""
    path = rig.file("program.elf", bare.elf(program))
    vm = rig.start("run", "--bios", "none", "--memory", "16M", *args, path, **({"tty": True} | options))
    if ready:
        vm.expect(f"{ready}$")
    return vm


def restored(vm, code, why):
    """The process ended so, and its terminal is as the rig made it: not raw, and equal in all that termios has."""
    vm.wait(code)
    if vm.is_raw():
        raise Failed(f"{why} leaves the terminal raw")
    if vm.attributes() != vm.before:
        raise Failed(f"{why} changes the terminal: {vm.before} before, {vm.attributes()} after")


def on_terminal(rig, program, *args, **options):
    """Like start(); remembers the terminal's settings from before, and waits for raw mode."""
    def remember(slave):
        """Settings that no default has, so that a restored default is seen."""
        subprocess.run(["stty", "erase", "^X", "-echoke", "tostop"], stdin=slave, check=True)

    vm = start(rig, program, *args, ready=None, prepare=remember, **options)
    vm.until("raw mode", vm.is_raw)
    vm.expect("on$")
    return vm


def case_escape_keys(rig):
    vm = on_terminal(rig, bare.echo())
    vm.send("abc")
    vm.expect("bcd")
    yield "what is typed arrives"
    vm.send("\1\1")
    vm.expect("\2")
    yield "Ctrl-A Ctrl-A sends one"
    vm.send("\1h")
    vm.expect("Ctrl-A x.*\n.*Ctrl-A p.*\n.*Ctrl-A h.*\n.*Ctrl-A Ctrl-A")
    yield "Ctrl-A h helps"
    vm.send("\1p")
    vm.expect("board virt for riscv64 has no power button")
    yield "Ctrl-A p says that this board has no power button"
    vm.send("\1zk")
    vm.expect("no such command")
    vm.expect("l")
    yield "other keys say so and are not the guest's"
    vm.send("\3\4\x1a\x1c\x11\x13\r")
    vm.expect("\4\5\x1b?")
    if vm.process.poll() is not None:
        raise Failed("a control character ended it")
    vm.send("k")
    vm.expect("l")
    yield "Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-\\, Ctrl-Q, Ctrl-S are the guest's"
    vm.send("\1x")
    restored(vm, 0, "Ctrl-A x")
    yield "Ctrl-A x ends it with 0, the terminal restored"


def case_other_escape(rig):
    vm = on_terminal(rig, bare.echo(), "--escape", "ctrl-t")
    vm.send("\1x")
    vm.expect("\2y")
    vm.send("\x14h")
    vm.expect("Ctrl-T x")
    vm.send("\x14x")
    restored(vm, 0, "Ctrl-T x")
    yield "--escape ctrl-t"
    vm = on_terminal(rig, bare.echo(), "--escape=none")
    vm.send("\1x")
    vm.expect("\2y")
    vm.send("Q")
    restored(vm, 0, "the guest's power-off")
    yield "--escape=none"


def case_piped_input(rig):
    vm = start(rig, bare.echo(), tty=False)
    vm.send("\1x")
    vm.expect("\2y")
    vm.send("Q")
    vm.wait(0)
    yield "a pipe's bytes are the guest's, Ctrl-A as well"
    vm = start(rig, bare.echo(), tty=False)
    vm.process.stdin.write(b"ab")
    vm.process.stdin.close()
    vm.writer = None
    vm.expect("bc")
    vm.quiet(0.3)
    if vm.process.poll() is not None:
        raise Failed("the end of the input ended the machine")
    vm.process.send_signal(signal.SIGTERM)
    vm.wait(128 + signal.SIGTERM)
    yield "the end of the input is not the end of the machine"


def case_ends_of_the_guest(rig):
    for text, program, code in (("power-off", bare.finish(bare.PASS), 0), ("failure", bare.finish(3 << 16 | bare.FAIL), 1),
                                ("unhandled trap", [bare.ILLEGAL], 11)):
        vm = on_terminal(rig, [*bare.say("on\n"), *bare.get(), *program])
        vm.send("x")
        restored(vm, code, text)
        yield f"{text}: the terminal is restored"


def case_signals(rig):
    # Those that ask are answered by an exit code, those that kill keep their own status.
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, -signal.SIGQUIT),
                         (signal.SIGABRT, -signal.SIGABRT), (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGUSR1, -signal.SIGUSR1),
                         (signal.SIGALRM, -signal.SIGALRM)):
        for busy in (False, True):
            vm = on_terminal(rig, [*bare.say("on\n"), "stop", bare.jump("stop")] if busy else bare.idle())
            vm.process.send_signal(number)
            restored(vm, code, number.name)
        yield f"{number.name} ends it ({code}), the terminal restored"


def case_several_signals(rig):
    vm = on_terminal(rig, bare.idle())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGINT):
        if vm.process.poll() is None:
            vm.process.send_signal(number)
    if vm.end() not in (129, 130, 143):  # the kernel delivers those that are pending in an order of its own
        raise Failed(f"it ended with {vm.process.returncode}")
    if vm.attributes() != vm.before:
        raise Failed("the terminal is not restored")
    yield "many at once"
    errors, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(full, bytes(4096)):
            pass
    os.set_blocking(full, True)
    vm = on_terminal(rig, bare.idle(), "--stats=json", stderr=full)
    os.close(full)
    vm.process.send_signal(signal.SIGINT)
    vm.until("restored", lambda: not vm.is_raw())  # and waits to write its counters
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGWINCH, signal.SIGPIPE, signal.SIGTERM):
        vm.process.send_signal(number)
    with open(errors, "rb") as reader:
        said = reader.read()
    vm.wait(130)
    if not said.endswith(b"}\n"):
        raise Failed(f"no counters: {said[-200:]!r}")
    yield "those behind the first one change nothing about the end"
    path = rig.file("program.elf", bare.elf(bare.idle()))
    for _ in range(20):
        vm = rig.start("run", "--bios", "none", "--memory", "16M", path)
        while vm.process.poll() is None and not caught(vm) >> signal.SIGTERM - 1 & 1:
            pass
        vm.process.send_signal(signal.SIGTERM)
        vm.wait(143)
        if vm.stderr():
            raise Failed(f"vm complains: {vm.stderr()}")
    yield "one before the machine has started"


def case_ignored_signals(rig):
    """What was ignored before stays so: nohup, and shells for what runs in the background."""
    def ignore():
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    vm = start(rig, bare.echo(), tty=False, preexec_fn=ignore)
    for number in (signal.SIGHUP, signal.SIGINT):
        vm.process.send_signal(number)
        vm.send("a")
        vm.expect("b")
    vm.process.send_signal(signal.SIGTERM)
    vm.wait(143)


def caught(vm):
    """The signals that the process has handlers for."""
    return int(re.search(r"^SigCgt:\s+([0-9a-f]+)$", pathlib.Path(f"/proc/{vm.process.pid}/status").read_text(encoding="ascii"), re.M)[1], 16)


def case_stop_and_continue(rig):
    vm = on_terminal(rig, bare.echo(), leader=False)
    for _ in range(2):
        vm.process.send_signal(signal.SIGTSTP)
        vm.until("stopped", lambda: process_state(vm) == "T")
        if vm.attributes() != vm.before:
            raise Failed("a stopped vm leaves the terminal raw")
        vm.process.send_signal(signal.SIGCONT)
        vm.until("raw mode again", vm.is_raw)
        vm.send("a")
        vm.expect("b")
    vm.send("\1x")
    restored(vm, 0, "Ctrl-A x")
    yield "SIGTSTP stops it and gives the terminal back, SIGCONT takes it again"
    vm = on_terminal(rig, bare.echo())
    vm.process.send_signal(signal.SIGTSTP)
    time.sleep(0.3)
    vm.until("raw mode", vm.is_raw)
    vm.send("a")
    vm.expect("b")
    vm.send("\1x")
    restored(vm, 0, "Ctrl-A x")
    yield "where nobody could continue it, SIGTSTP does nothing"


def process_state(vm):
    return pathlib.Path(f"/proc/{vm.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]


def case_hang_up(rig):
    """The terminal goes away, as when its window is closed."""
    vm = on_terminal(rig, bare.echo())
    vm.hang_up()
    vm.wait(128 + signal.SIGHUP)


def case_terminal_size(rig):
    """A virtio console tells the guest the terminal's size, from the start and after SIGWINCH."""
    kernel, initrd, _ = guest_files()
    vm = rig.start("run", "--kernel", kernel, "--initrd", initrd, "--append", "console=hvc0", "--console", "virtio", "--memory", "256M",
                   tty=True, size=(31, 97))
    vm.expect("^~ # ")
    vm.shell("dmesg -n 1")
    if vm.shell("stty size").split() != ["31", "97"]:
        raise Failed("the guest does not know the size of the terminal")
    yield "the size at the start"
    vm.resize(40, 120)
    vm.shell("for i in $(seq 200); do stty size | grep -q '^40 120$' && break; sleep 0.5; done; stty size | grep '^40 120$'")
    yield "the size after a change"
    vm.send("poweroff -f\n")
    vm.wait(0)
    yield "the kernel's power-off"


def rests(vm):
    """Waits until it uses little CPU time while nobody reads: it may take a moment to fill what there is to fill."""
    end, used = time.monotonic() + LIMIT_S, 1
    while used > 0.3:
        if time.monotonic() > end:
            raise Failed(f"waiting for the reader takes {used:.2f} s of CPU time each second")
        before = vm.cpu_seconds()
        time.sleep(1)
        used = vm.cpu_seconds() - before


def ends_unread(vm, code):
    try:
        vm.process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Failed("it does not end while nobody reads") from None
    if vm.process.returncode != code:
        raise Failed(f"it ended with {vm.process.returncode}, not {code}")


def case_full_pipe(rig):
    """Nobody reads the output: the guest waits, and the machine can still be ended."""
    vm = start(rig, bare.flood(), tty=False, ready=None)
    vm.until("some output", lambda: vm.text)
    rests(vm)
    yield "a guest that writes into a full pipe waits"
    vm.process.send_signal(signal.SIGTERM)
    ends_unread(vm, 143)
    yield "SIGTERM ends it"
    vm = start(rig, bare.flood(), ready=None)
    vm.until("some output", lambda: vm.text)
    rests(vm)
    os.write(vm.writer, b"\1x")
    ends_unread(vm, 0)
    yield "Ctrl-A x ends it on a terminal that nobody reads"


def case_closed_pipe(rig):
    """The reader goes away: the guest runs on, as it would with no screen."""
    path = rig.file("p.elf", bare.elf([*bare.say("on\n"), *bare.get(), *bare.say("lost"), *bare.finish(7 << 16 | bare.FAIL)]))
    vm = rig.start("run", "--bios", "none", "--exit-from-guest", path)
    vm.expect("^on$")
    vm.process.stdout.close()
    vm.ended = True
    vm.send("x")
    vm.wait(7)


def case_closed_descriptors(rig):
    """Started with descriptors closed: none of them may become a disk, and nothing written to them may land in one."""
    disk = rig.file("disk.img", size=1 << 20)
    path = rig.file("p.elf", bare.elf([*bare.say("on\n"), *bare.finish(7 << 16 | bare.FAIL)]))
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-"):
        done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", rig.vm, "run", "--bios", "none", "--memory", "16M", "--exit-from-guest", "--disk", disk,
                               path], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False)
        if done.returncode != 7:
            raise Failed(f"{closed}: ended with {done.returncode}: {done.stderr!r}")
        if done.stdout != (b"" if "1" in closed else b"on\n") or done.stderr:
            raise Failed(f"{closed}: {done.stdout!r}, {done.stderr!r}")
        if any(disk.read_bytes()):
            raise Failed(f"{closed}: the console was written to the disk")
        yield f"vm run {closed}"


def case_full_device(rig):
    """Text that cannot be written is an error, except the guest's console."""
    if not pathlib.Path("/dev/full").exists():
        raise Skipped("there is no /dev/full")
    for args in (["help"], ["version"], ["version", "--json"], ["doctor"], ["completion", "bash"], ["man"], ["--version"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([rig.vm, *args], stdout=full, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
        if done.returncode != 1 or done.stderr.count(b"\n") != 1:
            raise Failed(f"vm {' '.join(args)} >/dev/full: {done.returncode}, {done.stderr!r}")
    yield "verbs that print"
    path = rig.file("p.elf", bare.elf([*bare.say("on\n"), *bare.finish(bare.PASS)]))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([rig.vm, "run", "--bios", "none", path], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=LIMIT_S,
                              check=False)
    if done.returncode:
        raise Failed(f"vm run >/dev/full: {done.returncode}, {done.stderr!r}")
    yield "a guest's console"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
