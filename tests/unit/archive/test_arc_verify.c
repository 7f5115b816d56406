/* What is wrong is found, told as what it is, and mended where it can be: then the index says again what
 * it said before, and nothing more is found. */
#include "arc_make.h"

#include "arc_reindex.h"
#include "arc_verify.h"
#include "os_file.h"

#include <fcntl.h>
#include <sqlite3.h>

enum { SMALL = 6, LARGE_ROWS = 800 /* pixels above inline_bytes_max */ };

/* ---- an archive with something of everything ---- */

static struct arc *open_care(const char *folder)
{
    struct arc_config config;
    struct iso_err    err = { 0 };
    struct arc       *arc = NULL;

    arc_config_init(&config);
    config.folder = folder;
    config.care   = true;
    if (arc_open(&config, &arc, &err) < 0)
        fail_msg("%s", err.text);
    return arc;
}

static void fill(const char *folder)
{
    struct arc          *arc       = make_archive(folder, ARC_KEEP_FIRST);
    const iso_str        gone[]    = { ISO_STR("1.2.3.9.2") };
    struct arc_selection selection = { .sop_instance_uids = gone, .instance_count = 1 };
    struct iso_err       err       = { 0 };
    uint64_t             removed   = 0;

    for (int i = 0; i < SMALL; i++) {
        char        sop[64];
        char        series[64];
        struct make m = { .patient_id   = "P1",
                          .patient_name = "Doe^Jane=X^Y",
                          .sop          = sop,
                          .series       = series,
                          .modality     = i % 2 == 0 ? "CT" : "MR",
                          .description  = "knee",
                          .number       = i,
                          .rows         = 20 + i,
                          .frames       = i == 4 ? 3 : 0,
                          .fill         = (uint8_t)(i + 1) };

        (void)snprintf(sop, sizeof sop, "1.2.3.9.%d", i);
        (void)snprintf(series, sizeof series, "1.2.3.9.100.%d", i % 2);
        (void)make_and_store(arc, &m);
    }
    (void)make_and_store(arc, &(struct make){ .patient_id = "P2",
                                              .study      = "1.2.4",
                                              .sop        = "1.2.4.1",
                                              .rows       = LARGE_ROWS,
                                              .fill       = 7 });
    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 1);
    arc_close(arc);
}

static int make_filled(void **state)
{
    int rc = make_folder(state);

    if (rc == 0)
        fill(*state);
    return rc;
}

/* ---- looking ---- */

struct seen {
    struct arc_verify_report report;
    char                     first[600]; /* what the first finding said */
};

static void note(void *ctx, const struct arc_finding *f)
{
    struct seen *seen = ctx;

    if (seen->first[0] == '\0')
        (void)snprintf(seen->first, sizeof seen->first, "%s: %s: %s", arc_finding_name(f->kind),
                       f->where, f->what);
    assert_true(f->repaired == (f->advice[0] == '\0'));
}

static struct seen look(const char *folder, bool full, bool repair)
{
    struct seen              seen   = { .first = "" };
    struct arc_verify_config config = {
        .full = full, .repair = repair, .found = note, .ctx = &seen
    };
    struct arc    *arc = open_care(folder);
    struct iso_err err = { 0 };

    if (arc_verify(arc, &config, &seen.report, &err) < 0)
        fail_msg("%s", err.text);
    arc_close(arc);
    return seen;
}

static uint64_t found(const struct seen *seen)
{
    uint64_t n = 0;

    for (int i = 0; i < ARC_FINDING_KINDS; i++)
        n += seen->report.found[i];
    return n;
}

static void assert_sound(const char *folder)
{
    for (int full = 0; full < 2; full++) {
        struct seen seen = look(folder, full != 0, false);

        if (found(&seen) != 0)
            fail_msg("%s", seen.first);
        assert_true(seen.report.complete);
        assert_int_equal(seen.report.instances, SMALL);
    }
}

static void dump(const char *folder, struct iso_buf *out)
{
    struct arc    *arc = open_care(folder);
    struct iso_err err = { 0 };

    iso_buf_init(out, 16 << 20);
    assert_int_equal(arc_index_dump(arc, iso_buf_sink(out), &err), ISO_OK);
    assert_int_equal(iso_buf_add_u8(out, 0), ISO_OK);
    arc_close(arc);
}

static void assert_dump(const char *folder, const struct iso_buf *before)
{
    struct iso_buf now;

    dump(folder, &now);
    iso_str is  = iso_str_c((const char *)now.ptr);
    iso_str was = iso_str_c((const char *)before->ptr);
    while (is.ptr != NULL || was.ptr != NULL) { /* the first line that differs */
        iso_str a = iso_str_cut(&is, '\n');
        iso_str b = iso_str_cut(&was, '\n');

        if (!iso_str_eq(a, b))
            fail_msg("was: %.*s\n is: %.*s", ISO_STR_ARG(b), ISO_STR_ARG(a));
    }
    iso_buf_release(&now);
}

static void sql(const char *folder, const char *text)
{
    char     path[256];
    sqlite3 *db;

    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    /* the pages get their checksums: what is wrong is meant to be in the rows alone */
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "isocenter"), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void shell(const char *folder, const char *format)
{
    char command[1024];

    (void)snprintf(command, sizeof command, "cd '%s' && %s", folder, format);
    assert_int_equal(system(command), 0);
}

static void flip(const char *folder, const char *file, off_t at, uint8_t bit)
{
    char    path[256];
    uint8_t byte;

    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= bit;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* It is found as `kind`, without being touched; repaired; and then everything is as before. */
static void assert_mended(const char *folder, enum arc_finding_kind kind, bool only_full,
                          const struct iso_buf *before)
{
    struct seen seen;

    if (only_full) {
        seen = look(folder, false, false);
        assert_int_equal(found(&seen), 0);
    }
    for (int again = 0; again < 2; again++) {
        seen = look(folder, only_full, false);
        if (seen.report.found[kind] == 0)
            fail_msg("not found as %s: %s", arc_finding_name(kind), seen.first);
        assert_int_equal(arc_verify_left(&seen.report), found(&seen));
    }
    seen = look(folder, only_full, true);
    assert_true(seen.report.repaired[kind] > 0);
    if (arc_verify_left(&seen.report) != 0)
        fail_msg("left: %s", seen.first);
    assert_sound(folder);
    if (before != NULL)
        assert_dump(folder, before);
}

/* ---- tests ---- */

static void a_sound_archive_has_nothing_to_tell(void **state)
{
    assert_sound(*state);
}

static void what_the_index_lost_comes_back(void **state)
{
    static const struct {
        enum arc_finding_kind kind;
        bool                  only_full;
        const char           *sql;
    } cases[] = {
        { ARC_FOUND_PARENT, false, "DELETE FROM series WHERE modality = 'MR'" },
        { ARC_FOUND_PARENT, false, "DELETE FROM study WHERE study_instance_uid = '1.2.3'" },
        { ARC_FOUND_PARENT, false, "DELETE FROM patient WHERE key_id = 'P1'" },
        { ARC_FOUND_PARENT, false, "DELETE FROM header WHERE instance = 1" },
        { ARC_FOUND_PARENT, false, "UPDATE instance SET sop_class = 9999" },
        { ARC_FOUND_PARENT, false, "INSERT INTO header VALUES(777, x'00', NULL)" },
        { ARC_FOUND_COUNT, false, "UPDATE series SET n_instances = n_instances + 1" },
        { ARC_FOUND_COUNT, false, "UPDATE study SET n_series = 0" },
        { ARC_FOUND_COUNT, false, "UPDATE patient SET n_studies = 5" },
        { ARC_FOUND_COUNT, false, "UPDATE total SET instances = 1, bytes = 2" },
        { ARC_FOUND_COUNT, false, "UPDATE study SET modalities = 'XA'" },
        { ARC_FOUND_COUNT, false, "DELETE FROM study_modality" },
        { ARC_FOUND_COUNT, false, "DELETE FROM study_class" },
        { ARC_FOUND_COUNT, false, "UPDATE study SET sop_classes = NULL" },
        { ARC_FOUND_COUNT, false, "UPDATE series SET representative = 4711" },
        { ARC_FOUND_ROW, true, "UPDATE instance SET image_rows = 3 WHERE id = 1" },
        { ARC_FOUND_ROW, true, "UPDATE instance SET pixel_offset = pixel_offset + 2 WHERE id = 2" },
        { ARC_FOUND_ROW, true,
          "UPDATE header SET packed = (SELECT packed FROM header WHERE instance = 2)"
          " WHERE instance = 1" },
        { ARC_FOUND_ORPHAN, false,
          "DELETE FROM instance WHERE id = 2; DELETE FROM header WHERE instance = 2;"
          "UPDATE volume SET low_file = 9" },
    };
    struct iso_buf before;

    sql(*state, "PRAGMA journal_mode = DELETE");
    dump(*state, &before);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* what was unknown comes last now, and so stands for nothing any more */
        const bool is_last = cases[i].kind == ARC_FOUND_ORPHAN;

        sql(*state, cases[i].sql);
        assert_mended(*state, cases[i].kind, cases[i].only_full, is_last ? NULL : &before);
    }
    iso_buf_release(&before);
}

/* A tombstone on a living object would have its bytes given back. */
static void a_tombstone_on_an_object_goes(void **state)
{
    struct iso_buf before;

    dump(*state, &before);
    sql(*state, "INSERT INTO tombstone(volume, file, offset, length, made_us)"
                " SELECT volume, file, offset, length, 0 FROM instance");
    assert_mended(*state, ARC_FOUND_PARENT, false, &before);
    iso_buf_release(&before);
}

static off_t place_of(const char *folder, const char *sop, off_t *length)
{
    char          path[256];
    sqlite3      *db;
    sqlite3_stmt *st;
    off_t         offset;

    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT offset, length FROM instance WHERE sop_instance_uid = ?", -1,
                           &st, NULL),
        SQLITE_OK);
    sqlite3_bind_text(st, 1, sop, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    offset  = sqlite3_column_int64(st, 0);
    *length = sqlite3_column_int64(st, 1);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return offset;
}

/* Each bit of an object's head and many of its content, one at a time. */
static void every_flipped_bit_is_found(void **state)
{
    const struct arc_verify_config config = { .full = true };
    struct arc_verify_report       report;
    struct iso_err                 err = { 0 };
    off_t                          length;
    off_t                          offset = place_of(*state, "1.2.3.9.3", &length);
    struct arc                    *arc    = open_care(*state);

    for (off_t at = offset - 512; at < offset + length; at += at < offset ? 1 : 7) {
        const uint8_t bit = (uint8_t)(1u << (at % 8));

        flip(*state, "seg/00000001.tar", at, bit);
        assert_int_equal(arc_verify(arc, &config, &report, &err), ISO_OK);
        if (arc_verify_left(&report) == 0)
            fail_msg("a bit flipped at %lld of the object was not found", (long long)(at - offset));
        flip(*state, "seg/00000001.tar", at, bit);
    }
    assert_int_equal(arc_verify(arc, &config, &report, &err), ISO_OK);
    assert_int_equal(arc_verify_left(&report), 0);
    arc_close(arc);
}

static void a_head_is_written_again(void **state)
{
    struct iso_buf before;
    off_t          length;
    off_t          offset = place_of(*state, "1.2.3.9.1", &length);
    struct seen    seen;

    dump(*state, &before);
    flip(*state, "seg/00000001.tar", offset - 512, 4);       /* its name */
    flip(*state, "seg/00000001.tar", offset - 512 + 126, 1); /* its size */
    assert_mended(*state, ARC_FOUND_HEAD, false, &before);
    flip(*state, "seg/00000001.tar", offset - 512 + 500,
         1); /* what the checksum sees, nobody else */
    flip(*state, "seg/00000001.tar", offset - 512 + 155, 1); /* what it does not see */
    assert_mended(*state, ARC_FOUND_HEAD, false, &before);
    shell(*state, "tar tf seg/00000001.tar > list && test $(wc -l < list) = 7");
    seen = look(*state, true, false);
    assert_int_equal(found(&seen), 0);
    iso_buf_release(&before);
}

static void damaged_objects_are_entered_and_struck_out(void **state)
{
    struct arc_damage damage[4];
    struct iso_arena  arena;
    struct iso_err    err = { 0 };
    size_t            count;
    off_t             length;
    off_t             offset = place_of(*state, "1.2.3.9.5", &length);
    struct seen       seen;

    flip(*state, "seg/00000001.tar", offset + length - 3, 16);
    seen = look(*state, false, false);
    assert_int_equal(found(&seen), 0);
    seen = look(*state, true, true);
    assert_int_equal(seen.report.found[ARC_FOUND_CONTENT], 1);
    assert_int_equal(arc_verify_left(&seen.report), 1);

    struct arc *arc = open_care(*state);
    iso_arena_init(&arena, 1 << 20);
    assert_int_equal(arc_damage_list(arc, 0, 4, &arena, damage, &count, &err), ISO_OK);
    assert_int_equal(count, 1);
    assert_true(iso_str_eq_c(damage[0].sop_instance_uid, "1.2.3.9.5"));
    iso_arena_release(&arena);
    arc_close(arc);

    flip(*state, "seg/00000001.tar", offset + length - 3, 16);
    seen = look(*state, true, true);
    assert_int_equal(found(&seen), 0);
    arc = open_care(*state);
    uint64_t left;
    assert_int_equal(arc_damage_count(arc, &left, &err), ISO_OK);
    assert_int_equal(left, 0);
    arc_close(arc);
}

static void files_of_their_own(void **state)
{
    struct iso_buf before;
    struct seen    seen;

    dump(*state, &before);
    shell(*state, "cp large/*/*.dcm copy");
    shell(*state, "printf X | dd of=$(ls large/*/*.dcm) bs=1 seek=5000 conv=notrunc 2>/dev/null");
    seen = look(*state, true, false);
    assert_int_equal(seen.report.found[ARC_FOUND_CONTENT], 1);
    shell(*state, "truncate -s 4000 large/*/*.dcm");
    seen = look(*state, false, false);
    assert_int_equal(seen.report.found[ARC_FOUND_CONTENT], 1);
    shell(*state, "ls large/*/*.dcm > name; rm large/*/*.dcm");
    seen = look(*state, false, false);
    assert_int_equal(seen.report.found[ARC_FOUND_MISSING], 1);
    shell(*state, "mv copy $(cat name)");
    assert_sound(*state);

    /* its journal entry: the last member of the segment */
    shell(*state, "grep -abo large/ seg/00000001.tar | cut -d: -f1 > at");
    shell(*state, "printf Y | dd of=seg/00000001.tar bs=1 seek=$(($(cat at)+20)) conv=notrunc"
                  " 2>/dev/null");
    assert_mended(*state, ARC_FOUND_HEAD, false, &before);
    sql(*state, "DELETE FROM instance WHERE sop_instance_uid = '1.2.4.1'");
    sql(*state, "UPDATE volume SET low_file = 9");
    seen = look(*state, false, true);
    assert_int_equal(seen.report.repaired[ARC_FOUND_ORPHAN], 1);
    assert_sound(*state);
    assert_dump(*state, &before);
    iso_buf_release(&before);
}

static void strays_are_moved_aside(void **state)
{
    struct seen seen;

    shell(*state, "echo a > seg/notes.txt; echo b > tmp/odd; mkdir -p large/zz;"
                  "echo c > large/zz/1.dcm; echo d > large/x");
    seen = look(*state, false, false);
    assert_int_equal(seen.report.found[ARC_FOUND_STRAY], 4);
    seen = look(*state, false, true);
    assert_int_equal(seen.report.repaired[ARC_FOUND_STRAY], 4);
    shell(*state, "test $(ls stray | wc -l) = 4");
    assert_sound(*state);
}

/* A segment that ends too early: what is left can be served, what is missing is known. */
static void a_lost_tail_is_told(void **state)
{
    struct seen seen;

    shell(*state, "truncate -s 3000 seg/00000001.tar");
    seen = look(*state, false, false);
    assert_true(seen.report.found[ARC_FOUND_MISSING] >= 4);
    assert_true(seen.report.complete);
    seen = look(*state, true, true);
    assert_true(arc_verify_left(&seen.report) >= 4);
    struct arc *arc = make_archive(*state, ARC_KEEP_FIRST); /* it opens again */
    (void)make_and_store(arc, &(struct make){ .sop = "1.2.5.1", .rows = 10 });
    arc_close(arc);
}

/* Each page of the index has a checksum, so a bit in a text is found too. */
static void every_flipped_bit_of_the_index_is_found(void **state)
{
    struct os_stat st;
    struct iso_err err = { 0 };
    char           path[256];

    sql(*state, "PRAGMA wal_checkpoint(TRUNCATE)");
    (void)snprintf(path, sizeof path, "%s/index.db", (char *)*state);
    assert_int_equal(os_stat(OS_CWD, path, &st, &err), ISO_OK);
    for (off_t at = 4096 + 3; at < (off_t)st.bytes; at += 20011) {
        flip(*state, "index.db", at, 4);
        struct seen seen = look(*state, true, false);
        if (seen.report.found[ARC_FOUND_INDEX] == 0)
            fail_msg("a bit flipped at %lld was not found", (long long)at);
        flip(*state, "index.db", at, 4);
    }
    assert_sound(*state);
}

static void a_lost_index_is_told(void **state)
{
    struct seen seen;

    shell(*state, "rm -f index.db-wal index.db-shm; head -c 8192 /dev/urandom > index.db");
    seen = look(*state, false, false);
    assert_int_equal(seen.report.found[ARC_FOUND_INDEX], 1);
    assert_false(seen.report.complete);
    assert_int_equal(seen.report.members, SMALL + 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_filled, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_sound_archive_has_nothing_to_tell),
        CASE(what_the_index_lost_comes_back),
        CASE(a_tombstone_on_an_object_goes),
        CASE(every_flipped_bit_is_found),
        CASE(a_head_is_written_again),
        CASE(damaged_objects_are_entered_and_struck_out),
        CASE(files_of_their_own),
        CASE(strays_are_moved_aside),
        CASE(a_lost_tail_is_told),
        CASE(every_flipped_bit_of_the_index_is_found),
        CASE(a_lost_index_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
