# SPDX-License-Identifier: MIT OR Apache-2.0
"""What programs ask of a kernel: guest/kernel.c as the init of Debian's kernel, and on the host's own kernel."""
import re
import time

import measure
import programs
import report
import system


class Work:
    def __init__(self, guest, emulators, folder):
        self.emulators, self.wrong = [e for e in emulators if e.name != "tier0"], []
        init, self.native = programs.build_kernel_work(guest, folder)
        self.guest = system.Guest(guest, folder, init)
        self.found = {}  # part -> its row

    def row(self, part):
        return self.found.setdefault(part, report.Row("kernel", part, "CPU s", timed=True))

    def on_host(self):
        """Check values by part."""
        output = measure.run([self.native, "native"]).output
        for part, seconds in re.findall(r"(?m)^cpu (\w+) ([\d.]+)$", output):
            self.row(part).add("native", max(float(seconds), 1e-4))
        return dict(re.findall(r"(?m)^check (\w+) (\w+)$", output))

    def in_guest(self, emulator, parts):
        """Between its two marks a part's CPU time is the emulator's; the guest sleeps after each mark."""
        with measure.Running(self.guest.argv(emulator, "quiet"), f"bench {parts[0]} go") as running:
            for part in parts:
                begin, _ = running.wait(f"bench {part} go\r\n")
                end, _ = running.wait(f"bench {part} done\r\n")
                self.row(part).add(emulator.name, end - begin)
            return dict(re.findall(r"(?m)^check (\w+) (\w+)$", running.seen.decode(errors="replace").replace("\r", "")))

    def run(self, rounds, budget):
        begin = time.monotonic()
        for number in range(rounds):
            if number and (time.monotonic() - begin) * (number + 1) / number > budget:
                break
            measure.say(f"kernel work, round {number + 1}")
            right = self.on_host()
            for emulator in self.emulators[:: 1 - number % 2 * 2]:
                checks = self.in_guest(emulator, list(right))
                self.wrong += [f"{part} on {emulator.name}: {checks.get(part)}, the host {value}"
                               for part, value in right.items() if checks.get(part) != value]

    def rows(self):
        return list(self.found.values())
