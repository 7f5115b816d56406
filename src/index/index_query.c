/* index_query.c: an index_query as SQL. The text is put together from column names of our own table
 * and fixed pieces; every value is a bound parameter, so equal questions share one statement.
 *
 * Plans are kept predictable: an order that an index gives (newest first) is asked for plainly when
 * nothing selective narrows the question, so that LIMIT stops early; otherwise its terms carry a '+',
 * the selective index drives and the few rows are sorted. */
#include "index_sqlite.h"

#include "iso_json.h"
#include "iso_utf8.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { BINDS_MAX = 4096, SQL_TEXT_MAX = 64 << 10 };

struct bind {
    bool    is_text;
    iso_str text;
    int64_t number;
};

struct compile {
    const struct index_query *q;
    struct iso_buf            sql;
    struct iso_arena          arena;
    struct bind              *bind;
    size_t                    binds;
    bool                      failed; /* out of memory or too many values */
};

static const char *const FROM[] = {
    "patient p",
    "study s",
    "series e JOIN study s ON s.id = e.study",
    "instance i JOIN series e ON e.id = i.series JOIN study s ON s.id = e.study",
};
static const char ALIAS[] = { 'p', 's', 'e', 'i' };

static void put(struct compile *c, const char *text)
{
    iso_buf_add_c(&c->sql, text);
}

static struct bind *bind_new(struct compile *c)
{
    static struct bind none;

    if (c->binds == BINDS_MAX) {
        c->failed = true;
        return &none;
    }
    put(c, "?");
    return &c->bind[c->binds++];
}

static void put_text(struct compile *c, iso_str text)
{
    struct bind *b = bind_new(c);

    *b = (struct bind){ .is_text = true, .text = text };
}

static void put_number(struct compile *c, int64_t number)
{
    struct bind *b = bind_new(c);

    *b = (struct bind){ .number = number };
}

static void put_list(struct compile *c, const iso_str *texts, size_t count)
{
    put(c, " IN (");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(c, ",");
        put_text(c, texts[i]);
    }
    put(c, ")");
}

static char other_case(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? (char)(c ^ 0x20) : c;
}

/* '*' and '?' are GLOB's own; its '[' is not. A letter in any case is a set of two: "[aA]". */
static iso_str glob_of(struct compile *c, iso_str pattern, bool any_case)
{
    char  *out = iso_arena_array(&c->arena, pattern.len + 1, 4);
    size_t n   = 0;

    if (out == NULL) {
        c->failed = true;
        return ISO_STR("");
    }
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '[') {
            memcpy(out + n, "[[]", 3);
            n += 3;
        } else if (any_case && other_case(pattern.ptr[i]) != pattern.ptr[i]) {
            const char set[] = { '[', pattern.ptr[i], other_case(pattern.ptr[i]), ']' };
            memcpy(out + n, set, sizeof set);
            n += sizeof set;
        } else {
            out[n++] = pattern.ptr[i];
        }
    }
    return iso_str_of(out, n);
}

static bool is_wild(char c)
{
    return c == '*' || c == '?';
}

/* The first text that is greater than all that begin with prefix. */
static iso_str after_prefix(struct compile *c, iso_str prefix)
{
    iso_str copy = iso_arena_str(&c->arena, prefix);

    if (copy.ptr == NULL) {
        c->failed = true;
        return prefix;
    }
    char *last = (char *)(uintptr_t)(copy.ptr + copy.len - 1);
    *last      = (char)((unsigned char)*last + 1); /* UTF-8 never has 0xff */
    return copy;
}

/* The trigrams of the pattern's literal parts as a full-text question; empty when it has none. */
static iso_str trigrams_of(struct compile *c, iso_str pattern)
{
    struct iso_buf out;
    iso_str        made  = { NULL, 0 };
    iso_str        rest  = pattern;
    size_t         count = 0;

    iso_buf_init(&out, 16 << 10);
    while (rest.len > 0 && count < 16) {
        iso_str  look = rest;
        uint32_t scalar;
        size_t   chars = 0;

        while (chars < 3 && look.len > 0 && !is_wild(look.ptr[0]) && iso_utf8_take(&look, &scalar))
            chars++;
        if (chars == 3) {
            iso_str gram = iso_str_of(rest.ptr, rest.len - look.len);

            iso_buf_add_c(&out, count++ > 0 ? " AND \"" : "\"");
            for (size_t i = 0; i < gram.len; i++) {
                if (gram.ptr[i] == '"')
                    iso_buf_add_c(&out, "\"");
                iso_buf_add(&out, gram.ptr + i, 1);
            }
            iso_buf_add_c(&out, "\"");
        }
        look = rest;
        if (!iso_utf8_take(&look, &scalar))
            look = iso_str_sub(rest, 1, rest.len);
        rest = look;
    }
    if (count > 0)
        made = iso_arena_str(&c->arena, iso_str_of_bytes(iso_buf_bytes(&out)));
    iso_buf_release(&out);
    return made;
}

/* "(x GLOB ? OR x GLOB ?)" */
static void put_globs(struct compile *c, const struct index_predicate *p, const char *x)
{
    for (size_t i = 0; i < p->text_count; i++) {
        iso_buf_printf(&c->sql, "%s%s GLOB ", i == 0 ? "(" : " OR ", x);
        put_text(c, glob_of(c, p->texts[i], p->any_case));
    }
    put(c, ")");
}

/* A pattern with a fixed beginning is a range of the index. */
static void put_prefix(struct compile *c, const struct index_predicate *p, iso_str prefix,
                       const char *x)
{
    iso_buf_printf(&c->sql, "%s >= ", x);
    put_text(c, prefix);
    iso_buf_printf(&c->sql, " AND %s < ", x);
    put_text(c, after_prefix(c, prefix));
    put(c, " AND ");
    put_globs(c, p, x);
}

static iso_str fixed_prefix(const struct index_predicate *p)
{
    iso_str pattern = p->texts[p->text_count - 1];
    size_t  fixed   = 0;

    while (fixed < pattern.len && !is_wild(pattern.ptr[fixed]))
        fixed++;
    return iso_str_sub(pattern, 0, fixed);
}

/* x: the column that is compared. table: whose name groups are searched too, or NULL. */
static void put_like(struct compile *c, const struct index_predicate *p, char alias, const char *x,
                     const char *groups)
{
    const iso_str prefix = fixed_prefix(p);
    iso_str       grams  = { NULL, 0 };

    if (prefix.len > 0 && !p->any_case) {
        put_prefix(c, p, prefix, x);
        if (groups != NULL) {
            iso_buf_printf(&c->sql, " OR %c.id IN (SELECT %s FROM %s_group WHERE ", alias, groups,
                           groups);
            put_prefix(c, p, prefix, "name_x");
            put(c, ")");
        }
        return;
    }
    if (p->column->infix)
        grams = trigrams_of(c, p->texts[p->text_count - 1]);
    if (grams.len > 0) {
        const char *table = alias == 'p' ? "patient" : alias == 's' ? "study" : "series";

        iso_buf_printf(&c->sql, "%c.id IN (SELECT rowid FROM %s_text WHERE %s_text MATCH ", alias,
                       table, table);
        put_text(c, grams);
        put(c, ") AND ");
    }
    put(c, "(");
    put_globs(c, p, x);
    if (groups != NULL) {
        iso_buf_printf(&c->sql, " OR EXISTS (SELECT 1 FROM %s_group g WHERE g.%s = %c.id AND ",
                       groups, groups, alias);
        put_globs(c, p, "g.name_x");
        put(c, ")");
    }
    put(c, ")");
}

/* Every word is begun with, or sounds like, a word of the name. */
static void put_words(struct compile *c, const struct index_predicate *p, char alias)
{
    const char *table = alias == 'p' ? "patient" : "study";

    for (size_t i = 0; i < p->word_count; i++) {
        iso_str begin = iso_arena_printf(&c->arena, "-%.*s", ISO_STR_ARG(p->words[i].word));
        iso_str code  = iso_arena_printf(&c->arena, "=%.*s", ISO_STR_ARG(p->words[i].code));

        if (begin.ptr == NULL || code.ptr == NULL) {
            c->failed = true;
            return;
        }
        iso_buf_printf(&c->sql,
                       "%s%c.id IN (SELECT %s FROM %s_sound WHERE code >= ", i == 0 ? "" : " AND ",
                       alias, table, table);
        put_text(c, begin);
        put(c, " AND code < ");
        put_text(c, after_prefix(c, begin));
        iso_buf_printf(&c->sql, " UNION SELECT %s FROM %s_sound WHERE code = ", table, table);
        put_text(c, code);
        put(c, ")");
    }
}

/* The condition on the column itself. */
static void put_condition(struct compile *c, const struct index_predicate *p, char alias)
{
    const struct index_column *col    = p->column;
    const bool                 shadow = col->kind == INDEX_NAME || col->kind == INDEX_TIME;
    const bool  groups = col->tag == 0x00100010; /* the patient's name has other groups elsewhere */
    const char *table  = alias == 'p' ? "patient" : "study";
    char        x[80];

    (void)snprintf(x, sizeof x, "%c.%s%s", alias, col->name, shadow ? "_x" : "");
    if (p->match == INDEX_BETWEEN) {
        iso_buf_printf(&c->sql, "%s BETWEEN ", x);
        put_number(c, p->from);
        put(c, " AND ");
        put_number(c, p->to);
        return;
    }
    if (col->interned) {
        iso_buf_printf(&c->sql, "%s IN (SELECT id FROM uid WHERE text", x);
        if (p->match == INDEX_IS) {
            put_list(c, p->texts, p->text_count);
        } else {
            put(c, " GLOB ");
            put_text(c, glob_of(c, p->texts[0], false));
        }
        put(c, ")");
        return;
    }
    if (groups)
        put(c, "(");
    if (p->word_count > 0) {
        put_words(c, p, alias);
        put(c, " OR ");
    }
    if (p->match == INDEX_IS) {
        put(c, x);
        put_list(c, p->texts, p->text_count);
    } else {
        put_like(c, p, alias, x, groups ? table : NULL);
    }
    if (groups && p->match == INDEX_IS) {
        iso_buf_printf(&c->sql, " OR %c.id IN (SELECT %s FROM %s_group WHERE name_x", alias, table,
                       table);
        put_list(c, p->texts, p->text_count);
        put(c, ")");
    }
    if (groups)
        put(c, ")");
}

/* How to get from the query's level down to a column of a lower one. */
static const char *path_down(enum index_level level, enum index_level to)
{
    if (level == INDEX_PATIENT)
        return to == INDEX_STUDY ? "p.id IN (SELECT s.patient FROM study s WHERE s.tenant = 1 AND "
               : to == INDEX_SERIES ? "p.id IN (SELECT s.patient FROM series e JOIN study s"
                                      " ON s.id = e.study WHERE e.tenant = 1 AND "
                                    : "p.id IN (SELECT s.patient FROM instance i JOIN series e ON"
                                      " e.id = i.series JOIN study s ON s.id = e.study"
                                      " WHERE i.tenant = 1 AND ";
    if (level == INDEX_STUDY)
        return to == INDEX_SERIES ? "s.id IN (SELECT e.study FROM series e WHERE e.tenant = 1 AND "
                                  : "s.id IN (SELECT e.study FROM instance i JOIN series e ON"
                                    " e.id = i.series WHERE i.tenant = 1 AND ";
    return "e.id IN (SELECT i.series FROM instance i WHERE i.tenant = 1 AND ";
}

static void put_predicate(struct compile *c, const struct index_predicate *p)
{
    const enum index_level level = c->q->level;
    enum index_level       at    = p->column->level;

    put(c, " AND ");
    if (at == INDEX_PATIENT && level > INDEX_PATIENT)
        at = INDEX_STUDY; /* the study's own copy */
    if (at > level) {
        put(c, path_down(level, at));
        put_condition(c, p, ALIAS[at]);
        put(c, ")");
    } else {
        put_condition(c, p, ALIAS[at]);
    }
}

static bool has_wild(iso_str s)
{
    return iso_str_find(s, '*', 0) < s.len || iso_str_find(s, '?', 0) < s.len;
}

static void put_modalities(struct compile *c)
{
    const struct index_query *q = c->q;

    if (q->modality_count == 0)
        return;
    put(c, q->level == INDEX_PATIENT
               ? " AND p.id IN (SELECT s.patient FROM study_modality m JOIN study s"
                 " ON s.id = m.study WHERE ("
               : " AND EXISTS (SELECT 1 FROM study_modality m WHERE m.study = s.id AND (");
    for (size_t i = 0; i < q->modality_count; i++) {
        if (i > 0)
            put(c, " OR ");
        if (has_wild(q->modalities[i])) {
            put(c, "m.modality GLOB ");
            put_text(c, glob_of(c, q->modalities[i], false));
        } else {
            put(c, "m.modality = ");
            put_text(c, q->modalities[i]);
        }
    }
    put(c, "))");
}

static void put_moment(struct compile *c)
{
    const struct index_moment *m = &c->q->study_moment;

    if (!m->given)
        return;
    put(c, c->q->level == INDEX_PATIENT
               ? " AND p.id IN (SELECT s.patient FROM study s WHERE s.tenant = 1"
               : "");
    put(c, " AND s.study_date BETWEEN ");
    put_number(c, m->from_date);
    put(c, " AND ");
    put_number(c, m->to_date);
    put(c, " AND (s.study_date, ifnull(s.study_time_x, 0)) >= (");
    put_number(c, m->from_date);
    put(c, ", ");
    put_number(c, m->from_time);
    put(c, ") AND (s.study_date, ifnull(s.study_time_x, 0)) <= (");
    put_number(c, m->to_date);
    put(c, ", ");
    put_number(c, m->to_time);
    put(c, ")");
    if (c->q->level == INDEX_PATIENT)
        put(c, ")");
}

/* Does anything but the study's date narrow the question? */
static bool is_selective(const struct index_query *q)
{
    for (size_t i = 0; i < q->predicate_count; i++)
        if (q->predicates[i].column->tag != 0x00080020)
            return true;
    return false;
}

static void put_order(struct compile *c)
{
    static const char *const plain[] = {
        "p.patient_name_x, p.id",
        "s.study_date DESC, s.study_time_x DESC, s.id DESC",
        "s.study_date DESC, s.study_time_x DESC, s.id DESC, e.series_number, e.id",
        ("s.study_date DESC, s.study_time_x DESC, s.id DESC, e.series_number, e.id,"
         " i.instance_number, i.id"),
    };
    static const char *const sorted[] = {
        "+p.patient_name_x, p.id",
        "+s.study_date DESC, s.study_time_x DESC, s.id DESC",
        "+s.study_date DESC, s.study_time_x DESC, s.id DESC, e.series_number, e.id",
        ("+s.study_date DESC, s.study_time_x DESC, s.id DESC, e.series_number, e.id,"
         " i.instance_number, i.id"),
    };
    const struct index_query *q         = c->q;
    const bool                selective = is_selective(q);
    bool                      ordered   = false;
    bool                      down      = false;

    put(c, " ORDER BY ");
    for (size_t i = 0; i < q->order_count; i++) {
        const struct index_column *col = q->order[i].column;
        enum index_level           at  = col->level;

        if (at == INDEX_PATIENT && q->level > INDEX_PATIENT)
            at = INDEX_STUDY;
        if (at > q->level)
            continue;
        down = q->order[i].descending;
        iso_buf_printf(&c->sql, "%s%s%c.%s%s%s", ordered ? ", " : "", selective ? "+" : "",
                       ALIAS[at], col->name,
                       col->kind == INDEX_NAME || col->kind == INDEX_TIME ? "_x" : "",
                       down ? " DESC" : "");
        ordered = true;
    }
    if (ordered)
        iso_buf_printf(&c->sql, ", %c.id%s", ALIAS[q->level], down ? " DESC" : "");
    else
        put(c, selective ? sorted[q->level] : plain[q->level]);
}

static int compile(struct compile *c, const struct index_query *q, bool counting,
                   const char *explain, struct iso_err *err)
{
    *c = (struct compile){ .q = q };
    iso_arena_init(&c->arena, 4 << 20);
    iso_buf_init(&c->sql, SQL_TEXT_MAX);
    c->bind = iso_arena_array(&c->arena, BINDS_MAX, sizeof *c->bind);
    if (c->bind == NULL)
        return iso_arena_fail(&c->arena, err);
    if (counting)
        iso_buf_printf(&c->sql, "SELECT count(*) FROM %s WHERE %c.tenant = 1", FROM[q->level],
                       q->level == INDEX_PATIENT ? 'p' : 's');
    else
        iso_buf_printf(&c->sql, "%sSELECT %c.id FROM %s WHERE %c.tenant = 1", explain,
                       ALIAS[q->level], FROM[q->level], q->level == INDEX_PATIENT ? 'p' : 's');
    for (size_t i = 0; i < q->predicate_count; i++)
        put_predicate(c, &q->predicates[i]);
    put_modalities(c);
    put_moment(c);
    if (!counting) {
        put_order(c);
        put(c, " LIMIT ");
        put_number(c, q->limit > 0 && q->limit < INDEX_ROWS_MAX ? (int64_t)q->limit
                                                                : INDEX_ROWS_MAX + 1);
        put(c, " OFFSET ");
        put_number(c, q->offset < INT64_MAX ? (int64_t)q->offset : INT64_MAX);
    }
    iso_buf_add_u8(&c->sql, '\0');
    if (c->failed || !iso_buf_ok(&c->sql))
        return iso_fail(err, ISO_ELIMIT, "the question has too many values");
    return ISO_OK;
}

static void compile_release(struct compile *c)
{
    iso_buf_release(&c->sql);
    iso_arena_release(&c->arena);
}

static int prepare(struct compile *c, struct sql *sql, sqlite3_stmt **st, struct iso_err *err)
{
    int rc = sql_prepare(sql, (const char *)c->sql.ptr, st, err);

    for (size_t i = 0; i < c->binds && rc >= 0; i++) {
        if (c->bind[i].is_text)
            sql_bind_str(*st, (int)i + 1, c->bind[i].text);
        else
            sqlite3_bind_int64(*st, (int)i + 1, c->bind[i].number);
    }
    return rc;
}

/* All first columns of a statement. */
static int collect(struct sql *sql, sqlite3_stmt *st, int64_t **ids, size_t *count,
                   struct iso_err *err)
{
    int64_t *list = NULL;
    size_t   cap  = 0;
    size_t   n    = 0;
    int      rc;

    while ((rc = sql_step(sql, st, err)) == ISO_OK) {
        if (n == cap) {
            cap        = cap == 0 ? 64 : 2 * cap;
            void *more = n < INDEX_ROWS_MAX ? realloc(list, cap * sizeof *list) : NULL;
            if (more == NULL) {
                sqlite3_reset(st);
                sqlite3_clear_bindings(st);
                free(list);
                return n < INDEX_ROWS_MAX
                           ? iso_fail(err, ISO_ENOMEM, "no memory for the matches")
                           : iso_fail(err, ISO_ELIMIT, "more than %d matches", (int)INDEX_ROWS_MAX);
            }
            list = more;
        }
        list[n++] = sqlite3_column_int64(st, 0);
    }
    if (rc != ISO_EEND) {
        free(list);
        return rc;
    }
    *ids   = list;
    *count = n;
    return ISO_OK;
}

int index_find(struct index *index, const struct index_query *query, int64_t **ids, size_t *count,
               struct iso_err *err)
{
    struct compile c;
    struct sql    *sql = NULL;
    sqlite3_stmt  *st;
    int            rc = compile(&c, query, false, "", err);

    if (rc >= 0)
        rc = index_reader_take(index, &sql, err);
    if (rc >= 0)
        rc = prepare(&c, sql, &st, err);
    if (rc >= 0)
        rc = collect(sql, st, ids, count, err);
    index_reader_give(index, sql);
    compile_release(&c);
    return rc;
}

static int total_of(struct index *index, enum index_level level, uint64_t *count,
                    struct iso_err *err)
{
    struct index_stats stats;
    int                rc = index_stats(index, &stats, err);

    if (rc >= 0)
        *count = level == INDEX_PATIENT  ? stats.patients
                 : level == INDEX_STUDY  ? stats.studies
                 : level == INDEX_SERIES ? stats.series
                                         : stats.instances;
    return rc;
}

int index_count(struct index *index, const struct index_query *query, uint64_t *count,
                struct iso_err *err)
{
    struct compile c;
    struct sql    *sql = NULL;
    sqlite3_stmt  *st;
    int            rc;

    if (query->predicate_count + query->modality_count == 0 && !query->study_moment.given)
        return total_of(index, query->level, count, err);
    rc = compile(&c, query, true, "", err);
    if (rc >= 0)
        rc = index_reader_take(index, &sql, err);
    if (rc >= 0)
        rc = prepare(&c, sql, &st, err);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *count = (uint64_t)sqlite3_column_int64(st, 0);
        rc     = sql_run(sql, st, err);
    }
    index_reader_give(index, sql);
    compile_release(&c);
    return rc;
}

int index_explain(struct index *index, const struct index_query *query, struct iso_arena *arena,
                  iso_str *plan, struct iso_err *err)
{
    struct compile c;
    struct iso_buf out;
    struct sql    *sql = NULL;
    sqlite3_stmt  *st;
    int            rc = compile(&c, query, false, "EXPLAIN QUERY PLAN ", err);

    iso_buf_init(&out, 64 << 10);
    if (rc >= 0)
        rc = index_reader_take(index, &sql, err);
    if (rc >= 0)
        rc = prepare(&c, sql, &st, err);
    while (rc >= 0 && (rc = sql_step(sql, st, err)) == ISO_OK) {
        iso_buf_add_str(&out, sql_str(st, 3));
        iso_buf_add_c(&out, "\n");
    }
    if (rc == ISO_EEND) {
        *plan = iso_arena_str(arena, iso_str_of_bytes(iso_buf_bytes(&out)));
        rc    = ISO_OK;
    }
    index_reader_give(index, sql);
    iso_buf_release(&out);
    compile_release(&c);
    return rc;
}

/* ---- selections ---- */

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

    iso_buf_init(&text, SQL_TEXT_MAX);
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
    iso_buf_printf(&text, "SELECT i.id FROM %s WHERE %c.tenant = 1", FROM[INDEX_INSTANCE],
                   ALIAS[lowest == INDEX_PATIENT ? INDEX_STUDY : lowest]);
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
        rc = collect(sql, st, ids, count, err);
    }
    index_reader_give(index, sql);
    for (size_t i = 0; i < 4; i++)
        iso_buf_release(&list[i]);
    iso_buf_release(&text);
    return rc;
}
