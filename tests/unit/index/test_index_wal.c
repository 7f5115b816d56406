/* SQLite over our file system, over one that counts writes to the log and fails the n-th: what was committed
 * is there, for others at once and after a crash; what was refused is not. */
#include "test.h"

#include "index_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 400, TEXT_BYTES = 900 };

/* ---- the file system below ---- */

static struct {
    sqlite3_vfs               vfs;
    sqlite3_vfs              *system;
    sqlite3_io_methods        methods; /* of a log */
    const sqlite3_io_methods *plain;
    long                      writes;
    long                      fails_at; /* -1: none */
    int                       fails;    /* so many from there on */
    bool                      half;     /* and half of it gets through */
} below;

static int count_write(sqlite3_file *file, const void *ptr, int bytes, sqlite3_int64 offset)
{
    const long n = below.writes++;

    if (below.fails_at >= 0 && n >= below.fails_at && n < below.fails_at + below.fails) {
        if (below.half)
            (void)below.plain->xWrite(file, ptr, bytes / 2, offset);
        return SQLITE_FULL;
    }
    return below.plain->xWrite(file, ptr, bytes, offset);
}

static int count_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                      int *out_flags)
{
    int rc = below.system->xOpen(below.system, name, file, flags, out_flags);

    (void)self;
    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
        below.plain          = file->pMethods;
        below.methods        = *below.plain;
        below.methods.xWrite = count_write;
        file->pMethods       = &below.methods;
    }
    return rc;
}

static int setup(void **state)
{
    char *folder = strdup("/tmp/index-wal-XXXXXX");

    if (below.system == NULL) {
        below.system    = sqlite3_vfs_find(NULL);
        below.vfs       = *below.system;
        below.vfs.zName = "counting";
        below.vfs.xOpen = count_open;
        below.vfs.pNext = NULL;
        if (sqlite3_vfs_register(&below.vfs, 1) != SQLITE_OK)
            return -1;
    }
    below.fails_at = -1;
    *state         = mkdtemp(folder);
    return *state == NULL;
}

static int teardown(void **state)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

/* ---- a table with a model beside it ---- */

struct model {
    int version[ROWS]; /* 0: absent */
};

/* Pages go to the log before their commit, some twice. No savepoint is taken back then: after that SQLite
 * 3.40 may leave a log that ends too early for whoever reads it after a crash, whatever is below
 * it; which is why the index never lets it (sql_open). */
static bool spills;

static sqlite3 *open_at(const char *folder, const char *name)
{
    char     path[128];
    sqlite3 *db = NULL;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, index_vfs()),
        SQLITE_OK);
    index_vfs_spare(db);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                                  "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=12;"
                                  "CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY,"
                                  " version INTEGER, text TEXT);",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    if (!spills)
        assert_int_equal(sqlite3_exec(db, "PRAGMA cache_spill=OFF", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static int put(sqlite3 *db, int k, int version)
{
    char  text[TEXT_BYTES + 1];
    char *sql;
    int   rc;

    memset(text, 'a' + (k + version) % 26, TEXT_BYTES);
    text[TEXT_BYTES] = '\0';
    sql = sqlite3_mprintf("INSERT OR REPLACE INTO t VALUES (%d, %d, %Q)", k, version, text);
    rc  = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

static bool is_as(sqlite3 *db, const struct model *model)
{
    sqlite3_stmt *stmt = NULL;
    struct model  seen = { 0 };
    bool          same = true;

    if (sqlite3_prepare_v2(db, "SELECT k, version, text FROM t", -1, &stmt, NULL) != SQLITE_OK)
        return false;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const int   k       = sqlite3_column_int(stmt, 0);
        const int   version = sqlite3_column_int(stmt, 1);
        const char *text    = (const char *)sqlite3_column_text(stmt, 2);

        seen.version[k] = version;
        same            = same && text != NULL && strlen(text) == TEXT_BYTES &&
               text[0] == 'a' + (k + version) % 26 && text[TEXT_BYTES - 1] == text[0];
    }
    same = sqlite3_finalize(stmt) == SQLITE_OK && same && memcmp(&seen, model, sizeof seen) == 0;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) != SQLITE_OK)
        return false;
    same = sqlite3_step(stmt) == SQLITE_ROW &&
           strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0 && same;
    (void)sqlite3_finalize(stmt);
    return same;
}

/* What a process that ends now leaves behind, opened again. */
static bool is_as_after_a_crash(const char *folder, const struct model *model)
{
    char     command[256];
    sqlite3 *db;
    bool     same;

    (void)snprintf(command, sizeof command,
                   "cd '%s' && rm -f c c-wal c-shm && cp a c && cp a-wal c-wal", folder);
    assert_int_equal(system(command), 0);
    db   = open_at(folder, "c");
    same = is_as(db, model);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return same;
}

static unsigned next(unsigned *random)
{
    *random = *random * 1103515245 + 12345;
    return *random / 65536;
}

/* Some rows in one transaction, often more than the cache holds and the same pages again and again, with
 * a savepoint and reads in between; false: it was rolled back, for an error or for fun. */
static bool transact(sqlite3 *db, struct model *model, unsigned *random, int version)
{
    struct model would = *model;
    const int    count = (int)(next(random) % 90);
    const bool   undo  = next(random) % 5 == 0;
    int          rc    = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    struct model saved = would;
    int          save  = count / 2;

    for (int i = 0; i < count && rc == SQLITE_OK; i++) {
        const int k = (int)(next(random) % ROWS);

        if (i == save) {
            rc    = sqlite3_exec(db, "SAVEPOINT s", NULL, NULL, NULL);
            saved = would;
        }
        if (rc == SQLITE_OK)
            rc = put(db, k, version);
        would.version[k] = version;
        if (rc == SQLITE_OK && i % 17 == 16)
            rc = sqlite3_exec(db, "SELECT sum(length(text)) FROM t", NULL, NULL, NULL);
        if (rc == SQLITE_OK && i == save + 9 && !spills) {
            rc    = sqlite3_exec(db, "ROLLBACK TO s", NULL, NULL, NULL);
            would = saved;
        }
    }
    if (rc == SQLITE_OK && !undo)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK && !undo) {
        *model = would;
        return true;
    }
    if (!sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static void forget(const char *folder)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/a", folder);
    assert_int_equal(unlink(path), 0);
}

/* ---- tests ---- */

static void a_commit_is_one_write(void **state)
{
    spills             = false;
    struct model model = { 0 };
    sqlite3     *db    = open_at(*state, "a");
    sqlite3     *other = open_at(*state, "a");

    assert_string_equal(index_vfs(), "isocenter");
    assert_true(is_as(other, &model));
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        for (int k = 0; k < 40; k++) {
            assert_int_equal(put(db, k + turn, turn + 1), SQLITE_OK);
            model.version[k + turn] = turn + 1;
        }
        below.writes = 0;
        assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        assert_in_range(below.writes, 1, 2); /* the first head stands alone after a read */
        assert_true(is_as(other, &model));
        assert_true(is_as_after_a_crash(*state, &model));
    }
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int k = 0; k < ROWS; k++) { /* about 100 pages, more than one call takes */
        assert_int_equal(put(db, k, 9), SQLITE_OK);
        model.version[k] = 9;
    }
    below.writes = 0;
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_in_range(below.writes, 3, 6);
    assert_true(is_as(other, &model));
    assert_true(is_as_after_a_crash(*state, &model));
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void happens(const char *folder, unsigned random)
{
    struct model model = { 0 };
    sqlite3     *db    = open_at(folder, "a");
    sqlite3     *other = open_at(folder, "a");

    for (int i = 1; i <= 60; i++) {
        /* two who write by turns: what one keeps back must not fall onto what the other has written */
        (void)transact(i % 7 == 3 ? other : db, &model, &random, i);
        if (i % 11 == 10)
            assert_int_equal(
                sqlite3_wal_checkpoint_v2(other, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL),
                SQLITE_OK);
        if (i % 10 == 0)
            assert_true(is_as(other, &model) && is_as(db, &model));
        if (i % 15 == 0)
            assert_true(is_as_after_a_crash(folder, &model));
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(is_as(other, &model));
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    forget(folder);
}

static void whatever_happens_in_a_transaction(void **state)
{
    for (unsigned i = 0; i < 10; i++) {
        spills = i % 2 == 0;
        happens(*state, i * 77 + 5);
    }
}

/* Each write of a workload fails in turn, once or for a while: what says that it is committed is, what does
 * not is not, and afterwards it goes on. */
static void a_write_that_fails_is_no_commit(void **state)
{
    long writes   = 1;
    int  refusals = 0;

    for (long at = 0; at < writes; at += 1 + at / 5) {
        spills              = at % 5 < 2;
        struct model model  = { 0 };
        sqlite3     *db     = open_at(*state, "a");
        sqlite3     *other  = open_at(*state, "a");
        unsigned     random = 99;

        below.writes   = 0;
        below.fails_at = at;
        below.fails    = at % 3 == 2 ? 4 : 1;
        below.half     = at % 2 == 1;
        for (int i = 1; i <= 20; i++) {
            unsigned before = random;
            refusals += !transact(db, &model, &random, i) && random != before;
            assert_true(is_as(other, &model));
        }
        assert_true(is_as_after_a_crash(*state, &model));
        writes         = below.writes;
        below.fails_at = -1;
        assert_true(is_as(db, &model));
        (void)transact(db, &model, &random, 77);
        assert_true(is_as(other, &model));
        assert_int_equal(sqlite3_close(other), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        forget(*state);
    }
    assert_in_range(writes, 30, 100000);
    assert_true(refusals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_is_one_write, setup, teardown),
        cmocka_unit_test_setup_teardown(whatever_happens_in_a_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_is_no_commit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
