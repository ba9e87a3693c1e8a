/* probe: asks again and again whether a TCP port takes connections, as a kubelet's readiness probe
 * does: every 50 ms until it does, every second from then on; two failures in a row mean no.
 *
 * Freed by its owner at any time, also in the callback, which runs from the loop. */
#ifndef SANDBOX_PROBE_H
#define SANDBOX_PROBE_H

#include "io/loop.h"

struct probe;
struct probe *probe_start(struct loop *loop, const char *ip, unsigned port,
                          void (*on_change)(void *arg, bool ready), void *arg);
void probe_free(struct probe *p); /* NULL is fine */

#endif
