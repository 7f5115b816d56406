/* codec_jpeg.c: the JPEG family: whose decoder a stream goes to, and what will come of it.
 * ITU-T T.81, PS3.5 §8.2.1, §A.4.1
 * The frame header decides, not the transfer syntax: files with a baseline stream under a lossless
 * syntax exist, and DCMTK and GDCM decode them. 8-bit DCT is libjpeg-turbo's, in the family whose
 * frames go to worker processes; lossless JPEG is ours. */
#include "codec_jpeg_in.h"

/* Whose word counts for three components: Adobe's marker; component names R, G, B; the attributes
 * when they say RGB (streams without any marker, from devices that never convert); else YCbCr. A JFIF
 * marker does not: encoders write it whatever they do, and DCMTK too goes by the attributes. Lossless
 * JPEG converts nothing: there the attributes count before anything else. */
static enum codec_photometric colour_of(const struct jpeg_head *head, const struct codec_image *a)
{
    bool lossless = head->process == JPEG_LOSSLESS;

    if (head->components == 1)
        return a->photometric == CODEC_MONOCHROME1 || a->photometric == CODEC_PALETTE_COLOR
                   ? a->photometric
                   : CODEC_MONOCHROME2;
    if (head->components != 3)
        return CODEC_PHOTOMETRIC_OTHER;
    if (lossless && (a->photometric == CODEC_YBR_FULL || a->photometric == CODEC_YBR_FULL_422))
        return CODEC_YBR_FULL;
    if (lossless)
        return a->photometric == CODEC_YBR_PARTIAL ? CODEC_YBR_PARTIAL : CODEC_RGB;
    if (head->adobe >= 0)
        return head->adobe == 0 ? CODEC_RGB : CODEC_YBR_FULL;
    if (head->component[0].id == 'R' && head->component[1].id == 'G' &&
        head->component[2].id == 'B')
        return CODEC_RGB;
    if (a->photometric == CODEC_RGB)
        return CODEC_RGB;
    return CODEC_YBR_FULL;
}

/* The bits of the attributes where the stream's fit in. More bits than are stored are those of
 * lossless JPEG beside the sample (overlays, signs); of DCT they are its samples'. */
static void set_bits(const struct jpeg_head *head, const struct codec_image *a,
                     struct codec_image *frame)
{
    unsigned bits      = head->precision;
    unsigned allocated = a->bits_allocated <= 8 ? 8 : a->bits_allocated <= 16 ? 16 : 32;

    frame->is_signed = a->is_signed;
    if (head->process != JPEG_LOSSLESS && bits == 8) {
        allocated        = 8;
        frame->is_signed = a->is_signed && a->bits_allocated == 8;
    }
    if (allocated < bits)
        allocated = 16;
    frame->bits_allocated = (uint16_t)allocated;
    frame->bits_stored    = a->bits_stored;
    frame->high_bit       = a->high_bit;
    if (a->bits_allocated < bits || a->high_bit >= allocated ||
        (head->process != JPEG_LOSSLESS && (a->bits_stored != bits || a->high_bit != bits - 1))) {
        frame->bits_stored = (uint16_t)bits;
        frame->high_bit    = (uint16_t)(bits - 1);
    }
}

/* A byte holds at most eight samples of lossless JPEG, and about a thousand of DCT when all is flat and
 * chroma wide: with some to spare for images that end early, more is a bomb. */
static bool is_bomb(const struct jpeg_head *head, size_t bytes)
{
    uint64_t samples  = (uint64_t)head->rows * head->columns * head->components;
    uint64_t per_byte = head->process == JPEG_LOSSLESS ? 64 : 4096;

    return samples > (1 << 20) && (samples - (1 << 20)) / per_byte > bytes;
}

static int describe(const struct jpeg_head *head, iso_bytes in, const struct codec_image *a,
                    struct codec_image *frame, struct iso_err *err)
{
    if (is_bomb(head, in.len))
        return iso_fail(err, ISO_ELIMIT, "a JPEG image of %u x %u pixels in %zu bytes",
                        head->columns, head->rows, in.len);
    *frame = (struct codec_image){
        .rows        = head->rows,
        .columns     = head->columns,
        .samples     = (uint16_t)head->components,
        .photometric = colour_of(head, a),
    };
    set_bits(head, a, frame);
    return ISO_OK;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    struct jpeg_head head;
    int              rc = jpeg_head_read(in, &head, err);

    (void)uid;
    if (rc == ISO_OK && head.process != JPEG_LOSSLESS && head.components != 1 &&
        head.components != 3)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of %u components", head.components);
    if (rc == ISO_OK)
        rc = describe(&head, in, a, frame, err);
    return rc;
}

/* What the library decodes, and as others do: it interpolates chroma of half the height, and knows no
 * DNL. */
static bool is_for_library(const struct jpeg_head *head)
{
    bool high = head->components == 3 && head->component[0].v == 2 * head->component[1].v &&
                head->component[0].h == head->component[1].h;

    return head->precision == 8 && !head->rows_late && !high;
}

static int decode_own(iso_str uid, iso_bytes in, const struct codec_image *a,
                      struct codec_image *frame, uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct jpeg_head head;
    int              rc = jpeg_head_read(in, &head, err);

    (void)uid;
    (void)a;
    (void)bytes;
    if (rc < 0)
        return rc;
    if (head.process == JPEG_LOSSLESS)
        return jpeg_lossless_decode(in, &head, frame, out, err);
    return jpeg_dct_decode(in, &head, frame, out, err);
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct jpeg_head head;
    int              rc = jpeg_head_read(in, &head, err);

    if (rc < 0)
        return rc;
    if (head.process == JPEG_LOSSLESS || !is_for_library(&head))
        return decode_own(uid, in, a, frame, out, bytes, err);
    return jpeg_8_decode(in, frame, out, bytes, err);
}

/* ---- encoding ---- */

enum { QUALITY_FULL_CHROMA = 90 };

static bool has_size(const struct codec_image *frame) /* T.81 table B.2 */
{
    return frame->rows <= UINT16_MAX && frame->columns <= UINT16_MAX &&
           (frame->samples == 1 || frame->samples == 3);
}

static bool is_lossy_colour(const struct codec_image *frame)
{
    if (frame->samples == 1)
        return frame->photometric == CODEC_MONOCHROME1 || frame->photometric == CODEC_MONOCHROME2;
    return frame->photometric == CODEC_RGB || frame->photometric == CODEC_YBR_FULL ||
           frame->photometric == CODEC_YBR_FULL_422;
}

/* 8 bits as YCbCr, its chroma halved below a quality of 90; .51 also up to 12 bits, whose colours stay
 * what they are.   PS3.5 §8.2.1 */
static int described_dct(iso_str uid, const struct codec_image *frame,
                         const struct codec_options *options, struct codec_image *described,
                         struct iso_err *err)
{
    bool extended = iso_str_eq_c(uid, "1.2.840.10008.1.2.4.51");
    bool eight    = frame->bits_allocated == 8 && frame->bits_stored == 8;
    bool twelve   = extended && frame->bits_allocated == 16 && frame->bits_stored <= 12 &&
                  frame->high_bit + 1 == frame->bits_stored;

    if (!extended && !iso_str_eq_c(uid, "1.2.840.10008.1.2.4.50"))
        return iso_fail(err, ISO_EUNSUPPORTED, "retired kinds of JPEG are not written");
    if (frame->is_float || frame->is_signed || !has_size(frame) || !is_lossy_colour(frame) ||
        (!eight && !twelve))
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "lossy JPEG takes grey, RGB and YBR_FULL images, unsigned, of %s bits",
                        extended ? "8 or up to 12" : "8");
    *described        = *frame;
    described->planar = false;
    if (twelve) {
        described->bits_stored = 12;
        described->high_bit    = 11;
    }
    if (frame->samples == 3 && eight)
        described->photometric =
            options->quality < QUALITY_FULL_CHROMA ? CODEC_YBR_FULL_422 : CODEC_YBR_FULL;
    else if (frame->samples == 3 && frame->photometric != CODEC_RGB)
        described->photometric = CODEC_YBR_FULL;
    return ISO_OK;
}

static int encode_dct(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                      const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    (void)uid;
    if (frame->bits_allocated == 16)
        return jpeg_12_encode(frame, pixels, options->quality, out, err);
    return jpeg_8_encode(frame, pixels, options->quality,
                         frame->samples == 3 && options->quality < QUALITY_FULL_CHROMA, out, err);
}

static int described_lossless(iso_str uid, const struct codec_image *frame,
                              const struct codec_options *options, struct codec_image *described,
                              struct iso_err *err)
{
    (void)uid;
    (void)options;
    if (frame->is_float || frame->bits_allocated > 16 || !has_size(frame))
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "lossless JPEG takes 1 or 3 samples of 8 or 16 bits a pixel");
    *described        = *frame;
    described->planar = false;
    if (frame->photometric == CODEC_YBR_FULL_422) /* its chroma is at full resolution here */
        described->photometric = CODEC_YBR_FULL;
    return ISO_OK;
}

static int encode_lossless(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                           const struct codec_options *options, struct iso_buf *out,
                           struct iso_err *err)
{
    (void)options;
    return jpeg_lossless_encode(frame, pixels, iso_str_eq_c(uid, "1.2.840.10008.1.2.4.57"), out,
                                err);
}

/* ---- as it is in another syntax ---- */

/* .50 is all of .51 that is baseline; .70 all of .57 with predictor 1.   PS3.5 §A.4.1 */
static int repack(iso_str from_uid, iso_bytes in, iso_str to_uid, struct iso_buf *out,
                  struct iso_err *err)
{
    struct jpeg_head head;
    bool             fits;

    if (!iso_str_starts(from_uid, ISO_STR("1.2.840.10008.1.2.4.5")) &&
        !iso_str_eq_c(from_uid, "1.2.840.10008.1.2.4.70"))
        return iso_fail(err, ISO_EUNSUPPORTED, "not a JPEG image before");
    int rc = jpeg_head_read(in, &head, err);
    if (rc < 0)
        return rc;
    if (iso_str_eq_c(to_uid, "1.2.840.10008.1.2.4.50"))
        fits = head.process == JPEG_BASELINE && head.precision == 8;
    else if (iso_str_eq_c(to_uid, "1.2.840.10008.1.2.4.51"))
        fits = head.process == JPEG_BASELINE || head.process == JPEG_EXTENDED;
    else if (iso_str_eq_c(to_uid, "1.2.840.10008.1.2.4.57"))
        fits = head.process == JPEG_LOSSLESS;
    else
        fits = iso_str_eq_c(to_uid, "1.2.840.10008.1.2.4.70") && head.process == JPEG_LOSSLESS &&
               head.predictor == 1;
    if (!fits)
        return iso_fail(err, ISO_EUNSUPPORTED, "this JPEG image is not one of that syntax");
    size_t before = iso_buf_bytes(out).len;
    (void)iso_buf_add(out, in.ptr, in.len);
    if ((iso_buf_bytes(out).len - before) % 2 != 0)
        (void)iso_buf_add_u8(out, 0);
    return iso_buf_check(out, err);
}

const struct codec_family codec_jpeg  = { .inspect   = inspect,
                                          .decode    = decode,
                                          .described = described_dct,
                                          .encode    = encode_dct,
                                          .repack    = repack,
                                          .foreign   = true };
const struct codec_family codec_ljpeg = { .inspect   = inspect,
                                          .decode    = decode_own,
                                          .described = described_lossless,
                                          .encode    = encode_lossless,
                                          .repack    = repack };
