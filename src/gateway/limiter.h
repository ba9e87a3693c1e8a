/* limiter: how many new clients an address may send: a token bucket for each, in a table of fixed
 * size. Shared by the workers of a gateway; asked once for each new client, under a lock.
 *
 * An address has few places in the table (its hash says which); when all are taken, the fullest
 * bucket makes room, as it remembers least: a flood of addresses can make us forget one that is
 * nearly innocent, not one that is at its limit. IPv6 clients count by /64, the least that one site
 * has. */
#ifndef GATEWAY_LIMITER_H
#define GATEWAY_LIMITER_H

#include "gateway/network.h"

#include <pthread.h>

enum { LIMITER_ROWS = 1024, LIMITER_PLACES = 4 };

struct bucket {
    uint8_t ip[16];
    int64_t since_us; /* 0: free */
    double tokens;    /* then */
};

struct limiter {
    pthread_mutex_t mutex;
    double per_us, burst; /* burst 0: no limit */
    uint64_t seed;        /* so that nobody can choose addresses that share a row */
    struct bucket *table;
};

void limiter_init(struct limiter *l, double per_s, double burst, uint64_t seed);
void limiter_done(struct limiter *l);
/* Takes a token of the address. False: it has none. Times are of the monotonic clock. */
bool limiter_admit(struct limiter *l, const struct origin *o, int64_t now_us) MUST_CHECK;

#endif
