#include "gateway/session.h"

#include "base/alloc.h"
#include "gateway/arrival.h"
#include "gateway/choose.h"
#include "gateway/relay.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>

/* ---- state ---- */

static struct list *list_of(struct session *s, enum session_state state)
{
    switch (state) {
    case SESSION_ARRIVING:
        return &s->worker->arriving;
    case SESSION_PARKED:
        return &s->worker->parked;
    case SESSION_CONNECTING:
        return &s->worker->connecting;
    case SESSION_FLOWING:
        return &s->worker->flowing;
    case SESSION_ENDED:
        break;
    }
    return &s->worker->ended;
}

static bool has_upstream(enum session_state state)
{
    return state == SESSION_CONNECTING || state == SESSION_FLOWING;
}

/* The only place that changes the state: lists, gauges and times go with it. */
static void enter(struct session *s, enum session_state state)
{
    struct worker *w = s->worker;
    struct tally *t = &w->tally;
    enum session_state old = s->state;

    if (old == SESSION_PARKED && state != SESSION_PARKED) {
        tally_take(&t->parked, 1);
        tally_observe(&t->parked_time, w->now_us - s->since_us);
        shared_leave(&w->shared->parked);
    }
    if (has_upstream(old) && (!has_upstream(state)))
        shared_leave(&w->shared->sessions[s->slot]);
    if (old == SESSION_FLOWING)
        tally_take(&t->sessions_active, 1);
    if (state == SESSION_PARKED && old != SESSION_PARKED)
        tally_add(&t->parked, 1);
    if (state == SESSION_FLOWING) {
        tally_add(&t->sessions_active, 1);
        tally_add(&t->sessions_total, 1);
        tally_observe(&t->connect_time, w->now_us - s->since_us);
    }
    list_remove(&s->node);
    list_add_tail(list_of(s, state), &s->node);
    s->state = state;
    if (old != SESSION_PARKED || state != SESSION_PARKED)
        s->since_us = w->now_us;
}

static void tell_end(const struct session *s, const char *why)
{
    char client[ORIGIN_TEXT_SIZE];

    worker_tell(s->worker, 0,
                (struct gateway_report){
                    .kind = GATEWAY_SESSION_OVER,
                    .generation = s->worker->route.given.generation,
                    .why = fail_make(FAIL_NONE, "client %s: %s after %lld ms",
                                     origin_text(&s->origin, client), why,
                                     (long long)(s->worker->now_us - s->accepted_us) / 1000)});
}

void session_end(struct session *s, enum session_farewell farewell, const char *why)
{
    struct worker *w = s->worker;

    assert(s->state != SESSION_ENDED);
    if (w->config->tell_sessions)
        tell_end(s, why);
    enter(s, SESSION_ENDED);
    list_remove(&s->busy);
    deadlines_clear(&w->deadlines, &s->deadline);
    pump_done(&s->up, &w->tools);
    pump_done(&s->down, &w->tools);
    if (farewell == SESSION_RESETS) {
        sock_reset(s->client.fd);
        s->upstream_resets = true;
    }
    shared_leave(&w->shared->admitted);
}

void session_cut(struct session *s, enum gateway_cut why)
{
    tally_add(&s->worker->tally.cut[why], 1);
    session_end(s, SESSION_RESETS, gateway_cut_name(why));
}

void session_refuse(struct session *s, enum gateway_refusal why)
{
    tally_add(&s->worker->tally.refused[why], 1);
    session_end(s, SESSION_RESETS, gateway_refusal_name(why));
}

void session_bury(struct worker *w, size_t most)
{
    struct list *node;

    while (most-- && (node = list_pop(&w->ended))) {
        struct session *s = CONTAINER_OF(node, struct session, node);

        if (s->upstream_resets && s->upstream.fd >= 0)
            sock_close_resets(s->upstream.fd);
        peer_close(&s->client); /* this takes it out of epoll, too */
        peer_close(&s->upstream);
        free(s);
    }
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* 0 ms: no limit. */
static int64_t limit(int64_t since_us, int64_t within_ms)
{
    return within_ms > 0 ? since_us + within_ms * 1000 : INT64_MAX;
}

/* The next moment at which the session's time may be over. Bytes do not move the deadline, they
 * are looked at when it passes: so traffic costs the heap nothing. */
static int64_t time_out(const struct session *s)
{
    const struct gateway_config *c = s->worker->config;
    int64_t whole = s->answered ? INT64_MAX : limit(s->accepted_us, c->session_timeout_ms);

    switch (s->state) {
    case SESSION_ARRIVING:
        return whole;
    case SESSION_PARKED:
        return earlier(whole, limit(s->parked_us, c->hold_timeout_ms));
    case SESSION_CONNECTING:
        return earlier(whole, limit(s->since_us, c->connect_timeout_ms));
    case SESSION_FLOWING:
        return earlier(whole, limit(s->moved_us, c->idle_timeout_ms));
    case SESSION_ENDED:
        break;
    }
    return INT64_MAX;
}

static void set_deadline(struct session *s)
{
    int64_t at_us = time_out(s);

    if (at_us == INT64_MAX)
        deadlines_clear(&s->worker->deadlines, &s->deadline);
    else
        deadlines_set(&s->worker->deadlines, &s->deadline, at_us);
}

/* ---- parking and connecting ---- */

static void park(struct session *s)
{
    struct worker *w = s->worker;
    unsigned most = w->config->max_parked ? w->config->max_parked : UINT_MAX;

    if (!w->config->hold_timeout_ms) {
        session_refuse(s, s->turned_down ? GATEWAY_REFUSED_UPSTREAM : GATEWAY_REFUSED_HOLD_TIMEOUT);
        return;
    }
    if (s->state != SESSION_PARKED && !shared_enter(&w->shared->parked, most)) {
        session_refuse(s, GATEWAY_REFUSED_PARKED);
        return;
    }
    enter(s, SESSION_PARKED);
    if (!s->parked_us)
        s->parked_us = w->now_us;
    set_deadline(s);
}

int session_place(const struct session *s)
{
    const struct route *r = &s->worker->route;

    for (unsigned i = 0; i < r->given.upstreams; i++)
        if (r->slot[i] == s->slot)
            return (int)i;
    return -1;
}

void session_tell_failure(const struct session *s, const char *doing, int err)
{
    const struct gateway_route *r = &s->worker->route.given;
    int place = session_place(s);
    char text[96];

    tally_add(&s->worker->tally.upstream_errors, 1);
    if (place < 0)
        return;
    (void)str_format(text, sizeof text, "%s %s port %u", doing, r->upstream[place].host,
                     r->upstream[place].port);
    worker_tell_failure(s->worker, (unsigned)place, text, err);
}

/* 0, or the positive errno with which the connect failed at once. */
static int begin_connect(struct session *s, int place)
{
    struct worker *w = s->worker;
    int fd = sock_connect(&w->route.address[place], &w->shared->sockets);
    int err;

    if (fd < 0)
        return -fd;
    s->upstream.fd = fd;
    s->upstream.readable = s->upstream.writable = s->upstream.ending = false;
    err = -worker_watch(w, fd, &s->upstream.source);
    if (err)
        peer_close(&s->upstream);
    return err;
}

static void leave_upstream(struct session *s)
{
    peer_close(&s->upstream);
    if (s->state == SESSION_CONNECTING)
        enter(s, SESSION_ARRIVING);
}

/* A client that nobody takes waits for the next route: the main has just died, and control knows it
 * by now. */
static void try_upstreams(struct session *s)
{
    struct worker *w = s->worker;
    int place;

    while ((place = choose_upstream(&w->route, w->shared, s->tried)) >= 0) {
        int err;

        s->tried |= (uint16_t)(1u << place);
        s->slot = (uint8_t)w->route.slot[place];
        /* Counted before the upstream can know of it, so that the next client finds it counted. */
        atomic_fetch_add_explicit(&w->shared->sessions[s->slot], 1, memory_order_relaxed);
        err = begin_connect(s, place);
        if (!err) {
            enter(s, SESSION_CONNECTING);
            set_deadline(s);
            return;
        }
        shared_leave(&w->shared->sessions[s->slot]);
        if (sock_error_is_ours(err)) {
            worker_pause_accepting(w, err);
            session_refuse(s, GATEWAY_REFUSED_UPSTREAM);
            return;
        }
        session_tell_failure(s, "connect to", err);
    }
    s->turned_down = true;
    park(s);
}

void session_connect(struct session *s)
{
    s->turned_down = false;
    s->tried = 0;
    try_upstreams(s);
}

static void on_turned_down(struct session *s, int err)
{
    session_tell_failure(s, "connect to", err);
    leave_upstream(s);
    try_upstreams(s);
}

static void on_connect_decided(struct session *s)
{
    int err = sock_error(s->upstream.fd);

    if (err) {
        on_turned_down(s, err);
        return;
    }
    enter(s, SESSION_FLOWING);
    s->upstream.writable = true;
    s->moved_us = s->worker->now_us;
    set_deadline(s);
    relay_run(s);
}

void session_admitted(struct session *s)
{
    const struct gateway_route *r = &s->worker->route.given;

    leave_upstream(s);
    switch (r->kind) {
    case GATEWAY_FORWARD:
        if (r->hold)
            park(s);
        else
            session_connect(s);
        break;
    case GATEWAY_PARK:
        park(s);
        break;
    case GATEWAY_REFUSE:
        session_refuse(s, GATEWAY_REFUSED_NO_ROUTE);
        break;
    }
}

/* ---- events ---- */

static void on_client_events(struct source *source, uint32_t events)
{
    struct session *s = CONTAINER_OF(source, struct session, client.source);

    peer_note(&s->client, events);
    switch (s->state) {
    case SESSION_ARRIVING:
        if (events & (EPOLLERR | EPOLLHUP))
            session_end(s, SESSION_RESETS, "gone");
        else
            arrival_run(s);
        break;
    case SESSION_PARKED:
    case SESSION_CONNECTING:
        if (events & (EPOLLERR | EPOLLHUP))
            session_end(s, SESSION_RESETS, "gone");
        break;
    case SESSION_FLOWING:
        if (events & EPOLLERR)
            session_end(s, SESSION_RESETS, "client reset");
        else
            relay_run(s);
        break;
    case SESSION_ENDED:
        break;
    }
}

static void on_upstream_events(struct source *source, uint32_t events)
{
    struct session *s = CONTAINER_OF(source, struct session, upstream.source);

    switch (s->state) {
    case SESSION_CONNECTING:
        peer_note(&s->upstream, events);
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            on_connect_decided(s);
        break;
    case SESSION_FLOWING:
        peer_note(&s->upstream, events);
        relay_run(s);
        /* What it had sent before went to the client, as far as that takes it now. A held session
         * or a slow client does not keep the news from control. */
        if (events & EPOLLERR && s->state == SESSION_FLOWING) {
            int err = sock_error(s->upstream.fd);

            relay_upstream_failed(s, err ? err : ECONNRESET);
        }
        break;
    case SESSION_ARRIVING:
    case SESSION_PARKED:
    case SESSION_ENDED:
        break;
    }
}

static void on_deadline_passed(struct deadline *d)
{
    struct session *s = CONTAINER_OF(d, struct session, deadline);
    const struct gateway_config *c = s->worker->config;
    int64_t now_us = s->worker->now_us;

    if (time_out(s) > now_us) {
        set_deadline(s);
        return;
    }
    if (!s->answered && limit(s->accepted_us, c->session_timeout_ms) <= now_us) {
        session_refuse(s, GATEWAY_REFUSED_TIMEOUT);
    } else if (s->state == SESSION_PARKED) {
        session_refuse(s, s->turned_down ? GATEWAY_REFUSED_UPSTREAM : GATEWAY_REFUSED_HOLD_TIMEOUT);
    } else if (s->state == SESSION_CONNECTING) {
        on_turned_down(s, ETIMEDOUT);
    } else {
        session_cut(s, GATEWAY_CUT_IDLE);
    }
}

/* ---- accept ---- */

static struct session *new_session(struct worker *w, int fd, const struct origin *origin)
{
    struct session *s = xcalloc(1, sizeof *s);

    *s = (struct session){
        .worker = w,
        .state = SESSION_ARRIVING,
        .client = {.source.on_events = on_client_events, .fd = fd, .writable = true},
        .upstream = {.source.on_events = on_upstream_events, .fd = -1},
        .deadline.on_passed = on_deadline_passed,
        .accepted_us = w->now_us,
        .since_us = w->now_us,
        .origin = *origin,
    };
    list_init(&s->node);
    list_init(&s->busy);
    list_add_tail(&w->arriving, &s->node);
    pump_init(&s->up, &s->client, &s->upstream);
    pump_init(&s->down, &s->upstream, &s->client);
    return s;
}

void session_accept(struct worker *w, int fd, const struct origin *origin)
{
    struct session *s = new_session(w, fd, origin);
    int err = -worker_watch(w, fd, &s->client.source);

    if (err) {
        worker_pause_accepting(w, err);
        session_refuse(s, GATEWAY_REFUSED_LIMIT);
        return;
    }
    s->owes_header = networks_have(&w->config->proxy_from, origin);
    s->owes_greeting = w->tls != NULL;
    if (s->owes_header || s->owes_greeting)
        set_deadline(s);
    arrival_run(s);
}
