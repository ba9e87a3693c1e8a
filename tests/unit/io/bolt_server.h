/* bolt_server: a scripted Bolt server on loopback, in the test's own loop.
 *
 * It answers a query by its text: "ROW" gives one row ["main"], "ROWS" a hundred, "FAIL AT RUN" and
 * "FAIL AT PULL" a FAILURE whose words are `words`, "SILENCE" nothing, "GARBAGE" bytes that are no
 * message, "STRAY" an answer too many, "CLOSE" the end of the connection, "RESET" its violent end.
 * Any other query is answered as "ROW", unless `reply` answers it. */
#ifndef TESTS_BOLT_SERVER_H
#define TESTS_BOLT_SERVER_H

#include "base/list.h"
#include "io/loop.h"
#include "proto/bolt.h"

#include <uv.h>

enum bolt_server_mood {
    BOLT_SERVER_SERVES,
    BOLT_SERVER_IS_SILENT,  /* from the handshake on */
    BOLT_SERVER_REFUSES,    /* the handshake, with a FAILURE, as Memgraph does */
    BOLT_SERVER_SPEAKS_TLS, /* answers the handshake with something else */
    BOLT_SERVER_HANGS_UP    /* after the handshake's request */
};

/* How to answer one query; everything is borrowed until it is answered. */
struct bolt_server_reply {
    const char *failure; /* the words of a FAILURE; NULL: a success */
    bool silent;         /* neither */
    const char *const *fields;
    size_t fields_n;
    const struct value *rows; /* fields_n values each */
    size_t rows_n;
    const char *run_id;
    const char *notification; /* its code, in the summary; NULL: none */
};

struct bolt_server {
    uv_tcp_t listener;
    struct list sessions;
    unsigned port;
    bool listening;

    enum bolt_server_mood mood;
    enum bolt_version version; /* the best that it speaks */
    const char *user, *password;
    const char *words;
    /* May be NULL; false: as above. */
    bool (*reply)(void *arg, const char *query, struct bolt_server_reply *out);
    void *arg;

    unsigned accepted; /* connections so far */
    char log[512];     /* names of the requests, of all connections, each followed by a space */
};

/* port 0: any. */
void bolt_server_start(struct bolt_server *s, struct loop *loop, unsigned port);
/* Ends listener and connections; then the port refuses. Run the loop once more to free them. */
void bolt_server_stop(struct bolt_server *s);

#endif
