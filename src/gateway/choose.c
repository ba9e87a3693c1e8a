#include "gateway/choose.h"

#include <limits.h>

/* The first untried one, beginning at `start` and going round. */
static int next_untried(unsigned n, unsigned start, unsigned tried)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (start + i) % n;

        if (!(tried >> at & 1))
            return (int)at;
    }
    return -1;
}

static int least_used(const struct route *route, struct shared *shared, unsigned tried)
{
    unsigned fewest = UINT_MAX;
    int best = -1;

    for (unsigned i = 0; i < route->given.upstreams; i++) {
        unsigned n = atomic_load_explicit(&shared->sessions[route->slot[i]], memory_order_relaxed);

        if (!(tried >> i & 1) && n < fewest) {
            fewest = n;
            best = (int)i;
        }
    }
    return best;
}

int choose_upstream(const struct route *route, struct shared *shared, unsigned tried)
{
    unsigned n = route->given.upstreams;
    unsigned start;

    switch (route->given.balance) {
    case GATEWAY_ORDINAL:
        return next_untried(n, 0, tried);
    case GATEWAY_ROUND_ROBIN:
        start = tried ? 0 : atomic_fetch_add_explicit(&shared->turn, 1, memory_order_relaxed);
        return n ? next_untried(n, start % n, tried) : -1;
    case GATEWAY_LEAST_CONNECTIONS:
        return least_used(route, shared, tried);
    }
    return -1;
}
