#include "core/lease.h"

#include <assert.h>

void lease_init(struct lease *l, const struct lease_times *times)
{
    assert(times->renew_deadline_us < times->duration_us);
    *l = (struct lease){.times = *times};
}

int64_t lease_until(const struct lease *l)
{
    return l->ours && l->renewed_at ? l->renewed_at + l->times.renew_deadline_us : 0;
}

static enum lease_move at(int64_t due_us, int64_t now_us, int64_t *wake_us, enum lease_move move)
{
    if (now_us >= due_us) {
        *wake_us = now_us + 1;
        return move;
    }
    *wake_us = due_us;
    return LEASE_WAIT;
}

enum lease_move lease_decide(const struct lease *l, int64_t now_us, int64_t *wake_us)
{
    int64_t retry_at = l->tried_at ? l->tried_at + l->times.retry_us : 0;

    *wake_us = now_us + l->times.retry_us;
    if (l->writing)
        return LEASE_WAIT;
    if (!l->known)
        return at(retry_at, now_us, wake_us, LEASE_READ);
    if (now_us < l->aside_until && !l->ours)
        return at(l->aside_until, now_us, wake_us, LEASE_WAIT);
    if (l->absent)
        return at(retry_at, now_us, wake_us, LEASE_CREATE);
    if (l->ours)
        return at(retry_at, now_us, wake_us, l->renewed_at ? LEASE_RENEW : LEASE_TAKE);
    if (l->free) /* released since we tried: at once */
        return at(l->seen_at > l->tried_at ? l->seen_at : retry_at, now_us, wake_us, LEASE_TAKE);
    return at(l->seen_at + l->other_duration_us, now_us, wake_us, LEASE_TAKE);
}

void lease_seen(struct lease *l, int64_t now_us, bool ours, bool free, bool changed,
                int64_t duration_us)
{
    if (!l->known || l->absent || changed)
        l->seen_at = now_us;
    l->known = true;
    l->absent = false;
    l->free = free;
    l->other_duration_us = duration_us > 0 ? duration_us : l->times.duration_us;
    if (!ours)
        l->renewed_at = 0;
    l->ours = ours;
}

void lease_seen_absent(struct lease *l)
{
    l->known = l->absent = true;
    l->ours = l->free = false;
    l->renewed_at = 0;
}

void lease_write_started(struct lease *l, int64_t now_us)
{
    assert(!l->writing);
    l->writing = true;
    l->tried_at = now_us;
}

void lease_write_done(struct lease *l, int64_t now_us, bool ok, bool conflict)
{
    l->writing = false;
    if (ok) {
        l->known = l->ours = true;
        l->absent = l->free = false;
        l->renewed_at = l->tried_at;
        l->seen_at = now_us;
        return;
    }
    if (conflict) {
        l->known = false;
        l->ours = false;
        l->renewed_at = 0;
    }
}

void lease_set_aside(struct lease *l, int64_t now_us)
{
    l->writing = false;
    l->ours = false;
    l->renewed_at = 0;
    l->known = false; /* whether it was given up is read */
    l->aside_until = now_us + l->times.duration_us;
}

int64_t lease_others_until(const struct lease *l)
{
    return !l->known || l->absent || l->free || l->ours ? 0 : l->seen_at + l->other_duration_us;
}
