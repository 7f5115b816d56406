/* The manifest of a backup. Whatever a reader takes names files of the three forms alone; written again it reads the same, and
 * whole. */
#include "arc_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 64 };

struct taken {
    struct arc_manifest_head *head;
    struct arc_manifest_file  file[FILES_MAX];
    size_t                    count;
    bool                      whole;
};

static char folder_path[] = "/tmp/isocenter-fuzz-XXXXXX";
static int  folder        = -1;

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void leave(void)
{
    os_close(folder);
    (void)rmdir(folder_path);
}

static void enter(void)
{
    struct iso_err err = { 0 };

    check(mkdtemp(folder_path) != NULL);
    check(os_open(OS_CWD, folder_path, OS_FOLDER, &folder, &err) == ISO_OK);
    check(atexit(leave) == 0);
}

static bool take(const char *name, struct taken *taken)
{
    struct arc_manifest_reader r;
    struct iso_err             err = { 0 };

    taken->count = 0;
    check(arc_manifest_head_new(&taken->head, &err) == ISO_OK);
    int rc = arc_manifest_open(&r, folder, name, taken->head, &err);
    while (rc == ISO_OK && taken->count < FILES_MAX) {
        rc = arc_manifest_next(&r, &taken->file[taken->count], &err);
        taken->count += rc == ISO_OK;
    }
    taken->whole = r.ended;
    arc_manifest_close(&r);
    return rc == ISO_OK || rc == ISO_EEND;
}

/* Heads are compared member by member, there are spaces between them; so are files. */
static void compare(const struct taken *a, const struct taken *b)
{
    check(a->count == b->count && b->whole);
    check(a->head->volume_count == b->head->volume_count);
    check(strcmp(a->head->generation, b->head->generation) == 0);
    check(a->head->index_bytes == b->head->index_bytes);
    for (size_t i = 0; i < a->count; i++) {
        const struct arc_manifest_file *x = &a->file[i], *y = &b->file[i];

        check(x->volume == y->volume && x->version == y->version && x->solid == y->solid);
        check(strcmp(x->path, y->path) == 0 && x->age.bytes == y->age.bytes);
        check(memcmp(x->digest, y->digest, sizeof x->digest) == 0);
    }
}

static void again(const struct taken *first)
{
    struct arc_manifest_writer w;
    struct taken               second;
    struct iso_err             err = { 0 };

    check(arc_manifest_create(&w, folder, "n", first->head, &err) == ISO_OK);
    for (size_t i = 0; i < first->count; i++)
        check(arc_manifest_add(&w, &first->file[i], &err) == ISO_OK);
    check(arc_manifest_end(&w, 0, &err) == ISO_OK);
    arc_manifest_writer_release(&w);
    check(take("n", &second));
    compare(first, &second);
    arc_manifest_head_free(second.head);
    check(os_remove(folder, "n", &err) == ISO_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taken   taken;
    struct iso_err err = { 0 };
    uint64_t       number;
    int            fd = -1;

    if (folder < 0)
        enter();
    check(os_open(folder, "m", OS_CREATE, &fd, &err) == ISO_OK);
    check(os_write(fd, data, size, &err) == ISO_OK);
    os_close(fd);
    if (take("m", &taken)) {
        for (size_t i = 0; i < taken.count; i++)
            check(arc_manifest_path_ok(iso_str_c(taken.file[i].path), &number));
        if (taken.whole && arc_generation_ok(iso_str_c(taken.head->generation)))
            again(&taken);
    }
    arc_manifest_head_free(taken.head);
    check(os_remove(folder, "m", &err) == ISO_OK);
    return 0;
}
