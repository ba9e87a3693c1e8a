/* The control side: routes go out to the workers, their notices come back and are put together. */
#include "gateway/gateway.h"

#include "base/alloc.h"
#include "gateway/slots.h"
#include "gateway/tls.h"
#include "gateway/worker.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { EXHAUSTED_QUIET_US = 60 * 1000 * 1000 };

/* One call of gateway_set_route, until every worker has answered. */
struct change {
    struct list node;
    uint64_t number;
    unsigned in_force, drained; /* workers that said so */
    uint32_t cut;
    bool hold;
};

struct pending {
    struct list node;
    struct gateway_report report;
};

struct gateway {
    struct gateway_config config;
    unsigned port;
    struct mailbox reports;       /* from the workers */
    struct list changes;          /* oldest first */
    struct list pending;          /* reports for gateway_next_report */
    uint64_t generation;          /* of the last route */
    uint64_t first_byte_next;     /* the lowest change whose first byte was not reported */
    struct failure_gate failures; /* each worker has one too; this one is exact over all */
    int64_t exhausted_us;         /* the last time that this was said; 0: never */
    struct slots slots;
    struct ssl_ctx_st *tls;        /* NULL: TLS is not ended here */
    struct stat cert_was, key_was; /* when they were read last */
    struct shared shared;
    unsigned workers; /* started */
    struct worker *worker[];
};

/* ---- reports ---- */

static void report(struct gateway *g, const struct gateway_report *r)
{
    struct pending *p = xcalloc(1, sizeof *p);

    p->report = *r;
    list_add_tail(&g->pending, &p->node);
}

static struct change *find_change(struct gateway *g, uint64_t number)
{
    LIST_FOR_EACH (node, &g->changes) {
        struct change *c = CONTAINER_OF(node, struct change, node);

        if (c->number == number)
            return c;
    }
    return NULL;
}

/* A hold waits for DRAINED too, unless another route has come since: nobody waits for it then. */
static void forget_if_done(struct gateway *g, struct change *c)
{
    bool current = c->number == atomic_load(&g->shared.changes);

    if (c->in_force < g->workers || (c->hold && current && c->drained < g->workers))
        return;
    list_remove(&c->node);
    free(c);
}

static void on_in_force(struct gateway *g, const struct notice *n)
{
    struct change *c = find_change(g, n->change);
    struct gateway_report r = n->report;

    assert(c); /* it lives until all have said this */
    c->cut += n->report.cut;
    if (++c->in_force < g->workers)
        return;
    r.cut = c->cut;
    report(g, &r);
    forget_if_done(g, c);
}

static void on_drained(struct gateway *g, const struct notice *n)
{
    struct change *c = find_change(g, n->change);

    if (!c)
        return; /* overtaken by another route, and forgotten */
    if (++c->drained == g->workers)
        report(g, &n->report);
    forget_if_done(g, c);
}

static void on_notice(struct gateway *g, const struct notice *n)
{
    const struct gateway_report *r = &n->report;

    switch (r->kind) {
    case GATEWAY_IN_FORCE:
        on_in_force(g, n);
        break;
    case GATEWAY_DRAINED:
        on_drained(g, n);
        break;
    case GATEWAY_UPSTREAM_FAILED:
        if (failure_gate_pass(&g->failures, r->generation, r->upstream, n->at_us))
            report(g, r);
        break;
    case GATEWAY_FIRST_BYTE:
        if (n->change >= g->first_byte_next) {
            g->first_byte_next = n->change + 1;
            report(g, r);
        }
        break;
    case GATEWAY_EXHAUSTED:
        if (!g->exhausted_us || n->at_us - g->exhausted_us >= EXHAUSTED_QUIET_US) {
            g->exhausted_us = n->at_us;
            report(g, r);
        }
        break;
    case GATEWAY_STALLED:
    case GATEWAY_SESSION_OVER:
        report(g, r);
        break;
    }
}

static void collect(struct gateway *g)
{
    struct list *node;

    while ((node = mailbox_take(&g->reports))) {
        struct notice *n = CONTAINER_OF(node, struct notice, node);

        on_notice(g, n);
        free(n);
    }
}

static bool take_pending(struct gateway *g, struct gateway_report *out)
{
    struct list *node = list_pop(&g->pending);
    struct pending *p;

    if (!node)
        return false;
    p = CONTAINER_OF(node, struct pending, node);
    *out = p->report;
    free(p);
    return true;
}

bool gateway_next_report(struct gateway *g, struct gateway_report *out)
{
    collect(g);
    if (take_pending(g, out))
        return true;
    /* Nothing is left, so the descriptor falls silent; what came just before that is not lost. */
    mailbox_hush(&g->reports);
    collect(g);
    if (!take_pending(g, out))
        return false;
    mailbox_ring(&g->reports);
    return true;
}

int gateway_fd(const struct gateway *g)
{
    return g->reports.fd;
}

/* ---- routes ---- */

void gateway_set_route(struct gateway *g, const struct gateway_route *given)
{
    struct change *c = xcalloc(1, sizeof *c);
    struct route route = {.given = *given};

    assert(given->generation >= g->generation);
    assert(given->upstreams <= GATEWAY_UPSTREAMS_MAX);
    g->generation = given->generation;
    c->number = atomic_fetch_add(&g->shared.changes, 1) + 1;
    c->hold = given->hold;
    LIST_FOR_EACH (node, &g->changes)
        forget_if_done(g, CONTAINER_OF(node, struct change, node));
    list_add_tail(&g->changes, &c->node);
    /* Text that is no address gives an empty one, and the connect to it fails and is reported. */
    for (unsigned i = 0; i < given->upstreams; i++)
        (void)!sock_address_parse(&route.address[i], given->upstream[i].host,
                                  given->upstream[i].port);
    slots_assign(&g->slots, given, route.slot);
    for (unsigned i = 0; i < g->workers; i++) {
        struct order *o = xcalloc(1, sizeof *o);

        *o = (struct order){.kind = ORDER_FOLLOW, .change = c->number, .route = route};
        mailbox_post(&g->worker[i]->mail, &o->node);
    }
}

/* ---- TLS ---- */

static bool changed(const char *path, struct stat *was)
{
    struct stat is = {0};

    (void)stat(path, &is); /* one that is not there has changed, once */
    if (is.st_ino == was->st_ino && is.st_size == was->st_size &&
        is.st_mtim.tv_sec == was->st_mtim.tv_sec && is.st_mtim.tv_nsec == was->st_mtim.tv_nsec)
        return false;
    *was = is;
    return true;
}

enum gateway_renewal gateway_renew_tls(struct gateway *g, struct fail *why)
{
    const struct gateway_config *c = &g->config;
    struct ssl_ctx_st *fresh;
    bool any;

    if (!c->tls_cert_path[0])
        return GATEWAY_TLS_UNCHANGED;
    any = changed(c->tls_cert_path, &g->cert_was);
    any = changed(c->tls_key_path, &g->key_was) || any;
    if (!any)
        return GATEWAY_TLS_UNCHANGED;
    fresh = tls_context_new(c->tls_cert_path, c->tls_key_path, why);
    if (!fresh)
        return GATEWAY_TLS_BAD;
    tls_context_free(g->tls);
    g->tls = fresh;
    for (unsigned i = 0; i < g->workers; i++) {
        struct order *o = xcalloc(1, sizeof *o);

        *o = (struct order){.kind = ORDER_RENEW_TLS, .tls = tls_context_share(fresh)};
        mailbox_post(&g->worker[i]->mail, &o->node);
    }
    return GATEWAY_TLS_RENEWED;
}

void gateway_read_counters(const struct gateway *g, struct gateway_counters *out)
{
    *out = (struct gateway_counters){0};
    for (unsigned i = 0; i < g->workers; i++)
        tally_read(&g->worker[i]->tally, out);
}

unsigned gateway_port(const struct gateway *g)
{
    return g->port;
}

/* ---- start and stop ---- */

/* The next listener of the address; the first one chooses the port when any will do. */
static int open_listener(struct gateway *g)
{
    const struct gateway_config *c = &g->config;
    struct sock_address at;
    int fd, err;

    if (!sock_address_parse(&at, c->bind_host, g->workers ? g->port : c->bind_port))
        return -EINVAL;
    if (!g->workers) {
        err = sock_address_free(&at);
        if (err)
            return err;
    }
    fd = sock_listen(&at, &g->shared.sockets);
    if (fd >= 0 && !g->workers)
        g->port = sock_port(fd);
    return fd;
}

/* 0 or -errno. */
static int start_workers(struct gateway *g)
{
    int err = 0;

    while (!err && g->workers < g->config.workers) {
        int listener = open_listener(g);
        struct worker *w = NULL;

        err = listener < 0 ? listener : 0;
        if (!err)
            w = worker_start(&g->config, &g->shared, listener, tls_context_share(g->tls),
                             &g->reports, &err);
        if (w)
            g->worker[g->workers++] = w;
    }
    return err;
}

struct gateway *gateway_start(const struct gateway_config *config, struct fail *why)
{
    struct gateway *g = xcalloc(1, sizeof *g + config->workers * sizeof(struct worker *));
    int err = mailbox_init(&g->reports);
    uint64_t seed = 0;
    char doing[96];

    assert(config->workers && config->buffer_size);
    g->config = *config;
    list_init(&g->changes);
    list_init(&g->pending);
    (void)!getrandom(&seed, sizeof seed, 0);
    limiter_init(&g->shared.limiter, (double)config->rate_per_s, (double)config->rate_burst, seed);
    g->shared.sockets.user_timeout_ms = config->user_timeout_ms;
    sock_choose_congestion(&g->shared.sockets, str_of(config->congestion));
    if (gateway_renew_tls(g, why) == GATEWAY_TLS_BAD) {
        gateway_stop(g);
        return NULL;
    }
    if (!err)
        err = start_workers(g);
    if (!err)
        return g;
    (void)str_format(doing, sizeof doing, "gateway on %s port %u", config->bind_host,
                     config->bind_port);
    *why = fail_errno(doing, -err);
    gateway_stop(g);
    return NULL;
}

void gateway_stop(struct gateway *g)
{
    struct gateway_report ignored;

    if (!g)
        return;
    for (unsigned i = 0; i < g->workers; i++)
        worker_stop(g->worker[i]);
    while (gateway_next_report(g, &ignored))
        ;
    LIST_FOR_EACH (node, &g->changes)
        free(CONTAINER_OF(node, struct change, node));
    mailbox_done(&g->reports);
    limiter_done(&g->shared.limiter);
    tls_context_free(g->tls);
    free(g);
}
