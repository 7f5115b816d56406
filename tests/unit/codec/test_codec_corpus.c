/* Every sample in a transfer syntax that we decode gives the pixels that DCMTK and GDCM agree on.
 * Skipped where the corpus is absent. */
#include "test.h"

#include "codec.h"
#include "iso_hash.h"
#include "sample_frames.h"

enum { /* columns of INDEX.tsv */
       PATH         = 0,
       SYNTAX       = 10,
       PHOTOMETRIC  = 12,
       ALLOCATED    = 14,
       FRAMES       = 21,
       DCMTK_PIXELS = 29,
       GDCM_PIXELS  = 30,
       AGREE        = 31,
       OTHER_PIXELS = 33,
       LOSSLESS     = 34
};

enum { ARENA_BYTES = 512 << 20, FILE_BYTES_MAX = 8 << 20 };

struct run {
    size_t same, wrong, skipped;
};

/* Adds one decoded frame to the hash. */
static int add_frame(struct iso_sha256 *hash, iso_str uid, iso_bytes in,
                     const struct codec_image *attributes)
{
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;
    int                rc = codec_inspect(uid, in, attributes, &frame, &bytes, &err);

    if (rc < 0)
        return rc;
    uint8_t *out = malloc(bytes);
    assert_non_null(out);
    rc = codec_decode(NULL, uid, in, attributes, &frame, out, bytes, &err);
    if (rc == ISO_OK)
        iso_sha256_add(hash, out, bytes);
    else
        print_message("  %s\n", err.text);
    free(out);
    return rc;
}

/* ISO_EMORE: fragments that this test cannot tell apart into frames; the archive's tests do. */
static int hash_frames(iso_bytes file, const struct dcm_meta *meta, const struct dcm_dataset *ds,
                       const struct sample_fragments *f, const struct codec_image *attributes,
                       size_t frames, struct iso_sha256 *hash)
{
    const struct dcm_element *el  = dcm_get(ds, DCM_PIXEL_DATA);
    iso_str                   uid = iso_str_c(meta->syntax->uid);
    int                       rc  = ISO_OK;

    if (el->form != DCM_FORM_FRAGMENTS) {
        size_t each = (size_t)el->bytes / frames;
        for (size_t i = 0; rc == ISO_OK && i < frames; i++)
            rc = add_frame(hash, uid, iso_bytes_of(file.ptr + el->offset + i * each, each),
                           attributes);
        return rc;
    }
    if (f->count == frames) {
        for (size_t i = 0; rc == ISO_OK && i < frames; i++)
            rc = add_frame(hash, uid, iso_bytes_of(file.ptr + f->offset[i], (size_t)f->bytes[i]),
                           attributes);
        return rc;
    }
    if (frames > 1)
        return ISO_EMORE;
    uint8_t *joined = malloc(file.len);
    assert_non_null(joined);
    rc = add_frame(hash, uid, iso_bytes_of(joined, sample_join(file, f, f->count, joined)),
                   attributes);
    free(joined);
    return rc;
}

/* The pixels before lossless compression; else those that two decoders agree on; else, where only
 * one of them decodes it, its and a third one's. NULL: none. */
static const char *reference(char **cell)
{
    if (cell[LOSSLESS][0] != '\0')
        return cell[LOSSLESS];
    if (strcmp(cell[AGREE], "yes") == 0)
        return cell[DCMTK_PIXELS];
    if (cell[AGREE][0] != '\0' || strlen(cell[OTHER_PIXELS]) != 2 * ISO_SHA256_BYTES)
        return NULL;
    return cell[GDCM_PIXELS][0] == '\0' || strcmp(cell[GDCM_PIXELS], cell[OTHER_PIXELS]) == 0
               ? cell[OTHER_PIXELS]
               : NULL;
}

static void check(void *ctx, char **cell)
{
    struct run *run    = ctx;
    const char *want   = reference(cell);
    size_t      frames = cell[FRAMES][0] != '\0' ? (size_t)atol(cell[FRAMES]) : 1;
    bool        is_rle = strcmp(cell[SYNTAX], "1.2.840.10008.1.2.5") == 0;
    static struct sample_fragments f;
    struct dcm_tree_options        options = { .fragment = sample_on_fragment, .ctx = &f };
    char                           path[4096], hex[2 * ISO_SHA256_BYTES + 1];
    uint8_t                        digest[ISO_SHA256_BYTES];
    struct iso_arena               arena;
    struct iso_err                 err = { 0 };
    struct dcm_meta                meta;
    struct dcm_dataset             ds;
    struct codec_image             attributes;
    struct iso_sha256             *hash;

    bool is_jpeg     = strstr(cell[SYNTAX], ".4.") != NULL;
    bool is_deflated = strstr(cell[SYNTAX], ".2.8.1") != NULL;
    /* .111: there a reference has no JPEG decoder's pixels; test_codec_jxl compares with the original */
    if (want == NULL || !codec_can_decode(iso_str_c(cell[SYNTAX])) ||
        strstr(cell[SYNTAX], ".4.111") != NULL || strncmp(cell[PATH], "malformed/", 10) == 0 ||
        strcmp(cell[SYNTAX], "1.2.840.10008.1.2.2") == 0 || strstr(cell[SYNTAX], ".99") != NULL ||
        (!is_jpeg && strcmp(cell[ALLOCATED], "8") != 0 && strcmp(cell[ALLOCATED], "16") != 0 &&
         strcmp(cell[ALLOCATED], "32") != 0))
        return;
    if (!is_rle && !is_jpeg &&
        !is_deflated && /* copied: a few say enough; halved chroma we widen, others do not */
        (strstr(cell[PATH], "photometric") == NULL || strstr(cell[PHOTOMETRIC], "_422") != NULL))
        return;
    assert_true(sample_path(path, sizeof path, cell[PATH]));
    iso_bytes file = sample_read(path);
    if (file.ptr == NULL || file.len > FILE_BYTES_MAX) {
        free((void *)(uintptr_t)file.ptr);
        run->skipped++;
        return;
    }
    f.count = 0;
    iso_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(dcm_file_parse(file, &options, &arena, &meta, &ds, &err), ISO_OK);
    assert_int_equal(codec_image_read(&ds, &attributes, &err), ISO_OK);
    assert_int_equal(iso_sha256_new(&hash, &err), ISO_OK);
    int rc = hash_frames(file, &meta, &ds, &f, &attributes, frames, hash);
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    iso_hex(digest, sizeof digest, hex);
    if (rc == ISO_OK && strcmp(hex, want) == 0) {
        run->same++;
    } else if (rc == ISO_EMORE) {
        run->skipped++;
    } else {
        print_message("%s: %s\n", cell[PATH], rc == ISO_OK ? "other pixels" : "not decoded");
        run->wrong++;
    }
    iso_arena_release(&arena);
    free((void *)(uintptr_t)file.ptr);
}

static void decoded_pixels_are_the_reference(void **state)
{
    struct run run = { 0 };

    (void)state;
    if (!sample_table("INDEX.tsv", check, &run))
        skip();
    print_message("%zu files the same, %zu not for this test\n", run.same, run.skipped);
    assert_int_equal(run.wrong, 0);
    assert_true(run.same > 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded_pixels_are_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
