/* index_column.h: the attributes that the index keeps in columns of their own: every standard query
 * key (PS3.4 §C.6.1, §C.6.2; PS3.18 table 10.6.1-5 and its neighbours). One table, whatever the
 * database; values are taken from a header by index_values. */
#ifndef INDEX_COLUMN_H
#define INDEX_COLUMN_H

#include "dcm_dataset.h"

enum index_level { INDEX_PATIENT, INDEX_STUDY, INDEX_SERIES, INDEX_INSTANCE };

enum index_kind {
    INDEX_TEXT, /* compared exactly */
    INDEX_UID,
    INDEX_NAME, /* PN: as text, and folded in column <name>_x (its first component group) */
    INDEX_DATE, /* a number: year * 10000 + month * 100 + day */
    INDEX_TIME, /* as text, and microseconds since midnight in column <name>_x */
    INDEX_INT
};

struct index_column {
    dcm_tag tag;
    enum index_level
        level; /* patient columns are kept with each study too, as its objects say them */
    enum index_kind kind;
    enum dcm_vr     vr;
    const char     *name;     /* of the column; [a-z_]+ */
    bool            infix;    /* part of its table's trigram index */
    bool            indexed;  /* equality and prefix are looked up, not scanned for */
    bool            interned; /* a number of table uid; filled in by the index itself */
};

enum { INDEX_COLUMNS_MAX = 64 };

/* In level order. */
extern const struct index_column INDEX_COLUMN[];
extern const size_t              INDEX_COLUMN_COUNT;

/* NULL: no column. */
const struct index_column *index_column_find(dcm_tag tag);

/* What a header says for a column. */
struct index_value {
    bool    is_null; /* absent, empty, or not of the column's kind */
    iso_str text;    /* TEXT, UID, NAME, TIME: UTF-8, trimmed */
    iso_str folded;  /* NAME */
    int64_t number;  /* DATE, TIME, INT */
};

/* value[i] for INDEX_COLUMN[i]; text in the arena. */
ISO_MUST_USE int index_values(const struct dcm_dataset *header, struct iso_arena *arena,
                              struct index_value value[INDEX_COLUMNS_MAX], struct iso_err *err);

/* "YYYYMMDD" or "YYYY.MM.DD". */
bool index_date_of(iso_str text, int64_t *number);
/* "HH[MM[SS[.F{1,6}]]]", colons allowed; from: the first microsecond it may mean, to: the last. */
bool index_time_of(iso_str text, int64_t *from, int64_t *to);

/* The next word of a folded name or of a key for one; empty at the end. What separates them is what
 * dcm_match separates them by. */
iso_str index_word_cut(iso_str *rest);

#endif
