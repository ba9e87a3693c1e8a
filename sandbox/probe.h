/* probe: one try whether a TCP port takes connections, as a kubelet's readiness probe makes it.
 *
 * on_done is called once, from the loop; in it the probe may be freed. How long to wait is the
 * owner's affair: a probe that is freed is given up. */
#ifndef SANDBOX_PROBE_H
#define SANDBOX_PROBE_H

#include "io/loop.h"

struct probe;
/* source: the address to come from; NULL: the system's choice. NULL: it failed at once. */
struct probe *probe_start(struct loop *loop, const char *source, const char *ip, unsigned port,
                          void (*on_done)(void *arg, bool good), void *arg);
void probe_free(struct probe *p); /* NULL is fine */

#endif
