/* memgraph_stream: one TCP connection on libuv with an ordered queue of bytes to send; used by both
 * ports of the simulated Memgraph. */
#ifndef SANDBOX_MEMGRAPH_STREAM_H
#define SANDBOX_MEMGRAPH_STREAM_H

#include "base/buf.h"

#include <uv.h>

struct memgraph_stream;

struct memgraph_stream_events {
    void (*on_connect)(void *arg, int status); /* of memgraph_stream_connect only */
    void (*on_bytes)(void *arg, struct str bytes);
    void (*on_end)(void *arg); /* closed by the other side, or broken; close it still */
};

struct memgraph_stream *memgraph_stream_accept(uv_stream_t *listener,
                                               const struct memgraph_stream_events *events,
                                               void *arg);
/* on_connect follows, also when it cannot even be tried. */
struct memgraph_stream *memgraph_stream_connect(uv_loop_t *loop, const char *host, unsigned port,
                                                const struct memgraph_stream_events *events,
                                                void *arg);
void memgraph_stream_send(struct memgraph_stream *s, struct str bytes);
/* No event comes any more. Bytes that are queued are still sent when `flush`. */
void memgraph_stream_close(struct memgraph_stream *s, bool flush);

#endif
