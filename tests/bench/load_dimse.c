/* load_dimse.c: DICOM associations under load. Messages are flat bytes made once; an object of a
 * C-STORE differs from the one before in the digits of its UIDs only. PS3.7, PS3.8 */
#include "load.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CT         "1.2.840.10008.5.1.4.1.1.2"
#define IMPLICIT   "1.2.840.10008.1.2"
#define EXPLICIT   "1.2.840.10008.1.2.1"
#define STUDY_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define STUDY_GET  "1.2.840.10008.5.1.4.1.2.2.3"

enum { COMMAND_BYTES_MAX = 4096, PDU_MAX = 1 << 20 };

struct bytes {
    uint8_t *ptr;
    size_t   len, cap;
};

static void add(struct bytes *b, const void *ptr, size_t len)
{
    if (b->len + len > b->cap) {
        b->cap = 2 * (b->len + len) + 4096;
        b->ptr = realloc(b->ptr, b->cap);
        if (b->ptr == NULL)
            load_die("no memory");
    }
    memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
}

/* ---- association: PS3.8 §9.3 ---- */

static void add_item(struct bytes *b, unsigned type, const void *ptr, size_t len)
{
    uint8_t head[4] = { (uint8_t)type };

    put16(head + 2, (unsigned)len);
    add(b, head, sizeof head);
    add(b, ptr, len);
}

struct context {
    const char *abstract, *transfer;
    bool        we_are_scp;
};

static void add_context(struct bytes *b, unsigned id, const struct context *c)
{
    struct bytes item    = { 0 };
    uint8_t      head[4] = { (uint8_t)id };

    add(&item, head, sizeof head);
    add_item(&item, 0x30, c->abstract, strlen(c->abstract));
    add_item(&item, 0x40, c->transfer, strlen(c->transfer));
    add_item(b, 0x20, item.ptr, item.len);
    free(item.ptr);
}

static void add_user(struct bytes *b, const struct context *c, size_t count)
{
    struct bytes user = { 0 };
    uint8_t      max[4];

    put32(max, PDU_MAX);
    add_item(&user, 0x51, max, sizeof max);
    add_item(&user, 0x52, "1.2.826.0.1.3680043.8.498.9", 27);
    for (size_t i = 0; i < count; i++) {
        uint8_t      length[2];
        struct bytes role = { 0 };

        if (!c[i].we_are_scp)
            continue;
        put16(length, (unsigned)strlen(c[i].abstract)); /* PS3.7 §D.3.3.4 */
        add(&role, length, sizeof length);
        add(&role, c[i].abstract, strlen(c[i].abstract));
        add(&role, "\0\1", 2);
        add_item(&user, 0x54, role.ptr, role.len);
        free(role.ptr);
    }
    add_item(b, 0x50, user.ptr, user.len);
    free(user.ptr);
}

static uint32_t pdu_head(struct in *in, uint8_t *type)
{
    uint8_t head[6];

    load_take(in, head, sizeof head);
    *type = head[0];
    return get32(head + 2);
}

/* The maximum length of PDUs that the peer takes.   PS3.8 §D.1 */
static size_t peer_max(const uint8_t *accept, size_t len)
{
    for (size_t at = 68; at + 4 <= len;) {
        size_t n = (size_t)accept[at + 2] << 8 | accept[at + 3];

        if (accept[at] == 0x50) {
            at += 4;
            continue; /* into the user information */
        }
        if (accept[at] == 0x51 && n == 4 && at + 8 <= len)
            return get32(accept + at + 4);
        at += 4 + n;
    }
    return 16384;
}

static struct in *associate(unsigned port, const char *aet, const struct context *c, size_t count,
                            size_t *pdu_max)
{
    struct in   *in       = calloc(1, sizeof *in);
    struct bytes b        = { 0 };
    uint8_t      head[74] = { 1 };
    uint8_t      answer[4096];
    uint8_t      type;
    uint32_t     len;

    head[7] = 1;
    memset(head + 10, ' ', 32);
    memcpy(head + 10, aet, strnlen(aet, 16));
    memcpy(head + 26, "LOAD", 4);
    add(&b, head, sizeof head);
    add_item(&b, 0x10, "1.2.840.10008.3.1.1.1", 21);
    for (size_t i = 0; i < count; i++)
        add_context(&b, (unsigned)(2 * i + 1), &c[i]);
    add_user(&b, c, count);
    put32(b.ptr + 2, (uint32_t)(b.len - 6));
    if (in == NULL)
        load_die("no memory");
    in->fd = load_connect(port);
    load_send(in->fd, b.ptr, b.len);
    free(b.ptr);
    len = pdu_head(in, &type);
    if (type != 2 || len > sizeof answer)
        load_die("the association was refused (PDU %u)", type);
    load_take(in, answer, len);
    *pdu_max = peer_max(answer, len);
    if (*pdu_max == 0 || *pdu_max > PDU_MAX)
        *pdu_max = PDU_MAX;
    return in;
}

static void release(struct in *in)
{
    static const uint8_t rq[10] = { 5, 0, 0, 0, 0, 4 };
    uint8_t              answer[10];

    load_send(in->fd, rq, sizeof rq);
    load_take(in, answer, sizeof answer);
    (void)close(in->fd);
    free(in);
}

/* ---- messages ---- */

/* One element of a command set: implicit VR little endian, group 0. */
static void add_element(struct bytes *b, unsigned element, const void *ptr, size_t len)
{
    const size_t even    = len + (len & 1);
    uint8_t      head[8] = {
             0, 0, (uint8_t)element, (uint8_t)(element >> 8), (uint8_t)even, (uint8_t)(even >> 8)
    };

    add(b, head, sizeof head);
    add(b, ptr, len);
    if (even > len)
        add(b, "", 1);
}

static void add_us(struct bytes *b, unsigned element, unsigned value)
{
    const uint8_t us[2] = { (uint8_t)value, (uint8_t)(value >> 8) };

    add_element(b, element, us, sizeof us);
}

static void add_group_length(struct bytes *out, const struct bytes *command)
{
    const uint8_t n[4] = { (uint8_t)command->len, (uint8_t)(command->len >> 8), 0, 0 };

    add_element(out, 0x0000, n, sizeof n);
    add(out, command->ptr, command->len);
}

/* P-DATA-TF PDUs of one PDV each.   PS3.8 §9.3.5 */
static void add_pdata(struct bytes *out, unsigned context, bool command, const uint8_t *ptr,
                      size_t len, size_t pdu_max)
{
    while (len > 0) {
        size_t  n        = len < pdu_max - 6 ? len : pdu_max - 6;
        uint8_t head[12] = { 4 };

        put32(head + 2, (uint32_t)(n + 6));
        put32(head + 6, (uint32_t)(n + 2));
        head[10] = (uint8_t)context;
        head[11] = (uint8_t)((command ? 1 : 0) | (n == len ? 2 : 0));
        add(out, head, sizeof head);
        add(out, ptr, n);
        ptr += n;
        len -= n;
    }
}

static void add_command(struct bytes *out, unsigned context, struct bytes *command, size_t pdu_max)
{
    struct bytes whole = { 0 };

    add_group_length(&whole, command);
    add_pdata(out, context, true, whole.ptr, whole.len, pdu_max);
    free(whole.ptr);
    free(command->ptr);
    *command = (struct bytes){ 0 };
}

/* Reads to the end of one command; its status (0000,0900) and command field. Data sets that come
 * before or behind it are passed over and counted. */
struct reply {
    unsigned field, status, message_id, context;
    bool     data_follows;
};

static unsigned us_at(const uint8_t *set, size_t len, unsigned element, unsigned otherwise)
{
    for (size_t at = 0; at + 8 <= len;) {
        size_t n = (size_t)set[at + 4] | (size_t)set[at + 5] << 8;

        if ((unsigned)(set[at + 2] | set[at + 3] << 8) == element && n >= 2 && at + 10 <= len)
            return (unsigned)(set[at + 8] | set[at + 9] << 8);
        at += 8 + n;
    }
    return otherwise;
}

struct reader {
    struct in *in;
    uint32_t   left; /* of the PDU */
};

/* The next PDV's content goes to `to` (up to cap bytes), or is passed over; its length. */
static uint32_t pdv(struct reader *r, uint8_t *to, size_t cap, uint8_t *flags, unsigned *context)
{
    uint8_t head[6];

    if (r->left == 0) {
        uint8_t type;
        r->left = pdu_head(r->in, &type);
        if (type != 4)
            load_die("PDU %u where data was expected", type);
    }
    load_take(r->in, head, sizeof head);
    uint32_t n = get32(head) - 2;
    *context   = head[4];
    *flags     = head[5];
    if (to != NULL && n > cap)
        load_die("a command of %u bytes", n);
    load_take(r->in, to, n);
    r->left -= n + 6;
    return n;
}

static struct reply read_reply(struct reader *r, uint64_t *data_bytes)
{
    uint8_t      set[COMMAND_BYTES_MAX];
    uint8_t      flags;
    struct reply reply;
    unsigned     context;
    uint32_t     n = pdv(r, set, sizeof set, &flags, &context);

    if ((flags & 3) != 3)
        load_die("a command was expected");
    reply = (struct reply){ us_at(set, n, 0x0100, 0), us_at(set, n, 0x0900, 0xffff),
                            us_at(set, n, 0x0110, us_at(set, n, 0x0120, 0)), context,
                            us_at(set, n, 0x0800, 0x0101) != 0x0101 };
    for (flags = 0; reply.data_follows && (flags & 2) == 0;)
        *data_bytes += pdv(r, NULL, 0, &flags, &context);
    return reply;
}

/* ---- C-STORE ---- */

struct store_job {
    struct model t;
    uint8_t     *file;
    size_t       len;
    size_t       data_at; /* the data set begins behind the file meta information */
};

/* The rest of the file meta information follows its group length.   PS3.10 §7.1 */
static size_t data_set_at(const uint8_t *file, size_t len)
{
    if (len < 144 || memcmp(file + 128, "DICM", 4) != 0)
        load_die("the template is no DICOM file");
    return 144 + ((size_t)file[140] | (size_t)file[141] << 8 | (size_t)file[142] << 16);
}

static void store_work(struct lane *lane)
{
    const struct store_job *job     = lane->job;
    const struct context    context = { CT, EXPLICIT, false };
    struct bytes            message = { 0 };
    struct bytes            command = { 0 };
    struct stamp            stamp[5];
    size_t                  pdu_max;
    struct in              *in     = associate(job->t.port, job->t.aet, &context, 1, &pdu_max);
    struct reader           reader = { in, 0 };

    add_element(&command, 0x0002, CT, strlen(CT));
    add_us(&command, 0x0100, 0x0001);
    add_us(&command, 0x0110, 1);
    add_us(&command, 0x0700, 0);
    add_us(&command, 0x0800, 0);
    add_element(&command, 0x1000, job->t.marker[0], strlen(job->t.marker[0]));
    add_command(&message, 1, &command, pdu_max);
    add_pdata(&message, 1, false, job->file + job->data_at, job->len - job->data_at, pdu_max);
    for (size_t i = 0; i < 4; i++)
        load_stamp_find(&stamp[i], message.ptr, message.len, job->t.marker[i]);
    load_stamp_find(&stamp[4], message.ptr, message.len, LOAD_DATE);
    if (stamp[0].count < 2 || stamp[1].count < 1 || stamp[2].count < 1 || stamp[3].count < 1)
        load_die("the template lacks a marker, or one stands across two PDUs");

    for (uint64_t i = 0; i < lane->share; i++) {
        uint64_t number = job->t.first + lane->number + i * lane->lanes;
        uint64_t series =
            (job->t.first + i) / job->t.per_series * lane->lanes + lane->number; /* one a lane */
        uint64_t ignored = 0;

        load_stamp_set(&stamp[0], message.ptr, strlen(job->t.marker[0]) - 12, number);
        for (size_t k = 1; k < 4; k++)
            load_stamp_set(&stamp[k], message.ptr, strlen(job->t.marker[k]) - 12, series);
        load_stamp_date(&stamp[4], message.ptr, series);
        double begin = load_now_ms();
        load_send(in->fd, message.ptr, message.len);
        struct reply reply = read_reply(&reader, &ignored);
        lane->ms[i]        = load_now_ms() - begin;
        lane->bytes += message.len;
        lane->failed += reply.status != 0;
        lane->done += reply.status == 0;
    }
    release(in);
    free(message.ptr);
}

int load_store(int argc, char **argv)
{
    static struct store_job job;
    unsigned                lanes;
    uint64_t                count;

    (void)load_model(argc, argv, &job.t, &lanes, &count);
    job.file    = load_file(job.t.path, &job.len);
    job.data_at = data_set_at(job.file, job.len);
    load_run(lanes, count, &job, store_work);
    free(job.file);
    return 0;
}

/* ---- C-FIND: identifiers from files, in turns ---- */

struct find_job {
    unsigned    port;
    const char *aet;
    uint8_t    *identifier[16];
    size_t      len[16];
    size_t      count;
};

static void find_work(struct lane *lane)
{
    const struct find_job *job     = lane->job;
    const struct context   context = { STUDY_FIND, IMPLICIT, false };
    size_t                 pdu_max;
    struct in             *in          = associate(job->port, job->aet, &context, 1, &pdu_max);
    struct reader          reader      = { in, 0 };
    struct bytes           message[16] = { 0 };

    for (size_t i = 0; i < job->count; i++) {
        struct bytes command = { 0 };

        add_element(&command, 0x0002, STUDY_FIND, strlen(STUDY_FIND));
        add_us(&command, 0x0100, 0x0020);
        add_us(&command, 0x0110, 1);
        add_us(&command, 0x0700, 0);
        add_us(&command, 0x0800, 0);
        add_command(&message[i], 1, &command, pdu_max);
        add_pdata(&message[i], 1, false, job->identifier[i], job->len[i], pdu_max);
    }
    for (uint64_t i = 0; i < lane->share; i++) {
        const struct bytes *m     = &message[(i + lane->number) % job->count];
        double              begin = load_now_ms();
        struct reply        reply;

        load_send(in->fd, m->ptr, m->len);
        while (reply = read_reply(&reader, &lane->bytes), (reply.status & 0xfffe) == 0xff00)
            lane->answers++;
        lane->ms[i] = load_now_ms() - begin;
        lane->failed += reply.status != 0;
        lane->done += reply.status == 0;
    }
    release(in);
    for (size_t i = 0; i < job->count; i++)
        free(message[i].ptr);
}

/* PORT AET LANES COUNT IDENTIFIER-FILE... */
int load_find(int argc, char **argv)
{
    struct find_job job = { 0 };

    if (argc < 5 || argc > 20)
        load_die("find PORT AET LANES COUNT IDENTIFIER...");
    job.port = (unsigned)atoi(argv[0]);
    job.aet  = argv[1];
    for (int i = 4; i < argc; i++, job.count++)
        job.identifier[job.count] = load_file(argv[i], &job.len[job.count]);
    load_run((unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 10), &job, find_work);
    for (size_t i = 0; i < job.count; i++)
        free(job.identifier[i]);
    return 0;
}

/* ---- C-GET, and the sink of C-MOVE ---- */

/* Answers a C-STORE request with success. */
static void store_answer(int fd, const struct reply *rq)
{
    struct bytes command = { 0 };
    struct bytes message = { 0 };

    add_us(&command, 0x0100, 0x8001);
    add_us(&command, 0x0120, rq->message_id);
    add_us(&command, 0x0800, 0x0101);
    add_us(&command, 0x0900, 0);
    add_command(&message, rq->context, &command, 16384);
    load_send(fd, message.ptr, message.len);
    free(message.ptr);
}

static void cget_work(struct lane *lane)
{
    const struct find_job *job        = lane->job;
    const struct context   contexts[] = { { STUDY_GET, IMPLICIT, false }, { CT, EXPLICIT, true } };
    size_t                 pdu_max;
    struct in             *in      = associate(job->port, job->aet, contexts, 2, &pdu_max);
    struct reader          reader  = { in, 0 };
    struct bytes           message = { 0 };
    struct bytes           command = { 0 };

    add_element(&command, 0x0002, STUDY_GET, strlen(STUDY_GET));
    add_us(&command, 0x0100, 0x0010);
    add_us(&command, 0x0110, 1);
    add_us(&command, 0x0700, 0);
    add_us(&command, 0x0800, 0);
    add_command(&message, 1, &command, pdu_max);
    add_pdata(&message, 1, false, job->identifier[0], job->len[0], pdu_max);
    for (uint64_t i = 0; i < lane->share; i++) {
        double       begin = load_now_ms();
        struct reply reply;

        load_send(in->fd, message.ptr, message.len);
        while (reply = read_reply(&reader, &lane->bytes),
               reply.field == 0x0001 || reply.status == 0xff00)
            if (reply.field == 0x0001) {
                store_answer(in->fd, &reply);
                lane->answers++;
            }
        lane->ms[i] = load_now_ms() - begin;
        lane->failed += reply.status != 0;
        lane->done += reply.status == 0;
    }
    release(in);
    free(message.ptr);
}

/* PORT AET LANES COUNT IDENTIFIER-FILE: the objects come back on the same association. */
int load_cget(int argc, char **argv)
{
    struct find_job job = { .count = 1 };

    if (argc != 5)
        load_die("cget PORT AET LANES COUNT IDENTIFIER");
    job.port          = (unsigned)atoi(argv[0]);
    job.aet           = argv[1];
    job.identifier[0] = load_file(argv[4], &job.len[0]);
    load_run((unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 10), &job, cget_work);
    free(job.identifier[0]);
    return 0;
}

/* Accepts whatever contexts are proposed, each with its first transfer syntax.   PS3.8 §9.3.3 */
static void accept_all(int fd, uint8_t *rq, size_t len)
{
    struct bytes b = { 0 };
    uint8_t      max[4];
    struct bytes user = { 0 };

    add(&b, rq, 68 + 6); /* the titles are returned as they came */
    b.ptr[0] = 2;
    add_item(&b, 0x10, "1.2.840.10008.3.1.1.1", 21);
    for (size_t at = 74; at + 8 <= len;) {
        size_t n = (size_t)rq[at + 2] << 8 | rq[at + 3];

        if (rq[at] == 0x20) {
            struct bytes item    = { 0 };
            uint8_t      head[4] = { rq[at + 4] };
            size_t       sub     = at + 8;

            sub += 4 + ((size_t)rq[sub + 2] << 8 | rq[sub + 3]); /* past the abstract syntax */
            add(&item, head, sizeof head);
            add(&item, rq + sub, 4 + ((size_t)rq[sub + 2] << 8 | rq[sub + 3]));
            add_item(&b, 0x21, item.ptr, item.len);
            free(item.ptr);
        }
        at += 4 + n;
    }
    put32(max, PDU_MAX);
    add_item(&user, 0x51, max, sizeof max);
    add_item(&user, 0x52, "1.2.826.0.1.3680043.8.498.9", 27);
    add_item(&b, 0x50, user.ptr, user.len);
    put32(b.ptr + 2, (uint32_t)(b.len - 6));
    load_send(fd, b.ptr, b.len);
    free(user.ptr);
    free(b.ptr);
}

static void *sink_serve(void *arg)
{
    static const uint8_t release_rp[10] = { 6, 0, 0, 0, 0, 4 };
    struct in           *in             = arg;
    struct reader        reader         = { in, 0 };
    uint8_t              rq[65536];
    uint8_t              type;
    uint64_t             bytes = 0;
    uint32_t             len   = pdu_head(in, &type);

    if (type != 1 || len + 6 > sizeof rq)
        load_die("no association request");
    rq[0] = type;
    rq[1] = 0;
    put32(rq + 2, len);
    load_take(in, rq + 6, len);
    accept_all(in->fd, rq, len + 6);
    for (;;) {
        reader.left = pdu_head(in, &type);
        if (type != 4)
            break;
        struct reply reply = read_reply(&reader, &bytes);
        store_answer(in->fd, &reply);
    }
    load_take(in, NULL, reader.left);
    if (type == 5)
        load_send(in->fd, release_rp, sizeof release_rp);
    (void)close(in->fd);
    free(in);
    return NULL;
}

/* Takes every object and keeps none. Prints its port; ends with its standard input. */
static void *sink_accept(void *arg)
{
    for (;;) {
        struct in *in = calloc(1, sizeof *in);
        pthread_t  thread;

        if (in == NULL || (in->fd = accept(*(int *)arg, NULL, NULL)) < 0 ||
            pthread_create(&thread, NULL, sink_serve, in) != 0)
            load_die("the sink cannot accept");
        (void)pthread_detach(thread);
    }
}

int load_sink(int argc, char **argv)
{
    struct sockaddr_in at   = { .sin_family = AF_INET };
    socklen_t          size = sizeof at;
    int                fd   = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t          thread;
    char               byte;

    (void)argc;
    (void)argv;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        load_die("the sink cannot listen");
    (void)printf("%u\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    if (pthread_create(&thread, NULL, sink_accept, &fd) != 0)
        load_die("no thread");
    while (read(0, &byte, 1) > 0) {
    }
    return 0;
}
