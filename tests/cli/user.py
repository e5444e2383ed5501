#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs of another architecture as processes: options, roots, environment, what is refused, the vDSO, counters, binfmt_misc, gdb.

    user.py VM [CASE...]
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import bare  # noqa: E402
from vmrun import LIMIT_S, TOP, Failed, Skipped, cases_of, main  # noqa: E402

CC, LIBRARIES = "riscv64-linux-gnu-gcc", pathlib.Path("/usr/riscv64-linux-gnu")
ECALL, A7, CODE = 0x73, 17, 42
SHOW = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
    char cwd[4096];
    for (int i = 0; i < argc; i++)
        printf("arg %s\n", argv[i]);
    for (char **e = environ; *e; e++)
        printf("env %s\n", *e);
    printf("cwd %s\nuid %d gid %d\n", getcwd(cwd, sizeof cwd), getuid(), getgid());
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '/')
            printf("%s %s\n", argv[i], access(argv[i], F_OK) ? "no" : "yes");
    fflush(stdout);
    if (argc > 2 && argv[1][0] == '=') {
        execl(argv[2], argv[2], "child", NULL);
        return 99;
    }
    return 7;
}
"""
VDSO = r"""
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
typedef int clock_fn(clockid_t, struct timespec *);
static void handler(int signal)
{
    void *frames[32];
    write(1, "frames\n", 7);
    backtrace_symbols_fd(frames, backtrace(frames, 32), 1);
    _exit(0);
}
volatile int *nowhere;
__attribute__((noinline)) void leaf(void) { *nowhere = 1; }
__attribute__((noinline)) void middle(void) { leaf(); __asm__ volatile(""); }
int main(void)
{
    struct timespec a, b, c;
    struct { long key; unsigned long value; } pairs[] = {{3, 0}, {4, 0}, {99, 5}};
    void *warm[2];
    backtrace(warm, 2);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a);
    clock_gettime(CLOCK_MONOTONIC, &b);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &c);
    long long ns[] = {a.tv_sec * 1000000000ll + a.tv_nsec, b.tv_sec * 1000000000ll + b.tv_nsec, c.tv_sec * 1000000000ll + c.tv_nsec};
    const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
    printf("ordered %d elf %d\n", ns[0] <= ns[1] && ns[1] <= ns[2], image && !memcmp(image, "\177ELF", 4));
    long r = syscall(258, pairs, 3, 0, NULL, 0);
    printf("hwprobe %ld %ld=%lx %ld=%lx %ld=%lx\n", r, pairs[0].key, pairs[0].value, pairs[1].key, pairs[1].value, pairs[2].key, pairs[2].value);
    printf("flags %d\n", (int)syscall(258, pairs, 3, 0, NULL, 8));
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[300];
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "[vdso]"))
            printf("maps %d\n", strtoul(line, NULL, 16) == (unsigned long)image);
    fflush(stdout);
    signal(SIGSEGV, handler);
    middle();
}
"""


def ending(code=CODE):
    """The smallest program: it ends with a code."""
    return bare.elf([*bare.li(bare.A0, code), *bare.li(A7, 93), ECALL], at=0x10078)  # its place in the page is that in the file


def needing(loader):
    """A program of nothing but headers that names its loader."""
    head = bytearray(ending())
    head[32:40], head[56] = struct.pack("<Q", 64), 2
    return bytes(head[:120]) + struct.pack("<IIQQQQQQ", 3, 4, 176, 0, 0, len(loader) + 1, len(loader) + 1, 1) + loader.encode() + b"\0"


def executable(rig, name, data):
    path = rig.file(name, data)
    path.chmod(0o755)
    return path


def compiled(rig, name, source, *flags):
    if not shutil.which(CC):
        raise Skipped(f"there is no {CC}")
    path = rig.folder / name
    done = subprocess.run([CC, "-O1", "-x", "c", "-", "-o", path, *flags], input=source.encode(), capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"{CC}: {done.stderr.decode()[-300:]}")
    return path


def user(rig, *args, code=7, **options):
    result = rig.run("user", *args, **options)
    if result.code != code:
        raise Failed(f"vm user {' '.join(map(str, args))}: {code} expected: {result}")
    return result.out


def refused(rig, *args, code, says, **options):
    result = rig.run("user", *args, **options)
    if result.code != code or result.out or not re.fullmatch(r"vm user: [^\n]{3,400}\n", result.err) or not re.search(says, result.err):
        raise Failed(f"vm user {' '.join(map(str, args))}: {code} and one line with {says!r} expected: {result}")


def wants(text, *lines):
    for line in lines:
        if line not in text.split("\n"):
            raise Failed(f"{line!r} is not in {text!r}")


def case_exit(rig):
    user(rig, executable(rig, "ends", ending()), code=CODE)
    user(rig, "ends", code=CODE, env=os.environ | {"PATH": f"/nowhere::{rig.folder}"})
    user(rig, "ends", code=CODE, env=os.environ | {"PATH": "/nowhere:"}, cwd=rig.folder)
    yield "a program by its path, from PATH, from PATH's empty part"
    executable(rig, "script", f"#!{rig.folder}/ends x\n")
    user(rig, rig.folder / "script", code=CODE)
    yield "a script"


def case_refused(rig):
    path = executable(rig, "ends", ending())
    refused(rig, code=2, says="which program")
    refused(rig, "--nothing", path, code=2, says="no option '--nothing'")
    refused(rig, "--mode", "fast", path, code=2, says="--mode does not take 'fast'")
    refused(rig, "--mode", code=2, says="needs a value: interpreter")
    refused(rig, "--clear-env=1", path, code=2, says="takes no value")
    refused(rig, "--strace=/nowhere/file", path, code=4, says="cannot write the system calls")
    refused(rig, "--log=loud", path, code=2, says="--log does not take")
    refused(rig, "--env", "=x", path, code=2, says="--env")
    refused(rig, "--uid", "x", path, code=2, says="--uid")
    refused(rig, "--bind", "/tmp", path, code=2, says="--root")
    yield "wrong options"
    refused(rig, "no-such-program", code=4, says="no program 'no-such-program' in PATH")
    refused(rig, rig.folder / "missing", code=4, says="missing: No such file")
    refused(rig, rig.folder, code=3, says="is a folder|Is a directory")
    refused(rig, rig.file("plain", ending()), code=6, says="not executable.*chmod")
    refused(rig, executable(rig, "empty", b""), code=3, says="neither an ELF program nor a script")
    refused(rig, executable(rig, "arm", bare.elf([ECALL], machine=22)), code=3, says="a program for s390")
    if os.uname().machine == "x86_64":
        refused(rig, sys.executable, code=3, says="of this host.*--root")
    yield "what cannot be run"
    refused(rig, executable(rig, "dynamic", needing("/lib/no-such-loader.so")), code=4,
            says="no-such-loader.so, which is not here.*--root.*--sysroot.*libc6-riscv64-cross")
    yield "a loader that is missing"


def case_environment(rig):
    show = compiled(rig, "show", SHOW, "-static")
    text = user(rig, "--env", "A=1", "--env=B=x=y", "--unset-env", "GONE", "--argv0", "other", "--chdir", rig.folder, "--", show, "-x",
                env={"GONE": "1", "KEPT": "2", "PATH": "/bin"})
    wants(text, "env A=1", "env B=x=y", "env KEPT=2", "arg other", "arg -x", f"cwd {rig.folder.resolve()}")
    if "GONE" in text:
        raise Failed(f"--unset-env: {text}")
    text = user(rig, "--clear-env", "--env", "A=1", show)
    if re.findall(r"^env (.*)", text, re.M) != ["A=1"]:
        raise Failed(f"--clear-env: {text}")
    yield "--env, --unset-env, --clear-env, --argv0, --chdir"
    wants(user(rig, "--argv0", "first", show, "=", show), "arg first", f"arg {show}", "arg child")
    lost = executable(rig, "lost", needing("/lib/no-such-loader.so"))
    user(rig, show, "=", lost, code=99)
    yield "a child has its own name; one without a loader cannot be started"


def root_of(rig, *programs):
    root = rig.folder / "root"
    for name in ("bin", "proc", "dev", "mnt", "tmp"):
        (root / name).mkdir(parents=True)
    for program in programs:
        shutil.copy(program, root / "bin")
    rig.folder.chmod(0o755)
    return root


def case_root(rig):
    show = compiled(rig, "show", SHOW, "-static")
    root = root_of(rig, show)
    if rig.run("user", "--root", root, "/bin/show").code != 7:
        raise Skipped("neither root nor user namespaces")
    text = user(rig, "--root", root, "/bin/show", "=", "/bin/show", "/proc/self/exe", "/usr", "/dev/null", "/etc")
    wants(text, "cwd /", "/proc/self/exe yes", "/usr no", "/dev/null yes", "/etc no", "arg child")
    wants(user(rig, "--root", root, "show", env={"PATH": "/bin"}), "arg show")
    yield "a program and its child in another root"
    (root / "proc").rmdir()
    wants(user(rig, "--root", root, "/bin/show", "=", "/bin/show"), "arg child")
    yield "a root without /proc"
    rig.file("inside")
    wants(user(rig, "--root", root, "--bind", f"{rig.folder}:/mnt", "--chdir", "/mnt", "/bin/show", "/mnt/inside"), "cwd /mnt", "/mnt/inside yes")
    refused(rig, "--root", root, "--bind", f"{rig.folder}:/none", "/bin/show", code=4, says="--bind")
    refused(rig, "--root", rig.folder / "none", "/bin/show", code=4, says="--root")
    refused(rig, "--root", rig.folder / "inside", "/bin/show", code=3, says="not a folder")
    yield "--bind, --chdir, and what is not there"
    (root / "dev").rmdir()
    (root / "dev").symlink_to("/")  # out of it, if links were followed from here
    wants(user(rig, "--root", root, "/bin/show", "/dev/null", "/dev/bin/show"), "/dev/null no", "/dev/bin/show yes")
    yield "links of the root stay in it"
    wants(user(rig, "--root", root, "--uid", 0, "--gid", 0, "/bin/show"), "uid 0 gid 0")
    yield "--uid, --gid"
    if os.getuid():
        return
    wants(user(rig, "--root", root, "--uid", 65534, "--gid", 65533, "/bin/show"), "uid 65534 gid 65533")
    for name in ("vm", "vm-user"):
        shutil.copy(rig.vm.with_name(name), rig.folder)
    done = subprocess.run([rig.folder / "vm", "user", "--root", root, "/bin/show", "=", "/bin/show"], user=65534, group=65534, extra_groups=[],
                          capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 7 and "user namespaces" in done.stderr:
        raise Skipped("no user namespaces for ordinary users")
    wants(done.stdout, "uid 65534 gid 65534", "arg child")
    yield "as an ordinary user"


def case_sysroot(rig):
    if not LIBRARIES.is_dir():
        raise Skipped(f"there is no {LIBRARIES}")
    show = compiled(rig, "show", SHOW)
    wants(user(rig, show), f"arg {show}")
    wants(user(rig, "--sysroot", LIBRARIES, show, "=", show), "arg child")
    yield "the cross compiler's libraries, found and named"


def case_vdso(rig):
    texts = []
    for flags in ((), ("-static",)):
        if not flags and not LIBRARIES.is_dir():
            continue
        text = user(rig, compiled(rig, "vdso", VDSO, "-include", "stdlib.h", "-rdynamic", "-funwind-tables", *flags), code=0)
        wants(text, "ordered 1 elf 1", "flags -1", "maps 1")
        match = re.search(r"^hwprobe 0 3=1 4=(\w+) -1=0$", text, re.M)
        if not match or int(match[1], 16) & 3 != 3:
            raise Failed(text)
        texts.append(text)
        yield f"{'static' if flags else 'dynamic'}: clocks, riscv_hwprobe, /proc/self/maps"
    frames = texts[0].split("frames\n")[1]
    if LIBRARIES.is_dir() and [frames.find(name) >= 0 for name in ("__vdso_rt_sigreturn", "leaf", "middle", "main")] != [True] * 4:
        raise Failed(f"frames: {frames}")
    yield "unwinding through a signal handler"


def case_stats(rig):
    path = executable(rig, "ends", ending())
    result = rig.run("user", "--stats=json", path)
    answer = json.loads(result.err.splitlines()[-1])
    if result.code != CODE or answer["vcpus"][0]["insns"] not in range(3, 12) or "translated_insns" not in {**answer["shared"], **answer["vcpus"][0]}:
        raise Failed(f"{result}: {answer}")
    if "insns retired" not in rig.run("user", "--stats", path).err:
        raise Failed("no table")


FORKS = """
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    for (volatile int i = 0; i < 100000; i++)
        ;
    if (!fork())
        _exit(0);
    return wait(NULL) < 0;
}
"""


def case_stats_of_children(rig):
    """They count their own insns, not their parents' once more."""
    result = rig.run("user", "--stats=json", compiled(rig, "forks", FORKS, "-static"))
    insns = [json.loads(line)["vcpus"][0]["insns"] for line in result.err.splitlines()]
    if len(insns) != 2 or insns[0] > 20000 or insns[1] < 300000:
        raise Failed(f"{insns}: {result}")


# Inside namespaces of its own; since Linux 6.7 a user namespace has its own binfmt_misc.
REGISTERED = """
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null || exit 77
set -e
"$1" binfmt install riscv64
"$1" binfmt status --json riscv64
cd "$2"
./ends || echo "ends $?"
cp ends ./--strace
PATH=. --strace || echo "strace $?"
"$1" binfmt install
"$1" binfmt remove
"$1" binfmt status --json riscv64
ls /proc/sys/fs/binfmt_misc
"""


def case_binfmt(rig):
    lines = rig.run("binfmt", "print").out
    if not re.fullmatch(r"(:vm-(riscv|arm)64:M::(\\x[0-9a-f]{2}){20}:(\\x[0-9a-f]{2}){20}:/\S+/vm-user:P?OF\n){2}", lines):
        raise Failed(lines)
    line = rig.run("binfmt", "print", "riscv64").out
    if line not in lines or not line.startswith(":vm-riscv64:"):
        raise Failed(line)
    fake = rig.folder / "binfmt_misc"
    fake.mkdir()
    for name in ("register", "status"):
        (fake / name).write_text("")
    (fake / "qemu-riscv64").write_text("enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 0\nmagic 7f454c460201010000000000000000000200f300\n"
                                       "mask ffffffffffffff00fffffffffffffffffeffffff\n")
    result = rig.run("binfmt", "install", "riscv64", "--folder", fake)
    if result.code or (fake / "register").read_text() + "\n" != line or "qemu-riscv64" not in result.err:
        raise Failed(f"{result}")
    answer = json.loads(rig.run("binfmt", "status", "riscv64", "--json", "--folder", fake).out)
    if answer["registered"] or answer["others"] != ["qemu-riscv64"]:
        raise Failed(f"{answer}")
    for args, code in (((), 2), (("x",), 2), (("install", "sparc"), 2), (("install", "--json"), 2), (("install", "--folder", rig.folder), 9)):
        if rig.run("binfmt", *args).code != code:
            raise Failed(f"binfmt {args}: not {code}")
    yield "print, and in a folder that only looks like binfmt_misc"
    executable(rig, "ends", ending())
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", REGISTERED, "sh", rig.vm, rig.folder], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        raise Skipped("the kernel has no binfmt_misc for user namespaces")
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != 6:
        raise Failed(f"{done}")
    before, after = json.loads(lines[0]), json.loads(lines[3])
    if not before["registered"] or not before["works"] or after["registered"] or lines[1:3] != [f"ends {CODE}", f"strace {CODE}"]:
        raise Failed(done.stdout)
    if lines[4:] != ["register", "status"]:
        raise Failed(f"left: {lines[4:]}")
    yield "the kernel starts programs, none of whose names is an option"


class Gdb:
    """The debugger's side of the protocol."""

    def __init__(self, rig, *args, **options):
        path = rig.folder / "gdb.sock"
        self.machine = rig.start("user", "--gdb", path, *args, **options)
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + LIMIT_S
        while self.socket.connect_ex(str(path)):
            if time.monotonic() > end or self.machine.process.poll() is not None:
                raise Failed(f"nobody listens: {self.machine.stderr()}")
            time.sleep(0.02)
        self.socket.settimeout(LIMIT_S)

    def send(self, text):
        self.socket.sendall(f"${text}#{sum(text.encode()) & 255:02x}".encode())

    def answer(self):
        data = b""
        while not re.search(rb"#..$", data, re.S):
            more = self.socket.recv(1)
            if not more:
                raise Failed(f"the connection ended behind {data!r}")
            data += more if data or more == b"$" else b""
        with contextlib.suppress(BrokenPipeError):  # behind the last words
            self.socket.sendall(b"+")
        return data[1:-3].decode("latin-1")

    def ask(self, text, wanted=None):
        self.send(text)
        got = self.answer()
        if wanted is not None and not re.fullmatch(wanted, got):
            raise Failed(f"{text}: {wanted} expected: {got!r}")
        return got

    def register(self, n):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{n:x}")), "little")

    def end(self, code):
        if self.machine.process.wait(LIMIT_S) != code:
            raise Failed(f"exit code {self.machine.process.returncode}, not {code}: {self.machine.stderr()}")


PC, START = 32, 0x10078


def case_gdb(rig):
    a0, zero = bare.A0, bare.ZERO
    program = [*bare.li(a0, 1), bare.addi(a0, a0, 1), bare.addi(a0, a0, 1), *bare.li(A7, 93), ECALL]
    path = executable(rig, "ends", bare.elf(program, at=START))
    size = 4 * len(bare.li(a0, 1))
    gdb = Gdb(rig, path)
    gdb.ask("qSupported:swbreak+", ".*PacketSize=.*")
    gdb.ask("?", r"T05thread:[0-9a-f]+;")
    if gdb.register(PC) != START:
        raise Failed(f"pc {gdb.register(PC):#x}")
    gdb.ask("s", "T05.*")
    if gdb.register(PC) != START + 4:
        raise Failed(f"after a step: pc {gdb.register(PC):#x}")
    gdb.ask(f"Z0,{START + size + 4:x},4", "OK")
    gdb.ask("c", "T05.*swbreak:;")
    if (gdb.register(10), gdb.register(PC)) != (2, START + size + 4):
        raise Failed(f"at the breakpoint: a0 {gdb.register(10)}, pc {gdb.register(PC):#x}")
    if gdb.ask(f"m{START + size + 4:x},4") != struct.pack("<I", bare.addi(a0, a0, 1)).hex():
        raise Failed("the breakpoint shows in memory")
    gdb.ask("Pa=2800000000000000", "OK")
    gdb.ask(f"z0,{START + size + 4:x},4", "OK")
    gdb.ask("c", "W29")
    gdb.end(0x29)
    yield "steps, a breakpoint, registers, the end"
    looping = executable(rig, "loops", bare.elf(["on", bare.addi(a0, a0, 1), bare.bne(a0, zero, "on")], at=START))
    gdb = Gdb(rig, looping)
    end = time.monotonic() + LIMIT_S
    while gdb.register(10) < 10:  # it may be slow to begin
        gdb.send("vCont;c")
        time.sleep(0.3)
        gdb.socket.sendall(b"\3")
        if not gdb.answer().startswith("T02") or time.monotonic() > end:
            raise Failed("Ctrl-C does not stop it, or it does not run")
    gdb.ask("D", "OK")
    time.sleep(0.2)
    if gdb.machine.process.poll() is not None:
        raise Failed("it ends when the debugger detaches")
    gdb = Gdb(rig, looping)
    gdb.send("vKill;1")
    gdb.end(-9)
    yield "Ctrl-C, detach, kill"
    crashing = executable(rig, "crashes", bare.elf([bare.sw(zero, zero, 8)], at=START))
    gdb = Gdb(rig, crashing)
    gdb.ask("c", "T0b.*")
    gdb.ask("C0b", "X0b")
    gdb.end(-11)
    yield "a fatal signal"
    for where in ("0", "x", "70000"):
        refused(rig, "--gdb", where, path, code=3, says="debugger")
    refused(rig, "--gdb", rig.folder / "none" / "socket", path, code=4, says="debugger")


DEBUGGED = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
volatile int total;
__attribute__((noinline)) int add(int a, int b) { return a + b; }
static void handler(int signal) { total += 1000; }
static void *worker(void *arg) { total += add(20, 1); return arg; }
int main(void)
{
    pthread_t thread;
    int status;
    pthread_create(&thread, NULL, worker, NULL);
    pthread_join(thread, NULL);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    if (!fork())
        _exit(add(1, 2));
    wait(&status);
    printf("total %d child %d\n", total, WEXITSTATUS(status));
    return add(3, 4);
}
"""
SCRIPT = """
set pagination off
set confirm off
target remote {socket}
break add
continue
backtrace
info threads
finish
handle SIGUSR1 stop print pass
continue
delete
continue
"""


def case_gdb_itself(rig):
    gdb = shutil.which("gdb-multiarch")
    if not gdb:
        raise Skipped("there is no gdb-multiarch")
    path = compiled(rig, "debugged", DEBUGGED, "-g", "-static", "-pthread")
    machine = rig.start("user", "--gdb", rig.folder / "sock", path)
    script = rig.file("script", SCRIPT.format(socket=rig.folder / "sock"))
    machine.until("a socket", (rig.folder / "sock").exists)
    done = subprocess.run([gdb, "-nx", "-batch", "-x", script, path], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    for wanted in ("Breakpoint 1, add .a=20, b=1|Breakpoint 1, add .a=a@entry=20, b=b@entry=1", r"in worker ", r"Thread 2 .*\n|  2 +Thread",
                   "Value returned is .1 = 21", "received signal SIGUSR1", "exited with code 07"):
        if not re.search(wanted, done.stdout):
            raise Failed(f"gdb does not say {wanted!r}: {done.stdout[-1500:]} {done.stderr[-500:]}")
    machine.expect("total 1021 child 3")


BECOMES = r"""
#include <unistd.h>
int main(int argc, char **argv)
{
    if (argc > 1)
        return 7;
    execl("/nowhere", "x", (char *)0);
    return execl(argv[0], argv[0], "again", (char *)0);
}
"""


def case_gdb_exec(rig):
    path = compiled(rig, "becomes", BECOMES, "-static")
    for says, event in (("swbreak+;exec-events+", f"exec:{str(path).encode().hex()};"), ("swbreak+", "")):
        gdb = Gdb(rig, path)
        known = gdb.ask(f"qSupported:{says}")
        if ("exec-events+" in known) != bool(event):
            raise Failed(f"it supports {known}")
        first = gdb.register(PC)
        gdb.ask("c", f"T05thread:[0-9a-f]+;{event}")
        if gdb.register(PC) != first:
            raise Failed(f"it stands at {gdb.register(PC):#x}, not where it begins: {first:#x}")
        gdb.ask("c", "W07")
        gdb.end(7)


def case_texts(rig):
    rows = re.findall(r'^OPTION\(\w+, "([\w-]+)", (?:"[^"]*"|NULL), \w+, (\w|")', (TOP / "src/app/user/options.def").read_text(encoding="utf-8"), re.M)
    names = [name for name, help_text in rows if help_text == '"']
    if len(names) < 12:
        raise Failed("the table of options is not where this test looks")
    for text in (rig.run("help", "user").out, rig.run("man").out.replace("\\-", "-"), rig.run("completion", "bash").out, rig.run("completion", "zsh").out):
        for name in names:
            if f"--{name}" not in text:
                raise Failed(f"--{name} is not in {text[:60]!r}")


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
