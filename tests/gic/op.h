/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One access to the interrupt controller, for the device (device.c) and for the bare program under QEMU (guest.c). */
#pragma once

enum gic_access { GIC_READ4, GIC_WRITE4, GIC_WRITE1, GIC_WRITE8, GIC_GET, GIC_SET, GIC_TIMER, GIC_READ8 }; /* run.py has the same numbers */

struct gic_op {
    unsigned kind, where; /* an address; of GIC_GET and GIC_SET a row of registers.def; of GIC_TIMER nothing: the virtual timer's line */
    unsigned long value;
};
