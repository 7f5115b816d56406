/* Identifiers against the information models.   PS3.4 §C.4.1.2, §C.4.2.1, §C.6 */
#include "test.h"

#include "srv_identifier.h"

#include "dcm_writer.h"
#include "dimse_status.h"

#include <string.h>

static const iso_str EXPLICIT = { "1.2.840.10008.1.2.1", 19 };

struct fixture {
    struct iso_arena      arena;
    struct dcm_dataset    ds;
    struct srv_identifier identifier;
    uint16_t              status;
    struct iso_err        err;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 8 << 20);
    dcm_dataset_init(&f->ds);
}

static void put(struct fixture *f, dcm_tag tag, enum dcm_vr vr, const char *value)
{
    assert_int_equal(dcm_put_str(&f->ds, &f->arena, tag, vr, iso_str_c(value)), ISO_OK);
}

/* What was put, over the wire and back. */
static int read_back(struct fixture *f, enum srv_root root)
{
    struct iso_buf wire;

    iso_buf_init(&wire, 1 << 20);
    assert_int_equal(dcm_write(&f->ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&wire), &f->err),
                     ISO_OK);
    iso_bytes kept = iso_arena_bytes(&f->arena, iso_buf_bytes(&wire));
    iso_buf_release(&wire);
    return srv_identifier_read(kept, EXPLICIT, root, &f->arena, &f->identifier, &f->status,
                               &f->err);
}

static void end(struct fixture *f)
{
    iso_arena_release(&f->arena);
}

static void level_must_be_of_the_model(void **state) /* PS3.4 §C.6 */
{
    static const struct {
        const char    *level;
        enum srv_root  root;
        bool           ok;
        enum arc_level want;
    } cases[] = {
        { "PATIENT", SRV_PATIENT_ROOT, true, ARC_PATIENT },
        { "PATIENT", SRV_STUDY_ROOT, false, ARC_PATIENT },
        { "STUDY", SRV_STUDY_ROOT, true, ARC_STUDY },
        { "SERIES", SRV_PATIENT_STUDY_ONLY, false, ARC_SERIES },
        { "IMAGE", SRV_PATIENT_ROOT, true, ARC_INSTANCE },
        { "image ", SRV_STUDY_ROOT, true, ARC_INSTANCE },
        { "INSTANCES", SRV_STUDY_ROOT, false, ARC_INSTANCE },
        { "", SRV_STUDY_ROOT, false, ARC_STUDY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        begin(&f);
        put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, cases[i].level);
        int rc = read_back(&f, cases[i].root);
        assert_int_equal(rc, cases[i].ok ? ISO_OK : ISO_EINVAL);
        if (cases[i].ok)
            assert_int_equal(f.identifier.level, cases[i].want);
        else
            assert_int_equal(f.status, DIMSE_QUERY_CLASS_MISMATCH);
        end(&f);
    }
}

static void every_prefix_is_read_or_refused(void **state)
{
    struct fixture f;
    struct iso_buf wire;

    (void)state;
    begin(&f);
    put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "SERIES");
    put(&f, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, "1.2.3");
    assert_non_null(dcm_put_item(&f.ds, &f.arena, DCM_REQUEST_ATTRIBUTES_SEQUENCE));
    iso_buf_init(&wire, 4096);
    assert_int_equal(dcm_write(&f.ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&wire), &f.err), ISO_OK);
    for (size_t n = 0; n < wire.len; n++) {
        int rc = srv_identifier_read(iso_bytes_of(wire.ptr, n), EXPLICIT, SRV_STUDY_ROOT, &f.arena,
                                     &f.identifier, &f.status, &f.err);
        if (rc < 0)
            assert_true(f.status == DIMSE_QUERY_UNABLE_TO_PROCESS ||
                        f.status == DIMSE_QUERY_CLASS_MISMATCH);
    }
    iso_buf_release(&wire);
    end(&f);
}

static int find_keys(struct fixture *f, enum srv_root root, bool relational,
                     struct dcm_dataset *keys)
{
    assert_int_equal(read_back(f, root), ISO_OK);
    return srv_identifier_find(&f->identifier, root, relational, &f->arena, keys, &f->status,
                               &f->err);
}

static void hierarchy_wants_single_unique_keys(void **state) /* PS3.4 §C.4.1.2.1 */
{
    static const char *const bad[] = { "", "1.2.*", "1.2.3\\1.2.4" };
    struct dcm_dataset       keys;
    struct fixture           f;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin(&f);
        put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "SERIES");
        put(&f, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, bad[i]);
        assert_int_equal(find_keys(&f, SRV_STUDY_ROOT, false, &keys), ISO_EINVAL);
        assert_int_equal(f.status, DIMSE_QUERY_CLASS_MISMATCH);
        assert_non_null(strstr(f.err.text, "StudyInstanceUID"));
        end(&f);
        begin(&f);
        put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "SERIES");
        put(&f, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, bad[i]);
        assert_int_equal(find_keys(&f, SRV_STUDY_ROOT, true, &keys), ISO_OK); /* relational */
        end(&f);
    }
    begin(&f);
    put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "STUDY");
    assert_int_equal(find_keys(&f, SRV_PATIENT_ROOT, false, &keys), ISO_EINVAL); /* no PatientID */
    end(&f);
}

static void keys_are_utf8_and_nothing_else(void **state) /* PS3.4 §C.4.1.1.3.1 */
{
    struct dcm_dataset keys;
    struct fixture     f;

    (void)state;
    begin(&f);
    put(&f, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS, "ISO_IR 100");
    put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "STUDY");
    put(&f, DCM_RETRIEVE_AE_TITLE, DCM_VR_AE, "");
    put(&f, DCM_PATIENT_NAME, DCM_VR_PN, "Mu\xf1oz*");
    assert_int_equal(find_keys(&f, SRV_STUDY_ROOT, false, &keys), ISO_OK);
    assert_null(dcm_get(&keys, DCM_QUERY_RETRIEVE_LEVEL));
    assert_null(dcm_get(&keys, DCM_RETRIEVE_AE_TITLE));
    assert_text(dcm_get_text(&keys, DCM_PATIENT_NAME, &f.arena), "Mu\xc3\xb1oz*");
    end(&f);
}

static int retrieve(struct fixture *f, enum srv_root root, bool relational,
                    struct arc_selection *out)
{
    assert_int_equal(read_back(f, root), ISO_OK);
    return srv_identifier_retrieve(&f->identifier, root, relational, &f->arena, out, &f->status,
                                   &f->err);
}

static void retrieval_takes_lists_at_its_level(void **state) /* PS3.4 §C.4.2.1.4.1 */
{
    struct arc_selection selection = { 0 };
    struct fixture       f;

    (void)state;
    begin(&f);
    put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "SERIES");
    put(&f, DCM_PATIENT_ID, DCM_VR_LO, "not a key of this model");
    put(&f, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, "1.2.3");
    put(&f, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, "1.2.3.4\\1.2.3.5\\");
    put(&f, DCM_SOP_INSTANCE_UID, DCM_VR_UI, "1.2.3.4.5");
    assert_int_equal(retrieve(&f, SRV_STUDY_ROOT, false, &selection), ISO_OK);
    assert_int_equal(selection.patient_id_count, 0);
    assert_int_equal(selection.study_count, 1);
    assert_int_equal(selection.series_count, 2);
    assert_text(selection.series_uids[1], "1.2.3.5");
    assert_int_equal(selection.instance_count, 0); /* below the level */
    end(&f);
}

static void retrieval_refuses_what_names_nothing(void **state)
{
    static const struct {
        const char *study, *series;
        bool        relational;
        int         want;
    } cases[] = {
        { "", "1.2.3.4", false, ISO_EINVAL }, { "", "1.2.3.4", true, ISO_OK },
        { "1.2.3", "", true, ISO_EINVAL },    { "1.2.3", "1.2.*", false, ISO_EINVAL },
        { "1.2.3", "\\", false, ISO_EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arc_selection selection = { 0 };
        struct fixture       f;
        begin(&f);
        put(&f, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS, "SERIES");
        put(&f, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, cases[i].study);
        put(&f, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, cases[i].series);
        assert_int_equal(retrieve(&f, SRV_STUDY_ROOT, cases[i].relational, &selection),
                         cases[i].want);
        assert_int_equal(f.status,
                         cases[i].want == ISO_OK ? DIMSE_SUCCESS : DIMSE_QUERY_CLASS_MISMATCH);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_must_be_of_the_model),
        cmocka_unit_test(every_prefix_is_read_or_refused),
        cmocka_unit_test(hierarchy_wants_single_unique_keys),
        cmocka_unit_test(keys_are_utf8_and_nothing_else),
        cmocka_unit_test(retrieval_takes_lists_at_its_level),
        cmocka_unit_test(retrieval_refuses_what_names_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
