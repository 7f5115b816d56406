/* http_multipart_reply.c: part heads are memory in the arena, part bodies stay where they are. */
#include "http_multipart_reply.h"

#include "http_internal.h"
#include "iso_hash.h"
#include "os_clock.h"

#include <string.h>

enum { BOUNDARY_BYTES = 16 };

void http_multipart_reply_init(struct http_multipart_reply *reply, struct http_request *req)
{
    uint8_t random[BOUNDARY_BYTES];

    memset(reply, 0, sizeof *reply);
    reply->req = req;
    os_random(random, sizeof random);
    iso_hex(random, sizeof random, reply->boundary);
}

int http_multipart_reply_tag(struct http_multipart_reply *reply, iso_str tag, struct iso_err *err)
{
    struct iso_sha256 *hash;
    uint8_t            digest[ISO_SHA256_BYTES];

    if (reply->part_count > 0)
        return iso_fail(err, ISO_EINVAL, "multipart reply: the tag must come before the parts");
    int rc = iso_sha256_new(&hash, err);
    if (rc < 0)
        return rc;
    /* Whoever wrote the content cannot guess the boundary. */
    iso_sha256_add(hash, reply->req->server->secret, sizeof reply->req->server->secret);
    iso_sha256_add(hash, tag.ptr, tag.len);
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    iso_hex(digest, BOUNDARY_BYTES, reply->boundary);
    /* Another process has other boundaries, so other bytes: the tag must differ too. */
    iso_str etag = iso_arena_printf(http_arena(reply->req), "%.*s-%.8s", (int)tag.len, tag.ptr,
                                    reply->boundary);
    if (etag.ptr == NULL)
        return iso_arena_fail(http_arena(reply->req), err);
    return http_reply_etag(reply->req, etag, err);
}

static int add_span(struct http_multipart_reply *reply, struct http_span span, struct iso_err *err)
{
    struct iso_arena *arena = http_arena(reply->req);

    if (reply->span_count == HTTP_SPANS_MAX)
        return iso_fail(err, ISO_ELIMIT, "multipart reply: too many parts");
    if (reply->span_count == reply->span_cap) {
        reply->spans = iso_arena_grow(arena, reply->spans, reply->span_count, reply->span_count + 1,
                                      sizeof *reply->spans, &reply->span_cap);
        if (reply->spans == NULL) {
            reply->span_count = reply->span_cap = 0;
            return iso_arena_fail(arena, err);
        }
    }
    reply->spans[reply->span_count++] = span;
    return ISO_OK;
}

static int add_text(struct http_multipart_reply *reply, iso_str text, struct iso_err *err)
{
    if (text.ptr == NULL)
        return iso_arena_fail(http_arena(reply->req), err);
    return add_span(reply, http_span_memory(iso_bytes_of_str(text)), err);
}

static bool controls_in(iso_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return true;
    return false;
}

int http_multipart_reply_add(struct http_multipart_reply *reply, iso_str type, const char *location,
                             const struct http_span *spans, size_t count, struct iso_err *err)
{
    struct iso_arena *arena = http_arena(reply->req);

    if (type.len == 0 || controls_in(type) || controls_in(iso_str_c(location)))
        return iso_fail(err, ISO_EINVAL, "multipart reply: a part header is empty or has controls");
    iso_str head = iso_arena_printf(
        arena, "%s--%s\r\nContent-Type: %.*s%s%s\r\n\r\n", reply->part_count > 0 ? "\r\n" : "",
        reply->boundary, (int)type.len, type.ptr, location != NULL ? "\r\nContent-Location: " : "",
        location != NULL ? location : "");
    int rc = add_text(reply, head, err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = add_span(reply, spans[i], err);
    if (rc == ISO_OK)
        reply->part_count++;
    return rc;
}

int http_multipart_reply_send(struct http_multipart_reply *reply, const char *part_type,
                              const char *transfer_syntax, struct iso_err *err)
{
    struct iso_arena *arena = http_arena(reply->req);

    if (reply->part_count == 0)
        return iso_fail(err, ISO_EINVAL, "multipart reply: no parts");
    int rc = add_text(reply, iso_arena_printf(arena, "\r\n--%s--\r\n", reply->boundary), err);
    if (rc < 0)
        return rc;
    iso_str type =
        iso_arena_printf(arena, "multipart/related; type=\"%s\"; boundary=%s%s%s", part_type,
                         reply->boundary, transfer_syntax != NULL ? "; transfer-syntax=" : "",
                         transfer_syntax != NULL ? transfer_syntax : "");
    if (type.ptr == NULL)
        return iso_arena_fail(arena, err);
    return http_reply_spans(reply->req, 200, type.ptr, reply->spans, reply->span_count, err);
}
