/* fault_points.c: the fixed workload (fault_work.h), run again and again; each time another of its file calls goes
 * wrong, until all of them had their turn. SQLite's calls are among them.
 *
 * fault_points SUITE [--full] [--at N] [--variant NAME] [--power DEVICE FOLDER]
 *   kill      the process is gone before the call, after it, or in the midst of it
 *   lose      the same, and what was not flushed is undone: all of it, or by chance
 *   recover   killed, lost, and then killed at each call of the recovery
 *   errno     the call fails, once or from there on; then the fault is over
 *   power     the same as kill on ext4, which is shut down without flushing its log; needs --power
 *   mutate    flushes that do nothing: the judge must find losses, or it could not find them at all
 * Without --full a share of the calls, other ones each time. */
#include "fault_hook.h"
#include "fault_work.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 2, POINTS_MAX = 20000, SHARE = 24, SECONDS_MAX = 60 };

struct variant {
    const char       *name;
    enum fault_action action;
    enum fault_end    end;
    int               kinds;
    int               number;
    long              span;
    int               no_flush;
    enum { EXPECT_NOTHING, EXPECT_NO_FAILURE, EXPECT_LOSS } expect;
    bool twice; /* the n-th call of the recovery after a loss at a call by chance */
};

/* Shared by all processes of a suite. */
struct totals {
    atomic_uint points, fired, acknowledged, refused, lost, mismatches, violations, crashes, strays,
        told;
    atomic_long last; /* the first point that lies behind the workload's end */
};

static struct totals *totals;
static const char    *suite;
static const char    *device; /* power */
static const char    *mount_point;
static bool           full;
static const char    *named; /* NULL: all variants */
static unsigned       seed;

static void *shared(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        exit(1);
    return p;
}

/* ---- one point ---- */

struct point {
    struct fault_control *control;
    struct work_ledger   *ledger;
    char                  folder[PATH_MAX];
};

static struct fault_control *current;

static bool hook_flush_failed(void)
{
    return atomic_load(&current->flush_failed) > 0;
}

static bool hook_index_flush_failed(void)
{
    return atomic_load(&current->index_flush_failed) > 0;
}

static void hook_restarts(void)
{
    atomic_store(&current->flush_failed, 0);
    atomic_store(&current->index_flush_failed, 0);
}

static void hook_heal(void)
{
    atomic_store(&current->at, -1);
}

static void set(struct fault_control *c, const char *folder, const struct variant *v, long n)
{
    memset(c, 0, sizeof *c);
    (void)snprintf(c->under, sizeof c->under, "%s", folder);
    atomic_store(&c->at, n);
    atomic_store(&c->span, v->span);
    atomic_store(&c->kinds, v->kinds);
    atomic_store(&c->action, (int)v->action);
    atomic_store(&c->end, (int)v->end);
    atomic_store(&c->number, v->number);
    atomic_store(&c->seed, seed + (unsigned)n * 2654435761u);
    atomic_store(&c->no_flush, v->no_flush);
    atomic_store(&c->tracking, v->end == FAULT_END_LOSE || v->end == FAULT_END_SHUFFLE);
}

/* The process that may die. only_open: the recovery alone. */
static int life_of(struct point *p, bool may_fail, bool only_open)
{
    pid_t pid = fork();
    int   status;

    if (pid == 0) {
        struct work_ledger none;
        struct work        work = { .folder = p->folder, .ledger = only_open ? &none : p->ledger };

        (void)alarm(SECONDS_MAX);
        current = p->control;
        fault_hook_use(p->control);
        if (may_fail) {
            work.flush_failed       = hook_flush_failed;
            work.index_flush_failed = hook_index_flush_failed;
            work.restarts           = hook_restarts;
            work.heal               = hook_heal;
        }
        _exit(only_open ? work_open(&work) : work_run(&work));
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool mounted_anew(void)
{
    for (int i = 0; umount2(mount_point, 0) < 0; i++) {
        if (i == 200)
            return false;
        (void)usleep(10000);
    }
    return mount(device, mount_point, "ext4", 0, NULL) == 0;
}

static void tell(const struct variant *v, long n, const struct point *p, const char *why)
{
    if (atomic_fetch_add(&totals->told, 1) < 10)
        (void)printf("  %s %s at call %ld (%s): %s\n", suite, v->name, n, p->control->what, why);
    (void)fflush(stdout);
}

static void judge(const struct variant *v, long n, struct point *p)
{
    struct work_verdict verdict = { 0 };

    /* without a disk the worst that POSIX allows is played; ext4 keeps the order in which names change */
    const bool worst = v->end == FAULT_END_LOSE || v->end == FAULT_END_SHUFFLE;
    work_judge(p->folder, p->ledger, worst, &verdict);
    if (v->expect == EXPECT_LOSS) { /* a loss it shall be: each counts as found, not against us */
        atomic_fetch_add(&totals->lost, verdict.lost + verdict.mismatches + verdict.violations > 0);
        return;
    }
    if (verdict.why[0] != '\0')
        tell(v, n, p, verdict.why);
    atomic_fetch_add(&totals->lost, verdict.lost);
    atomic_fetch_add(&totals->mismatches, verdict.mismatches);
    atomic_fetch_add(&totals->violations, verdict.violations);
    atomic_fetch_add(&totals->strays, verdict.strays > 0);
}

/* What the living process said of itself. */
static void look_at_answers(const struct variant *v, long n, struct point *p)
{
    struct work_ledger *l     = p->ledger;
    unsigned            wrong = l->unclean + l->after_flush + l->not_recovered;

    atomic_fetch_add(&totals->refused, l->failed);
    if (v->expect == EXPECT_NO_FAILURE && l->failed > 0)
        wrong++;
    if (wrong > 0) {
        atomic_fetch_add(&totals->violations, wrong);
        tell(v, n, p, l->why);
    }
}

static void run_point(const struct variant *v, long n, struct point *p)
{
    const bool may_fail = v->action == FAULT_FAIL || v->action == FAULT_SHORT;
    int        status;

    work_ledger_init(p->ledger);
    if (v->twice) {
        struct variant first = *v;
        first.action         = FAULT_KILL_AFTER;
        set(p->control, p->folder, &first, 300 + (long)((seed + (unsigned long)n * 7919u) % 1500));
        (void)life_of(p, false, false);
    }
    set(p->control, p->folder, v, n);
    status = life_of(p, may_fail, v->twice);
    atomic_fetch_add(&totals->acknowledged, p->ledger->acknowledged);
    if (atomic_load(&p->control->fired) == 0 && v->action != FAULT_COUNT) {
        long last = atomic_load(&totals->last);
        while (n < last && !atomic_compare_exchange_weak(&totals->last, &last, n))
            ;
    } else {
        atomic_fetch_add(&totals->points, 1);
    }
    if (may_fail || v->action == FAULT_COUNT)
        look_at_answers(v, n, p);
    if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL || may_fail : WEXITSTATUS(status) != 0) {
        atomic_fetch_add(&totals->crashes, 1);
        tell(v, n, p,
             p->ledger->why[0] != '\0' ? p->ledger->why
             : WIFSIGNALED(status)     ? strsignal(WTERMSIG(status))
                                       : "ended");
    }
    if (v->end == FAULT_END_POWER && !mounted_anew()) {
        atomic_fetch_add(&totals->crashes, 1);
        tell(v, n, p, strerror(errno));
        return;
    }
    judge(v, n, p);
}

static int point(const struct variant *v, long n, const char *parent)
{
    struct point p = { .control = shared(sizeof *p.control), .ledger = shared(sizeof *p.ledger) };
    char         command[2 * PATH_MAX + 64];

    (void)snprintf(p.folder, sizeof p.folder, "%.4000s/point-XXXXXX", parent);
    if (mkdtemp(p.folder) == NULL)
        return 1;
    if (v->end == FAULT_END_POWER)
        sync(); /* the folder itself */
    run_point(v, n, &p);
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s.kept'", p.folder, p.folder);
    return system(command);
}

/* ---- a suite ---- */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* How many calls the workload makes, undisturbed. */
static long calls_of(const struct variant *v, const char *parent)
{
    struct variant count = *v;
    struct variant kill  = *v;
    struct point   p = { .control = shared(sizeof *p.control), .ledger = shared(sizeof *p.ledger) };
    char           command[2 * PATH_MAX + 64];

    count.action = FAULT_COUNT;
    (void)snprintf(p.folder, sizeof p.folder, "%.4000s/point-XXXXXX", parent);
    if (mkdtemp(p.folder) == NULL)
        return -1;
    work_ledger_init(p.ledger);
    kill.action = FAULT_KILL_AFTER;
    if (v->twice) { /* there is something to recover */
        set(p.control, p.folder, &kill, 1000);
        (void)life_of(&p, false, false);
    }
    set(p.control, p.folder, &count, -1);
    int  status = life_of(&p, false, v->twice);
    long n      = atomic_load(&p.control->count);
    if (status != 0)
        (void)printf("  %s: the workload fails undisturbed: %s\n", suite, p.ledger->why);
    (void)snprintf(command, sizeof command, "rm -rf '%s' '%s.kept'", p.folder, p.folder);
    return system(command) == 0 && status == 0 ? n : -1;
}

static int point_ended(void)
{
    int status = -1;

    if (wait(&status) < 0 || status != 0) {
        atomic_fetch_add(&totals->crashes, 1);
        (void)printf("  %s: the judge ended with status %d\n", suite, status);
    }
    return 1;
}

static void run_variant(const struct variant *v, const char *parent, long share)
{
    const int jobs  = v->end == FAULT_END_POWER ? 1 : JOBS;
    long      calls = calls_of(v, parent);
    int       busy  = 0;

    if (calls <= 0) {
        atomic_fetch_add(&totals->crashes, 1);
        return;
    }
    /* threads of the archive add a call or two from run to run: in full, on to where nothing is struck */
    const bool all   = full && v->end != FAULT_END_POWER; /* a disk takes its time: 250 of each */
    long       step  = all ? 1 : calls / (full ? 250 : share) + 1;
    long       begin = all ? 0 : (long)(seed % (unsigned long)step);
    atomic_store(&totals->last, POINTS_MAX);
    for (long n = begin; n < (all ? atomic_load(&totals->last) : calls) && !stopped; n += step) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(point(v, n, parent) == 0 ? 0 : 1);
        busy++;
        if (busy == jobs || pid < 0)
            busy -= point_ended();
    }
    while (busy > 0)
        busy -= point_ended();
    (void)printf("  %s %s: %ld calls, %u points so far\n", suite, v->name, calls,
                 atomic_load(&totals->points));
    (void)fflush(stdout);
}

#define KILLED(name_, action_, end_)                                                               \
    {                                                                                              \
        .name = name_, .action = action_, .end = end_, .kinds = FAULT_CHANGES                      \
    }
#define FAILED(number_, kinds_, span_, expect_)                                                    \
    {                                                                                              \
        .name = #number_ " " #span_, .action = FAULT_FAIL, .kinds = kinds_, .number = number_,     \
        .span = span_, .expect = expect_                                                           \
    }
enum { ONCE = 0, ON = -1 };

static const struct variant kill_variants[] = {
    KILLED("before", FAULT_KILL_BEFORE, FAULT_END_KILL),
    KILLED("after", FAULT_KILL_AFTER, FAULT_END_KILL),
    KILLED("torn", FAULT_KILL_TORN, FAULT_END_KILL),
    { 0 },
};
static const struct variant lose_variants[] = {
    KILLED("all", FAULT_KILL_AFTER, FAULT_END_LOSE),
    KILLED("some", FAULT_KILL_AFTER, FAULT_END_SHUFFLE),
    KILLED("torn", FAULT_KILL_TORN, FAULT_END_SHUFFLE),
    { 0 },
};
static const struct variant recover_variants[] = {
    { .name   = "kill",
      .action = FAULT_KILL_AFTER,
      .end    = FAULT_END_KILL,
      .kinds  = FAULT_CHANGES,
      .twice  = true },
    { .name   = "lose all",
      .action = FAULT_KILL_AFTER,
      .end    = FAULT_END_LOSE,
      .kinds  = FAULT_CHANGES,
      .twice  = true },
    { .name   = "lose some",
      .action = FAULT_KILL_AFTER,
      .end    = FAULT_END_SHUFFLE,
      .kinds  = FAULT_CHANGES,
      .twice  = true },
    { 0 },
};
static const struct variant errno_variants[] = {
    FAILED(ENOSPC, FAULT_GROWTH, ONCE, EXPECT_NOTHING),
    FAILED(ENOSPC, FAULT_GROWTH, ON, EXPECT_NOTHING),
    FAILED(EDQUOT, FAULT_GROWTH, ONCE, EXPECT_NOTHING),
    FAILED(EROFS, FAULT_CHANGES & ~FAULT_FLUSH, ON, EXPECT_NOTHING),
    FAILED(EIO, FAULT_CHANGES, ONCE, EXPECT_NOTHING),
    FAILED(EIO, FAULT_CHANGES, ON, EXPECT_NOTHING),
    FAILED(EMFILE, FAULT_OPEN | FAULT_CREATE, ONCE, EXPECT_NOTHING),
    FAILED(EMFILE, FAULT_OPEN | FAULT_CREATE, ON, EXPECT_NOTHING),
    FAILED(EINTR, FAULT_WRITE | FAULT_OPEN | FAULT_CREATE, ONCE, EXPECT_NO_FAILURE),
    { .name   = "short writes",
      .action = FAULT_SHORT,
      .kinds  = FAULT_WRITE,
      .expect = EXPECT_NO_FAILURE },
    { .name   = "short writes all",
      .action = FAULT_SHORT,
      .kinds  = FAULT_WRITE,
      .span   = ON,
      .expect = EXPECT_NO_FAILURE },
    { 0 },
};
static const struct variant power_variants[] = {
    KILLED("before", FAULT_KILL_BEFORE, FAULT_END_POWER),
    KILLED("torn", FAULT_KILL_TORN, FAULT_END_POWER),
    { 0 },
};
/* One kind of flush left out at a time: each must be missed by somebody. */
#define MUTANT(name_, end_, not_)                                                                  \
    {                                                                                              \
        .name = name_, .action = FAULT_KILL_AFTER, .end = end_, .kinds = FAULT_CHANGES,            \
        .no_flush = not_, .expect = EXPECT_LOSS                                                    \
    }
static const struct variant mutants[] = {
    MUTANT("segment", FAULT_END_LOSE, FAULT_NOT_SEGMENT),
    MUTANT("folder", FAULT_END_LOSE, FAULT_NOT_FOLDER),
    MUTANT("index", FAULT_END_LOSE, FAULT_NOT_INDEX),
    MUTANT("large", FAULT_END_LOSE, FAULT_NOT_LARGE),
    { 0 },
};
static const struct variant power_mutants[] = {
    MUTANT("segment", FAULT_END_POWER, FAULT_NOT_SEGMENT),
    MUTANT("index", FAULT_END_POWER, FAULT_NOT_INDEX),
    { 0 },
};

static const struct {
    const char           *name;
    const struct variant *variants;
    long                  share; /* points of each variant in a bounded run */
} suites[] = {
    { "kill", kill_variants, SHARE },       { "lose", lose_variants, SHARE },
    { "recover", recover_variants, SHARE }, { "errno", errno_variants, SHARE / 2 },
    { "power", power_variants, 8 },         { "mutate", mutants, 8 },
    { "power-mutate", power_mutants, 5 },
};

static bool is_well(void)
{
    return atomic_load(&totals->lost) + atomic_load(&totals->mismatches) +
                   atomic_load(&totals->violations) + atomic_load(&totals->crashes) ==
               0 &&
           atomic_load(&totals->points) > 0;
}

/* Of mutants each on its own: one that is not found is a hole in the harness. */
static int run_mutants(const struct variant *v, const char *parent, long share, const char *where)
{
    int missed = 0;

    for (; v->name != NULL; v++) {
        memset(totals, 0, sizeof *totals);
        run_variant(v, parent, share);
        unsigned found = atomic_load(&totals->lost);
        (void)printf("%s harness-finds-a-missing-flush/%s%s\n", found > 0 ? "ok" : "FAIL", where,
                     v->name);
        (void)printf("figure harness-finds-a-missing-flush/%s%s points=%u found=%u\n", where,
                     v->name, atomic_load(&totals->points), found);
        missed += found == 0;
    }
    return missed;
}

static int run_suite(const struct variant *v, const char *parent, long share)
{
    for (; v->name != NULL && !stopped; v++)
        if (named == NULL || strcmp(named, v->name) == 0)
            run_variant(v, parent, share);
    (void)printf("figure %s-calls points=%u acknowledged=%u lost=%u mismatches=%u violations=%u "
                 "crashes=%u refused=%u strays=%u\n",
                 suite, atomic_load(&totals->points), atomic_load(&totals->acknowledged),
                 atomic_load(&totals->lost), atomic_load(&totals->mismatches),
                 atomic_load(&totals->violations), atomic_load(&totals->crashes),
                 atomic_load(&totals->refused), atomic_load(&totals->strays));
    (void)printf("%s %s-calls\n", is_well() ? "ok" : "FAIL", suite);
    return is_well() ? 0 : 1;
}

static void in_memory(char parent[PATH_MAX])
{
    struct statvfs memory;
    bool           roomy = statvfs("/dev/shm", &memory) == 0 && access("/dev/shm", W_OK) == 0 &&
                 memory.f_bavail > ((uint64_t)256 << 20) / memory.f_frsize;

    (void)snprintf(parent, PATH_MAX, "%s/isocenter-fault-XXXXXX", roomy ? "/dev/shm" : "/tmp");
    if (mkdtemp(parent) == NULL)
        exit(1);
}

int main(int argc, char **argv)
{
    char           parent[PATH_MAX] = "";
    char           command[PATH_MAX + 16];
    long           only = -1;
    int            rc   = 2;
    struct timeval now;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)gettimeofday(&now, NULL);
    seed   = (unsigned)now.tv_sec * 1000003u + (unsigned)now.tv_usec;
    totals = shared(sizeof *totals);
    (void)signal(SIGINT, stop);
    (void)signal(SIGTERM, stop);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--full") == 0)
            full = true;
        else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc)
            only = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--variant") == 0 && i + 1 < argc)
            named = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--power") == 0 && i + 2 < argc) {
            device      = argv[++i];
            mount_point = argv[++i];
        }
    }
    if (mount_point != NULL)
        (void)snprintf(parent, sizeof parent, "%s", mount_point);
    else
        in_memory(parent);
    for (size_t i = 0; argc > 1 && i < sizeof suites / sizeof *suites; i++) {
        if (strcmp(argv[1], suites[i].name) != 0)
            continue;
        suite                   = argv[1];
        const struct variant *v = suites[i].variants;
        if (only >= 0) {
            for (rc = 0; v->name != NULL; v++)
                rc |= point(v, only, parent);
            rc |= !is_well();
        } else if (v->expect == EXPECT_LOSS) {
            rc = run_mutants(v, parent, suites[i].share, mount_point != NULL ? "ext4-" : "");
        } else {
            rc = run_suite(v, parent, suites[i].share);
        }
    }
    if (mount_point == NULL) {
        (void)snprintf(command, sizeof command, "rm -rf '%s'", parent);
        (void)!system(command);
    }
    if (rc == 2)
        (void)fprintf(stderr, "usage: fault_points kill|lose|recover|errno|power|mutate [--full] "
                              "[--at N] [--variant NAME]\n");
    return rc;
}
