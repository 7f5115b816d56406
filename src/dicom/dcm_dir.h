/* dcm_dir.h: DICOMDIR files: the directory of a file-set, in and out.   PS3.3 Annex F, PS3.10 §8 */
#ifndef DCM_DIR_H
#define DCM_DIR_H

#include "dcm_file.h"

enum {
    DCM_DIR_DEPTH_MAX      = 16,
    DCM_DIR_COMPONENTS_MAX = 16, /* of a file ID; PS3.10 §8.2 has 8 */
    DCM_DIR_FILE_MAX       = 1024,
    DCM_DIR_RECORDS_MAX    = 1000000
};
#define DCM_DIR_NONE SIZE_MAX

struct dcm_dir_record {
    const struct dcm_dataset *keys;   /* all that the record says */
    iso_str                   type;   /* "PATIENT", "STUDY", "SERIES", "IMAGE", … */
    size_t                    parent; /* index of the record above; DCM_DIR_NONE at the root */
    size_t                    depth;  /* 0 at the root */
    iso_str                   file;   /* relative to the DICOMDIR's folder, with '/'; empty: none */
    iso_str                   sop_class_uid; /* of that file; this and the next two may be empty */
    iso_str                   sop_instance_uid;
    iso_str                   transfer_syntax_uid;
};

struct dcm_dir {
    struct dcm_dir_record *record; /* each after the one above it */
    size_t                 count;
    iso_str                file_set_id;
    struct dcm_dataset     ds;
};

/* A whole DICOMDIR in memory, which must outlive *dir. Records are those that are in use, from the
 * root on, then any that nothing leads to; where the file has no offsets at all, in their order. Components of a file ID are taken as they are (lower case, long names) unless they could
 * lead elsewhere: empty, "." and "..", separators, control characters are ISO_EFORMAT; so are
 * offsets that lead nowhere or in a circle. ISO_EFORMAT too when this is no DICOMDIR. */
ISO_MUST_USE int dcm_dir_read(iso_bytes in, struct iso_arena *arena, struct dcm_dir *dir,
                              struct iso_err *err);
/* True for the file meta information of a DICOMDIR. */
bool dcm_dir_is(const struct dcm_meta *meta);
/* True for a component that may become part of a path below the DICOMDIR's folder. */
bool dcm_dir_component_ok(iso_str component);

struct dcm_dir_writer; /* one thread */

/* file_set_id: up to 16 characters, may be empty. */
ISO_MUST_USE int dcm_dir_writer_new(struct dcm_dir_writer **writer, iso_str file_set_id,
                                    struct iso_err *err);
/* One object, found under file ("DICOM/00000001"; components of 1..8 of A-Z 0-9 _, at most 8:
 * PS3.10 §8.2, §8.5; ISO_EINVAL otherwise). The records above it are made when they are new. What
 * is needed of object is copied. ISO_EINVAL too when it lacks a UID that the records need. */
ISO_MUST_USE int dcm_dir_add(struct dcm_dir_writer *writer, const struct dcm_dataset *object,
                             iso_str transfer_syntax_uid, iso_str file, struct iso_err *err);
/* The whole file, explicit VR little endian; sop_instance_uid is the DICOMDIR's own. */
ISO_MUST_USE int dcm_dir_write(struct dcm_dir_writer *writer, iso_str sop_instance_uid,
                               struct iso_sink sink, struct iso_err *err);
void             dcm_dir_writer_free(struct dcm_dir_writer *writer);

#endif
