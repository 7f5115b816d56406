/* arc_earlier.c: manifests of earlier runs, read along with a run, in the same order of files. */
#include "arc_earlier.h"

#include <stdlib.h>
#include <string.h>

static void source_next(struct arc_earlier_source *e)
{
    if (e->open && arc_manifest_next(&e->reader, &e->file, NULL) < 0) {
        arc_manifest_close(&e->reader);
        e->open = false;
    }
}

/* head: NULL, or gets the manifest's. False: it cannot be read. */
static bool source_open(struct arc_earlier_source *e, int target, const char *name,
                        struct arc_manifest_head *head)
{
    if (arc_manifest_open(&e->reader, target, name, head, NULL) < 0)
        return false;
    e->open = true;
    source_next(e);
    return true;
}

const struct arc_manifest_file *arc_earlier_find(struct arc_earlier             *earlier,
                                                 const struct arc_manifest_file *key)
{
    const struct arc_manifest_file *found = NULL;

    for (size_t i = 2; i-- > 0;) {
        struct arc_earlier_source *e = &earlier->source[i];

        while (e->open && arc_manifest_order(&e->file, key) < 0)
            source_next(e);
        if (e->open && arc_manifest_order(&e->file, key) == 0)
            found = &e->file;
    }
    return found;
}

static bool manifest_is_whole(int target, const char *name)
{
    struct arc_manifest_reader r;
    struct arc_manifest_file   file;
    bool                       whole;

    if (arc_manifest_open(&r, target, name, NULL, NULL) < 0)
        return false;
    while (arc_manifest_next(&r, &file, NULL) == ISO_OK)
        ;
    whole = r.ended;
    arc_manifest_close(&r);
    return whole;
}

int arc_earlier_merge(int target, struct iso_err *err)
{
    struct arc_manifest_writer w = { .fd = -1 };
    struct arc_earlier_source  e[2];
    struct arc_manifest_head  *was;
    struct os_stat             st;
    int                        rc;

    if (os_stat(target, ARC_UNFINISHED, &st, NULL) < 0)
        return ISO_OK;
    rc = arc_manifest_head_new(&was, err);
    if (rc < 0)
        return rc;
    memset(e, 0, sizeof e);
    bool have = source_open(&e[0], target, ARC_UNFINISHED, was);
    (void)source_open(&e[1], target, ARC_RESUME, NULL);
    (void)os_remove(target, ARC_RESUME ".new", NULL);
    if (have)
        rc = arc_manifest_create(&w, target, ARC_RESUME ".new", was, err);
    while (rc >= 0 && have && (e[0].open || e[1].open)) {
        int order = !e[0].open ? 1 : !e[1].open ? -1 : arc_manifest_order(&e[0].file, &e[1].file);

        rc = arc_manifest_add(&w, order <= 0 ? &e[0].file : &e[1].file, err);
        if (order >= 0)
            source_next(&e[1]);
        if (order <= 0)
            source_next(&e[0]);
    }
    for (size_t i = 0; i < 2; i++)
        if (e[i].open)
            arc_manifest_close(&e[i].reader);
    if (rc >= 0 && have)
        rc = os_rename(target, ARC_RESUME ".new", target, ARC_RESUME, err);
    arc_manifest_writer_release(&w);
    arc_manifest_head_free(was);
    return rc < 0 ? rc : os_remove(target, ARC_UNFINISHED, err);
}

int arc_earlier_open(struct arc_earlier *earlier, int target, const char *path, const char *archive,
                     struct iso_err *err)
{
    char(*name)[ARC_GENERATION_BYTES] = calloc(ARC_GENERATIONS_MAX, sizeof *name);
    struct arc_manifest_head *was     = NULL;
    size_t                    count   = 0;
    bool                      found   = false;
    int                       rc      = arc_manifest_head_new(&was, err);

    if (name == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "no memory for a backup");
    if (rc >= 0)
        rc = arc_backup_list(path, name, ARC_GENERATIONS_MAX, &count, err);
    for (size_t i = 0; i < count && rc >= 0 && !found; i++) {
        char file[ARC_GENERATION_BYTES + 16];

        arc_manifest_name(name[i], file);
        found =
            manifest_is_whole(target, file) && source_open(&earlier->source[1], target, file, was);
    }
    if (rc >= 0 && found && was->archive[0] != '\0' && archive[0] != '\0' &&
        strcmp(was->archive, archive) != 0)
        rc = iso_fail(err, ISO_ECONFLICT, "%s holds the backup of another archive (%s, not %s)",
                      path, was->archive, archive);
    if (rc >= 0)
        (void)source_open(&earlier->source[0], target, ARC_RESUME, NULL);
    arc_manifest_head_free(was);
    free(name);
    return rc;
}

void arc_earlier_close(struct arc_earlier *earlier)
{
    for (size_t i = 0; i < 2; i++)
        if (earlier->source[i].open)
            arc_manifest_close(&earlier->source[i].reader);
    *earlier = (struct arc_earlier){ 0 };
}
