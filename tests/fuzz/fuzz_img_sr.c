/* fuzz_img_sr.c: a data set as a report. Whatever is in it, the page has our own tags only, and the
 * text no control characters. */
#include "dcm_file.h"
#include "img_sr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_ours(const char *p, size_t left)
{
    static const char *const tags[] = { "!DOCTYPE html>",
                                        "html",
                                        "head>",
                                        "meta ",
                                        "title>",
                                        "style>",
                                        "body>",
                                        "main",
                                        "header>",
                                        "h1>",
                                        "h2",
                                        "h3",
                                        "h4",
                                        "h5",
                                        "h6",
                                        "dl>",
                                        "dt>",
                                        "dd>",
                                        "section",
                                        "ul>",
                                        "li",
                                        "a ",
                                        "a>",
                                        "span",
                                        "p" };

    if (left > 0 && *p == '/')
        p++, left--;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (left >= strlen(tags[i]) && memcmp(p, tags[i], strlen(tags[i])) == 0)
            return true;
    return false;
}

static iso_str link_of(void *ctx, iso_str uid, uint32_t frame, struct iso_arena *arena)
{
    (void)ctx;
    return iso_arena_printf(arena, "/x?\"<&%.*s/%u", ISO_STR_ARG(uid), frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct img_sr_options options = { link_of, NULL };
    struct iso_arena      arena;
    struct dcm_dataset    ds;
    struct iso_buf        out;
    struct iso_err        err = { 0 };

    iso_arena_init(&arena, 16 << 20);
    iso_buf_init(&out, 32 << 20);
    if (dcm_dataset_parse(iso_bytes_of(data, size), DCM_EXPLICIT_LE, &arena, &ds, &err) == ISO_OK) {
        (void)img_sr_is(&ds);
        if (img_sr_html(&ds, &options, &arena, &out, &err) == ISO_OK)
            for (size_t i = 0; i < out.len; i++)
                if (out.ptr[i] == '<' && !is_ours((const char *)out.ptr + i + 1, out.len - i - 1))
                    abort();
        iso_buf_reset(&out);
        if (img_sr_text(&ds, &arena, &out, &err) == ISO_OK)
            for (size_t i = 0; i < out.len; i++)
                if (out.ptr[i] < 0x20 && out.ptr[i] != '\n' && out.ptr[i] != '\t')
                    abort();
        iso_buf_reset(&out);
        if (img_sr_pdf(&ds, &arena, &out, &err) == ISO_OK && memcmp(out.ptr, "%PDF-", 5) != 0)
            abort();
    }
    iso_buf_release(&out);
    iso_arena_release(&arena);
    return 0;
}
