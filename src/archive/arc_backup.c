/* arc_backup.c: see arc_backup.h for the order of things. */
#include "arc_backup.h"

#include "os_file.h"

int arc_backup_lock(int folder, int *fd, struct iso_err *err)
{
    int lock = -1;
    int rc   = os_open(folder, "backup.lock", OS_WRITE, &lock, err);

    if (rc >= 0)
        rc = os_lock(lock, err);
    if (rc < 0) {
        os_close(lock);
        return rc;
    }
    *fd = lock;
    return ISO_OK;
}
