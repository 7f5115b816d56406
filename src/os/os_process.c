#include "os_process.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void end_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
}

void os_block_end_signals(void)
{
    sigset_t set;

    end_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int os_wait_end_signal(void)
{
    sigset_t set;
    int      number = 0;

    end_signals(&set);
    while (sigwait(&set, &number) != 0 && errno == EINTR)
        ;
    return number;
}

void os_raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

uint64_t os_file_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 0;
}

bool os_program_folder(char *out, size_t cap)
{
    ssize_t n = readlink("/proc/self/exe", out, cap);

    if (n <= 0 || (size_t)n >= cap)
        return false;
    out[n]      = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}

bool os_file_exists(const char *path)
{
    return access(path, R_OK) == 0;
}

bool os_file_writable(const char *path)
{
    return access(path, W_OK) == 0;
}

bool os_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

void os_return_freed_memory(void)
{
    (void)malloc_trim(0);
}

void os_keep_freed_memory(int bytes)
{
    (void)mallopt(M_MMAP_THRESHOLD, bytes);
    (void)mallopt(M_TRIM_THRESHOLD, bytes);
}
