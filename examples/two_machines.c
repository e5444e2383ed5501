/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Two machines in one process, both running at once. Each program writes its own word to the serial port, one letter at a time, and powers
 * off; the consoles are two strings of this program. Then one machine is stepped by hand.
 */
#include <stdio.h>
#include <string.h>
#include <vm/vm.h>

/* a0 points to a text that ends with 0: to the serial port with it, then power off. */
static const uint32_t program[] = {
    0x100005b7, /*      lui  a1, 0x10000   # the serial port */
    0x00054603, /* 1:   lbu  a2, 0(a0)     */
    0x00060863, /*      beqz a2, 2f        */
    0x00c58023, /*      sb   a2, 0(a1)     */
    0x00150513, /*      addi a0, a0, 1     */
    0xff1ff06f, /*      j    1b            */
    0x001002b7, /* 2:   lui  t0, 0x100     # the test finisher */
    0x00005337, /*      lui  t1, 5         */
    0x55530313, /*      addi t1, t1, 0x555 */
    0x0062a023, /*      sw   t1, 0(t0)     */
    0x0000006f, /*      j    .             */
};

struct side {
    struct vm_machine *machine;
    char console[64];
};

static void append(void *arg, const void *data, size_t len)
{
    struct side *side = arg;
    size_t used = strlen(side->console), room = sizeof side->console - 1 - used;

    memcpy(side->console + used, data, len < room ? len : room);
}

static int make(struct side *side, const char *text, struct vm_error *error)
{
    struct vm_config *config;
    uint64_t start = 0x80000000, at = 0x80001000;
    int rc = vm_config_new(&config);

    if (rc)
        return rc;
    vm_config_set_console(config, append, side);
    rc = vm_config_set(config, "bios", "none", error);
    if (!rc)
        rc = vm_config_set(config, "memory", "16M", error);
    if (!rc)
        rc = vm_machine_new(&side->machine, config, error);
    vm_config_free(config);
    if (!rc)
        rc = vm_memory_write(side->machine, start, program, sizeof program, error);
    if (!rc)
        rc = vm_memory_write(side->machine, at, text, strlen(text) + 1, error);
    return rc ? rc : vm_register_write(side->machine, 0, "a0", &at, sizeof at, error);
}

static int run_both(struct side *sides, struct vm_error *error)
{
    struct vm_outcome outcome;
    int rc = 0;

    for (int i = 0; !rc && i < 2; i++)
        rc = vm_machine_start(sides[i].machine, error);
    for (int i = 0; !rc && i < 2; i++)
        rc = vm_machine_wait(sides[i].machine, 60000, &outcome, error);
    return rc;
}

static int step_one(struct side *side, struct vm_error *error)
{
    uint64_t pc = 0, done = 0;
    int rc = make(side, "abc", error);

    if (!rc)
        rc = vm_step(side->machine, 0, 6, &done, error);
    if (!rc)
        rc = vm_register_read(side->machine, 0, "pc", &pc, sizeof pc, error);
    printf("after %llu instructions: pc %#llx, console '%s'\n", (unsigned long long)done, (unsigned long long)pc, side->console);
    return rc || done != 6 || pc != 0x80000004 || strcmp(side->console, "a") != 0;
}

int main(void)
{
    struct side sides[3] = {0};
    struct vm_error error = {0};
    int failed = make(&sides[0], "first", &error) || make(&sides[1], "second", &error) || run_both(sides, &error);

    printf("one says '%s', the other '%s'\n", sides[0].console, sides[1].console);
    failed |= strcmp(sides[0].console, "first") != 0 || strcmp(sides[1].console, "second") != 0;
    if (!failed)
        failed = step_one(&sides[2], &error);
    if (failed)
        fprintf(stderr, "two_machines: %s\n", error.text);
    for (int i = 0; i < 3; i++)
        vm_machine_free(sides[i].machine);
    return failed ? 1 : 0;
}
