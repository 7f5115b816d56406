/* fuzz_dcm_deidentify: any bytes as a data set, the first of them choosing transfer syntax and options. What
 * comes out reads again, has no private element, none that the dictionary lacks, no overlay and
 * no patient's name but the pseudonym. */
#include <string.h>

#include "dcm_deidentify.h"
#include "dcm_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 64 << 20, OUT_BYTES = 64 << 20 };

static void must_be_clean(const struct dcm_dataset *ds, size_t depth)
{
    for (size_t i = 0; i < ds->count; i++) {
        const struct dcm_element *el = &ds->element[i];

        iso_assert((el->tag >> 16) % 2 == 0);
        iso_assert(el->tag >> 24 != 0x50 && el->tag >> 24 != 0x60);
        iso_assert(dcm_dict_find(el->tag) != NULL);
        if (el->tag == DCM_PATIENT_NAME)
            iso_assert(el->value.len == 0 || memcmp(el->value.ptr, "P-", 2) == 0);
        iso_assert(el->tag != DCM_PATIENT_COMMENTS && el->tag != DCM_OTHER_PATIENT_IDS);
        if (el->form == DCM_FORM_SEQUENCE && depth < DCM_DEPTH_MAX)
            for (size_t n = 0; n < el->item_count; n++)
                must_be_clean(&el->items[n], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dcm_syntax *const syntaxes[] = { DCM_EXPLICIT_LE, DCM_IMPLICIT_LE, DCM_EXPLICIT_BE,
                                                  DCM_DEFLATED_LE };
    struct dcm_deidentify_profile  profile    = { .key = { 7 } };
    struct iso_err                 err        = { 0 };
    struct dcm_parser             *from       = NULL;
    struct dcm_dataset             header, ds;
    struct dcm_meta                meta;
    struct iso_arena               arena;
    struct iso_buf                 out;
    const char                    *why;

    if (size < 2)
        return 0;
    const struct dcm_syntax *syntax = syntaxes[data[0] % 4];
    const iso_bytes          in     = iso_bytes_of(data + 2, size - 2);
    profile.dates                   = (enum dcm_deidentify_dates)(data[1] % 3);
    profile.keep_device             = (data[1] & 4) != 0;
    profile.keep_patient            = (data[1] & 8) != 0;
    profile.keep_institution        = (data[1] & 16) != 0;
    profile.keep_uids               = (data[1] & 32) != 0;
    iso_arena_init(&arena, ARENA_BYTES);
    iso_buf_init(&out, OUT_BYTES);
    if (dcm_dataset_parse(in, syntax, &arena, &header, &err) < 0 || header.count == 0)
        dcm_dataset_init(&header);
    (void)dcm_deidentify_risk(&header, &why);
    if (dcm_get_ascii(&header, DCM_SOP_INSTANCE_UID).len == 0 ||
        dcm_get_ascii(&header, DCM_SOP_CLASS_UID).len == 0) {
        (void)!dcm_put_str(&header, &arena, DCM_SOP_CLASS_UID, DCM_VR_UI, ISO_STR("1.2.3"));
        (void)!dcm_put_str(&header, &arena, DCM_SOP_INSTANCE_UID, DCM_VR_UI, ISO_STR("1.2.4"));
    }
    if (dcm_parser_new_memory(&from, in, syntax, 0, &err) == ISO_OK &&
        dcm_deidentify(&profile, &header, from, syntax, iso_buf_sink(&out), &err) == ISO_OK) {
        iso_assert(dcm_file_parse(iso_buf_bytes(&out), NULL, &arena, &meta, &ds, &err) == ISO_OK ||
                   arena.bytes_used > ARENA_BYTES / 2);
        must_be_clean(&ds, 0);
    }
    dcm_parser_free(from);
    iso_buf_release(&out);
    iso_arena_release(&arena);
    return 0;
}
