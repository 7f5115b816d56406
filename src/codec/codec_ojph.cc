/* codec_ojph.cc: see codec_ojph.h. The only C++ here: the library reports by exceptions. */
#include "codec_ojph.h"

#include <cstdio>
#include <cstring>

#include <malloc.h>
#include <new>
#include <stdexcept>

#pragma GCC visibility push(default)
#include <openjph/ojph_arch.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_message.h>
#include <openjph/ojph_params.h>
#pragma GCC visibility pop

namespace
{

ssize_t drop(void *, const char *, size_t size)
{
    return static_cast<ssize_t>(size);
}

/* Once for the process: what the library prints goes nowhere. (It has functions for handlers of
 * ours, which it never calls; and without any stream it crashes.) */
void configure()
{
    static const bool done = [] {
        cookie_io_functions_t io = {};

        io.write     = drop;
        FILE *stream = fopencookie(nullptr, "w", io);
        if (stream == nullptr)
            throw std::bad_alloc();
        ojph::set_error_stream(stream);
        ojph::set_warning_stream(stream);
        ojph::set_info_stream(stream);
        return true;
    }();

    (void)done;
}

/* (The library's own calls a virtual function while it is being made.) */
class in_stream : public ojph::infile_base
{
  public:
    in_stream(const uint8_t *ptr, size_t len) : ptr(ptr), len(len)
    {
    }
    size_t read(void *to, size_t size) override
    {
        size_t n = size < len - at ? size : len - at;

        memcpy(to, ptr + at, n);
        at += n;
        return n;
    }
    int seek(ojph::si64 offset, enum infile_base::seek origin) override
    {
        ojph::si64 from = origin == OJPH_SEEK_SET   ? 0
                          : origin == OJPH_SEEK_CUR ? tell()
                                                    : static_cast<ojph::si64>(len);

        if (offset < -from || offset > static_cast<ojph::si64>(len) - from)
            return -1;
        at = static_cast<size_t>(from + offset);
        return 0;
    }
    ojph::si64 tell() override
    {
        return static_cast<ojph::si64>(at);
    }
    bool eof() override
    {
        return at == len;
    }

  private:
    const uint8_t *ptr;
    size_t         len, at = 0;
};

class out_stream : public ojph::outfile_base
{
  public:
    out_stream(codec_ojph_write *write, void *ctx) : to(write), ctx(ctx)
    {
    }
    size_t write(const void *ptr, size_t size) override
    {
        if (!to(ctx, ptr, size))
            throw std::bad_alloc();
        written += static_cast<ojph::si64>(size);
        return size;
    }
    ojph::si64 tell() override
    {
        return written;
    }

  private:
    codec_ojph_write *to;
    void             *ctx;
    ojph::si64        written = 0;
};

void decode(const uint8_t *in, size_t len, const codec_ojph_image &image, bool lenient,
            codec_ojph_row *put, void *ctx)
{
    in_stream        file(in, len);
    ojph::codestream stream;
    uint32_t         y[4] = {};

    if (lenient)
        stream.enable_resilience();
    stream.read_headers(&file);
    ojph::param_siz siz = stream.access_siz();
    if (siz.get_num_components() != image.samples)
        throw std::runtime_error("two headers that differ");
    for (unsigned i = 0; i < image.samples; i++)
        if (siz.get_recon_width(i) != image.columns || siz.get_recon_height(i) != image.rows ||
            siz.get_bit_depth(i) != image.bits || siz.is_signed(i) != image.is_signed)
            throw std::runtime_error("two headers that differ");
    stream.set_planar(false);
    stream.create();
    for (uint64_t n = static_cast<uint64_t>(image.rows) * image.samples; n > 0; n--) {
        ojph::ui32      component = 0;
        ojph::line_buf *line      = stream.pull(component);

        if (line == nullptr || component >= image.samples || y[component] >= image.rows ||
            line->size < image.columns)
            throw std::runtime_error("rows are missing");
        put(ctx, component, y[component]++, line->i32, image.columns);
    }
    stream.close();
}

/* OpenJPH 0.9 looks for the largest coefficient of a block in eight at a time, past the block's end:
 * what malloc left there may ask for more bit planes than the stream says it has, and other decoders
 * then refuse the block. So memory that it is given is zero. glibc sets it to the complement of this.
 * For the process; what other threads are given meanwhile is zero too. */
struct zeroed_memory {
#ifdef M_PERTURB
    zeroed_memory()
    {
        mallopt(M_PERTURB, 0xff);
    }
    ~zeroed_memory()
    {
        mallopt(M_PERTURB, 0);
    }
#endif
};

void encode(const codec_ojph_image &image, codec_ojph_row *get, ojph::outfile_base *file, void *ctx)
{
    ojph::codestream stream;
    ojph::param_siz  siz       = stream.access_siz();
    ojph::param_cod  cod       = stream.access_cod();
    ojph::ui32       component = 0;
    uint32_t         y[4]      = {};

    siz.set_image_extent(ojph::point(image.columns, image.rows));
    siz.set_num_components(image.samples);
    for (unsigned i = 0; i < image.samples; i++)
        siz.set_component(i, ojph::point(1, 1), image.bits, image.is_signed);
    cod.set_num_decomposition(image.levels);
    cod.set_block_dims(64, 64);
    cod.set_progression_order("RPCL");
    cod.set_color_transform(image.colour_transform);
    cod.set_reversible(image.step <= 0);
    if (image.step > 0)
        stream.access_qcd().set_irrev_quant(image.step);
    stream.set_planar(false);
    stream.write_headers(file);
    ojph::line_buf *line = stream.exchange(nullptr, component);
    for (uint64_t n = static_cast<uint64_t>(image.rows) * image.samples; n > 0; n--) {
        if (line == nullptr || component >= image.samples || y[component] >= image.rows)
            throw std::runtime_error("rows are in another order");
        get(ctx, component, y[component]++, line->i32, image.columns);
        line = stream.exchange(line, component);
    }
    stream.flush();
    stream.close();
}

/* Called while an exception is being handled. */
bool report(codec_ojph_error *error)
{
    *error = codec_ojph_error{};
    try {
        throw;
    } catch (const std::bad_alloc &) {
        error->memory = true;
    } catch (const std::exception &e) {
        snprintf(error->text, sizeof error->text, "%s", e.what());
    } catch (const char *text) {
        snprintf(error->text, sizeof error->text, "%s", text);
        error->memory = strcmp(text, "malloc failed") == 0;
    } catch (...) {
        snprintf(error->text, sizeof error->text, "it failed");
    }
    return false;
}

} // namespace

bool codec_ojph_decode(const uint8_t *in, size_t len, const codec_ojph_image *image, bool lenient,
                       codec_ojph_row *put, void *ctx, codec_ojph_error *error)
{
    try {
        configure();
        decode(in, len, *image, lenient, put, ctx);
        return true;
    } catch (...) {
        return report(error);
    }
}

bool codec_ojph_encode(const codec_ojph_image *image, codec_ojph_row *get, codec_ojph_write *write,
                       void *ctx, codec_ojph_error *error)
{
    try {
        zeroed_memory zeroed;
        out_stream    file(write, ctx);

        configure();
        encode(*image, get, &file, ctx);
        return true;
    } catch (...) {
        return report(error);
    }
}
