/* prober: a client that writes through the write gateway all the time, in a thread of its own, and
 * knows how long it could not. It keeps one node, and removes it at the end. */
#ifndef APP_PROBER_H
#define APP_PROBER_H

#include "app/client.h"

#include <stdint.h>

struct prober;
struct prober_counts {
    uint64_t writes; /* acknowledged */
    uint64_t errors; /* writes and connections that failed */
    int64_t gap_us;  /* the longest time between two acknowledged writes */
};

/* NULL: *why. */
struct prober *prober_start(const struct client_target *target, struct fail *why);
/* What was counted since the last call; errors and gap begin anew. */
struct prober_counts prober_take(struct prober *p);
uint64_t prober_writes(const struct prober *p); /* acknowledged so far */
/* Why a write or a connection failed last; empty: none did. Returns out. */
const char *prober_trouble(struct prober *p, char *out, size_t size);
/* Removes the node and ends, within 10 s. False: it may still be there. */
bool prober_stop(struct prober *p);

#endif
