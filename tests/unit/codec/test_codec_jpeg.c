/* 8-bit JPEG: what comes out, and what the library never gets to see.   ITU-T T.81 */
#include "test.h"

#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static const iso_str BASELINE = { "1.2.840.10008.1.2.4.50", 22 };

enum { SIDE = 24 };

static const struct codec_image GREY = { .rows           = SIDE,
                                         .columns        = SIDE,
                                         .samples        = 1,
                                         .bits_allocated = 8,
                                         .bits_stored    = 8,
                                         .high_bit       = 7,
                                         .photometric    = CODEC_MONOCHROME2 };

/* A flat picture of one colour, by the library's compressor; heap memory. */
static iso_bytes make(J_COLOR_SPACE from, J_COLOR_SPACE to, const uint8_t colour[3],
                      bool progressive)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr       errors;
    int                         samples = from == JCS_GRAYSCALE ? 1 : 3;
    unsigned char              *ptr     = NULL;
    unsigned long               len     = 0;
    uint8_t                     row[3 * SIDE];

    for (size_t i = 0; i < (size_t)(SIDE * samples); i++)
        row[i] = colour[i % (size_t)samples];
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &ptr, &len);
    j.image_width = j.image_height = SIDE;
    j.input_components             = samples;
    j.in_color_space               = from;
    jpeg_set_defaults(&j);
    jpeg_set_colorspace(&j, to);
    jpeg_set_quality(&j, 100, TRUE);
    if (progressive)
        jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    for (int y = 0; y < SIDE; y++) {
        JSAMPROW line = row;
        (void)jpeg_write_scanlines(&j, &line, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    return iso_bytes_of(ptr, len);
}

static int decode(iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t first[3])
{
    struct iso_err err = { 0 };
    size_t         bytes;
    uint8_t       *copy = malloc(in.len > 0 ? in.len : 1);

    assert_non_null(copy);
    if (in.len > 0)
        memcpy(copy, in.ptr, in.len);
    in     = iso_bytes_of(copy, in.len);
    int rc = codec_inspect(BASELINE, in, a, frame, &bytes, &err);
    if (rc == ISO_OK) {
        uint8_t *out = malloc(bytes);
        assert_non_null(out);
        rc = codec_decode(NULL, BASELINE, in, a, frame, out, bytes, &err);
        if (rc == ISO_OK && first != NULL)
            memcpy(first, out, frame->samples);
        free(out);
    }
    free(copy);
    return rc;
}

static uint8_t *find(iso_bytes in, uint8_t marker)
{
    for (size_t i = 0; i + 1 < in.len; i++)
        if (in.ptr[i] == 0xff && in.ptr[i + 1] == marker)
            return (uint8_t *)(uintptr_t)(in.ptr + i);
    return NULL;
}

static void grey_and_its_prefixes(void **state)
{
    const uint8_t      colour[3] = { 77 };
    iso_bytes          in        = make(JCS_GRAYSCALE, JCS_GRAYSCALE, colour, false);
    struct codec_image frame     = { 0 };
    uint8_t            first[3]  = { 0 };

    (void)state;
    assert_int_equal(decode(in, &GREY, &frame, first), ISO_OK);
    assert_int_equal(first[0], 77);
    assert_int_equal(frame.rows, SIDE);
    /* What ends in its last bytes has all its pixels; what ends before has not. */
    for (size_t n = 0; n + 8 < in.len; n++)
        assert_int_equal(decode(iso_bytes_of(in.ptr, n), &GREY, &frame, NULL), ISO_EFORMAT);
    free((void *)(uintptr_t)in.ptr);
}

static void colours_stay_what_they_are(void **state)
{
    const uint8_t      colour[3] = { 200, 100, 50 };
    iso_bytes          rgb       = make(JCS_RGB, JCS_RGB, colour, false); /* Adobe: no transform */
    iso_bytes          ybr       = make(JCS_RGB, JCS_YCbCr, colour, false);
    struct codec_image a = GREY, frame = { 0 };
    uint8_t            first[3];

    (void)state;
    a.samples     = 3;
    a.photometric = CODEC_YBR_FULL_422; /* a lie about the first */
    assert_int_equal(decode(rgb, &a, &frame, first), ISO_OK);
    assert_int_equal(frame.photometric, CODEC_RGB);
    assert_in_range(first[0], 199, 201);
    assert_in_range(first[2], 49, 51);
    assert_int_equal(decode(ybr, &a, &frame, first), ISO_OK);
    assert_int_equal(frame.photometric, CODEC_YBR_FULL);
    assert_in_range(first[0], 123, 125); /* 0.299 R + 0.587 G + 0.114 B = 124.2 */
    free((void *)(uintptr_t)rgb.ptr);
    free((void *)(uintptr_t)ybr.ptr);
}

static void progressive_is_the_same_picture(void **state)
{
    const uint8_t      colour[3]   = { 123 };
    iso_bytes          progressive = make(JCS_GRAYSCALE, JCS_GRAYSCALE, colour, true);
    struct codec_image frame       = { 0 };
    uint8_t            first[3];

    (void)state;
    assert_int_equal(decode(progressive, &GREY, &frame, first), ISO_OK);
    assert_int_equal(first[0], 123);
    free((void *)(uintptr_t)progressive.ptr);
}

static void the_stream_says_its_size(void **state)
{
    const uint8_t      colour[3] = { 1 };
    iso_bytes          in        = make(JCS_GRAYSCALE, JCS_GRAYSCALE, colour, false);
    struct codec_image a = GREY, frame = { 0 };
    uint8_t           *sof = find(in, 0xc0);

    (void)state;
    assert_non_null(sof);
    a.rows = 240;
    assert_int_equal(decode(in, &a, &frame, NULL), ISO_OK);
    assert_int_equal(frame.rows, SIDE);
    sof[5] = sof[6] = sof[7] = sof[8] = 0xff; /* 65535 x 65535 */
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_ELIMIT);
    sof[5] = sof[6] = 0;
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_EFORMAT);
    free((void *)(uintptr_t)in.ptr);
}

static void what_the_library_never_sees(void **state)
{
    const uint8_t      colour[3] = { 9, 9, 9 };
    iso_bytes          in        = make(JCS_GRAYSCALE, JCS_GRAYSCALE, colour, false);
    struct codec_image frame     = { 0 };
    uint8_t           *sof       = find(in, 0xc0);

    (void)state;
    sof[4] = 11; /* bits */
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_EUNSUPPORTED);
    sof[4] = 8;
    sof[9] = 4; /* components, in a header for one */
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_EFORMAT);
    sof[9]  = 1;
    sof[11] = 0x05; /* sampling 0 x 5 */
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_EFORMAT);
    sof[11] = 0x11;
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_OK);
    sof[1] = 0xc3; /* lossless: with predictor 0, which is of no use here */
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_EFORMAT);
    sof[1] = 0xc9; /* arithmetic coding */
    assert_int_equal(decode(in, &GREY, &frame, NULL), ISO_EUNSUPPORTED);
    free((void *)(uintptr_t)in.ptr);
}

/* A few bytes a scan, a pass over the image each. */
static void many_scans_are_refused(void **state)
{
    const uint8_t      colour[3] = { 9, 9, 9 };
    iso_bytes          in        = make(JCS_RGB, JCS_YCbCr, colour, false);
    struct codec_image a = GREY, frame = { 0 };
    const uint8_t      scan[] = { 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0 };
    uint8_t           *sos    = find(in, 0xda);
    size_t             head = (size_t)(sos - in.ptr), len = head;
    uint8_t           *bomb = malloc(head + 1000 * sizeof scan + 2);

    (void)state;
    assert_non_null(bomb);
    a.samples     = 3;
    a.photometric = CODEC_YBR_FULL;
    memcpy(bomb, in.ptr, head);
    for (int i = 0; i < 1000; i++, len += sizeof scan)
        memcpy(bomb + len, scan, sizeof scan);
    bomb[len++] = 0xff;
    bomb[len++] = 0xd9;
    assert_int_equal(decode(iso_bytes_of(bomb, len), &a, &frame, NULL), ISO_ELIMIT);
    free(bomb);
    free((void *)(uintptr_t)in.ptr);
}

static void repacking_changes_no_byte(void **state)
{
    const uint8_t  colour[3] = { 9, 9, 9 };
    const iso_str  extended  = ISO_STR("1.2.840.10008.1.2.4.51");
    iso_bytes      in        = make(JCS_GRAYSCALE, JCS_GRAYSCALE, colour, false);
    uint8_t       *sof       = find(in, 0xc0);
    struct iso_err err       = { 0 };
    struct iso_buf out;

    (void)state;
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(codec_repack(NULL, BASELINE, in, extended, &out, &err), ISO_OK);
    assert_int_equal(out.len, in.len + in.len % 2);
    assert_memory_equal(out.ptr, in.ptr, in.len);
    assert_int_equal(codec_repack(NULL, extended, in, BASELINE, &out, &err), ISO_OK);
    sof[1] = 0xc1; /* extended: as such not baseline */
    assert_int_equal(codec_repack(NULL, extended, in, BASELINE, &out, &err), ISO_EUNSUPPORTED);
    assert_int_equal(
        codec_repack(NULL, BASELINE, in, ISO_STR("1.2.840.10008.1.2.4.70"), &out, &err),
        ISO_EUNSUPPORTED);
    iso_buf_release(&out);
    free((void *)(uintptr_t)in.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grey_and_its_prefixes),
        cmocka_unit_test(colours_stay_what_they_are),
        cmocka_unit_test(the_stream_says_its_size),
        cmocka_unit_test(what_the_library_never_sees),
        cmocka_unit_test(many_scans_are_refused),
        cmocka_unit_test(progressive_is_the_same_picture),
        cmocka_unit_test(repacking_changes_no_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
