/* arc_scrub.h: a thread that goes round all that is stored, at a modest rate, and compares every byte
 * with the checksum that was taken when it came (CRC32C; SHA-256 where there is none). What does not
 * match is entered in the table of damages and told. How far a round has come survives a restart. */
#ifndef ARC_SCRUB_H
#define ARC_SCRUB_H

#include "arc_verify.h"

struct arc_scrub_config {
    uint64_t bytes_s; /* at most so many bytes read a second; 0: no thread */
    int64_t  rest_s;  /* from the end of a round to the next; default a day */
    /* All may be NULL; on the thread of the scrub. */
    bool (*busy)(void *ctx); /* true: others need the disk, the scrub waits */
    void (*found)(void *ctx, const struct arc_finding *finding);
    void (*round)(void *ctx, const struct arc_verify_report *report); /* at the end of each */
    void *ctx;
};

/* Once per archive; arc_close ends it. config is copied. */
ISO_MUST_USE int arc_scrub_start(struct arc *arc, const struct arc_scrub_config *config,
                                 struct iso_err *err);

/* One whole round at full speed on this thread, whatever the background has done. */
ISO_MUST_USE int arc_scrub_pass(struct arc *arc, const struct arc_scrub_config *config,
                                struct arc_verify_report *report, struct iso_err *err);

struct arc_scrub_status {
    bool     enabled;
    int64_t  round_began_us; /* 0: none is under way */
    int64_t  last_began_us;  /* of the last complete round; 0: there was none */
    int64_t  last_ended_us;
    uint64_t bytes;     /* read in the round under way */
    uint64_t bytes_all; /* what there is to read */
    int64_t  oldest_us; /* everything stored has been checked since then; what came later was
                                checked when it came. 0: nothing is stored */
    uint64_t damaged;   /* objects in the table of damages */
};
ISO_MUST_USE int arc_scrub_status(struct arc *arc, struct arc_scrub_status *out,
                                  struct iso_err *err);

#endif
