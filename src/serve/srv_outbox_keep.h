/* srv_outbox_keep.h: jobs of the outbox as files of a folder, so that a restart does not forget them;
 * private to the outbox. One file a job, called by its id, written beside and renamed into place; durable on
 * return. How far a job was is not kept: it begins anew, and peers get again what they have.
 * A backup does not have them: an archive that is restored sends nothing by itself. Any thread. */
#ifndef SRV_OUTBOX_KEEP_H
#define SRV_OUTBOX_KEEP_H

#include "srv_outbox.h"

struct srv_kept {
    char                 id[SRV_OUTBOX_ID_BYTES];
    iso_str              peer;
    struct arc_selection selection; /* UIDs */
    int64_t              made_us;
};

/* The folder is made when absent. ISO_EIO, ISO_ENOSPC, … */
ISO_MUST_USE int srv_keep_write(const char *folder, const struct srv_kept *job,
                                struct iso_err *err);
/* No word about one that is not there. */
void srv_keep_remove(const char *folder, const char *id);
/* each: for every file that has the name of a job, in no order; its first negative result ends it. No
 * folder: none. */
ISO_MUST_USE int srv_keep_list(const char *folder, int (*each)(void *ctx, const char *id),
                               void *ctx, struct iso_err *err);
/* Everything of *out is in the arena. ISO_EFORMAT: the file is damaged. */
ISO_MUST_USE int srv_keep_read(const char *folder, const char *id, struct iso_arena *arena,
                               struct srv_kept *out, struct iso_err *err);

#endif
