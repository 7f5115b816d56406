/* codec_jpeg.c: 8-bit sequential JPEG by libjpeg-turbo.   ITU-T T.81, PS3.5 §8.2.1
 * Our own scan of the markers comes first: what the library then meets has one frame header of 8
 * bits and 1 or 3 components, of a size that was checked. Progressive ones are not let in: their
 * many scans make time a matter of the sender. Its errors come back by longjmp to where it was
 * called; its memory has a ceiling. */
#include "codec_in.h"

#include "iso_reader.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    MARKERS_MAX      = 4096,
    WARNINGS_MAX     = 10000,
    WORK_BYTES_EXTRA = 16 << 20, /* the library's memory beyond the coefficients */
    SOI              = 0xd8,
    EOI              = 0xd9,
    SOS              = 0xda,
    APP0             = 0xe0,
    APP14            = 0xee,
    ADOBE_BYTES      = 12
};

/* What the markers before the first scan say. */
struct head {
    uint32_t rows, columns;
    unsigned components;
    uint8_t  id[3];
    bool     jfif;
    int      adobe; /* its transform, or -1 */
};

static bool is_sof(uint8_t marker) /* T.81 table B.1 */
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static int read_frame_header(struct iso_reader r, uint8_t marker, struct head *head,
                             struct iso_err *err)
{
    uint8_t bits = iso_read_u8(&r);

    head->rows       = iso_read_u16be(&r);
    head->columns    = iso_read_u16be(&r);
    head->components = iso_read_u8(&r);
    if (marker != 0xc0 && marker != 0xc1)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of the kind SOF%d is not decoded here",
                        marker - 0xc0);
    if (iso_reader_ok(&r) && bits != 8)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of %u bits is not decoded here", bits);
    if (iso_reader_ok(&r) && head->components != 1 && head->components != 3)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG of %u components", head->components);
    for (unsigned i = 0; i < head->components; i++) {
        head->id[i]      = iso_read_u8(&r);
        uint8_t sampling = iso_read_u8(&r);
        iso_skip(&r, 1);
        if (iso_reader_ok(&r) && ((sampling & 15) < 1 || (sampling & 15) > 4 ||
                                  (sampling >> 4) < 1 || (sampling >> 4) > 4))
            return iso_fail(err, ISO_EFORMAT, "JPEG sampling factors %02x", sampling);
    }
    if (!iso_reader_ok(&r) || head->rows == 0 || head->columns == 0)
        return iso_fail(err, ISO_EFORMAT, "the JPEG frame header is not complete");
    return ISO_OK;
}

/* The segments up to the first scan.   T.81 §B.1.1.2, §B.2.1 */
static int scan(iso_bytes in, struct head *out, struct iso_err *err)
{
    struct iso_reader r    = iso_reader_of(in);
    struct head       head = { .adobe = -1 };

    if (iso_read_u8(&r) != 0xff || iso_read_u8(&r) != SOI)
        return iso_fail(err, ISO_EFORMAT, "the frame is not a JPEG image");
    for (unsigned i = 0; i < MARKERS_MAX; i++) {
        uint8_t marker = iso_read_u8(&r);
        if (marker != 0xff)
            break;
        while (marker == 0xff && iso_left(&r) > 0) /* fill bytes */
            marker = iso_read_u8(&r);
        uint16_t length = iso_read_u16be(&r);
        if (length < 2)
            break;
        struct iso_reader body = iso_read_sub(&r, length - 2u);
        if (!iso_reader_ok(&r))
            break;
        if (marker == SOS && head.rows > 0) {
            *out = head;
            return ISO_OK;
        }
        if (marker == SOS || marker == EOI || marker == SOI)
            break;
        if (is_sof(marker)) {
            if (head.rows > 0)
                return iso_fail(err, ISO_EFORMAT, "a second JPEG frame header");
            int rc = read_frame_header(body, marker, &head, err);
            if (rc < 0)
                return rc;
        } else if (marker == APP0 && iso_left(&body) >= 5 && memcmp(body.ptr, "JFIF", 5) == 0) {
            head.jfif = true;
        } else if (marker == APP14 && iso_left(&body) >= ADOBE_BYTES &&
                   memcmp(body.ptr, "Adobe", 5) == 0) {
            head.adobe = body.ptr[ADOBE_BYTES - 1];
        }
    }
    return iso_fail(err, ISO_EFORMAT, "the JPEG image ends or breaks before its first scan");
}

/* Whose word counts for three components: Adobe's marker; component names R, G, B; the attributes
 * when they say RGB (streams without any marker, from devices that never convert); else YCbCr. A JFIF
 * marker does not: encoders write it whatever they do, and DCMTK too goes by the attributes. */
static enum codec_photometric colour_of(const struct head *head, const struct codec_image *a)
{
    if (head->components == 1)
        return a->photometric == CODEC_MONOCHROME1 || a->photometric == CODEC_PALETTE_COLOR
                   ? a->photometric
                   : CODEC_MONOCHROME2;
    if (head->adobe >= 0)
        return head->adobe == 0 ? CODEC_RGB : CODEC_YBR_FULL;
    if (head->id[0] == 'R' && head->id[1] == 'G' && head->id[2] == 'B')
        return CODEC_RGB;
    if (a->photometric == CODEC_RGB)
        return CODEC_RGB;
    return CODEC_YBR_FULL;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    struct head head;
    int         rc = scan(in, &head, err);

    (void)uid;
    if (rc < 0)
        return rc;
    *frame = (struct codec_image){
        .rows           = head.rows,
        .columns        = head.columns,
        .samples        = (uint16_t)head.components,
        .bits_allocated = 8,
        .bits_stored    = 8,
        .high_bit       = 7,
        .is_signed      = a->is_signed && a->bits_allocated == 8,
        .photometric    = colour_of(&head, a),
    };
    return ISO_OK;
}

/* ---- the library ---- */

struct session {
    struct jpeg_decompress_struct j; /* first: the library hands it back to us */
    struct jpeg_error_mgr         errors;
    struct jpeg_progress_mgr      progress;
    jmp_buf                       escape;
    struct iso_err               *err;
    int                           rc;
};

static void give_up(j_common_ptr j, int rc)
{
    struct session *s = (struct session *)(void *)j;
    char            text[JMSG_LENGTH_MAX];

    j->err->format_message(j, text);
    s->rc = iso_fail(s->err, rc, "JPEG: %s", text);
    longjmp(s->escape, 1);
}

static void on_error(j_common_ptr j)
{
    give_up(j, j->err->msg_code == JERR_OUT_OF_MEMORY ? ISO_ENOMEM : ISO_EFORMAT);
}

/* A stream that ends early must not become a picture with a grey half. */
static void on_message(j_common_ptr j, int level)
{
    if (level >= 0)
        return;
    j->err->num_warnings++;
    if (j->err->msg_code == JWRN_JPEG_EOF || j->err->num_warnings > WARNINGS_MAX)
        give_up(j, ISO_EFORMAT);
}

static void be_silent(j_common_ptr j)
{
    (void)j;
}

/* Empty scans cost a few bytes and a pass over the whole image each: no more than components. */
static void on_progress(j_common_ptr j)
{
    struct session *s = (struct session *)(void *)j;

    if (s->j.input_scan_number <= s->j.num_components)
        return;
    s->rc = iso_fail(s->err, ISO_ELIMIT, "JPEG: more scans than components");
    longjmp(s->escape, 1);
}

static void run(struct session *s, iso_bytes in, const struct codec_image *frame, uint8_t *out,
                size_t bytes)
{
    struct jpeg_decompress_struct *j      = &s->j;
    size_t                         stride = (size_t)frame->columns * frame->samples;

    if (setjmp(s->escape) != 0)
        return;
    jpeg_create_decompress(j);
    j->progress = &s->progress;
    /* Scans apart (not interleaved) make it keep all coefficients: two bytes a sample. */
    j->mem->max_memory_to_use = (long)(3 * bytes + WORK_BYTES_EXTRA);
    jpeg_mem_src(j, in.ptr, in.len);
    (void)jpeg_read_header(j, TRUE);
    if (j->image_width != frame->columns || j->image_height != frame->rows ||
        j->num_components != frame->samples || j->progressive_mode) {
        s->rc = iso_fail(s->err, ISO_EFORMAT, "JPEG: two frame headers that differ");
        return;
    }
    /* Components as they are: their colours are the caller's matter. */
    j->jpeg_color_space = frame->samples == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    j->out_color_space  = j->jpeg_color_space;
    j->dct_method       = JDCT_ISLOW; /* exact */
    (void)jpeg_start_decompress(j);
    while (j->output_scanline < j->output_height) {
        JSAMPROW row = out + stride * j->output_scanline;
        (void)jpeg_read_scanlines(j, &row, 1);
    }
    (void)jpeg_finish_decompress(j);
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct session s = { .err = err, .rc = ISO_OK };

    (void)uid;
    (void)a;
    s.j.err                     = jpeg_std_error(&s.errors);
    s.errors.error_exit         = on_error;
    s.errors.emit_message       = on_message;
    s.errors.output_message     = be_silent;
    s.progress.progress_monitor = on_progress;
    run(&s, in, frame, out, bytes);
    jpeg_destroy_decompress(&s.j);
    return s.rc;
}

const struct codec_family codec_jpeg = { .inspect = inspect, .decode = decode, .foreign = true };
