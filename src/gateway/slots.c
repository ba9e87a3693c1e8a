#include "gateway/slots.h"

/* Slots that were never used have been silent longest. A slot that is taken over while sessions of
 * its old upstream are left would be shared by both; it takes SLOTS_MAX other upstreams in routes
 * that cut nobody to come to that, and does no more than count both together. */
static struct slot *find(struct slots *s, const char *host, unsigned port, uint64_t process)
{
    struct slot *oldest = s->list;

    for (unsigned i = 0; i < SLOTS_MAX; i++) {
        struct slot *slot = &s->list[i];

        if (slot->named && slot->port == port && slot->process == process &&
            strcmp(slot->host, host) == 0)
            return slot;
        if (slot->named < oldest->named)
            oldest = slot;
    }
    (void)str_copy(oldest->host, sizeof oldest->host, host);
    oldest->port = port;
    oldest->process = process;
    return oldest;
}

void slots_assign(struct slots *s, const struct gateway_route *route, unsigned *slot)
{
    s->routes++;
    for (unsigned i = 0; i < route->upstreams; i++) {
        struct slot *found = find(s, route->upstream[i].host, route->upstream[i].port,
                                  route->upstream[i].process);

        found->named = s->routes;
        slot[i] = (unsigned)(found - s->list);
    }
}
