#include "srv_program.h"

#include "iso_reader.h"
#include "os_filter.h"

#include <stdlib.h>
#include <string.h>

enum {
    PPM_BYTES_MAX = 3 * SRV_PROGRAM_SIDE_MAX * SRV_PROGRAM_SIDE_MAX + 64,
    DEADLINE_MS   = 10000,
    CPU_S         = 10
};

static const uint64_t MEMORY_BYTES = (uint64_t)1 << 30;

const struct srv_program srv_pdftoppm = { "pdftoppm", "poppler-utils", "first pages of PDFs" };
const struct srv_program srv_ffmpeg   = { "ffmpeg", "ffmpeg", "posters of videos" };

const struct srv_program *const srv_programs[] = { &srv_pdftoppm, &srv_ffmpeg, NULL };

bool srv_program_installed(const struct srv_program *program)
{
    char path[64];

    return os_filter_find(program->name, path, sizeof path);
}

/* "P6 width height 255" and its samples.   Netpbm */
static int read_ppm(iso_bytes in, struct img_picture *out, struct iso_err *err)
{
    struct iso_reader r    = iso_reader_of(in);
    uint64_t          n[3] = { 0 };
    size_t            bytes;

    if (iso_read_u8(&r) != 'P' || iso_read_u8(&r) != '6')
        return iso_fail(err, ISO_EFORMAT, "no picture");
    (void)iso_read_u8(&r);
    for (size_t i = 0; i < 3; i++) {
        uint8_t c = iso_read_u8(&r);

        for (; c >= '0' && c <= '9' && n[i] <= SRV_PROGRAM_SIDE_MAX; c = iso_read_u8(&r))
            n[i] = n[i] * 10 + (c - '0');
        if (c != ' ' && c != '\n')
            return iso_fail(err, ISO_EFORMAT, "a broken picture");
    }
    if (n[0] < 1 || n[1] < 1 || n[0] > SRV_PROGRAM_SIDE_MAX || n[1] > SRV_PROGRAM_SIDE_MAX ||
        n[2] != 255)
        return iso_fail(err, ISO_EFORMAT, "a picture of a size not asked for");
    bytes             = (size_t)(n[0] * n[1] * 3);
    iso_bytes samples = iso_read_bytes(&r, bytes);
    if (!iso_reader_ok(&r))
        return iso_fail(err, ISO_EFORMAT, "the picture ends early");
    struct img_picture p = { .width = (uint32_t)n[0], .height = (uint32_t)n[1], .channels = 3 };
    p.pixels             = malloc(bytes);
    if (p.pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    memcpy(p.pixels, samples.ptr, bytes);
    *out = p;
    return ISO_OK;
}

int srv_program_picture(const struct srv_program *program, const char *const argv[], iso_bytes in,
                        struct img_picture *out, struct iso_err *err)
{
    const struct os_filter_limits limits = { MEMORY_BYTES, CPU_S, DEADLINE_MS };
    struct iso_buf                text;
    char                          path[64];
    int                           rc;

    if (!os_filter_find(program->name, path, sizeof path))
        return iso_fail(err, ISO_EUNSUPPORTED, "%s is no longer installed", program->name);
    iso_buf_init(&text, PPM_BYTES_MAX);
    rc = os_filter(path, argv, in, &limits, &text, err);
    if (rc == ISO_OK && (rc = read_ppm(iso_buf_bytes(&text), out, err)) < 0)
        rc = iso_wrap(err, rc, "%s", program->name);
    iso_buf_release(&text);
    /* whatever keeps it from drawing, it is what it was given */
    return rc == ISO_EIO || rc == ISO_ETIMEOUT || rc == ISO_ELIMIT ? ISO_EFORMAT : rc;
}
