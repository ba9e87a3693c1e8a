#include "io/tcp.h"

#include "base/alloc.h"
#include "io/tls_stream.h"

#include <assert.h>
#include <uv.h>

enum { INPUT_BYTES = 64 * 1024, KEEPALIVE_S = 20, BACKLOG = 1024, TLS_BYTES = 16 * 1024 };

/* Lives until libuv has closed it and the resolver has answered, which may be after its owner is
 * gone. */
struct tcp {
    uv_tcp_t handle;
    uv_connect_t connect;
    uv_getaddrinfo_t resolve;
    struct timer *later; /* tells a failure that was known at once */
    struct fail failed;
    struct tcp_events events;
    void *arg;
    struct tls_stream *tls; /* NULL: none */
    bool greeted;           /* the TLS handshake is done */
    bool ended;             /* by its owner: no event comes any more */
    bool told;              /* on_closed was called */
    bool finishing;         /* waits until all is written */
    bool closing, closed, resolving;
};

struct tcp_listener {
    uv_tcp_t handle;
    struct loop *loop;
    void (*on_ready)(void *arg);
    void *arg;
};

struct write {
    uv_write_t request;
    struct tcp *tcp;
    char bytes[];
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool address_parse(union address *out, const char *host, unsigned port)
{
    return uv_ip4_addr(host, (int)port, &out->v4) == 0 ||
           uv_ip6_addr(host, (int)port, &out->v6) == 0;
}

/* ---- the end ---- */

static void free_when_unused(struct tcp *t)
{
    if (t->closed && !t->resolving)
        free(t);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct tcp *t = handle->data;

    t->closed = true;
    free_when_unused(t);
}

static void close_handle(struct tcp *t)
{
    if (t->closing)
        return;
    t->closing = true;
    uv_close((uv_handle_t *)&t->handle, on_handle_closed);
}

static void end_owner(struct tcp *t)
{
    assert(!t->ended);
    t->ended = true;
    timer_free(t->later);
    t->later = NULL;
    tls_stream_free(t->tls);
    t->tls = NULL;
}

void tcp_free(struct tcp *t)
{
    if (!t)
        return;
    end_owner(t);
    close_handle(t);
}

void tcp_finish(struct tcp *t)
{
    end_owner(t);
    t->finishing = uv_stream_get_write_queue_size((uv_stream_t *)&t->handle) > 0;
    if (!t->finishing)
        close_handle(t);
}

static void tell_closed(struct tcp *t, struct fail why)
{
    if (t->ended || t->told)
        return;
    t->told = true;
    timer_stop(t->later);
    uv_read_stop((uv_stream_t *)&t->handle);
    t->events.on_closed(t->arg, &why);
}

static void on_later(void *arg)
{
    struct tcp *t = arg;

    tell_closed(t, t->failed);
}

static void fail_later(struct tcp *t, const char *doing, int rc)
{
    if (t->failed.kind == FAIL_NONE)
        t->failed = fail_errno(doing, -rc);
    timer_start(t->later, 0);
}

/* ---- bytes ---- */

static void send_bytes(struct tcp *t, struct str bytes);

static void send_encrypted(struct tcp *t)
{
    char bytes[TLS_BYTES];
    size_t n;

    while ((n = tls_stream_take(t->tls, bytes, sizeof bytes)) > 0)
        send_bytes(t, (struct str){bytes, n});
}

/* From the loop. The owner may end it in any event. */
static void run_tls(struct tcp *t)
{
    char bytes[TLS_BYTES];
    struct fail why;
    ssize_t n = 0;

    if (!t->greeted) {
        t->greeted = tls_stream_greet(t->tls, &why);
        send_encrypted(t);
        if (t->greeted)
            t->events.on_connected(t->arg);
        else if (why.kind != FAIL_NONE)
            tell_closed(t, why);
    }
    while (t->greeted && !t->ended && (n = tls_stream_read(t->tls, bytes, sizeof bytes, &why)) > 0)
        t->events.on_data(t->arg, (struct str){bytes, (size_t)n});
    if (!t->greeted || t->ended)
        return;
    send_encrypted(t);
    if (n < 0)
        tell_closed(t, why);
}

/* libuv reads and hands over in one go, and there is one thread: one buffer serves all. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static _Thread_local char input[INPUT_BYTES];

    (void)handle;
    (void)suggested;
    *out = uv_buf_init(input, sizeof input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
    struct tcp *t = stream->data;

    if (t->ended || n == 0)
        return;
    if (n > 0 && t->tls) {
        tls_stream_feed(t->tls, (struct str){input->base, (size_t)n});
        run_tls(t);
    } else if (n > 0)
        t->events.on_data(t->arg, (struct str){input->base, (size_t)n});
    else
        tell_closed(t, n == UV_EOF ? (struct fail){0} : fail_errno("read", (int)-n));
}

static void on_written(uv_write_t *request, int status)
{
    struct write *write = CONTAINER_OF(request, struct write, request);
    struct tcp *t = write->tcp;

    free(write);
    if (t->finishing) {
        if (status < 0 || uv_stream_get_write_queue_size((uv_stream_t *)&t->handle) == 0)
            close_handle(t);
    } else if (status < 0) {
        tell_closed(t, fail_errno("write", -status));
    }
}

static int write_later(struct tcp *t, struct str bytes)
{
    struct write *write = xcalloc(1, sizeof *write + bytes.n);
    uv_buf_t all = uv_buf_init(write->bytes, (unsigned)bytes.n);
    int rc;

    write->tcp = t;
    memcpy(write->bytes, bytes.p, bytes.n);
    rc = uv_write(&write->request, (uv_stream_t *)&t->handle, &all, 1, on_written);
    if (rc < 0)
        free(write);
    return rc;
}

/* A failure is told from the loop, as this runs inside of calls from outside. */
static void send_bytes(struct tcp *t, struct str bytes)
{
    const union {
        const char *in;
        char *out; /* libuv does not write to it */
    } whole = {.in = bytes.p};
    uv_buf_t all = uv_buf_init(whole.out, (unsigned)bytes.n);
    int n;

    assert(!t->ended);
    if (bytes.n == 0 || t->told)
        return;
    n = uv_try_write((uv_stream_t *)&t->handle, &all, 1);
    if (n == UV_EAGAIN)
        n = 0;
    if (n >= 0 && (size_t)n < bytes.n)
        n = write_later(t, (struct str){bytes.p + n, bytes.n - (size_t)n});
    if (n < 0)
        fail_later(t, "write", n);
}

void tcp_write(struct tcp *t, struct str bytes)
{
    assert(!t->ended && (!t->tls || t->greeted));
    if (!t->tls) {
        send_bytes(t, bytes);
        return;
    }
    tls_stream_write(t->tls, bytes);
    send_encrypted(t);
}

/* ---- connecting ---- */

static int start_reading(struct tcp *t)
{
    (void)uv_tcp_nodelay(&t->handle, 1); /* both only help */
    (void)uv_tcp_keepalive(&t->handle, 1, KEEPALIVE_S);
    return uv_read_start((uv_stream_t *)&t->handle, on_alloc, on_read);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct tcp *t = CONTAINER_OF(request, struct tcp, connect);

    if (t->ended)
        return;
    if (status == 0)
        status = start_reading(t);
    if (status < 0)
        tell_closed(t, fail_errno("connect", -status));
    else if (t->tls)
        run_tls(t);
    else
        t->events.on_connected(t->arg);
}

static void connect_to(struct tcp *t, const struct sockaddr *address)
{
    int rc = uv_tcp_connect(&t->connect, &t->handle, address, on_connected);

    if (rc < 0)
        fail_later(t, "connect", rc);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct tcp *t = CONTAINER_OF(request, struct tcp, resolve);

    t->resolving = false;
    if (t->ended)
        free_when_unused(t);
    else if (status < 0)
        tell_closed(t, fail_make(FAIL_UNREACHABLE, "resolve: %s", uv_strerror(status)));
    else
        connect_to(t, found->ai_addr);
    uv_freeaddrinfo(found);
}

static void resolve(struct tcp *t, struct loop *loop, const char *host, unsigned port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char service[16];
    int rc;

    (void)str_format(service, sizeof service, "%u", port);
    rc = uv_getaddrinfo(loop_uv(loop), &t->resolve, on_resolved, host, service, &hints);
    if (rc < 0)
        fail_later(t, "resolve", rc);
    else
        t->resolving = true;
}

static struct tcp *tcp_new(struct loop *loop, const struct tcp_events *events, void *arg)
{
    struct tcp *t = xcalloc(1, sizeof *t);
    int rc = uv_tcp_init(loop_uv(loop), &t->handle);

    assert(rc == 0);
    (void)rc;
    t->handle.data = t;
    t->events = *events;
    t->arg = arg;
    t->later = timer_new(loop, on_later, t);
    return t;
}

struct tcp *tcp_connect(struct loop *loop, const char *host, unsigned port,
                        const struct tcp_events *events, void *arg)
{
    struct tcp *t = tcp_new(loop, events, arg);
    union address to;

    if (address_parse(&to, host, port))
        connect_to(t, &to.any);
    else
        resolve(t, loop, host, port);
    return t;
}

void tcp_secure(struct tcp *t, const struct tls_trust *trust, const char *name)
{
    t->tls = tls_stream_new(trust, name);
}

/* ---- listening ---- */

static void on_connection(uv_stream_t *stream, int status)
{
    struct tcp_listener *l = stream->data;

    if (status == 0)
        l->on_ready(l->arg);
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void tcp_listener_free(struct tcp_listener *l)
{
    if (l)
        uv_close((uv_handle_t *)&l->handle, on_listener_closed);
}

struct tcp_listener *tcp_listen(struct loop *loop, const char *host, unsigned port,
                                void (*on_ready)(void *arg), void *arg, struct fail *why)
{
    struct tcp_listener *l = xcalloc(1, sizeof *l);
    union address at;
    int rc = uv_tcp_init(loop_uv(loop), &l->handle);
    char doing[96];

    assert(rc == 0);
    l->handle.data = l;
    l->loop = loop;
    l->on_ready = on_ready;
    l->arg = arg;
    rc = address_parse(&at, host, port) ? uv_tcp_bind(&l->handle, &at.any, 0) : UV_EINVAL;
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&l->handle, BACKLOG, on_connection);
    if (rc == 0)
        return l;
    (void)str_format(doing, sizeof doing, "listen on %s port %u", host, port);
    *why = fail_errno(doing, -rc);
    tcp_listener_free(l);
    return NULL;
}

struct tcp *tcp_accept(struct tcp_listener *l, const struct tcp_events *events, void *arg)
{
    struct tcp *t = tcp_new(l->loop, events, arg);

    if (uv_accept((uv_stream_t *)&l->handle, (uv_stream_t *)&t->handle) == 0 &&
        start_reading(t) == 0)
        return t;
    tcp_free(t);
    return NULL;
}
