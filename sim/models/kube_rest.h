/* kube_rest: the HTTP interface of a Kubernetes API server over a kube_store, without the HTTP:
 * method, path, parameters and body in, a reply or a watch out.
 *
 * Source: Kubernetes API reference and captured exchanges of kube-apiserver 1.20. What it knows:
 * pods, configmaps, events, leases, statefulsets; list, watch, get, POST, PUT, merge patch, DELETE;
 * /status of pods and stateful sets; /version, /readyz, /livez, /healthz. Lists ignore limit (a
 * server may give all at once). Who asks is the caller's business. */
#ifndef MODELS_KUBE_REST_H
#define MODELS_KUBE_REST_H

#include "models/kube_watcher.h"

struct kube_rest_request {
    const char *method, *path; /* the path unescaped and without its query */
    const char *content_type;  /* NULL: none was sent */
    struct str body;
    const char *(*param)(void *arg, const char *name); /* unescaped; NULL: not there */
    void *arg;
};

struct kube_rest_answer {
    struct kube_reply reply;    /* unless it is a watch */
    struct kube_watcher *watch; /* the caller's from here; NULL: no watch */
    int64_t timeout_s;          /* of the watch */
    bool bookmarks;             /* the watch wants them */
};

struct kube_rest_answer kube_rest_serve(struct kube_store *store,
                                        const struct kube_rest_request *request);
/* What a wrong token gets, and what a missing one gets. */
struct kube_reply kube_rest_unauthorized(void);
struct kube_reply kube_rest_forbidden(const char *path);
/* What a body over the limit gets. */
struct kube_reply kube_rest_too_large(size_t limit);

#endif
