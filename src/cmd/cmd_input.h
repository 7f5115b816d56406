/* cmd_input.h: DICOM files for the commands that look at them: dump, json, validate. */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include "dcm_file.h"

/* A file that is being read front to back, and how far. */
struct cmd_input {
    int      fd;
    uint64_t offset;
};

/* path "-": standard input. */
ISO_MUST_USE int  cmd_input_open(struct cmd_input *in, const char *path, struct iso_err *err);
void              cmd_input_close(struct cmd_input *in);
struct iso_source cmd_input_source(struct cmd_input *in);
/* All of it, at most bytes_max, appended to out. */
ISO_MUST_USE int cmd_input_read_all(struct cmd_input *in, struct iso_buf *out, struct iso_err *err);
/* Standard output or another open file, as a sink; *fd must outlive it. */
struct iso_sink cmd_fd_sink(int *fd);

#endif
