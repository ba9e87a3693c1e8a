/* routes: the core's gate and list of readers as routes of the two gateways, and the gateways'
 * reports as facts. A route's generation changes, and cuts every session, when it leads to another
 * process or was closed with a cut. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include "app/controller.h"
#include "gateway/gateway.h"

/* NULL: a gateway could not listen; *why. */
struct routes *routes_new(struct controller *c, struct fail *why);
void routes_free(struct routes *r); /* cuts what is left; NULL is fine */
/* Follows the plan, and says in the view what is in force. */
void routes_follow(struct routes *r, const struct plan *plan);
/* NULL: that gateway is not enabled. */
struct gateway *routes_write_gateway(const struct routes *r);
struct gateway *routes_read_gateway(const struct routes *r);

#endif
