/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Arbitrary code in machine mode: decoder, lifter, evaluator, CSRs, page tables and device registers, through the public library. The
 * input lies at the start of memory and runs for a bounded number of insns with registers that point to memory and devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vm/vm.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INSNS = 2000 };
#define RAM 0x80000000ull

static void drop(void *arg, const void *data, size_t len) { (void)arg, (void)data, (void)len; }
static void drop_line(void *arg, const char *level, const char *component, const char *text)
{
    (void)arg, (void)level, (void)component, (void)text;
}

static struct vm_machine *build(void)
{
    static const char *const options[][2] = {{"bios", "none"}, {"memory", "16M"}, {"log", "guest"}, {"seed", "1"}};
    struct vm_config *config;
    struct vm_machine *machine;
    struct vm_error error;

    if (vm_config_new(&config))
        abort();
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (vm_config_set(config, options[i][0], options[i][1], &error))
            goto bad;
    vm_config_set_console(config, drop, NULL);
    vm_config_set_log(config, drop_line, NULL);
    if (vm_machine_new(&machine, config, &error))
        goto bad;
    vm_config_free(config);
    return machine;
bad:
    fprintf(stderr, "%s\n", error.text);
    abort();
}

static void set(struct vm_machine *machine, const char *name, uint64_t value)
{
    if (vm_register_write(machine, 0, name, &value, sizeof value, NULL))
        abort();
}

/* Where the board has something: memory, its end, and the windows of devices. */
static const uint64_t places[] = {RAM,        RAM + 0x1000, RAM + (16 << 20) - 8, RAM + (16 << 20), 0x10000000, 0x10001000, 0x0c000000,
                                  0x02000000, 0x101000,     0x20000000,           0x1000,           ~0ull - 4};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct vm_machine *machine = build(); /* a new one each time: a run repeats by itself */
    uint64_t done;
    char name[8];

    if (len > 1 << 16)
        len = 1 << 16;
    if (vm_memory_write(machine, RAM, data, len, NULL))
        abort();
    for (unsigned i = 1; i < 32; i++) {
        snprintf(name, sizeof name, "x%u", i);
        set(machine, name, places[i % (sizeof places / sizeof places[0])]);
    }
    set(machine, "pc", RAM);
    vm_step(machine, 0, INSNS, &done, NULL);
    vm_machine_free(machine);
    return 0;
}
