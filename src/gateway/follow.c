#include "gateway/follow.h"

#include "gateway/relay.h"

static uint32_t cut_list(struct list *sessions, enum gateway_cut why)
{
    uint32_t n = 0;

    while (!list_empty(sessions)) {
        session_cut(CONTAINER_OF(sessions->next, struct session, node), why);
        n++;
    }
    return n;
}

uint32_t follow_cut(struct worker *w, enum gateway_cut why)
{
    return cut_list(&w->flowing, why) + cut_list(&w->connecting, why);
}

void follow_stall(struct worker *w)
{
    w->outdated = atomic_load(&w->shared->changes); /* before anybody can see that we noticed */
    (void)follow_cut(w, GATEWAY_CUT_STALLED);
    if (w->route.given.kind == GATEWAY_FORWARD)
        w->route.given.kind = GATEWAY_PARK;
    worker_tell(w, 0, (struct gateway_report){.kind = GATEWAY_STALLED});
}

void follow_check_drained(struct worker *w)
{
    /* Without sessions there is nothing to read, and a session that comes now is not read. */
    if (w->route.given.hold && list_empty(&w->flowing)) {
        w->drained = true;
        deadlines_clear(&w->deadlines, &w->drain);
    }
    if (!w->drained || !w->hold_change)
        return;
    worker_tell(w, w->hold_change,
                (struct gateway_report){.kind = GATEWAY_DRAINED,
                                        .generation = w->route.given.generation,
                                        .hold = true});
    w->hold_change = 0;
}

static void on_drain_passed(struct deadline *d)
{
    struct worker *w = CONTAINER_OF(d, struct worker, drain);

    w->drained = true;
    follow_check_drained(w);
}

static void on_hold_end_passed(struct deadline *d)
{
    struct worker *w = CONTAINER_OF(d, struct worker, hold_end);

    (void)follow_cut(w, GATEWAY_CUT_HOLD_TIMEOUT);
    follow_check_drained(w);
}

void follow_init(struct worker *w)
{
    w->route.given.kind = GATEWAY_PARK;
    w->drain.on_passed = on_drain_passed;
    w->hold_end.on_passed = on_hold_end_passed;
}

static void begin_hold(struct worker *w)
{
    deadlines_set(&w->deadlines, &w->drain, w->now_us + w->config->hold_drain_ms * 1000);
    deadlines_set(&w->deadlines, &w->hold_end,
                  w->now_us + (w->config->hold_timeout_ms + w->config->hold_margin_ms) * 1000);
}

static void end_hold(struct worker *w)
{
    deadlines_clear(&w->deadlines, &w->drain);
    deadlines_clear(&w->deadlines, &w->hold_end);
    w->drained = false;
    w->hold_change = 0;
}

/* Parked clients go to their upstream, in the order in which they came. One that finds none is
 * parked again, behind the others: so only as many as there are now. */
static void release_parked(struct worker *w)
{
    struct list waiting, *node;

    list_init(&waiting);
    while ((node = list_pop(&w->parked)))
        list_add_tail(&waiting, node);
    while (!list_empty(&waiting))
        session_connect(CONTAINER_OF(waiting.next, struct session, node));
}

/* Upstreams have moved in the list, or left it: a client that is still connecting goes on there, or
 * to another one, as it has sent nothing yet. */
static void renumber(struct worker *w, bool exact)
{
    LIST_FOR_EACH (node, &w->connecting) {
        struct session *s = CONTAINER_OF(node, struct session, node);
        int place = session_place(s);

        s->tried = (uint16_t)(place < 0 ? 0 : 1u << place);
        if (place < 0 && exact)
            session_admitted(s);
    }
}

/* Cuts the sessions whose upstream is no longer in the list. */
static uint32_t cut_unlisted(struct worker *w)
{
    uint32_t n = 0;

    LIST_FOR_EACH (node, &w->flowing) {
        struct session *s = CONTAINER_OF(node, struct session, node);

        if (session_place(s) >= 0)
            continue;
        session_cut(s, GATEWAY_CUT_ROUTE);
        n++;
    }
    return n;
}

void follow_route(struct worker *w, uint64_t change, const struct route *route)
{
    bool newer = route->given.generation != w->route.given.generation;
    bool held = w->route.given.hold && !newer;
    bool hold = route->given.hold;
    uint32_t cut = 0;

    if (newer)
        cut = follow_cut(w, GATEWAY_CUT_ROUTE);
    if (newer || (held && !hold)) {
        w->opened_change = change;
        w->first_byte_told = false;
    }
    w->route = *route;
    if (change <= w->outdated && route->given.kind == GATEWAY_FORWARD)
        w->route.given.kind = GATEWAY_PARK;
    if (route->given.exact)
        cut += cut_unlisted(w);
    renumber(w, route->given.exact);
    if (newer || !hold)
        end_hold(w);
    if (hold && !held) {
        begin_hold(w);
        if (!w->config->hold_timeout_ms)
            cut += follow_cut(w, GATEWAY_CUT_HOLD_TIMEOUT);
    }
    worker_tell(w, change,
                (struct gateway_report){.kind = GATEWAY_IN_FORCE,
                                        .generation = route->given.generation,
                                        .hold = hold,
                                        .cut = cut});
    if (hold) {
        w->hold_change = change;
        follow_check_drained(w);
        return;
    }
    if (held) {
        LIST_FOR_EACH (node, &w->flowing)
            relay_run(CONTAINER_OF(node, struct session, node));
    }
    if (w->route.given.kind == GATEWAY_FORWARD)
        release_parked(w);
}
