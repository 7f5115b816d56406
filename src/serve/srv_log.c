/* srv_log.c: a line is built in a fixed buffer and leaves in one write, so that lines of several
 * threads never mix. */
#include "srv_log.h"

#include "os_clock.h"
#include "os_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

void srv_log(const char *event, const char *fmt, ...)
{
    char      line[LINE_BYTES];
    int64_t   now     = os_wall_us();
    time_t    seconds = (time_t)(now / 1000000);
    struct tm tm      = { 0 };
    size_t    len;
    va_list   args;
    int       n;

    (void)gmtime_r(&seconds, &tm);
    len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    n   = snprintf(line + len, sizeof line - len, ".%03dZ event=%s ", (int)(now / 1000 % 1000),
                   event);
    len += n > 0 ? (size_t)n : 0;
    va_start(args, fmt);
    n = vsnprintf(line + len, sizeof line - len, fmt, args);
    va_end(args);
    len += n > 0 ? (size_t)n : 0;
    if (len > sizeof line - 1)
        len = sizeof line - 1;
    for (size_t i = 0; i < len; i++) /* one event stays one line, whatever a peer called itself */
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    if (os_write(STDERR_FILENO, line, len, NULL) < 0)
        return; /* a log that cannot be written has nowhere to say so */
}

const char *srv_word(iso_str text, char out[SRV_WORD_BYTES])
{
    size_t n = 0;

    for (; n < text.len && n < SRV_WORD_BYTES - 1; n++) {
        char c = text.ptr[n];
        out[n] = c > 0x20 && c < 0x7f && c != '"' && c != '=' ? c : '_';
    }
    if (n == 0)
        out[n++] = '-';
    out[n] = '\0';
    return out;
}
