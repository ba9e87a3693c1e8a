#include "gateway/limiter.h"

#include "base/alloc.h"

void limiter_init(struct limiter *l, double per_s, double burst, uint64_t seed)
{
    *l = (struct limiter){.seed = seed};
    (void)pthread_mutex_init(&l->mutex, NULL);
    if (per_s <= 0)
        return;
    l->per_us = per_s / 1e6;
    l->burst = burst < 1 ? 1 : burst;
    l->table = xcalloc((size_t)LIMITER_ROWS * LIMITER_PLACES, sizeof *l->table);
}

void limiter_done(struct limiter *l)
{
    free(l->table);
    pthread_mutex_destroy(&l->mutex);
}

static void key_of(uint8_t key[16], const struct origin *o)
{
    static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(key, o->ip, 16);
    if (memcmp(key, v4_prefix, sizeof v4_prefix) != 0)
        memset(key + 8, 0, 8);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

static struct bucket *row_of(struct limiter *l, const uint8_t key[16])
{
    uint64_t half[2];

    memcpy(half, key, sizeof half);
    return &l->table[mix(half[0] ^ mix(half[1] ^ l->seed)) % LIMITER_ROWS * LIMITER_PLACES];
}

static double tokens_now(const struct limiter *l, const struct bucket *b, int64_t now_us)
{
    double tokens = b->tokens + (double)(now_us - b->since_us) * l->per_us;

    return !b->since_us || tokens > l->burst ? l->burst : tokens;
}

/* The address's bucket; its own, or one made free for it. */
static struct bucket *bucket_of(struct limiter *l, const uint8_t key[16], int64_t now_us)
{
    struct bucket *row = row_of(l, key), *fullest = row;

    for (unsigned i = 0; i < LIMITER_PLACES; i++) {
        if (row[i].since_us && memcmp(row[i].ip, key, 16) == 0)
            return &row[i];
        if (tokens_now(l, &row[i], now_us) > tokens_now(l, fullest, now_us))
            fullest = &row[i];
    }
    *fullest = (struct bucket){.since_us = now_us, .tokens = l->burst};
    memcpy(fullest->ip, key, 16);
    return fullest;
}

bool limiter_admit(struct limiter *l, const struct origin *o, int64_t now_us)
{
    struct bucket *b;
    uint8_t key[16];
    double tokens;

    if (!l->table)
        return true;
    key_of(key, o);
    (void)pthread_mutex_lock(&l->mutex);
    b = bucket_of(l, key, now_us);
    tokens = tokens_now(l, b, now_us);
    b->since_us = now_us;
    b->tokens = tokens >= 1 ? tokens - 1 : tokens;
    (void)pthread_mutex_unlock(&l->mutex);
    return tokens >= 1;
}
