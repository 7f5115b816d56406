/* img_write_webp.c: still pictures by the encoder alone, moving ones by libwebpmux, which also puts a
 * colour profile into a file that is otherwise ready. */
#include "img_write_in.h"

#include <stdlib.h>
#include <string.h>

#include <webp/encode.h>
#include <webp/mux.h>

enum { STILL_METHOD = 2, FILM_METHOD = 0 }; /* 0 is quick, 6 is small */

static int failed(WebPEncodingError code, struct iso_err *err)
{
    if (code == VP8_ENC_ERROR_OUT_OF_MEMORY || code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (code == VP8_ENC_ERROR_USER_ABORT)
        return iso_fail(err, ISO_ELIMIT, "a WebP that is too large");
    return iso_fail(err, ISO_EIO, "WebP: error %d of the library", (int)code);
}

static int configure(const struct img_write_options *options, int method, WebPConfig *config,
                     struct iso_err *err)
{
    float quality = (float)(options->quality > 0 ? options->quality : 90);

    if (!WebPConfigPreset(config, WEBP_PRESET_PHOTO, quality))
        return iso_fail(err, ISO_EIO, "WebP: another version of the library");
    config->method = method;
    return ISO_OK;
}

/* The library's own picture, in its YUV. */
static int import(const struct img_picture *p, bool argb, WebPPicture *out, struct iso_err *err)
{
    size_t   count = (size_t)p->width * p->height;
    uint8_t *rgb   = NULL;
    bool     fine;

    if (p->width > IMG_WEBP_SIDE_MAX || p->height > IMG_WEBP_SIDE_MAX)
        return iso_fail(err, ISO_ELIMIT, "a WebP of %u x %u: %d a side at most", p->width,
                        p->height, IMG_WEBP_SIDE_MAX);
    if (!WebPPictureInit(out))
        return iso_fail(err, ISO_EIO, "WebP: another version of the library");
    out->width    = (int)p->width;
    out->height   = (int)p->height;
    out->use_argb = argb;
    if (p->channels == 1) {
        rgb = malloc(3 * count);
        if (rgb == NULL)
            return iso_fail(err, ISO_ENOMEM, "out of memory");
        for (size_t i = 0; i < count; i++)
            memset(rgb + 3 * i, p->pixels[i], 3);
    }
    fine = WebPPictureImportRGB(out, rgb != NULL ? rgb : p->pixels, (int)(3 * p->width));
    free(rgb);
    return fine ? ISO_OK : failed(out->error_code, err);
}

static int put(const uint8_t *data, size_t bytes, const WebPPicture *picture)
{
    return iso_buf_add(picture->custom_ptr, data, bytes) == ISO_OK;
}

/* Appends the file with a profile in it. */
static int with_profile(iso_bytes file, iso_bytes icc, struct iso_buf *out, struct iso_err *err)
{
    const WebPData image   = { file.ptr, file.len };
    const WebPData profile = { icc.ptr, icc.len };
    WebPData       made    = { 0 };
    WebPMux       *mux     = WebPMuxCreate(&image, 0);
    int            rc      = ISO_OK;

    if (mux == NULL || WebPMuxSetChunk(mux, "ICCP", &profile, 0) != WEBP_MUX_OK ||
        WebPMuxAssemble(mux, &made) != WEBP_MUX_OK)
        rc = iso_fail(err, ISO_EIO, "WebP: no profile can be put into it");
    else if (iso_buf_add(out, made.bytes, made.size) < 0)
        rc = iso_buf_check(out, err);
    WebPDataClear(&made);
    WebPMuxDelete(mux);
    return rc;
}

int img_webp_write(const struct img_picture *p, const struct img_write_options *options,
                   struct iso_buf *out, struct iso_err *err)
{
    struct iso_buf file;
    WebPConfig     config;
    WebPPicture    picture = { 0 };
    int            rc      = configure(options, STILL_METHOD, &config, err);

    iso_buf_init(&file, CODEC_FRAME_BYTES_MAX);
    if (rc == ISO_OK)
        rc = import(p, false, &picture, err);
    picture.writer     = put;
    picture.custom_ptr = &file;
    if (rc == ISO_OK && !WebPEncode(&config, &picture))
        rc = file.failed != ISO_OK ? iso_buf_check(&file, err) : failed(picture.error_code, err);
    WebPPictureFree(&picture);
    if (rc == ISO_OK && options->icc.len > 0)
        rc = with_profile(iso_buf_bytes(&file), options->icc, out, err);
    else if (rc == ISO_OK && iso_buf_add(out, file.ptr, file.len) < 0)
        rc = iso_buf_check(out, err);
    iso_buf_release(&file);
    return rc;
}

/* ---- moving ---- */

struct img_webp {
    WebPAnimEncoder         *encoder;
    WebPConfig               config;
    struct img_write_options options;
    int                      now_ms;
};

int img_webp_new(uint32_t width, uint32_t height, const struct img_write_options *options,
                 struct img_webp **out, struct iso_err *err)
{
    WebPAnimEncoderOptions how;
    struct img_webp       *w;
    int                    rc;

    if (width > IMG_WEBP_SIDE_MAX || height > IMG_WEBP_SIDE_MAX)
        return iso_fail(err, ISO_ELIMIT, "a WebP of %u x %u: %d a side at most", width, height,
                        IMG_WEBP_SIDE_MAX);
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    w->options = *options;
    rc         = configure(options, FILM_METHOD, &w->config, err);
    if (rc == ISO_OK && WebPAnimEncoderOptionsInit(&how))
        w->encoder = WebPAnimEncoderNew((int)width, (int)height, &how);
    if (w->encoder == NULL) {
        free(w);
        return rc < 0 ? rc : iso_fail(err, ISO_ENOMEM, "out of memory");
    }
    *out = w;
    return ISO_OK;
}

int img_webp_add(struct img_webp *w, const struct img_picture *p, unsigned duration_ms,
                 struct iso_err *err)
{
    WebPPicture picture = { 0 };
    int         rc      = import(p, true, &picture, err);

    if (rc == ISO_OK && !WebPAnimEncoderAdd(w->encoder, &picture, w->now_ms, &w->config))
        rc = iso_fail(err, ISO_EIO, "WebP: %s", WebPAnimEncoderGetError(w->encoder));
    WebPPictureFree(&picture);
    if (rc == ISO_OK)
        w->now_ms += (int)duration_ms;
    return rc;
}

int img_webp_end(struct img_webp *w, struct iso_buf *out, struct iso_err *err)
{
    WebPData made = { 0 };
    int      rc   = ISO_OK;

    if (!WebPAnimEncoderAdd(w->encoder, NULL, w->now_ms, NULL) ||
        !WebPAnimEncoderAssemble(w->encoder, &made))
        rc = iso_fail(err, ISO_EIO, "WebP: %s", WebPAnimEncoderGetError(w->encoder));
    else if (w->options.icc.len > 0)
        rc = with_profile(iso_bytes_of(made.bytes, made.size), w->options.icc, out, err);
    else if (iso_buf_add(out, made.bytes, made.size) < 0)
        rc = iso_buf_check(out, err);
    WebPDataClear(&made);
    return rc;
}

void img_webp_free(struct img_webp *w)
{
    if (w == NULL)
        return;
    WebPAnimEncoderDelete(w->encoder);
    free(w);
}
