/* random: numbers that depend on a seed and on nothing else (splitmix64). Each part of a simulation
 * has a stream of its own, so that one more draw in one part does not change all the others. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A stream of its own for part `part` of simulation `seed`. */
static inline struct random random_stream(uint64_t seed, uint64_t part)
{
    struct random r = {seed * 0x2545f4914f6cdd1du + part * 0x9e3779b97f4a7c15u};

    r.state = random_next(&r);
    return r;
}

/* least to most, both included. */
static inline int64_t random_range(struct random *r, int64_t least, int64_t most)
{
    return least + (int64_t)(random_next(r) % (uint64_t)(most - least + 1));
}

static inline bool random_chance(struct random *r, unsigned percent)
{
    return random_next(r) % 100 < percent;
}

#endif
