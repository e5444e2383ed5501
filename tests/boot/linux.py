#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Debian's kernel to the shell of the small initramfs, and what a user does there. Every case boots once and looks at much.

    linux.py VM [CASE...]
"""
import gzip
import hashlib
import http.server
import json
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from vmrun import LIMIT_S, PROMPT, Failed, Skipped, cases_of, free_port, guest_files, main  # noqa: E402

IDLE_SHARE = 0.05  # of one processor


def boot(rig, *args, append="console=ttyS0", kernel=None, arch="riscv64", **options):
    """A machine at its shell, the kernel's messages out of the way."""
    image, initrd, _ = guest_files(arch)
    vm = rig.start("run", "--arch", arch, "--kernel", kernel or image, "--initrd", initrd, "--append", append, *args, **options)
    vm.reach_shell()
    return vm


def power_off(vm):
    vm.send("poweroff -f\n")
    vm.wait(0)
    if vm.stderr():
        raise Failed(f"vm complains: {vm.stderr()}")


def wants(said, wanted, what):
    if said.strip() != str(wanted):
        raise Failed(f"{what}: {wanted} expected, {said.strip()!r} found")


def healthy(vm):
    """Nothing in the kernel's log that must not be there."""
    bad = r"'BUG:|WARNING:|Oops|Call Trace|stall|hung task|soft lockup|Unhandled|illegal|I/O error|not syncing'"
    said = vm.shell(f"dmesg | grep -E {bad}", code=None)
    if said.strip():
        raise Failed(f"the kernel's log: {said.strip()}")


def idle(vm):
    """CPU time of the process while its guest waits at the prompt; the best of three, for the kernel has things to do at times."""
    shares = []
    while len(shares) < 3 and (not shares or min(shares) > IDLE_SHARE):
        vm.quiet(2)
        before = vm.cpu_seconds()
        time.sleep(5)
        shares.append((vm.cpu_seconds() - before) / 5)
    if min(shares) > IDLE_SHARE:
        raise Failed(f"an idle guest uses {min(shares):.1%} of a processor")
    return f"an idle guest uses {min(shares):.1%} of a processor"


def all_busy(vm, count):
    """Every processor is there, gets its own work, and they all compute the same."""
    wants(vm.shell("nproc"), count, "processors")
    wants(vm.shell("cat /sys/devices/system/cpu/online"), f"0-{count - 1}" if count > 1 else "0", "processors online")
    # Twice the same sum on each processor, its file is the processor's number; user time of each is looked at.
    vm.shell("grep '^cpu[0-9]' /proc/stat | awk '{print $1, $2+$4}' | sort >/tmp/before")
    vm.shell(f"(for i in $(seq 0 {count - 1}); do taskset $((1 << i)) sh -c 'cat /bin/busybox /bin/busybox | sha256sum' >/tmp/sum$i & done; wait)")
    wants(vm.shell(f"cat /tmp/sum? | wc -l; cat /tmp/sum? | sort -u | wc -l").replace("\n", " "), f"{count} 1", "sums")
    vm.shell("grep '^cpu[0-9]' /proc/stat | awk '{print $1, $2+$4}' | sort >/tmp/after")
    wants(vm.shell("cat /tmp/before /tmp/after | awk '{if ($1 in was) {if ($2 > was[$1]) n++} was[$1]=$2} END {print n}'"), count, "busy processors")
    # Interrupts between processors and each one's own timer.
    wants(vm.shell(r"grep -E 'riscv-timer|RISC-V INTC.*timer|arch_timer' /proc/interrupts | awk -v n=" + str(count) +
                   " '{for (i = 2; i <= n + 1; i++) if ($i > 0) k++} END {print k}'"), count, "processors with timer interrupts")


class Web(http.server.ThreadingHTTPServer):
    """GET gives a mebibyte, POST takes what comes and keeps its sum."""

    PAGE = bytes(range(256)) * 4096

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.PAGE)

        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posted = hashlib.sha256(data).hexdigest()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"taken\n")

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.posted = None
        threading.Thread(target=self.serve_forever, daemon=True).start()


def fetch(port, seconds):
    """GET through a forwarded port, again until the guest's server answers."""
    end = time.monotonic() + seconds
    while True:
        why = "it answers nothing"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
                s.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
                data = b"".join(iter(lambda: s.recv(4096), b""))
            if data:
                return data
        except OSError as error:
            why = error
        if time.monotonic() > end:
            raise Failed(f"the forwarded port: {why}")
        time.sleep(0.3)


def reach_network(vm):
    vm.shell("for i in $(seq 600); do ip -4 addr show dev eth0 | grep -q 10.0.2.15 && break; sleep 1; done; ip route | grep -q default")


def check_network(vm, port):
    web = Web()
    reach_network(vm)
    yield "gets an address by DHCP"
    said = vm.shell(f"wget -q -O - http://10.0.2.2:{web.server_port}/ | sha256sum")
    wants(said.split()[0], hashlib.sha256(Web.PAGE).hexdigest(), "a page from the host")
    vm.shell("base64 </dev/urandom | head -c 300000 >/tmp/up") # BusyBox posts text only
    vm.shell(f"wget -q -O - --post-file=/tmp/up http://10.0.2.2:{web.server_port}/ | grep -q taken")
    wants(vm.shell("sha256sum </tmp/up").split()[0], web.posted, "what the host got")
    yield "reads from and writes to a server on the host"
    vm.shell("mkdir -p /tmp/www; dd if=/dev/urandom of=/tmp/www/index.html bs=1k count=200 2>/dev/null; httpd -p 80 -h /tmp/www")
    sum_ = hashlib.sha256(fetch(port, LIMIT_S).split(b"\r\n\r\n", 1)[-1]).hexdigest()
    wants(vm.shell("sha256sum </tmp/www/index.html").split()[0], sum_, "the guest's page")
    yield "forwards a port of the host to a server in the guest"
    web.shutdown()
    web.server_close()


def check_disks(vm, disk, second, fixed):
    """vda is written and read back, vdb is another, vdc is read-only."""
    for name, path in (("vda", disk), ("vdb", second), ("vdc", fixed)):
        wants(vm.shell(f"cat /sys/block/{name}/size"), path.stat().st_size // 512, f"sectors of {name}")
    vm.shell("dd if=/dev/urandom of=/tmp/a bs=64k count=64 2>/dev/null; dd if=/tmp/a of=/dev/vda bs=64k seek=3 2>/dev/null; sync")
    vm.shell("echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda of=/tmp/b bs=64k skip=3 count=64 2>/dev/null; cmp /tmp/a /tmp/b")
    with open(disk, "rb") as file:
        file.seek(3 << 16)
        wants(vm.shell("sha256sum </tmp/a").split()[0], hashlib.sha256(file.read(64 << 16)).hexdigest(), "what the image holds")
    yield "a disk keeps what was written, in its file as well"
    vm.shell("echo second >/dev/vdb; sync; head -c 6 /dev/vdb | grep -q second")
    if not second.read_bytes().startswith(b"second\n"):
        raise Failed("the second disk's file does not begin with what was written")
    yield "a second disk is another one"
    wants(vm.shell("cat /sys/block/vda/ro /sys/block/vdc/ro").replace("\n", " "), "0 1", "which disks are read-only")
    wants(vm.shell("sha256sum </dev/vdc").split()[0], hashlib.sha256(fixed.read_bytes()).hexdigest(), "the read-only disk")
    sum_ = hashlib.sha256(fixed.read_bytes()).hexdigest()
    vm.shell("! dd if=/dev/zero of=/dev/vdc bs=4k count=1 conv=fsync 2>/dev/null")
    wants(hashlib.sha256(fixed.read_bytes()).hexdigest(), sum_, "the read-only disk's file")
    yield "a read-only disk refuses writes"
    held = disk.stat().st_blocks
    vm.shell("blkdiscard -o 196608 -l 4194304 /dev/vda; sync; echo 3 >/proc/sys/vm/drop_caches")
    wants(vm.shell("dd if=/dev/vda bs=64k skip=3 count=64 2>/dev/null | tr -d '\\0' | wc -c"), 0, "bytes left after the discard")
    if held * 512 > 4 << 20 and disk.stat().st_blocks > held - (2 << 20) // 512:
        raise Failed(f"discard freed nothing: {held} blocks before, {disk.stat().st_blocks} after")
    yield "discard frees the file's blocks"


def check_random(vm):
    wants(vm.shell("cat /sys/class/misc/hw_random/rng_current"), "virtio_rng.0", "the source of random numbers")
    wants(vm.shell("head -c 256 /dev/hwrng | hexdump -v -e '8/1 \"%02x\" \"\\n\"' | sort -u | wc -l"), 32, "different words of /dev/hwrng")
    yield "the random number device feeds the kernel"


def check_typing(vm):
    """50 KB at once: the guest's input is far smaller and must hold the rest back, not lose it."""
    text = "".join(secrets.token_hex(500) + "\n" for _ in range(50))
    vm.send(f"stty -echo; echo rea''dy; cat >/tmp/typed; stty echo\n")
    vm.expect("^ready$")
    vm.send(text + "\4")
    vm.expect(PROMPT)
    wants(vm.shell("sha256sum </tmp/typed").split()[0], hashlib.sha256(text.encode()).hexdigest(), "50 KB typed at once")


def case_four_cpus(rig):
    """Disks, network, random numbers, clock, reboot, power-off."""
    disk, second = rig.file("a.img", size=32 << 20), rig.file("b.img", size=1 << 20)
    fixed = rig.file("c.img", secrets.token_bytes(256 << 10))
    port = free_port()
    vm = boot(rig, "--memory", "512M", "--vcpus", "4", "--disk", disk, "--disk", second, "--disk", f"{fixed},ro", "--net", f"user,forward={port}:80")
    yield "reaches the shell"
    all_busy(vm, 4)
    yield "four processors are busy and agree"
    yield from check_disks(vm, disk, second, fixed)
    yield from check_network(vm, port)
    yield from check_random(vm)
    before = time.time()
    now = int(vm.shell("hwclock -r >/dev/null && date +%s"))
    if not before - 30 < now < time.time() + 30:
        raise Failed(f"the guest's clock says {now}, the host's {time.time():.0f}")
    yield "the clock tells the host's time"
    healthy(vm)
    vm.send("reboot -f\n")
    vm.expect("Linux version")
    vm.reach_shell()
    wants(vm.shell("nproc"), 4, "processors after the reboot")
    wants(vm.shell("head -c 6 /dev/vdb"), "second", "the second disk after the reboot")
    reach_network(vm)
    yield "reboots, with all processors, disks and the network"
    healthy(vm)
    power_off(vm)
    yield "powers off with exit code 0"


def case_two_cpus_virtio_console(rig):
    """2 GiB, a kernel packed by zstd, the console on virtio, idling."""
    packed = rig.folder / "Image.zst"
    if not shutil.which("zstd"):
        raise Skipped("there is no zstd to pack a kernel with")
    subprocess.run(["zstd", "-q", "-3", guest_files()[0], "-o", packed], check=True)
    vm = boot(rig, "--memory", "2G", "--vcpus", "2", "--console", "virtio", append="console=hvc0", kernel=packed)
    yield "a kernel packed by zstd starts, on a virtio console"
    wants(vm.shell("tty; grep -o console=.* /proc/cmdline").replace("\n", " "), "/dev/hvc0 console=hvc0", "the console")
    total = int(vm.shell("awk '/^MemTotal/ {print $2}' /proc/meminfo"))
    if not 1900 << 10 < total <= 2 << 20:
        raise Failed(f"of 2 GiB the guest has {total} KiB")
    vm.shell("mount -t tmpfs -o size=1500m big /mnt; dd if=/dev/zero of=/mnt/a bs=1M count=200 2>/dev/null; rm /mnt/a; umount /mnt")
    yield "two gibibytes of memory"
    all_busy(vm, 2)
    yield "two processors are busy and agree"
    check_typing(vm)
    yield "much input at once arrives whole"
    vm.send("seq 1 20000; echo the''end\n")
    vm.expect("^theend$")
    if "\n".join(map(str, range(1, 20001))) not in vm.text:
        raise Failed("the output of seq 1 20000 has a gap")
    vm.expect(PROMPT)
    yield "much output at once arrives whole"
    yield idle(vm)
    healthy(vm)
    power_off(vm)
    yield "powers off with exit code 0"


def case_one_cpu_small(rig):
    """64 MiB, one processor, the interpreter by name, a kernel packed by gzip, a serial console, no reboot."""
    packed = rig.file("Image.gz", gzip.compress(pathlib.Path(guest_files()[0]).read_bytes(), 1))
    vm = boot(rig, "--memory", "96M", "--vcpus", "1", "--mode", "interpreter", "--no-reboot", "--no-rng", kernel=packed)
    yield "a kernel packed by gzip starts in 96 MiB"
    all_busy(vm, 1)
    wants(vm.shell("test -e /dev/hwrng && head -c 1 /dev/hwrng >/dev/null 2>&1 || echo none"), "none", "a random number device although --no-rng")
    yield "one processor; no random number device"
    check_typing(vm)
    yield "much input at once arrives whole"
    yield idle(vm)
    healthy(vm)
    vm.send("reboot -f\n")
    vm.wait(0)
    if vm.text.count("Linux version") != 1:
        raise Failed("it booted again although --no-reboot")
    yield "--no-reboot makes a reboot the end, with exit code 0"


def case_arm64(rig):
    """The board of the other guest: processors that go and come, sleep, disks, network, clock, reboot; the interpreter; a kernel that starts at EL2."""
    disk, second = rig.file("a.img", size=32 << 20), rig.file("b.img", size=1 << 20)
    fixed = rig.file("c.img", secrets.token_bytes(256 << 10))
    port = free_port()
    vm = boot(rig, "--memory", "512M", "--vcpus", "2", "--disk", disk, "--disk", second, "--disk", f"{fixed},ro", "--net", f"user,forward={port}:80",
              append="console=ttyAMA0", arch="arm64")
    yield "reaches the shell"
    all_busy(vm, 2)
    yield "two processors are busy and agree"
    vm.shell("(while :; do sha256sum /bin/busybox >/dev/null; done) & for i in 1 2 3 4 5; do echo 0 >/sys/devices/system/cpu/cpu1/online && "
             "echo 1 >/sys/devices/system/cpu/cpu1/online; done; kill %1; test $(nproc) = 2")
    yield "the second processor goes and comes again"
    vm.shell("echo +2 >/sys/class/rtc/rtc0/wakealarm && echo freeze >/sys/power/state && dmesg | grep -q 'PM: suspend exit'")
    all_busy(vm, 2)
    yield "sleeps until the clock's alarm"
    yield from check_disks(vm, disk, second, fixed)
    yield from check_network(vm, port)
    now = int(vm.shell("hwclock -r >/dev/null && date +%s"))
    if not time.time() - LIMIT_S < now < time.time() + 30:
        raise Failed(f"the guest's clock says {now}, the host's {time.time():.0f}")
    yield "the clock tells the host's time"
    healthy(vm)
    vm.send("reboot -f\n")
    vm.expect("Linux version")
    vm.reach_shell()
    wants(vm.shell("nproc"), 2, "processors after the reboot")
    yield "reboots"
    power_off(vm)
    yield "powers off with exit code 0"
    for what, vcpus, args in (("the interpreter", 1, ("--mode", "interpreter")), ("a kernel at EL2", 1, ("--virtualization",)),
                              ("an interrupt controller of version 2", 4, ("--gic-version", "2")), ("the same alone", 1, ("--gic-version", "2"))):
        vm = boot(rig, "--memory", "256M", "--vcpus", vcpus, *args, append="console=ttyAMA0", arch="arm64")
        all_busy(vm, vcpus)
        healthy(vm)
        power_off(vm)
        yield f"{what}: reaches the shell, computes, powers off"


def case_little_code_memory(rig):
    """Code memory goes round many times in one boot, for one vCPU and for those that share it; nobody notices."""
    image, initrd, _ = guest_files()
    for vcpus, size, more, rounds in ((1, "2M", ("--jit-threshold", "4"), 30), (1, "4M", (), 1), (3, "2M", (), 10)):
        vm = rig.start("run", "--kernel", image, "--initrd", initrd, "--memory", "256M", "--vcpus", vcpus, "--jit-cache", size, "--stats=json",
                       "--append", "console=ttyS0 rdinit=/bin/busybox -- poweroff -f", *more)
        vm.expect("reboot: Power down")
        vm.wait(0)
        counts = json.loads(vm.stderr())["shared"]
        if not counts["compiled"]:
            raise Skipped("this host interprets")
        if counts["recycled"] < rounds:
            raise Failed(f"of {size} code memory only {counts['recycled']} chunks were used again")
        longest = counts["recycle_longest_ns"] / 1e6
        yield f"{vcpus} vCPUs, {size}: {counts['recycled']} chunks used again, {longest:.2f} ms for one of them at most"


if __name__ == "__main__":
    sys.exit(main(__doc__, cases_of(globals())))
