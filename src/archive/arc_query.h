/* arc_query.h: one question, whoever asks: C-FIND, QIDO-RS, REST, the search box.
 * PS3.4 §C.2.2.2 (matching), §C.6.1, §C.6.2 (keys); PS3.18 §10.6, §8.3.4 */
#ifndef ARC_QUERY_H
#define ARC_QUERY_H

#include "arc.h"

struct arc_order {
    dcm_tag tag;
    bool    descending;
};

struct arc_query {
    enum arc_level level; /* one row per patient, study, series or instance */

    /* Matching keys, and with them what is asked for. UTF-8 (dcm_put_utf8). Values as in C-FIND:
     * wildcards, ranges "a-b", lists joined by '\\'; an empty value or sequence only asks for the
     * attribute. UIDs of the levels above are keys like any other; no hierarchy is enforced.
     * (0008,0005), (0008,0052) and group lengths are ignored. */
    const struct dcm_dataset *keys;
    /* Attributes asked for beside the keys. A sequence is returned whole. */
    const dcm_tag *include;
    size_t         include_count;
    bool           include_all; /* all we have: typed attributes of this level and those above; for
                                   instances the whole header */

    bool fuzzy;    /* person names by sound.   PS3.4 §C.2.2.2.1.1 */
    bool any_case; /* patterns of other text too compare ASCII letters without case: what is
                               typed into a search box; PS3.4 §C.2.2.2.4 tells them apart */
    bool combined_datetime; /* a date range and its time range are one.   PS3.4 §C.2.2.2.5.1 */

    uint64_t limit; /* 0: all, up to ARC_ROWS_MAX */
    uint64_t offset;
    /* Ties, and queries without an order: newest study first (date, then time, then arrival), series
     * and instances by number, then arrival; patients by name. Only typed attributes order; others
     * are left out. */
    const struct arc_order *order;
    size_t                  order_count;
};

enum { ARC_ROWS_MAX = 4000000, ARC_KEYS_MAX = 256 };

/* Calls each() once per match, in order, with a row that lives for the call: a data set in UTF-8 with
 * every attribute asked for, empty where we know no value. Values of attributes without a column come
 * from the representative object of the row: its first stored instance. Computed ones:
 * (0020,1200|1202|1204) NumberOfPatientRelated…, (0020,1206|1208|1209) NumberOfStudyRelated…,
 * NumberOfSeriesRelatedInstances, (0008,0061) ModalitiesInStudy, (0008,0062) SOPClassesInStudy,
 * (0008,0056) InstanceAvailability, (0008,3002) AvailableTransferSyntaxUID of instances.
 * No lock or index connection is held while each() runs, so it may take its time. Its negative
 * result ends the search and is returned (ISO_ECANCEL: stopped on request).
 *
 * ISO_OK, also without matches; ISO_EINVAL a key that cannot be understood (a malformed date, more
 * than ARC_KEYS_MAX); ISO_ELIMIT more than ARC_ROWS_MAX matches */
ISO_MUST_USE int arc_find(struct arc *arc, const struct arc_query *query,
                          int (*each)(void *ctx, const struct dcm_dataset *row,
                                      struct iso_err *err),
                          void *ctx, struct iso_err *err);

/* Matches without limit and offset: for X-Total-Count. */
ISO_MUST_USE int arc_count(struct arc *arc, const struct arc_query *query, uint64_t *count,
                           struct iso_err *err);

#endif
