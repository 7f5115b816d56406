/* fuzz_http_accept.c: ranges come out in order, and whatever is picked was really admitted. */
#include "http_accept.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_offer offers[] = {
    { "multipart/related", "application/dicom", "1.2.840.10008.1.2.1" },
    { "multipart/related", "application/octet-stream", NULL },
    { "image/jpeg", NULL, NULL },
    { "application/dicom+json", NULL, NULL },
};

static void must(bool fact)
{
    if (!fact)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iso_str                  text = iso_str_of((const char *)data, size);
    struct iso_arena         arena;
    struct iso_err           err    = { 0 };
    struct http_accept       accept = { 0 };
    struct http_media        media  = { 0 };
    const struct http_media *range  = NULL;

    iso_arena_init(&arena, 1 << 22);
    if (http_accept_parse(text, &arena, &accept, &err) == ISO_OK) {
        must(accept.count > 0);
        for (size_t i = 0; i < accept.count; i++) {
            must(accept.ranges[i].q <= 1000);
            must(i == 0 || accept.ranges[i - 1].q >= accept.ranges[i].q);
        }
        int index = http_accept_pick(&accept, offers, sizeof offers / sizeof offers[0], &range);
        if (index >= 0)
            must(range->q > 0 && http_media_admits(range, &offers[index]));
    }
    if (http_media_parse(text, &arena, &media, &err) == ISO_OK)
        must(iso_str_find(media.type, '/', 0) < media.type.len);
    (void)http_accepts_gzip(text);
    iso_arena_release(&arena);
    return 0;
}
