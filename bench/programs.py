# SPDX-License-Identifier: MIT OR Apache-2.0
"""The table of benchmark programs, and how they are built: for the bare riscv64 guest and, from the same source, for the host."""
import pathlib
import subprocess
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent


class Program(NamedTuple):
    name: str  # programs/NAME.c
    group: str
    rounds: int  # so that tier 0 needs half a second or more


# Groups: integer (the goal of tier 0 is about these), calls, float, memory, atomic.
PROGRAMS = [
    Program("arith", "integer", 16_000_000),
    Program("sums", "integer", 1_600),
    Program("crc32", "integer", 1_800),
    Program("sort", "integer", 130),
    Program("sieve", "integer", 65),
    Program("strings", "integer", 2_000),
    Program("matrix", "integer", 130),
    Program("sha256", "integer", 80_000),
    Program("divide", "integer", 900_000),
    Program("recursion", "calls", 4_400),
    Program("interpreter", "calls", 900_000),
    Program("planets", "float", 40_000),
    Program("mandelbrot", "float", 300),
    Program("singles", "float", 1_500),
    Program("convert", "float", 5_000),
    Program("chase", "memory", 8_000_000),
    Program("copy", "memory", 500),
    Program("updates", "memory", 4_000_000),
    Program("counter", "atomic", 10_000_000),
]
EMPTY = Program("empty", "start", 1)  # what a native process costs
SCALED = ["sort", "counter"]  # also run on two harts: sharing nothing, sharing everything
HARTS = 2

# No vectors and no libc idioms in either build, and a sum stays a sum: contraction would give other bits than the host's.
COMMON = ["-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-math-errno", "-fno-tree-loop-distribute-patterns",
          f"-I{HERE / 'rt'}"]
GUEST = ["riscv64-linux-gnu-gcc", "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany", "-ffreestanding", "-fno-builtin", "-fno-pic",
         "-no-pie", "-fno-stack-protector", "-nostdlib", "-static", "-Wl,--build-id=none"]
HOST = ["cc", "-fno-tree-vectorize"]


def compile_to(out, command, *sources):
    """Compiles unless the output is newer than every file of this folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in HERE.rglob("*") if path.is_file())
    if not out.exists() or out.stat().st_mtime < newest:
        subprocess.run([*command, "-o", out, *sources], check=True)
    return out


def build_guest(folder, program, harts=1):
    return compile_to(folder / f"{program.name}-{harts}.elf",
                      [*GUEST, *COMMON, f"-DROUNDS={program.rounds}", f"-DHARTS={harts}", f"-T{HERE / 'rt/link.ld'}"],
                      HERE / "rt/start.S", HERE / "rt/guest.c", HERE / f"programs/{program.name}.c")


def build_native(folder, program, harts=1):
    return compile_to(folder / f"{program.name}-{harts}.native", [*HOST, *COMMON, f"-DROUNDS={program.rounds}", f"-DHARTS={harts}"],
                      HERE / "rt/native.c", HERE / f"programs/{program.name}.c", "-lm")


def build_first(folder):
    return compile_to(folder / "first.elf", [*GUEST, "-Wl,-n,-Ttext=0x80000000"], HERE / "rt/first.S")


def build_init(folder):
    return compile_to(folder / "init", [*GUEST, *COMMON, "-Wl,-z,max-page-size=4096"], HERE / "guest/init.c")
