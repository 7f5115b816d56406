/* arc_make.h: objects made for the tests of the archive, and a folder for it that goes afterwards. */
#ifndef ARC_MAKE_H
#define ARC_MAKE_H

#include "test.h"

#include "arc_ingest.h"
#include "arc_query.h"
#include "arc_read.h"
#include "dcm_file.h"
#include "dcm_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAKE_CT "1.2.840.10008.5.1.4.1.1.2"

struct make {
    const char *patient_name;
    const char *patient_id;
    const char *study; /* all UIDs: NULL gives 1.2.3, 1.2.3.4, and sop is needed */
    const char *series;
    const char *sop;
    const char *modality;
    const char *study_date;
    const char *study_time;
    const char *accession;
    const char *description;
    int         number;
    int         rows; /* pixels are rows * rows * 2 bytes, each of them fill */
    int         frames;
    uint8_t     fill;
};

static inline void make_put(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                            enum dcm_vr vr, const char *value)
{
    if (value != NULL)
        assert_int_equal(dcm_put_str(ds, arena, tag, vr, iso_str_c(value)), ISO_OK);
}

/* The data set in explicit VR little endian, without file meta. */
static inline void make_object(const struct make *m, struct iso_buf *out)
{
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct iso_err     err    = { 0 };
    int                frames = m->frames > 0 ? m->frames : 1;
    size_t             bytes  = (size_t)m->rows * (size_t)m->rows * 2 * (size_t)frames;

    iso_arena_init(&arena, (size_t)64 << 20);
    iso_buf_init(out, (size_t)64 << 20);
    dcm_dataset_init(&ds);
    assert_int_equal(dcm_put_utf8(&ds, &arena), ISO_OK);
    make_put(&ds, &arena, DCM_SOP_CLASS_UID, DCM_VR_UI, MAKE_CT);
    make_put(&ds, &arena, DCM_SOP_INSTANCE_UID, DCM_VR_UI, m->sop);
    make_put(&ds, &arena, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, m->study ? m->study : "1.2.3");
    make_put(&ds, &arena, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, m->series ? m->series : "1.2.3.4");
    make_put(&ds, &arena, DCM_PATIENT_NAME, DCM_VR_PN, m->patient_name);
    make_put(&ds, &arena, DCM_PATIENT_ID, DCM_VR_LO, m->patient_id);
    make_put(&ds, &arena, DCM_STUDY_DATE, DCM_VR_DA, m->study_date);
    make_put(&ds, &arena, DCM_STUDY_TIME, DCM_VR_TM, m->study_time);
    make_put(&ds, &arena, DCM_ACCESSION_NUMBER, DCM_VR_SH, m->accession);
    make_put(&ds, &arena, DCM_STUDY_DESCRIPTION, DCM_VR_LO, m->description);
    make_put(&ds, &arena, DCM_MODALITY, DCM_VR_CS, m->modality ? m->modality : "CT");
    make_put(&ds, &arena, DCM_IMAGE_COMMENTS, DCM_VR_LT, "made for a test");
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_INSTANCE_NUMBER, DCM_VR_IS, m->number), ISO_OK);
    if (m->rows > 0) {
        uint8_t *pixels = iso_arena_alloc(&arena, bytes);

        assert_non_null(pixels);
        memset(pixels, m->fill, bytes);
        make_put(&ds, &arena, DCM_PHOTOMETRIC_INTERPRETATION, DCM_VR_CS, "MONOCHROME2");
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_ROWS, DCM_VR_US, m->rows), ISO_OK);
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_COLUMNS, DCM_VR_US, m->rows), ISO_OK);
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_SAMPLES_PER_PIXEL, DCM_VR_US, 1), ISO_OK);
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_BITS_ALLOCATED, DCM_VR_US, 16), ISO_OK);
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_BITS_STORED, DCM_VR_US, 16), ISO_OK);
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_HIGH_BIT, DCM_VR_US, 15), ISO_OK);
        assert_int_equal(dcm_put_i64(&ds, &arena, DCM_PIXEL_REPRESENTATION, DCM_VR_US, 0), ISO_OK);
        if (m->frames > 0)
            assert_int_equal(dcm_put_i64(&ds, &arena, DCM_NUMBER_OF_FRAMES, DCM_VR_IS, m->frames),
                             ISO_OK);
        assert_int_equal(
            dcm_put_raw(&ds, &arena, DCM_PIXEL_DATA, DCM_VR_OW, iso_bytes_of(pixels, bytes)),
            ISO_OK);
    }
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(out), &err), ISO_OK);
    iso_arena_release(&arena);
}

/* Memory as a source, in pieces as a network gives them. */
struct make_source {
    iso_bytes rest;
    size_t    step;
};

static inline int64_t make_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct make_source *s = ctx;
    size_t              n = s->rest.len < cap ? s->rest.len : cap;

    (void)err;
    if (s->step > 0 && n > s->step)
        n = s->step;
    memcpy(ptr, s->rest.ptr, n);
    s->rest = iso_bytes_of(s->rest.ptr + n, s->rest.len - n);
    return (int64_t)n;
}

/* As a C-STORE brings it. */
static inline int make_store(struct arc *arc, iso_bytes data_set, const char *sop,
                             struct arc_receipt *receipt, struct iso_err *err)
{
    struct make_source        source = { data_set, 16 << 10 };
    const struct arc_incoming in     = { .source              = { make_read, &source },
                                         .transfer_syntax_uid = iso_str_c(DCM_EXPLICIT_LE->uid),
                                         .sop_class_uid       = ISO_STR(MAKE_CT),
                                         .sop_instance_uid    = iso_str_c(sop),
                                         .source_ae           = ISO_STR("MAKER") };

    return arc_ingest(arc, &in, receipt, err);
}

static inline struct arc_receipt make_and_store(struct arc *arc, const struct make *m)
{
    struct arc_receipt receipt = { 0 };
    struct iso_err     err     = { 0 };
    struct iso_buf     object;

    make_object(m, &object);
    if (make_store(arc, iso_buf_bytes(&object), m->sop, &receipt, &err) < 0)
        fail_msg("not stored: %s", err.text);
    iso_buf_release(&object);
    return receipt;
}

static inline struct arc *make_archive(const char *folder, enum arc_conflict on_conflict)
{
    struct arc_config config;
    struct arc       *arc = NULL;
    struct iso_err    err = { 0 };

    arc_config_init(&config);
    config.folder         = folder;
    config.on_conflict    = on_conflict;
    config.free_bytes_min = 0;
    if (arc_open(&config, &arc, &err) < 0)
        fail_msg("%s", err.text);
    return arc;
}

/* In memory where there is room for it: what these tests find does not depend on the disk. */
static inline int make_folder(void **state)
{
    struct statvfs memory;
    bool           roomy = statvfs("/dev/shm", &memory) == 0 && access("/dev/shm", W_OK) == 0 &&
                 memory.f_bavail > ((uint64_t)512 << 20) / memory.f_frsize;
    char *folder = strdup(roomy ? "/dev/shm/arc-test-XXXXXX" : "/tmp/arc-test-XXXXXX");

    *state = mkdtemp(folder);
    return *state == NULL;
}

static inline int make_folder_gone(void **state)
{
    char command[256];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    int rc = system(command);
    free(*state);
    return rc;
}

#endif
