/* fault_work.c: see fault_work.h. */
#include "fault_work.h"

#include "arc_make.h"
#include "arc_in.h"
#include "arc_recode.h"
#include "arc_removed.h"
#include "arc_settle.h"
#include "fault_tar.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"

#include <sqlite3.h>

#define RLE "1.2.840.10008.1.2.5"

enum {
    SEGMENT_BYTES = 64 << 10, /* a few objects */
    INLINE_BYTES  = 96 << 10,
    DIRECT_BYTES  = 8 << 10, /* some go past the system's cache, some through it */
    THREADS       = 3,
    VERSIONS      = 4
};

void work_ledger_init(struct work_ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    for (int i = 0; i < WORK_OBJECTS; i++)
        ledger->may[i] = ledger->before[i] = WORK_ABSENT;
}

/* ---- what is stored ---- */

static void sop_of(int number, char sop[64])
{
    (void)snprintf(sop, 64, "1.2.826.0.7.%d", number);
}

/* Every fifth is larger than what goes into a segment; some versions change sides. */
static void object_of(int number, int version, struct iso_buf *out)
{
    char        sop[64];
    char        series[64];
    const bool  large = (number + version) % 5 == 4;
    struct make m     = { .patient_name = "Fault^Test", .patient_id = "F1", .sop = sop };

    sop_of(number, sop);
    (void)snprintf(series, sizeof series, "1.2.826.0.8.%d", number % 3);
    m.study  = "1.2.826.0.8";
    m.series = series;
    m.number = number;
    m.rows   = large ? 230 + number
                     : 8 + (number * 13 + version * 5) % 80; /* 105 kB and up; below 16 kB */
    m.fill   = (uint8_t)(number * 7 + version);
    make_object(&m, out);
}

static struct arc *archive_open(const char *folder, bool grace, struct iso_err *err)
{
    struct arc_config config;
    struct arc       *arc = NULL;

    arc_config_init(&config);
    config.folder           = folder;
    config.on_conflict      = ARC_REPLACE;
    config.segment_bytes    = SEGMENT_BYTES;
    config.inline_bytes_max = INLINE_BYTES;
    config.direct_bytes_min = DIRECT_BYTES;
    config.free_bytes_min   = 0;
    config.removal_grace_s  = grace ? 3600 : 0;
    return arc_open(&config, &arc, err) < 0 ? NULL : arc;
}

/* ---- the workload ---- */

static bool is_clean(int code)
{
    return code == ISO_ENOSPC || code == ISO_EIO || code == ISO_EBUSY || code == ISO_ENOMEM;
}

/* The thread whose flush it was has a moment to say so. */
static bool flush_failed(const struct work *work)
{
    if (work->flush_failed == NULL || !work->flush_failed())
        return false;
    os_sleep_ms(5);
    return true;
}

static bool index_flush_failed(const struct work *work)
{
    return work->index_flush_failed != NULL && work->index_flush_failed();
}

static void answered(const struct work *work, const char *what, int number, bool flushless, int rc,
                     const struct iso_err *err)
{
    struct work_ledger *l = work->ledger;

    if (rc >= 0) {
        l->acknowledged++;
        if (flushless) {
            l->after_flush++;
            (void)snprintf(l->why, sizeof l->why, "%s %d acknowledged after a flush had failed",
                           what, number);
        }
        return;
    }
    l->failed++;
    if (work->heal == NULL || !is_clean(rc)) {
        l->unclean++;
        (void)snprintf(l->why, sizeof l->why, "%s: %s", iso_code_name(rc), err->text);
    }
}

static int store(const struct work *work, struct arc *arc, int number, int version)
{
    uint32_t          *may    = &work->ledger->may[number];
    const bool         broken = flush_failed(work);
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };
    struct iso_buf     object;
    char               sop[64];

    sop_of(number, sop);
    object_of(number, version, &object);
    *may |= 1u << version;
    int rc = make_store(arc, iso_buf_bytes(&object), sop, &receipt, &err);
    if (rc >= 0)
        *may = 1u << version;
    answered(work, "store", number, broken && rc >= 0 && receipt.outcome != ARC_ALREADY, rc, &err);
    iso_buf_release(&object);
    return rc;
}

/* True: it was there, and is acknowledged to be gone. */
static bool take_away(const struct work *work, struct arc *arc, int number)
{
    uint32_t      *may    = &work->ledger->may[number];
    const bool     broken = index_flush_failed(work); /* all that it needs */
    struct iso_err err    = { 0 };
    uint64_t       removed;
    char           sop[64];

    sop_of(number, sop);
    const iso_str              uid[]     = { iso_str_c(sop) };
    const struct arc_selection selection = { .sop_instance_uids = uid, .instance_count = 1 };
    *may |= WORK_ABSENT;
    int        rc   = arc_remove(arc, &selection, &removed, &err);
    const bool gone = rc >= 0 && removed > 0;
    if (gone) /* else there was nothing yet of one that failed to be stored */
        *may = WORK_ABSENT;
    answered(work, "remove", number, broken && gone, rc, &err);
    return gone;
}

/* What was removed with a grace period is stored again: version 1 of each. */
static void have_back(const struct work *work, struct arc *arc, const int *number, const bool *gone,
                      int count)
{
    const bool            broken = index_flush_failed(work);
    struct arc_taken_back back   = { 0 };
    struct iso_err        err    = { 0 };

    for (int i = 0; i < count; i++)
        work->ledger->may[number[i]] |= 1u << 1;
    int rc = arc_take_back(arc, ISO_STR("1.2.826.0.8"), &back, &err);
    if (rc == ISO_ENOENT) /* no removal got through */
        rc = ISO_OK;
    for (int i = 0; i < count; i++)
        if (rc >= 0 && gone[i] && back.failed == 0)
            work->ledger->may[number[i]] = 1u << 1;
    answered(work, "take back", number[0], broken && back.restored > 0, rc, &err);
}

static int encode_anew(const struct work *work, struct arc *arc, int number)
{
    const bool       broken = flush_failed(work);
    struct iso_err   err    = { 0 };
    enum arc_recoded outcome;
    char             sop[64];

    sop_of(number, sop);
    int rc = arc_recode(arc, NULL, iso_str_c(sop), ISO_STR(RLE), &outcome, &err);
    if (rc == ISO_ENOENT)
        return ISO_OK; /* an earlier operation failed */
    answered(work, "encode", number, broken && rc >= 0 && outcome == ARC_RECODED, rc, &err);
    return rc;
}

struct sender {
    const struct work *work;
    struct arc        *arc;
    struct os_thread   thread;
    int                first;
    int                count;
};

static void send_some(void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < s->count; i++)
        (void)store(s->work, s->arc, s->first + i, 1);
}

/* Several at once, which share their commits. */
static void store_together(const struct work *work, struct arc *arc, int first, int each)
{
    struct sender  sender[THREADS];
    struct iso_err err = { 0 };
    int            n   = 0;

    for (; n < THREADS; n++) {
        sender[n] =
            (struct sender){ .work = work, .arc = arc, .first = first + n * each, .count = each };
        if (os_thread_start(&sender[n].thread, "sender", 0, send_some, &sender[n], &err) < 0)
            break;
    }
    while (n-- > 0)
        os_thread_join(&sender[n].thread);
}

/* The keeper gives space back, series settle; the low mark moves, which its thread would do within a second. */
static void let_it_work(const struct work *work, struct arc *arc)
{
    struct iso_err err = { 0 };

    os_sleep_ms(20);
    if (arc_mark(arc, &err) < 0 && work->heal == NULL)
        (void)snprintf(work->ledger->why, sizeof work->ledger->why, "mark: %s", err.text);
}

static void first_life(const struct work *work, struct arc *arc)
{
    for (int i = 0; i < 8; i++)
        (void)store(work, arc, i, 1);
    store_together(work, arc, 8, 4); /* 8 to 19 */
    (void)encode_anew(work, arc, 1);
    (void)encode_anew(work, arc, 3); /* large */
    for (int i = 2; i < 6; i++)
        (void)store(work, arc, i, 2); /* 2: small to small, 3: large to small, 4: small to small */
    (void)store(work, arc, 2, 2);     /* again: nothing new */
    (void)take_away(work, arc, 6);
    (void)take_away(work, arc, 9); /* large */
    let_it_work(work, arc);
    (void)store(work, arc, 6, 1); /* what was removed comes again */
    (void)encode_anew(work, arc, 5);
    (void)take_away(work, arc, 5);
    for (int i = 20; i < 26; i++)
        (void)store(work, arc, i, 1);
}

/* With a grace period for what is removed. */
static void second_life(const struct work *work, struct arc *arc)
{
    static const int number[] = { 20, 23, 6 }; /* 23 is large */
    bool             gone[3];

    (void)store(work, arc, 7, 3);
    for (int i = 0; i < 3; i++)
        gone[i] = take_away(work, arc, number[i]);
    store_together(work, arc, 26, 2); /* 26 to 31 */
    let_it_work(work, arc);
    have_back(work, arc, number, gone, 3);
    (void)store(work, arc, 6, 2);
    (void)take_away(work, arc, 23);
}

/* With the fault over, all that is not there is sent once more: it must be taken, unless a flush has failed. */
static void try_again(const struct work *work, struct arc *arc)
{
    work->heal();
    const bool     broken = flush_failed(work);
    const unsigned failed = work->ledger->failed;

    for (int i = 32; i < 36; i++)
        (void)store(work, arc, i, 1);
    if (!broken && work->ledger->failed != failed) {
        work->ledger->not_recovered++;
        (void)snprintf(work->ledger->why, sizeof work->ledger->why,
                       "refused when the fault was over");
    }
}

int work_run(const struct work *work)
{
    for (int life = 1; life <= 2; life++) {
        struct iso_err err = { 0 };

        if (work->restarts != NULL)
            work->restarts();
        struct arc *arc = archive_open(work->folder, life == 2, &err);
        if (arc == NULL &&
            work->heal != NULL) { /* it says why, and starts when the fault is over */
            work->heal();
            if (!flush_failed(work))
                arc = archive_open(work->folder, life == 2, &err);
        }
        if (arc == NULL) {
            if (flush_failed(work))
                break; /* the restart is the judge's */
            (void)snprintf(work->ledger->why, sizeof work->ledger->why, "not opened: %s", err.text);
            return -1;
        }
        const struct arc_settle_config settle = { .wait_ms = 1 };
        int                            rc     = arc_settle_start(arc, &settle, &err);
        if (rc < 0)
            answered(work, "settle", life, false, rc, &err);
        (life == 1 ? first_life : second_life)(work, arc);
        if (work->heal != NULL && life == 2)
            try_again(work, arc);
        arc_close(arc);
    }
    work->ledger->done = 1;
    return 0;
}

int work_open(const struct work *work)
{
    struct iso_err err = { 0 };
    struct arc    *arc = archive_open(work->folder, false, &err);

    if (arc == NULL)
        return -1;
    os_sleep_ms(20); /* the keeper */
    arc_close(arc);
    return 0;
}

/* ---- the judge ---- */

static void wrong(unsigned *count, struct work_verdict *v, const char *what, const char *which)
{
    if (v->why[0] == '\0')
        (void)snprintf(v->why, sizeof v->why, "%.60s: %.500s", which, what);
    ++*count;
}

/* Compressed ones are brought back to the transfer syntax in which they came. */
static bool has_bytes(const struct arc_instance *instance, const struct arc_object *object,
                      iso_bytes expected, struct iso_arena *arena)
{
    struct codec_object_source from = { object->fd, object->offset + instance->data_offset,
                                        object->bytes - instance->data_offset,
                                        instance->transfer_syntax_uid };
    struct codec_object_result result;
    struct iso_err             err     = { 0 };
    int                        scratch = -1;

    if (iso_str_eq_c(instance->transfer_syntax_uid, RLE)) {
        if (codec_object_scratch(NULL, &from, iso_str_c(DCM_EXPLICIT_LE->uid), NULL, &scratch,
                                 &result, &err) < 0)
            return false;
        from = (struct codec_object_source){ scratch, 0, result.bytes, { 0 } };
    }
    uint8_t *bytes = iso_arena_alloc(arena, (size_t)from.bytes + 1);
    bool     same  = bytes != NULL && from.bytes == expected.len &&
                os_read_exact_at(from.fd, bytes, (size_t)from.bytes, from.offset, &err) >= 0 &&
                memcmp(bytes, expected.ptr, expected.len) == 0;
    os_close(scratch);
    return same;
}

/* The version that is stored; 0: none of those it may be. */
static int version_of(const struct arc_instance *instance, const struct arc_object *object,
                      int number, uint32_t may, struct iso_arena *arena)
{
    for (int version = 1; version <= VERSIONS; version++) {
        struct iso_buf expected;
        bool           same;

        if ((may & 1u << version) == 0)
            continue;
        object_of(number, version, &expected);
        same = has_bytes(instance, object, iso_buf_bytes(&expected), arena);
        iso_buf_release(&expected);
        if (same)
            return version;
    }
    return 0;
}

static void judge_one(struct arc *arc, int number, uint32_t may, struct work_verdict *v)
{
    struct arc_instance instance;
    struct arc_object   object;
    struct dcm_dataset  header;
    struct iso_arena    arena;
    struct iso_err      err = { 0 };
    char                sop[64];

    sop_of(number, sop);
    iso_arena_init(&arena, (size_t)64 << 20);
    int rc = arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, &err);
    if (rc == ISO_ENOENT) {
        if ((may & WORK_ABSENT) == 0)
            wrong(&v->lost, v, "lost", sop);
    } else if (rc < 0 || arc_header(arc, &instance, &arena, &header, &err) < 0 ||
               arc_object_open(arc, &instance, &object, &err) < 0) {
        wrong(&v->lost, v, err.text, sop);
    } else {
        v->found++;
        if (may == WORK_ABSENT)
            wrong(&v->violations, v, "back after it was removed", sop);
        else if (version_of(&instance, &object, number, may, &arena) == 0)
            wrong(&v->mismatches, v, "other bytes than any it was sent with", sop);
        arc_object_close(&object);
    }
    iso_arena_release(&arena);
}

static int count_one(void *ctx, const struct arc_instance *instance, struct iso_err *err)
{
    (void)instance;
    (void)err;
    ++*(uint64_t *)ctx;
    return ISO_OK;
}

static void judge_figures(struct arc *arc, struct work_verdict *v)
{
    const iso_str              patient[] = { ISO_STR("F1") };
    const struct arc_selection selection = { .patient_ids = patient, .patient_id_count = 1 };
    struct iso_err             err       = { 0 };
    struct arc_stats           stats;
    uint64_t                   rows = 0;
    int                        rc   = arc_select(arc, &selection, count_one, &rows, &err);

    if (rc >= 0)
        rc = arc_stats(arc, &stats, &err);
    if (rc < 0)
        wrong(&v->violations, v, err.text, "figures");
    else if (stats.instances != rows || rows != v->found)
        wrong(&v->violations, v, "they do not agree with the rows", "figures");
}

/* Rows against files, with readers of our own: the index by SQLite, the segments block by block. */
static void judge_files(const char *folder, bool strays_pass, struct work_verdict *v)
{
    char why[256] = "";

    if (fault_tar_check(folder, strays_pass ? &v->strays : NULL, why, sizeof why) != 0)
        wrong(&v->violations, v, why, "files");
}

void work_judge(const char *folder, const struct work_ledger *ledger, bool strays_pass,
                struct work_verdict *v)
{
    const struct work work = { .folder = folder };

    *v = (struct work_verdict){ 0 };
    for (int opening = 1; opening <= 2; opening++) {
        struct iso_err err = { 0 };
        struct arc    *arc = archive_open(folder, false, &err);

        v->found = 0;
        if (arc == NULL) {
            wrong(&v->violations, v, err.text, "not opened");
            return;
        }
        for (int i = 0; i < WORK_OBJECTS; i++)
            judge_one(arc, i, ledger->may[i], v);
        judge_figures(arc, v);
        if (opening == 2) { /* and it goes on from here */
            struct work_ledger again;
            struct work        more = work;

            work_ledger_init(&again);
            more.ledger = &again;
            for (int i = 0; i < WORK_OBJECTS; i++)
                (void)store(&more, arc, i, 1);
            if (again.failed > 0)
                wrong(&v->violations, v, again.why, "storing afterwards");
        }
        arc_close(arc);
        judge_files(folder, strays_pass, v);
    }
}
