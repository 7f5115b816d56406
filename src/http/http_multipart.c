/* http_multipart.c: one buffer slides over the stream. What lies before the next delimiter is body;
 * without one in sight, all but the last bytes that could begin one is. A reader with room for much gets
 * the stream straight into its own memory, and only what is not body comes back into the buffer. Each
 * byte is looked at a bounded number of times, whatever the input: a delimiter that turns out to be none
 * costs one look at the few bytes behind it. */
#include "http_multipart.h"

#include <stdlib.h>
#include <string.h>

enum {
    DELIMITER_MAX = 4 + HTTP_MULTIPART_BOUNDARY_MAX, /* CR LF '-' '-' boundary */
    TAIL_MAX      = 64,                              /* "--", or padding and CR LF, behind it */
    STRAIGHT_MIN  = 16 << 10 /* room from which on the buffer is passed by */
};

enum tail { TAIL_NONE, TAIL_PART, TAIL_CLOSE };

struct http_multipart {
    struct iso_source in;
    bool              in_ended;
    bool              started;
    bool              in_part;    /* a part's body is being read */
    bool              closed;     /* the closing delimiter has passed */
    int               failed;     /* sticky */
    size_t            body_bytes; /* from pos: known to be body */
    size_t            pos;
    size_t            end;
    size_t            delimiter_len;
    char              delimiter[DELIMITER_MAX];
    char              head[HTTP_MULTIPART_HEADER_BYTES_MAX];
    struct http_param headers[HTTP_MULTIPART_HEADERS_MAX];
    uint8_t           buffer[HTTP_MULTIPART_BUFFER_BYTES];
};

/* RFC 2046 §5.1.1, bchars; and not a blank at the end. */
static bool boundary_ok(iso_str b)
{
    if (b.len == 0 || b.len > HTTP_MULTIPART_BOUNDARY_MAX || b.ptr[b.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c != '\0' && strchr("'()+_,-./:=? *!#$%&^`{|}~;<>@[]", c) != NULL)))
            return false; /* bchars, and what clients are seen to use besides */
    }
    return true;
}

int http_multipart_new(struct http_multipart **multipart, struct iso_source in, iso_str boundary,
                       struct iso_err *err)
{
    if (!boundary_ok(boundary))
        return iso_fail(err, ISO_EFORMAT, "multipart: the boundary is missing or not valid");
    struct http_multipart *m = malloc(sizeof *m);
    if (m == NULL)
        return iso_fail(err, ISO_ENOMEM, "multipart: out of memory");
    memset(m, 0, offsetof(struct http_multipart, head));
    m->in            = in;
    m->delimiter_len = 4 + boundary.len;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    memcpy(m->buffer, "\r\n", 2); /* so that the first delimiter looks like all others */
    m->end     = 2;
    *multipart = m;
    return ISO_OK;
}

void http_multipart_free(struct http_multipart *multipart)
{
    free(multipart);
}

static int fail(struct http_multipart *m, int code, struct iso_err *err, const char *what)
{
    m->failed = code;
    return iso_fail(err, code, "multipart: %s", what);
}

/* Reads more behind what is there; sets in_ended at the end. There is room: callers want far less
 * than the buffer holds. */
static int fill(struct http_multipart *m, struct iso_err *err)
{
    if (m->pos > 0) {
        memmove(m->buffer, m->buffer + m->pos, m->end - m->pos);
        m->end -= m->pos;
        m->pos = 0;
    }
    int64_t n = m->in.read(m->in.ctx, m->buffer + m->end, sizeof m->buffer - m->end, err);
    if (n < 0) {
        m->failed = (int)n;
        return (int)n;
    }
    m->in_ended = n == 0;
    m->end += (size_t)n;
    return ISO_OK;
}

/* At least want bytes from pos, fewer only at the end of the stream. */
static int want(struct http_multipart *m, size_t bytes, struct iso_err *err)
{
    int rc = ISO_OK;

    while (rc == ISO_OK && m->end - m->pos < bytes && !m->in_ended)
        rc = fill(m, err);
    return rc;
}

/* What follows the delimiter that ends at `at`; *bytes of it belong to the delimiter line. */
static enum tail tail_of(const struct http_multipart *m, size_t at, size_t *bytes)
{
    size_t i   = at;
    size_t end = m->end - at > TAIL_MAX ? at + TAIL_MAX : m->end;

    if (end - at >= 2 && memcmp(m->buffer + at, "--", 2) == 0) {
        *bytes = 2;
        return TAIL_CLOSE;
    }
    while (i < end && (m->buffer[i] == ' ' || m->buffer[i] == '\t'))
        i++;
    if (end - i < 2 || memcmp(m->buffer + i, "\r\n", 2) != 0)
        return TAIL_NONE;
    *bytes = i + 2 - at;
    return TAIL_PART;
}

/* A delimiter stands at pos: steps over it. False when it only looked like one. */
static bool step_over(struct http_multipart *m)
{
    size_t    bytes = 0;
    enum tail tail  = tail_of(m, m->pos + m->delimiter_len, &bytes);

    if (tail == TAIL_NONE)
        return false;
    m->pos += m->delimiter_len + bytes;
    m->in_part = false;
    m->closed  = tail == TAIL_CLOSE;
    return true;
}

/* Finds body: on return body_bytes > 0, or a delimiter has been stepped over (in_part false). */
static int scan(struct http_multipart *m, struct iso_err *err)
{
    while (m->in_part && m->body_bytes == 0) {
        size_t         left = m->end - m->pos;
        const uint8_t *hit  = memmem(m->buffer + m->pos, left, m->delimiter, m->delimiter_len);
        int            rc   = ISO_OK;

        if (hit != NULL && hit > m->buffer + m->pos) {
            m->body_bytes = (size_t)(hit - m->buffer) - m->pos;
        } else if (hit != NULL) {
            rc = want(m, m->delimiter_len + TAIL_MAX, err);
            if (rc == ISO_OK && !step_over(m))
                m->body_bytes = 1;
        } else if (left >= m->delimiter_len) {
            m->body_bytes = left - (m->delimiter_len - 1);
        } else if (m->in_ended) {
            rc = fail(m, ISO_EFORMAT, err, "the stream ends without its closing boundary");
        } else {
            rc = fill(m, err);
        }
        if (rc < 0)
            return rc;
    }
    return ISO_OK;
}

/* The buffer holds too little for a delimiter: it, and what the stream has next, to ptr. Bytes of the body;
 * 0 when there is none before the delimiter, or the stream has ended: the buffer has the rest. */
static int64_t read_straight(struct http_multipart *m, uint8_t *ptr, size_t cap,
                             struct iso_err *err)
{
    const size_t left = m->end - m->pos;
    const size_t most = cap < sizeof m->buffer ? cap : sizeof m->buffer; /* it may all come back */

    memcpy(ptr, m->buffer + m->pos, left);
    int64_t n = m->in.read(m->in.ctx, ptr + left, most - left, err);
    if (n < 0) {
        m->failed = (int)n;
        return n;
    }
    m->in_ended = n == 0;
    if (n == 0)
        return 0;

    const size_t   have = left + (size_t)n;
    const uint8_t *hit  = memmem(ptr, have, m->delimiter, m->delimiter_len);
    size_t         body = have - (have < m->delimiter_len ? have : m->delimiter_len - 1);

    if (hit != NULL)
        body = (size_t)(hit - ptr);
    memcpy(m->buffer, ptr + body, have - body);
    m->pos = 0;
    m->end = have - body;
    return (int64_t)body;
}

static int64_t read_body(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct http_multipart *m  = ctx;
    int                    rc = ISO_OK;

    if (m->failed < 0)
        return iso_fail(err, m->failed, "multipart: failed before");
    if (cap == 0 || !m->in_part)
        return 0;
    if (cap >= STRAIGHT_MIN && m->body_bytes == 0 && m->end - m->pos < m->delimiter_len &&
        !m->in_ended) {
        int64_t straight = read_straight(m, ptr, cap, err);
        if (straight != 0)
            return straight;
    }
    rc = scan(m, err);
    if (rc < 0)
        return rc;
    size_t n = m->body_bytes < cap ? m->body_bytes : cap;
    memcpy(ptr, m->buffer + m->pos, n);
    m->pos += n;
    m->body_bytes -= n;
    return (int64_t)n;
}

/* Passes over what is left of the current part, or the preamble. */
static int skip_body(struct http_multipart *m, size_t bytes_max, struct iso_err *err)
{
    size_t skipped = 0;

    while (m->in_part) {
        int rc = scan(m, err);
        if (rc < 0)
            return rc;
        skipped += m->body_bytes;
        if (skipped > bytes_max)
            return fail(m, ISO_ELIMIT, err, "too much text before the first boundary");
        m->pos += m->body_bytes;
        m->body_bytes = 0;
    }
    return ISO_OK;
}

/* One "Name: value" line, or the continuation of the last one (obs-fold). */
static int add_header(struct http_multipart *m, char *line, size_t len, size_t *count,
                      struct iso_err *err)
{
    iso_str text  = iso_str_of(line, len);
    size_t  colon = iso_str_find(text, ':', 0);

    if (memchr(line, 0, len) != NULL || memchr(line, '\r', len) != NULL)
        return fail(m, ISO_EFORMAT, err, "a control character in a part header");
    if (line[0] == ' ' || line[0] == '\t')
        return fail(m, ISO_EFORMAT, err, "a folded part header");
    if (colon == 0 || colon == len)
        return fail(m, ISO_EFORMAT, err, "a part header without a name");
    if (*count == HTTP_MULTIPART_HEADERS_MAX)
        return fail(m, ISO_ELIMIT, err, "too many part headers");
    for (size_t i = 0; i < colon; i++)
        if (line[i] >= 'A' && line[i] <= 'Z')
            line[i] = (char)(line[i] - 'A' + 'a');
    m->headers[(*count)++] = (struct http_param){ iso_str_trim(iso_str_sub(text, 0, colon)),
                                                  iso_str_trim(iso_str_sub(text, colon + 1, len)) };
    return ISO_OK;
}

/* The lines up to the empty one; pos is then at that empty line's CR LF. */
static int read_head(struct http_multipart *m, size_t *header_count, struct iso_err *err)
{
    size_t         used  = 0;
    size_t         count = 0;
    const uint8_t *stop  = NULL;
    size_t         seen  = 0;

    for (;;) {
        size_t left = m->end - m->pos;
        if (left >= 2 && memcmp(m->buffer + m->pos, "\r\n", 2) == 0) {
            *header_count = 0;
            return ISO_OK; /* no headers at all */
        }
        if (left > seen)
            stop = memmem(m->buffer + m->pos + seen, left - seen, "\r\n\r\n", 4);
        if (stop != NULL)
            break;
        seen = left > 3 ? left - 3 : 0;
        if (left > sizeof m->head)
            return fail(m, ISO_ELIMIT, err, "a part's headers are too long");
        if (m->in_ended)
            return fail(m, ISO_EFORMAT, err, "the stream ends in a part's headers");
        int rc = fill(m, err);
        if (rc < 0)
            return rc;
    }
    used = (size_t)(stop - m->buffer) - m->pos + 2;
    if (used > sizeof m->head)
        return fail(m, ISO_ELIMIT, err, "a part's headers are too long");
    memcpy(m->head, m->buffer + m->pos, used);
    m->pos += used;
    for (size_t at = 0; at < used;) {
        char  *line = m->head + at;
        char  *cr   = memmem(line, used - at, "\r\n", 2); /* used ends in CR LF: there is one */
        size_t len  = (size_t)(cr - line);
        int    rc   = add_header(m, line, len, &count, err);
        if (rc < 0)
            return rc;
        at += len + 2;
    }
    *header_count = count;
    return ISO_OK;
}

int http_multipart_next(struct http_multipart *m, struct http_part *part, struct iso_err *err)
{
    bool   preamble = !m->started;
    size_t count    = 0;

    if (m->failed < 0)
        return iso_fail(err, m->failed, "multipart: failed before");
    m->in_part |= preamble; /* read as the rest of a part before the first */
    m->started = true;
    int rc     = skip_body(m, preamble ? HTTP_MULTIPART_PREAMBLE_BYTES_MAX : SIZE_MAX, err);
    if (rc == ISO_OK && m->closed)
        return ISO_EEND;
    if (rc == ISO_OK)
        rc = read_head(m, &count, err);
    if (rc == ISO_OK)
        rc = want(m, m->delimiter_len + TAIL_MAX, err);
    if (rc < 0)
        return rc;
    /* An empty part may end in the CR LF that ends its headers: it is the delimiter's. */
    m->in_part = true;
    if (m->end - m->pos < m->delimiter_len ||
        memcmp(m->buffer + m->pos, m->delimiter, m->delimiter_len) != 0 || !step_over(m))
        m->pos += 2;
    *part = (struct http_part){ m->headers, count, { read_body, m } };
    return ISO_OK;
}

iso_str http_part_header(const struct http_part *part, const char *name)
{
    for (size_t i = 0; i < part->header_count; i++)
        if (iso_str_eq_c(part->headers[i].name, name))
            return part->headers[i].value;
    return ISO_STR("");
}
