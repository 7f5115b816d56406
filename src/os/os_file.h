/* os_file.h: files, by descriptor and relative to a folder's descriptor.
 * Names given here are the program's own or the user's from the command line, never a peer's.
 * Interrupted calls are repeated; short reads and writes are completed. Failures tell the path and
 * the system's reason: ISO_ENOENT, ISO_EEXIST, ISO_ENOSPC (ENOSPC, EDQUOT, EFBIG), ISO_EBUSY (EMFILE,
 * ENFILE), ISO_EIO (the rest). All calls may block on the disk; any thread. */
#ifndef OS_FILE_H
#define OS_FILE_H

#include "iso_bytes.h"
#include "iso_err.h"

enum { OS_CWD = -100 }; /* as a folder: names are relative to the working directory */

struct os_stat {
    uint64_t bytes;
    int64_t  mtime_s;
    int64_t  mtime_ns; /* the same, finer */
    bool     is_folder;
    bool     is_file;
};

enum os_open {
    OS_READ,       /* must exist */
    OS_READ_PLAIN, /* the same, but no symbolic link, and nothing that could make us wait (FIFOs) */
    OS_WRITE,      /* read and write; created when absent */
    OS_WRITE_OLD,  /* read and write; must exist */
    OS_CREATE,     /* read and write; must not exist */
    OS_FOLDER      /* a folder, to be used as one */
};

/* The descriptor in *fd is the caller's. Symbolic links as the last part are followed on OS_READ
 * and OS_FOLDER only. */
ISO_MUST_USE int os_open(int folder, const char *name, enum os_open how, int *fd,
                         struct iso_err *err);
/* A file without a name, for reading and writing: it is gone when it is closed. In the folder that
 * TMPDIR names, else in /var/tmp; in memory where neither can be written. */
ISO_MUST_USE int os_open_scratch(int *fd, struct iso_err *err);
void             os_close(int fd);       /* fd -1: nothing */
void             os_close_arg(void *fd); /* int *: for iso_arena_defer */
/* ISO_OK when it is there afterwards. */
ISO_MUST_USE int os_make_folder(int folder, const char *name, struct iso_err *err);
ISO_MUST_USE int os_stat(int folder, const char *name, struct os_stat *out, struct iso_err *err);
ISO_MUST_USE int os_stat_fd(int fd, struct os_stat *out, struct iso_err *err);
/* Cleaning up may ignore the result. */
int os_remove(int folder, const char *name, struct iso_err *err);
/* Within one file system; replaces what has the new name. Durable after os_sync_folder of both. */
ISO_MUST_USE int os_rename(int from_folder, const char *from, int to_folder, const char *to,
                           struct iso_err *err);

/* A second name for a file, in the same file system; ISO_EEXIST when the name is taken. */
ISO_MUST_USE int os_link(int from_folder, const char *from, int to_folder, const char *to,
                         struct iso_err *err);

/* All len bytes, or an error. */
ISO_MUST_USE int os_write(int fd, const void *ptr, size_t len, struct iso_err *err);
ISO_MUST_USE int os_write_at(int fd, const void *ptr, size_t len, uint64_t offset,
                             struct iso_err *err);
/* All parts, one after the other, in as few system calls as the kernel takes. */
ISO_MUST_USE int os_write_parts_at(int fd, const iso_bytes *parts, size_t count, uint64_t offset,
                                   struct iso_err *err);
/* The same past the system's cache (O_DIRECT). Addresses, lengths and offset are multiples of
 * OS_DIRECT_ALIGN, the offset of a block of the file system; nobody else writes through fd. Nothing
 * is durable before os_sync. *taken: false where the file system or its disk does not do this; then,
 * and after a short write, the rest has gone the usual way. */
enum { OS_DIRECT_ALIGN = 512 };
ISO_MUST_USE int os_write_parts_direct_at(int fd, const iso_bytes *parts, size_t count,
                                          uint64_t offset, bool *taken, struct iso_err *err);
/* Up to len bytes; fewer only at the end of the file. The count, or a negative code. */
int64_t os_read(int fd, void *ptr, size_t len, struct iso_err *err);
int64_t os_read_at(int fd, void *ptr, size_t len, uint64_t offset, struct iso_err *err);
/* Exactly len bytes; ISO_EFORMAT when the file ends before. */
ISO_MUST_USE int os_read_exact_at(int fd, void *ptr, size_t len, uint64_t offset,
                                  struct iso_err *err);
/* A range of a file as memory, for system calls to read from: where the file is cut or the disk fails later,
 * they give an error (we would get a signal). ISO_EFORMAT when the file ends before the range does. */
struct os_map {
    const uint8_t *ptr; /* of the first byte asked for */
    void          *page;
    size_t         bytes; /* from page */
};
ISO_MUST_USE int os_map(int fd, uint64_t offset, size_t bytes, struct os_map *map,
                        struct iso_err *err);
void             os_unmap_arg(void *map); /* struct os_map *: for iso_arena_defer */
ISO_MUST_USE int os_truncate(int fd, uint64_t bytes, struct iso_err *err);
/* Gives the blocks of a range back; reading it yields zeros. ISO_EUNSUPPORTED where the file system
 * cannot. */
ISO_MUST_USE int os_punch_hole(int fd, uint64_t offset, uint64_t bytes, struct iso_err *err);

/* A hint: begin to write this range to the disk, without waiting for it. Promises nothing. */
void os_write_back(int fd, uint64_t offset, uint64_t bytes);
/* What was written is on stable storage (fdatasync). After a failure the state of the file is
 * unknown: never retry, stop acknowledging. */
ISO_MUST_USE int os_sync(int fd, struct iso_err *err);
/* The names in a folder are on stable storage. (fsync: on ext4, fdatasync of a folder may leave out an
 * entry for which the folder did not have to grow.) */
ISO_MUST_USE int os_sync_folder(int fd, struct iso_err *err);

/* An exclusive lock for the life of fd; ISO_EBUSY when another process holds it. */
ISO_MUST_USE int os_lock(int fd, struct iso_err *err);
/* What changes when a file becomes another one or its content changes: for telling without reading. */
struct os_file_age {
    uint64_t bytes;
    uint64_t inode;
    int64_t  mtime_ns;
    int64_t  ctime_ns;
};
ISO_MUST_USE int os_file_age(int fd, struct os_file_age *out, struct iso_err *err);
/* What of the range is in memory need not stay there: for those who read much and only once. */
void os_file_forget(int fd, uint64_t offset, uint64_t bytes);
/* Everything on the file system of fd is on stable storage, names too. */
ISO_MUST_USE int os_sync_all(int fd, struct iso_err *err);
/* Bytes free to us on the file system of fd. */
ISO_MUST_USE int os_free_bytes(int fd, uint64_t *bytes, struct iso_err *err);

/* Calls each(ctx, name) for every entry but . and .. ; stops at its first negative result. */
ISO_MUST_USE int os_list(int folder, const char                                              *name,
                         int (*each)(void *ctx, const char *name, struct iso_err *err), void *ctx,
                         struct iso_err *err);

#endif
