/* index_column.c: the table of columns, and how a header's values become theirs. */
#include "index_column.h"

#include "dcm_match.h"

#include <string.h>

#define P INDEX_PATIENT
#define S INDEX_STUDY
#define E INDEX_SERIES
#define I INDEX_INSTANCE

/* clang-format off */
const struct index_column INDEX_COLUMN[] = {
    /* tag        level kind        VR         column                     infix  indexed interned */
    { 0x00100010, P, INDEX_NAME, DCM_VR_PN, "patient_name",               true,  true,  false },
    { 0x00100020, P, INDEX_TEXT, DCM_VR_LO, "patient_id",                 true,  true,  false },
    { 0x00100021, P, INDEX_TEXT, DCM_VR_LO, "issuer_of_patient_id",       false, false, false },
    { 0x00100030, P, INDEX_DATE, DCM_VR_DA, "patient_birth_date",         false, true,  false },
    { 0x00100032, P, INDEX_TIME, DCM_VR_TM, "patient_birth_time",         false, false, false },
    { 0x00100040, P, INDEX_TEXT, DCM_VR_CS, "patient_sex",                false, false, false },
    { 0x00102160, P, INDEX_TEXT, DCM_VR_SH, "ethnic_group",               false, false, false },

    { 0x0020000D, S, INDEX_UID,  DCM_VR_UI, "study_instance_uid",         false, true,  false },
    { 0x00080020, S, INDEX_DATE, DCM_VR_DA, "study_date",                 false, true,  false },
    { 0x00080030, S, INDEX_TIME, DCM_VR_TM, "study_time",                 false, false, false },
    { 0x00080050, S, INDEX_TEXT, DCM_VR_SH, "accession_number",           true,  true,  false },
    { 0x00200010, S, INDEX_TEXT, DCM_VR_SH, "study_id",                   false, true,  false },
    { 0x00081030, S, INDEX_TEXT, DCM_VR_LO, "study_description",          true,  true,  false },
    { 0x00080090, S, INDEX_NAME, DCM_VR_PN, "referring_physician_name",   true,  true,  false },
    { 0x00081060, S, INDEX_NAME, DCM_VR_PN, "reading_physician_name",     false, false, false },
    { 0x00101010, S, INDEX_TEXT, DCM_VR_AS, "patient_age",                false, false, false },
    { 0x00101080, S, INDEX_TEXT, DCM_VR_LO, "admitting_diagnoses",        false, false, false },

    { 0x0020000E, E, INDEX_UID,  DCM_VR_UI, "series_instance_uid",        false, true,  false },
    { 0x00080060, E, INDEX_TEXT, DCM_VR_CS, "modality",                   false, true,  false },
    { 0x00200011, E, INDEX_INT,  DCM_VR_IS, "series_number",              false, false, false },
    { 0x0008103E, E, INDEX_TEXT, DCM_VR_LO, "series_description",         true,  true,  false },
    { 0x00080021, E, INDEX_DATE, DCM_VR_DA, "series_date",                false, true,  false },
    { 0x00080031, E, INDEX_TIME, DCM_VR_TM, "series_time",                false, false, false },
    { 0x00180015, E, INDEX_TEXT, DCM_VR_CS, "body_part_examined",         false, true,  false },
    { 0x00200060, E, INDEX_TEXT, DCM_VR_CS, "laterality",                 false, false, false },
    { 0x00181030, E, INDEX_TEXT, DCM_VR_LO, "protocol_name",              false, false, false },
    { 0x00081010, E, INDEX_TEXT, DCM_VR_SH, "station_name",               false, true,  false },
    { 0x00080080, E, INDEX_TEXT, DCM_VR_LO, "institution_name",           false, true,  false },
    { 0x00080070, E, INDEX_TEXT, DCM_VR_LO, "manufacturer",               false, false, false },
    { 0x00081090, E, INDEX_TEXT, DCM_VR_LO, "manufacturer_model_name",    false, false, false },
    { 0x00081050, E, INDEX_NAME, DCM_VR_PN, "performing_physician_name",  false, false, false },
    { 0x00081070, E, INDEX_NAME, DCM_VR_PN, "operators_name",             false, false, false },
    { 0x00400244, E, INDEX_DATE, DCM_VR_DA, "pps_start_date",             false, true,  false },
    { 0x00400245, E, INDEX_TIME, DCM_VR_TM, "pps_start_time",             false, false, false },

    { 0x00080018, I, INDEX_UID,  DCM_VR_UI, "sop_instance_uid",           false, true,  false },
    { 0x00080016, I, INDEX_UID,  DCM_VR_UI, "sop_class",                  false, true,  true },
    { 0x00083002, I, INDEX_UID,  DCM_VR_UI, "transfer_syntax",            false, false, true },
    { 0x00200013, I, INDEX_INT,  DCM_VR_IS, "instance_number",            false, false, false },
    { 0x00280008, I, INDEX_INT,  DCM_VR_IS, "number_of_frames",           false, false, false },
    { 0x00280010, I, INDEX_INT,  DCM_VR_US, "image_rows",                 false, false, false },
    { 0x00280011, I, INDEX_INT,  DCM_VR_US, "image_columns",              false, false, false },
    { 0x00280100, I, INDEX_INT,  DCM_VR_US, "bits_allocated",             false, false, false },
};
/* clang-format on */

const size_t INDEX_COLUMN_COUNT = sizeof INDEX_COLUMN / sizeof INDEX_COLUMN[0];
_Static_assert(sizeof INDEX_COLUMN / sizeof INDEX_COLUMN[0] <= INDEX_COLUMNS_MAX,
               "raise the limit");

const struct index_column *index_column_find(dcm_tag tag)
{
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++)
        if (INDEX_COLUMN[i].tag == tag)
            return &INDEX_COLUMN[i];
    return NULL;
}

static bool digits(const char *p, size_t n, int64_t *out)
{
    int64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = 10 * v + (p[i] - '0');
    }
    *out = v;
    return true;
}

bool index_date_of(iso_str text, int64_t *number)
{
    int64_t year;
    int64_t month;
    int64_t day;
    bool    ok = false;

    text = iso_str_trim(text);
    if (text.len == 8)
        ok = digits(text.ptr, 4, &year) && digits(text.ptr + 4, 2, &month) &&
             digits(text.ptr + 6, 2, &day);
    else if (text.len == 10 && text.ptr[4] == text.ptr[7] &&
             (text.ptr[4] == '.' || text.ptr[4] == '-'))
        ok = digits(text.ptr, 4, &year) && digits(text.ptr + 5, 2, &month) &&
             digits(text.ptr + 8, 2, &day);
    if (!ok || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *number = year * 10000 + month * 100 + day;
    return true;
}

bool index_time_of(iso_str text, int64_t *from, int64_t *to)
{
    const int64_t unit[3] = { 3600000000, 60000000, 1000000 };
    int64_t       start   = 0;
    int64_t       width   = unit[0];
    size_t        at      = 0;
    size_t        field   = 0;

    text = iso_str_trim(text);
    for (; field < 3 && at < text.len && text.ptr[at] != '.'; field++) {
        int64_t v;
        if (field > 0 && text.ptr[at] == ':')
            at++;
        if (at + 2 > text.len || !digits(text.ptr + at, 2, &v) || v > (field == 0 ? 23 : 60))
            return false;
        start += v * unit[field];
        width = unit[field];
        at += 2;
    }
    if (field == 0)
        return false;
    if (at < text.len && field == 3 && text.ptr[at] == '.') {
        for (at++; at < text.len && width > 1; at++) {
            int64_t v;
            if (!digits(text.ptr + at, 1, &v))
                return false;
            width /= 10;
            start += v * width;
        }
    }
    if (at != text.len)
        return false;
    *from = start;
    *to   = start + width - 1;
    return true;
}

/* The first component group that says something, without trailing delimiters. */
static iso_str name_group(iso_str folded)
{
    iso_str group = { NULL, 0 };

    for (iso_str rest = folded; rest.ptr != NULL && group.len == 0;) {
        group = iso_str_trim(iso_str_cut(&rest, '='));
        while (group.len > 0 &&
               (group.ptr[group.len - 1] == '^' || group.ptr[group.len - 1] == ' '))
            group.len--;
    }
    return group;
}

static int value_of(const struct dcm_dataset *header, const struct index_column *column,
                    struct iso_arena *arena, struct index_value *value)
{
    iso_str text;
    int64_t to;

    if (column->kind == INDEX_INT) {
        value->is_null = !dcm_get_i64(header, column->tag, 0, &value->number);
        return ISO_OK;
    }
    if (column->kind == INDEX_DATE) {
        value->is_null = !index_date_of(dcm_get_ascii(header, column->tag), &value->number);
        return ISO_OK;
    }
    text = dcm_get_text(header, column->tag, arena);
    if (text.ptr == NULL && dcm_get(header, column->tag) != NULL && arena->out_of_memory)
        return ISO_ENOMEM;
    value->text    = iso_str_trim(text);
    value->is_null = value->text.len == 0;
    if (value->is_null)
        return ISO_OK;
    if (column->kind == INDEX_TIME)
        value->is_null = !index_time_of(value->text, &value->number, &to);
    if (column->kind == INDEX_NAME) {
        value->folded = dcm_fold(value->text, arena);
        if (value->folded.ptr == NULL)
            return ISO_ENOMEM;
        value->folded = name_group(value->folded);
    }
    return ISO_OK;
}

int index_values(const struct dcm_dataset *header, struct iso_arena *arena,
                 struct index_value value[INDEX_COLUMNS_MAX], struct iso_err *err)
{
    memset(value, 0, INDEX_COLUMNS_MAX * sizeof value[0]);
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++) {
        value[i].is_null = true;
        if (!INDEX_COLUMN[i].interned &&
            value_of(header, &INDEX_COLUMN[i], arena, &value[i]) != ISO_OK)
            return iso_arena_fail(arena, err);
    }
    return ISO_OK;
}

iso_str index_word_cut(iso_str *rest)
{
    static const char ends[] = " ^=-'.,*?";
    size_t            from   = 0;
    size_t            to;

    while (from < rest->len && memchr(ends, rest->ptr[from], sizeof ends - 1) != NULL)
        from++;
    for (to = from; to < rest->len && memchr(ends, rest->ptr[to], sizeof ends - 1) == NULL;)
        to++;
    iso_str word = iso_str_sub(*rest, from, to - from);
    *rest        = iso_str_sub(*rest, to, rest->len - to);
    return word;
}
