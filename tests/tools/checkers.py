#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The checkers of tools/ must see each offence and be silent on a clean tree. Speaks TAP."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
SPDX = "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n"
OPTION = 'OPTION(kernel, "kernel", "FILE", NULL, false, file, "help", "x")\n'

# A small tree in which all rules hold.
CLEAN = {
    "src/base/err.h": SPDX + '#include "base/status.def"\n',
    "src/base/status.def": SPDX + 'STATUS(ok, 0, 200, "success")\n',
    "src/os/os.h": SPDX + '#include "base/err.h"\nenum { OS_RANK_machine = 10 };\n',
    "src/device/device.c": SPDX + '#include "os/os.h"\n/* strcpy( in a comment */\n',
    "src/device/meson.build": "# SPDX-License-Identifier: MIT OR Apache-2.0\nvm_sources += files('device.c')\n",
    "src/device/devices.def": SPDX + "DEVICE(uart)\n",
    "src/machine/options.def": SPDX + OPTION,
    "src/base/README.md": "base\n", "src/os/README.md": "os\n", "src/device/README.md": "`uart`\n", "src/machine/README.md": "machine\n",
    "docs/architecture.md": "# A\n\n`base/` `os/` `device/` `machine/`\n", "docs/threads.md": "| 10 | `machine` | x |\n",
    "docs/exit-codes.md": "`ok`\n",
    "CONTRIBUTING.md": "`make run` [a](docs/architecture.md#a) `src/base/err.h` `vm run --kernel x`\n",
    "Makefile": "# SPDX-License-Identifier: MIT OR Apache-2.0\nrun: ## x\n",
}

# checker, file, what it becomes, what the checker must say
OFFENCES = [
    ("check-rooms", "src/base/err.h", SPDX + '#include "os/os.h"\n', "base comes before os"),
    ("check-rooms", "src/device/device.c", SPDX + '#include "ir/ir.h"\n', "a device knows"),
    ("check-rooms", "src/guest/x.c", SPDX + '#include "jit/cache.h"\n', "guest comes before jit"),
    ("check-rooms", "src/jit/host/x86_64/a.c", SPDX + '#include "guest/guest.h"\n', "jit/host/ never includes guest/"),
    ("check-rooms", "src/os/os.c", SPDX + '#include "os.h"\n', "must be written as room/file"),
    ("check-rooms", "src/os/os.c", SPDX + '#include "vm/vm.h"\n', "public header"),
    ("check-rooms", "src/attic/a.c", SPDX, "not in the list of rooms"),
    ("check-text", "src/device/device.c", "int x;\n", "first line must say"),
    ("check-text", "src/device/device.c", SPDX + "void f(char *a) { strcpy(a, a); }\n", "strcpy is banned"),
    ("check-text", "src/device/device.c", SPDX + "int f(void) { return system (0); }\n", "system is banned"),
    ("check-text", "src/device/device.c", SPDX + "/* TO" + "DO later */\n", "do it now"),
    ("check-text", "src/device/device.c", SPDX + "int x; \n", "space at the end"),
    ("check-text", "src/device/device.c", SPDX + "int x;", "last line does not end"),
    ("check-text", "src/device/other.c", SPDX, "no meson.build names it"),
    ("check-text", "tools/x", "#!/bin/sh\necho\n", "first line must say"),
    ("check-docs", "CONTRIBUTING.md", "`make run` [a](docs/none.md)\n", "leads nowhere"),
    ("check-docs", "CONTRIBUTING.md", "`make run` [a](docs/architecture.md#b)\n", "has no heading"),
    ("check-docs", "CONTRIBUTING.md", "`make run` `src/base/none.h`\n", "there is no src/base/none.h"),
    ("check-docs", "CONTRIBUTING.md", "`make run` `vm run --kernle x`\n", "no option --kernle"),
    ("check-docs", "CONTRIBUTING.md", "nothing\n", "the make target make run"),
    ("check-docs", "src/machine/options.def", SPDX + OPTION + OPTION, "stands twice"),
    ("check-docs", "src/device/README.md", "nothing\n", "the device uart"),
    ("check-docs", "docs/threads.md", "| 11 | `machine` | x |\n", "lock rank machine"),
    ("check-docs", "docs/exit-codes.md", "nothing\n", "the status ok"),
    ("check-docs", "docs/architecture.md", "# A\n\n`base/` `os/` `device/`\n", "the room machine"),
    ("check-docs", "src/os/README.md", None, "a room has a README"),
]


def check(checker, changes):
    """Exit code and output of a checker on the clean tree with some files changed (None: removed)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vm-check-"))
    try:
        for name, text in {**CLEAN, **changes}.items():
            if text is not None:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
        run = subprocess.run([TOP / "tools" / checker, folder], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout + run.stderr
    finally:
        shutil.rmtree(folder)


def main():
    cases = [(checker, {}, None) for checker in ("check-rooms", "check-text", "check-docs")]
    cases += [(checker, {name: text}, said) for checker, name, text, said in OFFENCES]
    print(f"1..{len(cases)}")
    failed = 0
    for n, (checker, changes, said) in enumerate(cases, 1):
        code, out = check(checker, changes)
        good = code == 1 and said in out if said else code == 0 and not out
        failed += not good
        print(f"{'ok' if good else 'not ok'} {n} - {checker} {'sees: ' + said if said else 'is silent on a clean tree'}")
        if not good:
            print("".join(f"# exit code {code}: {line}\n" for line in out.splitlines() or [""]), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
