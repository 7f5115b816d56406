/* arc_verify_object.c: one object: are its bytes those that were stored, does its row say what they say,
 * and what becomes of one that no row knows. */
#include "arc_care.h"

#include "dcm_pack.h"
#include "iso_crc32c.h"
#include "os_clock.h"

#include <string.h>

/* ---- bytes ---- */

struct sums {
    uint32_t crc32c;
    uint8_t  meta[ISO_SHA256_BYTES];
    uint8_t  data[ISO_SHA256_BYTES];
};

static int sum(struct care *c, const struct index_place *row, int fd, uint64_t offset, bool hashes,
               struct sums *out, struct iso_err *err)
{
    struct iso_sha256 *hash = NULL;
    uint64_t           done = 0;
    int                rc   = hashes ? iso_sha256_new(&hash, err) : ISO_OK;

    out->crc32c = 0;
    while (rc >= 0 && done < row->at.length) {
        uint64_t left = row->at.length - done;

        if (hashes && done < row->data_offset)
            left = row->data_offset - done < left ? row->data_offset - done : left;
        size_t n = left < CARE_BUFFER_BYTES ? (size_t)left : CARE_BUFFER_BYTES;
        rc       = os_read_exact_at(fd, c->buffer, n, offset + done, err);
        if (rc < 0)
            break;
        out->crc32c = iso_crc32c(out->crc32c, c->buffer, n);
        if (hashes)
            iso_sha256_add(hash, c->buffer, n);
        done += n;
        if (hashes && done == row->data_offset)
            iso_sha256_take(hash, out->meta);
        rc = care_read(c, n, err);
    }
    if (rc >= 0 && hashes)
        iso_sha256_take(hash, out->data);
    iso_sha256_free(hash);
    return rc;
}

int care_sum(struct care *c, const struct index_place *row, int fd, uint64_t offset,
             uint32_t *crc32c, bool *right, struct iso_err *err)
{
    const bool     by_crc = row->crc32c >= 0;
    struct sums    sums;
    struct iso_err why = { 0 };
    int            rc  = sum(c, row, fd, offset, !by_crc, &sums, &why);

    if (rc == ISO_EIO || rc == ISO_EFORMAT) { /* it cannot be read, or not all of it */
        *right = false;
        return ISO_OK;
    }
    if (rc < 0)
        return iso_fail(err, rc, "%s", why.text);
    *crc32c = sums.crc32c;
    if (by_crc) {
        *right = sums.crc32c == (uint32_t)row->crc32c;
    } else {
        c->report->unchecked++;
        *right = memcmp(sums.data, row->digest, sizeof sums.data) == 0 &&
                 memcmp(sums.meta, row->meta_digest, sizeof sums.meta) == 0;
    }
    return ISO_OK;
}

/* ---- what the row says ---- */

static bool same_header(const struct dcm_dataset *a, const struct dcm_dataset *b)
{
    struct iso_buf packed[2];
    bool           same;

    iso_buf_init(&packed[0], (size_t)256 << 20);
    iso_buf_init(&packed[1], (size_t)256 << 20);
    same = dcm_pack(a, &packed[0], NULL) >= 0 && dcm_pack(b, &packed[1], NULL) >= 0 &&
           packed[0].len == packed[1].len &&
           memcmp(packed[0].ptr, packed[1].ptr, packed[0].len) == 0;
    iso_buf_release(&packed[0]);
    iso_buf_release(&packed[1]);
    return same;
}

/* What differs first; NULL: nothing. */
static const char *difference(const struct index_instance *row, const struct arc_reread *read)
{
    const struct index_instance *is = &read->entry;

    if (!iso_str_eq(row->sop_instance_uid, is->sop_instance_uid))
        return "SOP Instance UID";
    if (!iso_str_eq(row->study_uid, is->study_uid))
        return "Study Instance UID";
    if (!iso_str_eq(row->series_uid, is->series_uid))
        return "Series Instance UID";
    if (!iso_str_eq(row->sop_class_uid, is->sop_class_uid))
        return "SOP Class UID";
    if (!iso_str_eq(row->transfer_syntax_uid, is->transfer_syntax_uid))
        return "transfer syntax";
    if (row->data_offset != is->data_offset || row->pixels != is->pixels ||
        row->pixel_tag != is->pixel_tag || row->pixel_offset != is->pixel_offset ||
        row->pixel_bytes != is->pixel_bytes || row->frame_bytes != is->frame_bytes)
        return "where its pixels lie";
    if (row->frames != is->frames || row->rows != is->rows || row->columns != is->columns ||
        row->samples != is->samples || row->bits_allocated != is->bits_allocated)
        return "the form of its pixels";
    return NULL;
}

int care_renew(struct care *c, const struct index_place *row, int fd, uint64_t offset,
               const struct store_record *record, bool *done, struct iso_err *err)
{
    struct arc_flight flight;
    struct arc_flight swap = { .uid = ISO_STR(ARC_SWAP) };
    struct arc_reread read;
    struct iso_err    why = { 0 };
    bool              holds;

    *done = false;
    int rc =
        arc_reread(fd, offset, row->at.length, ARC_WHOLE, care_read, c, &c->object, &read, &why);
    if (rc == ISO_ECANCEL)
        return iso_fail(err, rc, "%s", why.text);
    if (rc < 0 || memcmp(read.parsed.digest, row->digest, sizeof row->digest) != 0)
        return ISO_OK;
    read.entry.location  = row->at;
    read.entry.crc32c    = read.crc32c;
    read.entry.stored_us = row->stored_us;
    read.entry.source_ae =
        iso_str_c(row->source[0] == '\0' && record != NULL ? record->from : row->source);
    flight = (struct arc_flight){ .uid = read.entry.sop_instance_uid };
    arc_flight_begin(c->arc, &flight);
    arc_flight_begin(c->arc, &swap);
    rc = index_place_holds(c->arc->index, INDEX_ROWS, row, &holds, err);
    if (rc >= 0 && holds) {
        rc    = index_renew(c->arc->index, row->id, &read.entry, &read.parsed.header, err);
        *done = rc >= 0;
    }
    arc_flight_end(c->arc, &swap);
    arc_flight_end(c->arc, &flight);
    return rc == ISO_ENOENT || rc == ISO_EEXIST ? ISO_OK : rc;
}

/* Its bytes are right: does the row say the same? */
static int compare_row(struct care *c, const struct index_place *place, int fd, uint64_t offset,
                       const struct store_record *record, const struct arc_reread *read,
                       struct iso_err *err)
{
    struct index_instance row;
    struct dcm_dataset    header;
    struct iso_err        why     = { 0 };
    size_t                found   = 0;
    iso_bytes             table   = { NULL, 0 };
    const char           *differs = NULL;
    bool                  holds;
    bool                  renewed = false;
    int rc = index_instances(c->arc->index, &place->id, 1, &c->object, &row, NULL, &found, err);

    if (rc < 0 || found == 0) /* without parents: told already */
        return rc;
    differs = difference(&row, read);
    rc      = index_header(c->arc->index, place->id, &c->object, &header, &table, &why);
    if (rc < 0)
        differs = differs != NULL ? differs : "its header, which cannot be read";
    else if (differs == NULL && !same_header(&header, &read->parsed.header))
        differs = "its header";
    else if (differs == NULL &&
             (table.len != read->entry.frame_table.len ||
              (table.len > 0 && memcmp(table.ptr, read->entry.frame_table.ptr, table.len) != 0)))
        differs = "where its frames lie";
    if (differs == NULL)
        return ISO_OK;
    rc = index_place_holds(c->arc->index, INDEX_ROWS, place, &holds, err);
    if (rc < 0 || !holds)
        return rc;
    if (c->config->repair)
        rc = care_renew(c, place, fd, offset, record, &renewed, err);
    if (rc >= 0)
        care_tell(c, ARC_FOUND_ROW, iso_str_c(place->sop_instance_uid), place->id, &place->at,
                  renewed, ADVICE_REPAIR, "the index says something else than the object: %s",
                  differs);
    return rc;
}

/* ---- one object that a row names ---- */

static int tell_damaged(struct care *c, const struct index_place *row, enum arc_finding_kind kind,
                        const char *what, struct iso_err *err)
{
    bool holds;
    int  rc = index_place_holds(c->arc->index, INDEX_ROWS, row, &holds, err);

    if (rc < 0 || !holds) /* removed or encoded anew while it was read */
        return rc;
    care_tell(c, kind, iso_str_c(row->sop_instance_uid), row->id, &row->at, false,
              kind == ARC_FOUND_UNREADABLE ? ADVICE_DISK : ADVICE_BACKUP, "%s", what);
    return c->mode->mark
               ? index_damage_set(c->arc->index, row->id, os_wall_us(), iso_str_c(what), err)
               : ISO_OK;
}

/* What the row and the member's record say of the bytes. Where they disagree the bytes decide. */
static int check_sums(struct care *c, const struct index_place *row, int fd, uint64_t offset,
                      const struct store_record *record, bool *right, struct iso_err *err)
{
    struct index_place place = *row;
    uint32_t           crc32c;

    if (place.crc32c < 0 && record != NULL && record->has_crc)
        place.crc32c = (int64_t)record->crc32c;
    int rc = care_sum(c, &place, fd, offset, &crc32c, right, err);
    if (rc >= 0 && !*right)
        rc = tell_damaged(c, row, ARC_FOUND_CONTENT, "its bytes are not those that were stored",
                          err);
    return rc;
}

static int check_parsed(struct care *c, const struct index_place *row, int fd, uint64_t offset,
                        const struct store_record *record, bool *right, struct iso_err *err)
{
    const uint64_t    bytes = c->report->bytes;
    struct arc_reread read;
    struct iso_err    why = { 0 };

    iso_arena_reset(&c->object);
    int rc =
        arc_reread(fd, offset, row->at.length, ARC_WHOLE, care_read, c, &c->object, &read, &why);
    *right = false;
    if (rc == ISO_ECANCEL || rc == ISO_ENOMEM)
        return iso_fail(err, rc, "%s", why.text);
    if (rc == ISO_EIO)
        return tell_damaged(c, row, ARC_FOUND_UNREADABLE, why.text, err);
    if (rc < 0) { /* damaged, or what once could be read cannot any more */
        c->report->bytes = bytes;
        rc               = check_sums(c, row, fd, offset, record, right, err);
        if (rc >= 0 && *right)
            care_tell(c, ARC_FOUND_ROW, iso_str_c(row->sop_instance_uid), row->id, &row->at, false,
                      "report it: its bytes are as they came", "it cannot be read: %s", why.text);
        return rc;
    }
    if (memcmp(read.parsed.digest, row->digest, sizeof row->digest) != 0 ||
        memcmp(read.entry.meta_digest, row->meta_digest, sizeof row->meta_digest) != 0)
        return tell_damaged(c, row, ARC_FOUND_CONTENT, "its bytes are not those that were stored",
                            err);
    *right = true;
    if ((row->crc32c >= 0 && (uint32_t)row->crc32c != read.crc32c)) {
        bool renewed = false;

        if (c->config->repair)
            rc = care_renew(c, row, fd, offset, record, &renewed, err);
        if (rc >= 0)
            care_tell(c, ARC_FOUND_ROW, iso_str_c(row->sop_instance_uid), row->id, &row->at,
                      renewed, ADVICE_REPAIR,
                      "the index says something else than the object: its CRC-32C");
        return rc;
    }
    return compare_row(c, row, fd, offset, record, &read, err);
}

int care_content(struct care *c, const struct index_place *row, int fd, uint64_t offset,
                 const struct store_record *record, struct iso_err *err)
{
    const bool disagree = record != NULL && record->has_crc && row->crc32c >= 0 &&
                          record->crc32c != (uint32_t)row->crc32c;
    bool right = false;
    int  rc;

    if (!c->mode->content && !disagree)
        return ISO_OK;
    if (c->mode->parse && !c->tree) /* whose files are not Part 10 files in every case */
        rc = check_parsed(c, row, fd, offset, record, &right, err);
    else
        rc = check_sums(c, row, fd, offset, record, &right, err);
    if (rc >= 0 && right && disagree) {
        struct store_tar_member head   = { .bytes   = row->at.length,
                                           .ours    = true,
                                           .mtime_s = row->stored_us / 1000000,
                                           .record  = *record };
        bool                    mended = false;

        memcpy(head.digest, row->digest, sizeof head.digest);
        head.record.crc32c = (uint32_t)row->crc32c;
        if (c->config->repair && (row->at.file & STORE_FILE_LARGE) == 0)
            mended = store_mend_head(c->arc->store, row->at.volume, row->at.file, row->at.offset,
                                     &head, NULL) >= 0;
        care_tell(c, ARC_FOUND_HEAD, iso_str_c(row->sop_instance_uid), row->id, &row->at, mended,
                  ADVICE_REPAIR, "the CRC-32C beside the object in its segment is damaged");
    }
    bool listed = false;
    if (rc >= 0 && right && c->mode->mark && c->damaged > 0)
        rc = index_damage_has(c->arc->index, row->id, &listed, err);
    return listed ? index_damage_set(c->arc->index, row->id, 0, ISO_STR(""), err) : rc;
}

/* ---- an object that no row names ---- */

/* Read whole, as recovery does, and put into the index. */
static int adopt(struct care *c, const struct store_location *at, int fd, uint64_t offset,
                 const uint8_t *digest, const struct store_record *record, bool *done,
                 struct iso_err *err)
{
    struct arc_reread read;
    struct iso_err    why = { 0 };
    int64_t           id;

    *done  = false;
    int rc = arc_reread(fd, offset, at->length, ARC_WHOLE, care_read, c, &c->object, &read, &why);
    if (rc == ISO_ECANCEL || rc == ISO_ENOMEM)
        return iso_fail(err, rc, "%s", why.text);
    if (rc < 0 || (digest != NULL && memcmp(read.parsed.digest, digest, ISO_SHA256_BYTES) != 0) ||
        (record != NULL && record->has_crc && record->crc32c != read.crc32c))
        return ISO_OK;
    read.entry.location = *at;
    read.entry.crc32c   = read.crc32c;
    read.entry.stored_us =
        record != NULL && record->stored_us > 0 ? record->stored_us : os_wall_us();
    if (record != NULL)
        read.entry.source_ae = iso_str_c(record->from);
    rc = index_add(c->arc->index, &read.entry, &read.parsed.header, 0, &id, err);
    if (rc >= 0 && read.has_origin)
        rc = index_origin_set(c->arc->index, id, &read.origin, err);
    *done = rc >= 0;
    return rc == ISO_EEXIST ? ISO_OK : rc;
}

/* A second copy of what is stored: gone if it is the same, kept beside if not. */
static int second_copy(struct care *c, const struct store_location *at,
                       const struct index_instance *here, const uint8_t *digest,
                       struct iso_err *err)
{
    const bool same = digest != NULL && memcmp(here->digest, digest, ISO_SHA256_BYTES) == 0;
    int        rc   = ISO_OK;

    if (c->config->repair && same)
        rc = index_tombstone_add(c->arc->index, at, err);
    if (rc >= 0)
        care_tell(c, ARC_FOUND_ORPHAN, here->sop_instance_uid, 0, at, c->config->repair && same,
                  same ? ADVICE_REPAIR : "compare the two, and send the right one again",
                  same ? "a second copy of an object that is stored"
                       : "another object with the SOP Instance UID of one that is stored");
    return rc;
}

int care_orphan(struct care *c, const struct store_location *at, int fd, uint64_t offset,
                const uint8_t *digest, const struct store_record *record, bool behind_low,
                struct iso_err *err)
{
    struct arc_flight     flight;
    struct index_instance here;
    struct index_place    known;
    struct arc_reread     read;
    struct iso_err        why  = { 0 };
    bool                  done = false;

    iso_arena_reset(&c->object);
    int rc = arc_reread(fd, offset, at->length, ARC_FRONT, NULL, NULL, &c->object, &read, &why);
    if (rc < 0) {
        if (!c->arc->config.care || !behind_low)
            care_tell(c, ARC_FOUND_ORPHAN, ISO_STR(""), 0, at, false,
                      "it is left as it is: look at it with isocenter dump",
                      "the index does not know it, and it cannot be read: %s", why.text);
        return ISO_OK;
    }
    flight = (struct arc_flight){ .uid = read.entry.sop_instance_uid };
    arc_flight_begin(c->arc, &flight); /* after this, who was writing it has come to an end */
    if (index_place_find(c->arc->index, INDEX_ROWS, at, &known, NULL) >= 0 ||
        index_place_find(c->arc->index, INDEX_TOMBSTONES, at, &known, NULL) >= 0)
        goto out;
    rc = index_lookup(c->arc->index, read.entry.sop_instance_uid, &c->object, &here, err);
    if (rc >= 0) {
        rc = second_copy(c, at, &here, digest, err);
    } else if (rc == ISO_ENOENT) {
        rc = ISO_OK;
        if (c->config->repair)
            rc = adopt(c, at, fd, offset, digest, record, &done, err);
        if (rc >= 0 && behind_low && c->arc->config.care && !done && !c->config->repair)
            c->report->waiting++;
        else if (rc >= 0)
            care_tell(c, ARC_FOUND_ORPHAN, read.entry.sop_instance_uid, 0, at, done, ADVICE_REPAIR,
                      done ? "an object that the index did not know was put into it"
                           : "the index does not know this object");
    }
out:
    arc_flight_end(c->arc, &flight);
    return rc;
}
