/* prestop: POST /prestop-hook/<pod>: a pod is about to stop, and waits until it may.
 *
 * Source: docs/decisions.md, "Planned restarts". The answer comes as soon as the core says that the
 * pod may stop without harm, or after PRESTOP_TIMEOUT_SECONDS with the reason why not; the kubelet
 * then stops the pod either way. Deleting a pod makes Kubernetes call it terminating, and the
 * leader does what that asks for. When only the container is restarted (a liveness probe) nothing
 * tells: a second after the call the pod's stopping is asked for through the record. */
#ifndef APP_PRESTOP_H
#define APP_PRESTOP_H

#include "app/controller.h"
#include "io/http_server.h"

#define PRESTOP_PREFIX "/prestop-hook/"

struct prestop;
struct prestop *prestop_new(struct controller *c);
/* Those who wait are given up, unanswered. NULL is fine. */
void prestop_free(struct prestop *p);
/* Answers a request whose path begins with PRESTOP_PREFIX, now or later. */
void prestop_answer(struct prestop *p, struct http_request *r);
/* Something has changed: who may stop now? At every step of the controller. */
void prestop_follow(struct prestop *p);

#endif
