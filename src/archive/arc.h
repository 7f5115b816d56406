/* arc.h: the archive: the PACS as plain calls that know no protocol. DESIGN.md §1, §2.
 * What arc_ingest acknowledged survives a process kill, a crash of the system and a power loss, in
 * data and index. Stored bytes are never rewritten. All calls are thread safe and may block on the
 * disk; none holds a lock of ours while it calls you back. Text in and out is UTF-8. */
#ifndef ARC_H
#define ARC_H

#include "dcm_dataset.h"
#include "iso_hash.h"
#include "store.h"

struct arc;

enum arc_level { ARC_PATIENT, ARC_STUDY, ARC_SERIES, ARC_INSTANCE };

/* The same SOP instance UID arrives again with other bytes. */
enum arc_conflict {
    ARC_KEEP_FIRST, /* the stored object stays; the new one is dropped, outcome ARC_KEPT_FIRST */
    ARC_REPLACE,    /* the new object takes its place in one step */
    ARC_REJECT      /* ISO_ECONFLICT */
};

/* What happens when the quota is reached. */
enum arc_recycle {
    ARC_RECYCLE_NONE,       /* new objects are refused: ISO_ENOSPC */
    ARC_RECYCLE_BY_ARRIVAL, /* the studies that came first make room */
    ARC_RECYCLE_BY_ACCESS   /* those that were not stored or read for the longest time */
};

/* Another folder for objects. It must be there; without a volume.json it becomes a new volume. */
struct arc_volume_config {
    const char *path;
    uint64_t    warn_free_bytes; /* below it arc_volumes says so */
    uint64_t    stop_free_bytes; /* below it the volume takes nothing, and the next one does */
};

struct arc_config {
    const char       *folder; /* created when absent; locked while open; the first volume */
    enum arc_conflict on_conflict;
    uint64_t          segment_bytes;     /* a segment is closed once it is larger */
    uint64_t          inline_bytes_max;  /* larger objects get a file of their own */
    uint64_t          receive_bytes_max; /* memory of all objects being received */
    uint64_t          direct_bytes_min;  /* as in store_config */
    uint64_t          object_bytes_max;  /* larger objects are refused */
    uint64_t          free_bytes_min;    /* below it the first volume takes nothing: ISO_ENOSPC */
    uint64_t          warn_free_bytes;   /* of the first volume */
    /* 0: what is acknowledged is durable. Else it becomes so within about this time: a power loss takes
     * what was stored since. */
    int64_t flush_ms;
    /* The others, in the order in which they are filled; borrowed for arc_open. */
    const struct arc_volume_config *volumes;
    size_t                          volume_count;
    size_t   header_bytes_max; /* memory for one object's header while it is parsed */
    unsigned readers_max;      /* index connections for queries */
    int64_t  removal_grace_s;  /* what is removed can be had back so long (arc_removed.h) */
    /* arc_quota.h; 0: no such limit */
    uint64_t         quota_bytes;              /* of all objects, removed but kept ones too */
    uint64_t         recycle_below_free_bytes; /* of the volumes that take objects */
    enum arc_recycle recycle;
    int64_t          recycle_rest_s; /* what got something since is not recycled */
    bool
        care; /* for checking: opened as it is, nothing is recovered, no thread runs, nothing comes in
                  or goes; what is damaged is no reason to refuse */
};

/* 256 MiB, 1 MiB, 64 MiB, 64 GiB, 256 MiB, 1 GiB, no other volumes, 32 MiB, 8; keep first; no grace, no quota; an hour. folder stays NULL. */
void arc_config_init(struct arc_config *config);

/* Locks the folder (ISO_EBUSY: another process has it), recovers what a crash left, starts the
 * keeper thread. config is copied. */
ISO_MUST_USE int arc_open(const struct arc_config *config, struct arc **arc, struct iso_err *err);
/* No call may be running or follow; all objects must be closed. NULL is fine. */
void arc_close(struct arc *arc);

struct arc_stats {
    uint64_t patients;
    uint64_t studies;
    uint64_t series;
    uint64_t instances;
    uint64_t bytes;      /* of the stored objects */
    uint64_t bytes_free; /* on the volumes that take objects */
    bool     deferred;   /* config.flush_ms: what is acknowledged is not durable at once */
    bool     writable;   /* false once a flush has failed, of the index or on every volume: restart
                          * after the disk was checked */
};

ISO_MUST_USE int arc_stats(struct arc *arc, struct arc_stats *out, struct iso_err *err);

struct arc_volume_stats {
    uint32_t    number;
    const char *kind; /* "segments", "tree" */
    const char *path; /* lives as long as the archive is open */
    uint64_t    bytes_free;
    bool        warned; /* below warn_free_bytes */
    bool        full;   /* below stop_free_bytes: it takes nothing */
    bool        failed; /* a flush has failed: it takes nothing until a restart */
    bool        absent; /* a tree whose folder is not there: its objects cannot be read */
};

/* In the order in which they are filled. */
ISO_MUST_USE int arc_volumes(struct arc *arc, struct arc_volume_stats out[STORE_VOLUMES_MAX],
                             size_t *count, struct iso_err *err);

/* What happened, told after it is durable, on the thread that did it. Views live for the call. */
enum arc_event_kind {
    ARC_EVENT_STORED,
    ARC_EVENT_REPLACED,
    ARC_EVENT_REMOVED,
    ARC_EVENT_VOLUME /* a volume is warned, full or failed, or is not any more; no UIDs */
};

struct arc_event {
    enum arc_event_kind            kind;
    iso_str                        study_uid;
    iso_str                        series_uid;
    iso_str                        sop_instance_uid;
    iso_str                        sop_class_uid;
    iso_str                        source_ae; /* stored: who sent it; may be empty */
    const struct arc_volume_stats *volume;    /* of ARC_EVENT_VOLUME */
};

enum { ARC_SUBSCRIBERS_MAX = 8 };

/* fn must return soon and not call back into arc_ingest or arc_remove; it stays until arc_close.
 * ISO_ELIMIT past ARC_SUBSCRIBERS_MAX. */
ISO_MUST_USE int arc_on_event(struct arc *arc, void (*fn)(void *ctx, const struct arc_event *event),
                              void *ctx, struct iso_err *err);

#endif
