/* os_filter.h: another program as a function: bytes in on its standard input, bytes out of its
 * standard output. It gets no other descriptor, no environment of ours, no network; it can write no
 * file, and with a kernel that has Landlock read none but what belongs to programs. Ceilings of
 * memory and CPU time, and a deadline after which it is killed. What it answers is to be believed as
 * little as what comes from a peer. */
#ifndef OS_FILTER_H
#define OS_FILTER_H

#include "iso_buf.h"

struct os_filter_limits {
    uint64_t memory_bytes;
    unsigned cpu_s;
    unsigned deadline_ms; /* by the clock, from the call on */
};

/* Whether a program of that name is installed where the system has its own: /usr/local/bin, /usr/bin,
 * /bin. path: room for cap bytes, NUL-terminated. */
bool os_filter_find(const char *name, char *path, size_t cap);

/* Runs it and appends its answer to out, whose ceiling holds. argv ends with NULL; argv[0] is its
 * name. A program that does not read all of in is fine. Blocks. Any thread.
 * ISO_ETIMEOUT, ISO_ELIMIT (out), ISO_ENOMEM; ISO_EIO: it failed, or could not be started */
ISO_MUST_USE int os_filter(const char *path, const char *const argv[], iso_bytes in,
                           const struct os_filter_limits *limits, struct iso_buf *out,
                           struct iso_err *err);

#endif
