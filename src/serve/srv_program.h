/* srv_program.h: programs that the system may have and that draw what we do not; private to serve/,
 * the list excepted. They are run as functions (os_filter.h), and what they answer is checked. */
#ifndef SRV_PROGRAM_H
#define SRV_PROGRAM_H

#include "img.h"

struct srv_program {
    const char *name;    /* of its file */
    const char *package; /* of Debian */
    const char *gives;   /* what there is with it */
};

extern const struct srv_program        srv_pdftoppm, srv_ffmpeg;
extern const struct srv_program *const srv_programs[]; /* all, NULL at the end */

enum { SRV_PROGRAM_SIDE_MAX = 4096 /* pixels of what it may draw */ };

bool srv_program_installed(const struct srv_program *program);

/* What it draws: a PPM on its standard output. argv ends with NULL; in: its standard input. Blocks, at
 * most ten seconds. Any thread. *out is released with img_picture_release.
 * ISO_EUNSUPPORTED: it is not installed; ISO_EFORMAT: it could draw nothing of that; ISO_ENOMEM */
ISO_MUST_USE int srv_program_picture(const struct srv_program *program, const char *const argv[],
                                     iso_bytes in, struct img_picture *out, struct iso_err *err);

#endif
