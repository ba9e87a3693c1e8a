/* client: a Bolt connection to a gateway, for the sub-commands that act as a client does. */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include "io/bolt_client.h"

/* Whom to connect to. What drivers write: HOST:PORT or bolt://HOST:PORT, bolt+s:// with TLS,
 * bolt+ssc:// with TLS and any certificate. */
struct client_target {
    const char *address;
    const char *user, *password; /* NULL or empty user: no authentication */
    const char *ca_path;         /* authorities for bolt+s (PEM); NULL: the system's */
};

struct client {
    struct bolt_client *bolt;
    struct tls_trust *trust; /* NULL: without TLS */
};

/* The name is looked up here, which waits. After a failure, too, client_close may be called. */
struct fail client_open(struct client *c, struct loop *loop, const struct client_target *target,
                        const struct bolt_client_events *events, void *arg) MUST_CHECK;
void client_close(struct client *c); /* a zeroed one is fine */

#endif
