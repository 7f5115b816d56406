/* index_compile.c: conditions of an index_query as SQL. The text is put together from column names of our
 * own table and fixed pieces; every value is a bound parameter, so equal questions share one
 * statement.
 *
 * A condition either drives (an index finds its rows) or filters rows that something else has found.
 * The database is not left a choice: a filter's column carries a '+', which hides its index, and what
 * it asks of other tables is asked for one row at a time. index_query.c says which one drives. */
#include "index_compile.h"

#include "iso_utf8.h"

#include <stdio.h>
#include <string.h>

/* So long a part of a word is in few names. */
enum { BINDS_MAX = 8192, SHARP_CHARS = 5 };

static const char ALIAS[] = { 'p', 's', 'e', 'i' };

void index_put(struct index_compile *c, const char *text)
{
    iso_buf_add_c(&c->sql, text);
}

static bool binds_grow(struct index_compile *c)
{
    const size_t       cap  = c->binds_cap == 0 ? 32 : 4 * c->binds_cap;
    struct index_bind *more = iso_arena_array(&c->arena, cap, sizeof *more);

    if (more == NULL || c->binds == BINDS_MAX)
        return false;
    for (size_t i = 0; i < c->binds; i++)
        more[i] = c->bind[i];
    c->bind      = more;
    c->binds_cap = cap;
    return true;
}

static struct index_bind *bind_new(struct index_compile *c)
{
    static struct index_bind none;

    if (c->binds == c->binds_cap && !binds_grow(c)) {
        c->failed = true;
        return &none;
    }
    index_put(c, "?");
    return &c->bind[c->binds++];
}

static void put_text(struct index_compile *c, iso_str text)
{
    struct index_bind *b = bind_new(c);

    *b = (struct index_bind){ .is_text = true, .text = text };
}

void index_put_number(struct index_compile *c, int64_t number)
{
    struct index_bind *b = bind_new(c);

    *b = (struct index_bind){ .number = number };
}

static void put_list(struct index_compile *c, const iso_str *texts, size_t count)
{
    index_put(c, " IN (");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            index_put(c, ",");
        put_text(c, texts[i]);
    }
    index_put(c, ")");
}

static char other_case(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? (char)(c ^ 0x20) : c;
}

/* '*' and '?' are GLOB's own; its '[' is not. A letter in any case is a set of two: "[aA]". */
static iso_str glob_of(struct index_compile *c, iso_str pattern, bool any_case)
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
static iso_str after_prefix(struct index_compile *c, iso_str prefix)
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
static iso_str trigrams_of(struct index_compile *c, iso_str pattern)
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
static void put_globs(struct index_compile *c, const struct index_predicate *p, const char *x)
{
    for (size_t i = 0; i < p->text_count; i++) {
        iso_buf_printf(&c->sql, "%s%s GLOB ", i == 0 ? "(" : " OR ", x);
        put_text(c, glob_of(c, p->texts[i], p->any_case));
    }
    index_put(c, ")");
}

/* A pattern with a fixed beginning is a range of the index. */
static void put_prefix(struct index_compile *c, const struct index_predicate *p, iso_str prefix,
                       const char *x)
{
    iso_buf_printf(&c->sql, "%s >= ", x);
    put_text(c, prefix);
    iso_buf_printf(&c->sql, " AND %s < ", x);
    put_text(c, after_prefix(c, prefix));
    index_put(c, " AND ");
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

/* "(SELECT id FROM uid ...)" */
static void put_interned(struct index_compile *c, const struct index_predicate *p)
{
    index_put(c, "(SELECT id FROM uid WHERE text");
    if (p->match == INDEX_IS) {
        put_list(c, p->texts, p->text_count);
    } else {
        index_put(c, " GLOB ");
        put_text(c, glob_of(c, p->texts[0], false));
    }
    index_put(c, ")");
}

static bool has_wild(iso_str s)
{
    return iso_str_find(s, '*', 0) < s.len || iso_str_find(s, '?', 0) < s.len;
}

/* The longest run of characters that are no wildcard. */
static size_t literal_run(iso_str pattern)
{
    size_t longest = 0;
    size_t chars   = 0;

    while (pattern.len > 0) {
        uint32_t scalar;
        iso_str  look = pattern;

        chars   = is_wild(pattern.ptr[0]) ? 0 : chars + 1;
        longest = chars > longest ? chars : longest;
        if (!iso_utf8_take(&look, &scalar))
            look = iso_str_sub(pattern, 1, pattern.len);
        pattern = look;
    }
    return longest;
}

/* x: the column that is compared. groups: whose name groups are searched too, or NULL. */
static void put_like(struct index_compile *c, const struct index_predicate *p, char alias,
                     const char *x, const char *groups, bool drives)
{
    const iso_str prefix = fixed_prefix(p);
    iso_str       grams  = { NULL, 0 };

    if (prefix.len > 0 && !p->any_case && drives) {
        put_prefix(c, p, prefix, x);
        return;
    }
    if (p->column->infix && drives)
        grams = trigrams_of(c, p->texts[p->text_count - 1]);
    if (grams.len > 0) {
        const char *table = groups != NULL                     ? groups
                            : p->column->level == INDEX_SERIES ? "series"
                            : alias == 'p'                     ? "patient"
                                                               : "study";

        iso_buf_printf(&c->sql, "%c.id IN (SELECT rowid FROM %s_text WHERE %s_text MATCH ", alias,
                       table, table);
        put_text(c, grams);
        index_put(c, ") AND ");
    }
    index_put(c, "(");
    put_globs(c, p, x);
    if (groups != NULL) {
        iso_buf_printf(&c->sql, " OR EXISTS (SELECT 1 FROM %s_group g WHERE g.%s = %c.id AND ",
                       groups, groups, alias);
        put_globs(c, p, "g.name_x");
        index_put(c, ")");
    }
    index_put(c, ")");
}

static const char *column_of(const struct index_column *column, char alias)
{
    return alias == 'p' && column->tag == 0x00100020 ? "key_id" : column->name; /* has an index */
}

/* A short part of a word, which no trigram has: the names alone are read, in their index, not the rows. */
static bool put_short(struct index_compile *c, const struct index_predicate *p, char alias,
                      const char *table)
{
    char x[80];

    if (!index_reads_names(p))
        return false;
    (void)snprintf(x, sizeof x, "n.%s%s", column_of(p->column, alias),
                   p->column->kind == INDEX_NAME ? "_x" : "");
    iso_buf_printf(&c->sql, "%c.id IN (SELECT n.id FROM %s n WHERE n.tenant = 1 AND %s > '' AND ",
                   alias, table, x);
    put_globs(c, p, x);
    if (p->column->tag == 0x00100010) {
        iso_buf_printf(&c->sql, " UNION ALL SELECT %s FROM %s_group WHERE name_x > '' AND ", table,
                       table);
        put_globs(c, p, "name_x");
    }
    index_put(c, ")");
    return true;
}

/* Every word is begun with, or sounds like, a word of the name. */
static void put_words(struct index_compile *c, const struct index_predicate *p, char alias,
                      const char *table)
{

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
        index_put(c, " AND code < ");
        put_text(c, after_prefix(c, begin));
        iso_buf_printf(&c->sql, " UNION SELECT %s FROM %s_sound WHERE code = ", table, table);
        put_text(c, code);
        index_put(c, ")");
    }
}

/* The patient's name has more groups in a table of their own, and words in another: the ids from each. */
static void put_name(struct index_compile *c, const struct index_predicate *p, char alias,
                     const char *table)
{
    iso_buf_printf(&c->sql, "%c.id IN (SELECT n.id FROM %s n WHERE ", alias, table);
    if (p->match == INDEX_IS) {
        index_put(c, "n.tenant = 1 AND n.patient_name_x");
        put_list(c, p->texts, p->text_count);
    } else {
        if (!index_by_parts(p) || index_reads_names(p))
            index_put(c, "n.tenant = 1 AND n.patient_name_x > '' AND ");
        put_like(c, p, 'n', "n.patient_name_x", table, true);
    }
    if (p->match == INDEX_IS || !index_by_parts(p)) {
        iso_buf_printf(&c->sql, " UNION ALL SELECT %s FROM %s_group WHERE ", table, table);
        if (p->match == INDEX_IS) {
            index_put(c, "name_x");
            put_list(c, p->texts, p->text_count);
        } else {
            put_prefix(c, p, fixed_prefix(p), "name_x");
        }
    }
    if (p->word_count > 0) {
        iso_buf_printf(&c->sql, " UNION ALL SELECT w.id FROM %s w WHERE ", table);
        put_words(c, p, 'w', table);
    }
    index_put(c, ")");
}

/* The condition on the column itself. */
static void put_condition(struct index_compile *c, const struct index_predicate *p, char alias,
                          bool drives)
{
    const struct index_column *col    = p->column;
    const bool                 shadow = col->kind == INDEX_NAME || col->kind == INDEX_TIME;
    const bool  groups = col->tag == 0x00100010; /* the patient's name has other groups elsewhere */
    const char *table  = alias == 'p' ? "patient" : alias == 's' ? "study" : "series";
    char        x[80];

    (void)snprintf(x, sizeof x, "%s%c.%s%s", drives ? "" : "+", alias, column_of(col, alias),
                   shadow ? "_x" : "");
    if (p->match == INDEX_BETWEEN) {
        iso_buf_printf(&c->sql, "%s BETWEEN ", x);
        index_put_number(c, p->from);
        index_put(c, " AND ");
        index_put_number(c, p->to);
        return;
    }
    if (col->interned) {
        iso_buf_printf(&c->sql, "%s IN ", x);
        put_interned(c, p);
        return;
    }
    if (drives && p->match == INDEX_LIKE && p->word_count == 0 && put_short(c, p, alias, table))
        return;
    if (groups && drives) {
        put_name(c, p, alias, table);
        return;
    }
    if (groups)
        index_put(c, "(");
    if (p->word_count > 0) {
        put_words(c, p, alias, table);
        index_put(c, " OR ");
    }
    if (p->match == INDEX_IS) {
        index_put(c, x);
        put_list(c, p->texts, p->text_count);
    } else {
        put_like(c, p, alias, x, groups ? table : NULL, drives);
    }
    if (groups && p->match == INDEX_IS) {
        iso_buf_printf(&c->sql, " OR +%c.id IN (SELECT %s FROM %s_group WHERE name_x", alias, table,
                       table);
        put_list(c, p->texts, p->text_count);
        index_put(c, ")");
    }
    if (groups)
        index_put(c, ")");
}

/* How to get from the query's level down to a column of a lower one: for all rows of that... */
static const char *const DOWN[4][4] = {
    { NULL, "p.id IN (SELECT s.patient FROM study s WHERE ",
      "p.id IN (SELECT s.patient FROM series e JOIN study s ON s.id = e.study WHERE ",
      "p.id IN (SELECT s.patient FROM instance i JOIN series e ON e.id = i.series JOIN study s"
      " ON s.id = e.study WHERE " },
    { NULL, NULL, "s.id IN (SELECT e.study FROM series e WHERE ",
      "s.id IN (SELECT e.study FROM instance i JOIN series e ON e.id = i.series"
      " WHERE " },
    { NULL, NULL, NULL, "e.id IN (SELECT i.series FROM instance i WHERE " },
    { NULL },
};
/* ... or for the row at hand. */
static const char *const BELOW[4][4] = {
    { NULL, "EXISTS (SELECT 1 FROM study s WHERE s.patient = p.id AND ",
      "EXISTS (SELECT 1 FROM study s CROSS JOIN series e ON e.study = s.id WHERE s.patient = p.id"
      " AND ",
      "EXISTS (SELECT 1 FROM study s CROSS JOIN series e ON e.study = s.id CROSS JOIN instance i"
      " ON i.series = e.id WHERE s.patient = p.id AND " },
    { NULL, NULL, "EXISTS (SELECT 1 FROM series e WHERE e.study = s.id AND ",
      "EXISTS (SELECT 1 FROM series e CROSS JOIN instance i ON i.series = e.id"
      " WHERE e.study = s.id AND " },
    { NULL, NULL, NULL, "EXISTS (SELECT 1 FROM instance i WHERE i.series = e.id AND " },
    { NULL },
};

static enum index_level level_of(const struct index_query *q, const struct index_predicate *p)
{
    const enum index_level at = p->column->level;

    /* the study has its own copy of what is the patient's */
    return at == INDEX_PATIENT && q->level > INDEX_PATIENT ? INDEX_STUDY : at;
}

/* The studies that have the SOP class; its objects are looked at one by one then. */
static void put_classes(struct index_compile *c, const struct index_predicate *p)
{
    index_put(c, c->q->level == INDEX_PATIENT
                     ? "p.id IN (SELECT s.patient FROM study_class k JOIN study s ON s.id = k.study"
                       " WHERE k.class IN "
                     : "s.id IN (SELECT k.study FROM study_class k WHERE k.class IN ");
    put_interned(c, p);
    index_put(c, ")");
}

/* Hidden where rows are found by their ids. */
static void put_tenant(struct index_compile *c, const struct index_predicate *p, char alias)
{
    const bool by_id = p->column->interned || p->column->tag == 0x00100010 || index_by_parts(p);

    iso_buf_printf(&c->sql, "%s%c.tenant = 1 AND ", by_id ? "+" : "", alias);
}

static void put_predicate(struct index_compile *c, const struct index_predicate *p, bool drives)
{
    const enum index_level level = c->q->level;
    const enum index_level at    = level_of(c->q, p);

    index_put(c, " AND ");
    if (drives && p->column->tag == 0x00080016) {
        put_classes(c, p);
        if (level <= INDEX_STUDY)
            return;
        index_put(c, " AND ");
        drives = false;
    }
    if (at > level) {
        index_put(c, drives ? DOWN[level][at] : BELOW[level][at]);
        if (drives)
            put_tenant(c, p, ALIAS[at]);
        put_condition(c, p, ALIAS[at], drives);
        index_put(c, ")");
    } else {
        put_condition(c, p, ALIAS[at], drives);
    }
}

static void put_modality_list(struct index_compile *c)
{
    const struct index_query *q = c->q;

    index_put(c, "(");
    for (size_t i = 0; i < q->modality_count; i++) {
        if (i > 0)
            index_put(c, " OR ");
        if (has_wild(q->modalities[i])) {
            index_put(c, "m.modality GLOB ");
            put_text(c, glob_of(c, q->modalities[i], false));
        } else {
            index_put(c, "m.modality = ");
            put_text(c, q->modalities[i]);
        }
    }
    index_put(c, ")");
}

static void put_modalities(struct index_compile *c, bool drives)
{
    const bool patient = c->q->level == INDEX_PATIENT;

    if (drives)
        index_put(c, patient ? " AND p.id IN (SELECT s.patient FROM study_modality m JOIN study s"
                               " ON s.id = m.study WHERE "
                             : " AND s.id IN (SELECT m.study FROM study_modality m WHERE ");
    else
        index_put(c, patient ? " AND EXISTS (SELECT 1 FROM study s CROSS JOIN study_modality m"
                               " ON m.study = s.id WHERE s.patient = p.id AND "
                             : " AND EXISTS (SELECT 1 FROM study_modality m WHERE m.study = s.id"
                               " AND ");
    put_modality_list(c);
    index_put(c, ")");
}

static void put_moment(struct index_compile *c, bool drives)
{
    const struct index_moment *m       = &c->q->study_moment;
    const bool                 patient = c->q->level == INDEX_PATIENT;

    if (patient)
        index_put(c, drives ? " AND p.id IN (SELECT s.patient FROM study s WHERE s.tenant = 1"
                            : " AND EXISTS (SELECT 1 FROM study s WHERE s.patient = p.id");
    index_put(c, drives ? " AND s.study_date BETWEEN " : " AND +s.study_date BETWEEN ");
    index_put_number(c, m->from_date);
    index_put(c, " AND ");
    index_put_number(c, m->to_date);
    index_put(c, " AND (+s.study_date, ifnull(s.study_time_x, 0)) >= (");
    index_put_number(c, m->from_date);
    index_put(c, ", ");
    index_put_number(c, m->from_time);
    index_put(c, ") AND (+s.study_date, ifnull(s.study_time_x, 0)) <= (");
    index_put_number(c, m->to_date);
    index_put(c, ", ");
    index_put_number(c, m->to_time);
    index_put(c, ")");
    if (patient)
        index_put(c, ")");
}

void index_put_terms(struct index_compile *c, size_t driver)
{
    const struct index_query *q = c->q;

    for (size_t i = 0; i < q->predicate_count; i++)
        put_predicate(c, &q->predicates[i], driver == i);
    if (q->modality_count > 0)
        put_modalities(c, driver == INDEX_TERM_MODALITIES);
    if (q->study_moment.given)
        put_moment(c, driver == INDEX_TERM_MOMENT);
}

static bool is_one_of(dcm_tag tag, const dcm_tag *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == tag)
            return true;
    return false;
}

bool index_by_parts(const struct index_predicate *p)
{
    return p->match == INDEX_LIKE && (p->any_case || fixed_prefix(p).len == 0);
}

bool index_reads_names(const struct index_predicate *p)
{
    /* the columns of the trigrams that have an index of their own */
    return p->column->infix && p->column->indexed && index_by_parts(p) &&
           literal_run(p->texts[p->text_count - 1]) < 3;
}

enum index_strength index_strength(const struct index_predicate *p)
{
    static const dcm_tag few[] = {
        0x00100010, 0x00100020, 0x00080050, 0x00200010, 0x00080018, 0x0020000E, 0x0020000D
    }; /* the last ones are the fewest */

    if (p->word_count > 0)
        return INDEX_SHARP;
    if (p->match == INDEX_IS && is_one_of(p->column->tag, few, sizeof few / sizeof *few))
        return p->column->kind == INDEX_UID ? INDEX_UNIQUE : INDEX_SHARP;
    if (p->match == INDEX_LIKE && p->column->infix && index_by_parts(p) &&
        literal_run(p->texts[p->text_count - 1]) >= SHARP_CHARS)
        return INDEX_SHARP;
    if (!p->column->indexed || (index_by_parts(p) && !p->column->infix && !p->column->interned))
        return INDEX_WEAK;
    return INDEX_COARSE;
}

void index_put_probe(struct index_compile *c, size_t term, int64_t rows_max)
{
    static const char *const  from[] = { "patient p", "study s", "series e", "instance i" };
    const struct index_query *q      = c->q;

    index_put(c, "SELECT count(*) FROM (SELECT 1 FROM ");
    if (term == INDEX_TERM_MODALITIES) {
        index_put(c, "study_modality m WHERE ");
        put_modality_list(c);
    } else if (term == INDEX_TERM_MOMENT) {
        index_put(c, "study s WHERE s.tenant = 1 AND s.study_date BETWEEN ");
        index_put_number(c, q->study_moment.from_date);
        index_put(c, " AND ");
        index_put_number(c, q->study_moment.to_date);
    } else if (q->predicates[term].column->tag == 0x00080016) {
        index_put(c, "study_class k WHERE k.class IN ");
        put_interned(c, &q->predicates[term]);
    } else {
        const enum index_level at = level_of(q, &q->predicates[term]);

        iso_buf_printf(&c->sql, "%s WHERE ", from[at]);
        put_tenant(c, &q->predicates[term], ALIAS[at]);
        put_condition(c, &q->predicates[term], ALIAS[at], true);
    }
    index_put(c, " LIMIT ");
    index_put_number(c, rows_max);
    index_put(c, ")");
}

int index_compile_begin(struct index_compile *c, const struct index_query *q, struct iso_err *err)
{
    *c = (struct index_compile){ .q = q };
    iso_arena_init(&c->arena, 4 << 20);
    iso_buf_init(&c->sql, INDEX_SQL_MAX);
    (void)err;
    return ISO_OK;
}

int index_compile_end(struct index_compile *c, struct iso_err *err)
{
    iso_buf_add_u8(&c->sql, '\0');
    if (c->failed || !iso_buf_ok(&c->sql))
        return iso_fail(err, ISO_ELIMIT, "the question has too many values");
    return ISO_OK;
}

void index_compile_release(struct index_compile *c)
{
    iso_buf_release(&c->sql);
    iso_arena_release(&c->arena);
}

int index_compile_prepare(struct index_compile *c, struct sql *sql, sqlite3_stmt **st,
                          struct iso_err *err)
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
