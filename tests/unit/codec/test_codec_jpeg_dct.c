/* JPEG by cosine transform, ours: beside libjpeg-turbo where both decode it, sampling, scans and
 * restarts of all kinds; 12 bits there and back; broken ones.   ITU-T T.81 §F, §G */
#include "test.h"

#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static const iso_str BASELINE = { "1.2.840.10008.1.2.4.50", 22 }; /* 8 bits: the library's */
static const iso_str OURS     = { "1.2.840.10008.1.2.4.57", 22 }; /* no library in that family */

static uint32_t noise_state = 1;

static uint32_t noise(void)
{
    noise_state = noise_state * 1664525 + 1013904223;
    return noise_state >> 8;
}

struct making {
    unsigned columns, rows, samples, h, v, quality, restart;
    bool     progressive, apart, rough;
};

/* By the library's compressor; heap memory. */
static iso_bytes make(const struct making *m)
{
    static const jpeg_scan_info apart[] = { { 1, { 0 }, 0, 63, 0, 0 },
                                            { 1, { 2 }, 0, 63, 0, 0 },
                                            { 1, { 1 }, 0, 63, 0, 0 } };
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr       errors;
    unsigned char              *ptr = NULL;
    unsigned long               len = 0;
    uint8_t                     row[3 * 200];

    assert_true(m->columns <= 200);
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &ptr, &len);
    j.image_width      = m->columns;
    j.image_height     = m->rows;
    j.input_components = (int)m->samples;
    j.in_color_space   = m->samples == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, (int)m->quality, TRUE);
    j.restart_interval = m->restart;
    if (m->samples == 3) {
        j.comp_info[0].h_samp_factor = (int)m->h;
        j.comp_info[0].v_samp_factor = (int)m->v;
    }
    if (m->progressive) {
        jpeg_simple_progression(&j);
    } else if (m->apart && m->samples == 3) {
        j.scan_info = apart;
        j.num_scans = 3;
    }
    jpeg_start_compress(&j, TRUE);
    for (unsigned y = 0; y < m->rows; y++) {
        JSAMPROW line = row;
        for (unsigned i = 0; i < m->columns * m->samples; i++)
            row[i] = (uint8_t)(m->rough ? noise() : (i * 3 + y * 5 + (noise() & 7)));
        (void)jpeg_write_scanlines(&j, &line, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    return iso_bytes_of(ptr, len);
}

static int decode(iso_str uid, iso_bytes in, struct codec_image *frame, uint8_t **out,
                  size_t *bytes)
{
    struct codec_image a    = { .bits_allocated = 8, .bits_stored = 8, .high_bit = 7 };
    struct iso_err     err  = { 0 };
    uint8_t           *copy = malloc(in.len > 0 ? in.len : 1);

    assert_non_null(copy);
    if (in.len > 0)
        memcpy(copy, in.ptr, in.len);
    in     = iso_bytes_of(copy, in.len);
    *out   = NULL;
    int rc = codec_inspect(uid, in, &a, frame, bytes, &err);
    if (rc == ISO_OK) {
        *out = malloc(*bytes);
        assert_non_null(*out);
        memset(*out, 0x5a, *bytes);
        rc = codec_decode(NULL, uid, in, &a, frame, *out, *bytes, &err);
    }
    free(copy);
    return rc;
}

static void check_beside_library(const struct making *m)
{
    iso_bytes          in = make(m);
    struct codec_image frame;
    uint8_t           *ours, *theirs;
    size_t             bytes, n;

    assert_int_equal(decode(BASELINE, in, &frame, &theirs, &n), ISO_OK);
    assert_int_equal(decode(OURS, in, &frame, &ours, &bytes), ISO_OK);
    assert_int_equal(n, bytes);
    assert_memory_equal(ours, theirs, bytes);
    free(ours);
    free(theirs);
    free((void *)(uintptr_t)in.ptr);
}

static void pixels_are_those_of_the_library(void **state)
{
    static const unsigned sizes[][2]    = { { 1, 1 },   { 8, 8 },   { 17, 9 },  { 3, 31 },
                                            { 65, 33 }, { 16, 40 }, { 199, 5 }, { 7, 2 } };
    static const unsigned sampling[][2] = { { 1, 1 }, { 2, 1 }, { 2, 2 }, { 4, 1 }, { 4, 2 } };
    size_t                done          = 0;

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t k = 0; k < sizeof sampling / sizeof *sampling; k++)
            for (unsigned flags = 0; flags < 48; flags++, done++) {
                struct making m = {
                    .columns     = sizes[s][0],
                    .rows        = sizes[s][1],
                    .h           = sampling[k][0],
                    .v           = sampling[k][1],
                    .samples     = flags % 2 == 0 ? 3 : 1,
                    .rough       = (flags & 2) != 0,
                    .progressive = (flags & 4) != 0,
                    .apart       = (flags & 8) != 0,
                    .restart     = flags / 16 * 3,
                    .quality     = (flags & 2) != 0 ? 100 : 60,
                };
                check_beside_library(&m);
            }
    print_message("%zu images\n", done);
}

/* Rows that are shown are right, and the others zero. Both decoders. */
static void check_prefixes(const struct making *m, iso_str uid, unsigned rows_at_least)
{
    iso_bytes          in = make(m);
    struct codec_image frame;
    uint8_t           *whole, *part;
    size_t             bytes, n, shown = 0, row = m->columns * m->samples;

    assert_int_equal(decode(uid, in, &frame, &whole, &bytes), ISO_OK);
    for (size_t len = 0; len + 3 < in.len; len++) {
        size_t rows = 0;
        int    rc   = decode(uid, iso_bytes_of(in.ptr, len), &frame, &part, &n);
        if (rc == ISO_EFORMAT && part != NULL && frame.damaged && !m->progressive) {
            while (rows < m->rows && memcmp(part + rows * row, whole + rows * row, row) == 0)
                rows++;
            assert_true(rows >= shown && rows > 0);
            for (size_t i = rows * row; i < bytes; i++)
                assert_int_equal(part[i], 0);
            shown = rows;
        } else if (rc == ISO_OK) { /* its last bits were padding */
            assert_memory_equal(part, whole, bytes);
            assert_true(len + 4 > in.len);
        } else {
            assert_int_equal(rc, ISO_EFORMAT);
        }
        free(part);
    }
    assert_true(m->progressive || shown >= rows_at_least);
    free(whole);
    free((void *)(uintptr_t)in.ptr);
}

static void every_prefix_shows_the_rows_it_has(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 8; flags++) {
        struct making m = { .columns     = 19,
                            .rows        = 40,
                            .samples     = (flags & 1) != 0 ? 3 : 1,
                            .h           = 2,
                            .v           = 1,
                            .quality     = 90,
                            .rough       = true,
                            .progressive = (flags & 2) != 0 };
        check_prefixes(&m, (flags & 4) != 0 ? OURS : BASELINE, 32);
    }
}

static void many_scans_are_refused(void **state)
{
    struct making m = {
        .columns = 16, .rows = 16, .samples = 1, .quality = 90, .progressive = true
    };
    iso_bytes          in     = make(&m);
    const uint8_t      scan[] = { 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0x10, 0x0f };
    uint8_t           *bomb   = malloc(in.len + 1000 * sizeof scan), *out;
    size_t             len    = in.len - 2, bytes; /* without its end */
    struct codec_image frame;

    (void)state;
    assert_non_null(bomb);
    memcpy(bomb, in.ptr, len);
    for (int i = 0; i < 1000; i++, len += sizeof scan)
        memcpy(bomb + len, scan, sizeof scan);
    assert_int_equal(decode(OURS, iso_bytes_of(bomb, len), &frame, &out, &bytes), ISO_ELIMIT);
    free(out);
    free(bomb);
    free((void *)(uintptr_t)in.ptr);
}

/* ---- encoding ---- */

static const iso_str EXTENDED = { "1.2.840.10008.1.2.4.51", 22 };

/* Smooth with some texture. The largest difference after encoding and decoding. */
static unsigned there_and_back(iso_str uid, const struct codec_image *image, unsigned quality,
                               struct codec_image *described)
{
    size_t               unit   = codec_sample_bytes(image);
    size_t               n      = (size_t)image->rows * image->columns * image->samples, decoded;
    uint8_t             *pixels = malloc(n * unit), *out = malloc(n * unit);
    struct codec_options options = { .quality = quality };
    struct iso_err       err     = { 0 };
    unsigned             worst   = 0;
    struct codec_image   frame;
    struct iso_buf       buf;

    iso_buf_init(&buf, 4 << 20);
    assert_true(pixels != NULL && out != NULL);
    for (size_t i = 0; i < n; i++) {
        size_t   p = i / image->samples;
        unsigned v =
            (unsigned)((p % image->columns * 5 + p / image->columns * 3 + i % image->samples * 40) &
                       0x7f);
        v                = unit == 2 ? v * 16 + (noise() & 31) : v + (noise() & 3);
        pixels[i * unit] = (uint8_t)v;
        if (unit == 2)
            pixels[2 * i + 1] = (uint8_t)(v >> 8);
    }
    iso_bytes in = iso_bytes_of(pixels, n * unit);
    assert_int_equal(codec_encoded(uid, image, &options, described, &err), ISO_OK);
    assert_int_equal(codec_encode(NULL, uid, image, in, &options, &buf, &err), ISO_OK);
    in = iso_buf_bytes(&buf);
    assert_int_equal(in.len % 2, 0);
    assert_int_equal(codec_inspect(uid, in, described, &frame, &decoded, &err), ISO_OK);
    assert_int_equal(decoded, n * unit);
    assert_int_equal(codec_decode(NULL, uid, in, described, &frame, out, decoded, &err), ISO_OK);
    assert_int_equal(frame.bits_stored, described->bits_stored);
    if (described->photometric != CODEC_YBR_FULL_422) /* widened when decoded */
        assert_int_equal(frame.photometric, described->photometric);
    else
        assert_int_equal(frame.photometric, CODEC_YBR_FULL);
    for (size_t i = 0; i < n && frame.photometric == image->photometric; i++) {
        int a = unit == 2 ? pixels[2 * i] | pixels[2 * i + 1] << 8 : pixels[i];
        int b = unit == 2 ? out[2 * i] | out[2 * i + 1] << 8 : out[i];
        if ((unsigned)abs(a - b) > worst)
            worst = (unsigned)abs(a - b);
    }
    iso_buf_release(&buf);
    free(pixels);
    free(out);
    return worst;
}

static void lossy_encoding_comes_near(void **state)
{
    static const uint32_t sizes[][2] = { { 1, 1 }, { 8, 8 }, { 9, 7 }, { 1, 50 }, { 33, 70 } };

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (unsigned flags = 0; flags < 4; flags++) {
            bool               twelve = (flags & 2) != 0;
            struct codec_image image  = {
                 .rows           = sizes[s][0],
                 .columns        = sizes[s][1],
                 .samples        = (flags & 1) != 0 ? 3 : 1,
                 .bits_allocated = twelve ? 16 : 8,
                 .bits_stored    = twelve ? 12 : 8,
                 .high_bit       = twelve ? 11 : 7,
                 .photometric    = (flags & 1) != 0 ? CODEC_YBR_FULL : CODEC_MONOCHROME2,
            };
            struct codec_image described;
            assert_in_range(there_and_back(EXTENDED, &image, 100, &described), 0, 3);
            if (!twelve)
                assert_in_range(there_and_back(BASELINE, &image, 100, &described), 0, 3);
            unsigned rough = there_and_back(EXTENDED, &image, 60, &described);
            assert_in_range(rough, 0, 90);
        }
}

static void colours_are_described(void **state)
{
    struct codec_image image = { .rows           = 16,
                                 .columns        = 18,
                                 .samples        = 3,
                                 .bits_allocated = 8,
                                 .bits_stored    = 8,
                                 .high_bit       = 7,
                                 .photometric    = CODEC_RGB };
    struct codec_image described;

    (void)state;
    (void)there_and_back(BASELINE, &image, 89, &described);
    assert_int_equal(described.photometric, CODEC_YBR_FULL_422);
    (void)there_and_back(BASELINE, &image, 90, &described);
    assert_int_equal(described.photometric, CODEC_YBR_FULL);
    image.bits_allocated = 16;
    image.bits_stored    = 10;
    image.high_bit       = 9;
    assert_in_range(there_and_back(EXTENDED, &image, 100, &described), 0, 3);
    assert_int_equal(described.photometric, CODEC_RGB);
    assert_int_equal(described.bits_stored, 12);
}

static void what_cannot_be_encoded_is_said(void **state)
{
    const struct codec_image grey = { .rows           = 4,
                                      .columns        = 4,
                                      .samples        = 1,
                                      .bits_allocated = 16,
                                      .bits_stored    = 12,
                                      .high_bit       = 11,
                                      .photometric    = CODEC_MONOCHROME2 };
    struct codec_image       image, described;
    struct iso_err           err = { 0 };

    (void)state;
    image = grey;
    assert_int_equal(codec_encoded(EXTENDED, &image, NULL, &described, &err), ISO_OK);
    assert_int_equal(codec_encoded(BASELINE, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    assert_int_equal(
        codec_encoded(ISO_STR("1.2.840.10008.1.2.4.53"), &image, NULL, &described, &err),
        ISO_EUNSUPPORTED);
    image.is_signed = true;
    assert_int_equal(codec_encoded(EXTENDED, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image             = grey;
    image.photometric = CODEC_PALETTE_COLOR;
    assert_int_equal(codec_encoded(EXTENDED, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image             = grey;
    image.bits_stored = 13;
    image.high_bit    = 12;
    assert_int_equal(codec_encoded(EXTENDED, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
}

static void the_ceiling_of_a_buffer_holds(void **state)
{
    const char *const  uids[] = { "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
                                  "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70" };
    struct codec_image image  = { .rows           = 100,
                                  .columns        = 100,
                                  .samples        = 1,
                                  .bits_allocated = 8,
                                  .bits_stored    = 8,
                                  .high_bit       = 7,
                                  .photometric    = CODEC_MONOCHROME2 };
    uint8_t            pixels[100 * 100];
    struct iso_err     err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)noise();
    for (size_t i = 0; i < 4; i++) {
        struct iso_buf buf;
        iso_buf_init(&buf, 5000);
        assert_int_equal(codec_encode(NULL, iso_str_c(uids[i]), &image,
                                      iso_bytes_of(pixels, sizeof pixels), NULL, &buf, &err),
                         ISO_ELIMIT);
        assert_true(buf.len <= 5000);
        iso_buf_release(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_those_of_the_library),
        cmocka_unit_test(every_prefix_shows_the_rows_it_has),
        cmocka_unit_test(many_scans_are_refused),
        cmocka_unit_test(lossy_encoding_comes_near),
        cmocka_unit_test(colours_are_described),
        cmocka_unit_test(what_cannot_be_encoded_is_said),
        cmocka_unit_test(the_ceiling_of_a_buffer_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
