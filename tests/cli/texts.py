#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the command prints about itself: help, version, doctor, completion scripts, the manual page.

    texts.py VM [CASE...]
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from vmrun import LIMIT_S, TOP, Failed, Skipped, cases_of, main  # noqa: E402

WIDTH = 200


def printed(rig, *args, code=0):
    result = rig.run(*args)
    if result.code != code or result.err or not result.out.endswith("\n"):
        raise Failed(f"vm {' '.join(args)}: {result}")
    return result.out


def verbs(rig):
    text = (TOP / "src/app/cli/verbs.def").read_text(encoding="utf-8")
    return re.findall(r'^VERB\("(\w+)"', text, re.M)


def options():
    names = re.findall(r'^OPTION\(\w+, "([\w-]+)"', (TOP / "src/machine/options.def").read_text(encoding="utf-8"), re.M)
    if len(names) < 15:
        raise Failed("the table of options is not where this test looks")
    return names


def case_help(rig):
    whole = printed(rig, "help")
    if printed(rig, "--help") != whole or printed(rig, "-h") != whole or printed(rig, code=2) != whole:
        raise Failed("vm, vm help, vm --help and vm -h differ")
    for verb in verbs(rig):
        if not re.search(rf"^  {verb}\b", whole, re.M):
            raise Failed(f"vm help does not list {verb}")
        text = printed(rig, "help", verb)
        if not text.startswith(f"Usage: vm {verb}") or "Example:" not in text:
            raise Failed(f"vm help {verb}: {text!r}")
        if printed(rig, verb, "--help") != text or printed(rig, verb, "-h") != text:
            raise Failed(f"vm {verb} --help differs from vm help {verb}")
    yield "every verb"
    text = printed(rig, "help", "run")
    for name in [*options(), "escape", "help"]:
        if not re.search(rf"^  --{name}\b", text, re.M):
            raise Failed(f"vm help run does not tell of --{name}")
    if printed(rig, "--kernel", "missing", "--help") != text:
        raise Failed("--help behind other options is not heard")
    for line in text.splitlines():
        if len(line) > WIDTH:
            raise Failed(f"a line of {len(line)} characters: {line}")
    yield "every option of run"


def case_version(rig):
    text = printed(rig, "version")
    if not re.fullmatch(r"vm \d+\.\d+\.\d+\S* .*\n", text) or printed(rig, "--version") != text:
        raise Failed(text)
    answer = json.loads(printed(rig, "version", "--json"))
    if answer["version"] not in text or not isinstance(answer["abi"], int):
        raise Failed(str(answer))


def case_doctor(rig):
    lines = printed(rig, "doctor").splitlines()
    items = [json.loads(line) for line in printed(rig, "doctor", "--json").splitlines()]
    if [line.split()[0] for line in lines] != [item["item"] for item in items]:
        raise Failed("text and JSON tell of different things")
    for item in items:
        if item["state"] not in ("ok", "limited", "broken") or not item["text"]:
            raise Failed(str(item))
    found = {item["item"]: item for item in items}
    if "riscv64" not in found["guests"]["text"]:
        raise Failed(f"guests: {found['guests']}")


def checked(tool, *args, text):
    """The tool accepts the text and says nothing."""
    if not shutil.which(tool):
        raise Skipped(f"there is no {tool}")
    done = subprocess.run([tool, *args], input=text.encode(), capture_output=True, timeout=LIMIT_S, check=False)
    if done.returncode or done.stderr:
        raise Failed(f"{tool} {' '.join(args)}: {done.returncode}: {done.stderr.decode(errors='replace')[:500]}")
    return done.stdout.decode(errors="replace")


def case_bash_completion(rig):
    script = printed(rig, "completion", "bash")
    checked("bash", "-n", text=script)
    yield "bash accepts the script"

    def complete(*line):
        words = " ".join(f"'{word}'" for word in line)
        return checked("bash", text=f"{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(line) - 1}; _vm; printf '%s\\n' \"${{COMPREPLY[@]}}\"").split()

    if set(complete("vm", "")) != set(verbs(rig)) or complete("vm", "doc") != ["doctor"]:
        raise Failed(f"verbs: {complete('vm', '')}")
    if set(complete("vm", "run", "--")) < {f"--{name}" for name in options()} or complete("vm", "run", "--kern") != ["--kernel"]:
        raise Failed(f"options: {complete('vm', 'run', '--')}")
    if set(complete("vm", "run", "--console", "")) != {"uart", "virtio"}:
        raise Failed(f"values: {complete('vm', 'run', '--console', '')}")
    rig.file("kernel image")
    if checked("bash", text=f"{script}\ncd '{rig.folder}'; COMP_WORDS=(vm run --kernel k); COMP_CWORD=3; _vm; printf '%s\\n' \"${{COMPREPLY[@]}}\"") != "kernel image\n":
        raise Failed("a file name with a space is not offered whole")
    yield "it completes verbs, options, values and files"


def case_zsh_completion(rig):
    checked("zsh", "-n", "/dev/stdin", text=printed(rig, "completion", "zsh"))


def case_fish_completion(rig):
    checked("fish", "--no-execute", text=printed(rig, "completion", "fish"))


def case_manual(rig):
    page = printed(rig, "man")
    if not page.startswith(".TH VM 1"):
        raise Failed(f"it begins with {page[:80]!r}")
    if not shutil.which("groff"):
        raise Skipped("there is no groff")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", checked("groff", "-man", "-ww", "-Tutf8", "-rLL=100n", text=page))
    for name in options():
        if not re.search(rf"^ +--{name}\b", text, re.M):
            raise Failed(f"the page does not tell of --{name}")
    for title in ("NAME", "SYNOPSIS", "VERBS", "EXIT STATUS", "EXAMPLES"):
        if not re.search(rf"^{title}$", text, re.M):
            raise Failed(f"the page has no part {title}")
    yield "groff has no warnings; every option is there"
    if not shutil.which("man"):
        raise Skipped("there is no man")
    shown = checked("man", "--warnings=w", "-l", "-", text=page)
    if "run machines of other architectures" not in shown:
        raise Failed(f"man shows {shown[:200]!r}")
    yield "man shows it"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
