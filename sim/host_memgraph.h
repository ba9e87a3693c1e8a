/* host_memgraph: a simulated Memgraph as a process: the model's server on a host of the virtual
 * network and on a volume, with a life of its own. A new run id at each start. */
#ifndef SIM_HOST_MEMGRAPH_H
#define SIM_HOST_MEMGRAPH_H

#include "server/memgraph_server.h"
#include "sim/net.h"
#include "sim/volume.h"

struct memgraph_host;

struct memgraph_host_config {
    struct host *host;
    struct volume *volume;  /* nobody else uses it while the process lives */
    struct mg_config model; /* without files */
    int64_t start_us;       /* until it has loaded its data */
    /* It has ended; it frees itself after this. code: the exit status, or 128 and the signal. */
    void (*on_end)(void *arg, int code);
    void *arg;
};

struct memgraph_host *memgraph_host_start(const struct memgraph_host_config *config);
/* SIGKILL, SIGTERM, SIGSTOP, SIGCONT. */
void memgraph_host_signal(struct memgraph_host *m, int signo);
/* As a kill -9, without on_end: for the end of a simulation. NULL is fine. */
void memgraph_host_free(struct memgraph_host *m);
/* Its Bolt port listens. */
bool memgraph_host_open(const struct memgraph_host *m);
bool memgraph_host_frozen(const struct memgraph_host *m);
/* NULL while it loads. */
const struct mg *memgraph_host_model(const struct memgraph_host *m);

#endif
