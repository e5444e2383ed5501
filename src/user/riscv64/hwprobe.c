/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * riscv_hwprobe(pairs, number, bytes of the set, set of CPUs, flags): what the processor has, from the model (the kernel's
 * Documentation/arch/riscv/hwprobe.rst). All processors are alike, so a set of them matters only in that it may be empty.
 */
#include "user/riscv64/hwprobe.h"
#include "base/bits.h"
#include "guest/riscv64/riscv64.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

enum { WHICH_CPUS = 1, BASE_IMA = 1, MISALIGNED_FAST = 3, VECTORS_UNSUPPORTED = 4, NS_PER_S = 1000000000, CBO_BYTES = 64 };

enum key {
    KEY_mvendorid,
    KEY_marchid,
    KEY_mimpid,
    KEY_base,
    KEY_extensions,
    KEY_cpuperf,
    KEY_zicboz_size,
    KEY_highest_address,
    KEY_time_frequency,
    KEY_misaligned_scalar,
    KEY_misaligned_vector,
    KEY_thead,
    KEY_zicbom_size,
    KEYS
};

struct pair {
    int64_t key;
    uint64_t value;
};

static uint64_t extensions(const struct cpu *cpu)
{
    static const struct {
        uint8_t feature, bit;
    } rows[] = {
#define EXTENSION(name, bit) {RISCV64_HAS_##name, bit},
#include "user/riscv64/hwprobe.def"
#undef EXTENSION
    };
    uint64_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (riscv64_has(cpu, rows[i].feature))
            found |= 1ull << rows[i].bit;
    return found;
}

static uint64_t value_of(const struct cpu *cpu, enum key key)
{
    switch (key) {
    case KEY_base: return riscv64_has(cpu, RISCV64_HAS_m) && riscv64_has(cpu, RISCV64_HAS_a) ? BASE_IMA : 0;
    case KEY_extensions: return extensions(cpu);
    case KEY_cpuperf:
    case KEY_misaligned_scalar: return MISALIGNED_FAST;
    case KEY_misaligned_vector: return VECTORS_UNSUPPORTED;
    case KEY_zicboz_size: return riscv64_has(cpu, RISCV64_HAS_zicboz) ? CBO_BYTES : 0;
    case KEY_zicbom_size: return riscv64_has(cpu, RISCV64_HAS_zicbom) ? CBO_BYTES : 0;
    case KEY_highest_address: return USER_TOP;
    case KEY_time_frequency: return NS_PER_S / riscv64_arch(cpu)->tick_ns;
    default: return 0;
    }
}

static bool known(int64_t key) { return key >= 0 && key < KEYS; }

/* Bit masks ask for at least these bits, other keys for this value. */
static bool agrees(const struct cpu *cpu, const struct pair *asked)
{
    uint64_t have = value_of(cpu, (enum key)asked->key);
    bool mask = asked->key == KEY_base || asked->key == KEY_extensions || asked->key == KEY_cpuperf;
    return mask ? (have & asked->value) == asked->value : have == asked->value;
}

/* Those of the guest's set that there are; may_be_none: an empty set means all, and none may be there. */
static int64_t read_cpus(cpu_set_t *cpus, uint64_t size, uint64_t at, bool may_be_none)
{
    cpu_set_t online, asked;
    CPU_ZERO(&online);
    CPU_ZERO(&asked);
    for (unsigned i = 0; i < os_cpu_count() && i < CPU_SETSIZE; i++)
        CPU_SET(i, &online);
    if (size && !user_read(&asked, at, size < sizeof asked ? size : sizeof asked))
        return -EFAULT;
    if (!CPU_COUNT(&asked) && may_be_none)
        asked = online;
    CPU_AND(cpus, &asked, &online);
    return CPU_COUNT(cpus) || may_be_none ? 0 : -EINVAL;
}

static int64_t fill(const struct cpu *cpu, uint64_t at, uint64_t count)
{
    for (struct pair pair; count--; at += sizeof pair) {
        if (!user_read(&pair.key, at, sizeof pair.key))
            return -EFAULT;
        pair.value = known(pair.key) ? value_of(cpu, (enum key)pair.key) : 0;
        if (!known(pair.key))
            pair.key = -1;
        if (!user_write(at, &pair, sizeof pair))
            return -EFAULT;
    }
    return 0;
}

/* Leaves those CPUs in the set for which all pairs hold. */
static int64_t which(const struct cpu *cpu, uint64_t at, uint64_t count, uint64_t size, uint64_t set_at)
{
    static const struct pair unknown = {-1, 0};
    cpu_set_t cpus;
    int64_t r = size && set_at ? read_cpus(&cpus, size, set_at, true) : -EINVAL;
    bool all = true;
    for (struct pair pair; !r && count--; at += sizeof pair) {
        if (!user_read(&pair, at, sizeof pair))
            return -EFAULT;
        if (!known(pair.key) && !user_write(at, &unknown, sizeof unknown))
            return -EFAULT;
        all &= known(pair.key) && agrees(cpu, &pair);
    }
    if (!all)
        CPU_ZERO(&cpus);
    return r || user_write(set_at, &cpus, size < sizeof cpus ? size : sizeof cpus) ? r : -EFAULT;
}

int64_t riscv64_hwprobe(struct user_thread *t, const uint64_t a[6])
{
    cpu_set_t cpus;
    uint32_t flags = (uint32_t)a[4];
    if (flags & ~(unsigned)WHICH_CPUS)
        return -EINVAL;
    if (flags)
        return which(t->cpu, a[0], a[1], a[2], a[3]);
    int64_t r = a[2] || a[3] ? read_cpus(&cpus, a[2], a[3], false) : 0;
    return r ? r : fill(t->cpu, a[0], a[1]);
}
