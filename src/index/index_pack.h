/* index_pack.h: headers that are kept together; private to index/.
 *
 *   items   := form:u8 count entry* table*      all numbers are varints, 7 bits a byte
 *   entry   := id header-bytes table-bytes      id: from the one before it, the first from 0
 *   headers := the headers of all entries, in that order, as one zstd frame
 *
 * The packs of a series do not overlap: the one that may hold an object is the first whose last id is
 * not below its own. Frame tables are not compressed, so that a frame costs no decompression. */
#ifndef INDEX_PACK_H
#define INDEX_PACK_H

#include "index_settle.h"
#include "index_sqlite.h"

struct index_pack_entry {
    int64_t   id;
    iso_bytes header; /* NULL until the headers are unpacked */
    iso_bytes table;
};

struct index_pack_list {
    struct index_pack_entry entry[INDEX_PACK_HEADERS];
    size_t                  count;
    size_t                  header_bytes; /* of all */
};

/* Views of items. Hostile bytes are safe: ISO_EFORMAT. */
ISO_MUST_USE int index_pack_read(iso_bytes items, struct index_pack_list *list,
                                 struct iso_err *err);
/* plain: header_bytes of memory, which the list then borrows. */
ISO_MUST_USE int index_pack_inflate(iso_bytes headers, struct index_pack_list *list, uint8_t *plain,
                                    struct iso_err *err);
/* Appends both columns for a list whose headers are there, and reads them back to compare. */
ISO_MUST_USE int index_pack_write(const struct index_pack_list *list, struct iso_buf *items,
                                  struct iso_buf *headers, struct iso_err *err);

/* index_settle.c: ISO_ECONFLICT when the series has had news since. In the writer's transaction. */
int index_no_news(struct sql *sql, const struct index_unsettled *series, struct iso_err *err);

/* Who reads several headers in one read transaction keeps the packs that were opened last. */
struct index_opened {
    int64_t                row;   /* of table pack; 0: none */
    struct index_pack_list list;  /* borrows items and plain */
    struct iso_buf         items; /* a copy */
    struct iso_buf         plain;
};

enum { INDEX_OPENED = 2 };

struct index_headers {
    struct sql         *sql;
    struct index_opened opened[INDEX_OPENED];
    unsigned            next;
};

void index_headers_init(struct index_headers *headers, struct sql *sql);
void index_headers_release(struct index_headers *headers);
/* The object's header and its frame table, wherever they are; each may be NULL. Copied to the arena.
 * ISO_ENOENT: there is none. */
ISO_MUST_USE int index_headers_get(struct index_headers *headers, int64_t id,
                                   struct iso_arena *arena, struct dcm_dataset *header,
                                   iso_bytes *table, struct iso_err *err);

#endif
