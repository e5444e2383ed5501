/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What other processes see of a guest's process below /proc, and this one of others. The kernel is told where the guest's arguments,
 * environment and auxiliary vector are, so that it shows them to everybody; what the executable is it does not let us say. Of another process
 * that this command runs it is the file that is mapped where the program's code begins.
 */
#include "user/others.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void user_others_tell(const struct user_memory *m)
{
#ifdef PR_SET_MM_MAP
    uint64_t brk = (uintptr_t)sbrk(0); /* this program's: what it has stays, more may come */
    const struct prctl_mm_map map = {
        .start_code = m->code_start,
        .end_code = m->code_end,
        .start_data = m->data_start,
        .end_data = m->data_end,
        .start_brk = brk,
        .brk = brk,
        .start_stack = m->stack_first,
        .arg_start = m->arg_start,
        .arg_end = m->arg_end,
        .env_start = m->env_start,
        .env_end = m->env_end,
        .auxv = (void *)(uintptr_t)m->auxv,
        .auxv_size = (uint32_t)m->auxv_size,
        .exe_fd = ~0u,
    };
    prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0); /* kernels without checkpoints refuse: then only the guest itself sees it */
#else
    (void)m;
#endif
}

/* proc(5), stat: field 26. 0: not to be known. */
static uint64_t code_start(int pid)
{
    enum { FIELD = 26, FIRST = 3 };
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    if (in)
        fclose(in);
    text[n] = 0;
    char *at = strrchr(text, ')');
    for (int field = FIRST - 1; at && field < FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

static bool mapped_at(int pid, uint64_t address, char *to)
{
    char path[40], line[PATH_MAX + 128];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *in = fopen(path, "re");
    while (in && !found && fgets(line, sizeof line, in)) {
        unsigned long long start, end;
        const char *name = strchr(line, '/');
        if (sscanf(line, "%llx-%llx ", &start, &end) != 2 || address < start || address >= end || !name)
            continue;
        found = true;
        snprintf(to, PATH_MAX, "%.*s", (int)strcspn(name, "\n"), name);
    }
    if (in)
        fclose(in);
    return found;
}

bool user_others_exe(int pid, char *to)
{
    char path[40];
    struct stat own, other;
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    if (stat("/proc/self/exe", &own) || stat(path, &other) || own.st_dev != other.st_dev || own.st_ino != other.st_ino)
        return false;
    uint64_t code = code_start(pid);
    return code && code < MEM_FLAT_END && mapped_at(pid, code, to);
}
