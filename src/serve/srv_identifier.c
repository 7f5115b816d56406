/* srv_identifier.c: hierarchical rules first (PS3.4 §C.4.1.2.1), matching is the archive's. */
#include "srv_identifier.h"

#include "dcm_parser.h"
#include "dimse_status.h"

static const struct {
    const char *name;
    dcm_tag     unique;
} levels[] = {
    [ARC_PATIENT]  = { "PATIENT", DCM_PATIENT_ID },
    [ARC_STUDY]    = { "STUDY", DCM_STUDY_INSTANCE_UID },
    [ARC_SERIES]   = { "SERIES", DCM_SERIES_INSTANCE_UID },
    [ARC_INSTANCE] = { "IMAGE", DCM_SOP_INSTANCE_UID },
};

const char *srv_level_name(enum arc_level level)
{
    return levels[level].name;
}

static bool root_has(enum srv_root root, enum arc_level level)
{
    if (root == SRV_STUDY_ROOT)
        return level != ARC_PATIENT;
    return root == SRV_PATIENT_ROOT || level <= ARC_STUDY;
}

int srv_identifier_read(iso_bytes raw, iso_str transfer_syntax, enum srv_root root,
                        struct iso_arena *arena, struct srv_identifier *out, uint16_t *status,
                        struct iso_err *err)
{
    int rc =
        dcm_dataset_parse(raw, dcm_syntax_or_default(transfer_syntax), arena, &out->request, err);
    if (rc < 0) {
        *status = rc == ISO_ELIMIT || rc == ISO_ENOMEM ? DIMSE_QUERY_OUT_OF_RESOURCES
                                                       : DIMSE_QUERY_UNABLE_TO_PROCESS;
        return iso_wrap(err, rc, "identifier");
    }
    *status       = DIMSE_QUERY_CLASS_MISMATCH;
    iso_str level = dcm_get_ascii(&out->request, DCM_QUERY_RETRIEVE_LEVEL);
    if (level.len == 0)
        return iso_fail(err, ISO_EINVAL, "no Query/Retrieve Level");
    for (enum arc_level i = ARC_PATIENT; i <= ARC_INSTANCE; i++) {
        if (!iso_str_eq_nocase(level, iso_str_c(levels[i].name)))
            continue;
        if (!root_has(root, i))
            break;
        out->level = i;
        *status    = DIMSE_SUCCESS;
        return ISO_OK;
    }
    return iso_fail(err, ISO_EINVAL, "Query/Retrieve Level %.*s is not of this model",
                    ISO_STR_ARG(level));
}

static bool has_wildcard(iso_str value)
{
    return iso_str_find(value, '*', 0) < value.len || iso_str_find(value, '?', 0) < value.len;
}

/* Keys above the level: there, one value, no wildcard.   PS3.4 §C.4.1.2.1 */
static int check_above(const struct srv_identifier *identifier, enum srv_root root,
                       struct iso_err *err)
{
    enum arc_level top = root == SRV_STUDY_ROOT ? ARC_STUDY : ARC_PATIENT;

    for (enum arc_level i = top; i < identifier->level; i++) {
        iso_str                      value = dcm_get_raw(&identifier->request, levels[i].unique);
        const struct dcm_dict_entry *entry = dcm_dict_find(levels[i].unique);
        if (value.len == 0)
            return iso_fail(err, ISO_EINVAL, "%s is needed at %s level (relational not agreed)",
                            entry != NULL ? dcm_dict_keyword(entry) : "",
                            levels[identifier->level].name);
        if (has_wildcard(value) || iso_str_find(value, '\\', 0) < value.len)
            return iso_fail(err, ISO_EINVAL, "%s must be one value (relational not agreed)",
                            entry != NULL ? dcm_dict_keyword(entry) : "");
    }
    return ISO_OK;
}

int srv_identifier_find(const struct srv_identifier *identifier, enum srv_root root,
                        bool relational, struct iso_arena *arena, struct dcm_dataset *keys,
                        uint16_t *status, struct iso_err *err)
{
    int rc = relational ? ISO_OK : check_above(identifier, root, err);

    if (rc < 0) {
        *status = DIMSE_QUERY_CLASS_MISMATCH;
        return rc;
    }
    *status = DIMSE_QUERY_UNABLE_TO_PROCESS;
    dcm_dataset_init(keys);
    rc = dcm_put_utf8(keys, arena);
    for (size_t i = 0; i < identifier->request.count && rc == ISO_OK; i++) {
        const struct dcm_element *el = &identifier->request.element[i];
        if (el->tag == DCM_SPECIFIC_CHARACTER_SET || el->tag == DCM_QUERY_RETRIEVE_LEVEL ||
            el->tag == DCM_RETRIEVE_AE_TITLE || (el->tag & 0xffff) == 0)
            continue;
        rc = dcm_put_copy(keys, arena, &identifier->request, el, err);
    }
    if (rc == ISO_OK)
        *status = DIMSE_SUCCESS;
    else if (rc == ISO_ENOMEM || rc == ISO_ELIMIT)
        *status = DIMSE_QUERY_OUT_OF_RESOURCES;
    return rc;
}

/* The values of one unique key as a list; PatientID in UTF-8. */
static int list_of(const struct srv_identifier *identifier, enum arc_level level,
                   struct iso_arena *arena, const iso_str **list, size_t *count,
                   struct iso_err *err)
{
    const struct dcm_element *el = dcm_get(&identifier->request, levels[level].unique);
    size_t                    n = 0, cap = 0;
    iso_str                  *values = NULL;

    *count       = 0;
    iso_str rest = el != NULL ? dcm_get_text(&identifier->request, el->tag, arena) : (iso_str){ 0 };
    if (el != NULL && rest.ptr == NULL && el->value.len > 0)
        return iso_arena_fail(arena, err);
    while (rest.ptr != NULL) {
        iso_str value = iso_str_trim(iso_str_cut(&rest, '\\'));
        if (value.len == 0)
            continue;
        if (has_wildcard(value))
            return iso_fail(err, ISO_EINVAL, "wildcards do not name objects to retrieve");
        if (n == ARC_SELECTION_MAX)
            return iso_fail(err, ISO_ELIMIT, "more than %d values of a key", ARC_SELECTION_MAX);
        values = iso_arena_grow(arena, values, n, n + 1, sizeof *values, &cap);
        if (values == NULL)
            return iso_arena_fail(arena, err);
        values[n++] = value;
    }
    *list  = values;
    *count = n;
    return ISO_OK;
}

int srv_identifier_retrieve(const struct srv_identifier *identifier, enum srv_root root,
                            bool relational, struct iso_arena *arena, struct arc_selection *out,
                            uint16_t *status, struct iso_err *err)
{
    struct arc_selection selection = { 0 };
    struct {
        const iso_str **list;
        size_t         *count;
    } const keys[] = {
        [ARC_PATIENT]  = { &selection.patient_ids, &selection.patient_id_count },
        [ARC_STUDY]    = { &selection.study_uids, &selection.study_count },
        [ARC_SERIES]   = { &selection.series_uids, &selection.series_count },
        [ARC_INSTANCE] = { &selection.sop_instance_uids, &selection.instance_count },
    };
    enum arc_level top = root == SRV_STUDY_ROOT ? ARC_STUDY : ARC_PATIENT;

    int rc = relational ? ISO_OK : check_above(identifier, root, err);
    for (enum arc_level i = top; i <= identifier->level && rc == ISO_OK; i++)
        rc = list_of(identifier, i, arena, keys[i].list, keys[i].count, err);
    if (rc == ISO_OK && *keys[identifier->level].count == 0)
        rc = iso_fail(err, ISO_EINVAL, "no value of the unique key of the %s level",
                      levels[identifier->level].name);
    if (rc == ISO_OK)
        *out = selection;
    *status = rc == ISO_OK       ? DIMSE_SUCCESS
              : rc == ISO_EINVAL ? DIMSE_QUERY_CLASS_MISMATCH
                                 : DIMSE_QUERY_CANNOT_COUNT;
    return rc;
}
