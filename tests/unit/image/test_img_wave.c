/* Waveforms: samples in their units, and where they come to stand on paper.   PS3.3 §C.10.9 */
#include "test.h"

#include "img_wave.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct img_wave    wave;
    struct iso_buf     out;
    struct iso_err     err;
};

static void put(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    enum dcm_vr vr = dcm_dict_find(tag)->vr;
    assert_int_equal(dcm_put_str(ds, &f->arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static void put_number(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, int64_t value)
{
    enum dcm_vr vr = dcm_dict_find(tag)->vr;
    assert_int_equal(dcm_put_i64(ds, &f->arena, tag, vr, value), ISO_OK);
}

static struct dcm_dataset *item(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag)
{
    struct dcm_dataset *made = dcm_put_item(ds, &f->arena, tag);
    assert_non_null(made);
    return made;
}

static void begin(struct fixture *f, const char *sop_class)
{
    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 64 << 20);
    iso_buf_init(&f->out, 64 << 20);
    dcm_dataset_init(&f->ds);
    put(f, &f->ds, DCM_SOP_CLASS_UID, sop_class);
}

static void end(struct fixture *f)
{
    iso_buf_release(&f->out);
    iso_arena_release(&f->arena);
}

static struct dcm_dataset *group(struct fixture *f, int channels, int samples, double hz,
                                 const char *coding, int bits)
{
    struct dcm_dataset *g = item(f, &f->ds, DCM_WAVEFORM_SEQUENCE);
    char                text[32];

    snprintf(text, sizeof text, "%g", hz);
    put_number(f, g, DCM_NUMBER_OF_WAVEFORM_CHANNELS, channels);
    put_number(f, g, DCM_NUMBER_OF_WAVEFORM_SAMPLES, samples);
    put(f, g, DCM_SAMPLING_FREQUENCY, text);
    put(f, g, DCM_WAVEFORM_SAMPLE_INTERPRETATION, coding);
    put_number(f, g, DCM_WAVEFORM_BITS_ALLOCATED, bits);
    return g;
}

static struct dcm_dataset *channel(struct fixture *f, struct dcm_dataset *g, const char *label,
                                   const char *sensitivity, const char *unit)
{
    struct dcm_dataset *c = item(f, g, DCM_CHANNEL_DEFINITION_SEQUENCE);

    put(f, c, DCM_CHANNEL_LABEL, label);
    put(f, c, DCM_CHANNEL_SENSITIVITY, sensitivity);
    put(f, item(f, c, DCM_CHANNEL_SENSITIVITY_UNITS_SEQUENCE), DCM_CODE_VALUE, unit);
    return c;
}

static void put_samples(struct fixture *f, struct dcm_dataset *g, const void *ptr, size_t len)
{
    assert_int_equal(
        dcm_put_raw(g, &f->arena, DCM_WAVEFORM_DATA, DCM_VR_OW, iso_bytes_of(ptr, len)), ISO_OK);
}

static int data_of(void *ctx, const struct dcm_element *el, iso_bytes *out, struct iso_err *err)
{
    (void)ctx, (void)err;
    *out = el->value;
    return ISO_OK;
}

static int read(struct fixture *f)
{
    return img_wave_read(&f->ds, data_of, NULL, &f->arena, &f->wave, &f->err);
}

static const char *svg(struct fixture *f)
{
    iso_buf_reset(&f->out);
    assert_int_equal(img_wave_svg(&f->wave, &f->out, &f->err), ISO_OK);
    assert_int_equal(iso_buf_add_u8(&f->out, 0), ISO_OK);
    return (const char *)f->out.ptr;
}

static double value(const struct fixture *f, size_t channel, size_t i)
{
    double v = NAN;

    return img_wave_value(&f->wave.group[0], channel, i, &v) ? v : NAN;
}

static void calibration(void **state) /* PS3.3 §C.10.9.1.4.2 */
{
    const int16_t       samples[] = { 100, -3, -200, 7, 300, 32767 };
    const uint8_t       padding[] = { 0xff, 0x7f };
    struct fixture      f;
    struct dcm_dataset *g, *c;

    (void)state;
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.1.2");
    g = group(&f, 2, 3, 250, "SS", 16);
    c = channel(&f, g, "Lead II (Einthoven)", "2.5", "uV");
    put(&f, c, DCM_CHANNEL_SENSITIVITY_CORRECTION_FACTOR, "2");
    put(&f, c, DCM_CHANNEL_BASELINE, "10");
    item(&f, g, DCM_CHANNEL_DEFINITION_SEQUENCE); /* says nothing: stored values */
    put_samples(&f, g, samples, sizeof samples);
    assert_int_equal(
        dcm_put_raw(g, &f.arena, DCM_WAVEFORM_PADDING_VALUE, DCM_VR_OW, iso_bytes_of(padding, 2)),
        ISO_OK);
    assert_int_equal(read(&f), ISO_OK);
    assert_text(f.wave.group[0].channel[0].label, "II");
    assert_true(value(&f, 0, 0) == 510 && value(&f, 0, 1) == -990 && value(&f, 0, 2) == 1510);
    assert_true(value(&f, 1, 0) == -3 && value(&f, 1, 1) == 7);
    assert_true(isnan(value(&f, 1, 2)));
    end(&f);
}

static void codings(void **state)
{
    static const struct {
        const char *name;
        int         bits;
        double      first;
    } known[]               = { { "SB", 8, -2 },     { "UB", 8, 254 }, { "SS", 16, -2 },
                                { "US", 16, 65534 }, { "SL", 32, -2 }, { "UL", 32, 4294967294.0 } };
    const uint8_t wire[][4] = { { 0xfe, 1 },
                                { 0xfe, 1 },
                                { 0xfe, 0xff },
                                { 0xfe, 0xff },
                                { 0xfe, 0xff, 0xff, 0xff },
                                { 0xfe, 0xff, 0xff, 0xff } };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct fixture f;

        begin(&f, "1.2.840.10008.5.1.4.1.1.9.4.1");
        struct dcm_dataset *g = group(&f, 1, 9, 8000, known[i].name, known[i].bits);
        put_samples(&f, g, wire[i], 4);
        assert_int_equal(read(&f), ISO_OK);
        assert_int_equal(f.wave.group[0].samples, 32 / known[i].bits); /* what is there counts */
        assert_true(value(&f, 0, 0) == known[i].first);
        end(&f);
    }
}

/* y of the highest point of the only trace with so many points. */
static double highest(const char *page, size_t skip)
{
    const char *p   = page;
    double      top = INFINITY;

    for (size_t i = 0; i <= skip; i++) {
        p = strstr(p + 1, "stroke-width=\".25\"");
        assert_non_null(p);
    }
    p = strstr(p, "points=\"") + 8;
    while (*p != '"') {
        char *next;

        (void)strtod(p, &next);
        double y = strtod(next + 1, &next);
        top      = y < top ? y : top;
        p        = next + (*next == ' ');
    }
    return top;
}

static void one_millivolt_is_ten_millimetres(void **state)
{
    int16_t             samples[500] = { 0 };
    struct fixture      f;
    struct dcm_dataset *g;
    double              top[2];

    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        samples[250] = (int16_t)(pass == 0 ? 0 : 1000);
        begin(&f, "1.2.840.10008.5.1.4.1.1.9.1.2");
        g = group(&f, 1, 500, 250, "SS", 16);
        channel(&f, g, "I", "1", "uV");
        put_samples(&f, g, samples, sizeof samples);
        assert_int_equal(read(&f), ISO_OK);
        top[pass] = highest(svg(&f), 0);
        if (pass == 1) { /* at 1 s: 25 mm from the beginning at 30 */
            assert_non_null(strstr(svg(&f), " 55,"));
            assert_non_null(strstr(svg(&f), "25 mm/s"));
        }
        end(&f);
    }
    /* the paper's first line is where the flat trace had 10 mm above it, the other one 15 */
    assert_true(fabs((top[0] - 10) - (top[1] - 5)) < 0.011);
}

static void twelve_leads(void **state)
{
    static const char *const leads[] = { "V6",  "I",  "II", "III", "aVR", "AVL",
                                         "aVF", "V1", "V2", "V3",  "V4",  "V5" };
    static int16_t           samples[12 * 1000];
    struct fixture           f;
    struct dcm_dataset      *g;
    const char              *page;
    size_t                   traces = 0;

    (void)state;
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.1.1");
    g = group(&f, 12, 1000, 100, "SS", 16);
    for (size_t i = 0; i < 12; i++)
        channel(&f, g, leads[i], "1", "uV");
    put_samples(&f, g, samples, sizeof samples);
    assert_int_equal(read(&f), ISO_OK);
    page = svg(&f);
    for (const char *p = page; (p = strstr(p, "stroke-width=\".25\"")) != NULL; p++)
        traces++;
    assert_int_equal(traces, 13); /* and the rhythm strip */
    assert_non_null(strstr(page, "rhythm: II"));
    assert_non_null(strstr(page, "width=\"290mm\"")); /* 250 of paper */
    end(&f);
}

static void nothing_is_markup(void **state)
{
    static const char   payload[] = "\"'><script>alert(1)</script>";
    const uint8_t       samples[] = { 1, 2, 3, 4 };
    struct fixture      f;
    struct dcm_dataset *g;

    (void)state;
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.2.1");
    put(&f, &f.ds, DCM_PATIENT_NAME, payload);
    put(&f, &f.ds, DCM_STUDY_DESCRIPTION, payload);
    put(&f, item(&f, &f.ds, DCM_WAVEFORM_ANNOTATION_SEQUENCE), DCM_UNFORMATTED_TEXT_VALUE, payload);
    g = group(&f, 1, 4, 10, "UB", 8);
    put(&f, g, DCM_MULTIPLEX_GROUP_LABEL, payload);
    channel(&f, g, payload, "1", "<script>");
    put_samples(&f, g, samples, sizeof samples);
    g = group(&f, 1, 4, 10, "<script>", 8);
    put_samples(&f, g, samples, sizeof samples);
    assert_int_equal(read(&f), ISO_OK);
    assert_null(strstr(svg(&f), "<script"));
    assert_non_null(strstr(svg(&f), "&lt;script&gt;"));
    end(&f);
}

static void sound_in_another_coding_is_named(void **state)
{
    struct fixture      f;
    struct dcm_dataset *g;

    (void)state;
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.4.1");
    g = group(&f, 1, 4, 8000, "MB", 8);
    put_samples(&f, g, "abcd", 4);
    assert_int_equal(read(&f), ISO_OK);
    assert_non_null(strstr(svg(&f), "not shown: samples coded as MB"));
    end(&f);
}

static void a_long_one_is_no_larger(void **state)
{
    enum { SAMPLES = 2000000 };
    struct fixture      f;
    struct dcm_dataset *g;
    uint8_t            *samples = malloc(SAMPLES);

    (void)state;
    assert_non_null(samples);
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = (uint8_t)(i * 37);
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.4.2");
    g = group(&f, 1, SAMPLES, 8000, "UB", 8);
    put_samples(&f, g, samples, SAMPLES);
    assert_int_equal(read(&f), ISO_OK);
    assert_true(strlen(svg(&f)) < 100000);
    free(samples);
    end(&f);
}

static void nonsense(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.1.1");
    assert_int_equal(read(&f), ISO_EUNSUPPORTED);
    put_samples(&f, group(&f, 0, 4, 100, "SS", 16), "abcd", 4);
    assert_int_equal(read(&f), ISO_EFORMAT);
    end(&f);
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.1.1");
    put_samples(&f, group(&f, 3, 4, 100, "SS", 16), "abcd", 4); /* not one sample of each channel */
    assert_int_equal(read(&f), ISO_EFORMAT);
    end(&f);
    begin(&f, "1.2.840.10008.5.1.4.1.1.9.1.1");
    put_samples(&f, group(&f, 65535, 4, 100, "SS", 16), "abcd", 4);
    assert_int_equal(read(&f), ISO_ELIMIT);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calibration),
        cmocka_unit_test(codings),
        cmocka_unit_test(one_millivolt_is_ten_millimetres),
        cmocka_unit_test(twelve_leads),
        cmocka_unit_test(nothing_is_markup),
        cmocka_unit_test(sound_in_another_coding_is_named),
        cmocka_unit_test(a_long_one_is_no_larger),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
