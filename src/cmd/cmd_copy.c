#include "cmd_copy.h"

#include "iso_json.h"
#include "os_clock.h"

#include <stdio.h>

enum { DRAW_MS = 200 };

void cmd_copy_progress(void *ctx, const struct arc_backup_report *so_far, uint64_t bytes_all)
{
    struct cmd_copy *c = ctx;

    if (!c->show || os_now_ms() - c->drawn_ms < DRAW_MS)
        return;
    c->drawn_ms = os_now_ms();
    (void)fprintf(stderr, "\r%llu files  %.2f GB read, %.2f GB written",
                  (unsigned long long)so_far->files, (double)so_far->bytes_read / 1e9,
                  (double)so_far->bytes_copied / 1e9);
    if (bytes_all > 0)
        (void)fprintf(stderr, "  of %.2f GB", (double)bytes_all / 1e9);
    (void)fprintf(stderr, "   ");
}

static void print_json(const struct arc_backup_report *r, bool complete)
{
    struct iso_buf  text;
    struct iso_json json;

    iso_buf_init(&text, 64 << 10);
    iso_json_init(&json, &text);
    iso_json_open_object(&json);
    iso_json_key(&json, ISO_STR("complete"));
    iso_json_bool(&json, complete);
    iso_json_key_str(&json, "generation", iso_str_c(r->generation));
    iso_json_key(&json, ISO_STR("began_us"));
    iso_json_i64(&json, r->began_us);
    iso_json_key(&json, ISO_STR("ended_us"));
    iso_json_i64(&json, r->ended_us);
    iso_json_key_u64(&json, "studies", r->studies);
    iso_json_key_u64(&json, "instances", r->instances);
    iso_json_key_u64(&json, "files", r->files);
    iso_json_key_u64(&json, "bytes", r->bytes);
    iso_json_key_u64(&json, "files_copied", r->files_copied);
    iso_json_key_u64(&json, "bytes_copied", r->bytes_copied);
    iso_json_key_u64(&json, "bytes_read", r->bytes_read);
    iso_json_key_u64(&json, "index_bytes", r->index_bytes);
    iso_json_key_u64(&json, "trees", r->trees);
    iso_json_key_u64(&json, "pruned", r->pruned);
    iso_json_key(&json, ISO_STR("verified"));
    iso_json_bool(&json, r->verified);
    iso_json_key_u64(&json, "wrong", r->wrong);
    iso_json_close_object(&json);
    iso_buf_add_u8(&text, '\n');
    if (iso_json_end(&json, NULL) >= 0)
        (void)fwrite(text.ptr, 1, text.len, stdout);
    iso_buf_release(&text);
}

void cmd_copy_report(struct cmd_copy *copy, const struct arc_backup_report *r, bool json,
                     bool complete)
{
    if (copy->show)
        (void)fputc('\n', stderr);
    if (json)
        print_json(r, complete);
    else if (complete)
        (void)printf("%s: %llu objects of %llu studies; %llu files with %.3f GB, of which %.3f GB "
                     "in %llu files were copied%s%s\n",
                     r->generation, (unsigned long long)r->instances,
                     (unsigned long long)r->studies, (unsigned long long)r->files,
                     (double)r->bytes / 1e9, (double)r->bytes_copied / 1e9,
                     (unsigned long long)r->files_copied,
                     r->trees > 0 ? "; adopted folders are not copied" : "",
                     r->verified ? "; verified" : "");
}
