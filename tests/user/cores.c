/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Core files: what a crash leaves behind, by its notes and by the memory in it. Where core_pattern is no file name, there is none. */
#include "user.h"
#include <dirent.h>
#include <elf.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static char marked[PAGE] __attribute__((aligned(4096))) = "here it is";
static char *volatile nowhere = (char *)16;

static void *spin(void *arg)
{
    for (;;)
        __asm__ volatile("");
    return arg;
}

static void *wait_there(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void limit(rlim_t size)
{
    const struct rlimit l = {size, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &l);
}

static void crash(void)
{
    pthread_t thread;
    limit(64 << 20);
    marked[0] = 'H';
    pthread_create(&thread, NULL, spin, NULL);
    pthread_create(&thread, NULL, wait_there, NULL);
    nap(10);
    *nowhere = 1;
}

static void give_up(void)
{
    limit(64 << 20);
    abort();
}

static void without(void)
{
    limit(0);
    abort();
}

static void undumpable(void)
{
    limit(64 << 20);
    prctl(PR_SET_DUMPABLE, 0);
    abort();
}

static uint8_t *slurp(const char *name, size_t *size)
{
    struct stat st;
    int fd = open(name, O_RDONLY);
    fstat(fd, &st);
    *size = (size_t)st.st_size;
    return mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
}

static void show_notes(const uint8_t *at, size_t size)
{
    unsigned threads = 0, floats = 0;
    while (size >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *n = (const Elf64_Nhdr *)(const void *)at;
        const uint8_t *data = at + sizeof *n + (n->n_namesz + 3) / 4 * 4;
        const char *owner = (const char *)(at + sizeof *n);
        if (!strcmp(owner, "CORE"))
            switch (n->n_type) {
            case NT_PRSTATUS:
                if (!threads++)
                    say("signal %d", *(const int *)(const void *)data);
                break;
            case NT_FPREGSET: floats++; break;
            case NT_PRPSINFO: say("process: named %d, %u bytes", !strncmp((const char *)data + 40, "named", 6), n->n_descsz); break;
            case NT_SIGINFO: {
                const siginfo_t *info = (const siginfo_t *)(const void *)data;
                say("signal %d code %d address %lx", info->si_signo, info->si_code,
                    info->si_signo == SIGSEGV ? (unsigned long)(uintptr_t)info->si_addr : 0);
                break;
            }
            case NT_AUXV: say("auxv %d", n->n_descsz > 100); break;
            case NT_FILE: say("files %d", *(const long *)(const void *)data > 0); break;
            }
        size_t all = (size_t)(data - at) + (n->n_descsz + 3) / 4 * 4;
        at += all;
        size -= all;
    }
    say("threads %u floats %u", threads, floats);
}

static void show_core(void)
{
    DIR *dir = opendir(".");
    for (struct dirent *e; (e = readdir(dir));) {
        size_t size;
        if (strncmp(e->d_name, "core", 4))
            continue;
        const uint8_t *core = slurp(e->d_name, &size);
        const Elf64_Ehdr *h = (const Elf64_Ehdr *)(const void *)core;
        say("a core file: elf %d type %d", !memcmp(core, ELFMAG, SELFMAG), h->e_type);
        for (unsigned i = 0; i < h->e_phnum; i++) {
            const Elf64_Phdr *p = (const Elf64_Phdr *)(const void *)(core + h->e_phoff) + i;
            if (p->p_type == PT_NOTE)
                show_notes(core + p->p_offset, p->p_filesz);
            else if ((uintptr_t)marked >= p->p_vaddr && (uintptr_t)marked < p->p_vaddr + p->p_filesz)
                say("marked: %s, flags %u", (const char *)(core + p->p_offset + ((uintptr_t)marked - p->p_vaddr)), p->p_flags);
            else if ((uintptr_t)show_core >= p->p_vaddr && (uintptr_t)show_core < p->p_vaddr + p->p_memsz)
                say("code: flags %u", p->p_flags);
        }
        unlink(e->d_name);
    }
    closedir(dir);
}

int main(void)
{
    prctl(PR_SET_NAME, "named");
    in_child("crash", crash);
    show_core();
    in_child("abort", give_up);
    show_core();
    in_child("without", without);
    show_core();
    in_child("undumpable", undumpable);
    show_core();
    return 0;
}
