# SPDX-License-Identifier: MIT OR Apache-2.0
# The everyday verbs. Meson does the building (meson.build); tools/setup installs what is missing when it may.
BUILD = build
GUEST = riscv64
PREFIX = /usr/local
LIBDIR = lib

.PHONY: all run test test-rootfs test-debian test-stress test-user test-cross bench check fuzz fmt install clean help

all: ## build the command, build/vm, and the library
	@tools/setup build
	@tools/build $(BUILD)

run: ## boot Linux: a shell on the terminal, a demonstration without one
	@tools/setup run
	@tools/build $(BUILD)
	@tools/run-demo $(BUILD)/vm

test: ## everything that finishes in 20 minutes on two cores
	@tools/setup test
	@tools/build $(BUILD)
	@tools/test $(BUILD)

test-rootfs: ## slow: a Debian root file system to its login prompt; GUEST=arm64: for that guest
	@tools/setup rootfs
	@tools/build $(BUILD)
	@tools/test-rootfs --arch $(GUEST) $(BUILD)/vm

test-debian: ## slow: compilers, interpreters, stress-ng and others in that Debian, GUEST likewise
	@tools/setup rootfs
	@tools/build $(BUILD)
	@tools/test-debian --arch $(GUEST) $(BUILD)/vm

test-stress: ## slow: an hour of compiling, stress-ng, threads, Node and Java side by side in that Debian, GUEST likewise
	@tools/setup rootfs
	@tools/build $(BUILD)
	@tools/test-stress --arch $(GUEST) $(BUILD)/vm

test-user: ## slow: programs of that Debian in user mode, as root, GUEST likewise
	@tools/setup rootfs
	@tools/build $(BUILD)
	@tools/test-user --arch $(GUEST) $(BUILD)/vm-user

test-cross: ## slow: build for arm64 and riscv64 hosts, unit tests under QEMU
	@tools/setup cross
	@tools/test-cross arm64 riscv64

bench: ## speed, beside QEMU's on this machine; GUEST=arm64: of the other guest
	@tools/setup bench
	@tools/build $(BUILD)
	@tools/bench --guest $(GUEST) $(BUILD)/vm

check: ## what must hold before a change goes in: format, rules, sanitizers, short fuzzing
	@tools/setup check
	@tools/check

fuzz: ## slow: libFuzzer on every target, FUZZ_SECONDS (300) each
	@tools/setup check
	@tools/fuzz

fmt: ## format the C sources
	@tools/setup check
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format-14 -i

install: all ## install below PREFIX (/usr/local), in LIBDIR (lib), DESTDIR before it
	@meson configure $(BUILD) -Dprefix=$(PREFIX) -Dlibdir=$(LIBDIR)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet

clean: ## remove what was built; downloads stay in the cache
	@rm -rf $(BUILD)

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
