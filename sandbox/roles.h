/* roles: asks each pod for its replication role, four times a second, and tells when it changes.
 * For people who watch the demo: it is what the servers say themselves, not what the controller
 * thinks of them. */
#ifndef SANDBOX_ROLES_H
#define SANDBOX_ROLES_H

#include "sandbox/pods.h"

struct roles;
struct roles *roles_start(struct loop *loop, const struct pods *pods);
void roles_free(struct roles *r); /* NULL is fine */

#endif
