#include "gateway/tally.h"

#include <math.h>

const double gateway_bucket_seconds[GATEWAY_BUCKETS] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, INFINITY};

const char *gateway_refusal_name(enum gateway_refusal r)
{
    static const char *const names[] = {
#define X(name, label) [GATEWAY_REFUSED_##name] = (label),
        GATEWAY_REFUSALS(X)
#undef X
    };

    return (size_t)r < ARRAY_LEN(names) ? names[r] : "?";
}

const char *gateway_cut_name(enum gateway_cut c)
{
    static const char *const names[] = {
#define X(name, label) [GATEWAY_CUT_##name] = (label),
        GATEWAY_CUTS(X)
#undef X
    };

    return (size_t)c < ARRAY_LEN(names) ? names[c] : "?";
}

void tally_observe(struct tally_histogram *h, int64_t took_us)
{
    size_t i = 0;

    while ((double)took_us > gateway_bucket_seconds[i] * 1e6)
        i++;
    tally_add(&h->bucket[i], 1);
    tally_add(&h->count, 1);
    tally_add(&h->sum_us, (uint64_t)took_us);
}

static uint64_t now(const tally_count *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void read_histogram(const struct tally_histogram *h, struct gateway_histogram *sum)
{
    for (size_t i = 0; i < GATEWAY_BUCKETS; i++)
        sum->bucket[i] += now(&h->bucket[i]);
    sum->count += now(&h->count);
    sum->sum_seconds += (double)now(&h->sum_us) / 1e6;
}

void tally_read(const struct tally *t, struct gateway_counters *sum)
{
    sum->sessions_active += now(&t->sessions_active);
    sum->parked += now(&t->parked);
    sum->sessions_total += now(&t->sessions_total);
    sum->accepted_total += now(&t->accepted_total);
    for (size_t i = 0; i < GATEWAY_REFUSAL_COUNT; i++)
        sum->refused[i] += now(&t->refused[i]);
    for (size_t i = 0; i < GATEWAY_CUT_COUNT; i++)
        sum->cut[i] += now(&t->cut[i]);
    sum->bytes_up += now(&t->bytes_up);
    sum->bytes_down += now(&t->bytes_down);
    sum->upstream_errors += now(&t->upstream_errors);
    read_histogram(&t->parked_time, &sum->parked_time);
    read_histogram(&t->connect_time, &sum->connect_time);
}
