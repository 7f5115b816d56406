/* os_group.h: group commit. Threads submit items; whichever finds nobody at work runs all that are
 * waiting at that moment in one go, and the others sleep until theirs is done. So one flush serves
 * all who wait for it, and a lone submitter pays for no thread switch.
 *
 * An item may also be posted: nobody sleeps for it, its function is called when it is done. Where a
 * posted item is the first of those waiting, the group's own thread (started by the first post) runs
 * them. Both kinds share their batches, in the order they came. */
#ifndef OS_GROUP_H
#define OS_GROUP_H

#include "os_thread.h"

/* The first member of what is submitted or posted; its storage stays until it is done. */
struct os_group_item {
    struct os_group_item *next;
    void (*finished)(struct os_group_item *item); /* of a posted one; NULL: somebody sleeps */
    atomic_uint state; /* of a submitted one: what its thread sleeps on */
};

struct os_group {
    /* Works on the list that starts at first (count items, in the order they came) and leaves each
     * item's result in it. Never two at a time; on the thread of one of the submitters, or the
     * group's own. */
    void (*run)(void *ctx, struct os_group_item *first, size_t count);
    void                 *ctx;
    size_t                batch_max;
    struct os_mutex       mu;
    struct os_group_item *head;
    struct os_group_item *tail;
    bool                  busy;
    bool                  has_thread;
    bool                  closing;
    struct os_cond        posted; /* for the group's thread: the head is its to lead, or the end */
    struct os_thread      thread;
};

void os_group_init(struct os_group *group, size_t batch_max,
                   void (*run)(void *ctx, struct os_group_item *first, size_t count), void *ctx);
/* Waits for what was posted; nothing may be submitted or posted any more. */
void os_group_release(struct os_group *group);
/* Returns when run() has dealt with the item. */
void os_group_submit(struct os_group *group, struct os_group_item *item);
/* Returns at once. finished is called after run() has dealt with the item, without a lock, by
 * whichever thread led; the item is the caller's again from then on. It must not wait for anything
 * that this group does, nor for long: the next batch may need its thread. (Where no thread can be
 * started, the post itself runs the group and calls finished.) */
void os_group_post(struct os_group *group, struct os_group_item *item,
                   void (*finished)(struct os_group_item *item));

#endif
