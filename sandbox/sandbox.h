/* sandbox: a whole cluster on loopback addresses: the API server, the pods, the controllers, and
 * the commands that trouble them.
 *
 * Addresses of net B: API server 127.B.0.1:6443, control 127.B.0.1:6444, pods 127.B.1.x,
 * controllers 127.B.2.i; with --netns pods and controllers have those of network.h. Sandboxes of
 * other nets never meet. Everything lives on one loop in one
 * thread. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "sandbox/api_server.h"
#include "sandbox/controllers.h"
#include "sandbox/pods.h"

enum { SANDBOX_ENV_MAX = POD_ENV_MAX, SANDBOX_API_PORT = 6443, SANDBOX_CONTROL_PORT = 6444 };

/* What the command line says. Texts live as long as argv. */
struct sandbox_config {
    bool demo, keep, client, restart_controllers, controllers_wait, no_backoff;
    bool ordered, init, prestop, netns;
    unsigned net, pods, controllers;
    const char *directory; /* NULL: a new one under /tmp */
    const char *statefulset, *app, *memgraph, *controller, *init_hook, *stop_hook, *ready_file;
    int64_t grace_s, restart_delay_us;
    const char *env[SANDBOX_ENV_MAX + 1]; /* for controllers */
    size_t env_count;
};

struct sandbox {
    struct sandbox_config config;
    struct loop *loop;
    char directory[256], token_file[300], api_url[64], control_url[64];
    struct kube_store *store;
    struct api_server_config api_config;
    struct api_server *api;     /* NULL: down */
    struct api_server *control; /* always up */
    struct network *network;    /* NULL: without --netns */
    char pod_addresses[32], controller_addresses[32], kubelet[40];
    struct pods_config pods_config;
    char controller_urls[512];
    struct pods *pods;
    struct controllers_config controllers_config;
    struct controllers *controllers;
    void (*on_stop)(void *arg); /* before anything is stopped; may be NULL */
    void *on_stop_arg;
    struct timer *stop_timer;
    int64_t stop_by_us; /* 0: not stopping */
    bool pods_told;     /* to stop */
};

/* False: *why. What was begun is undone by sandbox_done in any case. */
bool sandbox_start(struct sandbox *sb, const struct sandbox_config *config,
                   struct fail *why) MUST_CHECK;
/* Controllers first, then the pods, then the loop ends; after 5 s whatever still runs is killed. */
void sandbox_stop(struct sandbox *sb);
/* Ends what is left and removes the directory, unless it shall be kept. */
void sandbox_done(struct sandbox *sb);

bool sandbox_api_up(struct sandbox *sb, struct fail *why) MUST_CHECK;
/* Controllers and kubelets of the cluster do without it, too. */
void sandbox_api_down(struct sandbox *sb);
void sandbox_api_freeze(struct sandbox *sb, bool frozen);

/* The controller's record as a ConfigMap's data (borrowed until the next change); NULL: none yet.
 */
json_t *sandbox_record(const struct sandbox *sb);
/* "memgraph-0", or "main", "sync", "async" by the record. NULL: no such pod now. */
struct pod *sandbox_pod(const struct sandbox *sb, struct str name);
/* Everything that a test wants to know, as JSON for the caller. */
json_t *sandbox_state(const struct sandbox *sb);

#endif
