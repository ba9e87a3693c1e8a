/* web: the files of the status page, which are in the program.
 *
 * They refer to each other and to the API by relative paths, so that the page works behind a proxy
 * that adds a prefix (kubectl, an ingress). Nothing of it is loaded from anywhere else, and the
 * headers forbid it. */
#ifndef APP_WEB_H
#define APP_WEB_H

#include "io/http_server.h"

#define WEB_PREFIX "/web/"

/* Does this request for "/" want the page, rather than the status as JSON? */
bool web_wants_page(const struct http_request *r) MUST_CHECK;
void web_answer_page(struct http_request *r);
/* Answers a GET whose path begins with WEB_PREFIX. */
void web_answer_file(struct http_request *r);

#endif
