/* fuzz_dcm_file: any bytes as a Part 10 file and as a DICOMDIR. */
#include "dcm_dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dcm_tree_options header = { .stop_before = DCM_PIXEL_DATA };
    struct iso_arena              arena;
    struct iso_err                err = { 0 };
    struct dcm_meta               meta;
    struct dcm_dataset            ds;
    struct dcm_dir                dir;

    iso_arena_init(&arena, ARENA_BYTES);
    if (dcm_file_parse(iso_bytes_of(data, size), NULL, &arena, &meta, &ds, &err) == ISO_OK)
        iso_assert(meta.syntax != NULL && meta.data_offset <= size);
    else
        iso_assert(err.text[0] != '\0');
    (void)!dcm_file_parse(iso_bytes_of(data, size), &header, &arena, &meta, &ds, &err);
    if (dcm_dir_read(iso_bytes_of(data, size), &arena, &dir, &err) == ISO_OK)
        for (size_t i = 0; i < dir.count; i++)
            iso_assert(dir.record[i].parent == DCM_DIR_NONE || dir.record[i].parent < i);
    iso_arena_release(&arena);
    return 0;
}
