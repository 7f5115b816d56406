/* First byte: the VR; up to the first newline: the terms; the rest: the value. What decodes without
 * a bad character encodes, and decodes to the same again. */
#include "dcm_charset.h"
#include "iso_utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_arena   arena;
    struct dcm_charset set;
    struct iso_err     err = { 0 };
    iso_bytes          raw;

    if (size < 2 || size > 65536)
        return 0;
    enum dcm_vr    vr  = (enum dcm_vr)(data[0] % DCM_VR_COUNT);
    const uint8_t *end = memchr(data + 1, '\n', size - 1);
    size_t         n   = end != NULL ? (size_t)(end - data - 1) : 0;

    iso_arena_init(&arena, 1 << 20);
    dcm_charset_init(&set, iso_bytes_of(data + 1, n));
    iso_str text = dcm_charset_decode(&set, vr, iso_bytes_of(data + 1 + n, size - 1 - n), &arena);
    check(text.ptr != NULL && iso_utf8_valid(text));
    if (dcm_charset_encode(&set, vr, text, &arena, &raw, &err) == ISO_OK) {
        iso_str again = dcm_charset_decode(&set, vr, raw, &arena);
        check(iso_str_eq(text, again));
    }
    iso_arena_release(&arena);
    return 0;
}
