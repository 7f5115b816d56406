/* index_select.c: the objects of a selection. */
#include "index_compile.h"

#include "iso_json.h"

#include <stdlib.h>

int index_select(struct index *index, const struct index_selection *selection, int64_t **ids,
                 size_t *count, struct iso_err *err)
{
    static const char *const where[] = {
        " AND s.patient_id IN (SELECT value FROM json_each(?))",
        " AND s.study_instance_uid IN (SELECT value FROM json_each(?))",
        " AND e.series_instance_uid IN (SELECT value FROM json_each(?))",
        " AND i.sop_instance_uid IN (SELECT value FROM json_each(?))",
    };
    struct iso_buf   text;
    struct iso_buf   list[4];
    struct sql      *sql = NULL;
    sqlite3_stmt    *st;
    enum index_level lowest = INDEX_PATIENT;
    int              rc     = ISO_OK;

    iso_buf_init(&text, INDEX_SQL_MAX);
    for (size_t i = 0; i < 4; i++) {
        struct iso_json json;

        iso_buf_init(&list[i], 16 << 20);
        if (selection->count[i] > 0)
            lowest = (enum index_level)i;
        iso_json_init(&json, &list[i]);
        iso_json_open_array(&json);
        for (size_t k = 0; k < selection->count[i]; k++)
            iso_json_str(&json, selection->list[i][k]);
        iso_json_close_array(&json);
        if (rc >= 0)
            rc = iso_json_end(&json, err);
    }
    iso_buf_printf(&text,
                   "SELECT i.id FROM instance i JOIN series e ON e.id = i.series"
                   " JOIN study s ON s.id = e.study WHERE %s.tenant = 1",
                   lowest <= INDEX_STUDY    ? "s"
                   : lowest == INDEX_SERIES ? "e"
                                            : "i");
    for (size_t i = 0; i < 4; i++)
        if (selection->count[i] > 0)
            iso_buf_add_c(&text, where[i]);
    iso_buf_add_c(&text, " ORDER BY +s.id, e.series_number, e.id, i.instance_number, i.id");
    iso_buf_add_u8(&text, '\0');
    if (rc >= 0)
        rc = iso_buf_check(&text, err);
    if (rc >= 0)
        rc = index_reader_take(index, &sql, err);
    if (rc >= 0)
        rc = sql_prepare(sql, (const char *)text.ptr, &st, err);
    if (rc >= 0) {
        int at = 1;
        for (size_t i = 0; i < 4; i++)
            if (selection->count[i] > 0)
                sql_bind_str(st, at++, iso_str_of_bytes(iso_buf_bytes(&list[i])));
        rc = index_collect(sql, st, ids, count, err);
    }
    index_reader_give(index, sql);
    for (size_t i = 0; i < 4; i++)
        iso_buf_release(&list[i]);
    iso_buf_release(&text);
    return rc;
}
