/* poke: idle TCP connections to a replica's replication port, and a few zero bytes on them.
 *
 * A promotion takes 200 ms because the replication server's threads sleep that long in epoll_wait
 * at its end; bytes that arrive wake them (live facts 2.4). Never more than 3 bytes in all on one
 * connection, so that no RPC header is ever complete. */
#ifndef IO_POKE_H
#define IO_POKE_H

#include "io/loop.h"

struct poke;

/* Opens `count` connections and keeps them up (reconnects with backoff while nobody listens). */
struct poke *poke_new(struct loop *loop, const char *host, unsigned port, unsigned count);
void poke_free(struct poke *p); /* NULL is fine */
/* Connect now: the server has just begun to listen (after a demotion). */
void poke_connect(struct poke *p);
/* A promotion was sent now: 0.3, 1 and 3 ms later one zero byte on each connection of the first
 * half, after 8, 25 and 80 ms on each of the rest. */
void poke_fire(struct poke *p);
/* The promotion was answered: no more bytes. */
void poke_stop(struct poke *p);
unsigned poke_connected(const struct poke *p);

#endif
