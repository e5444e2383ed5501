/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every device begins and ends with, and the table of all classes. */
#include "device/device.h"
#include "base/bits.h"

#define DEVICE(class) extern const struct device_class class##_class;
#include "device/devices.def"
#undef DEVICE

const struct device_class *const device_classes[] = {
#define DEVICE(class) &class##_class,
#include "device/devices.def"
#undef DEVICE
    NULL,
};

const struct device_class *device_class_find(const char *name)
{
    for (const struct device_class *const *class = device_classes; *class; class ++)
        if (!strcmp((*class)->name, name))
            return *class;
    return NULL;
}

void device_init(struct device *device, const struct device_class *class, const char *id, const struct device_env *env)
{
    *device = (struct device){
        .class = class,
        .id = id,
        .space = env->space,
        .loop = env->loop,
        .log = env->log,
        .clock = env->clock,
    };
    os_mutex_init(&device->lock, class->rank ? class->rank : OS_RANK_device);
}

void device_fini(struct device *device) { os_mutex_fini(&device->lock); }
