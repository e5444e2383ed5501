/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Core files (core(5)) of the guest: its machine, registers of all its threads, its mappings. Written by the thread that dies, while the
 * others are held between two insns, or wait in a system call. Where kernel.core_pattern hands them to a program there is none: that program
 * would be told of this one.
 */
#include "user/core.h"
#include "base/bits.h"
#include "user/calls.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { REGISTERS_MAX = 64, FLOATS_MAX = 1024, NOTES_MAX = 4 << 20 };

/* ---- where to ---- */

static void put_field(const struct user *user, char kind, int signal, char *out, size_t size)
{
    char host[65] = "";
    const char *base = strrchr(user->exe, '/') ? strrchr(user->exe, '/') + 1 : user->exe;
    switch (kind) {
    case '%': snprintf(out, size, "%%"); break;
    case 'p':
    case 'P':
    case 'i':
    case 'I': snprintf(out, size, "%d", (int)getpid()); break;
    case 'u': snprintf(out, size, "%u", getuid()); break;
    case 'g': snprintf(out, size, "%u", getgid()); break;
    case 's': snprintf(out, size, "%d", signal); break;
    case 't': snprintf(out, size, "%lld", (long long)time(NULL)); break;
    case 'h': snprintf(out, size, "%s", gethostname(host, sizeof host - 1) ? "" : host); break;
    case 'e': snprintf(out, size, "%.15s", base); break;
    case 'E':
        snprintf(out, size, "%s", user->exe);
        for (; *out; out++)
            *out = *out == '/' ? '!' : *out;
        break;
    default: *out = 0;
    }
}

/* false: no file. */
static bool core_name(const struct user *user, int signal, char out[PATH_MAX])
{
    char pattern[256] = "";
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, pattern, sizeof pattern - 1);
    bool with_pid = false;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        snprintf(pattern, sizeof pattern, "core");
    pattern[strcspn(pattern, "\n")] = 0;
    if (*pattern == '|' || *pattern == '@' || !*pattern)
        return false;
    size_t at = 0;
    for (const char *p = pattern; *p && at + 1 < PATH_MAX; p++) {
        if (*p != '%') {
            out[at++] = *p;
            continue;
        }
        if (!*++p)
            break;
        out[at] = 0;
        put_field(user, *p, signal, out + at, PATH_MAX - at);
        with_pid |= *p == 'p';
        at += strlen(out + at);
    }
    out[at] = 0;
    fd = open("/proc/sys/kernel/core_uses_pid", O_RDONLY | O_CLOEXEC);
    char uses = '0';
    if (fd >= 0) {
        if (read(fd, &uses, 1) == 1 && uses != '0' && !with_pid)
            snprintf(out + at, PATH_MAX - at, ".%d", (int)getpid());
        close(fd);
    }
    return true;
}

/* ---- notes ---- */

struct notes {
    uint8_t *at;
    size_t size;
    bool full;
};

static void *note(struct notes *notes, const char *owner, uint32_t type, size_t size)
{
    Elf64_Nhdr head = {.n_namesz = (uint32_t)strlen(owner) + 1, .n_descsz = (uint32_t)size, .n_type = type};
    size_t all = sizeof head + align_up(head.n_namesz, 4) + align_up(size, 4);
    if (notes->size + all > NOTES_MAX) {
        notes->full = true;
        return NULL;
    }
    uint8_t *to = notes->at + notes->size;
    memset(to, 0, all);
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, owner, head.n_namesz);
    notes->size += all;
    return to + sizeof head + align_up(head.n_namesz, 4);
}

/* struct elf_prstatus and elf_prpsinfo, which are the same on all newer architectures up to the registers. */
struct thread_status {
    int32_t signo, code, error;
    int16_t current;
    uint64_t pending, held;
    int32_t pid, ppid, pgrp, sid;
    uint64_t times[8];
    uint64_t registers[]; /* then: are there floating point registers? */
};

struct info {
    char state, name, zombie, nice;
    uint64_t flags;
    uint32_t uid, gid;
    int32_t pid, ppid, pgrp, sid;
    char file[16], arguments[80];
};
_Static_assert(offsetof(struct thread_status, registers) == 112 && sizeof(struct info) == 136, "the kernel's");

static void note_thread(struct notes *notes, const struct user_thread *t, const siginfo_t *signal)
{
    const struct user_abi *abi = t->user->abi;
    size_t size = sizeof(struct thread_status) + (abi->core_registers + 1) * sizeof(uint64_t);
    struct thread_status *status = note(notes, "CORE", NT_PRSTATUS, size);
    if (!status)
        return;
    const struct thread_status s = {.signo = signal->si_signo,
                                    .code = signal->si_code,
                                    .current = (int16_t)signal->si_signo,
                                    .held = t->mask,
                                    .pid = t->tid,
                                    .ppid = getppid(),
                                    .pgrp = getpgrp(),
                                    .sid = getsid(0)};
    const uint32_t one = 1;
    uint64_t registers[REGISTERS_MAX];
    uint8_t floats[FLOATS_MAX];
    abi->core_put(t->cpu, registers, floats);
    memcpy(status, &s, sizeof s);
    memcpy((uint8_t *)status + sizeof s, registers, abi->core_registers * sizeof *registers);
    memcpy((uint8_t *)status + sizeof s + abi->core_registers * sizeof *registers, &one, sizeof one);
    uint8_t *to = note(notes, "CORE", NT_FPREGSET, abi->core_floats);
    if (to)
        memcpy(to, floats, abi->core_floats);
}

static void note_process(struct notes *notes, const struct user *user, const siginfo_t *signal)
{
    const struct user_memory *m = user->memory;
    struct info *info = note(notes, "CORE", NT_PRPSINFO, sizeof *info);
    if (!info)
        return;
    *info = (struct info){
        .name = 'R', .uid = getuid(), .gid = getgid(), .pid = getpid(), .ppid = getppid(), .pgrp = getpgrp(), .sid = getsid(0)};
    char name[17] = "";
    prctl(PR_GET_NAME, name);
    memcpy(info->file, name, sizeof info->file);
    size_t n = m->arg_end - m->arg_start < sizeof info->arguments - 1 ? m->arg_end - m->arg_start : sizeof info->arguments - 1;
    if (user_read(info->arguments, m->arg_start, n))
        for (size_t i = 0; i + 1 < n; i++)
            info->arguments[i] = info->arguments[i] ? info->arguments[i] : ' ';
    siginfo_t *signal_note = note(notes, "CORE", NT_SIGINFO, sizeof *signal);
    if (signal_note)
        memcpy(signal_note, signal, sizeof *signal);
    uint8_t *aux = note(notes, "CORE", NT_AUXV, m->auxv_size);
    if (aux && !user_read(aux, m->auxv, m->auxv_size))
        memset(aux, 0, m->auxv_size);
}

static bool is_file(const struct user_map *map) { return map->inode && map->name; }

static void note_files(struct notes *notes, const struct user_maps *maps)
{
    uint64_t n = 0;
    size_t size = 2 * sizeof n;
    for (const struct user_map *m = maps->list; m < maps->list + maps->count; m++)
        if (is_file(m)) {
            size += 3 * sizeof n + strlen(m->name) + 1;
            n++;
        }
    uint8_t *to = note(notes, "CORE", NT_FILE, size);
    if (!to)
        return;
    uint64_t *number = (uint64_t *)(void *)to;
    char *name = (char *)(number + 2 + 3 * n);
    *number++ = n;
    *number++ = USER_PAGE;
    for (const struct user_map *m = maps->list; m < maps->list + maps->count; m++)
        if (is_file(m)) {
            *number++ = m->start;
            *number++ = m->end;
            *number++ = m->offset / USER_PAGE;
            size_t len = strlen(m->name) + 1;
            memcpy(name, m->name, len);
            name += len;
        }
}

static void put_notes(struct notes *notes, struct user_thread *dying, const siginfo_t *signal)
{
    note_thread(notes, dying, signal);
    note_process(notes, dying->user, signal);
    note_files(notes, &dying->user->memory->maps);
    for (const struct user_thread *t = dying->user->threads; t; t = t->next)
        if (t != dying && !t->exiting)
            note_thread(notes, t, signal);
}

/* ---- the file ---- */

struct core {
    int fd;
    uint64_t limit;
};

static bool put(const struct core *core, const void *data, size_t size, uint64_t at)
{
    if (at >= core->limit)
        return false;
    size = core->limit - at < size ? core->limit - at : size;
    return pwrite(core->fd, data, size, (off_t)at) == (ssize_t)size;
}

/* What no file has: as the kernel does by default. Of a program's file only its header, by which debuggers know it. */
static uint64_t kept(const struct user_map *map)
{
    char magic[SELFMAG];
    if (!(map->prot & (PROT_READ | PROT_EXEC)))
        return 0;
    if (!map->inode || ((map->prot & PROT_WRITE) && (map->flags & MAP_PRIVATE)))
        return map->end - map->start;
    bool elf = !map->offset && user_read(magic, map->start, sizeof magic) && !memcmp(magic, ELFMAG, SELFMAG);
    return elf ? USER_PAGE : 0;
}

/* Pages of zeros become holes. */
static void put_pages(const struct core *core, uint64_t from, uint64_t size, uint64_t at)
{
    static const uint8_t zeros[USER_PAGE];
    for (uint8_t page[USER_PAGE]; size && at < core->limit; from += USER_PAGE, at += USER_PAGE, size -= USER_PAGE)
        if (user_read(page, from, sizeof page) && memcmp(page, zeros, sizeof page) && !put(core, page, sizeof page, at))
            return;
}

static void write_core(const struct core *core, const struct user *user, const struct notes *notes)
{
    const struct user_maps *maps = &user->memory->maps;
    bool many = maps->count + 1 >= PN_XNUM;
    size_t count = many ? PN_XNUM - 2 : maps->count;
    Elf64_Ehdr head = {.e_type = ET_CORE,
                       .e_machine = user->abi->elf_machine,
                       .e_version = EV_CURRENT,
                       .e_phoff = sizeof head,
                       .e_flags = user->memory->elf_flags,
                       .e_ehsize = sizeof head,
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = (uint16_t)(count + 1)};
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    head.e_ident[EI_VERSION] = EV_CURRENT;
    uint64_t at = sizeof head + (count + 1) * sizeof(Elf64_Phdr), headers = sizeof head;
    Elf64_Phdr p = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = notes->size, .p_align = 4};
    if (!put(core, &head, sizeof head, 0) || !put(core, &p, sizeof p, headers) || !put(core, notes->at, notes->size, at))
        return;
    at = align_up(at + notes->size, USER_PAGE);
    for (size_t i = 0; i < count; i++) {
        const struct user_map *map = &maps->list[i];
        p = (Elf64_Phdr){.p_type = PT_LOAD,
                         .p_offset = at,
                         .p_vaddr = map->start,
                         .p_filesz = kept(map),
                         .p_memsz = map->end - map->start,
                         .p_align = USER_PAGE};
        p.p_flags = (map->prot & PROT_READ ? PF_R : 0u) | (map->prot & PROT_WRITE ? PF_W : 0u) | (map->prot & PROT_EXEC ? PF_X : 0u);
        headers += sizeof p;
        if (!put(core, &p, sizeof p, headers))
            return;
        put_pages(core, map->start, p.p_filesz, at);
        at += p.p_filesz;
    }
    if (ftruncate(core->fd, (off_t)(at < core->limit ? at : core->limit)))
        return; /* the file's last pages were zeros: debuggers warn */
}

/* Until they are all between two insns, or wait in the kernel. */
static void hold_others(struct user_thread *dying)
{
    struct user *user = dying->user;
    atomic_store(&user->held_by, dying);
    for (unsigned tries = 0; tries < 200; tries++) {
        bool quiet = true;
        os_mutex_lock(&user->lock);
        for (struct user_thread *t = user->threads; t; t = t->next)
            if (t != dying && !t->exiting) {
                atomic_fetch_or(&t->cpu->events, CPU_EVENT_stop);
                quiet &= atomic_load(&t->held_here) || atomic_load(&t->away);
            }
        os_mutex_unlock(&user->lock);
        if (quiet)
            return;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

void user_core_hold(struct user_thread *t)
{
    struct user_thread *by = atomic_load(&t->user->held_by);
    if (!by || by == t)
        return;
    atomic_store(&t->held_here, true);
    for (;;)
        pause();
}

bool user_core_signal(int signal)
{
    const uint64_t dumps = 1ull << SIGQUIT | 1ull << SIGILL | 1ull << SIGTRAP | 1ull << SIGABRT | 1ull << SIGBUS | 1ull << SIGFPE |
                           1ull << SIGSEGV | 1ull << SIGSYS | 1ull << SIGXCPU | 1ull << SIGXFSZ;
    return signal < 32 && (dumps >> signal & 1);
}

void user_core_write(struct user_thread *t, const siginfo_t *signal)
{
    struct rlimit limit;
    char path[PATH_MAX];
    struct user_thread *nobody = NULL;
    if (!user_core_signal(signal->si_signo) || getrlimit(RLIMIT_CORE, &limit) || limit.rlim_cur < USER_PAGE || prctl(PR_GET_DUMPABLE) != 1)
        return;
    if (t->user->vforked || !atomic_compare_exchange_strong(&t->user->held_by, &nobody, t) || !core_name(t->user, signal->si_signo, path))
        return;
    hold_others(t);
    struct core core = {open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), limit.rlim_cur};
    struct notes notes = {.at = mmap(NULL, NOTES_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)};
    if (core.fd < 0 || notes.at == MAP_FAILED)
        return;
    os_mutex_lock(&t->user->memory->lock);
    put_notes(&notes, t, signal);
    write_core(&core, t->user, &notes);
    os_mutex_unlock(&t->user->memory->lock);
    close(core.fd);
}
