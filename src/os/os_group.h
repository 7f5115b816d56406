/* os_group.h: group commit. Threads submit items; whichever finds nobody at work runs all that are
 * waiting at that moment in one go, and the others sleep until theirs is done. So one flush serves
 * all who wait for it, and a lone submitter pays for no thread switch. */
#ifndef OS_GROUP_H
#define OS_GROUP_H

#include "os_thread.h"

struct os_group_item { /* the first member of what is submitted; lives on the submitter's stack */
    struct os_group_item *next;
    struct os_cond        wake;
    bool                  done;
};

struct os_group {
    /* Works on the list that starts at first (count items, in the order they came) and leaves each
     * item's result in it. Never two at a time; on the thread of one of the submitters. */
    void (*run)(void *ctx, struct os_group_item *first, size_t count);
    void                 *ctx;
    size_t                batch_max;
    struct os_mutex       mu;
    struct os_group_item *head;
    struct os_group_item *tail;
    bool                  busy;
};

void os_group_init(struct os_group *group, size_t batch_max,
                   void (*run)(void *ctx, struct os_group_item *first, size_t count), void *ctx);
void os_group_release(struct os_group *group);
/* Returns when run() has dealt with the item. */
void os_group_submit(struct os_group *group, struct os_group_item *item);

#endif
