/* gateway: gateway/gateway.h on the virtual network: one worker that follows routes as the real one
 * does (src/gateway/follow.c, session.c). It lives in its controller's process; what passes between
 * control and worker takes a moment, as it does between threads. */
#include "gateway/gateway.h"

#include "base/alloc.h"
#include "base/list.h"
#include "sim/gateway.h"
#include "sim/net.h"
#include "sim/process.h"

#include <assert.h>

enum { REPORTS_MAX = 64, MAIL_LEAST_US = 5, MAIL_MOST_US = 150 };

enum state { PARKED, CONNECTING, FLOWING };

struct session {
    struct list node;
    struct gateway *g;
    enum state state;
    struct tcp *client, *upstream;
    unsigned upstream_index;
    bool answered, turned_down;
    struct happening limit;
    int64_t accepted_us, parked_us;
};

struct order {
    struct list node;
    struct gateway_route route;
    bool outdated; /* given before the process stood still */
};

struct gateway {
    struct list node; /* of all */
    struct loop *process;
    struct gateway_config config;
    struct gateway_route route; /* in force */
    struct tcp_listener *listener;
    struct list sessions;
    struct list orders;
    struct happening mail, drain, hold_end;
    bool drained, first_byte_told;
    unsigned cuts;
    struct gateway_report reports[REPORTS_MAX];
    unsigned reports_first, reports_n;
    int fd;
    struct gateway_counters counters;
    struct random random;
};

static struct list gateways = {&gateways, &gateways};

static void session_connect(struct session *s);

/* ---- reports ---- */

static void report(struct gateway *g, struct gateway_report r)
{
    if (g->reports_n == REPORTS_MAX)
        return; /* only failures come in such numbers, and one of them is enough */
    g->reports[(g->reports_first + g->reports_n++) % REPORTS_MAX] = r;
    process_fd_ring(g->fd);
}

bool gateway_next_report(struct gateway *g, struct gateway_report *out)
{
    if (!g->reports_n)
        return false;
    *out = g->reports[g->reports_first];
    g->reports_first = (g->reports_first + 1) % REPORTS_MAX;
    g->reports_n--;
    return true;
}

int gateway_fd(const struct gateway *g)
{
    return g->fd;
}

/* ---- the end of sessions ---- */

static void session_end(struct session *s, bool reset)
{
    list_remove(&s->node);
    happening_cancel(&s->limit);
    s->g->counters.sessions_active -= s->state == FLOWING;
    s->g->counters.parked -= s->state == PARKED;
    if (reset) {
        tcp_abort(s->client);
        if (s->upstream)
            tcp_abort(s->upstream);
    } else {
        tcp_finish(s->client);
        if (s->upstream)
            tcp_finish(s->upstream);
    }
    free(s);
}

static void session_refuse(struct session *s, enum gateway_refusal why)
{
    s->g->counters.refused[why]++;
    session_end(s, true);
}

static uint32_t cut_sessions(struct gateway *g, enum gateway_cut why)
{
    uint32_t n = 0;

    LIST_FOR_EACH (node, &g->sessions) {
        struct session *s = CONTAINER_OF(node, struct session, node);

        if (s->state == PARKED)
            continue;
        g->counters.cut[why]++;
        session_end(s, true);
        n++;
    }
    g->cuts += n > 0;
    return n;
}

/* ---- sessions ---- */

static void enter(struct session *s, enum state state)
{
    s->g->counters.sessions_active -= s->state == FLOWING;
    s->g->counters.parked -= s->state == PARKED;
    s->state = state;
    s->g->counters.sessions_active += s->state == FLOWING;
    s->g->counters.parked += s->state == PARKED;
}

static void set_limit(struct session *s, int64_t since_us, int64_t within_ms)
{
    int64_t at_us = within_ms ? since_us + within_ms * 1000 : INT64_MAX;
    int64_t whole_us = s->accepted_us + s->g->config.session_timeout_ms * 1000;

    if (!s->answered && whole_us < at_us)
        at_us = whole_us;
    happening_cancel(&s->limit);
    if (at_us != INT64_MAX)
        happening_at(&s->limit, at_us);
}

static void park(struct session *s)
{
    const struct gateway_config *c = &s->g->config;

    if (!c->hold_timeout_ms) {
        session_refuse(s, s->turned_down ? GATEWAY_REFUSED_UPSTREAM : GATEWAY_REFUSED_HOLD_TIMEOUT);
        return;
    }
    enter(s, PARKED);
    if (!s->parked_us)
        s->parked_us = clock_now_us();
    set_limit(s, s->parked_us, c->hold_timeout_ms);
}

static void follow_hold(struct session *s)
{
    const struct gateway *g = s->g;

    tcp_pause(s->client, s->state != FLOWING || g->route.hold);
    if (s->upstream)
        tcp_pause(s->upstream, s->state == FLOWING && g->route.hold && g->drained);
}

static void tell_failure(const struct session *s, const struct fail *why)
{
    s->g->counters.upstream_errors++;
    report(s->g,
           (struct gateway_report){.kind = GATEWAY_UPSTREAM_FAILED,
                                   .generation = s->g->route.generation,
                                   .upstream = s->upstream_index,
                                   .deserted = s->state == CONNECTING && why->kind == FAIL_REFUSED,
                                   .why = *why});
}

static void on_upstream_connected(void *arg)
{
    struct session *s = arg;

    enter(s, FLOWING);
    s->g->counters.sessions_total++;
    set_limit(s, clock_now_us(), s->g->config.idle_timeout_ms);
    follow_hold(s);
}

static void on_upstream_data(void *arg, struct str bytes)
{
    struct session *s = arg;
    struct gateway *g = s->g;

    if (!s->answered) {
        s->answered = true;
        happening_cancel(&s->limit);
    }
    if (!g->first_byte_told) {
        g->first_byte_told = true;
        report(g, (struct gateway_report){.kind = GATEWAY_FIRST_BYTE,
                                          .generation = g->route.generation});
    }
    g->counters.bytes_down += bytes.n;
    tcp_write(s->client, bytes);
}

static void next_upstream(struct session *s, const struct fail *why)
{
    tell_failure(s, why);
    tcp_free(s->upstream);
    s->upstream = NULL;
    s->upstream_index++;
    session_connect(s);
}

static void on_upstream_closed(void *arg, const struct fail *why)
{
    struct session *s = arg;

    if (s->state == CONNECTING) {
        next_upstream(s, why);
        return;
    }
    if (why->kind != FAIL_NONE)
        tell_failure(s, why);
    session_end(s, why->kind != FAIL_NONE);
}

/* In the order of the route, from upstream_index on. A client that nobody takes waits. */
static void session_connect(struct session *s)
{
    static const struct tcp_events events = {on_upstream_connected, on_upstream_data,
                                             on_upstream_closed};
    const struct gateway_route *r = &s->g->route;

    if (s->upstream_index >= r->upstreams) {
        s->turned_down = true;
        park(s);
        return;
    }
    enter(s, CONNECTING);
    s->upstream = tcp_connect(s->g->process, r->upstream[s->upstream_index].host,
                              r->upstream[s->upstream_index].port, &events, s);
    set_limit(s, clock_now_us(), s->g->config.connect_timeout_ms);
}

static void on_limit(void *arg)
{
    struct session *s = arg;
    const struct gateway_config *c = &s->g->config;
    struct fail late = fail_make(FAIL_TIMEOUT, "no connection within the time limit");

    if (!s->answered && s->accepted_us + c->session_timeout_ms * 1000 <= clock_now_us()) {
        session_refuse(s, GATEWAY_REFUSED_TIMEOUT);
    } else if (s->state == PARKED) {
        session_refuse(s, s->turned_down ? GATEWAY_REFUSED_UPSTREAM : GATEWAY_REFUSED_HOLD_TIMEOUT);
    } else if (s->state == CONNECTING) {
        next_upstream(s, &late);
    }
}

static void on_client_data(void *arg, struct str bytes)
{
    struct session *s = arg;

    s->g->counters.bytes_up += bytes.n;
    tcp_write(s->upstream, bytes);
}

static void on_client_closed(void *arg, const struct fail *why)
{
    session_end(arg, why->kind != FAIL_NONE);
}

static void on_ready(void *arg)
{
    static const struct tcp_events events = {NULL, on_client_data, on_client_closed};
    struct gateway *g = arg;
    struct session *s = xcalloc(1, sizeof *s);

    s->g = g;
    s->state = CONNECTING;
    s->accepted_us = clock_now_us();
    happening_init(&s->limit, g->process, on_limit, s);
    s->client = tcp_accept(g->listener, &events, s);
    if (!s->client) {
        free(s);
        return;
    }
    tcp_pause(s->client, true);
    list_add_tail(&g->sessions, &s->node);
    g->counters.accepted_total++;
    if (g->counters.parked + g->counters.sessions_active >= g->config.max_connections)
        session_refuse(s, GATEWAY_REFUSED_LIMIT);
    else if (g->route.kind == GATEWAY_REFUSE)
        session_refuse(s, GATEWAY_REFUSED_NO_ROUTE);
    else if (g->route.kind == GATEWAY_PARK || g->route.hold)
        park(s);
    else
        session_connect(s);
}

/* ---- routes ---- */

static void check_drained(struct gateway *g)
{
    report(g, (struct gateway_report){
                  .kind = GATEWAY_DRAINED, .generation = g->route.generation, .hold = true});
}

static void all_follow_hold(struct gateway *g)
{
    LIST_FOR_EACH (node, &g->sessions)
        follow_hold(CONTAINER_OF(node, struct session, node));
}

static void on_drain(void *arg)
{
    struct gateway *g = arg;

    g->drained = true;
    all_follow_hold(g);
    check_drained(g);
}

static void on_hold_end(void *arg)
{
    (void)cut_sessions(arg, GATEWAY_CUT_HOLD_TIMEOUT);
}

static void release_parked(struct gateway *g)
{
    LIST_FOR_EACH (node, &g->sessions) {
        struct session *s = CONTAINER_OF(node, struct session, node);

        if (s->state != PARKED)
            continue;
        s->upstream_index = 0;
        s->turned_down = false;
        session_connect(s);
    }
}

static int place_in(const struct gateway_route *next, const struct gateway_route *was, unsigned at)
{
    for (unsigned i = 0; i < next->upstreams; i++)
        if (next->upstream[i].port == was->upstream[at].port &&
            next->upstream[i].process == was->upstream[at].process &&
            strcmp(next->upstream[i].host, was->upstream[at].host) == 0)
            return (int)i;
    return -1;
}

/* The same generation, another list: sessions whose upstream has left it are cut when it is exact.
 * (The real gateway has those that are still connecting try another; here they are cut, too.) */
static uint32_t follow_list(struct gateway *g, const struct gateway_route *next)
{
    uint32_t n = 0;

    LIST_FOR_EACH (node, &g->sessions) {
        struct session *s = CONTAINER_OF(node, struct session, node);
        int place = s->state == PARKED ? 0 : place_in(next, &g->route, s->upstream_index);

        if (place >= 0) {
            s->upstream_index = (unsigned)place;
        } else if (next->exact) {
            g->counters.cut[GATEWAY_CUT_ROUTE]++;
            session_end(s, true);
            n++;
        }
    }
    return n;
}

static void follow(struct gateway *g, const struct gateway_route *route)
{
    bool newer = route->generation != g->route.generation;
    bool held = g->route.hold && !newer;
    uint32_t cut = newer ? cut_sessions(g, GATEWAY_CUT_ROUTE) : follow_list(g, route);

    if (newer || (held && !route->hold))
        g->first_byte_told = false;
    g->route = *route;
    if (newer || !route->hold) {
        g->drained = false;
        happening_cancel(&g->drain);
        happening_cancel(&g->hold_end);
    }
    if (route->hold && !held) {
        happening_after(&g->drain, g->config.hold_drain_ms * 1000);
        happening_after(&g->hold_end,
                        (g->config.hold_timeout_ms + g->config.hold_margin_ms) * 1000);
        if (!g->config.hold_timeout_ms)
            cut += cut_sessions(g, GATEWAY_CUT_HOLD_TIMEOUT);
    }
    report(g, (struct gateway_report){.kind = GATEWAY_IN_FORCE,
                                      .generation = route->generation,
                                      .hold = route->hold,
                                      .cut = cut});
    all_follow_hold(g);
    if (route->hold && held && g->drained)
        check_drained(g);
    if (!route->hold && route->kind == GATEWAY_FORWARD)
        release_parked(g);
}

static void on_mail(void *arg)
{
    struct gateway *g = arg;
    struct list *node;

    while ((node = list_pop(&g->orders))) {
        struct order *o = CONTAINER_OF(node, struct order, node);

        if (o->outdated && o->route.kind == GATEWAY_FORWARD)
            o->route.kind = GATEWAY_PARK;
        follow(g, &o->route);
        free(o);
    }
}

void gateway_set_route(struct gateway *g, const struct gateway_route *route)
{
    struct order *o = xcalloc(1, sizeof *o);

    o->route = *route;
    list_add_tail(&g->orders, &o->node);
    if (!happening_planned(&g->mail))
        happening_after(&g->mail, random_range(&g->random, MAIL_LEAST_US, MAIL_MOST_US));
}

/* ---- start and stop ---- */

struct gateway *gateway_start(const struct gateway_config *config, struct fail *why)
{
    struct gateway *g = xcalloc(1, sizeof *g);

    g->process = process_current();
    assert(g->process);
    g->config = *config;
    g->route.kind = GATEWAY_PARK;
    g->random = random_stream((uint64_t)clock_now_us(), config->bind_port);
    list_init(&g->sessions);
    list_init(&g->orders);
    happening_init(&g->mail, g->process, on_mail, g);
    happening_init(&g->drain, g->process, on_drain, g);
    happening_init(&g->hold_end, g->process, on_hold_end, g);
    g->listener = tcp_listen(g->process, config->bind_host, config->bind_port, on_ready, g, why);
    if (!g->listener) {
        free(g);
        return NULL;
    }
    g->fd = process_fd_new(g->process);
    list_add_tail(&gateways, &g->node);
    return g;
}

unsigned gateway_port(const struct gateway *g)
{
    return g->config.bind_port;
}

/* TLS is no matter of the virtual network. */
enum gateway_renewal gateway_renew_tls(struct gateway *g, struct fail *why)
{
    (void)g;
    (void)why;
    return GATEWAY_TLS_UNCHANGED;
}

void gateway_read_counters(const struct gateway *g, struct gateway_counters *out)
{
    *out = g->counters;
}

void gateway_stop(struct gateway *g)
{
    struct list *node;

    if (!g)
        return;
    while ((node = list_pop(&g->sessions)))
        session_end(CONTAINER_OF(node, struct session, node), true);
    tcp_listener_free(g->listener);
    while ((node = list_pop(&g->orders)))
        free(CONTAINER_OF(node, struct order, node));
    happening_cancel(&g->mail);
    happening_cancel(&g->drain);
    happening_cancel(&g->hold_end);
    process_fd_free(g->fd);
    list_remove(&g->node);
    free(g);
}

/* ---- looking inside ---- */

void gateway_sim_stalled(const struct loop *process, int64_t frozen_us)
{
    LIST_FOR_EACH (node, &gateways) {
        struct gateway *g = CONTAINER_OF(node, struct gateway, node);
        int64_t limit_us = g->config.stall_limit_ms * 1000;

        if (g->process != process || !limit_us || frozen_us <= limit_us)
            continue;
        (void)cut_sessions(g, GATEWAY_CUT_STALLED);
        LIST_FOR_EACH (at, &g->orders) {
            CONTAINER_OF(at, struct order, node)->outdated = true;
        }
        if (g->route.kind == GATEWAY_FORWARD)
            g->route.kind = GATEWAY_PARK;
        report(g, (struct gateway_report){.kind = GATEWAY_STALLED});
    }
}

void gateway_sim_each(void (*fn)(void *arg, const struct gateway_sim_view *view), void *arg)
{
    LIST_FOR_EACH (node, &gateways) {
        const struct gateway *g = CONTAINER_OF(node, struct gateway, node);
        struct gateway_sim_view view = {.process = g->process,
                                        .port = g->config.bind_port,
                                        .route = &g->route,
                                        .settled = list_empty(&g->orders),
                                        .cuts = g->cuts};

        fn(arg, &view);
    }
}
