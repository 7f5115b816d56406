/* fuzz_http_query.c: what is decoded is clean text, and encodes and decodes to the same again. */
#include "http_query.h"
#include "iso_buf.h"
#include "iso_utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct iso_buf *out, iso_str s)
{
    for (size_t i = 0; i < s.len; i++)
        iso_buf_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
}

static void must(bool fact)
{
    if (!fact)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_arena  arena;
    struct iso_buf    text;
    struct iso_err    err   = { 0 };
    struct http_query query = { 0 };
    struct http_query again = { 0 };

    iso_arena_init(&arena, 1 << 22);
    iso_buf_init(&text, 1 << 20);
    if (http_query_parse(iso_str_of((const char *)data, size), &arena, &query, &err) == ISO_OK) {
        for (size_t i = 0; i < query.count; i++) {
            const struct http_param *p = &query.params[i];
            must(iso_utf8_valid(p->name) && iso_utf8_valid(p->value));
            must(p->value.len == 0 || memchr(p->value.ptr, 0, p->value.len) == NULL);
            encode(&text, p->name);
            iso_buf_add_c(&text, "=");
            encode(&text, p->value);
            iso_buf_add_c(&text, "&");
        }
        if (iso_buf_ok(&text)) {
            iso_str encoded = iso_str_of_bytes(iso_buf_bytes(&text));
            must(http_query_parse(encoded, &arena, &again, &err) == ISO_OK);
            must(again.count == query.count);
            for (size_t i = 0; i < query.count; i++)
                must(iso_str_eq(query.params[i].name, again.params[i].name) &&
                     iso_str_eq(query.params[i].value, again.params[i].value));
        }
    }
    iso_buf_release(&text);
    iso_arena_release(&arena);
    return 0;
}
