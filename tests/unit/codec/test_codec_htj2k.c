/* HTJ2K: identity, what PS3.5 §10.18 asks of .202, damaged frames. Two libraries decode it: each
 * lossless stream is held against both, the second reached by the name of another syntax. */
#include "j2k_images.h"

#include "codec_j2k_head.h"
#include "iso_reader.h"

#include <math.h>

#include <openjpeg.h>

static const iso_str RPCL  = { "1.2.840.10008.1.2.4.202", 23 };
static const iso_str ANY   = { "1.2.840.10008.1.2.4.203", 23 };
static const iso_str OTHER = { "1.2.840.10008.1.2.4.90", 22 }; /* OpenJPEG */

static void lossless_is_the_identity(void **state)
{
    (void)state;
    assert_true(j2k_many_there_and_back(J2K_UID("201"), J2K_UID("201")) > 800);
}

static void the_other_library_agrees(void **state)
{
    (void)state;
    assert_true(j2k_many_there_and_back(RPCL, OTHER) > 800);
}

static void unused_bits_survive(void **state)
{
    (void)state;
    j2k_unused_bits_survive(RPCL);
}

struct cut {
    const uint8_t *ptr;
    size_t         len, at;
};

static OPJ_SIZE_T read_cut(void *to, OPJ_SIZE_T n, void *user)
{
    struct cut *cut = user;

    if (cut->at == cut->len)
        return (OPJ_SIZE_T)-1;
    if (n > cut->len - cut->at)
        n = cut->len - cut->at;
    memcpy(to, cut->ptr + cut->at, n);
    cut->at += n;
    return n;
}

static void by_resolution(void **state) /* PS3.5 §10.18 */
{
    static const uint32_t sizes[][2] = {
        { 40, 50 }, { 512, 512 }, { 64, 4097 }, { 3000, 16 }, { 1, 40000 }
    };
    uint32_t seed = 3;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct codec_image    image  = j2k_image(sizes[i][0], sizes[i][1], 1, 10, false);
        uint8_t              *pixels = j2k_pixels(&image, &seed);
        uint32_t              side   = image.rows > image.columns ? image.rows : image.columns;
        struct iso_err        err    = { 0 };
        struct codec_j2k_head head;
        struct iso_buf        stream;

        assert_int_equal(j2k_encode(RPCL, &image, pixels, &stream, &err), ISO_OK);
        assert_int_equal(codec_j2k_head_read(iso_buf_bytes(&stream), &head, &err), ISO_OK);
        assert_true(head.ht && head.reversible && head.complete && head.tlm && head.plain);
        assert_int_equal(head.progression, 2);
        assert_true(((side - 1) >> head.levels) + 1 <= 64);
        free(pixels);
        iso_buf_release(&stream);
    }
}

/* The last component of what is before `end`, with so many levels left out; heap memory. */
static int32_t *decode_small(const struct iso_buf *stream, size_t end, unsigned levels, uint32_t *w,
                             uint32_t *h)
{
    opj_dparameters_t parameters;
    opj_image_t      *image = NULL;
    opj_codec_t      *codec = opj_create_decompress(OPJ_CODEC_J2K);
    uint8_t          *copy  = malloc(end + 2);
    struct cut        cut   = { copy, end + 2, 0 };
    opj_stream_t     *in    = opj_stream_default_create(OPJ_TRUE);

    assert_non_null(copy);
    memcpy(copy, stream->ptr, end);
    iso_put_u16be(copy + end, 0xffd9);
    opj_stream_set_user_data(in, &cut, NULL);
    opj_stream_set_user_data_length(in, end + 2);
    opj_stream_set_read_function(in, read_cut);
    opj_set_default_decoder_parameters(&parameters);
    parameters.cp_reduce = levels;
    assert_true(opj_setup_decoder(codec, &parameters));
    assert_true(opj_decoder_set_strict_mode(codec, OPJ_FALSE));
    assert_true(opj_read_header(in, codec, &image) && opj_decode(codec, in, image));
    *w              = image->comps[0].w;
    *h              = image->comps[0].h;
    size_t   bytes  = sizeof(int32_t) * *w * *h;
    int32_t *values = malloc(bytes);
    assert_non_null(values);
    memcpy(values, image->comps[image->numcomps - 1].data, bytes);
    opj_image_destroy(image);
    opj_stream_destroy(in);
    opj_destroy_codec(codec);
    free(copy);
    return values;
}

/* Ztlm, Stlm, then index and length of each tile-part (T.800 §A.7.1): one for each resolution, which
 * is all that a smaller picture takes.   PS3.5 §10.18 */
static void a_tile_part_for_each_resolution(void **state)
{
    uint32_t seed = 4;

    (void)state;
    for (unsigned samples = 1; samples <= 3; samples += 2) {
        struct codec_image image  = j2k_image(150, 301, samples, 8, false);
        uint8_t           *pixels = j2k_pixels(&image, &seed);
        struct iso_err     err    = { 0 };
        struct iso_buf     stream;
        size_t             tlm = 0, sot = 0, sum = 0;

        assert_int_equal(j2k_encode(RPCL, &image, pixels, &stream, &err), ISO_OK);
        for (size_t at = 2; sot == 0; at += 2u + iso_u16be(stream.ptr + at + 2)) {
            assert_true(at + 4 < stream.len);
            if (iso_u16be(stream.ptr + at) == 0xff55)
                tlm = at;
            if (iso_u16be(stream.ptr + at) == 0xff90)
                sot = at;
        }
        assert_true(tlm > 0 && stream.ptr[tlm + 5] == 0x50);
        size_t parts = (iso_u16be(stream.ptr + tlm + 2) - 4u) / 5;
        assert_int_equal(parts, 6);
        for (size_t i = 0; i < parts; i++) {
            const uint8_t *entry = stream.ptr + tlm + 6 + 5 * i;
            const uint8_t *part  = stream.ptr + sot + sum;

            assert_int_equal(iso_u16be(part), 0xff90);
            assert_int_equal(iso_u16be(part + 4), entry[0]);
            assert_int_equal(iso_u32be(part + 6), iso_u32be(entry + 1));
            assert_int_equal(part[10], i);
            assert_int_equal(part[11], parts);
            sum += iso_u32be(entry + 1);

            uint32_t w, h, whole_w, whole_h;
            unsigned out   = (unsigned)(parts - 1 - i);
            int32_t *small = decode_small(&stream, sot + sum, out, &w, &h);
            int32_t *whole = decode_small(&stream, stream.len - 2, out, &whole_w, &whole_h);
            assert_int_equal(w, whole_w);
            assert_int_equal(h, whole_h);
            assert_memory_equal(small, whole, sizeof *small * w * h);
            free(small);
            free(whole);
        }
        assert_int_equal(iso_u16be(stream.ptr + sot + sum), 0xffd9); /* EOC */
        free(pixels);
        iso_buf_release(&stream);
    }
}

static void every_prefix_is_told(void **state)
{
    struct codec_image image  = j2k_image(40, 33, 1, 8, false);
    uint32_t           seed   = 2;
    uint8_t           *pixels = j2k_pixels(&image, &seed);
    struct iso_err     err    = { 0 };
    struct iso_buf     stream;
    size_t             damaged = 0, good = 0;

    (void)state;
    assert_int_equal(j2k_encode(RPCL, &image, pixels, &stream, &err), ISO_OK);
    for (size_t n = 0; n < stream.len; n++) {
        struct codec_image frame = { 0 };
        int                rc;
        uint8_t *out = j2k_decode(RPCL, iso_bytes_of(stream.ptr, n), &image, &frame, &rc, &err);

        if (rc == ISO_OK) {
            assert_true(n + 4 > stream.len);
            assert_memory_equal(out, pixels, j2k_bytes(&image));
            good++;
        } else {
            assert_int_equal(rc, ISO_EFORMAT);
        }
        damaged += out != NULL && frame.damaged;
        free(out);
    }
    assert_in_range(good, 1, 3);
    assert_true(damaged > stream.len / 2);
    free(pixels);
    iso_buf_release(&stream);
}

static size_t find_cod(const struct iso_buf *stream)
{
    for (size_t i = 2; i + 1 < stream->len; i++)
        if (iso_u16be(stream->ptr + i) == 0xff52)
            return i;
    fail();
    return 0;
}

static void valid_as_it_is(void **state)
{
    struct codec_image image  = j2k_image(20, 20, 1, 8, false), frame;
    uint32_t           seed   = 2;
    uint8_t           *pixels = j2k_pixels(&image, &seed);
    struct iso_err     err    = { 0 };
    struct iso_buf     stream, moved;
    int                rc;

    (void)state;
    assert_int_equal(j2k_encode(RPCL, &image, pixels, &stream, &err), ISO_OK);
    iso_buf_init(&moved, 1 << 20);
    assert_int_equal(codec_repack(NULL, RPCL, iso_buf_bytes(&stream), ANY, &moved, &err), ISO_OK);
    uint8_t *out = j2k_decode(ANY, iso_buf_bytes(&moved), &image, &frame, &rc, &err);
    assert_int_equal(rc, ISO_OK);
    assert_memory_equal(out, pixels, j2k_bytes(&image));
    assert_int_equal(codec_repack(NULL, ANY, iso_buf_bytes(&stream), RPCL, &moved, &err),
                     ISO_EUNSUPPORTED);
    assert_int_equal(codec_repack(NULL, RPCL, iso_buf_bytes(&stream), OTHER, &moved, &err),
                     ISO_EUNSUPPORTED);
    assert_int_equal(codec_repack(NULL, J2K_UID("201"), iso_buf_bytes(&stream), RPCL, &moved, &err),
                     ISO_OK);
    stream.ptr[find_cod(&stream) + 5] = 0; /* LRCP */
    assert_int_equal(codec_repack(NULL, J2K_UID("201"), iso_buf_bytes(&stream), RPCL, &moved, &err),
                     ISO_EUNSUPPORTED);
    free(out);
    free(pixels);
    iso_buf_release(&stream);
    iso_buf_release(&moved);
}

static void lossy_is_near(void **state)
{
    uint32_t seed = 6;

    (void)state;
    for (unsigned samples = 1; samples <= 3; samples += 2) {
        struct codec_image image  = j2k_image(90, 70, samples, 8, false), frame, is;
        uint8_t           *pixels = j2k_pixels(&image, &seed);
        struct iso_err     err    = { 0 };
        struct iso_buf     stream;
        double             error = 0;
        int                rc;

        for (size_t i = 0; i < j2k_bytes(&image); i++)
            pixels[i] = (uint8_t)(40 + i / samples % 70 * 2 + 10 * (i % samples) + i * i % 13);
        assert_int_equal(codec_encoded(ANY, &image, NULL, &is, &err), ISO_OK);
        assert_int_equal(is.photometric, samples == 3 ? CODEC_YBR_ICT : CODEC_MONOCHROME2);
        assert_int_equal(j2k_encode(ANY, &image, pixels, &stream, &err), ISO_OK);
        uint8_t *out = j2k_decode(ANY, iso_buf_bytes(&stream), &image, &frame, &rc, &err);
        assert_int_equal(rc, ISO_OK);
        assert_int_equal(frame.photometric, image.photometric);
        for (size_t i = 0; i < j2k_bytes(&image); i++)
            error += pow((double)out[i] - pixels[i], 2);
        error = sqrt(error / (double)j2k_bytes(&image));
        assert_true(error > 0.05 && error < 1.5);
        assert_true(stream.len < j2k_bytes(&image) / 2);
        free(out);
        free(pixels);
        iso_buf_release(&stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_is_the_identity),
        cmocka_unit_test(the_other_library_agrees),
        cmocka_unit_test(unused_bits_survive),
        cmocka_unit_test(by_resolution),
        cmocka_unit_test(a_tile_part_for_each_resolution),
        cmocka_unit_test(every_prefix_is_told),
        cmocka_unit_test(valid_as_it_is),
        cmocka_unit_test(lossy_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
