/* Segments, volumes, the low mark and recovery from it, without an index: what it would know is played
 * here. */
#include "test.h"

#include "iso_hash.h"
#include "os_file.h"
#include "store_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INLINE_BYTES = 64 << 10, SEGMENT_BYTES = 1 << 20 };

struct folders {
    char path[64];
    int  fd[2];
};

static int setup_in(void **state, const char *where)
{
    struct folders *f = calloc(1, sizeof *f);
    struct iso_err  err;

    (void)snprintf(f->path, sizeof f->path, "%s/store-XXXXXX", where);
    if (mkdtemp(f->path) == NULL)
        return -1;
    for (int i = 0; i < 2; i++) {
        char name[96];

        (void)snprintf(name, sizeof name, "%s/%d", f->path, i);
        if (os_make_folder(OS_CWD, name, &err) < 0 ||
            os_open(OS_CWD, name, OS_FOLDER, &f->fd[i], &err) < 0)
            return -1;
    }
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_in(state, "/dev/shm");
}

/* Where the system's cache can be gone past. */
static int setup_on_disk(void **state)
{
    return setup_in(state, "/var/tmp");
}

static int teardown(void **state)
{
    struct folders *f = *state;
    char            command[128];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    os_close(f->fd[0]);
    os_close(f->fd[1]);
    free(f);
    return system(command);
}

/* @ is the folder. */
static void shell(const char *text, const struct folders *f)
{
    char   command[1024];
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (*text == '@') {
            memcpy(command + n, f->path, strlen(f->path));
            n += strlen(f->path);
        } else {
            command[n++] = *text;
        }
        assert_true(n + sizeof f->path < sizeof command);
    }
    command[n] = '\0';
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static struct store *open_store(const struct folders *f)
{
    const struct store_config config = { .folder            = f->fd[0],
                                         .segment_bytes     = SEGMENT_BYTES,
                                         .inline_bytes_max  = INLINE_BYTES,
                                         .receive_bytes_max = 8 << 20,
                                         .direct_bytes_min  = 4096 };
    struct store             *store  = NULL;
    struct iso_err            err;

    assert_int_equal(store_open(&config, &store, &err), ISO_OK);
    return store;
}

static void add_volume(struct store *store, const struct folders *f, int which, uint64_t stop,
                       uint64_t low_file, uint64_t low_offset)
{
    const struct store_volume_config config = { .number          = (uint32_t)which + 1,
                                                .folder          = f->fd[which],
                                                .stop_free_bytes = stop,
                                                .warn_free_bytes = 1,
                                                .low_file        = low_file,
                                                .low_offset      = low_offset };
    struct iso_err                   err;

    if (store_volume_add(store, &config, &err) < 0)
        fail_msg("%s", err.text);
}

/* Objects of `bytes`, all of them `fill`; the digest is made of both. */
static void digest_of(int fill, uint8_t digest[STORE_DIGEST_BYTES])
{
    memset(digest, fill, STORE_DIGEST_BYTES);
}

static int put(struct store *store, int fill, size_t bytes, struct store_location *at,
               struct iso_err *err)
{
    struct store_record record = { .stored_us = 1000 + fill, .from = "SENDER" };
    struct store_blob  *blob   = NULL;
    uint8_t             digest[STORE_DIGEST_BYTES];
    uint8_t            *content = malloc(bytes);
    int                 rc      = store_begin(store, &blob, err);

    memset(content, fill, bytes);
    digest_of(fill, digest);
    if (rc >= 0)
        rc = store_add(blob, content, bytes, err);
    if (rc >= 0)
        rc = store_commit(&blob, digest, &record, at, err);
    store_abort(blob);
    free(content);
    return rc;
}

static struct store_location put_one(struct store *store, int fill, size_t bytes)
{
    struct store_location at  = { 0 };
    struct iso_err        err = { 0 };

    if (put(store, fill, bytes, &at, &err) < 0)
        fail_msg("not stored: %s", err.text);
    return at;
}

static bool is_there(struct store *store, const struct store_location *at, int fill)
{
    uint8_t           digest[STORE_DIGEST_BYTES];
    uint8_t           byte = 0;
    struct store_pin *pin  = NULL;
    int               fd;
    struct iso_err    err;

    digest_of(fill, digest);
    if (store_read_open(store, at, digest, &fd, &pin, &err) < 0)
        return false;
    uint64_t last = store_content_offset(at) + at->length - 1;
    bool     same = os_read_exact_at(fd, &byte, 1, last, &err) >= 0 && byte == fill;
    store_read_close(pin);
    return same;
}

/* ---- the low mark ---- */

static void the_low_mark_waits_for_the_slowest(void **state)
{
    enum { N = 1000 };
    static struct store_location at[N];
    struct store                *store = open_store(*state);
    uint64_t                     file;
    uint64_t                     offset;

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < N; i++)
        at[i] = put_one(store, i % 250 + 1, i % 100 == 7 ? 2 * (size_t)INLINE_BYTES : 3000);
    store_low(store, 1, &file, &offset);
    assert_int_equal(file, 1);
    assert_int_equal(offset, 0);
    for (int i = N - 1; i > 0; i--) { /* all but the first, in the wrong order */
        store_settle(store, &at[i]);
        if (i % 250 == 1) {
            store_low(store, 1, &file, &offset);
            assert_int_equal(file, 1);
            assert_int_equal(offset, 0);
        }
    }
    store_settle(store, &at[0]);
    store_low(store, 1, &file, &offset);
    assert_in_range(file, 3, 10); /* beyond all of them */
    assert_true(file > at[N - 1].file || offset > at[N - 1].offset);
    store_settle(store, &at[0]); /* twice is nothing */
    store_close(store);
}

static void what_is_discarded_waits_for_nobody(void **state)
{
    struct store         *store = open_store(*state);
    struct store_location at;
    uint64_t              file;
    uint64_t              offset;

    add_volume(store, *state, 0, 0, 0, 0);
    for (int large = 0; large < 2; large++) {
        at = put_one(store, 5, large ? 3 * (size_t)INLINE_BYTES : 1000);
        store_discard(store, &at);
        assert_false(is_there(store, &at, 5));
    }
    store_low(store, 1, &file, &offset);
    assert_true(offset > 1000);
    store_close(store);
    shell("test $(tar tf '@/0/seg/00000001.tar' | grep -c '^removed/') = 2", *state);
    shell("test -z \"$(find '@/0/tmp' '@/0/large' -type f)\"", *state);
}

/* ---- past the system's cache ---- */

static bool is_whole(struct store *store, const struct store_location *at, int fill)
{
    static uint8_t    content[INLINE_BYTES];
    uint8_t           digest[STORE_DIGEST_BYTES];
    struct store_pin *pin  = NULL;
    size_t            same = 0;
    struct iso_err    err;
    int               fd;

    digest_of(fill, digest);
    if (store_read_open(store, at, digest, &fd, &pin, &err) < 0)
        return false;
    if (os_read_exact_at(fd, content, (size_t)at->length, at->offset, &err) >= 0)
        while (same < at->length && content[same] == fill)
            same++;
    store_read_close(pin);
    return same == at->length;
}

/* Sizes that end anywhere in a block, small ones with zeros behind them between; each is read as soon as it
 * is there, so that the cache knows what will be written around, and some are removed again. */
static void both_ways_of_writing_are_one_file(void **state)
{
    enum { N = 200 };
    static struct store_location at[N];
    struct store                *store  = open_store(*state);
    unsigned                     random = 1;
    int                          whole  = 0;
    struct iso_err               err;

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < N; i++) {
        const unsigned max = i % 3 == 0 ? 3000 : INLINE_BYTES - 1;

        random = random * 1103515245 + 12345;
        at[i]  = put_one(store, i + 1, 1 + random / 65536 % max);
        assert_true(is_whole(store, &at[i], i + 1));
        if (i % 5 == 4)
            assert_int_equal(store_remove(store, &at[i - (int)(random / 65536 % 3)], &err), ISO_OK);
    }
    if (store->volume[0]->buffered)
        print_message("/var/tmp takes no writes past the cache\n");
    store_close(store);
    store = open_store(*state);
    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < N; i++)
        whole += is_whole(store, &at[i], i + 1);
    assert_int_equal(whole, N - N / 5);
    store_close(store);
    shell("for t in '@'/0/seg/*.tar; do tar tf $t; done >'@/list'; test $(wc -l <'@/list') = 200",
          *state);
    shell("test $(grep -c '^removed/' '@/list') = 40", *state);
}

/* ---- volumes ---- */

static void the_next_volume_takes_over(void **state)
{
    struct store            *store = open_store(*state);
    struct store_volume_info info[STORE_VOLUMES_MAX];
    struct store_location    a;
    struct store_location    b;
    struct store_location    c;
    size_t                   count;
    struct iso_err           err;

    add_volume(store, *state, 0, 0, 0, 0);
    add_volume(store, *state, 1, 0, 0, 0);
    a = put_one(store, 1, 1000);
    assert_int_equal(a.volume, 1);
    store->volume[0]->config.stop_free_bytes = UINT64_MAX; /* now it is full */
    atomic_store(&store->volume[0]->space_at, -STORE_SPACE_MS);
    b = put_one(store, 2, 1000);
    c = put_one(store, 3, 3 * (size_t)INLINE_BYTES);
    assert_int_equal(b.volume, 2);
    assert_int_equal(c.volume, 2);
    assert_int_equal(store_volumes(store, info, &count, &err), ISO_OK);
    assert_int_equal(count, 2);
    assert_true(info[0].full && !info[1].full && !info[0].failed);
    atomic_store(&store->volume[1]->failed, true); /* its disk has died */
    assert_int_equal(put(store, 4, 1000, &a, &err), ISO_ENOSPC);
    assert_true(store_writable(store));
    store->volume[0]->config.stop_free_bytes = 0; /* room again */
    a                                        = put_one(store, 4, 1000);
    assert_int_equal(a.volume, 1);
    assert_true(is_there(store, &b, 2)); /* reading goes on */
    assert_true(is_there(store, &c, 3));
    atomic_store(&store->volume[0]->failed, true);
    assert_int_equal(put(store, 4, 1000, &a, &err), ISO_EIO);
    assert_false(store_writable(store));
    store_close(store);
}

/* The write itself fails on the first volume: the object goes to the second. */
static void a_failed_write_goes_elsewhere(void **state)
{
    struct store         *store = open_store(*state);
    struct store_location at;

    add_volume(store, *state, 0, 0, 0, 0);
    add_volume(store, *state, 1, 0, 0, 0);
    os_close(store->volume[0]->segment);
    assert_int_equal(os_open(OS_CWD, "/dev/full", OS_WRITE_OLD, &store->volume[0]->segment, NULL),
                     ISO_OK);
    at = put_one(store, 9, 5000);
    assert_int_equal(at.volume, 2);
    assert_true(is_there(store, &at, 9));
    store_close(store);
}

static void a_volume_knows_itself(void **state)
{
    struct folders       *f   = *state;
    struct store_identity one = { .number = 7, .kind = STORE_SEGMENTS };
    struct store_identity two;
    struct iso_err        err;

    assert_int_equal(store_identity_read(f->fd[0], &two, &err), ISO_ENOENT);
    assert_int_equal(store_identity_make(f->fd[0], &one, &err), ISO_OK);
    assert_int_equal(strlen(one.uuid), STORE_UUID_BYTES - 1);
    assert_int_equal(store_identity_make(f->fd[0], &one, &err), ISO_EEXIST);
    assert_int_equal(store_identity_read(f->fd[0], &two, &err), ISO_OK);
    assert_int_equal(two.number, 7);
    assert_string_equal(two.uuid, one.uuid);
    shell("truncate -s 50 '@/0/volume.json'", f);
    assert_int_equal(store_identity_read(f->fd[0], &two, &err), ISO_EFORMAT);
    shell("echo '{\"number\":0,\"uuid\":\"x\",\"kind\":\"odd\"}' > '@/0/volume.json'", f);
    assert_int_equal(store_identity_read(f->fd[0], &two, &err), ISO_EFORMAT);
}

static void nobody_else_gets_the_folder(void **state)
{
    struct folders           *f      = *state;
    struct store             *store  = open_store(f);
    const struct store_config config = { .folder = f->fd[0] };
    struct store             *other;
    struct iso_err            err;
    int                       again;

    assert_int_equal(os_open(f->fd[0], ".", OS_FOLDER, &again, &err), ISO_OK);
    struct store_config same = config;
    same.folder              = again;
    assert_int_equal(store_open(&same, &other, &err), ISO_EBUSY);
    os_close(again);
    store_close(store);
}

/* ---- members and recovery ---- */

struct seen {
    int      count;
    int      fill[64];
    bool     from_record;
    int      asked;
    uint64_t known_end;
};

static int see(void *ctx, const struct store_member *m, struct iso_err *err)
{
    struct seen *s = ctx;

    (void)err;
    s->fill[s->count++] = m->state == STORE_LIVE ? m->digest[0] : -m->digest[0];
    s->from_record      = strcmp(m->record.from, "SENDER") == 0 &&
                     m->record.stored_us == 1000 + m->digest[0] && m->record.has_crc;
    return ISO_OK;
}

static void the_walk_sees_every_member(void **state)
{
    struct store         *store = open_store(*state);
    struct store_location at[4];
    struct seen           seen = { 0 };
    struct iso_err        err;
    bool                  torn;

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < 4; i++)
        at[i] = put_one(store, i + 1, i == 2 ? 3 * (size_t)INLINE_BYTES : 2000);
    assert_int_equal(store_keep(store, &at[1], true, &err), ISO_OK);
    assert_int_equal(store_keep(store, &at[1], true, &err), ISO_OK);
    assert_true(is_there(store, &at[1], 2)); /* kept is readable */
    assert_int_equal(store_remove(store, &at[3], &err), ISO_OK);
    assert_int_equal(store_walk(store, 1, 0, 0, see, &seen, &torn, &err), ISO_OK);
    assert_false(torn);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.fill[0], 1);
    assert_int_equal(seen.fill[1], -2);
    assert_int_equal(seen.fill[2], 3);
    assert_int_equal(seen.fill[3], -4);
    assert_true(seen.from_record);
    assert_int_equal(store_keep(store, &at[1], false, &err), ISO_OK);
    assert_int_equal(store_keep(store, &at[2], true, &err), ISO_OK);
    assert_int_equal(store_keep(store, &at[3], true, &err), ISO_ENOENT);
    seen = (struct seen){ 0 };
    assert_int_equal(
        store_walk(store, 1, 1, at[1].offset - STORE_TAR_BLOCK, see, &seen, NULL, &err), ISO_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.fill[0], 2);
    assert_int_equal(seen.fill[1], -3);
    store_close(store);
    shell("tar tf '@/0/seg/00000001.tar' | grep -q '^kept/large/0303'", *state);
}

static int known_end(void *ctx, uint32_t volume, uint64_t file, uint64_t *end, struct iso_err *err)
{
    (void)volume;
    (void)file;
    (void)err;
    *end = ((struct seen *)ctx)->known_end;
    return ISO_OK;
}

static int known_file(void *ctx, uint32_t volume, uint64_t file, bool *known, struct iso_err *err)
{
    (void)ctx;
    (void)volume;
    (void)file;
    (void)err;
    *known = false;
    return ISO_OK;
}

/* Fill 9 is bad and goes; the rest is adopted. */
static int judge(void *ctx, const struct store_member *m, enum store_verdict *verdict,
                 struct iso_err *err)
{
    struct seen *s = ctx;

    (void)err;
    s->fill[s->asked++] = m->digest[0];
    *verdict            = m->digest[0] == 9 ? STORE_DROP : STORE_ADOPT;
    return ISO_OK;
}

static void recover(struct store *store, struct seen *seen)
{
    const struct store_recovery how = {
        .known_end = known_end, .member = judge, .known_file = known_file, .ctx = seen
    };
    struct iso_err err;

    if (store_recover(store, &how, &err) < 0)
        fail_msg("%s", err.text);
}

static void recovery_begins_at_the_low_mark(void **state)
{
    struct store         *store = open_store(*state);
    struct store_location at[5];
    struct seen           seen = { 0 };
    uint64_t              file;
    uint64_t              offset;

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < 5; i++)
        at[i] = put_one(store, i == 3 ? 9 : i + 1, i == 2 ? 3 * (size_t)INLINE_BYTES : 2000);
    store_settle(store, &at[0]);
    store_settle(store, &at[1]);
    store_settle(store, &at[4]);
    store_low(store, 1, &file, &offset);
    store_close(store); /* as if it had been killed: three and four are not settled */
    shell("head -c 700 '@/0/seg/00000001.tar' > '@/tail'", *state);
    shell("cat '@/tail' >> '@/0/seg/00000001.tar'", *state);
    store = open_store(*state);
    add_volume(store, *state, 0, 0, file, offset);
    recover(store, &seen);
    assert_int_equal(seen.asked, 3); /* not the first two */
    assert_int_equal(seen.fill[0], 3);
    assert_int_equal(seen.fill[1], 9);
    assert_int_equal(seen.fill[2], 5);
    assert_false(is_there(store, &at[3], 9));
    assert_true(is_there(store, &at[4], 5));
    struct store_location next = put_one(store, 6, 100); /* where the torn tail was */
    assert_int_equal(next.offset, at[4].offset + store_tar_padded(2000) + STORE_TAR_BLOCK);
    store_close(store);
    shell("test $(tar tf '@/0/seg/00000001.tar' | wc -l) = 6", *state);
}

/* A head that the index knows objects behind is damage, and no torn tail. */
static void known_objects_are_never_cut(void **state)
{
    struct store         *store = open_store(*state);
    struct store_location at[3];
    struct seen           seen = { 0 };

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < 3; i++)
        at[i] = put_one(store, i + 1, 2000);
    store_close(store);
    shell("printf X | dd of='@/0/seg/00000001.tar' bs=1 seek=2570 conv=notrunc 2>/dev/null",
          *state); /* in the head of the second */
    store          = open_store(*state);
    seen.known_end = at[2].offset + at[2].length;
    add_volume(store, *state, 0, 0, 0, 0);
    recover(store, &seen);
    assert_true(is_there(store, &at[2], 3));
    struct store_location next = put_one(store, 4, 100);
    assert_true(next.offset > at[2].offset);
    store_close(store);
}

static void a_missing_segment_is_said_out_loud(void **state)
{
    const struct store_recovery how   = { .known_end  = known_end,
                                          .member     = judge,
                                          .known_file = known_file };
    struct store               *store = open_store(*state);
    struct iso_err              err;

    add_volume(store, *state, 0, 0, 4, 512);
    assert_int_equal(store_recover(store, &how, &err), ISO_EFORMAT);
    assert_non_null(strstr(err.text, "segment 4 is missing"));
    store_close(store);
}

/* Zeros ahead of the end are no part of a closed segment, nor of one at rest. */
static void segments_end_where_their_members_end(void **state)
{
    struct store *store  = open_store(*state);
    uint64_t      end[3] = { 0 };

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < 700; i++) {
        struct store_location at = put_one(store, 1, 1600);
        assert_in_range(at.file, 1, 2);
        end[at.file] = at.offset + store_tar_padded(1600);
    }
    store_close(store);
    struct folders *f = *state;
    struct os_stat  st;
    struct iso_err  err;
    assert_int_equal(os_stat(f->fd[0], "seg/00000001.tar", &st, &err), ISO_OK);
    assert_int_equal(st.bytes, end[1] + 2 * STORE_TAR_BLOCK);
    assert_int_equal(os_stat(f->fd[0], "seg/00000002.tar", &st, &err), ISO_OK);
    assert_int_equal(st.bytes, end[2]);
    shell("for t in '@'/0/seg/*.tar; do tar tf $t > /dev/null || exit 1; done", f);
}

/* ---- without waiting ---- */

struct answer {
    atomic_int            done;
    int                   rc;
    struct store_location at;
};

static void answered(void *ctx, int rc, const struct store_location *at, const struct iso_err *why)
{
    struct answer *a = ctx;

    (void)why;
    a->rc = rc;
    a->at = *at;
    atomic_fetch_add(&a->done, 1);
}

static void commits_can_be_posted(void **state)
{
    enum { N = 40 };
    struct store       *store     = open_store(*state);
    struct answer       answer[N] = { 0 };
    struct store_record record    = { .stored_us = 5 };
    struct iso_err      err;
    uint8_t             digest[STORE_DIGEST_BYTES];
    static uint8_t      content[3 * INLINE_BYTES];

    add_volume(store, *state, 0, 0, 0, 0);
    for (int i = 0; i < N; i++) {
        struct store_blob *blob = NULL;

        memset(content, i + 1, sizeof content);
        digest_of(i + 1, digest);
        assert_int_equal(store_begin(store, &blob, &err), ISO_OK);
        assert_int_equal(store_add(blob, content, i % 9 == 4 ? sizeof content : 1000, &err),
                         ISO_OK);
        store_commit_post(blob, digest, &record, answered, &answer[i]);
    }
    for (int i = 0; i < N; i++) {
        for (int waits = 0; atomic_load(&answer[i].done) == 0 && waits < 10000; waits++)
            (void)usleep(1000);
        assert_int_equal(atomic_load(&answer[i].done), 1);
        assert_int_equal(answer[i].rc, ISO_OK);
        assert_true(is_there(store, &answer[i].at, i + 1));
        store_settle(store, &answer[i].at);
    }
    store_close(store);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_low_mark_waits_for_the_slowest),
        CASE(what_is_discarded_waits_for_nobody),
        cmocka_unit_test_setup_teardown(both_ways_of_writing_are_one_file, setup_on_disk, teardown),
        CASE(the_next_volume_takes_over),
        CASE(a_failed_write_goes_elsewhere),
        CASE(a_volume_knows_itself),
        CASE(nobody_else_gets_the_folder),
        CASE(the_walk_sees_every_member),
        CASE(recovery_begins_at_the_low_mark),
        CASE(known_objects_are_never_cut),
        CASE(a_missing_segment_is_said_out_loud),
        CASE(segments_end_where_their_members_end),
        CASE(commits_can_be_posted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
