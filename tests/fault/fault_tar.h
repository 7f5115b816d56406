/* fault_tar.h: a data folder that nobody uses, looked at with eyes of our own: SQLite for the index, tar block by block. */
#ifndef FAULT_TAR_H
#define FAULT_TAR_H

#include <stddef.h>

/* 0: the index is whole, every row has its object where it says, every object in segments and every large file has its row or waits to be removed, nothing is left over. Else why. *strays: large files that nothing names are counted
 * there and not held against it; NULL: they are. */
int fault_tar_check(const char *folder, unsigned *strays, char *why, size_t why_bytes);

#endif
