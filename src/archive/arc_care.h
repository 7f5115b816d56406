/* arc_care.h: inside archive/: what verifying and scrubbing share. One run belongs to one thread. */
#ifndef ARC_CARE_H
#define ARC_CARE_H

#include "arc_in.h"
#include "arc_verify.h"
#include "index_care.h"
#include "store_survey.h"

enum { CARE_PLACES = 256, CARE_GAPS = 64, CARE_BUFFER_BYTES = 256 << 10 };

#define ADVICE_REINDEX "stop the server and run isocenter reindex"
#define ADVICE_REPAIR  "run isocenter verify --repair"
#define ADVICE_BACKUP  "restore it from a backup, or send it again"
#define ADVICE_DISK    "check the disk"

/* What a run does beyond what its caller configures. */
struct care_mode {
    bool index;   /* the index is looked at by itself, and files that belong to nothing */
    bool content; /* every byte is read */
    bool parse;   /* and parsed: what its row and header say is compared */
    bool mark;    /* damage is entered, and struck out once it has gone */
    /* Where to begin: nothing before this object is looked at. Zero: everything. */
    struct store_location from;
    /* Now and then: how far it is. May be NULL. */
    void (*reached)(void *ctx, const struct store_location *at);
    void *ctx;
};

/* Rows or tombstones of one volume in the order of their places, a few hundred at a time. */
struct care_cursor {
    enum index_places     which;
    struct index_place   *list; /* CARE_PLACES */
    size_t                at, count;
    struct store_location after;
    bool                  ended;
};

struct care {
    struct arc                     *arc;
    const struct arc_verify_config *config;
    const struct care_mode         *mode;
    struct arc_verify_report       *report;
    struct iso_arena                object; /* for one object, reset after it */
    uint8_t                        *buffer; /* CARE_BUFFER_BYTES */
    struct care_cursor              rows;
    struct care_cursor              tombstones;
    uint32_t                        volume;
    bool                            tree; /* a folder adopted in place: its files are not ours */
    uint64_t                        low_file, low_offset; /* of the volume */
    struct store_sight              gap[CARE_GAPS];       /* not explained so far */
    size_t                          gap_count;
    uint64_t                        damaged; /* objects in the table of damages at the beginning */
    int64_t                         began_ms;
    int64_t                         told_ms;
};

/* arc_verify.c */
int care_run(struct arc *arc, const struct arc_verify_config *config, const struct care_mode *mode,
             struct arc_verify_report *report, struct iso_err *err);
/* Counts and tells. uid may be empty, at NULL. */
void care_tell(struct care *c, enum arc_finding_kind kind, iso_str uid, int64_t instance,
               const struct store_location *at, bool repaired, const char *advice, const char *what,
               ...) ISO_PRINTF(8, 9);
/* After bytes were read: keeps to the rate, tells progress; ISO_ECANCEL when it is to stop. */
int care_read(void *care, size_t bytes, struct iso_err *err);

/* arc_verify_place.c: a row and the member in its place (exact: its head is as we write it); a row
 * that no member was met for; a file of its own. */
int care_match(struct care *c, const struct index_place *row, int fd,
               const struct store_member *member, bool exact, struct iso_err *err);
int care_alone(struct care *c, const struct index_place *row, struct iso_err *err);
int care_large(struct care *c, const struct index_place *row, struct iso_err *err);

/* arc_verify_object.c: one object. fd is open and has it at offset; record may be NULL. */
int care_content(struct care *c, const struct index_place *row, int fd, uint64_t offset,
                 const struct store_record *record, struct iso_err *err);
/* CRC-32C and digests of a place, without parsing. *right: all that is known agrees. */
int care_sum(struct care *c, const struct index_place *row, int fd, uint64_t offset,
             uint32_t *crc32c, bool *right, struct iso_err *err);
/* A member or file that no row knows, by what was found of it; state of its member. */
int care_orphan(struct care *c, const struct store_location *at, int fd, uint64_t offset,
                const uint8_t *digest, const struct store_record *record, bool behind_low,
                struct iso_err *err);
/* The row of an object is made again from its bytes; *done false: it could not be read. */
int care_renew(struct care *c, const struct index_place *row, int fd, uint64_t offset,
               const struct store_record *record, bool *done, struct iso_err *err);

#endif
