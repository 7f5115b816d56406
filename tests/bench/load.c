/* load.c: a load client that costs next to nothing, for measuring servers: C-STORE, C-FIND, C-GET, a
 * sink for C-MOVE, HTTP GET and STOW-RS over several connections. Requests are made beforehand. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void load_die(const char *what, ...)
{
    va_list args;

    va_start(args, what);
    (void)vfprintf(stderr, what, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

double load_now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int load_connect(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int                on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        load_die("connect to port %u: %s", port, strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void load_send(int fd, const void *ptr, size_t len)
{
    const uint8_t *p = ptr;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            load_die("send: %s", strerror(errno));
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

void load_take(struct in *in, void *ptr, size_t len)
{
    uint8_t *to = ptr;

    while (len > 0) {
        if (in->at == in->end) {
            ssize_t n = recv(in->fd, in->buffer, sizeof in->buffer, 0);
            if (n == 0)
                load_die("the server closed the connection");
            if (n < 0 && errno != EINTR)
                load_die("recv: %s", strerror(errno));
            in->at  = 0;
            in->end = n > 0 ? (size_t)n : 0;
        }
        size_t n = in->end - in->at < len ? in->end - in->at : len;
        if (to != NULL) {
            memcpy(to, in->buffer + in->at, n);
            to += n;
        }
        in->at += n;
        len -= n;
    }
}

uint8_t *load_file(const char *path, size_t *len)
{
    FILE    *f = fopen(path, "rb");
    uint8_t *all;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0)
        load_die("%s: %s", path, strerror(errno));
    *len = (size_t)ftell(f);
    rewind(f);
    all = malloc(*len + 1);
    if (all == NULL || fread(all, 1, *len, f) != *len)
        load_die("%s: cannot be read", path);
    all[*len] = '\0';
    (void)fclose(f);
    return all;
}

/* ---- lanes ---- */

struct runner {
    struct lane lane;
    void (*work)(struct lane *lane);
};

static void *run_lane(void *arg)
{
    struct runner *r = arg;

    r->work(&r->lane);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

void load_run(unsigned lanes, uint64_t count, const void *job, void (*work)(struct lane *lane))
{
    static struct runner runner[LANES_MAX];
    pthread_t            thread[LANES_MAX];
    double              *ms  = calloc((size_t)count + lanes, sizeof *ms);
    double              *at  = ms;
    struct lane          sum = { 0 };
    double               begin;
    double               seconds;

    if (lanes < 1 || lanes > LANES_MAX || ms == NULL)
        load_die("1 to %d lanes", (int)LANES_MAX);
    begin = load_now_ms();
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t share = count / lanes + (i < count % lanes);

        runner[i] = (struct runner){ { i, lanes, share, job, at, 0, 0, 0, 0 }, work };
        at += share;
        if (pthread_create(&thread[i], NULL, run_lane, &runner[i]) != 0)
            load_die("no thread");
    }
    for (unsigned i = 0; i < lanes; i++) {
        (void)pthread_join(thread[i], NULL);
        sum.done += runner[i].lane.done;
        sum.failed += runner[i].lane.failed;
        sum.bytes += runner[i].lane.bytes;
        sum.answers += runner[i].lane.answers;
    }
    seconds = (load_now_ms() - begin) / 1e3;
    qsort(ms, (size_t)count, sizeof *ms, by_value);
    (void)printf("{\"count\": %llu, \"failed\": %llu, \"answers\": %llu, \"seconds\": %.6f,"
                 " \"rate\": %.3f, \"mb_s\": %.3f, \"p50_ms\": %.4f, \"p95_ms\": %.4f,"
                 " \"p99_ms\": %.4f}\n",
                 (unsigned long long)sum.done, (unsigned long long)sum.failed,
                 (unsigned long long)sum.answers, seconds, (double)sum.done / seconds,
                 (double)sum.bytes / 1e6 / seconds, ms[count / 2], ms[count * 95 / 100],
                 ms[count * 99 / 100]);
    free(ms);
}

/* ---- templates ---- */

void load_stamp_find(struct stamp *stamp, const uint8_t *bytes, size_t len, const char *marker)
{
    const size_t   n    = strlen(marker);
    const uint8_t *from = bytes;
    const uint8_t *hit;

    stamp->count = 0;
    while (n > 0 && stamp->count < 64 &&
           (hit = memmem(from, len - (size_t)(from - bytes), marker, n)) != NULL) {
        stamp->at[stamp->count++] = (size_t)(hit - bytes);
        from                      = hit + n;
    }
}

/* The 12 digits begin with a one: a UID component has no leading zero. */
void load_stamp_set(const struct stamp *stamp, uint8_t *bytes, size_t digits_at, uint64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "1%011llu", (unsigned long long)(number % 100000000000));
    for (size_t i = 0; i < stamp->count; i++)
        memcpy(bytes + stamp->at[i] + digits_at, digits, 12);
}

void load_stamp_date(const struct stamp *stamp, uint8_t *bytes, uint64_t series)
{
    char day[16];

    (void)snprintf(day, sizeof day, "20%02u%02u%02u", (unsigned)(series % 26),
                   (unsigned)(series / 26 % 12 + 1), (unsigned)(series / 312 % 28 + 1));
    for (size_t i = 0; i < stamp->count; i++)
        memcpy(bytes + stamp->at[i], day, 8);
}

int load_model(int argc, char **argv, struct model *t, unsigned *lanes, uint64_t *count)
{
    if (argc < 11)
        load_die("PORT AET FILE SOP SERIES STUDY PATIENT PER-SERIES FIRST LANES COUNT");
    *t     = (struct model){ .port       = (unsigned)atoi(argv[0]),
                             .aet        = argv[1],
                             .path       = argv[2],
                             .marker     = { argv[3], argv[4], argv[5], argv[6] },
                             .per_series = strtoull(argv[7], NULL, 10),
                             .first      = strtoull(argv[8], NULL, 10) };
    *lanes = (unsigned)atoi(argv[9]);
    *count = strtoull(argv[10], NULL, 10);
    return argc > 11 ? atoi(argv[11]) : 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = { { "store", load_store }, { "find", load_find }, { "cget", load_cget },
                  { "sink", load_sink },   { "get", load_get },   { "stow", load_stow } };

    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 2, argv + 2);
    load_die("usage: load store|find|cget|sink|get|stow ...: see tests/bench/load_*.c");
}
