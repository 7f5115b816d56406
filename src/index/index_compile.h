/* index_compile.h: an index_query as SQL, shared by index_query.c and index_compile.c. One thread. */
#ifndef INDEX_COMPILE_H
#define INDEX_COMPILE_H

#include "index_sqlite.h"

enum { INDEX_SQL_MAX = 64 << 10 };

struct index_bind {
    bool    is_text;
    iso_str text;
    int64_t number;
};

struct index_compile {
    const struct index_query *q;
    struct iso_buf            sql;
    struct iso_arena          arena;
    struct index_bind        *bind;
    size_t                    binds, binds_cap;
    bool                      failed; /* out of memory or too many values */
};

/* What a query is made of: its predicates by number, and these. */
#define INDEX_TERM_MODALITIES ((size_t)1 << 20)
#define INDEX_TERM_MOMENT     ((size_t)1 << 21)
#define INDEX_TERM_NONE       SIZE_MAX

/* How few rows a predicate leaves. */
enum index_strength {
    INDEX_WEAK,   /* no index finds them: it can only filter */
    INDEX_COARSE, /* few or a great many: index_put_probe tells */
    INDEX_SHARP,  /* a handful */
    INDEX_UNIQUE
};

enum index_strength index_strength(const struct index_predicate *p);
/* A part of a word that is too short for the trigrams: driving, it reads all the names in their index. */
bool index_reads_names(const struct index_predicate *p);

/* A pattern without a fixed beginning, which rows are found for in other tables or indices, by their ids. */
bool index_by_parts(const struct index_predicate *p);
/* All first columns of a statement. */
int index_collect(struct sql *sql, sqlite3_stmt *st, int64_t **ids, size_t *count,
                  struct iso_err *err);

int  index_compile_begin(struct index_compile *c, const struct index_query *q, struct iso_err *err);
int  index_compile_end(struct index_compile *c, struct iso_err *err);
void index_compile_release(struct index_compile *c);
int  index_compile_prepare(struct index_compile *c, struct sql *sql, sqlite3_stmt **st,
                           struct iso_err *err);

void index_put(struct index_compile *c, const char *text);
void index_put_number(struct index_compile *c, int64_t number);
/* " AND ..." for each term; the driver's rows are found by an index, all others filter. */
void index_put_terms(struct index_compile *c, size_t driver);
/* A question for how many rows a coarse term would find, counted up to rows_max. */
void index_put_probe(struct index_compile *c, size_t term, int64_t rows_max);

#endif
