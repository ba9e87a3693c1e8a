#include "app/routes.h"

#include "app/flights.h"
#include "app/link.h"
#include "base/alloc.h"

/* A hold for a lost SYNC replica ends with the gate's opening, for reads; were the gateway's own
 * limit the same, it would cut the sessions at that moment. */
enum { HOLD_MARGIN_MS = 500 };

/* How often the certificate's files are looked at. */
enum { TLS_LOOK_US = 2 * 1000 * 1000 };

/* One gateway and the route that it was given last. */
struct side {
    struct gateway *gateway;
    struct loop_fd *watch;
    struct gateway_route route;
    char key[NAME_SIZE + RUN_SIZE + 8]; /* write: the process of this generation; empty: none */
    int pods[GATEWAY_UPSTREAMS_MAX];
    unsigned unsettled; /* routes that are not in force yet; each is reported once, in order */
    bool drained;
    bool stalled; /* waits for the route, be it the same */
};

struct routes {
    struct controller *c;
    struct side write, read;
    enum gate_state gate;
    struct timer *tls_look; /* NULL: TLS is not ended here */
};

static const char *side_name(const struct routes *r, const struct side *side)
{
    return side == &r->write ? "write" : "read";
}

/* ---- reports ---- */

static void take_report(struct routes *r, struct side *side, const struct gateway_report *report)
{
    bool current = report->generation == side->route.generation;
    char number[32];

    switch (report->kind) {
    case GATEWAY_IN_FORCE:
        side->unsettled--;
        if (report->cut) {
            (void)str_format(number, sizeof number, "%u", report->cut);
            log_event(LOG_INFO, "gateway", "sessions cut", "gateway", side_name(r, side),
                      "sessions", number, NULL);
            if (side == &r->write)
                flights_cut(r->c->flights, report->cut);
        }
        return;
    case GATEWAY_DRAINED:
        /* Of a hold before the last one, it would come before that one is in force. */
        if (current && side->route.hold && !side->unsettled)
            side->drained = true;
        return;
    case GATEWAY_UPSTREAM_FAILED:
        if (current && report->upstream < side->route.upstreams) {
            int pod = side->pods[report->upstream];

            log_event(LOG_DEBUG, "gateway", "upstream failed", "error", report->why.text, NULL);
            if (!r->c->links[pod])
                return;
            if (report->deserted)
                view_deserted(controller_view(r->c), pod);
            link_hurry(r->c->links[pod]);
        }
        return;
    case GATEWAY_FIRST_BYTE:
        if (!current)
            return;
        log_event(LOG_INFO, "gateway", "first answer on this route", "gateway", side_name(r, side),
                  NULL);
        if (side == &r->write)
            flights_answer(r->c->flights);
        return;
    case GATEWAY_STALLED:
        log_event(LOG_WARN, "gateway",
                  "it got no time for long: its sessions were cut, and who comes waits until the "
                  "main was asked",
                  "gateway", side_name(r, side), NULL);
        side->stalled = true;
        controller_stalled(r->c);
        return;
    case GATEWAY_EXHAUSTED:
        log_event(LOG_WARN, "gateway",
                  "no room for another client: those who come now wait in the kernel's queue",
                  "gateway", side_name(r, side), "error", report->why.text, NULL);
        return;
    case GATEWAY_SESSION_OVER:
        log_event(LOG_DEBUG, "gateway", report->why.text, "gateway", side_name(r, side), NULL);
        return;
    }
}

static void drain_reports(struct routes *r, struct side *side)
{
    struct gateway_report report;
    bool any = false;

    while (gateway_next_report(side->gateway, &report)) {
        take_report(r, side, &report);
        any = true;
    }
    if (any)
        controller_step(r->c);
}

static void on_write_reports(void *arg)
{
    struct routes *r = arg;

    drain_reports(r, &r->write);
}

static void on_read_reports(void *arg)
{
    struct routes *r = arg;

    drain_reports(r, &r->read);
}

/* ---- routes ---- */

static bool same_route(const struct gateway_route *a, const struct gateway_route *b)
{
    if (a->generation != b->generation || a->kind != b->kind || a->hold != b->hold ||
        a->upstreams != b->upstreams)
        return false;
    for (unsigned i = 0; i < a->upstreams; i++)
        if (a->upstream[i].port != b->upstream[i].port ||
            a->upstream[i].process != b->upstream[i].process ||
            strcmp(a->upstream[i].host, b->upstream[i].host) != 0)
            return false;
    return true;
}

static void send_route(struct side *side, const struct gateway_route *route)
{
    if (same_route(route, &side->route) && !side->stalled)
        return;
    side->stalled = false;
    side->route = *route;
    side->unsettled++;
    side->drained = false;
    gateway_set_route(side->gateway, route);
}

static void key_of(const struct view *v, int pod, char *out, size_t size)
{
    (void)str_format(out, size, "%s %s", v->pods[pod].ip, v->pods[pod].run);
}

/* FNV-1a. */
static uint64_t number_of(const char *text)
{
    uint64_t number = 0xcbf29ce484222325u;

    for (; *text; text++)
        number = (number ^ (uint8_t)*text) * 0x100000001b3u;
    return number;
}

static void add_upstream(struct routes *r, struct side *side, struct gateway_route *route, int pod)
{
    unsigned at = route->upstreams++;

    (void)str_copy(route->upstream[at].host, sizeof route->upstream[at].host,
                   r->c->view.pods[pod].ip);
    route->upstream[at].port = (unsigned)r->c->config.bolt_port;
    route->upstream[at].process = number_of(r->c->view.pods[pod].run);
    side->pods[at] = pod;
}

static void follow_gate(struct routes *r, const struct gate *gate)
{
    struct side *side = &r->write;
    struct gateway_route next;
    char key[sizeof side->key];

    r->gate = gate->state;
    if (!side->gateway)
        return;
    memset(&next, 0, sizeof next);
    next.generation = side->route.generation;
    if (gate->state == GATE_CUT) {
        if (side->key[0])
            next.generation++;
        side->key[0] = '\0';
        next.kind = GATEWAY_PARK;
        send_route(side, &next);
        return;
    }
    key_of(&r->c->view, gate->pod, key, sizeof key);
    if (strcmp(side->key, key) != 0)
        next.generation++;
    (void)str_copy(side->key, sizeof side->key, key);
    next.kind = gate->state == GATE_DRAIN ? GATEWAY_PARK : GATEWAY_FORWARD;
    next.hold = gate->state == GATE_HOLD;
    add_upstream(r, side, &next, gate->pod);
    send_route(side, &next);
}

/* One generation for good, exact: a session stays as long as its process is in the list, whatever
 * becomes of the others. */
static void follow_readers(struct routes *r, const struct read_route *read)
{
    struct side *side = &r->read;
    struct gateway_route next;

    if (!side->gateway)
        return;
    memset(&next, 0, sizeof next);
    next.kind = read->n ? GATEWAY_FORWARD : GATEWAY_PARK;
    next.exact = true;
    next.balance = (enum gateway_balance)r->c->config.read_balance;
    for (unsigned i = 0; i < read->n && i < GATEWAY_UPSTREAMS_MAX; i++)
        add_upstream(r, side, &next, read->pods[i]);
    send_route(side, &next);
}

void routes_follow(struct routes *r, const struct plan *plan)
{
    struct view *v = &r->c->view;

    follow_gate(r, &plan->gate);
    follow_readers(r, &plan->read);
    v->gate_in_force = r->gate;
    v->gate_settled = !r->write.unsettled && !r->read.unsettled;
    v->gate_drained = !r->write.gateway || r->write.drained;
}

/* ---- start and end ---- */

static bool start_side(struct routes *r, struct side *side, const struct config_address *bind,
                       timer_fn *on_reports, struct fail *why)
{
    const struct config *c = &r->c->config;
    struct gateway_config config = {
        .bind_port = bind->port,
        .workers = config_gateway_workers(c),
        .max_connections = (unsigned)c->max_connections,
        .max_parked = (unsigned)c->max_parked,
        .buffer_size = (size_t)c->buffer_size,
        .hold_timeout_ms = c->hold_ms,
        .hold_margin_ms = HOLD_MARGIN_MS,
        .hold_drain_ms = c->hold_drain_ms,
        .connect_timeout_ms = c->connect_ms,
        .session_timeout_ms = c->session_ms,
        .idle_timeout_ms = c->idle_ms,
        .user_timeout_ms = c->user_timeout_ms,
        .stall_limit_ms = side == &r->write ? config_stall_limit_ms(c) : 0,
        .rate_per_s = c->rate_per_s,
        .rate_burst = c->rate_burst,
        .tell_sessions = log_enabled(LOG_DEBUG),
    };

    /* Checked with the rest of the configuration. */
    (void)!networks_parse(&config.proxy_from, str_of(c->proxy_from));
    if (strcmp(c->congestion, "system") != 0)
        (void)str_copy(config.congestion, sizeof config.congestion, c->congestion);
    (void)str_copy(config.tls_cert_path, sizeof config.tls_cert_path, c->tls_cert);
    (void)str_copy(config.tls_key_path, sizeof config.tls_key_path, c->tls_key);
    (void)str_copy(config.bind_host, sizeof config.bind_host, bind->host);
    side->gateway = gateway_start(&config, why);
    if (!side->gateway)
        return false;
    side->watch = loop_fd_new(r->c->loop, gateway_fd(side->gateway), on_reports, r);
    return true;
}

static void renew_tls(struct routes *r, const struct side *side)
{
    struct fail why;

    if (!side->gateway)
        return;
    switch (gateway_renew_tls(side->gateway, &why)) {
    case GATEWAY_TLS_UNCHANGED:
        return;
    case GATEWAY_TLS_RENEWED:
        log_event(LOG_INFO, "gateway", "new certificate", "gateway", side_name(r, side), NULL);
        return;
    case GATEWAY_TLS_BAD:
        log_event(LOG_ERROR, "gateway", "the new certificate cannot be used, the old one stays",
                  "gateway", side_name(r, side), "error", why.text, NULL);
        return;
    }
}

static void on_tls_look(void *arg)
{
    struct routes *r = arg;

    renew_tls(r, &r->write);
    renew_tls(r, &r->read);
    timer_start(r->tls_look, TLS_LOOK_US);
}

struct routes *routes_new(struct controller *c, struct fail *why)
{
    struct routes *r = xcalloc(1, sizeof *r);

    r->c = c;
    r->gate = GATE_CUT;
    if ((c->config.gateway &&
         !start_side(r, &r->write, &c->config.gateway_bind, on_write_reports, why)) ||
        (c->config.read_gateway &&
         !start_side(r, &r->read, &c->config.read_bind, on_read_reports, why))) {
        routes_free(r);
        return NULL;
    }
    if (c->config.tls_cert[0]) {
        r->tls_look = timer_new(c->loop, on_tls_look, r);
        timer_start(r->tls_look, TLS_LOOK_US);
    }
    return r;
}

void routes_free(struct routes *r)
{
    if (!r)
        return;
    timer_free(r->tls_look);
    loop_fd_free(r->write.watch);
    loop_fd_free(r->read.watch);
    gateway_stop(r->write.gateway);
    gateway_stop(r->read.gateway);
    free(r);
}

struct gateway *routes_write_gateway(const struct routes *r)
{
    return r->write.gateway;
}

struct gateway *routes_read_gateway(const struct routes *r)
{
    return r->read.gateway;
}
