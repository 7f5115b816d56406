/* arc_digest.c: the digests of objects under way that are wholly in memory, made by threads of their own while the
 * next one comes; of two at once where two are waiting, which costs the processor hardly more than one
 * (iso_hash_two.c). There are as many groups, and threads, as keep half of the processors busy; two objects
 * that come one after the other go to the same. */
#include "arc_in.h"

#include <stdlib.h>

enum { TWO = 2 };

static void run(void *ctx, struct os_group_item *first, size_t count)
{
    struct arc_digest *a = (struct arc_digest *)first;
    struct arc_digest *b = (struct arc_digest *)first->next;

    (void)ctx;
    if (count < TWO) {
        a->rc = iso_sha256_of(a->in, a->digest, &a->err);
        return;
    }
    a->rc = iso_sha256_two(a->in, b->in, a->digest, b->digest, &a->err);
    b->rc = a->rc;
    if (b->rc < 0)
        b->err = a->err;
}

int arc_digests_open(struct arc *arc, struct iso_err *err)
{
    const size_t count = os_cpu_count() > TWO ? os_cpu_count() / TWO : 1;

    arc->digesting = calloc(count, sizeof *arc->digesting);
    if (arc->digesting == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the archive");
    for (; arc->digesting_count < count; arc->digesting_count++)
        os_group_init(&arc->digesting[arc->digesting_count], TWO, run, NULL);
    return ISO_OK;
}

void arc_digests_close(struct arc *arc)
{
    for (size_t i = 0; i < arc->digesting_count; i++)
        os_group_release(&arc->digesting[i]);
    free(arc->digesting);
}

void arc_digest_post(struct arc *arc, struct arc_digest *one,
                     void (*finished)(struct os_group_item *item))
{
    const unsigned number = atomic_fetch_add(&arc->digested, 1);

    os_group_post(&arc->digesting[number / TWO % arc->digesting_count], &one->item, finished);
}
