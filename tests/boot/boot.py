#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Boots what others built, drives it over its console, and looks at the result. Speaks TAP; one point for each step.

    boot.py VM CASE

The console is standard input and output of `vm run` (pipes, no terminal). A step that fails ends the case; what the console
said is printed then. What this machine lacks (firmware packages, the network for a first download) is skipped with the reason.
"""
import http.server
import os
import pathlib
import re
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
OPENSBI = pathlib.Path("/usr/lib/riscv64-linux-gnu/opensbi/generic")
UBOOT = pathlib.Path("/usr/lib/u-boot")
PROMPT = r"(?m)^[~/][^\n]*# $"
UNSEEN = re.compile(r"\r|\x1b(\[[0-9;?]*[A-Za-z]|\[?[0-9;?]*$)")  # shells ask terminals where the cursor is
LIMIT_S = 150  # for one wait


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Vm:
    """A running `vm run`; expect() waits for text on its console, send() types."""

    def __init__(self, vm, *args):
        # A group of its own: it is killed whole if a step fails.
        self.process = subprocess.Popen([vm, "run", *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.raw, self.text, self.at = b"", "", 0
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def read(self, seconds):
        """Takes what comes next into self.text; False at the end, None if nothing came in time."""
        if not self.selector.select(seconds):
            return None
        data = os.read(self.process.stdout.fileno(), 65536)
        self.raw += data
        self.text = UNSEEN.sub("", self.raw.decode(errors="replace"))
        return bool(data)

    def expect(self, pattern, seconds=LIMIT_S):
        end = time.monotonic() + seconds
        while True:
            match = re.compile(pattern).search(self.text, self.at)
            if match:
                self.at = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0 or self.read(left) is False:
                raise Failed(f"the console did not say {pattern!r}" + ("" if left <= 0 else " before it ended"))

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def shell(self, command):
        """Runs a command in the guest's shell; returns what it printed."""
        mark = secrets.token_hex(4)
        self.send(f"{command}; echo {mark[:4]}''{mark[4:]} $?\n")
        start = self.at
        match = self.expect(rf"(?m)^{mark} (\d+)$")
        self.expect(PROMPT)
        said = self.text[start:match.start()].split("\n", 1)[-1]
        if match[1] != "0":
            raise Failed(f"{command}: exit code {match[1]}: {said.strip()[-300:]}")
        return said

    def wait(self, code, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(max(0, end - time.monotonic())):
            pass
        try:
            got = self.process.wait(max(1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed("vm does not end") from None
        if got != code:
            raise Failed(f"vm ended with {got}, not {code}")

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def guest_files():
    out = subprocess.run([TOP / "tools/guest-files"], capture_output=True, text=True, check=False)
    if out.returncode:
        raise Skipped("no Debian kernel: " + (out.stderr.strip().splitlines() or ["tools/guest-files failed"])[-1])
    return out.stdout.split()


def rootfs_image():
    """The path of a Debian root file system as an ext4 image; made by tools/make-rootfs."""
    path = os.environ.get("VM_ROOTFS")
    if not path:
        raise Skipped("VM_ROOTFS names no image (make test-rootfs)")
    return path


def needs(*paths):
    for path in paths:
        if not path.exists():
            raise Skipped(f"there is no {path} (tools/setup test)")


def scratch(folder, size):
    path = pathlib.Path(folder) / "disk.img"
    path.touch()
    os.truncate(path, size)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(port, seconds):
    """GET / through a forwarded port, again until the guest's server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                s.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
                data = b"".join(iter(lambda: s.recv(4096), b""))
            if data:
                return data
        except OSError as error:
            if time.monotonic() > end:
                raise Failed(f"the forwarded port: {error}") from None
        if time.monotonic() > end:
            raise Failed("the forwarded port answers nothing")
        time.sleep(0.3)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(range(256)) * 4096)  # 1 MiB

    def log_message(self, *_):
        pass


def case_linux(start, folder):
    """Four vCPUs, disk, network both ways, a reboot and a power-off, from the shell."""
    kernel, initrd, _ = guest_files()
    disk, port = scratch(folder, 32 << 20), free_port()
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    vm = start("--arch", "riscv64", "--kernel", kernel, "--initrd", initrd, "--append", "console=ttyS0", "--memory", "512M", "--vcpus", "4",
               "--disk", disk, "--net", f"user,forward={port}:80")
    vm.expect(PROMPT)
    yield "reaches the shell"
    # Neither the kernel's messages nor broken lines must stand between a command and its answer.
    vm.shell("dmesg -n 1; stty cols 999")
    if vm.shell("nproc").strip() != "4":
        raise Failed("there are not four processors")
    work = "(for i in 0 1 2 3; do taskset $((1 << i)) sha256sum /bin/busybox >/tmp/sum$i & done; wait); sort -u /tmp/sum? | wc -l"
    if vm.shell(work).split()[-1] != "1":
        raise Failed("four processors compute different sums")
    yield "four processors agree"
    vm.shell("dd if=/dev/urandom of=/tmp/a bs=64k count=64 2>/dev/null; dd if=/tmp/a of=/dev/vda bs=64k seek=3 2>/dev/null; sync")
    vm.shell("echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda of=/tmp/b bs=64k skip=3 count=64 2>/dev/null; cmp /tmp/a /tmp/b")
    yield "disk keeps what was written"
    vm.shell("for i in 1 2 3 4 5 6 7 8 9 10; do ip -4 addr show dev eth0 | grep -q 10.0.2.15 && break; sleep 1; done; ip route | grep -q default")
    said = vm.shell(f"wget -q -O /tmp/page http://10.0.2.2:{web.server_port}/ && wc -c </tmp/page")
    if said.strip() != str(1 << 20):
        raise Failed(f"the page from the host has {said.strip()} bytes")
    yield "gets a page from the host"
    vm.shell("mkdir -p /tmp/www; echo forwarded >/tmp/www/index.html; httpd -p 80 -h /tmp/www")
    if b"forwarded" not in fetch(port, 30):
        raise Failed("the guest's page is not what it should be")
    yield "forwards a port to the guest"
    vm.shell("hwclock -r >/dev/null; test $(date +%Y) -ge 2024; test -c /dev/hwrng && head -c 64 /dev/hwrng | wc -c | grep -q 64")
    yield "has a clock and random numbers"
    vm.send("reboot -f\n")
    vm.expect(r"Linux version")
    vm.expect(PROMPT)
    yield "reboots"
    vm.send("poweroff -f\n")
    vm.wait(0)
    yield "powers off with exit code 0"


def case_linux_idle(start, folder):
    """A guest that waits at its prompt uses next to no CPU time of the host."""
    kernel, initrd, _ = guest_files()
    vm = start("--kernel", kernel, "--initrd", initrd, "--append", "console=ttyS0 quiet", "--memory", "256M", "--vcpus", "2")
    vm.expect(PROMPT)
    time.sleep(3)  # what the kernel still has to do
    ticks = []
    for _ in range(2):
        stat = pathlib.Path(f"/proc/{vm.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        ticks.append(int(stat[11]) + int(stat[12]))
        time.sleep(0 if len(ticks) == 2 else 5)
    share = (ticks[1] - ticks[0]) / os.sysconf("SC_CLK_TCK") / 5
    if share > 0.05:
        raise Failed(f"an idle guest uses {share:.0%} of a processor")
    yield f"idle guest uses {share:.1%} of a processor"
    vm.send("poweroff -f\n")
    vm.wait(0)


def case_linux_firmware(start, folder):
    """Debian's kernel on OpenSBI instead of the built-in SBI."""
    needs(OPENSBI / "fw_dynamic.bin")
    kernel, initrd, _ = guest_files()
    vm = start("--bios", OPENSBI / "fw_dynamic.bin", "--kernel", kernel, "--initrd", initrd, "--append", "console=ttyS0", "--vcpus", "2")
    vm.expect(r"OpenSBI v[\d.]+")
    yield "OpenSBI starts"
    vm.expect(PROMPT)
    vm.shell("dmesg -n 1; test $(nproc) = 2; dmesg | grep -q 'SBI implementation ID=0x1'")
    yield "the kernel runs on it with two processors"
    vm.send("poweroff -f\n")
    vm.wait(0)
    yield "powers off through it"


def case_uboot_machine(start, folder):
    """U-Boot as firmware in machine mode, without anything else."""
    needs(UBOOT / "qemu-riscv64/u-boot.bin")
    vm = start("--bios", UBOOT / "qemu-riscv64/u-boot.bin", "--vcpus", "1")
    vm.expect(r"U-Boot \d{4}")
    vm.expect(r"Hit any key")
    vm.send("\n")
    vm.expect(r"=> $")
    yield "U-Boot reaches its prompt in machine mode"
    vm.send("printenv fdt_addr_r\n")
    vm.expect(r"fdt_addr_r=0x[0-9a-f]+")
    yield "it answers"


def case_uboot_supervisor(start, folder):
    """OpenSBI starts U-Boot, which sees the disk."""
    needs(OPENSBI / "fw_jump.elf", UBOOT / "qemu-riscv64_smode/uboot.elf")
    disk = scratch(folder, 16 << 20)
    vm = start("--bios", OPENSBI / "fw_jump.elf", "--kernel", UBOOT / "qemu-riscv64_smode/uboot.elf", "--vcpus", "2", "--disk", disk)
    vm.expect(r"OpenSBI v[\d.]+")
    vm.expect(r"U-Boot \d{4}")
    vm.expect(r"Hit any key")
    vm.send("\n")
    vm.expect(r"=> $")
    yield "U-Boot reaches its prompt on OpenSBI"
    vm.send("virtio scan; virtio info\n")
    vm.expect(r"Capacity: 16.0 MB")
    yield "it sees the disk"
    vm.send("reset\n")
    vm.expect(r"OpenSBI v[\d.]+")
    yield "it resets the machine"


def case_rootfs(start, folder):
    """A Debian system with systemd to its login prompt, a session, and an orderly power-off."""
    kernel, _, initrd = guest_files()
    disk = pathlib.Path(folder) / "root.img"
    subprocess.run(["cp", "--sparse=always", rootfs_image(), disk], check=True)
    vm = start("--kernel", kernel, "--initrd", initrd, "--append", "console=ttyS0 vm.root=/dev/vda", "--memory", "1G", "--vcpus", "2",
               "--disk", disk, "--net", "user")
    vm.expect(r"Welcome to .*Debian GNU/Linux", 300)
    yield "systemd starts"
    vm.expect(r"login: $", 600)
    yield "login prompt"
    vm.send("root\n")
    vm.expect(r"# $")
    vm.send("stty cols 999; bind 'set enable-bracketed-paste off'; PS1='~ # '\n")
    vm.expect(PROMPT)
    said = vm.shell("systemctl is-system-running --wait || systemctl --failed --no-pager").split()[0]
    if said != "running":
        raise Failed(f"the system is {said}")
    yield "all services run"
    vm.shell("dpkg --audit && dpkg -l | grep -c ^ii && mount | grep -q 'on / type ext4 (rw'")
    yield "packages are whole, the root is writable"
    vm.send("poweroff\n")
    vm.wait(0, 300)
    yield "powers off with exit code 0"


CASES = {name[5:]: function for name, function in globals().items() if name.startswith("case_")}


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in CASES:
        sys.exit(f"{__doc__}\ncases: {' '.join(CASES)}")
    command, case = sys.argv[1], CASES[sys.argv[2]]
    started, step = [], 0

    def start(*args):
        started.append(Vm(command, *args))
        return started[-1]

    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="vm-boot-") as folder:
            for said in case(start, folder):
                step += 1
                print(f"ok {step} - {said}", flush=True)
                print(f"# after {time.monotonic() - begin:.1f} s", flush=True)
    except Skipped as why:
        print(f"ok {step + 1} - {sys.argv[2]} # SKIP {why}")
        step += 1
    except Failed as why:
        step += 1
        print(f"not ok {step} - {why}")
        for line in (started[-1].text if started else "").splitlines()[-60:]:
            print("# | " + line)
        return 1
    finally:
        for vm in started:
            vm.close()
        print(f"1..{step}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
