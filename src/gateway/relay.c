#include "gateway/relay.h"

void relay_upstream_failed(struct session *s, int err)
{
    if (!s->down.ended) {
        session_tell_failure(s, "session with", err);
        session_end(s, SESSION_RESETS, "upstream failed");
        return;
    }
    /* It had said goodbye before: what it still sent goes to the client, the rest is void. */
    pump_abandon(&s->up, &s->worker->tools);
    if (s->down.closed)
        session_end(s, SESSION_CLOSES, "closed");
}

static void account(struct session *s, const struct pump_result *r, tally_count *bytes)
{
    if (r->moved) {
        tally_add(bytes, r->moved);
        s->moved_us = s->worker->now_us;
    }
    if (r->outcome == PUMP_HAS_MORE && list_empty(&s->busy))
        list_add_tail(&s->worker->busy, &s->busy);
}

static void on_answer(struct session *s)
{
    struct worker *w = s->worker;

    s->answered = true; /* its deadline will find out when it passes */
    if (w->first_byte_told)
        return;
    w->first_byte_told = true;
    worker_tell(w, w->opened_change,
                (struct gateway_report){.kind = GATEWAY_FIRST_BYTE,
                                        .generation = w->route.given.generation});
}

void relay_run(struct session *s)
{
    struct worker *w = s->worker;
    struct pump_result down = pump_run(&s->down, &w->tools, !w->drained);
    struct pump_result up;

    account(s, &down, &w->tally.bytes_down);
    if (down.moved && !(s->answered && w->first_byte_told))
        on_answer(s);
    if (down.outcome == PUMP_TO_FAILED) {
        session_end(s, SESSION_RESETS, "client reset");
        return;
    }
    if (down.outcome == PUMP_FROM_FAILED) {
        relay_upstream_failed(s, down.err);
        return;
    }
    up = pump_run(&s->up, &w->tools, !w->route.given.hold);
    account(s, &up, &w->tally.bytes_up);
    if (up.outcome == PUMP_FROM_FAILED)
        session_end(s, SESSION_RESETS, "client reset");
    else if (up.outcome == PUMP_TO_FAILED)
        relay_upstream_failed(s, up.err);
    else if (s->up.closed && s->down.closed)
        session_end(s, SESSION_CLOSES, "closed");
}
