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
    struct iso_source source;
    struct iso_buf   *body;
    int               rc; /* of source or body */
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
    struct exchange *x = ctx;

    if (iso_buf_add(x->body, ptr, size * count) == ISO_OK)
        return size * count;
    x->rc = iso_buf_check(x->body, x->err);
    return 0;
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

static struct curl_slist *make_headers(const char *content_type, const char *accept)
{
    char               line[512];
    struct curl_slist *list = NULL;

    (void)snprintf(line, sizeof line, "Content-Type: %s", content_type);
    list = curl_slist_append(list, line);
    (void)snprintf(line, sizeof line, "Accept: %s", accept);
    list = curl_slist_append(list, line);
    list = curl_slist_append(list, "Transfer-Encoding: chunked");
    return curl_slist_append(list, "Expect:"); /* no round trip before the body */
}

int net_http_post(struct net_http *client, const char *url, const char *content_type,
                  const char *accept, struct iso_source source, unsigned *status,
                  struct iso_buf *body, struct iso_err *err)
{
    CURL              *curl                  = client->curl;
    char               text[CURL_ERROR_SIZE] = "";
    long               number                = 0;
    struct exchange    x       = { .source = source, .body = body, .rc = ISO_OK, .err = err };
    struct curl_slist *headers = make_headers(content_type, accept);

    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    (void)curl_easy_setopt(curl, CURLOPT_READDATA, &x);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &x);
    (void)curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    CURLcode result = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &number);
    curl_slist_free_all(headers);
    if (x.rc < 0)
        return x.rc;
    if (result != CURLE_OK)
        return iso_fail(err, code_of(result), "%s: %s", url,
                        text[0] != '\0' ? text : curl_easy_strerror(result));
    *status = (unsigned)number;
    return ISO_OK;
}
