/* index_wal.h: the file of SQLite's log (WAL), for index_vfs.c. SQLite writes each page of a commit in two
 * pieces, a head of 24 bytes and the page; here they gather and go out together, before the write of
 * the commit's last page returns: so a failure is SQLite's to handle, and nobody is told of a commit
 * that is not in the file. One connection's file; not for several threads at once. */
#ifndef INDEX_WAL_H
#define INDEX_WAL_H

#include <sqlite3.h>

struct index_wal;

/* What a handle needs beyond the system's own. */
int index_wal_bytes(void);
/* As xOpen of `below` for SQLITE_OPEN_WAL. *owner is the log until that is closed, then NULL; owner may be
 * NULL: then nothing gathers. */
int index_wal_open(sqlite3_vfs *below, const char *name, sqlite3_file *file, int flags,
                   int *out_flags, struct index_wal **owner);
/* Who had the right to write gives it back: what has gathered belongs to no commit. NULL: nothing. */
void index_wal_drop(struct index_wal *log);
/* *owner is about to go. */
void index_wal_leave(struct index_wal *log);

#endif
