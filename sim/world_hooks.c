/* world_hooks: the pods' init container and preStop hook (the program's sub-commands `init` and
 * `prestop`, which block and so are not the same code here): they ask one controller after another
 * until one answers. */
#include "base/alloc.h"
#include "sim/http.h"
#include "sim/world_impl.h"

enum { HTTP_PORT = 8080, AGAIN_US = 500 * 1000, ONE_ANSWER_US = 6000 * 1000 };

struct hook {
    struct world *world;
    struct host *host;
    unsigned ordinal;
    bool init;
    char path[128], uid[KUBE_UID_SIZE];
    struct http_request *request; /* under way */
    struct happening again;       /* the next question, or the limit of this one */
    hook_done_fn *done;
    void *arg;
};

static void on_answer(void *arg, unsigned status, struct str body);

static void forget_request(struct hook *h)
{
    if (h->request)
        http_call_forget(h->request);
    h->request = NULL;
}

void hook_free(struct hook *h)
{
    if (!h)
        return;
    forget_request(h);
    happening_cancel(&h->again);
    free(h);
}

static void finish(struct hook *h, bool well)
{
    hook_done_fn *done = h->done;
    void *arg = h->arg;

    hook_free(h);
    done(arg, well);
}

static void on_again(void *arg)
{
    struct hook *h = arg;
    struct world *w = h->world;
    struct http_call call = {.method = h->init ? "GET" : "POST",
                             .path = h->path,
                             .param = "uid",
                             .value = h->uid,
                             .authorization = w->config.basic};
    int64_t i = random_range(&w->random, 0, (int64_t)w->config.controllers - 1);

    forget_request(h);
    h->request = http_call(h->host, w->controllers[i].host, HTTP_PORT, &call, on_answer, h);
    /* A preStop hook waits as long as the controller does. */
    happening_after(&h->again, h->init ? ONE_ANSWER_US : 10 * ONE_ANSWER_US);
}

static bool obey(struct hook *h, struct str body)
{
    json_t *json = json_loadb(body.n ? body.p : "", body.n, 0, NULL);
    struct volume *v = &h->world->pods[h->ordinal].volume;
    const char *token = "", *why = "";
    int data = 0, replication = 0, may_overwrite = 0;
    bool well = json_unpack(json, "{s:b, s:b, s:b, s:s, s:s}", "moveData", &data, "moveReplication",
                            &replication, "mayOverwrite", &may_overwrite, "token", &token, "why",
                            &why) == 0;

    if (well && (data || replication))
        world_say(h->world, WORLD_STATEFULSET "-%u moves its %s aside: %s", h->ordinal,
                  data ? "data" : "list of replicas", why);
    if (well && data)
        well = volume_move_data(v, token, may_overwrite);
    else if (well && replication)
        volume_move_replication(v);
    json_decref(json);
    return well;
}

static void on_answer(void *arg, unsigned status, struct str body)
{
    struct hook *h = arg;

    h->request = NULL;
    if (h->init && status == 200)
        finish(h, obey(h, body));
    else if (!h->init && (status == 200 || (status >= 400 && status < 500)))
        finish(h, true);
    else
        happening_after(&h->again, AGAIN_US);
}

static struct hook *hook_new(struct world *w, struct host *host, unsigned ordinal,
                             hook_done_fn *done, void *arg)
{
    struct hook *h = xcalloc(1, sizeof *h);

    h->world = w;
    h->host = host;
    h->ordinal = ordinal;
    h->done = done;
    h->arg = arg;
    happening_init(&h->again, NULL, on_again, h);
    happening_after(&h->again, 0);
    return h;
}

struct hook *hook_init(struct world *w, struct host *host, unsigned ordinal, const char *uid,
                       hook_done_fn *done, void *arg)
{
    struct hook *h = hook_new(w, host, ordinal, done, arg);

    h->init = true;
    (void)str_format(h->path, sizeof h->path, "/api/v1/init/" WORLD_STATEFULSET "-%u", ordinal);
    (void)str_copy(h->uid, sizeof h->uid, uid);
    return h;
}

struct hook *hook_prestop(struct world *w, struct host *host, unsigned ordinal, const char *uid,
                          hook_done_fn *done, void *arg)
{
    struct hook *h = hook_new(w, host, ordinal, done, arg);

    (void)str_format(h->path, sizeof h->path, "/prestop-hook/" WORLD_STATEFULSET "-%u", ordinal);
    (void)str_copy(h->uid, sizeof h->uid, uid);
    return h;
}
