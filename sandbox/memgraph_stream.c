#include "sandbox/memgraph_stream.h"

#include "base/alloc.h"

#include <assert.h>

struct memgraph_stream {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
    uv_timer_t later; /* reports a failure that is known at once */
    unsigned handles; /* open ones: tcp and later */
    bool resolving, closing, flushing;
    unsigned port;
    int status;
    struct memgraph_stream_events events;
    void *arg;
    char bytes[65536];
};

struct write {
    uv_write_t request;
    struct memgraph_stream *stream;
    char bytes[];
};

static void free_when_unused(struct memgraph_stream *s)
{
    if (s->handles == 0 && !s->resolving)
        free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct memgraph_stream *s = handle->data;

    s->handles--;
    free_when_unused(s);
}

static void close_handles(struct memgraph_stream *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->tcp))
        uv_close((uv_handle_t *)&s->tcp, on_closed);
    if (!uv_is_closing((uv_handle_t *)&s->later))
        uv_close((uv_handle_t *)&s->later, on_closed);
}

static struct memgraph_stream *stream_new(uv_loop_t *loop,
                                          const struct memgraph_stream_events *events, void *arg)
{
    struct memgraph_stream *s = xcalloc(1, sizeof(*s));
    int rc;

    s->events = *events;
    s->arg = arg;
    s->tcp.data = s->later.data = s->connect.data = s->resolve.data = s;
    rc = uv_tcp_init(loop, &s->tcp);
    assert(!rc);
    rc = uv_timer_init(loop, &s->later);
    assert(!rc);
    s->handles = 2;
    return s;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct memgraph_stream *s = handle->data;

    (void)suggested;
    *out = uv_buf_init(s->bytes, sizeof(s->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct memgraph_stream *s = stream->data;

    if (s->closing || n == 0)
        return;
    if (n > 0) {
        s->events.on_bytes(s->arg, (struct str){buf->base, (size_t)n});
        return;
    }
    uv_read_stop(stream);
    s->events.on_end(s->arg);
}

static void start(struct memgraph_stream *s)
{
    uv_tcp_nodelay(&s->tcp, 1);
    uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
}

struct memgraph_stream *memgraph_stream_accept(uv_stream_t *listener,
                                               const struct memgraph_stream_events *events,
                                               void *arg)
{
    struct memgraph_stream *s = stream_new(listener->loop, events, arg);

    if (uv_accept(listener, (uv_stream_t *)&s->tcp)) {
        close_handles(s);
        return NULL;
    }
    start(s);
    return s;
}

static void report(struct memgraph_stream *s, int status)
{
    if (s->closing)
        return;
    if (!status)
        start(s);
    s->events.on_connect(s->arg, status);
}

static void on_later(uv_timer_t *timer)
{
    struct memgraph_stream *s = timer->data;

    report(s, s->status);
}

static void on_connected(uv_connect_t *request, int status)
{
    report(request->data, status);
}

static void fail_later(struct memgraph_stream *s, int status)
{
    s->status = status;
    uv_timer_start(&s->later, on_later, 0, 0);
}

static void connect_to(struct memgraph_stream *s, const struct sockaddr *address)
{
    int status = uv_tcp_connect(&s->connect, &s->tcp, address, on_connected);

    if (status)
        fail_later(s, status);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct memgraph_stream *s = request->data;

    s->resolving = false;
    if (s->closing)
        free_when_unused(s);
    else if (status)
        report(s, status);
    else
        connect_to(s, found->ai_addr);
    uv_freeaddrinfo(found);
}

struct memgraph_stream *memgraph_stream_connect(uv_loop_t *loop, const char *host, unsigned port,
                                                const struct memgraph_stream_events *events,
                                                void *arg)
{
    struct memgraph_stream *s = stream_new(loop, events, arg);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct sockaddr_in address;
    char service[8];
    int status;

    if (!uv_ip4_addr(host, (int)port, &address)) {
        connect_to(s, (struct sockaddr *)&address);
        return s;
    }
    str_format(service, sizeof(service), "%u", port);
    status = uv_getaddrinfo(loop, &s->resolve, on_resolved, host, service, &hints);
    if (status)
        fail_later(s, status);
    else
        s->resolving = true;
    return s;
}

static void on_written(uv_write_t *request, int status)
{
    struct write *w = CONTAINER_OF(request, struct write, request);
    struct memgraph_stream *s = w->stream;

    (void)status; /* a broken connection is reported by the reader */
    free(w);
    if (s->flushing && uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp) == 0)
        close_handles(s);
}

void memgraph_stream_send(struct memgraph_stream *s, struct str bytes)
{
    const union {
        const char *in;
        char *out; /* libuv does not write to it */
    } whole = {.in = bytes.p};
    uv_buf_t buf = uv_buf_init(whole.out, (unsigned)bytes.n);
    struct write *w;
    int n;

    if (!bytes.n)
        return;
    n = uv_try_write((uv_stream_t *)&s->tcp, &buf, 1);
    if (n > 0) {
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    if (!bytes.n)
        return;
    w = xcalloc(1, sizeof(*w) + bytes.n);
    w->stream = s;
    memcpy(w->bytes, bytes.p, bytes.n);
    buf = uv_buf_init(w->bytes, (unsigned)bytes.n);
    if (uv_write(&w->request, (uv_stream_t *)&s->tcp, &buf, 1, on_written))
        free(w); /* broken: the reader reports it */
}

void memgraph_stream_close(struct memgraph_stream *s, bool flush)
{
    s->closing = true;
    s->flushing = flush && uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp) > 0;
    if (!s->flushing)
        close_handles(s);
}
