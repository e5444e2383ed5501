/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The device tree builder and the user's tree (Devicetree Specification 0.4, sections 3.6 and 5). */
#include "machine/boot/fdt.h"
#include "base/bits.h"
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELLS_MAX = 64, CHOSEN_ROOM = 4096, DT_VERSION = 17 };

#define TRY(dt, call)              \
    do {                           \
        if (!(dt)->failed)         \
            (dt)->failed = (call); \
    } while (0)

int dt_start(struct dt *dt, size_t room)
{
    *dt = (struct dt){.blob = calloc(1, room), .room = room};
    if (!dt->blob)
        return -STATUS_resource;
    TRY(dt, fdt_create(dt->blob, (int)room));
    TRY(dt, fdt_finish_reservemap(dt->blob));
    return 0;
}

void dt_node(struct dt *dt, const char *name) { TRY(dt, fdt_begin_node(dt->blob, name)); }

void dt_node_at(struct dt *dt, const char *name, uint64_t at)
{
    char full[64];
    snprintf(full, sizeof full, "%s@%llx", name, (unsigned long long)at);
    dt_node(dt, full);
}

void dt_close(struct dt *dt) { TRY(dt, fdt_end_node(dt->blob)); }
void dt_flag(struct dt *dt, const char *name) { TRY(dt, fdt_property(dt->blob, name, NULL, 0)); }
void dt_text(struct dt *dt, const char *name, const char *text) { TRY(dt, fdt_property_string(dt->blob, name, text)); }
void dt_bytes(struct dt *dt, const char *name, const void *bytes, size_t len) { TRY(dt, fdt_property(dt->blob, name, bytes, (int)len)); }
void dt_u32(struct dt *dt, const char *name, uint32_t value) { TRY(dt, fdt_property_u32(dt->blob, name, value)); }
void dt_u64(struct dt *dt, const char *name, uint64_t value) { TRY(dt, fdt_property_u64(dt->blob, name, value)); }

void dt_cells(struct dt *dt, const char *name, const uint32_t *cells, size_t count)
{
    fdt32_t out[CELLS_MAX];
    if (count > CELLS_MAX)
        count = CELLS_MAX, dt->failed = dt->failed ? dt->failed : DT_NO_ROOM;
    for (size_t i = 0; i < count; i++)
        out[i] = cpu_to_fdt32(cells[i]);
    dt_bytes(dt, name, out, count * sizeof *out);
}

void dt_reg(struct dt *dt, uint64_t base, uint64_t size)
{
    dt_cells(dt, "reg", (const uint32_t[]){(uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32), (uint32_t)size}, 4);
}

void dt_put_chosen(struct dt *dt, const struct dt_chosen *chosen)
{
    dt_node(dt, "chosen");
    if (chosen->bootargs)
        dt_text(dt, "bootargs", chosen->bootargs);
    if (chosen->stdout_path)
        dt_text(dt, "stdout-path", chosen->stdout_path);
    if (chosen->initrd != chosen->initrd_end) {
        dt_u64(dt, "linux,initrd-start", chosen->initrd);
        dt_u64(dt, "linux,initrd-end", chosen->initrd_end);
    }
    if (chosen->seed) {
        dt_bytes(dt, "rng-seed", chosen->seed, DT_SEED);
        dt_bytes(dt, "kaslr-seed", chosen->seed + DT_SEED, 8);
    }
    dt_close(dt);
}

int dt_end(struct dt *dt, void **blob, size_t *len, struct err *err)
{
    TRY(dt, fdt_finish(dt->blob));
    if (dt->failed) {
        free(dt->blob);
        return err_set(err, STATUS_config, "cannot build the device tree (%s); is the kernel command line too long?",
                       fdt_strerror(dt->failed));
    }
    *blob = dt->blob;
    *len = fdt_totalsize(dt->blob);
    return 0;
}

static int adopt_chosen(void *blob, const struct dt_chosen *chosen)
{
    struct dt dt = {.blob = blob};
    int node = fdt_path_offset(blob, "/chosen");
    if (node == -FDT_ERR_NOTFOUND)
        node = fdt_add_subnode(blob, 0, "chosen");
    if (node < 0)
        return node;
    if (chosen->bootargs)
        TRY(&dt, fdt_setprop_string(blob, node, "bootargs", chosen->bootargs));
    if (chosen->initrd != chosen->initrd_end) {
        TRY(&dt, fdt_setprop_u64(blob, node, "linux,initrd-start", chosen->initrd));
        TRY(&dt, fdt_setprop_u64(blob, node, "linux,initrd-end", chosen->initrd_end));
    }
    if (chosen->seed) {
        TRY(&dt, fdt_setprop(blob, node, "rng-seed", chosen->seed, DT_SEED));
        TRY(&dt, fdt_setprop(blob, node, "kaslr-seed", chosen->seed + DT_SEED, 8));
    }
    return dt.failed;
}

int dt_adopt(const void *data, size_t data_len, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err)
{
    if (data_len < sizeof(struct fdt_header) || be32_get(data) != FDT_MAGIC)
        return err_set(err, STATUS_corrupt, "not a device tree blob; compile sources with dtc -O dtb");
    if (data_len > DT_USER_MAX)
        return err_set(err, STATUS_config, "the device tree is larger than %d KiB", DT_USER_MAX >> 10);
    /* Older layouts are extinct, and libfdt 1.6 stumbles when it checks them. */
    if (be32_get((const char *)data + offsetof(struct fdt_header, version)) < DT_VERSION)
        return err_set(err, STATUS_corrupt, "the device tree is of a version before %d, or damaged; make it again with dtc", DT_VERSION);
    int rc = fdt_check_full(data, data_len);
    if (rc)
        return err_set(err, STATUS_corrupt, "the device tree is damaged (%s)", fdt_strerror(rc));
    size_t room = fdt_totalsize(data) + CHOSEN_ROOM + (chosen->bootargs ? strlen(chosen->bootargs) : 0);
    void *copy = calloc(1, room);
    if (!copy)
        return err_set(err, STATUS_resource, "no memory for the device tree");
    rc = fdt_open_into(data, copy, (int)room);
    if (!rc)
        rc = adopt_chosen(copy, chosen);
    if (!rc)
        rc = fdt_pack(copy);
    if (rc) {
        free(copy);
        return err_set(err, STATUS_corrupt, "the device tree cannot be changed (%s)", fdt_strerror(rc));
    }
    *blob = copy;
    *len = fdt_totalsize(copy);
    return 0;
}
