#include "app/labels.h"

#include "base/alloc.h"
#include "core/label.h"

static const int64_t pause_us = 1000 * 1000;

struct one {
    struct labels *l;
    int pod;
    char text[LABEL_SIZE]; /* as last seen, or written */
    char uid[UID_SIZE];
    char writing[LABEL_SIZE];
    struct kube_request *request; /* NULL: none under way */
    int64_t retry_at;
};

struct labels {
    struct controller *c;
    struct timer *again;
    bool failing;
    struct one pods[PODS_MAX];
};

static void set(struct one *o, const char *text)
{
    struct view *v = controller_view(o->l->c);

    (void)str_copy(o->text, sizeof o->text, text);
    v->main_labels &= ~(1U << o->pod);
    if (strcmp(text, "main") == 0)
        v->main_labels |= 1U << o->pod;
}

void labels_saw(struct labels *l, int pod, const char *uid, const char *text)
{
    struct one *o = &l->pods[pod];

    if (strcmp(o->uid, uid) != 0) { /* another pod: what is under way is not for it */
        kube_request_cancel(o->request);
        o->request = NULL;
        o->retry_at = 0;
    }
    (void)str_copy(o->uid, sizeof o->uid, uid);
    if (!o->request) /* else its answer says more */
        set(o, text);
}

static void on_written(void *arg, const struct kube_answer *answer)
{
    struct one *o = arg;
    struct controller *c = o->l->c;

    o->request = NULL;
    controller_tell_request("labelling a pod", &o->l->failing, &answer->fail);
    if (answer->fail.kind == FAIL_NONE)
        set(o, o->writing);
    else
        o->retry_at = controller_view(c)->now_us + pause_us;
    if (o->retry_at)
        timer_start(o->l->again, pause_us);
    controller_step(c);
}

/* The uid makes it fail for another pod of that name. */
static void write_label(struct one *o, const char *text)
{
    struct controller *c = o->l->c;
    char name[NAME_SIZE + 8], path[256];
    json_t *body = json_pack("{s:{s:s, s:{s:s?}}}", "metadata", "uid", o->uid, "labels", LABEL_ROLE,
                             text[0] ? text : NULL); /* null takes it away */

    (void)str_copy(o->writing, sizeof o->writing, text);
    (void)str_format(path, sizeof path, "/api/v1/namespaces/%s/pods/%s", c->config.namespace_,
                     view_pod_name(&c->view, o->pod, name));
    o->request = kube_client_send(c->kube, "PATCH", path, "application/merge-patch+json", body,
                                  on_written, o);
    json_decref(body);
}

void labels_follow(struct labels *l)
{
    const struct view *v = &l->c->view;

    if (!view_leading(v))
        return;
    for (int i = 0; i < PODS_MAX; i++) {
        struct one *o = &l->pods[i];
        const char *wanted;

        if (!v->pods[i].exists || !o->uid[0] || o->request || v->now_us < o->retry_at)
            continue;
        o->retry_at = 0;
        wanted = label_wanted(v, i, o->text);
        if (strcmp(wanted, o->text) != 0)
            write_label(o, wanted);
    }
}

static void on_again(void *arg)
{
    struct labels *l = arg;

    controller_step(l->c);
}

struct labels *labels_new(struct controller *c)
{
    struct labels *l = xcalloc(1, sizeof *l);

    l->c = c;
    l->again = timer_new(c->loop, on_again, l);
    for (int i = 0; i < PODS_MAX; i++)
        l->pods[i].l = l, l->pods[i].pod = i;
    return l;
}

void labels_free(struct labels *l)
{
    if (!l)
        return;
    for (int i = 0; i < PODS_MAX; i++)
        kube_request_cancel(l->pods[i].request);
    timer_free(l->again);
    free(l);
}
