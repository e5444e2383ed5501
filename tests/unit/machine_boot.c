/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Starting machines from files: what is refused and how it is explained, and small supervisors on the built-in firmware: the state they start
 * in, several harts, interprocessor interrupts, fences, timer, suspend, console, reboot.
 */
#include "base/bits.h"
#include "base/err.h"
#include "machine_rig.h"

enum { BASE = 0x10, TIME = 0x54494d45, IPI = 0x735049, RFENCE = 0x52464e43, HSM = 0x48534d, SRST = 0x53525354, DBCN = 0x4442434e };
enum { SIE = 0x104, STVEC = 0x105, SIP = 0x144, TIME_CSR = 0xc01, SSIE = 1 << 1, STIE = 1 << 5 };
#define NOTES (RAM + 0x100000)

static void refuses(void **state)
{
    (void)state;
    char text[32], disk[32], big[32], noise[32];
    struct program p = {0};
    finish(&p, 0x5555);
    char kernel[32];
    temporary(kernel, p.words, sizeof p.words);
    temporary(text, "not a kernel, just words\n", 25);
    static uint8_t zeros[15 << 20];
    temporary(disk, zeros, 1 << 20);
    temporary(big, zeros, sizeof zeros);
    uint8_t dtb[64] = {0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 64};
    temporary(noise, dtb, sizeof dtb);
    char k[64], t[64], d[64], i[64], n[64], b[64];
    snprintf(k, sizeof k, "kernel=%s", kernel);
    snprintf(t, sizeof t, "kernel=%s", text);
    snprintf(d, sizeof d, "disk=%s", disk);
    snprintf(i, sizeof i, "initrd=%s", big);
    snprintf(n, sizeof n, "dtb=%s", noise);
    snprintf(b, sizeof b, "bios=%s", text);
    const struct {
        const char *options[12];
        int status;
        const char *word;
    } bad[] = {
        {{"memory=16M"}, STATUS_config, "nothing to boot"},
        {{"flash=x,ro"}, STATUS_config, "nothing to boot"},
        {{"kernel=/no/such/file"}, STATUS_not_found, "/no/such/file"},
        {{"kernel=/tmp"}, STATUS_config, "/tmp"},
        {{t}, STATUS_config, "text file"},
        {{b}, STATUS_config, "text file"},
        {{"bios=none", "initrd=x"}, STATUS_config, "without a kernel"},
        {{k, "initrd=/no/such/file"}, STATUS_not_found, "initrd"},
        {{k, i, "memory=16M"}, STATUS_config, "no room for the initrd"},
        {{k, "dtb=/no/such/file"}, STATUS_not_found, "dtb"},
        {{k, n}, STATUS_corrupt, "damaged"},
        {{k, "disk=/no/such/file"}, STATUS_not_found, "disk"},
        {{k, d, d}, STATUS_conflict, "disk"},
        {{k, "disk=a", "disk=a", "disk=a", "disk=a", "disk=a", "disk=a", "disk=a", "disk=a"}, STATUS_config, "8 virtio slots"},
        {{k, "flash=/no/such/file"}, STATUS_not_found, "/no/such/file"},
        {{k, "flash=x", "flash=y", "flash=z"}, STATUS_config, "two banks"},
        {{k, "flash=x", "flash=y", "firmware-vars=z"}, STATUS_config, "its variables"},
        {{k, "firmware-vars=/no/such/folder/z"}, STATUS_not_found, "/no/such/folder/z"},
        {{k, "cpu=z80"}, STATUS_config, "z80"},
        {{k, "cpu=max,-nonsense"}, STATUS_config, "nonsense"},
    };
    for (size_t at = 0; at < ARRAY_LEN(bad); at++) {
        struct vm_machine *m = NULL;
        struct vm_error error = {0};
        int rc = make(&m, bad[at].options, NULL, &error);
        if (rc != -bad[at].status || !strstr(error.text, bad[at].word))
            fail_msg("case %zu: %d, '%s' lacks '%s'", at, rc, error.text, bad[at].word);
        assert_null(m);
    }
    unlink(kernel), unlink(text), unlink(disk), unlink(big), unlink(noise);
}

static void locks_disks(void **state)
{
    (void)state;
    static uint8_t zeros[1 << 16];
    char disk[32], rw[64], ro[64];
    temporary(disk, zeros, sizeof zeros);
    snprintf(rw, sizeof rw, "disk=%s", disk);
    snprintf(ro, sizeof ro, "disk=%s,ro", disk);
    struct vm_machine *a, *b, *c;
    struct vm_error error = {0};
    assert_int_equal(MAKE(&a, NULL, &error, "bios=none", "memory=16M", rw), 0);
    assert_int_equal(MAKE(&b, NULL, &error, "bios=none", "memory=16M", rw), -STATUS_conflict);
    assert_non_null(strstr(error.text, disk));
    vm_machine_free(a);
    assert_int_equal(MAKE(&b, NULL, &error, "bios=none", "memory=16M", ro), 0);
    assert_int_equal(MAKE(&c, NULL, &error, "bios=none", "memory=16M", ro), 0);
    vm_machine_free(b);
    vm_machine_free(c);
    unlink(disk);
}

/* Boots a flat supervisor. vcpus "1".."8". */
static struct vm_machine *boot(const struct program *p, const char *vcpus, struct console_notes *notes)
{
    char path[32], kernel[64], count[32];
    struct vm_machine *m = NULL;
    struct vm_error error = {0};
    temporary(path, p->words, p->count * 4);
    snprintf(kernel, sizeof kernel, "kernel=%s", path);
    snprintf(count, sizeof count, "vcpus=%s", vcpus);
    int rc = MAKE(&m, notes, &error, kernel, count, "memory=16M", "no-reboot");
    unlink(path);
    if (rc)
        fail_msg("%s", error.text);
    return m;
}

static void shutdown(struct program *p)
{
    li(p, A0, 0);
    li(p, A1, 0);
    sbi(p, SRST, 0);
    jump(p, here(p));
}

static uint64_t noted(struct vm_machine *m, unsigned n)
{
    uint64_t value = 0;
    assert_int_equal(vm_memory_read(m, NOTES + 8 * n, &value, 8, NULL), 0);
    return value;
}

static void starts_supervisors(void **state)
{
    (void)state;
    struct program p = {0};
    struct console_notes notes = {0};
    li(&p, S0, NOTES);
    store(&p, 3, A0, S0, 0);
    load(&p, 2, T0, A1, 0); /* the device tree's magic */
    store(&p, 3, T0, S0, 8);
    csr(&p, 2, T0, 0x100, ZERO); /* sstatus: S mode or this traps */
    store(&p, 3, T0, S0, 16);
    csr(&p, 2, T0, 0x180, ZERO); /* satp */
    store(&p, 3, T0, S0, 24);
    sbi(&p, BASE, 0);
    store(&p, 3, A0, S0, 32);
    store(&p, 3, A1, S0, 40);
    li(&p, A0, 'O');
    sbi(&p, DBCN, 2);
    li(&p, A0, 'K');
    sbi(&p, 1, 0);
    csr(&p, 2, T0, TIME_CSR, ZERO);
    csr(&p, 2, T0, 0xc02, ZERO); /* instret is allowed */
    shutdown(&p);
    struct vm_machine *m = boot(&p, "1", &notes);
    assert_int_equal(reg(m, 0, "pc"), KERNEL);
    assert_int_equal(run(m).why, VM_STOP_POWEROFF);
    assert_int_equal(noted(m, 0), 0);
    assert_int_equal(noted(m, 1), 0xedfe0dd0);
    assert_int_equal(noted(m, 2) & 2, 0);
    assert_int_equal(noted(m, 3), 0);
    assert_int_equal(noted(m, 4), 0);
    assert_int_equal(noted(m, 5), 0x02000000);
    assert_int_equal(notes.len, 2);
    assert_memory_equal(notes.text, "OK", 2);
    vm_machine_free(m);
}

/*
 * Hart 0 starts the others, wakes each by an interrupt between processors, waits until all have counted, fences them, and checks that they
 * stopped. A hart: notes its opaque value, sleeps, counts when woken, stops.
 */
static void many_harts(struct program *p, unsigned harts)
{
    li(p, S0, NOTES);
    size_t skip = here(p);
    jump(p, skip + 1);      /* patched: to hart 0's part */
    size_t other = here(p); /* a0 = hart, a1 = opaque */
    li(p, S0, NOTES);
    slli(p, T0, A0, 3);
    add(p, T0, T0, S0);
    store(p, 3, A1, T0, 64);
    addi(p, T1, ZERO, SSIE);
    csr(p, 1, ZERO, SIE, T1);
    wfi(p);
    csr(p, 2, T2, SIP, ZERO);
    put(p, 0x0023f393); /* andi t2, t2, 2 */
    branch(p, 0, T2, ZERO, here(p) - 3);
    addi(p, T1, ZERO, 1);
    put(p, 0x0064302f); /* amoadd.d zero, t1, (s0) */
    sbi(p, HSM, 1);
    jump(p, here(p));
    size_t first = here(p);
    size_t end = p->count;
    p->count = skip;
    jump(p, first);
    p->count = end;
    for (unsigned n = 1; n < harts; n++) {
        li(p, A0, n);
        li(p, A1, KERNEL + 4 * other);
        li(p, A2, 1000 + n);
        sbi(p, HSM, 0);
    }
    for (unsigned n = 1; n < harts; n++) { /* wait for its note, then wake it */
        load(p, 3, T0, S0, (int)(64 + 8 * n));
        branch(p, 0, T0, ZERO, here(p) - 1);
        li(p, A0, 1);
        li(p, A1, n);
        sbi(p, IPI, 0);
    }
    li(p, A0, 0);
    li(p, A1, UINT64_MAX);
    li(p, A2, 0);
    li(p, A3, 0);
    sbi(p, RFENCE, 1);
    store(p, 3, A0, S0, 8);
    addi(p, T1, ZERO, (int)harts - 1);
    load(p, 3, T0, S0, 0);
    branch(p, 1, T0, T1, here(p) - 1);
    for (unsigned n = 1; n < harts; n++) { /* each stops in the end */
        size_t again = here(p);
        li(p, A0, n);
        sbi(p, HSM, 2);
        addi(p, T1, ZERO, 1);
        branch(p, 1, A1, T1, again);
    }
    shutdown(p);
}

static void runs_many_harts(void **state)
{
    (void)state;
    for (unsigned harts = 2; harts <= 4; harts += 2) {
        struct program p = {0};
        char count[2] = {(char)('0' + harts), 0};
        many_harts(&p, harts);
        struct vm_machine *m = boot(&p, count, NULL);
        assert_int_equal(run(m).why, VM_STOP_POWEROFF);
        assert_int_equal(noted(m, 0), harts - 1);
        assert_int_equal(noted(m, 1), 0);
        for (unsigned n = 1; n < harts; n++)
            assert_int_equal(noted(m, 8 + n), 1000 + n);
        vm_machine_free(m);
    }
}

/* The timer ends a wait; so it does a non-retentive suspend, which goes on elsewhere. */
static void keeps_time(void **state)
{
    (void)state;
    struct program p = {0};
    li(&p, S0, NOTES);
    size_t skip = here(&p);
    jump(&p, skip + 1);
    size_t resumed = here(&p);
    li(&p, S0, NOTES);
    store(&p, 3, A1, S0, 8);
    csr(&p, 2, T0, TIME_CSR, ZERO);
    store(&p, 3, T0, S0, 16);
    shutdown(&p);
    size_t end = p.count;
    p.count = skip;
    jump(&p, end);
    p.count = end;
    addi(&p, T1, ZERO, STIE);
    csr(&p, 1, ZERO, SIE, T1);
    for (unsigned i = 0; i < 2; i++) { /* a wait of 5 ms, then a suspend of 5 ms */
        csr(&p, 2, A0, TIME_CSR, ZERO);
        if (!i)
            store(&p, 3, A0, S0, 0);
        li(&p, T0, 50000);
        add(&p, A0, A0, T0);
        sbi(&p, TIME, 0);
        if (!i) {
            wfi(&p);
            continue;
        }
        li(&p, A0, 0x80000000);
        li(&p, A1, KERNEL + 4 * resumed);
        li(&p, A2, 4321);
        sbi(&p, HSM, 3);
    }
    for (unsigned sstc = 0; sstc < 2; sstc++) {
        char path[32], kernel[64];
        struct vm_machine *m = NULL;
        struct vm_error error = {0};
        temporary(path, p.words, p.count * 4);
        snprintf(kernel, sizeof kernel, "kernel=%s", path);
        if (MAKE(&m, NULL, &error, kernel, "memory=16M", sstc ? "cpu=max" : "cpu=max,-sstc"))
            fail_msg("%s", error.text);
        unlink(path);
        assert_int_equal(run(m).why, VM_STOP_POWEROFF);
        assert_int_equal(noted(m, 1), 4321);
        if (noted(m, 2) - noted(m, 0) < 100000)
            fail_msg("%llu ticks", (unsigned long long)(noted(m, 2) - noted(m, 0)));
        assert_true(vm_insns(m, 0) < 1000); /* it slept */
        vm_machine_free(m);
    }
}

/* Boots from its file again: what the first run wrote over itself is gone, and harts that ran are stopped. */
static void reboots_supervisors(void **state)
{
    (void)state;
    struct program p = {0};
    li(&p, S0, NOTES);
    load(&p, 3, S1, S0, 0);
    addi(&p, S1, S1, 1);
    store(&p, 3, S1, S0, 0);
    li(&p, A0, 1);
    sbi(&p, HSM, 2);
    store(&p, 3, A1, S0, 8);
    li(&p, A0, 1);
    li(&p, A1, RAM); /* where it spins */
    sbi(&p, HSM, 0);
    li(&p, T0, KERNEL);
    store(&p, 3, ZERO, T0, 0); /* damages the kernel in memory */
    addi(&p, T1, ZERO, 5);
    size_t at = here(&p);
    branch(&p, 0, S1, T1, at + 1);
    li(&p, A0, 2);
    li(&p, A1, 0);
    sbi(&p, SRST, 0);
    jump(&p, here(&p));
    size_t end = p.count;
    p.count = at;
    branch(&p, 0, S1, T1, end);
    p.count = end;
    shutdown(&p);
    char path[32], kernel[64];
    struct vm_machine *m = NULL;
    struct vm_error error = {0};
    uint32_t spin = 0x0000006f;
    temporary(path, p.words, p.count * 4);
    snprintf(kernel, sizeof kernel, "kernel=%s", path);
    if (MAKE(&m, NULL, &error, kernel, "memory=16M", "vcpus=2"))
        fail_msg("%s", error.text);
    assert_int_equal(vm_memory_write(m, RAM, &spin, 4, NULL), 0);
    assert_int_equal(run(m).why, VM_STOP_POWEROFF);
    assert_int_equal(noted(m, 0), 5);
    assert_int_equal(noted(m, 1), 1);
    vm_machine_free(m);

    struct vm_outcome outcome;
    if (MAKE(&m, NULL, &error, kernel, "memory=16M", "vcpus=2"))
        fail_msg("%s", error.text);
    assert_int_equal(vm_memory_write(m, RAM, &spin, 4, NULL), 0);
    unlink(path); /* now it cannot boot again */
    assert_int_equal(vm_machine_start(m, NULL), 0);
    assert_int_equal(vm_machine_wait(m, PATIENCE_MS, &outcome, NULL), 0);
    assert_int_equal(outcome.why, VM_STOP_PANIC);
    assert_non_null(strstr(outcome.text, "cannot boot again"));
    vm_machine_free(m);
}

static void reports_failures(void **state)
{
    (void)state;
    struct program p = {0};
    li(&p, A0, 0);
    li(&p, A1, 1);
    sbi(&p, SRST, 0);
    struct vm_machine *m = boot(&p, "1", NULL);
    assert_int_equal(run(m).why, VM_STOP_PANIC);
    vm_machine_free(m);
}

/* The same seed gives the same device tree; memory from 16 MiB up starts. */
static void repeats_with_a_seed(void **state)
{
    (void)state;
    struct program p = {0};
    static uint8_t trees[3][4096];
    char path[32], kernel[64];
    finish(&p, 0x5555);
    temporary(path, p.words, p.count * 4);
    snprintf(kernel, sizeof kernel, "kernel=%s", path);
    for (unsigned i = 0; i < 3; i++) {
        struct vm_machine *m = NULL;
        struct vm_error error = {0};
        if (MAKE(&m, NULL, &error, kernel, i < 2 ? "seed=7" : "seed=8", "memory=100M"))
            fail_msg("%s", error.text);
        assert_int_equal(vm_memory_read(m, reg(m, 0, "a1"), trees[i], sizeof trees[i], &error), 0);
        vm_machine_free(m);
    }
    unlink(path);
    assert_int_equal(be32_get(trees[0]), 0xd00dfeed);
    assert_memory_equal(trees[0], trees[1], sizeof trees[0]);
    assert_memory_not_equal(trees[0], trees[2], sizeof trees[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),          cmocka_unit_test(locks_disks),         cmocka_unit_test(starts_supervisors),
        cmocka_unit_test(runs_many_harts),  cmocka_unit_test(keeps_time),          cmocka_unit_test(reboots_supervisors),
        cmocka_unit_test(reports_failures), cmocka_unit_test(repeats_with_a_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
