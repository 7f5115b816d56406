/* fault_tar.c: see fault_tar.h. Written from the standard and docs/durability.md, not from the store's code. */
#include "fault_tar.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512 };
#define LARGE ((int64_t)1 << 62)

struct check {
    const char *folder;
    sqlite3    *db;
    unsigned   *strays;
    char       *why;
    size_t      why_bytes;
    int         bad;
};

__attribute__((format(printf, 2, 3))) static void bad(struct check *c, const char *fmt, ...)
{
    va_list ap;

    if (c->bad++ > 0)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(c->why, c->why_bytes, fmt, ap);
    va_end(ap);
}

/* One number of the index. */
static int64_t ask(struct check *c, const char *sql, int64_t a, int64_t b)
{
    sqlite3_stmt *st    = NULL;
    int64_t       value = -1;

    if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(st, 1, a);
        sqlite3_bind_int64(st, 2, b);
        if (sqlite3_step(st) == SQLITE_ROW)
            value = sqlite3_column_int64(st, 0);
    }
    if (value < 0)
        bad(c, "index: %s", sqlite3_errmsg(c->db));
    sqlite3_finalize(st);
    return value;
}

/* Rows, and places that wait to be given back, at this place; of large files wherever their journal entry is. */
static int64_t known(struct check *c, int64_t file, int64_t offset)
{
    return ask(c, "SELECT count(*) FROM instance WHERE file = ?1 AND (?2 < 0 OR offset = ?2)", file,
               offset) +
           ask(c, "SELECT count(*) FROM tombstone WHERE file = ?1 AND (?2 < 0 OR offset = ?2)",
               file, offset);
}

/* The file that a journal entry names; below 0: none. */
static int64_t large_of(int fd, int64_t at)
{
    char line[64] = "";

    if (pread(fd, line, sizeof line - 1, at) < 21 || strncmp(line, "file=", 5) != 0)
        return -1;
    return LARGE | strtoll(line + 5, NULL, 16);
}

static int64_t octal(const uint8_t *field, size_t digits)
{
    int64_t n = 0;

    for (size_t i = 0; i < digits; i++)
        n = n * 8 + (field[i] - '0');
    return n;
}

static void segment(struct check *c, int64_t number, int fd)
{
    uint8_t     head[BLOCK];
    struct stat st;
    int64_t     at = 0;

    if (fstat(fd, &st) < 0)
        return;
    for (; at + BLOCK <= st.st_size && pread(fd, head, BLOCK, at) == BLOCK;) {
        const char *name  = (const char *)head;
        int64_t     bytes = octal(head + 124, 11);

        if (memcmp(head + 257, "ustar", 5) != 0)
            break; /* room that was allocated ahead, or the two blocks at the end */
        if (at + BLOCK + bytes > st.st_size)
            bad(c, "segment %lld ends within %.80s", (long long)number, name);
        bool    large = strncmp(name, "large/", 6) == 0;
        int64_t file  = large ? large_of(fd, at + BLOCK) : number;
        if (strncmp(name, "removed/", 8) != 0 && strncmp(name, "kept/", 5) != 0 &&
            (file < 0 || known(c, file, large ? -1 : at + BLOCK) < 1))
            bad(c, "segment %lld at %lld: %.80s has no row", (long long)number, (long long)at,
                name);
        at += BLOCK + (bytes + BLOCK - 1) / BLOCK * BLOCK;
    }
    for (; at + BLOCK <= st.st_size && pread(fd, head, BLOCK, at) == BLOCK; at += BLOCK)
        for (int i = 0; i < BLOCK; i++)
            if (head[i] != 0) {
                bad(c, "segment %lld at %lld: something behind its end", (long long)number,
                    (long long)at);
                return;
            }
}

static void each_file(struct check *c, const char *name,
                      void (*each)(struct check *c, const char *path, const char *name))
{
    char           path[PATH_MAX];
    struct dirent *entry;
    struct stat    st;

    (void)snprintf(path, sizeof path, "%.2000s/%.2000s", c->folder, name);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        char below[PATH_MAX];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(below, sizeof below, "%.2000s/%.255s", name, entry->d_name);
        (void)snprintf(path, sizeof path, "%.2000s/%.2000s", c->folder, below);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            each_file(c, below, each);
        else
            each(c, path, entry->d_name);
    }
    (void)closedir(dir);
}

__attribute__((nonnull)) static void each_segment(struct check *c, const char *path,
                                                  const char *name)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || strlen(name) != 12)
        bad(c, "segment %s cannot be read", name);
    else
        segment(c, strtoll(name, NULL, 10), fd);
    if (fd >= 0)
        (void)close(fd);
}

static void each_large(struct check *c, const char *path, const char *name)
{
    (void)path;
    int64_t count = known(c, LARGE | strtoll(name, NULL, 16), -1);
    if (count == 0 && c->strays != NULL)
        ++*c->strays;
    else if (count != 1)
        bad(c, "large file %s has %lld rows", name, (long long)count);
}

static void each_left_over(struct check *c, const char *path, const char *name)
{
    (void)name;
    bad(c, "left over: %s", path);
}

static int64_t large_bytes(struct check *c, int64_t number)
{
    char        path[PATH_MAX];
    struct stat st;

    (void)snprintf(path, sizeof path, "%.2000s/large/%02x/%016llx.dcm", c->folder,
                   (unsigned)(number & 0xff), (unsigned long long)number);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void each_row(struct check *c)
{
    sqlite3_stmt *st = NULL;
    char          path[PATH_MAX];
    struct stat   file;

    if (sqlite3_prepare_v2(c->db, "SELECT file, offset, length, id FROM instance", -1, &st, NULL) !=
        SQLITE_OK)
        bad(c, "index: %s", sqlite3_errmsg(c->db));
    while (sqlite3_step(st) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(st, 0);
        int64_t end =
            sqlite3_column_int64(st, 2) + (number & LARGE ? 0 : sqlite3_column_int64(st, 1));
        int64_t bytes = -1;

        (void)snprintf(path, sizeof path, "%.2000s/seg/%08lld.tar", c->folder, (long long)number);
        if (number & LARGE)
            bytes = large_bytes(c, number & ~LARGE);
        else if (stat(path, &file) == 0)
            bytes = file.st_size;
        if (bytes < end)
            bad(c, "row %lld: its object is not there", (long long)sqlite3_column_int64(st, 3));
    }
    sqlite3_finalize(st);
}

int fault_tar_check(const char *folder, unsigned *strays, char *why, size_t why_bytes)
{
    struct check  c = { .folder = folder, .strays = strays, .why = why, .why_bytes = why_bytes };
    char          path[PATH_MAX];
    sqlite3_stmt *st = NULL;

    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    if (sqlite3_open_v2(path, &c.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        bad(&c, "index: cannot be opened");
    } else {
        if (sqlite3_prepare_v2(c.db, "PRAGMA integrity_check", -1, &st, NULL) != SQLITE_OK ||
            sqlite3_step(st) != SQLITE_ROW ||
            strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
            bad(&c, "index: integrity_check: %s", sqlite3_errmsg(c.db));
        sqlite3_finalize(st);
        each_row(&c);
        each_file(&c, "seg", each_segment);
        each_file(&c, "large", each_large);
        each_file(&c, "tmp", each_left_over);
    }
    sqlite3_close(c.db);
    return c.bad;
}
