/* fault_kill.c: a process that stores and removes from several threads, while what is stored is
 * compressed and packed in the background, is killed at random, again and again. It reports each acknowledgement through a pipe, as a sender would keep a ledger; whatever the
 * ledger holds must be in the archive afterwards, byte for byte, and what was removed must be gone.
 *
 * fault_kill [kills | --full]   ISOCENTER_KILLS overrides; 30 otherwise, 1000 in full
 * A kill cannot find a missing flush (the page cache survives it): it finds wrong order. */
#include "arc_make.h"

#include "arc_recode.h"
#include "arc_settle.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"

#include <signal.h>
#include <sys/wait.h>

#define RLE "1.2.840.10008.1.2.5"

enum {
    THREADS         = 4,
    LEDGER_MAX      = 200000,
    KILLS           = 30,
    KILLS_FULL      = 1000,
    KILLS_TO_SETTLE = 200,
    STUDIES         = 7,
    FORM            = 1
};

/* ---- what is stored: everything follows from the number ---- */

static void sop_of(unsigned number, char sop[64])
{
    (void)snprintf(sop, 64, "1.2.826.0.1.%u", number);
}

static void object_of(unsigned number, struct iso_buf *out)
{
    char        sop[64];
    char        study[64];
    char        series[64];
    struct make m = { .patient_name = "Kill^Test", .patient_id = "K1", .sop = sop };

    sop_of(number, sop);
    (void)snprintf(study, sizeof study, "1.2.826.0.2.%u", number % STUDIES);
    (void)snprintf(series, sizeof series, "1.2.826.0.2.%u.%u", number % STUDIES, number % 3);
    m.study  = study;
    m.series = series;
    m.number = (int)number;
    m.rows   = number % 97 == 0 ? 800 : (int)(number * 37 % 120); /* up to 29 kB; some 1.3 MB */
    m.fill   = (uint8_t)number;
    make_object(&m, out);
}

/* ---- the process that dies ---- */

struct worker {
    struct arc      *arc;
    struct os_thread thread;
    unsigned         next;
};

static void say(char what, unsigned number)
{
    char line[32];
    int  n = snprintf(line, sizeof line, "%c %u\n", what, number);

    if (write(STDOUT_FILENO, line, (size_t)n) != n) /* atomic: below PIPE_BUF */
        _exit(3);
}

static void remove_one(struct arc *arc, unsigned number)
{
    char           sop[64];
    uint64_t       removed;
    struct iso_err err = { 0 };

    sop_of(number, sop);
    const iso_str              uid[]     = { iso_str_c(sop) };
    const struct arc_selection selection = { .sop_instance_uids = uid, .instance_count = 1 };
    say('?', number); /* from here on it may be there or not */
    if (arc_remove(arc, &selection, &removed, &err) < 0 || removed != 1)
        _exit(4);
    say('-', number);
}

static void work(void *arg)
{
    struct worker     *w = arg;
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };
    struct iso_buf     object;
    char               sop[64];

    for (;; w->next += THREADS) {
        object_of(w->next, &object);
        sop_of(w->next, sop);
        if (make_store(w->arc, iso_buf_bytes(&object), sop, &receipt, &err) < 0) {
            (void)fprintf(stderr, "fault_kill: %s\n", err.text);
            _exit(5);
        }
        say('+', w->next);
        iso_buf_release(&object);
        if (w->next % 11 == 5)
            remove_one(w->arc, w->next);
    }
}

static int say_uid(void *ctx, const struct arc_instance *instance, const struct dcm_dataset *header,
                   struct iso_arena *scratch, struct iso_buf *out, struct iso_err *err)
{
    (void)ctx;
    (void)header;
    (void)scratch;
    (void)err;
    return iso_buf_add_str(out, instance->sop_instance_uid);
}

static int child(const char *folder, unsigned first)
{
    const struct arc_rule          rule   = { .transfer_syntax_uid = RLE };
    const struct arc_recode_config recode = { .rules = &rule, .count = 1 };
    struct arc                    *arc    = make_archive(folder, ARC_KEEP_FIRST);
    struct worker                  worker[THREADS];
    struct iso_err                 err = { 0 };

    const struct arc_settle_config settle = { .describe = say_uid, .form = FORM };
    if (arc_recode_start(arc, &recode, &err) < 0 || arc_settle_start(arc, &settle, &err) < 0)
        return 8;

    for (unsigned i = 0; i < THREADS; i++) {
        worker[i] = (struct worker){ .arc = arc, .next = first + i };
        if (os_thread_start(&worker[i].thread, "worker", 0, work, &worker[i], &err) < 0)
            return 6;
    }
    os_thread_join(&worker[0].thread); /* until the kill */
    return 0;
}

/* ---- the judge ---- */

struct ledger {
    char     state[LEDGER_MAX]; /* 0, '+', '?', '-' */
    unsigned top;
    unsigned acknowledged;
    unsigned lost;
    unsigned altered;
    unsigned undead;
    unsigned compressed;
    unsigned settled;
};

static void ledger_read(struct ledger *l, FILE *from)
{
    char     what;
    unsigned number;

    while (fscanf(from, "%c %u\n", &what, &number) == 2) {
        if (number >= LEDGER_MAX)
            continue;
        l->state[number] = what;
        l->acknowledged += what == '+';
        if (number >= l->top)
            l->top = number + 1;
    }
}

/* Compressed ones are brought back to the transfer syntax in which they came first. */
static bool is_as_it_came(const struct arc_instance *instance, const struct arc_object *object,
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

static void check_one(struct ledger *l, struct arc *arc, unsigned number, struct iso_arena *arena)
{
    struct arc_instance instance;
    struct arc_object   object;
    struct dcm_dataset  header;
    struct iso_buf      expected;
    struct iso_err      err = { 0 };
    char                sop[64];
    int                 rc;

    sop_of(number, sop);
    rc = arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), arena, &instance, &err);
    if (l->state[number] == '-') {
        l->undead += rc >= 0;
        return;
    }
    if (l->state[number] != '+' && rc == ISO_ENOENT)
        return; /* never acknowledged, or on its way out */
    if (rc >= 0)
        rc = arc_header(arc, &instance, arena, &header, &err);
    if (rc >= 0)
        rc = arc_object_open(arc, &instance, &object, &err);
    if (rc < 0) {
        (void)fprintf(stderr, "lost: %s: %s\n", sop, err.text);
        l->lost++;
        return;
    }
    object_of(number, &expected);
    l->compressed += iso_str_eq_c(instance.transfer_syntax_uid, RLE);
    l->altered += !is_as_it_came(&instance, &object, iso_buf_bytes(&expected), arena);
    arc_object_close(&object);
    iso_buf_release(&expected);
}

static int count_one(void *ctx, const struct arc_instance *instance, struct iso_err *err)
{
    (void)instance;
    (void)err;
    ++*(uint64_t *)ctx;
    return ISO_OK;
}

static int add_uid(void *ctx, const struct arc_instance *instance, struct iso_err *err)
{
    struct iso_buf *out = ctx;

    if (out->len > 0)
        iso_buf_add_u8(out, ',');
    iso_buf_add_str(out, instance->sop_instance_uid);
    return iso_buf_check(out, err);
}

/* What is ready about a series names the objects that are there. */
static int check_ready(struct ledger *l, struct arc *arc, unsigned study, struct iso_err *err)
{
    struct arc_description d;
    struct iso_arena       arena;
    struct iso_buf         text;
    struct iso_buf         rows;
    char                   uid[64];
    int                    rc;

    (void)snprintf(uid, sizeof uid, "1.2.826.0.2.%u", study);
    const iso_str study_uid = iso_str_c(uid);
    iso_arena_init(&arena, (size_t)64 << 20);
    iso_buf_init(&text, 64 << 20);
    iso_buf_init(&rows, 64 << 20);
    rc = arc_description_open(arc, study_uid, ISO_STR(""), FORM, &arena, &d, err);
    for (size_t i = 0; rc >= 0 && i < d.parts; i++) {
        const struct arc_selection selection = { .study_uids   = &study_uid,
                                                 .study_count  = 1,
                                                 .series_uids  = &d.part[i].series_uid,
                                                 .series_count = 1 };

        if (d.part[i].pieces == 0)
            continue;
        iso_buf_reset(&text);
        iso_buf_reset(&rows);
        for (size_t k = 0; rc >= 0 && k < d.part[i].pieces; k++)
            rc = iso_gzip_inflate(&d.part[i].piece[k], &text, err);
        if (rc >= 0)
            rc = arc_select(arc, &selection, add_uid, &rows, err);
        l->settled++;
        l->altered += text.len != rows.len || memcmp(text.ptr, rows.ptr, text.len) != 0;
    }
    iso_buf_release(&rows);
    iso_buf_release(&text);
    iso_arena_release(&arena);
    return rc;
}

/* Every row has its object; the figures agree with the rows. */
static int check_all(struct ledger *l, const char *folder, unsigned from)
{
    struct arc      *arc = make_archive(folder, ARC_KEEP_FIRST);
    struct iso_arena arena;
    struct iso_err   err = { 0 };
    struct arc_stats stats;
    uint64_t         rows      = 0;
    const iso_str    patient[] = { ISO_STR("K1") };
    int              rc;

    iso_arena_init(&arena, (size_t)64 << 20);
    for (unsigned n = from; n < l->top; n++) {
        check_one(l, arc, n, &arena);
        iso_arena_reset(&arena);
    }
    const struct arc_selection selection = { .patient_ids = patient, .patient_id_count = 1 };
    rc                                   = arc_select(arc, &selection, count_one, &rows, &err);
    for (unsigned study = 0; study < STUDIES && rc >= 0; study++)
        rc = check_ready(l, arc, study, &err);
    if (rc >= 0)
        rc = arc_stats(arc, &stats, &err);
    if (rc >= 0 && stats.instances != rows)
        rc = iso_fail(&err, ISO_EIO, "%llu rows, the figures say %llu", (unsigned long long)rows,
                      (unsigned long long)stats.instances);
    if (rc < 0)
        (void)fprintf(stderr, "fault_kill: %s\n", err.text);
    iso_arena_release(&arena);
    arc_close(arc);
    return rc;
}

static int one_kill(struct ledger *l, const char *self, const char *folder)
{
    char     first[16];
    int      ends[2];
    pid_t    pid;
    uint32_t random;
    int      status;

    (void)snprintf(first, sizeof first, "%u", l->top);
    if (pipe(ends) < 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl(self, self, "--child", folder, first, (char *)NULL);
        _exit(7);
    }
    (void)close(ends[1]);
    os_random(&random, sizeof random);
    os_sleep_ms(20 + random % 380);
    (void)kill(pid, SIGKILL);
    FILE *from = fdopen(ends[0], "r");
    ledger_read(l, from);
    (void)fclose(from);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status)) {
        (void)fprintf(stderr, "fault_kill: the child ended by itself: %d\n", status);
        return -1;
    }
    return 0;
}

static int tar_lists(const char *folder)
{
    char command[512];

    (void)snprintf(command, sizeof command,
                   "for t in '%s'/seg/*.tar; do tar tf \"$t\" >/dev/null || exit 1; done; "
                   "[ -z \"$(ls '%s'/tmp)\" ]",
                   folder, folder);
    return system(command);
}

int main(int argc, char **argv)
{
    static struct ledger ledger;
    const char          *wanted   = getenv("ISOCENTER_KILLS");
    char                 folder[] = "/tmp/arc-kill-XXXXXX"; /* on a disk: slow flushes are hit */
    char                 command[64];
    int                  kills = KILLS;
    int                  rc    = 0;

    if (argc == 4 && strcmp(argv[1], "--child") == 0)
        return child(argv[2], (unsigned)atoi(argv[3]));
    if (argc > 1 || wanted != NULL)
        kills = argc > 1 && strcmp(argv[1], "--full") == 0 ? KILLS_FULL
                                                           : atoi(argc > 1 ? argv[1] : wanted);
    if (mkdtemp(folder) == NULL)
        return 1;
    for (int i = 0; i < kills && rc == 0; i++) {
        unsigned from = ledger.top;

        rc = one_kill(&ledger, "/proc/self/exe", folder);
        if (rc == 0)
            rc = check_all(&ledger, folder, from);
    }
    if (rc == 0)
        rc = check_all(&ledger, folder, 0);
    if (rc == 0 && tar_lists(folder) != 0)
        rc = -1;
    (void)printf("%d kills, %u acknowledged, %u lost, %u altered, %u came back after removal; "
                 "%u times a compressed one was looked at, %u times a settled series\n",
                 kills, ledger.acknowledged, ledger.lost, ledger.altered, ledger.undead,
                 ledger.compressed, ledger.settled);
    (void)printf(
        "figure kill-archive points=%d acknowledged=%u lost=%u mismatches=%u violations=%u\n",
        kills, ledger.acknowledged, ledger.lost, ledger.altered, ledger.undead);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    rc |= system(command);
    /* Few series settle between two kills, one in ten or fewer: of 30 it may be none. */
    const bool saw_all = ledger.acknowledged > 0 && ledger.compressed > 0 &&
                         (ledger.settled > 0 || kills < KILLS_TO_SETTLE);
    rc = rc != 0 || ledger.lost + ledger.altered + ledger.undead > 0 || !saw_all;
    (void)printf("%s kill-archive\n", rc == 0 ? "ok" : "FAIL");
    return rc;
}
