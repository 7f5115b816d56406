/* arc_backup.h: a data folder copied to another place, while a server works on it or not, and back.
 *
 * A backup is a folder with, for each run (a "generation"), a manifest and a copy of the index, and a
 * pool of files that the generations share:
 *
 *     20260102T030405Z.manifest   what belongs to this generation: JSON, one line a file
 *     index/20260102T030405Z.db   its index
 *     files/1/seg/00000001.tar    a file of volume 1, or the beginning of one that has grown since;
 *     files/1/seg/00000001.tar.2  one that was changed otherwise since
 *     unfinished                  what an interrupted run has copied already
 *
 * Order: the keeper is held off (flock on backup.lock in the data folder), so that nothing which is
 * known now loses its bytes; then the index; then the files; all of it flushed; then the manifest,
 * renamed in last. Objects are in their files before the index knows them, so each row of the copy
 * has its bytes, and everything acknowledged before the run began has its row. docs/backup.md.
 *
 * Memory does not grow with the archive but for eight bytes a file. */
#ifndef ARC_BACKUP_H
#define ARC_BACKUP_H

#include "iso_bytes.h"
#include "iso_err.h"

enum { ARC_GENERATION_BYTES = 24 /* room for the name of a generation, with its NUL */ };

struct arc_backup_report {
    char     generation[ARC_GENERATION_BYTES];
    int64_t  began_us, ended_us;
    uint64_t studies;      /* in the copy of the index */
    uint64_t instances;    /* the same */
    uint64_t files;        /* that belong to the generation, the index not counted */
    uint64_t bytes;        /* of them, as they count when read */
    uint64_t files_copied; /* that were not there from an earlier one */
    uint64_t bytes_copied; /* of files, written now */
    uint64_t bytes_read;   /* of files */
    uint64_t index_bytes;  /* copied each time */
    uint64_t trees;        /* adopted folders: they are named in the index, not copied */
    uint64_t pruned;       /* generations given up */
    bool     verified;     /* restore: read again, and the archive's own check was clean */
    uint64_t wrong;        /* restore: what that check found */
};

struct arc_backup_config {
    const char *data;    /* the data folder */
    const char *target;  /* created when absent; other file systems welcome */
    uint64_t    bytes_s; /* at most so many bytes read a second; 0: as fast as it goes */
    unsigned    keep;    /* generations to keep, with the new one; 0: all */
    /* All may be NULL; on the thread of the call. */
    void (*progress)(void *ctx, const struct arc_backup_report *so_far, uint64_t bytes_all);
    bool (*stop)(void *ctx);
    void *ctx;
};

/* ISO_EBUSY: another backup of this folder, or to this target, is running. ISO_ENOENT: no archive
 * there. ISO_ECONFLICT: target belongs to another archive, or is something else. ISO_ECANCEL:
 * stopped; the next run goes on where it was. */
ISO_MUST_USE int arc_backup(const struct arc_backup_config *config,
                            struct arc_backup_report *report, struct iso_err *err);

struct arc_restore_volume {
    uint32_t    number;
    const char *path;
};

struct arc_restore_config {
    const char *source;     /* what arc_backup made */
    const char *generation; /* NULL: the latest */
    const char *data;       /* must be empty or absent, or hold an interrupted restore */
    bool        verify; /* read what was written again, then check the archive (arc_verify, full) */
    uint64_t    bytes_s;
    /* Where volumes but the first go; one that is not named goes where it was. They too must be empty. */
    const struct arc_restore_volume *volumes;
    size_t                           volume_count;
    void (*progress)(void *ctx, const struct arc_backup_report *so_far, uint64_t bytes_all);
    void (*found)(void *ctx, const char *what); /* each thing that is wrong */
    bool (*stop)(void *ctx);
    void *ctx;
};

/* Digests are compared while copying, always. ISO_EEXIST: there is something at data already.
 * ISO_EFORMAT: the backup is damaged: data is not usable then, and no server starts on it. */
ISO_MUST_USE int arc_restore(const struct arc_restore_config *config,
                             struct arc_backup_report *report, struct iso_err *err);

/* The generations of a backup, the latest first: their names. */
ISO_MUST_USE int arc_backup_list(const char *target, char (*out)[ARC_GENERATION_BYTES], size_t max,
                                 size_t *count, struct iso_err *err);

/* While a backup of the folder runs its lock is held: the keeper, and whoever else gives space back
 * or moves bytes, takes it for each round of work. ISO_EBUSY: not now. *fd is closed to let go. */
ISO_MUST_USE int arc_backup_lock(int folder, int *fd, struct iso_err *err);

#endif
