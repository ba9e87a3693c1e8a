/* pump: one direction of a session: bytes from one peer to the other.
 *
 * Peers are watched edge-triggered: the flags of a peer say what the kernel last told, and a pump
 * clears a flag only when a call has shown that it is no longer true. So nothing is ever asked of
 * epoll while bytes flow, and a pump that may not read (a hold) loses no event.
 *
 * Bytes go through the scratch buffer of the worker. What cannot be sent at once moves into memory
 * of the pump (never more than the scratch buffer's size), and until that is sent nothing more is
 * read: back-pressure. The memory is freed when the last byte of it is sent, so an idle session
 * owns none. When the source ends and all is sent, the end is passed on (half-close). */
#ifndef GATEWAY_PUMP_H
#define GATEWAY_PUMP_H

#include "base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What epoll points at. */
struct source {
    void (*on_events)(struct source *source, uint32_t events);
};

struct peer {
    struct source source;
    int fd; /* -1: none */
    bool readable, writable;
    bool ending; /* a FIN or an error was announced: only read() itself tells when it comes */
};

struct pump {
    struct peer *from, *to;
    uint8_t *rest; /* read, not yet sent: bytes from rest_at to rest_end; NULL: none */
    size_t rest_at, rest_end;
    bool ended;  /* the source has ended */
    bool closed; /* and the sink was told so */
};

struct pump_scratch {
    uint8_t *p;
    size_t size;
};

enum pump_outcome {
    PUMP_WAITS,       /* for the kernel, or for the permission to read */
    PUMP_HAS_MORE,    /* it had its share of this turn; run it again in the next one */
    PUMP_FROM_FAILED, /* the source is broken, see err */
    PUMP_TO_FAILED    /* the sink is */
};

struct pump_result {
    enum pump_outcome outcome;
    int err;      /* positive errno */
    size_t moved; /* bytes sent */
};

void pump_init(struct pump *p, struct peer *from, struct peer *to);
/* Frees what it holds; closes no descriptor. */
void pump_done(struct pump *p);
/* Moves what can be moved now. Without may_read it only sends what it had read before. */
struct pump_result pump_run(struct pump *p, const struct pump_scratch *scratch, bool may_read);
/* The sink takes no more: what was not sent is thrown away, and the direction is closed. */
void pump_abandon(struct pump *p);

#endif
