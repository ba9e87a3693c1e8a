/* choose: which upstream of a route a client is offered next. */
#ifndef GATEWAY_CHOOSE_H
#define GATEWAY_CHOOSE_H

#include "gateway/messages.h"
#include "gateway/shared.h"

/* tried: a bit for each upstream that did not take the client; 0: it has just come. -1: none is
 * left. */
int choose_upstream(const struct route *route, struct shared *shared, unsigned tried) MUST_CHECK;

#endif
