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

static void assert_no_scan(const struct index_query *q, const char *what)
{
    struct iso_arena arena;
    struct iso_err   err  = { 0 };
    iso_str          plan = { NULL, 0 };
    int64_t         *ids  = NULL;
    size_t           count;

    iso_arena_init(&arena, 1 << 20);
    if (index_explain(index_, q, &arena, &plan, &err) < 0 ||
        index_find(index_, q, &ids, &count, &err) < 0)
        fail_msg("%s: %s", what, err.text);
    free(ids);
    for (iso_str rest = plan; rest.ptr != NULL;) {
        iso_str line = iso_str_cut(&rest, '\n');

        /* A virtual table is "scanned" through its own index. */
        if (iso_str_starts(line, ISO_STR("SCAN")) && line.len > 0 &&
            strstr(line.ptr, "VIRTUAL TABLE INDEX") == NULL)
            fail_msg("%s scans: %.*s", what, ISO_STR_ARG(plan));
    }
    iso_arena_release(&arena);
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
        assert_no_scan(&all, "everything");
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
        cmocka_unit_test(lists_stop_early),
        cmocka_unit_test(newest_studies_need_no_sort),
        cmocka_unit_test(selections_are_looked_up),
    };

    return cmocka_run_group_tests(tests, open_index, close_index);
}
