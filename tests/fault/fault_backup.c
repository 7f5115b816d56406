/* fault_backup.c: a process that stores, removes with a grace period, takes back and makes backups, all at
 * the same time, is killed at random: in the middle of a backup, of taking back, of the keeper's work.
 * The ledger of what it was told is the judge: of the archive itself, and of the latest backup there
 * is, which must be one that was complete, and hold what was acknowledged before it began.
 *
 * fault_backup [kills]   ISOCENTER_KILLS overrides; 8 otherwise */
#include "arc_make.h"

#include "arc_backup.h"
#include "arc_removed.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"

#include <signal.h>
#include <sys/wait.h>

enum { THREADS = 2, LEDGER_MAX = 100000, KILLS = 8, STUDIES_EVERY = 8 };

/* Eight objects a study, all of one thread. */
static void names_of(unsigned number, char sop[64], char study[64])
{
    (void)snprintf(sop, 64, "1.2.826.0.1.%u", number);
    (void)snprintf(study, 64, "1.2.826.0.2.%u",
                   number / (THREADS * STUDIES_EVERY) * THREADS + number % THREADS);
}

static void object_of(unsigned number, struct iso_buf *out)
{
    char        sop[64];
    char        study[64];
    char        series[80];
    struct make m = { .patient_name = "Kill^Backup", .patient_id = "K2", .sop = sop };

    names_of(number, sop, study);
    (void)snprintf(series, sizeof series, "%s.1", study);
    m.study  = study;
    m.series = series;
    m.number = (int)number;
    m.rows   = number % 61 == 0 ? 800 : (int)(number * 37 % 100);
    m.fill   = (uint8_t)number;
    make_object(&m, out);
}

/* ---- the process that dies ---- */

struct worker {
    struct arc      *arc;
    struct os_thread thread;
    const char      *folder;
    unsigned         next;
};

static void say(char what, unsigned number)
{
    char line[32];
    int  n = snprintf(line, sizeof line, "%c %u\n", what, number);

    if (write(STDOUT_FILENO, line, (size_t)n) != n) /* atomic: below PIPE_BUF */
        _exit(3);
}

/* The study that ends with this object goes, and comes back; or goes for good. */
static void remove_study(struct arc *arc, unsigned last, bool back)
{
    char                  sop[64];
    char                  study[64];
    struct arc_taken_back taken;
    struct iso_err        err     = { 0 };
    uint64_t              removed = 0;

    names_of(last, sop, study);
    const iso_str              uid       = iso_str_c(study);
    const struct arc_selection selection = { .study_uids = &uid, .study_count = 1 };
    for (unsigned i = 0; i < STUDIES_EVERY; i++)
        say('?', last - i * THREADS);
    if (arc_remove(arc, &selection, &removed, &err) < 0 || removed != STUDIES_EVERY)
        _exit(4);
    if (back && (arc_take_back(arc, uid, &taken, &err) < 0 || taken.restored != STUDIES_EVERY))
        _exit(5);
    for (unsigned i = 0; i < STUDIES_EVERY; i++)
        say(back ? '+' : '-', last - i * THREADS);
}

static void work(void *arg)
{
    struct worker     *w = arg;
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };
    struct iso_buf     object;
    char               sop[64];
    char               study[64];

    for (;; w->next += THREADS) {
        object_of(w->next, &object);
        names_of(w->next, sop, study);
        if (make_store(w->arc, iso_buf_bytes(&object), sop, &receipt, &err) < 0) {
            (void)fprintf(stderr, "fault_backup: %s\n", err.text);
            _exit(6);
        }
        say('+', w->next);
        iso_buf_release(&object);
        const unsigned of_study = w->next / THREADS % STUDIES_EVERY;
        const unsigned study_no = w->next / (THREADS * STUDIES_EVERY);
        if (of_study == STUDIES_EVERY - 1 && study_no % 3 != 2)
            remove_study(w->arc, w->next, study_no % 3 == 0);
    }
}

static void back_up(void *arg)
{
    struct worker           *w = arg;
    char                     data[200];
    char                     target[200];
    struct arc_backup_config config = { .data = data, .target = target, .keep = 2 };
    struct arc_backup_report report;
    struct iso_err           err = { 0 };

    (void)snprintf(data, sizeof data, "%s/data", w->folder);
    (void)snprintf(target, sizeof target, "%s/target", w->folder);
    for (;; os_sleep_ms(20)) {
        say('B', 0);
        if (arc_backup(&config, &report, &err) < 0) {
            (void)fprintf(stderr, "fault_backup: %s\n", err.text);
            _exit(7);
        }
        say('E', 0);
    }
}

static struct arc *open_archive(const char *folder, const char *name)
{
    struct arc_config config;
    struct arc       *arc = NULL;
    struct iso_err    err = { 0 };
    char              data[200];

    (void)snprintf(data, sizeof data, "%s/%s", folder, name);
    arc_config_init(&config);
    config.folder          = data;
    config.free_bytes_min  = 0;
    config.removal_grace_s = 3600;
    if (arc_open(&config, &arc, &err) < 0)
        (void)fprintf(stderr, "fault_backup: %s\n", err.text);
    return arc;
}

static int child(const char *folder, unsigned first)
{
    struct arc    *arc = open_archive(folder, "data");
    struct worker  worker[THREADS + 1];
    struct iso_err err = { 0 };

    for (unsigned i = 0; arc != NULL && i <= THREADS; i++) {
        worker[i] = (struct worker){ .arc = arc, .folder = folder, .next = first + i };
        if (os_thread_start(&worker[i].thread, "worker", (size_t)1 << 20,
                            i < THREADS ? work : back_up, &worker[i], &err) < 0)
            return 8;
    }
    if (arc != NULL)
        os_thread_join(&worker[0].thread); /* until the kill */
    return 9;
}

/* ---- the judge ---- */

struct ledger {
    char     state[LEDGER_MAX]; /* 0, '+', '?', '-' */
    char     begun[LEDGER_MAX]; /* when the backup under way began */
    char     saved[LEDGER_MAX]; /* when the latest complete one did */
    bool     open;              /* a backup is under way, or was at the kill */
    bool     have;
    unsigned top, acknowledged, backups;
    unsigned lost, altered, undead;
};

static void ledger_read(struct ledger *l, FILE *from)
{
    char     what;
    unsigned number;

    l->open = false;
    while (fscanf(from, "%c %u\n", &what, &number) == 2) {
        if (what == 'B') {
            memcpy(l->begun, l->state, sizeof l->begun);
            l->open = true;
        } else if (what == 'E') {
            memcpy(l->saved, l->begun, sizeof l->saved);
            l->open = false;
            l->have = true;
            l->backups++;
        } else if (number < LEDGER_MAX) {
            l->state[number] = what;
            if (what == '?') /* a backup may see it removed, whatever becomes of it */
                l->begun[number] = l->saved[number] = '?';
            l->acknowledged += what == '+';
            l->top = number >= l->top ? number + 1 : l->top;
        }
    }
}

/* now: what the ledger says today; then: of the moment that is asked about. */
static void check_one(struct ledger *l, struct arc *arc, unsigned number, char now, char then,
                      struct iso_arena *arena)
{
    struct arc_instance instance;
    struct arc_object   object;
    struct iso_buf      expected;
    struct iso_err      err = { 0 };
    char                sop[64];
    char                study[64];

    names_of(number, sop, study);
    int rc = arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), arena, &instance, &err);
    if (rc == ISO_ENOENT) {
        l->lost += now == '+' && then == '+';
        if (now == '+' && then == '+')
            (void)fprintf(stderr, "lost: %s\n", sop);
        return;
    }
    if (then == '-') {
        l->undead++;
        (void)fprintf(stderr, "back: %s\n", sop);
        return;
    }
    if (rc >= 0)
        rc = arc_object_open(arc, &instance, &object, &err);
    if (rc < 0) {
        (void)fprintf(stderr, "lost: %s: %s\n", sop, err.text);
        l->lost++;
        return;
    }
    object_of(number, &expected);
    uint8_t *bytes = iso_arena_alloc(arena, (size_t)object.bytes + 1);
    l->altered +=
        bytes == NULL || object.bytes != instance.data_offset + expected.len ||
        os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err) < 0 ||
        memcmp(bytes + instance.data_offset, expected.ptr, expected.len) != 0;
    arc_object_close(&object);
    iso_buf_release(&expected);
}

static int check_all(struct ledger *l, const char *folder, const char *name, const char *then)
{
    struct arc      *arc = open_archive(folder, name);
    struct iso_arena arena;

    if (arc == NULL)
        return -1;
    iso_arena_init(&arena, (size_t)64 << 20);
    for (unsigned n = 0; n < l->top; n++) {
        check_one(l, arc, n, l->state[n], then[n], &arena);
        iso_arena_reset(&arena);
    }
    iso_arena_release(&arena);
    arc_close(arc);
    return 0;
}

static int check_backup(struct ledger *l, const char *folder)
{
    char                      data[200];
    char                      source[200];
    char                      command[300];
    struct arc_restore_config config = { .data = data, .source = source };
    struct arc_backup_report  report;
    struct iso_err            err = { 0 };

    (void)snprintf(data, sizeof data, "%s/back", folder);
    (void)snprintf(source, sizeof source, "%s/target", folder);
    int rc = arc_restore(&config, &report, &err);
    if (rc == ISO_ENOENT && !l->have)
        return 0; /* none was complete yet */
    if (rc < 0)
        (void)fprintf(stderr, "fault_backup: %s\n", err.text);
    /* the one that was under way may have been complete without a word: it knows no less */
    if (rc >= 0)
        rc = check_all(l, folder, "back", l->have ? l->saved : l->begun);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", data);
    return system(command) != 0 ? -1 : rc;
}

static int one_kill(struct ledger *l, const char *folder)
{
    char     first[16];
    int      ends[2];
    pid_t    pid;
    uint32_t random;
    int      status;

    l->top += (THREADS * STUDIES_EVERY) - l->top % (THREADS * STUDIES_EVERY); /* a new study */
    (void)snprintf(first, sizeof first, "%u", l->top);
    if (pipe(ends) < 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl("/proc/self/exe", "fault_backup", "--child", folder, first, (char *)NULL);
        _exit(10);
    }
    (void)close(ends[1]);
    os_random(&random, sizeof random);
    os_sleep_ms(150 + random % 700);
    (void)kill(pid, SIGKILL);
    FILE *from = fdopen(ends[0], "r");
    ledger_read(l, from);
    (void)fclose(from);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status)) {
        (void)fprintf(stderr, "fault_backup: the child ended by itself: %d\n", status);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct ledger ledger;
    const char          *wanted   = getenv("ISOCENTER_KILLS");
    char                 folder[] = "/tmp/arc-backup-XXXXXX";
    char                 command[64];
    int                  kills = KILLS;
    int                  rc    = 0;

    if (argc == 4 && strcmp(argv[1], "--child") == 0)
        return child(argv[2], (unsigned)atoi(argv[3]));
    if (argc > 1 || wanted != NULL)
        kills = atoi(argc > 1 ? argv[1] : wanted);
    if (mkdtemp(folder) == NULL)
        return 1;
    for (int i = 0; i < kills && rc == 0; i++) {
        rc = one_kill(&ledger, folder);
        if (rc == 0)
            rc = check_backup(&ledger, folder);
        if (rc == 0)
            rc = check_all(&ledger, folder, "data", ledger.state);
    }
    (void)printf(
        "%d kills, %u acknowledged, %u complete backups: %u lost, %u altered, %u came back "
        "after removal\n",
        kills, ledger.acknowledged, ledger.backups, ledger.lost, ledger.altered, ledger.undead);
    (void)printf(
        "figure kill-backup points=%d acknowledged=%u lost=%u mismatches=%u violations=%u\n", kills,
        ledger.acknowledged, ledger.lost, ledger.altered, ledger.undead);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    rc |= system(command);
    rc = rc != 0 || ledger.lost + ledger.altered + ledger.undead > 0 || ledger.acknowledged == 0 ||
         ledger.backups == 0;
    (void)printf("%s kill-backup\n", rc == 0 ? "ok" : "FAIL");
    return rc;
}
