/* kube_bed: a cluster model with a host that writes down what it is asked, driven by virtual time;
 * what the tests of the model share. */
#ifndef TESTS_MODELS_KUBE_BED_H
#define TESTS_MODELS_KUBE_BED_H

#include "models/kube_cluster.h"

#include "../cmocka_test.h"

enum { BED_PODS = KUBE_CLUSTER_PODS_MAX, LOG_SIZE = 8192, LIVES_MAX = 64 };

#define SECOND ((int64_t)1000000)

/* A process of the host: init container or server. */
struct life {
    uint64_t id;
    unsigned ordinal;
    bool runs, init;
};

struct bed {
    struct kube_store *store;
    struct kube_cluster *cluster;
    int64_t now_us;
    uint64_t seen;      /* version of the store that is in `changes` */
    char log[LOG_SIZE]; /* what the host was asked, and when: "12.5 start 0\n" */
    char changes[LOG_SIZE];
    const char *watched; /* the pod whose changes are written there; NULL: none */
    struct life lives[LIVES_MAX];
    size_t lives_n;
    bool unready[BED_PODS];  /* answers no */
    bool silent[BED_PODS];   /* answers nothing */
    bool stubborn[BED_PODS]; /* ignores SIGTERM */
    bool slow_hook;          /* the preStop hook is reported by the test */
    bool slow_init;          /* the init container's end is reported by the test */
    int init_code;
};

/* cmocka's set-up and tear-down: a store, no cluster yet. */
int bed_set_up(void **state);
int bed_tear_down(void **state);
/* Makes the cluster; config NULL: three pods, started at once, with round numbers. With an init
 * container; with a preStop hook. */
void bed_begin(struct bed *f, struct kube_cluster_config *config, bool init, bool hook);
/* And until all three are Ready. */
void bed_begin_ready(struct bed *f, bool init, bool hook);
void bed_run(struct bed *f, int64_t us);
void bed_log_clear(struct bed *f);
/* The log since the last look is this. */
void bed_expect_log(struct bed *f, const char *wanted);
/* A process ends. */
void bed_life_end(struct bed *f, uint64_t id, int code);
/* The HTTP status of an answer that is of no more interest. */
unsigned bed_status(struct kube_reply reply);
json_t *bed_object(const struct bed *f, enum kube_resource resource, const char *name);
bool bed_object_ready(const struct bed *f, const char *name);
/* object[a][b]; empty: there is none. */
const char *bed_text(const json_t *object, const char *a, const char *b);
/* Adds one line about a pod's change: the type and what clients decide by. */
void bed_describe(char out[LOG_SIZE], const char *type, json_t *object);

#endif
