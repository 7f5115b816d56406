#include "iso_buf.h"

#include "iso_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void iso_buf_init(struct iso_buf *buf, size_t bytes_max)
{
    *buf = (struct iso_buf){ .bytes_max = bytes_max };
}

void iso_buf_release(struct iso_buf *buf)
{
    free(buf->ptr);
    iso_buf_init(buf, buf->bytes_max);
}

void iso_buf_reset(struct iso_buf *buf)
{
    buf->len    = 0;
    buf->failed = ISO_OK;
}

int iso_buf_reserve(struct iso_buf *buf, size_t n)
{
    size_t need;
    size_t cap = buf->cap > 0 ? buf->cap : 256;

    if (buf->failed != ISO_OK)
        return buf->failed;
    if (!iso_add(buf->len, n, &need) || need > buf->bytes_max)
        return buf->failed = ISO_ELIMIT;
    if (need <= buf->cap)
        return ISO_OK;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > buf->bytes_max)
        cap = buf->bytes_max;
    uint8_t *grown = realloc(buf->ptr, cap);
    if (grown == NULL)
        return buf->failed = ISO_ENOMEM;
    buf->ptr = grown;
    buf->cap = cap;
    return ISO_OK;
}

int iso_buf_add(struct iso_buf *buf, const void *ptr, size_t len)
{
    int rc = iso_buf_reserve(buf, len);

    if (rc == ISO_OK && len > 0) {
        memcpy(buf->ptr + buf->len, ptr, len);
        buf->len += len;
    }
    return rc;
}

int iso_buf_add_str(struct iso_buf *buf, iso_str s)
{
    return iso_buf_add(buf, s.ptr, s.len);
}

int iso_buf_add_c(struct iso_buf *buf, const char *cstr)
{
    return iso_buf_add(buf, cstr, strlen(cstr));
}

int iso_buf_add_u16le(struct iso_buf *buf, uint16_t v)
{
    uint8_t b[2];
    iso_put_u16le(b, v);
    return iso_buf_add(buf, b, sizeof b);
}

int iso_buf_add_u16be(struct iso_buf *buf, uint16_t v)
{
    uint8_t b[2];
    iso_put_u16be(b, v);
    return iso_buf_add(buf, b, sizeof b);
}

int iso_buf_add_u32le(struct iso_buf *buf, uint32_t v)
{
    uint8_t b[4];
    iso_put_u32le(b, v);
    return iso_buf_add(buf, b, sizeof b);
}

int iso_buf_add_u32be(struct iso_buf *buf, uint32_t v)
{
    uint8_t b[4];
    iso_put_u32be(b, v);
    return iso_buf_add(buf, b, sizeof b);
}

int iso_buf_printf(struct iso_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_list again;
    int     rc = ISO_ENOMEM;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n >= 0)
        rc = iso_buf_reserve(buf, (size_t)n + 1);
    if (rc == ISO_OK) {
        (void)vsnprintf((char *)buf->ptr + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
    return rc;
}

int iso_buf_check(const struct iso_buf *buf, struct iso_err *err)
{
    if (buf->failed == ISO_ELIMIT)
        return iso_fail(err, ISO_ELIMIT, "more than %zu bytes of output", buf->bytes_max);
    if (buf->failed != ISO_OK)
        return iso_fail(err, buf->failed, "out of memory");
    return ISO_OK;
}

static int sink_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct iso_buf *buf = ctx;

    return iso_buf_add(buf, ptr, len) == ISO_OK ? ISO_OK : iso_buf_check(buf, err);
}

struct iso_sink iso_buf_sink(struct iso_buf *buf)
{
    return (struct iso_sink){ sink_write, buf };
}
