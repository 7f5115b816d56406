/* dcm_deidentify.h: objects without what tells whose they are: the Basic Application Level Confidentiality
 * Profile with some of its options.   PS3.15 §E.2, §E.3, Table E.1-1
 *
 * One pass from a parser to a sink; memory does not grow with the object. Beyond the table, for the sake of
 * what no table can foresee: attributes that the dictionary does not know go, private ones too; so do dates and
 * person names that the table lacks, free text where the dictionary has none, whole groups of overlays and
 * curves, and graphic annotations. UIDs that the standard does not define are replaced wherever they stand.
 * Of content items and of sequences that must stay (table: D), codes, numbers and references are kept and all
 * text is replaced. Pixels, waveforms and what lies inside a compressed stream are not looked at:
 * dcm_deidentify_risk tells of which objects these are known to hold text.
 *
 * UIDs and patient IDs are replaced by keyed digests: the same key gives the same ones, without a list of
 * them; without the key the old ones cannot be found, nor guesses be checked. */
#ifndef DCM_DEIDENTIFY_H
#define DCM_DEIDENTIFY_H

#include "dcm_file.h"

enum dcm_deidentify_dates {
    DCM_DATES_REMOVE,
    DCM_DATES_SHIFT, /* Retain Longitudinal Temporal Information Modified Dates: by whole days, 1 to 3,652, the
                        same number for all objects of a patient ID under a key */
    DCM_DATES_KEEP /* … Full Dates */
};

enum {
    DCM_DEIDENTIFY_KEY_BYTES       = 32,
    DCM_DEIDENTIFY_PSEUDONYM_CHARS = 16,
    DCM_DEIDENTIFY_SECRET_MIN      = 8, /* characters of a text that becomes a key */
    DCM_DEIDENTIFY_SECRET_MAX      = 256
};

struct dcm_deidentify_profile {
    uint8_t key[DCM_DEIDENTIFY_KEY_BYTES]; /* secret; random, or dcm_deidentify_key */
    enum dcm_deidentify_dates dates;
    bool                      keep_uids;   /* Retain UIDs, Device Identity, Institution Identity, */
    bool                      keep_device; /* Patient Characteristics */
    bool                      keep_institution;
    bool                      keep_patient;
};

/* The key of a text that people keep, to get the same pseudonyms another time. */
ISO_MUST_USE int dcm_deidentify_key(iso_str text, uint8_t key[DCM_DEIDENTIFY_KEY_BYTES],
                                    struct iso_err *err);

/* What people list, apart by commas: uids, device, institution, patient; nothing: none of them.
 * ISO_EINVAL: another word. */
ISO_MUST_USE int dcm_deidentify_retain(struct dcm_deidentify_profile *profile, iso_str list,
                                       struct iso_err *err);

/* NULL-terminated; a UID that the standard defines, and an empty one, stay as they are. */
ISO_MUST_USE int dcm_deidentify_uid(const struct dcm_deidentify_profile *profile, iso_str uid,
                                    char out[DCM_UID_CHARS_MAX + 1], struct iso_err *err);

enum dcm_deidentify_risk {
    DCM_RISK_NONE,  /* nothing is known against it */
    DCM_RISK_TEXT,  /* its pixels say or are likely to show text, or a face */
    DCM_RISK_OPAQUE /* a document or a sound, which only a person can clean */
};

/* header: up to the pixel data. *why: English, for people; lives for ever. */
enum dcm_deidentify_risk dcm_deidentify_risk(const struct dcm_dataset *header, const char **why);

/* What an object comes out in: as it is, but big endian and deflated ones in Explicit VR Little Endian. */
const struct dcm_syntax *dcm_deidentify_syntax(const struct dcm_syntax *from);

/* A whole Part 10 file. header: of the object, up to the pixel data, read before; from: a parser at its
 * beginning.
 *
 * ISO_EFORMAT  the object is malformed, or lacks its SOP class or instance UID
 * ISO_ELIMIT   a list of UIDs or dates beyond all measure
 * ISO_ENOMEM, and what the sink says */
ISO_MUST_USE int dcm_deidentify(const struct dcm_deidentify_profile *profile,
                                const struct dcm_dataset *header, struct dcm_parser *from,
                                const struct dcm_syntax *from_syntax, struct iso_sink sink,
                                struct iso_err *err);

#endif
