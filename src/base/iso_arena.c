/* iso_arena.c: a chain of blocks, each twice the last up to a cap; an allocation bumps a pointer. */
#include "iso_arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FIRST = 4096, BLOCK_MAX = 1 << 20 };

struct iso_arena_block {
    struct iso_arena_block *next;
    size_t                  cap;
    size_t                  used;
    alignas(max_align_t) uint8_t data[];
};

struct iso_arena_defer {
    struct iso_arena_defer *next;
    void (*fn)(void *);
    void *arg;
};

void iso_arena_init(struct iso_arena *arena, size_t bytes_max)
{
    *arena = (struct iso_arena){ .bytes_max = bytes_max };
}

static void run_defers(struct iso_arena *arena)
{
    for (struct iso_arena_defer *d = arena->defers; d != NULL; d = d->next)
        d->fn(d->arg);
    arena->defers = NULL;
}

static void free_blocks(struct iso_arena_block *block)
{
    while (block != NULL) {
        struct iso_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void iso_arena_release(struct iso_arena *arena)
{
    run_defers(arena);
    free_blocks(arena->block);
    iso_arena_init(arena, arena->bytes_max);
}

void iso_arena_reset(struct iso_arena *arena)
{
    struct iso_arena_block *keep = arena->block;

    run_defers(arena);
    if (keep != NULL) {
        free_blocks(keep->next);
        keep->next = NULL;
        memset(keep->data, 0, keep->used);
        keep->used = 0;
    }
    iso_arena_init(arena, arena->bytes_max);
    arena->block = keep;
}

static bool add_block(struct iso_arena *arena, size_t need)
{
    size_t                  cap = arena->block != NULL ? arena->block->cap * 2 : BLOCK_FIRST;
    struct iso_arena_block *block;

    if (cap > BLOCK_MAX)
        cap = BLOCK_MAX;
    if (cap < need)
        cap = need;
    block = calloc(1, sizeof *block + cap);
    if (block == NULL)
        return false;
    block->cap   = cap;
    block->next  = arena->block;
    arena->block = block;
    return true;
}

void *iso_arena_alloc(struct iso_arena *arena, size_t bytes)
{
    const size_t mask = alignof(max_align_t) - 1;
    size_t       need;

    arena->out_of_memory = false;
    if (!iso_add(bytes, mask, &need))
        return NULL;
    need &= ~mask;
    if (need > arena->bytes_max || arena->bytes_used > arena->bytes_max - need)
        return NULL;
    if (arena->block == NULL || arena->block->cap - arena->block->used < need) {
        if (!add_block(arena, need)) {
            arena->out_of_memory = true;
            return NULL;
        }
    }
    void *p = arena->block->data + arena->block->used;
    arena->block->used += need;
    arena->bytes_used += need;
    return p;
}

void *iso_arena_array(struct iso_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    arena->out_of_memory = false;
    return iso_mul(count, size, &bytes) ? iso_arena_alloc(arena, bytes) : NULL;
}

void *iso_arena_grow(struct iso_arena *arena, const void *old, size_t count, size_t need,
                     size_t size, size_t *cap)
{
    size_t want = *cap > 0 ? *cap : 4;

    while (want < need)
        if (!iso_mul(want, 2, &want))
            return NULL;
    void *grown = iso_arena_array(arena, want, size);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, old, count * size);
    *cap = want;
    return grown;
}

iso_str iso_arena_str(struct iso_arena *arena, iso_str s)
{
    size_t bytes;
    char  *copy = iso_add(s.len, 1, &bytes) ? iso_arena_alloc(arena, bytes) : NULL;

    if (copy == NULL)
        return iso_str_of(NULL, 0);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return iso_str_of(copy, s.len);
}

iso_bytes iso_arena_bytes(struct iso_arena *arena, iso_bytes b)
{
    return iso_bytes_of_str(iso_arena_str(arena, iso_str_of_bytes(b)));
}

iso_str iso_arena_printf(struct iso_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_list again;

    va_start(args, fmt);
    va_copy(again, args);
    int   n    = vsnprintf(NULL, 0, fmt, args);
    char *text = n < 0 ? NULL : iso_arena_alloc(arena, (size_t)n + 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(args);
    return iso_str_of(text, text != NULL ? (size_t)n : 0);
}

int iso_arena_defer(struct iso_arena *arena, void (*fn)(void *), void *arg)
{
    struct iso_arena_defer *d = iso_arena_alloc(arena, sizeof *d);

    if (d == NULL) {
        fn(arg);
        return arena->out_of_memory ? ISO_ENOMEM : ISO_ELIMIT;
    }
    *d            = (struct iso_arena_defer){ arena->defers, fn, arg };
    arena->defers = d;
    return ISO_OK;
}

int iso_arena_fail(const struct iso_arena *arena, struct iso_err *err)
{
    if (arena->out_of_memory)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    return iso_fail(err, ISO_ELIMIT, "more than %zu bytes of working memory", arena->bytes_max);
}
