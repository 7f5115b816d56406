/* Every sample of the corpus: what others can read we read, what is broken we refuse, from memory
 * and from a stream that comes in small pieces alike; what was read comes out byte for byte the
 * same, and by way of other transfer syntaxes too. Skipped where the corpus is absent. */
#include "test.h"

#include "dcm_file.h"
#include "dcm_pack.h"
#include "samples.h"

enum {
    INDEX_PATH      = 0,
    INDEX_DCMTK     = 24,
    EXPECTED_PATH   = 0,
    EXPECTED_RESULT = 2,
    ARENA_BYTES     = 512 << 20,
    STREAM_BYTES    = 512 << 10, /* larger files are not parsed a second time */
    EXPECTED_MAX    = 1024
};

enum verdict { ANY, READ, REFUSE };

struct run {
    size_t read, refused, wrong;
    size_t expected_count;
    char  *expected_path[EXPECTED_MAX];
    char  *expected_result[EXPECTED_MAX];
};

/* Where we differ from the corpus' wish, on purpose. */
static const struct {
    const char  *path, *why;
    enum verdict verdict;
    bool         not_same; /* does not come out as it came in */
} exceptions[] = {
    { "dicomdir/DICOMDIR-nooffset", "its last item says 24 bytes more than there are", REFUSE,
      false },
    { "malformed/syn/element/stray-item-delimiter.dcm", "passed over", READ, true },
    { "malformed/syn/file/meta-empty-ts.dcm", "guessed from the data set", READ, false },
    { "malformed/syn/file/meta-unknown-ts.dcm", "explicit VR; who stores decides", READ, false },
    { "malformed/syn/file/trailing-zeros.dcm", "zeros after the end are dropped", READ, true },
    { "malformed/syn/sequence/delimiter-nonzero-length.dcm", "its length is dropped", READ, true },
    { "malformed/syn/sequence/item-defined-with-delimiter.dcm", "is dropped", READ, true },
};

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static enum verdict verdict_of(const struct run *run, const char *path, const char *dcmtk,
                               bool *same)
{
    const char *wish = "";

    *same = true;
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(path, exceptions[i].path) == 0) {
            *same = !exceptions[i].not_same;
            return exceptions[i].verdict;
        }
    if (!starts(path, "malformed/"))
        return strcmp(dcmtk, "ok") == 0 || strcmp(dcmtk, "warn") == 0 ? READ : ANY;
    for (size_t i = 0; i < run->expected_count; i++)
        if (strcmp(run->expected_path[i], path) == 0)
            wish = run->expected_result[i];
    /* Values and directory records are for others to judge. */
    if (starts(path, "malformed/syn/value/") || starts(path, "malformed/syn/dicomdir/"))
        return READ;
    if (starts(wish, "accept"))
        return strstr(wish, "reject") == NULL ? READ : ANY;
    if (strcmp(wish, "reject") == 0 || strcmp(wish, "reject-no-crash") == 0)
        return REFUSE;
    return ANY;
}

/* ---- bulk values ------------------------------------------------------------------------------ */

struct file {
    iso_bytes bytes;
    bool      big_endian;
};

static int copy_bulk(void *ctx, const struct dcm_element *el, struct iso_sink sink,
                     struct iso_err *err)
{
    const struct file *file = ctx;
    const uint8_t     *from = file->bytes.ptr + el->offset;
    size_t             unit = dcm_vr_info(el->vr)->unit_bytes;
    size_t             n    = (size_t)el->bytes;
    uint8_t           *turned;
    int                rc;

    if (!file->big_endian || el->form != DCM_FORM_BULK || unit == 1)
        return sink.write(sink.ctx, from, n, err);
    turned = malloc(n);
    assert_non_null(turned);
    for (size_t i = 0; i < n; i++)
        turned[i] = i < n / unit * unit ? from[i / unit * unit + unit - 1 - i % unit] : from[i];
    rc = sink.write(sink.ctx, turned, n / 3, err); /* in two pieces that cut a number */
    if (rc == ISO_OK)
        rc = sink.write(sink.ctx, turned + n / 3, n - n / 3, err);
    free(turned);
    return rc;
}

/* ---- checks ----------------------------------------------------------------------------------- */

/* The tree as bytes, so that two can be compared. */
static struct iso_buf packed(const struct dcm_dataset *ds)
{
    struct iso_buf out;
    struct iso_err err = { 0 };

    iso_buf_init(&out, ARENA_BYTES);
    assert_int_equal(dcm_pack(ds, &out, &err), ISO_OK);
    return out;
}

static bool writes_the_same(iso_bytes file, const struct dcm_meta *meta,
                            const struct dcm_dataset *ds)
{
    struct file              from    = { file, meta->syntax->big_endian };
    struct dcm_write_options options = { .bulk = copy_bulk, .ctx = &from };
    struct iso_err           err     = { 0 };
    iso_bytes rest = iso_bytes_of(file.ptr + meta->data_offset, file.len - meta->data_offset);
    struct iso_arena   arena;
    struct dcm_dataset again;
    struct iso_buf     out, pack, pack_again;
    bool               same;

    iso_buf_init(&out, ARENA_BYTES);
    assert_int_equal(dcm_write(ds, meta->syntax, &options, iso_buf_sink(&out), &err), ISO_OK);
    if (!meta->syntax->deflated) {
        same = iso_bytes_eq(iso_buf_bytes(&out), rest);
    } else { /* another compressor, other bytes: it must mean the same */
        iso_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(dcm_dataset_parse(iso_buf_bytes(&out), meta->syntax, &arena, &again, &err),
                         ISO_OK);
        pack       = packed(ds);
        pack_again = packed(&again);
        same       = iso_bytes_eq(iso_buf_bytes(&pack), iso_buf_bytes(&pack_again));
        iso_buf_release(&pack);
        iso_buf_release(&pack_again);
        iso_arena_release(&arena);
    }
    iso_buf_release(&out);
    return same;
}

struct pieces {
    iso_bytes left;
    uint32_t  seed;
};

static int64_t read_piece(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct pieces *p = ctx;
    size_t         n;

    (void)err;
    p->seed = p->seed * 1664525u + 1013904223u;
    n       = (p->seed >> 24) % 3 == 0 ? 1 + (p->seed >> 20) % 7 : 1 + (p->seed >> 12) % 5000;
    n       = n < cap ? n : cap;
    n       = n < p->left.len ? n : p->left.len;
    memcpy(ptr, p->left.ptr, n);
    p->left = iso_bytes_of(p->left.ptr + n, p->left.len - n);
    return (int64_t)n;
}

/* The same file as a stream: the same tree, or an error too. */
static bool streams_the_same(iso_bytes file, int rc_memory, const struct dcm_dataset *ds)
{
    static const struct dcm_tree_options all    = { .keep_all = true };
    struct pieces                        pieces = { file, (uint32_t)file.len };
    struct iso_err                       err    = { 0 };
    struct iso_arena                     arena;
    struct dcm_meta                      meta;
    struct iso_source                    rest;
    struct dcm_parser                   *p;
    struct dcm_dataset                   streamed;
    struct iso_buf                       a, b;
    bool                                 same = false;
    int                                  rc;

    iso_arena_init(&arena, ARENA_BYTES);
    rc = dcm_meta_read((struct iso_source){ read_piece, &pieces }, &arena, &meta, &rest, &err);
    if (rc == ISO_OK) {
        assert_int_equal(dcm_parser_new(&p, rest, meta.syntax, meta.data_offset, &err), ISO_OK);
        rc = dcm_parser_tree(p, meta.syntax->deflated ? &all : NULL, &arena, &streamed, &err);
        dcm_parser_free(p);
    }
    if (rc < 0 || rc_memory < 0) {
        same = rc == rc_memory;
    } else {
        a    = packed(ds);
        b    = packed(&streamed);
        same = iso_bytes_eq(iso_buf_bytes(&a), iso_buf_bytes(&b));
        iso_buf_release(&a);
        iso_buf_release(&b);
    }
    iso_arena_release(&arena);
    return same;
}

static struct iso_buf recoded(iso_bytes in, const struct dcm_syntax *from,
                              const struct dcm_syntax *to)
{
    struct dcm_parser *p;
    struct iso_err     err = { 0 };
    struct iso_buf     out;

    iso_buf_init(&out, ARENA_BYTES);
    assert_int_equal(dcm_parser_new_memory(&p, in, from, 0, &err), ISO_OK);
    assert_int_equal(dcm_recode(p, from, to, iso_buf_sink(&out), &err), ISO_OK);
    dcm_parser_free(p);
    return out;
}

/* There and back by way of another transfer syntax is as there alone. */
static bool recodes(iso_bytes data, const struct dcm_syntax *syntax)
{
    const struct dcm_syntax *const by[]   = { DCM_EXPLICIT_BE, DCM_DEFLATED_LE };
    struct iso_buf                 little = recoded(data, syntax, DCM_EXPLICIT_LE);
    bool                           same   = true;

    for (size_t i = 0; i < 2; i++) {
        struct iso_buf other = recoded(iso_buf_bytes(&little), DCM_EXPLICIT_LE, by[i]);
        struct iso_buf back  = recoded(iso_buf_bytes(&other), by[i], DCM_EXPLICIT_LE);

        same = same && iso_bytes_eq(iso_buf_bytes(&little), iso_buf_bytes(&back));
        iso_buf_release(&other);
        iso_buf_release(&back);
    }
    iso_buf_release(&little);
    return same;
}

static void wrong(struct run *run, const char *path, const char *what, const char *detail)
{
    print_error("%s: %s %s\n", path, what, detail);
    run->wrong++;
}

static void check(struct run *run, const char *path, const char *dcmtk)
{
    char               full[4096];
    struct iso_arena   arena;
    struct iso_err     err = { 0 };
    struct dcm_meta    meta;
    struct dcm_dataset ds;
    iso_bytes          file;
    bool               same;
    enum verdict       verdict = verdict_of(run, path, dcmtk, &same);
    int                rc;

    assert_true(sample_path(full, sizeof full, path));
    file = sample_read(full);
    assert_non_null(file.ptr);
    iso_arena_init(&arena, ARENA_BYTES);
    rc = dcm_file_parse(file, NULL, &arena, &meta, &ds, &err);
    run->read += rc == ISO_OK;
    run->refused += rc < 0;
    if (rc < 0)
        print_message("refused %s: %s\n", path, err.text);
    if (rc == ISO_OK ? verdict == REFUSE : verdict == READ)
        wrong(run, path, rc == ISO_OK ? "should be refused" : "should be read:", err.text);
    if (rc < 0)
        assert_true(err.text[0] != '\0');
    iso_arena_reset(&arena);
    rc = dcm_file_parse(file, &(struct dcm_tree_options){ 0 }, &arena, &meta, &ds, &err);
    if (rc == ISO_OK && writes_the_same(file, &meta, &ds) != same)
        wrong(run, path, "comes out", same ? "different" : "the same");
    if (file.len <= STREAM_BYTES && !streams_the_same(file, rc, &ds))
        wrong(run, path, "as a stream is", "not the same");
    if (rc == ISO_OK && !meta.syntax->encapsulated && !starts(path, "malformed/") &&
        file.len <= STREAM_BYTES &&
        !recodes(iso_bytes_of(file.ptr + meta.data_offset, file.len - meta.data_offset),
                 meta.syntax))
        wrong(run, path, "recoded is", "not the same");
    iso_arena_release(&arena);
    free((void *)(uintptr_t)file.ptr);
}

static void each_expected(void *ctx, char **cells)
{
    struct run *run = ctx;

    assert_true(run->expected_count < EXPECTED_MAX);
    run->expected_path[run->expected_count]     = strdup(cells[EXPECTED_PATH]);
    run->expected_result[run->expected_count++] = strdup(cells[EXPECTED_RESULT]);
}

static void each_sample(void *ctx, char **cells)
{
    if (cells[INDEX_DCMTK][0] != '\0') /* HL7 messages have none */
        check(ctx, cells[INDEX_PATH], cells[INDEX_DCMTK]);
}

static void samples(void **state)
{
    struct run run = { 0 };

    (void)state;
    if (!sample_table("malformed/EXPECTED.tsv", each_expected, &run) ||
        !sample_table("INDEX.tsv", each_sample, &run)) {
        print_message("skipped: no corpus\n");
        skip();
    }
    for (size_t i = 0; i < run.expected_count; i++) {
        free(run.expected_path[i]);
        free(run.expected_result[i]);
    }
    print_message("%zu read, %zu refused, %zu wrong\n", run.read, run.refused, run.wrong);
    assert_int_equal(run.wrong, 0);
    assert_in_range(run.read, 1000, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(samples) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
