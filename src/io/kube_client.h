/* kube_client: requests to the Kubernetes API server, and lists that are kept up to date by a
 * watch.
 *
 * libcurl (multi, socket interface) on the loop. The bearer token is read again when its file
 * changes. Callbacks run from the loop, never inside a call of this header; in any of them requests
 * may be started and cancelled, and watches stopped. */
#ifndef IO_KUBE_CLIENT_H
#define IO_KUBE_CLIENT_H

#include "base/fail.h"
#include "io/loop.h"
#include "proto/kube.h"

struct kube_config {
    char api_url[512];    /* https://host:port, no path */
    char token_file[512]; /* empty: no authentication */
    char ca_file[512];    /* empty: the system's */
    char user_agent[64];
    int64_t timeout_us;       /* of one request */
    int64_t watch_timeout_us; /* a watch ends by itself after this (timeoutSeconds), is silent no
                                 longer than this and a margin */
};

/* In-cluster defaults from KUBERNETES_SERVICE_HOST/PORT and the ServiceAccount's files, overridden
 * by the non-empty members that are set already. False: neither there; *why says what to set. */
bool kube_config_complete(struct kube_config *config, struct fail *why) MUST_CHECK;

struct kube_client;
struct kube_client *kube_client_new(struct loop *loop, const struct kube_config *config);
/* Cancels everything that is under way, silently: its requests and watches are dead then. NULL is
 * fine. */
void kube_client_free(struct kube_client *k);

struct kube_answer {
    struct fail fail; /* CONFLICT (409), GONE (404, 410), DENIED (401, 403), REFUSED (other 4xx),
                         UNREACHABLE, TIMEOUT, BUSY (429, 5xx), PROTOCOL */
    long status;      /* HTTP; 0 when there was no answer */
    json_t *body;     /* borrowed during the call; NULL when there is none */
};
typedef void kube_done_fn(void *arg, const struct kube_answer *answer);

struct kube_request;
/* path: /api/v1/namespaces/... with its query. body: borrowed, may be NULL. content_type NULL:
 * application/json. done may be NULL (fire and forget). */
struct kube_request *kube_client_send(struct kube_client *k, const char *method, const char *path,
                                      const char *content_type, json_t *body, kube_done_fn *done,
                                      void *arg);
void kube_request_cancel(struct kube_request *r); /* NULL is fine; done is not called */

/* A list and the watch that follows it: list, watch from the list's resourceVersion with bookmarks,
 * watch again after its time, list again on 410, on an error, on a broken or silent stream (with
 * backoff 100 ms to 10 s). on_event is called for ADDED, MODIFIED and DELETED. */
struct kube_watch_events {
    /* A fresh list: what is not in it is gone. */
    void (*on_list)(void *arg, json_t *items);
    void (*on_event)(void *arg, enum kube_event_type type, json_t *object);
    /* The list or the stream failed (it goes on trying); NONE when it works again. */
    void (*on_state)(void *arg, const struct fail *why);
};
struct kube_watch;
/* path: /api/v1/namespaces/x/pods, selector: labelSelector=... (already escaped) or "". */
struct kube_watch *kube_watch_start(struct kube_client *k, const char *path, const char *selector,
                                    const struct kube_watch_events *events, void *arg);
void kube_watch_stop(struct kube_watch *w); /* NULL is fine */
/* Last time that this list was known to be true: a list, an event, a bookmark, a stream's regular
 * end. 0: never. */
int64_t kube_watch_fresh_us(const struct kube_watch *w);

#endif
