/* answers: what the HTTP routes have in common: JSON, errors, and who may ask. */
#ifndef APP_ANSWERS_H
#define APP_ANSWERS_H

#include "io/http_server.h"

#include <jansson.h>

/* Answers with a document, whose reference is taken over. */
void answer_json(struct http_request *r, unsigned status, json_t *json);
/* {"error": "..."}; what servers said may be no UTF-8. */
void answer_error(struct http_request *r, unsigned status, const char *error);
/* Another method than this one is answered 405. True: it is the one. */
bool answer_to(struct http_request *r, const char *method) MUST_CHECK;
/* Does the request carry these credentials in its header Authorization? Takes as long for a wrong
 * one as for the right one of the same length. scheme: Bearer or Basic. */
bool answer_is_authorised(const struct http_request *r, const char *scheme,
                          const char *credentials);
/* Is this header's value the secret? In the same time, too. */
bool answer_has_secret(const struct http_request *r, const char *header,
                       const char *secret) MUST_CHECK;
/* A text as JSON, with "?" for each byte that is no UTF-8. New reference. */
json_t *answer_text(const char *text);

#endif
