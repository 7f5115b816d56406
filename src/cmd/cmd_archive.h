/* cmd_archive.h: the archive that a configuration names: opened here, or, when a server holds its
 * folder, the address of that server. */
#ifndef CMD_ARCHIVE_H
#define CMD_ARCHIVE_H

#include "arc.h"
#include "cmd_config.h"

enum { CMD_BASE_BYTES = 256 };

/* ISO_EBUSY: another process holds the folder. */
ISO_MUST_USE int cmd_archive_open(const struct cmd_config *config, struct arc **arc,
                                  struct iso_err *err);
/* The same, but a folder that a server holds is ISO_OK too: *arc is then NULL and base the root URL of
 * its DICOMweb service. */
ISO_MUST_USE int cmd_archive_reach(const struct cmd_config *config, struct arc **arc,
                                   char base[CMD_BASE_BYTES], struct iso_err *err);

/* As cmd_archive_reach, opened with `care` (arc.h): for checking. The folder must be there. */
ISO_MUST_USE int cmd_archive_care(const struct cmd_config *config, struct arc **arc,
                                  char base[CMD_BASE_BYTES], struct iso_err *err);
/* What arc_open is to be given for this configuration; it borrows volumes and config. */
void cmd_archive_config(const struct cmd_config *config, struct arc_config *with,
                        struct arc_volume_config volumes[CMD_VOLUMES_MAX]);

#endif
