/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the built-in SBI firmware does to the machine: vCPUs, console, reset. Runs on the vCPUs' threads. */
#include "machine/boards/virt_riscv64_impl.h"

enum { A0 = 10, FENCE_PAGES_MAX = 64 };

static struct cpu *hart_cpu(struct virt *virt, unsigned hart) { return accel_vm_cpu(virt->machine->accel, hart); }

static void set_timer(void *self, unsigned hart, uint64_t time)
{
    struct cpu *cpu = hart_cpu(self, hart);
    RV(cpu, stimecmp) = time;
    riscv64_update_deadline(cpu);
    riscv64_irq_update(cpu);
}

/* A message: the sender does not wait until it has arrived. */
static void send_ipi(void *self, unsigned caller, uint64_t harts)
{
    struct virt *virt = self;
    (void)caller;
    for (unsigned hart = 0; hart < virt->machine->vcpus; hart++)
        if (harts >> hart & 1)
            cpu_line_set(hart_cpu(virt, hart), IRQ_SSI, true);
}

static void fence_one(struct cpu *cpu, void *arg)
{
    const struct sbi_fence *fence = arg;
    if (fence->code)
        cpu->ops->fetch_changed(cpu, 0, UINT64_MAX);
    else if (fence->size > FENCE_PAGES_MAX * (uint64_t)MEM_PAGE)
        cpu->ops->tlb_flush(cpu, fence->asid);
    else
        for (uint64_t at = fence->start & ~(uint64_t)(MEM_PAGE - 1); at < fence->start + fence->size; at += MEM_PAGE)
            cpu->ops->tlb_flush_page(cpu, at, fence->asid);
}

static void fence(void *self, unsigned caller, uint64_t harts, const struct sbi_fence *what)
{
    struct virt *virt = self;
    struct sbi_fence copy = *what;
    accel_vm_each(virt->machine->accel, hart_cpu(virt, caller), harts, fence_one, &copy);
}

static void enter(struct cpu *cpu, uint64_t addr, uint64_t opaque) { riscv64_enter_supervisor(cpu, addr, cpu->id, opaque); }

static bool start(void *self, unsigned hart, uint64_t addr, uint64_t opaque)
{
    struct virt *virt = self;
    return virt_starter_start(&virt->starter, hart_cpu(virt, hart), addr, opaque);
}

static void stop(void *self, unsigned hart) { accel_cpu_park(hart_cpu(self, hart)); }

/* What is enabled and pending decides what wakes the hart up, so it outlives the new start. */
static void restart_at(struct cpu *cpu, uint64_t addr, uint64_t opaque)
{
    uint64_t mie = RV(cpu, mie), mip = RV(cpu, mip), stimecmp = RV(cpu, stimecmp);
    riscv64_enter_supervisor(cpu, addr, cpu->id, opaque);
    RV(cpu, mie) = mie;
    RV(cpu, mip) = mip;
    RV(cpu, stimecmp) = stimecmp;
    riscv64_update_deadline(cpu);
}

static void sleep_hart(void *self, unsigned hart, bool restart, uint64_t addr, uint64_t opaque)
{
    struct cpu *cpu = hart_cpu(self, hart);
    if (restart)
        restart_at(cpu, addr, opaque);
    virt_sleep(cpu);
}

static bool asleep(void *self, unsigned hart) { return atomic_load(&hart_cpu(self, hart)->waiting); }

static void reset(void *self, enum sbi_reset how, bool failure)
{
    struct virt *virt = self;
    if (how != SBI_SHUTDOWN)
        machine_request_reset(virt->machine);
    else if (failure)
        machine_request(virt->machine, VM_STOP_PANIC, 0, "the guest reports a system failure");
    else
        machine_request(virt->machine, VM_STOP_POWEROFF, 0, "the guest powered off");
}

static size_t write_console(void *self, const void *data, size_t len)
{
    console_write(&((struct virt *)self)->machine->console, data, len);
    return len;
}

static size_t read_console(void *self, void *data, size_t len)
{
    return console_read(&((struct virt *)self)->machine->console, data, len, false);
}

static uint64_t identity(void *self, unsigned hart, unsigned which)
{
    enum { CSR_mvendorid = 0xf11 }; /* marchid and mimpid follow it */
    uint64_t value = 0;
    return riscv64_csr_peek(hart_cpu(self, hart), CSR_mvendorid + which, &value) ? value : 0;
}

static const struct sbi_ops ops = {
    .set_timer = set_timer,
    .send_ipi = send_ipi,
    .fence = fence,
    .start = start,
    .stop = stop,
    .sleep = sleep_hart,
    .asleep = asleep,
    .reset = reset,
    .console_write = write_console,
    .console_read = read_console,
    .identity = identity,
};

void virt_sbi_init(struct virt *virt)
{
    virt_starter_init(&virt->starter, enter);
    sbi_init(&virt->sbi, &ops, virt, virt->machine->space, virt->machine->vcpus);
}

void virt_sbi_fini(struct virt *virt) { virt_starter_fini(&virt->starter); }

void virt_sbi_reset(struct virt *virt)
{
    virt_starter_settle(&virt->starter);
    sbi_reset(&virt->sbi);
}

bool virt_firmware_call(struct vm_machine *machine, struct cpu *cpu)
{
    struct virt *virt = machine->board_data;
    if (virt->start != VIRT_START_builtin)
        return false;
    uint64_t *a = &RVN(cpu, x, A0);
    struct sbi_call call = {.hart = cpu->id, .arg = {a[0], a[1], a[2], a[3], a[4], a[5]}, .function = a[6], .extension = a[7]};
    sbi_serve(&virt->sbi, &call);
    if (call.no_return)
        return true;
    a[0] = (uint64_t)call.error;
    if (!call.legacy)
        a[1] = call.value;
    return true;
}
