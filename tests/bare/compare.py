#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the bare programs on this project's machine and on QEMU's, and compares the outcome of every case.

QEMU is an outside opinion, not the truth: GUEST/differences.txt lists the cases in which it is known to differ and why. What is not listed, or
is listed and does not differ any more (unless its reason begins with "sometimes"), is reported; the exit code is then 1. Without QEMU for a guest it says so; if it has none at all it exits with 77.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

# The CPUs: all that `max` has and our machine has not is taken away; of riscv64's event counters 3 to 31 are there.
GUESTS = {
    'riscv64': {
        'qemu': 'qemu-system-riscv64',
        'package': 'qemu-system-misc',
        'machine': 'virt,aclint=on',
        'cpu': 'max,pmu-mask=0xfffffff8,' + ','.join(name + '=off' for name in (
            'v', 'h', 'zicfilp', 'zicfiss', 'smaia', 'ssaia', 'smrnmi', 'smdbltrp', 'ssdbltrp', 'smcdeleg', 'ssccfg', 'smcsrind', 'sscsrind',
            'smcntrpmf', 'smepmp', 'smmpm', 'smnpm', 'ssnpm', 'zama16b', 'debug', 'ssctr', 'smctr')),
        'options': [],
    },
    'arm64': {
        'qemu': 'qemu-system-aarch64',
        'package': 'qemu-system-arm',
        'machine': 'virt,gic-version=3,its=on',
        'cpu': 'max,sve=off,sme=off',
        'options': ['-semihosting-config', 'enable=on,target=native'],
    },
}


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


class Row:
    """A program as the build file states it: GUEST:NAME:VCPUS:MODE:OPTIONS OF VM:OPTIONS OF QEMU."""

    def __init__(self, text, args):
        self.guest, self.name, self.vcpus, self.mode, ours, theirs = text.split(':', 5)
        self.ours = ours.split()
        self.theirs = theirs.split()
        self.elf = os.path.join(os.path.abspath(args.programs), f'bare_{self.guest}_{self.name}.elf')
        self.vm = os.path.abspath(args.vm)

    def our_command(self):
        bare = ['--bios', 'none'] if self.mode == 'machine' else []
        return [self.vm, 'run', '--arch', self.guest, '--kernel', self.elf, '--exit-from-guest', '--memory', '64M', '--no-rng', '--vcpus',
                self.vcpus] + self.ours + bare

    def their_command(self):
        """Options that begin with cpu, or machine, go on those two of the guest."""
        guest = GUESTS[self.guest]
        added = {key: ''.join(o[len(key):] for o in self.theirs if o.startswith(key + ',')) for key in ('cpu', 'machine')}
        extra = [o for o in self.theirs if not o.startswith(('cpu,', 'machine,'))]
        bare = ['-bios', 'none'] if self.mode == 'machine' and self.guest == 'riscv64' else []
        return [guest['qemu'], '-M', guest['machine'] + added['machine'], '-cpu', guest['cpu'] + added['cpu'], '-m', '64', '-smp', self.vcpus,
                '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-nic', 'none', '-kernel', self.elf] + guest['options'] + bare + extra


def compare(row, table, args, cwd):
    """How many surprises there are."""
    ours, theirs = (cases(run(command, args.timeout, cwd)) for command in (row.our_command(), row.their_command()))
    surprises = same = 0
    label = f'{row.guest}: {row.name}'
    for case, here in ours.items():
        there = theirs.get(case, 'not reached')
        why = table.pop((row.name, case), None)
        if here == there:
            same += 1
            if why and not why.startswith('sometimes'):
                print(f'{label}: {case}: no difference any more, but listed: {why}')
                surprises += 1
        elif why:
            print(f'{label}: {case}: {here} here, {there} on QEMU: {why}')
        else:
            print(f'{label}: {case}: {here} here, {there} on QEMU: NOT EXPLAINED')
            surprises += 1
    print(f'{label}: {same} of {len(ours)} cases are the same')
    return surprises + (not ours)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--vm', required=True)
    parser.add_argument('--programs', required=True, help='folder of bare_GUEST_NAME.elf')
    parser.add_argument('--differences', required=True, help='folder of GUEST/differences.txt')
    parser.add_argument('--rows', nargs='+', required=True, help='GUEST:NAME:VCPUS:MODE:OPTIONS OF VM:OPTIONS OF QEMU')
    parser.add_argument('--only', default='', help='GUEST, or GUEST:NAME')
    parser.add_argument('--timeout', type=int, default=180)
    args = parser.parse_args()
    rows = [row for row in (Row(text, args) for text in args.rows) if f'{row.guest}:{row.name}:'.startswith(args.only)]
    surprises = compared = 0
    with tempfile.TemporaryDirectory() as cwd:
        for guest in sorted({row.guest for row in rows}):
            if not shutil.which(GUESTS[guest]['qemu']):
                print(f"{guest}: {GUESTS[guest]['qemu']} is missing (Debian: {GUESTS[guest]['package']})")
                continue
            table = known(os.path.join(args.differences, guest, 'differences.txt'))
            mine = [row for row in rows if row.guest == guest]
            compared += len(mine)
            surprises += sum(compare(row, table, args, cwd) for row in mine)
            for (program, case), why in table.items():
                if any(row.name == program for row in mine):
                    print(f'{guest}: {program}: {case}: listed as different, but there is no such case')
                    surprises += 1
    if not compared:
        return 77
    return 1 if surprises else 0


if __name__ == '__main__':
    sys.exit(main())
