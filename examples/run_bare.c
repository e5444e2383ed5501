/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A bare riscv64 machine without firmware: puts a program of a few words into memory, runs it, reads registers. The program adds the numbers
 * from 1 to 100 and ends the machine through the test finisher.
 */
#include <stdio.h>
#include <vm/vm.h>

static const uint32_t program[] = {
    0x00000513, /*      li   a0, 0        */
    0x06400593, /*      li   a1, 100      */
    0x00b50533, /* 1:   add  a0, a0, a1   */
    0xfff58593, /*      addi a1, a1, -1   */
    0xfe059ce3, /*      bnez a1, 1b       */
    0x001002b7, /*      lui  t0, 0x100    # the test finisher */
    0x00005337, /*      lui  t1, 5        */
    0x55530313, /*      addi t1, t1, 0x555 */
    0x0062a023, /*      sw   t1, 0(t0)    # power off */
    0x0000006f, /*      j    .            */
};

static int run(struct vm_machine *machine, struct vm_error *error)
{
    struct vm_outcome outcome;
    uint64_t start = 0x80000000, sum = 0;

    if (vm_memory_write(machine, start, program, sizeof program, error))
        return -1;
    if (vm_register_write(machine, 0, "pc", &start, sizeof start, error))
        return -1;
    if (vm_machine_start(machine, error) || vm_machine_wait(machine, 60000, &outcome, error))
        return -1;
    if (vm_register_read(machine, 0, "a0", &sum, sizeof sum, error))
        return -1;
    printf("the sum is %llu after %llu instructions\n", (unsigned long long)sum, (unsigned long long)vm_insns(machine, 0));
    return sum == 5050 && outcome.why == VM_STOP_POWEROFF ? 0 : -1;
}

int main(void)
{
    struct vm_config *config;
    struct vm_machine *machine = NULL;
    struct vm_error error = {0};
    int failed = 1;

    if (vm_config_new(&config))
        return 1;
    if (!vm_config_set(config, "arch", "riscv64", &error) && !vm_config_set(config, "bios", "none", &error) &&
        !vm_config_set(config, "memory", "16M", &error) && !vm_machine_new(&machine, config, &error))
        failed = run(machine, &error);
    if (failed)
        fprintf(stderr, "run_bare: %s\n", error.text);
    vm_machine_free(machine);
    vm_config_free(config);
    return failed ? 1 : 0;
}
