/* index_query.c: questions. One term of a question drives, the others filter (index_compile.h): the
 * sharpest one; of those that may find a great many rows, the one that finds the fewest, which is
 * counted up to a number where it would be no more work to walk in the order that was asked for until
 * enough rows have passed. So is done when all of them find that many. */
#include "index_compile.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_ROWS_MIN = 1000, PROBE_ROWS_MAX = 20000 };

struct plan {
    size_t driver; /* a term, or INDEX_TERM_NONE */
    bool   plain;  /* the order comes from an index: a limit stops early */
};

static const char ALIAS[] = { 'p', 's', 'e', 'i' };

/* ---- which term drives ---- */

static bool is_date(const struct index_query *q, size_t term)
{
    return term == INDEX_TERM_MOMENT ||
           (term < q->predicate_count && q->predicates[term].column->tag == 0x00080020);
}

/* INDEX_TERM_NONE: none is sharp. */
static size_t sharpest(const struct index_query *q)
{
    size_t              best  = INDEX_TERM_NONE;
    enum index_strength found = INDEX_COARSE;

    for (size_t i = 0; i < q->predicate_count; i++) {
        const struct index_predicate *p = &q->predicates[i];
        const enum index_strength     s = index_strength(p);

        if (s <= INDEX_COARSE || s < found)
            continue;
        if (s > found || p->column->level > q->predicates[best].column->level ||
            (p->column->level == q->predicates[best].column->level &&
             p->column->kind != INDEX_NAME)) {
            best  = i;
            found = s;
        }
    }
    return best;
}

static size_t coarse_terms(const struct index_query *q, size_t *terms, size_t max)
{
    size_t n = 0;

    if (q->study_moment.given)
        terms[n++] = INDEX_TERM_MOMENT;
    if (q->modality_count > 0)
        terms[n++] = INDEX_TERM_MODALITIES;
    for (size_t i = 0; i < q->predicate_count && n < max; i++)
        if (index_strength(&q->predicates[i]) == INDEX_COARSE)
            terms[n++] = i;
    return n;
}

/* To find n of all studies and sort them costs n; to walk until `limit` of them have passed,
 * limit * all / n. */
static int probe_rows(struct sql *sql, const struct index_query *q, int64_t *rows,
                      struct iso_err *err)
{
    sqlite3_stmt *st;
    int64_t       work;
    int           rc = sql_prepare(sql, "SELECT studies FROM total WHERE tenant = 1", &st, err);

    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    work = sqlite3_column_int64(st, 0);
    rc   = sql_run(sql, st, err);
    work *= q->limit == 0 ? 100 : q->limit < 10000 ? (int64_t)q->limit : 10000;
    *rows = PROBE_ROWS_MIN;
    while (*rows < PROBE_ROWS_MAX && *rows * *rows < work)
        *rows *= 2;
    return rc;
}

static int probe(struct sql *sql, const struct index_query *q, size_t term, int64_t most,
                 int64_t *rows, struct iso_err *err)
{
    struct index_compile c;
    sqlite3_stmt        *st;
    int                  rc = index_compile_begin(&c, q, err);

    if (rc >= 0) {
        index_put_probe(&c, term, most);
        rc = index_compile_end(&c, err);
    }
    if (rc >= 0)
        rc = index_compile_prepare(&c, sql, &st, err);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc >= 0) {
        *rows = sqlite3_column_int64(st, 0);
        rc    = sql_run(sql, st, err);
    }
    index_compile_release(&c);
    return rc;
}

enum { COARSE_MAX = 16 };

static int choose(struct sql *sql, const struct index_query *q, size_t *driver, struct iso_err *err)
{
    size_t  term[COARSE_MAX + 2];
    size_t  count;
    int64_t most;
    int64_t least;
    int     rc;

    *driver = sharpest(q);
    if (*driver != INDEX_TERM_NONE)
        return ISO_OK;
    count = coarse_terms(q, term, COARSE_MAX);
    if (count == 0)
        return ISO_OK;
    if (count == 1 && (q->limit == 0 || (is_date(q, term[0]) && q->level > INDEX_PATIENT))) {
        *driver = term[0];
        return ISO_OK;
    }
    rc    = probe_rows(sql, q, &most, err);
    least = most;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        int64_t rows = most;

        /* to count these is as much work as to find them */
        if (term[i] >= q->predicate_count || q->limit > 0 ||
            !index_reads_names(&q->predicates[term[i]]))
            rc = probe(sql, q, term[i], most, &rows, err);
        if (rc >= 0 && rows < least) {
            least   = rows;
            *driver = term[i];
        }
    }
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && *driver == INDEX_TERM_NONE; i++)
        if (is_date(q, term[i]) && q->level > INDEX_PATIENT)
            *driver = term[i];
    if (*driver == INDEX_TERM_NONE && q->limit == 0)
        *driver = term[0];
    return ISO_OK;
}

static int plan_make(struct sql *sql, const struct index_query *q, struct plan *plan,
                     struct iso_err *err)
{
    int rc = choose(sql, q, &plan->driver, err);

    plan->plain = plan->driver == INDEX_TERM_NONE ||
                  (is_date(q, plan->driver) && q->level > INDEX_PATIENT && q->order_count == 0);
    return rc;
}

/* ---- the text ---- */

/* The level whose table the driver's index belongs to; tables are read from there on. */
static enum index_level driver_level(const struct index_query *q, size_t driver)
{
    const struct index_column *column;

    if (q->level == INDEX_PATIENT)
        return INDEX_PATIENT;
    if (driver >= q->predicate_count || q->predicates[driver].column->tag == 0x00080016)
        return INDEX_STUDY;
    column = q->predicates[driver].column;
    return column->level < INDEX_STUDY ? INDEX_STUDY
           : column->level > q->level  ? q->level
                                       : column->level;
}

/* Does the driver use an index that begins with the tenant? Others look up rows by their id. */
static bool by_tenant(const struct index_query *q, size_t driver)
{
    const struct index_predicate *p;

    if (driver == INDEX_TERM_NONE)
        return true;
    if (driver == INDEX_TERM_MOMENT)
        return q->level > INDEX_PATIENT;
    if (driver == INDEX_TERM_MODALITIES)
        return false;
    p = &q->predicates[driver];
    if (p->column->level > q->level || p->column->interned || p->column->tag == 0x00100010)
        return false;
    return !index_by_parts(p);
}

static void put_from(struct index_compile *c, size_t driver)
{
    static const char *const from[4][4] = {
        { "patient p" },
        { NULL, "study s" },
        { NULL, "study s CROSS JOIN series e ON e.study = s.id",
          "series e CROSS JOIN study s ON s.id = e.study" },
        { NULL,
          "study s CROSS JOIN series e ON e.study = s.id CROSS JOIN instance i ON i.series = e.id",
          "series e CROSS JOIN study s ON s.id = e.study CROSS JOIN instance i ON i.series = e.id",
          ("instance i CROSS JOIN series e ON e.id = i.series CROSS JOIN study s"
           " ON s.id = e.study") },
    };
    const struct index_query *q  = c->q;
    const enum index_level    at = driver_level(q, driver);

    iso_buf_printf(&c->sql, " FROM %s WHERE %s%c.tenant = 1", from[q->level][at],
                   by_tenant(q, driver) ? "" : "+", ALIAS[at]);
    index_put_terms(c, driver);
}

static void put_order(struct index_compile *c, bool plain)
{
    static const char *const newest[] = {
        "p.patient_name_x, p.id",
        "s.study_date DESC, s.study_time_x DESC, s.id DESC",
        "s.study_date DESC, s.study_time_x DESC, s.id DESC, e.series_number, e.id",
        ("s.study_date DESC, s.study_time_x DESC, s.id DESC, e.series_number, e.id,"
         " i.instance_number, i.id"),
    };
    const struct index_query *q       = c->q;
    const char               *hidden  = plain ? "" : "+";
    bool                      ordered = false;
    bool                      down    = false;

    index_put(c, " ORDER BY ");
    for (size_t i = 0; i < q->order_count; i++) {
        const struct index_column *col = q->order[i].column;
        enum index_level           at  = col->level;

        if (at == INDEX_PATIENT && q->level > INDEX_PATIENT)
            at = INDEX_STUDY;
        if (at > q->level)
            continue;
        down = q->order[i].descending;
        iso_buf_printf(&c->sql, "%s%s%c.%s%s%s", ordered ? ", " : "", hidden, ALIAS[at], col->name,
                       col->kind == INDEX_NAME || col->kind == INDEX_TIME ? "_x" : "",
                       down ? " DESC" : "");
        ordered = true;
    }
    if (ordered)
        iso_buf_printf(&c->sql, ", %c.id%s", ALIAS[q->level], down ? " DESC" : "");
    else
        iso_buf_printf(&c->sql, "%s%s", hidden, newest[q->level]);
}

/* ---- places in the default order ---- */

/* The row and what orders it; -1 and INT64_MIN for null. */
static int place_of(struct sql *sql, enum index_level level, int64_t id, struct index_spot *out,
                    struct iso_err *err)
{
    static const char *const text[] = {
        "SELECT 0, 0, p.id, 0, 0, 0, 0 FROM patient p WHERE p.id = ?",
        ("SELECT ifnull(s.study_date, -1), ifnull(s.study_time_x, -1), s.id, 0, 0, 0, 0"
         " FROM study s WHERE s.id = ?"),
        ("SELECT ifnull(s.study_date, -1), ifnull(s.study_time_x, -1), s.id,"
         " ifnull(e.series_number, -9223372036854775808), e.id, 0, 0"
         " FROM series e JOIN study s ON s.id = e.study WHERE e.id = ?"),
        ("SELECT ifnull(s.study_date, -1), ifnull(s.study_time_x, -1), s.id,"
         " ifnull(e.series_number, -9223372036854775808), e.id,"
         " ifnull(i.instance_number, -9223372036854775808), i.id FROM instance i"
         " JOIN series e ON e.id = i.series JOIN study s ON s.id = e.study WHERE i.id = ?"),
    };
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, text[level], &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "the row to go on from has gone") : rc;
    *out =
        (struct index_spot){ .given  = true,
                             .date   = sqlite3_column_int64(st, 0),
                             .time   = sqlite3_column_int64(st, 1),
                             .study  = sqlite3_column_int64(st, 2),
                             .number = { sqlite3_column_int64(st, 3), sqlite3_column_int64(st, 5) },
                             .below  = { sqlite3_column_int64(st, 4),
                                         sqlite3_column_int64(st, 6) } };
    return sql_run(sql, st, err);
}

static void put_values(struct index_compile *c, const char *what, const int64_t *values,
                       size_t count)
{
    index_put(c, what);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            index_put(c, ", ");
        index_put_number(c, values[i]);
    }
    index_put(c, ")");
}

/* Rows behind the place. Studies without a date come last: they are a question of their own. */
static void put_behind(struct index_compile *c, const struct index_spot *at, bool undated)
{
    const int64_t time[]     = { at->time, at->study };
    const int64_t series[]   = { at->number[0], at->below[0] };
    const int64_t instance[] = { at->number[0], at->below[0], at->number[1], at->below[1] };

    index_put(c, undated ? " AND s.study_date IS NULL" : " AND s.study_date <= ");
    if (undated && at->date >= 0)
        return; /* all of them */
    if (!undated) {
        index_put_number(c, at->date);
        index_put(c, " AND (+s.study_date < ");
        index_put_number(c, at->date);
        index_put(c, " OR ");
    } else {
        index_put(c, " AND (");
    }
    put_values(c, "(ifnull(s.study_time_x, -1), s.id) < (", time, 2);
    if (c->q->level > INDEX_STUDY) {
        index_put(c, " OR (s.id = ");
        index_put_number(c, at->study);
        if (c->q->level == INDEX_SERIES)
            put_values(c, " AND (ifnull(e.series_number, -9223372036854775808), e.id) > (", series,
                       2);
        else
            put_values(c,
                       " AND (ifnull(e.series_number, -9223372036854775808), e.id,"
                       " ifnull(i.instance_number, -9223372036854775808), i.id) > (",
                       instance, 4);
        index_put(c, ")");
    }
    index_put(c, ")");
}

/* ---- finding ---- */

enum asks { ROWS, NUMBER, EXPLANATION };

static int compile(struct index_compile *c, const struct index_query *q, const struct plan *plan,
                   enum asks what, const struct index_spot *behind, bool undated,
                   struct iso_err *err)
{
    int rc = index_compile_begin(c, q, err);

    if (rc < 0)
        return rc;
    if (what == NUMBER)
        index_put(c, "SELECT count(*)");
    else
        iso_buf_printf(&c->sql, "%sSELECT %c.id", what == EXPLANATION ? "EXPLAIN QUERY PLAN " : "",
                       ALIAS[q->level]);
    put_from(c, plan->driver);
    if (behind->given)
        put_behind(c, behind, undated);
    if (what == NUMBER)
        return index_compile_end(c, err);
    put_order(c, plan->plain);
    index_put(c, " LIMIT ");
    index_put_number(c, q->limit > 0 && q->limit < INDEX_ROWS_MAX ? (int64_t)q->limit
                                                                  : INDEX_ROWS_MAX + 1);
    index_put(c, " OFFSET ");
    index_put_number(c, behind->given ? 0 : q->offset < INT64_MAX ? (int64_t)q->offset : INT64_MAX);
    return index_compile_end(c, err);
}

/* All first columns of a statement. */
int index_collect(struct sql *sql, sqlite3_stmt *st, int64_t **ids, size_t *count,
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

static int run(struct sql *sql, const struct index_query *q, const struct plan *plan,
               const struct index_spot *behind, bool undated, int64_t **ids, size_t *count,
               struct iso_err *err)
{
    struct index_compile c;
    sqlite3_stmt        *st;
    int                  rc = compile(&c, q, plan, ROWS, behind, undated, err);

    if (rc >= 0)
        rc = index_compile_prepare(&c, sql, &st, err);
    if (rc >= 0)
        rc = index_collect(sql, st, ids, count, err);
    index_compile_release(&c);
    return rc;
}

/* What lies behind a place: the dated, then as many of the undated as there is room for. */
static int run_behind(struct sql *sql, const struct index_query *q, const struct plan *plan,
                      const struct index_spot *behind, int64_t **ids, size_t *count,
                      struct iso_err *err)
{
    struct index_query rest = *q;
    int64_t           *more = NULL;
    size_t             n    = 0;
    int                rc;

    if (behind->date < 0)
        return run(sql, q, plan, behind, true, ids, count, err);
    rc = run(sql, q, plan, behind, false, ids, count, err);
    if (rc < 0 || (q->limit > 0 && *count >= q->limit))
        return rc;
    rest.limit = q->limit > 0 ? q->limit - *count : 0;
    rc         = run(sql, &rest, plan, behind, true, &more, &n, err);
    if (rc >= 0 && n > 0) {
        int64_t *all = realloc(*ids, (*count + n) * sizeof *all);

        if (all == NULL) {
            rc = iso_fail(err, ISO_ENOMEM, "no memory for the matches");
        } else {
            memcpy(all + *count, more, n * sizeof *all);
            *ids = all;
            *count += n;
        }
    }
    free(more);
    if (rc < 0) {
        free(*ids);
        *ids = NULL;
    }
    return rc;
}

/* Clients page by offset. Where a page of this question ended is remembered, so that the next one begins
 * there and does not walk from the start. */
static int key_of(const struct index_query *q, const struct plan *plan, uint64_t key[2],
                  struct iso_err *err)
{
    const struct index_spot none = { .given = false };
    struct index_query      all  = *q;
    struct index_compile    c;
    int                     rc;

    all.limit  = 0;
    all.offset = 0;
    rc         = compile(&c, &all, plan, ROWS, &none, false, err);
    key[0]     = 14695981039346656037u;
    key[1]     = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < c.sql.len && rc >= 0; i++) {
        key[0] = (key[0] ^ c.sql.ptr[i]) * 1099511628211u;
        key[1] = (key[1] + c.sql.ptr[i]) * 0xd6e8feb86659fd93u;
    }
    for (size_t i = 0; i < c.binds && rc >= 0; i++) {
        const struct index_bind *b = &c.bind[i];
        const uint8_t           *bytes =
            b->is_text ? (const uint8_t *)b->text.ptr : (const uint8_t *)&b->number;
        const size_t n = b->is_text ? b->text.len : sizeof b->number;

        for (size_t k = 0; k <= n; k++) { /* and an end, so that "a", "b" is not "ab" */
            const uint64_t byte = k < n ? bytes[k] : 0x100;
            key[0]              = (key[0] ^ byte) * 1099511628211u;
            key[1]              = (key[1] + byte) * 0xd6e8feb86659fd93u;
        }
    }
    index_compile_release(&c);
    return rc;
}

static bool recall(struct index *index, const uint64_t key[2], uint64_t end,
                   struct index_spot *place)
{
    bool found = false;

    os_mutex_lock(&index->mu);
    for (size_t i = 0; i < INDEX_PAGES_MAX && !found; i++) {
        const struct index_page *p = &index->page[i];

        found = p->end == end && p->key[0] == key[0] && p->key[1] == key[1];
        if (found)
            *place = p->place;
    }
    os_mutex_unlock(&index->mu);
    return found;
}

static void remember(struct index *index, const uint64_t key[2], uint64_t end,
                     const struct index_spot *place)
{
    struct index_page *slot;

    os_mutex_lock(&index->mu);
    slot = &index->page[index->pages % INDEX_PAGES_MAX];
    for (size_t i = 0; i < INDEX_PAGES_MAX; i++)
        if (index->page[i].end == end && index->page[i].key[0] == key[0] &&
            index->page[i].key[1] == key[1])
            slot = &index->page[i];
    if (slot == &index->page[index->pages % INDEX_PAGES_MAX])
        index->pages++;
    *slot = (struct index_page){ .key = { key[0], key[1] }, .end = end, .place = *place };
    os_mutex_unlock(&index->mu);
}

static int find(struct index *index, struct sql *sql, const struct index_query *q, int64_t **ids,
                size_t *count, struct iso_err *err)
{
    struct index_spot behind = { .given = false };
    struct index_spot end;
    struct plan       plan;
    uint64_t          key[2] = { 0, 0 };
    bool              pages;
    int               rc = plan_make(sql, q, &plan, err);

    if (rc < 0)
        return rc;
    pages = plan.plain && q->limit > 0 && q->after == 0 && q->order_count == 0 &&
            q->level > INDEX_PATIENT;
    if (q->after != 0 && (q->order_count > 0 || q->level == INDEX_PATIENT))
        return iso_fail(err, ISO_EUNSUPPORTED, "index: going on from a row, in another order");
    if (q->after != 0)
        rc = place_of(sql, q->level, q->after, &behind, err);
    if (pages && rc >= 0)
        rc = key_of(q, &plan, key, err);
    if (rc >= 0 && pages && q->offset > 0)
        (void)recall(index, key, q->offset, &behind);
    if (rc >= 0)
        rc = behind.given ? run_behind(sql, q, &plan, &behind, ids, count, err)
                          : run(sql, q, &plan, &behind, false, ids, count, err);
    if (rc >= 0 && pages && *count == q->limit &&
        place_of(sql, q->level, (*ids)[*count - 1], &end, NULL) >= 0)
        remember(index, key, q->offset + q->limit, &end);
    return rc;
}

int index_find(struct index *index, const struct index_query *query, int64_t **ids, size_t *count,
               struct iso_err *err)
{
    struct sql *sql = NULL;
    int         rc  = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = find(index, sql, query, ids, count, err);
    index_reader_give(index, sql);
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
    const struct index_spot none = { .given = false };
    struct index_query      all  = *query;
    struct index_compile    c;
    struct plan             plan;
    struct sql             *sql = NULL;
    sqlite3_stmt           *st;
    int                     rc;

    if (query->predicate_count + query->modality_count == 0 && !query->study_moment.given)
        return total_of(index, query->level, count, err);
    all.limit  = 0;
    all.offset = 0;
    rc         = index_reader_take(index, &sql, err);
    if (rc >= 0)
        rc = plan_make(sql, &all, &plan, err);
    if (rc >= 0) {
        rc = compile(&c, &all, &plan, NUMBER, &none, false, err);
        if (rc >= 0)
            rc = index_compile_prepare(&c, sql, &st, err);
        if (rc >= 0)
            rc = sql_step(sql, st, err);
        if (rc == ISO_OK) {
            *count = (uint64_t)sqlite3_column_int64(st, 0);
            rc     = sql_run(sql, st, err);
        }
        index_compile_release(&c);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_explain(struct index *index, const struct index_query *query, struct iso_arena *arena,
                  iso_str *plan, struct iso_err *err)
{
    const struct index_spot none = { .given = false };
    struct index_compile    c;
    struct plan             how;
    struct iso_buf          out;
    struct sql             *sql = NULL;
    sqlite3_stmt           *st;
    int                     rc = index_reader_take(index, &sql, err);

    iso_buf_init(&out, 64 << 10);
    if (rc >= 0)
        rc = plan_make(sql, query, &how, err);
    if (rc >= 0) {
        rc = compile(&c, query, &how, EXPLANATION, &none, false, err);
        if (rc >= 0)
            rc = index_compile_prepare(&c, sql, &st, err);
        while (rc >= 0 && (rc = sql_step(sql, st, err)) == ISO_OK) {
            iso_buf_add_str(&out, sql_str(st, 3));
            iso_buf_add_c(&out, "\n");
        }
        index_compile_release(&c);
    }
    if (rc == ISO_EEND) {
        *plan = iso_arena_str(arena, iso_str_of_bytes(iso_buf_bytes(&out)));
        rc    = ISO_OK;
    }
    index_reader_give(index, sql);
    iso_buf_release(&out);
    return rc;
}
