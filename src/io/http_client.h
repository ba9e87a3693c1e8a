/* http_client: HTTP(S) transfers on the control loop (libcurl's multi interface inside).
 *
 * For the Kubernetes client alone: one server, HTTP/1.1 with connections that are kept for the next
 * transfer, certificates always checked. HTTP/2 is not used on purpose: on its one connection a
 * write of the record would stand behind a long watch, and fall with it.
 *
 * A transfer is its owner's until on_done is called or http_transfer_cancel returns; after that the
 * pointer is dead. Callbacks run from the loop, never inside a call of this header; in any of them
 * transfers may be started and cancelled, and the client freed. */
#ifndef IO_HTTP_CLIENT_H
#define IO_HTTP_CLIENT_H

#include "base/fail.h"
#include "io/loop.h"

struct http_client_config {
    const char *ca_file; /* NULL: the system's */
    const char *user_agent;
    int64_t connect_timeout_us;
};

struct http_result {
    struct fail fail; /* UNREACHABLE, TIMEOUT, PROTOCOL; NONE: there is an answer, see status */
    long status;      /* HTTP; 0 when there was none */
    struct str body;  /* borrowed; what was not handed to on_data */
};

struct http_transfer_config {
    const char *method, *url;
    const char *authorization; /* value of the header; NULL: none */
    const char *content_type;  /* of the body */
    const char *body;          /* copied; NULL: none */
    int64_t timeout_us;        /* of the whole transfer; 0: its owner watches it */
    size_t limit;              /* bytes of the answer that are held at one time */
    /* The body of a 2xx answer, as it comes. NULL: collect it for on_done. */
    void (*on_data)(void *arg, struct str data);
    void (*on_done)(void *arg, const struct http_result *result);
    void *arg;
};

struct http_client;
struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config);
/* Cancels all its transfers, silently. NULL is fine. */
void http_client_free(struct http_client *c);

struct http_transfer;
struct http_transfer *http_transfer_start(struct http_client *c,
                                          const struct http_transfer_config *config);
/* on_done is not called. NULL is fine. */
void http_transfer_cancel(struct http_transfer *t);

#endif
