/* index_bench.c: the index alone, in the time of this process's processors and on the clock.
 * index_bench FILE fill FROM TO [PER_SERIES PER_STUDY THREADS ATTRIBUTES]
 *                         objects FROM..TO; with SERIES = 1 and STUDY = 1 each is a study of its own
 * index_bench FILE ask SECONDS THREADS      the mix of questions, each kind: rate, p50, p95, p99 in us
 * index_bench FILE size                     bytes an object takes, by table */
#include "index_sqlite.h"

#include "os_clock.h"
#include "os_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { THREADS_MAX = 64, SAMPLES_MAX = 1 << 20 };

static void must(int rc, const struct iso_err *err)
{
    if (rc < 0) {
        (void)fprintf(stderr, "index_bench: %s\n", err->text);
        exit(1);
    }
}

static double cpu_s(void)
{
    struct rusage r;

    (void)getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static long resident_kib(void)
{
    struct rusage r;

    (void)getrusage(RUSAGE_SELF, &r);
    return r.ru_maxrss;
}

/* ---- objects ---- */

struct shape {
    uint64_t per_series, per_study;
    unsigned attributes;
};

/* Equal on every machine, and spread. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* 80 syllables: as many names as a large town has, whose trigrams are as common as in real ones. */
static iso_str name_of(uint64_t patient, struct iso_arena *arena)
{
    static const char consonant[] = "bdfghklmnprstvwz";
    static const char vowel[]     = "aeiou";
    uint64_t          r           = mix(patient + 1);
    char              text[16];

    for (size_t i = 0; i < 5; i++, r /= 80) {
        text[2 * i + (i > 2)]     = consonant[r % 16];
        text[2 * i + 1 + (i > 2)] = vowel[r / 16 % 5];
    }
    text[6] = '^';
    return iso_arena_printf(arena, "%.11s^%c", text, (char)('A' + r % 26));
}

static void put(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                iso_str value)
{
    if (dcm_put_str(ds, arena, tag, vr, value) < 0)
        exit(1);
}

static iso_str uid_of(struct iso_arena *arena, uint64_t kind, uint64_t n)
{
    return iso_arena_printf(arena, "1.2.826.0.1.3680043.10.%llu.%llu.%llu",
                            (unsigned long long)kind, (unsigned long long)(mix(n) % 1000000000),
                            (unsigned long long)n);
}

static void object_of(uint64_t n, const struct shape *shape, struct iso_arena *arena,
                      struct dcm_dataset *ds, struct index_instance *in)
{
    static const char *const modality[] = { "CT", "MR", "US", "CR", "DX", "MG" };
    const uint64_t           study      = n / shape->per_study;
    const uint64_t           series     = n / shape->per_series;
    const uint64_t           r          = mix(study + 77);

    dcm_dataset_init(ds);
    *in = (struct index_instance){
        .study_uid           = uid_of(arena, 1, study),
        .series_uid          = uid_of(arena, 2, series),
        .sop_instance_uid    = uid_of(arena, 3, n),
        .sop_class_uid       = ISO_STR("1.2.840.10008.5.1.4.1.1.2"),
        .transfer_syntax_uid = ISO_STR("1.2.840.10008.1.2.1"),
        .location            = { 1, 1 + n * 526000 / (1 << 30), n * 526000 % (1 << 30), 525800 },
        .data_offset         = 330,
        .pixels              = INDEX_PIXELS_NATIVE,
        .pixel_tag           = 0x7fe00010,
        .pixel_offset        = 1500,
        .pixel_bytes         = 524288,
        .frames              = 1,
        .rows                = 512,
        .columns             = 512,
        .samples             = 1,
        .bits_allocated      = 16,
        .frame_bytes         = 524288,
        .stored_us           = os_wall_us(),
        .source_ae           = ISO_STR("MODALITY1"),
        .crc32c              = (int64_t)(mix(n) & 0xffffffff),
    };
    for (size_t i = 0; i < 4; i++) {
        uint64_t d = mix(4 * n + i);
        memcpy(in->digest + 8 * i, &d, 8);
        d = mix(d);
        memcpy(in->meta_digest + 8 * i, &d, 8);
    }
    put(ds, arena, 0x00080005, DCM_VR_CS, ISO_STR("ISO_IR 100"));
    put(ds, arena, 0x00080016, DCM_VR_UI, in->sop_class_uid);
    put(ds, arena, 0x00080018, DCM_VR_UI, in->sop_instance_uid);
    put(ds, arena, 0x00080020, DCM_VR_DA,
        iso_arena_printf(arena, "%04u%02u%02u", 2005 + (unsigned)(r % 20),
                         1 + (unsigned)(r >> 8) % 12, 1 + (unsigned)(r >> 16) % 28));
    put(ds, arena, 0x00080021, DCM_VR_DA,
        iso_arena_printf(arena, "%04u%02u%02u", 2005 + (unsigned)(r % 20),
                         1 + (unsigned)(r >> 8) % 12, 1 + (unsigned)(r >> 16) % 28));
    put(ds, arena, 0x00080030, DCM_VR_TM,
        iso_arena_printf(arena, "%02u%02u%02u", (unsigned)(r >> 24) % 24, (unsigned)(r >> 32) % 60,
                         (unsigned)(r >> 40) % 60));
    put(ds, arena, 0x00080050, DCM_VR_SH,
        iso_arena_printf(arena, "ACC%08llu", (unsigned long long)study));
    put(ds, arena, 0x00080060, DCM_VR_CS, iso_str_c(modality[r % 6]));
    put(ds, arena, 0x00080070, DCM_VR_LO, ISO_STR("A MANUFACTURER"));
    put(ds, arena, 0x00080080, DCM_VR_LO, ISO_STR("General Hospital"));
    put(ds, arena, 0x00080090, DCM_VR_PN, name_of(r % 500, arena));
    put(ds, arena, 0x00081010, DCM_VR_SH, ISO_STR("CT_ROOM_2"));
    put(ds, arena, 0x00081030, DCM_VR_LO,
        iso_arena_printf(arena, "%s %s",
                         r % 3 == 0   ? "Thorax"
                         : r % 3 == 1 ? "Abdomen"
                                      : "Head",
                         r & 0x1000 ? "plain" : "contrast"));
    put(ds, arena, 0x0008103E, DCM_VR_LO,
        iso_arena_printf(arena, "axial %u mm", 1 + (unsigned)(series % 7)));
    put(ds, arena, 0x00100010, DCM_VR_PN, name_of(study / 2, arena));
    put(ds, arena, 0x00100020, DCM_VR_LO,
        iso_arena_printf(arena, "PID%07llu", (unsigned long long)study / 2));
    put(ds, arena, 0x00100030, DCM_VR_DA,
        iso_arena_printf(arena, "%04u%02u%02u", 1930 + (unsigned)(mix(study / 2) % 80),
                         1 + (unsigned)(r >> 20) % 12, 1 + (unsigned)(r >> 28) % 28));
    put(ds, arena, 0x00100040, DCM_VR_CS, r % 2 == 0 ? ISO_STR("F") : ISO_STR("M"));
    put(ds, arena, 0x00180015, DCM_VR_CS, ISO_STR("CHEST"));
    put(ds, arena, 0x00181030, DCM_VR_LO, ISO_STR("Thorax routine"));
    for (unsigned i = 0; i + 34 < shape->attributes; i++)
        put(ds, arena, 0x00189300 + i, i % 3 == 0 ? DCM_VR_DS : DCM_VR_LO,
            i % 5 == 0 ? iso_arena_printf(arena, "%llu.%u", (unsigned long long)(n % 997), i)
                       : iso_arena_printf(arena, "setting %u", i * 131));
    put(ds, arena, 0x0020000D, DCM_VR_UI, in->study_uid);
    put(ds, arena, 0x0020000E, DCM_VR_UI, in->series_uid);
    put(ds, arena, 0x00200010, DCM_VR_SH,
        iso_arena_printf(arena, "%llu", (unsigned long long)study));
    if (dcm_put_i64(ds, arena, 0x00200011, DCM_VR_IS, (int64_t)(series % 8)) < 0 ||
        dcm_put_i64(ds, arena, 0x00200013, DCM_VR_IS, (int64_t)(n % shape->per_series)) < 0)
        exit(1);
    put(ds, arena, 0x00200032, DCM_VR_DS,
        iso_arena_printf(arena, "-158.135803\\-179.035797\\-%llu.25",
                         (unsigned long long)(n % shape->per_series)));
    put(ds, arena, 0x00200037, DCM_VR_DS, ISO_STR("1.000000\\0.000000\\0.000000\\0.000000\\1.0"));
    if (dcm_put_i64(ds, arena, 0x00280010, DCM_VR_US, 512) < 0 ||
        dcm_put_i64(ds, arena, 0x00280011, DCM_VR_US, 512) < 0 ||
        dcm_put_i64(ds, arena, 0x00280100, DCM_VR_US, 16) < 0)
        exit(1);
}

struct filler {
    struct os_thread    thread;
    struct index       *index; /* NULL: only makes the objects */
    const struct shape *shape;
    uint64_t            from, to, step;
};

static void fill(void *arg)
{
    struct filler   *f = arg;
    struct iso_arena arena;
    struct iso_err   err = { 0 };

    for (uint64_t n = f->from; n < f->to; n += f->step) {
        struct dcm_dataset    header;
        struct index_instance in;
        int64_t               id;

        iso_arena_init(&arena, 1 << 20);
        object_of(n, f->shape, &arena, &header, &in);
        if (f->index != NULL)
            must(index_add(f->index, &in, &header, 0, &id, &err), &err);
        iso_arena_release(&arena);
    }
}

static void fill_with(struct index *index, const struct shape *shape, uint64_t from, uint64_t to,
                      unsigned threads)
{
    static struct filler f[THREADS_MAX];
    struct iso_err       err = { 0 };

    for (unsigned i = 0; i < threads; i++) {
        f[i] = (struct filler){
            .index = index, .shape = shape, .from = from + i, .to = to, .step = threads
        };
        must(os_thread_start(&f[i].thread, "fill", 0, fill, &f[i], &err), &err);
    }
    for (unsigned i = 0; i < threads; i++)
        os_thread_join(&f[i].thread);
}

struct keeper {
    struct os_thread thread;
    struct index    *index;
    atomic_bool      stop;
};

static void keep(void *arg)
{
    struct keeper *k   = arg;
    struct iso_err err = { 0 };

    while (!atomic_load(&k->stop)) {
        os_sleep_ms(500);
        must(index_checkpoint(k->index, &err), &err);
    }
}

static int mode_fill(struct index *index, int argc, char **argv)
{
    uint64_t       from  = strtoull(argv[0], NULL, 10);
    const uint64_t to    = strtoull(argv[1], NULL, 10);
    struct shape   shape = { argc > 2 ? strtoull(argv[2], NULL, 10) : 100,
                           argc > 3 ? strtoull(argv[3], NULL, 10) : 200,
                           argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 134 };
    unsigned       threads = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 4;
    struct keeper  keeper  = { .index = index };
    struct iso_err err     = { 0 };
    double         cpu     = cpu_s();

    if (threads < 1 || threads > THREADS_MAX || shape.per_series < 1 || shape.per_study < 1)
        return 2;
    fill_with(NULL, &shape, from, from + 20000, threads);
    const double making = (cpu_s() - cpu) / 20000;

    must(os_thread_start(&keeper.thread, "keep", 0, keep, &keeper, &err), &err);
    while (from < to) { /* in tenths, so that a slope is seen */
        uint64_t      until = from + (to - from > 100000 ? 100000 : to - from);
        const int64_t start = os_now_us();

        cpu = cpu_s();
        fill_with(index, &shape, from, until, threads);
        double n = (double)(until - from);
        (void)printf("%9llu objects  %8.0f/s  %6.1f us of processor each  %6ld KiB resident\n",
                     (unsigned long long)until, n * 1e6 / (double)(os_now_us() - start),
                     1e6 * ((cpu_s() - cpu) / n - making), resident_kib());
        (void)fflush(stdout);
        from = until;
    }
    atomic_store(&keeper.stop, true);
    os_thread_join(&keeper.thread);
    return 0;
}

/* ---- questions ---- */

static const struct {
    const char      *name;
    enum index_level level;
    dcm_tag          tag;
    enum index_match match;
    const char      *form; /* 'P': a number, 'N': a name, 'U': a UID, 'D': a date */
    uint64_t         limit;
} QUESTION[] = {
    { "PatientID", INDEX_STUDY, 0x00100020, INDEX_IS, "P", 0 },
    { "PatientID prefix", INDEX_STUDY, 0x00100020, INDEX_LIKE, "p", 100 },
    { "PatientName prefix", INDEX_STUDY, 0x00100010, INDEX_LIKE, "n", 100 },
    { "PatientName infix", INDEX_STUDY, 0x00100010, INDEX_LIKE, "i", 100 },
    { "PatientName, 2 letters", INDEX_STUDY, 0x00100010, INDEX_LIKE, "2", 100 },
    { "StudyDate", INDEX_STUDY, 0x00080020, INDEX_BETWEEN, "D", 100 },
    { "newest", INDEX_STUDY, 0, INDEX_IS, "", 100 },
    { "series of a study", INDEX_SERIES, 0x0020000D, INDEX_IS, "U", 0 },
    { "objects of a series", INDEX_INSTANCE, 0x0020000E, INDEX_IS, "S", 0 },
    { "object by UID", INDEX_INSTANCE, 0x00080018, INDEX_IS, "I", 0 },
};
enum { QUESTIONS = sizeof QUESTION / sizeof QUESTION[0] };

struct asker {
    struct os_thread thread;
    struct index    *index;
    struct shape     shape;
    uint64_t         objects;
    size_t           question;
    int64_t          until_us;
    uint64_t         seed;
    uint32_t        *sample;
    size_t           samples;
    uint64_t         rows;
};

static void question_ask(struct asker *a, uint64_t r, bool with_header)
{
    const uint64_t   study = mix(r) % (a->objects / a->shape.per_study);
    struct iso_arena arena;
    struct iso_err   err  = { 0 };
    iso_str          text = { NULL, 0 };
    int64_t         *ids  = NULL;
    size_t           count;
    int64_t          date = 20050101 + (int64_t)(r % 20) * 10000 + (int64_t)(r / 20 % 12) * 100;

    iso_arena_init(&arena, 32 << 20);
    iso_str name = name_of(study / 2, &arena);
    switch (QUESTION[a->question].form[0]) {
    case 'P':
        text = iso_arena_printf(&arena, "PID%07llu", (unsigned long long)study / 2);
        break;
    case 'p':
        text = iso_arena_printf(&arena, "PID%05llu*", (unsigned long long)study / 200);
        break;
    case 'n':
        text = iso_arena_printf(&arena, "%.*s*", 5, name.ptr);
        break;
    case 'i':
        text = iso_arena_printf(&arena, "*%.*s*", 5, name.ptr + 1);
        break;
    case '2':
        text = iso_arena_printf(&arena, "*%.*s*", 2, name.ptr + 2);
        break;
    case 'U':
        text = uid_of(&arena, 1, study);
        break;
    case 'S':
        text = uid_of(&arena, 2, study * a->shape.per_study / a->shape.per_series);
        break;
    case 'I':
        text = uid_of(&arena, 3, study * a->shape.per_study);
        break;
    default:
        break;
    }
    const struct index_predicate p = { .column     = index_column_find(QUESTION[a->question].tag),
                                       .match      = QUESTION[a->question].match,
                                       .texts      = &text,
                                       .text_count = 1,
                                       .from       = date,
                                       .to         = date + 7 };
    const struct index_query     q = { .level           = QUESTION[a->question].level,
                                       .predicates      = &p,
                                       .predicate_count = p.column != NULL,
                                       .limit           = QUESTION[a->question].limit };
    must(index_find(a->index, &q, &ids, &count, &err), &err);
    for (size_t at = 0; at < count; at += INDEX_CHUNK) {
        struct index_row rows[INDEX_CHUNK];
        size_t           n     = count - at < INDEX_CHUNK ? count - at : INDEX_CHUNK;
        size_t           found = 0;

        must(index_rows(a->index, q.level, ids + at, n, with_header ? INDEX_WITH_HEADER : 0, &arena,
                        rows, &found, &err),
             &err);
        a->rows += found;
    }
    free(ids);
    iso_arena_release(&arena);
}

static void ask(void *arg)
{
    struct asker *a = arg;

    for (uint64_t r = a->seed; a->samples < SAMPLES_MAX; r++) {
        int64_t start = os_now_us();

        if (start >= a->until_us)
            break;
        question_ask(a, mix(r), false);
        a->sample[a->samples++] = (uint32_t)(os_now_us() - start);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int mode_ask(struct index *index, int argc, char **argv)
{
    const double        seconds = strtod(argv[0], NULL);
    const unsigned      threads = (unsigned)strtoul(argv[1], NULL, 10);
    static struct asker a[THREADS_MAX];
    struct index_stats  stats;
    struct iso_err      err = { 0 };
    uint32_t           *all;

    (void)argc;
    must(index_stats(index, &stats, &err), &err);
    if (threads < 1 || threads > THREADS_MAX || stats.studies == 0 || stats.series == 0)
        return 2;
    all = malloc(threads * SAMPLES_MAX * sizeof *all);
    if (all == NULL)
        return 2;
    for (size_t q = 0; q < QUESTIONS; q++) {
        const double cpu   = cpu_s();
        const double start = (double)os_now_us();
        size_t       n     = 0;
        uint64_t     rows  = 0;

        for (unsigned i = 0; i < threads; i++) {
            a[i] = (struct asker){ .index    = index,
                                   .shape    = { stats.instances / stats.series,
                                                 stats.instances / stats.studies, 134 },
                                   .objects  = stats.instances,
                                   .question = q,
                                   .seed     = 1000003u * i,
                                   .until_us = os_now_us() + (int64_t)(seconds * 1e6),
                                   .sample   = all + (size_t)i * SAMPLES_MAX };
            must(os_thread_start(&a[i].thread, "ask", 0, ask, &a[i], &err), &err);
        }
        for (unsigned i = 0; i < threads; i++) {
            os_thread_join(&a[i].thread);
            memmove(all + n, a[i].sample, a[i].samples * sizeof *all);
            n += a[i].samples;
            rows += a[i].rows;
        }
        if (n == 0)
            continue;
        const double took = ((double)os_now_us() - start) / 1e6;
        qsort(all, n, sizeof *all, compare);
        (void)printf(
            "%-24s %8.0f/s  p50 %6u  p95 %6u  p99 %6u us  %7.1f us of processor  %6.1f rows"
            "\n",
            QUESTION[q].name, (double)n / took, all[n / 2], all[n * 95 / 100], all[n * 99 / 100],
            1e6 * (cpu_s() - cpu) / (double)n, (double)rows / (double)n);
        (void)fflush(stdout);
    }
    free(all);
    return 0;
}

/* ---- sizes ---- */

static int mode_size(struct index *index)
{
    struct index_stats stats;
    struct iso_err     err = { 0 };
    struct sql        *sql;
    sqlite3_stmt      *st;
    double             total = 0;

    must(index_stats(index, &stats, &err), &err);
    must(index_reader_take(index, &sql, &err), &err);
    must(sql_prepare(sql,
                     "SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = 1 GROUP BY name"
                     " ORDER BY 2 DESC",
                     &st, &err),
         &err);
    while (sql_step(sql, st, &err) == ISO_OK) {
        double  each   = (double)sqlite3_column_int64(st, 1) / (double)stats.instances;
        iso_str name   = sql_str(st, 0);
        bool    header = iso_str_eq(name, ISO_STR("header")) || iso_str_eq(name, ISO_STR("pack")) ||
                      iso_str_eq(name, ISO_STR("piece"));

        total += header ? 0 : each;
        if (each >= 0.5)
            (void)printf("%8.1f  %.*s%s\n", each, ISO_STR_ARG(name),
                         header ? "  (header store)" : "");
    }
    (void)printf("%8.1f  bytes an object, header store apart\n", total);
    index_reader_give(index, sql);
    return 0;
}

int main(int argc, char **argv)
{
    struct index  *index;
    struct iso_err err = { 0 };
    int            rc  = 2;

    if (argc < 3) {
        (void)fprintf(stderr, "index_bench FILE fill|ask|size ...: see the head of its source\n");
        return 2;
    }
    int64_t start = os_now_us();
    must(index_open(argv[1], 32, &index, &err), &err);
    (void)printf("opened in %.1f ms\n", (double)(os_now_us() - start) / 1000);
    if (strcmp(argv[2], "fill") == 0 && argc >= 5)
        rc = mode_fill(index, argc - 3, argv + 3);
    else if (strcmp(argv[2], "ask") == 0 && argc >= 5)
        rc = mode_ask(index, argc - 3, argv + 3);
    else if (strcmp(argv[2], "size") == 0)
        rc = mode_size(index);
    index_close(index);
    return rc;
}
