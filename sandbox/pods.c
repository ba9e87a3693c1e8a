#include "sandbox/pods.h"

#include "base/alloc.h"
#include "sandbox/console.h"
#include "sandbox/pod_object.h"

#include <signal.h>

enum { ADDRESSES = 254 };

struct pods {
    const struct pod_config *config;
    struct pod *pod[PODS_MAX];
    struct timer *timer;     /* reconcile in the next turn */
    char uid[KUBE_UID_SIZE]; /* of the StatefulSet */
    unsigned net, next_address;
    bool stopping;
};

static struct kube_key set_key(const struct pods *ps)
{
    return (struct kube_key){KUBE_STATEFULSETS, "default", ps->config->statefulset};
}

struct pod *pods_at(const struct pods *ps, unsigned ordinal)
{
    return ordinal < PODS_MAX ? ps->pod[ordinal] : NULL;
}

struct pod *pods_find(const struct pods *ps, struct str name)
{
    for (unsigned i = 0; i < PODS_MAX; i++)
        if (ps->pod[i] && str_eq(name, ps->pod[i]->name))
            return ps->pod[i];
    return NULL;
}

/* The next address that no pod has. */
static void address_next(struct pods *ps, char out[32])
{
    bool taken = true;

    while (taken) {
        (void)str_format(out, 32, "127.%u.1.%u", ps->net, 1 + ps->next_address++ % ADDRESSES);
        taken = false;
        for (unsigned i = 0; i < PODS_MAX; i++)
            taken = taken || (ps->pod[i] && strcmp(ps->pod[i]->ip, out) == 0);
    }
}

static unsigned replicas_wanted(const struct pods *ps)
{
    struct kube_key key = set_key(ps);
    json_int_t n = json_integer_value(json_object_get(
        json_object_get(kube_store_find(ps->config->store, &key), "spec"), "replicas"));

    return n < 0 ? 0 : n > PODS_MAX ? PODS_MAX : (unsigned)n;
}

/* Follows what happened to the pod's object. */
static void slot_follow(struct pods *ps, unsigned i, unsigned wanted)
{
    struct pod *pod = ps->pod[i];
    struct kube_key key = {KUBE_PODS, "default", pod->name};
    const struct kube_delete how = {.grace_s = -1};
    json_t *object = kube_store_find(ps->config->store, &key), *metadata;
    struct kube_meta meta;
    const json_t *grace;

    if (pod->phase == POD_GONE || !object || kube_read_meta(object, &meta).kind != FAIL_NONE ||
        strcmp(meta.uid, pod->uid) != 0) {
        if (pod->phase != POD_GONE)
            console_event(pod->name, "gone", CONSOLE_BAD, "was deleted by force");
        pod_free(pod);
        ps->pod[i] = NULL;
        return;
    }
    metadata = json_object_get(object, "metadata");
    grace = json_object_get(metadata, "deletionGracePeriodSeconds");
    if (json_object_get(metadata, "deletionTimestamp"))
        pod_terminate(pod, json_integer_value(grace));
    else if (i >= wanted)
        json_decref(kube_store_delete(ps->config->store, &key, &how).body);
}

static void slot_fill(struct pods *ps, unsigned i)
{
    char ip[32];
    struct fail why;

    address_next(ps, ip);
    ps->pod[i] = pod_new(ps->config, i, ip, ps->uid, &why);
    if (!ps->pod[i])
        console_event(ps->config->statefulset, "error", CONSOLE_BAD, "pod %u: %s", i, why.text);
}

static void set_status_write(struct pods *ps)
{
    struct kube_key key = set_key(ps);
    int there = 0, ready = 0;
    json_t *patch;

    for (unsigned i = 0; i < PODS_MAX; i++) {
        there += ps->pod[i] != NULL;
        ready += ps->pod[i] && ps->pod[i]->ready;
    }
    patch = json_pack("{s:{s:i, s:i}}", "status", "replicas", there, "readyReplicas", ready);
    json_decref(kube_store_patch(ps->config->store, &key, KUBE_PART_STATUS, patch).body);
    json_decref(patch);
}

static void reconcile(void *arg)
{
    struct pods *ps = arg;
    unsigned wanted = replicas_wanted(ps);

    if (ps->stopping)
        return;
    for (unsigned i = 0; i < PODS_MAX; i++) {
        if (ps->pod[i])
            slot_follow(ps, i, wanted);
        if (!ps->pod[i] && i < wanted)
            slot_fill(ps, i);
    }
    set_status_write(ps);
}

struct pods *pods_start(const struct pod_config *config, unsigned net, unsigned replicas)
{
    struct pods *ps = xcalloc(1, sizeof *ps);
    struct kube_key key;
    struct kube_reply reply;
    struct kube_meta meta = {0};
    json_t *object = pod_object_statefulset(config->statefulset, config->app, replicas);

    ps->config = config;
    ps->net = net;
    ps->timer = timer_new(config->loop, reconcile, ps);
    key = set_key(ps);
    reply = kube_store_create(config->store, &key, object);
    json_decref(object);
    (void)kube_read_meta(reply.body, &meta);
    json_decref(reply.body);
    (void)str_copy(ps->uid, sizeof ps->uid, meta.uid);
    reconcile(ps);
    return ps;
}

void pods_free(struct pods *ps)
{
    if (!ps)
        return;
    for (unsigned i = 0; i < PODS_MAX; i++)
        pod_free(ps->pod[i]);
    timer_free(ps->timer);
    free(ps);
}

void pods_wake(struct pods *ps)
{
    timer_start(ps->timer, 0);
}

void pods_scale(struct pods *ps, unsigned replicas)
{
    struct kube_key key = set_key(ps);
    json_t *patch = json_pack("{s:{s:i}}", "spec", "replicas", (int)replicas);

    json_decref(kube_store_patch(ps->config->store, &key, KUBE_PART_MAIN, patch).body);
    json_decref(patch);
}

void pods_stop_all(struct pods *ps)
{
    ps->stopping = true;
    for (unsigned i = 0; i < PODS_MAX; i++) {
        if (!ps->pod[i])
            continue;
        if (ps->pod[i]->frozen)
            (void)pod_kill(ps->pod[i]);
        (void)pod_stop(ps->pod[i]);
    }
}

bool pods_any_running(const struct pods *ps)
{
    for (unsigned i = 0; i < PODS_MAX; i++)
        if (ps->pod[i] && ps->pod[i]->process)
            return true;
    return false;
}
