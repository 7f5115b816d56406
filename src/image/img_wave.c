/* img_wave.c: the Waveform Module as numbers with units. Nothing is believed about how much data
 * there is but the data. */
#include "img_wave.h"

#include "img_sr.h"
#include "img_sr_value.h"
#include "iso_reader.h"

#include <math.h>
#include <string.h>

static double number(const struct dcm_dataset *ds, dcm_tag tag, double otherwise)
{
    double v;

    return dcm_get_double(ds, tag, 0, &v) && isfinite(v) ? v : otherwise;
}

/* ---- samples ---- */

static const struct {
    const char          *text;
    unsigned             bits;
    enum img_wave_coding coding;
} codings[] = {
    { "SB", 8, IMG_WAVE_S8 },   { "UB", 8, IMG_WAVE_U8 },   { "SS", 16, IMG_WAVE_S16 },
    { "US", 16, IMG_WAVE_U16 }, { "SL", 32, IMG_WAVE_S32 }, { "UL", 32, IMG_WAVE_U32 },
};

static size_t sample_bytes(enum img_wave_coding coding)
{
    static const uint8_t bytes[] = { 1, 1, 2, 2, 4, 4, 1 };

    return bytes[coding];
}

static double sample_of(enum img_wave_coding coding, const uint8_t *p)
{
    switch (coding) {
    case IMG_WAVE_S8:
        return (int8_t)p[0];
    case IMG_WAVE_U8:
        return p[0];
    case IMG_WAVE_S16:
        return (int16_t)iso_u16le(p);
    case IMG_WAVE_U16:
        return iso_u16le(p);
    case IMG_WAVE_S32:
        return (int32_t)iso_u32le(p);
    case IMG_WAVE_U32:
        return iso_u32le(p);
    case IMG_WAVE_UNKNOWN:
        break;
    }
    return 0;
}

bool img_wave_value(const struct img_wave_group *group, size_t channel, size_t i, double *out)
{
    const struct img_wave_channel *c     = &group->channel[channel];
    size_t                         bytes = sample_bytes(group->coding);
    size_t                         at    = (i * group->channels + channel) * bytes;
    double                         v     = sample_of(group->coding, group->data.ptr + at);

    if (group->has_padding && v == group->padding)
        return false;
    *out = v * c->scale + c->baseline;
    return true;
}

/* ---- channels ---- */

/* Channel Label, else what the channel's source is called; "Lead II (Einthoven)" is II. */
static iso_str label_of(const struct dcm_dataset *ds, struct iso_arena *arena)
{
    iso_str label = iso_str_trim(dcm_get_text(ds, DCM_CHANNEL_LABEL, arena));

    if (label.len == 0)
        label = img_code_meaning(ds, DCM_CHANNEL_SOURCE_SEQUENCE, arena);
    if (label.len > 5 && iso_str_eq_nocase(iso_str_sub(label, 0, 5), ISO_STR("lead ")))
        label = iso_str_trim(iso_str_sub(label, 5, label.len));
    size_t bracket = iso_str_find(label, '(', 0);
    if (bracket > 0 && bracket < label.len)
        label = iso_str_trim(iso_str_sub(label, 0, bracket));
    return label;
}

/* The code is shorter than its meaning: "uV", "mm[Hg]". */
static iso_str unit_of(const struct dcm_dataset *ds, struct iso_arena *arena)
{
    const struct dcm_dataset *unit = dcm_get_item(ds, DCM_CHANNEL_SENSITIVITY_UNITS_SEQUENCE, 0);
    iso_str value = unit != NULL ? dcm_get_text(unit, DCM_CODE_VALUE, arena) : ISO_STR("");

    if (iso_str_eq_c(value, "1"))
        return ISO_STR("");
    return value.len > 0 ? value
                         : img_code_meaning(ds, DCM_CHANNEL_SENSITIVITY_UNITS_SEQUENCE, arena);
}

/* Sensitivity is units per bit; the correction factor multiplies it.   PS3.3 §C.10.9.1.4.2 */
static void read_channel(const struct dcm_dataset *ds, struct iso_arena *arena,
                         struct img_wave_channel *out)
{
    double sensitivity = number(ds, DCM_CHANNEL_SENSITIVITY, 0);

    out->label = label_of(ds, arena);
    out->scale = 1;
    if (sensitivity != 0) {
        out->unit     = unit_of(ds, arena);
        out->scale    = sensitivity * number(ds, DCM_CHANNEL_SENSITIVITY_CORRECTION_FACTOR, 1);
        out->baseline = number(ds, DCM_CHANNEL_BASELINE, 0);
    }
    out->low_hz   = number(ds, DCM_FILTER_LOW_FREQUENCY, 0);
    out->high_hz  = number(ds, DCM_FILTER_HIGH_FREQUENCY, 0);
    out->notch_hz = number(ds, DCM_NOTCH_FILTER_FREQUENCY, 0);
}

static int read_channels(const struct dcm_dataset *ds, struct iso_arena *arena,
                         struct img_wave_group *group, struct iso_err *err)
{
    struct img_wave_channel *list = iso_arena_array(arena, group->channels, sizeof *list);

    if (list == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < group->channels; i++) {
        const struct dcm_dataset *c = dcm_get_item(ds, DCM_CHANNEL_DEFINITION_SEQUENCE, i);

        list[i].scale = 1;
        if (c != NULL)
            read_channel(c, arena, &list[i]);
    }
    group->channel = list;
    return ISO_OK;
}

/* ---- groups ---- */

static void read_coding(const struct dcm_dataset *ds, struct img_wave_group *group)
{
    int64_t bits       = 0;
    group->coding_text = dcm_get_ascii(ds, DCM_WAVEFORM_SAMPLE_INTERPRETATION);
    group->coding      = IMG_WAVE_UNKNOWN;
    (void)dcm_get_i64(ds, DCM_WAVEFORM_BITS_ALLOCATED, 0, &bits);
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++)
        if (iso_str_eq_c(group->coding_text, codings[i].text) && bits == codings[i].bits)
            group->coding = codings[i].coding;
}

/* Of one sample's size, coded as the samples are. */
static void read_padding(const struct dcm_dataset *ds, struct img_wave_group *group)
{
    const struct dcm_element *el = dcm_get(ds, DCM_WAVEFORM_PADDING_VALUE);

    if (el == NULL || el->form != DCM_FORM_VALUE || el->value.len < sample_bytes(group->coding))
        return;
    group->has_padding = true;
    group->padding     = sample_of(group->coding, el->value.ptr);
}

static int read_group(const struct dcm_dataset *ds, img_wave_data *data, void *ctx,
                      struct iso_arena *arena, struct img_wave_group *group, struct iso_err *err)
{
    const struct dcm_element *el       = dcm_get(ds, DCM_WAVEFORM_DATA);
    int64_t                   channels = 0, samples = 0;
    int                       rc;

    (void)dcm_get_i64(ds, DCM_NUMBER_OF_WAVEFORM_CHANNELS, 0, &channels);
    (void)dcm_get_i64(ds, DCM_NUMBER_OF_WAVEFORM_SAMPLES, 0, &samples);
    group->frequency = number(ds, DCM_SAMPLING_FREQUENCY, 0);
    group->label     = dcm_get_text(ds, DCM_MULTIPLEX_GROUP_LABEL, arena);
    if (el == NULL || channels < 1 || samples < 1 || !(group->frequency > 0))
        return iso_fail(err, ISO_EFORMAT, "a multiplex group without channels, samples or data");
    if (channels > IMG_WAVE_CHANNELS_MAX)
        return iso_fail(err, ISO_ELIMIT, "a multiplex group of %lld channels", (long long)channels);
    group->channels = (size_t)channels;
    read_coding(ds, group);
    rc = read_channels(ds, arena, group, err);
    if (rc < 0 || group->coding == IMG_WAVE_UNKNOWN)
        return rc;
    read_padding(ds, group);
    rc = data(ctx, el, &group->data, err);
    if (rc < 0)
        return rc;
    group->samples = group->data.len / (sample_bytes(group->coding) * group->channels);
    if ((uint64_t)samples < group->samples)
        group->samples = (size_t)samples;
    return group->samples > 0 ? ISO_OK
                              : iso_fail(err, ISO_EFORMAT, "a multiplex group without samples");
}

/* ---- what is written beside it ---- */

/* "Heart rate 62 /min", "Sinus rhythm".   PS3.3 §C.10.10 */
static iso_str note_of(const struct dcm_dataset *ds, struct iso_arena *arena)
{
    iso_str text  = iso_str_trim(dcm_get_text(ds, DCM_UNFORMATTED_TEXT_VALUE, arena));
    iso_str name  = img_code_meaning(ds, DCM_CONCEPT_NAME_CODE_SEQUENCE, arena);
    iso_str value = dcm_get_text(ds, DCM_NUMERIC_VALUE, arena);
    iso_str code  = img_code_meaning(ds, DCM_CONCEPT_CODE_SEQUENCE, arena);

    if (text.len > 0)
        return text;
    const struct dcm_dataset *unit = dcm_get_item(ds, DCM_MEASUREMENT_UNITS_CODE_SEQUENCE, 0);
    iso_str in = unit != NULL ? dcm_get_text(unit, DCM_CODE_VALUE, arena) : ISO_STR("");
    if (iso_str_eq_c(in, "1"))
        in = ISO_STR("");
    if (value.len == 0 && code.len == 0)
        return name;
    return iso_arena_printf(arena, "%.*s%s%.*s%s%.*s", ISO_STR_ARG(name), name.len > 0 ? " " : "",
                            ISO_STR_ARG(value.len > 0 ? value : code),
                            value.len > 0 && in.len > 0 ? " " : "",
                            ISO_STR_ARG(value.len > 0 ? in : ISO_STR("")));
}

static void read_notes(const struct dcm_dataset *ds, struct iso_arena *arena, struct img_wave *out)
{
    const struct dcm_element *el = dcm_get(ds, DCM_WAVEFORM_ANNOTATION_SEQUENCE);

    for (size_t i = 0; el != NULL && i < el->item_count && out->notes < IMG_WAVE_NOTES_MAX; i++) {
        iso_str note = note_of(&el->items[i], arena);

        if (note.len > 0)
            out->note[out->notes++] = note;
    }
}

/* The parts that say something, apart by " · ". */
static iso_str in_one_line(const struct dcm_dataset *ds, const dcm_tag *tags, size_t count,
                           struct iso_arena *arena)
{
    iso_str line = ISO_STR("");

    for (size_t i = 0; i < count; i++) {
        iso_str v = iso_str_trim(img_text_of(ds, tags[i], arena));

        if (v.len > 0)
            line = iso_arena_printf(arena, "%.*s%s%.*s", (int)line.len,
                                    line.ptr != NULL ? line.ptr : "",
                                    line.len > 0 ? " \xc2\xb7 " : "", ISO_STR_ARG(v));
    }
    return line;
}

static void read_head(const struct dcm_dataset *ds, struct iso_arena *arena, struct img_wave *out)
{
    static const dcm_tag        who[]  = { DCM_PATIENT_NAME, DCM_PATIENT_ID, DCM_PATIENT_BIRTH_DATE,
                                           DCM_PATIENT_SEX, DCM_PATIENT_AGE };
    static const dcm_tag        when[] = { DCM_STUDY_DESCRIPTION, DCM_SERIES_DESCRIPTION,
                                           DCM_ACQUISITION_DATE_TIME, DCM_CONTENT_DATE, DCM_CONTENT_TIME };
    size_t                      count  = sizeof when / sizeof *when;
    iso_str                     class_uid = dcm_get_ascii(ds, DCM_SOP_CLASS_UID);
    const struct dcm_uid_entry *known     = dcm_uid_find(class_uid);

    out->title = known != NULL ? iso_str_c(known->name) : ISO_STR("Waveform");
    if (iso_str_ends(out->title, ISO_STR(" Storage")))
        out->title.len -= sizeof " Storage" - 1;
    if (dcm_get(ds, DCM_ACQUISITION_DATE_TIME) != NULL)
        count -= 2; /* the more exact of the two */
    out->head[0] = in_one_line(ds, who, sizeof who / sizeof *who, arena);
    out->head[1] = in_one_line(ds, when, count, arena);
    out->is_ecg  = iso_str_starts(class_uid, ISO_STR("1.2.840.10008.5.1.4.1.1.9.1."));
}

int img_wave_read(const struct dcm_dataset *ds, img_wave_data *data, void *ctx,
                  struct iso_arena *arena, struct img_wave *out, struct iso_err *err)
{
    const struct dcm_element *el   = dcm_get(ds, DCM_WAVEFORM_SEQUENCE);
    struct img_wave           wave = { 0 };
    struct img_wave_group    *groups;
    int                       rc;

    if (el == NULL || el->item_count == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object holds no waveform");
    if (el->item_count > IMG_WAVE_GROUPS_MAX)
        return iso_fail(err, ISO_ELIMIT, "%zu multiplex groups", el->item_count);
    groups = iso_arena_array(arena, el->item_count, sizeof *groups);
    if (groups == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < el->item_count; i++) {
        rc = read_group(&el->items[i], data, ctx, arena, &groups[i], err);
        if (rc < 0)
            return iso_wrap(err, rc, "multiplex group %zu", i + 1);
    }
    wave.group  = groups;
    wave.groups = el->item_count;
    read_head(ds, arena, &wave);
    read_notes(ds, arena, &wave);
    *out = wave;
    return ISO_OK;
}
