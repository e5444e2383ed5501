/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arm64: what indirect branches may land on in pages with PROT_BTI, and PSTATE.BTYPE in the signal's frame where they may not: every kind of branch
 * from guarded and other pages to every kind of insn, often enough to be translated. Elsewhere the program says what the rules say.
 */
#include "user.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { BR_X0, BR_X16, BR_X17, BLR_X0, RET_X0, WAYS };
enum { NOP, BTI, BTI_C, BTI_J, BTI_JC, PACIASP, PACIBSP, BRK, MISALIGNED, TARGETS };
enum { ROUNDS = 40 };

struct end {
    int signal;
    unsigned btype;
};

#ifdef __aarch64__
enum { JUMPS_AT = 2048, SIZE = 8192, GUARDED = 0x10 };
static uint32_t *pages[2]; /* not guarded, guarded */
static sigjmp_buf back;
static volatile struct end last;

static void on(int signal, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    last.signal = signal;
    last.btype = uc->uc_mcontext.pstate >> 10 & 3;
    if (signal == SIGILL && info->si_code != ILL_ILLOPC)
        last.signal = 99;
    siglongjmp(back, 1);
}

static void fill(uint32_t *page)
{
    static const uint32_t targets[TARGETS][3] = {{0xd503201f, 0xd65f03c0},
                                                 {0xd503241f, 0xd65f03c0},
                                                 {0xd503245f, 0xd65f03c0},
                                                 {0xd503249f, 0xd65f03c0},
                                                 {0xd50324df, 0xd65f03c0},
                                                 {0xd503233f, 0xd50323bf, 0xd65f03c0},
                                                 {0xd503237f, 0xd50323ff, 0xd65f03c0},
                                                 {0xd4200000}};
    static const uint32_t ways[WAYS][5] = {{0xd503245f, 0xd61f0000},
                                           {0xd503245f, 0xaa0003f0, 0xd61f0200},
                                           {0xd503245f, 0xaa0003f1, 0xd61f0220},
                                           {0xd503245f, 0xaa1e03f3, 0xd63f0000, 0xaa1303fe, 0xd65f03c0},
                                           {0xd503245f, 0xd65f0000}};
    for (int i = 0; i < TARGETS; i++)
        memcpy(page + 4 * i, targets[i], sizeof targets[i]);
    for (int i = 0; i < WAYS; i++)
        memcpy(page + JUMPS_AT / 4 + 8 * i, ways[i], sizeof ways[i]);
    __builtin___clear_cache((char *)page, (char *)page + SIZE);
}

static void prepare(void)
{
    for (int i = 0; i < 2; i++) {
        pages[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        fill(pages[i]);
        mprotect(pages[i], SIZE, PROT_READ | PROT_EXEC | (i ? GUARDED : 0));
    }
    handle(SIGILL, on, SA_NODEFER);
    handle(SIGTRAP, on, SA_NODEFER);
    handle(SIGBUS, on, SA_NODEFER);
}

__attribute__((noinline)) static void branch(const void *to, const uint32_t *by)
{
    register const void *at __asm__("x0") = to;
    register const uint32_t *jump __asm__("x9") = by;
    __asm__ volatile("mov x20, x30\n blr x9\n mov x30, x20" : "+r"(at), "+r"(jump)::"x16", "x17", "x19", "x20", "x30", "memory");
}

static struct end go(int from, int to, int way, int target)
{
    last = (struct end){0, 0};
    if (!sigsetjmp(back, 1))
        branch((const char *)(pages[to] + 4 * target) + (target == MISALIGNED ? 2 : 0), pages[from] + JUMPS_AT / 4 + 8 * way);
    return last;
}

static void guard(bool on_or_off) { mprotect(pages[1], SIZE, PROT_READ | PROT_EXEC | (on_or_off ? GUARDED : 0)); }
#else
static bool guarded = true;
static void prepare(void) {}
static void guard(bool on_or_off) { guarded = on_or_off; }

static struct end go(int from, int to, int way, int target)
{
    unsigned btype = way == RET_X0 ? 0 : way == BLR_X0 ? 2 : way == BR_X0 && from && guarded ? 3 : 1;
    bool good = target == BTI_JC || (target == BTI_C && btype != 3) || (target == BTI_J && btype != 2) ||
                ((target == PACIASP || target == PACIBSP) && btype != 3);
    if (target == MISALIGNED)
        return (struct end){SIGBUS, btype};
    if (target == BRK)
        return (struct end){SIGTRAP, btype};
    return good || !btype || !to || !guarded ? (struct end){0, 0} : (struct end){SIGILL, btype};
}
#endif

static void all(const char *when, int round)
{
    for (int way = 0; way < WAYS; way++)
        for (int to = 0; to < 2; to++)
            for (int target = 0; target < TARGETS; target++)
                for (int from = 0; from < 2; from++) {
                    struct end e = go(from, to, way, target);
                    if (round == 0 || round == ROUNDS - 1)
                        say("%s %d: way %d, from %d to %d, target %d: signal %d, btype %u", when, round, way, from, to, target, e.signal,
                            e.btype);
                }
}

int main(void)
{
    prepare();
    for (int round = 0; round < ROUNDS; round++)
        all("guarded", round);
    guard(false);
    all("open", 0);
    guard(true);
    all("guarded again", 0);
    return 0;
}
