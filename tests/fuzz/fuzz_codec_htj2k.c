/* fuzz_codec_htj2k.c: a frame, past our own reading of its header and into the library. OpenJPH ends
 * the process where it asserts, so it runs in the worker it has in the server too: what must not
 * happen is that we do not survive it. */
#include "codec.h"
#include "codec_pool.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec_pool *pool;
    struct codec_image        attributes = { .rows           = 16,
                                             .columns        = 16,
                                             .samples        = 1,
                                             .bits_allocated = 16,
                                             .bits_stored    = 12,
                                             .high_bit       = 11,
                                             .photometric    = CODEC_MONOCHROME2 };
    struct codec_image        frame;
    struct iso_err            err = { 0 };
    size_t                    bytes;
    iso_str                   uid = ISO_STR("1.2.840.10008.1.2.4.202");
    iso_bytes                 in  = iso_bytes_of(data, size);

    if (pool == NULL && codec_pool_new(&(struct codec_pool_config){ 0 }, &pool, &err) < 0)
        abort();
    if (codec_inspect(uid, in, &attributes, &frame, &bytes, &err) < 0 || bytes > (1u << 20))
        return 0;
    uint8_t *out = malloc(bytes);
    if (out != NULL &&
        codec_decode(pool, uid, in, &attributes, &frame, out, bytes, &err) == ISO_OK &&
        (frame.damaged ||
         (size_t)frame.rows * frame.columns * frame.samples * codec_sample_bytes(&frame) != bytes))
        abort();
    free(out);
    return 0;
}
