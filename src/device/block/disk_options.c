/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The text form of a disk: see struct disk_config. */
#include "base/bits.h"
#include "device/block/block.h"
#include "device/options.h"

static int parse_serial(struct disk_config *c, const char *value, struct err *err)
{
    size_t len = strlen(value);
    if (!len || len > BLOCK_SERIAL_MAX)
        return err_set(err, STATUS_config, "serial=%.40s must have 1 to %d characters", value, BLOCK_SERIAL_MAX);
    for (size_t i = 0; i < len; i++)
        if (value[i] <= ' ' || value[i] > '~')
            return err_set(err, STATUS_config, "serial must be of ASCII characters without spaces");
    memcpy(c->serial, value, len + 1);
    return 0;
}

static int parse_option(struct disk_config *c, const char *name, const char *value, struct err *err)
{
    if (!strcmp(name, "ro"))
        return option_switch(&c->read_only, name, value, err);
    if (!strcmp(name, "discard"))
        return option_switch(&c->discard, name, value, err);
    if (!value && (!strcmp(name, "serial") || !strcmp(name, "block")))
        return err_set(err, STATUS_config, "%s needs a value: %s=...", name, name);
    if (!strcmp(name, "serial"))
        return parse_serial(c, value, err);
    if (!strcmp(name, "block")) {
        uint64_t size;
        int rc = option_number(&size, name, value, 512, 4096, err);
        if (!rc && !bits_pow2(size))
            rc = err_set(err, STATUS_config, "block=%s is not 512, 1024, 2048 or 4096", value);
        if (!rc)
            c->block_size = (unsigned)size;
        return rc;
    }
    return err_set(err, STATUS_config,
                   "unknown option '%s': known are ro, serial=TEXT, block=N and discard=off (a comma in a file name "
                   "is written twice)",
                   name);
}

int disk_config_parse(struct disk_config *out, const char *text, struct err *err)
{
    struct option_cursor cursor = {text};
    *out = (struct disk_config){.block_size = BLOCK_SECTOR, .discard = true};
    int rc = option_next(&cursor, out->path, sizeof out->path, err);
    if (rc > 0 && !out->path[0])
        rc = err_set(err, STATUS_config, "no file is named");
    char item[256];
    while (rc > 0 && (rc = option_next(&cursor, item, sizeof item, err)) > 0) {
        char *value = option_split(item);
        int failed = parse_option(out, item, value, err);
        if (failed)
            rc = failed;
    }
    if (rc < 0)
        err_prefix(err, "disk '%.200s'", text);
    return rc;
}
