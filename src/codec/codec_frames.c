#include "codec_frames.h"

#include "iso_reader.h"

#include <string.h>

enum { ITEM_HEAD = 8 };

/* ---- basic offset table ---- */

static uint32_t entry(const struct codec_offsets *o, uint32_t frame)
{
    return iso_u32le(o->table.ptr + 4 * (size_t)frame);
}

bool codec_offsets_init(struct codec_offsets *offsets, iso_bytes table, uint32_t frames)
{
    *offsets = (struct codec_offsets){ .table = table, .frames = frames };
    return frames > 0 && table.len == 4 * (uint64_t)frames && entry(offsets, 0) == 0;
}

bool codec_offsets_next(struct codec_offsets *offsets, uint64_t fragment_bytes)
{
    bool begins = offsets->begun < offsets->frames && entry(offsets, offsets->begun) == offsets->at;

    offsets->begun += begins;
    offsets->at += ITEM_HEAD + fragment_bytes;
    return begins;
}

bool codec_offsets_fit(const struct codec_offsets *offsets)
{
    return offsets->begun == offsets->frames;
}

/* ---- marks ---- */

bool codec_begins_image(iso_bytes head)
{
    static const uint8_t jp2[CODEC_HEAD_BYTES] = { 0,   0,   0,    12,   'j',  'P',
                                                   ' ', ' ', '\r', '\n', 0x87, '\n' };
    static const uint8_t jxl[CODEC_HEAD_BYTES] = { 0,   0,   0,    12,   'J',  'X',
                                                   'L', ' ', '\r', '\n', 0x87, '\n' };
    const uint8_t       *p                     = head.ptr;

    if (head.len >= sizeof jp2 &&
        (memcmp(p, jp2, sizeof jp2) == 0 || memcmp(p, jxl, sizeof jxl) == 0))
        return true;
    return head.len >= 4 && p[0] == 0xff &&
           ((p[1] == 0xd8 && p[2] == 0xff) || (p[1] == 0x4f && p[2] == 0xff) || p[1] == 0x0a);
}

/* ---- all together ---- */

static bool find_by_table(const struct codec_range *list, size_t count, iso_bytes basic,
                          uint32_t frames, uint64_t *start)
{
    struct codec_offsets offsets;

    if (!codec_offsets_init(&offsets, basic, frames))
        return false;
    for (size_t i = 0; i < count; i++)
        if (codec_offsets_next(&offsets, list[i].bytes))
            start[offsets.begun - 1] = i;
    start[frames] = count;
    return codec_offsets_fit(&offsets);
}

static int find_by_marks(const struct codec_range *list, size_t count, uint32_t frames,
                         codec_peek *peek, void *ctx, uint64_t *start, struct iso_err *err)
{
    uint32_t begun = 0;

    for (size_t i = 0; i < count && begun <= frames; i++) {
        uint8_t head[CODEC_HEAD_BYTES];
        int     n = peek(ctx, i, head, err);

        if (n < 0)
            return n;
        if ((uint64_t)n > list[i].bytes)
            n = (int)list[i].bytes;
        if (codec_begins_image(iso_bytes_of(head, (size_t)n)) && begun++ < frames)
            start[begun - 1] = i;
    }
    if (begun != frames || start[0] != 0)
        return iso_fail(err, ISO_EFORMAT, "%zu fragments do not make %u frames", count, frames);
    start[frames] = count;
    return ISO_OK;
}

int codec_frames_find(const struct codec_range *list, size_t count, iso_bytes basic,
                      uint32_t frames, codec_peek *peek, void *ctx, uint64_t *start,
                      struct iso_err *err)
{
    if (frames == 0 || frames > count)
        return iso_fail(err, ISO_EFORMAT, "%zu fragments do not make %u frames", count, frames);
    if (frames == 1) {
        start[0] = 0;
        start[1] = count;
        return ISO_OK;
    }
    if (count == frames) {
        for (uint32_t f = 0; f <= frames; f++)
            start[f] = f;
        return ISO_OK;
    }
    if (find_by_table(list, count, basic, frames, start))
        return ISO_OK;
    return find_by_marks(list, count, frames, peek, ctx, start, err);
}
