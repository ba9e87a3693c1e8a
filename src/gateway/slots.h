/* slots: numbers for upstreams, so that a session can be told which of them it is on although the
 * lists of routes change around it. Belongs to control. */
#ifndef GATEWAY_SLOTS_H
#define GATEWAY_SLOTS_H

#include "gateway/gateway.h"
#include "gateway/shared.h"

struct slot {
    char host[64];
    unsigned port;
    uint64_t process;
    uint64_t named; /* the last route that named it; 0: never */
};

struct slots {
    struct slot list[SLOTS_MAX];
    uint64_t routes; /* so far */
};

/* slot[i]: the slot of route->upstream[i]: the one that it had, or another, of which nobody has
 * spoken for the longest time. A zeroed struct slots is ready. */
void slots_assign(struct slots *s, const struct gateway_route *route, unsigned *slot);

#endif
