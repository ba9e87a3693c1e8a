/* peer: one side of a session: its socket, and what the kernel has last told of it.
 *
 * Peers are watched edge-triggered: a flag is set by an event, and falls only when a call has shown
 * that it is no longer true. So nothing is ever asked of epoll while bytes flow, and a side that
 * may not be read (a hold) loses no event. A client may speak TLS with us; its bytes then go
 * through OpenSSL, and everybody else may know nothing of it. */
#ifndef GATEWAY_PEER_H
#define GATEWAY_PEER_H

#include "base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What epoll points at. */
struct source {
    void (*on_events)(struct source *source, uint32_t events);
};

struct ssl_st;

struct peer {
    struct source source;
    struct ssl_st *tls; /* owned; NULL: plain */
    int fd;             /* owned; -1: none */
    bool readable, writable;
    bool ending; /* a FIN or an error was announced: only a read itself tells when it comes */
};

/* Takes what epoll says into the flags. */
void peer_note(struct peer *p, uint32_t events);
/* How many bytes came or went; of receive 0 is the orderly end; or -errno. Nothing now is -EAGAIN,
 * and then the flag has fallen. */
ssize_t peer_receive(struct peer *p, void *bytes, size_t size) MUST_CHECK;
ssize_t peer_send(struct peer *p, const void *bytes, size_t n) MUST_CHECK;
/* Tells the other side that no more comes. False: not now, the socket takes no more. */
bool peer_end(struct peer *p) MUST_CHECK;
/* Closes what there is. */
void peer_close(struct peer *p);

#endif
