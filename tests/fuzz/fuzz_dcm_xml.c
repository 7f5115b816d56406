/* What reads must write, read and write to the same text again. */
#include "dcm_xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_arena      arena;
    struct dcm_dataset    ds, again;
    struct dcm_json_bulk *bulk;
    size_t                bulks;
    struct iso_err        err = { 0 };

    if (size > 1 << 16)
        return 0;
    iso_arena_init(&arena, 64 << 20);
    if (dcm_xml_read(iso_bytes_of(data, size), &arena, &ds, &bulk, &bulks, &err) == ISO_OK) {
        struct iso_buf first, second;

        iso_buf_init(&first, 32 << 20);
        iso_buf_init(&second, 32 << 20);
        check(dcm_xml_write(&ds, NULL, &arena, &first, &err) == ISO_OK);
        if (dcm_xml_read(iso_buf_bytes(&first), &arena, &again, NULL, NULL, &err) != ISO_OK)
            abort();
        check(dcm_xml_write(&again, NULL, &arena, &second, &err) == ISO_OK);
        check(iso_bytes_eq(iso_buf_bytes(&first), iso_buf_bytes(&second)));
        iso_buf_release(&first);
        iso_buf_release(&second);
    }
    iso_arena_release(&arena);
    return 0;
}
