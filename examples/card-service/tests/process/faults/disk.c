/* A disk with a fault: what a process writes to its files fails, or waits, as the
 * file named by DISK_FAULT says: `full`, `readonly` or `stalled` (then a file with
 * `.waits` to its name tells that somebody waits); else it is written. Preloaded (ld.so(8)) before the system's own calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* 0 when the bytes may be written. */
static int fault(int file) {
    struct stat stat;
    const char *path = getenv("DISK_FAULT");
    if (!path || fstat(file, &stat) || !S_ISREG(stat.st_mode))
        return 0;
    for (;;) {
        char said[16] = "", waits[4096];
        int now = open(path, O_RDONLY | O_CLOEXEC);
        if (now >= 0) {
            if (read(now, said, sizeof said - 1) < 0)
                said[0] = 0;
            close(now);
        }
        if (!strcmp(said, "full"))
            return ENOSPC;
        if (!strcmp(said, "readonly"))
            return EROFS;
        if (strcmp(said, "stalled"))
            return 0;
        if (snprintf(waits, sizeof waits, "%s.waits", path) < (int)sizeof waits)
            close(open(waits, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

#define FAULTY(name, parameters, arguments)                                    \
    ssize_t name parameters {                                                  \
        static ssize_t(*next) parameters;                                      \
        int error = fault(file);                                               \
        if (error) {                                                           \
            errno = error;                                                     \
            return -1;                                                         \
        }                                                                      \
        if (!next)                                                             \
            next = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name);             \
        return next arguments;                                                 \
    }

FAULTY(write, (int file, const void *bytes, size_t count), (file, bytes, count))
FAULTY(pwrite, (int file, const void *bytes, size_t count, off_t at), (file, bytes, count, at))
FAULTY(pwrite64, (int file, const void *bytes, size_t count, off64_t at), (file, bytes, count, at))
