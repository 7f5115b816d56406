/* os_group.c: who finds nobody at work leads: it takes the queue, runs it, wakes its members and
 * whoever is to lead next: the head of what has gathered meanwhile or, when nobody sleeps for that
 * one, the group's own thread. Whoever comes before that one is awake leads in its place.
 *
 * A submitter sleeps on its item's state, not on a condition: who is woken finds no lock in its way. (The
 * group's own thread is told under the lock: when that is open the group may be gone.) */
#include "os_group.h"

enum {
    WAITING,
    LEAD, /* it is the queue's head, and nobody is at work */
    DONE  /* the last change: its thread may be gone at once */
};

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
    if (group->tail != NULL)
        group->tail->next = item;
    else
        group->head = item;
    group->tail = item;
}

/* Who leads next, now that nobody is at work: the head, to be woken, or the group's thread, which is; locked. */
static const struct os_group_item *appoint(struct os_group *group)
{
    struct os_group_item *head = group->head;

    if (head != NULL && head->finished != NULL) {
        os_cond_signal(&group->posted);
        return NULL;
    }
    if (head != NULL)
        atomic_store_explicit(&head->state, LEAD, memory_order_release);
    return head;
}

/* Runs the queue's front; locked on entry, not on return. mine: nobody sleeps for it. */
static void lead(struct os_group *group, const struct os_group_item *mine)
{
    size_t                count;
    struct os_group_item *first = take(group, &count);

    group->busy = true;
    os_mutex_unlock(&group->mu);
    group->run(group->ctx, first, count);
    os_mutex_lock(&group->mu);
    group->busy                      = false;
    const struct os_group_item *next = appoint(group);
    os_mutex_unlock(&group->mu);
    if (next != NULL) /* or gone already, if somebody came before it */
        os_word_changed(&next->state);

    struct os_group_item  *posted = NULL;
    struct os_group_item **end    = &posted;
    while (first != NULL) {
        struct os_group_item *item = first;

        first = item->next; /* the item may be gone once it is done */
        if (item->finished != NULL) {
            *end = item;
            end  = &item->next;
            continue;
        }
        atomic_store_explicit(&item->state, DONE, memory_order_release);
        if (item != mine)
            os_word_changed(&item->state);
    }
    *end = NULL;
    while (posted != NULL) {
        struct os_group_item *after = posted->next;

        posted->finished(posted);
        posted = after;
    }
}

void os_group_submit(struct os_group *group, struct os_group_item *item)
{
    unsigned state = WAITING;

    item->finished = NULL;
    atomic_init(&item->state, WAITING);
    os_mutex_lock(&group->mu);
    add(group, item);
    for (;;) { /* locked */
        /* Even if others came first: their batch is ours as well, or the next. */
        if (!group->busy && group->head != NULL) {
            lead(group, item);
            state = atomic_load_explicit(&item->state, memory_order_acquire);
        } else { /* it is waiting or being run; or it was run, and will be told so any moment */
            os_mutex_unlock(&group->mu);
            state = os_word_wait(&item->state, WAITING);
        }
        if (state == DONE)
            return;
        os_mutex_lock(&group->mu);
        state = LEAD; /* whoever came before us leads now, and tells us again */
        if (!atomic_compare_exchange_strong(&item->state, &state, WAITING) && state == DONE)
            break;
    }
    os_mutex_unlock(&group->mu);
}

/* Leads for those whom nobody sleeps for. */
static void lead_posted(void *arg)
{
    struct os_group *group = arg;

    os_mutex_lock(&group->mu);
    while (!group->closing || group->head != NULL) {
        if (!group->busy && group->head != NULL && group->head->finished != NULL) {
            lead(group, NULL);
            os_mutex_lock(&group->mu);
        } else {
            os_cond_wait(&group->posted, &group->mu);
        }
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
