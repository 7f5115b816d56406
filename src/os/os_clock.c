#include "os_clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_us(clockid_t clock)
{
    struct timespec ts;

    (void)clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t os_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t os_now_ms(void)
{
    return os_now_us() / 1000;
}

int64_t os_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

void os_sleep_ms(int64_t ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
        ;
}

void os_random(void *ptr, size_t len)
{
    char *p = ptr;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}
