# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Debian guest of tests/lib/debian.py with compilers, interpreters and stress-ng installed, for tools/test-debian and tools/test-stress.
apt installs them inside the guest, once, from the archive that apt uses on this machine; the image is kept beside the one it is made of.
"""
import hashlib
import os
import pathlib
import re
import subprocess
import tarfile
import time

import debian
import vmrun
from debian import ask
from vmrun import Failed

PACKAGES = "gcc libc6-dev make git python3 nodejs openjdk-21-jdk-headless stress-ng openssl xz-utils sqlite3"
SIZE = 4 << 30
# Java 21 does not start where the kernel has Sv57 ("Only satp modes up to sv48 are supported for now").
OPTIONS = {"riscv64": ("--cpu", "max,-sv57")}
INSTALL_S = 3600
FILES = vmrun.TOP / "tools/debian"
# Settings of this machine's apt without which the archive may not answer.
APT_SETTINGS = re.compile(r'^(Acquire::(?:http|https)::Proxy|Acquire::Check-(?:Date|Valid-Until)) "(.*)";$', re.M)


def settings():
    """What this machine's apt knows about the way to the archive, as a file for the guest's; a proxy of this machine is at 10.0.2.2 there."""
    dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=False).stdout
    rows = dict(APT_SETTINGS.findall(dump))
    for scheme in ("http", "https"):
        proxy = os.environ.get(f"{scheme}_proxy")
        if proxy and f"Acquire::{scheme}::Proxy" not in rows:
            rows[f"Acquire::{scheme}::Proxy"] = proxy
    return "".join(f'{name} "{re.sub(r"//(localhost|127[.0-9]*)(?=[:/])", "//10.0.2.2", value)}";\n' for name, value in rows.items())


def files(rig, more):
    """A read-only disk of files for the guest: an archive as it is."""
    (rig.folder / "90vm").write_text(settings(), encoding="utf-8")
    with tarfile.open(rig.folder / "files.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in [*sorted(FILES.iterdir()), rig.folder / "90vm", *more]:
            tar.add(path, path.name)
    return rig.folder / "files.tar"


def start(rig, image, vcpus, more=()):
    """To root's prompt in the folder with tools/debian and more files."""
    began = time.monotonic()
    vm = debian.boot(rig, image, *OPTIONS.get(debian.ARCH, ()), "--memory", "2G", "--vcpus", vcpus, "--disk", f"{files(rig, more)},ro")
    debian.log_in(vm, began)
    ask(vm, "mkdir -p /run/files && tar xf /dev/vdb --no-same-owner -C /run/files && cd /run/files && PS1='root@vm:~# '")
    return vm


def install(rig, base, image):
    work = debian.copy(base, rig.folder / "work.img")
    with open(work, "r+b") as file:
        file.truncate(SIZE)
    for command in (["e2fsck", "-fp", work], ["resize2fs", work]):
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    vm = start(rig, work, 4)
    ask(vm, "mv 90vm /etc/apt/apt.conf.d/; ip -4 route | grep -q default || networkctl up eth0; export DEBIAN_FRONTEND=noninteractive")
    began = time.monotonic()
    ask(vm, "apt-get update -q -o Acquire::Languages=none -o Acquire::Retries=3 --error-on=any", seconds=INSTALL_S)
    middle = time.monotonic()
    yield f"apt fetched and verified its indexes ({middle - began:.0f} s)"
    ask(vm, f"apt-get install -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 --download-only --no-install-recommends {PACKAGES}", seconds=INSTALL_S)
    end = time.monotonic()
    yield f"apt fetched the packages ({end - middle:.0f} s)"
    ask(vm, f"apt-get install -q -y -o Dpkg::Use-Pty=0 --no-install-recommends {PACKAGES}", seconds=INSTALL_S)
    if ask(vm, "dpkg --audit; dpkg -l | tail -n +6 | grep -v ^ii", code=None):
        raise Failed("some packages are not configured")
    ask(vm, "apt-get clean; rm -rf /var/lib/apt/lists/*_*")
    yield f"apt installed the packages ({time.monotonic() - end:.0f} s, {vm.cpu_seconds():.0f} s of CPU time since power-on)"
    yield from debian.complaints(vm)
    yield from debian.power_off(vm, work)
    os.replace(debian.copy(work, image.with_suffix(f".{os.getpid()}")), image)  # at once or not at all


def power_on(rig, vcpus, more=()):
    """Returns a machine of this run's own copy of the image, logged in, and the copy's path."""
    base = pathlib.Path(debian.base_image(rig.vm))
    image = base.with_name(f"programs-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]}.img")
    if not image.exists():
        yield from install(rig, base, image)
    disk = debian.copy(image, rig.folder / "root.img")
    vm = start(rig, disk, vcpus, more)
    yield "the guest is up"
    return vm, disk
