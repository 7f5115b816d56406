/* cmd_doctor.c: `isocenter doctor`: looks at a machine and says what would keep us from serving. */
#include "cmd.h"
#include "cmd_codec.h"
#include "cmd_config.h"
#include "cmd_running.h"

#include "dcm_dict.h"
#include "net_http.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_process.h"
#include "os_thread.h"
#include "srv_program.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FLUSHES = 20, FLUSH_BYTES = 512 << 10 };

#define FREE_BYTES_WARN ((uint64_t)5 << 30)

static const char help[] =
    "usage: isocenter doctor [--config FILE] [--data DIR]\n"
    "\n"
    "Checks what serving needs: the configuration, the data folder and its disk, the ports, the\n"
    "system's limits and clock, what decodes and draws. Changes nothing but one test file, which "
    "it\n"
    "removes again.\n"
    "Exit code 0: nothing is wrong. 1: something is.\n";

enum verdict { GOOD, WARN, BAD };

static int worst;

static void tell(enum verdict verdict, const char *what, const char *fmt, ...) ISO_PRINTF(3, 4);

static void tell(enum verdict verdict, const char *what, const char *fmt, ...)
{
    static const char *const words[] = { "ok  ", "warn", "BAD " };
    va_list                  args;

    (void)printf("%s  %-10s ", words[verdict], what);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
    if ((int)verdict > worst)
        worst = (int)verdict;
}

/* How long a durable write takes, and whether it works at all. */
static void check_flush(int folder)
{
    static const char    name[] = "doctor.tmp";
    static const uint8_t block[FLUSH_BYTES];
    struct iso_err       err = { 0 };
    int                  fd  = -1;

    (void)os_remove(folder, name, NULL);
    int     rc    = os_open(folder, name, OS_CREATE, &fd, &err);
    int64_t began = os_now_us();
    for (int i = 0; rc == ISO_OK && i < FLUSHES; i++) {
        rc = os_write(fd, block, sizeof block, &err);
        if (rc == ISO_OK)
            rc = os_sync(fd, &err);
    }
    double ms = (double)(os_now_us() - began) / 1000 / FLUSHES;
    os_close(fd);
    (void)os_remove(folder, name, NULL);
    if (rc < 0)
        tell(BAD, "disk", "%s: check the disk and the folder's permissions", err.text);
    else
        tell(ms > 50 ? WARN : GOOD, "disk", "a durable write of 512 KiB takes %.1f ms%s", ms,
             ms > 50 ? ": images will arrive slowly" : "");
}

static void check_folder(const struct cmd_config *config)
{
    struct iso_err err    = { 0 };
    uint64_t       bytes  = 0;
    int            folder = -1;
    int            rc     = os_make_folder(OS_CWD, config->data, &err);

    if (rc == ISO_OK)
        rc = os_open(OS_CWD, config->data, OS_FOLDER, &folder, &err);
    if (rc < 0) {
        tell(BAD, "data", "%s: create it, or name another with --data", err.text);
        return;
    }
    tell(GOOD, "data", "%s", config->data);
    if (os_free_bytes(folder, &bytes, &err) < 0)
        tell(WARN, "space", "%s", err.text);
    else
        tell(bytes < FREE_BYTES_WARN ? WARN : GOOD, "space", "%.1f GB free", (double)bytes / 1e9);
    check_flush(folder);
    os_close(folder);
}

static void check_port(const char *what, const char *host, int64_t port, bool running)
{
    struct os_address bound;
    struct iso_err    err = { 0 };
    int               fd;

    if (os_listen(host, (uint16_t)port, &fd, &bound, &err) == ISO_OK) {
        tell(GOOD, what, "%s port %lld is free", host, (long long)port);
        os_close(fd);
    } else if (running) {
        tell(GOOD, what, "%s port %lld is in use: our server runs", host, (long long)port);
    } else {
        tell(BAD, what, "%s: stop what listens there, or choose another port", err.text);
    }
}

static bool server_runs(const struct cmd_config *config)
{
    struct os_address http;
    int               fd;

    if (cmd_running_read(config->data, &http, NULL) < 0)
        return false;
    if (os_connect(http.host, http.port, os_now_ms() + 2000, &fd, NULL) < 0)
        return false;
    os_close(fd);
    return true;
}

/* The number after "key": in a flat part of a JSON answer. */
static bool number_after(iso_str text, const char *key, uint64_t *number)
{
    const char *at = text.len > 0 ? memmem(text.ptr, text.len, key, strlen(key)) : NULL;

    if (at == NULL)
        return false;
    const char *digits = at + strlen(key);
    size_t      n      = 0;
    while (digits + n < text.ptr + text.len && digits[n] >= '0' && digits[n] <= '9')
        n++;
    return iso_str_to_u64(iso_str_of(digits, n), number);
}

/* What the running server's scrub knows. */
static void check_scrub(const struct cmd_config *config)
{
    struct net_http  *client = NULL;
    struct os_address http;
    struct iso_buf    body;
    struct iso_err    err     = { 0 };
    unsigned          status  = 0;
    uint64_t          damaged = 0;
    uint64_t          age_s   = 0;
    char              url[256];

    if (cmd_running_read(config->data, &http, &err) < 0)
        return;
    bool six = strchr(http.host, ':') != NULL;
    (void)snprintf(url, sizeof url, "http://%s%s%s:%u/api/v1/stats", six ? "[" : "", http.host,
                   six ? "]" : "", http.port);
    iso_buf_init(&body, 1 << 20);
    int rc = net_http_new(&client, &err);
    if (rc == ISO_OK)
        rc = net_http_get(client, url, "application/json", iso_buf_sink(&body), &status, &err);
    const iso_str text = iso_str_of_bytes(iso_buf_bytes(&body));
    if (rc < 0 || status != 200 || !number_after(text, "\"damaged\":", &damaged) ||
        !number_after(text, "\"oldest_unchecked_s\":", &age_s))
        tell(WARN, "scrub", "the server does not tell");
    else if (damaged > 0)
        tell(BAD, "scrub",
             "%llu stored objects are damaged: see /api/v1/damage, then isocenter "
             "verify --full",
             (unsigned long long)damaged);
    else
        tell(GOOD, "scrub", "nothing stored is damaged; all of it was looked at within %llu h",
             (unsigned long long)(age_s / 3600 + 1));
    iso_buf_release(&body);
    net_http_free(client);
}

static void check_system(void)
{
    struct tm now;
    time_t    seconds = (time_t)(os_wall_us() / 1000000);
    unsigned  cpus    = os_cpu_count();
    uint64_t  files   = os_file_limit();

    tell(GOOD, "processors", "%u", cpus);
    tell(files < 4096 ? WARN : GOOD, "files", "%llu may be open at once%s",
         (unsigned long long)files, files < 4096 ? ": raise it (ulimit -n) for many peers" : "");
    if (gmtime_r(&seconds, &now) == NULL || now.tm_year + 1900 < 2024)
        tell(BAD, "clock", "the system's date is wrong");
    else
        tell(GOOD, "clock", "%04d-%02d-%02d %02d:%02d UTC", now.tm_year + 1900, now.tm_mon + 1,
             now.tm_mday, now.tm_hour, now.tm_min);
}

/* Whether libraries decode behind walls, and what is decoded at all. */
static void check_codecs(const struct cmd_config *config)
{
    struct codec_pool *pool;
    struct iso_err     err = { 0 };

    if (cmd_codec_pool_new(config, &pool, &err) < 0) {
        tell(BAD, "codecs", "%s", err.text);
        return;
    }
    bool confined = codec_pool_stats(pool).confined;
    codec_pool_free(pool);
    tell(confined ? GOOD : WARN, "codecs",
         confined ? "run in processes of their own that can reach nothing"
                  : "run in processes of their own, but this system lets no process be confined "
                    "(seccomp): allow it in the container's profile");
    for (size_t i = 0; codec_syntax(i) != NULL; i++) {
        iso_str                  uid    = iso_str_c(codec_syntax(i));
        const struct dcm_syntax *syntax = dcm_syntax_find(uid);

        if (syntax != NULL)
            tell(GOOD, "codec", "%s: decoded%s", syntax->name,
                 codec_can_encode(uid) ? ", encoded" : "");
    }
}

/* Programs that draw what we do not. */
static void check_programs(void)
{
    for (const struct srv_program *const *p = srv_programs; *p != NULL; p++) {
        if (srv_program_installed(*p))
            tell(GOOD, "program", "%s is installed: %s", (*p)->name, (*p)->gives);
        else
            tell(GOOD, "program", "%s is not installed: without it no %s (Debian: %s)", (*p)->name,
                 (*p)->gives, (*p)->package);
    }
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "data", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static struct cmd_config config;
    struct iso_arena         arena;
    struct iso_err           err  = { 0 };
    const char              *file = NULL;
    const char              *data = NULL;
    int                      c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(help, stdout);
            return CMD_OK;
        }
        if (c == '?')
            return cmd_usage("doctor");
        if (c == 'c')
            file = optarg;
        if (c == 'd')
            data = optarg;
    }
    if (optind < argc)
        return cmd_usage("doctor");
    iso_arena_init(&arena, 8 << 20);
    cmd_config_init(&config);
    int rc = cmd_config_load(&config, file, &arena, &err);
    if (rc == ISO_OK && data != NULL)
        rc = cmd_config_set(&config, "data", data, &arena, &err);
    if (rc < 0) {
        tell(BAD, "config", "%s", err.text);
    } else {
        bool running = server_runs(&config);

        tell(GOOD, "config", "%s", file != NULL ? file : "defaults and environment");
        check_folder(&config);
        check_port("http", config.listen, config.http_port, running);
        check_port("dicom", config.listen, config.dicom_port, running);
        if (running)
            check_scrub(&config);
        check_system();
        check_codecs(&config);
        check_programs();
    }
    iso_arena_release(&arena);
    return worst == BAD ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_doctor = { "doctor", "check what serving needs on this machine", run };
