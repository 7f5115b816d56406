/* cmd_find.c: `isocenter find`: asks a peer what it has.   PS3.4 §C.4.1 */
#include "cmd_scu.h"

#include "dcm_dict.h"
#include "dcm_json.h"
#include "dcm_parser.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: isocenter find [options] -k Keyword[=Value]... [-r Keyword]... HOST PORT\n"
    "\n"
    "Asks a DICOM peer for patients, studies, series or images (C-FIND) and prints a table.\n"
    "\n" CMD_SCU_HELP "  --level LEVEL   patient, study, series or image (study)\n"
    "  --model MODEL   patient or study: the information model (study)\n"
    "  -k KEY=VALUE    a key to match: value, wildcard, range, list, Sequence.Keyword=Value\n"
    "  -r KEY          an attribute to return; the same as -k KEY\n"
    "  --json          print DICOM JSON instead\n"
    "  --fuzzy         match person names by sound, if the peer agrees\n"
    "  --relational    no unique keys needed above the level, if the peer agrees\n"
    "  --cancel-after N  stop the peer after so many answers\n";

enum {
    ROWS_MEASURED = 500, /* held back to find the width of each column; the rest follows them */
    WIDTH_MAX     = 64,
    CELL_BYTES    = 256
};

struct options {
    struct cmd_scu  peer;
    enum cmd_level  level;
    bool            patient_model;
    bool            json;
    bool            fuzzy;
    bool            relational;
    uint64_t        cancel_after; /* 0: never */
    struct cmd_keys keys;
};

/* The output in the making. */
struct table {
    const struct options    *options;
    const struct dcm_syntax *syntax;
    struct iso_arena         row;  /* one answer */
    struct iso_arena        *held; /* cells of the rows held back */
    char                  ***rows;
    size_t                   row_count;
    size_t                   row_cap;
    size_t                   width[CMD_KEYS_MAX];
    bool                     measured;
    uint64_t                 count;
};

/* UTF-8 characters, which is what takes a column each, nearly always. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static const char *title_of(dcm_tag tag, char out[16])
{
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);

    if (entry != NULL)
        return dcm_dict_keyword(entry);
    (void)snprintf(out, 16, DCM_TAG_FMT, DCM_TAG_ARG(tag));
    return out;
}

static void print_cells(const struct table *table, char *const *cells)
{
    size_t last = table->options->keys.count - 1;

    for (size_t i = 0; i <= last; i++) {
        size_t width = width_of(cells[i]);
        (void)fputs(cells[i], stdout);
        for (; i < last && width < table->width[i]; width++)
            (void)putchar(' ');
        (void)fputs(i < last ? "  " : "\n", stdout);
    }
}

/* Widths are known: the title and all that was held back. */
static void print_held(struct table *table)
{
    char  buffer[CMD_KEYS_MAX][16];
    char *titles[CMD_KEYS_MAX];

    table->measured = true;
    for (size_t i = 0; i < table->options->keys.count; i++) {
        titles[i]    = (char *)(uintptr_t)title_of(table->options->keys.tags[i], buffer[i]);
        size_t width = width_of(titles[i]);
        if (table->width[i] < width)
            table->width[i] = width;
    }
    if (table->row_count > 0)
        print_cells(table, titles);
    for (size_t r = 0; r < table->row_count; r++)
        print_cells(table, table->rows[r]);
}

/* One cell as text that cannot steer a terminal. */
static char *cell_of(struct table *table, const struct dcm_dataset *ds, dcm_tag tag,
                     struct iso_arena *arena)
{
    const struct dcm_element *el   = dcm_get(ds, tag);
    iso_str                   text = { 0 };
    int64_t                   number;

    if (el != NULL && el->form == DCM_FORM_SEQUENCE)
        text = iso_arena_printf(arena, "(%zu items)", el->item_count);
    else if (el != NULL && dcm_vr_info(el->vr)->is_text)
        text = dcm_get_text(ds, tag, &table->row);
    else if (dcm_get_i64(ds, tag, 0, &number))
        text = iso_arena_printf(arena, "%lld", (long long)number);
    if (text.len > CELL_BYTES)
        text.len = CELL_BYTES;
    char *out = (char *)(uintptr_t)iso_arena_str(arena, iso_str_trim(text)).ptr;
    for (char *p = out; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return out;
}

static int add_row(struct table *table, const struct dcm_dataset *ds, struct iso_err *err)
{
    const struct cmd_keys *keys  = &table->options->keys;
    struct iso_arena      *arena = table->measured ? &table->row : table->held;
    char                 **cells = iso_arena_array(arena, keys->count, sizeof *cells);

    for (size_t i = 0; cells != NULL && i < keys->count; i++) {
        cells[i] = cell_of(table, ds, keys->tags[i], arena);
        if (cells[i] == NULL)
            return iso_arena_fail(arena, err);
        size_t width = width_of(cells[i]);
        if (!table->measured && width > table->width[i])
            table->width[i] = width < WIDTH_MAX ? width : WIDTH_MAX;
    }
    if (cells == NULL)
        return iso_arena_fail(arena, err);
    if (table->measured) {
        print_cells(table, cells);
        return ISO_OK;
    }
    table->rows = iso_arena_grow(arena, table->rows, table->row_count, table->row_count + 1,
                                 sizeof *table->rows, &table->row_cap);
    if (table->rows == NULL)
        return iso_arena_fail(arena, err);
    table->rows[table->row_count++] = cells;
    if (table->row_count == ROWS_MEASURED)
        print_held(table);
    return ISO_OK;
}

static int add_json(struct table *table, const struct dcm_dataset *ds, struct iso_err *err)
{
    struct iso_buf  text;
    struct iso_json json;

    iso_buf_init(&text, DIMSE_IDENTIFIER_BYTES_MAX * 8);
    iso_json_init(&json, &text);
    int rc = dcm_json_write(ds, NULL, &table->row, &json, err);
    if (rc == ISO_OK)
        rc = iso_json_end(&json, err);
    if (rc == ISO_OK) {
        (void)fputs(table->count == 1 ? "" : ",\n", stdout);
        (void)fwrite(text.ptr, 1, text.len, stdout);
    }
    iso_buf_release(&text);
    return rc;
}

static int each(void *ctx, iso_bytes identifier, uint16_t status, struct iso_err *err)
{
    struct table      *table = ctx;
    struct dcm_dataset ds;

    (void)status;
    iso_arena_reset(&table->row);
    int rc = dcm_dataset_parse(identifier, table->syntax, &table->row, &ds, err);
    if (rc < 0)
        return iso_wrap(err, rc, "answer %llu", (unsigned long long)table->count + 1);
    table->count++;
    rc = table->options->json ? add_json(table, &ds, err) : add_row(table, &ds, err);
    if (rc == ISO_OK && table->count == table->options->cancel_after)
        return iso_fail(err, ISO_ECANCEL, "enough answers");
    return rc;
}

/* Says what was agreed where more than the plain rules were asked for. */
static void check_agreed(const struct options *options, const struct ul_context *context)
{
    const uint8_t *agreed = context->extended.ptr;

    if (options->relational && (context->extended.len < 1 || agreed[0] != 1))
        (void)cmd_fail(CMD_OK, "find", "the peer does not do relational queries");
    if (options->fuzzy && (context->extended.len < 3 || agreed[2] != 1))
        (void)cmd_fail(CMD_OK, "find", "the peer does not match names by sound");
}

static int ask(struct options *options, struct dimse_scu *scu, const char *model,
               struct table *table, struct dimse_result *result, struct iso_err *err)
{
    const struct ul_context *context =
        ul_assoc_find(scu->ul, iso_str_c(model), (iso_str){ 0 }, false);
    struct dimse_query query = { 0 };

    if (context == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the peer does not do C-FIND in this model");
    check_agreed(options, context);
    table->syntax    = dcm_syntax_or_default(context->transfer_syntax);
    query.context_id = context->id;
    int rc           = cmd_keys_encode(&options->keys, options->level, context->transfer_syntax,
                                       &query.identifier, err);
    return rc < 0 ? rc : dimse_scu_find(scu, &query, each, table, result, err);
}

static int find(struct options *options, struct iso_arena *arena)
{
    static const char *const transfers[] = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", NULL };
    const uint8_t            extended[3] = { options->relational, 0, options->fuzzy };
    const struct ul_proposal model       = {
              .abstract_syntax =
            options->patient_model ? "1.2.840.10008.5.1.4.1.2.1.1" : "1.2.840.10008.5.1.4.1.2.2.1",
              .transfers = transfers,
              .extended  = iso_bytes_of(extended, options->relational || options->fuzzy ? 3 : 0),
    };
    struct table       *table  = iso_arena_alloc(arena, sizeof *table);
    struct dimse_scu   *scu    = NULL;
    struct dimse_result result = { 0 };
    struct iso_err      err    = { 0 };
    char                text[256];

    if (table == NULL)
        return cmd_fail(CMD_FAILED, "find", "no memory");
    int code = cmd_scu_open(&options->peer, &model, 1, &scu);
    if (code != CMD_OK)
        return code;
    table->options = options;
    table->held    = arena;
    iso_arena_init(&table->row, 64 << 20);
    if (options->json)
        (void)puts("[");
    int rc = ask(options, scu, model.abstract_syntax, table, &result, &err);
    if (options->json)
        (void)puts(table->count > 0 ? "\n]" : "]");
    else if (!table->measured)
        print_held(table);
    iso_arena_release(&table->row);
    dimse_scu_close(scu);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "find", "%s:%u: %s", options->peer.host, options->peer.port,
                        err.text);
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "%llu found\n", (unsigned long long)table->count);
    if (result.status == DIMSE_SUCCESS || (result.status == DIMSE_CANCEL && options->cancel_after))
        return CMD_OK;
    cmd_status_text(&result, text, sizeof text);
    return cmd_fail(CMD_FAILED, "find", "%s:%u ended with %s", options->peer.host,
                    options->peer.port, text);
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        CMD_SCU_OPTIONS,
        { "level", required_argument, NULL, 'l' },
        { "model", required_argument, NULL, 'm' },
        { "json", no_argument, NULL, 'j' },
        { "fuzzy", no_argument, NULL, 'f' },
        { "relational", no_argument, NULL, 'R' },
        { "cancel-after", required_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 },
    };
    struct iso_err err = { 0 };
    int            c, code;

    while ((c = getopt_long(argc, argv, "hk:r:", table, NULL)) != -1) {
        if (cmd_scu_option(&options->peer, c, &code)) {
            if (code != CMD_OK)
                return code;
        } else if (c == 'k' || c == 'r') {
            if (cmd_keys_add(&options->keys, optarg, &err) < 0)
                return cmd_fail(CMD_USAGE, "find", "-%c %s: %s", c, optarg, err.text);
        } else if (c == 'l') {
            if (!cmd_level_parse(optarg, &options->level))
                return cmd_fail(CMD_USAGE, "find", "--level: patient, study, series or image");
        } else if (c == 'm') {
            if (!cmd_model_parse(optarg, &options->patient_model))
                return cmd_fail(CMD_USAGE, "find", "--model: patient or study");
        } else if (c == 'n') {
            if (!iso_str_to_u64(iso_str_c(optarg), &options->cancel_after) ||
                options->cancel_after == 0)
                return cmd_fail(CMD_USAGE, "find", "--cancel-after takes a number from 1");
        } else if (c == 'j') {
            options->json = true;
        } else if (c == 'f') {
            options->fuzzy = true;
        } else if (c == 'R') {
            options->relational = true;
        } else {
            return cmd_usage("find");
        }
    }
    if (options->level == CMD_PATIENT)
        options->patient_model = true;
    return cmd_scu_target(&options->peer, argc, argv);
}

/* What most want to see when they name nothing. */
static int add_default_keys(struct options *options, struct iso_err *err)
{
    static const char *const columns[][7] = {
        [CMD_PATIENT] = { "PatientID", "PatientName", "PatientBirthDate", "PatientSex" },
        [CMD_STUDY]   = { "StudyInstanceUID", "PatientID", "PatientName", "StudyDate",
                          "ModalitiesInStudy", "StudyDescription", "AccessionNumber" },
        [CMD_SERIES]  = { "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription" },
        [CMD_IMAGE]   = { "SOPInstanceUID", "SOPClassUID", "InstanceNumber" },
    };
    const char *const *list = columns[options->level];
    int                rc   = ISO_OK;

    for (size_t i = 0; i < 7 && list[i] != NULL && rc == ISO_OK; i++)
        rc = cmd_keys_add(&options->keys, list[i], err);
    return rc;
}

static int run(int argc, char **argv)
{
    struct options   options = { .level = CMD_STUDY };
    struct iso_arena arena;
    struct iso_err   err = { 0 };

    if (cmd_scu_wants_help(argc, argv, help))
        return CMD_OK;
    iso_arena_init(&arena, 64 << 20);
    cmd_scu_init(&options.peer, "find");
    cmd_keys_init(&options.keys, &arena);
    int code = parse(&options, argc, argv);
    if (code == CMD_OK && optind < argc)
        code = cmd_usage("find");
    if (code == CMD_OK && options.keys.count == 0 && add_default_keys(&options, &err) < 0)
        code = cmd_fail(CMD_FAILED, "find", "%s", err.text);
    if (code == CMD_OK)
        code = find(&options, &arena);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_find = { "find", "ask a DICOM peer what it has (C-FIND)", run };
