/* index_schema.c: the tables, as a list of steps: step n leads from version n to n + 1
 * (PRAGMA user_version). A step that was released never changes; a new need is a new step.
 * Columns of the patient level are in `patient` and, as its own objects say them, in `study`, so
 * that a question about studies reads one table. */
#include "index_sqlite.h"

#include <stdio.h>
#include <string.h>

#define PATIENT_COLUMNS                                                                            \
    "patient_name TEXT, patient_name_x TEXT, patient_id TEXT, issuer_of_patient_id TEXT,"          \
    "patient_birth_date INTEGER, patient_birth_time TEXT, patient_birth_time_x INTEGER,"           \
    "patient_sex TEXT, ethnic_group TEXT,"

static const char *const STEP[] = {
    "CREATE TABLE total(tenant INTEGER PRIMARY KEY, patients INTEGER NOT NULL,"
    " studies INTEGER NOT NULL, series INTEGER NOT NULL, instances INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, next_instance INTEGER NOT NULL);"
    "INSERT INTO total VALUES(1, 0, 0, 0, 0, 0, 1);"

    "CREATE TABLE uid(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"

    /* unidentified: the study of a patient without an ID, so that strangers are never one patient */
    "CREATE TABLE patient(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL,"
    " key_issuer TEXT NOT NULL, key_id TEXT NOT NULL, unidentified TEXT NOT NULL," PATIENT_COLUMNS
    " n_studies INTEGER NOT NULL DEFAULT 0, n_series INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX patient_key ON patient(tenant, key_id, key_issuer, unidentified);"
    "CREATE INDEX patient_by_name ON patient(tenant, patient_name_x);"
    "CREATE INDEX patient_by_birth ON patient(tenant, patient_birth_date);"
    "CREATE TABLE patient_group(name_x TEXT, patient INTEGER, PRIMARY KEY(name_x, patient))"
    " WITHOUT ROWID;"
    "CREATE INDEX patient_group_back ON patient_group(patient);"
    "CREATE TABLE patient_sound(code TEXT, patient INTEGER, PRIMARY KEY(code, patient))"
    " WITHOUT ROWID;"
    "CREATE INDEX patient_sound_back ON patient_sound(patient);"
    "CREATE VIRTUAL TABLE patient_text USING fts5(patient_name, patient_id, content='',"
    " detail='none', columnsize=0, tokenize='trigram');"

    "CREATE TABLE study(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, patient INTEGER NOT NULL,"
    " n_series INTEGER NOT NULL DEFAULT 0, n_instances INTEGER NOT NULL DEFAULT 0,"
    " modalities TEXT, sop_classes TEXT, representative INTEGER NOT NULL DEFAULT 0,"
    " created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL," PATIENT_COLUMNS
    " study_instance_uid TEXT NOT NULL, study_date INTEGER, study_time TEXT, study_time_x INTEGER,"
    " accession_number TEXT, study_id TEXT, study_description TEXT,"
    " referring_physician_name TEXT, referring_physician_name_x TEXT,"
    " reading_physician_name TEXT, reading_physician_name_x TEXT,"
    " patient_age TEXT, admitting_diagnoses TEXT);"
    "CREATE UNIQUE INDEX study_by_uid ON study(tenant, study_instance_uid);"
    "CREATE INDEX study_by_patient ON study(patient);"
    "CREATE INDEX study_newest ON study(tenant, study_date, study_time_x);"
    "CREATE INDEX study_by_name ON study(tenant, patient_name_x);"
    "CREATE INDEX study_by_patient_id ON study(tenant, patient_id);"
    "CREATE INDEX study_by_birth ON study(tenant, patient_birth_date);"
    "CREATE INDEX study_by_accession ON study(tenant, accession_number);"
    "CREATE INDEX study_by_study_id ON study(tenant, study_id);"
    "CREATE INDEX study_by_description ON study(tenant, study_description);"
    "CREATE INDEX study_by_referring ON study(tenant, referring_physician_name_x);"
    "CREATE TABLE study_group(name_x TEXT, study INTEGER, PRIMARY KEY(name_x, study))"
    " WITHOUT ROWID;"
    "CREATE INDEX study_group_back ON study_group(study);"
    "CREATE TABLE study_sound(code TEXT, study INTEGER, PRIMARY KEY(code, study)) WITHOUT ROWID;"
    "CREATE INDEX study_sound_back ON study_sound(study);"
    "CREATE TABLE study_modality(study INTEGER, modality TEXT, PRIMARY KEY(study, modality))"
    " WITHOUT ROWID;"
    "CREATE INDEX study_modality_back ON study_modality(modality, study);"
    "CREATE TABLE study_class(study INTEGER, class INTEGER, PRIMARY KEY(study, class))"
    " WITHOUT ROWID;"
    "CREATE INDEX study_class_back ON study_class(class, study);"
    "CREATE VIRTUAL TABLE study_text USING fts5(patient_name, patient_id, accession_number,"
    " study_description, referring_physician_name, content='', detail='none', columnsize=0,"
    " tokenize='trigram');"

    "CREATE TABLE series(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, study INTEGER NOT NULL,"
    " n_instances INTEGER NOT NULL DEFAULT 0, representative INTEGER NOT NULL DEFAULT 0,"
    " created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,"
    " series_instance_uid TEXT NOT NULL, modality TEXT, series_number INTEGER,"
    " series_description TEXT, series_date INTEGER, series_time TEXT, series_time_x INTEGER,"
    " body_part_examined TEXT, laterality TEXT, protocol_name TEXT, station_name TEXT,"
    " institution_name TEXT, manufacturer TEXT, manufacturer_model_name TEXT,"
    " performing_physician_name TEXT, performing_physician_name_x TEXT,"
    " operators_name TEXT, operators_name_x TEXT, pps_start_date INTEGER, pps_start_time TEXT,"
    " pps_start_time_x INTEGER);"
    "CREATE UNIQUE INDEX series_by_uid ON series(tenant, series_instance_uid, study);"
    "CREATE INDEX series_by_study ON series(study, series_number);"
    "CREATE INDEX series_by_modality ON series(tenant, modality);"
    "CREATE INDEX series_by_description ON series(tenant, series_description);"
    "CREATE INDEX series_by_date ON series(tenant, series_date);"
    "CREATE INDEX series_by_pps_date ON series(tenant, pps_start_date);"
    "CREATE INDEX series_by_body_part ON series(tenant, body_part_examined);"
    "CREATE INDEX series_by_station ON series(tenant, station_name);"
    "CREATE INDEX series_by_institution ON series(tenant, institution_name);"
    "CREATE VIRTUAL TABLE series_text USING fts5(series_description, content='', detail='none',"
    " columnsize=0, tokenize='trigram');"

    "CREATE TABLE instance(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL,"
    " series INTEGER NOT NULL, instance_number INTEGER, sop_instance_uid TEXT NOT NULL,"
    " sop_class INTEGER NOT NULL, transfer_syntax INTEGER NOT NULL, volume INTEGER NOT NULL,"
    " file INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,"
    " data_offset INTEGER NOT NULL, pixels INTEGER NOT NULL, pixel_tag INTEGER NOT NULL,"
    " pixel_offset INTEGER NOT NULL, pixel_bytes INTEGER NOT NULL, frames INTEGER NOT NULL,"
    " number_of_frames INTEGER, image_rows INTEGER, image_columns INTEGER, samples INTEGER,"
    " bits_allocated INTEGER, frame_bytes INTEGER NOT NULL, stored_us INTEGER NOT NULL,"
    " source INTEGER NOT NULL, digest BLOB NOT NULL, meta_digest BLOB NOT NULL);"
    "CREATE UNIQUE INDEX instance_by_uid ON instance(tenant, sop_instance_uid);"
    "CREATE INDEX instance_by_series ON instance(series, instance_number);"
    "CREATE INDEX instance_by_class ON instance(sop_class);"
    /* files of their own (STORE_FILE_LARGE): asked for in recovery */
    "CREATE INDEX instance_large ON instance(file) WHERE file >= 4611686018427387904;"
    "CREATE TABLE header(instance INTEGER PRIMARY KEY, packed BLOB NOT NULL, frame_table BLOB);"

    "CREATE TABLE tombstone(id INTEGER PRIMARY KEY, volume INTEGER NOT NULL, file INTEGER NOT NULL,"
    " offset INTEGER NOT NULL, length INTEGER NOT NULL, made_us INTEGER NOT NULL);"
    "CREATE TABLE segment(volume INTEGER, file INTEGER, known_end INTEGER NOT NULL,"
    " PRIMARY KEY(volume, file)) WITHOUT ROWID;",

    /* What stood in the place of objects that were encoded anew, and how far such work has come. */
    "CREATE TABLE origin(instance INTEGER PRIMARY KEY, transfer_syntax INTEGER NOT NULL,"
    " length INTEGER NOT NULL, digest BLOB NOT NULL, meta_digest BLOB NOT NULL,"
    " recoded_us INTEGER NOT NULL);"
    "CREATE TABLE mark(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",

    /* crc32c of the stored file (NULL: stored before it was kept). A tombstone with kind 1 was removed
     * by someone and can be taken back until made_us: what its row had and its bytes cannot tell is
     * beside it, its origin stays under `instance`, kept says that its member is named so, and
     * `removed` has a line about its study; 0: its space is due from made_us on. accessed_us: when
     * something of the study was last read, where that is recorded. Volumes by the number in
     * locations; low: all that lies before it is in the index for good, so recovery begins there.
     * pack, ready, piece, unsettled: index_settle.h. damage: what checking has found. tree_file: files of a folder
     * that was adopted in place. instance_by_place: recovery and checking go along the segments. */
    "DROP INDEX instance_large;"
    "DROP INDEX instance_by_class;" /* study_class says which studies to look in */
    "DROP TABLE segment;"
    "CREATE INDEX instance_by_place ON instance(volume, file, offset);"
    "CREATE INDEX tombstone_by_place ON tombstone(volume, file, offset);"
    "ALTER TABLE instance ADD COLUMN crc32c INTEGER;"
    "ALTER TABLE study ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tombstone ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE tombstone ADD COLUMN study_instance_uid TEXT;"
    "ALTER TABLE tombstone ADD COLUMN sop_instance_uid TEXT;"
    "ALTER TABLE tombstone ADD COLUMN instance INTEGER;"
    "ALTER TABLE tombstone ADD COLUMN digest BLOB;"
    "ALTER TABLE tombstone ADD COLUMN stored_us INTEGER;"
    "ALTER TABLE tombstone ADD COLUMN source INTEGER;"
    "ALTER TABLE tombstone ADD COLUMN removed_us INTEGER;"
    "ALTER TABLE tombstone ADD COLUMN crc32c INTEGER;"
    "ALTER TABLE tombstone ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX tombstone_by_study ON tombstone(study_instance_uid, made_us, removed_us, length)"
    " WHERE kind = 1;"
    "CREATE INDEX tombstone_unkept ON tombstone(id) WHERE kind = 1 AND kept = 0;"
    "CREATE TABLE removed(study_instance_uid TEXT PRIMARY KEY, patient_id TEXT, patient_name TEXT,"
    " study_date INTEGER, study_description TEXT) WITHOUT ROWID;"
    "ALTER TABLE study ADD COLUMN accessed_us INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX study_by_arrival ON study(created_us) WHERE protected = 0;"
    "CREATE INDEX study_by_access ON study(max(created_us, accessed_us)) WHERE protected = 0;"
    "CREATE INDEX tombstone_by_time ON tombstone(made_us);"
    "CREATE TABLE volume(number INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " path TEXT NOT NULL, low_file INTEGER NOT NULL DEFAULT 0, low_offset INTEGER NOT NULL DEFAULT"
    " 0);"
    "CREATE TABLE pack(id INTEGER PRIMARY KEY, series INTEGER NOT NULL, last INTEGER NOT NULL,"
    " items BLOB NOT NULL, headers BLOB NOT NULL);"
    "CREATE UNIQUE INDEX pack_by_series ON pack(series, last);"
    "CREATE TABLE ready(series INTEGER PRIMARY KEY, form INTEGER NOT NULL,"
    " instances INTEGER NOT NULL, tag BLOB NOT NULL);"
    "CREATE TABLE piece(id INTEGER PRIMARY KEY, series INTEGER NOT NULL, part INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, crc32 INTEGER NOT NULL, deflated BLOB NOT NULL);"
    "CREATE UNIQUE INDEX piece_by_series ON piece(series, part);"
    "CREATE TABLE unsettled(series INTEGER PRIMARY KEY, news_us INTEGER NOT NULL);"
    "INSERT INTO unsettled SELECT id, 0 FROM series;"
    "CREATE TABLE damage(instance INTEGER PRIMARY KEY, found_us INTEGER NOT NULL, what TEXT NOT"
    " NULL);"
    "CREATE TABLE tree_file(volume INTEGER NOT NULL, file INTEGER NOT NULL, path TEXT NOT NULL,"
    " bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(volume, file)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX tree_file_by_path ON tree_file(volume, path);",

    ("CREATE TABLE draft(study_uid TEXT PRIMARY KEY, changed_us INTEGER NOT NULL,"
     " digest BLOB NOT NULL, body BLOB NOT NULL);"),

    ("CREATE TABLE layout(name TEXT PRIMARY KEY, changed_us INTEGER NOT NULL,"
     " digest BLOB NOT NULL, body BLOB NOT NULL);"),
};

enum { VERSION = sizeof STEP / sizeof STEP[0] };

/* One step, or all of a new file, which are one commit: each is some flushes. */
static int take_steps(struct sql *sql, int64_t version, int64_t to, struct iso_err *err)
{
    char set[64];
    int  rc = sql_exec(sql, "BEGIN IMMEDIATE", err);

    (void)snprintf(set, sizeof set, "PRAGMA user_version = %lld", (long long)to);
    for (; version < to && rc >= 0; version++)
        rc = sql_exec(sql, STEP[version], err);
    if (rc >= 0)
        rc = sql_exec(sql, set, err);
    if (rc >= 0)
        rc = sql_exec(sql, "COMMIT", err);
    if (rc < 0) {
        rc = iso_wrap(err, rc, "upgrade of the index to schema %lld", (long long)version);
        (void)!sql_exec(sql, "ROLLBACK", NULL);
    }
    return rc;
}

int index_schema_upgrade(struct sql *sql, struct iso_err *err)
{
    sqlite3_stmt *st;
    int64_t       version;
    int           rc = sql_prepare(sql, "PRAGMA user_version", &st, err);

    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    version = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (version > VERSION)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "the index has schema %lld, this program knows up to %d: use the newer "
                        "program",
                        (long long)version, (int)VERSION);
    if (version == 0) {
        rc      = take_steps(sql, 0, VERSION, err);
        version = VERSION;
        (void)sqlite3_db_release_memory(sql->db); /* the pages it was made with */
    }
    for (; version < VERSION && rc >= 0; version++)
        rc = take_steps(sql, version, version + 1, err);
    return rc;
}

/* ---- statements made from the table of columns ---- */

static bool has_shadow(const struct index_column *c)
{
    return c->kind == INDEX_NAME || c->kind == INDEX_TIME;
}

/* "INSERT INTO t(fixed..., columns...) VALUES(?,...)" for the columns of levels from..to. */
static char *insert_of(const char *table, const char *fixed, enum index_level from,
                       enum index_level to)
{
    struct iso_buf out;
    size_t         params = 1;

    iso_buf_init(&out, 16 << 10);
    for (const char *p = fixed; *p != '\0'; p++)
        params += *p == ',';
    iso_buf_printf(&out, "INSERT INTO %s(%s", table, fixed);
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++) {
        const struct index_column *c = &INDEX_COLUMN[i];
        if (c->level < from || c->level > to)
            continue;
        iso_buf_printf(&out, ",%s", c->name);
        params++;
        if (has_shadow(c)) {
            iso_buf_printf(&out, ",%s_x", c->name);
            params++;
        }
    }
    iso_buf_add_c(&out, ") VALUES(?");
    while (--params > 0)
        iso_buf_add_c(&out, ",?");
    iso_buf_add(&out, ")", 2);
    if (!iso_buf_ok(&out)) {
        iso_buf_release(&out);
        return NULL;
    }
    return (char *)out.ptr; /* the caller's, with its NUL */
}

/* One row by id: id, representative, the computed ones, then the columns of the level and above. */
static char *select_of(enum index_level level, bool counts)
{
    static const char *const head[] = {
        "SELECT p.id, (SELECT min(x.representative) FROM study x WHERE x.patient = p.id),"
        " p.n_studies, p.n_series,"
        " (SELECT sum(x.n_instances) FROM study x WHERE x.patient = p.id)",
        "SELECT s.id, s.representative, p.n_studies, p.n_series,"
        " (SELECT sum(x.n_instances) FROM study x WHERE x.patient = p.id),"
        " s.n_series, s.n_instances, s.modalities, s.sop_classes",
        "SELECT e.id, e.representative, NULL, NULL, NULL, s.n_series, s.n_instances, s.modalities,"
        " s.sop_classes, e.n_instances",
        "SELECT i.id, i.id, NULL, NULL, NULL, s.n_series, s.n_instances, s.modalities,"
        " s.sop_classes, e.n_instances",
    };
    /* the sum reads all rows of the patient's studies */
    static const char *const bare[] = {
        "SELECT p.id, (SELECT min(x.representative) FROM study x WHERE x.patient = p.id),"
        " NULL, NULL, NULL",
        "SELECT s.id, s.representative, NULL, NULL, NULL,"
        " s.n_series, s.n_instances, s.modalities, s.sop_classes",
    };
    static const char *const from[] = {
        " FROM patient p WHERE p.id = ?",
        " FROM study s JOIN patient p ON p.id = s.patient WHERE s.id = ?",
        " FROM series e JOIN study s ON s.id = e.study WHERE e.id = ?",
        (" FROM instance i JOIN series e ON e.id = i.series JOIN study s ON s.id = e.study"
         " WHERE i.id = ?"),
    };
    static const char alias[] = { 'p', 's', 'e', 'i' };
    struct iso_buf    out;

    iso_buf_init(&out, 16 << 10);
    iso_buf_add_c(&out, counts || level > INDEX_STUDY ? head[level] : bare[level]);
    for (size_t i = 0; i < INDEX_COLUMN_COUNT && INDEX_COLUMN[i].level <= level; i++) {
        const struct index_column *c = &INDEX_COLUMN[i];
        char a = c->level == INDEX_PATIENT && level > INDEX_PATIENT ? 's' : alias[c->level];

        if (c->interned)
            iso_buf_printf(&out, ", (SELECT u.text FROM uid u WHERE u.id = %c.%s)", a, c->name);
        else
            iso_buf_printf(&out, ", %c.%s", a, c->name);
    }
    if (level == INDEX_STUDY && !counts)
        iso_buf_add_c(&out, " FROM study s WHERE s.id = ?");
    else
        iso_buf_add_c(&out, from[level]);
    iso_buf_add_u8(&out, '\0');
    if (!iso_buf_ok(&out)) {
        iso_buf_release(&out);
        return NULL;
    }
    return (char *)out.ptr;
}

int index_schema_statements(struct index *index, struct iso_err *err)
{
    bool ok = true;

    index->insert_patient = insert_of("patient", "tenant, key_issuer, key_id, unidentified",
                                      INDEX_PATIENT, INDEX_PATIENT);
    index->insert_study =
        insert_of("study", "tenant, patient, created_us, changed_us", INDEX_PATIENT, INDEX_STUDY);
    index->insert_series =
        insert_of("series", "tenant, study, created_us, changed_us", INDEX_SERIES, INDEX_SERIES);
    ok = index->insert_patient != NULL && index->insert_study != NULL &&
         index->insert_series != NULL;
    for (size_t i = 0; i < 8; i++) {
        char *made = select_of((enum index_level)(i % 4), i / 4 == 1);

        index->select_row[i / 4][i % 4] = made;
        ok                              = ok && made != NULL;
    }
    return ok ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory for the index");
}
