/* kube_transport: what the requests and the watches of a Kubernetes client share: its server, its
 * token, its connections. For kube_client.c and kube_watch.c only. */
#ifndef IO_KUBE_TRANSPORT_H
#define IO_KUBE_TRANSPORT_H

#include "base/list.h"
#include "io/http_client.h"
#include "io/kube_client.h"
#include "io/kube_token.h"

enum { KUBE_ANSWER_LIMIT = 8 * 1024 * 1024 };

struct kube_client {
    struct loop *loop;
    struct kube_config config;
    struct http_client *http;
    struct kube_token token;
    struct list requests, watches; /* all, to end them with the client */
};

/* Starts a transfer to `path` of the server, with the token; config's url and authorization are
 * set here. */
struct http_transfer *kube_transport_start(struct kube_client *k, const char *path,
                                           struct http_transfer_config *config);

/* What an answer means: its body as JSON (*body, a new reference or NULL), and the judgement. */
struct fail kube_transport_judge(struct kube_client *k, const struct http_result *result,
                                 json_t **body);

/* The watch that has this node in k->watches. */
void kube_watch_end(struct list *node);

#endif
