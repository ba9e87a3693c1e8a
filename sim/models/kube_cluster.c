#include "models/kube_cluster_impl.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { ADDRESSES = 254, TELL_SIZE = 200 };

void kube_cluster_config_init(struct kube_cluster_config *config)
{
    const int64_t second = 1000000;

    *config = (struct kube_cluster_config){.replicas = 3,
                                           .address = KUBE_CLUSTER_ADDRESS_FRESH,
                                           .grace_s = 30,
                                           .notice_us = second / 100,
                                           .start_us = 1 * second,
                                           .restart_us = 1 * second,
                                           .backoff_us = 10 * second,
                                           .backoff_max_us = 300 * second,
                                           .backoff_over_us = 600 * second,
                                           .probe_unready_us = 5 * second,
                                           .probe_ready_us = 5 * second,
                                           .probe_timeout_us = 1 * second,
                                           .probe_failures = 3,
                                           .node_monitor_us = 40 * second,
                                           .node_eviction_us = 300 * second,
                                           .max_unavailable = 1,
                                           .eviction_retry_us = 5 * second};
}

const char *kube_cluster_phase_name(enum kube_cluster_phase phase)
{
    switch (phase) {
    case KUBE_CLUSTER_PENDING:
        return "pending";
    case KUBE_CLUSTER_INIT:
        return "init";
    case KUBE_CLUSTER_RUNNING:
        return "running";
    case KUBE_CLUSTER_BACKOFF:
        return "backoff";
    case KUBE_CLUSTER_ENDED:
        return "ended";
    }
    return "";
}

void kube_cluster_stamp(const struct kube_cluster *c, char out[STAMP_SIZE])
{
    char precise[40];
    struct str rest;

    kube_format_time(c->host.wall_us(c->host.arg), precise, sizeof precise);
    rest = str_of(precise);
    (void)str_copy_n(out, STAMP_SIZE, str_cut(&rest, '.'));
    (void)str_append(out, STAMP_SIZE, "Z");
}

void kube_cluster_tell(const struct kube_cluster *c, const struct kubelet_pod *p, const char *what,
                       const char *fmt, ...)
{
    char text[TELL_SIZE];
    va_list args;

    if (!c->host.tell)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->host.tell(c->host.arg, &p->seen, what, text);
}

json_t *kube_cluster_set(const struct kube_cluster *c)
{
    struct kube_key key = {KUBE_STATEFULSETS, c->ns, c->statefulset};

    return kube_store_find(c->config.store, &key);
}

json_t *kube_cluster_object(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    struct kube_key key = {KUBE_PODS, c->ns, p->seen.name};
    json_t *object = kube_store_find(c->config.store, &key);
    struct kube_meta meta;

    if (!object || kube_read_meta(object, &meta).kind != FAIL_NONE ||
        strcmp(meta.uid, p->seen.uid) != 0)
        return NULL;
    return object;
}

struct kube_slot *kube_cluster_slot(struct kube_cluster *c, const struct kubelet_pod *p)
{
    return &c->slots[p->seen.ordinal];
}

bool kube_cluster_has_older(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    for (size_t i = 0; i < c->pods_n && c->pods[i] != p; i++)
        if (c->pods[i]->seen.ordinal == p->seen.ordinal)
            return true;
    return false;
}

static bool address_taken(const struct kube_cluster *c, const char *ip)
{
    for (size_t i = 0; i < c->pods_n; i++)
        if (strcmp(c->pods[i]->seen.ip, ip) == 0)
            return true;
    return false;
}

void kube_cluster_address_next(struct kube_cluster *c, struct kubelet_pod *p)
{
    struct kube_slot *slot = kube_cluster_slot(c, p);
    bool reuse = c->config.address == KUBE_CLUSTER_ADDRESS_REUSE;
    unsigned n = reuse ? 0 : c->next_address;

    if (c->config.address == KUBE_CLUSTER_ADDRESS_KEEP && *slot->ip && !address_taken(c, slot->ip))
        (void)str_copy(p->seen.ip, sizeof p->seen.ip, slot->ip);
    while (!*p->seen.ip) {
        char ip[40];

        (void)str_format(ip, sizeof ip, "%s%u", c->network, 1 + n++ % ADDRESSES);
        if (!address_taken(c, ip))
            (void)str_copy(p->seen.ip, sizeof p->seen.ip, ip);
        if (!reuse)
            c->next_address = n;
    }
    (void)str_copy(slot->ip, sizeof slot->ip, p->seen.ip);
}

void kube_cluster_add(struct kube_cluster *c, unsigned ordinal, json_t *object)
{
    struct kubelet_pod *p = xcalloc(1, sizeof *p);
    const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    struct kube_meta meta = {0};

    assert(c->pods_n < INCARNATIONS_MAX);
    (void)kube_read_meta(object, &meta);
    p->seen.id = ++c->next_id;
    p->seen.ordinal = ordinal;
    p->start_at = p->probe_at = p->probe_until = p->kill_at = p->status_at = NEVER;
    (void)str_copy(p->seen.name, sizeof p->seen.name, meta.name);
    (void)str_copy(p->seen.uid, sizeof p->seen.uid, meta.uid);
    (void)str_copy(p->seen.revision, sizeof p->seen.revision,
                   json_string_value(json_object_get(labels, "controller-revision-hash")));
    kube_cluster_stamp(c, p->ready_since);
    c->pods[c->pods_n++] = p;
    kube_cluster_tell(c, p, "created", "created (uid %.8s)", p->seen.uid);
}

static void pod_remove(struct kube_cluster *c, size_t i)
{
    struct kubelet_pod *p = c->pods[i];

    c->pods_n--;
    for (size_t j = i; j < c->pods_n; j++)
        c->pods[j] = c->pods[j + 1];
    if (c->host.closed)
        c->host.closed(c->host.arg, &p->seen);
    free(p);
}

/* What controllers and kubelets do when they are told of changes. */
static void store_look(struct kube_cluster *c)
{
    c->look_due = false;
    c->pods_seen = kube_store_last(c->config.store, KUBE_PODS);
    c->sets_seen = kube_store_last(c->config.store, KUBE_STATEFULSETS);
    for (size_t i = 0; i < c->pods_n; i++)
        kubelet_look(c, c->pods[i]);
    kube_statefulset_step(c);
}

/* Does everything that is due. What hosts report meanwhile is dealt with in another round. */
static void work(struct kube_cluster *c)
{
    if (c->busy) {
        c->again = true;
        return;
    }
    c->busy = true;
    do {
        c->again = false;
        if (c->look_due && !c->api_down && c->look_us <= c->now_us)
            store_look(c);
        kube_nodes_step(c);
        for (size_t i = 0; i < c->pods_n;) {
            if (kubelet_step(c, c->pods[i]))
                pod_remove(c, i);
            else
                i++;
        }
    } while (c->again || kube_cluster_deadline(c) <= c->now_us);
    c->busy = false;
}

static void time_set(struct kube_cluster *c, int64_t now_us)
{
    assert(now_us >= c->now_us);
    c->now_us = now_us;
}

struct kube_cluster *kube_cluster_new(const struct kube_cluster_config *config,
                                      const struct kube_cluster_host *host, int64_t now_us)
{
    struct kube_cluster *c = xcalloc(1, sizeof *c);
    struct kube_key key = {KUBE_STATEFULSETS, c->ns, c->statefulset};
    json_t *object;

    assert(config->replicas <= KUBE_CLUSTER_PODS_MAX && config->probe_failures > 0);
    c->config = *config;
    c->host = *host;
    c->now_us = now_us;
    (void)str_copy(c->ns, sizeof c->ns, config->ns);
    (void)str_copy(c->statefulset, sizeof c->statefulset, config->statefulset);
    (void)str_copy(c->app, sizeof c->app, config->app);
    (void)str_copy(c->network, sizeof c->network, config->network);
    object = kube_objects_statefulset(c);
    json_decref(kube_store_create(config->store, &key, object).body);
    json_decref(object);
    kube_cluster_wake(c, now_us);
    return c;
}

void kube_cluster_free(struct kube_cluster *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->pods_n; i++)
        free(c->pods[i]);
    json_decref(c->update.pod_template);
    json_decref(c->before.pod_template);
    free(c);
}

int64_t kube_cluster_deadline(const struct kube_cluster *c)
{
    int64_t due_us = c->look_due && !c->api_down ? c->look_us : NEVER;

    due_us = earlier(due_us, kube_nodes_deadline(c));
    for (size_t i = 0; i < c->pods_n; i++)
        due_us = earlier(due_us, kubelet_deadline(c, c->pods[i]));
    return due_us;
}

void kube_cluster_tick(struct kube_cluster *c, int64_t now_us)
{
    time_set(c, now_us);
    work(c);
}

void kube_cluster_wake(struct kube_cluster *c, int64_t now_us)
{
    if (c->look_due || (c->pods_seen == kube_store_last(c->config.store, KUBE_PODS) &&
                        c->sets_seen == kube_store_last(c->config.store, KUBE_STATEFULSETS)))
        return;
    c->look_due = true;
    c->look_us = now_us + c->config.notice_us;
}

static struct kubelet_pod *pod_by_id(const struct kube_cluster *c, uint64_t id)
{
    for (size_t i = 0; i < c->pods_n; i++)
        if (c->pods[i]->seen.id == id)
            return c->pods[i];
    return NULL;
}

void kube_cluster_exited(struct kube_cluster *c, int64_t now_us, uint64_t id, int code)
{
    struct kubelet_pod *p = pod_by_id(c, id);

    time_set(c, now_us);
    if (!p || !p->alive)
        return;
    p->alive = false;
    p->exited = true;
    p->exit_code = code;
    p->rebooted = kube_cluster_slot(c, p)->down;
    work(c);
}

void kube_cluster_probed(struct kube_cluster *c, int64_t now_us, uint64_t id, bool ready)
{
    struct kubelet_pod *p = pod_by_id(c, id);

    time_set(c, now_us);
    if (!p || !p->probing)
        return;
    p->probe_answered = true;
    p->probe_answer = ready;
    work(c);
}

void kube_cluster_prestopped(struct kube_cluster *c, int64_t now_us, uint64_t id)
{
    struct kubelet_pod *p = pod_by_id(c, id);

    time_set(c, now_us);
    if (!p)
        return;
    p->hook_done = true;
    work(c);
}

struct kube_cluster_pod *kube_cluster_pod(const struct kube_cluster *c, unsigned ordinal)
{
    for (size_t i = c->pods_n; i-- > 0;)
        if (c->pods[i]->seen.ordinal == ordinal)
            return &c->pods[i]->seen;
    return NULL;
}

struct kube_cluster_pod *kube_cluster_each(const struct kube_cluster *c, size_t i)
{
    return i < c->pods_n ? &c->pods[i]->seen : NULL;
}

bool kube_cluster_alive(const struct kube_cluster_pod *pod)
{
    return ((const struct kubelet_pod *)pod)->alive;
}

void kube_cluster_api_set(struct kube_cluster *c, int64_t now_us, bool up)
{
    time_set(c, now_us);
    c->api_down = !up;
    work(c);
}

void kube_cluster_address_set(struct kube_cluster *c, enum kube_cluster_address address)
{
    c->config.address = address;
}

void kube_cluster_volume_lose(struct kube_cluster *c, unsigned ordinal)
{
    c->slots[ordinal].volume_lost = true;
}

void kube_cluster_hold(struct kube_cluster *c, int64_t now_us, unsigned ordinal, bool held)
{
    time_set(c, now_us);
    c->slots[ordinal].held = held;
    work(c);
}
