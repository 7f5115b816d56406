/* http_client.h: the smallest HTTP/1.1 client a test needs: raw text out, one response in. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http_server.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_socket.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT_WAIT_MS = 20000 };

struct client_response {
    struct iso_buf raw; /* head and body as received */
    unsigned       status;
    size_t         head_len; /* with the empty line */
    struct iso_buf body;     /* without chunking */
    bool           cut;      /* the connection ended before the body did */
};

static inline int client_connect(uint16_t port)
{
    struct iso_err err = { 0 };
    int            fd  = -1;

    if (os_connect("127.0.0.1", port, os_now_ms() + CLIENT_WAIT_MS, &fd, &err) < 0)
        fail_msg("%s", err.text);
    return fd;
}

static inline void client_send(int fd, const void *ptr, size_t len)
{
    struct iso_err  err  = { 0 };
    const iso_bytes part = iso_bytes_of(ptr, len);

    if (os_send(fd, &part, 1, os_now_ms() + CLIENT_WAIT_MS, &err) == ISO_ETIMEOUT)
        fail_msg("the server takes no more"); /* closed is fine: the answer tells why */
}

static inline void client_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

/* More bytes into raw; false at the end of the connection. */
static inline bool client_more(int fd, struct client_response *r)
{
    struct iso_err err = { 0 };

    assert_int_equal(iso_buf_reserve(&r->raw, 65536), ISO_OK);
    int64_t n = os_receive(fd, r->raw.ptr + r->raw.len, 65536, os_now_ms() + CLIENT_WAIT_MS, &err);
    if (n == ISO_ETIMEOUT)
        fail_msg("the server does not answer");
    if (n > 0)
        r->raw.len += (size_t)n;
    return n > 0;
}

/* Value of a header field of the response; empty when absent. */
static inline iso_str client_header(const struct client_response *r, const char *name)
{
    iso_str rest = iso_str_of((const char *)r->raw.ptr, r->head_len);

    while (rest.ptr != NULL) {
        iso_str line = iso_str_cut(&rest, '\n');
        iso_str key  = iso_str_cut(&line, ':');
        if (line.ptr != NULL && iso_str_eq_nocase(key, iso_str_c(name)))
            return iso_str_trim(iso_str_sub(line, 0, line.len > 0 ? line.len - 1 : 0));
    }
    return ISO_STR("");
}

static inline void client_chunks(int fd, struct client_response *r)
{
    size_t at = r->head_len;

    for (;;) {
        const char *line = (const char *)r->raw.ptr + at;
        const char *end  = memmem(line, r->raw.len - at, "\r\n", 2);
        if (end == NULL) {
            if (client_more(fd, r))
                continue;
            r->cut = true;
            return;
        }
        size_t bytes = strtoul(line, NULL, 16);
        size_t data  = (size_t)(end - (const char *)r->raw.ptr) + 2;
        while (r->raw.len < data + bytes + 2) {
            if (!client_more(fd, r)) {
                r->cut = true;
                return;
            }
        }
        iso_buf_add(&r->body, r->raw.ptr + data, bytes);
        at = data + bytes + 2;
        if (bytes == 0)
            return;
    }
}

/* Reads one response. is_head: no body follows whatever the head says. */
static inline void client_read(int fd, bool is_head, struct client_response *r)
{
    uint64_t length = 0;

    memset(r, 0, sizeof *r);
    iso_buf_init(&r->raw, SIZE_MAX);
    iso_buf_init(&r->body, SIZE_MAX);
    for (;;) {
        const uint8_t *end = r->raw.len > 0 ? memmem(r->raw.ptr, r->raw.len, "\r\n\r\n", 4) : NULL;
        if (end != NULL) {
            r->head_len = (size_t)(end - r->raw.ptr) + 4;
            r->status   = (unsigned)strtoul((const char *)r->raw.ptr + 9, NULL, 10);
            if (r->status != 100)
                break;
            memmove(r->raw.ptr, end + 4, r->raw.len - r->head_len);
            r->raw.len -= r->head_len;
        } else if (!client_more(fd, r)) {
            r->cut = true;
            return;
        }
    }
    if (is_head || r->status == 204 || r->status == 304)
        return;
    if (iso_str_eq_c(client_header(r, "Transfer-Encoding"), "chunked")) {
        client_chunks(fd, r);
        return;
    }
    if (!iso_str_to_u64(client_header(r, "Content-Length"), &length))
        length = UINT64_MAX;
    while (r->raw.len - r->head_len < length) {
        if (!client_more(fd, r)) {
            r->cut = length != UINT64_MAX;
            break;
        }
    }
    iso_buf_add(&r->body, r->raw.ptr + r->head_len, r->raw.len - r->head_len);
}

static inline void client_release(struct client_response *r)
{
    iso_buf_release(&r->raw);
    iso_buf_release(&r->body);
}

/* One request on a connection of its own. fields: "Name: value\r\n..." or "". */
static inline void client_get(uint16_t port, const char *method, const char *path,
                              const char *fields, struct client_response *r)
{
    char head[8192];
    int  fd = client_connect(port);

    (void)snprintf(head, sizeof head,
                   "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, path,
                   fields);
    client_text(fd, head);
    client_read(fd, strcmp(method, "HEAD") == 0, r);
    os_close(fd);
}

static inline bool client_body_has(const struct client_response *r, const char *text)
{
    return r->body.len > 0 && memmem(r->body.ptr, r->body.len, text, strlen(text)) != NULL;
}

#endif
