/* memgraph_bolt: the Bolt port of a simulated Memgraph: handshake, states, messages (facts 1.1 to
 * 1.5), on sessions of the model. */
#ifndef SERVER_MEMGRAPH_BOLT_H
#define SERVER_MEMGRAPH_BOLT_H

#include "base/fail.h"
#include "io/loop.h"
#include "models/memgraph.h"

struct memgraph_bolt;

/* after: called when requests have gone into the model, so its deadline may have changed. */
struct memgraph_bolt *memgraph_bolt_new(struct loop *loop, struct mg *mg, void (*after)(void *arg),
                                        void *arg);
/* Ends the listener and all connections, before their mg is freed. NULL is fine. */
void memgraph_bolt_free(struct memgraph_bolt *bolt);
bool memgraph_bolt_listen(struct memgraph_bolt *bolt, const char *address, unsigned port,
                          struct fail *why);

#endif
