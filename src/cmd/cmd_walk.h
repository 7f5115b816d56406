/* cmd_walk.h: every file behind the paths that a user names, several at once.
 * A path may be a file, a folder (walked to its leaves), a ZIP archive (its entries), or the DICOMDIR
 * of a disc (the folder that it lies in: files it forgot come too). DICOMDIRs are never given. */
#ifndef CMD_WALK_H
#define CMD_WALK_H

#include "iso_buf.h"
#include "iso_json.h"

enum { CMD_WALK_DEPTH_MAX = 64, CMD_WALK_QUEUE_MAX = 256, CMD_WALK_REPORT_BYTES_MAX = 256 << 20 };

/* One file. name is for people ("disc/IM1", "cd.zip:IM1"); source is valid during the call. rc < 0:
 * it could not be opened, err tells why, and source must not be read. Called from several threads. */
struct cmd_walk_file {
    const char       *name;
    struct iso_source source;
    int               fd;    /* of a file by itself, at its beginning; -1 within an archive */
    uint64_t          bytes; /* 0: not known */
    int               rc;
    struct iso_err    err;
};

struct cmd_walk {
    char   **path;
    size_t   path_count;
    unsigned threads; /* at least 1 */
    void (*each)(void *ctx, const struct cmd_walk_file *file);
    void *ctx;
};

/* From now on Ctrl-C, and SIGTERM, end walks early, between two files. */
void cmd_walk_catch_interrupt(void);
/* Whether that has happened. */
bool cmd_walk_interrupted(void *unused);

/* How much there is to do: files and their bytes (an archive is one file), and no errors: what
 * cannot be seen is not counted. */
void cmd_walk_count(char **path, size_t path_count, uint64_t *files, uint64_t *bytes);

/* Returns when every file has been given to each(). ISO_OK even when single files failed. */
ISO_MUST_USE int cmd_walk(const struct cmd_walk *walk, struct iso_err *err);

struct cmd_walk_figure {
    const char *name;
    uint64_t    value;
};

/* Prints the figures and, as "files", the array in `files`, which entries has been writing. */
void cmd_walk_report(const struct cmd_walk_figure *figures, size_t count, struct iso_json *entries,
                     const struct iso_buf *files);

#endif
