#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the bare programs on this project's machine and on QEMU's, and compares the outcome of every case.

QEMU is an outside opinion, not the truth: differences.txt lists the cases in which it is known to differ and why. What is not listed, or
is listed and does not differ any more (unless its reason begins with "sometimes"), is reported; the exit code is then 1. Without qemu-system-riscv64 it says so and exits with 77.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

# All that `max` has and our machine has not is taken away; event counters 3 to 31 are there.
CPU = 'max,pmu-mask=0xfffffff8,' + ','.join(name + '=off' for name in (
    'v', 'h', 'zicfilp', 'zicfiss', 'smaia', 'ssaia', 'smrnmi', 'smdbltrp', 'ssdbltrp', 'smcdeleg', 'ssccfg', 'smcsrind', 'sscsrind',
    'smcntrpmf', 'smepmp', 'smmpm', 'smnpm', 'ssnpm', 'zama16b', 'debug', 'ssctr', 'smctr'))


def cases(output):
    """Case name -> 'ok', 'not ok' or 'skipped'."""
    found = {}
    for line in output.splitlines():
        m = re.match(r'(ok|not ok) \d+ - (.*?)( # SKIP.*)?$', line.strip('\r'))
        if m:
            found[m.group(2)] = 'skipped' if m.group(3) else m.group(1)
    return found


def run(command, seconds, cwd):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, cwd=cwd)
        return done.stdout.decode(errors='replace')
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b'').decode(errors='replace')


def known(path):
    table = {}
    with open(path) as f:
        for line in f:
            line = line.strip()
            if line and not line.startswith('#'):
                program, case, why = (part.strip() for part in line.split('|', 2))
                table[program, case] = why
    return table


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--vm', required=True)
    parser.add_argument('--programs', required=True, help='folder of bare_NAME.elf')
    parser.add_argument('--differences', required=True)
    parser.add_argument('--rows', nargs='+', required=True, help='NAME:VCPUS:MODE:OPTIONS OF VM:OPTIONS OF QEMU')
    parser.add_argument('--timeout', type=int, default=180)
    args = parser.parse_args()
    qemu = shutil.which('qemu-system-riscv64')
    if not qemu:
        print('qemu-system-riscv64 is missing (Debian: qemu-system-misc)')
        return 77
    table = known(args.differences)
    surprises = 0
    with tempfile.TemporaryDirectory() as cwd:
        for row in args.rows:
            name, vcpus, mode, options, theirs = row.split(':', 4)
            extra = [o for o in theirs.split() if not o.startswith('cpu,')]
            cpu = ','.join([CPU] + [o[len('cpu,'):] for o in theirs.split() if o.startswith('cpu,')])
            elf = os.path.join(os.path.abspath(args.programs), f'bare_{name}.elf')
            bare = mode == 'machine'
            ours = cases(run([os.path.abspath(args.vm), 'run', '--kernel', elf, '--exit-from-guest', '--memory', '64M', '--no-rng', '--vcpus', vcpus]
                             + options.split() + (['--bios', 'none'] if bare else []), args.timeout, cwd))
            theirs = cases(run([qemu, '-M', 'virt,aclint=on', '-cpu', cpu, '-m', '64', '-smp', vcpus, '-display', 'none', '-serial', 'stdio',
                                '-monitor', 'none', '-kernel', elf] + (['-bios', 'none'] if bare else []) + extra, args.timeout, cwd))
            same = 0
            for case, here in ours.items():
                there = theirs.get(case, 'not reached')
                why = table.pop((name, case), None)
                if here == there:
                    same += 1
                    if why and not why.startswith('sometimes'):
                        print(f'{name}: {case}: no difference any more, but listed: {why}')
                        surprises += 1
                elif why:
                    print(f'{name}: {case}: {here} here, {there} on QEMU: {why}')
                else:
                    print(f'{name}: {case}: {here} here, {there} on QEMU: NOT EXPLAINED')
                    surprises += 1
            print(f'{name}: {same} of {len(ours)} cases are the same')
            surprises += not ours
    for (program, case), why in table.items():
        if any(row.split(':')[0] == program for row in args.rows):
            print(f'{program}: {case}: listed as different, but there is no such case')
            surprises += 1
    return 1 if surprises else 0


if __name__ == '__main__':
    sys.exit(main())
