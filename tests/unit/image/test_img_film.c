/* WebP and GIF, still and moving, read back by the libraries' own decoders. */
#include "test.h"

#include "img_write.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/mux.h>

enum { W = 40, H = 30 };

/* Every grey, or three colours in stripes. */
static struct img_picture picture(unsigned channels, unsigned shift)
{
    struct img_picture p = { W, H, channels, malloc((size_t)W * H * channels), false };

    assert_non_null(p.pixels);
    for (uint32_t i = 0; i < W * H; i++)
        for (unsigned c = 0; c < channels; c++)
            p.pixels[i * channels + c] = channels == 1    ? (uint8_t)(i + shift)
                                         : i / W % 3 == c ? 251
                                                          : (uint8_t)(shift * 3);
    return p;
}

struct reading {
    iso_bytes in;
    size_t    at;
};

static int take(GifFileType *file, GifByteType *to, int count)
{
    struct reading *r = file->UserData;
    size_t          n = r->in.len - r->at < (size_t)count ? r->in.len - r->at : (size_t)count;

    memcpy(to, r->in.ptr + r->at, n);
    r->at += n;
    return (int)n;
}

static GifFileType *gif_open(struct reading *r)
{
    int          code;
    GifFileType *file = DGifOpen(r, take, &code);

    assert_non_null(file);
    assert_int_equal(DGifSlurp(file), GIF_OK);
    assert_true(file->SWidth == W && file->SHeight == H);
    return file;
}

static void compare_gif(const SavedImage *image, const struct img_picture *p)
{
    for (size_t i = 0; i < W * H; i++) {
        GifColorType c = image->ImageDesc.ColorMap->Colors[image->RasterBits[i]];

        assert_int_equal(c.Red, p->pixels[i * p->channels]);
        assert_int_equal(c.Green, p->pixels[i * p->channels + (p->channels == 3)]);
        assert_int_equal(c.Blue, p->pixels[i * p->channels + (p->channels == 3 ? 2 : 0)]);
    }
}

static void gif_of_few_colours_is_exact(void **state)
{
    const struct img_write_options options = { 0 };

    (void)state;
    for (unsigned channels = 1; channels <= 3; channels += 2) {
        struct img_picture p   = picture(channels, 3);
        struct iso_err     err = { 0 };
        struct iso_buf     out;
        int                code;

        iso_buf_init(&out, 1 << 20);
        assert_int_equal(img_write(IMG_GIF, &p, &options, &out, &err), ISO_OK);
        struct reading r    = { iso_buf_bytes(&out), 0 };
        GifFileType   *file = gif_open(&r);
        assert_int_equal(file->ImageCount, 1);
        compare_gif(&file->SavedImages[0], &p);
        DGifCloseFile(file, &code);
        iso_buf_release(&out);
        img_picture_release(&p);
    }
}

/* 90,000 colours at once: none is far from what it was. */
static void gif_of_many_colours_is_near(void **state)
{
    const struct img_write_options options = { 0 };
    struct img_picture             p       = { 300, 300, 3, malloc((size_t)300 * 300 * 3), false };
    struct iso_err                 err     = { 0 };
    struct iso_buf                 out;
    int                            code;

    (void)state;
    assert_non_null(p.pixels);
    for (uint32_t y = 0; y < 300; y++)
        for (uint32_t x = 0; x < 300; x++) {
            p.pixels[(y * 300 + x) * 3]     = (uint8_t)(x * 255 / 299);
            p.pixels[(y * 300 + x) * 3 + 1] = (uint8_t)(y * 255 / 299);
            p.pixels[(y * 300 + x) * 3 + 2] = 77;
        }
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(img_write(IMG_GIF, &p, &options, &out, &err), ISO_OK);
    struct reading r    = { iso_buf_bytes(&out), 0 };
    GifFileType   *file = DGifOpen(&r, take, &code);
    assert_non_null(file);
    assert_int_equal(DGifSlurp(file), GIF_OK);
    for (size_t i = 0; i < 300 * 300; i++) {
        GifColorType c =
            file->SavedImages[0].ImageDesc.ColorMap->Colors[file->SavedImages[0].RasterBits[i]];
        assert_true(abs((int)c.Red - p.pixels[3 * i]) <= 24);
        assert_true(abs((int)c.Green - p.pixels[3 * i + 1]) <= 24);
        assert_true(abs((int)c.Blue - p.pixels[3 * i + 2]) <= 4);
    }
    DGifCloseFile(file, &code);
    iso_buf_release(&out);
    img_picture_release(&p);
}

static void film_of(enum img_format format, struct iso_buf *out)
{
    const struct img_write_options options = { .quality = 80 };
    struct img_film               *film;
    struct iso_err                 err   = { 0 };
    struct img_picture             small = { 1, 1, 1, (uint8_t[]){ 7 }, false };

    assert_int_equal(img_film_new(format, &options, &film, &err), ISO_OK);
    assert_int_equal(img_film_end(film, out, &err), ISO_EINVAL);
    for (unsigned i = 0; i < 3; i++) {
        struct img_picture p = picture(i == 1 ? 3 : 1, i * 50);
        assert_int_equal(img_film_add(film, &p, 120, &err), ISO_OK);
        img_picture_release(&p);
    }
    assert_int_equal(img_film_add(film, &small, 120, &err), ISO_EINVAL);
    assert_int_equal(img_film_end(film, out, &err), ISO_OK);
    img_film_free(film);
}

static void moving_gif(void **state)
{
    struct iso_buf out;
    int            code;

    (void)state;
    iso_buf_init(&out, 1 << 20);
    film_of(IMG_GIF, &out);
    struct reading r    = { iso_buf_bytes(&out), 0 };
    GifFileType   *file = gif_open(&r);
    assert_int_equal(file->ImageCount, 3);
    for (int i = 0; i < 3; i++) {
        struct img_picture   p = picture(i == 1 ? 3 : 1, (unsigned)i * 50);
        GraphicsControlBlock control;

        assert_int_equal(DGifSavedExtensionToGCB(file, i, &control), GIF_OK);
        assert_int_equal(control.DelayTime, 12);
        compare_gif(&file->SavedImages[i], &p);
        img_picture_release(&p);
    }
    DGifCloseFile(file, &code);
    iso_buf_release(&out);
}

static void webp_is_near(void **state)
{
    const struct img_write_options options = { .quality = 95,
                                               .icc     = { (const uint8_t *)"profile", 7 } };

    (void)state;
    for (unsigned channels = 1; channels <= 3; channels += 2) {
        struct img_picture p   = picture(channels, 3);
        struct iso_err     err = { 0 };
        struct iso_buf     out;
        WebPData           chunk;
        int                width, height;
        long               off = 0;

        for (uint32_t i = 0; i < W * H * channels; i++) /* not too steep */
            p.pixels[i] = (uint8_t)(i / channels % W * (5 - i % channels));
        iso_buf_init(&out, 1 << 20);
        assert_int_equal(img_write(IMG_WEBP, &p, &options, &out, &err), ISO_OK);
        uint8_t *back = WebPDecodeRGB(out.ptr, out.len, &width, &height);
        assert_true(back != NULL && width == W && height == H);
        for (size_t i = 0; i < W * H * 3; i++)
            off += labs((long)back[i] - p.pixels[channels == 3 ? i : i / 3]);
        assert_true(off / (W * H * 3) <= 3);
        WebPFree(back);
        WebPMux *mux = WebPMuxCreate(&(WebPData){ out.ptr, out.len }, 0);
        assert_int_equal(WebPMuxGetChunk(mux, "ICCP", &chunk), WEBP_MUX_OK);
        assert_int_equal(chunk.size, 7);
        WebPMuxDelete(mux);
        iso_buf_release(&out);
        img_picture_release(&p);
    }
}

static void moving_webp(void **state)
{
    struct iso_buf out;
    int            frames = 0;

    (void)state;
    iso_buf_init(&out, 1 << 20);
    film_of(IMG_WEBP, &out);
    WebPMux *mux = WebPMuxCreate(&(WebPData){ out.ptr, out.len }, 0);
    assert_non_null(mux);
    assert_int_equal(WebPMuxNumChunks(mux, WEBP_CHUNK_ANMF, &frames), WEBP_MUX_OK);
    assert_int_equal(frames, 3);
    WebPMuxDelete(mux);
    iso_buf_release(&out);
}

static void too_large(void **state)
{
    const struct img_write_options options = { 0 };
    struct img_picture             wide    = { IMG_WEBP_SIDE_MAX + 1, 1, 1, NULL, false };
    struct img_film               *film;
    struct iso_err                 err = { 0 };
    struct iso_buf                 out;

    (void)state;
    wide.pixels = calloc(IMG_WEBP_SIDE_MAX + 1, 1);
    assert_non_null(wide.pixels);
    iso_buf_init(&out, 100);
    assert_int_equal(img_write(IMG_WEBP, &wide, &options, &out, &err), ISO_ELIMIT);
    assert_int_equal(img_write(IMG_GIF, &wide, &options, &out, &err), ISO_ELIMIT); /* of out */
    assert_int_equal(img_film_new(IMG_PNG, &options, &film, &err), ISO_EINVAL);
    iso_buf_release(&out);
    img_picture_release(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gif_of_few_colours_is_exact),
        cmocka_unit_test(gif_of_many_colours_is_near),
        cmocka_unit_test(moving_gif),
        cmocka_unit_test(webp_is_near),
        cmocka_unit_test(moving_webp),
        cmocka_unit_test(too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
