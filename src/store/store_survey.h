/* store_survey.h: everything that lies in a volume, for those who check it or build its index anew: also
 * what is damaged, and what no object is. Reads only; beside all other use. */
#ifndef STORE_SURVEY_H
#define STORE_SURVEY_H

#include "store.h"

enum store_sight_kind {
    STORE_SIGHT_MEMBER,  /* one of ours, whole */
    STORE_SIGHT_FOREIGN, /* a member of the tar file that is not ours */
    STORE_SIGHT_GAP,     /* bytes that are no member, in front of one or of the end */
    STORE_SIGHT_TAIL     /* the same behind the last member of the newest segment: cut by the next
                            start, or just being written */
};

struct store_sight {
    enum store_sight_kind kind;
    uint32_t              volume;
    uint64_t              segment;
    uint64_t              from, to; /* from the head to the end of the padding */
    struct store_member   member;   /* MEMBER */
    int64_t               mtime_s;  /* MEMBER */
    bool                  exact;    /* MEMBER: every byte of its head is as we write it */
    bool                  names;    /* MEMBER: of a journal entry: it can be read, at is its file */
    int                   fd;       /* of the segment; for the call */
};

/* What lies in the segments of a volume, in order, from the head at (segment, offset) on (0, 0: from
 * the first). Where there is no member the next one is looked for. each() may use the store; a
 * negative result ends the survey with it. A volume without segments (a tree) has nothing. */
ISO_MUST_USE int
store_survey(struct store *store, uint32_t volume, uint64_t segment, uint64_t offset,
             int (*each)(void *ctx, const struct store_sight *sight, struct iso_err *err),
             void *ctx, struct iso_err *err);
/* The bytes of all segments of a volume from there on, as the files have them. */
ISO_MUST_USE int store_survey_bytes(struct store *store, uint32_t volume, uint64_t segment,
                                    uint64_t offset, uint64_t *bytes, struct iso_err *err);

enum store_folder { STORE_IN_SEG, STORE_IN_LARGE, STORE_IN_TMP };

/* A file in one of a volume's folders. */
struct store_entry {
    enum store_folder folder;
    const char       *name;   /* inside the volume, with its folder */
    bool              ours;   /* named as we name them */
    uint64_t          number; /* of a segment or large file (with STORE_FILE_LARGE) */
    uint64_t          bytes;
    int64_t           mtime_s;
};

ISO_MUST_USE int store_entries(struct store *store, uint32_t volume, enum store_folder folder,
                               int (*each)(void *ctx, const struct store_entry *entry,
                                           struct iso_err *err),
                               void *ctx, struct iso_err *err);
/* Out of the way, into the volume's folder stray/, under its own name; ISO_EEXIST there. Durable. */
ISO_MUST_USE int store_set_aside(struct store *store, uint32_t volume, const char *name,
                                 struct iso_err *err);

/* Where the journal entry of a large object is; false: it has none. */
bool store_survey_journal(const struct store_location *of, struct store_location *journal);
/* A file of its own that has not got into the index yet: its temporary name is still there. */
bool store_survey_under_way(struct store *store, const struct store_location *at);

/* Opens the file of a location as it is; nothing is looked at or pinned. The caller closes it. */
ISO_MUST_USE int store_raw_open(struct store *store, const struct store_location *at, int *fd,
                                uint64_t *bytes, struct iso_err *err);
/* Writes a member's head again where it was. Durable. The caller knows that its content is right. */
ISO_MUST_USE int store_mend_head(struct store *store, uint32_t volume, uint64_t segment,
                                 uint64_t content_offset, const struct store_tar_member *member,
                                 struct iso_err *err);
/* Bytes that were lost from the end of a segment: it gets its old length back, with a removed member in
 * place of what is missing. from: where it ends now, to: where it ended; whole blocks. Durable. */
ISO_MUST_USE int store_fill_hole(struct store *store, uint32_t volume, uint64_t segment,
                                 uint64_t from, uint64_t to, struct iso_err *err);

#endif
