/* A command set. What decodes must encode, and decode to the same again. */
#include "dimse_command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dimse_command command;
    struct iso_buf       first;
    struct iso_buf       second;

    iso_buf_init(&first, 1 << 20);
    iso_buf_init(&second, 1 << 20);
    if (dimse_command_read(iso_bytes_of(data, size), &command, NULL) == ISO_OK &&
        dimse_command_write(&command, &first, NULL) == ISO_OK) {
        if (dimse_command_read(iso_buf_bytes(&first), &command, NULL) < 0 ||
            dimse_command_write(&command, &second, NULL) < 0 ||
            !iso_bytes_eq(iso_buf_bytes(&first), iso_buf_bytes(&second)))
            abort();
    }
    iso_buf_release(&first);
    iso_buf_release(&second);
    return 0;
}
