/* arc_query.c: keys become predicates where a column answers them exactly; what is left over (sequences,
 * attributes without a column, odd values) is asked of the few rows that remain, by the one place that
 * knows the rules (dcm_match.h). Without left-overs the index pages; with them we do.
 * PS3.4 §C.2.2.2 */
#include "arc_row.h"

#include "dcm_match.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLAN_ARENA_BYTES  = 4 << 20,
    CHUNK_ARENA_BYTES = 512 << 20, /* headers of INDEX_CHUNK rows; touched only as they come */
    VALUES_MAX        = 2048,
    WORDS_MAX         = 16,
    TAILS_MAX         = 6
};

#define DAY_LAST_US (86400000000 - 1)

struct maker {
    struct arc_plan  *plan;
    struct iso_arena *arena;
    struct iso_err   *err;
};

static bool has_wild(iso_str s)
{
    return iso_str_find(s, '*', 0) < s.len || iso_str_find(s, '?', 0) < s.len;
}

static int leave(struct maker *m, const struct dcm_element *key)
{
    struct arc_plan *plan = m->plan;

    plan->rest[plan->rest_count++] = key;
    if (!arc_row_has(plan->query->level, key->tag))
        plan->need_header = true;
    return ISO_OK;
}

static struct index_predicate *add(struct maker *m, const struct index_column *column,
                                   enum index_match match)
{
    struct index_predicate *p = &m->plan->predicate[m->plan->index.predicate_count++];

    *p = (struct index_predicate){ .column = column, .match = match };
    return p;
}

/* The parts of a list, trimmed, empty ones left out. */
static int split(struct maker *m, iso_str text, iso_str **out, size_t *count)
{
    size_t parts = 1;

    for (size_t i = 0; i < text.len; i++)
        parts += text.ptr[i] == '\\';
    if (parts > VALUES_MAX)
        return iso_fail(m->err, ISO_EINVAL, "a key with more than %d values", (int)VALUES_MAX);
    *out   = iso_arena_array(m->arena, parts, sizeof **out);
    *count = 0;
    if (*out == NULL)
        return iso_arena_fail(m->arena, m->err);
    for (iso_str rest = text; rest.ptr != NULL;) {
        iso_str part = iso_str_trim(iso_str_cut(&rest, '\\'));
        if (part.len > 0)
            (*out)[(*count)++] = part;
    }
    return ISO_OK;
}

/* Text and UIDs: a list of values, or one pattern. */
static int plan_text(struct maker *m, const struct index_column *column,
                     const struct dcm_element *key, iso_str text)
{
    struct index_predicate *p;
    iso_str                *values;
    size_t                  count;
    int                     rc = split(m, text, &values, &count);

    if (rc < 0 || count == 0)
        return rc;
    for (size_t i = 0; i < count && count > 1; i++)
        if (has_wild(values[i]))
            return leave(m, key);
    p             = add(m, column, has_wild(values[0]) ? INDEX_LIKE : INDEX_IS);
    p->texts      = values;
    p->text_count = count;
    p->any_case   = m->plan->query->any_case && column->kind == INDEX_TEXT;
    return ISO_OK;
}

/* A key of components, folded, without the empty ones at its end. */
static iso_str without_carets(iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == '^' || s.ptr[s.len - 1] == ' '))
        s.len--;
    return s;
}

/* "smith^*^*" means "smith^*" and "smith" too: components that a name lacks are empty. */
static size_t name_tails(iso_str pattern, iso_str out[TAILS_MAX])
{
    size_t count = 0;

    while (count < TAILS_MAX) {
        size_t end   = pattern.len;
        out[count++] = pattern;
        while (end > 0 && pattern.ptr[end - 1] == '*')
            end--;
        if (end == pattern.len || end == 0 || pattern.ptr[end - 1] != '^')
            break;
        pattern.len = end - 1;
        pattern     = without_carets(pattern);
        if (pattern.len == 0)
            break;
    }
    return count;
}

static int plan_words(struct maker *m, struct index_predicate *p, iso_str folded)
{
    struct index_word *words = iso_arena_array(m->arena, WORDS_MAX, sizeof *words);
    iso_str            word;

    if (words == NULL)
        return iso_arena_fail(m->arena, m->err);
    p->words = words;
    while (p->word_count < WORDS_MAX && (word = index_word_cut(&folded)).len > 0)
        words[p->word_count++] = (struct index_word){ word, dcm_phonetic(word, m->arena) };
    return ISO_OK;
}

static int plan_name(struct maker *m, const struct index_column *column,
                     const struct dcm_element *key, iso_str text)
{
    const bool              fuzzy = m->plan->query->fuzzy;
    struct index_predicate *p;
    iso_str                 folded = dcm_fold(text, m->arena);
    iso_str                *tails  = iso_arena_array(m->arena, TAILS_MAX, sizeof *tails);

    if (folded.ptr == NULL || tails == NULL)
        return iso_arena_fail(m->arena, m->err);
    if (iso_str_find(folded, '=', 0) < folded.len || iso_str_find(folded, '\\', 0) < folded.len ||
        (fuzzy && column->tag != DCM_PATIENT_NAME))
        return leave(m, key);
    folded = without_carets(folded);
    if (folded.len == 0)
        return ISO_OK;
    p             = add(m, column, has_wild(folded) ? INDEX_LIKE : INDEX_IS);
    p->texts      = tails;
    p->text_count = 1;
    tails[0]      = folded;
    if (p->match == INDEX_LIKE)
        p->text_count = name_tails(folded, tails);
    return fuzzy ? plan_words(m, p, folded) : ISO_OK;
}

/* One end of a date range; "2024*" is taken as the year. */
static bool date_end(iso_str text, bool upper, int64_t *out)
{
    char    padded[9] = "00000000";
    int64_t date;

    if (index_date_of(text, &date)) {
        *out = date;
        return true;
    }
    text = iso_str_trim(text);
    while (text.len > 0 && text.ptr[text.len - 1] == '*')
        text.len--;
    if (text.len != 4 && text.len != 6)
        return false;
    memcpy(padded, text.ptr, text.len);
    for (size_t i = text.len; i < 8; i++)
        padded[i] = upper ? '9' : '0';
    return iso_str_to_i64(iso_str_of(padded, 8), out) && padded[0] != '-' && padded[0] != '+';
}

static bool time_end(iso_str text, bool upper, int64_t *out)
{
    int64_t from;
    int64_t to;

    text = iso_str_trim(text);
    while (text.len > 0 && text.ptr[text.len - 1] == '*')
        text.len--;
    if (!index_time_of(text, &from, &to))
        return false;
    *out = upper ? to : from;
    return true;
}

/* "a", "a-b", "a-", "-b". False: none of these. */
static bool range_of(const struct index_column *column, iso_str text, int64_t *from, int64_t *to)
{
    const bool is_date                                  = column->kind == INDEX_DATE;
    bool (*end)(iso_str text, bool upper, int64_t *out) = is_date ? date_end : time_end;
    size_t dash                                         = iso_str_find(text, '-', 0);

    *from = is_date ? 0 : 0;
    *to   = is_date ? 99991231 : DAY_LAST_US;
    if (end(text, false, from))
        return end(text, true, to);
    if (dash == text.len)
        return false;
    iso_str low  = iso_str_trim(iso_str_sub(text, 0, dash));
    iso_str high = iso_str_trim(iso_str_sub(text, dash + 1, text.len));
    if (low.len + high.len == 0)
        return false;
    return (low.len == 0 || end(low, false, from)) && (high.len == 0 || end(high, true, to));
}

static int plan_range(struct maker *m, const struct index_column *column,
                      const struct dcm_element *key, iso_str text)
{
    struct index_predicate *p;
    int64_t                 from;
    int64_t                 to;

    if (iso_str_find(text, '\\', 0) < text.len)
        return leave(m, key);
    if (!range_of(column, text, &from, &to))
        return iso_fail(m->err, ISO_EINVAL, DCM_TAG_FMT " is not a %s or a range of them: %.*s",
                        DCM_TAG_ARG(key->tag), column->kind == INDEX_DATE ? "date" : "time",
                        ISO_STR_ARG(text));
    p       = add(m, column, INDEX_BETWEEN);
    p->from = from;
    p->to   = to;
    return ISO_OK;
}

static int plan_number(struct maker *m, const struct index_column *column,
                       const struct dcm_element *key)
{
    struct index_predicate *p;
    int64_t                 number;

    if (dcm_element_vm(key) != 1 || !dcm_get_i64(m->plan->query->keys, key->tag, 0, &number))
        return leave(m, key);
    p       = add(m, column, INDEX_BETWEEN);
    p->from = p->to = number;
    return ISO_OK;
}

static int plan_modalities(struct maker *m, iso_str text)
{
    iso_str *values;
    size_t   count;
    int      rc = split(m, text, &values, &count);

    m->plan->index.modalities     = values;
    m->plan->index.modality_count = rc < 0 ? 0 : count;
    return rc;
}

/* Both StudyDate and StudyTime as one span. */
static bool plan_moment(struct maker *m)
{
    const struct arc_query *q    = m->plan->query;
    iso_str                 date = dcm_get_raw(q->keys, DCM_STUDY_DATE);
    iso_str                 time = dcm_get_raw(q->keys, DCM_STUDY_TIME);
    struct index_moment     at   = { .given = true };

    if (!q->combined_datetime || date.len == 0 || time.len == 0 ||
        !range_of(index_column_find(DCM_STUDY_DATE), iso_str_trim(date), &at.from_date,
                  &at.to_date) ||
        !range_of(index_column_find(DCM_STUDY_TIME), iso_str_trim(time), &at.from_time,
                  &at.to_time))
        return false;
    m->plan->index.study_moment = at;
    return true;
}

static bool is_universal(const struct dcm_dataset *keys, const struct dcm_element *key,
                         iso_str text)
{
    (void)keys;
    if (key->form == DCM_FORM_SEQUENCE)
        return key->item_count == 0 || key->items[0].count == 0;
    if (key->form != DCM_FORM_VALUE || key->value.len == 0)
        return true;
    if (!dcm_vr_info((enum dcm_vr)key->vr)->is_text)
        return false;
    return dcm_match_kind((enum dcm_vr)key->vr, text) == DCM_MATCH_UNIVERSAL;
}

static int plan_key(struct maker *m, const struct dcm_element *key, bool moment)
{
    const struct index_column *column = index_column_find(key->tag);
    const struct dcm_dataset  *keys   = m->plan->query->keys;
    iso_str                    text   = { "", 0 };

    if (key->form == DCM_FORM_VALUE && dcm_vr_info((enum dcm_vr)key->vr)->is_text)
        text = iso_str_trim(dcm_get_text(keys, key->tag, m->arena));
    if (is_universal(keys, key, text))
        return ISO_OK;
    if (key->tag == DCM_MODALITIES_IN_STUDY)
        return plan_modalities(m, text);
    if (moment && (key->tag == DCM_STUDY_DATE || key->tag == DCM_STUDY_TIME))
        return ISO_OK;
    if (column == NULL || key->form == DCM_FORM_SEQUENCE)
        return leave(m, key);
    switch (column->kind) {
    case INDEX_NAME:
        return plan_name(m, column, key, text);
    case INDEX_DATE:
    case INDEX_TIME:
        return plan_range(m, column, key, text);
    case INDEX_INT:
        return plan_number(m, column, key);
    default:
        return plan_text(m, column, key, text);
    }
}

static int want(struct maker *m, dcm_tag tag)
{
    struct arc_plan *plan = m->plan;

    if (tag == DCM_SPECIFIC_CHARACTER_SET)
        return ISO_OK;
    for (size_t i = 0; i < plan->wanted_count; i++)
        if (plan->wanted[i] == tag)
            return ISO_OK;
    if (plan->wanted_count == sizeof plan->wanted / sizeof plan->wanted[0])
        return iso_fail(m->err, ISO_EINVAL, "more than %d attributes are asked for",
                        2 * (int)ARC_KEYS_MAX);
    plan->wanted[plan->wanted_count++] = tag;
    if (tag == DCM_NUMBER_OF_PATIENT_RELATED_STUDIES ||
        tag == DCM_NUMBER_OF_PATIENT_RELATED_SERIES ||
        tag == DCM_NUMBER_OF_PATIENT_RELATED_INSTANCES)
        plan->need_counts = true;
    if (!arc_row_has(plan->query->level, tag))
        plan->need_header = true;
    return ISO_OK;
}

static bool is_ignored(dcm_tag tag)
{
    return tag == DCM_SPECIFIC_CHARACTER_SET || tag == DCM_QUERY_RETRIEVE_LEVEL ||
           (tag & 0xffff) == 0;
}

int arc_plan_make(const struct arc_query *query, struct iso_arena *arena, struct arc_plan *plan,
                  struct iso_err *err)
{
    struct maker m = { plan, arena, err };
    bool         moment;
    int          rc = ISO_OK;

    memset(plan, 0, sizeof *plan);
    plan->query            = query;
    plan->index.level      = (enum index_level)query->level;
    plan->index.predicates = plan->predicate;
    plan->index.order      = plan->order;
    if (query->keys->count > ARC_KEYS_MAX || query->order_count > ARC_KEYS_MAX)
        return iso_fail(err, ISO_EINVAL, "more than %d keys", (int)ARC_KEYS_MAX);
    moment = plan_moment(&m);
    for (size_t i = 0; i < query->keys->count && rc >= 0; i++) {
        const struct dcm_element *key = &query->keys->element[i];

        if (is_ignored(key->tag))
            continue;
        rc = want(&m, key->tag);
        if (rc >= 0)
            rc = plan_key(&m, key, moment);
    }
    for (size_t i = 0; i < query->include_count && rc >= 0; i++)
        rc = want(&m, query->include[i]);
    for (size_t i = 0; i < query->order_count && rc >= 0; i++) {
        const struct index_column *column = index_column_find(query->order[i].tag);
        if (column != NULL)
            plan->order[plan->index.order_count++] =
                (struct index_order){ column, query->order[i].descending };
    }
    plan->need_counts = plan->need_counts || query->include_all;
    if (query->include_all && query->level == ARC_INSTANCE)
        plan->need_header = true;
    if (plan->rest_count == 0) {
        plan->index.limit  = query->limit;
        plan->index.offset = query->offset;
    }
    return rc;
}

/* ---- finding ---- */

struct search {
    struct arc             *arc;
    struct arc_plan        *plan;
    const struct arc_query *query;
    int (*each)(void *ctx, const struct dcm_dataset *row, struct iso_err *err);
    void    *ctx;
    uint64_t matched; /* rows that satisfied the remaining keys */
    bool     full;    /* the limit is reached */
};

static int show(struct search *s, const struct index_row *row, struct iso_arena *arena,
                struct iso_err *err)
{
    struct dcm_dataset answer;
    int                rc;

    if (s->plan->rest_count > 0) {
        if (!arc_row_matches(s->plan, row, arena))
            return ISO_OK;
        s->matched++;
        if (s->each == NULL || s->matched <= s->query->offset)
            return ISO_OK;
        s->full = s->query->limit > 0 && s->matched - s->query->offset >= s->query->limit;
    }
    rc = arc_row_answer(s->plan, row, arena, &answer, err);
    return rc < 0 ? rc : s->each(s->ctx, &answer, err);
}

/* First chunks are small: the first answer is on its way before the last header is read. */
static int walk(struct search *s, const int64_t *ids, size_t count, struct iso_err *err)
{
    const unsigned with = (s->plan->need_header ? INDEX_WITH_HEADER : 0u) |
                          (s->plan->need_counts ? INDEX_WITH_COUNTS : 0u);
    struct index_row row[INDEX_CHUNK];
    struct iso_arena chunk;
    size_t           step = 8;
    int              rc   = ISO_OK;

    iso_arena_init(&chunk, CHUNK_ARENA_BYTES);
    for (size_t at = 0; at < count && rc >= 0 && !s->full; at += step) {
        size_t n;

        step = at == 0 ? 8 : INDEX_CHUNK;
        n    = count - at < step ? count - at : step;
        iso_arena_reset(&chunk);
        rc = index_rows(s->arc->index, s->plan->index.level, ids + at, n, with, &chunk, row, &n,
                        err);
        for (size_t i = 0; i < n && rc >= 0 && !s->full; i++)
            rc = show(s, &row[i], &chunk, err);
    }
    iso_arena_release(&chunk);
    return rc < 0 ? rc : ISO_OK;
}

static int search(struct search *s, struct iso_err *err)
{
    int64_t *ids   = NULL;
    size_t   count = 0;
    int      rc    = index_find(s->arc->index, &s->plan->index, &ids, &count, err);

    if (rc >= 0)
        rc = walk(s, ids, count, err);
    free(ids);
    return rc;
}

int arc_find(struct arc *arc, const struct arc_query *query,
             int (*each)(void *ctx, const struct dcm_dataset *row, struct iso_err *err), void *ctx,
             struct iso_err *err)
{
    struct search    s = { .arc = arc, .query = query, .each = each, .ctx = ctx };
    struct iso_arena arena;
    int              rc;

    iso_arena_init(&arena, PLAN_ARENA_BYTES);
    s.plan = iso_arena_alloc(&arena, sizeof *s.plan);
    rc = s.plan == NULL ? iso_arena_fail(&arena, err) : arc_plan_make(query, &arena, s.plan, err);
    if (rc >= 0)
        rc = search(&s, err);
    iso_arena_release(&arena);
    return rc;
}

int arc_count(struct arc *arc, const struct arc_query *query, uint64_t *count, struct iso_err *err)
{
    struct arc_query all = *query;
    struct search    s   = { .arc = arc, .query = &all };
    struct iso_arena arena;
    int              rc;

    all.limit         = 0;
    all.offset        = 0;
    all.include_count = 0;
    all.include_all   = false;
    iso_arena_init(&arena, PLAN_ARENA_BYTES);
    s.plan = iso_arena_alloc(&arena, sizeof *s.plan);
    rc = s.plan == NULL ? iso_arena_fail(&arena, err) : arc_plan_make(&all, &arena, s.plan, err);
    if (rc >= 0 && s.plan->rest_count == 0)
        rc = index_count(arc->index, &s.plan->index, &s.matched, err);
    else if (rc >= 0)
        rc = search(&s, err);
    if (rc >= 0)
        *count = s.matched;
    iso_arena_release(&arena);
    return rc;
}
