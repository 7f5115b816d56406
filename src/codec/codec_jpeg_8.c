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
    SCANS_MAX        = 64,      /* of a progressive image; writers make about ten */
    WORK_BYTES_EXTRA = 16 << 20 /* the library's memory beyond the coefficients */
};

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

static void on_progress(j_common_ptr j)
{
    struct session *s = (struct session *)(void *)j;

    if (s->j.input_scan_number <= (s->j.progressive_mode ? SCANS_MAX : s->j.num_components))
        return;
    s->rc = iso_fail(s->err, ISO_ELIMIT, "JPEG: %d scans", s->j.input_scan_number);
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
        j->num_components != frame->samples) {
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

int jpeg_8_decode(iso_bytes in, const struct jpeg_head *head, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct session s = { .err = err, .rc = ISO_OK };

    (void)head;
    s.j.err                     = jpeg_std_error(&s.errors);
    s.errors.error_exit         = on_error;
    s.errors.emit_message       = on_message;
    s.errors.output_message     = be_silent;
    s.progress.progress_monitor = on_progress;
    run(&s, in, frame, out, bytes);
    jpeg_destroy_decompress(&s.j);
    return s.rc;
}
