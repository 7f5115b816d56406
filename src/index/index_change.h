/* index_change.h: what adding (index_write.c), removing (index_remove.c) and encoding anew
 * (index_recode.c) share: they are made of small statements inside the writer's transaction. */
#ifndef INDEX_CHANGE_H
#define INDEX_CHANGE_H

#include "index_sqlite.h"

/* One statement with integers only. */
int sql_run_ints(struct sql *sql, const char *text, const int64_t *args, int count,
                 struct iso_err *err);

#define RUN_INTS(sql, text, err, ...)                                                              \
    sql_run_ints(sql, text, (const int64_t[]){ __VA_ARGS__ },                                      \
                 (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), err)

/* What infix questions look in. A full-text row is deleted by saying what was in it, so both sides
 * use these: names folded, with all their groups; the rest as it is. */
#define NAME_TEXT(table)                                                                           \
    "ifnull(patient_name_x, '') || ifnull((SELECT group_concat(name_x, '=') FROM (SELECT name_x"   \
    " FROM " table "_group g WHERE g." table " = " table ".id ORDER BY name_x)), '')"
#define PATIENT_TEXT_COLUMNS "patient_name, patient_id"
#define PATIENT_TEXT         NAME_TEXT("patient") ", ifnull(patient_id, '')"
#define STUDY_TEXT_COLUMNS                                                                         \
    "patient_name, patient_id, accession_number, study_description, referring_physician_name"
#define STUDY_TEXT                                                                                 \
    NAME_TEXT("study")                                                                             \
    ", ifnull(patient_id, ''), ifnull(accession_number, ''), ifnull(study_description, ''),"       \
    " ifnull(referring_physician_name_x, '')"

/* An object on its way in. */
struct index_addition {
    const struct index_instance *in;
    const struct dcm_dataset    *header;
    struct iso_arena            *scratch;
    struct iso_buf               packed;
    int64_t                      replaces;
    int64_t                      renews;    /* the id that it has and keeps; 0: a new one */
    int64_t                      tombstone; /* that it was, or 0 */
    int64_t class;                          /* interned, by then */
    int64_t id;                             /* out */

    bool               has_values; /* index_parent.c's, from here on */
    struct index_value value[INDEX_COLUMNS_MAX];
    iso_str sounds; /* of the patient's name: "-word" and "=code" for each word, space separated */
};

/* index_write.c: ctx is an index_addition, packed already. */
int index_addition_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err);
int index_renewal_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err);

/* index_parent.c: its study and series, found or made. *has_class: the study is known to have
 * the class; if not, the caller notes it. */
int index_parents(struct index *index, struct sql *sql, struct index_addition *a, int64_t *study,
                  int64_t *series, bool *has_class, struct iso_err *err);
/* The number of a UID or other repeated text. */
int index_intern(struct index *index, struct sql *sql, iso_str text, int64_t *id,
                 struct iso_err *err);

/* index_place.c: what an object was encoded from. */
int index_origin_put(struct index *index, struct sql *sql, int64_t id,
                     const struct index_origin *origin, struct iso_err *err);

/* The study's lists of modalities and SOP classes, sorted, made again from their rows. */
int index_list_modalities(struct sql *sql, int64_t study, struct iso_err *err);
int index_list_classes(struct sql *sql, int64_t study, struct iso_err *err);

/* index_settle.c: part of each transaction that adds, removes or changes an object of the series. */
int index_news(struct index *index, struct sql *sql, int64_t series, struct iso_err *err);
/* The series has gone. */
int index_settled_drop(struct sql *sql, int64_t series, struct iso_err *err);

/* Takes an object out; parents that become empty go with it. until_us: as of index_remove. ISO_ENOENT
 * when it is not there. */
int index_forget(struct index *index, struct sql *sql, int64_t id, int64_t until_us,
                 struct iso_err *err);
/* index_tombstone.c: the place of an object that is still in its row becomes a tombstone. */
int index_tombstone_make(struct sql *sql, int64_t instance, int64_t until_us, struct iso_err *err);
/* It is stored again, as that instance: the tombstone goes, what it held follows the object. ISO_ENOENT:
 * there is no such tombstone of kind 1 any more. */
int index_tombstone_undo(struct sql *sql, int64_t tombstone, int64_t instance, struct iso_err *err);
/* Before the transaction's end: what was kept of objects that have gone, once for many of them. */
int index_relist(struct index *index, struct sql *sql, struct iso_err *err);

#endif
