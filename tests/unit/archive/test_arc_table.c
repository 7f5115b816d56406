/* Frames of encapsulated pixel data.   PS3.5 §A.4 */
#include "arc_make.h"

#include "arc_in.h"
#include "arc_settle.h"
#include "os_file.h"

#include <sqlite3.h>

#define JPEG "1.2.840.10008.1.2.4.50"
#define SOP  "1.2.3.50"

/* A data set with these fragments (text) and a basic offset table of `offsets`. */
static void encapsulated(const char *const *fragment, size_t count, int frames,
                         const uint32_t *offsets, size_t offset_count, struct iso_buf *out)
{
    struct make m = { .sop = SOP, .patient_id = "E" };

    make_object(&m, out);
    const char head[] = "\x28\x00\x08\x00IS\x02\x00"; /* (0028,0008) NumberOfFrames */
    iso_buf_add(out, head, 8);
    iso_buf_printf(out, "%d ", frames);
    iso_buf_add(out, "\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff", 12);
    iso_buf_add(out, "\xfe\xff\x00\xe0", 4);
    iso_buf_add_u32le(out, (uint32_t)(4 * offset_count));
    for (size_t i = 0; i < offset_count; i++)
        iso_buf_add_u32le(out, offsets[i]);
    for (size_t i = 0; i < count; i++) {
        iso_buf_add(out, "\xfe\xff\x00\xe0", 4);
        iso_buf_add_u32le(out, (uint32_t)strlen(fragment[i]));
        iso_buf_add_c(out, fragment[i]);
    }
    iso_buf_add(out, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
    assert_true(iso_buf_ok(out));
}

static int cut_all(struct arc *arc, struct iso_buf *text, struct iso_err *err)
{
    struct arc_instance instance;
    struct arc_object   file;
    struct arc_frame   *frames;
    struct iso_arena    arena;
    size_t              count;
    int                 rc;

    iso_arena_init(&arena, 1 << 20);
    assert_int_equal(
        arc_lookup(arc, ISO_STR(""), ISO_STR(""), ISO_STR(SOP), &arena, &instance, err), ISO_OK);
    assert_int_equal(instance.pixels, ARC_PIXELS_FRAGMENTS);
    assert_int_equal(arc_object_open(arc, &instance, &file, err), ISO_OK);
    rc = arc_frames(arc, &instance, NULL, 0, &arena, &frames, &count, err);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        for (size_t k = 0; k < frames[i].range_count; k++) {
            char bytes[64] = "";

            assert_in_range(frames[i].range[k].bytes, 1, sizeof bytes);
            assert_int_equal(os_read_exact_at(file.fd, bytes, (size_t)frames[i].range[k].bytes,
                                              file.offset + frames[i].range[k].offset, err),
                             ISO_OK);
            iso_buf_add(text, bytes, (size_t)frames[i].range[k].bytes);
        }
        iso_buf_add_c(text, ";");
    }
    arc_object_close(&file);
    iso_arena_release(&arena);
    return rc;
}

/* The table as it was made before the marks of images were looked at when an object arrives: without
 * what they say. All numbers in it are below 128 here, a byte each. */
static size_t forget_frames(const char *folder, bool marked, uint8_t table[64])
{
    char          path[256];
    sqlite3      *db;
    sqlite3_stmt *st;

    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 10000); /* the archive's own threads write as well */
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT frame_table FROM header", -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    const size_t whole = (size_t)sqlite3_column_bytes(st, 0);
    size_t       len   = whole;
    assert_in_range(len, 4, 64);
    memcpy(table, sqlite3_column_blob(st, 0), len);
    sqlite3_finalize(st);
    uint8_t old[64];
    size_t  lengths_end = 3 + table[1];
    memcpy(old, table, len);
    if (marked) {
        old[lengths_end] = 0;
        len              = lengths_end + 1;
    }
    assert_int_equal(sqlite3_prepare_v2(db, "UPDATE header SET frame_table = ?", -1, &st, NULL),
                     SQLITE_OK);
    sqlite3_bind_blob(st, 1, old, (int)len, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return whole;
}

/* What has settled has the whole table, whenever it was stored: a frame needs no look at others. */
static void settle_and_compare(struct arc *arc, const uint8_t *table, size_t len)
{
    const struct arc_settle_config config = { 0 };
    struct arc_instance            instance;
    struct iso_arena               arena;
    struct iso_err                 err     = { 0 };
    uint64_t                       settled = 0;
    iso_bytes                      now;

    iso_arena_init(&arena, 1 << 20);
    if (arc_settle_now(arc, &config, &settled, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(settled, 1);
    assert_int_equal(
        arc_lookup(arc, ISO_STR(""), ISO_STR(""), ISO_STR(SOP), &arena, &instance, &err), ISO_OK);
    assert_int_equal(index_header(arc->index, instance.id, &arena, NULL, &now, &err), ISO_OK);
    assert_int_equal(now.len, len);
    assert_memory_equal(now.ptr, table, len);
    iso_arena_release(&arena);
}

static int store_and_cut(void *folder, const struct iso_buf *object, struct iso_buf *text,
                         struct iso_err *err)
{
    struct arc               *arc    = make_archive(folder, ARC_REPLACE);
    struct make_source        source = { iso_buf_bytes(object), 0 };
    const struct arc_incoming in     = { .source              = { make_read, &source },
                                         .transfer_syntax_uid = ISO_STR(JPEG),
                                         .sop_class_uid       = ISO_STR(MAKE_CT),
                                         .sop_instance_uid    = ISO_STR(SOP) };
    struct arc_receipt        receipt;
    struct iso_buf            again[2];
    uint8_t                   table[64];
    size_t                    len;
    int                       rc;

    iso_buf_init(text, 4096);
    if (arc_ingest(arc, &in, &receipt, err) < 0)
        fail_msg("%s", err->text);
    rc  = cut_all(arc, text, err);
    len = forget_frames(folder, text->len > 0 && text->ptr[0] == 0xff, table);
    for (size_t i = 0; i < 2; i++) {
        iso_buf_init(&again[i], 4096);
        assert_int_equal(cut_all(arc, &again[i], err), rc);
        assert_int_equal(again[i].len, text->len);
        assert_memory_equal(again[i].ptr, text->ptr, text->len);
        if (i == 0)
            settle_and_compare(arc, table, len);
        iso_buf_release(&again[i]);
    }
    arc_close(arc);
    return rc;
}

static void cut(void *folder, const char *const *fragment, size_t count, int frames,
                const uint32_t *offsets, size_t offset_count, const char *expected)
{
    struct iso_err err = { 0 };
    struct iso_buf object;
    struct iso_buf text;

    encapsulated(fragment, count, frames, offsets, offset_count, &object);
    int rc = store_and_cut(folder, &object, &text, &err);
    if (expected == NULL)
        assert_int_equal(rc, ISO_EFORMAT);
    else
        assert_text(iso_str_of_bytes(iso_buf_bytes(&text)), expected);
    iso_buf_release(&object);
    iso_buf_release(&text);
}

static void fragments_make_frames(void **state)
{
    static const char *const plain[]   = { "aaaa", "bb", "cccccc" };
    static const char *const images[]  = { "\xff\xd8\xff"
                                            "1",
                                           "11",
                                           "\xff\xd8\xff"
                                            "2" };
    static const uint32_t    offsets[] = { 0, 22 }; /* two fragments, then one */
    static const uint32_t    lies[]    = { 0, 13 };

    cut(*state, plain, 3, 3, NULL, 0, "aaaa;bb;cccccc;");
    cut(*state, plain, 3, 1, NULL, 0, "aaaabbcccccc;");
    cut(*state, plain, 3, 2, offsets, 2, "aaaabb;cccccc;");
    cut(*state, images, 3, 2, NULL, 0,
        "\xff\xd8\xff"
        "111;\xff\xd8\xff"
        "2;"); /* by their marks */
    cut(*state, images, 3, 2, lies, 2,
        "\xff\xd8\xff"
        "111;\xff\xd8\xff"
        "2;");
    cut(*state, plain, 3, 2, NULL, 0, NULL);
    cut(*state, plain, 3, 4, NULL, 0, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
        fragments_make_frames, make_folder, make_folder_gone) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
