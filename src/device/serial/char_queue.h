/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A char_backend between a device and a program: output goes to a function, input comes from any thread and waits until the device has
 * room. Used for the console that the library's user sees.
 */
#pragma once
#include "device/device.h"

struct char_queue;
/* output is called from whatever thread the device runs on, its lock held: it must not block long. NULL drops the output. */
int char_queue_new(struct char_queue **out, void (*output)(void *arg, const void *data, size_t len), void *arg) NODISCARD;
void char_queue_free(struct char_queue *queue);                                  /* after the device is freed; NULL is allowed */
size_t char_queue_input(struct char_queue *queue, const void *data, size_t len); /* any thread; returns how much was taken */
struct char_backend *char_queue_backend(struct char_queue *queue);
