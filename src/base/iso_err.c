/* iso_err.c: results are plain values; control characters never reach a log line through them. */
#include "iso_err.h"

#include <stdio.h>
#include <string.h>

static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int(iso_fail)(struct iso_err *err, int code, const char *fmt, ...)
{
    va_list args;

    if (err == NULL)
        return code;
    err->code = code;
    va_start(args, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    make_printable(err->text);
    return code;
}

int(iso_wrap)(struct iso_err *err, int code, const char *fmt, ...)
{
    char    inner[sizeof err->text];
    va_list args;
    int     n;

    if (err == NULL)
        return code;
    memcpy(inner, err->text, sizeof inner);
    err->code = code;
    va_start(args, fmt);
    n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text && inner[0] != '\0')
        (void)snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", inner);
    make_printable(err->text);
    return code;
}

const char *iso_code_name(int code)
{
    static const char *const names[] = {
        "ok",      "more",   "end",      "invalid",   "format",  "protocol", "limit",
        "memory",  "io",     "no-space", "not-found", "exists",  "conflict", "unsupported",
        "timeout", "closed", "canceled", "busy",      "refused",
    };
    size_t i = code <= 0 ? (size_t)-code : sizeof names;

    return i < sizeof names / sizeof *names ? names[i] : "unknown";
}
