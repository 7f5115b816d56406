/* img_write.c: pictures as JPEG and PNG. Both libraries report failures by longjmp to us, and write
 * into an iso_buf, whose ceiling holds. */
#include "img_write_in.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

enum { CHUNK = 16 << 10 };

/* ---- JPEG ---- */

struct jpeg_session {
    struct jpeg_compress_struct j; /* first: the library hands it back to us */
    struct jpeg_error_mgr       errors;
    struct jpeg_destination_mgr destination;
    jmp_buf                     escape;
    struct iso_buf             *out;
    struct iso_err             *err;
    int                         rc;
    JOCTET                      chunk[CHUNK];
};

static void jpeg_failed(j_common_ptr j)
{
    struct jpeg_session *s = (struct jpeg_session *)(void *)j;
    char                 text[JMSG_LENGTH_MAX];

    j->err->format_message(j, text);
    s->rc = iso_fail(s->err, ISO_EIO, "JPEG: %s", text);
    longjmp(s->escape, 1);
}

static void jpeg_silent(j_common_ptr j)
{
    (void)j;
}

static void jpeg_begin(j_compress_ptr j)
{
    struct jpeg_session *s          = (struct jpeg_session *)(void *)j;
    s->destination.next_output_byte = s->chunk;
    s->destination.free_in_buffer   = sizeof s->chunk;
}

static void jpeg_put(struct jpeg_session *s, size_t bytes)
{
    if (iso_buf_add(s->out, s->chunk, bytes) < 0) {
        s->rc = iso_buf_check(s->out, s->err);
        longjmp(s->escape, 1);
    }
}

static boolean jpeg_full(j_compress_ptr j)
{
    jpeg_put((struct jpeg_session *)(void *)j, CHUNK);
    jpeg_begin(j);
    return TRUE;
}

static void jpeg_end(j_compress_ptr j)
{
    struct jpeg_session *s = (struct jpeg_session *)(void *)j;
    jpeg_put(s, sizeof s->chunk - s->destination.free_in_buffer);
}

static void jpeg_run(struct jpeg_session *s, const struct img_picture *p, unsigned quality,
                     iso_bytes icc)
{
    struct jpeg_compress_struct *j      = &s->j;
    size_t                       stride = (size_t)p->width * p->channels;

    if (setjmp(s->escape) != 0)
        return;
    jpeg_create_compress(j);
    j->dest             = &s->destination;
    j->image_width      = p->width;
    j->image_height     = p->height;
    j->input_components = (int)p->channels;
    j->in_color_space   = p->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(j);
    jpeg_set_quality(j, (int)quality, TRUE);
    j->optimize_coding = TRUE;
    if (quality >= 90 && p->channels == 3)
        j->comp_info[0].h_samp_factor = j->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(j, TRUE);
    if (icc.len > 0)
        jpeg_write_icc_profile(j, icc.ptr, (unsigned)icc.len);
    while (j->next_scanline < j->image_height) {
        JSAMPROW row = p->pixels + stride * j->next_scanline;
        (void)jpeg_write_scanlines(j, &row, 1);
    }
    jpeg_finish_compress(j);
}

static int jpeg_write(const struct img_picture *picture, unsigned quality, iso_bytes icc,
                      struct iso_buf *out, struct iso_err *err)
{
    struct jpeg_session s;

    s.out                   = out;
    s.err                   = err;
    s.rc                    = ISO_OK;
    s.j                     = (struct jpeg_compress_struct){ .err = jpeg_std_error(&s.errors) };
    s.errors.error_exit     = jpeg_failed;
    s.errors.output_message = jpeg_silent;
    s.destination           = (struct jpeg_destination_mgr){ .init_destination    = jpeg_begin,
                                                             .empty_output_buffer = jpeg_full,
                                                             .term_destination    = jpeg_end };
    jpeg_run(&s, picture, quality, icc);
    jpeg_destroy_compress(&s.j);
    return s.rc;
}

/* ---- PNG ---- */

struct png_session {
    struct iso_buf *out;
    struct iso_err *err;
    int             rc;
};

static _Noreturn void png_failed(png_structp png, png_const_charp text)
{
    struct png_session *s = png_get_error_ptr(png);

    if (s->rc == ISO_OK)
        s->rc = iso_fail(s->err, ISO_EIO, "PNG: %s", text);
    png_longjmp(png, 1);
}

static void png_silent(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void png_put(png_structp png, png_bytep data, png_size_t bytes)
{
    struct png_session *s = png_get_io_ptr(png);

    if (iso_buf_add(s->out, data, bytes) < 0) {
        s->rc = iso_buf_check(s->out, s->err);
        png_error(png, "output");
    }
}

static void png_flushed(png_structp png)
{
    (void)png;
}

static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

static void png_run(png_structp png, png_infop info, struct png_session *s,
                    const struct img_picture *p, iso_bytes icc)
{
    size_t stride = p->width * img_pixel_bytes(p);

    if (setjmp(png_jmpbuf(png)) != 0)
        return;
    png_set_write_fn(png, s, png_put, png_flushed);
    png_set_compression_level(png, 3); /* a third of the time for a few per cent */
    png_set_IHDR(png, info, p->width, p->height, p->deep ? 16 : 8,
                 p->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_benign_errors(png, 1); /* a profile that it does not like is left out */
    if (icc.len > 0)
        png_set_iCCP(png, info, "icc", PNG_COMPRESSION_TYPE_BASE, icc.ptr, (png_uint_32)icc.len);
    png_write_info(png, info);
    if (p->deep && little_endian())
        png_set_swap(png);
    for (uint32_t y = 0; y < p->height; y++)
        png_write_row(png, p->pixels + stride * y);
    png_write_end(png, NULL);
}

static int png_write(const struct img_picture *picture, iso_bytes icc, struct iso_buf *out,
                     struct iso_err *err)
{
    struct png_session s = { out, err, ISO_OK };
    png_structp png  = png_create_write_struct(PNG_LIBPNG_VER_STRING, &s, png_failed, png_silent);
    png_infop   info = png != NULL ? png_create_info_struct(png) : NULL;

    if (info == NULL)
        s.rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    else
        png_run(png, info, &s, picture, icc);
    png_destroy_write_struct(&png, &info);
    return s.rc;
}

/* ---- any of them ---- */

int img_write_jpeg(const struct img_picture *picture, unsigned quality, struct iso_buf *out,
                   struct iso_err *err)
{
    const struct img_write_options options = { .quality = quality };
    return img_write(IMG_JPEG, picture, &options, out, err);
}

int img_write_png(const struct img_picture *picture, struct iso_buf *out, struct iso_err *err)
{
    const struct img_write_options options = { 0 };
    return img_write(IMG_PNG, picture, &options, out, err);
}

static int write_gif(const struct img_picture *picture, struct iso_buf *out, struct iso_err *err)
{
    struct img_gif *gif = NULL;
    int             rc  = img_gif_new(picture->width, picture->height, &gif, err);

    if (rc == ISO_OK)
        rc = img_gif_add(gif, picture, 0, err);
    if (rc == ISO_OK)
        rc = img_gif_end(gif, out, err);
    img_gif_free(gif);
    return rc;
}

/* What all but PNG can show of a deep picture. */
static int shallow_copy(const struct img_picture *in, struct img_picture *out, struct iso_err *err)
{
    size_t bytes = (size_t)in->width * in->height * img_pixel_bytes(in);

    *out        = *in;
    out->pixels = malloc(bytes);
    if (out->pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    memcpy(out->pixels, in->pixels, bytes);
    img_picture_shallow(out);
    return ISO_OK;
}

int img_write(enum img_format format, const struct img_picture *picture,
              const struct img_write_options *options, struct iso_buf *out, struct iso_err *err)
{
    const iso_bytes    none = { 0 };
    iso_bytes          icc  = picture->channels == 3 ? options->icc : none;
    struct img_picture copy = { 0 };
    int                rc   = ISO_OK;

    if (format == IMG_PNG)
        return png_write(picture, icc, out, err);
    if (picture->deep) {
        rc      = shallow_copy(picture, &copy, err);
        picture = &copy;
    }
    if (rc == ISO_OK && format == IMG_JPEG)
        rc = jpeg_write(picture, options->quality > 0 ? options->quality : 90, icc, out, err);
    else if (rc == ISO_OK && format == IMG_WEBP)
        rc = img_webp_write(picture, options, out, err);
    else if (rc == ISO_OK)
        rc = write_gif(picture, out, err);
    img_picture_release(&copy);
    return rc;
}
