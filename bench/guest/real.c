/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The init of a guest that runs programs of a distribution: reads /jobs, whose lines are "job NAME", the commands that belong to it and
 * "end", and runs them with the folder /data current, the output in a file. Before and after a job it prints a mark and sleeps, so that the
 * emulator's CPU time can be read from outside; the check value is the CRC-32 of the output. Powers off at the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_MS = 100, WORDS = 64, LINE = 4096 };

static const char output[] = "/output";

static void pause_ms(long ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

/* Words are separated by one space; there is no quoting. */
static void run(char *line)
{
    char *words[WORDS] = {NULL}, *rest = line;
    for (unsigned i = 0; i < WORDS - 1 && (words[i] = strsep(&rest, " ")) != NULL; i++)
        ;
    pid_t child = fork();
    if (child == 0) {
        int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd < 0 || dup2(fd, 1) < 0)
            _exit(126);
        execv(words[0], words);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        printf("%s: failed, status %#x\n", words[0], (unsigned)status);
}

static uint32_t crc_of(const char *path)
{
    uint32_t crc = 0xffffffff;
    uint8_t block[65536];
    int fd = open(path, O_RDONLY);
    for (ssize_t n; fd >= 0 && (n = read(fd, block, sizeof block)) > 0;)
        for (ssize_t i = 0; i < n; i++) {
            crc ^= block[i];
            for (unsigned bit = 0; bit < 8; bit++)
                crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
        }
    if (fd >= 0)
        close(fd);
    return crc ^ 0xffffffff;
}

int main(void)
{
    static char line[LINE], name[LINE];
    FILE *jobs = fopen("/jobs", "re");
    setvbuf(stdout, NULL, _IONBF, 0);
    mkdir("/proc", 0755);
    if (!jobs || chdir("/data") || mount("proc", "/proc", "proc", 0, NULL))
        perror("/jobs, /data, /proc");
    while (jobs && fgets(line, sizeof line, jobs)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "job ", 4)) {
            memcpy(name, line + 4, sizeof line - 4);
            unlink(output);
            printf("\nbench %s go\n", name);
            pause_ms(SLEEP_MS);
        } else if (!strncmp(line, "set ", 4)) {
            char *value = strchr(line, '=');
            if (value) {
                *value = 0;
                setenv(line + 4, value + 1, 1);
            }
        } else if (!strcmp(line, "end")) {
            printf("\nbench %s done\n", name);
            pause_ms(SLEEP_MS);
            printf("check %s %x\n", name, crc_of(output));
        } else
            run(line);
    }
    printf("\nbench end\n");
    for (;;)
        reboot(RB_POWER_OFF);
}
