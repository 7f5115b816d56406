/* dcm_match.h: does a data set satisfy the keys of a query?   PS3.4 §C.2.2.2
 * The one place that knows the matching rules; an index may answer the same question by SQL. */
#ifndef DCM_MATCH_H
#define DCM_MATCH_H

#include "dcm_dataset.h"

enum dcm_match_kind {
    DCM_MATCH_UNIVERSAL, /* no value: everything */
    DCM_MATCH_SINGLE,
    DCM_MATCH_UID_LIST,
    DCM_MATCH_WILDCARD, /* '*' and '?' */
    DCM_MATCH_RANGE,    /* DA TM DT: "a-b", "a-", "-b" */
    DCM_MATCH_SEQUENCE
};

struct dcm_match_options {
    bool fuzzy;             /* person names by sound.   PS3.4 §C.2.2.2.1.1, CP-1188 */
    bool combined_datetime; /* date and time ranges meant as one.   PS3.4 §C.2.2.2.5.1 */
    bool multi_value_any;   /* "a\\b" in a CS, LO, SH … key: any of them (QIDO lists) */
};

/* How a key with this VR and (UTF-8, trimmed) value is meant. */
enum dcm_match_kind dcm_match_kind(enum dcm_vr vr, iso_str value);
/* One value against one key value, both UTF-8. Names are compared without case and accents. */
bool dcm_match_value(enum dcm_vr vr, iso_str key, iso_str value,
                     const struct dcm_match_options *options, struct iso_arena *scratch);
/* One key element of `keys` against the same attribute of ds; a multi-valued attribute matches when
 * any of its values does, a sequence when any item matches all keys of the key's item. An absent or
 * empty attribute matches only universal keys. */
bool dcm_match_element(const struct dcm_dataset *keys, const struct dcm_element *key,
                       const struct dcm_dataset *ds, const struct dcm_match_options *options,
                       struct iso_arena *scratch);
/* Compares without case, accents and width: NFKC, case folded, marks removed; components trimmed,
 * '^' and '=' kept. What the index stores for names and what queries are folded with.
 * NULL: no memory, or the text is not ASCII and ICU is not installed. */
iso_str dcm_fold(iso_str utf8, struct iso_arena *arena);
/* Phonetic codes of a folded name's words, space separated. */
iso_str dcm_phonetic(iso_str folded, struct iso_arena *arena);

#endif
