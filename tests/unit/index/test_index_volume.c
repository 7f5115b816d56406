/* Volumes keep their numbers, low marks only go forward, places are found, the log stays bounded. */
#include "test.h"

#include "index_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct index *index_;
static char          folder[] = "/tmp/index-volume-XXXXXX";
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

static int bind(uint32_t number, const char *uuid, const char *kind, uint32_t *out)
{
    const struct index_volume v   = { .number = number,
                                      .uuid   = iso_str_c(uuid),
                                      .kind   = iso_str_c(kind),
                                      .path   = ISO_STR("/somewhere") };
    struct iso_err            err = { 0 };

    return index_volume_bind(index_, &v, out, &err);
}

static void volumes_keep_their_numbers(void **state)
{
    struct index_volume known[4];
    struct iso_arena    arena;
    struct iso_err      err    = { 0 };
    uint32_t            number = 0;
    size_t              count  = 0;

    (void)state;
    assert_int_equal(bind(1, "aaaa", "segments", &number), ISO_OK);
    assert_int_equal(number, 1);
    assert_int_equal(bind(0, "bbbb", "tree", &number), ISO_OK);
    assert_int_equal(number, 2);
    assert_int_equal(bind(0, "aaaa", "segments", &number), ISO_OK);
    assert_int_equal(number, 1);
    assert_int_equal(bind(1, "cccc", "segments", &number), ISO_ECONFLICT);
    assert_int_equal(bind(3, "aaaa", "segments", &number), ISO_ECONFLICT);
    assert_int_equal(bind(2, "bbbb", "segments", &number), ISO_ECONFLICT);

    iso_arena_init(&arena, 64 << 10);
    assert_int_equal(index_volumes(index_, &arena, known, 4, &count, &err), ISO_OK);
    assert_int_equal(count, 2);
    assert_true(iso_str_eq(known[1].uuid, ISO_STR("bbbb")));
    assert_true(iso_str_eq(known[1].kind, ISO_STR("tree")));
    assert_int_equal(known[1].low_file, 0);
    assert_int_equal(index_volumes(index_, &arena, known, 1, &count, &err), ISO_ELIMIT);
    iso_arena_release(&arena);
}

static void assert_mark(uint64_t file, uint64_t offset)
{
    struct index_volume known[4];
    struct iso_arena    arena;
    struct iso_err      err = { 0 };
    size_t              count;

    iso_arena_init(&arena, 64 << 10);
    assert_int_equal(index_volumes(index_, &arena, known, 4, &count, &err), ISO_OK);
    assert_int_equal(known[0].low_file, file);
    assert_int_equal(known[0].low_offset, offset);
    iso_arena_release(&arena);
}

static void low_marks_only_go_forward(void **state)
{
    struct iso_err err = { 0 };
    uint32_t       number;

    (void)state;
    assert_int_equal(bind(1, "aaaa", "segments", &number), ISO_OK);
    assert_int_equal(index_volume_mark(index_, 1, 3, 512, &err), ISO_OK);
    assert_mark(3, 512);
    assert_int_equal(index_volume_mark(index_, 1, 2, 4096, &err), ISO_OK);
    assert_mark(3, 512);
    assert_int_equal(index_volume_mark(index_, 1, 3, 1024, &err), ISO_OK);
    assert_mark(3, 1024);
    assert_int_equal(index_volume_mark(index_, 1, 4, 0, &err), ISO_OK);
    assert_mark(4, 0);
    assert_int_equal(index_volume_mark(index_, 9, 1, 0, &err), ISO_ENOENT);
}

static void places_of_the_removed_are_known_until_they_are_given_back(void **state)
{
    const struct store_location at  = { 1, 7, 1536, 1000 };
    struct iso_err              err = { 0 };
    struct index_tombstone      gone;
    size_t                      count;
    uint64_t                    end   = 1;
    bool                        known = true;

    (void)state;
    assert_int_equal(index_known_place(index_, 1, 7, 1536, &known, &err), ISO_OK);
    assert_false(known);
    assert_int_equal(index_known_end(index_, 1, 7, &end, &err), ISO_OK);
    assert_int_equal(end, 0);

    assert_int_equal(index_tombstone_add(index_, &at, &err), ISO_OK);
    assert_int_equal(index_known_place(index_, 1, 7, 1536, &known, &err), ISO_OK);
    assert_true(known);
    assert_int_equal(index_known_place(index_, 1, 7, 512, &known, &err), ISO_OK);
    assert_false(known);
    assert_int_equal(index_known_end(index_, 1, 7, &end, &err), ISO_OK);
    assert_int_equal(end, 2536);

    assert_int_equal(index_tombstones_due(index_, INT64_MAX, 0, 0, &gone, 1, &count, &err), ISO_OK);
    assert_int_equal(count, 1);
    assert_int_equal(index_tombstones_done(index_, &gone.id, 1, &err), ISO_OK);
    assert_int_equal(index_known_place(index_, 1, 7, 1536, &known, &err), ISO_OK);
    assert_false(known);
}

static int64_t log_bytes(void)
{
    struct stat st;
    char        name[80];

    (void)snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int write_much(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    (void)index;
    (void)ctx;
    return sql_exec(sql,
                    "CREATE TABLE IF NOT EXISTS filling(x); DELETE FROM filling;"
                    "INSERT INTO filling VALUES(zeroblob(4 << 20))",
                    err);
}

static void the_log_is_begun_anew_while_it_is_copied(void **state)
{
    struct iso_err err = { 0 };

    (void)state;
    for (int i = 0; i < 30; i++) { /* 120 MiB */
        assert_int_equal(index_write_unflushed(index_, write_much, NULL, &err), ISO_OK);
        assert_int_equal(index_checkpoint(index_, &err), ISO_OK);
    }
    assert_in_range(log_bytes(), 1, 48 << 20);
}

static void a_writer_whom_nobody_helps_copies_the_log_itself(void **state)
{
    struct iso_err err = { 0 };

    (void)state;
    for (int i = 0; i < 40; i++) /* 160 MiB */
        assert_int_equal(index_write_unflushed(index_, write_much, NULL, &err), ISO_OK);
    assert_in_range(log_bytes(), 1, 80 << 20);
}

static void a_long_question_lets_the_log_grow_and_is_not_hurt(void **state)
{
    struct iso_err err = { 0 };
    struct sql    *reader;
    sqlite3_stmt  *st;

    (void)state;
    assert_int_equal(index_reader_take(index_, &reader, &err), ISO_OK);
    assert_int_equal(sql_prepare(reader, "SELECT 1 FROM total, uid", &st, &err), ISO_OK);
    assert_int_equal(sql_exec(reader, "BEGIN", &err), ISO_OK);
    (void)sql_step(reader, st, &err);
    for (int i = 0; i < 30; i++)
        assert_int_equal(index_write_unflushed(index_, write_much, NULL, &err), ISO_OK);
    assert_true(log_bytes() > 100 << 20); /* it cannot be begun anew, nobody waits for it */
    assert_int_equal(sql_exec(reader, "COMMIT", &err), ISO_OK);
    index_reader_give(index_, reader);

    assert_int_equal(index_checkpoint(index_, &err), ISO_OK);
    assert_int_equal(index_write_unflushed(index_, write_much, NULL, &err), ISO_OK);
    assert_in_range(log_bytes(), 1, 80 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volumes_keep_their_numbers),
        cmocka_unit_test(low_marks_only_go_forward),
        cmocka_unit_test(places_of_the_removed_are_known_until_they_are_given_back),
        cmocka_unit_test(the_log_is_begun_anew_while_it_is_copied),
        cmocka_unit_test(a_writer_whom_nobody_helps_copies_the_log_itself),
        cmocka_unit_test(a_long_question_lets_the_log_grow_and_is_not_hurt),
    };
    return cmocka_run_group_tests(tests, open_index, close_index);
}
