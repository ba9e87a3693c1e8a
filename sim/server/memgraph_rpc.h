/* memgraph_rpc: replication between simulated Memgraphs over TCP connections.
 *
 * A frame is 4 bytes of length (big endian) and a message of the model; a request is answered by
 * one frame on the same connection. (Not Memgraph's own protocol, but with its habits: 5 s to
 * connect, a time limit for each answer, one connection a link, a broken one makes the next call
 * fail and the one after connect again.) Bytes that are no whole frame count as a poke. */
#ifndef SERVER_MEMGRAPH_RPC_H
#define SERVER_MEMGRAPH_RPC_H

#include "io/loop.h"
#include "models/memgraph.h"

struct memgraph_rpc;

struct memgraph_rpc_events {
    /* The end of a call; never from within memgraph_rpc_call. */
    void (*on_answer)(void *arg, uint64_t call, bool ok, struct str bytes);
    /* A request: fills the answer, or returns false to close the connection. */
    bool (*on_request)(void *arg, struct str request, struct buf *answer);
    void (*on_poke)(void *arg);
};

/* The server will listen on this address (the real one takes all, 0.0.0.0). */
struct memgraph_rpc *memgraph_rpc_new(struct loop *loop, const char *address,
                                      const struct memgraph_rpc_events *events, void *arg);
void memgraph_rpc_free(struct memgraph_rpc *rpc);
bool memgraph_rpc_listen(struct memgraph_rpc *rpc, unsigned port);
void memgraph_rpc_unlisten(struct memgraph_rpc *rpc);
void memgraph_rpc_call(struct memgraph_rpc *rpc, uint64_t call, unsigned link, const char *address,
                       struct str request, int64_t timeout_us);
void memgraph_rpc_close(struct memgraph_rpc *rpc, unsigned link);

#endif
