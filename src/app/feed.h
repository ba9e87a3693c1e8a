/* feed: all that the page shows as one document: once, for GET /api/v1/overview, and as a stream of
 * server-sent events for GET /api/v1/events.
 *
 * An event is sent within 0.1 s of a change, and once a second without one, so that the page's
 * ages and counters move and a connection that is lost is noticed. A client that reads slowly gets
 * fewer of them. */
#ifndef APP_FEED_H
#define APP_FEED_H

#include "app/controller.h"
#include "io/http_server.h"

struct feed;
struct feed *feed_new(struct controller *c);
/* After the HTTP server was stopped. NULL is fine. */
void feed_free(struct feed *f);
void feed_answer_overview(struct feed *f, struct http_request *r);
void feed_answer_events(struct feed *f, struct http_request *r);

#endif
