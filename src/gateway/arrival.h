/* arrival: what a client must bring along before it is anybody's session: a PROXY header when it
 * comes from a load balancer, a token of the rate limit, and a TLS handshake when TLS ends here. */
#ifndef GATEWAY_ARRIVAL_H
#define GATEWAY_ARRIVAL_H

#include "gateway/session.h"

/* Goes on with an ARRIVING session as far as its bytes allow. The session may have ended when it
 * returns. */
void arrival_run(struct session *s);

#endif
