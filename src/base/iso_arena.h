/* iso_arena.h: memory that belongs to a span of work and leaves all at once.
 * An arena has a byte ceiling; past it, and when the system has no memory, iso_arena_alloc returns
 * NULL and iso_arena_fail() says which of the two it was. Not thread safe: one span, one thread.
 * The struct must not move while it holds something. */
#ifndef ISO_ARENA_H
#define ISO_ARENA_H

#include "iso_bytes.h"
#include "iso_err.h"

struct iso_arena_block;
struct iso_arena_defer;

struct iso_arena {
    struct iso_arena_block *block;  /* newest first */
    struct iso_arena_defer *defers; /* newest first */
    size_t                  bytes_used;
    size_t                  bytes_max;
    bool                    out_of_memory;
};

void iso_arena_init(struct iso_arena *arena, size_t bytes_max);
/* Runs the deferred calls, newest first, and gives all memory back. A zeroed arena is fine. */
void iso_arena_release(struct iso_arena *arena);
/* The same, but keeps one block for the next turn. */
void iso_arena_reset(struct iso_arena *arena);

/* bytes of zeroed memory aligned for any type; NULL past the ceiling. bytes 0 gives a valid pointer. */
ISO_MUST_USE void *iso_arena_alloc(struct iso_arena *arena, size_t bytes);
/* count * size bytes, checked for overflow. */
ISO_MUST_USE void *iso_arena_array(struct iso_arena *arena, size_t count, size_t size);
/* Grows an array made of `size` byte elements to hold at least `need`: doubles, copies `count`
 * elements, updates *cap. Returns the new array or NULL. */
ISO_MUST_USE void *iso_arena_grow(struct iso_arena *arena, const void *old, size_t count,
                                  size_t need, size_t size, size_t *cap);
/* A copy with a NUL after it (not counted); ptr NULL when out of memory. */
iso_str   iso_arena_str(struct iso_arena *arena, iso_str s);
iso_bytes iso_arena_bytes(struct iso_arena *arena, iso_bytes b);
iso_str   iso_arena_printf(struct iso_arena *arena, const char *fmt, ...) ISO_PRINTF(2, 3);

/* Calls fn(arg) at release or reset. ISO_ENOMEM or ISO_ELIMIT: fn has been called already. */
ISO_MUST_USE int iso_arena_defer(struct iso_arena *arena, void (*fn)(void *), void *arg);

/* Why the last allocation gave NULL: fills err, returns ISO_ELIMIT or ISO_ENOMEM. */
int iso_arena_fail(const struct iso_arena *arena, struct iso_err *err);

#endif
