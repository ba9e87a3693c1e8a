/* kube_validate: what a Kubernetes API server refuses before it stores an object: names, a Lease's
 * numbers and times, a ConfigMap's data, whom an Event is about.
 *
 * Source: captured answers of kube-apiserver 1.20. */
#ifndef MODELS_KUBE_VALIDATE_H
#define MODELS_KUBE_VALIDATE_H

#include "models/kube_store.h"

/* True: fine. False: *why holds the refusal, which the caller owns. */
bool kube_validate(const struct kube_key *key, const json_t *object,
                   struct kube_reply *why) MUST_CHECK;

#endif
