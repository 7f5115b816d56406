/* arc_removed.h: what somebody has removed and can still be had back. With a grace period
 * (arc_config.removal_grace_s) removing takes an object out of the index at once, as without, but its
 * bytes stay until the period is over: its place is a tombstone of kind 1, its member in the segment
 * is renamed to kept/…, so that not even an index made again from the segments brings it back.
 * Replacing and encoding anew know no grace: there the object itself is still here. */
#ifndef ARC_REMOVED_H
#define ARC_REMOVED_H

#include "arc.h"

/* Of one study: what of it was removed. Strings in the arena; patient and study as the study was
 * known when its latest object went. */
struct arc_removed {
    iso_str  study_uid;
    iso_str  patient_id;
    iso_str  patient_name;
    iso_str  study_date;        /* YYYYMMDD, or empty */
    iso_str  study_description; /* or empty */
    int64_t  removed_us;        /* the latest of its objects: wall clock */
    int64_t  until_us;          /* the first of them goes for good then */
    uint64_t objects;
    uint64_t bytes;
};

/* By Study Instance UID; at most limit of those whose UID is above `after` (empty: from the start). */
ISO_MUST_USE int arc_removed_list(struct arc *arc, iso_str after, size_t limit,
                                  struct iso_arena *arena, struct arc_removed **list, size_t *count,
                                  struct iso_err *err);

struct arc_taken_back {
    uint64_t restored; /* are stored again, with the time and the sender of their arrival */
    uint64_t
        present; /* were stored anew meanwhile: that object stays, the removed one goes in time */
    uint64_t failed; /* could not be read: stay where they are */
};

/* What was removed of the study is stored again; durable on return. ISO_ENOENT: nothing of it is left.
 * After a failure what was done stays done; call it again. */
ISO_MUST_USE int arc_take_back(struct arc *arc, iso_str study_uid, struct arc_taken_back *out,
                               struct iso_err *err);

#endif
