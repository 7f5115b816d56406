/* iso_err.h: result codes and the words that go with them.
 * What can fail returns int: ISO_OK or one of the negative codes below, which say what a caller can
 * do about it. The words for a human are in the caller's struct iso_err, a plain value: reporting
 * never allocates and cannot fail. Outputs of a failed call are untouched. Any thread. */
#ifndef ISO_ERR_H
#define ISO_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define ISO_MUST_USE           __attribute__((warn_unused_result))
#define ISO_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

enum {
    ISO_OK           = 0,
    ISO_EMORE        = -1,  /* incomplete input: call again with more */
    ISO_EEND         = -2,  /* no more: the normal end of a sequence of things */
    ISO_EINVAL       = -3,  /* the caller's request is wrong */
    ISO_EFORMAT      = -4,  /* malformed data from outside */
    ISO_EPROTO       = -5,  /* a peer broke the protocol */
    ISO_ELIMIT       = -6,  /* beyond a named maximum */
    ISO_ENOMEM       = -7,  /* the system has no memory */
    ISO_EIO          = -8,  /* the system failed: disk, socket, library */
    ISO_ENOSPC       = -9,  /* disk or quota full: retry later */
    ISO_ENOENT       = -10, /* there is no such thing */
    ISO_EEXIST       = -11, /* there is one already */
    ISO_ECONFLICT    = -12, /* same identity, different content */
    ISO_EUNSUPPORTED = -13, /* understood, but not something we do */
    ISO_ETIMEOUT     = -14, /* a deadline passed */
    ISO_ECLOSED      = -15, /* the peer or the program is gone or going */
    ISO_ECANCEL      = -16, /* stopped on request */
    ISO_EBUSY        = -17, /* out of a bounded resource: retry later */
    ISO_EREFUSED     = -18  /* not allowed, or turned down by a peer */
};

/* One failure, told from the innermost cause outwards: "what: cause". Zero-initialise. */
struct iso_err {
    int  code;
    char text[480];
};

/* Starts the story and returns code. err may be NULL. Text beyond the size of err->text is cut. */
int iso_fail(struct iso_err *err, int code, const char *fmt, ...) ISO_PRINTF(3, 4);

/* Puts "fmt: " in front of the story and returns code. err may be NULL. */
int iso_wrap(struct iso_err *err, int code, const char *fmt, ...) ISO_PRINTF(3, 4);

#ifdef __clang_analyzer__ /* sees no function body here: let it know that they return code */
#define iso_fail(err, code, ...) ((void)iso_fail(err, code, __VA_ARGS__), (code))
#define iso_wrap(err, code, ...) ((void)iso_wrap(err, code, __VA_ARGS__), (code))
#endif

/* A short constant name such as "limit"; never NULL. */
const char *iso_code_name(int code);

#endif
