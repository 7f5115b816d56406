/* What reads must write, read and write to the same text again. */
#include "dcm_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void write_one(const struct dcm_dataset *ds, struct iso_arena *arena, struct iso_buf *buf)
{
    struct iso_json json;
    struct iso_err  err = { 0 };

    iso_json_init(&json, buf);
    check(dcm_json_write(ds, NULL, arena, &json, &err) == ISO_OK);
    check(iso_json_end(&json, &err) == ISO_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_arena      arena;
    struct dcm_dataset   *list, *again;
    struct dcm_json_bulk *bulk;
    size_t                count, bulks, n;
    struct iso_err        err = { 0 };

    if (size > 1 << 16)
        return 0;
    iso_arena_init(&arena, 64 << 20);
    if (dcm_json_read(iso_bytes_of(data, size), &arena, &list, &count, &bulk, &bulks, &err) ==
        ISO_OK)
        for (size_t i = 0; i < count && i < 4; i++) {
            struct iso_buf first, second;

            iso_buf_init(&first, 16 << 20);
            iso_buf_init(&second, 16 << 20);
            write_one(&list[i], &arena, &first);
            check(dcm_json_read(iso_buf_bytes(&first), &arena, &again, &n, NULL, NULL, &err) ==
                  ISO_OK);
            check(n == 1);
            write_one(&again[0], &arena, &second);
            check(iso_bytes_eq(iso_buf_bytes(&first), iso_buf_bytes(&second)));
            iso_buf_release(&first);
            iso_buf_release(&second);
        }
    iso_arena_release(&arena);
    return 0;
}
