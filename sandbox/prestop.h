/* prestop: the preStop hook of a pod, as its manifest would have it: asks the controllers whether
 * the pod may stop (POST /prestop-hook/<pod>), and waits for the answer.
 *
 * One controller after the other is tried until one answers, whatever that says: a hook that fails
 * does not keep Kubernetes from going on. How long to wait is the kubelet's affair. */
#ifndef SANDBOX_PRESTOP_H
#define SANDBOX_PRESTOP_H

#include "io/loop.h"

/* What all hooks share: an HTTP client, where the controllers are, who asks. */
struct prestops;
/* urls: such as "http://127.20.2.1:8080,http://127.20.2.2:8080"; user NULL: no HTTP Basic. */
struct prestops *prestops_new(struct loop *loop, const char *urls, const char *user,
                              const char *password);
/* After the hooks. NULL is fine. */
void prestops_free(struct prestops *ps);

struct prestop;
/* on_done is called once, from the loop; in it the hook may be freed. good: the answer was 200. */
struct prestop *prestop_start(struct prestops *ps, const char *pod,
                              void (*on_done)(void *arg, bool good, const char *text), void *arg);
void prestop_free(struct prestop *p); /* NULL is fine; nothing is told */

#endif
