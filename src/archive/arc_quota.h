/* arc_quota.h: how much may be stored, and what happens then: new objects are refused, or the oldest
 * studies that nobody protects make room. Off unless configured (arc_config.quota_bytes,
 * recycle_below_free_bytes). docs/configuration.md, "Quotas". */
#ifndef ARC_QUOTA_H
#define ARC_QUOTA_H

#include "arc.h"

enum { ARC_RECYCLE_REST_S = 3600 /* a study that got something since is never recycled */ };

/* What recycling did, told on its own thread after it is durable. */
struct arc_recycle_news {
    iso_str     study_uid; /* empty: nothing could be recycled */
    uint64_t    objects;
    uint64_t    bytes;
    int64_t     arrived_us; /* the first of its objects */
    const char *why;        /* a few words: what was exceeded, or why nothing was done */
};

/* Starts the thread that recycles, where arc_config says so; else does nothing. arc_close ends it.
 * told may be NULL. */
ISO_MUST_USE int arc_quota_start(struct arc *arc,
                                 void (*told)(void *ctx, const struct arc_recycle_news *news),
                                 void *ctx, struct iso_err *err);

struct arc_quota_status {
    uint64_t quota_bytes;              /* 0: none */
    uint64_t recycle_below_free_bytes; /* 0: none */
    bool     recycles;                 /* else new objects are refused */
    uint64_t bytes;            /* that count against the quota: stored, and removed but kept */
    uint64_t kept_bytes;       /* of them removed but kept */
    bool     full;             /* new objects are refused at this moment */
    uint64_t recycled_studies; /* since the start */
    uint64_t recycled_objects;
    uint64_t recycled_bytes;
};

ISO_MUST_USE int arc_quota_status(struct arc *arc, struct arc_quota_status *out,
                                  struct iso_err *err);

/* A protected study is never recycled; a user may still remove it. Durable on return; ISO_ENOENT: no
 * such study. */
ISO_MUST_USE int arc_protect(struct arc *arc, iso_str study_uid, bool on, struct iso_err *err);
ISO_MUST_USE int arc_protected(struct arc *arc, iso_str study_uid, bool *on, struct iso_err *err);

#endif
