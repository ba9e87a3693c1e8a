#include "app/pods.h"

#include "app/events.h"
#include "app/labels.h"
#include "app/link.h"
#include "base/alloc.h"

/* A pod that Kubernetes is being asked to delete. */
struct deletion {
    struct pods *p;
    struct kube_request *request; /* NULL: none under way */
};

struct pods {
    struct controller *c;
    struct kube_watch *watch;
    bool deaf, undeleted; /* the watch, deletions do not work at present: said once each */
    struct deletion deletions[PODS_MAX];
};

int pods_ordinal(const struct controller *c, const char *name)
{
    char ours[NAME_SIZE + 8];

    for (int i = 0; i < PODS_MAX; i++)
        if (strcmp(view_pod_name(&c->view, i, ours), name) == 0)
            return i;
    return -1;
}

void pods_path(const struct controller *c, char out[PODS_PATH_SIZE])
{
    (void)str_format(out, PODS_PATH_SIZE,
                     "/api/v1/namespaces/%s/pods?labelSelector=app.kubernetes.io%%2Fname%%3D%s",
                     c->config.namespace_, c->config.app);
}

struct pod_kube pods_facts(const struct kube_pod *seen)
{
    return (struct pod_kube){seen->ready, seen->terminating, seen->meta.uid, seen->ip,
                             seen->told ? seen->instances : NULL};
}

static void set_link(struct controller *c, int pod, const char *ip)
{
    const char *now = c->links[pod] ? link_ip(c->links[pod]) : "";

    if (strcmp(now, ip) == 0)
        return;
    link_free(c->links[pod]);
    view_link_none(controller_view(c), pod);
    c->links[pod] = ip[0] ? link_new(c, pod, ip) : NULL;
}

static void set_pod(struct controller *c, int pod, const struct kube_pod *seen)
{
    const struct pod *known = &c->view.pods[pod];
    struct pod_kube facts;
    int64_t started_at = known->started_at;
    bool worse, better;

    if (!seen) {
        if (known->exists)
            log_event(LOG_INFO, "pods", "pod is gone", "pod",
                      view_pod_name(&c->view, pod, (char[NAME_SIZE + 8]){0}), NULL);
        view_kube_pod(controller_view(c), pod, NULL);
        labels_saw(c->labels, pod, "", "");
        set_link(c, pod, "");
        return;
    }
    facts = pods_facts(seen);
    better = !known->ready && seen->ready;
    worse = (known->ready && !seen->ready) || (!known->terminating && seen->terminating);
    if (known->ready != seen->ready || known->terminating != seen->terminating ||
        strcmp(known->uid, seen->meta.uid) != 0)
        log_event(LOG_INFO, "pods", "pod changed", "pod", seen->meta.name, "ip", seen->ip, "ready",
                  seen->ready ? "true" : "false", "terminating",
                  seen->terminating ? "true" : "false", "uid", seen->meta.uid, NULL);
    view_kube_pod(controller_view(c), pod, &facts);
    labels_saw(c->labels, pod, seen->meta.uid, seen->role);
    events_saw_owner(c->events, seen->owner_uid);
    set_link(c, pod, seen->ip);
    if ((worse || known->started_at != started_at) && c->links[pod])
        link_hurry(c->links[pod]);
    if (better && c->links[pod])
        link_retry(c->links[pod]);
}

/* Reads one object; its ordinal, or -1 when it is none of ours. */
static int read_pod(struct controller *c, json_t *object, struct kube_pod *out)
{
    if (kube_read_pod(object, out).kind != FAIL_NONE)
        return -1;
    return pods_ordinal(c, out->meta.name);
}

static void on_list(void *arg, json_t *items)
{
    struct pods *p = arg;
    bool listed[PODS_MAX] = {false};
    struct kube_pod seen;
    json_t *item;
    size_t i;

    json_array_foreach (items, i, item) {
        int pod = read_pod(p->c, item, &seen);

        if (pod < 0)
            continue;
        listed[pod] = true;
        set_pod(p->c, pod, &seen);
    }
    for (int pod = 0; pod < PODS_MAX; pod++)
        if (!listed[pod] && p->c->view.pods[pod].exists)
            set_pod(p->c, pod, NULL);
    controller_view(p->c)->pods_known = true;
    controller_step(p->c);
}

static void on_event(void *arg, enum kube_event_type type, json_t *object)
{
    struct pods *p = arg;
    struct kube_pod seen;
    int pod = read_pod(p->c, object, &seen);

    if (pod < 0 || type == KUBE_BOOKMARK || type == KUBE_ERROR)
        return;
    /* The end of an older pod of that name must not hide the newer one. */
    if (type == KUBE_DELETED && strcmp(p->c->view.pods[pod].uid, seen.meta.uid) != 0)
        return;
    set_pod(p->c, pod, type == KUBE_DELETED ? NULL : &seen);
    controller_step(p->c);
}

static void on_state(void *arg, const struct fail *why)
{
    struct pods *p = arg;

    controller_tell_watch("pods", &p->deaf, why);
}

struct pods *pods_new(struct controller *c)
{
    static const struct kube_watch_events events = {on_list, on_event, on_state};
    struct pods *p = xcalloc(1, sizeof *p);
    char path[256], selector[256];

    p->c = c;
    for (int i = 0; i < PODS_MAX; i++)
        p->deletions[i].p = p;
    (void)str_format(path, sizeof path, "/api/v1/namespaces/%s/pods", c->config.namespace_);
    (void)str_format(selector, sizeof selector, "labelSelector=app.kubernetes.io%%2Fname%%3D%s",
                     c->config.app);
    p->watch = kube_watch_start(c->kube, path, selector, &events, p);
    return p;
}

void pods_free(struct pods *p)
{
    if (!p)
        return;
    kube_watch_stop(p->watch);
    for (int i = 0; i < PODS_MAX; i++) {
        kube_request_cancel(p->deletions[i].request);
        link_free(p->c->links[i]);
        p->c->links[i] = NULL;
    }
    free(p);
}

/* What became of it is seen in the watch; one that failed is asked for again by the core. Another
 * pod of that name, or none, is no failure: that one is gone. */
static void on_deleted(void *arg, const struct kube_answer *answer)
{
    static const struct fail well = {0};
    struct deletion *d = arg;
    bool gone = answer->fail.kind == FAIL_GONE || answer->fail.kind == FAIL_CONFLICT;

    d->request = NULL;
    controller_tell_request("deleting a pod", &d->p->undeleted, gone ? &well : &answer->fail);
}

void pods_delete(struct pods *p, int pod)
{
    static const int64_t hanging_grace_s = 1;
    struct view *v = controller_view(p->c);
    const struct pod *seen = &v->pods[pod];
    char name[NAME_SIZE + 8], path[256];
    json_t *body;

    (void)str_format(path, sizeof path, "/api/v1/namespaces/%s/pods/%s", p->c->config.namespace_,
                     view_pod_name(v, pod, name));
    body = json_pack("{s:s, s:s, s:{s:s}}", "kind", "DeleteOptions", "apiVersion", "v1",
                     "preconditions", "uid", seen->uid);
    if (seen->link == LINK_DOWN && seen->link_fail == FAIL_TIMEOUT)
        json_object_set_new(body, "gracePeriodSeconds", json_integer(hanging_grace_s));
    view_delete_started(v, pod);
    kube_request_cancel(p->deletions[pod].request);
    p->deletions[pod].request = kube_client_send(p->c->kube, "DELETE", path, NULL, body, on_deleted,
                                                 &p->deletions[pod]);
    json_decref(body);
}

int64_t pods_fresh_us(const struct pods *p)
{
    return kube_watch_fresh_us(p->watch);
}
