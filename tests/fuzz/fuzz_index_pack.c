/* The items of a pack. What reads has ascending ids and tables inside the input; with headers of those lengths it is written
 * and reads to the same again. */
#include "index_pack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 1 << 20 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void again(struct index_pack_list *list)
{
    static struct index_pack_list other;
    uint8_t                      *plain = calloc(1, list->header_bytes + 1);
    struct iso_buf                items, headers;
    struct iso_err                err  = { 0 };
    uint8_t                      *next = plain;

    iso_buf_init(&items, 64 << 20);
    iso_buf_init(&headers, 64 << 20);
    check(plain != NULL);
    for (size_t i = 0; i < list->count; i++) {
        list->entry[i].header.ptr = next;
        next += list->entry[i].header.len;
    }
    check(index_pack_write(list, &items, &headers, &err) == ISO_OK);
    check(index_pack_read(iso_buf_bytes(&items), &other, &err) == ISO_OK);
    check(other.count == list->count && other.header_bytes == list->header_bytes);
    iso_buf_release(&items);
    iso_buf_release(&headers);
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct index_pack_list list;
    struct iso_err                err = { 0 };

    if (size > 1 << 20 || index_pack_read(iso_bytes_of(data, size), &list, &err) != ISO_OK)
        return 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct index_pack_entry *e = &list.entry[i];
        check(e->id > (i > 0 ? list.entry[i - 1].id : 0));
        check(e->table.len == 0 ||
              (e->table.ptr >= data && e->table.ptr + e->table.len <= data + size));
    }
    if (list.header_bytes > 0 && list.header_bytes <= HEADERS_MAX)
        again(&list);
    return 0;
}
