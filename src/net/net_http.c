/* net_http.c: requests by libcurl, which brings twenty libraries along: loaded with the first client. */
#include "net_http.h"

#include "os_library.h"

#define CURL_DISABLE_TYPECHECK /* its macros would stand between us and what was loaded */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CALLS(X)                                                                                   \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_perform)                                                                                \
    X(easy_reset)                                                                                  \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(slist_append)                                                                                \
    X(slist_free_all)
#define FIELD(name) __typeof__(curl_##name) *name;
#define TEXT(name)  "curl_" #name,

static struct calls {
    CALLS(FIELD)
} curl;

static int            loaded = ISO_EUNSUPPORTED;
static struct iso_err why;

static void load(void)
{
    static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4", NULL };
    static const char *const calls[] = { CALLS(TEXT) };

    loaded = os_library_load(names, calls, sizeof calls / sizeof *calls, (void **)&curl, &why);
}

enum { CONNECT_TIMEOUT_MS = 10000, STALL_S = 60 };

struct net_http {
    CURL *curl;
};

/* One request's ends, while libcurl runs. */
struct exchange {
    CURL             *curl;
    struct iso_source source;
    struct iso_sink   sink;
    bool              only_200; /* another answer's body is dropped */
    int               rc;       /* of source or sink */
    struct iso_err   *err;
};

int net_http_new(struct net_http **client, struct iso_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, load);
    if (loaded < 0) {
        if (err != NULL)
            *err = why;
        return loaded;
    }
    struct net_http *made = calloc(1, sizeof *made);
    if (made != NULL)
        made->curl = curl.easy_init(); /* the first one in a process prepares the library */
    if (made == NULL || made->curl == NULL) {
        free(made);
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    }
    *client = made;
    return ISO_OK;
}

void net_http_free(struct net_http *client)
{
    if (client == NULL)
        return;
    curl.easy_cleanup(client->curl);
    free(client);
}

static size_t give(char *ptr, size_t size, size_t count, void *ctx)
{
    struct exchange *x = ctx;
    int64_t          n = x->source.read(x->source.ctx, ptr, size * count, x->err);

    if (n < 0) {
        x->rc = (int)n;
        return CURL_READFUNC_ABORT;
    }
    return (size_t)n;
}

static size_t take(char *ptr, size_t size, size_t count, void *ctx)
{
    struct exchange *x      = ctx;
    long             number = 0;

    (void)curl.easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &number);
    if (!x->only_200 || number == 200)
        x->rc = x->sink.write(x->sink.ctx, ptr, size * count, x->err);
    return x->rc == ISO_OK ? size * count : 0;
}

static int code_of(CURLcode result)
{
    switch (result) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return ISO_EREFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return ISO_ETIMEOUT;
    default:
        return ISO_EIO;
    }
}

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[512];

    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    *list = curl.slist_append(*list, line);
}

/* What every request has in common; then runs it. */
static int perform(struct exchange *x, const char *url, struct curl_slist *headers,
                   unsigned *status)
{
    CURL *handle                = x->curl;
    char  text[CURL_ERROR_SIZE] = "";
    long  number                = 0;

    (void)curl.easy_setopt(handle, CURLOPT_URL, url);
    (void)curl.easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    (void)curl.easy_setopt(handle, CURLOPT_NOPROXY, "*");
    (void)curl.easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl.easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl.easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    (void)curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, text);
    (void)curl.easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    (void)curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, take);
    (void)curl.easy_setopt(handle, CURLOPT_WRITEDATA, x);
    CURLcode result = curl.easy_perform(handle);
    (void)curl.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &number);
    curl.slist_free_all(headers);
    if (x->rc < 0)
        return x->rc;
    if (result != CURLE_OK)
        return iso_fail(x->err, code_of(result), "%s: %s", url,
                        text[0] != '\0' ? text : curl.easy_strerror(result));
    *status = (unsigned)number;
    return ISO_OK;
}

int net_http_post(struct net_http *client, const char *url, const char *content_type,
                  const char *accept, struct iso_source source, unsigned *status,
                  struct iso_buf *body, struct iso_err *err)
{
    struct curl_slist *headers = NULL;
    struct exchange    x       = {
                 .curl = client->curl, .source = source, .sink = iso_buf_sink(body), .err = err
    };

    add_header(&headers, "Content-Type", content_type);
    add_header(&headers, "Accept", accept);
    add_header(&headers, "Transfer-Encoding", "chunked");
    headers = curl.slist_append(headers, "Expect:"); /* no round trip before the body */
    curl.easy_reset(client->curl);
    (void)curl.easy_setopt(client->curl, CURLOPT_POST, 1L);
    (void)curl.easy_setopt(client->curl, CURLOPT_READFUNCTION, give);
    (void)curl.easy_setopt(client->curl, CURLOPT_READDATA, &x);
    (void)curl.easy_setopt(client->curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    return perform(&x, url, headers, status);
}

int net_http_get(struct net_http *client, const char *url, const char *accept, struct iso_sink sink,
                 unsigned *status, struct iso_err *err)
{
    struct curl_slist *headers = NULL;
    struct exchange    x = { .curl = client->curl, .sink = sink, .only_200 = true, .err = err };

    add_header(&headers, "Accept", accept);
    curl.easy_reset(client->curl);
    (void)curl.easy_setopt(client->curl, CURLOPT_BUFFERSIZE, 512L << 10);
    return perform(&x, url, headers, status);
}
