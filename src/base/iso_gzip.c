/* iso_gzip.c: pieces by zlib. Their checksums are combined, so that nobody looks at the text again. */
#include "iso_gzip.h"

#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ROOM_BYTES = 64 << 10, INPUT_MAX = 1 << 30, WINDOW_BITS = 15, MEMORY_LEVEL = 8 };

struct iso_gzip_maker {
    z_stream        z;
    struct iso_buf *out;
    size_t          from; /* of this piece in *out */
    uint64_t        bytes;
    uint32_t        crc32;
};

static void begin(struct iso_gzip_maker *m)
{
    m->from  = m->out->len;
    m->bytes = 0;
    m->crc32 = 0;
}

int iso_gzip_maker_new(int level, struct iso_buf *out, struct iso_gzip_maker **maker,
                       struct iso_err *err)
{
    struct iso_gzip_maker *m = calloc(1, sizeof *m);

    if (m == NULL || deflateInit2(&m->z, level, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL,
                                  Z_DEFAULT_STRATEGY) != Z_OK) {
        free(m);
        return iso_fail(err, ISO_ENOMEM, "no memory to compress");
    }
    m->out = out;
    begin(m);
    *maker = m;
    return ISO_OK;
}

void iso_gzip_maker_free(struct iso_gzip_maker *maker)
{
    if (maker == NULL)
        return;
    (void)deflateEnd(&maker->z);
    free(maker);
}

/* All input goes in; with Z_SYNC_FLUSH all output comes out too. */
static int push(struct iso_gzip_maker *m, iso_bytes text, int flush, struct iso_err *err)
{
    if (text.len > INPUT_MAX)
        return iso_fail(err, ISO_ELIMIT, "too much text to compress at once");
    m->z.next_in  = (Bytef *)(uintptr_t)text.ptr;
    m->z.avail_in = (uInt)text.len;
    do {
        int rc = iso_buf_reserve(m->out, ROOM_BYTES);
        if (rc < 0)
            return iso_fail(err, rc, "no room for compressed text");
        m->z.next_out  = m->out->ptr + m->out->len;
        m->z.avail_out = ROOM_BYTES;
        (void)deflate(&m->z, flush); /* Z_BUF_ERROR: there was nothing left to do */
        m->out->len += ROOM_BYTES - m->z.avail_out;
    } while (m->z.avail_out == 0);
    return ISO_OK;
}

int iso_gzip_maker_add(struct iso_gzip_maker *maker, iso_bytes text, struct iso_err *err)
{
    int rc = text.len > 0 ? push(maker, text, Z_NO_FLUSH, err) : ISO_OK;

    if (rc < 0)
        return rc;
    if (text.len > 0)
        maker->crc32 = (uint32_t)crc32(maker->crc32, text.ptr, (uInt)text.len);
    maker->bytes += text.len;
    return ISO_OK;
}

int iso_gzip_maker_finish(struct iso_gzip_maker *maker, struct iso_gzip_piece *piece,
                          struct iso_err *err)
{
    int rc = push(maker, iso_bytes_of("", 0), Z_SYNC_FLUSH, err);

    if (rc < 0)
        return rc;
    *piece = (struct iso_gzip_piece){ .deflated = iso_bytes_of(maker->out->ptr + maker->from,
                                                               maker->out->len - maker->from),
                                      .bytes    = maker->bytes,
                                      .crc32    = maker->crc32 };
    begin(maker);
    return deflateReset(&maker->z) == Z_OK ? ISO_OK : iso_fail(err, ISO_EIO, "zlib failed");
}

/* ---- putting them together ---- */

/* No name, no time, no word on the system it came from.   RFC 1952 §2.3 */
const uint8_t iso_gzip_head[ISO_GZIP_HEAD_BYTES] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };

struct iso_gzip_piece iso_gzip_word(iso_str text, uint8_t room[ISO_GZIP_WORD_MAX + 5])
{
    iso_assert(text.len <= ISO_GZIP_WORD_MAX);
    room[0] = 0; /* not the last block, stored, up to the byte's end.   RFC 1951 §3.2.4 */
    iso_put_u16le(room + 1, (uint16_t)text.len);
    iso_put_u16le(room + 3, (uint16_t)~text.len);
    memcpy(room + 5, text.ptr, text.len);
    return (struct iso_gzip_piece){ .deflated = iso_bytes_of(room, text.len + 5),
                                    .bytes    = text.len,
                                    .crc32    = (uint32_t)crc32(0, (const Bytef *)text.ptr,
                                                                (uInt)text.len) };
}

void iso_gzip_tail(const struct iso_gzip_piece *pieces, size_t count,
                   uint8_t tail[ISO_GZIP_TAIL_BYTES])
{
    uLong    crc   = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        crc = crc32_combine(crc, pieces[i].crc32, (z_off_t)pieces[i].bytes);
        bytes += pieces[i].bytes;
    }
    tail[0] = 1; /* the last block: stored, empty */
    iso_put_u16le(tail + 1, 0);
    iso_put_u16le(tail + 3, 0xffff);
    iso_put_u32le(tail + 5, (uint32_t)crc);
    iso_put_u32le(tail + 9, (uint32_t)bytes); /* modulo 2^32.   RFC 1952 §2.3.1 */
}

int iso_gzip_inflate(const struct iso_gzip_piece *piece, struct iso_buf *out, struct iso_err *err)
{
    z_stream z  = { 0 };
    int      rc = ISO_OK;

    if (piece->bytes > INPUT_MAX || piece->deflated.len > INPUT_MAX)
        return iso_fail(err, ISO_ELIMIT, "a piece of text is too large");
    rc = iso_buf_reserve(out, (size_t)piece->bytes);
    if (rc < 0)
        return iso_fail(err, rc, "no room for text");
    if (inflateInit2(&z, -WINDOW_BITS) != Z_OK)
        return iso_fail(err, ISO_ENOMEM, "no memory to decompress");
    z.next_in   = (Bytef *)(uintptr_t)piece->deflated.ptr;
    z.avail_in  = (uInt)piece->deflated.len;
    z.next_out  = out->ptr + out->len;
    z.avail_out = (uInt)piece->bytes;
    int  end    = piece->deflated.len > 0 ? inflate(&z, Z_SYNC_FLUSH) : Z_OK;
    bool all    = z.avail_out == 0 && (end == Z_OK || end == Z_BUF_ERROR);
    (void)inflateEnd(&z);
    if (!all || crc32(0, out->ptr + out->len, (uInt)piece->bytes) != piece->crc32)
        return iso_fail(err, ISO_EFORMAT, "a piece of text is damaged");
    out->len += (size_t)piece->bytes;
    return ISO_OK;
}
