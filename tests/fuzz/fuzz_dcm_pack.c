/* fuzz_dcm_pack: any bytes as a packed header; what is unpacked packs to the same meaning. */
#include "dcm_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_arena   arena;
    struct iso_err     err = { 0 };
    struct dcm_dataset ds, again;
    struct iso_buf     first, second;

    iso_arena_init(&arena, ARENA_BYTES);
    iso_buf_init(&first, ARENA_BYTES);
    iso_buf_init(&second, ARENA_BYTES);
    if (dcm_unpack(iso_bytes_of(data, size), &arena, &ds, &err) == ISO_OK) {
        iso_assert(dcm_pack(&ds, &first, &err) == ISO_OK);
        iso_assert(dcm_unpack(iso_buf_bytes(&first), &arena, &again, &err) == ISO_OK);
        iso_assert(dcm_pack(&again, &second, &err) == ISO_OK);
        iso_assert(iso_bytes_eq(iso_buf_bytes(&first), iso_buf_bytes(&second)));
        (void)dcm_get(&ds, DCM_PATIENT_ID);
    }
    iso_buf_release(&first);
    iso_buf_release(&second);
    iso_arena_release(&arena);
    return 0;
}
