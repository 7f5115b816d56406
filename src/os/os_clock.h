/* os_clock.h: what time it is, and randomness. Any thread. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Never goes back; for deadlines and durations. */
int64_t os_now_ms(void);
int64_t os_now_us(void);
/* Microseconds since 1970-01-01T00:00:00Z, as the system's clock has it. */
int64_t os_wall_us(void);
void    os_sleep_ms(int64_t ms);
/* Unpredictable bytes from the kernel; cannot fail on a running system. */
void os_random(void *ptr, size_t len);

#endif
