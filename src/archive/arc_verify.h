/* arc_verify.h: does the archive hold what it says it holds? Index, segments, files of their own and
 * temporary files are compared with each other; with `full` every stored byte is read as well. What
 * is wrong is told one finding at a time: what, where, what to do. Nothing is changed unless
 * `repair` is set, and even then nothing goes that could be an image. docs/durability.md, "Care".
 *
 * Works on an archive that is in use: what changes meanwhile is looked at again before it counts. */
#ifndef ARC_VERIFY_H
#define ARC_VERIFY_H

#include "arc.h"

enum arc_finding_kind {
    ARC_FOUND_INDEX,     /* the database itself is damaged: isocenter reindex */
    ARC_FOUND_PARENT,    /* an instance, series or study whose parent, name or header is missing */
    ARC_FOUND_COUNT,     /* a count, total or list that is not what its rows say */
    ARC_FOUND_MISSING,   /* a row whose object is not where the row says */
    ARC_FOUND_HEAD,      /* an object whose head in its segment is damaged */
    ARC_FOUND_CONTENT,   /* an object whose bytes are not those that were stored */
    ARC_FOUND_ROW,       /* a row that says something else than its object */
    ARC_FOUND_ORPHAN,    /* a complete object that no row and no tombstone knows */
    ARC_FOUND_STRAY,     /* a file in large/, tmp/ or seg/ that belongs to nothing */
    ARC_FOUND_UNREADABLE /* the system cannot read it: check the disk */
};
enum { ARC_FINDING_KINDS = ARC_FOUND_UNREADABLE + 1 };

/* A stable word of a kind, as reports have it: "index", "missing" … */
const char *arc_finding_name(enum arc_finding_kind kind);

/* One thing that is wrong. Strings live for the call. */
struct arc_finding {
    enum arc_finding_kind kind;
    iso_str               sop_instance_uid; /* empty: of no object */
    int64_t               instance;         /* 0: of no row */
    const char           *where;            /* "seg/00000003.tar at 10240", or a table */
    const char           *what;             /* a sentence */
    const char           *advice;           /* what to do; empty once it is repaired */
    bool                  repaired;
};

struct arc_verify_report {
    int64_t  began_us, ended_us; /* wall clock; ended 0: it is not over */
    bool     full, repair;
    bool     complete;  /* false: stopped, or the index could not be read */
    uint64_t instances; /* rows compared with their objects */
    uint64_t members;   /* heads read in segments */
    uint64_t bytes;     /* of content that were read and found right or wrong */
    uint64_t bytes_all; /* of stored objects: what `bytes` goes up to with `full` */
    uint64_t unchecked; /* objects without CRC whose digests had to do; only told, not wrong */
    uint64_t waiting;   /* complete objects behind the low mark: the next start adopts them */
    uint64_t found[ARC_FINDING_KINDS];
    uint64_t repaired[ARC_FINDING_KINDS];
};

struct arc_verify_config {
    bool     full;
    bool     repair;
    uint64_t bytes_s; /* at most so many bytes read a second; 0: as fast as it goes */
    /* All may be NULL; called on the thread of the call, the report grows from one to the next. */
    void (*found)(void *ctx, const struct arc_finding *finding);
    void (*progress)(void *ctx, const struct arc_verify_report *so_far);
    bool (*stop)(void *ctx);
    void *ctx;
};

/* ISO_OK also when things are wrong: see report->found. ISO_ECANCEL: stopped. Other codes: it could
 * not go on, *report says how far it came. An archive opened with `care` (arc.h) or one in use. */
ISO_MUST_USE int arc_verify(struct arc *arc, const struct arc_verify_config *config,
                            struct arc_verify_report *report, struct iso_err *err);

/* found less repaired. */
uint64_t arc_verify_left(const struct arc_verify_report *report);

/* What checking has found about stored objects and has not been healed since. Reading such an object
 * is not refused: it may be all there is. */
struct arc_damage {
    int64_t instance;
    iso_str study_uid, series_uid, sop_instance_uid; /* in the arena */
    int64_t found_us;
    iso_str what; /* in the arena */
};

/* Those with an instance above `after`, by it; up to max. */
ISO_MUST_USE int arc_damage_list(struct arc *arc, int64_t after, size_t max,
                                 struct iso_arena *arena, struct arc_damage *out, size_t *count,
                                 struct iso_err *err);
ISO_MUST_USE int arc_damage_count(struct arc *arc, uint64_t *count, struct iso_err *err);

#endif
