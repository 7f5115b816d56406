/* cmd_running.h: which server holds a data folder. It leaves its address there, so that commands on
 * the same folder can hand their work to it. */
#ifndef CMD_RUNNING_H
#define CMD_RUNNING_H

#include "os_socket.h"

ISO_MUST_USE int cmd_running_write(const char *data, const struct os_address *http,
                                   struct iso_err *err);
void             cmd_running_remove(const char *data);
/* ISO_ENOENT: no server has left its address. It may be stale: the folder's lock tells. */
ISO_MUST_USE int cmd_running_read(const char *data, struct os_address *http, struct iso_err *err);

#endif
