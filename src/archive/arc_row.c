/* arc_row.c: what a row answers. Attributes with a column come from the index (the values of the first
 * object that was stored for the patient, study or series); all others from the header of the row's
 * representative, its first stored instance. */
#include "arc_row.h"

#include "dcm_match.h"

#include <string.h>

/* Computed by the index, from this level down.   PS3.4 §C.3.4 */
static const struct {
    dcm_tag        tag;
    enum arc_level level;
} computed[] = {
    { DCM_INSTANCE_AVAILABILITY, ARC_PATIENT },
    { DCM_NUMBER_OF_PATIENT_RELATED_STUDIES, ARC_PATIENT },
    { DCM_NUMBER_OF_PATIENT_RELATED_SERIES, ARC_PATIENT },
    { DCM_NUMBER_OF_PATIENT_RELATED_INSTANCES, ARC_PATIENT },
    { DCM_NUMBER_OF_STUDY_RELATED_SERIES, ARC_STUDY },
    { DCM_NUMBER_OF_STUDY_RELATED_INSTANCES, ARC_STUDY },
    { DCM_MODALITIES_IN_STUDY, ARC_STUDY },
    { DCM_SOP_CLASSES_IN_STUDY, ARC_STUDY },
    { DCM_NUMBER_OF_SERIES_RELATED_INSTANCES, ARC_SERIES },
};

bool arc_row_has(enum arc_level level, dcm_tag tag)
{
    const struct index_column *column = index_column_find(tag);

    if (column != NULL)
        return (int)column->level <= (int)level;
    for (size_t i = 0; i < sizeof computed / sizeof computed[0]; i++)
        if (computed[i].tag == tag)
            return true; /* above its level: no value, and no header says it better */
    return false;
}

bool arc_row_matches(const struct arc_plan *plan, const struct index_row *row,
                     struct iso_arena *scratch)
{
    const struct dcm_match_options options = { .fuzzy             = plan->query->fuzzy,
                                               .combined_datetime = plan->query->combined_datetime,
                                               .multi_value_any   = true };

    for (size_t i = 0; i < plan->rest_count; i++) {
        const struct dcm_element *key = plan->rest[i];
        const struct dcm_dataset *ds =
            arc_row_has(plan->query->level, key->tag) ? row->columns : row->header;

        if (ds == NULL || !dcm_match_element(plan->query->keys, key, ds, &options, scratch))
            return false;
    }
    return true;
}

static enum dcm_vr vr_of(const struct arc_plan *plan, dcm_tag tag)
{
    const struct dcm_element    *key   = dcm_get(plan->query->keys, tag);
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);

    if (entry != NULL && entry->vr != DCM_VR_NONE)
        return entry->vr;
    return key != NULL ? (enum dcm_vr)key->vr : DCM_VR_UN;
}

static int put_wanted(const struct arc_plan *plan, const struct index_row *row, dcm_tag tag,
                      struct iso_arena *arena, struct dcm_dataset *answer, struct iso_err *err)
{
    const struct dcm_dataset *from =
        arc_row_has(plan->query->level, tag) ? row->columns : row->header;
    const struct dcm_element *el = from != NULL ? dcm_get(from, tag) : NULL;

    if (el != NULL && (el->form == DCM_FORM_VALUE || el->form == DCM_FORM_SEQUENCE))
        return dcm_put_copy(answer, arena, from, el, err);
    if (el != NULL)
        return ISO_OK; /* bulk: not an answer to a question */
    return dcm_put_raw(answer, arena, tag, vr_of(plan, tag), iso_bytes_of("", 0)) < 0
               ? iso_arena_fail(arena, err)
               : ISO_OK;
}

/* Everything of one data set that is not there yet and not bulk. */
static int put_all(const struct dcm_dataset *from, struct iso_arena *arena,
                   struct dcm_dataset *answer, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < from->count && rc >= 0; i++) {
        const struct dcm_element *el = &from->element[i];

        if (el->tag == DCM_SPECIFIC_CHARACTER_SET || (el->tag & 0xffff) == 0 ||
            (el->form != DCM_FORM_VALUE && el->form != DCM_FORM_SEQUENCE) ||
            dcm_get(answer, el->tag) != NULL)
            continue;
        rc = dcm_put_copy(answer, arena, from, el, err);
    }
    return rc;
}

int arc_row_answer(const struct arc_plan *plan, const struct index_row *row,
                   struct iso_arena *arena, struct dcm_dataset *answer, struct iso_err *err)
{
    const struct arc_query *q  = plan->query;
    int                     rc = ISO_OK;

    dcm_dataset_init(answer);
    if (dcm_put_utf8(answer, arena) < 0)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < plan->wanted_count && rc >= 0; i++)
        rc = put_wanted(plan, row, plan->wanted[i], arena, answer, err);
    if (rc >= 0 && q->include_all)
        rc = put_all(row->columns, arena, answer, err);
    if (rc >= 0 && q->include_all && q->level == ARC_INSTANCE && row->header != NULL)
        rc = put_all(row->header, arena, answer, err);
    return rc;
}
