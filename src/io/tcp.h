/* tcp: TCP connections and listeners on the control loop (libuv inside).
 *
 * Without delay (Nagle), with keep-alive. What is written and not taken by the system at once is
 * kept and sent later. A connection is its owner's until tcp_free or tcp_finish; callbacks run from
 * the loop, never inside a call of this header, and in any of them the connection may be ended.
 * The simulator has its own implementation of this header. */
#ifndef IO_TCP_H
#define IO_TCP_H

#include "base/fail.h"
#include "io/loop.h"

struct tcp;
struct tls_trust;

struct tcp_events {
    void (*on_connected)(void *arg); /* of tcp_connect only */
    void (*on_data)(void *arg, struct str bytes);
    /* The last call, once: it could not be connected, it broke, or the other side ended it in order
     * (kind NONE). The connection is still the owner's to free. */
    void (*on_closed)(void *arg, const struct fail *why);
};

/* host: an IP address, or a name that is resolved. Never NULL: what fails at once is told from the
 * loop, too. There is no time limit but the system's. */
struct tcp *tcp_connect(struct loop *loop, const char *host, unsigned port,
                        const struct tcp_events *events, void *arg);
/* Speaks TLS on it; right after tcp_connect. on_connected comes when the other side has proven to
 * be `name` (io/tls_stream.h). */
void tcp_secure(struct tcp *t, const struct tls_trust *trust, const char *name);
/* After on_connected, or after tcp_accept. The bytes are copied. */
void tcp_write(struct tcp *t, struct str bytes);
/* Ends it now; what was not sent yet is dropped. NULL is fine. */
void tcp_free(struct tcp *t);
/* As tcp_free, after what was written has been sent. */
void tcp_finish(struct tcp *t);

struct tcp_listener;
/* on_ready: a connection waits; take it with tcp_accept, then and there. host: an IP address. NULL:
 * *why says why. */
struct tcp_listener *tcp_listen(struct loop *loop, const char *host, unsigned port,
                                void (*on_ready)(void *arg), void *arg, struct fail *why);
/* NULL: it is gone again. */
struct tcp *tcp_accept(struct tcp_listener *l, const struct tcp_events *events, void *arg);
void tcp_listener_free(struct tcp_listener *l); /* NULL is fine */

#endif
