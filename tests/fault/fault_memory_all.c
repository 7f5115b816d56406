/* fault_memory_all.c: the archive in this process, while the n-th allocation fails, for every n, of ours and of the
 * libraries': once by itself, and once with all that follow it, as when memory has run out. Each time the call says so
 * or does its work; then memory is back, the same call succeeds, and whatever was acknowledged is there. */
#include "arc_make.h"

#include "fault_memory.h"
#include "os_file.h"

static struct fault_memory memory;
static void               *folder;
static struct arc         *archive;
static unsigned            number, acknowledged, refused, fresh;
static long                total;

enum { ROUNDS_MAX = 20000 };

static void arm(long n, long span)
{
    atomic_store(&memory.count, 0);
    atomic_store(&memory.at, n);
    atomic_store(&memory.span, span);
    atomic_store(&memory.fired, 0);
    atomic_store(&memory.mode, FAULT_MEMORY_NTH);
}

/* Where it failed, for addr2line. */
static void where(void)
{
    print_message("    addr2line -sfpe fault_memory_all");
    for (int i = 3; i < FAULT_STACK && memory.stack[i] != 0; i++)
        if (memory.stack[i] >> 40 == 1)
            print_message(" %llx", (unsigned long long)(memory.stack[i] & 0xffffffffff) - 1);
    print_message("\n");
}

#define GIVE_UP(...)                                                                               \
    do {                                                                                           \
        where();                                                                                   \
        fail_msg(__VA_ARGS__);                                                                     \
    } while (0)

/* True: the n-th was reached. */
static bool disarm(void)
{
    atomic_store(&memory.mode, FAULT_MEMORY_OFF);
    return atomic_load(&memory.fired) > 0;
}

/* ---- what is done ---- */

static void object_of(unsigned i, char sop[64], struct iso_buf *out)
{
    char        study[64];
    struct make m = { .patient_name = "Mem^Ory",
                      .patient_id   = "M1",
                      .study        = study,
                      .series       = study,
                      .sop          = sop,
                      .study_date   = "20260101",
                      .description  = "Memory",
                      .number       = (int)i,
                      .rows         = i % 4 == 3 ? 800 : 30,
                      .frames       = 2,
                      .fill         = (uint8_t)i };

    (void)snprintf(sop, 64, "1.2.3.7.%u", i);
    (void)snprintf(study, sizeof study, "1.2.3.8.%u", i % 16);
    make_object(&m, out);
}

static int store_one(unsigned i, struct iso_err *err)
{
    struct arc_receipt receipt;
    struct iso_buf     object;
    char               sop[64];
    int                mode = atomic_exchange(&memory.mode, FAULT_MEMORY_OFF);

    object_of(i, sop, &object);
    atomic_store(&memory.mode, mode);
    int rc = make_store(archive, iso_buf_bytes(&object), sop, &receipt, err);
    mode   = atomic_exchange(&memory.mode, FAULT_MEMORY_OFF);
    iso_buf_release(&object);
    atomic_store(&memory.mode, mode);
    return rc;
}

static int row(void *ctx, const struct dcm_dataset *ds, struct iso_err *err)
{
    (void)ds;
    (void)err;
    ++*(unsigned *)ctx;
    return ISO_OK;
}

static int header(void *ctx, const struct arc_instance *instance, const struct dcm_dataset *ds,
                  struct iso_err *err)
{
    (void)instance;
    (void)err;
    *(unsigned *)ctx += dcm_get(ds, DCM_SOP_INSTANCE_UID) != NULL;
    return ISO_OK;
}

static int find(unsigned *rows, struct iso_err *err)
{
    struct iso_arena   arena;
    struct dcm_dataset keys;
    int                rc = ISO_OK;

    iso_arena_init(&arena, 1 << 20);
    for (int level = ARC_PATIENT; level <= ARC_INSTANCE && rc == ISO_OK; level++) {
        dcm_dataset_init(&keys);
        rc = dcm_put_utf8(&keys, &arena);
        if (rc == ISO_OK)
            rc = dcm_put_str(&keys, &arena, DCM_PATIENT_NAME, DCM_VR_PN, ISO_STR("mem*"));
        if (rc == ISO_OK)
            rc = dcm_put_str(&keys, &arena, DCM_IMAGE_COMMENTS, DCM_VR_LT, ISO_STR(""));
        const struct arc_query query = {
            .level = (enum arc_level)level, .keys = &keys, .include_all = true, .limit = 3
        };
        if (rc == ISO_OK)
            rc = arc_find(archive, &query, row, rows, err);
    }
    iso_arena_release(&arena);
    return rc;
}

static int read_one(unsigned i, bool *same, struct iso_err *err)
{
    struct iso_arena    arena;
    struct arc_instance instance;
    struct arc_object   object = { 0 };
    struct dcm_dataset  ds;
    struct arc_frame   *frames;
    struct iso_buf      expected;
    size_t              found;
    char                sop[64];
    int                 mode = atomic_exchange(&memory.mode, FAULT_MEMORY_OFF);

    object_of(i, sop, &expected);
    atomic_store(&memory.mode, mode);
    iso_arena_init(&arena, (size_t)16 << 20);
    int rc = arc_lookup(archive, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, err);
    if (rc == ISO_OK)
        rc = arc_header(archive, &instance, &arena, &ds, err);
    if (rc == ISO_OK)
        rc = arc_frames(archive, &instance, NULL, 0, &arena, &frames, &found, err);
    if (rc == ISO_OK)
        rc = arc_object_open(archive, &instance, &object, err);
    if (rc == ISO_OK) {
        uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
        if (bytes == NULL)
            rc = iso_arena_fail(&arena, err);
        else
            rc = os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, err);
        *same = rc == ISO_OK && object.bytes == instance.data_offset + expected.len &&
                memcmp(bytes + instance.data_offset, expected.ptr, expected.len) == 0;
    }
    arc_object_close(&object);
    iso_arena_release(&arena);
    mode = atomic_exchange(&memory.mode, FAULT_MEMORY_OFF);
    iso_buf_release(&expected);
    atomic_store(&memory.mode, mode);
    return rc;
}

static void must_be_there(unsigned i)
{
    struct iso_err err  = { 0 };
    bool           same = false;

    if (read_one(i, &same, &err) != ISO_OK || !same)
        GIVE_UP("object %u was acknowledged and is not there: %s", i, err.text);
}

/* ---- each with every n ---- */

static int ingest(struct iso_err *err)
{
    int rc = store_one(number, err);

    return rc == ISO_OK ? store_one(number, err) : rc; /* the second time it is here already */
}

static int after_ingest(int rc)
{
    struct iso_err err = { 0 };

    if (rc == ISO_OK)
        must_be_there(number);
    if (store_one(number, &err) != ISO_OK)
        GIVE_UP("memory is back, and still: %s", err.text);
    must_be_there(number++);
    acknowledged++;
    return ISO_OK;
}

static int query(struct iso_err *err)
{
    const iso_str              study[]   = { ISO_STR("1.2.3.8.1") };
    const struct arc_selection selection = { .study_uids = study, .study_count = 1 };
    unsigned                   rows      = 0;
    unsigned                   headers   = 0;
    bool                       same      = false;
    int                        rc        = find(&rows, err);

    if (rc == ISO_OK && rows == 0)
        GIVE_UP("no row, no error");
    if (rc == ISO_OK)
        rc = arc_select_headers(archive, &selection, header, &headers, err);
    if (rc == ISO_OK && headers == 0)
        GIVE_UP("no header, no error");
    if (rc == ISO_OK)
        rc = read_one(1, &same, err);
    if (rc == ISO_OK)
        rc = read_one(3, &same, err);
    if (rc == ISO_OK && !same)
        GIVE_UP("other bytes, no error");
    return rc;
}

static int after_query(int rc)
{
    struct iso_err err = { 0 };

    (void)rc;
    if (query(&err) != ISO_OK)
        GIVE_UP("memory is back, and still: %s", err.text);
    return ISO_OK;
}

static int remove_some(struct iso_err *err)
{
    char     sop[64];
    uint64_t removed = 0;

    (void)snprintf(sop, sizeof sop, "1.2.3.7.%u", fresh);
    const iso_str              uid[]     = { iso_str_c(sop) };
    const struct arc_selection selection = { .sop_instance_uids = uid, .instance_count = 1 };
    return arc_remove(archive, &selection, &removed, err);
}

static int after_remove(int rc)
{
    struct iso_err err  = { 0 };
    bool           same = false;

    if (rc == ISO_OK && read_one(fresh, &same, &err) != ISO_ENOENT)
        GIVE_UP("object %u was removed and is there", fresh);
    if (remove_some(&err) != ISO_OK)
        GIVE_UP("memory is back, and still: %s", err.text);
    fresh++;
    return ISO_OK;
}

static int open_again(struct iso_err *err)
{
    struct arc_config config;

    arc_close(archive);
    archive = NULL;
    arc_config_init(&config);
    config.folder         = folder;
    config.free_bytes_min = 0;
    return arc_open(&config, &archive, err);
}

static int after_open(int rc)
{
    struct iso_err err = { 0 };

    (void)rc;
    if (open_again(&err) != ISO_OK)
        GIVE_UP("memory is back, and still: %s", err.text);
    return after_query(rc);
}

static void every(const char *name, int (*work)(struct iso_err *err), int (*after)(int rc),
                  long        stride)
{
    unsigned no = 0;
    long     n  = 0;

    refused = 0;
    for (int all = 0; all <= 1; all++) {
        bool reached = true;

        for (n = 0; reached && n < ROUNDS_MAX; n += all ? stride * 3 : stride) {
            struct iso_err err = { 0 };

            arm(n, all ? -1 : 0);
            int rc  = work(&err);
            reached = disarm();
            if (rc != ISO_OK && rc != ISO_ENOMEM)
                no++;
            refused += rc != ISO_OK;
            if (rc != ISO_OK && !reached)
                GIVE_UP("%s fails without a reason: %s", name, err.text);
            after(rc);
            total++;
        }
        assert_true(n < ROUNDS_MAX);
    }
    print_message("%s: %ld allocations; %u refused, %u of them not for want of memory\n", name, n,
                  refused, no);
}

static void the_archive(void **state)
{
    bool           full = getenv("ISOCENTER_FAULT_FULL") != NULL;
    struct iso_err err  = { 0 };

    (void)state;
    assert_int_equal(make_folder(&folder), 0);
    archive = make_archive(folder, ARC_KEEP_FIRST);
    for (; number < 40; number++)
        assert_int_equal(store_one(number, &err), ISO_OK);
    every("ingest", ingest, after_ingest, 1);
    every("query", query, after_query, full ? 1 : 7);
    fresh = 100;
    every("remove", remove_some, after_remove, 1);
    every("open", open_again, after_open, full ? 1 : 29);
    for (unsigned i = 0; i < number; i++)
        if (i < 100 || i >= fresh)
            must_be_there(i);
    arc_close(archive);
    assert_int_equal(make_folder_gone(&folder), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_archive) };

    if (argc > 1 && strcmp(argv[1], "--full") == 0)
        setenv("ISOCENTER_FAULT_FULL", "1", 1);
    atomic_store(&memory.depth, 8);
    fault_memory_use(&memory);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)printf("figure memory-archive points=%ld acknowledged=%u lost=0 mismatches=0 "
                 "violations=%d places=%d\n",
                 total, acknowledged, failed, atomic_load(&memory.places));
    (void)printf("%s memory-archive\n", failed ? "FAIL" : "ok");
    return failed != 0;
}
