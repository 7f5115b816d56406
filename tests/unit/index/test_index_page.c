/* Pages put together are the list, however they are asked for; and a question has the same answer whether
 * an index finds the rows or a walk in order comes past them. */
#include "test.h"

#include "index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STUDIES = 2200, OBJECTS = 3 * STUDIES };

static struct index *index_;
static char          folder[] = "/tmp/index-page-XXXXXX";

static void put(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                const char *format, unsigned value)
{
    char text[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof text, format, value);
#pragma GCC diagnostic pop
    assert_int_equal(dcm_put_str(ds, arena, tag, vr, iso_str_c(text)), ISO_OK);
}

/* Study n: a third of them without a date, or without a time; two series, three objects. */
static int add(unsigned n)
{
    static const char *const name[] = { "Anders^Eva", "Berg^Jan", "Bergman^Ines", "Calderon^Luz" };
    const unsigned           study  = n / 3;
    struct iso_arena         arena;
    struct dcm_dataset       header;
    struct iso_err           err = { 0 };
    int64_t                  id;
    char                     uid[3][64];
    int                      rc;

    iso_arena_init(&arena, 64 << 10);
    dcm_dataset_init(&header);
    (void)snprintf(uid[0], 64, "1.2.3.%u", study);
    (void)snprintf(uid[1], 64, "1.2.3.%u.%u", study, n % 2);
    (void)snprintf(uid[2], 64, "1.2.3.%u.%u.%u", study, n % 2, n);
    const struct index_instance in = { .study_uid           = iso_str_c(uid[0]),
                                       .series_uid          = iso_str_c(uid[1]),
                                       .sop_instance_uid    = iso_str_c(uid[2]),
                                       .sop_class_uid       = ISO_STR("1.2.840.10008.5.1.4.1.1.2"),
                                       .transfer_syntax_uid = ISO_STR("1.2.840.10008.1.2.1"),
                                       .location            = { 1, 1, 1024u * n, 512 },
                                       .stored_us           = 1000 + n,
                                       .source_ae           = ISO_STR("A"),
                                       .crc32c              = -1 };
    if (study % 7 != 0)
        put(&header, &arena, 0x00080020, DCM_VR_DA, "202501%02u", 1 + study % 20);
    if (study % 5 != 0)
        put(&header, &arena, 0x00080030, DCM_VR_TM, "%02u0000", study % 24);
    put(&header, &arena, 0x00100020, DCM_VR_LO, "P%04u", study);
    put(&header, &arena, 0x00100010, DCM_VR_PN, name[study % 4], 0);
    put(&header, &arena, 0x00100040, DCM_VR_CS, study % 2 == 0 ? "F" : "M", 0);
    put(&header, &arena, 0x00080060, DCM_VR_CS, study % 50 == 0 ? "XA" : "CT", 0);
    if (n % 4 != 0)
        put(&header, &arena, 0x00200011, DCM_VR_IS, "%u", n % 2);
    put(&header, &arena, 0x00200013, DCM_VR_IS, "%u", n);
    rc = index_add(index_, &in, &header, 0, &id, &err);
    iso_arena_release(&arena);
    return rc;
}

static int open_index(void **state)
{
    struct iso_err err = { 0 };
    char           path[64];
    int            rc;

    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    rc = index_open(path, 2, &index_, &err);
    for (unsigned n = 0; n < OBJECTS && rc >= 0; n++)
        rc = add(n * 7919 % OBJECTS); /* in no order */
    return rc < 0;
}

static int close_index(void **state)
{
    char command[128];

    (void)state;
    index_close(index_);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static size_t find(const struct index_query *q, int64_t **ids)
{
    struct iso_err err = { 0 };
    size_t         count;

    if (index_find(index_, q, ids, &count, &err) < 0)
        fail_msg("%s", err.text);
    return count;
}

static void pages_by_offset_are_the_list(void **state)
{
    (void)state;
    for (int level = INDEX_STUDY; level <= (int)INDEX_INSTANCE; level++) {
        const struct index_query all = { .level = (enum index_level)level };
        int64_t                 *whole;
        const size_t             count = find(&all, &whole);

        assert_true(count >= STUDIES);
        for (size_t at = 0; at < count;) {
            const struct index_query q = { .level  = (enum index_level)level,
                                           .limit  = 101,
                                           .offset = at };
            int64_t                 *page;
            const size_t             n = find(&q, &page);

            assert_int_equal(n, count - at < 101 ? count - at : 101);
            assert_memory_equal(page, whole + at, n * sizeof *page);
            free(page);
            at += n;
        }
        free(whole);
    }
}

static void pages_go_on_behind_a_row(void **state)
{
    (void)state;
    for (int level = INDEX_STUDY; level <= (int)INDEX_INSTANCE; level++) {
        const struct index_query all = { .level = (enum index_level)level };
        int64_t                 *whole;
        const size_t             count = find(&all, &whole);

        for (size_t at = 50; at < count; at += 97) {
            const struct index_query q = { .level = (enum index_level)level,
                                           .limit = 97,
                                           .after = whole[at - 1] };
            int64_t                 *page;
            const size_t             n = find(&q, &page);

            assert_int_equal(n, count - at < 97 ? count - at : 97);
            assert_memory_equal(page, whole + at, n * sizeof *page);
            free(page);
        }
        free(whole);
    }
}

static void a_row_that_has_gone_is_said(void **state)
{
    const struct index_query q   = { .level = INDEX_STUDY, .limit = 10, .after = 1 << 30 };
    struct iso_err           err = { 0 };
    int64_t                 *ids;
    size_t                   count;

    (void)state;
    assert_int_equal(index_find(index_, &q, &ids, &count, &err), ISO_ENOENT);
}

/* What comes new is in front; the next page does not show a row twice. */
static void news_does_not_move_the_next_page(void **state)
{
    struct index_query q = { .level = INDEX_STUDY, .limit = 50 };
    int64_t           *first;
    int64_t           *second;

    (void)state;
    assert_int_equal(find(&q, &first), 50);
    assert_int_equal(add(OBJECTS + 3 * 19), ISO_OK); /* 2025-01-20 */
    q.offset = 50;
    assert_int_equal(find(&q, &second), 50);
    for (size_t i = 0; i < 50; i++)
        for (size_t k = 0; k < 50; k++)
            assert_true(first[i] != second[k]);
    free(first);
    free(second);
}

static void found_and_walked_are_the_same(void **state)
{
    static const iso_str text[] = { ISO_STR("berg*"),   ISO_STR("*erg*"),    ISO_STR("*er*"),
                                    ISO_STR("P0*"),     ISO_STR("F"),        ISO_STR("CT"),
                                    ISO_STR("*rgman*"), ISO_STR("berg^jan"), ISO_STR("XA") };
    static const struct index_word words[] = { { ISO_STR("ber"), ISO_STR("B62") } };
    const struct index_predicate   p[]     = {
              { index_column_find(0x00100010), INDEX_LIKE, &text[0], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100010), INDEX_LIKE, &text[1], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100010), INDEX_LIKE, &text[2], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100020), INDEX_LIKE, &text[3], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100040), INDEX_IS, &text[4], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00080060), INDEX_IS, &text[5], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100010), INDEX_LIKE, &text[6], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100010), INDEX_IS, &text[7], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00080060), INDEX_IS, &text[8], 1, false, NULL, 0, 0, 0 },
              { index_column_find(0x00100010), INDEX_LIKE, &text[0], 1, false, words, 1, 0, 0 },
              { index_column_find(0x00080020), INDEX_BETWEEN, NULL, 0, false, NULL, 0, 20250103,
                20250118 },
    };
    enum { PREDICATES = sizeof p / sizeof *p };

    (void)state;
    for (size_t i = 0; i < (size_t)PREDICATES * PREDICATES; i++)
        for (int level = INDEX_PATIENT; level <= (int)INDEX_INSTANCE; level++) {
            const struct index_predicate both[] = { p[i / PREDICATES], p[i % PREDICATES] };
            struct index_query           q      = { .level           = (enum index_level)level,
                                                    .predicates      = both,
                                                    .predicate_count = 2 };
            int64_t                     *whole;
            int64_t                     *some;
            struct iso_err               err   = { 0 };
            const size_t                 count = find(&q, &whole);
            uint64_t                     counted;

            assert_int_equal(index_count(index_, &q, &counted, &err), ISO_OK);
            assert_int_equal(counted, count);
            q.limit = 40;
            if (find(&q, &some) != (count < 40 ? count : 40) ||
                (count > 0 && memcmp(some, whole, (count < 40 ? count : 40) * sizeof *some) != 0))
                fail_msg("level %d, %zu and %zu: another answer", level, i / PREDICATES,
                         i % PREDICATES);
            if (i / PREDICATES == i % PREDICATES && level == INDEX_STUDY)
                assert_true(count > 0);
            free(whole);
            free(some);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_by_offset_are_the_list),
        cmocka_unit_test(pages_go_on_behind_a_row),
        cmocka_unit_test(a_row_that_has_gone_is_said),
        cmocka_unit_test(found_and_walked_are_the_same),
        cmocka_unit_test(news_does_not_move_the_next_page),
    };

    return cmocka_run_group_tests(tests, open_index, close_index);
}
