#include "server/memgraph_rpc.h"

#include "base/alloc.h"
#include "base/list.h"
#include "io/tcp.h"

#include <assert.h>

enum { FRAME_MAX = 1 << 30, CONNECT_TIMEOUT_US = 5000000 };

struct memgraph_rpc {
    struct loop *loop;
    char address[64];
    struct memgraph_rpc_events events;
    void *arg;
    struct tcp_listener *listener; /* NULL: not listening */
    struct list peers, links;
};

/* A connection that somebody opened to us. */
struct peer {
    struct list node;
    struct memgraph_rpc *rpc;
    struct tcp *stream;
    struct buf in;
};

/* Our connection to a replica. */
struct link {
    struct list node;
    struct memgraph_rpc *rpc;
    unsigned id;
    struct tcp *stream; /* NULL: none */
    bool connected, broken;
    uint64_t call; /* 0: none */
    int64_t timeout_us;
    struct buf out, in;
    struct timer *timer; /* the limit of what is under way; or reports a failure soon */
};

struct memgraph_rpc *memgraph_rpc_new(struct loop *loop, const char *address,
                                      const struct memgraph_rpc_events *events, void *arg)
{
    struct memgraph_rpc *rpc = xcalloc(1, sizeof(*rpc));

    rpc->loop = loop;
    str_copy(rpc->address, sizeof(rpc->address), address);
    rpc->events = *events;
    rpc->arg = arg;
    list_init(&rpc->peers);
    list_init(&rpc->links);
    return rpc;
}

/* The whole frame at the front of a buffer; false: it is not complete. */
static bool frame_of(const struct buf *in, struct str *out)
{
    struct rd r = rd_of(in->p, in->n);
    uint32_t n;

    if (in->n < 4)
        return false;
    n = rd_be32(&r);
    *out = rd_bytes(&r, n);
    return !r.failed;
}

static void add_frame(struct buf *out, struct str bytes)
{
    buf_add_be32(out, (uint32_t)bytes.n);
    buf_add_str(out, bytes);
}

/* The server. */

static void peer_free(struct peer *p)
{
    list_remove(&p->node);
    tcp_free(p->stream);
    buf_done(&p->in);
    free(p);
}

static void on_peer_bytes(void *arg, struct str bytes)
{
    struct peer *p = arg;
    struct memgraph_rpc *rpc = p->rpc;
    struct buf answer, out;
    struct str frame;
    bool ok = true;

    buf_add_str(&p->in, bytes);
    if (!frame_of(&p->in, &frame)) {
        rpc->events.on_poke(rpc->arg);
        return; /* p may be gone: a poke can end a promotion, which closes all */
    }
    buf_init(&answer, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    while (ok && frame_of(&p->in, &frame)) {
        buf_clear(&answer);
        ok = rpc->events.on_request(rpc->arg, frame, &answer);
        add_frame(&out, buf_str(&answer));
        buf_drop(&p->in, frame.n + 4);
    }
    if (ok)
        tcp_write(p->stream, buf_str(&out));
    else
        peer_free(p);
    buf_done(&answer);
    buf_done(&out);
}

static void on_peer_end(void *arg, const struct fail *why)
{
    (void)why;
    peer_free(arg);
}

static void on_peer(void *arg)
{
    static const struct tcp_events events = {.on_data = on_peer_bytes, .on_closed = on_peer_end};
    struct memgraph_rpc *rpc = arg;
    struct peer *p = xcalloc(1, sizeof(*p));

    p->rpc = rpc;
    buf_init(&p->in, FRAME_MAX);
    list_add_tail(&rpc->peers, &p->node);
    p->stream = tcp_accept(rpc->listener, &events, p);
    if (!p->stream)
        peer_free(p);
}

bool memgraph_rpc_listen(struct memgraph_rpc *rpc, unsigned port)
{
    struct fail why;

    assert(!rpc->listener);
    rpc->listener = tcp_listen(rpc->loop, rpc->address, port, on_peer, rpc, &why);
    return rpc->listener != NULL;
}

void memgraph_rpc_unlisten(struct memgraph_rpc *rpc)
{
    struct list *node;

    tcp_listener_free(rpc->listener);
    rpc->listener = NULL;
    while ((node = list_pop(&rpc->peers)))
        peer_free(CONTAINER_OF(node, struct peer, node));
}

/* Links. */

static void link_cut(struct link *l)
{
    tcp_free(l->stream);
    l->stream = NULL;
    l->connected = false;
    buf_clear(&l->in);
}

static void call_end(struct link *l, bool ok, struct str bytes)
{
    uint64_t call = l->call;

    l->call = 0;
    timer_stop(l->timer);
    l->rpc->events.on_answer(l->rpc->arg, call, ok, bytes);
}

static void on_limit(void *arg)
{
    struct link *l = arg;

    link_cut(l);
    call_end(l, false, (struct str){0});
}

static void on_link_connect(void *arg)
{
    struct link *l = arg;

    l->connected = true;
    tcp_write(l->stream, buf_str(&l->out));
    timer_start(l->timer, l->timeout_us);
}

static void on_link_bytes(void *arg, struct str bytes)
{
    struct link *l = arg;
    struct str frame;
    struct buf answer;

    buf_add_str(&l->in, bytes);
    if (!l->call || !frame_of(&l->in, &frame))
        return;
    buf_init(&answer, SIZE_MAX);
    buf_add_str(&answer, frame);
    buf_drop(&l->in, frame.n + 4);
    call_end(l, true, buf_str(&answer));
    buf_done(&answer);
}

static void on_link_end(void *arg, const struct fail *why)
{
    struct link *l = arg;

    (void)why;
    link_cut(l);
    if (l->call)
        call_end(l, false, (struct str){0});
    else
        l->broken = true;
}

static struct link *link_get(struct memgraph_rpc *rpc, unsigned id)
{
    LIST_FOR_EACH (node, &rpc->links) {
        struct link *l = CONTAINER_OF(node, struct link, node);

        if (l->id == id)
            return l;
    }
    return NULL;
}

static struct link *link_new(struct memgraph_rpc *rpc, unsigned id)
{
    struct link *l = xcalloc(1, sizeof(*l));

    l->rpc = rpc;
    l->id = id;
    l->timer = timer_new(rpc->loop, on_limit, l);
    buf_init(&l->in, FRAME_MAX);
    buf_init(&l->out, SIZE_MAX);
    list_add_tail(&rpc->links, &l->node);
    return l;
}

void memgraph_rpc_call(struct memgraph_rpc *rpc, uint64_t call, unsigned link, const char *address,
                       struct str request, int64_t timeout_us)
{
    static const struct tcp_events events = {on_link_connect, on_link_bytes, on_link_end};
    struct link *l = link_get(rpc, link);
    struct str port = str_of(address), host = str_cut(&port, ':');
    char name[300];
    int64_t number;

    if (!l)
        l = link_new(rpc, link);
    assert(!l->call);
    l->call = call;
    l->timeout_us = timeout_us;
    buf_clear(&l->out);
    add_frame(&l->out, request);
    if (l->connected) {
        tcp_write(l->stream, buf_str(&l->out));
        timer_start(l->timer, timeout_us);
        return;
    }
    if (l->broken || !str_copy_n(name, sizeof(name), host) || !str_to_int64(port, &number)) {
        l->broken = false;
        timer_start(l->timer, 0);
        return;
    }
    l->stream = tcp_connect(rpc->loop, name, (unsigned)number, &events, l);
    timer_start(l->timer, CONNECT_TIMEOUT_US);
}

static void link_free(struct link *l)
{
    list_remove(&l->node);
    link_cut(l);
    timer_free(l->timer);
    buf_done(&l->in);
    buf_done(&l->out);
    free(l);
}

void memgraph_rpc_close(struct memgraph_rpc *rpc, unsigned link)
{
    struct link *l = link_get(rpc, link);

    if (l)
        link_free(l);
}

void memgraph_rpc_free(struct memgraph_rpc *rpc)
{
    struct list *node;

    memgraph_rpc_unlisten(rpc);
    while ((node = list_pop(&rpc->links)))
        link_free(CONTAINER_OF(node, struct link, node));
    free(rpc);
}
