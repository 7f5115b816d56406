/* os_group.c: who finds nobody at work leads: it takes the queue, runs it, wakes its members and
 * whoever is to lead next: the head of what has gathered meanwhile or, when nobody sleeps for that
 * one, the group's own thread. Whoever comes before that one is awake leads in its place. */
#include "os_group.h"

void os_group_init(struct os_group *group, size_t batch_max,
                   void (*run)(void *ctx, struct os_group_item *first, size_t count), void *ctx)
{
    *group = (struct os_group){ .run = run, .ctx = ctx, .batch_max = batch_max };
    os_mutex_init(&group->mu);
    os_cond_init(&group->posted);
}

void os_group_release(struct os_group *group)
{
    os_mutex_lock(&group->mu);
    group->closing  = true;
    bool has_thread = group->has_thread;
    os_cond_signal(&group->posted);
    os_mutex_unlock(&group->mu);
    if (has_thread)
        os_thread_join(&group->thread);
    os_cond_release(&group->posted);
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

static void add(struct os_group *group, struct os_group_item *item)
{
    item->next = NULL;
    item->done = false;
    if (group->tail != NULL)
        group->tail->next = item;
    else
        group->head = item;
    group->tail = item;
}

/* Nobody is at work: wakes who is to lead next, if there is anything to do; locked. */
static void wake_next(struct os_group *group)
{
    if (group->head != NULL)
        os_cond_signal(group->head->finished != NULL ? &group->posted : &group->head->wake);
}

/* Runs the queue's front; locked on entry and return. */
static void lead(struct os_group *group)
{
    struct os_group_item  *posted = NULL;
    struct os_group_item **end    = &posted;
    size_t                 count;
    struct os_group_item  *first = take(group, &count);

    group->busy = true;
    os_mutex_unlock(&group->mu);
    group->run(group->ctx, first, count);
    os_mutex_lock(&group->mu);
    group->busy = false;
    while (first != NULL) {
        struct os_group_item *next = first->next; /* the item may be gone once it is done */

        if (first->finished == NULL) {
            first->done = true;
            os_cond_signal(&first->wake);
        } else {
            *end = first;
            end  = &first->next;
        }
        first = next;
    }
    *end = NULL;
    wake_next(group);
    if (posted == NULL)
        return;
    os_mutex_unlock(&group->mu);
    while (posted != NULL) {
        struct os_group_item *next = posted->next;

        posted->finished(posted);
        posted = next;
    }
    os_mutex_lock(&group->mu);
}

void os_group_submit(struct os_group *group, struct os_group_item *item)
{
    item->finished = NULL;
    os_cond_init(&item->wake);
    os_mutex_lock(&group->mu);
    add(group, item);
    while (!item->done) {
        if (!group->busy) /* even if others came first: their batch is ours as well, or the next */
            lead(group);
        else
            os_cond_wait(&item->wake, &group->mu);
    }
    os_mutex_unlock(&group->mu);
    os_cond_release(&item->wake);
}

/* Leads for those whom nobody sleeps for. */
static void lead_posted(void *arg)
{
    struct os_group *group = arg;

    os_mutex_lock(&group->mu);
    while (!group->closing || group->head != NULL) {
        if (!group->busy && group->head != NULL && group->head->finished != NULL)
            lead(group);
        else
            os_cond_wait(&group->posted, &group->mu);
    }
    os_mutex_unlock(&group->mu);
}

void os_group_post(struct os_group *group, struct os_group_item *item,
                   void (*finished)(struct os_group_item *item))
{
    os_mutex_lock(&group->mu);
    if (!group->has_thread)
        group->has_thread =
            os_thread_start(&group->thread, "group", 0, lead_posted, group, NULL) >= 0;
    bool has_thread = group->has_thread;
    if (has_thread) {
        item->finished = finished;
        add(group, item);
        if (!group->busy && group->head == item)
            os_cond_signal(&group->posted);
    }
    os_mutex_unlock(&group->mu);
    if (!has_thread) {
        os_group_submit(group, item);
        finished(item);
    }
}
