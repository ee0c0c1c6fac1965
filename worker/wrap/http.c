/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/http.h"

#include "base/text.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define TOTAL_MS 60000
#define STALL_S 20
#define STALL_BYTES_PER_S 16
#define LIMIT_BYTES (1 << 20)
#define HEADERS_BYTES (64 << 10)

struct Http
{
    CURL *easy;
};

/* One request under way. */
typedef struct Transfer
{
    Arena *arena;
    CURL *easy;
    const HttpRequest *request;
    CURLU *url;
    char *host;
    bool plain;        /* http, not https */
    bool is_allowed;   /* by name: it may have a private address */
    bool is_refused;   /* it has one, and is not */
    bool is_stopped;   /* by is_stopped */
    bool is_too_large; /* the answer */
    Err failed;        /* of source or sink */
    struct curl_slist *headers;
    int64_t limit;
    int64_t received;
    size_t header_bytes;
    bool has_whole_head; /* the empty line behind it came: libcurl takes a closed connection for one */
    Text body;
    size_t header_room;
    HttpResponse response;
} Transfer;

/* -- the handle ---------------------------------------------------------------------------------------------------- */

static pthread_once_t started = PTHREAD_ONCE_INIT;
static CURLcode start_result;

static void
start(void)
{
    start_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

Err
http_open(Http **ret_http)
{
    pthread_once(&started, start);
    CURL *easy = start_result == CURLE_OK ? curl_easy_init() : NULL;
    if (easy == NULL)
        return err_new(ERR_INTERNAL, "libcurl could not be initialised");
    Http *http = mem_alloc(sizeof *http);
    http->easy = easy;
    *ret_http = http;
    return OK;
}

void
http_close(Http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->easy);
    mem_free(http);
}

void
http_closep(Http **http)
{
    http_close(*http);
    *http = NULL;
}

/* -- the URL ------------------------------------------------------------------------------------------------------- */

static bool
is_listed(const char *host, const char *const *hosts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(host, hosts[i]) == 0)
            return true;
    return false;
}

static char *
part_of(Arena *arena, CURLU *url, CURLUPart part)
{
    char *text = NULL;

    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return NULL;
    char *kept = arena_strdup(arena, text);
    curl_free(text);
    return kept;
}

/* The parts that are judged are those that libcurl uses: it is given this handle, not the text. */
static const char *
read_url(Transfer *t)
{
    const HttpRequest *r = t->request;

    if (curl_url_set(t->url, CURLUPART_URL, r->url, CURLU_PATH_AS_IS) != CURLUE_OK)
        return "is no URL";
    const char *scheme = part_of(t->arena, t->url, CURLUPART_SCHEME);
    t->host = part_of(t->arena, t->url, CURLUPART_HOST);
    if (scheme == NULL || text_blank(t->host))
        return "is no URL";
    if (part_of(t->arena, t->url, CURLUPART_USER) != NULL || part_of(t->arena, t->url, CURLUPART_PASSWORD) != NULL)
        return "holds a user's name or a password";
    t->plain = strcasecmp(scheme, "http") == 0;
    t->is_allowed = is_listed(t->host, r->private_hosts, r->private_count);
    if (strcasecmp(scheme, "https") != 0 && !(t->plain && t->is_allowed))
        return "is not https";
    return NULL;
}

const char *
http_judge_url(Arena *arena, const char *url, const char *const *private_hosts, size_t private_count)
{
    const HttpRequest request = { .url = url, .private_hosts = private_hosts, .private_count = private_count };
    Transfer t = { .arena = arena, .request = &request, .url = curl_url() };
    const char *wrong = t.url == NULL ? "cannot be read" : read_url(&t);

    curl_url_cleanup(t.url);
    return wrong;
}

/* -- what libcurl calls back --------------------------------------------------------------------------------------- */

static bool
is_fit(const Transfer *t, const struct sockaddr *address)
{
    const unsigned char *bytes = NULL;
    size_t length = 0;

    if (address->sa_family == AF_INET)
    {
        bytes = (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
        length = 4;
    }
    else if (address->sa_family == AF_INET6)
    {
        bytes = (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        length = 16;
    }
    if (length == 0 || (t->plain && !http_is_loopback(bytes, length)))
        return false;
    return t->is_allowed || !http_is_private(bytes, length);
}

static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    Transfer *t = context;

    if (purpose != CURLSOCKTYPE_IPCXN || t->is_refused || !is_fit(t, &address->addr))
    {
        t->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *context)
{
    Transfer *t = context;
    size_t length = size * count;
    const size_t taken = length;

    t->header_bytes += length;
    if (t->header_bytes > HEADERS_BYTES)
    {
        t->is_too_large = true;
        return 0;
    }
    while (length > 0 && (bytes[length - 1] == '\r' || bytes[length - 1] == '\n'))
        length--;
    if (length > 5 && strncmp(bytes, "HTTP/", 5) == 0) /* a new answer: what came with "100 Continue" is not its own */
    {
        t->response.header_count = 0;
        t->has_whole_head = false;
    }
    else if (length == 0)
        t->has_whole_head = true;
    else
        ARENA_PUSH(t->arena, t->response.headers, t->response.header_count, t->header_room,
                   arena_strndup(t->arena, bytes, length));
    return taken;
}

static bool
goes_to_sink(const Transfer *t)
{
    long status = 0;

    if (t->request->sink == NULL)
        return false;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
    Transfer *t = context;
    const size_t length = size * count;

    if (goes_to_sink(t))
    {
        t->failed = t->request->sink(t->request->sink_context, bytes, length);
        return t->failed == OK ? length : CURL_WRITEFUNC_ERROR;
    }
    t->received += (int64_t)length;
    if (t->received > t->limit)
    {
        t->is_too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    text_add_bytes(&t->body, bytes, length);
    return length;
}

static size_t
give_body(char *buffer, size_t size, size_t count, void *context)
{
    Transfer *t = context;
    size_t length = 0;

    t->failed = t->request->source(t->request->source_context, buffer, size * count, &length);
    return t->failed == OK ? length : CURL_READFUNC_ABORT;
}

static int
watch(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    Transfer *t = context;

    (void)a, (void)b, (void)c, (void)d;
    t->is_stopped = t->is_stopped || (t->request->is_stopped != NULL && t->request->is_stopped());
    return t->is_stopped ? 1 : 0;
}

/* -- one request --------------------------------------------------------------------------------------------------- */

/* The types that curl_easy_setopt() looks for are checked by its own macro where the compiler can. */
#define SET(option, value)                                                                                             \
    do                                                                                                                 \
    {                                                                                                                  \
        const CURLcode set_ = curl_easy_setopt(t->easy, option, value);                                                \
        if (set_ != CURLE_OK)                                                                                          \
            return set_;                                                                                               \
    } while (0)

static CURLcode
set_rules(Transfer *t)
{
    const HttpRequest *r = t->request;

    SET(CURLOPT_CURLU, t->url);
    SET(CURLOPT_PROTOCOLS_STR, t->plain ? "http" : "https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (r->ca_file != NULL)
    {
        SET(CURLOPT_CAINFO, r->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_ms > 0 ? r->connect_ms : CONNECT_MS));
    SET(CURLOPT_TIMEOUT_MS, (long)(r->total_ms > 0 ? r->total_ms : TOTAL_MS));
    SET(CURLOPT_LOW_SPEED_TIME, (long)(r->stall_s > 0 ? r->stall_s : STALL_S));
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
    SET(CURLOPT_USERAGENT, "expunge/" EXPUNGE_VERSION);
    return CURLE_OK;
}

static CURLcode
set_callbacks(Transfer *t)
{
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_XFERINFOFUNCTION, watch);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    if (t->request->sink == NULL)
        SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->limit);
    return CURLE_OK;
}

static CURLcode
set_message(Transfer *t)
{
    const HttpRequest *r = t->request;

    if (r->source != NULL)
    {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, give_body);
        SET(CURLOPT_READDATA, t);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->source_bytes);
    }
    else if (r->body != NULL || strcmp(r->method, "POST") == 0)
    {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, r->body == NULL ? "" : r->body); /* not copied: it may be a secret */
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->body == NULL ? 0 : r->body_length));
    }
    else if (strcmp(r->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    if (r->aws_scope != NULL)
    {
        SET(CURLOPT_AWS_SIGV4, r->aws_scope);
        SET(CURLOPT_USERNAME, r->aws_access);
        SET(CURLOPT_PASSWORD, r->aws_secret);
    }
    SET(CURLOPT_HTTPHEADER, t->headers);
    return CURLE_OK;
}

static CURLcode
add_header(Transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    t->headers = longer == NULL ? t->headers : longer;
    return longer == NULL ? CURLE_OUT_OF_MEMORY : CURLE_OK;
}

/* libcurl 7.88 signs the host without its port, and sends it with it. */
static CURLcode
add_signed_host(Transfer *t)
{
    const char *port = part_of(t->arena, t->url, CURLUPART_PORT);

    return add_header(t, port == NULL ? arena_printf(t->arena, "Host: %s", t->host)
                                      : arena_printf(t->arena, "Host: %s:%s", t->host, port));
}

/* What libcurl would add by itself is left out: it waits for no "100 Continue", and calls no body a form.  Where it signs,
 * it would sign what is left out as well, and the signature be refused: then nothing is. */
static CURLcode
set_headers(Transfer *t)
{
    const bool is_signed = t->request->aws_scope != NULL;
    CURLcode code = is_signed ? add_signed_host(t) : add_header(t, "Expect:");
    bool typed = is_signed;

    for (size_t i = 0; code == CURLE_OK && i < t->request->header_count; i++)
    {
        const char *line = t->request->headers[i];
        typed = typed || strncasecmp(line, "content-type:", strlen("content-type:")) == 0;
        code = add_header(t, line);
    }
    return code == CURLE_OK && !typed ? add_header(t, "Content-Type:") : code;
}

static const char *
reason(CURLcode code)
{
    switch (code)
    {
    case CURLE_COULDNT_RESOLVE_HOST: return "its name could not be resolved";
    case CURLE_COULDNT_CONNECT: return "could not connect";
    case CURLE_OPERATION_TIMEDOUT: return "it did not answer in time";
    case CURLE_PEER_FAILED_VERIFICATION: return "its certificate does not verify";
    case CURLE_SSL_CONNECT_ERROR: return "TLS could not be agreed on";
    case CURLE_SSL_CACERT_BADFILE: return "the file of certificate authorities could not be read";
    case CURLE_GOT_NOTHING: return "it closed the connection without an answer";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return "the connection was lost";
    case CURLE_PARTIAL_FILE: return "its answer ended early";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING: return "its answer is not HTTP";
    default: return NULL;
    }
}

static Err
tell_failure(const Transfer *t, CURLcode code)
{
    if (t->is_refused)
        return err_new(ERR_RAIL, "\"%s\" has an address in a private or special network%s", t->host,
                       t->is_allowed ? ", and without TLS only the loopback network may be used"
                                     : "; if that is right, allow the host by name");
    if (t->is_stopped)
        return err_new(ERR_PARTLY, "asked to stop while \"%s\" was answering", t->host);
    if (t->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
        return err_new(ERR_IO, "\"%s\": its answer is larger than the %lld bytes that are read", t->host,
                       (long long)t->limit);
    const char *why = reason(code);
    if (why != NULL)
        return err_new(ERR_IO, "\"%s\": %s", t->host, why);
    return err_new(ERR_IO, "\"%s\": the request failed (libcurl's error %d)", t->host, (int)code);
}

static void
read_answer(Transfer *t)
{
    curl_off_t after = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->response.status);
    if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
        t->response.retry_after_s = after;
    t->response.body = text_done(&t->body);
    t->response.length = t->body.length;
}

static Err
perform(Transfer *t)
{
    const char *wrong = read_url(t);
    if (wrong != NULL)
        return err_new(ERR_CONFIG, "the address of the request %s", wrong);
    CURLcode code = set_rules(t);
    if (code == CURLE_OK)
        code = set_callbacks(t);
    if (code == CURLE_OK)
        code = set_headers(t);
    if (code == CURLE_OK)
        code = set_message(t);
    if (code != CURLE_OK)
        return err_new(ERR_INTERNAL, "libcurl refused an option (error %d)", (int)code);
    code = curl_easy_perform(t->easy);
    if (t->failed != OK)
        return err_note(t->failed, "while \"%s\" was asked", t->host);
    if (code != CURLE_OK || !t->has_whole_head)
        return tell_failure(t, code == CURLE_OK ? CURLE_PARTIAL_FILE : code);
    read_answer(t);
    return OK;
}

Err
http_send(Http *http, Arena *arena, const HttpRequest *request, HttpResponse *ret_response)
{
    Transfer t = { .arena = arena,
                   .easy = http->easy,
                   .request = request,
                   .url = curl_url(),
                   .limit = request->limit_bytes > 0 ? request->limit_bytes : LIMIT_BYTES,
                   .body = TEXT_INIT(arena) };
    const Err e = t.url == NULL ? err_new(ERR_INTERNAL, "libcurl has no memory") : perform(&t);

    curl_easy_reset(http->easy); /* before what it points at ends; connections stay */
    curl_slist_free_all(t.headers);
    curl_url_cleanup(t.url);
    if (e == OK)
        *ret_response = t.response;
    return e;
}

const char *
http_header(const HttpResponse *response, const char *name)
{
    const size_t length = strlen(name);

    for (size_t i = 0; i < response->header_count; i++)
    {
        const char *line = response->headers[i];
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}
