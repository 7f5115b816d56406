/* replay_main.c: runs a fuzz target over the files named on the command line, without libFuzzer. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES_MAX = 16 << 20 };

int main(int argc, char **argv)
{
    uint8_t *data = malloc(FILE_BYTES_MAX);

    if (data == NULL)
        return 1;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            free(data);
            return 1;
        }
        size_t size = fread(data, 1, FILE_BYTES_MAX, file);
        (void)fclose(file);
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return 0;
}
