/* http_ring.c: a byte ring; positions only grow, the index is the position modulo the capacity. */
#include "http_internal.h"

#include <stdlib.h>
#include <string.h>

bool http_ring_init(struct http_ring *ring, size_t cap)
{
    *ring = (struct http_ring){ .ptr = malloc(cap > 0 ? cap : 1), .cap = cap };
    return ring->ptr != NULL;
}

void http_ring_release(struct http_ring *ring)
{
    free(ring->ptr);
    *ring = (struct http_ring){ 0 };
}

void http_ring_copy_in(struct http_ring *ring, uint64_t at, const void *ptr, size_t len)
{
    size_t from  = (size_t)(at % ring->cap);
    size_t first = len < ring->cap - from ? len : ring->cap - from;

    memcpy(ring->ptr + from, ptr, first);
    memcpy(ring->ptr, (const uint8_t *)ptr + first, len - first);
}

void http_ring_copy_out(const struct http_ring *ring, uint64_t at, void *ptr, size_t len)
{
    size_t from  = (size_t)(at % ring->cap);
    size_t first = len < ring->cap - from ? len : ring->cap - from;

    memcpy(ptr, ring->ptr + from, first);
    memcpy((uint8_t *)ptr + first, ring->ptr, len - first);
}
