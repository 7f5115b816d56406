/* arc_earlier.h: what earlier runs of a backup have copied: the latest generation, and runs that were
 * interrupted, whose manifests stay as `unfinished` until one is complete. Private to archive/. */
#ifndef ARC_EARLIER_H
#define ARC_EARLIER_H

#include "arc_manifest.h"

#define ARC_UNFINISHED "unfinished"        /* the manifest of the run, until it is complete */
#define ARC_RESUME     "unfinished.before" /* of runs before that */

struct arc_earlier_source {
    struct arc_manifest_reader reader;
    struct arc_manifest_file   file;
    bool                       open; /* file is the next one */
};

struct arc_earlier {
    struct arc_earlier_source source[2]; /* what was interrupted, then the latest generation */
};

/* Before a run: interrupted ones become one; of each file the later word counts. */
int arc_earlier_merge(int target, struct iso_err *err);
/* archive: the uuid of its first volume. ISO_ECONFLICT: target is the backup of another one. */
int arc_earlier_open(struct arc_earlier *earlier, int target, const char *path, const char *archive,
                     struct iso_err *err);
/* What is known of the file, or NULL. Keys come in the order of manifests. Lives until the next call. */
const struct arc_manifest_file *arc_earlier_find(struct arc_earlier             *earlier,
                                                 const struct arc_manifest_file *key);
void                            arc_earlier_close(struct arc_earlier *earlier);

#endif
