# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of benchmark programs, and how they are built: for the bare guest and, from the same source, for the host. Functions that
build for a guest take it first (guests.py)."""
import pathlib
import subprocess
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent


class Program(NamedTuple):
    name: str  # programs/NAME.c
    group: str  # its class (bench/report.py has their goals)
    rounds: int  # so that QEMU needs about a second
    short: int = 0  # rounds for tier 0, half a second or more of it; 0: tier 0 is not asked
    user: int = 0  # rounds in user mode, where memory costs QEMU less and code more; 0: the same


PROGRAMS = [
    Program("arith", "integer", 130_000_000, 16_000_000),
    Program("sums", "integer", 24_000, 1_600),
    Program("crc32", "integer", 14_000, 1_800),
    Program("sort", "integer", 1_300, 130),
    Program("sieve", "integer", 900, 65),
    Program("strings", "integer", 20_000, 2_000),
    Program("matrix", "integer", 1_700, 130),
    Program("sha256", "integer", 1_200_000, 80_000),
    Program("divide", "integer", 4_000_000, 900_000),
    Program("recursion", "calls", 20_000),
    Program("interpreter", "calls", 4_000_000),
    Program("threaded", "calls", 300_000),
    Program("methods", "calls", 30_000),
    Program("quicksort", "calls", 550),
    Program("leaves", "calls", 8_000_000),
    Program("deep", "calls", 150_000),
    Program("planets", "float", 700_000),
    Program("mandelbrot", "float", 2_000),
    Program("singles", "float", 25_000),
    Program("convert", "float", 30_000),
    Program("fft", "float", 4_500),
    Program("filter", "float", 3_500),
    Program("roots", "float", 40_000),
    Program("solve", "float", 2_400),
    Program("saxpy", "loops", 20_000),
    Program("blend", "loops", 20_000),
    Program("dot", "loops", 100_000),
    Program("extremes", "loops", 50_000),
    Program("stencil", "loops", 13_000),
    Program("parity", "loops", 45_000),
    Program("chase", "memory", 8_000_000, user=60_000_000),
    Program("copy", "memory", 1_200, user=12_000),
    Program("updates", "memory", 3_000_000, user=30_000_000),
    Program("strides", "memory", 800, user=4_000),
    Program("stream", "memory", 100),
    Program("blocks", "memory", 10_000_000),
    Program("generate", "code", 70_000, user=20_000),
    Program("patch", "code", 150_000, user=25_000),
    Program("beside", "code", 2_000_000, user=20_000),
    Program("fresh", "code", 2_200),
    Program("retarget", "code", 150_000, user=25_000),
    Program("counter", "atomic", 300_000_000, user=200_000_000),
]
EMPTY = Program("empty", "start", 1)  # what a native process costs
SCALED = ["sort", "mandelbrot", "interpreter", "counter"]  # also run on two harts: all but the last share nothing
HARTS = 2


class Job(NamedTuple):
    """A program as it is built and run."""

    program: Program
    harts: int = 1
    short: bool = False
    user: bool = False

    def rounds(self):
        if self.user and self.program.user:
            return self.program.user
        if self.short:
            return self.program.short
        return self.program.rounds // 20 if self.harts > 1 and self.program.name == "counter" else self.program.rounds

    def stem(self):
        return f"{self.program.name}-{'short' if self.short else 'user' if self.user else self.harts}"

# No libc idioms in either build, and a sum stays a sum: contraction would give other bits than the host's.
COMMON = ["-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-math-errno", "-fno-tree-loop-distribute-patterns",
          f"-I{HERE / 'rt'}"]
FREESTANDING = ["-ffreestanding", "-fno-builtin", "-fno-pic", "-no-pie", "-fno-stack-protector", "-nostdlib", "-static",
                "-Wl,--build-id=none,--no-warn-rwx-segments"]
HOST = ["cc"]
SCALAR, VECTORS = ["-fno-tree-vectorize"], ["-O3"]  # "loops" shows what vectors give, the host's at least


def compile_to(out, command, *sources):
    """Compiles unless the output is newer than every file of this folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in HERE.rglob("*") if path.is_file())
    if not out.exists() or out.stat().st_mtime < newest:
        subprocess.run([*command, "-o", out, *sources], check=True)
    return out


def settings(job):
    return [f"-DROUNDS={job.rounds()}", f"-DHARTS={job.harts}"]


def optimization(job, vectors):
    return VECTORS if vectors and job.program.group == "loops" else SCALAR


def freestanding(guest):
    return [*guest.compiler(), *guest.bare, *FREESTANDING]


def build_guest(guest, folder, job):
    return compile_to(folder / f"{job.stem()}.elf",
                      [*freestanding(guest), *COMMON, *optimization(job, guest.vectors), *settings(job),
                       f"-Wl,--defsym=start={guest.start}", f"-T{HERE / 'rt/link.ld'}"],
                      *(HERE / "rt" / name for name in (f"start-{guest.name}.S", f"{guest.name}.c", "guest.c")),
                      HERE / f"programs/{job.program.name}.c", "-lgcc")


def build_native(folder, job):
    return compile_to(folder / f"{job.stem()}.native", [*HOST, *COMMON, *optimization(job, True), *settings(job)],
                      HERE / "rt/native.c", HERE / f"programs/{job.program.name}.c", "-lm")


def build_user(guest, folder, job):
    """A static program of Linux, for user mode."""
    return compile_to(folder / f"{job.stem()}.elf",
                      [*guest.compiler(), "-static", *COMMON, *optimization(job, guest.vectors), *settings(job)],
                      HERE / "rt/native.c", HERE / f"programs/{job.program.name}.c", "-lm")


def build_first(guest, folder):
    return compile_to(folder / "first.elf", [*freestanding(guest), f"-Wl,-n,-Ttext={guest.start:#x}"], HERE / f"rt/first-{guest.name}.S")


def build_init(guest, folder):
    return compile_to(folder / "init", [*freestanding(guest), *COMMON, "-Wl,-z,max-page-size=4096"], HERE / "guest/init.c")


HOSTED = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread"]  # with the C library


def build_kernel_work(guest, folder):
    """For the guest and, from the same source, for the host."""
    return tuple(compile_to(folder / out, [*compiler, *HOSTED], HERE / "guest/kernel.c")
                 for out, compiler in (("kernel", guest.compiler()), ("kernel.native", HOST)))


def build_real_init(guest, folder):
    return compile_to(folder / "real", [*guest.compiler(), *HOSTED], HERE / "guest/real.c")
