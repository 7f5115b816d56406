/* cmd_move.c: `isocenter move`: has a peer send objects to a third one (or to us).   PS3.4 §C.4.2 */
#include "cmd_scu.h"

#include <stdio.h>
#include <unistd.h>

static const char help[] =
    "usage: isocenter move --dest AET [options] -k Keyword=Value... HOST PORT\n"
    "\n"
    "Asks the peer to send what the keys name to the DICOM application AET, which the peer must\n"
    "know (C-MOVE).\n"
    "\n" CMD_SCU_HELP "  --dest AET     AE title of the receiver, as the peer knows it\n"
    "  --level LEVEL  patient, study, series or image (study)\n"
    "  --model MODEL  patient or study: the information model (study)\n"
    "  -k KEY=VALUE   a unique key; several UIDs with a backslash between them\n";

struct options {
    struct cmd_scu  peer;
    const char     *destination;
    enum cmd_level  level;
    bool            patient_model;
    struct cmd_keys keys;
};

static int progress(void *ctx, const struct dimse_result *pending, struct iso_err *err)
{
    (void)ctx;
    (void)err;
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%u sent, %u failed, %u to go ", pending->completed,
                      pending->failed, pending->remaining);
    return ISO_OK;
}

static int report(const struct options *options, const struct dimse_result *result)
{
    char text[256];

    if (isatty(STDERR_FILENO))
        (void)fputs("\r\x1b[K", stderr);
    (void)printf("%u sent to %s, %u with warnings, %u failed\n", result->completed,
                 options->destination, result->warning, result->failed);
    if (result->status == DIMSE_SUCCESS)
        return CMD_OK;
    cmd_status_text(result, text, sizeof text);
    return cmd_fail(CMD_FAILED, "move", "%s:%u ended with %s", options->peer.host,
                    options->peer.port, text);
}

static int move(struct options *options)
{
    static const char *const transfers[] = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", NULL };
    const struct ul_proposal model       = {
              .abstract_syntax =
            options->patient_model ? "1.2.840.10008.5.1.4.1.2.1.2" : "1.2.840.10008.5.1.4.1.2.2.2",
              .transfers = transfers,
    };
    struct dimse_scu   *scu    = NULL;
    struct dimse_result result = { 0 };
    struct dimse_query  query  = { 0 };
    struct iso_err      err    = { 0 };

    int code = cmd_scu_open(&options->peer, &model, 1, &scu);
    if (code != CMD_OK)
        return code;
    const struct ul_context *context =
        ul_assoc_find(scu->ul, iso_str_c(model.abstract_syntax), (iso_str){ 0 }, false);
    int rc = context == NULL ? iso_fail(&err, ISO_EUNSUPPORTED, "the peer does not do C-MOVE")
                             : cmd_keys_encode(&options->keys, options->level,
                                               context->transfer_syntax, &query.identifier, &err);
    if (rc == ISO_OK) {
        query.context_id = context->id;
        rc = dimse_scu_move(scu, &query, iso_str_c(options->destination), progress, NULL, &result,
                            &err);
    }
    dimse_scu_close(scu);
    if (rc < 0)
        return cmd_fail(CMD_FAILED, "move", "%s:%u: %s", options->peer.host, options->peer.port,
                        err.text);
    return report(options, &result);
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option table[] = {
        CMD_SCU_OPTIONS,
        { "dest", required_argument, NULL, 'd' },
        { "level", required_argument, NULL, 'l' },
        { "model", required_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 },
    };
    struct iso_err err = { 0 };
    int            c, code;

    while ((c = getopt_long(argc, argv, "hk:", table, NULL)) != -1) {
        if (cmd_scu_option(&options->peer, c, &code)) {
            if (code != CMD_OK)
                return code;
        } else if (c == 'd') {
            options->destination = optarg;
        } else if (c == 'k') {
            if (cmd_keys_add(&options->keys, optarg, &err) < 0)
                return cmd_fail(CMD_USAGE, "move", "-k %s: %s", optarg, err.text);
        } else if (c == 'l') {
            if (!cmd_level_parse(optarg, &options->level))
                return cmd_fail(CMD_USAGE, "move", "--level: patient, study, series or image");
        } else if (c == 'm') {
            if (!cmd_model_parse(optarg, &options->patient_model))
                return cmd_fail(CMD_USAGE, "move", "--model: patient or study");
        } else {
            return cmd_usage("move");
        }
    }
    if (options->destination == NULL)
        return cmd_fail(CMD_USAGE, "move", "--dest AET is missing: who shall receive?");
    if (options->keys.count == 0)
        return cmd_fail(CMD_USAGE, "move", "no keys: -k StudyInstanceUID=... says what to send");
    if (options->level == CMD_PATIENT)
        options->patient_model = true;
    return cmd_scu_target(&options->peer, argc, argv);
}

static int run(int argc, char **argv)
{
    struct options   options = { .level = CMD_STUDY };
    struct iso_arena arena;

    if (cmd_scu_wants_help(argc, argv, help))
        return CMD_OK;
    iso_arena_init(&arena, 16 << 20);
    cmd_scu_init(&options.peer, "move");
    cmd_keys_init(&options.keys, &arena);
    int code = parse(&options, argc, argv);
    if (code == CMD_OK && optind < argc)
        code = cmd_usage("move");
    if (code == CMD_OK)
        code = move(&options);
    iso_arena_release(&arena);
    return code;
}

const struct cmd cmd_move = { "move", "have a peer send objects to another (C-MOVE)", run };
