/* lease: who leads, decided from what was read of the Lease and the own monotonic clock alone.
 *
 * Source: docs/decisions.md, "Followers"; the behaviour is client-go's leader election. A lease is
 * over when its record has not changed for its duration by OUR clock: the holder's clock is never
 * compared with ours. A leader acts until it must doubt: renew_deadline after its last renewal was
 * sent, which ends before anybody may take over. */
#ifndef CORE_LEASE_H
#define CORE_LEASE_H

#include "base/attrs.h"

#include <stdbool.h>
#include <stdint.h>

struct lease_times {
    int64_t duration_us, renew_deadline_us, retry_us; /* 15 s, 10 s, 2 s */
};

struct lease {
    struct lease_times times;
    bool known;                /* read at least once (or known to be absent) */
    bool absent;               /* there is no such object */
    bool free;                 /* it has no holder */
    bool ours;                 /* we hold it, as last read or written */
    int64_t seen_at;           /* when its content last changed, by our clock */
    int64_t other_duration_us; /* of the present holder */
    int64_t renewed_at;        /* our last renewal that succeeded: when it was SENT */
    int64_t tried_at;          /* our last write, sent */
    bool writing;
    int64_t aside_until; /* we gave it up and leave it to others until then */
};

enum lease_move {
    LEASE_WAIT,
    LEASE_READ, /* nothing is known: read it */
    LEASE_CREATE,
    LEASE_TAKE, /* write ourselves in, with the resourceVersion that was read */
    LEASE_RENEW
};

void lease_init(struct lease *l, const struct lease_times *times);
/* What to do now, and when to ask again at the latest. */
enum lease_move lease_decide(const struct lease *l, int64_t now_us, int64_t *wake_us);
/* It was read, or seen in a watch. changed: its resourceVersion or content differs from before. */
void lease_seen(struct lease *l, int64_t now_us, bool ours, bool free, bool changed,
                int64_t duration_us);
void lease_seen_absent(struct lease *l);
void lease_write_started(struct lease *l, int64_t now_us);
/* ok: it is ours, until lease_until. Not ok: conflict forgets what was read. */
void lease_write_done(struct lease *l, int64_t now_us, bool ok, bool conflict);
/* We gave it up, as others may do better: not taken again for one duration. */
void lease_set_aside(struct lease *l, int64_t now_us);
/* Until when we lead for certain; in the past: we do not. */
int64_t lease_until(const struct lease *l);
/* Until when the lease lasts that somebody else holds, as it was seen; 0: nobody does. */
int64_t lease_others_until(const struct lease *l);

#endif
