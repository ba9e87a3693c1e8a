/* shared: the little that the workers of one gateway share: numbers that hold over all of them, the
 * rate limiter, and what is the same for all sockets. The gateway owns it; it outlives the workers.
 */
#ifndef GATEWAY_SHARED_H
#define GATEWAY_SHARED_H

#include "gateway/limiter.h"
#include "gateway/sock.h"

#include <stdatomic.h>

/* Upstreams that can have sessions at one time: those of the route, and those of the routes before
 * it whose sessions are still there. */
enum { SLOTS_MAX = 64 };

struct shared {
    atomic_uint admitted;            /* clients */
    atomic_uint parked;              /* of them parked */
    atomic_uint turn;                /* of round robin */
    atomic_ullong changes;           /* calls of gateway_set_route */
    atomic_uint sessions[SLOTS_MAX]; /* clients on an upstream, or on their way to it */
    struct limiter limiter;
    struct sock_options sockets; /* constant */
};

/* Counts one more, unless there are `most`. */
static inline bool shared_enter(atomic_uint *count, unsigned most)
{
    unsigned n = atomic_load_explicit(count, memory_order_relaxed);

    while (n < most)
        if (atomic_compare_exchange_weak_explicit(count, &n, n + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static inline void shared_leave(atomic_uint *count)
{
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

#endif
