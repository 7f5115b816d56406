-- schema_2.sql: what schema 2 added to it. Frozen: upgrades begin here.
CREATE TABLE origin(instance INTEGER PRIMARY KEY, transfer_syntax INTEGER NOT NULL,
    length INTEGER NOT NULL, digest BLOB NOT NULL, meta_digest BLOB NOT NULL, recoded_us INTEGER NOT NULL);
CREATE TABLE mark(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
