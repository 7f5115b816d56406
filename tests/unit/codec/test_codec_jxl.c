/* JPEG XL, there and back, broken, and JPEG inside it.   ISO/IEC 18181, PS3.5 §8.2.15 */
#include "test.h"

#include "codec_pictures.h"
#include "samples.h"

#include <jxl/encode.h>

static const iso_str LOSSLESS = { "1.2.840.10008.1.2.4.110", 23 };
static const iso_str OF_JPEG  = { "1.2.840.10008.1.2.4.111", 23 };
static const iso_str LOSSY    = { "1.2.840.10008.1.2.4.112", 23 };
static const iso_str BASELINE = { "1.2.840.10008.1.2.4.50", 22 };

static void lossless_is_the_identity(void **state)
{
    static const uint16_t sizes[][2] = { { 1, 1 }, { 1, 37 }, { 29, 1 }, { 3, 5 }, { 21, 33 } };
    static const uint16_t depths[]   = { 1, 2, 7, 8, 9, 12, 15, 16 };
    uint32_t              number     = 0;

    (void)state;
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (size_t n = 0; n < 5 * 2 * 2 * PICTURE_COUNT; n++) {
            struct codec_image frame,
                image =
                    picture_image(sizes[n % 5][0], sizes[n % 5][1], (uint16_t)(n / 5 % 2 * 2 + 1),
                                  depths[d] > 8 ? 16 : 8, depths[d], n / 10 % 2 == 1);
            uint8_t *pixels = picture_new(&image, (enum picture)(n / 20), number++);
            size_t   coded;
            uint8_t *back = picture_there_and_back(LOSSLESS, &image, pixels, NULL, &frame, &coded);
            assert_non_null(back);
            assert_memory_equal(back, pixels, picture_bytes(&image));
            assert_int_equal(frame.bits_allocated, image.bits_allocated);
            assert_int_equal(frame.bits_stored, image.bits_stored);
            assert_int_equal(frame.is_signed, image.is_signed);
            assert_int_equal(coded % 2, 0);
            free(back);
            free(pixels);
        }
    assert_true(number > 900);
}

/* A lossless image of that many bits, as others make them: every value there is. */
static size_t all_values(unsigned bits, uint8_t *to, size_t cap)
{
    static uint16_t          pixels[256 * 256];
    JxlEncoder              *encoder  = JxlEncoderCreate(NULL);
    JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);
    JxlPixelFormat           format   = { 1, JXL_TYPE_UINT16, JXL_LITTLE_ENDIAN, 0 };
    unsigned                 max      = (1u << bits) - 1;
    uint8_t                 *next     = to;
    size_t                   left     = cap;
    JxlColorEncoding         grey;
    JxlBasicInfo             info;

    for (unsigned i = 0; i < 256 * 256; i++)
        pixels[i] = (uint16_t)(((i & max) * UINT16_MAX + max / 2) / max);
    JxlEncoderInitBasicInfo(&info);
    info.xsize = info.ysize    = 256;
    info.bits_per_sample       = bits;
    info.num_color_channels    = 1;
    info.uses_original_profile = JXL_TRUE;
    JxlColorEncodingSetToSRGB(&grey, JXL_TRUE);
    assert_int_equal(JxlEncoderSetCodestreamLevel(encoder, 10), JXL_ENC_SUCCESS);
    assert_int_equal(JxlEncoderSetBasicInfo(encoder, &info), JXL_ENC_SUCCESS);
    assert_int_equal(JxlEncoderSetColorEncoding(encoder, &grey), JXL_ENC_SUCCESS);
    assert_int_equal(JxlEncoderSetFrameLossless(settings, JXL_TRUE), JXL_ENC_SUCCESS);
    assert_int_equal(JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT, 3),
                     JXL_ENC_SUCCESS);
    assert_int_equal(JxlEncoderAddImageFrame(settings, &format, pixels, sizeof pixels),
                     JXL_ENC_SUCCESS);
    JxlEncoderCloseInput(encoder);
    assert_int_equal(JxlEncoderProcessOutput(encoder, &next, &left), JXL_ENC_SUCCESS);
    JxlEncoderDestroy(encoder);
    return cap - left;
}

static void other_depths_are_exact(void **state)
{
    static uint8_t coded[1 << 20], out[2 * 256 * 256];

    (void)state;
    for (unsigned bits = 1; bits <= 16; bits++) {
        struct codec_image a   = picture_image(256, 256, 1, 16, 16, false), frame;
        struct iso_err     err = { 0 };
        size_t             n   = all_values(bits, coded, sizeof coded);
        assert_int_equal(
            codec_decode(NULL, LOSSLESS, iso_bytes_of(coded, n), &a, &frame, out, sizeof out, &err),
            ISO_OK);
        assert_int_equal(frame.bits_stored, bits);
        for (size_t i = 0; i < 256 * 256; i++)
            assert_int_equal(iso_u16le(out + 2 * i), i & ((1u << bits) - 1));
    }
}

static void lossy_is_close(void **state)
{
    static const uint16_t depths[] = { 8, 12, 16 };

    (void)state;
    for (size_t d = 0; d < 3; d++)
        for (uint16_t samples = 1; samples <= 3; samples += 2) {
            struct codec_image frame,
                image = picture_image(90, 70, samples, d > 0 ? 16 : 8, depths[d], false);
            struct codec_options options = { .quality = 95 };
            size_t               bytes = picture_bytes(&image), unit = codec_sample_bytes(&image);
            uint8_t             *pixels = malloc(bytes);
            size_t               coded;
            int32_t              top = (1 << depths[d]) - 1, worst = 0;
            for (size_t i = 0; i < bytes / unit; i++) { /* a soft slope */
                size_t   x = i / samples % 70, y = i / samples / 70;
                uint32_t v       = (uint32_t)((unsigned)top * (100 + x + y) / 300);
                pixels[unit * i] = (uint8_t)v;
                if (unit == 2)
                    pixels[2 * i + 1] = (uint8_t)(v >> 8);
            }
            uint8_t *back = picture_there_and_back(LOSSY, &image, pixels, &options, &frame, &coded);
            assert_non_null(back);
            assert_int_equal(frame.bits_stored, depths[d]);
            for (size_t i = 0; i < bytes / unit; i++) {
                int32_t off = picture_value(&image, pixels, i) - picture_value(&image, back, i);
                worst       = abs(off) > worst ? abs(off) : worst;
            }
            assert_in_range(worst, 1, (unsigned)top / 40);
            assert_in_range(coded, 1, bytes / 4);
            free(back);
            free(pixels);
        }
}

static void what_it_does_not_take(void **state)
{
    struct codec_image image = picture_image(4, 4, 1, 16, 16, true), described;
    struct iso_err     err   = { 0 };

    (void)state;
    assert_int_equal(codec_encoded(LOSSLESS, &image, NULL, &described, &err), ISO_OK);
    assert_int_equal(codec_encoded(LOSSY, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    assert_int_equal(codec_encoded(OF_JPEG, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image.bits_allocated = image.bits_stored = 32;
    assert_int_equal(codec_encoded(LOSSLESS, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image             = picture_image(4, 4, 3, 8, 8, false);
    image.photometric = CODEC_YBR_FULL;
    assert_int_equal(codec_encoded(LOSSLESS, &image, NULL, &described, &err), ISO_OK);
    assert_int_equal(described.photometric, CODEC_YBR_FULL);
    assert_int_equal(codec_encoded(LOSSY, &image, NULL, &described, &err), ISO_OK);
    assert_int_equal(described.photometric, CODEC_RGB);
}

/* From memory of exactly that size. */
static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t cap)
{
    struct iso_err err  = { 0 };
    uint8_t       *copy = malloc(in.len + 1);

    assert_non_null(copy);
    memcpy(copy, in.ptr, in.len);
    int rc = codec_decode(NULL, uid, iso_bytes_of(copy, in.len), a, frame, out, cap, &err);
    free(copy);
    return rc;
}

static void check_prefixes(uint32_t side, uint16_t bits, size_t step, size_t *looks)
{
    struct codec_image image  = picture_image(side, side, 1, bits, bits, false), frame;
    uint8_t           *pixels = picture_new(&image, PICTURE_SMOOTH, 1);
    size_t             bytes  = picture_bytes(&image);
    uint8_t           *out    = malloc(bytes);
    struct iso_err     err    = { 0 };
    struct iso_buf     buf;

    iso_buf_init(&buf, 4 << 20);
    assert_int_equal(
        codec_encode(NULL, LOSSLESS, &image, iso_bytes_of(pixels, bytes), NULL, &buf, &err),
        ISO_OK);
    for (size_t n = 0; n + 4 < buf.len; n += step) {
        memset(out, 0xaa, bytes);
        frame.damaged = false;
        assert_int_equal(decode(LOSSLESS, iso_bytes_of(buf.ptr, n), &image, &frame, out, bytes),
                         ISO_EFORMAT);
        if (frame.damaged)
            ++*looks;
    }
    assert_int_equal(decode(LOSSLESS, iso_buf_bytes(&buf), &image, &frame, out, bytes), ISO_OK);
    assert_memory_equal(out, pixels, bytes);
    iso_buf_release(&buf);
    free(out);
    free(pixels);
}

static void every_prefix_is_an_error(void **state)
{
    size_t looks = 0;

    (void)state;
    check_prefixes(12, 8, 1, &looks);
    check_prefixes(12, 16, 1, &looks); /* in a container */
    check_prefixes(600, 8, 9973, &looks);
    assert_true(looks > 0); /* several groups: those that are there can be seen */
}

static void broken_in_the_middle(void **state) /* what is before can be seen */
{
    struct codec_image image  = picture_image(600, 600, 1, 8, 8, false), frame;
    uint8_t           *pixels = picture_new(&image, PICTURE_SMOOTH, 1);
    size_t             bytes = picture_bytes(&image), same = 0;
    uint8_t           *out = malloc(bytes);
    struct iso_err     err = { 0 };
    struct iso_buf     buf;

    (void)state;
    iso_buf_init(&buf, 4 << 20);
    assert_int_equal(
        codec_encode(NULL, LOSSLESS, &image, iso_bytes_of(pixels, bytes), NULL, &buf, &err),
        ISO_OK);
    memset(buf.ptr + buf.len * 7 / 8, 0xff, buf.len / 16);
    assert_int_equal(decode(LOSSLESS, iso_buf_bytes(&buf), &image, &frame, out, bytes),
                     ISO_EFORMAT);
    assert_true(frame.damaged);
    for (size_t i = 0; i < bytes; i++)
        same += out[i] == pixels[i];
    assert_in_range(same, bytes / 4, bytes - 1);
    iso_buf_release(&buf);
    free(out);
    free(pixels);
}

/* ---- heads ---- */

struct writer {
    uint8_t bytes[32];
    size_t  at;
};

static void put(struct writer *w, uint32_t v, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++, w->at++)
        w->bytes[w->at / 8] |= (uint8_t)((v >> i & 1) << w->at % 8);
}

static struct writer head_of(uint32_t rows, uint32_t columns)
{
    struct writer w = { .at = 0 };

    put(&w, 0x0aff, 16);
    put(&w, 0, 1);
    put(&w, 3, 2);
    put(&w, rows - 1, 30);
    put(&w, 0, 3);
    put(&w, 3, 2);
    put(&w, columns - 1, 30);
    return w;
}

static int inspect(const struct writer *w, struct codec_image *frame)
{
    struct codec_image a   = picture_image(4, 4, 1, 16, 16, false);
    struct iso_err     err = { 0 };
    size_t             bytes;

    return codec_inspect(LOSSLESS, iso_bytes_of(w->bytes, sizeof w->bytes), &a, frame, &bytes,
                         &err);
}

static void heads_are_read(void **state) /* before the library sees them */
{
    struct codec_image frame;
    struct writer      w = head_of(30, 40);

    (void)state;
    put(&w, 1, 1); /* all as usual */
    assert_int_equal(inspect(&w, &frame), ISO_OK);
    assert_int_equal(frame.rows, 30);
    assert_int_equal(frame.columns, 40);
    assert_int_equal(frame.samples, 3);
    w = head_of(30, 40);
    put(&w, 2, 2); /* more: turned by a quarter */
    put(&w, 5, 3);
    put(&w, 0, 3);
    put(&w, 0, 1); /* integers of 12 bits */
    put(&w, 2, 2);
    put(&w, 0, 3); /* no extra channels */
    put(&w, 0, 1);
    put(&w, 0, 2);
    put(&w, 1, 2); /* grey */
    assert_int_equal(inspect(&w, &frame), ISO_OK);
    assert_int_equal(frame.rows, 40);
    assert_int_equal(frame.columns, 30);
    assert_int_equal(frame.samples, 1);
    assert_int_equal(frame.bits_stored, 12);
    assert_int_equal(frame.bits_allocated, 16);
}

static void heads_that_are_refused(void **state)
{
    struct codec_image frame;
    struct writer      w = head_of(1 << 30, 1 << 30);

    (void)state;
    put(&w, 1, 1);
    assert_int_equal(inspect(&w, &frame), ISO_ELIMIT);
    w = head_of(8192, 8192); /* 32 bytes do not hold that */
    put(&w, 1, 1);
    assert_int_equal(inspect(&w, &frame), ISO_ELIMIT);
    w = head_of(8, 8);
    put(&w, 2, 2); /* animated */
    put(&w, 0, 5);
    put(&w, 1, 1);
    assert_int_equal(inspect(&w, &frame), ISO_EUNSUPPORTED);
    w = head_of(8, 8);
    put(&w, 4, 3); /* floating point */
    assert_int_equal(inspect(&w, &frame), ISO_EUNSUPPORTED);
    w = head_of(8, 8);
    put(&w, 0, 3);
    put(&w, 3, 2);
    put(&w, 31, 6); /* 32 bits */
    assert_int_equal(inspect(&w, &frame), ISO_EUNSUPPORTED);
    w = head_of(8, 8);
    put(&w, 0, 6);
    put(&w, 1, 2); /* an extra channel */
    assert_int_equal(inspect(&w, &frame), ISO_EUNSUPPORTED);
}

/* ---- JPEG inside ---- */

static uint8_t *decoded(iso_str uid, iso_bytes in, size_t *bytes)
{
    struct codec_image a   = picture_image(8, 8, 3, 8, 8, false), frame;
    struct iso_err     err = { 0 };

    a.photometric = CODEC_YBR_FULL;
    assert_int_equal(codec_inspect(uid, in, &a, &frame, bytes, &err), ISO_OK);
    uint8_t *out = malloc(*bytes);
    assert_int_equal(decode(uid, in, &a, &frame, out, *bytes), ISO_OK);
    return out;
}

/* The same JPEG image, byte by byte, and so the same pixels. */
static void check_repacked(const char *name)
{
    char           path[512];
    struct iso_buf packed, again;
    struct iso_err err = { 0 };
    size_t         bytes, bytes_again;

    (void)snprintf(path, sizeof path, ISO_SOURCE_ROOT "/tests/fuzz/seeds/codec_jpeg/%s", name);
    iso_bytes jpeg = sample_read(path);
    assert_non_null(jpeg.ptr);
    iso_buf_init(&packed, 1 << 20);
    iso_buf_init(&again, 1 << 20);
    assert_int_equal(codec_repack(NULL, BASELINE, jpeg, OF_JPEG, &packed, &err), ISO_OK);
    assert_in_range(packed.len, 100, jpeg.len + 200);
    assert_int_equal(codec_repack(NULL, OF_JPEG, iso_buf_bytes(&packed), BASELINE, &again, &err),
                     ISO_OK);
    assert_int_equal(again.len, jpeg.len + jpeg.len % 2);
    assert_memory_equal(again.ptr, jpeg.ptr, jpeg.len);
    uint8_t *of_jpeg = decoded(BASELINE, jpeg, &bytes);
    uint8_t *of_jxl  = decoded(OF_JPEG, iso_buf_bytes(&packed), &bytes_again);
    assert_int_equal(bytes, bytes_again);
    if (strstr(name, "notransform") == NULL) /* else as the attributes have it: YBR, not RGB */
        assert_memory_equal(of_jpeg, of_jxl, bytes);
    free(of_jpeg);
    free(of_jxl);
    for (size_t n = 0; n < packed.len; n += 97) /* cut off: never the whole, never a crash */
        assert_int_not_equal(
            codec_repack(NULL, OF_JPEG, iso_bytes_of(packed.ptr, n), BASELINE, &again, &err),
            ISO_OK);
    iso_buf_release(&packed);
    iso_buf_release(&again);
    free((void *)(uintptr_t)jpeg.ptr);
}

static void jpeg_comes_back(void **state)
{
    static const char *const names[] = { "mf-rgb--jpeg50-444", "mf-rgb--jpeg50-rgb-notransform",
                                         "rgb--jpeg50-before-jxl111", "rgb-odd--jpeg50-q90",
                                         "u8--jpeg50-q90" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_repacked(names[i]);
}

static void what_is_not_jpeg_stays(void **state)
{
    struct codec_image image  = picture_image(12, 12, 1, 8, 8, false);
    uint8_t           *pixels = picture_new(&image, PICTURE_RAMP, 1);
    struct iso_err     err    = { 0 };
    struct iso_buf     buf, out;

    (void)state;
    iso_buf_init(&buf, 1 << 20);
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(
        codec_encode(NULL, LOSSLESS, &image, iso_bytes_of(pixels, 144), NULL, &buf, &err), ISO_OK);
    assert_int_equal(codec_repack(NULL, OF_JPEG, iso_buf_bytes(&buf), BASELINE, &out, &err),
                     ISO_EUNSUPPORTED);
    assert_int_equal(out.len, 0);
    iso_buf_release(&buf);
    iso_buf_release(&out);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_is_the_identity), cmocka_unit_test(other_depths_are_exact),
        cmocka_unit_test(lossy_is_close),           cmocka_unit_test(what_it_does_not_take),
        cmocka_unit_test(every_prefix_is_an_error), cmocka_unit_test(broken_in_the_middle),
        cmocka_unit_test(heads_are_read),           cmocka_unit_test(heads_that_are_refused),
        cmocka_unit_test(jpeg_comes_back),          cmocka_unit_test(what_is_not_jpeg_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
