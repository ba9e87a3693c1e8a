/* memgraph_server: one simulated Memgraph on a loop: the model, its Bolt port, its replication port
 * and its timer. The sandbox runs it on real sockets in a process of its own, the simulator on
 * virtual ones; disk and death are the host's. */
#ifndef SERVER_MEMGRAPH_SERVER_H
#define SERVER_MEMGRAPH_SERVER_H

#include "base/fail.h"
#include "io/loop.h"
#include "models/memgraph.h"

struct memgraph_server;

struct memgraph_server_config {
    struct mg_config model;   /* with what the disk holds in `files` */
    const char *bolt_address; /* IP; the replication port listens there, too */
    unsigned bolt_port;
};

struct memgraph_server_events {
    /* As in struct mg_host. */
    void (*persist)(void *arg, enum mg_file file, bool append, struct str bytes);
    /* The process dies: free the server, not from within. */
    void (*crash)(void *arg, const char *why);
    /* Bolt listens now, or cannot (*why). */
    void (*on_open)(void *arg, const struct fail *why);
};

/* NULL: the recovery failed, *why. */
struct memgraph_server *memgraph_server_new(struct loop *loop,
                                            const struct memgraph_server_config *config,
                                            const struct memgraph_server_events *events, void *arg,
                                            const char **why);
/* As a kill -9. NULL is fine. */
void memgraph_server_free(struct memgraph_server *s);
/* For checkers. */
const struct mg *memgraph_server_model(const struct memgraph_server *s);

#endif
