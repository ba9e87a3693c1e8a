#include "io/http_server.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/list.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <unistd.h>

enum {
    CONNECTIONS_MOST = 64,
    IDLE_TIMEOUT_S = 10,
    HEADERS_LIMIT = 16 * 1024,
    PART_LIMIT = 4 << 20
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct loop_fd *watch; /* the daemon's epoll descriptor */
    struct timer *timer;   /* when the daemon wants to run without news from it */
    http_handler_fn *handler;
    void *arg;
    size_t body_limit;
    unsigned port;
    bool full; /* as many connections as it takes: the daemon does not listen */
    unsigned streams;
    struct list requests; /* all, between their headers and the end of their answers */
};

enum request_state {
    REQUEST_READING,   /* its body comes in */
    REQUEST_HANDLING,  /* the handler has it, and has not returned */
    REQUEST_SUSPENDED, /* the handler returned without a reply */
    REQUEST_REPLIED,
    REQUEST_IDLE /* replied with a stream that has nothing to send: suspended, too */
};

struct http_stream {
    struct http_request *request;
    struct buf part; /* on its way to the client */
    size_t sent;     /* of it */
    bool ended;
    http_stream_closed_fn *closed;
    void *arg;
};

struct http_request {
    struct list node;
    struct http_server *server;
    struct MHD_Connection *connection;
    enum request_state state;
    const char *method, *path;
    struct buf body;
    struct buf headers; /* of the reply: name, NUL, value, NUL, ... */
    struct MHD_Response *response;
    unsigned status;
    struct http_stream *stream; /* the reply goes on; NULL: it does not */
};

/* ---- the daemon in the loop ---- */

static void server_run(void *arg)
{
    struct http_server *s = arg;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    bool was_full = s->full;

    MHD_run(s->daemon);
    s->full =
        MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections >=
        CONNECTIONS_MOST;
    if (was_full && !s->full)
        timer_start(s->timer, 0); /* the daemon listens again only in its next run */
    else if (MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES)
        timer_start(s->timer, (int64_t)wait_ms * 1000);
    else
        timer_stop(s->timer);
}

/* ---- one request ---- */

static struct http_request *request_new(struct http_server *s, struct MHD_Connection *connection,
                                        const char *method, const char *path)
{
    struct http_request *r = xcalloc(1, sizeof(*r));

    r->server = s;
    r->connection = connection;
    r->method = method;
    r->path = path;
    buf_init(&r->body, s->body_limit);
    buf_init(&r->headers, HEADERS_LIMIT);
    list_add_tail(&s->requests, &r->node);
    return r;
}

static void stream_free(struct http_stream *s)
{
    s->request->server->streams--;
    if (!s->ended)
        s->closed(s->arg);
    buf_done(&s->part);
    free(s);
}

static void request_free(struct http_request *r)
{
    list_remove(&r->node);
    if (r->stream)
        stream_free(r->stream);
    buf_done(&r->body);
    buf_done(&r->headers);
    if (r->response)
        MHD_destroy_response(r->response);
    free(r);
}

static enum MHD_Result request_queue_reply(const struct http_request *r)
{
    return MHD_queue_response(r->connection, r->status, r->response);
}

static void reply_too_large(struct http_request *r)
{
    static const char text[] = "the body is too large\n";

    r->state = REQUEST_HANDLING;
    http_reply(r, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain", (struct str){text, sizeof(text) - 1});
}

/* A body that says beforehand that it is too large is not even read. */
static bool length_is_too_large(const struct http_request *r)
{
    const char *text = http_request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t length;

    return text && (!str_to_int64(str_of(text), &length) || length < 0 ||
                    (uint64_t)length > r->server->body_limit);
}

static void request_handle(struct http_request *r)
{
    if (r->body.failed) {
        reply_too_large(r);
        return;
    }
    r->state = REQUEST_HANDLING;
    r->server->handler(r->server->arg, r);
    if (r->state == REQUEST_HANDLING) {
        r->state = REQUEST_SUSPENDED;
        MHD_suspend_connection(r->connection);
    }
}

/* Called by the daemon when the headers are there, for each part of the body, at its end, and once
 * more after a suspended connection was resumed. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **state)
{
    struct http_request *r = *state;

    (void)version;
    if (!r) {
        r = *state = request_new(arg, connection, method, path);
        if (!length_is_too_large(r))
            return MHD_YES;
        reply_too_large(r);
    } else if (*data_size > 0) {
        buf_add(&r->body, data, *data_size); /* what goes over the limit is read and dropped */
        *data_size = 0;
        return MHD_YES;
    } else if (r->state == REQUEST_READING) {
        request_handle(r);
    }
    return r->state == REQUEST_REPLIED ? request_queue_reply(r) : MHD_YES;
}

static void on_request_completed(void *arg, struct MHD_Connection *connection, void **state,
                                 enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    if (*state)
        request_free(*state);
    *state = NULL;
}

const char *http_request_method(const struct http_request *r)
{
    return r->method;
}

const char *http_request_path(const struct http_request *r)
{
    return r->path;
}

struct str http_request_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

static const char *request_value(const struct http_request *r, enum MHD_ValueKind kind,
                                 const char *name)
{
    const char *value;

    if (MHD_lookup_connection_value_n(r->connection, kind, name, strlen(name), &value, NULL) ==
        MHD_NO)
        return NULL;
    return value ? value : ""; /* "?name" without a value */
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    return request_value(r, MHD_HEADER_KIND, name);
}

const char *http_request_param(const struct http_request *r, const char *name)
{
    return request_value(r, MHD_GET_ARGUMENT_KIND, name);
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
    buf_add(&r->headers, name, strlen(name) + 1);
    buf_add(&r->headers, value, strlen(value) + 1);
}

static void request_wake(const struct http_request *r)
{
    MHD_resume_connection(r->connection);
    timer_start(r->server->timer, 0);
}

static void request_reply(struct http_request *r, unsigned status, const char *content_type,
                          struct MHD_Response *response)
{
    const char *p = r->headers.p, *end = r->headers.n ? p + r->headers.n : p;
    bool suspended = r->state == REQUEST_SUSPENDED;

    assert(response && (suspended || r->state == REQUEST_HANDLING));
    r->state = REQUEST_REPLIED;
    r->status = status;
    r->response = response;
    MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    while (p < end) {
        const char *value = p + strlen(p) + 1;

        MHD_add_response_header(r->response, p, value);
        p = value + strlen(value) + 1;
    }
    if (suspended)
        request_wake(r);
}

void http_reply(struct http_request *r, unsigned status, const char *content_type, struct str body)
{
    /* The library copies; its parameter is not const for other modes. */
    request_reply(r, status, content_type,
                  MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY));
}

/* ---- replies that go on ---- */

/* Called by the daemon whenever the client can take more. */
static ssize_t stream_read(void *arg, uint64_t at, char *out, size_t size)
{
    struct http_stream *s = arg;
    size_t n = s->part.n - s->sent;

    (void)at;
    if (!n && s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!n) {
        s->request->state = REQUEST_IDLE;
        MHD_suspend_connection(s->request->connection);
        return 0;
    }
    n = n < size ? n : size;
    memcpy(out, s->part.p + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

static void stream_wake(const struct http_stream *s)
{
    if (s->request->state != REQUEST_IDLE)
        return;
    s->request->state = REQUEST_REPLIED;
    request_wake(s->request);
}

struct http_stream *http_reply_stream(struct http_request *r, const char *content_type,
                                      http_stream_closed_fn *closed, void *arg)
{
    enum { BLOCK = 16 * 1024 };
    struct http_stream *s;

    if (r->server->streams == HTTP_STREAMS_MOST) {
        http_reply(r, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                   str_of("too many streams are open\n"));
        return NULL;
    }
    r->server->streams++;
    s = r->stream = xcalloc(1, sizeof(*s));
    *s = (struct http_stream){.request = r, .closed = closed, .arg = arg};
    buf_init(&s->part, PART_LIMIT);
    request_reply(r, MHD_HTTP_OK, content_type,
                  MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, stream_read, s, NULL));
    return s;
}

bool http_stream_send(struct http_stream *s, struct str part)
{
    if (s->sent < s->part.n || part.n > PART_LIMIT)
        return false;
    buf_clear(&s->part);
    s->sent = 0;
    buf_add_str(&s->part, part);
    stream_wake(s);
    return true;
}

void http_stream_end(struct http_stream *s)
{
    s->ended = true;
    stream_wake(s);
}

/* ---- the server ---- */

static bool address_parse(const char *host, unsigned port, struct sockaddr_storage *out,
                          socklen_t *out_size)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *out_size = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *out_size = sizeof(*v6);
        return true;
    }
    return false;
}

/* A listening socket, or -errno. Made here because the daemon does not say why it cannot. */
static int socket_listen(const struct sockaddr_storage *address, socklen_t size)
{
    int one = 1, err;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    err = errno;
    close(fd);
    return -err;
}

static unsigned socket_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t size = sizeof(address);

    getsockname(fd, &address.any, &size);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static struct MHD_Daemon *daemon_start(struct http_server *s, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
                            on_request_completed, s, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_END);
}

struct http_server *http_server_start(struct loop *loop, const char *host, unsigned port,
                                      size_t body_limit, http_handler_fn *handler, void *arg,
                                      struct fail *why)
{
    struct http_server *s;
    struct sockaddr_storage address;
    socklen_t size;
    char doing[96];
    int fd;

    *why = (struct fail){0};
    str_format(doing, sizeof(doing), "listen on %s port %u", host, port);
    if (port > UINT16_MAX || !address_parse(host, port, &address, &size)) {
        *why = fail_make(FAIL_PROTOCOL, "%s: no IP address and port", doing);
        return NULL;
    }
    fd = socket_listen(&address, size);
    if (fd < 0) {
        *why = fail_errno(doing, -fd);
        return NULL;
    }
    s = xcalloc(1, sizeof(*s));
    s->handler = handler;
    s->arg = arg;
    s->body_limit = body_limit;
    s->port = socket_port(fd);
    list_init(&s->requests);
    s->daemon = daemon_start(s, fd);
    assert(s->daemon); /* memory and descriptors are all that it can lack now */
    s->timer = timer_new(loop, server_run, s);
    s->watch = loop_fd_new(loop, MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
                           server_run, s);
    return s;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    loop_fd_free(s->watch);
    /* The daemon does not stop while connections are suspended. */
    LIST_FOR_EACH (it, &s->requests) {
        const struct http_request *r = CONTAINER_OF(it, struct http_request, node);

        if (r->state == REQUEST_SUSPENDED || r->state == REQUEST_IDLE)
            MHD_resume_connection(r->connection);
    }
    MHD_stop_daemon(s->daemon);
    timer_free(s->timer);
    free(s);
}
