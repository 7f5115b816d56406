/* fault_clock.c: the wall clock of a program it is loaded before (LD_PRELOAD) goes by as many seconds wrong as the number in
 * the file FAULT_CLOCK says at this moment. The monotonic clock is left alone, as setting a system's time leaves it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic long *seconds; /* mapped; shared with whoever steers */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_CLOCK");
    int         fd   = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void       *block;

    if (fd < 0)
        return;
    block = mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (block != MAP_FAILED)
        seconds = block;
}

static int real(clockid_t clock, struct timespec *ts)
{
    static int (*get)(clockid_t, struct timespec *);

    if (get == NULL)
        get = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return get(clock, ts);
}

int clock_gettime(clockid_t clock, struct timespec *ts) __attribute__((visibility("default")));
int gettimeofday(struct timeval *restrict tv, void *restrict tz)
    __attribute__((visibility("default")));
time_t time(time_t *t) __attribute__((visibility("default")));

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    int rc = real(clock, ts);

    if (rc == 0 && seconds != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ts->tv_sec += atomic_load(seconds);
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec ts;

    (void)tz;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec  = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *t)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    if (t != NULL)
        *t = ts.tv_sec;
    return ts.tv_sec;
}
