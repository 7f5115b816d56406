/* Drafts: durable, never overwritten unseen, bounded, gone with their study, taken over by a new index. */
#include "arc_make.h"

#include "arc_draft.h"
#include "arc_reindex.h"

static void store_study(struct arc *arc, const char *study, const char *sop, uint8_t fill)
{
    (void)make_and_store(arc,
                         &(struct make){ .study = study, .sop = sop, .rows = 8, .fill = fill });
}

static int put(struct arc *arc, const char *study, const char *text, enum index_draft_was was,
               const uint8_t *seen, uint8_t digest[ISO_SHA256_BYTES])
{
    struct iso_err err = { 0 };

    return arc_draft_put(arc, iso_str_c(study), iso_bytes_of(text, strlen(text)), was, seen, digest,
                         &err);
}

static void assert_draft(struct arc *arc, const char *study, const char *text)
{
    struct index_draft draft;
    struct iso_arena   arena;
    struct iso_err     err = { 0 };

    iso_arena_init(&arena, 2 << 20);
    const int rc = arc_draft_get(arc, iso_str_c(study), &arena, &draft, &err);
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
    assert_int_equal(put(arc, "1.2.1", "{\"a\":1}", INDEX_DRAFT_NONE, NULL, first), ISO_OK);
    arc_close(arc);

    arc = make_archive(*state, ARC_REPLACE);
    assert_draft(arc, "1.2.1", "{\"a\":1}");
    assert_int_equal(put(arc, "1.2.1", "{}", INDEX_DRAFT_NONE, NULL, next), ISO_ECONFLICT);
    assert_int_equal(put(arc, "1.2.1", "{\"a\":2}", INDEX_DRAFT_SAME, first, next), ISO_OK);
    assert_int_equal(put(arc, "1.2.1", "{\"a\":3}", INDEX_DRAFT_SAME, first, next), ISO_ECONFLICT);
    assert_draft(arc, "1.2.1", "{\"a\":2}");
    assert_int_equal(arc_draft_remove(arc, ISO_STR("1.2.1"), INDEX_DRAFT_SAME, first, &err),
                     ISO_ECONFLICT);
    assert_int_equal(arc_draft_remove(arc, ISO_STR("1.2.1"), INDEX_DRAFT_ANY, NULL, &err), ISO_OK);
    assert_draft(arc, "1.2.1", NULL);
    assert_int_equal(arc_draft_remove(arc, ISO_STR("1.2.1"), INDEX_DRAFT_ANY, NULL, &err),
                     ISO_ENOENT);
    arc_close(arc);
}

static void a_draft_has_bounds_and_a_study(void **state)
{
    struct arc    *arc   = make_archive(*state, ARC_REPLACE);
    struct iso_err err   = { 0 };
    char          *large = calloc(1, ARC_DRAFT_BYTES_MAX + 1);
    uint8_t        digest[ISO_SHA256_BYTES];

    assert_non_null(large);
    store_study(arc, "1.2.1", "1.2.1.1", 1);
    assert_int_equal(put(arc, "1.2.2", "{}", INDEX_DRAFT_NONE, NULL, digest), ISO_ENOENT);
    for (size_t more = 0; more < 2; more++)
        assert_int_equal(arc_draft_put(arc, ISO_STR("1.2.1"),
                                       iso_bytes_of(large, ARC_DRAFT_BYTES_MAX + more),
                                       INDEX_DRAFT_ANY, NULL, digest, &err),
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
    assert_int_equal(put(arc, "1.2.1", "{}", INDEX_DRAFT_NONE, NULL, digest), ISO_OK);
    assert_int_equal(put(arc, "1.2.2", "{}", INDEX_DRAFT_NONE, NULL, digest), ISO_OK);
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
    assert_int_equal(put(arc, "1.2.1", "{\"of\":1}", INDEX_DRAFT_NONE, NULL, digest), ISO_OK);
    assert_int_equal(put(arc, "1.2.2", "{\"of\":2}", INDEX_DRAFT_NONE, NULL, digest), ISO_OK);
    arc_close(arc);
    arc_config_init(&archive);
    archive.folder         = *state;
    archive.free_bytes_min = 0;
    assert_int_equal(arc_reindex(&config, &report, &err), ISO_OK);
    assert_int_equal(report.drafts, 2);
    assert_false(report.drafts_unread);
    arc = make_archive(*state, ARC_REPLACE);
    assert_draft(arc, "1.2.1", "{\"of\":1}");
    assert_draft(arc, "1.2.2", "{\"of\":2}");
    assert_int_equal(put(arc, "1.2.1", "{}", INDEX_DRAFT_SAME, digest, digest), ISO_ECONFLICT);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
