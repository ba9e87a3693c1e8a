/* tally: the counters of one worker. The worker alone writes, control reads whenever it likes:
 * relaxed atomics, so that nobody waits. Histograms hold their sum in microseconds. */
#ifndef GATEWAY_TALLY_H
#define GATEWAY_TALLY_H

#include "gateway/gateway.h"

#include <stdatomic.h>

typedef _Atomic uint64_t tally_count;

struct tally_histogram {
    tally_count bucket[GATEWAY_BUCKETS], count, sum_us;
};

struct tally {
    tally_count sessions_active, parked;
    tally_count sessions_total, accepted_total;
    tally_count refused[GATEWAY_REFUSAL_COUNT], cut[GATEWAY_CUT_COUNT];
    tally_count bytes_up, bytes_down;
    tally_count upstream_errors;
    struct tally_histogram parked_time, connect_time;
};

/* One writer: a load and a store do, without a locked instruction. */
static inline void tally_add(tally_count *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void tally_take(tally_count *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) - n,
                          memory_order_relaxed);
}

void tally_observe(struct tally_histogram *h, int64_t took_us);
/* Adds what the worker has counted to *sum. */
void tally_read(const struct tally *t, struct gateway_counters *sum);

#endif
