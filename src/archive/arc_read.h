/* arc_read.h: the way of objects out: which ones, where their bytes lie, what their headers say. */
#ifndef ARC_READ_H
#define ARC_READ_H

#include "arc.h"
#include "codec_frames.h"

/* Which objects. A list that is given (count > 0) must hold the object's value; an empty selection
 * is ISO_EINVAL. Borrowed for the call. */
struct arc_selection {
    const iso_str *patient_ids;
    size_t         patient_id_count;
    const iso_str *study_uids;
    size_t         study_count;
    const iso_str *series_uids;
    size_t         series_count;
    const iso_str *sop_instance_uids;
    size_t         instance_count;
};

enum { ARC_SELECTION_MAX = 10000 }; /* values in all lists together: ISO_ELIMIT beyond */

enum arc_pixels {
    ARC_PIXELS_NONE,      /* no pixel data element at the top level */
    ARC_PIXELS_NATIVE,    /* one value at pixel_offset, pixel_bytes long */
    ARC_PIXELS_FRAGMENTS, /* items from pixel_offset, pixel_bytes up to the sequence delimiter */
    ARC_PIXELS_DEFLATED   /* inside a deflated stream: pixel_offset and bytes count inflated bytes
                             from the start of the file; no ranges of the file */
};

#define ARC_NUMBER_NONE INT64_MIN /* SeriesNumber or InstanceNumber absent or not a number */

/* One stored object. Strings live for the callback, or in the arena asked for. Offsets count from
 * the start of the object (a Part 10 file). */
struct arc_instance {
    int64_t               id; /* ours; never used again for another object */
    iso_str               patient_id;
    iso_str               study_uid;
    iso_str               series_uid;
    iso_str               sop_instance_uid;
    iso_str               sop_class_uid;
    iso_str               transfer_syntax_uid;
    iso_str               modality;
    int64_t               series_number;
    int64_t               instance_number;
    struct store_location location;
    uint64_t              bytes;       /* the whole Part 10 file */
    uint64_t              data_offset; /* where its data set begins */
    enum arc_pixels       pixels;
    dcm_tag               pixel_tag; /* (7FE0,0010), or (7FE0,0008|0009) for floats */
    uint64_t              pixel_offset;
    uint64_t              pixel_bytes;
    uint32_t              frames; /* 0 without pixel data, else at least 1 */
    uint16_t              rows;
    uint16_t              columns;
    uint16_t              samples;
    uint16_t              bits_allocated;
    uint64_t              frame_bytes;              /* of a native frame; 0: not byte aligned */
    uint8_t               digest[ISO_SHA256_BYTES]; /* of the data set: an ETag of the content */
    int64_t               stored_us;                /* os_wall_us() when it arrived */
};

/* In the order study, series number, series, instance number, id. No lock or index connection is
 * held while each() runs: an object may have gone by the time you open it (ISO_ENOENT). A negative
 * result of each() ends the call and is returned. No match is ISO_OK without a call. */
ISO_MUST_USE int arc_select(struct arc *arc, const struct arc_selection *selection,
                            int (*each)(void *ctx, const struct arc_instance *instance,
                                        struct iso_err *err),
                            void *ctx, struct iso_err *err);
/* All of them in one array (strings too in the arena); for answers that need the total first. */
ISO_MUST_USE int arc_select_all(struct arc *arc, const struct arc_selection *selection,
                                struct iso_arena *arena, struct arc_instance **list, size_t *count,
                                struct iso_err *err);
/* Whether a question asked now would be answered without waiting for the end of another. */
bool arc_reader_free(struct arc *arc);
/* The one object; ISO_ENOENT. study_uid and series_uid may be empty: not compared. */
ISO_MUST_USE int arc_lookup(struct arc *arc, iso_str study_uid, iso_str series_uid,
                            iso_str sop_instance_uid, struct iso_arena *arena,
                            struct arc_instance *out, struct iso_err *err);

/* The same as arc_select with each object's header (see arc_header), read in one indexed pass: what
 * /metadata is made of. Both views live for the call. */
ISO_MUST_USE int arc_select_headers(struct arc *arc, const struct arc_selection *selection,
                                    int (*each)(void *ctx, const struct arc_instance *instance,
                                                const struct dcm_dataset *header,
                                                struct iso_err           *err),
                                    void *ctx, struct iso_err *err);

/* The object's whole data set without its file meta; bulk values (pixel data, large binary values)
 * are DCM_FORM_BULK or DCM_FORM_FRAGMENTS with offsets from the start of the object (for
 * ARC_PIXELS_DEFLATED: of the inflated stream). In its own character set, as stored. */
ISO_MUST_USE int arc_header(struct arc *arc, const struct arc_instance *instance,
                            struct iso_arena *arena, struct dcm_dataset *ds, struct iso_err *err);

/* An object's bytes: `bytes` from `offset` of the file fd. The descriptor is shared with other open
 * objects: use positional reads and sendfile with an offset only, never seek or close it. Until
 * arc_object_close the bytes stay as they are, even if the object is removed meanwhile. */
struct arc_object {
    int               fd;
    uint64_t          offset;
    uint64_t          bytes;
    struct store_pin *pin; /* ours */
};

/* ISO_ENOENT: removed since instance was read. Check nothing else: names were compared. */
ISO_MUST_USE int arc_object_open(struct arc *arc, const struct arc_instance *instance,
                                 struct arc_object *object, struct iso_err *err);
/* A zeroed or closed object is fine. */
void arc_object_close(struct arc_object *object);
/* For iso_arena_defer(arena, arc_object_close_arg, &object): object must live as long as the arena. */
void arc_object_close_arg(void *object);

struct arc_frame {
    uint32_t            number; /* from 1 */
    uint64_t            bytes;  /* of all its ranges */
    struct codec_range *range;  /* fragments, in order; the pieces of one frame. Offsets count from
                                   the start of the object: add arc_object.offset */
    size_t              range_count;
};

/* Where frames lie. numbers: count of them, from 1, in the order wanted; NULL: all, *found says how
 * many. Arrays are in the arena.
 *
 * ISO_EINVAL       a number beyond the object's frames
 * ISO_EUNSUPPORTED deflated, no pixel data, or native frames that do not begin at a byte
 * ISO_EFORMAT      fragments that cannot be told apart into frames */
ISO_MUST_USE int arc_frames(struct arc *arc, const struct arc_instance *instance,
                            const uint32_t *numbers, size_t count, struct iso_arena *arena,
                            struct arc_frame **out, size_t *found, struct iso_err *err);

/* Removes from index and store in that order; durable on return. *removed: objects. Nothing matches:
 * ISO_OK and 0. The space is given back in the background, after the configured grace: until then
 * they can be had back (arc_removed.h). */
ISO_MUST_USE int arc_remove(struct arc *arc, const struct arc_selection *selection,
                            uint64_t *removed, struct iso_err *err);

#endif
