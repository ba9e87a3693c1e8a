#include "app/events.h"

#include "base/alloc.h"

enum { RECENT_MAX = 16 };
static const int64_t quiet_us = 300LL * 1000 * 1000;

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
    unsigned long long serial;
};

struct events *events_new(struct controller *c)
{
    struct events *e = xcalloc(1, sizeof *e);

    e->c = c;
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

static void on_posted(void *arg, const struct kube_answer *answer)
{
    struct events *e = arg;

    controller_tell_request("posting an Event", &e->failing, &answer->fail);
}

bool events_post(struct events *e, const char *reason, bool warning, const char *text)
{
    struct controller *c = e->c;
    int64_t wall_us = loop_wall_us(c->loop);
    char name[KUBE_NAME_SIZE], path[256], now[40];
    struct kube_event event = {.namespace_ = c->config.namespace_,
                               .name = name,
                               .type = warning ? "Warning" : "Normal",
                               .reason = reason,
                               .message = text,
                               .kind = "StatefulSet",
                               .api_version = "apps/v1",
                               .object_name = c->config.statefulset,
                               .object_uid = "",
                               .component = "memgraph-controller",
                               .instance = c->config.pod,
                               .time = now};
    json_t *object;

    if (!is_news(e, reason, text, loop_now_us(c->loop)))
        return false;
    (void)str_format(name, sizeof name, "%s.%llx%02llx", c->config.statefulset,
                     (unsigned long long)wall_us, e->serial++ & 0xff);
    (void)str_format(path, sizeof path, "/api/v1/namespaces/%s/events", c->config.namespace_);
    kube_format_time(wall_us, now, sizeof now);
    object = kube_make_event(&event);
    (void)kube_client_send(c->kube, "POST", path, NULL, object, on_posted, e);
    json_decref(object);
    return true;
}
