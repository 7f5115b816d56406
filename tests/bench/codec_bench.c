/* codec_bench: milliseconds that decoding and encoding a frame take, within this process and in a
 * worker process.
 *   codec_bench [-s SECONDS] FILE...
 * Of each file the first frame, read into memory before; the two ways by turns, so that what else
 * the machine does meets both. A line for each:
 *   UID what COLUMNSxROWSxSAMPLESxBITS best: here, worker; mean: here, worker; best's difference */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "codec_pool.h"
#include "os_clock.h"
#include "sample_frames.h"

#include <unistd.h>

enum { ARENA_BYTES = 512 << 20 };

/* The first frame: a fragment when there are several frames, else all that there are. */
static iso_bytes first_frame(iso_bytes file, const struct dcm_dataset *ds,
                             const struct sample_fragments *f, int64_t frames)
{
    const struct dcm_element *el     = dcm_get(ds, DCM_PIXEL_DATA);
    uint8_t                  *joined = malloc(file.len);
    size_t                    n      = 0;

    if (el == NULL || joined == NULL)
        return iso_bytes_of(joined, 0);
    if (el->form != DCM_FORM_FRAGMENTS) {
        n = (size_t)el->bytes / (size_t)frames;
        if (el->offset > file.len || n > file.len - el->offset) /* deflated: lies elsewhere */
            n = 0;
        memcpy(joined, file.ptr + el->offset, n);
        return iso_bytes_of(joined, n);
    }
    return iso_bytes_of(joined, sample_join(file, f, frames > 1 ? 1 : f->count, joined));
}

/* One frame, and the two ways of its codec. */
struct subject {
    iso_str                   uid;
    iso_bytes                 in; /* as it is in the file */
    const struct codec_image *attributes;
    struct codec_image        frame;
    uint8_t                  *pixels;
    size_t                    bytes;
};

static int decode(struct subject *s, struct codec_pool *pool, struct iso_err *err)
{
    return codec_decode(pool, s->uid, s->in, s->attributes, &s->frame, s->pixels, s->bytes, err);
}

static int encode(struct subject *s, struct codec_pool *pool, struct iso_err *err)
{
    struct iso_buf out;

    iso_buf_init(&out, 2 * s->bytes + (1 << 20));
    int rc =
        codec_encode(pool, s->uid, &s->frame, iso_bytes_of(s->pixels, s->bytes), NULL, &out, err);
    iso_buf_release(&out);
    return rc;
}

static int measure(const char *name, struct subject *s,
                   int (*once)(struct subject *, struct codec_pool *, struct iso_err *),
                   struct codec_pool *pool, double seconds, struct iso_err *err)
{
    struct codec_pool *ways[]  = { NULL, pool };
    int64_t            best[2] = { INT64_MAX, INT64_MAX };
    int64_t            sum[2]  = { 0, 0 };
    int64_t            end     = os_now_us() + (int64_t)(seconds * 1e6);
    int64_t            turns   = 0;
    int                rc      = ISO_OK;

    while (rc == ISO_OK && (turns < 3 || os_now_us() < end)) {
        for (size_t w = 0; rc == ISO_OK && w < 2; w++) {
            int64_t began = os_now_us();
            rc            = once(s, ways[w], err);
            int64_t took  = os_now_us() - began;
            sum[w] += took;
            if (took < best[w])
                best[w] = took;
        }
        turns++;
    }
    if (rc == ISO_OK)
        (void)printf("%-24.*s %s %5ux%-5ux%ux%-2u best %8.3f %8.3f mean %8.3f %8.3f %+6.1f%%  %s\n",
                     ISO_STR_ARG(s->uid), once == decode ? "decode" : "encode", s->frame.columns,
                     s->frame.rows, s->frame.samples, s->frame.bits_allocated,
                     (double)best[0] / 1e3, (double)best[1] / 1e3,
                     (double)sum[0] / 1e3 / (double)turns, (double)sum[1] / 1e3 / (double)turns,
                     100.0 * (double)(best[1] - best[0]) / (double)best[0], name);
    return rc;
}

static int both_ways(const char *name, struct subject *s, struct codec_pool *pool, double seconds,
                     struct iso_err *err)
{
    int rc = codec_inspect(s->uid, s->in, s->attributes, &s->frame, &s->bytes, err);

    if (rc < 0)
        return rc;
    s->pixels = malloc(s->bytes);
    rc        = s->pixels == NULL ? ISO_ENOMEM : measure(name, s, decode, pool, seconds, err);
    if (rc == ISO_OK && codec_can_encode(s->uid))
        rc = measure(name, s, encode, pool, seconds, err);
    free(s->pixels);
    return rc;
}

static int bench(const char *name, struct codec_pool *pool, double seconds, struct iso_err *err)
{
    static struct sample_fragments f;
    struct dcm_tree_options        options = { .fragment = sample_on_fragment, .ctx = &f };
    iso_bytes                      file    = sample_read(name);
    struct iso_arena               arena;
    struct dcm_meta                meta;
    struct dcm_dataset             ds;
    struct codec_image             a;
    int64_t                        frames = 1;

    if (file.ptr == NULL)
        return iso_fail(err, ISO_ENOENT, "cannot be read");
    f.count = 0;
    iso_arena_init(&arena, ARENA_BYTES);
    int rc = dcm_file_parse(file, &options, &arena, &meta, &ds, err);
    if (rc == ISO_OK)
        rc = codec_image_read(&ds, &a, err);
    if (rc == ISO_OK) {
        if (!dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 0, &frames) || frames < 1)
            frames = 1;
        struct subject s = { .uid        = iso_str_c(meta.syntax->uid),
                             .in         = first_frame(file, &ds, &f, frames),
                             .attributes = &a };
        rc               = both_ways(name, &s, pool, seconds, err);
        free((void *)(uintptr_t)s.in.ptr);
    }
    iso_arena_release(&arena);
    free((void *)(uintptr_t)file.ptr);
    return rc;
}

int main(int argc, char **argv)
{
    const struct codec_pool_config config  = { 0 };
    struct codec_pool             *pool    = NULL;
    struct iso_err                 err     = { 0 };
    double                         seconds = 1;
    int                            failed  = 0;
    int                            c;

    while ((c = getopt(argc, argv, "s:")) != -1) {
        if (c != 's')
            return 2;
        seconds = atof(optarg);
    }
    if (codec_pool_new(&config, &pool, &err) < 0) {
        (void)fprintf(stderr, "codec_bench: %s\n", err.text);
        return 1;
    }
    for (int i = optind; i < argc; i++) {
        if (bench(argv[i], pool, seconds, &err) < 0) {
            (void)fprintf(stderr, "codec_bench: %s: %s\n", argv[i], err.text);
            failed = 1;
        }
    }
    codec_pool_free(pool);
    return failed;
}
