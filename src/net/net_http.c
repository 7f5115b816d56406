#include "net_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

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
    struct net_http *made = calloc(1, sizeof *made);

    if (made != NULL)
        made->curl = curl_easy_init(); /* the first one in a process prepares the library */
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
    curl_easy_cleanup(client->curl);
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

    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &number);
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
    *list = curl_slist_append(*list, line);
}

/* What every request has in common; then runs it. */
static int perform(struct exchange *x, const char *url, struct curl_slist *headers,
                   unsigned *status)
{
    CURL *curl                  = x->curl;
    char  text[CURL_ERROR_SIZE] = "";
    long  number                = 0;

    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    CURLcode result = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &number);
    curl_slist_free_all(headers);
    if (x->rc < 0)
        return x->rc;
    if (result != CURLE_OK)
        return iso_fail(x->err, code_of(result), "%s: %s", url,
                        text[0] != '\0' ? text : curl_easy_strerror(result));
    *status = (unsigned)number;
    return ISO_OK;
}

int net_http_post(struct net_http *client, const char *url, const char *content_type,
                  const char *accept, struct iso_source source, unsigned *status,
                  struct iso_buf *body, struct iso_err *err)
{
    CURL              *curl    = client->curl;
    struct curl_slist *headers = NULL;
    struct exchange x = { .curl = curl, .source = source, .sink = iso_buf_sink(body), .err = err };

    add_header(&headers, "Content-Type", content_type);
    add_header(&headers, "Accept", accept);
    add_header(&headers, "Transfer-Encoding", "chunked");
    headers = curl_slist_append(headers, "Expect:"); /* no round trip before the body */
    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    (void)curl_easy_setopt(curl, CURLOPT_READDATA, &x);
    (void)curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    return perform(&x, url, headers, status);
}

int net_http_get(struct net_http *client, const char *url, const char *accept, struct iso_sink sink,
                 unsigned *status, struct iso_err *err)
{
    struct curl_slist *headers = NULL;
    struct exchange    x = { .curl = client->curl, .sink = sink, .only_200 = true, .err = err };

    add_header(&headers, "Accept", accept);
    curl_easy_reset(client->curl);
    (void)curl_easy_setopt(client->curl, CURLOPT_BUFFERSIZE, 512L << 10);
    return perform(&x, url, headers, status);
}
