/* os_group.c: the first to find nobody at work leads: it takes the queue, runs it, wakes its members
 * and the head of what has gathered meanwhile, which leads next. */
#include "os_group.h"

void os_group_init(struct os_group *group, size_t batch_max,
                   void (*run)(void *ctx, struct os_group_item *first, size_t count), void *ctx)
{
    *group = (struct os_group){ .run = run, .ctx = ctx, .batch_max = batch_max };
    os_mutex_init(&group->mu);
}

void os_group_release(struct os_group *group)
{
    os_mutex_release(&group->mu);
}

/* Cuts up to batch_max items off the queue; locked. */
static struct os_group_item *take(struct os_group *group, size_t *count)
{
    struct os_group_item *first = group->head;
    struct os_group_item *last  = first;

    *count = 1;
    while (last->next != NULL && *count < group->batch_max) {
        last = last->next;
        ++*count;
    }
    group->head = last->next;
    if (group->head == NULL)
        group->tail = NULL;
    last->next = NULL;
    return first;
}

/* Runs the queue's front; locked on entry and return. */
static void lead(struct os_group *group)
{
    size_t                count;
    struct os_group_item *first = take(group, &count);

    group->busy = true;
    os_mutex_unlock(&group->mu);
    group->run(group->ctx, first, count);
    os_mutex_lock(&group->mu);
    group->busy = false;
    while (first != NULL) {
        struct os_group_item *next = first->next; /* the item may be gone once it is done */

        first->done = true;
        os_cond_signal(&first->wake);
        first = next;
    }
    if (group->head != NULL)
        os_cond_signal(&group->head->wake);
}

void os_group_submit(struct os_group *group, struct os_group_item *item)
{
    item->next = NULL;
    item->done = false;
    os_cond_init(&item->wake);

    os_mutex_lock(&group->mu);
    if (group->tail != NULL)
        group->tail->next = item;
    else
        group->head = item;
    group->tail = item;
    while (!item->done) {
        if (!group->busy && group->head == item)
            lead(group);
        else
            os_cond_wait(&item->wake, &group->mu);
    }
    os_mutex_unlock(&group->mu);
    os_cond_release(&item->wake);
}
