/* startup: GET /api/v1/init/<pod>?uid=<uid>: what the init container of a pod shall do.
 *
 * Source: docs/decisions.md, "Rebuild". The answer is made by the core from a fresh read of the
 * record, or there is none (503): a pod that starts with data which were to be moved aside would
 * undo the decision. Without a record there is nothing to do. */
#ifndef APP_STARTUP_H
#define APP_STARTUP_H

#include "app/controller.h"
#include "io/http_server.h"

#define STARTUP_PREFIX "/api/v1/init/"

struct startup;
struct startup *startup_new(struct controller *c);
/* Those who wait for the API server are given up, unanswered. NULL is fine. */
void startup_free(struct startup *s);
/* Answers a request whose path begins with STARTUP_PREFIX, later. */
void startup_answer(struct startup *s, struct http_request *r);

#endif
