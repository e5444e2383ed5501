/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * For tests of whole machines through vm.h: a small riscv64 assembler (a program is an array of words that grows), temporary files, a
 * console that remembers, and machines made from "name=value" strings.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <vm/vm.h>

#define RAM    0x80000000ull
#define KERNEL (RAM + 0x200000)
enum { ZERO, RA, SP, GP, TP, T0, T1, T2, S0, S1, A0, A1, A2, A3, A4, A5, A6, A7 };
enum { PROGRAM_MAX = 256, PATIENCE_MS = 600000 /* a slow machine is no failure */ };

struct program {
    uint32_t words[PROGRAM_MAX];
    size_t count;
};

static inline void put(struct program *p, uint32_t word)
{
    assert_true(p->count < PROGRAM_MAX);
    p->words[p->count++] = word;
}
static inline void addi(struct program *p, unsigned d, unsigned s, int imm) { put(p, (uint32_t)imm << 20 | s << 15 | d << 7 | 0x13); }
static inline void slli(struct program *p, unsigned d, unsigned s, unsigned n) { put(p, n << 20 | s << 15 | 1u << 12 | d << 7 | 0x13); }
static inline void add(struct program *p, unsigned d, unsigned s, unsigned t) { put(p, t << 20 | s << 15 | d << 7 | 0x33); }
static inline void load(struct program *p, unsigned log, unsigned d, unsigned s, int imm)
{
    put(p, (uint32_t)imm << 20 | s << 15 | (log == 3 ? 3u : log + 4) << 12 | d << 7 | 0x03);
}
static inline void store(struct program *p, unsigned log, unsigned t, unsigned s, int imm)
{
    put(p, (uint32_t)(imm >> 5 & 0x7f) << 25 | t << 20 | s << 15 | log << 12 | (uint32_t)(imm & 31) << 7 | 0x23);
}
static inline void csr(struct program *p, unsigned how, unsigned d, unsigned number, unsigned s)
{
    put(p, number << 20 | s << 15 | how << 12 | d << 7 | 0x73); /* how: 1 write, 2 set, 3 clear */
}
static inline void ecall(struct program *p) { put(p, 0x73); }
static inline void wfi(struct program *p) { put(p, 0x10500073); }
static inline size_t here(const struct program *p) { return p->count; }
static inline void branch(struct program *p, unsigned how, unsigned s, unsigned t, size_t to) /* how: 0 eq, 1 ne */
{
    uint32_t off = (uint32_t)((int)(to - p->count) * 4);
    put(p,
        (off >> 12 & 1) << 31 | (off >> 5 & 63) << 25 | t << 20 | s << 15 | how << 12 | (off >> 1 & 15) << 8 | (off >> 11 & 1) << 7 | 0x63);
}
static inline void jump(struct program *p, size_t to)
{
    uint32_t off = (uint32_t)((int)(to - p->count) * 4);
    put(p, (off >> 20 & 1) << 31 | (off >> 1 & 0x3ff) << 21 | (off >> 11 & 1) << 20 | (off >> 12 & 0xff) << 12 | 0x6f);
}
static inline void li(struct program *p, unsigned d, uint64_t value) /* 12 bits at a time */
{
    bool started = false;
    addi(p, d, ZERO, 0);
    for (int shift = 55; shift >= 0; shift -= 11) {
        if (started)
            slli(p, d, d, 11);
        if (value >> shift & 0x7ff) {
            addi(p, d, d, (int)(value >> shift & 0x7ff));
            started = true;
        }
    }
}
static inline void finish(struct program *p, uint32_t what) /* to the test finisher, then stay */
{
    li(p, T0, 0x100000);
    li(p, T1, what);
    store(p, 2, T1, T0, 0);
    jump(p, here(p));
}
static inline void sbi(struct program *p, uint64_t extension, uint64_t function)
{
    li(p, A7, extension);
    li(p, A6, function);
    ecall(p);
}

struct console_notes {
    char text[4096];
    size_t len;
};

static inline void note(void *arg, const void *data, size_t len)
{
    struct console_notes *notes = arg;
    size_t room = sizeof notes->text - 1 - notes->len;
    memcpy(notes->text + notes->len, data, len < room ? len : room);
    notes->len += len < room ? len : room;
}

static inline void quiet(void *arg, const char *level, const char *component, const char *text)
{
    (void)arg, (void)level, (void)component, (void)text;
}

/* options: "name=value" (a switch without =), NULL at the end. Returns vm_machine_new's status. */
static inline int make(struct vm_machine **out, const char *const *options, struct console_notes *notes, struct vm_error *error)
{
    struct vm_config *config;
    int rc = vm_config_new(&config);
    assert_int_equal(rc, 0);
    vm_config_set_log(config, quiet, NULL);
    if (notes)
        vm_config_set_console(config, note, notes);
    for (; !rc && *options; options++) {
        char text[512];
        snprintf(text, sizeof text, "%s", *options);
        char *value = strchr(text, '=');
        if (value)
            *value++ = 0;
        rc = vm_config_set(config, text, value, error);
    }
    if (!rc)
        rc = vm_machine_new(out, config, error);
    vm_config_free(config);
    return rc;
}
#define MAKE(out, notes, error, ...) make(out, (const char *const[]){__VA_ARGS__, NULL}, notes, error)

/* A bare machine with a program at the start of RAM. */
static inline struct vm_machine *bare(const struct program *p, struct console_notes *notes)
{
    struct vm_machine *machine = NULL;
    struct vm_error error = {0};
    if (MAKE(&machine, notes, &error, "bios=none", "memory=16M", "rng=off") ||
        vm_memory_write(machine, RAM, p->words, p->count * 4, &error))
        fail_msg("%s", error.text);
    return machine;
}

static inline struct vm_outcome run(struct vm_machine *machine)
{
    struct vm_outcome outcome = {0};
    struct vm_error error = {0};
    if (vm_machine_start(machine, &error) || vm_machine_wait(machine, PATIENCE_MS, &outcome, &error))
        fail_msg("%s", error.text);
    return outcome;
}

static inline uint64_t reg(struct vm_machine *machine, unsigned vcpu, const char *name)
{
    uint64_t value = 0;
    struct vm_error error = {0};
    if (vm_register_read(machine, vcpu, name, &value, sizeof value, &error))
        fail_msg("%s", error.text);
    return value;
}

/* A file with these contents; path has at least 32 bytes. */
static inline void temporary(char *path, const void *data, size_t len)
{
    snprintf(path, 32, "/tmp/vm-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
}
