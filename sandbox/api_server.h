/* api_server: the simulated Kubernetes API server on a real socket: libmicrohttpd on the control
 * loop, in front of a kube_store. The same server without a store is the sandbox's control address,
 * which takes commands under /sandbox/ and stays up when the API server is taken down.
 *
 * The store must outlive the server. One thread. */
#ifndef SANDBOX_API_SERVER_H
#define SANDBOX_API_SERVER_H

#include "base/fail.h"
#include "io/loop.h"
#include "models/kube_rest.h"

struct api_server_config {
    struct loop *loop;
    char host[64];
    unsigned port;
    struct kube_store *store; /* NULL: a control address */
    char token[80];           /* of every client */
    /* A control address's POST /sandbox/NAME?args=ARGS and GET /sandbox/NAME: gives the body of the
     * answer, which is taken over; NULL: no such path. */
    json_t *(*on_control)(void *arg, const char *method, const char *name, const char *args);
    void *arg;
};

struct api_server;
/* NULL: *why says why (the port is taken). */
struct api_server *api_server_start(const struct api_server_config *config, struct fail *why);
/* Closes the listening socket and every connection, in the middle of whatever they carry. NULL is
 * fine. */
void api_server_stop(struct api_server *s);
/* The store has changed: watches look for news in the next turn of the loop. */
void api_server_wake(struct api_server *s);
/* Every request waits this long before it is served. 0: no more. */
void api_server_set_delay(struct api_server *s, int64_t delay_us);
/* Frozen: connections stay open, new ones are taken by the kernel, nothing is answered. */
void api_server_freeze(struct api_server *s, bool frozen);

#endif
