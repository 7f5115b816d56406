/* load.h: what the parts of the load client share: lanes that run side by side, the time of each
 * request, and a socket that is read in large pieces. It knows nothing of the server's code. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES_MAX = 64, IN_BYTES = 256 << 10 };

struct in {
    int     fd;
    size_t  at, end;
    uint8_t buffer[IN_BYTES];
};

struct lane {
    unsigned    number, lanes;
    uint64_t    share; /* requests of this lane */
    const void *job;
    double     *ms; /* of each request */
    uint64_t    done, failed, bytes, answers;
};

/* Everything that cannot go on ends the program: this is a measuring tool. */
_Noreturn void load_die(const char *what, ...) __attribute__((format(printf, 1, 2)));
double         load_now_ms(void);
int            load_connect(unsigned port);
void           load_send(int fd, const void *ptr, size_t len);
/* Exactly len bytes; into nothing when ptr is NULL. */
void load_take(struct in *in, void *ptr, size_t len);
/* A whole file, and its length. */
uint8_t *load_file(const char *path, size_t *len);

/* Runs one thread a lane; `count` requests in all. Prints one line of JSON: count, failed, seconds, rate,
 * megabytes a second, and the times of requests in milliseconds. */
void load_run(unsigned lanes, uint64_t count, const void *job, void (*work)(struct lane *lane));

static inline void put16(uint8_t *p, unsigned v) /* big-endian, as the upper layer is */
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int load_store(int argc, char **argv); /* load_dimse.c */
int load_find(int argc, char **argv);
int load_cget(int argc, char **argv);
int load_sink(int argc, char **argv);
int load_get(int argc, char **argv); /* load_http.c */
int load_stow(int argc, char **argv);

/* Objects from one template: the last 12 digits of its UIDs are counters, patched in place.
 * Every instance is new; `per_series` of them share series, study and patient. */
struct stamp {
    size_t at[64];
    size_t count;
};
/* Where `marker` (a UID that ends in 12 digits) stands in the bytes. */
void load_stamp_find(struct stamp *stamp, const uint8_t *bytes, size_t len, const char *marker);
void load_stamp_set(const struct stamp *stamp, uint8_t *bytes, size_t digits_at, uint64_t number);

/* The template's StudyDate, where it is this one, becomes a day that follows from the series. */
#define LOAD_DATE "19771231"
void load_stamp_date(const struct stamp *stamp, uint8_t *bytes, uint64_t series);

struct model {
    const char *path;
    const char *marker[4]; /* SOP instance, series, study, patient ID */
    uint64_t    per_series, first;
    const char *aet;
    unsigned    port;
    unsigned    per_request; /* of STOW-RS */
};
int load_model(int argc, char **argv, struct model *t, unsigned *lanes, uint64_t *count);

#endif
