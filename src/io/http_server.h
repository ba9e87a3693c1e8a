/* http_server: a small HTTP/1.1 server on the control loop (libmicrohttpd inside).
 *
 * The handler gets a complete request (bodies up to body_limit; more is answered 413 here) and
 * answers it now or later with http_reply, exactly once. A request whose client went away is
 * answered all the same, into the void. */
#ifndef IO_HTTP_SERVER_H
#define IO_HTTP_SERVER_H

#include "base/fail.h"
#include "io/loop.h"

struct http_request;
typedef void http_handler_fn(void *arg, struct http_request *request);

struct http_server;
/* NULL: *why says why (port taken ...). host: an IP address. port 0: any; see http_server_port. */
struct http_server *http_server_start(struct loop *loop, const char *host, unsigned port,
                                      size_t body_limit, http_handler_fn *handler, void *arg,
                                      struct fail *why);
unsigned http_server_port(const struct http_server *s);
/* Unanswered requests are dropped. NULL is fine. */
void http_server_stop(struct http_server *s);

/* Borrowed until the reply. */
const char *http_request_method(const struct http_request *r);
const char *http_request_path(const struct http_request *r);
struct str http_request_body(const struct http_request *r);
/* NULL when the header (case-insensitive) or the query parameter is not there. */
const char *http_request_header(const struct http_request *r, const char *name);
const char *http_request_param(const struct http_request *r, const char *name);

/* Answers and ends the request. The body is copied. */
void http_reply(struct http_request *r, unsigned status, const char *content_type, struct str body);
/* Before http_reply: one more response header. */
void http_reply_header(struct http_request *r, const char *name, const char *value);

/* A reply that goes on: parts are sent as they come, until http_stream_end or until the client goes
 * away, whichever is first. The stream belongs to the server; it is valid until http_stream_end
 * returns or `closed` is called (once, never from inside a call of this header but
 * http_server_stop). A client that is gone is noticed by the next part, or after it. */
enum { HTTP_STREAMS_MOST = 16 };
struct http_stream;
typedef void http_stream_closed_fn(void *arg);
/* In place of http_reply. NULL: there are HTTP_STREAMS_MOST already; the request is answered 503.
 */
struct http_stream *http_reply_stream(struct http_request *r, const char *content_type,
                                      http_stream_closed_fn *closed, void *arg);
/* The part (up to 4 MiB) is copied. False: the client has not taken the one before yet, this one is
 * not sent. */
bool http_stream_send(struct http_stream *s, struct str part);
/* No more parts, and no more `closed`; what is on its way is still sent. */
void http_stream_end(struct http_stream *s);

#endif
