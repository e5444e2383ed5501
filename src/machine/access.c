/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looking into a machine that stands still, and touching it: registers, memory, programs. */
#include "base/bits.h"
#include "machine/boot/elf.h"
#include "machine/machine.h"
#include "machine/public.h"
#include <stdio.h>

static int check_still(const struct vm_machine *m, struct err *err)
{
    if (m->state == VM_RUNNING)
        return err_set(err, STATUS_conflict, "the machine is running; pause it first");
    return 0;
}

unsigned vm_vcpus(const struct vm_machine *m) { return m->vcpus; }

uint64_t vm_insns(const struct vm_machine *m, unsigned vcpu)
{
    if (vcpu >= m->vcpus)
        return 0;
    return __atomic_load_n(&accel_vm_cpu(m->accel, vcpu)->insns, __ATOMIC_RELAXED);
}

const char *vm_register_name(const struct vm_machine *m, size_t index)
{
    const struct guest *guest = guest_find(m->board->arch);
    if (!index)
        return "pc";
    return index - 1 < guest->nregs ? guest->regs[index - 1].name : NULL;
}

/* Where a register is. */
struct place {
    bool special; /* through the board, by name */
    uint64_t *at; /* else its cells */
    size_t bytes;
    uint64_t mask; /* of its last cell */
};

static int find(struct vm_machine *m, unsigned vcpu, const char *name, size_t len, struct place *out, struct err *err)
{
    const struct guest *guest = guest_find(m->board->arch);
    uint64_t value;
    int rc = check_still(m, err);
    if (rc)
        return rc;
    if (vcpu >= m->vcpus)
        return err_set(err, STATUS_not_found, "there is no vcpu %u; the machine has %u", vcpu, m->vcpus);
    struct cpu *cpu = accel_vm_cpu(m->accel, vcpu);
    *out = (struct place){.bytes = 8, .mask = UINT64_MAX};
    if (!strcmp(name, "pc"))
        out->at = &cpu->pc;
    else if (m->board->register_read && m->board->register_read(cpu, name, &value))
        out->special = true;
    for (size_t i = 0; !out->at && !out->special && i < guest->nregs; i++)
        if (!strcmp(guest->regs[i].name, name)) {
            out->at = &cpu->cell[guest->regs[i].cell];
            out->bytes = guest->regs[i].bits > 64 ? 16 : 8;
            out->mask = guest->regs[i].bits % 64 ? (1ull << guest->regs[i].bits % 64) - 1 : UINT64_MAX;
        }
    if (!out->at && !out->special)
        return err_set(err, STATUS_not_found, "there is no register '%.40s'", name);
    if (!len || len > out->bytes || len > 16)
        return err_set(err, STATUS_config, "register '%.40s' has %zu bytes, not %zu", name, out->bytes, len);
    return 0;
}

static void to_bytes(uint8_t *out, const uint64_t *cells, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(cells[i / 8] >> i % 8 * 8);
}

int vm_register_read(struct vm_machine *m, unsigned vcpu, const char *name, void *value, size_t len, struct vm_error *error)
{
    struct err err = {0};
    struct place place;
    uint64_t special = 0;
    os_mutex_lock(&m->lock);
    int rc = find(m, vcpu, name, len, &place, &err);
    if (!rc && place.special)
        m->board->register_read(accel_vm_cpu(m->accel, vcpu), name, &special);
    if (!rc)
        to_bytes(value, place.special ? &special : place.at, len);
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

static int write_register(struct vm_machine *m, unsigned vcpu, const char *name, const uint8_t *value, size_t len, struct err *err)
{
    struct place place;
    uint64_t cells[2] = {0};
    int rc = find(m, vcpu, name, len, &place, err);
    if (rc)
        return rc;
    struct cpu *cpu = accel_vm_cpu(m->accel, vcpu);
    for (size_t i = 0; i < len; i++)
        cells[i / 8] |= (uint64_t)value[i] << i % 8 * 8;
    if (place.special) {
        if (!m->board->register_write(cpu, name, cells[0]))
            return err_set(err, STATUS_config, "register '%.40s' cannot be written", name);
    } else {
        cells[place.bytes / 8 - 1] &= place.mask;
        memcpy(place.at, cells, place.bytes);
    }
    if (m->board->registers_written)
        m->board->registers_written(cpu);
    return 0;
}

int vm_register_write(struct vm_machine *m, unsigned vcpu, const char *name, const void *value, size_t len, struct vm_error *error)
{
    struct err err = {0};
    os_mutex_lock(&m->lock);
    int rc = write_register(m, vcpu, name, value, len, &err);
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

int vm_memory_read(struct vm_machine *m, uint64_t address, void *data, size_t len, struct vm_error *error)
{
    struct err err = {0};
    os_mutex_lock(&m->lock);
    int rc = check_still(m, &err);
    if (!rc && !mem_read(m->space, address, data, len))
        rc = err_set(&err, STATUS_not_found, "%#llx..%#llx is not all memory", (unsigned long long)address,
                     (unsigned long long)(address + (len ? len - 1 : 0)));
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

static int write_memory(struct vm_machine *m, uint64_t address, const void *data, size_t len, struct err *err)
{
    const struct mem_region *region = mem_space_find(m->space, address);
    if (region && region->kind == MEM_ROM && len <= region->size - (address - region->base))
        memcpy(region->host + (address - region->base), data, len);
    else if (!mem_write(m->space, address, data, len))
        return err_set(err, STATUS_not_found, "%#llx..%#llx is not all memory", (unsigned long long)address,
                       (unsigned long long)(address + (len ? len - 1 : 0)));
    accel_vm_memory_changed(m->accel);
    return 0;
}

int vm_memory_write(struct vm_machine *m, uint64_t address, const void *data, size_t len, struct vm_error *error)
{
    struct err err = {0};
    os_mutex_lock(&m->lock);
    int rc = check_still(m, &err);
    if (!rc)
        rc = write_memory(m, address, data, len, &err);
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

int vm_program_load(struct vm_machine *m, const void *elf, size_t len, uint64_t *entry, struct vm_error *error)
{
    struct err err = {0};
    struct elf_info info;
    os_mutex_lock(&m->lock);
    int rc = check_still(m, &err);
    if (!rc)
        rc = elf_load(elf, len, m->board->machine, 0, m->space, &info, &err);
    accel_vm_memory_changed(m->accel);
    if (!rc && entry)
        *entry = info.entry;
    os_mutex_unlock(&m->lock);
    return public_error(rc, &err, error);
}

/* ---- the console while the machine runs ---- */

size_t vm_console_input(struct vm_machine *m, const void *data, size_t len) { return console_input(&m->console, data, len); }

void vm_console_resize(struct vm_machine *m, unsigned columns, unsigned rows)
{
    if (m->board->resized)
        m->board->resized(m, columns, rows);
}
