/* srv_log.h: what happened, one key=value line each, to standard error.
 * UIDs, AE titles, counts and causes; never patient data. Any thread: a line is one write. */
#ifndef SRV_LOG_H
#define SRV_LOG_H

#include "iso_bytes.h"
#include "iso_err.h"

enum { SRV_WORD_BYTES = 68 };

/* "2026-01-31T12:00:00.123Z event=NAME ..." with the words of fmt behind it. Control characters
 * come out as '?'; a line is cut at 1 KiB. */
void srv_log(const char *event, const char *fmt, ...) ISO_PRINTF(2, 3);

/* Text from a peer as the value of a key: printable ASCII without space, quote and '=' stays, all
 * else becomes '_'; empty text "-". Returns out. */
const char *srv_word(iso_str text, char out[SRV_WORD_BYTES]);

#endif
