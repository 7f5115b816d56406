-- schema_1.sql: the index as schema 1 had it. Frozen: upgrades begin here.
CREATE TABLE total(tenant INTEGER PRIMARY KEY, patients INTEGER NOT NULL, studies INTEGER NOT NULL,
    series INTEGER NOT NULL, instances INTEGER NOT NULL, bytes INTEGER NOT NULL, next_instance INTEGER NOT NULL);
INSERT INTO total VALUES(1, 0, 0, 0, 0, 0, 1);
CREATE TABLE uid(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE patient(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, key_issuer TEXT NOT NULL,
    key_id TEXT NOT NULL, unidentified TEXT NOT NULL,patient_name TEXT, patient_name_x TEXT,
    patient_id TEXT, issuer_of_patient_id TEXT,patient_birth_date INTEGER, patient_birth_time TEXT,
    patient_birth_time_x INTEGER,patient_sex TEXT, ethnic_group TEXT, n_studies INTEGER NOT NULL DEFAULT 0,
    n_series INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX patient_key ON patient(tenant, key_id, key_issuer, unidentified);
CREATE INDEX patient_by_name ON patient(tenant, patient_name_x);
CREATE INDEX patient_by_birth ON patient(tenant, patient_birth_date);
CREATE TABLE patient_group(name_x TEXT, patient INTEGER, PRIMARY KEY(name_x, patient)) WITHOUT ROWID;
CREATE INDEX patient_group_back ON patient_group(patient);
CREATE TABLE patient_sound(code TEXT, patient INTEGER, PRIMARY KEY(code, patient)) WITHOUT ROWID;
CREATE INDEX patient_sound_back ON patient_sound(patient);
CREATE VIRTUAL TABLE patient_text USING fts5(patient_name, patient_id, content='',
    detail='none', columnsize=0, tokenize='trigram');
CREATE TABLE study(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, patient INTEGER NOT NULL,
    n_series INTEGER NOT NULL DEFAULT 0, n_instances INTEGER NOT NULL DEFAULT 0, modalities TEXT,
    sop_classes TEXT, representative INTEGER NOT NULL DEFAULT 0, created_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,patient_name TEXT, patient_name_x TEXT, patient_id TEXT,
    issuer_of_patient_id TEXT,patient_birth_date INTEGER, patient_birth_time TEXT, patient_birth_time_x INTEGER,patient_sex TEXT,
    ethnic_group TEXT, study_instance_uid TEXT NOT NULL, study_date INTEGER, study_time TEXT,
    study_time_x INTEGER, accession_number TEXT, study_id TEXT, study_description TEXT,
    referring_physician_name TEXT, referring_physician_name_x TEXT, reading_physician_name TEXT,
    reading_physician_name_x TEXT, patient_age TEXT, admitting_diagnoses TEXT);
CREATE UNIQUE INDEX study_by_uid ON study(tenant, study_instance_uid);
CREATE INDEX study_by_patient ON study(patient);
CREATE INDEX study_newest ON study(tenant, study_date, study_time_x);
CREATE INDEX study_by_name ON study(tenant, patient_name_x);
CREATE INDEX study_by_patient_id ON study(tenant, patient_id);
CREATE INDEX study_by_birth ON study(tenant, patient_birth_date);
CREATE INDEX study_by_accession ON study(tenant, accession_number);
CREATE INDEX study_by_study_id ON study(tenant, study_id);
CREATE INDEX study_by_description ON study(tenant, study_description);
CREATE INDEX study_by_referring ON study(tenant, referring_physician_name_x);
CREATE TABLE study_group(name_x TEXT, study INTEGER, PRIMARY KEY(name_x, study)) WITHOUT ROWID;
CREATE INDEX study_group_back ON study_group(study);
CREATE TABLE study_sound(code TEXT, study INTEGER, PRIMARY KEY(code, study)) WITHOUT ROWID;
CREATE INDEX study_sound_back ON study_sound(study);
CREATE TABLE study_modality(study INTEGER, modality TEXT, PRIMARY KEY(study, modality)) WITHOUT ROWID;
CREATE INDEX study_modality_back ON study_modality(modality, study);
CREATE TABLE study_class(study INTEGER, class INTEGER, PRIMARY KEY(study, class)) WITHOUT ROWID;
CREATE INDEX study_class_back ON study_class(class, study);
CREATE VIRTUAL TABLE study_text USING fts5(patient_name, patient_id, accession_number,
    study_description, referring_physician_name, content='', detail='none', columnsize=0,
    tokenize='trigram');
CREATE TABLE series(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, study INTEGER NOT NULL,
    n_instances INTEGER NOT NULL DEFAULT 0, representative INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL, series_instance_uid TEXT NOT NULL,
    modality TEXT, series_number INTEGER, series_description TEXT, series_date INTEGER,
    series_time TEXT, series_time_x INTEGER, body_part_examined TEXT, laterality TEXT,
    protocol_name TEXT, station_name TEXT, institution_name TEXT, manufacturer TEXT, manufacturer_model_name TEXT,
    performing_physician_name TEXT, performing_physician_name_x TEXT, operators_name TEXT,
    operators_name_x TEXT, pps_start_date INTEGER, pps_start_time TEXT, pps_start_time_x INTEGER);
CREATE UNIQUE INDEX series_by_uid ON series(tenant, series_instance_uid, study);
CREATE INDEX series_by_study ON series(study, series_number);
CREATE INDEX series_by_modality ON series(tenant, modality);
CREATE INDEX series_by_description ON series(tenant, series_description);
CREATE INDEX series_by_date ON series(tenant, series_date);
CREATE INDEX series_by_pps_date ON series(tenant, pps_start_date);
CREATE INDEX series_by_body_part ON series(tenant, body_part_examined);
CREATE INDEX series_by_station ON series(tenant, station_name);
CREATE INDEX series_by_institution ON series(tenant, institution_name);
CREATE VIRTUAL TABLE series_text USING fts5(series_description, content='', detail='none',
    columnsize=0, tokenize='trigram');
CREATE TABLE instance(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, series INTEGER NOT NULL,
    instance_number INTEGER, sop_instance_uid TEXT NOT NULL, sop_class INTEGER NOT NULL,
    transfer_syntax INTEGER NOT NULL, volume INTEGER NOT NULL, file INTEGER NOT NULL,
    offset INTEGER NOT NULL, length INTEGER NOT NULL, data_offset INTEGER NOT NULL, pixels INTEGER NOT NULL,
    pixel_tag INTEGER NOT NULL, pixel_offset INTEGER NOT NULL, pixel_bytes INTEGER NOT NULL,
    frames INTEGER NOT NULL, number_of_frames INTEGER, image_rows INTEGER, image_columns INTEGER,
    samples INTEGER, bits_allocated INTEGER, frame_bytes INTEGER NOT NULL, stored_us INTEGER NOT NULL,
    source INTEGER NOT NULL, digest BLOB NOT NULL, meta_digest BLOB NOT NULL);
CREATE UNIQUE INDEX instance_by_uid ON instance(tenant, sop_instance_uid);
CREATE INDEX instance_by_series ON instance(series, instance_number);
CREATE INDEX instance_by_class ON instance(sop_class);
CREATE INDEX instance_large ON instance(file) WHERE file >= 4611686018427387904;
CREATE TABLE header(instance INTEGER PRIMARY KEY, packed BLOB NOT NULL, frame_table BLOB);
CREATE TABLE tombstone(id INTEGER PRIMARY KEY, volume INTEGER NOT NULL, file INTEGER NOT NULL,
    offset INTEGER NOT NULL, length INTEGER NOT NULL, made_us INTEGER NOT NULL);
CREATE TABLE segment(volume INTEGER, file INTEGER, known_end INTEGER NOT NULL, PRIMARY KEY(volume,
    file)) WITHOUT ROWID;
