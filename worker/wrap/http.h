/* SPDX-License-Identifier: Apache-2.0 */
/* http.h -- HTTP requests through libcurl.  The only file that knows libcurl.
 *
 * https only, TLS 1.2 or newer, certificate and name verified; no redirect is followed, no proxy and no .netrc is used, no
 * name or password in a URL.  An address in a private, local or otherwise special network is refused where the connection
 * is made, on the very address that is connected to: a name that answers differently the second time gains nothing.  A host
 * that is allowed by name may have such an address; http (no s) is for such a host on the loopback network alone.
 * Nothing is logged.  Messages name the host and what is wrong, never a path, a header or a body.
 *
 * S3 with aws set (libcurl 7.88 signs wrongly otherwise; facts.md): send "x-amz-content-sha256" yourself; sort the keys of
 * the query; write a bare key as "versions="; http_escape() every value; give a body a Content-Type.  The host with its port
 * is signed here, and no header without a value is. */
#ifndef EXPUNGE_HTTP_H
#define EXPUNGE_HTTP_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct Http Http;

/* A body in pieces.  Source: fills at most room bytes, 0 at the end.  A failing one ends the request with its error. */
typedef Err (*HttpSource)(void *context, char *buffer, size_t room, size_t *ret_length);
typedef Err (*HttpSink)(void *context, const char *bytes, size_t length);

typedef struct HttpRequest
{
    const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_length;
    HttpSource source; /* instead of body: source_bytes are read from it */
    void *source_context;
    int64_t source_bytes;
    HttpSink sink; /* NULL: the answer's body is collected; only that of a 2xx goes to a sink */
    void *sink_context;
    const char *const *private_hosts; /* names (or addresses) of hosts that may have a private address */
    size_t private_count;
    const char *ca_file;   /* instead of the system's certificate authorities; NULL */
    const char *aws_scope; /* "aws:amz:REGION:s3"; NULL: not signed */
    const char *aws_access;
    const char *aws_secret;
    int64_t connect_ms;       /* 0: 10 s */
    int64_t total_ms;         /* 0: 60 s */
    int64_t stall_s;          /* end when less than 16 bytes a second come for as long; 0: 20 s */
    int64_t limit_bytes;      /* of the answer's body; 0: 1 MiB.  More: ERR_IO */
    bool (*is_stopped)(void); /* asked about once a second; true: ERR_PARTLY.  NULL: never */
} HttpRequest;

typedef struct HttpResponse
{
    long status;
    const char *body; /* arena, terminated; "" when there is none or a sink took it */
    size_t length;
    int64_t retry_after_s; /* 0: not said, or not understood */
    const char **headers;  /* "Name: value" */
    size_t header_count;
} HttpResponse;

/* One handle per thread; it keeps its connection for the next request to the same host. */
NODISCARD Err http_open(Http **ret_http);
void http_close(Http *http);
void http_closep(Http **http);

/* One request, one answer, whatever its status.  Fails with ERR_CONFIG (the URL is none that may be used), ERR_RAIL (a
 * private address), ERR_IO (not reached, cut off, timed out, too large, TLS), ERR_PARTLY (stopped), and what source and
 * sink say.  After a failure nobody knows whether the other side has acted. */
NODISCARD Err http_send(Http *http, Arena *arena, const HttpRequest *request, HttpResponse *ret_response);

/* The first header of that name, or NULL. */
const char *http_header(const HttpResponse *response, const char *name);
/* NULL when a request to url may be tried; otherwise what is wrong, as the middle of a sentence ("is not https"). */
const char *http_judge_url(Arena *arena, const char *url, const char *const *private_hosts, size_t private_count);

/* Percent-encoding of all but letters, digits, "-", ".", "_" and "~" (RFC 3986, section 2.3).  Pure. */
char *http_escape(Arena *arena, const char *text);
/* 4 or 16 bytes of an address: private, loopback, link-local, multicast, reserved, or an embedding of such a one. */
bool http_is_private(const unsigned char *address, size_t length);
bool http_is_loopback(const unsigned char *address, size_t length);

#endif
