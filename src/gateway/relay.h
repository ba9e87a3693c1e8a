/* relay: a session that has its upstream: both pumps, and what becomes of it when one side ends or
 * fails. */
#ifndef GATEWAY_RELAY_H
#define GATEWAY_RELAY_H

#include "gateway/session.h"

/* Moves the bytes that may be moved now. The session may have ended when it returns. */
void relay_run(struct session *s);
/* The upstream broke, with a positive errno: reports it, and resets the client. After the
 * upstream's orderly end it is no failure: the client still gets what was on its way. */
void relay_upstream_failed(struct session *s, int err);

#endif
