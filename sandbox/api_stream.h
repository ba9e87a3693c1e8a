/* api_stream: one open watch of the API server: lines of a kube_watcher as a chunked response.
 *
 * While there is nothing to say its connection is suspended. It belongs to the connection, which
 * frees it at its end; in between it is a member of the list given at its start. Bookmarks come
 * every 60 s and 2 s before the end, as from a real server. */
#ifndef SANDBOX_API_STREAM_H
#define SANDBOX_API_STREAM_H

#include "base/list.h"
#include "models/kube_rest.h"

#include <microhttpd.h>

struct api_stream;

/* Queues the response and takes over the watch of the answer. */
enum MHD_Result api_stream_start(struct list *streams, struct MHD_Connection *connection,
                                 const struct kube_rest_answer *answer, int64_t now_us);
struct api_stream *api_stream_of(struct list *node);
/* There may be news; or the server is about to stop, which needs every connection resumed. */
void api_stream_wake(struct api_stream *stream);
/* Time goes by; the client may have gone. */
void api_stream_tick(struct api_stream *stream, int64_t now_us);

#endif
