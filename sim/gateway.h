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
/* A process goes on that was frozen for so long: its gateways notice, before anything else. */
void gateway_sim_stalled(const struct loop *process, int64_t frozen_us);
void gateway_sim_each(void (*fn)(void *arg, const struct gateway_sim_view *view), void *arg);

#endif
