/* iso_buf.h: a growing byte buffer on the heap, with a ceiling; and the sink, a place to write to.
 * Failure is sticky: after the first failed append the buffer stays as it was and every further
 * append fails, so a writer may write in a straight line and ask iso_buf_ok() once. One thread. */
#ifndef ISO_BUF_H
#define ISO_BUF_H

#include "iso_bytes.h"
#include "iso_err.h"

struct iso_buf {
    uint8_t *ptr;
    size_t   len;
    size_t   cap;
    size_t   bytes_max;
    int      failed; /* ISO_OK, ISO_ELIMIT or ISO_ENOMEM */
};

void iso_buf_init(struct iso_buf *buf, size_t bytes_max);
void iso_buf_release(struct iso_buf *buf);
/* Empty again, failure forgotten, capacity kept. */
void iso_buf_reset(struct iso_buf *buf);
/* Room for n more bytes at buf->ptr + buf->len; the caller then adds to buf->len. */
ISO_MUST_USE int iso_buf_reserve(struct iso_buf *buf, size_t n);

int               iso_buf_add(struct iso_buf *buf, const void *ptr, size_t len);
int               iso_buf_add_str(struct iso_buf *buf, iso_str s);
int               iso_buf_add_c(struct iso_buf *buf, const char *cstr);
static inline int iso_buf_add_u8(struct iso_buf *buf, uint8_t v)
{
    if (buf->failed != ISO_OK || buf->len >= buf->cap)
        return iso_buf_add(buf, &v, 1);
    buf->ptr[buf->len++] = v;
    return ISO_OK;
}
int iso_buf_add_u16le(struct iso_buf *buf, uint16_t v);
int iso_buf_add_u16be(struct iso_buf *buf, uint16_t v);
int iso_buf_add_u32le(struct iso_buf *buf, uint32_t v);
int iso_buf_add_u32be(struct iso_buf *buf, uint32_t v);
int iso_buf_printf(struct iso_buf *buf, const char *fmt, ...) ISO_PRINTF(2, 3);

static inline bool iso_buf_ok(const struct iso_buf *buf)
{
    return buf->failed == ISO_OK;
}

static inline iso_bytes iso_buf_bytes(const struct iso_buf *buf)
{
    return iso_bytes_of(buf->ptr, buf->len);
}

/* ISO_OK, or the sticky failure with words in err. */
ISO_MUST_USE int iso_buf_check(const struct iso_buf *buf, struct iso_err *err);

/* Where output goes: memory, a file, a socket. write takes all len bytes or fails. */
struct iso_sink {
    int (*write)(void *ctx, const void *ptr, size_t len, struct iso_err *err);
    void *ctx;
};

/* A sink that appends to buf. */
struct iso_sink iso_buf_sink(struct iso_buf *buf);

/* Where input comes from. read gives 1..cap bytes, or 0 at the end, or a negative ISO_E code;
 * it may block. */
struct iso_source {
    int64_t (*read)(void *ctx, void *ptr, size_t cap, struct iso_err *err);
    void *ctx;
};

/* The same without a copy: *ptr is the next piece of the stream, lent until the next call. Results
 * as of iso_source.read. */
struct iso_lender {
    int64_t (*lend)(void *ctx, const uint8_t **ptr, struct iso_err *err);
    void *ctx;
};

#endif
