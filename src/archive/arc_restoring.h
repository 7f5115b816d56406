/* arc_restoring.h: the file that says that a folder is being made from a backup, and is no archive yet.
 * Private to archive/. */
#ifndef ARC_RESTORING_H
#define ARC_RESTORING_H

#define ARC_RESTORING "restoring"

#endif
