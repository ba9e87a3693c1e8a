/* bolt_client: one connection to one Memgraph server, kept up by itself.
 *
 * It connects, shakes hands (5.2, 4.4, 4.3, 4.1), logs on, and then runs one query at a time. When
 * the connection breaks it reports down and connects again: after 0, 5, 20 ms, then doubling from
 * 50 ms to 1 s (each failed attempt is reported as down again). A query that outlives its time
 * limit ends the connection, as nothing else can end a query that the server still executes.
 *
 * Callbacks run from the loop, never inside a call of this header; in any of them the client may be
 * freed. The callback of a query runs exactly once, before on_down when the connection breaks. */
#ifndef IO_BOLT_CLIENT_H
#define IO_BOLT_CLIENT_H

#include "base/fail.h"
#include "io/loop.h"
#include "proto/memgraph.h"

struct tls_trust;

struct bolt_client_config {
    char host[64]; /* an IP address, v4 or v6 */
    unsigned port;
    const struct tls_trust *tls;   /* whom to believe; NULL: without TLS. It outlives the client */
    char tls_name[256];            /* for whom the certificate must be made out */
    char user[128], password[128]; /* empty user: no authentication */
    char user_agent[64];
    int64_t connect_timeout_us; /* connect, handshake and log-on together */
    size_t answer_limit;        /* bytes that one answer takes in memory; 0: 16 MiB */
};

struct bolt_answer {
    struct fail fail;                /* NONE: it succeeded, or the server said no (see error) */
    enum memgraph_error error;       /* what the server's FAILURE means; MEMGRAPH_OK without one */
    const char *message;             /* the server's words, or fail.text; never NULL */
    struct memgraph_rows rows;       /* of a success; borrowed during the call */
    char run_id[MEMGRAPH_UUID_SIZE]; /* of this process of the server; empty on failure */
    int64_t asked_us;                /* when the query was sent (loop's clock) */
};

typedef void bolt_done_fn(void *arg, const struct bolt_answer *answer);

struct bolt_client_events {
    void (*on_up)(void *arg);
    /* Not connected (any more): why. REFUSED for refused, reset and closed, TIMEOUT for silence,
     * DENIED for wrong credentials (the next attempt comes after 1 s then). */
    void (*on_down)(void *arg, const struct fail *why);
};

struct bolt_client;
struct bolt_client *bolt_client_new(struct loop *loop, const struct bolt_client_config *config,
                                    const struct bolt_client_events *events, void *arg);
/* Ends the connection and frees; a query's callback is not called any more. NULL is fine. */
void bolt_client_free(struct bolt_client *c);
bool bolt_client_up(const struct bolt_client *c);
bool bolt_client_busy(const struct bolt_client *c);
/* Forget the backoff and try to connect now (no effect when up or already trying). */
void bolt_client_retry_now(struct bolt_client *c);
/* -EBUSY: a query is under way. -ENOTCONN: not up. */
int bolt_client_query(struct bolt_client *c, const char *query, int64_t timeout_us,
                      bolt_done_fn *done, void *arg) MUST_CHECK;

#endif
