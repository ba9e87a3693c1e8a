/* kube_status: the Status bodies with which a simulated Kubernetes API server says no, and the
 * replies that carry them.
 *
 * Messages, reasons and codes are those of a real kube-apiserver 1.20 (captured exchanges); a
 * client decides by code and reason, people read the message. A reply owns its body: the caller
 * drops it with json_decref. A body that is a JSON string is meant as plain text. */
#ifndef MODELS_KUBE_STATUS_H
#define MODELS_KUBE_STATUS_H

#include "base/attrs.h"

#include <jansson.h>

struct kube_reply {
    unsigned status; /* HTTP */
    json_t *body;
};

/* What a Status is about: "pods", "leases.coordination.k8s.io" are made of plural and group. */
struct kube_subject {
    const char *plural, *group; /* group: empty for the core */
    const char *name;
};

struct kube_reply kube_status_not_found(const struct kube_subject *about);
struct kube_reply kube_status_already_exists(const struct kube_subject *about);
/* The object was modified since: why NULL gives the usual text. */
struct kube_reply kube_status_conflict(const struct kube_subject *about, const char *why);
/* 422: one field is wrong. */
struct kube_reply kube_status_invalid(const struct kube_subject *about, const char *field,
                                      const char *why);
/* Any other, without details. reason NULL: the Status has none. */
struct kube_reply kube_status_failure(unsigned status, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The Status that ends a watch which began too early. */
json_t *kube_status_expired(void);
/* What a delete of a thing that is gone at once answers. */
struct kube_reply kube_status_deleted(const struct kube_subject *about, const char *uid);
struct kube_reply kube_status_text(unsigned status, const char *text);

#endif
