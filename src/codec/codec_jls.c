/* codec_jls.c: JPEG-LS by CharLS.   ITU-T T.87, PS3.5 §8.2.3
 * Our own scan of the segments comes first; the library then meets one frame header of a size that
 * was checked against the limits and against the length of the stream. A stream is of unsigned
 * samples whatever the data set says: signed ones are coded as the patterns they are, and come back
 * as such. */
#include "codec_in.h"

#include "iso_reader.h"
#include "os_library.h"

#include <stdlib.h>
#include <string.h>

#include <charls/charls.h>

enum {
    MARKERS_MAX   = 4096,
    SOI           = 0xd8,
    EOI           = 0xd9,
    SOS           = 0xda,
    SOF55         = 0xf7,
    LSE           = 0xf8,
    LSE_OVERSIZE  = 4, /* rows and columns that 16 bits do not hold */
    PRECISION_MIN = 2,
    PRECISION_MAX = 16
};

/* ---- the library, loaded when it is needed ---- */

#define CALLS(X)                                                                                   \
    X(get_error_message)                                                                           \
    X(jpegls_decoder_create)                                                                       \
    X(jpegls_decoder_decode_to_buffer)                                                             \
    X(jpegls_decoder_destroy)                                                                      \
    X(jpegls_decoder_get_frame_info)                                                               \
    X(jpegls_decoder_read_header)                                                                  \
    X(jpegls_decoder_set_source_buffer)                                                            \
    X(jpegls_encoder_create)                                                                       \
    X(jpegls_encoder_destroy)                                                                      \
    X(jpegls_encoder_encode_from_buffer)                                                           \
    X(jpegls_encoder_get_bytes_written)                                                            \
    X(jpegls_encoder_set_destination_buffer)                                                       \
    X(jpegls_encoder_set_frame_info)                                                               \
    X(jpegls_encoder_set_interleave_mode)                                                          \
    X(jpegls_encoder_set_near_lossless)
#define FIELD(name) __typeof__(charls_##name) *name;
#define TEXT(name)  "charls_" #name,

OS_LIBRARY(charls, "libcharls.so.2", CALLS, FIELD, TEXT);

/* What the segments before the first scan say, and the first scan's own header. */
struct head {
    uint32_t rows, columns;
    unsigned precision;
    unsigned components; /* 0: no frame header yet */
    unsigned interleave; /* of enum charls_interleave_mode */
};

/* T.87 §C.2.2 */
static int read_frame_header(struct iso_reader r, struct head *head, struct iso_err *err)
{
    head->precision  = iso_read_u8(&r);
    uint32_t rows    = iso_read_u16be(&r);
    uint32_t columns = iso_read_u16be(&r);
    head->components = iso_read_u8(&r);
    if (rows != 0 || columns != 0) {
        if (head->rows != 0)
            return iso_fail(err, ISO_EFORMAT, "JPEG-LS: its size is there twice");
        head->rows    = rows;
        head->columns = columns;
    }
    for (unsigned i = 0; i < head->components; i++) {
        iso_skip(&r, 1);
        uint8_t sampling = iso_read_u8(&r);
        iso_skip(&r, 1);
        if (iso_reader_ok(&r) && sampling != 0x11)
            return iso_fail(err, ISO_EUNSUPPORTED, "JPEG-LS with sampling factors %02x", sampling);
    }
    if (!iso_reader_ok(&r) || head->components == 0)
        return iso_fail(err, ISO_EFORMAT, "the JPEG-LS frame header is not complete");
    if (head->precision < PRECISION_MIN || head->precision > PRECISION_MAX)
        return iso_fail(err, ISO_EFORMAT, "JPEG-LS of %u bits", head->precision);
    return ISO_OK;
}

/* T.87 §C.2.4.1.4 */
static int read_oversize(struct iso_reader r, struct head *head, struct iso_err *err)
{
    uint8_t  each = iso_read_u8(&r);
    uint32_t size[2];

    for (size_t i = 0; i < 2; i++)
        size[i] = each == 2   ? iso_read_u16be(&r)
                  : each == 4 ? iso_read_u32be(&r)
                  : each == 3 ? (uint32_t)iso_read_u8(&r) << 16 | iso_read_u16be(&r)
                              : 0;
    if (!iso_reader_ok(&r) || size[0] == 0 || size[1] == 0 || head->rows != 0)
        return iso_fail(err, ISO_EFORMAT, "JPEG-LS: a broken segment of the size");
    head->rows    = size[0];
    head->columns = size[1];
    return ISO_OK;
}

/* T.87 §C.2.3 */
static int read_scan_header(struct iso_reader r, struct head *head, struct iso_err *err)
{
    uint8_t components = iso_read_u8(&r);

    if (head->components == 0 || head->rows == 0 || head->columns == 0)
        return iso_fail(err, ISO_EFORMAT, "JPEG-LS: a scan of no size");
    for (unsigned i = 0; i < components; i++) {
        iso_skip(&r, 1);
        if (iso_read_u8(&r) != 0)
            return iso_fail(err, ISO_EUNSUPPORTED, "JPEG-LS with a mapping table");
    }
    iso_skip(&r, 1); /* NEAR */
    head->interleave = iso_read_u8(&r);
    iso_skip(&r, 1);
    if (!iso_reader_ok(&r) || head->interleave > CHARLS_INTERLEAVE_MODE_SAMPLE ||
        (head->interleave == CHARLS_INTERLEAVE_MODE_NONE ? components != 1
                                                         : components != head->components))
        return iso_fail(err, ISO_EFORMAT, "the JPEG-LS scan header is broken");
    return ISO_OK;
}

/* The segments up to the first scan.   T.87 §C.1 */
static int scan(iso_bytes in, struct head *out, struct iso_err *err)
{
    struct iso_reader r    = iso_reader_of(in);
    struct head       head = { 0 };

    if (iso_read_u8(&r) != 0xff || iso_read_u8(&r) != SOI)
        return iso_fail(err, ISO_EFORMAT, "the frame is not a JPEG-LS image");
    for (unsigned i = 0; i < MARKERS_MAX; i++) {
        uint8_t marker = iso_read_u8(&r);
        int     rc     = ISO_OK;
        if (marker != 0xff)
            break;
        while (marker == 0xff && iso_left(&r) > 0) /* fill bytes */
            marker = iso_read_u8(&r);
        uint16_t length = iso_read_u16be(&r);
        if (length < 2 || marker == SOI || marker == EOI)
            break;
        struct iso_reader body = iso_read_sub(&r, length - 2u);
        if (!iso_reader_ok(&r))
            break;
        if (marker == SOS) {
            rc = read_scan_header(body, &head, err);
            if (rc == ISO_OK)
                *out = head;
            return rc;
        }
        if (marker == SOF55 && head.components > 0)
            return iso_fail(err, ISO_EFORMAT, "a second JPEG-LS frame header");
        if (marker == SOF55)
            rc = read_frame_header(body, &head, err);
        else if (marker == LSE && iso_read_u8(&body) == LSE_OVERSIZE)
            rc = read_oversize(body, &head, err);
        else if (marker >= 0xc0 && marker <= 0xcf)
            return iso_fail(err, ISO_EUNSUPPORTED, "the frame is JPEG, but not JPEG-LS");
        if (rc < 0)
            return rc;
    }
    return iso_fail(err, ISO_EFORMAT, "the JPEG-LS image ends or breaks before its first scan");
}

static enum codec_photometric colour_of(unsigned components, const struct codec_image *a)
{
    if (components == 1)
        return a->photometric == CODEC_MONOCHROME1 || a->photometric == CODEC_PALETTE_COLOR
                   ? a->photometric
                   : CODEC_MONOCHROME2;
    if (components != 3)
        return CODEC_PHOTOMETRIC_OTHER;
    return a->photometric == CODEC_YBR_FULL || a->photometric == CODEC_YBR_FULL_422 ? CODEC_YBR_FULL
                                                                                    : CODEC_RGB;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    struct head head = { 0 };
    int         rc   = scan(in, &head, err);

    (void)uid;
    if (rc < 0)
        return rc;
    if (head.components > CODEC_SAMPLES_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG-LS of %u components", head.components);
    /* A line takes a bit at least, however plain it is (T.87 §A.7.1.2). */
    if (head.rows / 8 > in.len)
        return iso_fail(err, ISO_ELIMIT, "%zu bytes of JPEG-LS that say %u lines", in.len,
                        head.rows);
    struct codec_image given = codec_unpacked(a);
    given.rows               = head.rows;
    given.columns            = head.columns;
    given.samples            = (uint16_t)head.components;
    given.photometric        = colour_of(head.components, a);
    given.is_float           = false;
    if (given.bits_allocated < head.precision || given.bits_allocated > 32)
        given.bits_allocated = head.precision > 8 ? 16 : 8;
    if (given.high_bit >= head.precision) {
        given.bits_stored = (uint16_t)head.precision;
        given.high_bit    = (uint16_t)(head.precision - 1);
    }
    *frame = given;
    return ISO_OK;
}

/* ---- the library ---- */

static int failed(charls_jpegls_errc code, struct iso_err *err)
{
    int rc = ISO_EFORMAT;

    if (code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY)
        rc = ISO_ENOMEM;
    else if (code == CHARLS_JPEGLS_ERRC_PARAMETER_VALUE_NOT_SUPPORTED ||
             code == CHARLS_JPEGLS_ERRC_BIT_DEPTH_FOR_TRANSFORM_NOT_SUPPORTED ||
             code == CHARLS_JPEGLS_ERRC_COLOR_TRANSFORM_NOT_SUPPORTED ||
             code == CHARLS_JPEGLS_ERRC_JPEGLS_PRESET_EXTENDED_PARAMETER_TYPE_NOT_SUPPORTED)
        rc = ISO_EUNSUPPORTED;
    return iso_fail(err, rc, "JPEG-LS: %s", charls.get_error_message(code));
}

/* Lines arrive in `to` as they are decoded, so a failure leaves those before it. `in` ends with its
 * marker: past the end of one that does not, CharLS 2.4 reads zeros for ever. */
static int run(iso_bytes in, const struct head *head, uint8_t *to, size_t bytes,
               struct iso_err *err)
{
    int rc = os_library_need(&charls_library, err);

    if (rc < 0)
        return rc;
    charls_jpegls_decoder *decoder = charls.jpegls_decoder_create();
    charls_frame_info      info    = { 0 };

    if (decoder == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a JPEG-LS decoder");
    charls_jpegls_errc code = charls.jpegls_decoder_set_source_buffer(decoder, in.ptr, in.len);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_decoder_read_header(decoder);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_decoder_get_frame_info(decoder, &info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS &&
        (info.width != head->columns || info.height != head->rows ||
         info.bits_per_sample != (int32_t)head->precision ||
         info.component_count != (int32_t)head->components))
        code = CHARLS_JPEGLS_ERRC_INVALID_ENCODED_DATA;
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_decoder_decode_to_buffer(decoder, to, bytes, 0);
    charls.jpegls_decoder_destroy(decoder);
    return code == CHARLS_JPEGLS_ERRC_SUCCESS ? ISO_OK : failed(code, err);
}

static bool has_end(iso_bytes in)
{
    for (size_t i = in.len - 2; i + 4 >= in.len; i--) /* what makes it even may follow */
        if (in.ptr[i] == 0xff && in.ptr[i + 1] == EOI)
            return true;
    return false;
}

/* The lines of a stream that was cut off. */
static int run_cut(iso_bytes in, const struct head *head, uint8_t *to, size_t bytes,
                   struct iso_err *err)
{
    uint8_t *ended = malloc(in.len + 2);

    if (ended == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a frame of %zu bytes", in.len);
    memcpy(ended, in.ptr, in.len);
    ended[in.len]     = 0xff;
    ended[in.len + 1] = EOI;
    int rc            = run(iso_bytes_of(ended, in.len + 2), head, to, bytes, err);
    free(ended);
    return rc == ISO_OK ? iso_fail(err, ISO_EFORMAT, "JPEG-LS: the stream has no end") : rc;
}

/* Samples of 1 or 2 bytes, by plane or by pixel, to the frame's layout. */
static void place(const uint8_t *from, size_t unit, bool planes, const struct codec_image *frame,
                  uint8_t *out)
{
    size_t pixels  = (size_t)frame->rows * frame->columns;
    size_t samples = frame->samples;
    size_t wide    = codec_sample_bytes(frame);

    for (size_t s = 0; s < samples; s++)
        for (size_t i = 0; i < pixels; i++) {
            size_t at = planes ? s * pixels + i : i * samples + s;
            memcpy(out + (i * samples + s) * wide, from + at * unit, unit);
        }
}

static bool any_set(const uint8_t *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (ptr[i] != 0)
            return true;
    return false;
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct head head = { 0 };
    int         rc   = scan(in, &head, err);

    (void)uid;
    (void)a;
    if (rc < 0)
        return rc;
    size_t   unit   = head.precision > 8 ? 2 : 1;
    bool     planes = head.interleave == CHARLS_INTERLEAVE_MODE_NONE && head.components > 1;
    bool     direct = unit == codec_sample_bytes(frame) && !planes;
    size_t   coded  = bytes / codec_sample_bytes(frame) * unit;
    uint8_t *to     = direct ? out : calloc(coded, 1);

    if (to == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a frame of %zu bytes", coded);
    memset(out, 0, bytes);
    rc = has_end(in) ? run(in, &head, to, coded, err) : run_cut(in, &head, to, coded, err);
    if (!direct) {
        place(to, unit, planes, frame, out);
        free(to);
    }
    frame->damaged = rc == ISO_EFORMAT && any_set(out, bytes);
    return rc;
}

/* ---- encoding ---- */

static bool is_near(iso_str uid)
{
    return iso_str_eq_c(uid, "1.2.840.10008.1.2.4.81");
}

static int described(iso_str uid, const struct codec_image *frame,
                     const struct codec_options *options, struct codec_image *out,
                     struct iso_err *err)
{
    (void)options;
    if (frame->is_float || frame->bits_allocated > 16)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG-LS takes integers of up to 16 bits, not %u",
                        frame->bits_allocated);
    if (frame->samples != 1 && frame->samples != 3)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG-LS with %u samples a pixel", frame->samples);
    if (frame->rows > UINT16_MAX || frame->columns > UINT16_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG-LS of more than 65535 rows or columns");
    if (is_near(uid) && (frame->photometric == CODEC_PALETTE_COLOR ||
                         frame->photometric == CODEC_PHOTOMETRIC_OTHER))
        return iso_fail(err, ISO_EUNSUPPORTED, "these samples do not bear an error");
    *out         = *frame;
    out->planar  = false;
    out->damaged = false;
    return ISO_OK;
}

/* How a frame is coded. */
struct plan {
    unsigned precision;
    unsigned near;
};

/* The precision is bits stored, at least 8, and 9 where a sample has two bytes: other decoders tell
 * the width of what they get by it. Bits above it would be lost: where any is set (overlays, signed
 * samples extended to the left), all bits allocated are coded.
 * An error must not carry a sample over the edge of its range, to the other end for who then looks
 * at bits stored only: from 2047 to -2048. Where one comes so near, the frame is coded without
 * error. Unsigned ones at full precision are held within by the coding itself. */
static struct plan plan_of(const struct codec_image *frame, iso_bytes pixels, unsigned near)
{
    size_t      unit   = codec_sample_bytes(frame);
    unsigned    stored = frame->bits_stored, wide = frame->bits_allocated;
    unsigned    least  = unit == 2 ? 9 : 8;
    struct plan plan   = { .precision = stored > least ? stored : least };
    int32_t     half   = (int32_t)1 << (stored - 1);
    int32_t     lowest = INT32_MAX, highest = INT32_MIN;
    bool        zeros = frame->high_bit == stored - 1, extended = zeros;

    for (size_t i = 0; i < pixels.len; i += unit) {
        int32_t raw = unit == 2 ? iso_u16le(pixels.ptr + i) : pixels.ptr[i];
        int32_t v   = raw & (2 * half - 1);
        zeros       = zeros && v == raw;
        if (frame->is_signed && v >= half)
            v -= 2 * half;
        extended = extended && (v & ((1 << wide) - 1)) == raw;
        lowest   = v < lowest ? v : lowest;
        highest  = v > highest ? v : highest;
    }
    if (!zeros)
        plan.precision = wide;
    if (frame->is_signed) {
        bool clear = lowest >= (int32_t)near - half && highest < half - (int32_t)near;
        plan.near  = (zeros || extended) && clear ? near : 0;
    } else {
        bool clear = plan.precision == stored || highest < 2 * half - (int32_t)near;
        plan.near  = zeros && clear ? near : 0;
    }
    return plan;
}

/* One attempt with room for cap bytes. */
static charls_jpegls_errc encode_within(const struct codec_image *frame, iso_bytes pixels,
                                        struct plan plan, uint8_t *to, size_t cap, size_t *written)
{
    charls_jpegls_encoder *encoder = charls.jpegls_encoder_create();
    charls_frame_info      info    = { .width           = frame->columns,
                                       .height          = frame->rows,
                                       .bits_per_sample = (int32_t)plan.precision,
                                       .component_count = frame->samples };

    if (encoder == NULL)
        return CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    charls_jpegls_errc code = charls.jpegls_encoder_set_frame_info(encoder, &info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_encoder_set_near_lossless(encoder, (int32_t)plan.near);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS && frame->samples > 1)
        code = charls.jpegls_encoder_set_interleave_mode(encoder, CHARLS_INTERLEAVE_MODE_LINE);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_encoder_set_destination_buffer(encoder, to, cap);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_encoder_encode_from_buffer(encoder, pixels.ptr, pixels.len, 0);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls.jpegls_encoder_get_bytes_written(encoder, written);
    charls.jpegls_encoder_destroy(encoder);
    return code;
}

static int encode(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    /* A sample takes up to 4 times its bits (T.87 §A.5.3), if the content is against all odds. */
    enum { EXTRA_BYTES = 4096, WORST = 4 };
    charls_jpegls_errc code = CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL;
    unsigned           near = is_near(uid) ? options->near : 0;
    struct plan        plan;
    int                rc = os_library_need(&charls_library, err);

    if (rc < 0)
        return rc;
    near = near < 127 ? near : 127; /* MAXVAL / 2 of 8 bits: T.87 §C.2.3 */
    plan = plan_of(frame, pixels, near);
    for (size_t times = 1;
         times <= WORST && code == CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL; times *= 2) {
        size_t cap = pixels.len * times + EXTRA_BYTES, left = out->bytes_max - out->len, written;
        if (iso_buf_reserve(out, cap < left ? cap : left) < 0)
            return iso_buf_check(out, err);
        code = encode_within(frame, pixels, plan, out->ptr + out->len, cap < left ? cap : left,
                             &written);
        if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
            out->len += written;
    }
    if (code == CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL)
        return iso_fail(err, ISO_ELIMIT, "JPEG-LS makes more of the frame than there is room for");
    return code == CHARLS_JPEGLS_ERRC_SUCCESS ? ISO_OK : failed(code, err);
}

void codec_jls_prepare(void)
{
    (void)!os_library_need(&charls_library, NULL);
}

const struct codec_family codec_jls = {
    .inspect   = inspect,
    .decode    = decode,
    .described = described,
    .encode    = encode,
    .foreign   = true,
};
