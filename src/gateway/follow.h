/* follow: how a worker follows its route: a change of it, and the stages of a hold. */
#ifndef GATEWAY_FOLLOW_H
#define GATEWAY_FOLLOW_H

#include "gateway/worker.h"

void follow_init(struct worker *w);
/* Takes the new route, cuts and releases what it says, and reports IN_FORCE. */
void follow_route(struct worker *w, uint64_t change, const struct route *route);
/* Reports DRAINED when a hold has come so far. Called once a turn. */
void follow_check_drained(struct worker *w);
/* We stood still, and have missed what control would have told us: cuts, reports STALLED, and parks
 * who comes until a route is given that is younger than this. */
void follow_stall(struct worker *w);
/* Cuts every session that has, or waits for, an upstream. Returns how many. */
uint32_t follow_cut(struct worker *w, enum gateway_cut why);

#endif
