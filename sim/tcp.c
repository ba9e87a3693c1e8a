/* tcp: io/tcp.h on the virtual network. */
#include "base/alloc.h"
#include "sim/net_impl.h"

#include <assert.h>
#include <errno.h>

enum segment_kind {
    SEGMENT_CONNECTED,
    SEGMENT_REFUSED,
    SEGMENT_UNREACHABLE,
    SEGMENT_DATA,
    SEGMENT_FIN,
    SEGMENT_RESET,
    SEGMENT_TIMEOUT
};

/* On its way to one end. */
struct segment {
    struct segment *next;
    int64_t at_us;
    size_t n;
    enum segment_kind kind;
    char bytes[];
};

/* One end of a connection. An end that its process has given up is freed at once; what it had sent
 * stands in its peer's queue already. */
struct tcp {
    struct list node; /* of the host's ends */
    struct host *host;
    struct loop *process;
    struct tcp *peer; /* NULL: gone, or not there yet */
    struct host *far; /* where the other end is, or was; NULL: not known */
    struct tcp_events events;
    void *arg;
    struct segment *first, *last;
    struct happening arrival; /* of the first segment */
    struct happening syn;     /* of a connection that is being made */
    struct happening keepalive;
    int64_t latest_us; /* arrival of the last segment */
    int64_t began_us;  /* connecting */
    unsigned port;
    char name[128]; /* to be resolved, or the address */
    bool owned;     /* its process has taken it (an accepted one waits for that first) */
    bool paused, told, stuck, orphan_spoke;
    struct tcp_listener *waits_at; /* not accepted yet */
    struct list waiting;
    char peer_ip[48];
};

struct tcp_listener {
    struct list node; /* of the host's listeners */
    struct host *host;
    struct loop *process;
    unsigned port;
    void (*on_ready)(void *arg);
    void *arg;
    struct list waiting; /* connections to be accepted */
    struct happening ready;
};

/* 20 s of silence, then ten probes, one a second. */
enum { KEEPALIVE_US = 30 * 1000 * 1000 };

static void on_arrival(void *arg);
static void on_keepalive(void *arg);
static void on_syn(void *arg);

/* ---- segments ---- */

static void plan_arrival(struct tcp *t)
{
    if (t->first && t->owned && !t->paused && !t->stuck && !happening_planned(&t->arrival))
        happening_at(&t->arrival, t->first->at_us);
}

/* To one end; `from`: the host that says it. */
static void send_to(struct tcp *to, struct host *from, enum segment_kind kind, struct str bytes)
{
    struct segment *s = xcalloc(1, sizeof *s + bytes.n);
    int64_t at_us = path_arrival_us(from, to->host);

    s->kind = kind;
    s->n = bytes.n;
    if (bytes.n)
        memcpy(s->bytes, bytes.p, bytes.n);
    s->at_us = at_us > to->latest_us ? at_us : to->latest_us;
    to->latest_us = s->at_us;
    if (to->last)
        to->last->next = s;
    else
        to->first = s;
    to->last = s;
    plan_arrival(to);
}

static struct segment *take_segment(struct tcp *t)
{
    struct segment *s = t->first;

    t->first = s->next;
    if (!t->first)
        t->last = NULL;
    return s;
}

static void drop_segments(struct tcp *t)
{
    while (t->first)
        free(take_segment(t));
}

/* ---- the end of an end ---- */

static struct tcp *end_new(struct loop *process, const struct tcp_events *events, void *arg)
{
    struct tcp *t = xcalloc(1, sizeof *t);

    t->process = process;
    t->host = process_host(process);
    if (events)
        t->events = *events;
    t->arg = arg;
    list_init(&t->waiting);
    list_add_tail(&t->host->ends, &t->node);
    happening_init(&t->arrival, process, on_arrival, t);
    happening_init(&t->syn, NULL, on_syn, t);
    happening_init(&t->keepalive, NULL, on_keepalive, t);
    return t;
}

static void end_free(struct tcp *t)
{
    happening_cancel(&t->arrival);
    happening_cancel(&t->syn);
    happening_cancel(&t->keepalive);
    drop_segments(t);
    list_remove(&t->node);
    list_remove(&t->waiting);
    if (t->peer)
        t->peer->peer = NULL;
    free(t);
}

/* A host that is down says nothing, not even goodbye: only keep-alive finds that out. */
static void end_with(struct tcp *t, enum segment_kind kind)
{
    if (t->peer && !t->host->down)
        send_to(t->peer, t->host, kind, (struct str){0});
    else if (t->peer)
        happening_after(&t->peer->keepalive, KEEPALIVE_US);
    end_free(t);
}

static void on_keepalive(void *arg)
{
    struct tcp *t = arg;

    send_to(t, t->host, SEGMENT_TIMEOUT, (struct str){0});
}

void tcp_free(struct tcp *t)
{
    if (t)
        end_with(t, t->first && t->first->kind == SEGMENT_DATA ? SEGMENT_RESET : SEGMENT_FIN);
}

void tcp_finish(struct tcp *t)
{
    end_with(t, SEGMENT_FIN);
}

void tcp_abort(struct tcp *t)
{
    end_with(t, SEGMENT_RESET);
}

/* ---- data ---- */

void tcp_write(struct tcp *t, struct str bytes)
{
    if (!bytes.n || t->told || !process_says(t->process))
        return;
    if (t->peer) {
        send_to(t->peer, t->host, SEGMENT_DATA, bytes);
    } else if (t->far && path_open(t->host, t->far)) {
        send_to(t, t->far, SEGMENT_RESET, (struct str){0}); /* nobody knows it there */
    } else {
        t->orphan_spoke = true;
    }
}

static void tell_closed(struct tcp *t, struct fail why)
{
    if (t->told)
        return;
    t->told = true;
    t->events.on_closed(t->arg, &why);
}

/* The last thing that is done with the end: its owner may free it. */
static void deliver(struct tcp *t, const struct segment *s)
{
    switch (s->kind) {
    case SEGMENT_CONNECTED:
        t->events.on_connected(t->arg);
        return;
    case SEGMENT_REFUSED:
        tell_closed(t, fail_errno("connect", ECONNREFUSED));
        return;
    case SEGMENT_UNREACHABLE:
        tell_closed(t, fail_errno("connect", EHOSTUNREACH));
        return;
    case SEGMENT_DATA:
        t->events.on_data(t->arg, (struct str){s->bytes, s->n});
        return;
    case SEGMENT_FIN:
        tell_closed(t, (struct fail){0});
        return;
    case SEGMENT_RESET:
        tell_closed(t, fail_errno("read", ECONNRESET));
        return;
    case SEGMENT_TIMEOUT:
        tell_closed(t, fail_errno("read", ETIMEDOUT));
        return;
    }
}

static void on_arrival(void *arg)
{
    struct tcp *t = arg;
    struct segment *s;

    if (t->far && t->first->kind != SEGMENT_TIMEOUT && !path_open(t->far, t->host)) {
        t->stuck = true;
        return;
    }
    s = take_segment(t);
    plan_arrival(t);
    if (!t->told)
        deliver(t, s);
    free(s);
}

void tcp_pause(struct tcp *t, bool paused)
{
    t->paused = paused;
    if (paused)
        happening_cancel(&t->arrival);
    else
        plan_arrival(t);
}

const char *tcp_peer_ip(const struct tcp *t)
{
    return t->peer_ip;
}

/* ---- connecting ---- */

/* TLS is no matter of the virtual network. */
void tcp_secure(struct tcp *t, const struct tls_trust *trust, const char *name)
{
    (void)t;
    (void)trust;
    (void)name;
    abort();
}

struct tcp *tcp_connect(struct loop *loop, const char *host, unsigned port,
                        const struct tcp_events *events, void *arg)
{
    struct tcp *t = end_new(loop, events, arg);

    t->owned = true;
    t->port = port;
    (void)str_copy(t->name, sizeof t->name, host);
    t->began_us = clock_now_us();
    if (process_says(loop))
        happening_after(&t->syn, net.config.latency_us +
                                     random_range(&net.random, 0, net.config.latency_us));
    return t;
}

static struct tcp_listener *find_listener(struct host *h, unsigned port)
{
    LIST_FOR_EACH (node, &h->listeners) {
        struct tcp_listener *l = CONTAINER_OF(node, struct tcp_listener, node);

        if (l->port == port && process_alive(l->process))
            return l;
    }
    return NULL;
}

/* The kernel sends it again after 1, 3, 7, 15 ... seconds. */
static void repeat_syn(struct tcp *t)
{
    int64_t wait_us = 1000 * 1000, at_us = t->began_us;

    while (at_us <= clock_now_us()) {
        at_us += wait_us;
        wait_us *= 2;
    }
    happening_at(&t->syn, at_us);
}

static void meet(struct tcp *t, struct tcp_listener *l)
{
    struct tcp *peer = end_new(l->process, NULL, NULL);

    peer->peer = t;
    peer->far = t->host;
    (void)str_copy(peer->peer_ip, sizeof peer->peer_ip, t->host->ip);
    t->peer = peer;
    peer->waits_at = l;
    list_add_tail(&l->waiting, &peer->waiting);
    send_to(t, l->host, SEGMENT_CONNECTED, (struct str){0});
    if (!happening_planned(&l->ready))
        happening_after(&l->ready, 0);
}

static void on_syn(void *arg)
{
    struct tcp *t = arg;
    bool is_address = t->name[0] >= '0' && t->name[0] <= '9';
    const char *ip = host_find(t->name) ? t->name : net_resolve(t->name);
    struct host *h = ip ? host_find(ip) : NULL;
    struct tcp_listener *l;

    if (!h && is_address && net.config.silent_gone) {
        repeat_syn(t);
        return;
    }
    if (!h) {
        send_to(t, t->host, SEGMENT_UNREACHABLE, (struct str){0});
        return;
    }
    if (!path_open(t->host, h)) {
        repeat_syn(t);
        return;
    }
    t->far = h;
    (void)str_copy(t->peer_ip, sizeof t->peer_ip, h->ip);
    l = find_listener(h, t->port);
    if (l)
        meet(t, l);
    else
        send_to(t, h, SEGMENT_REFUSED, (struct str){0});
}

/* ---- listening ---- */

static void on_listener_ready(void *arg)
{
    struct tcp_listener *l = arg;

    if (list_empty(&l->waiting))
        return;
    if (l->waiting.next->next != &l->waiting)
        happening_after(&l->ready, 0); /* the next one in its own turn */
    l->on_ready(l->arg);
}

struct tcp_listener *tcp_listen(struct loop *loop, const char *host, unsigned port,
                                void (*on_ready)(void *arg), void *arg, struct fail *why)
{
    struct tcp_listener *l;

    (void)host;
    if (find_listener(process_host(loop), port)) {
        *why = fail_errno("listen", EADDRINUSE);
        return NULL;
    }
    l = xcalloc(1, sizeof *l);
    l->process = loop;
    l->host = process_host(loop);
    l->port = port;
    l->on_ready = on_ready;
    l->arg = arg;
    list_init(&l->waiting);
    happening_init(&l->ready, loop, on_listener_ready, l);
    list_add_tail(&l->host->listeners, &l->node);
    return l;
}

struct tcp *tcp_accept(struct tcp_listener *l, const struct tcp_events *events, void *arg)
{
    struct list *node = list_pop(&l->waiting);
    struct tcp *t;

    if (!node)
        return NULL;
    t = CONTAINER_OF(node, struct tcp, waiting);
    t->waits_at = NULL;
    t->events = *events;
    t->arg = arg;
    t->owned = true;
    plan_arrival(t);
    return t;
}

void tcp_listener_free(struct tcp_listener *l)
{
    struct list *node;

    if (!l)
        return;
    while ((node = list_pop(&l->waiting)))
        tcp_abort(CONTAINER_OF(node, struct tcp, waiting));
    happening_cancel(&l->ready);
    list_remove(&l->node);
    free(l);
}

/* ---- healing ---- */

void tcp_forget_host(struct host *gone, struct host *h)
{
    LIST_FOR_EACH (node, &h->ends) {
        struct tcp *t = CONTAINER_OF(node, struct tcp, node);

        if (t->far != gone)
            continue;
        t->far = NULL;
        if (t->stuck)
            drop_segments(t); /* nobody sends them again */
        t->stuck = false;
    }
}

void tcp_look_again(struct host *h)
{
    LIST_FOR_EACH (node, &h->ends) {
        struct tcp *t = CONTAINER_OF(node, struct tcp, node);

        if (t->stuck && t->far && path_open(t->far, h)) {
            t->stuck = false;
            t->first->at_us = clock_now_us() + random_range(&net.random, 10 * 1000, 600 * 1000);
            if (t->latest_us < t->first->at_us)
                t->latest_us = t->first->at_us;
            plan_arrival(t);
        }
        if (t->orphan_spoke && !t->peer && t->far && path_open(h, t->far)) {
            t->orphan_spoke = false;
            send_to(t, t->far, SEGMENT_RESET, (struct str){0});
        }
    }
}

void net_reset_between(struct host *a, struct host *b)
{
    LIST_FOR_EACH (node, &a->ends) {
        struct tcp *t = CONTAINER_OF(node, struct tcp, node);
        struct tcp *peer = t->peer;

        if (!peer || peer->host != b || !t->owned || !peer->owned)
            continue;
        t->peer = peer->peer = NULL;
        send_to(t, b, SEGMENT_RESET, (struct str){0});
        send_to(peer, a, SEGMENT_RESET, (struct str){0});
    }
}
