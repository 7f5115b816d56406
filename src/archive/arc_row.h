/* arc_row.h: inside archive/: an arc_query turned into the index's question, and rows into answers. */
#ifndef ARC_ROW_H
#define ARC_ROW_H

#include "arc_in.h"

/* The question as the index takes it, and what remains to be asked of each row. */
struct arc_plan {
    const struct arc_query   *query;
    struct index_query        index;
    struct index_predicate    predicate[ARC_KEYS_MAX];
    struct index_order        order[ARC_KEYS_MAX];
    dcm_tag                   wanted[2 * ARC_KEYS_MAX]; /* what a row holds, ascending */
    size_t                    wanted_count;
    const struct dcm_element *rest[ARC_KEYS_MAX]; /* keys that SQL did not decide */
    size_t                    rest_count;
    bool                      need_header;
    bool                      need_counts; /* of the patient */
};

/* arc_query.c. Values live in the arena; the plan borrows the query. */
int arc_plan_make(const struct arc_query *query, struct iso_arena *arena, struct arc_plan *plan,
                  struct iso_err *err);

/* arc_row.c */
/* Is the attribute given by the index itself in rows of this level? */
bool arc_row_has(enum arc_level level, dcm_tag tag);
/* Do the remaining keys hold? */
bool arc_row_matches(const struct arc_plan *plan, const struct index_row *row,
                     struct iso_arena *scratch);
/* The answer for a row. */
int arc_row_answer(const struct arc_plan *plan, const struct index_row *row,
                   struct iso_arena *arena, struct dcm_dataset *answer, struct iso_err *err);

#endif
