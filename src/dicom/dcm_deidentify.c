/* dcm_deidentify.c: what becomes of each element. First the table of the standard, then rules of caution for
 * what it does not name. Where the table leaves a choice to the type of the attribute (X/Z/D), the type is
 * looked up in the mandatory modules of the SOP class; inside sequences, and where the class is not known, the
 * choice that is valid for every type is taken. */
#include "dcm_deidentify_in.h"

#include "dcm_time.h"
#include "dcm_validate.h"

#include <stdlib.h>
#include <string.h>

#include "dcm_uids.h"

enum {
    DO_X = 1, /* remove */
    DO_Z = 2, /* empty, or a dummy */
    DO_D = 4, /* a dummy */
    DO_U = 8  /* a new UID; of a sequence: keep it, with new UIDs inside */
};

enum {
    KEEP_UIDS        = 1,
    KEEP_DEVICE      = 2,
    KEEP_INSTITUTION = 4,
    KEEP_PATIENT     = 8,
    KEEP_DATES       = 16,
    SHIFT_DATES      = 32
};

struct row {
    dcm_tag tag;
    uint8_t codes;
    uint8_t keeps;
};

#include "dcm_deidentify_table.h"

enum { SCRATCH_BYTES_MAX = 8 << 20 };

/* Inside which kind of sequence, which must stay although it is about people. */
enum mood {
    PLAIN,
    CONTENT, /* content items: text goes, codes stay */
    STRICT   /* all text goes, that of codes too */
};

struct work {
    const struct dcm_deidentify_profile *profile;
    iso_str                              sop_class;
    unsigned                             keeps; /* KEEP_* and SHIFT_DATES, by the profile */
    int                                  days;
    struct iso_arena                     scratch; /* of one value */
    enum mood                            mood;
    size_t                               mood_depth; /* of the sequence that set it */
};

/* ---- deciding ---- */

enum act { ACT_KEEP, ACT_DROP, ACT_EMPTY, ACT_DUMMY, ACT_UIDS, ACT_SHIFT, ACT_PSEUDONYM };

static int by_tag(const void *key, const void *row)
{
    dcm_tag a = *(const dcm_tag *)key, b = ((const struct row *)row)->tag;

    return a < b ? -1 : a > b;
}

static bool is_date(enum dcm_vr vr)
{
    return vr == DCM_VR_DA || vr == DCM_VR_DT || vr == DCM_VR_TM;
}

/* X, Z, D or several of them: as the type of the attribute has it, so that a valid object stays one. What is
 * neither required nor known for sure is emptied or replaced rather than removed, but of X/D and X/Z/D: there
 * a dummy would only mislead.   PS3.15 Table E.1-1a */
static enum act by_type(const struct work *w, const struct dcm_position *at, unsigned codes)
{
    const unsigned type = at->depth == 0 ? dcm_iod_type(w->sop_class, at->tag) : 0;
    /* Acquisition DateTime is of type 1C in modules of many classes. */
    const bool asked = at->tag == DCM_ACQUISITION_DATE_TIME;

    if (type == 1)
        return ACT_DUMMY;
    switch (codes) {
    case DO_X:
        return type == 2 ? ACT_EMPTY : ACT_DROP;
    case DO_Z:
    case DO_X | DO_Z:
        return ACT_EMPTY;
    default:
        break;
    }
    if (type == 2 && (codes & DO_Z) != 0 && !asked)
        return ACT_EMPTY;
    return type == 3 && (codes & DO_X) != 0 && !asked ? ACT_DROP : ACT_DUMMY;
}

static enum act of_sequence(struct work *w, const struct dcm_position *at, unsigned codes)
{
    const unsigned type = at->depth == 0 ? dcm_iod_type(w->sop_class, at->tag) : 3;

    if ((codes & DO_U) != 0)
        return ACT_KEEP;
    if ((codes & DO_X) != 0 && (type == 3 || (codes & DO_Z) == 0))
        return type == 2 ? ACT_EMPTY : ACT_DROP;
    if ((codes & DO_Z) != 0)
        return ACT_EMPTY;
    if (at->tag == DCM_GRAPHIC_ANNOTATION_SEQUENCE)
        return ACT_DROP;
    if (w->mood == PLAIN || (w->mood == CONTENT && at->tag != DCM_CONTENT_SEQUENCE)) {
        w->mood_depth = w->mood == PLAIN ? at->depth : w->mood_depth;
        w->mood       = at->tag == DCM_CONTENT_SEQUENCE ? CONTENT : STRICT;
    }
    return ACT_KEEP;
}

static enum act by_row(struct work *w, const struct dcm_position *at, const struct row *row)
{
    if ((w->keeps & row->keeps & SHIFT_DATES) != 0 && is_date(at->vr))
        return ACT_SHIFT;
    if ((w->keeps & row->keeps & SHIFT_DATES) != 0 && at->tag == DCM_TIMEZONE_OFFSET_FROM_UTC)
        return ACT_SHIFT;
    if ((w->keeps & row->keeps & ~(unsigned)SHIFT_DATES) != 0 && at->vr != DCM_VR_UN)
        return ACT_KEEP;
    if (at->event == DCM_EV_SEQUENCE)
        return of_sequence(w, at, row->codes);
    if (row->codes == DO_U)
        return ACT_UIDS;
    return row->codes == DO_D ? ACT_DUMMY : by_type(w, at, row->codes);
}

/* UIDs of classes, of syntaxes and of code systems: private ones are no identities. */
static bool names_no_object(dcm_tag tag)
{
    static const dcm_tag tags[] = {
        DCM_SOP_CLASS_UID,
        DCM_REFERENCED_SOP_CLASS_UID,
        DCM_RELATED_GENERAL_SOP_CLASS_UID,
        DCM_CODING_SCHEME_UID,
        DCM_MAPPING_RESOURCE_UID,
        DCM_ORIGINAL_SPECIALIZED_SOP_CLASS_UID,
        DCM_CONTEXT_UID,
        DCM_AVAILABLE_TRANSFER_SYNTAX_UID,
        DCM_SOP_CLASSES_IN_STUDY,
        DCM_MAC_CALCULATION_TRANSFER_SYNTAX_UID,
    };

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (tags[i] == tag)
            return true;
    return false;
}

static bool is_free_text(enum dcm_vr vr)
{
    const struct dcm_vr_info *info = dcm_vr_info(vr);

    return info->has_charset || vr == DCM_VR_UR || vr == DCM_VR_UN;
}

/* Numbers, codes and UIDs by the dictionary, and text on the wire. */
static bool contradicts(const struct dcm_dict_entry *entry, enum dcm_vr vr)
{
    return is_free_text(vr) && !is_free_text(entry->vr) &&
           (entry->vr_else == DCM_VR_NONE || !is_free_text(entry->vr_else));
}

/* (0008,0100) to (0008,0120): what a code is made of. */
static bool is_of_code(dcm_tag tag)
{
    return tag >= DCM_CODE_VALUE && tag <= DCM_TAG(0x0008, 0x0121);
}

static enum act in_mood(const struct work *w, const struct dcm_position *at)
{
    const enum dcm_vr vr = at->vr;

    if (w->mood == CONTENT && is_of_code(at->tag))
        return ACT_KEEP;
    if (is_date(vr) && (w->keeps & (KEEP_DATES | SHIFT_DATES)) != 0)
        return (w->keeps & KEEP_DATES) != 0 ? ACT_KEEP : ACT_SHIFT;
    if (is_free_text(vr) || is_date(vr) || vr == DCM_VR_AE || vr == DCM_VR_AS)
        return ACT_DUMMY;
    if (vr == DCM_VR_OB || vr == DCM_VR_OW)
        return ACT_DROP;
    return vr == DCM_VR_UI && !names_no_object(at->tag) ? ACT_UIDS : ACT_KEEP;
}

/* What the table does not name. */
static enum act by_caution(const struct work *w, const struct dcm_position *at)
{
    const struct dcm_dict_entry *entry = dcm_dict_find(at->tag);
    const unsigned               group = at->tag >> 16;

    if (group % 2 == 1 || (group & 0xff00) == 0x5000 || (group & 0xff00) == 0x6000 || group < 8 ||
        entry == NULL || at->vr == DCM_VR_NONE || at->vr == DCM_VR_UN)
        return ACT_DROP;
    if (at->event == DCM_EV_SEQUENCE)
        return entry->vr == DCM_VR_SQ ? ACT_KEEP : ACT_DROP;
    if (entry->vr == DCM_VR_SQ || contradicts(entry, at->vr))
        return ACT_DROP;
    if (w->mood != PLAIN)
        return in_mood(w, at);
    switch (at->vr) {
    case DCM_VR_UI:
        return names_no_object(at->tag) ? ACT_KEEP : ACT_UIDS;
    case DCM_VR_DA:
    case DCM_VR_DT:
        return (w->keeps & KEEP_DATES) != 0    ? ACT_KEEP
               : (w->keeps & SHIFT_DATES) != 0 ? ACT_SHIFT
                                               : by_type(w, at, DO_X | DO_Z | DO_D);
    case DCM_VR_PN:
        return by_type(w, at, DO_X | DO_Z | DO_D);
    case DCM_VR_AE:
        return (w->keeps & KEEP_DEVICE) != 0 ? ACT_KEEP : by_type(w, at, DO_X | DO_Z | DO_D);
    default:
        return ACT_KEEP;
    }
}

static enum act decide(struct work *w, const struct dcm_position *at)
{
    const struct row *row =
        bsearch(&at->tag, rows, sizeof rows / sizeof *rows, sizeof *rows, by_tag);

    if (w->mood != PLAIN && at->depth <= w->mood_depth)
        w->mood = PLAIN;
    if (at->event == DCM_EV_FRAGMENTS)
        return at->tag == DCM_PIXEL_DATA ? ACT_KEEP : ACT_DROP;
    if (at->tag == DCM_PATIENT_ID)
        return ACT_PSEUDONYM;
    if (at->tag == DCM_DEIDENTIFICATION_METHOD ||
        at->tag == DCM_DEIDENTIFICATION_METHOD_CODE_SEQUENCE)
        return ACT_DROP; /* deeper down: those at the top are our own */
    if (row == NULL || at->vr == DCM_VR_NONE)
        return by_caution(w, at);
    const struct dcm_dict_entry *entry = dcm_dict_find(at->tag);
    if (entry == NULL || (entry->vr == DCM_VR_SQ) != (at->event == DCM_EV_SEQUENCE) ||
        (contradicts(entry, at->vr) && entry->vr != DCM_VR_UI))
        return ACT_DROP;
    return by_row(w, at, row);
}

/* ---- doing ---- */

static int read_text(struct work *w, struct dcm_parser *from, iso_str *text, struct iso_err *err)
{
    iso_bytes value = { 0 };
    int       rc    = dcm_parser_value(from, DEIDENTIFY_VALUE_BYTES_MAX, &w->scratch, &value, err);

    *text = iso_str_of_bytes(value);
    return rc;
}

static int judge(void *ctx, struct dcm_parser *from, const struct dcm_position *at,
                 enum dcm_verdict *verdict, enum dcm_vr *vr, iso_bytes *value, struct iso_err *err)
{
    struct work *w = ctx;
    char         pseudonym[DCM_DEIDENTIFY_PSEUDONYM_CHARS + 1];
    iso_str      text = { 0 };
    int          zone;
    int          rc = ISO_OK;

    iso_arena_reset(&w->scratch);
    enum act act = decide(w, at);
    *verdict     = act == ACT_KEEP ? DCM_KEEP : act == ACT_DROP ? DCM_DROP : DCM_REPLACE;
    if (at->vr == DCM_VR_UN && *verdict == DCM_REPLACE)
        *vr = dcm_dict_find(at->tag)->vr;
    if (act >= ACT_UIDS)
        rc = read_text(w, from, &text, err);
    if (rc < 0)
        return rc;
    switch (act) {
    case ACT_DUMMY:
        if (at->bytes > 0)
            *value = deidentify_dummy(*vr);
        return ISO_OK;
    case ACT_UIDS:
        *vr = DCM_VR_UI;
        return deidentify_uids(w->profile, text, &w->scratch, value, err);
    case ACT_SHIFT:
        if (at->tag != DCM_TIMEZONE_OFFSET_FROM_UTC)
            return deidentify_dates(*vr, text, w->days, &w->scratch, value, err);
        text = iso_str_trim(text);
        if (dcm_zone_parse(text, &zone)) /* and nothing else */
            *value = iso_bytes_of_str(text);
        return ISO_OK;
    case ACT_PSEUDONYM:
        *vr = DCM_VR_LO;
        rc  = deidentify_pseudonym(w->profile, iso_str_trim(text), pseudonym, err);
        if (rc == ISO_OK)
            *value = iso_bytes_of_str(iso_arena_str(&w->scratch, iso_str_c(pseudonym)));
        return rc == ISO_OK && value->ptr == NULL ? iso_arena_fail(&w->scratch, err) : rc;
    default:
        return ISO_OK;
    }
}

/* ---- what is said about it ---- */

static int put_method(struct dcm_dataset *put, struct iso_arena *arena, const char *code,
                      const char *meaning)
{
    struct dcm_dataset *item = dcm_put_item(put, arena, DCM_DEIDENTIFICATION_METHOD_CODE_SEQUENCE);

    if (item == NULL)
        return ISO_ENOMEM;
    int rc = dcm_put_str(item, arena, DCM_CODE_VALUE, DCM_VR_SH, iso_str_c(code));
    if (rc == ISO_OK)
        rc = dcm_put_str(item, arena, DCM_CODING_SCHEME_DESIGNATOR, DCM_VR_SH, ISO_STR("DCM"));
    if (rc == ISO_OK)
        rc = dcm_put_str(item, arena, DCM_CODE_MEANING, DCM_VR_LO, iso_str_c(meaning));
    return rc;
}

/* PS3.16 CID 7050 */
static int put_methods(const struct work *w, struct dcm_dataset *put, struct iso_arena *arena)
{
    static const struct {
        unsigned    keeps;
        const char *code, *meaning;
    } methods[] = {
        { 0, "113100", "Basic Application Confidentiality Profile" },
        { KEEP_DATES, "113106", "Retain Longitudinal Temporal Information Full Dates Option" },
        { SHIFT_DATES, "113107", "Retain Longitudinal Temporal Information Modified Dates Option" },
        { KEEP_PATIENT, "113108", "Retain Patient Characteristics Option" },
        { KEEP_DEVICE, "113109", "Retain Device Identity Option" },
        { KEEP_UIDS, "113110", "Retain UIDs Option" },
        { KEEP_INSTITUTION, "113112", "Retain Institution Identity Option" },
    };
    int rc = ISO_OK;

    for (size_t i = 0; rc == ISO_OK && i < sizeof methods / sizeof *methods; i++)
        if (methods[i].keeps == 0 || (w->keeps & methods[i].keeps) != 0)
            rc = put_method(put, arena, methods[i].code, methods[i].meaning);
    return rc;
}

static int put_all(const struct work *w, iso_str patient_id, struct dcm_dataset *put,
                   struct iso_arena *arena, struct iso_err *err)
{
    static const char *const dates[] = { [DCM_DATES_REMOVE] = "REMOVED",
                                         [DCM_DATES_SHIFT]  = "MODIFIED",
                                         [DCM_DATES_KEEP]   = "UNMODIFIED" };
    char                     pseudonym[DCM_DEIDENTIFY_PSEUDONYM_CHARS + 1];
    int                      rc = deidentify_pseudonym(w->profile, patient_id, pseudonym, err);

    if (rc < 0)
        return rc;
    dcm_dataset_init(put);
    rc = dcm_put_str(put, arena, DCM_PATIENT_NAME, DCM_VR_PN, iso_str_c(pseudonym));
    if (rc == ISO_OK)
        rc = dcm_put_str(put, arena, DCM_PATIENT_ID, DCM_VR_LO, iso_str_c(pseudonym));
    if (rc == ISO_OK)
        rc = dcm_put_str(put, arena, DCM_PATIENT_IDENTITY_REMOVED, DCM_VR_CS, ISO_STR("YES"));
    if (rc == ISO_OK)
        rc = dcm_put_str(put, arena, DCM_DEIDENTIFICATION_METHOD, DCM_VR_LO,
                         ISO_STR("PS3.15 Basic Profile by Isocenter"));
    if (rc == ISO_OK)
        rc = put_methods(w, put, arena);
    if (rc == ISO_OK)
        rc = dcm_put_str(put, arena, DCM_LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, DCM_VR_CS,
                         iso_str_c(dates[w->profile->dates]));
    return rc < 0 ? iso_arena_fail(arena, err) : ISO_OK;
}

const struct dcm_syntax *dcm_deidentify_syntax(const struct dcm_syntax *from)
{
    return from->big_endian || from->deflated ? DCM_EXPLICIT_LE : from;
}

static unsigned keeps_of(const struct dcm_deidentify_profile *p)
{
    return (p->keep_uids ? KEEP_UIDS : 0U) | (p->keep_device ? KEEP_DEVICE : 0U) |
           (p->keep_institution ? KEEP_INSTITUTION : 0U) | (p->keep_patient ? KEEP_PATIENT : 0U) |
           (p->dates == DCM_DATES_KEEP ? KEEP_DATES : 0U) |
           (p->dates == DCM_DATES_SHIFT ? SHIFT_DATES : 0U);
}

int dcm_deidentify(const struct dcm_deidentify_profile *profile, const struct dcm_dataset *header,
                   struct dcm_parser *from, const struct dcm_syntax *from_syntax,
                   struct iso_sink sink, struct iso_err *err)
{
    const struct dcm_syntax *to         = dcm_deidentify_syntax(from_syntax);
    const iso_str            patient_id = dcm_get_raw(header, DCM_PATIENT_ID);
    struct work              w          = { .profile   = profile,
                                            .sop_class = dcm_get_ascii(header, DCM_SOP_CLASS_UID),
                                            .keeps     = keeps_of(profile) };
    struct dcm_dataset       put;
    struct dcm_filter        filter = { .judge = judge, .ctx = &w, .put = &put };
    struct iso_arena         arena;
    iso_str                  old = dcm_get_ascii(header, DCM_SOP_INSTANCE_UID);
    char                     uid[DCM_UID_CHARS_MAX + 1];

    if (w.sop_class.len == 0 || old.len == 0)
        return iso_fail(err, ISO_EFORMAT, "an object without SOP class or instance UID");
    iso_arena_init(&arena, 1 << 20);
    iso_arena_init(&w.scratch, SCRATCH_BYTES_MAX);
    int rc = deidentify_days(profile, patient_id, &w.days, err);
    if (rc == ISO_OK)
        rc = dcm_deidentify_uid(profile, old, uid, err);
    if (rc == ISO_OK)
        rc = put_all(&w, patient_id, &put, &arena, err);
    if (rc == ISO_OK)
        rc = dcm_meta_write(w.sop_class, iso_str_c(uid), iso_str_c(to->uid), iso_str_of(NULL, 0),
                            sink, err);
    if (rc == ISO_OK)
        rc = dcm_recode_filtered(from, from_syntax, to, &filter, sink, err);
    iso_arena_release(&w.scratch);
    iso_arena_release(&arena);
    return rc;
}

/* ---- what cannot be cleaned ---- */

/* Overlays in spare bits of the pixels.   PS3.3 C.9.2 (2004) */
static bool has_overlay_in_pixels(const struct dcm_dataset *header)
{
    int64_t bits;

    for (unsigned group = 0x6000; group <= 0x601e; group += 2)
        if (dcm_get_i64(header, DCM_TAG(group, 0x0100), 0, &bits) && bits > 1)
            return true;
    return false;
}

static bool is_screen(const struct dcm_dataset *header)
{
    iso_str type = dcm_get_raw(header, DCM_IMAGE_TYPE);

    for (size_t i = 0; i + 6 <= type.len; i++)
        if (memcmp(type.ptr + i, "SCREEN", 6) == 0)
            return true;
    return dcm_get_raw(header, DCM_CONVERSION_TYPE).len > 0;
}

/* Of these, many show a name or a face.   PS3.15 §E.3.1, §E.3.2 */
static bool is_often_burned(iso_str sop_class)
{
    static const char *const fronts[] = {
        "1.2.840.10008.5.1.4.1.1.7",        /* secondary captures */
        "1.2.840.10008.5.1.4.1.1.6.",       /* ultrasound */
        "1.2.840.10008.5.1.4.1.1.3.",       /* ultrasound, several frames */
        "1.2.840.10008.5.1.4.1.1.77.1.1",   /* endoscopy */
        "1.2.840.10008.5.1.4.1.1.77.1.2.1", /* video microscopy */
        "1.2.840.10008.5.1.4.1.1.77.1.4",   /* photographs */
    };

    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        iso_str front = iso_str_c(fronts[i]);

        if (iso_str_starts(sop_class, front) &&
            (front.ptr[front.len - 1] == '.' || sop_class.len == front.len ||
             sop_class.ptr[front.len] == '.'))
            return true;
    }
    return iso_str_eq_c(sop_class, "1.2.840.10008.5.1.4.1.1.6") ||
           iso_str_eq_c(sop_class, "1.2.840.10008.5.1.4.1.1.3");
}

enum dcm_deidentify_risk dcm_deidentify_risk(const struct dcm_dataset *header, const char **why)
{
    const iso_str sop_class = dcm_get_ascii(header, DCM_SOP_CLASS_UID);
    const iso_str burned    = dcm_get_ascii(header, DCM_BURNED_IN_ANNOTATION);

    *why = "";
    if (iso_str_starts(sop_class, ISO_STR("1.2.840.10008.5.1.4.1.1.104."))) {
        *why = "a document";
        return DCM_RISK_OPAQUE;
    }
    if (iso_str_starts(sop_class, ISO_STR("1.2.840.10008.5.1.4.1.1.9.4."))) {
        *why = "a sound recording";
        return DCM_RISK_OPAQUE;
    }
    if (iso_str_eq_c(burned, "YES"))
        *why = "says that text is burned in";
    else if (iso_str_eq_c(dcm_get_ascii(header, DCM_RECOGNIZABLE_VISUAL_FEATURES), "YES"))
        *why = "says that a person can be recognized";
    else if (has_overlay_in_pixels(header))
        *why = "has an overlay in its pixels";
    else if (iso_str_eq_c(burned, "NO"))
        return DCM_RISK_NONE;
    else if (is_often_burned(sop_class))
        *why = "is of a kind that often shows text or faces";
    else if (is_screen(header))
        *why = "was made of a screen, a film or a document";
    else
        return DCM_RISK_NONE;
    return DCM_RISK_TEXT;
}
