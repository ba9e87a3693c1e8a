#include "app/events.h"

#include "base/alloc.h"

enum { RECENT_MAX = 16, AT_ONCE_MOST = 25 };
static const int64_t quiet_us = 300LL * 1000 * 1000;
static const int64_t refill_us = 10LL * 1000 * 1000; /* one more may be posted after this */

struct recent {
    int64_t at_us;
    char reason[48];
    char text[WHY_SIZE];
};

struct events {
    struct controller *c;
    struct recent recent[RECENT_MAX];
    unsigned next; /* the oldest */
    bool failing;  /* they cannot be posted: said once */
    bool limited;  /* so many that some were left out: said once */
    unsigned left; /* that may be posted now */
    int64_t refilled_us;
    unsigned long long serial;
    char uid[KUBE_UID_SIZE]; /* of the StatefulSet; empty: no pod of it was seen yet */
};

struct events *events_new(struct controller *c)
{
    struct events *e = xcalloc(1, sizeof *e);

    e->c = c;
    e->left = AT_ONCE_MOST;
    e->refilled_us = loop_now_us(c->loop);
    return e;
}

void events_free(struct events *e)
{
    free(e);
}

static bool is_news(struct events *e, const char *reason, const char *text, int64_t now_us)
{
    struct recent *r;

    for (unsigned i = 0; i < RECENT_MAX; i++) {
        r = &e->recent[i];
        if (r->at_us && now_us - r->at_us < quiet_us && strcmp(r->reason, reason) == 0 &&
            strcmp(r->text, text) == 0)
            return false;
    }
    r = &e->recent[e->next];
    e->next = (e->next + 1) % RECENT_MAX;
    r->at_us = now_us;
    (void)str_copy(r->reason, sizeof r->reason, reason);
    (void)str_copy(r->text, sizeof r->text, text);
    return true;
}

/* Something that goes wrong in ever new words shall not fill etcd. */
static bool is_allowed(struct events *e, int64_t now_us)
{
    int64_t more = (now_us - e->refilled_us) / refill_us;

    if (more > 0) {
        e->refilled_us += more * refill_us;
        e->left = more < AT_ONCE_MOST - e->left ? e->left + (unsigned)more : AT_ONCE_MOST;
    }
    if (e->left == 0 && !e->limited)
        log_event(LOG_WARN, "events", "too many Events: some are only in the log", NULL);
    e->limited = e->left == 0;
    if (e->limited)
        return false;
    e->left--;
    return true;
}

static void on_posted(void *arg, const struct kube_answer *answer)
{
    struct events *e = arg;

    controller_tell_request("posting an Event", &e->failing, &answer->fail);
}

/* kubectl finds what it describes by the uid, too. */
struct object {
    const char *kind, *api_version, *name, *uid;
};

static void post(struct events *e, const struct object *about, const char *reason, bool warning,
                 const char *text)
{
    struct controller *c = e->c;
    int64_t wall_us = loop_wall_us(c->loop);
    char name[KUBE_NAME_SIZE], path[256], now[40];
    struct kube_event event = {.namespace_ = c->config.namespace_,
                               .name = name,
                               .type = warning ? "Warning" : "Normal",
                               .reason = reason,
                               .message = text,
                               .kind = about->kind,
                               .api_version = about->api_version,
                               .object_name = about->name,
                               .object_uid = about->uid,
                               .component = "memgraph-controller",
                               .instance = c->config.pod,
                               .time = now};
    json_t *object;

    (void)str_format(name, sizeof name, "%s.%llx%02llx", about->name, (unsigned long long)wall_us,
                     e->serial++ & 0xff);
    (void)str_format(path, sizeof path, "/api/v1/namespaces/%s/events", c->config.namespace_);
    kube_format_time(wall_us, now, sizeof now);
    object = kube_make_event(&event);
    (void)kube_client_send(c->kube, "POST", path, NULL, object, on_posted, e);
    json_decref(object);
}

void events_saw_owner(struct events *e, const char *uid)
{
    if (uid[0])
        (void)str_copy(e->uid, sizeof e->uid, uid);
}

bool events_post(struct events *e, const char *reason, bool warning, const char *text, int about)
{
    struct controller *c = e->c;
    char name[NAME_SIZE + 8];
    struct object set = {"StatefulSet", "apps/v1", c->config.statefulset, e->uid};
    struct object pod = {"Pod", "v1", name, ""};

    if (!is_news(e, reason, text, loop_now_us(c->loop)))
        return false;
    if (!is_allowed(e, loop_now_us(c->loop)))
        return true; /* news all the same */
    post(e, &set, reason, warning, text);
    if (about < 0 || !c->view.pods[about].exists)
        return true;
    (void)view_pod_name(&c->view, about, name);
    pod.uid = c->view.pods[about].uid;
    post(e, &pod, reason, warning, text);
    return true;
}
