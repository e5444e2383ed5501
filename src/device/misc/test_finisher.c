/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The test finisher: the low 16 bits say what, the high 16 bits are a code for the outside. It has no state: it only calls. */
#include "device/misc/test_finisher.h"
#include "base/bits.h"
#include <stdlib.h>

struct test_finisher {
    struct device device;
    void (*finish)(void *arg, enum test_finish how, unsigned code);
    void *arg;
};

static const struct {
    uint16_t command;
    enum test_finish how;
} commands[] = {{0x5555, TEST_FINISH_pass}, {0x3333, TEST_FINISH_fail}, {0x7777, TEST_FINISH_reset}};

static bool finisher_read(void *self, uint64_t offset, unsigned size, uint64_t *value)
{
    (void)self;
    (void)offset;
    (void)size;
    *value = 0;
    return true;
}

static bool finisher_write(void *self, uint64_t offset, unsigned size, uint64_t value)
{
    struct test_finisher *f = self;

    (void)size;
    for (size_t i = 0; !offset && i < ARRAY_LEN(commands); i++) {
        if (commands[i].command != (value & 0xffff))
            continue;
        f->finish(f->arg, commands[i].how, (unsigned)(value >> 16 & 0xffff));
        return true;
    }
    log_guest(f->device.log, f->device.id, "0x%llx written at offset 0x%llx, which means nothing", (unsigned long long)value,
              (unsigned long long)offset);
    return true;
}

const struct mem_ops test_finisher_ops = {.read = finisher_read, .write = finisher_write, .sizes = 2 | 4};

static void finisher_reset(void *self) { (void)self; }

static void finisher_free(void *self) { test_finisher_free(self); }

const struct device_class test_finisher_class = {
    .name = "test_finisher",
    .doc = "register by which a guest ends or resets its machine (sifive,test0)",
    .state = &state_none,
    .reset = finisher_reset,
    .free = finisher_free,
};

int test_finisher_new(struct test_finisher **out, const char *id, const struct device_env *env,
                      void (*finish)(void *arg, enum test_finish how, unsigned code), void *arg, struct err *err)
{
    struct test_finisher *f = calloc(1, sizeof(*f));

    if (!f)
        return err_set(err, STATUS_resource, "no memory for test finisher %s", id);
    device_init(&f->device, &test_finisher_class, id, env);
    f->finish = finish;
    f->arg = arg;
    *out = f;
    return 0;
}

void test_finisher_free(struct test_finisher *f)
{
    if (!f)
        return;
    device_fini(&f->device);
    free(f);
}

struct device *test_finisher_device(struct test_finisher *f) { return &f->device; }
