/* iso_reader.h: the only way to read bytes from outside.
 * A read past the end yields zero (or an empty view) and marks the reader failed; it stays failed.
 * So a parser reads in a straight line and asks iso_reader_ok() once, before it believes.
 * Passed by value it is a cheap sub-reader. Borrows; never allocates. */
#ifndef ISO_READER_H
#define ISO_READER_H

#include "iso_bytes.h"

struct iso_reader {
    const uint8_t *ptr;
    size_t         left;
    bool           failed;
};

static inline struct iso_reader iso_reader_of(iso_bytes in)
{
    return (struct iso_reader){ in.ptr, in.len, false };
}

static inline bool iso_reader_ok(const struct iso_reader *r)
{
    return !r->failed;
}

/* Bytes that remain; 0 once failed, so loops on it end. */
static inline size_t iso_left(const struct iso_reader *r)
{
    return r->left;
}

/* A view of the next n bytes, consumed; empty when fewer remain. */
static inline iso_bytes iso_read_bytes(struct iso_reader *r, size_t n)
{
    if (n > r->left) {
        r->failed = true;
        r->left   = 0;
        return iso_bytes_of(NULL, 0);
    }
    iso_bytes view = iso_bytes_of(r->ptr, n);
    r->ptr         = n > 0 ? r->ptr + n : r->ptr;
    r->left -= n;
    return view;
}

static inline void iso_skip(struct iso_reader *r, size_t n)
{
    (void)iso_read_bytes(r, n);
}

/* The next n bytes as a reader of their own; failed when fewer remain. */
static inline struct iso_reader iso_read_sub(struct iso_reader *r, size_t n)
{
    iso_bytes         view = iso_read_bytes(r, n);
    struct iso_reader sub  = iso_reader_of(view);

    sub.failed = r->failed;
    return sub;
}

static inline uint8_t iso_read_u8(struct iso_reader *r)
{
    iso_bytes b = iso_read_bytes(r, 1);
    return b.len == 1 ? b.ptr[0] : 0;
}

/* Integers out of at least 2, 4 or 8 bytes at p, any alignment. */
static inline uint16_t iso_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}

static inline uint16_t iso_u16be(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t iso_u32le(const uint8_t *p)
{
    return (uint32_t)iso_u16le(p) | (uint32_t)iso_u16le(p + 2) << 16;
}

static inline uint32_t iso_u32be(const uint8_t *p)
{
    return (uint32_t)iso_u16be(p) << 16 | iso_u16be(p + 2);
}

static inline uint64_t iso_u64le(const uint8_t *p)
{
    return (uint64_t)iso_u32le(p) | (uint64_t)iso_u32le(p + 4) << 32;
}

static inline uint64_t iso_u64be(const uint8_t *p)
{
    return (uint64_t)iso_u32be(p) << 32 | iso_u32be(p + 4);
}

#define ISO_READ_INT(name, type, bytes)                                                            \
    static inline type iso_read_##name(struct iso_reader *r)                                       \
    {                                                                                              \
        iso_bytes b = iso_read_bytes(r, bytes);                                                    \
        return b.len == (bytes) ? iso_##name(b.ptr) : 0;                                           \
    }
ISO_READ_INT(u16le, uint16_t, 2)
ISO_READ_INT(u16be, uint16_t, 2)
ISO_READ_INT(u32le, uint32_t, 4)
ISO_READ_INT(u32be, uint32_t, 4)
ISO_READ_INT(u64le, uint64_t, 8)
ISO_READ_INT(u64be, uint64_t, 8)
#undef ISO_READ_INT

/* The other direction: p has room for 2, 4 or 8 bytes. */
static inline void iso_put_u16le(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void iso_put_u16be(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void iso_put_u32le(uint8_t *p, uint32_t v)
{
    iso_put_u16le(p, (uint16_t)v);
    iso_put_u16le(p + 2, (uint16_t)(v >> 16));
}

static inline void iso_put_u32be(uint8_t *p, uint32_t v)
{
    iso_put_u16be(p, (uint16_t)(v >> 16));
    iso_put_u16be(p + 2, (uint16_t)v);
}

static inline void iso_put_u64le(uint8_t *p, uint64_t v)
{
    iso_put_u32le(p, (uint32_t)v);
    iso_put_u32le(p + 4, (uint32_t)(v >> 32));
}

static inline void iso_put_u64be(uint8_t *p, uint64_t v)
{
    iso_put_u32be(p, (uint32_t)(v >> 32));
    iso_put_u32be(p + 4, (uint32_t)v);
}

#endif
