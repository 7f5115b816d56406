/* load_http.c: HTTP over kept connections: GET of a list of paths, and STOW-RS. Bodies are read and
 * thrown away. RFC 9112 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES_MAX = 16384, PATHS_MAX = 65536 };

/* A body that ends with the connection; a new one is made. */
static void to_the_end(struct in *in, unsigned port, uint64_t *bytes)
{
    ssize_t n = (ssize_t)(in->end - in->at);

    for (; n > 0; n = recv(in->fd, in->buffer, sizeof in->buffer, 0))
        *bytes += (uint64_t)n;
    in->at = in->end = 0;
    (void)close(in->fd);
    in->fd = load_connect(port);
}

/* One response: its status; the body is passed over and counted. */
static int response(struct in *in, unsigned port, uint64_t *bytes)
{
    char     head[HEAD_BYTES_MAX];
    size_t   n        = 0;
    uint64_t length   = 0;
    bool     chunked  = false;
    bool     closes   = false;
    bool     measured = false;
    int      status;

    do {
        if (n + 1 == sizeof head)
            load_die("a head of more than %d bytes", (int)HEAD_BYTES_MAX);
        load_take(in, head + n++, 1);
    } while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0);
    head[n] = '\0';
    if (sscanf(head, "HTTP/1.1 %d", &status) != 1)
        load_die("no HTTP response");
    for (char *line = strchr(head, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
        if (strncasecmp(line + 1, "Content-Length:", 15) == 0)
            length = strtoull(line + 16, NULL, 10), measured = true;
        if (strncasecmp(line + 1, "Connection: close", 17) == 0)
            closes = true;
        if (strncasecmp(line + 1, "Transfer-Encoding: chunked", 26) == 0)
            chunked = true;
    }
    while (chunked) {
        size_t k = 0;
        do
            load_take(in, head + k++, 1);
        while (head[k - 1] != '\n' && k < 32);
        head[k] = '\0';
        length  = strtoull(head, NULL, 16);
        load_take(in, NULL, length + 2);
        *bytes += length;
        chunked = length > 0;
        length  = 0;
    }
    if (closes && !measured) {
        to_the_end(in, port, bytes);
        return status;
    }
    load_take(in, NULL, length);
    *bytes += length;
    return status;
}

struct get_job {
    unsigned port;
    char   **request;
    size_t  *len;
    size_t   count;
};

static void get_work(struct lane *lane)
{
    const struct get_job *job = lane->job;
    struct in            *in  = calloc(1, sizeof *in);

    if (in == NULL)
        load_die("no memory");
    in->fd = load_connect(job->port);
    for (uint64_t i = 0; i < lane->share; i++) {
        size_t k     = (size_t)((i * lane->lanes + lane->number) % job->count);
        double begin = load_now_ms();
        load_send(in->fd, job->request[k], job->len[k]);
        int status  = response(in, job->port, &lane->bytes);
        lane->ms[i] = load_now_ms() - begin;
        lane->done += status == 200 || status == 204;
        lane->failed += status != 200 && status != 204;
    }
    (void)close(in->fd);
    free(in);
}

/* PORT LANES COUNT ACCEPT ENCODING PATHS-FILE: one path a line, in turns */
int load_get(int argc, char **argv)
{
    struct get_job job = { 0 };
    size_t         len;
    char          *next;

    if (argc != 6)
        load_die("get PORT LANES COUNT ACCEPT ENCODING PATHS");
    job.port    = (unsigned)atoi(argv[0]);
    job.request = calloc(PATHS_MAX, sizeof *job.request);
    job.len     = calloc(PATHS_MAX, sizeof *job.len);
    next        = (char *)load_file(argv[5], &len);
    if (job.request == NULL || job.len == NULL)
        load_die("no memory");
    for (char *path = strtok_r(next, "\n", &next); path != NULL && job.count < PATHS_MAX;
         path       = strtok_r(NULL, "\n", &next)) {
        int n = asprintf(&job.request[job.count],
                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: %s\r\n"
                         "Accept-Encoding: %s\r\n\r\n",
                         path, job.port, argv[3], argv[4]);
        if (n < 0)
            load_die("no memory");
        job.len[job.count++] = (size_t)n;
    }
    if (job.count == 0)
        load_die("no paths");
    load_run((unsigned)atoi(argv[1]), strtoull(argv[2], NULL, 10), &job, get_work);
    return 0;
}

/* ---- STOW-RS ---- */

#define BOUNDARY "load-boundary-7f3a"

struct stow_job {
    struct model t;
    uint8_t     *file;
    size_t       len;
};

static void stow_work(struct lane *lane)
{
    static const char      part[] = "\r\n--" BOUNDARY "\r\nContent-Type: application/dicom\r\n\r\n";
    static const char      last[] = "\r\n--" BOUNDARY "--\r\n";
    const struct stow_job *job    = lane->job;
    const size_t           head   = sizeof part - 1;
    const unsigned         n      = job->t.per_request;
    const size_t           total  = n * (head + job->len) + sizeof last - 1;
    uint8_t               *body   = malloc(total);
    struct in             *in     = calloc(1, sizeof *in);
    struct stamp           stamp[4];
    char                   request[512];
    int                    length;

    if (body == NULL || in == NULL)
        load_die("no memory");
    for (unsigned k = 0; k < n; k++) {
        memcpy(body + k * (head + job->len), part, head);
        memcpy(body + k * (head + job->len) + head, job->file, job->len);
    }
    memcpy(body + total - (sizeof last - 1), last, sizeof last - 1);
    for (size_t i = 0; i < 4; i++)
        load_stamp_find(&stamp[i], job->file, job->len, job->t.marker[i]);
    length =
        snprintf(request, sizeof request,
                 "POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                 "Content-Type: multipart/related; type=\"application/dicom\"; boundary=\"" BOUNDARY
                 "\"\r\nAccept: application/dicom+json\r\nContent-Length: %zu\r\n\r\n",
                 job->t.port, total);
    in->fd = load_connect(job->t.port);
    for (uint64_t i = 0; i < lane->share; i++) {
        for (unsigned k = 0; k < n; k++) {
            uint8_t *file   = body + k * (head + job->len) + head;
            uint64_t number = job->t.first + (lane->number + i * lane->lanes) * n + k;
            uint64_t series =
                (job->t.first + i * n) / job->t.per_series * lane->lanes + lane->number;

            load_stamp_set(&stamp[0], file, strlen(job->t.marker[0]) - 12, number);
            for (size_t m = 1; m < 4; m++)
                load_stamp_set(&stamp[m], file, strlen(job->t.marker[m]) - 12, series);
        }
        double   begin   = load_now_ms();
        uint64_t ignored = 0;
        load_send(in->fd, request, (size_t)length);
        load_send(in->fd, body, total);
        int status  = response(in, job->t.port, &ignored);
        lane->ms[i] = load_now_ms() - begin;
        lane->bytes += total;
        lane->done += status == 200;
        lane->failed += status != 200;
    }
    (void)close(in->fd);
    free(in);
    free(body);
}

/* As `store`, and the images of a request at the end; COUNT counts requests. */
int load_stow(int argc, char **argv)
{
    static struct stow_job job;
    unsigned               lanes;
    uint64_t               count;
    int                    per_request = load_model(argc, argv, &job.t, &lanes, &count);

    job.t.per_request = per_request > 0 ? (unsigned)per_request : 10;
    job.file          = load_file(job.t.path, &job.len);
    load_run(lanes, count, &job, stow_work);
    free(job.file);
    return 0;
}
