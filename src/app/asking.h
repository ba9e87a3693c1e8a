/* asking: one HTTP request to a controller, for the sub-commands that are its clients (libcurl's
 * easy interface: they wait). */
#ifndef APP_ASKING_H
#define APP_ASKING_H

#include "base/buf.h"
#include "base/fail.h"

enum { ANSWER_LIMIT = 4 * 1024 * 1024 };

struct asking {
    const char *urls;          /* of controller replicas, comma separated: the first that answers */
    const char *method, *path; /* path: with its query */
    const char *body;          /* JSON; NULL: none */
    const char *token;         /* of the admin routes; NULL: none */
    const char *user, *password; /* HTTP Basic; NULL: none */
    int64_t timeout_ms;          /* for each of them */
    bool once;                   /* it is not to be done twice */
};

/* UNREACHABLE, TIMEOUT, PROTOCOL: nobody answered, and why each of them did not. GONE (with
 * `once`): it was sent, and no answer came: nobody else was asked after that. NONE: *status, and
 * the body is added to *answer. */
struct fail asking_send(const struct asking *a, long *status, struct buf *answer) MUST_CHECK;
/* Somebody's own words about a refusal: the member "error" or "why" of a controller's answer,
 * "message" of an API server's between us and it, else the answer's text. Borrowed from out. */
const char *asking_why(struct str answer, char *out, size_t size);

#endif
