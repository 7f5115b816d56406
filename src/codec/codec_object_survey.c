/* codec_object_survey.c: a data set read up to its pixel data, and where its frames lie. Values that
 * do not matter here stay unread; fragments are found by their item headers alone. */
#include "codec_object_in.h"

#include "iso_reader.h"
#include "os_file.h"

#include <string.h>

enum { SHORT_BYTES = 4096, ITEM_HEAD = 8, TABLE_BYTES_MAX = 64 << 20 };

/* ---- the range as a source ---- */

static int64_t rest_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct codec_rest *rest = ctx;
    uint64_t           left = rest->from->offset + rest->from->bytes - rest->at;
    int64_t            n;

    if (cap > left)
        cap = (size_t)left;
    if (cap == 0)
        return 0;
    n = os_read_at(rest->from->fd, ptr, cap, rest->at, err);
    if (n == 0)
        return iso_fail(err, ISO_EFORMAT, "the file ends inside the data set");
    if (n > 0)
        rest->at += (uint64_t)n;
    return n;
}

struct iso_source codec_rest_source(struct codec_rest *rest)
{
    return (struct iso_source){ rest_read, rest };
}

/* ---- header ---- */

static bool matters(const struct dcm_position *at)
{
    uint16_t group = dcm_tag_group(at->tag);

    return at->depth == 0 && at->event == DCM_EV_ELEMENT && at->bytes <= SHORT_BYTES &&
           (group == 0x0008 || group == 0x0028 || (group & 0xff01) == 0x6000);
}

static bool is_pixels(const struct dcm_position *at)
{
    return at->depth == 0 && (at->event == DCM_EV_ELEMENT || at->event == DCM_EV_FRAGMENTS) &&
           (at->tag == DCM_PIXEL_DATA || at->tag == DCM_FLOAT_PIXEL_DATA ||
            at->tag == DCM_DOUBLE_FLOAT_PIXEL_DATA);
}

/* Values that do not matter are remembered as being there: without bytes. */
static int keep(struct codec_survey *s, struct dcm_parser *parser, const struct dcm_position *at,
                struct iso_arena *arena, struct iso_err *err)
{
    struct dcm_element *el = dcm_append(&s->ds, arena, at->tag, at->vr);

    if (el == NULL)
        return iso_arena_fail(arena, err);
    el->bytes = at->bytes;
    return matters(at) ? dcm_parser_value(parser, SHORT_BYTES, arena, &el->value, err) : ISO_OK;
}

/* Compressed pixels were met below the top-level sequence. */
static int note_nested(struct codec_survey *s, const struct codec_nested *sequence,
                       struct iso_err *err)
{
    const size_t n = s->nested_count;

    if (n > 0 && s->nested[n - 1].offset == sequence->offset)
        return ISO_OK;
    if (n == CODEC_NESTED_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d sequences with compressed pixels",
                        CODEC_NESTED_MAX);
    s->nested[s->nested_count++] = *sequence;
    return ISO_OK;
}

static int read_header(struct codec_survey *s, struct iso_arena *arena, struct dcm_position *end,
                       struct iso_err *err)
{
    struct codec_rest          rest     = { &s->from, s->from.offset };
    struct dcm_parser         *parser   = NULL;
    const struct dcm_position *at       = NULL;
    struct codec_nested        sequence = { 0 };
    int rc = dcm_parser_new(&parser, codec_rest_source(&rest), s->syntax, s->from.offset, err);

    while (rc == ISO_OK && (rc = dcm_parser_next(parser, &at, err)) == ISO_OK) {
        if (at->event == DCM_EV_END || is_pixels(at))
            break;
        if (at->event == DCM_EV_FRAGMENTS && at->depth > 0)
            rc = note_nested(s, &sequence, err);
        if (at->depth > 0 || (at->event != DCM_EV_ELEMENT && at->event != DCM_EV_SEQUENCE))
            continue;
        if (at->event == DCM_EV_SEQUENCE)
            sequence = (struct codec_nested){ at->tag, at->offset };
        if (dcm_tag_group(at->tag) <= 0x0028 || (dcm_tag_group(at->tag) & 0xff01) == 0x6000)
            rc = keep(s, parser, at, arena, err);
    }
    if (rc == ISO_OK)
        *end = *at;
    dcm_parser_free(parser);
    return rc;
}

/* ---- frames ---- */

/* One item header of the fragments at `at`; false in *more at the delimiter. */
static int read_item(const struct codec_survey *s, uint64_t at, uint32_t *bytes, bool *more,
                     struct iso_err *err)
{
    const uint64_t end = s->from.offset + s->from.bytes;
    uint8_t        head[ITEM_HEAD];
    int            rc = ISO_OK;

    if (at > end || end - at < ITEM_HEAD)
        return iso_fail(err, ISO_EFORMAT, "the data end inside of the pixel data");
    rc = os_read_exact_at(s->from.fd, head, sizeof head, at, err);
    if (rc < 0)
        return rc;
    struct iso_reader r       = iso_reader_of(iso_bytes_of(head, sizeof head));
    uint16_t          group   = iso_read_u16le(&r);
    uint16_t          element = iso_read_u16le(&r);
    dcm_tag           tag     = DCM_TAG(group, element);
    *bytes                    = iso_read_u32le(&r);
    *more                     = tag == DCM_ITEM;
    if (tag == DCM_SEQUENCE_DELIMITATION)
        return ISO_OK;
    if (tag != DCM_ITEM || *bytes > end - at - ITEM_HEAD)
        return iso_fail(err, ISO_EFORMAT, "the pixel data have something that is no fragment");
    return ISO_OK;
}

static int read_fragments(struct codec_survey *s, uint64_t at, struct iso_arena *arena,
                          iso_bytes *basic, struct iso_err *err)
{
    size_t   cap = 0;
    bool     first;
    bool     more;
    uint32_t bytes;
    int      rc;

    for (first = true; (rc = read_item(s, at, &bytes, &more, err)) == ISO_OK && more;
         first = false, at += ITEM_HEAD + bytes) {
        if (!first) {
            s->list = iso_arena_grow(arena, s->list, s->count, s->count + 1, sizeof *s->list, &cap);
            if (s->list == NULL)
                return iso_arena_fail(arena, err);
            s->list[s->count++] = (struct codec_range){ at + ITEM_HEAD, bytes };
            s->pixel_bytes += bytes;
            continue;
        }
        uint8_t *table = bytes > TABLE_BYTES_MAX ? NULL : iso_arena_alloc(arena, bytes);
        if (table == NULL)
            return bytes > TABLE_BYTES_MAX ? iso_fail(err, ISO_ELIMIT, "an offset table too large")
                                           : iso_arena_fail(arena, err);
        rc = os_read_exact_at(s->from.fd, table, bytes, at + ITEM_HEAD, err);
        if (rc < 0)
            return rc;
        *basic = iso_bytes_of(table, bytes);
    }
    s->after = at + ITEM_HEAD;
    return rc;
}

static int peek(void *ctx, size_t index, uint8_t head[CODEC_HEAD_BYTES], struct iso_err *err)
{
    const struct codec_survey *s = ctx;

    return (int)os_read_at(s->from.fd, head, CODEC_HEAD_BYTES, s->list[index].offset, err);
}

static int lay_fragments(struct codec_survey *s, uint64_t at, struct iso_arena *arena,
                         struct iso_err *err)
{
    iso_bytes basic = iso_bytes_of(NULL, 0);
    int       rc    = read_fragments(s, at, arena, &basic, err);

    if (rc < 0)
        return rc;
    if (s->frames > s->count)
        return iso_fail(err, ISO_EFORMAT, "%zu fragments do not make %u frames", s->count,
                        s->frames);
    s->start = iso_arena_array(arena, (size_t)s->frames + 1, sizeof *s->start);
    if (s->start == NULL)
        return iso_arena_fail(arena, err);
    return codec_frames_find(s->list, s->count, basic, s->frames, peek, s, s->start, err);
}

/* Colour at half the width takes two thirds, but frames under that name that are not halved exist.
 * PS3.3 §C.7.6.3.1.2 */
static int lay_native(struct codec_survey *s, const struct dcm_position *at,
                      struct iso_arena *arena, struct iso_err *err)
{
    const struct codec_image *i = &s->image;
    size_t                    bits;

    if (!iso_mul((size_t)i->rows * i->columns, (size_t)i->samples * i->bits_allocated, &bits) ||
        bits > SIZE_MAX / 8 / s->frames)
        return iso_fail(err, ISO_ELIMIT, "a frame of %u x %u pixels", i->columns, i->rows);
    if (i->photometric == CODEC_YBR_FULL_422 && i->samples == 3 && bits / 8 * s->frames > at->bytes)
        bits = bits / 3 * 2;
    if ((bits * s->frames + 7) / 8 > at->bytes)
        return iso_fail(err, ISO_EFORMAT, "%llu bytes of pixel data are too few for %u frames",
                        (unsigned long long)at->bytes, s->frames);
    s->frame_bits = bits;
    s->list       = iso_arena_alloc(arena, sizeof *s->list);
    if (s->list == NULL)
        return iso_arena_fail(arena, err);
    s->list[0]     = (struct codec_range){ at->value_offset, at->bytes };
    s->count       = 1;
    s->pixel_bytes = at->bytes;
    s->after       = at->value_offset + at->bytes;
    return ISO_OK;
}

int codec_survey_read(const struct codec_object_source *from, struct iso_arena *arena,
                      struct codec_survey *out, struct iso_err *err)
{
    struct codec_survey s = { .from = *from };
    struct dcm_position at;
    int64_t             frames;

    s.syntax = dcm_syntax_or_default(from->transfer_syntax_uid);
    dcm_dataset_init(&s.ds);
    int rc = read_header(&s, arena, &at, err);
    if (rc < 0)
        return rc;
    s.kind      = at.event;
    s.pixel_tag = at.tag;
    s.frames    = 1;
    if (dcm_get_i64(&s.ds, DCM_NUMBER_OF_FRAMES, 0, &frames) && frames > 1)
        s.frames = frames <= UINT32_MAX - 1 ? (uint32_t)frames : UINT32_MAX - 1;
    if (s.kind == DCM_EV_END)
        s.frames = 0;
    else
        rc = codec_image_read(&s.ds, &s.image, err);
    if (rc == ISO_OK && s.kind != DCM_EV_END && s.pixel_tag != DCM_PIXEL_DATA)
        s.image.is_float = true;
    if (rc == ISO_OK && s.kind == DCM_EV_FRAGMENTS)
        rc = lay_fragments(&s, at.value_offset, arena, err);
    else if (rc == ISO_OK && s.kind == DCM_EV_ELEMENT)
        rc = lay_native(&s, &at, arena, err);
    if (rc == ISO_OK)
        *out = s;
    return rc;
}

/* ---- one frame ---- */

/* The bits of p, moved down by shift, which is less than 8. */
static void shift_bits(uint8_t *p, size_t bytes, unsigned shift, uint64_t bits)
{
    for (size_t i = 0; shift > 0 && i < bytes; i++)
        p[i] = (uint8_t)((unsigned)p[i] >> shift |
                         (i + 1 < bytes ? (unsigned)p[i + 1] << (8 - shift) : 0u));
    if (bits % 8 != 0)
        p[bits / 8] &= (uint8_t)(0xff >> (8 - bits % 8));
}

static int native_frame(const struct codec_survey *s, uint32_t number, struct iso_buf *out,
                        struct iso_err *err)
{
    uint64_t first = s->frame_bits * number;
    unsigned shift = (unsigned)(first % 8);
    uint64_t bytes = (shift + s->frame_bits + 7) / 8;

    if (iso_buf_reserve(out, (size_t)bytes) < 0)
        return iso_buf_check(out, err);
    int rc =
        os_read_exact_at(s->from.fd, out->ptr, (size_t)bytes, s->list[0].offset + first / 8, err);
    if (rc < 0)
        return rc;
    shift_bits(out->ptr, (size_t)bytes, shift, s->frame_bits);
    out->len = (size_t)((s->frame_bits + 7) / 8);
    return ISO_OK;
}

int codec_survey_frame(const struct codec_survey *survey, uint32_t number, struct iso_buf *out,
                       struct iso_err *err)
{
    int rc = ISO_OK;

    iso_buf_reset(out);
    if (survey->kind == DCM_EV_ELEMENT)
        return native_frame(survey, number, out, err);
    for (uint64_t i = survey->start[number]; i < survey->start[number + 1]; i++) {
        const struct codec_range *range = &survey->list[i];

        if (iso_buf_reserve(out, (size_t)range->bytes) < 0)
            return iso_buf_check(out, err);
        rc = os_read_exact_at(survey->from.fd, out->ptr + out->len, (size_t)range->bytes,
                              range->offset, err);
        if (rc < 0)
            return rc;
        out->len += (size_t)range->bytes;
    }
    return rc;
}
