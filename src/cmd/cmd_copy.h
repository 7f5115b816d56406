/* cmd_copy.h: what backup and restore print. */
#ifndef CMD_COPY_H
#define CMD_COPY_H

#include "arc_backup.h"

struct cmd_copy {
    bool    show;
    int64_t drawn_ms;
};

/* ctx: a struct cmd_copy. */
void cmd_copy_progress(void *ctx, const struct arc_backup_report *so_far, uint64_t bytes_all);
void cmd_copy_report(struct cmd_copy *copy, const struct arc_backup_report *report, bool json,
                     bool complete);

#endif
