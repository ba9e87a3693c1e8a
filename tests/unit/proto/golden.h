/* golden: the recorded connections of tests/data/bolt, for tests.
 *
 * What a real client and a real Memgraph 3.6.1 sent each other, byte for byte. Loading asserts (as
 * cmocka does) that the file is there and makes sense. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "proto/bolt.h"
#include "proto/memgraph.h"

struct golden {
    struct buf c2s, s2c; /* all bytes of a direction */
};

void golden_load(struct golden *g, const char *name);
void golden_done(struct golden *g);

/* What the server answered to one request. Everything lives in the arena of golden_exchange. */
struct golden_answer {
    struct bolt_message request;
    struct str query;         /* of a RUN, and of the requests that follow it */
    struct bolt_message last; /* SUCCESS, FAILURE or IGNORED */
    struct memgraph_rows rows;
};

/* All requests with their answers, in their order; asserts that there are at most `most`. Not for
 * records with requests that have no answer. */
size_t golden_exchange(const struct golden *g, struct arena *arena, struct golden_answer *out,
                       size_t most);

/* The last PULL (or RUN, when that failed) of `query`, counted from 0 among those of the same
 * text; asserted to be there. */
const struct golden_answer *golden_find(const struct golden_answer *answers, size_t n,
                                        const char *query, size_t nth);

#endif
