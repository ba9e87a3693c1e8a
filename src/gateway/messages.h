/* messages: what control and the workers send to each other through mailboxes. The sender
 * allocates, the reader frees. */
#ifndef GATEWAY_MESSAGES_H
#define GATEWAY_MESSAGES_H

#include "base/list.h"
#include "gateway/gateway.h"
#include "gateway/sock.h"

/* A route with its addresses made ready for connect. A slot is the number of an upstream for as
 * long as a session to it may live, whatever its place in the lists of these routes is. */
struct route {
    struct gateway_route given;
    struct sock_address address[GATEWAY_UPSTREAMS_MAX]; /* size 0: the text was no address */
    unsigned slot[GATEWAY_UPSTREAMS_MAX];
};

/* From control to a worker. */
enum order_kind { ORDER_FOLLOW, ORDER_RENEW_TLS, ORDER_STOP };
struct order {
    struct list node;
    enum order_kind kind;
    uint64_t change; /* FOLLOW: which call of gateway_set_route */
    struct route route;
    struct ssl_ctx_st *tls; /* RENEW_TLS: the reader's */
};

/* From a worker to control: one worker's part of a report. */
struct notice {
    struct list node;
    uint64_t change; /* IN_FORCE, DRAINED */
    int64_t at_us;   /* UPSTREAM_FAILED, EXHAUSTED */
    struct gateway_report report;
};

/* Lets one report of an upstream's failure through in 10 ms: when a main dies with 9,000 sessions,
 * control needs to hear it once. A zeroed one is ready. */
struct failure_gate {
    uint64_t generation;
    int64_t last_us[GATEWAY_UPSTREAMS_MAX]; /* 0: never */
};

static inline bool failure_gate_pass(struct failure_gate *g, uint64_t generation, unsigned upstream,
                                     int64_t now_us)
{
    enum { QUIET_US = 10 * 1000 };

    if (g->generation != generation)
        *g = (struct failure_gate){.generation = generation};
    if (g->last_us[upstream] && now_us - g->last_us[upstream] < QUIET_US)
        return false;
    g->last_us[upstream] = now_us;
    return true;
}

#endif
