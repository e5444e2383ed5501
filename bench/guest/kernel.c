/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What programs ask of a kernel, part by part. As the init of a guest it prints a mark before and after each part and sleeps then, so that
 * the emulator's CPU time can be read from outside, and powers off at the end. On the host ("native" is its argument) it keeps to one CPU,
 * as the guest has one, and prints the CPU time of each part, that of its children included. "part NAME ROUNDS [EMULATOR]" is one part, for
 * user mode: the whole process is measured; EMULATOR runs it when it executes itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_MS = 100, PAGE = 4096 };

static const char *program = "/init", *emulator, *folder = "/tmp";

static void must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(1);
}

static uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x9e3779b97f4a7c15; }

static uint64_t syscalls(unsigned rounds)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rounds; i++)
        sum += syscall(SYS_getpid) > 0;
    return sum;
}

static uint64_t files(unsigned rounds)
{
    uint64_t sum = 0;
    char name[64], text[100], back[100];
    for (unsigned i = 0; i < rounds; i++) {
        struct stat status;
        snprintf(name, sizeof name, "%s/bench-%d-%u", folder, (int)getpid(), i % 50);
        int n = snprintf(text, sizeof text, "the text of file %u\n", i), fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        must(fd >= 0 && write(fd, text, (size_t)n) == n, name);
        must(pread(fd, back, sizeof back, 0) == n && !memcmp(text, back, (size_t)n), name);
        must(!close(fd) && !stat(name, &status), name);
        sum = mix(sum, (uint64_t)status.st_size);
        must(!unlink(name), name);
    }
    return sum;
}

/* Anonymous memory whose pages are touched for the first time, 4 MiB at once. */
static uint64_t faults(unsigned rounds)
{
    enum { SIZE = 4 << 20 };
    uint64_t sum = 0;
    for (unsigned i = 0; i < rounds; i++) {
        uint8_t *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(memory != MAP_FAILED && !madvise(memory, SIZE, MADV_NOHUGEPAGE), "mmap");
        for (unsigned at = 0; at < SIZE; at += PAGE)
            memory[at] = (uint8_t)(at / PAGE + i);
        for (unsigned at = 0; at < SIZE; at += 5 * PAGE)
            sum = mix(sum, memory[at]);
        munmap(memory, SIZE);
    }
    return sum;
}

/* Pages made read-only and writable again, each change seen by a store. */
static uint64_t protection(unsigned rounds)
{
    enum { PAGES = 16 };
    uint8_t *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t sum = 0;
    must(memory != MAP_FAILED, "mmap");
    for (unsigned i = 0; i < rounds; i++) {
        uint8_t *page = memory + i % PAGES * PAGE;
        page[i % 100]++;
        must(!mprotect(page, PAGE, PROT_READ), "mprotect");
        sum = mix(sum, page[i % 100]);
        must(!mprotect(page, PAGE, PROT_READ | PROT_WRITE), "mprotect");
    }
    munmap(memory, PAGES * PAGE);
    return sum;
}

static unsigned wait_for(pid_t child)
{
    int status;
    must(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status), "waitpid");
    return (unsigned)WEXITSTATUS(status);
}

static uint64_t forks(unsigned rounds)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit((int)(i % 200));
        sum = mix(sum, wait_for(child));
    }
    return sum;
}

static uint64_t execs(unsigned rounds)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (emulator)
                execl(emulator, emulator, program, "nothing", (char *)NULL);
            else
                execl(program, program, "nothing", (char *)NULL);
            _exit(99);
        }
        sum = mix(sum, wait_for(child));
    }
    return sum;
}

/* 64 KiB at once from a child to its parent. */
static uint64_t pipes(unsigned rounds)
{
    enum { SIZE = 65536 };
    static uint8_t block[SIZE];
    int ends[2];
    uint64_t sum = 0, left = (uint64_t)rounds * SIZE;
    must(!pipe(ends), "pipe");
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (unsigned i = 0; i < rounds; i++) {
            block[0] = (uint8_t)i;
            must(write(ends[1], block, SIZE) == SIZE, "write");
        }
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t n; left; left -= (uint64_t)n) {
        n = read(ends[0], block, SIZE);
        must(n > 0, "read");
        sum += block[0];
    }
    close(ends[0]);
    return mix(rounds, wait_for(child)) + (sum > 0);
}

/* One byte to and fro between two processes: two switches a round. */
static uint64_t switches(unsigned rounds)
{
    int there[2], back[2];
    uint8_t byte = 1;
    uint64_t sum = 0;
    must(!pipe(there) && !pipe(back), "pipe");
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 0; i < rounds; i++) {
            must(read(there[0], &byte, 1) == 1, "read");
            byte = (uint8_t)(byte * 5 + 1);
            must(write(back[1], &byte, 1) == 1, "write");
        }
        _exit(0);
    }
    for (unsigned i = 0; i < rounds; i++) {
        must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "to and fro");
        sum = mix(sum, byte);
    }
    for (unsigned i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    return mix(sum, wait_for(child));
}

static void *add_one(void *value)
{
    ++*(uint64_t *)value;
    return value;
}

static uint64_t threads(unsigned rounds)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rounds; i++) {
        pthread_t thread;
        must(!pthread_create(&thread, NULL, add_one, &sum) && !pthread_join(thread, NULL), "pthread_create");
    }
    return sum;
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned turn, rounds;
    uint64_t sum;
} table = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

/* Two threads take turns, each woken by the other. */
static void *take_turns(void *whose)
{
    unsigned me = *(unsigned *)whose;
    pthread_mutex_lock(&table.lock);
    for (unsigned i = 0; i < table.rounds; i++) {
        while (table.turn != me)
            pthread_cond_wait(&table.changed, &table.lock);
        table.sum = mix(table.sum, me + i);
        table.turn = !me;
        pthread_cond_signal(&table.changed);
    }
    pthread_mutex_unlock(&table.lock);
    return NULL;
}

static uint64_t futexes(unsigned rounds)
{
    pthread_t other;
    unsigned here = 0, there = 1;
    table.rounds = rounds;
    must(!pthread_create(&other, NULL, take_turns, &there), "pthread_create");
    take_turns(&here);
    must(!pthread_join(other, NULL), "pthread_join");
    return table.sum;
}

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    (void)number;
    caught++;
}

static uint64_t signals(unsigned rounds)
{
    struct sigaction action = {.sa_handler = catch_signal};
    must(!sigaction(SIGUSR1, &action, NULL), "sigaction");
    for (unsigned i = 0; i < rounds; i++)
        raise(SIGUSR1);
    return (uint64_t)caught;
}

/* The clock, read without a system call where the kernel offers that. */
static uint64_t clocks(unsigned rounds)
{
    struct timespec now;
    uint64_t good = 0, last = 0;
    for (unsigned i = 0; i < rounds; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
        good += ns >= last;
        last = ns;
    }
    return good;
}

static const struct part {
    const char *name;
    uint64_t (*work)(unsigned rounds);
    unsigned rounds; /* so that QEMU needs about a second */
} parts[] = {
    {"syscalls", syscalls, 1000000}, {"files", files, 20000},   {"faults", faults, 60},      {"protection", protection, 60000},
    {"fork", forks, 1500},           {"exec", execs, 500},      {"pipes", pipes, 4000},      {"switches", switches, 30000},
    {"threads", threads, 10000},     {"futex", futexes, 30000}, {"signals", signals, 60000}, {"clock", clocks, 2000000},
};

static void pause_ms(long ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

static double cpu_seconds(void)
{
    double sum = 0;
    for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
        struct rusage used;
        getrusage(who, &used);
        sum += (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    }
    return sum;
}

static void play(const struct part *part, int native)
{
    double begin = cpu_seconds();
    if (!native) {
        printf("\nbench %s go\n", part->name);
        pause_ms(SLEEP_MS);
    }
    uint64_t check = part->work(part->rounds);
    if (native)
        printf("cpu %s %.6f\n", part->name, cpu_seconds() - begin);
    printf("\ncheck %s %llx\nbench %s done\n", part->name, (unsigned long long)check, part->name);
    if (!native)
        pause_ms(SLEEP_MS);
}

static void use_one_cpu(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(sched_getcpu(), &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    folder = "/dev/shm"; /* the guest's is in memory, too */
}

static int one_part(char **argv)
{
    use_one_cpu();
    program = argv[0];
    emulator = argv[4];
    for (const struct part *part = parts; part < parts + sizeof parts / sizeof *parts; part++)
        if (!strcmp(part->name, argv[2])) {
            printf("check %llx\n", (unsigned long long)part->work((unsigned)strtoul(argv[3], NULL, 10)));
            return 0;
        }
    return 1;
}

int main(int argc, char **argv)
{
    int native = argc > 1 && !strcmp(argv[1], "native");
    if (argc > 1 && !strcmp(argv[1], "nothing"))
        return 7;
    if (argc > 3 && !strcmp(argv[1], "part"))
        return one_part(argv);
    setvbuf(stdout, NULL, _IONBF, 0);
    if (native) {
        use_one_cpu();
        program = "/proc/self/exe";
    } else
        mkdir(folder, 0700);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        play(&parts[i], native);
    if (!native)
        reboot(RB_POWER_OFF);
    return 0;
}
