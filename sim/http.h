/* http: io/http_server.h in the simulator, and how to send it a request. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "base/str.h"
#include "sim/net.h"

struct http_call {
    const char *method, *path;
    const char *param, *value; /* one parameter of the query, or NULL */
    const char *body;          /* or NULL */
    const char *authorization; /* value of the header, or NULL */
};
/* status 0: nobody answered (refused, the process died, the path is blocked). */
typedef void http_answer_fn(void *arg, unsigned status, struct str body);

/* Sends a request from one host to a port of another. The answer comes from the clock, once; or
 * never, when the other side is frozen. Neither host may go before that. */
struct http_request;
struct http_request *http_call(struct host *from, struct host *to, unsigned port,
                               const struct http_call *call, http_answer_fn *answer, void *arg);
/* Its answer is of no interest any more. */
void http_call_forget(struct http_request *r);
/* Forgets all calls that are under way. */
void http_reset(void);

#endif
