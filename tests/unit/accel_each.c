/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions run on other vCPUs, and orders that they are told: by vCPUs that do so at the same time, while others are parked, wait, pause and stop. */
#include "accel_rig.h"

static _Atomic uint64_t served[RIG_MAX];
static _Atomic unsigned wrong_thread;
static _Thread_local const struct cpu *here_is; /* the vCPU whose calls come on this thread */

static void count_served(struct cpu *cpu, void *arg)
{
    (void)arg;
    if (here_is && here_is != cpu)
        atomic_fetch_add(&wrong_thread, 1);
    atomic_fetch_add(&served[cpu->id], 1);
}

/* The ecall asks all; a0 back is how often this vCPU had asked before. */
static bool ask_all(struct rig *rig, struct cpu *cpu)
{
    here_is = cpu;
    uint64_t before[RIG_MAX];
    for (unsigned i = 0; i < rig->vcpus; i++)
        before[i] = atomic_load(&served[i]);
    accel_vm_each(rig->vm, cpu, (1ull << rig->vcpus) - 1, count_served, NULL);
    for (unsigned i = 0; i < rig->vcpus; i++)
        if (atomic_load(&served[i]) <= before[i])
            atomic_fetch_add(&wrong_thread, 1); /* it came back before that one had run */
    return true;
}

/* `times` ecalls (0: for ever), then word = 1 and wfi for ever. */
static struct program calling(unsigned times)
{
    struct program p = {0};
    slli(&p, T0, A0, 6);
    li(&p, S0, RIG_DATA);
    add(&p, S0, S0, T0);
    li(&p, S1, times ? times : 1);
    size_t loop = here(&p);
    ecall(&p);
    if (times)
        addi(&p, S1, S1, -1);
    branch(&p, 1, S1, ZERO, loop);
    addi(&p, T1, ZERO, 1);
    store(&p, 3, T1, S0, 0);
    size_t rest = here(&p);
    wfi(&p);
    jump(&p, rest);
    return p;
}

static void clear(void)
{
    for (unsigned i = 0; i < RIG_MAX; i++)
        atomic_store(&served[i], 0);
    atomic_store(&wrong_thread, 0);
}

static void everybody_asks_everybody(void **state)
{
    enum { VCPUS = 4, TIMES = 1500 };
    struct program p = calling(TIMES);
    struct rig *rig = rig_new(VCPUS, &p);
    (void)state;
    clear();
    rig->call = ask_all;
    rig_start(rig);
    for (unsigned i = 0; i < VCPUS; i++)
        rig_await(rig, i, 1);
    accel_vm_pause(rig->vm);
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(atomic_load(&served[i]), VCPUS * TIMES);
    assert_int_equal(atomic_load(&rig->calls), VCPUS * TIMES);
    assert_int_equal(atomic_load(&wrong_thread), 0);
    rig_free(rig);
}

static void while_it_pauses(void **state)
{
    struct program p = calling(0);
    struct rig *rig = rig_new(3, &p);
    (void)state;
    clear();
    rig->call = ask_all;
    rig_start(rig);
    for (unsigned round = 0; round < 400; round++) {
        accel_vm_pause(rig->vm);
        uint64_t calls = atomic_load(&rig->calls), sum = 0;
        for (unsigned i = 0; i < 3; i++)
            sum += atomic_load(&served[i]);
        if (round % 4 == 0)
            rig_sleep_us(50);
        assert_int_equal(atomic_load(&rig->calls), calls);
        assert_int_equal(sum, 3 * calls); /* nothing is left half done */
        accel_vm_resume(rig->vm);
    }
    assert_int_equal(atomic_load(&wrong_thread), 0);
    rig_free(rig);
}

/* A vCPU that waits for others when the machine stops must not wait for ever. */
static void stops_among_calls(void **state)
{
    struct program p = calling(0);
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct rig *rig = rig_new(4, &p);
        clear();
        rig->call = ask_all;
        rig_start(rig);
        rig_sleep_us(round * 13 % 700);
        rig_free(rig);
    }
}

/* Those that are parked or wait in wfi are reached too. */
static void parked_and_waiting(void **state)
{
    enum { TIMES = 300 };
    struct program p = {0}, q = calling(TIMES);
    (void)state;
    branch(&p, 0, A0, ZERO, 3); /* vCPU 0: on behind the loop */
    wfi(&p);
    jump(&p, 1);
    memcpy(p.words + 3, q.words, q.count * 4);
    p.count = 3 + q.count;
    struct rig *rig = rig_new(3, &p);
    clear();
    rig->call = ask_all;
    accel_cpu_park(accel_vm_cpu(rig->vm, 2));
    rig_start(rig);
    rig_await(rig, 0, 1);
    accel_vm_pause(rig->vm);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(atomic_load(&served[i]), TIMES);
    assert_int_equal(accel_vm_cpu(rig->vm, 2)->insns, 0);
    rig_free(rig);
}

/* ---- orders ---- */

static _Atomic uint64_t last_order, obeyed[RIG_MAX],
    settled[RIG_MAX]; /* orders are numbered; the last one that a vCPU knows, and must know */
static _Atomic unsigned missed;

static void raise_to(_Atomic uint64_t *to, uint64_t value)
{
    uint64_t was = atomic_load(to);
    while (was < value && !atomic_compare_exchange_weak(to, &was, value)) {}
}

static void obey(struct cpu *cpu, uint64_t what, uint64_t value)
{
    if (here_is && here_is != cpu)
        atomic_fetch_add(&wrong_thread, 1);
    raise_to(&obeyed[cpu->id], what ? value : atomic_load(&last_order));
}

/* The ecall tells all others, sometimes more than are kept, and settles. What was settled before it began is known here. */
static bool tell_all(struct rig *rig, struct cpu *cpu)
{
    here_is = cpu;
    if (atomic_load(&obeyed[cpu->id]) < atomic_load(&settled[cpu->id]))
        atomic_fetch_add(&missed, 1);
    uint64_t number = 0;
    for (unsigned n = rig->calls % 50 ? 1 : 40; n; n--) {
        number = atomic_fetch_add(&last_order, 1) + 1;
        cpu->ops->tell(cpu, (struct cpu_order){obey, 1, number});
    }
    cpu->ops->settle(cpu);
    for (unsigned i = 0; i < rig->vcpus; i++)
        if (i != cpu->id)
            raise_to(&settled[i], number);
    return true;
}

static void clear_orders(void)
{
    clear();
    atomic_store(&last_order, 0);
    atomic_store(&missed, 0);
    for (unsigned i = 0; i < RIG_MAX; i++) {
        atomic_store(&obeyed[i], 0);
        atomic_store(&settled[i], 0);
    }
}

static void everybody_tells_everybody(void **state)
{
    enum { VCPUS = 4, TIMES = 1500 };
    struct program p = calling(TIMES);
    struct rig *rig = rig_new(VCPUS, &p);
    (void)state;
    clear_orders();
    rig->call = tell_all;
    rig_start(rig);
    for (unsigned i = 0; i < VCPUS; i++)
        rig_await(rig, i, 1);
    rig_free(rig);
    assert_int_equal(atomic_load(&missed), 0);
    assert_int_equal(atomic_load(&wrong_thread), 0);
    assert_true(atomic_load(&last_order) >= VCPUS * TIMES);
}

static void orders_while_it_pauses(void **state)
{
    struct program p = calling(0);
    struct rig *rig = rig_new(3, &p);
    (void)state;
    clear_orders();
    rig->call = tell_all;
    rig_start(rig);
    for (unsigned round = 0; round < 400; round++) {
        accel_vm_pause(rig->vm);
        if (round % 4 == 0)
            rig_sleep_us(50);
        accel_vm_resume(rig->vm);
    }
    rig_free(rig);
    assert_int_equal(atomic_load(&missed), 0);
    assert_int_equal(atomic_load(&wrong_thread), 0);
}

/* Those that are parked or wait are not woken: they obey when they run again. */
static void orders_do_not_wake(void **state)
{
    enum { TIMES = 300 };
    struct program p = {0}, q = calling(TIMES);
    (void)state;
    branch(&p, 0, A0, ZERO, 3); /* vCPU 0: on behind the loop */
    wfi(&p);
    jump(&p, 1);
    memcpy(p.words + 3, q.words, q.count * 4);
    p.count = 3 + q.count;
    struct rig *rig = rig_new(3, &p);
    clear_orders();
    rig->call = tell_all;
    accel_cpu_park(accel_vm_cpu(rig->vm, 2));
    rig_start(rig);
    rig_await(rig, 0, 1);
    assert_int_equal(atomic_load(&obeyed[2]), 0);
    accel_cpu_unpark(accel_vm_cpu(rig->vm, 2), NULL, NULL);
    for (unsigned n = 0; n < 10000 && atomic_load(&obeyed[2]) != atomic_load(&last_order); n++)
        rig_sleep_us(1000);
    assert_int_equal(atomic_load(&obeyed[2]), atomic_load(&last_order));
    rig_free(rig);
    assert_int_equal(atomic_load(&missed), 0);
}

/* From outside while nothing runs: at once, on all of the mask. */
static void from_outside(void **state)
{
    struct program p = rig_counting();
    struct rig *rig = rig_new(4, &p);
    (void)state;
    clear();
    here_is = NULL;
    accel_vm_each(rig->vm, NULL, 0xf, count_served, NULL);
    rig_start(rig);
    accel_vm_pause(rig->vm);
    accel_vm_each(rig->vm, NULL, 0x5, count_served, NULL);
    accel_vm_each(rig->vm, NULL, 0, count_served, NULL);
    assert_int_equal(atomic_load(&served[0]), 2);
    assert_int_equal(atomic_load(&served[1]), 1);
    assert_int_equal(atomic_load(&served[2]), 2);
    assert_int_equal(atomic_load(&served[3]), 1);
    accel_vm_resume(rig->vm);
    rig_free(rig);
}

/* Two functions on their way at once, more often than orders are kept: what they become then must leave neither out. */
static _Atomic uint64_t last_other, obeyed_other[RIG_MAX];

static void obey_other(struct cpu *cpu, uint64_t what, uint64_t value)
{
    raise_to(&obeyed_other[cpu->id], what ? value : atomic_load(&last_other));
}

static bool tell_nothing(struct rig *rig, struct cpu *cpu)
{
    (void)rig, (void)cpu;
    return true;
}

static void two_functions(void **state)
{
    enum { VCPUS = 3, EACH = 45, OTHERS = 5 /* the first few, which lie there when it gets too many */ };
    struct program p = calling(1);
    struct rig *rig = rig_new(VCPUS, &p);
    struct cpu *self = accel_vm_cpu(rig->vm, 0);
    (void)state;
    clear_orders();
    atomic_store(&last_other, 0);
    for (unsigned i = 0; i < VCPUS; i++)
        atomic_store(&obeyed_other[i], 0);
    for (unsigned n = 1; n <= EACH; n++) { /* no vCPU runs: all of them lie there */
        atomic_store(&last_order, n);
        self->ops->tell(self, (struct cpu_order){obey, 1, n});
        if (n > OTHERS)
            continue;
        atomic_store(&last_other, n);
        self->ops->tell(self, (struct cpu_order){obey_other, 1, n});
    }
    for (unsigned i = 0; i < VCPUS; i++) {
        assert_int_equal(atomic_load(&obeyed[i]), 0);
        assert_int_equal(atomic_load(&obeyed_other[i]), 0);
    }
    rig->call = tell_nothing;
    rig_start(rig);
    for (unsigned i = 0; i < VCPUS; i++)
        rig_await(rig, i, 1);
    rig_free(rig);
    for (unsigned i = 1; i < VCPUS; i++) {
        assert_int_equal(atomic_load(&obeyed[i]), EACH);
        assert_int_equal(atomic_load(&obeyed_other[i]), OTHERS);
    }
    assert_int_equal(atomic_load(&obeyed[0]), 0); /* not itself */
    assert_int_equal(atomic_load(&obeyed_other[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_asks_everybody),
        cmocka_unit_test(while_it_pauses),
        cmocka_unit_test(stops_among_calls),
        cmocka_unit_test(parked_and_waiting),
        cmocka_unit_test(from_outside),
        cmocka_unit_test(everybody_tells_everybody),
        cmocka_unit_test(two_functions),
        cmocka_unit_test(orders_while_it_pauses),
        cmocka_unit_test(orders_do_not_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
