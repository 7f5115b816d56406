/* fuzz_codec_htj2k.c: OpenJPH ends the process where it asserts, so it runs in the worker it has in
 * the server too: what must not happen is that we do not survive it. */
#include "codec_pool.h"
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_codec c = { .uid = { "1.2.840.10008.1.2.4.202", 23 }, .bytes_max = 1 << 20 };

    if (c.pool == NULL && codec_pool_new(&(struct codec_pool_config){ 0 }, &c.pool, NULL) < 0)
        abort();
    fuzz_codec_run(&c, &fuzz_codec_grey, iso_bytes_of(data, size));
    return 0;
}
