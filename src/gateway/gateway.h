/* gateway: one raw TCP gateway: a listening address, worker threads, and the route they follow.
 *
 * Source: the project's docs/gateway.md. Not a byte of the protocol is looked at. Workers and
 * control share nothing: routes go down through a mailbox, reports and counters come up. All calls
 * of this header are made from the control thread. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/fail.h"
#include "gateway/network.h"

#include <stdint.h>

enum { GATEWAY_UPSTREAMS_MAX = 16, GATEWAY_BUCKETS = 12 };

struct gateway_config {
    char bind_host[64]; /* IP address */
    unsigned bind_port; /* 0: any; see gateway_port */
    unsigned workers;
    unsigned max_connections;   /* sessions and parked clients over all workers, exact */
    unsigned max_parked;        /* of them parked, exact too; 0: no limit of its own */
    size_t buffer_size;         /* GATEWAY_BUFFER_SIZE: bound of what one direction may hold */
    int64_t hold_timeout_ms;    /* how long a client is parked or held; 0: refuse at once */
    int64_t hold_margin_ms;     /* sessions are held so much longer: control ends a hold first */
    int64_t hold_drain_ms;      /* HOLD_DRAIN: answers still flow this long after a hold began */
    int64_t connect_timeout_ms; /* to the upstream */
    int64_t session_timeout_ms; /* accept to the first byte exchanged with the upstream */
    int64_t idle_timeout_ms;    /* 0: never */
    int64_t user_timeout_ms;    /* TCP_USER_TIMEOUT; 0: the system's */
    int64_t stall_limit_ms;     /* a worker that stood still for longer cuts its sessions before it
                                   passes another byte, and parks who comes until a route is
                                   given after its report; 0: never */
    char congestion[64];        /* the first of these congestion controls that is to be had; */
                                /* empty, or none of them: the system's */
    int64_t rate_per_s;         /* new clients of one address (IPv6: /64); 0: no limit */
    int64_t rate_burst;         /* so many at once */
    struct networks proxy_from; /* clients from here begin with a PROXY header */
    char tls_cert_path[512];    /* PEM files; both empty: TLS is not ended here */
    char tls_key_path[512];
    bool tell_sessions; /* a report GATEWAY_SESSION_OVER for each client */
};

enum gateway_route_kind {
    GATEWAY_FORWARD, /* to the upstreams, in the order given */
    GATEWAY_PARK,    /* new clients wait for the next route, at most hold_timeout_ms */
    GATEWAY_REFUSE   /* new clients are reset */
};

/* Which upstream a new client is given first; the others follow when it does not take it. */
enum gateway_balance {
    GATEWAY_ORDINAL,          /* the first of the list */
    GATEWAY_ROUND_ROBIN,      /* one after the other, over all workers */
    GATEWAY_LEAST_CONNECTIONS /* the one with the fewest clients, over all workers */
};

/* What the gateway shall do from now on; a value, copied. A new generation cuts (resets) every
 * session of an older one. Within a generation sessions stay, but those whose upstream is no longer
 * in the list when the route is `exact`. `hold` keeps the sessions of the same generation, stops
 * reading from their clients, and hold_drain_ms later from their upstreams too; new clients are
 * parked. It ends with a route of the same generation without hold, with a newer generation, or,
 * after hold_timeout_ms + hold_margin_ms, by cutting the sessions. */
struct gateway_route {
    uint64_t generation; /* never falls */
    enum gateway_route_kind kind;
    bool hold;
    bool exact;
    enum gateway_balance balance;
    unsigned upstreams;
    struct {
        char host[64]; /* IP address */
        unsigned port;
        uint64_t process; /* another number: another process, even at the same address */
    } upstream[GATEWAY_UPSTREAMS_MAX];
};

/* Reports, taken with gateway_next_report. */
enum gateway_report_kind {
    GATEWAY_IN_FORCE, /* every worker follows this (generation, hold): first stage of a hold */
    GATEWAY_DRAINED,  /* every worker has stopped reading from the upstreams, too */
    GATEWAY_UPSTREAM_FAILED, /* an upstream refused, reset or did not answer the connect */
    GATEWAY_FIRST_BYTE,  /* first from an upstream to a client in a generation, or after a hold */
    GATEWAY_STALLED,     /* a worker stood still: it waits for a route, be it the same */
    GATEWAY_EXHAUSTED,   /* no descriptors or memory for a client; at most once a minute */
    GATEWAY_SESSION_OVER /* a client is gone, with tell_sessions */
};
struct gateway_report {
    enum gateway_report_kind kind;
    uint64_t generation;
    bool hold;         /* IN_FORCE */
    unsigned upstream; /* UPSTREAM_FAILED: index in the route */
    bool deserted;     /* UPSTREAM_FAILED: nobody listens at its address (ECONNREFUSED) */
    struct fail why;   /* UPSTREAM_FAILED, EXHAUSTED, SESSION_OVER */
    uint32_t cut;      /* IN_FORCE: sessions that the change cut */
};

/* Reasons are X(NAME, label). */
#define GATEWAY_REFUSALS(X)                                                                        \
    X(LIMIT, "limit")               /* max_connections */                                          \
    X(PARKED, "parked_limit")       /* max_parked */                                               \
    X(RATE, "rate")                 /* rate_per_s */                                               \
    X(PROXY, "proxy_header")        /* a malformed one */                                          \
    X(TLS, "tls")                   /* the client does not speak TLS as we do */                   \
    X(NO_ROUTE, "no_route")         /* GATEWAY_REFUSE */                                           \
    X(HOLD_TIMEOUT, "hold_timeout") /* parked too long */                                          \
    X(UPSTREAM, "upstream")         /* no upstream took the connection */                          \
    X(TIMEOUT, "timeout")           /* session_timeout_ms */                                       \
    X(STOPPING, "stopping")
#define GATEWAY_CUTS(X)                                                                            \
    X(ROUTE, "route")               /* a new generation, or the upstream left the list */          \
    X(HOLD_TIMEOUT, "hold_timeout") /* held too long */                                            \
    X(IDLE, "idle")                                                                                \
    X(STALLED, "stalled") /* stall_limit_ms */                                                     \
    X(STOPPING, "stopping")
enum gateway_refusal {
#define X(name, label) GATEWAY_REFUSED_##name,
    GATEWAY_REFUSALS(X)
#undef X
        GATEWAY_REFUSAL_COUNT
};
enum gateway_cut {
#define X(name, label) GATEWAY_CUT_##name,
    GATEWAY_CUTS(X)
#undef X
        GATEWAY_CUT_COUNT
};
const char *gateway_refusal_name(enum gateway_refusal r);
const char *gateway_cut_name(enum gateway_cut c);

/* A cumulative histogram; bound of bucket i in gateway_bucket_seconds[i], the last is +Inf. */
struct gateway_histogram {
    uint64_t bucket[GATEWAY_BUCKETS]; /* not cumulated: how many fell into this one */
    uint64_t count;
    double sum_seconds;
};
extern const double gateway_bucket_seconds[GATEWAY_BUCKETS];

struct gateway_counters {
    uint64_t sessions_active; /* connected to an upstream */
    uint64_t parked;          /* clients that wait for a route */
    uint64_t sessions_total, accepted_total;
    uint64_t refused[GATEWAY_REFUSAL_COUNT];
    uint64_t cut[GATEWAY_CUT_COUNT];
    uint64_t bytes_up, bytes_down; /* client to upstream, upstream to client */
    uint64_t upstream_errors;
    struct gateway_histogram parked_time, connect_time;
};

struct gateway;
/* Listens and starts the workers, parking until the first route. NULL: *why. */
struct gateway *gateway_start(const struct gateway_config *config, struct fail *why);
unsigned gateway_port(const struct gateway *g);
void gateway_set_route(struct gateway *g, const struct gateway_route *route);
/* Readable when there are reports. */
int gateway_fd(const struct gateway *g);
bool gateway_next_report(struct gateway *g, struct gateway_report *out);
enum gateway_renewal { GATEWAY_TLS_UNCHANGED, GATEWAY_TLS_RENEWED, GATEWAY_TLS_BAD };
/* Looks whether the certificate's files have changed, and takes the new ones for new clients. BAD,
 * said once for each change: *why, and the old certificate stays. */
enum gateway_renewal gateway_renew_tls(struct gateway *g, struct fail *why);
/* A consistent enough sum over the workers, without stopping them. */
void gateway_read_counters(const struct gateway *g, struct gateway_counters *out);
/* Stops listening, cuts every session, joins the workers. NULL is fine. */
void gateway_stop(struct gateway *g);

#endif
