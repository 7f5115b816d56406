/* Series that settle: whatever happens to them, each object's header and frame table are those it
 * came with last, and a ready answer is about exactly the objects that are here. */
#include "test.h"

#include "index_settle.h"

#include "dcm_pack.h"
#include "os_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OBJECTS_MAX = 4000, SERIES = 4, FORM = 7 };

/* ---- the model: what a header and a frame table are is computed from a number ---- */

struct object {
    int64_t  id; /* 0: not here */
    unsigned series;
    unsigned version;
};

static struct index *index_;
static char          folder[] = "/tmp/index-test-XXXXXX";
static char          path[64];
static struct object object[OBJECTS_MAX];
static uint32_t      seed;

static unsigned random_below(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void must(int rc, const struct iso_err *err)
{
    if (rc < 0)
        fail_msg("%s", err->text);
}

static void header_of(unsigned n, struct iso_arena *arena, struct dcm_dataset *ds)
{
    const struct object *o = &object[n];
    char                 text[64];
    /* some are large, one in a hundred too large for a pack */
    size_t bytes = n % 100 == 99 ? INDEX_PACK_HEADER_MAX + 10 : n % 17 == 3 ? 30000 : 100;
    char  *large = iso_arena_alloc(arena, bytes);

    dcm_dataset_init(ds);
    (void)snprintf(text, sizeof text, "1.2.3.%u", n);
    assert_int_equal(dcm_put_str(ds, arena, 0x00080018, DCM_VR_UI, iso_str_c(text)), 0);
    assert_int_equal(dcm_put_str(ds, arena, 0x00100020, DCM_VR_LO, ISO_STR("P")), 0);
    assert_int_equal(dcm_put_i64(ds, arena, 0x00200013, DCM_VR_IS, n), 0);
    assert_int_equal(dcm_put_i64(ds, arena, 0x00200012, DCM_VR_IS, o->version), 0);
    for (size_t i = 0; i < bytes; i++)
        large[i] = (char)('a' + (i * (n + 1)) % 23);
    assert_int_equal(dcm_put_str(ds, arena, 0x00204000, DCM_VR_LT, iso_str_of(large, bytes)), 0);
}

static iso_bytes table_of(unsigned n, struct iso_arena *arena)
{
    size_t   bytes = n % 5 == 0 ? 0 : n % 50 == 1 ? 5000 : n % 7;
    uint8_t *table = iso_arena_alloc(arena, bytes);

    for (size_t i = 0; i < bytes; i++)
        table[i] = (uint8_t)(n + i + object[n].version);
    return iso_bytes_of(table, bytes);
}

static struct index_instance row_of(unsigned n, struct iso_arena *arena)
{
    char uid[64];
    char series[64];

    (void)snprintf(uid, sizeof uid, "1.2.3.%u", n);
    (void)snprintf(series, sizeof series, "1.2.4.%u", object[n].series);
    struct index_instance row = {
        .study_uid           = ISO_STR("1.2.5"),
        .series_uid          = iso_arena_str(arena, iso_str_c(series)),
        .sop_instance_uid    = iso_arena_str(arena, iso_str_c(uid)),
        .sop_class_uid       = ISO_STR("1.2.840.10008.5.1.4.1.1.2"),
        .transfer_syntax_uid = ISO_STR("1.2.840.10008.1.2.1"),
        .location            = { 1, 1, (uint64_t)n * 1024, 1000 },
        .frames              = 1,
        .stored_us           = os_wall_us(),
        .source_ae           = ISO_STR("TEST"),
        .frame_table         = table_of(n, arena),
    };
    row.digest[0] = (uint8_t)n;
    row.digest[1] = (uint8_t)(n >> 8);
    row.digest[2] = (uint8_t)object[n].version;
    return row;
}

/* ---- what happens ---- */

static void add(unsigned n, unsigned series, int64_t replaces)
{
    struct iso_arena   arena;
    struct iso_err     err = { 0 };
    struct dcm_dataset ds;

    iso_arena_init(&arena, 8 << 20);
    object[n].series = series;
    header_of(n, &arena, &ds);
    const struct index_instance row = row_of(n, &arena);
    must(index_add(index_, &row, &ds, replaces, &object[n].id, &err), &err);
    iso_arena_release(&arena);
}

static void remove_it(unsigned n)
{
    struct iso_err err = { 0 };
    uint64_t       removed;

    must(index_remove(index_, &object[n].id, 1, 0, &removed, &err), &err);
    assert_int_equal(removed, 1);
    object[n].id = 0;
    object[n].version++;
}

static void remove_all_but_every_fourth(void)
{
    static int64_t ids[OBJECTS_MAX];
    struct iso_err err   = { 0 };
    size_t         count = 0;
    uint64_t       removed;

    for (unsigned n = 0; n < OBJECTS_MAX; n++)
        if (object[n].id != 0 && n % 4 != 0) {
            ids[count++] = object[n].id;
            object[n].id = 0;
        }
    must(index_remove(index_, ids, count, 0, &removed, &err), &err);
    assert_int_equal(removed, count);
}

static void recode(unsigned n)
{
    struct iso_arena   arena;
    struct iso_err     err = { 0 };
    struct dcm_dataset ds;

    iso_arena_init(&arena, 8 << 20);
    const struct index_instance was = row_of(n, &arena);
    object[n].version++;
    header_of(n, &arena, &ds);
    const struct index_instance now = row_of(n, &arena);
    must(index_recode(index_, object[n].id, was.digest, &now, &ds, 1, 0, &err), &err);
    iso_arena_release(&arena);
}

/* The ready answer of the tests: the ids of the objects of a series. */
static void answer_of(unsigned series, struct iso_buf *out, uint64_t *count)
{
    *count = 0;
    for (unsigned n = 0; n < OBJECTS_MAX; n++)
        if (object[n].id != 0 && object[n].series == series) {
            iso_buf_printf(out, "%lld/%u ", (long long)object[n].id, object[n].version);
            ++*count;
        }
}

static unsigned series_number(int64_t series)
{
    struct iso_arena arena;
    struct iso_err   err = { 0 };
    iso_str          study;
    iso_str          uid;

    iso_arena_init(&arena, 1 << 16);
    must(index_series_uids(index_, series, &arena, &study, &uid, &err), &err);
    unsigned number = (unsigned)(uid.ptr[uid.len - 1] - '0');
    iso_arena_release(&arena);
    return number;
}

static int settle_one(const struct index_unsettled *u, struct iso_err *err)
{
    struct iso_gzip_maker *maker = NULL;
    struct iso_gzip_piece  piece;
    struct iso_buf         text;
    struct iso_buf         deflated;
    struct index_ready     answer = { .piece = &piece, .pieces = 1 };
    bool                   more   = true;
    int64_t                after  = 0;
    int                    rc     = ISO_OK;

    while (more && rc >= 0)
        rc = index_pack(index_, u, NULL, NULL, &after, &more, err);
    if (rc < 0)
        return rc;
    iso_buf_init(&text, 1 << 20);
    iso_buf_init(&deflated, 1 << 20);
    answer_of(series_number(u->series), &text, &answer.instances);
    must(iso_gzip_maker_new(1, &deflated, &maker, err), err);
    must(iso_gzip_maker_add(maker, iso_buf_bytes(&text), err), err);
    must(iso_gzip_maker_finish(maker, &piece, err), err);
    answer.tag[0] = (uint8_t)answer.instances;
    rc            = index_settle(index_, u, FORM, &answer, err);
    iso_gzip_maker_free(maker);
    iso_buf_release(&deflated);
    iso_buf_release(&text);
    return rc;
}

static size_t settle_all(void)
{
    struct index_unsettled list[SERIES + 1];
    struct iso_err         err = { 0 };
    size_t                 count;

    must(index_unsettled(index_, 0, list, SERIES + 1, &count, &err), &err);
    for (size_t i = 0; i < count; i++)
        must(settle_one(&list[i], &err), &err);
    return count;
}

/* ---- what must be true ---- */

static bool same_header(const struct dcm_dataset *a, const struct dcm_dataset *b)
{
    struct iso_buf x;
    struct iso_buf y;
    struct iso_err err = { 0 };

    iso_buf_init(&x, 8 << 20);
    iso_buf_init(&y, 8 << 20);
    must(dcm_pack(a, &x, &err), &err);
    must(dcm_pack(b, &y, &err), &err);
    bool same = x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0;
    iso_buf_release(&x);
    iso_buf_release(&y);
    return same;
}

static void check_object(unsigned n)
{
    struct iso_arena      arena;
    struct iso_err        err = { 0 };
    struct dcm_dataset    expected;
    struct dcm_dataset    found[2];
    struct index_instance row;
    iso_bytes             table;
    size_t                count;

    iso_arena_init(&arena, 32 << 20);
    header_of(n, &arena, &expected);
    must(index_header(index_, object[n].id, &arena, &found[0], &table, &err), &err);
    assert_true(same_header(&found[0], &expected));
    iso_bytes wanted = table_of(n, &arena);
    assert_int_equal(table.len, wanted.len);
    assert_memory_equal(table.ptr, wanted.ptr, wanted.len);
    must(index_header(index_, object[n].id, &arena, NULL, &table, &err), &err);
    assert_int_equal(table.len, wanted.len);
    must(index_instances(index_, &object[n].id, 1, &arena, &row, &found[1], &count, &err), &err);
    assert_int_equal(count, 1);
    assert_true(same_header(&found[1], &expected));
    iso_arena_release(&arena);
}

static void check_answers(bool all_settled)
{
    struct iso_arena    arena;
    struct iso_err      err = { 0 };
    struct index_ready *list;
    struct iso_buf      text;
    struct iso_buf      expected;
    size_t              count;
    uint64_t            instances;

    iso_arena_init(&arena, 8 << 20);
    iso_buf_init(&text, 1 << 20);
    iso_buf_init(&expected, 1 << 20);
    must(index_ready(index_, ISO_STR("1.2.5"), ISO_STR(""), FORM, &arena, &list, &count, &err),
         &err);
    for (size_t i = 0; i < count; i++) {
        iso_buf_reset(&text);
        iso_buf_reset(&expected);
        answer_of(series_number(list[i].series), &expected, &instances);
        assert_int_equal(list[i].instances, instances);
        assert_true(list[i].is_ready || !all_settled);
        if (!list[i].is_ready)
            continue;
        assert_int_equal(list[i].pieces, 1);
        must(iso_gzip_inflate(&list[i].piece[0], &text, &err), &err);
        assert_int_equal(text.len, expected.len);
        assert_memory_equal(text.ptr, expected.ptr, text.len);
        assert_int_equal(list[i].tag[0], (uint8_t)instances);
    }
    must(index_ready(index_, ISO_STR("1.2.5"), ISO_STR(""), FORM + 1, &arena, &list, &count, &err),
         &err);
    for (size_t i = 0; i < count; i++)
        assert_false(list[i].is_ready); /* another program's */
    iso_buf_release(&expected);
    iso_buf_release(&text);
    iso_arena_release(&arena);
}

static void check_all(bool all_settled)
{
    for (unsigned n = 0; n < OBJECTS_MAX; n++)
        if (object[n].id != 0 && (all_settled || n % 7 == 0))
            check_object(n);
    check_answers(all_settled);
}

/* ---- the tests ---- */

static void reopen(void)
{
    struct iso_err err = { 0 };

    index_close(index_);
    must(index_open(path, 2, &index_, &err), &err);
}

static int open_index(void **state)
{
    struct iso_err err = { 0 };

    (void)state;
    memset(object, 0, sizeof object);
    seed = 1;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
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

static void one_thing(void)
{
    unsigned n = random_below(600);

    if (object[n].id == 0)
        add(n, random_below(SERIES), 0);
    else if (random_below(3) == 0)
        remove_it(n);
    else if (random_below(3) == 0)
        recode(n);
    else if (random_below(4) == 0) {
        object[n].version++;
        add(n, random_below(SERIES), object[n].id);
    }
}

static void headers_and_answers_follow_what_happens(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 25; round++) {
        for (unsigned i = 0; i < 30 + random_below(60); i++)
            one_thing();
        check_all(false);
        if (random_below(4) > 0) {
            (void)settle_all();
            check_all(true);
            assert_int_equal(settle_all(), 0);
        }
        if (random_below(5) == 0)
            reopen();
    }
}

static void a_large_series_takes_several_steps(void **state)
{
    struct index_settled_stats stats;
    struct index_unsettled     u;
    struct iso_err             err   = { 0 };
    size_t                     count = 0;
    int64_t                    after = 0;
    unsigned                   steps = 0;
    bool                       more  = true;

    (void)state;
    for (unsigned n = 0; n < 1200; n++)
        add(n, 0, 0);
    must(index_unsettled(index_, 0, &u, 1, &count, &err), &err);
    assert_int_equal(count, 1);
    for (; more; steps++)
        must(index_pack(index_, &u, NULL, NULL, &after, &more, &err), &err);
    assert_in_range(steps, 3, 5);
    must(index_settled_stats(index_, &stats, &err), &err);
    assert_int_equal(stats.rows, 12); /* those that are too large */
    assert_in_range(stats.packs, 1200 / INDEX_PACK_HEADERS, 60);
    (void)settle_all();
    check_all(true);

    /* Some more, again and again: they join the last pack, not one of their own each. */
    for (unsigned n = 1200; n < 1230; n++) {
        add(n, 0, 0);
        (void)settle_all();
    }
    uint64_t packs = stats.packs;
    must(index_settled_stats(index_, &stats, &err), &err);
    assert_in_range(stats.packs, packs, packs + 3);
    check_all(true);

    /* Most of it goes: packs of which half has gone are made anew. */
    remove_all_but_every_fourth();
    for (unsigned i = 0; i < 20; i++) {
        add(2000 + i, 0, 0);
        (void)settle_all();
    }
    packs = stats.packs;
    must(index_settled_stats(index_, &stats, &err), &err);
    assert_in_range(stats.packs, 1, packs * 2 / 3);
    check_all(true);
}

static void news_in_between_are_not_lost(void **state)
{
    struct index_unsettled u;
    struct index_ready     answer = { .instances = 3 };
    struct iso_err         err    = { 0 };
    size_t                 count;
    int64_t                after = 0;
    bool                   more;

    (void)state;
    for (unsigned n = 0; n < 3; n++)
        add(n, 0, 0);
    for (unsigned what = 0; what < 3; what++) {
        must(index_unsettled(index_, 0, &u, 1, &count, &err), &err);
        assert_int_equal(count, 1);
        if (what == 0)
            add(3, 0, 0);
        else if (what == 1)
            remove_it(3);
        else
            recode(1);
        after = 0;
        assert_int_equal(index_pack(index_, &u, NULL, NULL, &after, &more, &err), ISO_ECONFLICT);
        assert_int_equal(index_settle(index_, &u, FORM, &answer, &err), ISO_ECONFLICT);
        assert_int_equal(index_settle_give_up(index_, &u, &err), ISO_ECONFLICT);
        check_all(false);
    }
    assert_int_equal(settle_all(), 1);
    check_all(true);
    must(index_unsettled(index_, 0, &u, 1, &count, &err), &err);
    assert_int_equal(count, 0);
}

static void what_was_given_up_is_tried_again_later(void **state)
{
    struct index_unsettled u;
    struct iso_err         err = { 0 };
    size_t                 count;
    uint64_t               found;

    (void)state;
    add(0, 0, 0);
    must(index_unsettled(index_, 0, &u, 1, &count, &err), &err);
    must(index_settle_give_up(index_, &u, &err), &err);
    assert_int_equal(settle_all(), 0);
    add(1, 0, 0); /* news */
    assert_int_equal(settle_all(), 1);
    check_all(true);
    add(2, 1, 0);
    must(index_unsettled(index_, 0, &u, 1, &count, &err), &err);
    must(index_settle_give_up(index_, &u, &err), &err);
    must(index_settle_again(index_, FORM, 100, &found, &err), &err); /* a restart */
    assert_int_equal(found, 0);
    assert_int_equal(settle_all(), 1);

    /* Another program: all of it is made anew, step by step. */
    must(index_settle_again(index_, FORM + 1, 1, &found, &err), &err);
    assert_int_equal(found, 1);
    must(index_settle_again(index_, FORM + 1, 100, &found, &err), &err);
    assert_int_equal(found, 1);
    must(index_settle_again(index_, FORM + 1, 100, &found, &err), &err);
    assert_int_equal(found, 0);
    check_all(false);
    assert_int_equal(settle_all(), 2);
    check_all(true);
}

static void a_series_that_goes_leaves_nothing(void **state)
{
    struct index_settled_stats stats;
    struct iso_err             err = { 0 };

    (void)state;
    for (unsigned n = 0; n < 20; n++)
        add(n, n % 2, 0);
    (void)settle_all();
    for (unsigned n = 0; n < 20; n++)
        remove_it(n);
    must(index_settled_stats(index_, &stats, &err), &err);
    assert_int_equal(stats.unsettled + stats.rows + stats.packs + stats.answers, 0);
    assert_int_equal(stats.answer_bytes + stats.pack_bytes, 0);
    add(5, 0, 0); /* its series may get the same number again */
    check_all(false);
    assert_int_equal(settle_all(), 1);
    check_all(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headers_and_answers_follow_what_happens, open_index,
                                        close_index),
        cmocka_unit_test_setup_teardown(a_large_series_takes_several_steps, open_index,
                                        close_index),
        cmocka_unit_test_setup_teardown(news_in_between_are_not_lost, open_index, close_index),
        cmocka_unit_test_setup_teardown(what_was_given_up_is_tried_again_later, open_index,
                                        close_index),
        cmocka_unit_test_setup_teardown(a_series_that_goes_leaves_nothing, open_index, close_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
