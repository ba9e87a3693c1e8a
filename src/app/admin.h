/* admin: POST /api/v1/admin/...: what an operator asks for.
 *
 * Any controller replica takes it: what is asked is judged by the core (request_check), written
 * into the record (app/note.h) and answered 202; the leader serves it. Closed without
 * ADMIN_TOKEN_FILE. docs/reference.md has the routes, bodies and answers. */
#ifndef APP_ADMIN_H
#define APP_ADMIN_H

#include "app/controller.h"
#include "io/http_server.h"

#define ADMIN_PREFIX "/api/v1/admin/"

struct admin;
struct admin *admin_new(struct controller *c);
/* What waits for the API server is given up, unanswered. NULL is fine. */
void admin_free(struct admin *a);
/* Answers a request whose path begins with ADMIN_PREFIX, now or later. */
void admin_answer(struct admin *a, struct http_request *r);

#endif
