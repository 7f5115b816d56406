/* index_sqlite.h: what the files of the SQLite index share. A connection belongs to one thread at a
 * time; statements are prepared once per connection and found again by their text. */
#ifndef INDEX_SQLITE_H
#define INDEX_SQLITE_H

#include "index.h"
#include "iso_buf.h"
#include "os_group.h"

#include <sqlite3.h>
#include <stdatomic.h>

enum { SQL_STATEMENTS_MAX = 64, SQL_READERS_MAX = 64 };

struct sql_statement {
    char         *text;
    uint64_t      hash;
    uint64_t      used; /* for eviction of the least recently used */
    sqlite3_stmt *handle;
};

struct sql {
    sqlite3             *db;
    uint64_t             tick;
    struct sql_statement statement[SQL_STATEMENTS_MAX];
};

struct index_totals {
    int64_t patients, studies, series, instances, bytes;
    int64_t next_instance;
};

enum { INDEX_RECENT_MAX = 64, INDEX_RECENT_TEXT = 64, INDEX_COUNTS_MAX = 16 };

/* Series and texts that were written last, while nothing but additions is written. */
struct index_recent_series {
    int64_t study, series; /* 0: none */
    int64_t class;         /* one that the study is known to have */
    uint8_t study_len, series_len;
    char    study_uid[INDEX_RECENT_TEXT], series_uid[INDEX_RECENT_TEXT];
};

struct index_recent_text {
    int64_t id; /* 0: none */
    uint8_t len;
    char    text[INDEX_RECENT_TEXT];
};

/* What a series, and its study, have got in the open transaction and is not written yet. */
struct index_count {
    int64_t study, series, instances, changed_us;
    int64_t first; /* object */
};

/* A row's place in the default order of its level: newest study first, then by numbers. */
struct index_spot {
    bool    given;
    int64_t date, time, study;   /* -1: null */
    int64_t number[2], below[2]; /* of the series, of the instance; INT64_MIN: null */
};

enum { INDEX_PAGES_MAX = 64 };

/* Where a page of a question ended. */
struct index_page {
    uint64_t          key[2]; /* of the question */
    uint64_t          end;    /* how many rows were before it */
    struct index_spot place;
};

struct index {
    char       *path;
    atomic_bool failed;

    struct os_group     group; /* who runs it owns what follows, up to mu */
    struct sql          writer;
    int                 flushing; /* the writer's commits flush (synchronous=FULL); -1: not known */
    bool                committed; /* the writer's last transaction is in the log */
    struct index_totals delta;     /* of the transaction that is open */
    int64_t             next_instance;
    int64_t             news_us; /* the number of the last change of a series */
    int64_t             relist;  /* a study whose lists are to be made again before the end */
    struct index_recent_series recent_series[INDEX_RECENT_MAX];
    struct index_recent_text   recent_text[INDEX_RECENT_MAX];
    struct index_count         count[INDEX_COUNTS_MAX];
    size_t                     counts;
    int        log_pages_max; /* the writer copies the log itself when it is longer */
    atomic_int log_pages;     /* its length after the last commit */

    struct sql *checkpointer; /* index_checkpoint's; made by its first call */

    struct os_mutex mu;
    struct os_cond  reader_back;
    struct sql     *idle[SQL_READERS_MAX];
    unsigned        idle_count;
    unsigned        reader_count;
    unsigned        readers_max;

    struct index_page page[INDEX_PAGES_MAX]; /* under mu, as well */
    size_t            pages;

    /* Generated from INDEX_COLUMN once. */
    char *insert_patient;
    char *insert_study;
    char *insert_series;
    char *select_row[2][4]; /* without and with the patient's counts */
};

/* index_sqlite.c */
int  sql_open(const char *path, bool writer, struct sql *sql, struct iso_err *err);
void sql_close(struct sql *sql);
/* Runs text that has no parameters and gives no rows. */
int sql_exec(struct sql *sql, const char *text, struct iso_err *err);
/* A statement ready to be bound; the connection keeps it. */
int sql_prepare(struct sql *sql, const char *text, sqlite3_stmt **st, struct iso_err *err);
/* One row is there: ISO_OK; none: ISO_EEND. After an end or an error the statement is reset. */
int sql_step(struct sql *sql, sqlite3_stmt *st, struct iso_err *err);
/* A statement that gives no row, or whose rows do not matter. */
int sql_run(struct sql *sql, sqlite3_stmt *st, struct iso_err *err);
int sql_fail(struct sql *sql, struct iso_err *err);

void      sql_bind_str(sqlite3_stmt *st, int at, iso_str text);      /* borrowed until reset */
void      sql_bind_bytes(sqlite3_stmt *st, int at, iso_bytes bytes); /* the same; empty: NULL */
iso_str   sql_str(sqlite3_stmt *st, int at);                         /* lives until the next step */
iso_bytes sql_bytes(sqlite3_stmt *st, int at);

int  index_reader_take(struct index *index, struct sql **sql, struct iso_err *err);
void index_reader_give(struct index *index, struct sql *sql);

typedef int index_apply_fn(struct index *index, struct sql *sql, void *ctx, struct iso_err *err);

/* Runs apply inside the group's transaction. On return it is flushed, with all that was committed
 * before. When an item fails, the whole batch is rolled back and applied again, each item in a
 * savepoint, so that the failure is its own: apply may be called twice. */
int index_write(struct index *index, index_apply_fn *apply, void *ctx, struct iso_err *err);
/* The same without a flush of its own: a power loss may take it back, as a whole and with all that
 * was committed later. For what can be made again: additions (from the segments), packing. */
int index_write_unflushed(struct index *index, index_apply_fn *apply, void *ctx,
                          struct iso_err *err);
/* For plain additions, which alone may be put together: their counts are written once for a batch. */
/* Something for the writer, as it stands in the queue. */
struct write {
    struct os_group_item item;
    index_apply_fn      *apply; /* NULL: nothing is written, the log is copied */
    void                *ctx;
    bool                 flush;
    bool                 adds; /* a plain addition */
    int                  rc;
    struct iso_err      *err;
};
/* w has all but item and rc. finished as of os_group_post. */
void index_write_post(struct index *index, struct write *w,
                      void (*finished)(struct os_group_item *item));
int  index_write_addition(struct index *index, index_apply_fn *apply, void *ctx,
                          struct iso_err *err);
void index_recent_clear(struct index *index);
int  index_counts_flush(struct index *index, struct sql *sql, struct iso_err *err);
/* What an error of this connection means for the index: after a failed flush nothing is written. */
void index_note_failure(struct index *index, struct sql *sql);
/* Copies the log of `sql` into the database as far as no reader needs it. */
int index_log_copy(struct index *index, struct sql *sql, struct iso_err *err);
/* Between two commits: copies what is left of the log, so that the next commit begins it anew, if no
 * reader is in it at that moment. */
void index_log_restart(struct index *index);

/* index_vfs.c: the file system whose databases have a checksum in each page; NULL: SQLite's own. */
const char *index_vfs(void);
/* A database that is about to be made gets room for them. */
void index_vfs_spare(sqlite3 *db);

/* index_schema.c */
int index_schema_upgrade(struct sql *sql, struct iso_err *err);
int index_schema_statements(struct index *index, struct iso_err *err);

/* index_read.c: many rows in one read transaction: one look at the locks, and one state of the
 * index. sql_read_end after a failure too. */
int  sql_read_begin(struct sql *sql, struct iso_err *err);
void sql_read_end(struct sql *sql);

/* index_header.c: headers as they are kept, each in a row of its own. */
int index_header_pack(const struct dcm_dataset *header, struct iso_buf *out, struct iso_err *err);
/* What it takes unpacked, as far as its first bytes say. */
uint64_t index_header_bytes(iso_bytes packed);
/* dcm_pack's bytes. */
int index_header_plain(iso_bytes packed, struct iso_arena *arena, iso_bytes *out,
                       struct iso_err *err);
int index_header_unpack(iso_bytes packed, struct iso_arena *arena, struct dcm_dataset *header,
                        struct iso_err *err);

#endif
