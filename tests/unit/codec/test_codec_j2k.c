/* JPEG 2000: identity, who is believed, and what the library never gets to see.   ITU-T T.800 */
#include "j2k_images.h"

#include "codec_j2k_head.h"
#include "iso_reader.h"

#include <time.h>

#include <openjpeg.h>

static const iso_str LOSSLESS = { "1.2.840.10008.1.2.4.90", 22 };
static const iso_str LOSSY    = { "1.2.840.10008.1.2.4.91", 22 };

static void lossless_is_the_identity(void **state)
{
    (void)state;
    assert_true(j2k_many_there_and_back(LOSSLESS, LOSSLESS) > 800);
}

static void unused_bits_survive(void **state)
{
    (void)state;
    j2k_unused_bits_survive(LOSSLESS);
}

/* A small stream, and where its parts are. */
struct sample {
    struct codec_image image;
    uint8_t           *pixels;
    struct iso_buf     stream;
};

static struct sample sample_of(uint32_t rows, uint32_t columns, unsigned samples, unsigned bits,
                               enum codec_photometric photometric)
{
    struct sample  s    = { .image = j2k_image(rows, columns, samples, bits, false) };
    struct iso_err err  = { 0 };
    uint32_t       seed = 2;

    s.image.photometric = photometric;
    s.pixels            = j2k_pixels(&s.image, &seed);
    assert_int_equal(j2k_encode(LOSSLESS, &s.image, s.pixels, &s.stream, &err), ISO_OK);
    return s;
}

static void sample_free(struct sample *s)
{
    free(s->pixels);
    iso_buf_release(&s->stream);
}

/* The marker's first byte; the sample streams are so small that it is not found by accident. */
static uint8_t *find(struct iso_buf *stream, uint8_t marker)
{
    for (size_t i = 2; i + 1 < stream->len; i++)
        if (stream->ptr[i] == 0xff && stream->ptr[i + 1] == marker)
            return stream->ptr + i;
    fail();
    return NULL;
}

static int inspect(struct sample *s, struct codec_image *frame)
{
    struct iso_err err = { 0 };
    size_t         bytes;

    return codec_inspect(LOSSLESS, iso_buf_bytes(&s->stream), &s->image, frame, &bytes, &err);
}

static void every_prefix_is_told(void **state)
{
    struct sample s       = sample_of(40, 33, 1, 8, CODEC_MONOCHROME2);
    size_t        damaged = 0, good = 0;

    (void)state;
    for (size_t n = 0; n < s.stream.len; n++) {
        struct codec_image frame = { 0 };
        struct iso_err     err   = { 0 };
        int                rc;
        uint8_t           *out =
            j2k_decode(LOSSLESS, iso_bytes_of(s.stream.ptr, n), &s.image, &frame, &rc, &err);

        if (rc == ISO_OK) { /* all but the marker of the end */
            assert_true(n + 4 > s.stream.len);
            assert_memory_equal(out, s.pixels, j2k_bytes(&s.image));
            good++;
        } else {
            assert_int_equal(rc, ISO_EFORMAT);
            assert_true(err.text[0] != '\0');
        }
        if (out != NULL && frame.damaged) {
            assert_int_equal(rc, ISO_EFORMAT);
            damaged++;
        }
        free(out);
    }
    assert_in_range(good, 1, 3);
    assert_true(damaged > s.stream.len / 2);
    sample_free(&s);
}

/* A half of the stream gives a picture that is like the whole one. */
static void a_damaged_frame_is_shown(void **state)
{
    struct codec_image image = j2k_image(64, 64, 1, 12, false), frame = { 0 };
    struct iso_err     err = { 0 };
    struct iso_buf     stream;
    uint16_t           pixels[64 * 64];
    double             error = 0;
    int                rc;

    (void)state;
    for (unsigned i = 0; i < 64 * 64; i++)
        pixels[i] = (uint16_t)(500 + 20 * (i % 64) + 10 * (i / 64) + i * i % 61);
    assert_int_equal(j2k_encode(LOSSLESS, &image, (uint8_t *)pixels, &stream, &err), ISO_OK);
    uint8_t *out = j2k_decode(LOSSLESS, iso_bytes_of(stream.ptr, stream.len * 3 / 4), &image,
                              &frame, &rc, &err);
    assert_int_equal(rc, ISO_EFORMAT);
    assert_true(frame.damaged);
    for (unsigned i = 0; i < 64 * 64; i++)
        error += abs(iso_u16le(out + 2 * i) - pixels[i]);
    assert_true(error / (64 * 64) < 200);
    free(out);
    iso_buf_release(&stream);
}

/* ---- who is believed ---- */

static void colours(void **state) /* PS3.5 §8.2.4 */
{
    static const struct {
        enum codec_photometric encoded, attributes, decoded;
    } cases[] = {
        { CODEC_RGB, CODEC_YBR_RCT, CODEC_RGB },      /* as it should be */
        { CODEC_RGB, CODEC_RGB, CODEC_RGB },          /* as some write */
        { CODEC_RGB, CODEC_YBR_FULL_422, CODEC_RGB }, /* left over from JPEG */
        { CODEC_YBR_FULL, CODEC_YBR_FULL, CODEC_YBR_FULL },
        { CODEC_YBR_FULL, CODEC_YBR_FULL_422, CODEC_YBR_FULL },
        { CODEC_YBR_FULL, CODEC_YBR_RCT, CODEC_RGB }, /* there is no transform in it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample      s     = sample_of(9, 10, 3, 8, cases[i].encoded);
        struct codec_image frame = { 0 };
        struct iso_err     err   = { 0 };
        int                rc;

        s.image.photometric = cases[i].attributes;
        uint8_t *out = j2k_decode(LOSSLESS, iso_buf_bytes(&s.stream), &s.image, &frame, &rc, &err);
        assert_int_equal(rc, ISO_OK);
        assert_int_equal(frame.photometric, cases[i].decoded);
        assert_memory_equal(out, s.pixels, j2k_bytes(&s.image));
        free(out);
        sample_free(&s);
    }
}

static void what_is_encoded_is_described(void **state)
{
    struct codec_image rgb = j2k_image(4, 4, 3, 8, false), is = { 0 };
    struct codec_image deep = j2k_image(4, 4, 1, 16, false);
    struct iso_err     err  = { 0 };

    (void)state;
    assert_int_equal(codec_encoded(LOSSLESS, &rgb, NULL, &is, &err), ISO_OK);
    assert_int_equal(is.photometric, CODEC_YBR_RCT);
    assert_int_equal(codec_encoded(LOSSY, &rgb, NULL, &is, &err), ISO_OK);
    assert_int_equal(is.photometric, CODEC_YBR_ICT);
    rgb.photometric = CODEC_YBR_FULL;
    assert_int_equal(codec_encoded(LOSSY, &rgb, NULL, &is, &err), ISO_OK);
    assert_int_equal(is.photometric, CODEC_YBR_FULL);
    deep.bits_allocated = 32;
    assert_int_equal(codec_encoded(LOSSLESS, &deep, NULL, &is, &err), ISO_EUNSUPPORTED);
    deep.bits_allocated = 16;
    deep.photometric    = CODEC_PALETTE_COLOR;
    assert_int_equal(codec_encoded(LOSSLESS, &deep, NULL, &is, &err), ISO_OK);
    assert_int_equal(codec_encoded(LOSSY, &deep, NULL, &is, &err), ISO_EUNSUPPORTED);
    assert_false(codec_can_encode(J2K_UID("92")));
    assert_true(codec_can_decode(J2K_UID("93")));
}

static void unsigned_streams_of_signed_images(void **state)
{
    struct sample      s     = sample_of(3, 50, 1, 13, CODEC_MONOCHROME2);
    struct codec_image frame = { 0 };
    struct iso_err     err   = { 0 };
    int                rc;

    (void)state;
    s.image.is_signed = true;
    uint8_t *out      = j2k_decode(LOSSLESS, iso_buf_bytes(&s.stream), &s.image, &frame, &rc, &err);
    assert_int_equal(rc, ISO_OK);
    assert_true(frame.is_signed);
    for (size_t i = 0; i < 150; i++) {
        int value = iso_u16le(s.pixels + 2 * i);
        assert_int_equal((int16_t)iso_u16le(out + 2 * i), value >= 4096 ? value - 8192 : value);
    }
    free(out);
    sample_free(&s);
}

static void signed_streams_are_signed(void **state)
{
    struct codec_image image = j2k_image(2, 8, 1, 12, true), frame = { 0 };
    const int16_t      values[16] = { -2048, 2047, -1, 0, 1, -5, 77 };
    struct iso_err     err        = { 0 };
    struct iso_buf     stream;
    int                rc;

    (void)state;
    assert_int_equal(j2k_encode(LOSSLESS, &image, (const uint8_t *)values, &stream, &err), ISO_OK);
    image.is_signed = false;
    uint8_t *out    = j2k_decode(LOSSLESS, iso_buf_bytes(&stream), &image, &frame, &rc, &err);
    assert_int_equal(rc, ISO_OK);
    assert_true(frame.is_signed);
    assert_memory_equal(out, values, sizeof values);
    free(out);
    iso_buf_release(&stream);
}

static void the_stream_says_its_size_and_depth(void **state)
{
    struct sample      s     = sample_of(11, 12, 1, 12, CODEC_MONOCHROME2);
    struct codec_image frame = { 0 };

    (void)state;
    s.image.rows           = 4000;
    s.image.columns        = 1;
    s.image.samples        = 3;
    s.image.bits_allocated = 8;
    s.image.bits_stored    = 8;
    s.image.high_bit       = 7;
    assert_int_equal(inspect(&s, &frame), ISO_OK);
    assert_int_equal(frame.rows, 11);
    assert_int_equal(frame.columns, 12);
    assert_int_equal(frame.samples, 1);
    assert_int_equal(frame.bits_allocated, 16);
    assert_int_equal(frame.bits_stored, 12);
    s.image.bits_allocated = 16;
    s.image.bits_stored    = 16;
    assert_int_equal(inspect(&s, &frame), ISO_OK);
    assert_int_equal(frame.bits_stored, 12);
    sample_free(&s);
}

static void jp2_boxes_are_taken_off(void **state)
{
    static const uint8_t boxes[] = { 0,    0,  0, 12, 'j', 'P', ' ', ' ', 13,  10,
                                     0x87, 10, 0, 0,  0,   9,   'j', 'p', '2', 'h',
                                     7,    0,  0, 0,  0,   'j', 'p', '2', 'c' };
    struct sample        s       = sample_of(20, 20, 1, 8, CODEC_MONOCHROME2);
    struct codec_image   frame   = { 0 };
    struct iso_err       err     = { 0 };
    struct iso_buf       file, again;
    int                  rc;

    (void)state;
    iso_buf_init(&file, 1 << 20);
    iso_buf_init(&again, 1 << 20);
    (void)iso_buf_add(&file, boxes, sizeof boxes);
    (void)iso_buf_add(&file, s.stream.ptr, s.stream.len);
    uint8_t *out = j2k_decode(LOSSLESS, iso_buf_bytes(&file), &s.image, &frame, &rc, &err);
    assert_int_equal(rc, ISO_OK);
    assert_memory_equal(out, s.pixels, j2k_bytes(&s.image));
    free(out);
    for (size_t n = 0; n < sizeof boxes; n++) {
        out = j2k_decode(LOSSLESS, iso_bytes_of(file.ptr, n), &s.image, &frame, &rc, &err);
        assert_int_equal(rc, ISO_EFORMAT);
        assert_null(out);
    }
    /* ... and stay off. */
    assert_int_equal(codec_repack(NULL, LOSSLESS, iso_buf_bytes(&file), LOSSY, &again, &err),
                     ISO_OK);
    assert_memory_equal(again.ptr, s.stream.ptr, s.stream.len);
    assert_int_equal(codec_repack(NULL, LOSSY, iso_buf_bytes(&file), LOSSLESS, &again, &err),
                     ISO_EUNSUPPORTED);
    iso_buf_release(&file);
    iso_buf_release(&again);
    sample_free(&s);
}

/* ---- component subsampling ---- */

static OPJ_SIZE_T write_buf(void *from, OPJ_SIZE_T n, void *user)
{
    return iso_buf_add(user, from, n) == ISO_OK ? n : (OPJ_SIZE_T)-1;
}

static OPJ_BOOL no_seek(OPJ_OFF_T to, void *user)
{
    (void)user;
    return to == 0 ? OPJ_FALSE : OPJ_TRUE;
}

/* Lossless, without our encoder. */
static void compress(opj_image_t *image, opj_cparameters_t *parameters, struct iso_buf *out)
{
    opj_codec_t  *codec  = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_default_create(OPJ_FALSE);

    parameters->tcp_numlayers  = 1;
    parameters->cp_disto_alloc = 1;
    opj_stream_set_user_data(stream, out, NULL);
    opj_stream_set_write_function(stream, write_buf);
    opj_stream_set_seek_function(stream, no_seek);
    assert_true(opj_setup_encoder(codec, parameters, image));
    assert_true(opj_start_compress(codec, image, stream));
    assert_true(opj_encode(codec, stream) && opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
}

/* Three components, the second and third of half width and height. */
static void make_420(uint32_t rows, uint32_t columns, uint32_t x0, struct iso_buf *out)
{
    opj_image_cmptparm_t component[3] = { 0 };
    opj_cparameters_t    parameters;

    for (uint32_t i = 0; i < 3; i++) {
        uint32_t d   = i == 0 ? 1 : 2;
        component[i] = (opj_image_cmptparm_t){ .dx = d,
                                               .dy = d,
                                               .w  = (x0 + columns + d - 1) / d - (x0 + d - 1) / d,
                                               .h  = (rows + d - 1) / d,
                                               .prec = 8 };
    }
    opj_image_t *image = opj_image_create(3, component, OPJ_CLRSPC_SYCC);
    assert_non_null(image);
    image->x0 = x0;
    image->x1 = x0 + columns;
    image->y1 = rows;
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < component[i].w * component[i].h; k++)
            image->comps[i].data[k] = (int32_t)(i * 50 + k);
    opj_set_default_encoder_parameters(&parameters);
    parameters.numresolution   = 1;
    parameters.image_offset_x0 = (int)x0;
    compress(image, &parameters, out);
}

static void deep_samples(void **state)
{
    struct codec_image   a = j2k_image(8, 8, 1, 16, true), frame = { 0 };
    struct iso_err       err       = { 0 };
    opj_image_cmptparm_t component = { .dx = 1, .dy = 1, .w = 8, .h = 8, .sgnd = 1 };
    int                  rc;

    (void)state;
    for (unsigned bits = 17; bits <= 25; bits++) {
        opj_cparameters_t parameters;
        struct iso_buf    stream;
        int32_t           values[64];

        component.prec     = bits;
        opj_image_t *image = opj_image_create(1, &component, OPJ_CLRSPC_GRAY);
        assert_non_null(image);
        image->x1 = image->y1 = 8;
        for (int i = 0; i < 64; i++)
            image->comps[0].data[i] = values[i] = (i - 32) * (1 << (bits - 6));
        opj_set_default_encoder_parameters(&parameters);
        parameters.numresolution = 2;
        iso_buf_init(&stream, 1 << 20);
        compress(image, &parameters, &stream);
        uint8_t *out = j2k_decode(LOSSLESS, iso_buf_bytes(&stream), &a, &frame, &rc, &err);
        assert_int_equal(rc, bits <= 24 ? ISO_OK : ISO_EUNSUPPORTED);
        if (rc == ISO_OK) {
            assert_int_equal(frame.bits_allocated, 32);
            assert_int_equal(frame.bits_stored, bits);
            assert_memory_equal(out, values, sizeof values);
        }
        free(out);
        iso_buf_release(&stream);
    }
}

static void fewer_samples_are_widened(void **state)
{
    struct codec_image a = j2k_image(3, 5, 3, 8, false), frame = { 0 };
    struct iso_err     err = { 0 };
    int                rc;

    (void)state;
    a.photometric = CODEC_YBR_FULL_422;
    for (uint32_t x0 = 0; x0 < 2; x0++) {
        struct iso_buf stream;

        iso_buf_init(&stream, 1 << 20);
        make_420(3, 5, x0, &stream);
        uint8_t *out = j2k_decode(LOSSLESS, iso_buf_bytes(&stream), &a, &frame, &rc, &err);
        assert_int_equal(rc, ISO_OK);
        assert_int_equal(frame.columns, 5);
        assert_int_equal(frame.rows, 3);
        assert_int_equal(frame.photometric, CODEC_YBR_FULL);
        for (uint32_t y = 0; y < 3; y++)
            for (uint32_t x = 0; x < 5; x++) {
                uint32_t at = (x0 + x) / 2 - (x0 == 1 && x > 0); /* first sample stands at 2 */
                uint8_t *p  = out + 3 * (5 * y + x);

                assert_int_equal(p[0], 5 * y + x);
                assert_int_equal(p[1], 50 + (x0 == 0 ? 3 : 2) * (y / 2) + at);
                assert_int_equal(p[2], p[1] + 50);
            }
        free(out);
        iso_buf_release(&stream);
    }
}

/* ---- lossy ---- */

static void quality_is_an_error_of_the_range(void **state)
{
    static const unsigned qualities[] = { 20, 60, 100 };
    struct codec_image    image = j2k_image(96, 96, 1, 12, false), frame = { 0 };
    uint16_t              pixels[96 * 96];
    size_t                before       = 0;
    double                error_before = 1e9;
    struct iso_err        err          = { 0 };

    (void)state;
    for (unsigned i = 0; i < 96 * 96; i++)
        pixels[i] = (uint16_t)(1000 + 5 * (i % 96) + 3 * (i / 96) + i * i % 61);
    for (unsigned q = 0; q < 3; q++) {
        struct codec_options options = { .quality = qualities[q] };
        struct iso_buf       stream;
        double               error = 0;
        int                  rc;

        iso_buf_init(&stream, 1 << 20);
        assert_int_equal(codec_encode(NULL, LOSSY, &image, iso_bytes_of(pixels, sizeof pixels),
                                      &options, &stream, &err),
                         ISO_OK);
        uint8_t *out = j2k_decode(LOSSY, iso_buf_bytes(&stream), &image, &frame, &rc, &err);
        assert_int_equal(rc, ISO_OK);
        for (unsigned i = 0; i < 96 * 96; i++) {
            double d = (double)iso_u16le(out + 2 * i) - pixels[i];
            error += d * d;
        }
        error /= 96 * 96;
        assert_true(error > 0 && error < error_before / 3);
        assert_true(stream.len > before);
        error_before = error;
        before       = stream.len;
        free(out);
        iso_buf_release(&stream);
    }
    assert_true(error_before < 4); /* of 800 values */
}

/* ---- what the library never sees ---- */

static double ms_since(const struct timespec *then)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)(now.tv_sec - then->tv_sec) * 1e3 + (double)(now.tv_nsec - then->tv_nsec) / 1e6;
}

/* A main header and the start of a tile-part: what a bomb needs. */
static size_t bomb(uint8_t *out, uint32_t side, uint32_t tile, uint16_t components, uint16_t layers,
                   uint8_t levels, uint8_t block, int precinct)
{
    uint8_t *p = out;

    iso_put_u32be(p, 0xff4fff51);
    iso_put_u16be(p + 4, (uint16_t)(38 + 3 * components));
    iso_put_u16be(p + 6, 0);
    iso_put_u32be(p + 8, side);
    iso_put_u32be(p + 12, side);
    iso_put_u32be(p + 16, 0);
    iso_put_u32be(p + 20, 0);
    iso_put_u32be(p + 24, tile);
    iso_put_u32be(p + 28, tile);
    iso_put_u32be(p + 32, 0);
    iso_put_u32be(p + 36, 0);
    iso_put_u16be(p + 40, components);
    p += 42;
    for (unsigned i = 0; i < components; i++, p += 3)
        memcpy(p, (const uint8_t[]){ 7, 1, 1 }, 3);
    iso_put_u16be(p, 0xff52);
    iso_put_u16be(p + 2, (uint16_t)(12 + (precinct >= 0 ? levels + 1 : 0)));
    p[4] = precinct >= 0;
    p[5] = 0;
    iso_put_u16be(p + 6, layers);
    memcpy(p + 8, (const uint8_t[]){ 0, levels, block, block, 0, 1 }, 6);
    p += 14;
    if (precinct >= 0) {
        memset(p, precinct, levels + 1u);
        p += levels + 1u;
    }
    memcpy(p, (const uint8_t[]){ 0xff, 0x5c, 0, 4, 0x40, 0x48 }, 6);
    memcpy(p + 6, (const uint8_t[]){ 0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93 }, 14);
    return (size_t)(p + 20 - out);
}

static void bombs_are_refused_at_once(void **state)
{
    static const struct {
        uint32_t side, tile;
        uint16_t components, layers;
        uint8_t  levels, block;
        int      precinct, rc;
    } cases[] = {
        { 255, 1, 24, 1, 0, 4, -1, ISO_ELIMIT },        /* 65,025 tiles of 24 components: 1.75 GB */
        { 255, 1, 1, 1, 0, 4, -1, ISO_ELIMIT },         /* tiles alone */
        { 64, 64, 24, 1, 0, 4, -1, ISO_EUNSUPPORTED },  /* components alone */
        { 8192, 8192, 1, 1, 5, 4, 0x11, ISO_ELIMIT },   /* precincts of 2 x 2 */
        { 512, 512, 1, 65535, 5, 4, 0x77, ISO_ELIMIT }, /* layers of some precincts */
        { 8000, 8000, 1, 1, 5, 0, -1, ISO_ELIMIT },     /* code-blocks of 4 x 4 */
        { 16000, 16000, 1, 1, 5, 4, -1, ISO_ELIMIT },   /* 256 MB out of 100 bytes */
        { 0x7fffffff, 0x7fffffff, 3, 1, 5, 4, -1, ISO_ELIMIT },
        { 64, 0, 1, 1, 5, 4, -1, ISO_EFORMAT },
        { 64, 64, 1, 0, 5, 4, -1, ISO_EFORMAT },
        { 64, 64, 1, 1, 33, 4, -1, ISO_EFORMAT },
        { 64, 64, 1, 1, 5, 9, -1, ISO_EFORMAT },
        { 64, 64, 0, 1, 5, 4, -1, ISO_EFORMAT },
        { 64, 64, 1, 1, 5, 4, -1, ISO_OK }, /* no bomb */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t            wire[256];
        struct codec_image a = j2k_image(64, 64, 1, 8, false), frame = { 0 };
        struct timespec    then;
        struct iso_err     err = { 0 };
        size_t             bytes;
        size_t n = bomb(wire, cases[i].side, cases[i].tile, cases[i].components, cases[i].layers,
                        cases[i].levels, cases[i].block, cases[i].precinct);

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &then);
        int rc = codec_inspect(LOSSLESS, iso_bytes_of(wire, n), &a, &frame, &bytes, &err);
        if (rc != cases[i].rc)
            fail_msg("case %zu: %d %s", i, rc, err.text);
        assert_true(ms_since(&then) < 20);
    }
}

static void part_2_is_refused(void **state) /* ITU-T T.801 */
{
    static const uint8_t mct[] = { 0xff, 0x74, 0, 4, 0, 0 };
    struct sample        s     = sample_of(8, 8, 3, 8, CODEC_RGB);
    struct codec_image   frame = { 0 };
    struct iso_err       err   = { 0 };
    struct iso_buf       with;
    size_t               bytes;
    uint8_t             *cod = find(&s.stream, 0x52);
    size_t               at  = (size_t)(cod - s.stream.ptr);

    (void)state;
    iso_buf_init(&with, 1 << 20);
    (void)iso_buf_add(&with, s.stream.ptr, at);
    (void)iso_buf_add(&with, mct, sizeof mct);
    (void)iso_buf_add(&with, cod, s.stream.len - at);
    assert_int_equal(
        codec_inspect(J2K_UID("92"), iso_buf_bytes(&with), &s.image, &frame, &bytes, &err),
        ISO_EUNSUPPORTED);
    assert_int_equal(
        codec_inspect(J2K_UID("92"), iso_buf_bytes(&s.stream), &s.image, &frame, &bytes, &err),
        ISO_OK);
    cod[8] = 2; /* array-based transform */
    assert_int_equal(inspect(&s, &frame), ISO_EUNSUPPORTED);
    iso_buf_release(&with);
    sample_free(&s);
}

static void broken_bytes_do_no_harm(void **state)
{
    struct sample s    = sample_of(24, 32, 3, 8, CODEC_RGB);
    uint32_t      seed = 9;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        size_t             at    = j2k_random(&seed) % s.stream.len;
        uint8_t            was   = s.stream.ptr[at];
        struct codec_image frame = { 0 };
        struct iso_err     err   = { 0 };
        int                rc;

        s.stream.ptr[at] = (uint8_t)j2k_random(&seed);
        free(j2k_decode(LOSSLESS, iso_buf_bytes(&s.stream), &s.image, &frame, &rc, &err));
        assert_true(rc == ISO_OK || rc == ISO_EFORMAT || rc == ISO_ELIMIT ||
                    rc == ISO_EUNSUPPORTED);
        s.stream.ptr[at] = was;
    }
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_is_the_identity),
        cmocka_unit_test(unused_bits_survive),
        cmocka_unit_test(every_prefix_is_told),
        cmocka_unit_test(a_damaged_frame_is_shown),
        cmocka_unit_test(colours),
        cmocka_unit_test(what_is_encoded_is_described),
        cmocka_unit_test(unsigned_streams_of_signed_images),
        cmocka_unit_test(signed_streams_are_signed),
        cmocka_unit_test(the_stream_says_its_size_and_depth),
        cmocka_unit_test(jp2_boxes_are_taken_off),
        cmocka_unit_test(fewer_samples_are_widened),
        cmocka_unit_test(deep_samples),
        cmocka_unit_test(quality_is_an_error_of_the_range),
        cmocka_unit_test(bombs_are_refused_at_once),
        cmocka_unit_test(part_2_is_refused),
        cmocka_unit_test(broken_bytes_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
