/* index_check.c: the index looked at by itself, by a table of rules: each a question that has no answer
 * in a sound index, and the statements that make it so again. A rule is one statement, and so one
 * snapshot: what is written meanwhile cannot look like a fault. */
#include "index_care.h"
#include "index_change.h"

#include <stdio.h>
#include <stdlib.h>

struct rule {
    enum index_ill kind;
    const char    *table;
    const char    *what;
    bool           instances; /* the first column is the id of an object to be read again */
    const char    *find;      /* id, name */
    const char    *mend;      /* NULL: not by SQL alone */
};

#define STUDY_FTS_GONE(where)                                                                      \
    "INSERT INTO study_text(study_text, rowid, " STUDY_TEXT_COLUMNS                                \
    ") SELECT 'delete', id, " STUDY_TEXT " FROM study WHERE " where ";"
#define SERIES_FTS_GONE(where)                                                                     \
    "INSERT INTO series_text(series_text, rowid, series_description) SELECT 'delete', id,"         \
    " ifnull(series_description, '') FROM series WHERE " where ";"
#define PATIENT_FTS_GONE(where)                                                                    \
    "INSERT INTO patient_text(patient_text, rowid, " PATIENT_TEXT_COLUMNS                          \
    ") SELECT 'delete', id, " PATIENT_TEXT " FROM patient WHERE " where ";"

#define STUDY_ALONE    "NOT EXISTS (SELECT 1 FROM patient WHERE patient.id = study.patient)"
#define SERIES_ALONE   "NOT EXISTS (SELECT 1 FROM study WHERE study.id = series.study)"
#define SERIES_EMPTY   "NOT EXISTS (SELECT 1 FROM instance WHERE instance.series = series.id)"
#define STUDY_EMPTY    "NOT EXISTS (SELECT 1 FROM series WHERE series.study = study.id)"
#define PATIENT_EMPTY  "NOT EXISTS (SELECT 1 FROM study WHERE study.patient = patient.id)"
#define NO_OBJECT(tab) "NOT EXISTS (SELECT 1 FROM instance WHERE instance.id = " tab ".instance)"
#define NO_STUDY(tab)  "NOT EXISTS (SELECT 1 FROM study WHERE study.id = " tab ".study)"
#define NO_PATIENT(t)  "NOT EXISTS (SELECT 1 FROM patient WHERE patient.id = " t ".patient)"
#define NO_SERIES(tab) "NOT EXISTS (SELECT 1 FROM series WHERE series.id = " tab ".series)"

/* Rows that belong to nothing, of a table whose only use is what it belongs to. */
#define LEFTOVER(tab, key, none)                                                                   \
    {                                                                                              \
        INDEX_ILL_PARENT, tab, "belongs to nothing", false,                                        \
            "SELECT " key ", '' FROM " tab " WHERE " none, "DELETE FROM " tab " WHERE " none       \
    }

static const struct rule parents[] = {
    { INDEX_ILL_PARENT, "study", "its patient is missing", false,
      "SELECT id, study_instance_uid FROM study WHERE " STUDY_ALONE,
      STUDY_FTS_GONE(STUDY_ALONE) "DELETE FROM study WHERE " STUDY_ALONE },
    { INDEX_ILL_PARENT, "series", "its study is missing", false,
      "SELECT id, series_instance_uid FROM series WHERE " SERIES_ALONE,
      SERIES_FTS_GONE(SERIES_ALONE) "DELETE FROM series WHERE " SERIES_ALONE },
    { INDEX_ILL_PARENT, "instance", "its series, study or patient is missing", true,
      "SELECT id, sop_instance_uid FROM instance WHERE NOT EXISTS (SELECT 1 FROM series e"
      " JOIN study s ON s.id = e.study JOIN patient p ON p.id = s.patient"
      " WHERE e.id = instance.series)",
      NULL },
    { INDEX_ILL_PARENT, "instance", "its SOP class, transfer syntax or source is missing", true,
      "SELECT id, sop_instance_uid FROM instance WHERE NOT EXISTS (SELECT 1 FROM uid"
      " WHERE uid.id = sop_class) OR NOT EXISTS (SELECT 1 FROM uid WHERE uid.id = transfer_syntax)"
      " OR NOT EXISTS (SELECT 1 FROM uid WHERE uid.id = source)",
      NULL },
    { INDEX_ILL_PARENT, "header", "the header of an object is missing", true,
      "SELECT id, sop_instance_uid FROM instance WHERE NOT EXISTS (SELECT 1 FROM header"
      " WHERE header.instance = instance.id) AND NOT EXISTS (SELECT 1 FROM pack"
      " WHERE pack.series = instance.series)",
      NULL },
    /* what is left of objects that were removed is due to be given back: never what is in use */
    { INDEX_ILL_PARENT, "tombstone", "lies on an object that is in the index", false,
      "SELECT t.id, i.sop_instance_uid FROM tombstone t JOIN instance i ON i.volume = t.volume AND"
      " i.file = t.file AND (i.offset = t.offset OR t.file >= 4611686018427387904)",
      "DELETE FROM tombstone WHERE EXISTS (SELECT 1 FROM instance i WHERE i.volume ="
      " tombstone.volume AND i.file = tombstone.file AND (i.offset = tombstone.offset OR"
      " tombstone.file >= 4611686018427387904))" },
};

/* After what can be read again has been. */
static const struct rule empties[] = {
    { INDEX_ILL_PARENT, "series", "has no objects", false,
      "SELECT id, series_instance_uid FROM series WHERE " SERIES_EMPTY,
      SERIES_FTS_GONE(SERIES_EMPTY) "DELETE FROM series WHERE " SERIES_EMPTY },
    { INDEX_ILL_PARENT, "study", "has no series", false,
      "SELECT id, study_instance_uid FROM study WHERE " STUDY_EMPTY,
      STUDY_FTS_GONE(STUDY_EMPTY) "DELETE FROM study WHERE " STUDY_EMPTY },
    { INDEX_ILL_PARENT, "patient", "has no studies", false,
      "SELECT id, '' FROM patient WHERE " PATIENT_EMPTY,
      PATIENT_FTS_GONE(PATIENT_EMPTY) "DELETE FROM patient WHERE " PATIENT_EMPTY },
    LEFTOVER("header", "instance", NO_OBJECT("header")),
    LEFTOVER("origin", "instance", NO_OBJECT("origin")),
    LEFTOVER("damage", "instance", NO_OBJECT("damage")),
    LEFTOVER("study_group", "study", NO_STUDY("study_group")),
    LEFTOVER("study_sound", "study", NO_STUDY("study_sound")),
    LEFTOVER("study_modality", "study", NO_STUDY("study_modality")),
    LEFTOVER("study_class", "study", NO_STUDY("study_class")),
    LEFTOVER("patient_group", "patient", NO_PATIENT("patient_group")),
    LEFTOVER("patient_sound", "patient", NO_PATIENT("patient_sound")),
    LEFTOVER("pack", "series", NO_SERIES("pack")),
    LEFTOVER("ready", "series", NO_SERIES("ready")),
    LEFTOVER("piece", "series", NO_SERIES("piece")),
    LEFTOVER("ready", "series", NO_SERIES("ready")),
    LEFTOVER("piece", "series", NO_SERIES("piece")),
    LEFTOVER("unsettled", "series", NO_SERIES("unsettled")),
};

#define OBJECTS_OF_SERIES "(SELECT count(*) FROM instance WHERE instance.series = series.id)"
#define SERIES_OF_STUDY   "(SELECT count(*) FROM series WHERE series.study = study.id)"
#define OBJECTS_OF_STUDY                                                                           \
    "(SELECT count(*) FROM series JOIN instance ON instance.series = series.id"                    \
    " WHERE series.study = study.id)"
#define STUDIES_OF_PATIENT "(SELECT count(*) FROM study WHERE study.patient = patient.id)"
#define SERIES_OF_PATIENT                                                                          \
    "(SELECT count(*) FROM study JOIN series ON series.study = study.id"                           \
    " WHERE study.patient = patient.id)"
#define SERIES_STANDS_FOR                                                                          \
    "EXISTS (SELECT 1 FROM instance i WHERE i.id = series.representative AND i.series = "          \
    "series.id)"
#define STUDY_STANDS_FOR                                                                           \
    "EXISTS (SELECT 1 FROM instance i JOIN series e ON e.id = i.series"                            \
    " WHERE i.id = study.representative AND e.study = study.id)"
#define MODALITIES                                                                                 \
    "(SELECT group_concat(modality, char(92)) FROM (SELECT DISTINCT modality FROM series"          \
    " WHERE series.study = study.id AND modality IS NOT NULL ORDER BY modality))"
#define CLASSES                                                                                    \
    "(SELECT group_concat(text, char(92)) FROM (SELECT DISTINCT u.text FROM series e"              \
    " JOIN instance i ON i.series = e.id JOIN uid u ON u.id = i.sop_class"                         \
    " WHERE e.study = study.id ORDER BY u.text))"
#define ROWS_OF_STUDY(tab) "(SELECT count(*) FROM " tab " WHERE " tab ".study = study.id)"

static const struct rule counts[] = {
    { INDEX_ILL_COUNT, "series", "its number of objects is wrong", false,
      "SELECT id, series_instance_uid FROM series WHERE n_instances <> " OBJECTS_OF_SERIES,
      "UPDATE series SET n_instances = " OBJECTS_OF_SERIES
      " WHERE n_instances <> " OBJECTS_OF_SERIES },
    { INDEX_ILL_COUNT, "study", "its number of series or objects is wrong", false,
      "SELECT id, study_instance_uid FROM study WHERE n_series <> " SERIES_OF_STUDY
      " OR n_instances <> " OBJECTS_OF_STUDY,
      "UPDATE study SET n_series = " SERIES_OF_STUDY ", n_instances = " OBJECTS_OF_STUDY
      " WHERE n_series <> " SERIES_OF_STUDY " OR n_instances <> " OBJECTS_OF_STUDY },
    { INDEX_ILL_COUNT, "patient", "its number of studies or series is wrong", false,
      "SELECT id, '' FROM patient WHERE n_studies <> " STUDIES_OF_PATIENT
      " OR n_series <> " SERIES_OF_PATIENT,
      "UPDATE patient SET n_studies = " STUDIES_OF_PATIENT ", n_series = " SERIES_OF_PATIENT
      " WHERE n_studies <> " STUDIES_OF_PATIENT " OR n_series <> " SERIES_OF_PATIENT },
    { INDEX_ILL_COUNT, "series", "the object that stands for it is none of its own", false,
      "SELECT id, series_instance_uid FROM series WHERE NOT " SERIES_STANDS_FOR,
      "UPDATE series SET representative = ifnull((SELECT min(id) FROM instance"
      " WHERE instance.series = series.id), 0) WHERE NOT " SERIES_STANDS_FOR },
    { INDEX_ILL_COUNT, "study", "the object that stands for it is none of its own", false,
      "SELECT id, study_instance_uid FROM study WHERE NOT " STUDY_STANDS_FOR,
      "UPDATE study SET representative = ifnull((SELECT min(representative) FROM series"
      " WHERE series.study = study.id AND representative > 0), 0) WHERE NOT " STUDY_STANDS_FOR },
    { INDEX_ILL_COUNT, "study", "its list of modalities is wrong", false,
      "SELECT id, study_instance_uid FROM study WHERE modalities IS NOT " MODALITIES
      " OR " ROWS_OF_STUDY("study_modality") " <> (SELECT count(DISTINCT modality) FROM series"
                                             " WHERE series.study = study.id)",
      "DELETE FROM study_modality WHERE NOT EXISTS (SELECT 1 FROM series WHERE series.study ="
      " study_modality.study AND series.modality = study_modality.modality);"
      "INSERT OR IGNORE INTO study_modality SELECT study, modality FROM series"
      " WHERE modality IS NOT NULL;"
      "UPDATE study SET modalities = " MODALITIES " WHERE modalities IS NOT " MODALITIES },
    { INDEX_ILL_COUNT, "study", "its list of SOP classes is wrong", false,
      "SELECT id, study_instance_uid FROM study WHERE sop_classes IS NOT " CLASSES
      " OR " ROWS_OF_STUDY("study_class") " <> (SELECT count(DISTINCT i.sop_class) FROM series e"
                                          " JOIN instance i ON i.series = e.id"
                                          " WHERE e.study = study.id)",
      "DELETE FROM study_class WHERE NOT EXISTS (SELECT 1 FROM series e JOIN instance i"
      " ON i.series = e.id WHERE e.study = study_class.study AND i.sop_class ="
      " study_class.class);"
      "INSERT OR IGNORE INTO study_class SELECT e.study, i.sop_class FROM series e JOIN instance i"
      " ON i.series = e.id;"
      "UPDATE study SET sop_classes = " CLASSES " WHERE sop_classes IS NOT " CLASSES },
};

/* ?1 to ?5: what this transaction will add to them at its end; 0 in a question. */
#define TOTALS                                                                                     \
    "(SELECT count(*) FROM patient) - ?1, (SELECT count(*) FROM study) - ?2,"                      \
    " (SELECT count(*) FROM series) - ?3, (SELECT count(*) FROM instance) - ?4,"                   \
    " (SELECT ifnull(sum(length), 0) FROM instance) - ?5"
#define TOTAL_COLUMNS "patients, studies, series, instances, bytes"

static const char total_find[] = "SELECT tenant, '' FROM total WHERE tenant = 1 AND"
                                 " ((" TOTAL_COLUMNS ") <> (" TOTALS ")"
                                 " OR next_instance <= (SELECT ifnull(max(id), 0) FROM instance))";
static const char total_mend[] =
    "UPDATE total SET (" TOTAL_COLUMNS ") = (SELECT " TOTALS ") WHERE tenant = 1";

/* ---- running a rule ---- */

struct told {
    int64_t id;
    char    name[256];
};

struct run {
    struct index      *index;
    const struct rule *rule;
    bool               repair;
    int (*each)(void *ctx, const struct index_illness *ill, struct iso_err *err);
    void *ctx;
};

/* The first answers to a question, read before anybody is told. */
static int ask(struct index *index, const char *find, struct told *told, size_t *count,
               struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    *count = 0;
    if (rc >= 0)
        rc = sql_prepare(sql, find, &st, err);
    if (rc >= 0) {
        for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++)
            sqlite3_bind_int64(st, i, 0);
        while (*count < INDEX_ILL_MAX && (rc = sql_step(sql, st, err)) == ISO_OK) {
            struct told *t = &told[(*count)++];
            iso_str      s = sql_str(st, 1);

            t->id = sqlite3_column_int64(st, 0);
            (void)snprintf(t->name, sizeof t->name, "%.*s", ISO_STR_ARG(s));
        }
        if (rc == ISO_OK)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? ISO_OK : rc;
}

static int mend_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    index_recent_clear(index); /* what it remembers of parents may go */
    return sql_exec(sql, ctx, err);
}

static int tell(const struct run *run, const struct told *told, size_t count, bool repaired,
                struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < count && rc >= 0; i++) {
        const struct index_illness ill = { .kind     = run->rule->kind,
                                           .table    = run->rule->table,
                                           .name     = iso_str_c(told[i].name),
                                           .instance = run->rule->instances ? told[i].id : 0,
                                           .what     = run->rule->what,
                                           .repaired = repaired };
        rc                             = run->each(run->ctx, &ill, err);
    }
    return rc;
}

static int run_rule(const struct run *run, struct told *told, struct iso_err *err)
{
    const bool mends = run->repair && run->rule->mend != NULL;
    size_t     count;
    int        rc = ask(run->index, run->rule->find, told, &count, err);

    if (rc >= 0 && count > 0 && mends)
        rc = index_write(run->index, mend_apply, (void *)(uintptr_t)run->rule->mend, err);
    return rc < 0 ? rc : tell(run, told, count, mends, err);
}

static int run_rules(struct run *run, const struct rule *rules, size_t count, struct told *told,
                     struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < count && rc >= 0; i++) {
        run->rule = &rules[i];
        rc        = run_rule(run, told, err);
    }
    return rc;
}

/* ---- totals ---- */

static int total_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct index_totals *d = &index->delta;
    const int64_t args[]         = { d->patients, d->studies, d->series, d->instances, d->bytes };
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, "SELECT ifnull(max(id), 0) + 1 FROM instance", &st, err);

    (void)ctx;
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    if (sqlite3_column_int64(st, 0) > index->next_instance)
        index->next_instance = sqlite3_column_int64(st, 0); /* written with the transaction */
    sqlite3_reset(st);
    return sql_run_ints(sql, total_mend, args, 5, err);
}

static int check_totals(struct run *run, struct told *told, struct iso_err *err)
{
    const struct rule rule = { INDEX_ILL_COUNT, "total",    "the totals are wrong",
                               false,           total_find, NULL };
    size_t            count;
    int               rc = ask(run->index, total_find, told, &count, err);

    run->rule = &rule;
    if (rc >= 0 && count > 0 && run->repair)
        rc = index_write(run->index, total_apply, NULL, err);
    return rc < 0 ? rc : tell(run, told, count, run->repair, err);
}

/* ---- the file ---- */

/* What the database says of itself: "ok", or one line for each thing that is wrong. */
static int check_file(struct run *run, bool full, struct told *told, struct iso_err *err)
{
    struct index_illness ill   = { .kind = INDEX_ILL_FILE, .table = "index.db" };
    struct iso_err       why   = { 0 };
    struct sql          *sql   = NULL;
    size_t               count = 0;
    sqlite3_stmt        *st;
    int                  rc = index_reader_take(run->index, &sql, err);

    if (rc < 0)
        return rc;
    rc =
        sql_prepare(sql, full ? "PRAGMA integrity_check(64)" : "PRAGMA quick_check(64)", &st, &why);
    while (rc >= 0 && count < INDEX_ILL_MAX - 1 && (rc = sql_step(sql, st, &why)) == ISO_OK)
        if (!iso_str_eq(sql_str(st, 0), ISO_STR("ok")))
            (void)snprintf(told[count++].name, sizeof told->name, "%.*s",
                           ISO_STR_ARG(sql_str(st, 0)));
    if (rc == ISO_OK)
        sqlite3_reset(st);
    index_reader_give(run->index, sql);
    if (rc < 0 && rc != ISO_EEND) /* it cannot even be asked */
        (void)snprintf(told[count++].name, sizeof told->name, "%.255s", why.text);
    rc = ISO_OK;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        ill.what = told[i].name;
        rc       = run->each(run->ctx, &ill, err);
    }
    return rc;
}

int index_check(struct index *index, enum index_check_part part, bool full, bool repair,
                int (*each)(void *ctx, const struct index_illness *ill, struct iso_err *err),
                void *ctx, struct iso_err *err)
{
    struct run   run  = { .index = index, .repair = repair, .each = each, .ctx = ctx };
    struct told *told = calloc(INDEX_ILL_MAX, sizeof *told);
    int          rc   = ISO_OK;

    if (told == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to check the index");
    if (part == INDEX_CHECK_FILE)
        rc = check_file(&run, full, told, err);
    if (part == INDEX_CHECK_PARENTS)
        rc = run_rules(&run, parents, sizeof parents / sizeof *parents, told, err);
    if (part == INDEX_CHECK_COUNTS) {
        rc = run_rules(&run, empties, sizeof empties / sizeof *empties, told, err);
        if (rc >= 0)
            rc = run_rules(&run, counts, sizeof counts / sizeof *counts, told, err);
        if (rc >= 0)
            rc = check_totals(&run, told, err);
    }
    free(told);
    return rc;
}
