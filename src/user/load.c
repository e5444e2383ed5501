/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ELF programs (System V ABI, chapters 4 and 5) into memory as Linux puts them there: segments mapped from the file, .bss behind them. */
#include "base/bits.h"
#include "user/others.h"
#include "user/process.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADERS_MAX = 64, SMALL = 64 << 10 };

struct elf {
    int fd;
    const char *path;
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS_MAX];
    char interpreter[PATH_MAX]; /* empty: none */
    bool guarded;               /* its code is for pages with USER_PROT_BTI, and the kernel is who maps it so */
};

static int bad(const struct elf *elf, struct err *err, const char *what) { return err_set(err, STATUS_config, "%s: %s", elf->path, what); }

/* The kernel's note of what all of the program's code is fit for: arm64's has a bit for branch target identification. */
static bool is_guarded(const struct elf *elf, const Elf64_Phdr *s)
{
    enum { NOTE = 5, HEAD = 16, FEATURES = 0xc0000000, BTI = 1, MOST = 1024 };
    uint8_t note[MOST];
    ssize_t got = s->p_filesz <= MOST ? pread(elf->fd, note, s->p_filesz, (off_t)s->p_offset) : 0;
    size_t size = got < HEAD ? 0 : (size_t)got, end = size ? HEAD + (size_t)le32_get(note + 4) : 0;
    if (!size || le32_get(note) != 4 || le32_get(note + 8) != NOTE || memcmp(note + 12, "GNU", 4) || end > size)
        return false;
    for (size_t at = HEAD; at + 8 <= end;) {
        size_t bytes = le32_get(note + at + 4);
        if (le32_get(note + at) == (uint32_t)FEATURES && bytes == 4 && at + 12 <= end)
            return le32_get(note + at + 8) & BTI;
        at += 8 + align_up(bytes, 8);
    }
    return false;
}

static int read_headers(const struct user_abi *abi, struct elf *elf, struct err *err)
{
    const Elf64_Ehdr *h = &elf->header;
    if (pread(elf->fd, &elf->header, sizeof *h, 0) != sizeof *h || memcmp(h->e_ident, ELFMAG, SELFMAG))
        return bad(elf, err, "not an ELF program");
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != abi->elf_machine)
        return bad(elf, err, "made for another architecture than the program that asks for it");
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return bad(elf, err, "not a program: an object or a core file");
    if (abi->elf_flags && !abi->elf_flags(h->e_flags))
        return bad(elf, err, "made for an ABI that is not supported (quad floating point, or RVE)");
    if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum > HEADERS_MAX)
        return bad(elf, err, "damaged: its program headers have a wrong size or number");
    size_t size = h->e_phnum * sizeof(Elf64_Phdr);
    if (pread(elf->fd, elf->segments, size, (off_t)h->e_phoff) != (ssize_t)size)
        return bad(elf, err, "damaged: it ends before its program headers");
    for (unsigned i = 0; i < h->e_phnum; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type == PT_INTERP && (s->p_filesz < 2 || s->p_filesz >= PATH_MAX ||
                                       pread(elf->fd, elf->interpreter, s->p_filesz, (off_t)s->p_offset) != (ssize_t)s->p_filesz))
            return bad(elf, err, "damaged: the path of its interpreter");
        if (s->p_type == PT_GNU_PROPERTY && abi->more_prot & USER_PROT_BTI)
            elf->guarded = is_guarded(elf, s);
        bool sound = s->p_memsz >= s->p_filesz && s->p_vaddr + s->p_memsz >= s->p_vaddr && s->p_vaddr + s->p_memsz < MEM_FLAT_END;
        if (s->p_type == PT_LOAD && (!sound || (s->p_vaddr - s->p_offset) % USER_PAGE))
            return bad(elf, err, "damaged: a segment that cannot be mapped");
    }
    return 0;
}

/* All that its segments span; false: it has none. */
static bool span(const struct elf *elf, uint64_t *low, uint64_t *high)
{
    *low = UINT64_MAX;
    *high = 0;
    for (unsigned i = 0; i < elf->header.e_phnum; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_LOAD || !s->p_memsz)
            continue;
        *low = s->p_vaddr < *low ? align_down(s->p_vaddr, USER_PAGE) : *low;
        *high = s->p_vaddr + s->p_memsz > *high ? align_up(s->p_vaddr + s->p_memsz, USER_PAGE) : *high;
    }
    return *high;
}

static int protection(const Elf64_Phdr *s)
{
    return (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) | (s->p_flags & PF_X ? PROT_EXEC : 0);
}

/* The file's part, the zeros up to its page's end, and whole pages of zeros. */
static bool map_segment(struct user *user, const struct elf *elf, const Elf64_Phdr *s, uint64_t bias)
{
    uint64_t start = bias + s->p_vaddr, page = align_down(start, USER_PAGE), file_end = start + s->p_filesz, end = start + s->p_memsz;
    uint64_t file_pages = s->p_filesz ? align_up(file_end, USER_PAGE) : page;
    int prot = protection(s) | (elf->guarded && s->p_flags & PF_X ? (int)USER_PROT_BTI : 0),
        flags = MAP_PRIVATE | MAP_FIXED | MAP_DENYWRITE;
    if (s->p_filesz && user_mmap(user, page, file_pages - page, prot, flags, elf->fd, s->p_offset - (start - page), elf->path) < 0)
        return false;
    static const uint8_t zeros[USER_PAGE];
    if (s->p_filesz && end > file_end && (prot & PROT_WRITE) && !user_write(file_end, zeros, file_pages - file_end))
        return false;
    if (align_up(end, USER_PAGE) <= file_pages)
        return true;
    uint64_t size = align_up(end, USER_PAGE) - file_pages;
    if (user_mmap(user, file_pages, size, prot, flags | MAP_ANONYMOUS, -1, 0, NULL) < 0)
        return false;
    if ((prot & PROT_WRITE) && size <= SMALL)
        user_populate(file_pages, size);
    return true;
}

/* want: where a program without an address of its own goes; 0: wherever there is room. */
static int map(struct user *user, const struct elf *elf, uint64_t want, struct user_image *image, struct err *err)
{
    uint64_t low, high, bias = 0;
    if (!span(elf, &low, &high))
        return bad(elf, err, "damaged: it has no segments");
    if (elf->header.e_type == ET_DYN) {
        int64_t at = user_mmap(user, want, high - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, NULL);
        if (at < 0)
            return bad(elf, err, "no room for it in the address space");
        bias = (uint64_t)at - low;
    } else if (low < USER_LOW) {
        return bad(elf, err, "its address is too low for a process of this host");
    }
    *image = (struct user_image){.entry = bias + elf->header.e_entry, .base = bias, .nheaders = elf->header.e_phnum, .end = bias + high};
    for (unsigned i = 0; i < elf->header.e_phnum; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type == PT_PHDR)
            image->headers = bias + s->p_vaddr;
        if (s->p_type != PT_LOAD || !s->p_memsz)
            continue;
        if (!map_segment(user, elf, s, bias))
            return err_set_errno(err, errno, "%s: cannot map it at 0x%llx", elf->path, (unsigned long long)(bias + s->p_vaddr));
        if (!image->headers && elf->header.e_phoff >= s->p_offset && elf->header.e_phoff - s->p_offset < s->p_filesz)
            image->headers = bias + s->p_vaddr + (elf->header.e_phoff - s->p_offset);
    }
    return 0;
}

static int open_interpreter(struct user *user, const char *wanted, struct elf *elf, char *buf, struct err *err)
{
    const char *sysroot = user->sysroot;
    for (;;) {
        elf->path = user_path(user, wanted, buf);
        elf->fd = open(elf->path, O_RDONLY | O_CLOEXEC);
        if (elf->fd >= 0)
            return read_headers(user->abi, elf, err);
        if (user->sysroot)
            break;
        user->sysroot = user->abi->sysroot; /* a program of the cross compiler, most likely */
    }
    user->sysroot = sysroot;
    return err_set(err, STATUS_not_found,
                   "%s needs %s, which is not here: give the libraries of its architecture by --root DIR (a whole system) or "
                   "--sysroot DIR (Debian: install libc6-%s-cross, which is in %s and found by itself)",
                   user->exe, wanted, user->abi->guest, user->abi->sysroot);
}

static int load_interpreter(struct user *user, const char *wanted, struct user_image *image, struct err *err)
{
    struct elf *elf = calloc(1, sizeof *elf);
    char buf[PATH_MAX];
    if (!elf)
        return err_set(err, STATUS_resource, "out of memory for the program");
    elf->fd = -1;
    int rc = open_interpreter(user, wanted, elf, buf, err);
    if (!rc)
        rc = map(user, elf, 0, image, err);
    if (elf->fd >= 0)
        close(elf->fd);
    free(elf);
    return rc;
}

static int map_vdso(struct user *user)
{
    int64_t at = user_mmap(user, 0, USER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "[vdso]");
    if (at < 0)
        return -STATUS_resource;
    memcpy((void *)(uintptr_t)at, user->abi->vdso, user->abi->vdso_size);
    user->memory->vdso = (uint64_t)at;
    user->memory->sigreturn = (uint64_t)at + user->abi->vdso_sigreturn;
    return user_mprotect(user, (uint64_t)at, USER_PAGE, PROT_READ | PROT_EXEC) ? -STATUS_resource : 0;
}

/* What /proc/self/stat tells of it. */
static void note_program(struct user_memory *m, const struct elf *elf, const struct user_image *image)
{
    m->elf_flags = elf->header.e_flags;
    for (unsigned i = 0; i < elf->header.e_phnum; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        uint64_t start = image->base + s->p_vaddr;
        if (s->p_type != PT_LOAD || !s->p_memsz)
            continue;
        if (s->p_flags & PF_X) {
            m->code_start = !m->code_start || start < m->code_start ? start : m->code_start;
            m->code_end = start + s->p_filesz > m->code_end ? start + s->p_filesz : m->code_end;
        }
        m->data_start = start > m->data_start ? start : m->data_start;
        m->data_end = start + s->p_filesz > m->data_end ? start + s->p_filesz : m->data_end;
    }
}

int user_load(struct user *user, struct cpu *cpu, int fd, char *const *argv, struct err *err)
{
    struct elf *elf = calloc(1, sizeof *elf);
    struct user_image program, interpreter = {0};
    if (!elf)
        return err_set(err, STATUS_resource, "out of memory for the program");
    elf->fd = fd;
    elf->path = user->exe;
    int rc = read_headers(user->abi, elf, err);
    elf->guarded &= !*elf->interpreter; /* else the interpreter sees to it */
    if (!rc)
        rc = map(user, elf, USER_PIE_BASE, &program, err);
    if (!rc)
        note_program(user->memory, elf, &program);
    if (!rc)
        user->memory->brk_start = user->memory->brk = align_up(program.end, USER_PAGE);
    if (!rc && *elf->interpreter)
        rc = load_interpreter(user, elf->interpreter, &interpreter, err);
    if (!rc && map_vdso(user))
        rc = err_set(err, STATUS_resource, "out of memory for the program");
    free(elf);
    if (rc)
        return rc;
    program.entry_first = interpreter.entry ? interpreter.entry : program.entry;
    uint64_t sp = user_stack_fill(user, cpu, argv, &program, interpreter.base);
    if (!sp)
        return err_set(err, STATUS_config, "%s: its arguments and environment are too long", user->exe);
    user_others_tell(user->memory);
    user->abi->start(cpu, program.entry_first, sp);
    return 0;
}
