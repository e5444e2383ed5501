/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Kernel, initrd and device tree of the boards named `virt` into memory. From the top of RAM: device tree, below it the initrd; programs
 * where the board wants them.
 */
#include "base/bits.h"
#include "machine/boards/virt.h"
#include "os/file.h"
#include <stdlib.h>

#define FILE_MAX (1ull << 30)

const char *virt_load_option(const struct virt_load *l, enum config_option o) { return machine_option(l->machine, o); }

int virt_load_file(const struct virt_load *l, enum config_option o, void **data, size_t *len, struct err *err)
{
    int rc = os_file_read(virt_load_option(l, o), FILE_MAX, data, len, err);
    if (rc)
        err_prefix(err, "%s", config_name(o));
    return rc;
}

int virt_load_program(const struct virt_load *l, enum config_option o, const struct kernel_place *place, struct kernel_info *out,
                      struct err *err)
{
    void *data;
    size_t len;
    int rc = virt_load_file(l, o, &data, &len, err);
    if (rc)
        return rc;
    rc = kernel_load(data, len, place, l->machine->space, out, err);
    free(data);
    if (rc)
        err_prefix(err, "%s %s", config_name(o), virt_load_option(l, o));
    return rc;
}

gpa virt_loaded_end(const struct virt_load *l)
{
    gpa end = l->firmware.high > l->kernel.high ? l->firmware.high : l->kernel.high;
    return end > l->ram ? end : l->ram;
}

static uint64_t ram_size(const struct virt_load *l) { return l->ram_end - l->ram; }

static int too_small(const struct virt_load *l, const char *what, uint64_t missing, struct err *err)
{
    return err_set(err, STATUS_config,
                   "no room for the %s: it needs about %llu MiB more than the machine's %llu MiB; give more with memory", what,
                   (unsigned long long)(missing >> 20) + 1, (unsigned long long)(ram_size(l) >> 20));
}

int virt_load_place_dt(struct virt_load *l, bool at_start, struct err *err)
{
    const char *append = virt_load_option(l, CONFIG_append);
    int rc = virt_load_option(l, CONFIG_dtb) ? virt_load_file(l, CONFIG_dtb, &l->user_dt, &l->user_dt_len, err) : 0;
    if (rc)
        return rc;
    if (l->user_dt_len > DT_USER_MAX)
        return err_set(err, STATUS_config, "dtb %s: larger than %d KiB", virt_load_option(l, CONFIG_dtb), DT_USER_MAX >> 10);
    uint64_t room = align_up(l->user_dt_len + VIRT_DT_ROOM + (append ? strlen(append) : 0), VIRT_DT_ROOM);
    gpa low = l->kernel.high ? l->kernel.low : l->ram_end;
    if (at_start && room <= low - l->ram) {
        l->dt = l->ram;
        return 0;
    }
    gpa top = l->ram_end < l->low_end ? l->ram_end : l->low_end;
    l->dt = align_down(top - room, ram_size(l) >= 64 << 20 ? 2 << 20 : VIRT_DT_ROOM);
    if (l->dt < virt_loaded_end(l))
        return too_small(l, "device tree", virt_loaded_end(l) - l->dt, err);
    return 0;
}

/* The end of what the initrd may take: below the device tree, unless that is at the start of RAM. */
static gpa initrd_top(const struct virt_load *l)
{
    gpa top = l->ram_end < l->low_end ? l->ram_end : l->low_end;
    return l->dt > l->ram ? l->dt : top;
}

int virt_load_initrd(struct virt_load *l, struct err *err)
{
    void *data;
    size_t len;
    if (!virt_load_option(l, CONFIG_initrd))
        return 0;
    int rc = virt_load_file(l, CONFIG_initrd, &data, &len, err);
    if (rc)
        return rc;
    gpa end = virt_loaded_end(l), top = initrd_top(l);
    gpa at = len < top ? align_down(top - len, MEM_PAGE) : 0;
    if (at < end && l->ram_end > l->low_end && len <= l->ram_end - l->low_end)
        at = align_down(l->ram_end - len, MEM_PAGE); /* above the device tree */
    if (!len)
        rc = err_set(err, STATUS_config, "initrd %s: the file is empty", virt_load_option(l, CONFIG_initrd));
    else if (at < end)
        rc = too_small(l, "initrd", end + len - top, err);
    else if (!mem_write(l->machine->space, at, data, len))
        rc =
            err_set(err, STATUS_failed, "initrd %s: cannot be placed at %#llx", virt_load_option(l, CONFIG_initrd), (unsigned long long)at);
    free(data);
    l->initrd = at;
    l->initrd_end = at + len;
    return rc;
}

/* From chance, or from the number that the user gave (splitmix64). */
static int make_seed(struct virt_load *l, struct err *err)
{
    if (!virt_load_option(l, CONFIG_seed))
        return os_random(l->seed, sizeof l->seed, err);
    uint64_t x = config_number(l->machine->config, CONFIG_seed);
    for (size_t i = 0; i + 8 <= sizeof l->seed; i += 8) {
        uint64_t z = x += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        le64_put(l->seed + i, z ^ z >> 31);
    }
    return 0;
}

int virt_load_dt(struct virt_load *l,
                 int (*build)(const struct virt_load *load, const struct dt_chosen *chosen, void **blob, size_t *len, struct err *err),
                 struct err *err)
{
    bool seeded = config_switch(l->machine->config, CONFIG_rng) || virt_load_option(l, CONFIG_seed);
    struct dt_chosen chosen = {
        .bootargs = virt_load_option(l, CONFIG_append), .initrd = l->initrd, .initrd_end = l->initrd_end, .seed = seeded ? l->seed : NULL};
    void *blob;
    size_t len;
    int rc = seeded ? make_seed(l, err) : 0;
    if (rc)
        return rc;
    if (!l->user_dt) {
        rc = build(l, &chosen, &blob, &len, err);
    } else {
        rc = dt_adopt(l->user_dt, l->user_dt_len, &chosen, &blob, &len, err);
        if (rc)
            err_prefix(err, "dtb %s", virt_load_option(l, CONFIG_dtb));
    }
    if (rc)
        return rc;
    if (!mem_write(l->machine->space, l->dt, blob, len))
        rc = err_set(err, STATUS_failed, "the device tree cannot be placed at %#llx", (unsigned long long)l->dt);
    free(blob);
    return rc;
}

void virt_load_fini(struct virt_load *l) { free(l->user_dt); }
