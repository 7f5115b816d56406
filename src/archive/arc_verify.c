/* arc_verify.c: two streams in the order of places are merged: what lies in the segments, and what the
 * index says lies there. Whatever only one of them has is looked at again by itself, since both may
 * move on meanwhile: only what is still so then is told. */
#include "arc_care.h"
#include "arc_reindex.h"

#include "os_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_EVERY_MS = 200, OBJECT_ARENA_BYTES = 256 << 20, TMP_AGE_S = 86400 };

static const char *const kind_name[ARC_FINDING_KINDS] = { "index", "parent",    "count", "missing",
                                                          "head",  "content",   "row",   "orphan",
                                                          "stray", "unreadable" };

const char *arc_finding_name(enum arc_finding_kind kind)
{
    return kind_name[kind];
}

uint64_t arc_verify_left(const struct arc_verify_report *report)
{
    uint64_t left = 0;

    for (int i = 0; i < ARC_FINDING_KINDS; i++)
        left += report->found[i] - report->repaired[i];
    return left;
}

/* ---- telling ---- */

static void name_place(const struct store_location *at, char *out, size_t cap)
{
    char name[STORE_NAME_BYTES];

    store_location_name(at, name);
    int n = at->volume > STORE_VOLUME_FIRST ? snprintf(out, cap, "volume %u %s", at->volume, name)
                                            : snprintf(out, cap, "%s", name);
    if ((at->file & STORE_FILE_LARGE) == 0)
        (void)snprintf(out + n, cap - (size_t)n, " at %llu", (unsigned long long)at->offset);
}

void care_tell(struct care *c, enum arc_finding_kind kind, iso_str uid, int64_t instance,
               const struct store_location *at, bool repaired, const char *advice, const char *what,
               ...)
{
    struct arc_finding finding   = { .kind             = kind,
                                     .sop_instance_uid = uid,
                                     .instance         = instance,
                                     .advice           = repaired ? "" : advice,
                                     .repaired         = repaired };
    char               where[96] = "";
    char               text[512];
    va_list            args;

    va_start(args, what);
    (void)vsnprintf(text, sizeof text, what, args);
    va_end(args);
    if (at != NULL)
        name_place(at, where, sizeof where);
    finding.where = where;
    finding.what  = text;
    c->report->found[kind]++;
    c->report->repaired[kind] += repaired;
    if (c->config->found != NULL)
        c->config->found(c->config->ctx, &finding);
}

static int go_on(struct care *c, struct iso_err *err)
{
    const int64_t now = os_now_ms();

    if (c->config->stop != NULL && c->config->stop(c->config->ctx))
        return iso_fail(err, ISO_ECANCEL, "stopped");
    if (c->config->progress != NULL && now - c->told_ms >= TOLD_EVERY_MS) {
        c->told_ms = now;
        c->config->progress(c->config->ctx, c->report);
    }
    return ISO_OK;
}

int care_read(void *care, size_t bytes, struct iso_err *err)
{
    struct care *c  = care;
    int          rc = ISO_OK;

    c->report->bytes += bytes;
    if (c->config->bytes_s == 0)
        return go_on(c, err);
    const int64_t due_ms =
        c->began_ms + (int64_t)((double)c->report->bytes * 1000 / (double)c->config->bytes_s);
    for (int64_t now = os_now_ms(); rc >= 0 && now < due_ms; now = os_now_ms()) {
        rc = go_on(c, err);
        if (rc >= 0)
            os_sleep_ms(due_ms - now < 100 ? due_ms - now : 100);
    }
    return rc < 0 ? rc : go_on(c, err);
}

/* ---- cursors ---- */

static void cursor_begin(struct care_cursor *cursor, const struct store_location *after)
{
    cursor->after = *after;
    cursor->at    = 0;
    cursor->count = 0;
    cursor->ended = false;
}

/* The next place of the volume; NULL: there is none. */
static int cursor_peek(struct care *c, struct care_cursor *cursor, const struct index_place **place,
                       struct iso_err *err)
{
    *place = NULL;
    if (c->arc->index == NULL)
        return ISO_OK;
    if (cursor->at == cursor->count && !cursor->ended) {
        int rc = index_places(c->arc->index, cursor->which, &cursor->after, cursor->list,
                              CARE_PLACES, &cursor->count, err);
        if (rc < 0)
            return rc;
        cursor->at    = 0;
        cursor->ended = cursor->count < CARE_PLACES;
        if (cursor->count > 0)
            cursor->after = cursor->list[cursor->count - 1].at;
    }
    if (cursor->at < cursor->count && cursor->list[cursor->at].at.volume == c->volume)
        *place = &cursor->list[cursor->at];
    return ISO_OK;
}

static int compare(const struct store_location *at, uint64_t file, uint64_t offset)
{
    if (at->file != file)
        return at->file < file ? -1 : 1;
    return at->offset < offset ? -1 : at->offset > offset;
}

/* ---- rows and what lies in their place ---- */

static void reached(struct care *c, const struct store_location *at)
{
    c->report->instances++;
    if (c->mode->reached != NULL)
        c->mode->reached(c->mode->ctx, at);
}

/* All rows before that place: none of them was met on the way there. */
static int rows_before(struct care *c, uint64_t file, uint64_t offset, struct iso_err *err)
{
    const struct index_place *place;
    int                       rc = cursor_peek(c, &c->tombstones, &place, err);

    while (rc >= 0 && place != NULL && compare(&place->at, file, offset) < 0) {
        c->tombstones.at++;
        rc = cursor_peek(c, &c->tombstones, &place, err);
    }
    if (rc >= 0)
        rc = cursor_peek(c, &c->rows, &place, err);
    while (rc >= 0 && place != NULL && compare(&place->at, file, offset) < 0) {
        const struct index_place row = *place;

        rc = c->tree || (row.at.file & STORE_FILE_LARGE) != 0 ? care_large(c, &row, err)
                                                              : care_alone(c, &row, err);
        reached(c, &row.at);
        c->rows.at++;
        if (rc >= 0)
            rc = go_on(c, err);
        if (rc >= 0)
            rc = cursor_peek(c, &c->rows, &place, err);
    }
    return rc;
}

/* ---- what lies in the segments ---- */

static bool is_behind_low(const struct care *c, uint64_t file, uint64_t offset)
{
    return file > c->low_file || (file == c->low_file && offset >= c->low_offset);
}

/* A member that no row and no tombstone of a segment names. */
static int check_unknown(struct care *c, const struct store_sight *sight, struct iso_err *err)
{
    const struct store_member *m = &sight->member;
    struct index_place         known;
    uint64_t                   bytes;
    int                        fd;
    int                        rc;

    if (m->state == STORE_REMOVED || !c->mode->index || c->arc->index == NULL)
        return ISO_OK;
    if ((m->at.file & STORE_FILE_LARGE) == 0)
        return m->state == STORE_KEPT
                   ? ISO_OK /* its tombstone has just gone, or it is behind the low mark */
                   : care_orphan(c, &m->at, sight->fd, m->at.offset, m->digest, &m->record,
                                 is_behind_low(c, sight->segment, sight->from), err);
    if (!sight->names) {
        care_tell(c, ARC_FOUND_HEAD, ISO_STR(""), 0,
                  &(struct store_location){ sight->volume, sight->segment, m->offset, 0 }, false,
                  "", "a journal entry cannot be read");
        return ISO_OK;
    }
    if (index_place_find(c->arc->index, INDEX_ROWS, &m->at, &known, NULL) >= 0 ||
        index_place_find(c->arc->index, INDEX_TOMBSTONES, &m->at, &known, NULL) >= 0 ||
        m->state == STORE_KEPT)
        return ISO_OK;
    rc = store_raw_open(c->arc->store, &m->at, &fd, &bytes, NULL);
    if (rc < 0) { /* its file has gone first when it was removed */
        if (rc != ISO_ENOENT)
            care_tell(c, ARC_FOUND_UNREADABLE, ISO_STR(""), 0, &m->at, false, ADVICE_DISK,
                      "a file that a journal entry names cannot be opened");
        return ISO_OK;
    }
    rc = care_orphan(c, &m->at, fd, 0, m->digest, &m->record,
                     is_behind_low(c, sight->segment, sight->from), err);
    os_close(fd);
    return rc;
}

static int check_gap(struct care *c, const struct store_sight *sight, struct iso_err *err)
{
    const uint64_t before = c->report->instances;
    int            rc     = rows_before(c, sight->segment, sight->to, err);

    if (rc < 0 || sight->kind == STORE_SIGHT_TAIL || c->report->instances > before ||
        !c->mode->index)
        return rc;
    if (c->gap_count < CARE_GAPS)
        c->gap[c->gap_count++] = *sight;
    return rc;
}

/* Bytes of a member that was removed but can be taken back. */
static int check_kept(struct care *c, const struct store_sight *sight,
                      const struct index_place *tombstone, struct iso_err *err)
{
    struct index_place place = { .at     = sight->member.at,
                                 .crc32c = sight->member.record.has_crc
                                               ? (int64_t)sight->member.record.crc32c
                                               : -1 };
    uint32_t           crc32c;
    bool               right;
    int                rc = ISO_OK;

    if (!c->mode->content || sight->member.state != STORE_KEPT || place.crc32c < 0 ||
        (place.at.file & STORE_FILE_LARGE) != 0)
        return ISO_OK;
    rc = care_sum(c, &place, sight->fd, place.at.offset, &crc32c, &right, err);
    if (rc >= 0 && !right)
        care_tell(c, ARC_FOUND_CONTENT, iso_str_c(tombstone->sop_instance_uid), 0, &place.at, false,
                  ADVICE_BACKUP, "the bytes of a removed object are not those that were stored");
    return rc;
}

static int check_sight(void *ctx, const struct store_sight *sight, struct iso_err *err)
{
    struct care              *c      = ctx;
    const uint64_t            offset = sight->from + STORE_TAR_BLOCK;
    const struct index_place *place;
    int                       rc = go_on(c, err);

    if (rc < 0)
        return rc;
    if (sight->kind == STORE_SIGHT_GAP || sight->kind == STORE_SIGHT_TAIL)
        return check_gap(c, sight, err);
    if (sight->kind == STORE_SIGHT_FOREIGN) {
        if (c->mode->index)
            care_tell(c, ARC_FOUND_STRAY, ISO_STR(""), 0,
                      &(struct store_location){ sight->volume, sight->segment, offset, 0 }, false,
                      "nothing has to be done", "a member of the tar file that is not ours");
        return rows_before(c, sight->segment, sight->from + STORE_TAR_BLOCK, err);
    }
    c->report->members++;
    rc = rows_before(c, sight->segment, offset, err);
    if (rc >= 0)
        rc = cursor_peek(c, &c->rows, &place, err);
    if (rc < 0)
        return rc;
    if (place != NULL && compare(&place->at, sight->segment, offset) == 0) {
        const struct index_place row = *place;

        c->rows.at++;
        if (sight->member.at.file == row.at.file && sight->member.at.length == row.at.length &&
            memcmp(sight->member.digest, row.digest, sizeof row.digest) == 0)
            rc = care_match(c, &row, sight->fd, &sight->member, sight->exact, err);
        else
            rc = care_alone(c, &row, err);
        reached(c, &row.at);
        return rc;
    }
    rc = cursor_peek(c, &c->tombstones, &place, err);
    if (rc < 0)
        return rc;
    if (place != NULL && compare(&place->at, sight->segment, offset) == 0) {
        const struct index_place tombstone = *place;

        c->tombstones.at++;
        return check_kept(c, sight, &tombstone, err);
    }
    return check_unknown(c, sight, err);
}

/* ---- files ---- */

static int check_entry(void *ctx, const struct store_entry *entry, struct iso_err *err)
{
    struct care          *c  = ctx;
    struct store_location at = { c->volume, entry->number, 0, entry->bytes };
    struct index_place    known;
    bool                  aside = false;
    uint64_t              bytes;
    int                   fd;
    int                   rc = go_on(c, err);

    if (rc < 0)
        return rc;
    if (entry->ours && entry->folder == STORE_IN_SEG)
        return ISO_OK;
    if (entry->ours &&
        entry->folder == STORE_IN_TMP) { /* under way, or the next start's business */
        c->report->waiting += c->arc->config.care;
        return ISO_OK;
    }
    if (!entry->ours) {
        if (entry->folder == STORE_IN_TMP && entry->mtime_s > os_wall_us() / 1000000 - TMP_AGE_S &&
            !c->arc->config.care)
            return ISO_OK;
        if (c->config->repair)
            aside = store_set_aside(c->arc->store, c->volume, entry->name, NULL) >= 0;
        care_tell(c, ARC_FOUND_STRAY, ISO_STR(""), 0, NULL, aside, ADVICE_REPAIR,
                  "%s belongs to nothing%s", entry->name, aside ? ": it was moved to stray/" : "");
        return ISO_OK;
    }
    if (c->arc->index == NULL ||
        index_place_find(c->arc->index, INDEX_ROWS, &at, &known, NULL) >= 0 ||
        index_place_find(c->arc->index, INDEX_TOMBSTONES, &at, &known, NULL) >= 0 ||
        store_survey_under_way(c->arc->store, &at))
        return ISO_OK;
    rc = store_raw_open(c->arc->store, &at, &fd, &bytes, NULL);
    if (rc < 0)
        return ISO_OK; /* gone meanwhile */
    rc = care_orphan(c, &at, fd, 0, NULL, NULL, false, err);
    os_close(fd);
    return rc;
}

/* ---- the index by itself ---- */

/* What the segment keeps beside an object. */
static bool record_of(struct care *c, const struct index_place *row, struct store_record *record)
{
    struct store_location   at = row->at;
    struct store_tar_member head;
    uint8_t                 block[STORE_TAR_BLOCK];
    uint64_t                bytes;
    int                     fd;

    if (((at.file & STORE_FILE_LARGE) != 0 && !store_survey_journal(&row->at, &at)) ||
        at.offset < STORE_TAR_BLOCK || store_raw_open(c->arc->store, &at, &fd, &bytes, NULL) < 0)
        return false;
    bool there =
        os_read_exact_at(fd, block, sizeof block, at.offset - STORE_TAR_BLOCK, NULL) >= 0 &&
        store_tar_parse(block, &head) && head.ours;
    os_close(fd);
    if (there)
        *record = head.record;
    return there;
}

static int tell_ill(void *ctx, const struct index_illness *ill, struct iso_err *err)
{
    static const enum arc_finding_kind kind[]   = { [INDEX_ILL_FILE]   = ARC_FOUND_INDEX,
                                                    [INDEX_ILL_PARENT] = ARC_FOUND_PARENT,
                                                    [INDEX_ILL_COUNT]  = ARC_FOUND_COUNT };
    struct care                       *c        = ctx;
    bool                               repaired = ill->repaired;
    struct index_place                 row;
    struct store_record                record;
    uint64_t                           bytes;
    int                                fd;
    int                                rc = go_on(c, err);

    if (rc >= 0 && ill->instance != 0 && c->config->repair &&
        index_place_of(c->arc->index, ill->instance, &row, NULL) >= 0 &&
        store_raw_open(c->arc->store, &row.at, &fd, &bytes, NULL) >= 0) {
        iso_arena_reset(&c->object);
        rc = care_renew(c, &row, fd, store_content_offset(&row.at),
                        record_of(c, &row, &record) ? &record : NULL, &repaired, err);
        os_close(fd);
    }
    if (rc < 0)
        return rc;
    care_tell(c, kind[ill->kind], ill->instance != 0 ? ill->name : ISO_STR(""), ill->instance, NULL,
              repaired, ill->kind == INDEX_ILL_FILE ? ADVICE_REINDEX : ADVICE_REPAIR, "%s %.*s: %s",
              ill->table, ISO_STR_ARG(ill->name), ill->what);
    return ISO_OK;
}

static int check_index(struct care *c, enum index_check_part part, struct iso_err *err)
{
    if (c->arc->index == NULL || !c->mode->index)
        return ISO_OK;
    return index_check(c->arc->index, part, c->config->full, c->config->repair, tell_ill, c, err);
}

static int tell_page(void *ctx, size_t bytes, uint64_t wrong_page, struct iso_err *err)
{
    struct care *c = ctx;

    if (wrong_page == 0)
        return care_read(c, bytes, err);
    care_tell(c, ARC_FOUND_INDEX, ISO_STR(""), 0, NULL, false, ADVICE_REINDEX,
              "page %llu of index.db is not what was written", (unsigned long long)wrong_page);
    return go_on(c, err);
}

static int check_pages(struct care *c, struct iso_err *err)
{
    const uint64_t bytes = c->report->bytes;
    bool           has_sums;

    if (c->arc->index == NULL || !c->mode->content)
        return ISO_OK;
    int rc           = index_pages_check(c->arc->index, tell_page, c, &has_sums, err);
    c->report->bytes = bytes; /* of stored objects */
    return rc;
}

/* ---- the whole ---- */

/* A segment that is shorter than what was known of it. The archive does not open so; once the loss is
 * accepted, what is missing becomes a removed member, so that nothing new can lie in the places of
 * what was lost. */
static void check_end(struct care *c)
{
    const struct store_location at = { c->volume, c->low_file, c->low_offset, 0 };
    uint64_t                    bytes;
    bool                        filled = false;
    int                         fd;

    if (c->low_file == 0 || c->low_offset == 0 || !c->mode->index || c->tree)
        return;
    if (store_raw_open(c->arc->store, &at, &fd, &bytes, NULL) < 0)
        bytes = 0;
    else
        os_close(fd);
    if (bytes >= c->low_offset)
        return;
    if (c->config->repair && c->arc->config.care)
        filled = store_fill_hole(c->arc->store, c->volume, c->low_file, store_tar_padded(bytes),
                                 c->low_offset, NULL) >= 0;
    care_tell(c, ARC_FOUND_MISSING, ISO_STR(""), 0, &at, filled,
              "restore the segment from a backup, or accept the loss: isocenter verify --repair",
              "the segment ends at %llu, objects before %llu were known", (unsigned long long)bytes,
              (unsigned long long)c->low_offset);
}

static void low_mark(struct care *c)
{
    struct index_volume list[STORE_VOLUMES_MAX];
    struct iso_arena    arena;
    size_t              count = 0;

    c->low_file   = 0;
    c->low_offset = 0;
    iso_arena_init(&arena, 1 << 20);
    if (c->arc->index != NULL)
        (void)!index_volumes(c->arc->index, &arena, list, STORE_VOLUMES_MAX, &count, NULL);
    for (size_t i = 0; i < count; i++)
        if (list[i].number == c->volume) {
            c->low_file   = list[i].low_file;
            c->low_offset = list[i].low_offset;
        }
    iso_arena_release(&arena);
}

static int check_volume(struct care *c, const struct store_volume_info *volume, struct iso_err *err)
{
    const struct store_location *from       = &c->mode->from;
    const bool                   inside     = from->volume == volume->number;
    const bool                   only_large = inside && (from->file & STORE_FILE_LARGE) != 0;
    struct store_location        after      = { volume->number, 0, 0, 0 };
    int                          rc         = ISO_OK;

    if (inside) { /* the object there is looked at again */
        after = *from;
        after.offset -= after.offset > 0;
    }
    c->volume                     = volume->number;
    c->tree                       = volume->kind == STORE_TREE;
    const struct arc_volume *tree = arc_volume_find(c->arc, c->volume);
    if (c->tree && (tree == NULL || tree->folder < 0)) {
        care_tell(c, ARC_FOUND_UNREADABLE, ISO_STR(""), 0, NULL, false,
                  "mount it again, or remove its studies",
                  "the adopted folder that is volume %u is not there", c->volume);
        return ISO_OK;
    }
    c->gap_count = 0;
    low_mark(c);
    cursor_begin(&c->rows, &after);
    cursor_begin(&c->tombstones, &after);
    if (!only_large)
        rc = store_survey(c->arc->store, c->volume, inside ? from->file : 0,
                          inside && from->offset >= STORE_TAR_BLOCK ? from->offset - STORE_TAR_BLOCK
                                                                    : 0,
                          check_sight, c, err);
    if (rc >= 0)
        rc = rows_before(c, UINT64_MAX, UINT64_MAX, err);
    if (rc >= 0)
        check_end(c);
    for (size_t i = 0; i < c->gap_count && rc >= 0; i++)
        care_tell(c, ARC_FOUND_HEAD, ISO_STR(""), 0,
                  &(struct store_location){ c->volume, c->gap[i].segment, c->gap[i].from, 0 },
                  false, "keep the segment; what the index knows of it is not concerned",
                  "%llu bytes are no object, and nothing is known of them",
                  (unsigned long long)(c->gap[i].to - c->gap[i].from));
    for (int folder = STORE_IN_SEG; folder <= STORE_IN_TMP && rc >= 0 && c->mode->index; folder++)
        rc =
            store_entries(c->arc->store, c->volume, (enum store_folder)folder, check_entry, c, err);
    return rc;
}

static int check_volumes(struct care *c, struct iso_err *err)
{
    struct store_volume_info volume[STORE_VOLUMES_MAX];
    size_t                   count;
    int                      rc = store_volumes(c->arc->store, volume, &count, err);

    for (size_t i = 0; i < count && rc >= 0; i++)
        if (c->mode->from.volume <= volume[i].number)
            rc = check_volume(c, &volume[i], err);
    return rc;
}

int care_run(struct arc *arc, const struct arc_verify_config *config, const struct care_mode *mode,
             struct arc_verify_report *report, struct iso_err *err)
{
    struct care       *c     = calloc(1, sizeof *c);
    struct index_stats stats = { 0 };
    int                rc    = c != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory to check");

    *report = (struct arc_verify_report){ .began_us = os_wall_us(),
                                          .full     = config->full,
                                          .repair   = config->repair };
    if (rc < 0)
        return rc;
    *c                 = (struct care){ .arc        = arc,
                                        .config     = config,
                                        .mode       = mode,
                                        .report     = report,
                                        .buffer     = malloc(CARE_BUFFER_BYTES),
                                        .rows       = { .which = INDEX_ROWS },
                                        .tombstones = { .which = INDEX_TOMBSTONES },
                                        .began_ms   = os_now_ms() };
    c->rows.list       = calloc(CARE_PLACES, sizeof *c->rows.list);
    c->tombstones.list = calloc(CARE_PLACES, sizeof *c->tombstones.list);
    iso_arena_init(&c->object, OBJECT_ARENA_BYTES);
    if (c->buffer == NULL || c->rows.list == NULL || c->tombstones.list == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "no memory to check");
    if (rc >= 0 && arc->index == NULL)
        care_tell(c, ARC_FOUND_INDEX, ISO_STR(""), 0, NULL, false, ADVICE_REINDEX, "%s",
                  arc->index_trouble.text);
    if (rc >= 0 && arc->index != NULL && index_stats(arc->index, &stats, NULL) >= 0)
        report->bytes_all = stats.bytes;
    if (rc >= 0 && mode->mark && index_damage_count(arc->index, &c->damaged, NULL) < 0)
        c->damaged = 0;
    if (rc >= 0)
        rc = check_pages(c, err);
    if (rc >= 0)
        rc = check_index(c, INDEX_CHECK_FILE, err);
    if (rc >= 0)
        rc = check_index(c, INDEX_CHECK_PARENTS, err);
    if (rc >= 0)
        rc = check_volumes(c, err);
    if (rc >= 0)
        rc = check_index(c, INDEX_CHECK_COUNTS, err);
    report->complete = rc >= 0 && arc->index != NULL;
    if (rc < 0 && rc != ISO_ECANCEL && rc != ISO_ENOMEM && report->found[ARC_FOUND_INDEX] > 0)
        rc = ISO_OK; /* a damaged index cannot be asked: that has been told */
    report->ended_us = os_wall_us();
    if (config->progress != NULL)
        config->progress(config->ctx, report);
    iso_arena_release(&c->object);
    free(c->tombstones.list);
    free(c->rows.list);
    free(c->buffer);
    free(c);
    return rc;
}

int arc_verify(struct arc *arc, const struct arc_verify_config *config,
               struct arc_verify_report *report, struct iso_err *err)
{
    const struct care_mode mode = { .index   = true,
                                    .content = config->full,
                                    .parse   = config->full,
                                    .mark    = config->repair && arc->index != NULL };

    return care_run(arc, config, &mode, report, err);
}

int arc_index_dump(struct arc *arc, struct iso_sink out, struct iso_err *err)
{
    return arc->index != NULL ? index_dump(arc->index, out, err)
                              : iso_fail(err, ISO_EIO, "%s", arc->index_trouble.text);
}

/* ---- damage ---- */

int arc_damage_list(struct arc *arc, int64_t after, size_t max, struct iso_arena *arena,
                    struct arc_damage *out, size_t *count, struct iso_err *err)
{
    struct index_damage row[64];
    size_t              n = 0;
    int rc = index_damage_list(arc->index, after, max < 64 ? max : 64, arena, row, &n, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct arc_damage){ .instance         = row[i].instance,
                                      .study_uid        = row[i].study_uid,
                                      .series_uid       = row[i].series_uid,
                                      .sop_instance_uid = row[i].sop_instance_uid,
                                      .found_us         = row[i].found_us,
                                      .what             = row[i].what };
    *count = n;
    return ISO_OK;
}

int arc_damage_count(struct arc *arc, uint64_t *count, struct iso_err *err)
{
    return index_damage_count(arc->index, count, err);
}
