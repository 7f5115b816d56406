/* arc_ingest.h: the way of an object in. */
#ifndef ARC_INGEST_H
#define ARC_INGEST_H

#include "arc.h"
#include "dcm_dict.h"
#include "iso_buf.h"

/* One object on its way in. source is read to its end: a whole Part 10 file when transfer_syntax_uid
 * is empty, else a bare data set in that syntax. Views are borrowed for the call. A negative result
 * of source.read ends the call with that code, and nothing is kept. */
struct arc_incoming {
    struct iso_source source;
    iso_str           transfer_syntax_uid;
    iso_str           sop_class_uid;    /* of the command; may be empty: not compared */
    iso_str           sop_instance_uid; /* of the command; may be empty: not compared */
    iso_str           study_uid;        /* it must belong to this study; may be empty: any */
    iso_str           source_ae;        /* calling AE title, into our file meta; may be empty */
    iso_str           peer;             /* address of the sender, for the record; may be empty */
};

enum arc_outcome {
    ARC_STORED,
    ARC_ALREADY,   /* the same bytes are here already: not stored twice */
    ARC_REPLACED,  /* other bytes were here; these have taken their place */
    ARC_KEPT_FIRST /* other bytes are here and stay; these were dropped */
};

/* Who the object says it is. Plain values: nothing to release. */
struct arc_identity {
    char sop_class_uid[DCM_UID_CHARS_MAX + 1];
    char sop_instance_uid[DCM_UID_CHARS_MAX + 1];
    char study_uid[DCM_UID_CHARS_MAX + 1];
    char series_uid[DCM_UID_CHARS_MAX + 1];
    char transfer_syntax_uid[DCM_UID_CHARS_MAX + 1];
};

struct arc_receipt {
    enum arc_outcome    outcome;
    struct arc_identity id;
    uint64_t            bytes;                    /* of the object as stored: a Part 10 file */
    uint8_t             digest[ISO_SHA256_BYTES]; /* of the data set bytes just received */
};

/* Returns only when the object and its index entry are durable. What is stored is a complete Part 10
 * file whose data set is byte for byte what was received; a bare data set gets our file meta in front.
 *
 * An object without a Study or Series Instance UID (of no patient, as hanging protocols are) is known
 * by UIDs derived from its SOP Instance UID; one without a SOP Instance UID by that of its file meta.
 *
 * ISO_OK        *receipt says what became of it
 * ISO_EFORMAT   not DICOM, broken, cut short, without SOP UIDs, or with UIDs that are none
 * ISO_EINVAL    SOP class, SOP instance or study UID differ from those given (PS3.4 §B.2.3: A900H)
 * ISO_ECONFLICT other bytes are here under this SOP instance UID, policy ARC_REJECT
 * ISO_ELIMIT    larger than a configured maximum
 * ISO_ENOSPC    disk or quota full: retry later
 * ISO_EIO       the disk failed; after a failed flush every later call too, until a restart
 * On failure receipt->id has what is known of the object's identity; the rest of it is empty. */
ISO_MUST_USE int arc_ingest(struct arc *arc, const struct arc_incoming *in,
                            struct arc_receipt *receipt, struct iso_err *err);

/* ---- many at once ----
 * One request that brings many objects keeps several under way: begin returns once the object has
 * been received and handed to the committers, finish waits until it is durable in data and index.
 * What is under way goes on by itself: it needs nobody in finish, holds up no other object, and is
 * announced (arc_on_event) when it is durable. An object with the same SOP Instance UID, of this
 * request or of another one, waits in begin until the one before has landed, and meets it then.
 *
 * Memory: an object under way keeps its bytes in the receive budget, where others wait for them, and
 * what the index is to be told; callers keep ARC_PENDING_MAX at most, and begin no further one while
 * those they have are larger than ARC_PENDING_BYTES together: what the disk takes in one go while
 * the next comes, and the processor's cache still holds. */
enum { ARC_PENDING_MAX = 32, ARC_PENDING_BYTES = 4 << 20 };

struct arc_pending; /* one object under way */

/* Reads in->source to its end. Only what says nothing about the object ends the call with an error,
 * and then there is nothing to finish:
 * ISO_ENOMEM         no memory to begin with
 * any other          the code with which in->source.read failed
 * Everything else, a broken object too, is told by arc_ingest_finish. Views are borrowed for the
 * call. */
ISO_MUST_USE int arc_ingest_begin(struct arc *arc, const struct arc_incoming *in,
                                  struct arc_pending **pending, struct iso_err *err);
/* Of the object as it is stored; what has been received of it when it is broken. */
uint64_t arc_ingest_bytes(const struct arc_pending *pending);
/* True once arc_ingest_finish would not wait. */
bool arc_ingest_landed(struct arc_pending *pending);
/* Waits, frees *pending. Results as of arc_ingest. To be called for each that was begun, in any
 * order, by any thread. */
ISO_MUST_USE int arc_ingest_finish(struct arc_pending *pending, struct arc_receipt *receipt,
                                   struct iso_err *err);

#endif
