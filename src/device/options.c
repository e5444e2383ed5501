/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lists of options in one word: see options.h. */
#include "device/options.h"
#include <inttypes.h>
#include <string.h>

int option_next(struct option_cursor *cursor, char *buf, size_t size, struct err *err)
{
    const char *from = cursor->at;
    size_t len = 0;
    if (!from)
        return 0;
    for (; *from; from++) {
        if (*from == ',' && *++from != ',') { /* a single one ends the item */
            from--;
            break;
        }
        if (len + 1 >= size)
            return err_set(err, STATUS_config, "an item is longer than %zu characters", size - 1);
        buf[len++] = *from;
    }
    buf[len] = 0;
    cursor->at = *from ? from + 1 : NULL;
    return 1;
}

char *option_split(char *item)
{
    char *equals = strchr(item, '=');
    if (!equals)
        return NULL;
    *equals = 0;
    return equals + 1;
}

int option_switch(bool *out, const char *name, const char *value, struct err *err)
{
    *out = !value || !strcmp(value, "on");
    if (!*out && strcmp(value, "off") != 0)
        return err_set(err, STATUS_config, "%s=%s must be on or off", name, value);
    return 0;
}

int option_number(uint64_t *out, const char *name, const char *value, uint64_t min, uint64_t max, struct err *err)
{
    uint64_t number = 0;
    bool good = *value;
    for (const char *c = value; *c && good; c++) {
        good = *c >= '0' && *c <= '9' && number <= (UINT64_MAX - 9) / 10;
        number = number * 10 + (uint64_t)(*c - '0');
    }
    if (!good || number < min || number > max)
        return err_set(err, STATUS_config, "%s '%s' is not a number from %" PRIu64 " to %" PRIu64, name, value, min, max);
    *out = number;
    return 0;
}
