/* arc_bench.c: how fast the archive itself is, without a protocol in front.
 * arc_bench FOLDER store THREADS COUNT ROWS     COUNT objects of ROWS * ROWS * 2 bytes of pixels
 * arc_bench FOLDER find ROUNDS                  typical questions, p50 and p99 in microseconds
 * arc_bench FOLDER headers                      the headers of one series of each study */
#include "arc_make.h"

#include "os_clock.h"
#include "os_thread.h"

enum { THREADS_MAX = 64, SERIES_OBJECTS = 100, STUDY_OBJECTS = 200, ROUNDS_MAX = 100000 };

struct worker {
    struct os_thread thread;
    struct arc      *arc;
    unsigned         from, to, step;
    int              rows;
};

static void names_of(unsigned n, char text[6][64])
{
    unsigned study = n / STUDY_OBJECTS;

    (void)snprintf(text[0], 64, "1.2.840.99999.1.%u.%u.%u", study, n / SERIES_OBJECTS, n);
    (void)snprintf(text[1], 64, "1.2.840.99999.1.%u", study);
    (void)snprintf(text[2], 64, "1.2.840.99999.1.%u.%u", study, n / SERIES_OBJECTS);
    (void)snprintf(text[3], 64, "Family%u^Given%u", study % 977, study);
    (void)snprintf(text[4], 64, "PID%06u", study);
    (void)snprintf(text[5], 64, "20%02u%02u%02u", study % 25, study % 12 + 1, study % 28 + 1);
}

static void work(void *arg)
{
    struct worker     *w = arg;
    struct iso_buf     object;
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };
    char               text[6][64];

    names_of(w->from, text);
    for (unsigned n = w->from; n < w->to; n += w->step) {
        names_of(n, text);
        struct make m = { .sop          = text[0],
                          .study        = text[1],
                          .series       = text[2],
                          .patient_name = text[3],
                          .patient_id   = text[4],
                          .study_date   = text[5],
                          .accession    = text[4] + 3,
                          .number       = (int)(n % SERIES_OBJECTS),
                          .rows         = w->rows,
                          .fill         = (uint8_t)n };
        make_object(&m, &object);
        if (make_store(w->arc, iso_buf_bytes(&object), text[0], &receipt, &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        iso_buf_release(&object);
    }
}

static void store(struct arc *arc, unsigned threads, unsigned count, int rows)
{
    struct worker    worker[THREADS_MAX];
    struct iso_err   err = { 0 };
    struct arc_stats stats;

    if (arc_stats(arc, &stats, &err) < 0)
        exit(1);
    unsigned base  = (unsigned)stats.instances;
    int64_t  start = os_now_us();
    for (unsigned i = 0; i < threads; i++) {
        worker[i] = (struct worker){
            .arc = arc, .from = base + i, .to = base + count, .step = threads, .rows = rows
        };
        if (os_thread_start(&worker[i].thread, "bench", 0, work, &worker[i], &err) < 0)
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++)
        os_thread_join(&worker[i].thread);
    double seconds = (double)(os_now_us() - start) / 1e6;
    (void)printf("%2u threads, %7.1f kB: %8.0f/s, %7.1f MB/s\n", threads, rows * rows * 2 / 1000.0,
                 count / seconds, count * (double)(rows * rows * 2) / 1e6 / seconds);
}

static int count_row(void *ctx, const struct dcm_dataset *row, struct iso_err *err)
{
    (void)row;
    (void)err;
    ++*(uint64_t *)ctx;
    return ISO_OK;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void ask(struct arc *arc, const char *what, int rounds, enum arc_level level, dcm_tag tag,
                enum dcm_vr vr, const char *before, int width, const char *after, unsigned studies,
                uint64_t limit)
{
    static int64_t       took[ROUNDS_MAX];
    static const dcm_tag include[] = { 0x00081030, 0x00080090, 0x00100030, 0x00100010,
                                       0x00080020, 0x00080061, 0x00201206, 0x00201208 };
    struct iso_arena     arena;
    struct dcm_dataset   keys;
    struct iso_err       err  = { 0 };
    uint64_t             rows = 0;

    iso_arena_init(&arena, 1 << 20);
    for (int i = 0; i < rounds; i++) {
        char     value[64];
        unsigned study = (unsigned)(i * 7919) % studies;

        if (after == NULL)
            (void)snprintf(value, sizeof value, "%s", before);
        else
            (void)snprintf(value, sizeof value, "%s%0*u%s", before, width, study, after);
        iso_arena_reset(&arena);
        dcm_dataset_init(&keys);
        assert_int_equal(dcm_put_utf8(&keys, &arena), ISO_OK);
        make_put(&keys, &arena, tag, vr, value);
        struct arc_query q = {
            .level = level, .keys = &keys, .include = include, .include_count = 8, .limit = limit
        };
        int64_t start = os_now_us();
        if (arc_find(arc, &q, count_row, &rows, &err) < 0) {
            (void)fprintf(stderr, "%s: %s\n", what, err.text);
            exit(1);
        }
        took[i] = os_now_us() - start;
    }
    qsort(took, (size_t)rounds, sizeof took[0], by_time);
    (void)printf("%-32s p50 %6lld us  p99 %6lld us  %.1f rows\n", what, (long long)took[rounds / 2],
                 (long long)took[rounds * 99 / 100], (double)rows / rounds);
    iso_arena_release(&arena);
}

static void find(struct arc *arc, int rounds)
{
    struct arc_stats stats;
    struct iso_err   err = { 0 };

    if (arc_stats(arc, &stats, &err) < 0)
        exit(1);
    unsigned studies = (unsigned)stats.studies;
    (void)printf("%llu instances, %u studies\n", (unsigned long long)stats.instances, studies);
    ask(arc, "PatientID", rounds, ARC_STUDY, 0x00100020, DCM_VR_LO, "PID", 6, "", studies, 0);
    ask(arc, "PatientName prefix", rounds, ARC_STUDY, 0x00100010, DCM_VR_PN, "family", 1, "^*",
        studies, 0);
    ask(arc, "PatientName infix", rounds, ARC_STUDY, 0x00100010, DCM_VR_PN, "*given", 1, "*",
        studies, 101);
    ask(arc, "StudyInstanceUID", rounds, ARC_STUDY, 0x0020000D, DCM_VR_UI, "1.2.840.99999.1.", 1,
        "", studies, 0);
    ask(arc, "StudyDate", rounds, ARC_STUDY, 0x00080020, DCM_VR_DA, "20240101-20241231", 0, NULL,
        studies, 101);
    ask(arc, "newest 101", rounds, ARC_STUDY, 0x00100010, DCM_VR_PN, "", 0, NULL, studies, 101);
    ask(arc, "ModalitiesInStudy newest 101", rounds, ARC_STUDY, 0x00080061, DCM_VR_CS, "CT", 0,
        NULL, studies, 101);
    ask(arc, "series of a study", rounds, ARC_SERIES, 0x0020000D, DCM_VR_UI, "1.2.840.99999.1.", 1,
        "", studies, 0);
    ask(arc, "200 instances of a study", rounds, ARC_INSTANCE, 0x0020000D, DCM_VR_UI,
        "1.2.840.99999.1.", 1, "", studies, 0);
}

static int count_header(void *ctx, const struct arc_instance *instance,
                        const struct dcm_dataset *header, struct iso_err *err)
{
    (void)instance;
    (void)err;
    *(uint64_t *)ctx += header->count > 0;
    return ISO_OK;
}

static void headers(struct arc *arc)
{
    struct iso_err err   = { 0 };
    uint64_t       count = 0;

    for (unsigned round = 0; round < 5; round++) {
        const iso_str              study[]   = { ISO_STR("1.2.840.99999.1.0") };
        const struct arc_selection selection = { .study_uids = study, .study_count = 1 };
        int64_t                    start     = os_now_us();

        count = 0;
        if (arc_select_headers(arc, &selection, count_header, &count, &err) < 0)
            exit(1);
        (void)printf("%llu headers in %lld us\n", (unsigned long long)count,
                     (long long)(os_now_us() - start));
    }
}

int main(int argc, char **argv)
{
    struct arc *arc;
    int64_t     start = os_now_us();

    if (argc < 3)
        return 2;
    arc = make_archive(argv[1], ARC_KEEP_FIRST);
    (void)printf("open in %lld us\n", (long long)(os_now_us() - start));
    if (strcmp(argv[2], "store") == 0 && argc == 6)
        store(arc, (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]), atoi(argv[5]));
    else if (strcmp(argv[2], "find") == 0 && argc == 4)
        find(arc, atoi(argv[3]));
    else if (strcmp(argv[2], "headers") == 0)
        headers(arc);
    start = os_now_us();
    arc_close(arc);
    (void)printf("closed in %lld us\n", (long long)(os_now_us() - start));
    return 0;
}
