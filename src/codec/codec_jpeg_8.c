/* codec_jpeg_8.c: 8-bit JPEG by libjpeg-turbo, sequential and progressive.   ITU-T T.81
 * It meets only what our own scan of the markers let through: a frame header of 8 bits and 1 or 3
 * components, of a size that was checked. Its errors come back by longjmp to where it was called; its
 * memory has a ceiling, and so has the number of scans: each is a pass over the whole image, for a few
 * bytes. */
#include "codec_jpeg_in.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    WARNINGS_MAX     = 10000,
    SCANS_MAX        = 64,       /* of a progressive image; writers make about ten */
    WORK_BYTES_EXTRA = 16 << 20, /* the library's memory beyond the coefficients */
    ROOM_BYTES       = 4096
};

struct session {
    union { /* first: the library hands it back to us */
        struct jpeg_decompress_struct in;
        struct jpeg_compress_struct   out;
    } j;
    struct jpeg_error_mgr       errors;
    struct jpeg_progress_mgr    progress;
    jmp_buf                     escape;
    struct iso_err             *err;
    int                         rc;
    bool                        whole;     /* all scans are read before the first row comes */
    bool                        broken;    /* data that is not there, or cannot be right */
    uint32_t                    rows_good; /* until then */
    struct jpeg_destination_mgr target;
    struct iso_buf             *out; /* of target */
    JOCTET                      room[ROOM_BYTES];
};

static struct session *session_of(j_common_ptr j)
{
    return (struct session *)(void *)j;
}

static void tell(j_common_ptr j, int rc)
{
    struct session *s = session_of(j);
    char            text[JMSG_LENGTH_MAX];

    j->err->format_message(j, text);
    s->rc = iso_fail(s->err, rc, "JPEG: %s", text);
}

static void on_error(j_common_ptr j)
{
    int code = j->err->msg_code;

    tell(j, code == JERR_OUT_OF_MEMORY      ? ISO_ENOMEM
            : code == JERR_NO_BACKING_STORE ? ISO_ELIMIT
                                            : ISO_EFORMAT);
    longjmp(session_of(j)->escape, 1);
}

/* It goes on after what it can make something of; whether that was the picture, we decide. A stream
 * that only lacks its end marker has all its pixels, but for one whose scans build on each other. */
static void on_message(j_common_ptr j, int level)
{
    struct session *s    = session_of(j);
    int             code = j->err->msg_code;

    if (level >= 0)
        return;
    if (++j->err->num_warnings > WARNINGS_MAX) {
        tell(j, ISO_EFORMAT);
        longjmp(s->escape, 1);
    }
    bool at_end = code == JWRN_JPEG_EOF && s->j.in.progressive_mode;
    if (!s->broken && (at_end || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                       code == JWRN_MUST_RESYNC || code == JWRN_BOGUS_PROGRESSION)) {
        tell(j, ISO_EFORMAT);
        s->broken    = true;
        s->rows_good = s->j.in.output_scanline;
    }
}

static void be_silent(j_common_ptr j)
{
    (void)j;
}

static void on_progress(j_common_ptr j)
{
    struct session                *s  = session_of(j);
    struct jpeg_decompress_struct *in = &s->j.in;

    if (in->input_scan_number <= (in->progressive_mode ? SCANS_MAX : in->num_components))
        return;
    s->rc = iso_fail(s->err, ISO_ELIMIT, "JPEG: %d scans", in->input_scan_number);
    longjmp(s->escape, 1);
}

static void session_begin(struct session *s)
{
    jpeg_std_error(&s->errors);
    s->errors.error_exit         = on_error;
    s->errors.emit_message       = on_message;
    s->errors.output_message     = be_silent;
    s->progress.progress_monitor = on_progress;
    s->j.in.err                  = &s->errors; /* in out too: the common part */
}

/* ---- decoding ---- */

static void read_image(struct session *s, iso_bytes in, const struct codec_image *frame,
                       uint8_t *out, size_t bytes)
{
    struct jpeg_decompress_struct *j      = &s->j.in;
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
        j->num_components != frame->samples) {
        s->rc = iso_fail(s->err, ISO_EFORMAT, "JPEG: two frame headers that differ");
        return;
    }
    /* Components as they are: their colours are the caller's matter. */
    j->jpeg_color_space = frame->samples == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    j->out_color_space  = j->jpeg_color_space;
    j->dct_method       = JDCT_ISLOW; /* exact */
    (void)jpeg_start_decompress(j);
    s->whole = jpeg_has_multiple_scans(j);
    for (int i = 0; i < j->num_components && !s->broken; i++) {
        if (j->comp_info[i].component_needed && j->comp_info[i].quant_table == NULL) {
            s->rc     = iso_fail(s->err, ISO_EFORMAT, "JPEG ends before its last scan");
            s->broken = true;
        }
    }
    while (j->output_scanline < j->output_height) {
        JSAMPROW row = out + stride * j->output_scanline;
        (void)jpeg_read_scanlines(j, &row, 1);
    }
}

int jpeg_8_decode(iso_bytes in, struct codec_image *frame, uint8_t *out, size_t bytes,
                  struct iso_err *err)
{
    struct session s = { .err = err, .rc = ISO_OK };

    session_begin(&s);
    read_image(&s, in, frame, out, bytes);
    uint32_t rows = s.j.in.output_scanline;
    if (s.broken && !s.whole)
        rows = s.rows_good;
    jpeg_destroy_decompress(&s.j.in);
    if (s.rc == ISO_EFORMAT && rows > 0) {
        size_t done    = (size_t)rows * frame->columns * frame->samples;
        frame->damaged = true;
        memset(out + done, 0, bytes - done);
    }
    return s.rc;
}

/* ---- encoding ---- */

/* The buffer's failure is sticky: the library need not know. */
static void on_room(j_compress_ptr j)
{
    struct session *s = session_of((j_common_ptr)j);

    s->target.next_output_byte = s->room;
    s->target.free_in_buffer   = sizeof s->room;
}

static boolean on_full(j_compress_ptr j)
{
    struct session *s = session_of((j_common_ptr)j);

    (void)iso_buf_add(s->out, s->room, sizeof s->room);
    on_room(j);
    return TRUE;
}

static void on_end(j_compress_ptr j)
{
    struct session *s = session_of((j_common_ptr)j);

    (void)iso_buf_add(s->out, s->room, sizeof s->room - s->target.free_in_buffer);
}

static void write_image(struct session *s, const struct codec_image *frame, const uint8_t *pixels,
                        unsigned quality, bool halved)
{
    struct jpeg_compress_struct *j      = &s->j.out;
    size_t                       stride = (size_t)frame->columns * frame->samples;

    if (setjmp(s->escape) != 0)
        return;
    jpeg_create_compress(j);
    j->dest             = &s->target;
    j->image_width      = frame->columns;
    j->image_height     = frame->rows;
    j->input_components = frame->samples;
    j->in_color_space   = frame->samples == 1               ? JCS_GRAYSCALE
                          : frame->photometric == CODEC_RGB ? JCS_RGB
                                                            : JCS_YCbCr;
    jpeg_set_defaults(j);
    jpeg_set_quality(j, (int)quality, TRUE);
    j->dct_method                 = JDCT_ISLOW;
    j->optimize_coding            = TRUE;
    j->comp_info[0].h_samp_factor = halved ? 2 : 1;
    j->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(j, TRUE);
    while (j->next_scanline < j->image_height) {
        /* The library takes rows as not const, and leaves them alone. */
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + stride * j->next_scanline);
        (void)jpeg_write_scanlines(j, &row, 1);
    }
    jpeg_finish_compress(j);
}

int jpeg_8_encode(const struct codec_image *frame, iso_bytes pixels, unsigned quality, bool halved,
                  struct iso_buf *out, struct iso_err *err)
{
    struct session s = {
        .err    = err,
        .rc     = ISO_OK,
        .out    = out,
        .target = { .init_destination    = on_room,
                    .empty_output_buffer = on_full,
                    .term_destination    = on_end },
    };

    session_begin(&s);
    write_image(&s, frame, pixels.ptr, quality, halved);
    jpeg_destroy_compress(&s.j.out);
    return s.rc == ISO_OK ? iso_buf_check(out, err) : s.rc;
}
