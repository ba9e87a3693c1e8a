/* gateway: looking inside the simulated gateways, for checkers. */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include "gateway/gateway.h"
#include "io/loop.h"

struct gateway_sim_view {
    struct loop *process;
    unsigned port;
    const struct gateway_route *route; /* in force */
    bool settled;                      /* no other one was ordered since */
    unsigned cuts;                     /* so often it cut sessions, since its start */
};
void gateway_sim_each(void (*fn)(void *arg, const struct gateway_sim_view *view), void *arg);

#endif
