/* codec_htj2k.c: High-Throughput JPEG 2000.   ITU-T T.814; PS3.5 §8.2.15, §10.18
 * OpenJPH decodes the streams of its kind, twice as fast as OpenJPEG and to the same samples: one
 * tile and layer, lossless, the same parameters for all components, no resolution without samples of
 * its own (which OpenJPH 0.9 decodes wrongly). OpenJPEG takes the rest, and what OpenJPH stumbles on:
 * it can give a part. Irreversible wavelets round differently in the two (by one, in a sample of
 * 200), and other decoders in use are OpenJPEG.
 *
 * We write one tile and one layer, RPCL, down to a resolution of at most 64 pixels, a tile-part for
 * each (codec_htj2k_parts.c): valid in .202, and so in .201 and .203 too. */
#include "codec_in.h"

#include "codec_htj2k_parts.h"
#include "codec_ojph.h"
#include "codec_opj.h"
#include "codec_row.h"

#include <math.h>
#include <string.h>

enum {
    LEVELS   = 5, /* or more: */
    RPCL     = 2, /* T.800 table A.16 */
    SIDE_MAX = 64 /* of the lowest resolution */
};

/* What the functions on rows work on. */
struct work {
    const struct codec_image *frame;
    struct codec_row          row;
    const uint8_t            *in;
    uint8_t                  *out;
    size_t                    row_bytes, sample_bytes;
    struct iso_buf           *stream;
};

static struct work work_of(const struct codec_image *frame)
{
    size_t bytes = codec_sample_bytes(frame);

    return (struct work){ .frame        = frame,
                          .row_bytes    = bytes * frame->samples * frame->columns,
                          .sample_bytes = bytes };
}

static void put_row(void *ctx, unsigned component, uint32_t y, int32_t *values, size_t n)
{
    struct work *w = ctx;

    codec_row_put(&w->row, values, n, w->out + y * w->row_bytes + component * w->sample_bytes);
}

static void get_row(void *ctx, unsigned component, uint32_t y, int32_t *values, size_t n)
{
    struct work *w = ctx;

    codec_row_get(w->frame, w->in + y * w->row_bytes + component * w->sample_bytes, n, values);
}

static bool write_stream(void *ctx, const void *ptr, size_t len)
{
    struct work *w = ctx;

    return iso_buf_add(w->stream, ptr, len) == ISO_OK;
}

static int failed(const struct codec_ojph_error *error, int code, struct iso_err *err)
{
    return error->memory ? iso_fail(err, ISO_ELIMIT, "HTJ2K: no memory")
                         : iso_fail(err, code, "HTJ2K: %s", error->text);
}

/* ---- decoding ---- */

/* One pixel cannot be divided further: the next levels add no samples. */
static bool has_empty_levels(uint32_t side, unsigned levels)
{
    return levels > 0 && ((uint64_t)side - 1) >> (levels - 1) == 0;
}

static bool is_for_ojph(const struct codec_j2k_head *head)
{
    uint32_t side = head->rows > head->columns ? head->rows : head->columns;

    if (!head->ht || !head->plain || !head->reversible || head->layers != 1 || head->tiles != 1 ||
        head->x0 != 0 || head->y0 != 0 || has_empty_levels(side, head->levels))
        return false;
    for (unsigned i = 0; i < head->samples; i++)
        if (head->component[i].bits != head->bits || head->component[i].dx != 1 ||
            head->component[i].dy != 1)
            return false;
    return true;
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct codec_j2k_head   head;
    struct codec_ojph_error error;
    struct work             w  = work_of(frame);
    int                     rc = codec_j2k_head_read(in, &head, err);

    (void)uid;
    (void)a;
    if (rc < 0)
        return rc;
    if (!is_for_ojph(&head) || !head.complete)
        return codec_opj_decode(&head, frame, out, bytes, err);
    struct codec_ojph_image image = { .columns   = head.columns,
                                      .rows      = head.rows,
                                      .samples   = head.samples,
                                      .bits      = head.bits,
                                      .is_signed = head.is_signed };
    w.out                         = out;
    w.row                         = codec_row_of(frame, head.bits, head.is_signed);
    if (codec_ojph_decode(head.stream.ptr, head.stream.len, &image, false, put_row, &w, &error))
        return ISO_OK;
    if (error.memory)
        return failed(&error, ISO_EFORMAT, err);
    rc = codec_opj_decode(&head, frame, out, bytes, err); /* a second opinion */
    if (rc == ISO_EFORMAT && !frame->damaged) {
        memset(out, 0, bytes);
        frame->damaged =
            codec_ojph_decode(head.stream.ptr, head.stream.len, &image, true, put_row, &w, &error);
    }
    return rc;
}

/* ---- encoding ---- */

/* Until neither side is larger than 64.   PS3.5 §10.18 */
static unsigned levels_of(const struct codec_image *frame)
{
    uint32_t side   = frame->rows > frame->columns ? frame->rows : frame->columns;
    unsigned levels = LEVELS;

    while ((((uint64_t)side - 1) >> levels) + 1 > SIDE_MAX)
        levels++;
    while (has_empty_levels(side, levels))
        levels--;
    return levels;
}

/* The error of a step is even between its halves: a twelfth of its square. */
static float step_of(unsigned quality, unsigned bits, int32_t lo, int32_t hi)
{
    double error = codec_row_error(quality, bits, lo, hi);

    return (float)(error * sqrt(12) / (double)(1u << bits));
}

static int encode(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    int32_t                 lo, hi;
    unsigned                bits  = codec_row_bits(frame, pixels, &lo, &hi);
    struct codec_ojph_image image = {
        .columns          = frame->columns,
        .rows             = frame->rows,
        .samples          = frame->samples,
        .bits             = bits,
        .is_signed        = frame->is_signed,
        .colour_transform = frame->samples == 3 && frame->photometric == CODEC_RGB,
        .levels           = levels_of(frame),
        .step             = codec_j2k_is_lossy(uid) ? step_of(options->quality, bits, lo, hi) : 0,
    };
    struct codec_ojph_error error;
    struct codec_j2k_head   head = { 0 };
    struct iso_buf          stream;
    struct work             w = work_of(frame);

    iso_buf_init(&stream, CODEC_FRAME_BYTES_MAX);
    w.in     = pixels.ptr;
    w.stream = &stream;
    int rc   = ISO_OK;
    if (!codec_ojph_encode(&image, get_row, write_stream, &w, &error))
        rc = failed(&error, ISO_EIO, err);
    else
        rc = codec_j2k_head_read(iso_buf_bytes(&stream), &head, err);
    if (rc == ISO_OK)
        rc = codec_htj2k_add_parts(&head, out, err);
    iso_buf_release(&stream);
    return rc;
}

/* PS3.5 §10.18 */
static bool is_by_resolution(const struct codec_j2k_head *head)
{
    uint32_t side = head->rows > head->columns ? head->rows : head->columns;

    return head->ht && head->progression == RPCL && head->tlm && head->reversible &&
           (((uint64_t)side - 1) >> head->levels) + 1 <= SIDE_MAX;
}

/* A lossless stream is valid where a lossy one may be, and one in order of resolution where order
 * does not matter. */
static int repack(iso_str from, iso_bytes in, iso_str to, struct iso_buf *out, struct iso_err *err)
{
    static const struct codec_j2k_move moves[] = {
        { ".202", ".201" }, { ".202", ".203" }, { ".201", ".203" }, { ".201", ".202" }, /* some: */
    };
    struct codec_j2k_head head;

    if (iso_str_ends(to, ISO_STR(".202")) &&
        (codec_j2k_head_read(in, &head, err) < 0 || !is_by_resolution(&head)))
        return iso_fail(err, ISO_EUNSUPPORTED, "HTJ2K: the stream is not in order of resolution");

    return codec_j2k_move(moves, sizeof moves / sizeof *moves, from, in, to, out, err);
}

const struct codec_family codec_htj2k = { .inspect   = codec_j2k_inspect,
                                          .decode    = decode,
                                          .described = codec_j2k_described,
                                          .encode    = encode,
                                          .repack    = repack,
                                          .foreign   = true };
