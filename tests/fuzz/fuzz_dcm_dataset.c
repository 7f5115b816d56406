/* fuzz_dcm_dataset: any bytes as a data set, the first of them choosing the transfer syntax. From a
 * stream, and lent in pieces, they give the same as from memory; what is written of them reads to the same again. */
#include <stdlib.h>
#include <string.h>

#include "dcm_pack.h"
#include "dcm_parser.h"
#include "dcm_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 64 << 20 };

static const uint8_t                *bulk_base; /* of the input that is being read */
static const struct dcm_tree_options fragments_too = { .keep_all = true };

static int copy_bulk(void *ctx, const struct dcm_element *el, struct iso_sink sink,
                     struct iso_err *err)
{
    (void)ctx;
    return sink.write(sink.ctx, bulk_base + el->offset, (size_t)el->bytes, err);
}

static int64_t read_some(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    iso_bytes *left = ctx;
    size_t     n    = left->len % 97 + 1;

    (void)err;
    n = n < cap ? n : cap;
    n = n < left->len ? n : left->len;
    if (n > 0)
        memcpy(ptr, left->ptr, n);
    *left = iso_bytes_of(n > 0 ? left->ptr + n : left->ptr, left->len - n);
    return (int64_t)n;
}

static int from_stream(iso_bytes in, const struct dcm_syntax *syntax, struct iso_arena *arena,
                       struct dcm_dataset *ds)
{
    struct iso_err     err = { 0 };
    struct dcm_parser *p;
    int rc = dcm_parser_new(&p, (struct iso_source){ read_some, &in }, syntax, 0, &err);

    if (rc < 0)
        return rc;
    rc = dcm_parser_tree(p, &fragments_too, arena, ds, &err);
    dcm_parser_free(p);
    return rc;
}

/* Pieces of their own, gone when the next one comes. */
struct lent {
    iso_bytes left;
    uint8_t  *piece;
};

static int64_t lend_some(void *ctx, const uint8_t **ptr, struct iso_err *err)
{
    struct lent *l = ctx;
    size_t       n = l->left.len % 89 + 1;

    (void)err;
    n = n < l->left.len ? n : l->left.len;
    free(l->piece);
    l->piece = malloc(n + 1);
    iso_assert(l->piece != NULL);
    if (n > 0)
        memcpy(l->piece, l->left.ptr, n);
    l->left = iso_bytes_of(n > 0 ? l->left.ptr + n : l->left.ptr, l->left.len - n);
    *ptr    = l->piece;
    return (int64_t)n;
}

static int from_lender(iso_bytes in, const struct dcm_syntax *syntax, struct iso_arena *arena,
                       struct dcm_dataset *ds)
{
    struct iso_err     err  = { 0 };
    struct lent        lent = { .left = in };
    struct dcm_parser *p;
    int rc = dcm_parser_new_lent(&p, (struct iso_lender){ lend_some, &lent }, syntax, 0, &err);

    if (rc >= 0) {
        rc = dcm_parser_tree(p, &fragments_too, arena, ds, &err);
        dcm_parser_free(p);
    }
    free(lent.piece);
    return rc;
}

static void must_equal(const struct dcm_dataset *a, const struct dcm_dataset *b)
{
    struct iso_buf x, y;
    struct iso_err err = { 0 };

    iso_buf_init(&x, ARENA_BYTES);
    iso_buf_init(&y, ARENA_BYTES);
    iso_assert(dcm_pack(a, &x, &err) == ISO_OK && dcm_pack(b, &y, &err) == ISO_OK);
    iso_assert(iso_bytes_eq(iso_buf_bytes(&x), iso_buf_bytes(&y)));
    iso_buf_release(&x);
    iso_buf_release(&y);
}

/* Written, read and written again, the two outputs are the same. */
static void must_settle(const struct dcm_dataset *ds, const struct dcm_syntax *syntax,
                        struct iso_arena *arena)
{
    const struct dcm_write_options options = { .bulk = copy_bulk };
    struct iso_err                 err     = { 0 };
    struct dcm_dataset             again;
    struct iso_buf                 first, second;

    iso_buf_init(&first, ARENA_BYTES);
    iso_buf_init(&second, ARENA_BYTES);
    if (dcm_write(ds, syntax, &options, iso_buf_sink(&first), &err) == ISO_OK &&
        !syntax->deflated) {
        iso_assert(dcm_dataset_parse(iso_buf_bytes(&first), syntax, arena, &again, &err) == ISO_OK);
        bulk_base = first.ptr;
        iso_assert(dcm_write(&again, syntax, &options, iso_buf_sink(&second), &err) == ISO_OK);
        iso_assert(iso_bytes_eq(iso_buf_bytes(&first), iso_buf_bytes(&second)));
    }
    iso_buf_release(&first);
    iso_buf_release(&second);
}

static void recode(iso_bytes in, const struct dcm_syntax *from, const struct dcm_syntax *to)
{
    struct iso_err     err = { 0 };
    struct dcm_parser *p;
    struct iso_buf     out;

    iso_buf_init(&out, ARENA_BYTES);
    if (dcm_parser_new_memory(&p, in, from, 0, &err) == ISO_OK) {
        (void)!dcm_recode(p, from, to, iso_buf_sink(&out), &err);
        dcm_parser_free(p);
    }
    iso_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dcm_syntax *const syntaxes[] = { DCM_EXPLICIT_LE, DCM_IMPLICIT_LE, DCM_EXPLICIT_BE,
                                                  DCM_DEFLATED_LE };
    const struct dcm_syntax       *syntax;
    struct iso_arena               arena;
    struct iso_err                 err = { 0 };
    struct dcm_dataset             ds, streamed, lent;
    iso_bytes                      in;
    int                            rc, rc_stream, rc_lent;

    if (size == 0)
        return 0;
    syntax = syntaxes[data[0] % 4];
    in     = iso_bytes_of(data + 1, size - 1);
    iso_arena_init(&arena, ARENA_BYTES);
    bulk_base = in.ptr;
    rc        = dcm_dataset_parse(in, syntax, &arena, &ds, &err);
    rc_stream = from_stream(in, syntax, &arena, &streamed);
    rc_lent   = from_lender(in, syntax, &arena, &lent);
    iso_assert(rc_stream == rc_lent || rc_stream == ISO_ELIMIT || rc_lent == ISO_ELIMIT);
    if (rc_stream == ISO_OK && rc_lent == ISO_OK)
        must_equal(&streamed, &lent);
    /* A stream knows no more than its window, and a tree in the arena takes what it takes. */
    iso_assert(size > 60000 || rc == rc_stream || rc == ISO_ELIMIT || rc_stream == ISO_ELIMIT);
    if (rc == ISO_OK && rc_stream == ISO_OK && size < 60000)
        must_equal(&ds, &streamed);
    if (rc == ISO_OK)
        must_settle(&ds, syntax, &arena);
    recode(in, syntax, syntaxes[data[0] / 4 % 4]);
    iso_arena_release(&arena);
    return 0;
}
