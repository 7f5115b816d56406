/* samples.h: the corpus of DICOM samples, where it is present: $ISOCENTER_SAMPLES, else
 * ../shared/dicom-samples beside the source tree (ISO_SOURCE_ROOT). Tests over it skip otherwise. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iso_bytes.h"

#ifndef ISO_SOURCE_ROOT
#define ISO_SOURCE_ROOT "."
#endif

enum { SAMPLE_COLUMNS = 40, SAMPLE_BYTES_MAX = 256 << 20 };

/* The whole file as heap memory; ptr NULL when it cannot be read. */
static inline iso_bytes sample_read(const char *path)
{
    FILE    *file  = fopen(path, "rb");
    long     bytes = -1;
    uint8_t *ptr   = NULL;

    if (file == NULL)
        return iso_bytes_of(NULL, 0);
    if (fseek(file, 0, SEEK_END) == 0)
        bytes = ftell(file);
    if (bytes >= 0 && bytes <= SAMPLE_BYTES_MAX && fseek(file, 0, SEEK_SET) == 0)
        ptr = malloc((size_t)bytes + 1);
    if (ptr != NULL && fread(ptr, 1, (size_t)bytes, file) != (size_t)bytes) {
        free(ptr);
        ptr = NULL;
    }
    (void)fclose(file);
    return iso_bytes_of(ptr, ptr != NULL ? (size_t)bytes : 0);
}

/* Writes FOLDER/name to path; false when there is no corpus. */
static inline bool sample_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("ISOCENTER_SAMPLES");
    FILE       *file;

    if (folder == NULL)
        folder = ISO_SOURCE_ROOT "/../shared/dicom-samples";
    (void)snprintf(path, size, "%s/INDEX.tsv", folder);
    file = fopen(path, "rb");
    if (file == NULL)
        return false;
    (void)fclose(file);
    (void)snprintf(path, size, "%s/%s", folder, name);
    return true;
}

/* Calls each(ctx, cells) for every line but the first of a table of the corpus, in which missing
 * cells are "". False: there is no such table. */
static inline bool sample_table(const char *name, void (*each)(void *ctx, char **cells), void *ctx)
{
    char      path[4096];
    iso_bytes table;
    char     *line, *next;
    bool      head = true;

    if (!sample_path(path, sizeof path, name))
        return false;
    table = sample_read(path);
    if (table.ptr == NULL)
        return false;
    for (size_t i = 0; i < table.len; i++) /* our own copy; a value in it may hold NUL */
        if (table.ptr[i] == '\0')
            ((char *)(uintptr_t)table.ptr)[i] = '?';
    ((char *)(uintptr_t)table.ptr)[table.len] = '\0';
    for (line = (char *)(uintptr_t)table.ptr; line != NULL && *line != '\0'; line = next) {
        char *cells[SAMPLE_COLUMNS];

        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        for (size_t i = 0; i < SAMPLE_COLUMNS; i++) {
            cells[i] = line;
            line += strcspn(line, "\t");
            if (*line != '\0')
                *line++ = '\0';
        }
        if (!head)
            each(ctx, cells);
        head = false;
    }
    free((void *)(uintptr_t)table.ptr);
    return true;
}

#endif
