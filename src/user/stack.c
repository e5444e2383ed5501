/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The first stack of a program: strings, auxiliary vector, environment, arguments, from the top down (System V ABI, process initialisation). */
#include "base/bits.h"
#include "user/process.h"
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define STACK_MAX (1ull << 30)
enum { STACK_MIN = 256 << 10, FIRST = 16 << 10 };

static uint64_t stack_size(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur > STACK_MAX)
        return limit.rlim_cur == RLIM_INFINITY ? 64 << 20 : STACK_MAX;
    return limit.rlim_cur < STACK_MIN ? STACK_MIN : align_up(limit.rlim_cur, USER_PAGE);
}

struct stack {
    uint64_t at, low;
};

static uint64_t push(struct stack *s, const void *data, size_t size)
{
    if (s->at - s->low < size + STACK_MIN / 2)
        return 0;
    s->at -= size;
    memcpy((void *)(uintptr_t)s->at, data, size);
    return s->at;
}

static size_t count(char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

/* Upwards in the order of the list, as Linux has them, so that a program may overwrite them as one. false: no room. */
static bool push_strings(struct stack *s, char *const *list, uint64_t *end)
{
    *end = s->at;
    for (size_t i = count(list); i-- > 0;)
        if (!push(s, list[i], strlen(list[i]) + 1))
            return false;
    return true;
}

/* The pointers to strings that stand one behind the other from `at` on. */
static uint64_t *point(uint64_t *to, uint64_t at, char *const *list)
{
    for (size_t i = 0; list[i]; i++) {
        *to++ = at;
        at += strlen(list[i]) + 1;
    }
    *to++ = 0;
    return to;
}

uint64_t user_stack_fill(struct user *user, const struct cpu *cpu, char *const *argv, const struct user_image *program,
                         uint64_t interpreter)
{
    struct user_memory *m = user->memory;
    char *const *envp = user->options->envp;
    uint64_t size = stack_size(), random[2];
    int64_t low = user_mmap(user, USER_TOP - size - USER_PAGE, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0, "[stack]");
    if (low < 0 || os_random(random, sizeof random, NULL))
        return 0;
    struct stack s = {(uint64_t)low + size, (uint64_t)low};
    user_populate(s.at - FIRST, FIRST);
    m->stack_start = (uint64_t)low;
    m->stack_end = s.at;
    uint64_t zero = 0;
    push(&s, &zero, sizeof zero);
    uint64_t name = push(&s, user->exec_name, strlen(user->exec_name) + 1), platform = 0;
    if (!push_strings(&s, envp, &m->env_end))
        return 0;
    m->env_start = s.at;
    if (!push_strings(&s, argv, &m->arg_end))
        return 0;
    m->arg_start = s.at;
    if (user->abi->platform)
        platform = push(&s, user->abi->platform, strlen(user->abi->platform) + 1);
    s.at = align_down(s.at, 16);
    uint64_t seed = push(&s, random, sizeof random);
    const uint64_t aux[][2] = {
        {user->memory->vdso ? AT_SYSINFO_EHDR : AT_IGNORE, user->memory->vdso},
        {AT_HWCAP, user->abi->hwcap(cpu, 0)},
        {AT_HWCAP2, user->abi->hwcap(cpu, 1)},
        {AT_PAGESZ, USER_PAGE},
        {AT_CLKTCK, (uint64_t)sysconf(_SC_CLK_TCK)},
        {AT_PHDR, program->headers},
        {AT_PHENT, sizeof(Elf64_Phdr)},
        {AT_PHNUM, program->nheaders},
        {AT_BASE, interpreter},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->entry},
        {AT_UID, getuid()},
        {AT_EUID, geteuid()},
        {AT_GID, getgid()},
        {AT_EGID, getegid()},
        {AT_SECURE, getauxval(AT_SECURE)},
        {AT_RANDOM, seed},
        {platform ? AT_PLATFORM : AT_IGNORE, platform},
        {AT_EXECFN, name},
        {AT_MINSIGSTKSZ, align_up(user->abi->frame_size + 1024, 1024)},
        {AT_NULL, 0},
    };
    size_t argc = count(argv), words = 1 + argc + 1 + count(envp) + 1 + sizeof aux / sizeof(uint64_t);
    if (s.at - s.low < words * 8 + STACK_MIN / 2)
        return 0;
    s.at = align_down(s.at - words * 8, 16);
    m->stack_first = s.at;
    uint64_t *to = (uint64_t *)(uintptr_t)s.at;
    *to++ = argc;
    to = point(to, m->arg_start, argv);
    to = point(to, m->env_start, envp);
    m->auxv = (uintptr_t)to;
    m->auxv_size = sizeof aux;
    memcpy(to, aux, sizeof aux);
    return s.at;
}
