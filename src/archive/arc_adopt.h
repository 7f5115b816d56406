/* arc_adopt.h: an existing folder of DICOM files as a volume of the archive, in place: its files are
 * read once and entered in the index; not a byte is copied, written or moved. DESIGN.md §2, "tree".
 *
 * The files stay under the control of whoever owns the folder. One that is changed, replaced or taken
 * away afterwards is not served any more: reading it says so. Removing an object of such a volume
 * takes it out of the index and leaves the file; it is not adopted a second time. */
#ifndef ARC_ADOPT_H
#define ARC_ADOPT_H

#include "arc.h"

enum { ARC_TREE_PATH_BYTES = 4096 };

/* Makes the folder a volume; from the next arc_open on the archive has it, whether the folder is there
 * then or not. path: absolute, without symbolic links (realpath). *volume 0: the one that this folder
 * is already, else a new one; another number: that volume, which has been moved here. Durable.
 * ISO_EINVAL: no such volume, or the folder and one of the archive's lie in one another.
 * ISO_ECONFLICT: that volume is of another kind. */
ISO_MUST_USE int arc_adopt_folder(struct arc *arc, const char *path, uint32_t *volume,
                                  struct iso_err *err);

enum arc_adopted {
    ARC_ADOPTED,
    ARC_ADOPTED_ALREADY, /* this very file is known, or was removed from the archive */
    ARC_ADOPTED_KNOWN,   /* its SOP instance is here already from elsewhere, and stays as it is */
    ARC_ADOPTED_ANEW     /* the file has changed since it was adopted: what it says now counts */
};

/* One file; name: its path from the volume's folder on. Any number of threads. It is in the index on
 * return, and for good after arc_adopt_flush.
 * ISO_EFORMAT  not DICOM, broken, or without the beginning of a DICOM file (preamble and file meta
 *              information), which an object in place must have: import it instead
 * ISO_EBUSY    it changed while it was read: again later
 * ISO_ELIMIT   its header is larger than the archive takes, or its name too long
 * ISO_EINVAL   no volume of that number, or not of that kind */
ISO_MUST_USE int arc_adopt(struct arc *arc, uint32_t volume, const char *name,
                           enum arc_adopted *outcome, struct iso_err *err);
/* Makes what was adopted so far durable. */
ISO_MUST_USE int arc_adopt_flush(struct arc *arc, struct iso_err *err);

#endif
