/* client: a Bolt connection to a gateway named HOST:PORT, for the sub-commands that act as a
 * client does. */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include "io/bolt_client.h"

/* The name is looked up here, which waits. user: NULL or empty for no authentication. */
struct fail client_open(struct loop *loop, const char *address, const char *user,
                        const char *password, const struct bolt_client_events *events, void *arg,
                        struct bolt_client **out) MUST_CHECK;

#endif
