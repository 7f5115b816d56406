#include "cmd_input.h"

#include "os_file.h"

#include <string.h>

enum { CHUNK_BYTES = 256 << 10 };

int cmd_input_open(struct cmd_input *in, const char *path, struct iso_err *err)
{
    struct os_stat st;
    int            rc;

    *in = (struct cmd_input){ .fd = 0 };
    if (strcmp(path, "-") == 0)
        return ISO_OK;
    rc = os_open(OS_CWD, path, OS_READ, &in->fd, err);
    if (rc < 0)
        return rc;
    rc = os_stat_fd(in->fd, &st, err);
    if (rc == ISO_OK && st.is_folder)
        rc = iso_fail(err, ISO_EINVAL, "%s is a folder", path);
    if (rc < 0)
        cmd_input_close(in);
    return rc;
}

void cmd_input_close(struct cmd_input *in)
{
    if (in->fd > 0)
        os_close(in->fd);
    in->fd = -1;
}

static int64_t read_input(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct cmd_input *in = ctx;
    int64_t           n  = os_read(in->fd, ptr, cap, err);

    if (n > 0)
        in->offset += (uint64_t)n;
    return n;
}

struct iso_source cmd_input_source(struct cmd_input *in)
{
    return (struct iso_source){ read_input, in };
}

int cmd_input_read_all(struct cmd_input *in, struct iso_buf *out, struct iso_err *err)
{
    for (;;) {
        int64_t n;

        if (iso_buf_reserve(out, CHUNK_BYTES) < 0)
            return iso_buf_check(out, err);
        n = os_read(in->fd, out->ptr + out->len, CHUNK_BYTES, err);
        if (n <= 0)
            return (int)n;
        out->len += (size_t)n;
    }
}

static int write_fd(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    return os_write(*(int *)ctx, ptr, len, err);
}

struct iso_sink cmd_fd_sink(int *fd)
{
    return (struct iso_sink){ write_fd, fd };
}
