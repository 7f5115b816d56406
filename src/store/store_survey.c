/* store_survey.c: heads one after the other; where there is none, block by block to the next one that
 * is ours. A damaged head so hides nothing but its own object. */
#include "store_survey.h"

#include "iso_hash.h"
#include "store_in.h"

#include <stdio.h>
#include <string.h>

enum { SEARCH_BYTES = 1 << 20 };

struct survey {
    struct store_volume *volume;
    uint64_t             segment;
    uint64_t             bytes; /* of the segment */
    int                  fd;
    int (*each)(void *ctx, const struct store_sight *sight, struct iso_err *err);
    void *ctx;
};

/* A head at `at` whose member lies whole inside the file. */
static bool is_member(const struct survey *s, const uint8_t block[STORE_TAR_BLOCK], uint64_t at,
                      struct store_tar_member *member)
{
    return store_tar_parse(block, member) && member->bytes <= s->bytes &&
           store_tar_padded(member->bytes) <= s->bytes - at - STORE_TAR_BLOCK;
}

/* The next member of ours from `at` on: *found, or the end of the file. */
static int search(const struct survey *s, uint64_t at, uint64_t *found, bool *zeros,
                  struct iso_err *err)
{
    uint8_t                *buf = malloc(SEARCH_BYTES);
    struct store_tar_member member;
    int                     rc = ISO_OK;

    *found = s->bytes;
    *zeros = true;
    if (buf == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to search a segment");
    while (at < s->bytes && *found == s->bytes) {
        int64_t got = os_read_at(s->fd, buf, SEARCH_BYTES, at, err);
        if (got <= 0) {
            rc = (int)got;
            break;
        }
        for (size_t i = 0; i < (size_t)got; i += STORE_TAR_BLOCK) {
            size_t left = (size_t)got - i;

            if (left >= STORE_TAR_BLOCK && is_member(s, buf + i, at + i, &member) && member.ours) {
                *found = at + i;
                break;
            }
            for (size_t k = i; k < (size_t)got && k < i + STORE_TAR_BLOCK && *zeros; k++)
                *zeros = buf[k] == 0;
        }
        at += (uint64_t)got;
    }
    free(buf);
    return rc;
}

/* The journal entry's own line. */
static bool names_of(const struct survey *s, uint64_t at, const struct store_tar_member *member,
                     struct store_location *place)
{
    char     line[STORE_TAR_LARGE_BYTES];
    uint64_t number;
    uint64_t bytes;

    if (member->bytes >= sizeof line ||
        os_read_exact_at(s->fd, line, (size_t)member->bytes, at + STORE_TAR_BLOCK, NULL) < 0 ||
        !store_tar_large_parse(iso_str_of(line, (size_t)member->bytes), &number, &bytes))
        return false;
    *place = (struct store_location){ s->volume->config.number, STORE_FILE_LARGE | number,
                                      store_journal_pack(s->segment, at + STORE_TAR_BLOCK), bytes };
    return true;
}

static int tell_member(const struct survey *s, uint64_t at, const uint8_t block[STORE_TAR_BLOCK],
                       const struct store_tar_member *member, struct iso_err *err)
{
    uint8_t            again[STORE_TAR_BLOCK];
    struct store_sight sight = {
        .kind    = member->ours ? STORE_SIGHT_MEMBER : STORE_SIGHT_FOREIGN,
        .volume  = s->volume->config.number,
        .segment = s->segment,
        .from    = at,
        .to      = at + STORE_TAR_BLOCK + store_tar_padded(member->bytes),
        .fd      = s->fd,
        .mtime_s = member->mtime_s,
    };

    sight.member = (struct store_member){
        .at      = { sight.volume, s->segment, at + STORE_TAR_BLOCK, member->bytes },
        .segment = s->segment,
        .offset  = at + STORE_TAR_BLOCK,
        .end     = sight.to,
        .state   = member->state,
        .record  = member->record,
    };
    memcpy(sight.member.digest, member->digest, sizeof sight.member.digest);
    if (member->ours) {
        store_tar_head(member, again);
        sight.exact = memcmp(again, block, sizeof again) == 0;
        if (member->large && member->state != STORE_REMOVED) {
            sight.names = names_of(s, at, member, &sight.member.at);
            if (!sight.names)
                sight.member.at.file = STORE_FILE_LARGE;
        }
    }
    return s->each(s->ctx, &sight, err);
}

static int tell_gap(const struct survey *s, uint64_t from, uint64_t to, bool is_tail,
                    struct iso_err *err)
{
    const struct store_sight sight = { .kind    = is_tail ? STORE_SIGHT_TAIL : STORE_SIGHT_GAP,
                                       .volume  = s->volume->config.number,
                                       .segment = s->segment,
                                       .from    = from,
                                       .to      = to,
                                       .fd      = s->fd };

    return s->each(s->ctx, &sight, err);
}

static int survey_segment(struct survey *s, uint64_t at, bool newest, struct iso_err *err)
{
    int rc = ISO_OK;

    while (at < s->bytes && rc >= 0) {
        uint8_t                 block[STORE_TAR_BLOCK];
        struct store_tar_member member;
        uint64_t                next;
        bool                    zeros;
        int64_t                 got = os_read_at(s->fd, block, sizeof block, at, err);

        if (got < 0)
            return (int)got;
        if (got == sizeof block && is_member(s, block, at, &member)) {
            rc = tell_member(s, at, block, &member, err);
            at += STORE_TAR_BLOCK + store_tar_padded(member.bytes);
            continue;
        }
        rc = search(s, at, &next, &zeros, err);
        if (rc >= 0 && !(next == s->bytes && zeros)) /* zeros at the end belong to a tar file */
            rc = tell_gap(s, at, next, newest && next == s->bytes, err);
        at = next;
    }
    return rc;
}

int store_survey(struct store *store, uint32_t volume, uint64_t segment, uint64_t offset,
                 int (*each)(void *ctx, const struct store_sight *sight, struct iso_err *err),
                 void *ctx, struct iso_err *err)
{
    struct survey s = { .volume = store_volume_find(store, volume), .each = each, .ctx = ctx };
    uint64_t      first;
    uint64_t      last;
    int           rc = ISO_OK;

    if (s.volume == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", volume);
    if (s.volume->config.kind != STORE_SEGMENTS)
        return ISO_OK;
    rc = store_segments(s.volume, &first, &last, err);
    for (uint64_t n = segment > first ? segment : first; n != 0 && n <= last && rc >= 0; n++) {
        struct os_stat st;

        rc = store_file_open(s.volume, n, &s.fd, err);
        if (rc == ISO_ENOENT) { /* a number that was never used */
            rc = ISO_OK;
            continue;
        }
        if (rc < 0)
            break;
        rc        = os_stat_fd(s.fd, &st, err);
        s.segment = n;
        s.bytes   = st.bytes;
        if (rc >= 0)
            rc = survey_segment(&s, n == segment ? offset : 0, n == last, err);
        os_close(s.fd);
    }
    return rc;
}

int store_survey_bytes(struct store *store, uint32_t volume, uint64_t segment, uint64_t offset,
                       uint64_t *bytes, struct iso_err *err)
{
    struct store_volume *v   = store_volume_find(store, volume);
    uint64_t             sum = 0;
    uint64_t             first;
    uint64_t             last;
    int                  rc = ISO_OK;

    if (v == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", volume);
    if (v->config.kind == STORE_SEGMENTS) {
        rc = store_segments(v, &first, &last, err);
        for (uint64_t n = segment > first ? segment : first; n != 0 && n <= last && rc >= 0; n++) {
            char           name[STORE_NAME_BYTES];
            struct os_stat st;

            store_segment_name(n, name);
            rc = os_stat(v->seg, name, &st, err);
            if (rc >= 0)
                sum += n == segment && offset < st.bytes ? st.bytes - offset : st.bytes;
            else if (rc == ISO_ENOENT)
                rc = ISO_OK;
        }
    }
    if (rc >= 0)
        *bytes = sum;
    return rc;
}

/* ---- files ---- */

struct listing {
    struct store_volume *volume;
    enum store_folder    folder;
    const char          *sub; /* of large: its folder of two digits */
    int (*each)(void *ctx, const struct store_entry *entry, struct iso_err *err);
    void *ctx;
};

static bool number_of(iso_str hex, uint64_t *number)
{
    uint8_t bytes[8];

    if (!iso_unhex(hex, bytes, sizeof bytes))
        return false;
    *number = STORE_FILE_LARGE;
    for (size_t i = 0; i < sizeof bytes; i++)
        *number |= (uint64_t)bytes[i] << (56 - 8 * i);
    return true;
}

static bool is_ours(const struct listing *l, const char *name, uint64_t *number)
{
    char    canonical[STORE_NAME_BYTES];
    iso_str text = iso_str_c(name);

    if (l->folder == STORE_IN_TMP)
        return number_of(text, number);
    if (l->folder == STORE_IN_SEG) {
        if (!iso_str_ends(text, ISO_STR(".tar")) ||
            !iso_str_to_u64(iso_str_sub(text, 0, text.len - 4), number))
            return false;
        store_segment_name(*number, canonical);
        return strcmp(canonical, name) == 0;
    }
    if (!iso_str_ends(text, ISO_STR(".dcm")) ||
        !number_of(iso_str_sub(text, 0, text.len - 4), number))
        return false;
    char inside[2 * STORE_NAME_BYTES];
    store_large_name(*number, canonical);
    (void)snprintf(inside, sizeof inside, "%.2s/%.32s", l->sub, name);
    return strcmp(canonical, inside) == 0;
}

static int list_entry(void *ctx, const char *name, struct iso_err *err)
{
    const struct listing    *l      = ctx;
    const int                folder = l->folder == STORE_IN_SEG   ? l->volume->seg
                                      : l->folder == STORE_IN_TMP ? l->volume->tmp
                                                                  : l->volume->large;
    static const char *const base[] = { "seg", "large", "tmp" };
    char                     inside[512];
    char                     full[576];
    struct os_stat           st;

    if (strlen(name) > 255)
        return ISO_OK;
    (void)snprintf(inside, sizeof inside, "%s%s%s", l->sub != NULL ? l->sub : "",
                   l->sub != NULL ? "/" : "", name);
    (void)snprintf(full, sizeof full, "%s/%s", base[l->folder], inside);
    int rc = os_stat(folder, inside, &st, err);
    if (rc < 0)
        return rc == ISO_ENOENT ? ISO_OK : rc; /* gone meanwhile */
    if (st.is_folder && l->folder == STORE_IN_LARGE && l->sub == NULL) {
        struct listing below = *l;

        below.sub = name;
        return os_list(l->volume->large, name, list_entry, &below, err);
    }
    struct store_entry entry = {
        .folder = l->folder, .name = full, .bytes = st.bytes, .mtime_s = st.mtime_s
    };
    entry.ours = st.is_file && (l->folder != STORE_IN_LARGE || l->sub != NULL) &&
                 is_ours(l, name, &entry.number);
    return l->each(l->ctx, &entry, err);
}

int store_entries(struct store *store, uint32_t volume, enum store_folder folder,
                  int (*each)(void *ctx, const struct store_entry *entry, struct iso_err *err),
                  void *ctx, struct iso_err *err)
{
    static const char *const base[] = { "seg", "large", "tmp" };
    struct listing           l      = {
                       .volume = store_volume_find(store, volume), .folder = folder, .each = each, .ctx = ctx
    };

    if (l.volume == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", volume);
    if (l.volume->config.kind != STORE_SEGMENTS)
        return ISO_OK;
    return os_list(l.volume->config.folder, base[folder], list_entry, &l, err);
}

int store_set_aside(struct store *store, uint32_t volume, const char *name, struct iso_err *err)
{
    struct store_volume *v     = store_volume_find(store, volume);
    const char          *slash = strrchr(name, '/');
    struct os_stat       st;
    int                  stray = -1;
    int                  from  = -1;
    char                 folder[256];
    int                  rc;

    if (v == NULL || slash == NULL || (size_t)(slash - name) >= sizeof folder)
        return iso_fail(err, ISO_EINVAL, "not a file of a volume: %s", name);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
    rc = os_make_folder(v->config.folder, "stray", err);
    if (rc >= 0)
        rc = os_open(v->config.folder, "stray", OS_FOLDER, &stray, err);
    if (rc >= 0)
        rc = os_open(v->config.folder, folder, OS_FOLDER, &from, err);
    if (rc >= 0 && os_stat(stray, slash + 1, &st, NULL) >= 0)
        rc = iso_fail(err, ISO_EEXIST, "stray/%s is there already", slash + 1);
    if (rc >= 0)
        rc = os_rename(from, slash + 1, stray, slash + 1, err);
    if (rc >= 0)
        rc = os_sync_folder(stray, err);
    if (rc >= 0)
        rc = os_sync_folder(from, err);
    os_close(from);
    os_close(stray);
    return rc;
}

bool store_survey_journal(const struct store_location *of, struct store_location *journal)
{
    *journal = (struct store_location){ .volume = of->volume };
    return (of->file & STORE_FILE_LARGE) != 0 &&
           store_journal_of(of, &journal->file, &journal->offset);
}

bool store_survey_under_way(struct store *store, const struct store_location *at)
{
    struct store_volume *v = store_volume_find(store, at->volume);
    struct os_stat       st;
    char                 name[STORE_NAME_BYTES];

    store_temporary_name(at->file, name);
    return v != NULL && os_stat(v->tmp, name, &st, NULL) >= 0;
}

int store_raw_open(struct store *store, const struct store_location *at, int *fd, uint64_t *bytes,
                   struct iso_err *err)
{
    struct store_volume *v = store_volume_find(store, at->volume);
    struct os_stat       st;

    if (v == NULL)
        return iso_fail(err, ISO_ENOENT, "there is no volume %u", at->volume);
    int rc = store_file_open(v, at->file, fd, err);
    if (rc < 0)
        return rc;
    rc = os_stat_fd(*fd, &st, err);
    if (rc < 0)
        os_close(*fd);
    else
        *bytes = st.bytes;
    return rc;
}

int store_mend_head(struct store *store, uint32_t volume, uint64_t segment, uint64_t content_offset,
                    const struct store_tar_member *member, struct iso_err *err)
{
    struct store_volume *v = store_volume_find(store, volume);
    uint8_t              block[STORE_TAR_BLOCK];
    char                 name[STORE_NAME_BYTES];
    int                  fd;

    if (v == NULL || content_offset < STORE_TAR_BLOCK)
        return iso_fail(err, ISO_EINVAL, "not the place of an object");
    store_segment_name(segment, name);
    int rc = os_stat(v->seg, name, &(struct os_stat){ 0 }, err);
    if (rc >= 0)
        rc = os_open(v->seg, name, OS_WRITE, &fd, err);
    if (rc < 0)
        return rc;
    store_tar_head(member, block);
    rc = os_write_at(fd, block, sizeof block, content_offset - STORE_TAR_BLOCK, err);
    if (rc >= 0)
        rc = store_flush(v, fd, err);
    os_close(fd);
    return rc;
}

int store_fill_hole(struct store *store, uint32_t volume, uint64_t segment, uint64_t from,
                    uint64_t to, struct iso_err *err)
{
    struct store_volume    *v      = store_volume_find(store, volume);
    struct store_tar_member member = { .state = STORE_REMOVED, .ours = true };
    uint8_t                 block[STORE_TAR_BLOCK];
    char                    name[STORE_NAME_BYTES];
    int                     fd;

    if (v == NULL || from % STORE_TAR_BLOCK != 0 || to % STORE_TAR_BLOCK != 0 || from >= to)
        return iso_fail(err, ISO_EINVAL, "no hole in a segment");
    store_segment_name(segment, name);
    int rc = os_open(v->seg, name, OS_WRITE, &fd, err);
    if (rc < 0)
        return rc;
    member.bytes = to - from - STORE_TAR_BLOCK;
    store_tar_head(&member, block);
    rc = os_truncate(fd, to, err);
    if (rc >= 0)
        rc = os_write_at(fd, block, sizeof block, from, err);
    if (rc >= 0)
        rc = store_flush(v, fd, err);
    if (rc >= 0)
        rc = store_flush_folder(v, v->seg, err);
    os_close(fd);
    return rc;
}
