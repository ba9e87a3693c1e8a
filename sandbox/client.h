/* client: one client of the cluster: it creates a node every 200 ms through the write gateway, as
 * fast as it can after a failure, and tells when its writes fail and how long it took until one was
 * acknowledged again. That gap is what a failover costs. */
#ifndef SANDBOX_CLIENT_H
#define SANDBOX_CLIENT_H

#include "sandbox/controllers.h"

struct client;
struct client *client_start(struct loop *loop, struct controllers *controllers);
void client_free(struct client *c); /* tells its totals; NULL is fine */

#endif
