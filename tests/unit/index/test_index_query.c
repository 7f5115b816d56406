/* No standard question scans a table: the database's own plan says so. */
#include "test.h"

#include "index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct index *index_;
static char          folder[] = "/tmp/index-test-XXXXXX";
static char          path[64];

static int open_index(void **state)
{
    struct iso_err err = { 0 };

    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    return index_open(path, 2, &index_, &err) < 0;
}

static int close_index(void **state)
{
    char command[128];

    (void)state;
    index_close(index_);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* A step that reads a whole table or index: named so by the database, or found by the tenant alone. A
 * virtual table is "scanned" through its own index. */
static bool reads_all(iso_str line)
{
    char text[256];

    (void)snprintf(text, sizeof text, "%.*s", ISO_STR_ARG(line));
    if (strncmp(text, "SCAN", 4) == 0)
        return strstr(text, "VIRTUAL TABLE INDEX") == NULL && strstr(text, "CONSTANT ROW") == NULL;
    return strstr(text, "(tenant=?)") != NULL;
}

enum plan {
    LOOKED_UP, /* nothing is read as a whole */
    WALKED     /* in the order asked for, so that a limit ends it */
};

static void assert_plan(const struct index_query *q, enum plan expected, const char *what)
{
    struct iso_arena arena;
    struct iso_err   err   = { 0 };
    iso_str          plan  = { NULL, 0 };
    int64_t         *ids   = NULL;
    size_t           walks = 0;
    size_t           count;

    iso_arena_init(&arena, 1 << 20);
    if (index_explain(index_, q, &arena, &plan, &err) < 0 ||
        index_find(index_, q, &ids, &count, &err) < 0)
        fail_msg("%s: %s", what, err.text);
    free(ids);
    for (iso_str rest = plan; rest.ptr != NULL;) {
        iso_str line = iso_str_cut(&rest, '\n');

        if (line.len > 0 && reads_all(line) && (expected == LOOKED_UP || ++walks > 1))
            fail_msg("%s, level %d, reads a whole table: %.*s", what, (int)q->level,
                     ISO_STR_ARG(plan));
    }
    if (expected == WALKED && strstr(plan.ptr, "B-TREE FOR ORDER BY") != NULL)
        fail_msg("%s, level %d, sorts all: %.*s", what, (int)q->level, ISO_STR_ARG(plan));
    iso_arena_release(&arena);
}

static void assert_no_scan(const struct index_query *q, const char *what)
{
    assert_plan(q, LOOKED_UP, what);
}

static void ask(enum index_level level, const struct index_column *column, enum index_match match,
                const char *value)
{
    const iso_str                text = iso_str_c(value);
    const struct index_predicate p    = {
           .column = column, .match = match, .texts = &text, .text_count = 1, .from = 1, .to = 2
    };
    const struct index_query q = {
        .level = level, .predicates = &p, .predicate_count = 1, .limit = 100
    };

    assert_no_scan(&q, column->name);
}

static void indexed_columns_are_looked_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++) {
        const struct index_column *c = &INDEX_COLUMN[i];

        if (!c->indexed)
            continue;
        for (int level = (int)c->level; level <= (int)INDEX_INSTANCE; level++) {
            bool number = c->kind == INDEX_DATE || c->kind == INDEX_INT;

            ask((enum index_level)level, c, number ? INDEX_BETWEEN : INDEX_IS, "abc");
            if (!number && !c->interned)
                ask((enum index_level)level, c, INDEX_LIKE, "abc*");
        }
    }
}

static void parts_of_words_are_looked_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++)
        if (INDEX_COLUMN[i].infix)
            ask(INDEX_COLUMN[i].level, &INDEX_COLUMN[i], INDEX_LIKE, "*abc*");
}

static void names_by_sound_are_looked_up(void **state)
{
    const struct index_word      words[] = { { ISO_STR("doe"), ISO_STR("D") },
                                             { ISO_STR("jane"), ISO_STR("J5") } };
    const iso_str                text    = ISO_STR("doe jane");
    const struct index_predicate p       = { .column     = index_column_find(0x00100010),
                                             .match      = INDEX_IS,
                                             .texts      = &text,
                                             .text_count = 1,
                                             .words      = words,
                                             .word_count = 2 };

    (void)state;
    for (int level = INDEX_PATIENT; level <= (int)INDEX_INSTANCE; level++) {
        const struct index_query q = { .level           = (enum index_level)level,
                                       .predicates      = &p,
                                       .predicate_count = 1 };
        assert_no_scan(&q, "sound");
        struct index_predicate   part  = p;
        const iso_str            infix = ISO_STR("*doe*");
        const struct index_query also  = { .level           = (enum index_level)level,
                                           .predicates      = &part,
                                           .predicate_count = 1 };
        part.match                     = INDEX_LIKE;
        part.texts                     = &infix;
        assert_no_scan(&also, "sound, or a part");
    }
}

/* Everything that the conformance statement calls a key, two at a time, in each way of asking. */
static struct index_predicate asked(const struct index_column *c, size_t way)
{
    static const iso_str value[] = { { "abc", 3 }, { "abc*", 4 }, { "*bcd*", 5 }, { "*b*", 3 } };
    const bool number = c->kind == INDEX_DATE || c->kind == INDEX_INT || c->kind == INDEX_TIME;

    if (!c->infix && way > 1)
        way = 1;
    if (c->interned)
        way = 0;
    return (struct index_predicate){ .column     = c,
                                     .match      = number     ? INDEX_BETWEEN
                                                   : way == 0 ? INDEX_IS
                                                              : INDEX_LIKE,
                                     .texts      = &value[way],
                                     .text_count = 1,
                                     .from       = 20250101,
                                     .to         = 20250131 };
}

static void pairs_are_looked_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++)
        for (size_t k = i + 1; k < INDEX_COLUMN_COUNT; k++)
            for (size_t way = 0; way < 8; way++) {
                const struct index_predicate p[] = { asked(&INDEX_COLUMN[i], way % 4),
                                                     asked(&INDEX_COLUMN[k], way / 4) };
                char                         what[100];

                if (!INDEX_COLUMN[i].indexed && !INDEX_COLUMN[k].indexed)
                    continue;
                (void)snprintf(what, sizeof what, "%s, %s, way %zu", INDEX_COLUMN[i].name,
                               INDEX_COLUMN[k].name, way);
                for (int level = INDEX_PATIENT; level <= (int)INDEX_INSTANCE; level++) {
                    const struct index_query q = { .level           = (enum index_level)level,
                                                   .predicates      = p,
                                                   .predicate_count = 2,
                                                   .limit           = way % 2 == 0 ? 100 : 0 };
                    assert_no_scan(&q, what);
                }
            }
}

static void keys_without_an_index_are_walked_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++) {
        const struct index_predicate p = asked(&INDEX_COLUMN[i], 0);

        if (INDEX_COLUMN[i].indexed)
            continue;
        for (int level = INDEX_PATIENT; level <= (int)INDEX_INSTANCE; level++) {
            const struct index_query q = { .level           = (enum index_level)level,
                                           .predicates      = &p,
                                           .predicate_count = 1,
                                           .limit           = 100 };
            assert_plan(&q, WALKED, INDEX_COLUMN[i].name);
        }
    }
}

static void lists_in_another_order_are_walked_in_it(void **state)
{
    static const dcm_tag by[] = { 0x00100010, 0x00100020, 0x00100030, 0x00080050, 0x00081030 };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof by / sizeof *by; i++) {
        const struct index_order order = { index_column_find(by[i / 2]), i % 2 == 1 };
        const struct index_query q     = {
                .level = INDEX_STUDY, .order = &order, .order_count = 1, .limit = 100, .offset = 200
        };
        assert_plan(&q, WALKED, order.column->name);
    }
}

static void lists_stop_early(void **state)
{
    const iso_str ct = ISO_STR("CT");

    (void)state;
    for (int level = INDEX_PATIENT; level <= (int)INDEX_INSTANCE; level++) {
        const struct index_query all = { .level = (enum index_level)level, .limit = 100 };
        const struct index_query one = {
            .level = (enum index_level)level, .modalities = &ct, .modality_count = 1, .limit = 100
        };
        const struct index_query moment = {
            .level        = (enum index_level)level,
            .study_moment = { .given = true, .from_date = 20250101, .to_date = 20260101 }
        };
        assert_plan(&all, WALKED, "everything");
        assert_no_scan(&one, "ModalitiesInStudy");
        assert_no_scan(&moment, "a moment");
    }
}

static void newest_studies_need_no_sort(void **state)
{
    const struct index_query q = { .level = INDEX_STUDY, .limit = 100 };
    struct iso_arena         arena;
    struct iso_err           err  = { 0 };
    iso_str                  plan = { NULL, 0 };

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    assert_int_equal(index_explain(index_, &q, &arena, &plan, &err), ISO_OK);
    assert_null(strstr(plan.ptr, "TEMP B-TREE"));
    assert_non_null(strstr(plan.ptr, "study_newest"));
    iso_arena_release(&arena);
}

static void selections_are_looked_up(void **state)
{
    const iso_str  one[] = { ISO_STR("1.2.3") };
    struct iso_err err   = { 0 };
    int64_t       *ids;
    size_t         count = 1;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct index_selection s = { .list = { NULL } };

        s.list[i]  = one;
        s.count[i] = 1;
        assert_int_equal(index_select(index_, &s, &ids, &count, &err), ISO_OK);
        assert_int_equal(count, 0);
        free(ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexed_columns_are_looked_up),
        cmocka_unit_test(parts_of_words_are_looked_up),
        cmocka_unit_test(names_by_sound_are_looked_up),
        cmocka_unit_test(pairs_are_looked_up),
        cmocka_unit_test(keys_without_an_index_are_walked_in_order),
        cmocka_unit_test(lists_in_another_order_are_walked_in_it),
        cmocka_unit_test(lists_stop_early),
        cmocka_unit_test(newest_studies_need_no_sort),
        cmocka_unit_test(selections_are_looked_up),
    };

    return cmocka_run_group_tests(tests, open_index, close_index);
}
