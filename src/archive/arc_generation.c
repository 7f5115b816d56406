/* arc_generation.c: the generations of a backup: which ones there are, and giving up those that are no
 * longer wanted, with the files that only they have. */
#include "arc_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_AT_ONCE = 4096 };

struct generations {
    char (*name)[ARC_GENERATION_BYTES];
    size_t count;
    size_t max;
};

static int take_generation(void *ctx, const char *name, struct iso_err *err)
{
    struct generations *g = ctx;
    iso_str             s = iso_str_c(name);

    (void)err;
    if (!iso_str_ends(s, ISO_STR(".manifest")) ||
        !arc_generation_ok(iso_str_sub(s, 0, s.len - strlen(".manifest"))) || g->count == g->max)
        return ISO_OK;
    memcpy(g->name[g->count], name, 16);
    g->name[g->count++][16] = '\0';
    return ISO_OK;
}

static int latest_first(const void *a, const void *b)
{
    return strcmp(b, a);
}

int arc_backup_list(const char *target, char (*out)[ARC_GENERATION_BYTES], size_t max,
                    size_t *count, struct iso_err *err)
{
    struct generations g  = { out, 0, max };
    int                rc = os_list(OS_CWD, target, take_generation, &g, err);

    if (rc < 0)
        return rc;
    qsort(out, g.count, sizeof *out, latest_first);
    *count = g.count;
    return ISO_OK;
}

void arc_manifest_name(const char *generation, char out[ARC_GENERATION_BYTES + 16])
{
    (void)snprintf(out, ARC_GENERATION_BYTES + 16, "%s.manifest", generation);
}

struct needed {
    uint64_t *hash;
    size_t    count, cap;
};

static uint64_t name_hash(const char *name)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a; two names with one hash are both kept */

    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 1099511628211u;
    return h;
}

static int need(struct needed *n, const char *name, struct iso_err *err)
{
    if (n->count == n->cap) {
        size_t cap  = n->cap > 0 ? n->cap * 2 : NAMES_AT_ONCE;
        void  *more = realloc(n->hash, cap * sizeof *n->hash);

        if (more == NULL)
            return iso_fail(err, ISO_ENOMEM, "no memory for the list of files");
        n->hash = more;
        n->cap  = cap;
    }
    n->hash[n->count++] = name_hash(name);
    return ISO_OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* A manifest that cannot be read names nothing for sure: then nothing is given up. */
static int need_all_of(int target, struct needed *n, const char *generation, struct iso_err *err)
{
    struct arc_manifest_reader r;
    struct arc_manifest_file   file;
    char                       name[ARC_STORED_BYTES];

    arc_manifest_name(generation, name);
    int rc = arc_manifest_open(&r, target, name, NULL, err);
    if (rc < 0)
        return rc;
    while (rc >= 0 && (rc = arc_manifest_next(&r, &file, err)) == ISO_OK) {
        arc_manifest_stored(&file, name);
        rc = need(n, name, err);
    }
    if (rc == ISO_EEND)
        rc = r.ended ? ISO_OK : iso_fail(err, ISO_EFORMAT, "%s is cut short", generation);
    arc_manifest_close(&r);
    (void)snprintf(name, sizeof name, "index/%s.db", generation);
    return rc < 0 ? rc : need(n, name, err);
}

struct sweep {
    int                  target;
    const struct needed *needed;
    char                 path[ARC_STORED_BYTES + 64];
};

/* Whatever is below path and not needed goes; folders stay. */
static int sweep_entry(void *ctx, const char *name, struct iso_err *err)
{
    struct sweep  *s   = ctx;
    size_t         len = strlen(s->path);
    struct os_stat st;
    int            rc = ISO_OK;

    if (len + strlen(name) + 2 > sizeof s->path)
        return ISO_OK; /* none of ours */
    (void)snprintf(s->path + len, sizeof s->path - len, "/%s", name);
    if (os_stat(s->target, s->path, &st, NULL) >= 0) {
        uint64_t h = name_hash(s->path);

        if (st.is_folder)
            rc = os_list(s->target, s->path, sweep_entry, s, err);
        else if (bsearch(&h, s->needed->hash, s->needed->count, sizeof h, by_number) == NULL)
            rc = os_remove(s->target, s->path, err);
    }
    s->path[len] = '\0';
    return rc;
}

int arc_backup_prune(int target, const char *path, unsigned keep, uint64_t *pruned,
                     struct iso_err *err)
{
    char(*name)[ARC_GENERATION_BYTES] = calloc(ARC_GENERATIONS_MAX, sizeof *name);
    struct needed needed              = { 0 };
    size_t        count               = 0;
    char          file[ARC_GENERATION_BYTES + 16];
    int           rc = name == NULL ? iso_fail(err, ISO_ENOMEM, "no memory for a backup") : ISO_OK;

    if (rc >= 0)
        rc = arc_backup_list(path, name, ARC_GENERATIONS_MAX, &count, err);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        if (keep == 0 || i < keep) {
            rc = need_all_of(target, &needed, name[i], err);
            continue;
        }
        arc_manifest_name(name[i], file);
        rc = os_remove(target, file, err);
        *pruned += rc >= 0;
    }
    if (rc >= 0 && count < ARC_GENERATIONS_MAX) {
        static const char *const folders[] = { "files", "index" };

        qsort(needed.hash, needed.count, sizeof *needed.hash, by_number);
        for (size_t i = 0; i < 2 && rc >= 0; i++) {
            struct sweep s = { .target = target, .needed = &needed };

            (void)snprintf(s.path, sizeof s.path, "%s", folders[i]);
            rc = os_list(target, folders[i], sweep_entry, &s, err);
            rc = rc == ISO_ENOENT ? ISO_OK : rc;
        }
    }
    free(needed.hash);
    free(name);
    return rc;
}
