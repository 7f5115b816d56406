/* arc_verify_place.c: what lies in the place that a row names: is it the row's, by its head? */
#include "arc_care.h"

#include "os_clock.h"

#include <stdio.h>
#include <string.h>

/* A head as the row would have it. */
static void head_of(const struct index_place *row, const struct store_record *known,
                    struct store_tar_member *head)
{
    *head = (struct store_tar_member){ .bytes   = row->at.length,
                                       .ours    = true,
                                       .mtime_s = row->stored_us / 1000000,
                                       .record  = { .stored_us = row->stored_us,
                                                    .has_crc   = row->crc32c >= 0,
                                                    .crc32c    = (uint32_t)row->crc32c } };
    memcpy(head->digest, row->digest, sizeof head->digest);
    if (known != NULL)
        memcpy(head->record.from, known->from, sizeof known->from);
    else
        (void)snprintf(head->record.from, sizeof head->record.from, "%.63s", row->source);
}

/* The member is the row's, as far as names go. */
int care_match(struct care *c, const struct index_place *row, int fd,
               const struct store_member *member, bool exact, struct iso_err *err)
{
    const iso_str           uid    = iso_str_c(row->sop_instance_uid);
    const bool              repair = c->config->repair;
    struct store_tar_member head;
    bool                    mended = false;
    int                     rc     = ISO_OK;

    if (member->state != STORE_LIVE) {
        if (repair && member->state == STORE_KEPT)
            mended = store_keep(c->arc->store, &row->at, false, NULL) >= 0;
        care_tell(c, ARC_FOUND_HEAD, uid, row->id, &row->at, mended,
                  member->state == STORE_KEPT ? ADVICE_REPAIR : ADVICE_BACKUP,
                  "its segment says that the object has been removed");
        if (member->state == STORE_REMOVED) {
            if (c->mode->mark)
                rc = index_damage_set(c->arc->index, row->id, os_wall_us(),
                                      ISO_STR("removed in its segment"), err);
            return rc;
        }
    } else if (!exact) {
        head_of(row, &member->record, &head);
        if (repair)
            mended = store_mend_head(c->arc->store, row->at.volume, member->segment, member->offset,
                                     &head, NULL) >= 0;
        care_tell(c, ARC_FOUND_HEAD, uid, row->id, &row->at, mended, ADVICE_REPAIR,
                  "the head of the object in its segment is damaged, what it says can be read");
    }
    rc = care_content(c, row, fd, row->at.offset, &member->record, err);
    if (rc >= 0 && c->mode->mark && !mended && (!exact || member->state != STORE_LIVE))
        rc = index_damage_set(c->arc->index, row->id, os_wall_us(),
                              ISO_STR("its head in its segment is damaged"), err);
    return rc;
}

/* No head stands where the row says; are the bytes right? */
static int check_headless(struct care *c, const struct index_place *row, int fd,
                          const char *what_else, struct iso_err *err)
{
    const iso_str           uid = iso_str_c(row->sop_instance_uid);
    struct store_tar_member head;
    uint32_t                crc32c;
    bool                    right  = false;
    bool                    mended = false;
    int                     rc     = care_sum(c, row, fd, row->at.offset, &crc32c, &right, err);

    if (rc < 0)
        return rc;
    if (!right) {
        care_tell(c, ARC_FOUND_MISSING, uid, row->id, &row->at, false, ADVICE_BACKUP, "%s",
                  what_else);
        return c->mode->mark ? index_damage_set(c->arc->index, row->id, os_wall_us(),
                                                iso_str_c(what_else), err)
                             : ISO_OK;
    }
    head_of(row, NULL, &head);
    if (c->config->repair)
        mended = store_mend_head(c->arc->store, row->at.volume, row->at.file, row->at.offset, &head,
                                 NULL) >= 0;
    care_tell(c, ARC_FOUND_HEAD, uid, row->id, &row->at, mended, ADVICE_REPAIR,
              "the head of the object in its segment is damaged; its bytes are right");
    return c->mode->mark && !mended
               ? index_damage_set(c->arc->index, row->id, os_wall_us(),
                                  ISO_STR("its head in its segment is damaged"), err)
               : ISO_OK;
}

/* A row that the walk did not meet: its place is looked at by itself. */
int care_alone(struct care *c, const struct index_place *row, struct iso_err *err)
{
    const iso_str           uid = iso_str_c(row->sop_instance_uid);
    struct store_tar_member head;
    struct store_member     member = { .segment = row->at.file, .offset = row->at.offset };
    uint8_t                 block[STORE_TAR_BLOCK];
    uint8_t                 again[STORE_TAR_BLOCK];
    struct iso_err          why = { 0 };
    uint64_t                bytes;
    bool                    holds;
    int                     fd = -1;
    int                     rc = index_place_holds(c->arc->index, INDEX_ROWS, row, &holds, err);

    if (rc < 0 || !holds)
        return rc;
    rc = store_raw_open(c->arc->store, &row->at, &fd, &bytes, &why);
    if (rc >= 0 && (row->at.offset < STORE_TAR_BLOCK || bytes < row->at.offset ||
                    bytes - row->at.offset < row->at.length))
        rc = iso_fail(&why, ISO_ENOENT, "its segment ends before it");
    if (rc >= 0)
        rc = os_read_exact_at(fd, block, sizeof block, row->at.offset - STORE_TAR_BLOCK, &why);
    if (rc < 0) {
        care_tell(c, rc == ISO_ENOENT ? ARC_FOUND_MISSING : ARC_FOUND_UNREADABLE, uid, row->id,
                  &row->at, false, rc == ISO_ENOENT ? ADVICE_BACKUP : ADVICE_DISK, "%s", why.text);
        rc = c->mode->mark
                 ? index_damage_set(c->arc->index, row->id, os_wall_us(), iso_str_c(why.text), err)
                 : ISO_OK;
    } else if (!store_tar_parse(block, &head) || !head.ours) {
        rc = check_headless(c, row, fd, "there is no object in its place", err);
    } else if (head.bytes != row->at.length || head.large ||
               memcmp(head.digest, row->digest, sizeof head.digest) != 0) {
        rc = check_headless(c, row, fd, "another object lies in its place", err);
    } else {
        store_tar_head(&head, again);
        member.state  = head.state;
        member.record = head.record;
        rc = care_match(c, row, fd, &member, memcmp(again, block, sizeof block) == 0, err);
    }
    os_close(fd);
    return rc;
}

/* Does its journal entry stand where the location says? Only that can be mended. */
static void check_journal(struct care *c, const struct index_place *row, struct iso_err *err)
{
    struct store_tar_member head;
    struct store_tar_member found;
    struct store_location   journal;
    uint8_t                 block[STORE_TAR_BLOCK];
    char                    line[STORE_TAR_LARGE_BYTES];
    char                    there[STORE_TAR_LARGE_BYTES];
    uint64_t                bytes;
    bool                    mended = false;
    int                     fd;

    (void)err;
    if (!store_survey_journal(&row->at, &journal) ||
        store_raw_open(c->arc->store, &journal, &fd, &bytes, NULL) < 0)
        return;
    size_t n = store_tar_large_line(row->at.file & ~STORE_FILE_LARGE, row->at.length, line);
    bool   same_line =
        os_read_exact_at(fd, there, n, journal.offset, NULL) >= 0 && memcmp(there, line, n) == 0;
    if (os_read_exact_at(fd, block, sizeof block, journal.offset - STORE_TAR_BLOCK, NULL) >= 0 &&
        store_tar_parse(block, &found) && found.large && found.bytes == n && same_line &&
        memcmp(found.digest, row->digest, sizeof found.digest) == 0) {
        os_close(fd);
        return;
    }
    os_close(fd);
    head_of(row, NULL, &head);
    head.large = true;
    head.bytes = n;
    if (c->config->repair && same_line)
        mended = store_mend_head(c->arc->store, journal.volume, journal.file, journal.offset, &head,
                                 NULL) >= 0;
    for (size_t i = 0; i < c->gap_count; i++)
        if (c->gap[i].segment == journal.file && c->gap[i].from <= journal.offset &&
            journal.offset < c->gap[i].to)
            c->gap[i--] = c->gap[--c->gap_count];
    care_tell(c, ARC_FOUND_HEAD, iso_str_c(row->sop_instance_uid), row->id, &journal, mended,
              same_line ? ADVICE_REPAIR : ADVICE_BACKUP,
              "the journal entry of an object with a file of its own is damaged");
}

int care_large(struct care *c, const struct index_place *row, struct iso_err *err)
{
    const iso_str  uid = iso_str_c(row->sop_instance_uid);
    struct iso_err why = { 0 };
    uint64_t       bytes;
    bool           holds;
    int            fd = -1;
    int            rc = store_raw_open(c->arc->store, &row->at, &fd, &bytes, &why);

    if (rc >= 0 && bytes != row->at.length)
        rc = iso_fail(&why, ISO_EFORMAT, "its file has %llu bytes, %llu were stored",
                      (unsigned long long)bytes, (unsigned long long)row->at.length);
    if (rc < 0) {
        const enum arc_finding_kind kind = rc == ISO_ENOENT    ? ARC_FOUND_MISSING
                                           : rc == ISO_EFORMAT ? ARC_FOUND_CONTENT
                                                               : ARC_FOUND_UNREADABLE;
        os_close(rc == ISO_EFORMAT ? fd : -1);
        rc = index_place_holds(c->arc->index, INDEX_ROWS, row, &holds, err);
        if (rc < 0 || !holds)
            return rc;
        care_tell(c, kind, uid, row->id, &row->at, false,
                  kind == ARC_FOUND_UNREADABLE ? ADVICE_DISK : ADVICE_BACKUP, "%s", why.text);
        return c->mode->mark ? index_damage_set(c->arc->index, row->id, os_wall_us(),
                                                iso_str_c(why.text), err)
                             : ISO_OK;
    }
    check_journal(c, row, err);
    rc = care_content(c, row, fd, 0, NULL, err);
    os_close(fd);
    return rc;
}
