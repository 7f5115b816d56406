/* fault_memory.h: the allocator, taken over (fault_memory.c): the n-th allocation fails, or the first one of each place in
 * the program. Linked into a program whose symbols are exported, or loaded before another one (LD_PRELOAD;
 * FAULT_MEMORY names a file that holds a struct fault_memory and is shared with whoever steers). It takes the calls of
 * every library too. Processes forked from this one are left alone. Not for use with sanitizers. */
#ifndef FAULT_MEMORY_H
#define FAULT_MEMORY_H

#include <stdatomic.h>
#include <stdint.h>

enum fault_memory_mode {
    FAULT_MEMORY_OFF,
    FAULT_MEMORY_NTH, /* the allocation number `at`, from 0, and `span` more */
    FAULT_MEMORY_PLACE /* the first from a place that has not failed yet; then none until armed again */
};

enum { FAULT_PLACES = 1 << 16, FAULT_STACK = 24 };

struct fault_memory {
    atomic_int  mode;
    atomic_int  depth; /* callers that make a place */
    atomic_long count;
    atomic_long at;
    atomic_long span;  /* -1: all from there on */
    atomic_int  fired; /* since it was last set to 0 */
    atomic_int  places;
    uint64_t    stack
        [FAULT_STACK]; /* of the last one that failed: offsets in its module, after the module's number */
    _Atomic uint64_t place[FAULT_PLACES]; /* hashes of those that have failed */
};

/* The block in use; NULL: none. */
void fault_memory_use(struct fault_memory *control) __attribute__((visibility("default")));
#endif
