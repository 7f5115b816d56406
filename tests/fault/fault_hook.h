/* fault_hook.h: the system's file calls, taken over (fault_hook.c): each that changes a file below one folder is
 * counted, and the n-th does not go as it should. Linked into a program whose symbols are exported, or loaded before
 * another one (LD_PRELOAD; FAULT_CONTROL then names a file that holds a struct fault_control and is shared with whoever
 * steers). Not for use with sanitizers, which take the same calls over. */
#ifndef FAULT_HOOK_H
#define FAULT_HOOK_H

#include <limits.h>
#include <stdatomic.h>

enum fault_kind { /* bits of fault_control.kinds */
                  FAULT_WRITE   = 1,
                  FAULT_FLUSH   = 2,  /* fsync, fdatasync, sync_file_range; of files and folders */
                  FAULT_SIZE    = 4,  /* fallocate */
                  FAULT_NAME    = 8,  /* link, rename, mkdir */
                  FAULT_CREATE  = 16, /* an open that may create */
                  FAULT_OPEN    = 32, /* every other open */
                  FAULT_FREE    = 64, /* what gives room back: unlink, ftruncate, a hole */
                  FAULT_GROWTH  = FAULT_WRITE | FAULT_SIZE | FAULT_NAME | FAULT_CREATE,
                  FAULT_CHANGES = FAULT_WRITE | FAULT_FLUSH | FAULT_SIZE | FAULT_NAME |
                                  FAULT_CREATE | FAULT_FREE
};

enum fault_action {
    FAULT_COUNT,       /* nothing: only counts */
    FAULT_KILL_BEFORE, /* the process is gone before the call */
    FAULT_KILL_AFTER,  /* after it */
    FAULT_KILL_TORN,   /* after half of a write; of other calls: before */
    FAULT_FAIL, /* it fails with `number`; a write that is out of room gets half of it through first */
    FAULT_SHORT /* a write does half of what it should, and says so */
};

enum fault_end {                 /* how a killed one goes */
                 FAULT_END_KILL, /* page cache and names stay */
                 FAULT_END_LOSE, /* all that was not flushed is undone first: bytes to the file's last flush, names to the folder's */
                 FAULT_END_SHUFFLE, /* the same, but of each page and name by chance (seed) */
                 FAULT_END_POWER /* the ext4 that holds the folder is shut down without flushing its log */
};

struct fault_control {
    char        under[PATH_MAX]; /* calls on files below this folder count; its own name resolved */
    atomic_long count;           /* calls so far */
    atomic_long at;              /* the n-th, from 0, is the one; -1: none */
    atomic_long span;            /* and how many from there on; 0: that one only; -1: all */
    atomic_int  kinds;           /* which calls count: bits of fault_kind */
    atomic_int  action;          /* fault_action */
    atomic_int  end;             /* fault_end */
    atomic_int  number;          /* errno */
    atomic_uint seed;
    atomic_int
        no_flush; /* bits of fault_not: flushes that do nothing, to see that the judge notices */
    atomic_int fired;              /* how often it has struck */
    atomic_int flush_failed;       /* flushes that it let fail */
    atomic_int index_flush_failed; /* those of the index among them */
    atomic_int
        tracking; /* the state of the last flush is kept: from the start, for END_LOSE and _SHUFFLE */
    char what[256]; /* the call that it struck last, for people */
};

enum fault_not {
    FAULT_NOT_SEGMENT = 1,
    FAULT_NOT_FOLDER  = 2,
    FAULT_NOT_INDEX   = 4,
    FAULT_NOT_LARGE   = 8
};

/* The block in use; NULL: none, all calls pass. Set it before the first thread. */
void fault_hook_use(struct fault_control *control) __attribute__((visibility("default")));

/* fault_drop.c: what a power loss would leave. Paths are absolute. Real calls only. */
void fault_drop_reset(void);
void fault_drop_write(int fd); /* before its first change is made */
void fault_drop_plain(int fd); /* from now on it takes any length: without O_DIRECT */
struct fault_flush {           /* what a flush that is under way will make safe */
    void     *image;
    long long bytes;
    unsigned long
        turn; /* flushes of one file may overtake each other: what began later has all of it */
};
void fault_drop_flush_begin(int fd, struct fault_flush *flush);
void fault_drop_flush_done(int fd, struct fault_flush *flush, int ok);
void fault_drop_created(const char *path, int is_folder);
void fault_drop_linked(const char *path);
/* Keeps a name for what is about to lose this one; to be told of the outcome. */
void fault_drop_unlink(const char *under, const char *path, char kept[PATH_MAX]);
void fault_drop_unlinked(const char *path, const char *kept, int ok);
void fault_drop_renamed(const char *from, const char *to, const char *kept);
void fault_drop_now(const char *under, int all, unsigned seed);

#endif
