/* Drafts and layouts: durable, never overwritten unseen, bounded, drafts gone with their study, all taken over by a new
 * index. */
#include "arc_make.h"

#include "arc_memo.h"
#include "arc_reindex.h"

static void store_study(struct arc *arc, const char *study, const char *sop, uint8_t fill)
{
    (void)make_and_store(arc,
                         &(struct make){ .study = study, .sop = sop, .rows = 8, .fill = fill });
}

static int put(struct arc *arc, const char *study, const char *text, enum index_memo_was was,
               const uint8_t *seen, uint8_t digest[ISO_SHA256_BYTES])
{
    struct iso_err err = { 0 };

    return arc_memo_put(arc, INDEX_DRAFT, iso_str_c(study), iso_bytes_of(text, strlen(text)), was,
                        seen, digest, &err);
}

static void assert_draft(struct arc *arc, const char *study, const char *text)
{
    struct index_memo draft;
    struct iso_arena  arena;
    struct iso_err    err = { 0 };

    iso_arena_init(&arena, 2 << 20);
    const int rc = arc_memo_get(arc, INDEX_DRAFT, iso_str_c(study), &arena, &draft, &err);
    if (text == NULL) {
        assert_int_equal(rc, ISO_ENOENT);
    } else {
        assert_int_equal(rc, ISO_OK);
        assert_true(iso_str_eq_c(iso_str_of_bytes(draft.body), text));
        assert_true(draft.changed_us > 0);
    }
    iso_arena_release(&arena);
}

static void a_draft_is_kept_until_it_is_discarded(void **state)
{
    struct arc    *arc = make_archive(*state, ARC_REPLACE);
    struct iso_err err = { 0 };
    uint8_t        first[ISO_SHA256_BYTES];
    uint8_t        next[ISO_SHA256_BYTES];

    store_study(arc, "1.2.1", "1.2.1.1", 1);
    assert_int_equal(put(arc, "1.2.1", "{\"a\":1}", INDEX_MEMO_NONE, NULL, first), ISO_OK);
    arc_close(arc);

    arc = make_archive(*state, ARC_REPLACE);
    assert_draft(arc, "1.2.1", "{\"a\":1}");
    assert_int_equal(put(arc, "1.2.1", "{}", INDEX_MEMO_NONE, NULL, next), ISO_ECONFLICT);
    assert_int_equal(put(arc, "1.2.1", "{\"a\":2}", INDEX_MEMO_SAME, first, next), ISO_OK);
    assert_int_equal(put(arc, "1.2.1", "{\"a\":3}", INDEX_MEMO_SAME, first, next), ISO_ECONFLICT);
    assert_draft(arc, "1.2.1", "{\"a\":2}");
    assert_int_equal(
        arc_memo_remove(arc, INDEX_DRAFT, ISO_STR("1.2.1"), INDEX_MEMO_SAME, first, &err),
        ISO_ECONFLICT);
    assert_int_equal(
        arc_memo_remove(arc, INDEX_DRAFT, ISO_STR("1.2.1"), INDEX_MEMO_ANY, NULL, &err), ISO_OK);
    assert_draft(arc, "1.2.1", NULL);
    assert_int_equal(
        arc_memo_remove(arc, INDEX_DRAFT, ISO_STR("1.2.1"), INDEX_MEMO_ANY, NULL, &err),
        ISO_ENOENT);
    arc_close(arc);
}

static void a_draft_has_bounds_and_a_study(void **state)
{
    struct arc    *arc   = make_archive(*state, ARC_REPLACE);
    struct iso_err err   = { 0 };
    char          *large = calloc(1, INDEX_DRAFT_BYTES_MAX + 1);
    uint8_t        digest[ISO_SHA256_BYTES];

    assert_non_null(large);
    store_study(arc, "1.2.1", "1.2.1.1", 1);
    assert_int_equal(put(arc, "1.2.2", "{}", INDEX_MEMO_NONE, NULL, digest), ISO_ENOENT);
    for (size_t more = 0; more < 2; more++)
        assert_int_equal(arc_memo_put(arc, INDEX_DRAFT, ISO_STR("1.2.1"),
                                      iso_bytes_of(large, INDEX_DRAFT_BYTES_MAX + more),
                                      INDEX_MEMO_ANY, NULL, digest, &err),
                         more == 0 ? ISO_OK : ISO_ELIMIT);
    free(large);
    arc_close(arc);
}

static void a_draft_goes_with_its_study(void **state)
{
    struct arc                *arc       = make_archive(*state, ARC_REPLACE);
    const iso_str              uid       = ISO_STR("1.2.1");
    const struct arc_selection selection = { .study_uids = &uid, .study_count = 1 };
    struct iso_err             err       = { 0 };
    uint64_t                   removed   = 0;
    uint8_t                    digest[ISO_SHA256_BYTES];

    store_study(arc, "1.2.1", "1.2.1.1", 1);
    store_study(arc, "1.2.2", "1.2.2.1", 1);
    assert_int_equal(put(arc, "1.2.1", "{}", INDEX_MEMO_NONE, NULL, digest), ISO_OK);
    assert_int_equal(put(arc, "1.2.2", "{}", INDEX_MEMO_NONE, NULL, digest), ISO_OK);
    store_study(arc, "1.2.1", "1.2.1.1", 2); /* replaced: the study stays */
    assert_draft(arc, "1.2.1", "{}");
    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 1);
    assert_draft(arc, "1.2.1", NULL);
    assert_draft(arc, "1.2.2", "{}");
    arc_close(arc);
}

static void a_new_index_takes_drafts_over(void **state)
{
    struct arc_config               archive;
    const struct arc_reindex_config config = { .archive = &archive };
    struct arc_reindex_report       report;
    struct iso_err                  err = { 0 };
    uint8_t                         digest[ISO_SHA256_BYTES];
    struct arc                     *arc = make_archive(*state, ARC_REPLACE);

    store_study(arc, "1.2.1", "1.2.1.1", 1);
    store_study(arc, "1.2.2", "1.2.2.1", 1);
    assert_int_equal(put(arc, "1.2.1", "{\"of\":1}", INDEX_MEMO_NONE, NULL, digest), ISO_OK);
    assert_int_equal(put(arc, "1.2.2", "{\"of\":2}", INDEX_MEMO_NONE, NULL, digest), ISO_OK);
    arc_close(arc);
    arc_config_init(&archive);
    archive.folder         = *state;
    archive.free_bytes_min = 0;
    assert_int_equal(arc_reindex(&config, &report, &err), ISO_OK);
    assert_int_equal(report.memos[INDEX_DRAFT], 2);
    assert_false(report.memos_unread);
    arc = make_archive(*state, ARC_REPLACE);
    assert_draft(arc, "1.2.1", "{\"of\":1}");
    assert_draft(arc, "1.2.2", "{\"of\":2}");
    assert_int_equal(put(arc, "1.2.1", "{}", INDEX_MEMO_SAME, digest, digest), ISO_ECONFLICT);
    arc_close(arc);
}

static int put_layout(struct arc *arc, const char *name, const char *text)
{
    struct iso_err err = { 0 };
    uint8_t        digest[ISO_SHA256_BYTES];

    return arc_memo_put(arc, INDEX_LAYOUT, iso_str_c(name), iso_bytes_of(text, strlen(text)),
                        INDEX_MEMO_NONE, NULL, digest, &err);
}

/* "name=text," of all there are, in their order. */
static void assert_layouts(struct arc *arc, const char *expected)
{
    struct index_memo *list  = NULL;
    size_t             count = 0;
    struct iso_arena   arena;
    struct iso_buf     all;
    struct iso_err     err = { 0 };

    iso_arena_init(&arena, 16 << 20);
    iso_buf_init(&all, 1 << 20);
    assert_int_equal(arc_memo_list(arc, INDEX_LAYOUT, &arena, &list, &count, &err), ISO_OK);
    for (size_t i = 0; i < count; i++)
        iso_buf_printf(&all, "%.*s=%.*s,", ISO_STR_ARG(list[i].key),
                       ISO_STR_ARG(iso_str_of_bytes(list[i].body)));
    assert_true(iso_str_eq_c(iso_str_of_bytes(iso_buf_bytes(&all)), expected));
    iso_buf_release(&all);
    iso_arena_release(&arena);
}

static void layouts_need_no_study_and_are_listed(void **state)
{
    struct arc_config               archive;
    const struct arc_reindex_config config = { .archive = &archive };
    struct arc_reindex_report       report;
    struct iso_err                  err = { 0 };
    struct arc                     *arc = make_archive(*state, ARC_REPLACE);

    assert_layouts(arc, "");
    assert_int_equal(put_layout(arc, "knee", "{\"k\":1}"), ISO_OK);
    assert_int_equal(put_layout(arc, "breast", "{}"), ISO_OK);
    assert_int_equal(put_layout(arc, "knee", "{}"), ISO_ECONFLICT);
    assert_int_equal(put_layout(arc, "liver", "{}"), ISO_OK);
    assert_int_equal(
        arc_memo_remove(arc, INDEX_LAYOUT, ISO_STR("liver"), INDEX_MEMO_ANY, NULL, &err), ISO_OK);
    assert_layouts(arc, "breast={},knee={\"k\":1},");
    arc_close(arc);
    arc_config_init(&archive);
    archive.folder         = *state;
    archive.free_bytes_min = 0;
    assert_int_equal(arc_reindex(&config, &report, &err), ISO_OK);
    assert_int_equal(report.memos[INDEX_LAYOUT], 2);
    arc = make_archive(*state, ARC_REPLACE);
    assert_layouts(arc, "breast={},knee={\"k\":1},");
    arc_close(arc);
}

static void there_are_not_more_layouts_than_may_be(void **state)
{
    struct arc *arc = make_archive(*state, ARC_REPLACE);
    char        name[16];

    for (int i = 0; i <= INDEX_LAYOUTS_MAX; i++) {
        (void)snprintf(name, sizeof name, "l%d", i);
        assert_int_equal(put_layout(arc, name, "{}"), i < INDEX_LAYOUTS_MAX ? ISO_OK : ISO_ENOSPC);
    }
    arc_close(arc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_draft_is_kept_until_it_is_discarded, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(a_draft_has_bounds_and_a_study, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(a_draft_goes_with_its_study, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(a_new_index_takes_drafts_over, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(layouts_need_no_study_and_are_listed, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(there_are_not_more_layouts_than_may_be, make_folder,
                                        make_folder_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
