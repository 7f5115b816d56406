/* Additions that share a transaction: the failure of one is its own, and counts come out right. */
#include "test.h"

#include "index_sqlite.h"
#include "os_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, EACH = 60, SHARED = 20 };

static struct index *index_;
static char          folder[] = "/tmp/index-write-XXXXXX";

static int open_index(void **state)
{
    struct iso_err err = { 0 };
    char           path[64];

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

struct sender {
    struct os_thread thread;
    unsigned         number;
    unsigned         added, refused, failed;
};

/* Object k of a sender; the first SHARED are the same for all of them. */
static void send(void *arg)
{
    struct sender *s = arg;

    for (unsigned k = 0; k < EACH; k++) {
        struct dcm_dataset header;
        struct iso_err     err = { 0 };
        const unsigned     who = k < SHARED ? 0 : s->number + 1;
        char               uid[2][64];
        int64_t            id;

        (void)snprintf(uid[0], 64, "1.2.%u.%u", who, k);
        (void)snprintf(uid[1], 64, "1.2.3.%u", k % 3);
        dcm_dataset_init(&header);
        const struct index_instance in = { .study_uid           = ISO_STR("1.2.3"),
                                           .series_uid          = iso_str_c(uid[1]),
                                           .sop_instance_uid    = iso_str_c(uid[0]),
                                           .sop_class_uid       = ISO_STR("1.2.840.10008.1"),
                                           .transfer_syntax_uid = ISO_STR("1.2.840.10008.1.2"),
                                           .location = { 1, s->number + 1, 1024u * k, 10 },
                                           .crc32c   = -1 };
        switch (index_add(index_, &in, &header, 0, &id, &err)) {
        case ISO_OK:
            s->added++;
            break;
        case ISO_EEXIST:
            s->refused++;
            break;
        default:
            s->failed++;
        }
    }
}

static int64_t number(const char *text)
{
    struct iso_err err = { 0 };
    struct sql    *sql;
    sqlite3_stmt  *st;
    int64_t        n;

    assert_int_equal(index_reader_take(index_, &sql, &err), ISO_OK);
    assert_int_equal(sql_prepare(sql, text, &st, &err), ISO_OK);
    assert_int_equal(sql_step(sql, st, &err), ISO_OK);
    n = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    index_reader_give(index_, sql);
    return n;
}

static void a_failure_is_its_own(void **state)
{
    static struct sender s[THREADS];
    unsigned             added   = 0;
    unsigned             refused = 0;
    struct iso_err       err     = { 0 };
    struct index_stats   stats;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        s[i] = (struct sender){ .number = i };
        assert_int_equal(os_thread_start(&s[i].thread, "sender", 0, send, &s[i], &err), ISO_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        os_thread_join(&s[i].thread);
        assert_int_equal(s[i].failed, 0);
        added += s[i].added;
        refused += s[i].refused;
    }
    assert_int_equal(added, SHARED + THREADS * (EACH - SHARED));
    assert_int_equal(refused, (THREADS - 1) * SHARED);

    assert_int_equal(index_stats(index_, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances, added);
    assert_int_equal(stats.bytes, 10 * added);
    assert_int_equal(stats.series, 3);
    assert_int_equal(stats.studies, 1);
    assert_int_equal(stats.patients, 1);
    assert_int_equal(number("SELECT count(*) FROM instance"), added);
    assert_int_equal(number("SELECT count(*) FROM header"), added);
    assert_int_equal(number("SELECT n_instances FROM study"), added);
    assert_int_equal(number("SELECT count(*) FROM series e WHERE n_instances <> (SELECT count(*)"
                            " FROM instance i WHERE i.series = e.id)"),
                     0);
    assert_int_equal(number("SELECT count(*) FROM series e WHERE representative <> (SELECT min(id)"
                            " FROM instance i WHERE i.series = e.id)"),
                     0);
}

/* What was remembered of the series must not outlive it. */
static void a_series_that_has_gone_is_made_again(void **state)
{
    struct iso_err     err = { 0 };
    struct sender      s   = { .number = 100 };
    struct index_stats stats;
    int64_t           *ids;
    size_t             count;
    uint64_t           removed;

    (void)state;
    const struct index_query all = { .level = INDEX_INSTANCE };
    assert_int_equal(index_find(index_, &all, &ids, &count, &err), ISO_OK);
    assert_int_equal(index_remove(index_, ids, count, 0, &removed, &err), ISO_OK);
    free(ids);
    assert_int_equal(removed, count);
    send(&s);
    assert_int_equal(s.added, EACH);
    assert_int_equal(index_stats(index_, &stats, &err), ISO_OK);
    assert_int_equal(stats.series, 3);
    assert_int_equal(stats.instances, EACH);
    assert_int_equal(number("SELECT count(*) FROM instance i WHERE NOT EXISTS (SELECT 1 FROM series"
                            " e JOIN study s ON s.id = e.study WHERE e.id = i.series)"),
                     0);
}

/* As when there is no memory to end it: the next question would stand before "cannot start a transaction
 * within a transaction", and the log could not be shortened. */
static void a_reader_in_a_transaction_is_not_used_again(void **state)
{
    struct iso_err err = { 0 };
    struct sql    *sql;

    (void)state;
    for (int i = 0; i < 5; i++) { /* more often than there are places */
        assert_int_equal(index_reader_take(index_, &sql, &err), ISO_OK);
        if (sql_read_begin(sql, &err) < 0)
            fail_msg("%s", err.text);
        index_reader_give(index_, sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_its_own),
        cmocka_unit_test(a_series_that_has_gone_is_made_again),
        cmocka_unit_test(a_reader_in_a_transaction_is_not_used_again),
    };

    return cmocka_run_group_tests(tests, open_index, close_index);
}
