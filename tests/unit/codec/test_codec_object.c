/* Whole data sets in other transfer syntaxes.   PS3.5 §8.2, §A.4; PS3.3 §C.7.6.1.1.5 */
#include "test.h"

#include "codec_object.h"
#include "dcm_file.h"
#include "dcm_writer.h"
#include "iso_reader.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

#define NATIVE  "1.2.840.10008.1.2.1"
#define PLAIN98 "1.2.840.10008.1.2.1.98"
#define RLE     "1.2.840.10008.1.2.5"

enum { BYTES_MAX = 4 << 20 };

/* An object under construction, and what became of it. */
struct fixture {
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct iso_buf     stream;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL)
        return -1;
    iso_arena_init(&f->arena, 64 << 20);
    iso_buf_init(&f->stream, BYTES_MAX);
    dcm_dataset_init(&f->ds);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    iso_arena_release(&f->arena);
    iso_buf_release(&f->stream);
    free(f);
    return 0;
}

static void put_number(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, int64_t value)
{
    assert_int_equal(
        dcm_put_i64(ds, &f->arena, tag, tag == DCM_NUMBER_OF_FRAMES ? DCM_VR_IS : DCM_VR_US, value),
        ISO_OK);
}

static void put_text(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr,
                     const char *text)
{
    assert_int_equal(dcm_put_str(ds, &f->arena, tag, vr, iso_str_c(text)), ISO_OK);
}

/* Describes an image in ds; pixels go behind. */
static void put_image(struct fixture *f, struct dcm_dataset *ds, unsigned rows, unsigned columns,
                      unsigned allocated, unsigned stored, unsigned samples, iso_bytes pixels)
{
    put_number(f, ds, DCM_SAMPLES_PER_PIXEL, samples);
    put_text(f, ds, DCM_PHOTOMETRIC_INTERPRETATION, DCM_VR_CS,
             samples == 3 ? "RGB" : "MONOCHROME2");
    if (samples == 3)
        put_number(f, ds, DCM_PLANAR_CONFIGURATION, 0);
    put_number(f, ds, DCM_ROWS, rows);
    put_number(f, ds, DCM_COLUMNS, columns);
    put_number(f, ds, DCM_BITS_ALLOCATED, allocated);
    put_number(f, ds, DCM_BITS_STORED, stored);
    put_number(f, ds, DCM_HIGH_BIT, stored - 1);
    put_number(f, ds, DCM_PIXEL_REPRESENTATION, 0);
    if (pixels.len > 0)
        assert_int_equal(dcm_put_raw(ds, &f->arena, DCM_PIXEL_DATA,
                                     allocated > 8 ? DCM_VR_OW : DCM_VR_OB, pixels),
                         ISO_OK);
}

static void begin(struct fixture *f)
{
    put_text(f, &f->ds, DCM_IMAGE_TYPE, DCM_VR_CS, "ORIGINAL\\PRIMARY\\AXIAL");
    put_text(f, &f->ds, DCM_SOP_CLASS_UID, DCM_VR_UI, "1.2.840.10008.5.1.4.1.1.7");
    put_text(f, &f->ds, DCM_SOP_INSTANCE_UID, DCM_VR_UI, "1.2.3.4");
    put_text(f, &f->ds, DCM_PATIENT_NAME, DCM_VR_PN, "Test^Anna");
}

/* Of f->ds as explicit VR little endian, into f->stream. */
static void encode(struct fixture *f)
{
    struct iso_err err = { 0 };

    iso_buf_reset(&f->stream);
    if (dcm_write(&f->ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&f->stream), &err) < 0)
        fail_msg("%s", err.text);
}

static void add_item(struct iso_buf *out, iso_bytes content)
{
    iso_buf_add(out, "\xfe\xff\x00\xe0", 4);
    iso_buf_add_u32le(out, (uint32_t)content.len);
    iso_buf_add(out, content.ptr, content.len);
}

/* Appends encapsulated pixel data of these fragments to f->stream. */
static void add_fragments(struct fixture *f, iso_bytes table, const iso_bytes *list, size_t count)
{
    iso_buf_add(&f->stream, "\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff", 12);
    add_item(&f->stream, table);
    for (size_t i = 0; i < count; i++)
        add_item(&f->stream, list[i]);
    iso_buf_add(&f->stream, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
    assert_true(iso_buf_ok(&f->stream));
}

/* What is in f->stream, in `from`, becomes `to` there. */
static int convert(struct fixture *f, const char *from, const char *to,
                   const struct codec_object_options *options, struct codec_object_result *result,
                   struct iso_err *err)
{
    int in  = -1;
    int out = -1;

    assert_int_equal(os_open_scratch(&in, err), ISO_OK);
    assert_int_equal(os_write(in, "....", 4, err), ISO_OK); /* it need not begin at 0 */
    assert_int_equal(os_write(in, f->stream.ptr, f->stream.len, err), ISO_OK);
    const struct codec_object_source source = { in, 4, f->stream.len, iso_str_c(from) };
    int rc = codec_object_scratch(NULL, &source, iso_str_c(to), options, &out, result, err);
    if (rc == ISO_OK) {
        iso_buf_reset(&f->stream);
        assert_int_equal(iso_buf_reserve(&f->stream, (size_t)result->bytes), ISO_OK);
        assert_int_equal(os_read_exact_at(out, f->stream.ptr, (size_t)result->bytes, 0, err),
                         ISO_OK);
        f->stream.len = (size_t)result->bytes;
    }
    os_close(in);
    os_close(out);
    return rc;
}

static void must(struct fixture *f, const char *from, const char *to,
                 struct codec_object_result *result)
{
    const struct codec_object_options options = { .verify = true, .threads = 3 };
    struct iso_err                    err     = { 0 };

    if (convert(f, from, to, &options, result, &err) < 0)
        fail_msg("%s to %s: %s", from, to, err.text);
}

/* f->stream as a tree; everything is kept. */
static void parse(struct fixture *f, const char *uid, struct dcm_dataset *ds)
{
    struct iso_err err = { 0 };

    if (dcm_dataset_parse(iso_buf_bytes(&f->stream), dcm_syntax_find(iso_str_c(uid)), &f->arena, ds,
                          &err) < 0)
        fail_msg("%s: %s", uid, err.text);
}

static int64_t number(const struct dcm_dataset *ds, dcm_tag tag)
{
    int64_t v = -1;

    (void)dcm_get_i64(ds, tag, 0, &v);
    return v;
}

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(i / 3 + (seed >> 29));
    }
}

/* ---- */

static void every_lossless_form_and_back(void **state)
{
    static const struct {
        unsigned rows, columns, allocated, stored, samples, frames;
    } images[] = {
        { 7, 5, 8, 8, 1, 1 },  { 16, 16, 16, 12, 1, 3 }, { 1, 9, 16, 16, 1, 2 },
        { 11, 1, 8, 8, 3, 1 }, { 13, 17, 8, 8, 3, 2 },   { 9, 9, 16, 10, 1, 1 },
    };
    struct fixture            *f = *state;
    struct codec_object_result result;
    const char                *uid;

    for (size_t k = 0; k < sizeof images / sizeof *images; k++) {
        uint8_t            pixels[4096];
        struct dcm_dataset got;
        const size_t       bytes = (size_t)images[k].rows * images[k].columns * images[k].samples *
                             images[k].frames * images[k].allocated / 8;

        dcm_dataset_init(&f->ds);
        begin(f);
        fill(pixels, bytes, (uint32_t)k);
        for (size_t i = 1; images[k].allocated == 16 && i < bytes; i += 2)
            pixels[i] &= (uint8_t)((1u << (images[k].stored - 8)) - 1);
        put_number(f, &f->ds, DCM_NUMBER_OF_FRAMES, images[k].frames);
        put_image(f, &f->ds, images[k].rows, images[k].columns, images[k].allocated,
                  images[k].stored, images[k].samples, iso_bytes_of(pixels, bytes));
        for (size_t i = 0; (uid = codec_syntax(i)) != NULL; i++) {
            const struct dcm_syntax *to = dcm_syntax_find(iso_str_c(uid));

            if (to->lossy || !codec_object_can(ISO_STR(NATIVE), iso_str_c(uid), NULL))
                continue;
            encode(f);
            must(f, NATIVE, uid, &result);
            if (to->encapsulated)
                assert_int_equal(result.frames, images[k].frames);
            parse(f, uid, &got);
            assert_int_equal(number(&got, DCM_BITS_STORED), images[k].stored);
            assert_text(dcm_get_raw(&got, DCM_PATIENT_NAME), "Test^Anna");
            assert_null(dcm_get(&got, DCM_LOSSY_IMAGE_COMPRESSION));
            must(f, uid, NATIVE, &result);
            parse(f, NATIVE, &got);
            const struct dcm_element *el = dcm_get(&got, DCM_PIXEL_DATA);
            assert_non_null(el);
            assert_int_equal(el->value.len, bytes + bytes % 2);
            assert_memory_equal(el->value.ptr, pixels, bytes);
        }
    }
}

static void frames_in_several_fragments(void **state)
{
    struct fixture            *f = *state;
    struct codec_object_result result;
    struct dcm_dataset         got;
    uint8_t                    pixels[2 * 64];
    uint8_t                    table[8] = { 0 };
    struct iso_err             err      = { 0 };
    iso_bytes                  piece[4];

    begin(f);
    fill(pixels, sizeof pixels, 5);
    put_number(f, &f->ds, DCM_NUMBER_OF_FRAMES, 2);
    put_image(f, &f->ds, 8, 8, 8, 8, 1, iso_bytes_of(NULL, 0));
    for (size_t i = 0; i < 4; i++)
        piece[i] = iso_bytes_of(pixels + 32 * i, 32);
    iso_put_u32le(table + 4, 2 * (8 + 32));
    encode(f);
    add_fragments(f, iso_bytes_of(table, sizeof table), piece, 4);
    must(f, PLAIN98, RLE, &result);
    assert_int_equal(result.frames, 2);
    must(f, RLE, NATIVE, &result);
    parse(f, NATIVE, &got);
    assert_memory_equal(dcm_get(&got, DCM_PIXEL_DATA)->value.ptr, pixels, sizeof pixels);

    iso_put_u32le(table + 4, 33); /* points nowhere, and no marks help */
    encode(f);
    add_fragments(f, iso_bytes_of(table, sizeof table), piece, 4);
    assert_int_equal(convert(f, PLAIN98, RLE, NULL, &result, &err), ISO_EFORMAT);
}

static void single_bits_follow_each_other(void **state) /* PS3.5 §8.1.1 */
{
    static const uint8_t       bits[] = { 0xa5, 0x3c, 0xf0, 0x5b, 0x96, 0x15 }; /* 3 of 5 x 3 */
    struct fixture            *f      = *state;
    struct codec_object_result result;
    struct dcm_dataset         got;
    struct iso_err             err = { 0 };

    begin(f);
    put_number(f, &f->ds, DCM_NUMBER_OF_FRAMES, 3);
    put_image(f, &f->ds, 3, 5, 1, 1, 1, iso_bytes_of(bits, sizeof bits));
    encode(f);
    must(f, NATIVE, PLAIN98, &result);
    parse(f, PLAIN98, &got);
    assert_int_equal(number(&got, DCM_BITS_ALLOCATED), 1);
    must(f, PLAIN98, NATIVE, &result);
    parse(f, NATIVE, &got);
    const struct dcm_element *el = dcm_get(&got, DCM_PIXEL_DATA);
    assert_int_equal(el->value.len, 6);
    assert_memory_equal(el->value.ptr, bits, 5);
    assert_int_equal(el->value.ptr[5], bits[5] & 0x1f);
    assert_int_equal(convert(f, NATIVE, RLE, NULL, &result, &err), ISO_EUNSUPPORTED);
}

static void icons_become_native(void **state)
{
    struct fixture            *f = *state;
    struct codec_object_result result;
    uint8_t                    pixels[64];
    struct dcm_dataset         got;
    static const uint8_t       icon[] = /* one RLE segment: 4 literal bytes */
        { 1, 0, 0, 0, 64, 0, 0, 0, [64] = 3, 10, 20, 30, 40, 0x80 };

    for (int broken = 0; broken < 2; broken++) {
        dcm_dataset_init(&f->ds);
        begin(f);
        fill(pixels, sizeof pixels, 5);
        put_image(f, &f->ds, 8, 8, 8, 8, 1, iso_bytes_of(NULL, 0));
        encode(f);
        /* (0088,0200) of one item, written by hand: fragments within */
        struct fixture inner = { .arena = f->arena };
        iso_buf_init(&inner.stream, BYTES_MAX);
        dcm_dataset_init(&inner.ds);
        put_image(&inner, &inner.ds, 2, 2, 8, 8, 1, iso_bytes_of(NULL, 0));
        encode(&inner);
        const iso_bytes one = iso_bytes_of(icon, broken ? 60 : sizeof icon);
        add_fragments(&inner, iso_bytes_of(NULL, 0), &one, 1);
        f->arena = inner.arena;
        iso_buf_add(&f->stream, "\x88\x00\x00\x02SQ\0\0\xff\xff\xff\xff", 12);
        iso_buf_add(&f->stream, "\xfe\xff\x00\xe0\xff\xff\xff\xff", 8);
        iso_buf_add(&f->stream, inner.stream.ptr, inner.stream.len);
        iso_buf_add(&f->stream, "\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0", 16);
        iso_buf_release(&inner.stream);
        uint8_t frame[64 + 66] = { 1, 0, 0, 0, 64, 0, 0, 0, [64] = 63 };
        memcpy(frame + 65, pixels, 64);
        const iso_bytes whole = iso_bytes_of(frame, sizeof frame);
        add_fragments(f, iso_bytes_of(NULL, 0), &whole, 1);

        must(f, RLE, NATIVE, &result);
        parse(f, NATIVE, &got);
        assert_memory_equal(dcm_get(&got, DCM_PIXEL_DATA)->value.ptr, pixels, sizeof pixels);
        const struct dcm_dataset *item = dcm_get_item(&got, DCM_ICON_IMAGE_SEQUENCE, 0);
        if (broken) { /* it is left out, the object is not */
            assert_null(item);
            continue;
        }
        assert_non_null(item);
        const struct dcm_element *el = dcm_get(item, DCM_PIXEL_DATA);
        assert_int_equal(el->form, DCM_FORM_VALUE);
        assert_int_equal(el->value.len, 4);
        assert_memory_equal(el->value.ptr, icon + 65, 4);
    }
}

static void damaged_frames_are_refused(void **state)
{
    struct fixture            *f      = *state;
    struct codec_object_result result = { .bytes = 77 };
    uint8_t                    pixels[4 * 64];
    struct iso_err             err = { 0 };

    begin(f);
    fill(pixels, sizeof pixels, 5);
    put_number(f, &f->ds, DCM_NUMBER_OF_FRAMES, 4);
    put_image(f, &f->ds, 8, 8, 8, 8, 1, iso_bytes_of(pixels, sizeof pixels));
    encode(f);
    must(f, NATIVE, RLE, &result);
    const size_t whole = f->stream.len;
    uint8_t     *copy  = iso_arena_alloc(&f->arena, whole);
    assert_non_null(copy);
    memcpy(copy, f->stream.ptr, whole);
    for (size_t cut = 0; cut<whole; cut += cut> 400 ? 7 : 1) {
        struct codec_object_result none = { .bytes = 77, .frames = 77 };

        f->stream.len = cut;
        if (convert(f, RLE, NATIVE, NULL, &none, &err) == ISO_OK)
            assert_int_equal(none.frames, 0); /* cut between two elements, before the pixels */
        else
            assert_int_equal(none.bytes, 77); /* untouched */
        memcpy(f->stream.ptr, copy, whole);
    }
    f->stream.len = whole;
    size_t last   = whole - 12; /* the item of the last frame */
    while (memcmp(f->stream.ptr + last, "\xfe\xff\x00\xe0", 4) != 0)
        last--;
    f->stream.ptr[last + 8] = 99;   /* segments: 15 are possible */
    for (int i = 0; i < 100; i++) { /* whoever waits for its turn meanwhile */
        assert_int_equal(convert(f, RLE, NATIVE, NULL, &result, &err), ISO_EFORMAT);
        assert_non_null(strstr(err.text, "frame 4"));
    }
}

static void overlays_move_out_of_unused_bits(void **state) /* PS3.5 §8.1.2 */
{
    struct fixture            *f    = *state;
    const dcm_tag              rows = DCM_OVERLAY_ROWS + (2u << 16); /* group 6002 */
    struct codec_object_result result;
    uint8_t                    pixels[2 * 40];
    struct dcm_dataset         got;
    struct iso_err             err = { 0 };

    assert_true(codec_can_encode(ISO_STR("1.2.840.10008.1.2.4.80")));
    begin(f);
    for (size_t i = 0; i < 40; i++)
        iso_put_u16le(pixels + 2 * i, (uint16_t)(i * 100 | (i % 3 == 0 ? 0x8000 : 0)));
    put_image(f, &f->ds, 4, 10, 16, 12, 1, iso_bytes_of(pixels, sizeof pixels));
    put_number(f, &f->ds, rows, 4);
    put_number(f, &f->ds, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_COLUMNS, 10);
    put_number(f, &f->ds, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_BITS_ALLOCATED, 16);
    put_number(f, &f->ds, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_BIT_POSITION, 15);
    encode(f);
    must(f, NATIVE, RLE, &result); /* all bits stay where they are */
    parse(f, RLE, &got);
    assert_int_equal(number(&got, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_BIT_POSITION), 15);
    assert_null(dcm_get(&got, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_DATA));
    must(f, RLE, "1.2.840.10008.1.2.4.80", &result);
    parse(f, "1.2.840.10008.1.2.4.80", &got);
    assert_int_equal(number(&got, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_BIT_POSITION), 0);
    assert_int_equal(number(&got, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_BITS_ALLOCATED), 1);
    const struct dcm_element *data = dcm_get(&got, rows - DCM_OVERLAY_ROWS + DCM_OVERLAY_DATA);
    assert_int_equal(data->value.len, 6);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(data->value.ptr[i / 8] >> i % 8 & 1, i % 3 == 0);
    if (convert(f, "1.2.840.10008.1.2.4.80", NATIVE, NULL, &result, &err) < 0)
        fail_msg("%s", err.text);
    parse(f, NATIVE, &got);
    assert_int_equal(number(&got, DCM_BITS_STORED), 12);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(iso_u16le(dcm_get(&got, DCM_PIXEL_DATA)->value.ptr + 2 * i), i * 100);
}

static void loss_is_put_on_record(void **state) /* PS3.3 §C.7.6.1.1.5 */
{
    const char                 *near    = "1.2.840.10008.1.2.4.81";
    struct codec_object_options options = { .new_sop_instance_uid = ISO_STR("1.2.3.5") };
    struct fixture             *f       = *state;
    struct codec_object_result  result;
    uint8_t                     pixels[1024];
    struct dcm_dataset          got;
    struct iso_err              err = { 0 };

    assert_true(codec_can_encode(iso_str_c(near)));
    begin(f);
    fill(pixels, sizeof pixels, 9);
    put_text(f, &f->ds, DCM_LOSSY_IMAGE_COMPRESSION, DCM_VR_CS, "01");
    put_text(f, &f->ds, DCM_LOSSY_IMAGE_COMPRESSION_RATIO, DCM_VR_DS, "7.5");
    put_text(f, &f->ds, DCM_LOSSY_IMAGE_COMPRESSION_METHOD, DCM_VR_CS, "ISO_10918_1");
    put_image(f, &f->ds, 32, 32, 8, 8, 1, iso_bytes_of(pixels, sizeof pixels));
    encode(f);
    if (convert(f, NATIVE, near, &options, &result, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(result.lossy);
    parse(f, near, &got);
    assert_text(dcm_get_raw(&got, DCM_IMAGE_TYPE), "DERIVED\\PRIMARY\\AXIAL");
    assert_text(dcm_get_raw(&got, DCM_LOSSY_IMAGE_COMPRESSION_METHOD), "ISO_10918_1\\ISO_14495_1");
    double ratio = 0;
    assert_true(dcm_get_double(&got, DCM_LOSSY_IMAGE_COMPRESSION_RATIO, 0, &ratio) && ratio == 7.5);
    assert_true(dcm_get_double(&got, DCM_LOSSY_IMAGE_COMPRESSION_RATIO, 1, &ratio));
    assert_true(ratio > 1024.0 / (double)result.pixels_to - 0.006 &&
                ratio < 1024.0 / (double)result.pixels_to + 0.006);
    assert_text(dcm_get_ascii(&got, DCM_SOP_INSTANCE_UID), "1.2.3.5");
    const struct dcm_dataset *source = dcm_get_item(&got, DCM_SOURCE_IMAGE_SEQUENCE, 0);
    assert_text(dcm_get_ascii(source, DCM_REFERENCED_SOP_INSTANCE_UID), "1.2.3.4");
}

static void through_deflated_and_big_endian(void **state)
{
    static const char *const   others[] = { "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
                                            "1.2.840.10008.1.2" };
    struct fixture            *f        = *state;
    struct codec_object_result result;
    uint8_t                    pixels[2 * 60];
    struct dcm_dataset         got;

    for (size_t k = 0; k < 3; k++) {
        dcm_dataset_init(&f->ds);
        begin(f);
        fill(pixels, sizeof pixels, 9);
        put_image(f, &f->ds, 6, 10, 16, 16, 1, iso_bytes_of(pixels, sizeof pixels));
        encode(f);
        must(f, NATIVE, others[k], &result);
        must(f, others[k], RLE, &result);
        must(f, RLE, others[k], &result);
        parse(f, others[k], &got);
        assert_memory_equal(dcm_get(&got, DCM_PIXEL_DATA)->value.ptr, pixels, sizeof pixels);
        must(f, others[k], NATIVE, &result);
        parse(f, NATIVE, &got);
        assert_memory_equal(dcm_get(&got, DCM_PIXEL_DATA)->value.ptr, pixels, sizeof pixels);
    }
}

static void what_cannot_be_is_said_before(void **state)
{
    struct fixture            *f    = *state;
    const struct codec_image   grey = { .rows           = 4,
                                        .columns        = 4,
                                        .samples        = 1,
                                        .bits_allocated = 16,
                                        .bits_stored    = 16,
                                        .high_bit       = 15,
                                        .photometric    = CODEC_MONOCHROME2 };
    struct codec_image         real = grey;
    struct codec_object_result result;
    struct iso_err             err = { 0 };

    real.is_float       = true;
    real.bits_allocated = 32;
    assert_true(codec_object_can(ISO_STR(NATIVE), ISO_STR(RLE), &grey));
    assert_true(codec_object_can(ISO_STR("1.2.840.10008.1.2.1.99"), ISO_STR(RLE), NULL));
    assert_false(codec_object_can(ISO_STR(NATIVE), ISO_STR(RLE), &real));
    assert_true(codec_object_can(ISO_STR(NATIVE), ISO_STR("1.2.840.10008.1.2"), &real));
    assert_false(codec_object_can(ISO_STR("1.2.840.10008.1.2.4.100"), ISO_STR(NATIVE), NULL));
    assert_true(codec_object_can(ISO_STR("1.2.3"), ISO_STR("1.2.3"), NULL)); /* as it is */
    assert_false(codec_object_can(ISO_STR("1.2.3"), ISO_STR(NATIVE), NULL));
    assert_false(codec_object_can(ISO_STR(NATIVE), ISO_STR("1.2.840.10008.1.2.4.111"), NULL));
    assert_false(codec_object_can(ISO_STR(NATIVE), ISO_STR("1.2.840.10008.1.2.4.102"), NULL));

    begin(f); /* no pixels */
    encode(f);
    assert_int_equal(convert(f, NATIVE, RLE, NULL, &result, &err), ISO_ENOENT);
    must(f, RLE, NATIVE, &result); /* said to be compressed, though there is nothing */
    assert_int_equal(result.frames, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_lossless_form_and_back),  TEST(frames_in_several_fragments),
        TEST(single_bits_follow_each_other), TEST(icons_become_native),
        TEST(damaged_frames_are_refused),    TEST(overlays_move_out_of_unused_bits),
        TEST(loss_is_put_on_record),         TEST(through_deflated_and_big_endian),
        TEST(what_cannot_be_is_said_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
