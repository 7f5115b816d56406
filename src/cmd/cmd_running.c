/* cmd_running.c: one small text file, "HOST PORT", written beside and renamed into place. */
#include "cmd_running.h"

#include "os_file.h"

#include <stdio.h>
#include <string.h>

static const char name[]      = "server.address";
static const char name_next[] = "server.address.new";

int cmd_running_write(const char *data, const struct os_address *http, struct iso_err *err)
{
    char text[sizeof http->host + 16];
    int  folder = -1;
    int  fd     = -1;
    int  rc     = os_open(OS_CWD, data, OS_FOLDER, &folder, err);

    (void)snprintf(text, sizeof text, "%s %u\n", http->host, http->port);
    if (rc == ISO_OK) {
        (void)os_remove(folder, name_next, NULL);
        rc = os_open(folder, name_next, OS_CREATE, &fd, err);
    }
    if (rc == ISO_OK)
        rc = os_write(fd, text, strlen(text), err);
    if (rc == ISO_OK)
        rc = os_rename(folder, name_next, folder, name, err);
    os_close(fd);
    os_close(folder);
    return rc;
}

void cmd_running_remove(const char *data)
{
    int folder;

    if (os_open(OS_CWD, data, OS_FOLDER, &folder, NULL) == ISO_OK) {
        (void)os_remove(folder, name, NULL);
        os_close(folder);
    }
}

int cmd_running_read(const char *data, struct os_address *http, struct iso_err *err)
{
    struct os_address read = { 0 };
    char              text[128];
    uint64_t          port;
    int64_t           n;
    int               folder = -1;
    int               fd     = -1;
    int               rc     = os_open(OS_CWD, data, OS_FOLDER, &folder, err);

    if (rc == ISO_OK)
        rc = os_open(folder, name, OS_READ, &fd, err);
    if (rc == ISO_OK && (n = os_read(fd, text, sizeof text, err)) >= 0) {
        iso_str rest = iso_str_of(text, (size_t)n);
        iso_str line = iso_str_cut(&rest, '\n');
        iso_str host = iso_str_cut(&line, ' ');

        if (host.len == 0 || host.len >= sizeof read.host || !iso_str_to_u64(line, &port) ||
            port < 1 || port > UINT16_MAX) {
            rc = iso_fail(err, ISO_EFORMAT, "%s/%s is damaged", data, name);
        } else {
            memcpy(read.host, host.ptr, host.len);
            read.port = (uint16_t)port;
            *http     = read;
        }
    }
    os_close(fd);
    os_close(folder);
    return rc;
}
