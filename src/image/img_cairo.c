#include "img_cairo.h"

#include "os_library.h"

#include <pthread.h>

#define CAIRO_TEXT(name) "cairo_" #name,
#define FC_TEXT(name)    "Fc" #name,
#define COUNT_OF(array)  (sizeof(array) / sizeof *(array))

struct img_cairo img_cairo;
struct img_fc    img_fc;

static int            loaded;
static struct iso_err why_not;

static void load(void)
{
    static const char *const cairo[]       = { "libcairo.so.2", NULL };
    static const char *const cairo_calls[] = { IMG_CAIRO_CALLS(CAIRO_TEXT) };
    static const char *const fc[]          = { "libfontconfig.so.1", NULL };
    static const char *const fc_calls[]    = { IMG_FC_CALLS(FC_TEXT) };

    loaded =
        os_library_load(cairo, cairo_calls, COUNT_OF(cairo_calls), (void **)&img_cairo, &why_not);
    if (loaded >= 0)
        loaded = os_library_load(fc, fc_calls, COUNT_OF(fc_calls), (void **)&img_fc, &why_not);
}

int img_cairo_need(struct iso_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, load);
    if (loaded < 0 && err != NULL)
        *err = why_not;
    return loaded;
}
