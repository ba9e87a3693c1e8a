#include "app/prestop.h"

#include "app/answers.h"
#include "app/note.h"
#include "app/pods.h"
#include "base/alloc.h"
#include "base/list.h"
#include "core/request.h"
#include "core/stopping.h"

#include <openssl/evp.h>

static const int64_t ask_after_us = 1000 * 1000;

struct prestop {
    struct controller *c;
    char credentials[512]; /* of HTTP Basic; empty: none are wanted */
    struct list waits;
};

struct wait {
    struct list node;
    struct prestop *p;
    struct http_request *request;
    int pod;
    char uid[UID_SIZE]; /* of the incarnation that stops; empty: not known yet */
    int64_t until_us;
    struct timer *due;
    struct note *note; /* that the pod stops, when nothing else tells the leader */
};

static void end_wait(struct wait *w)
{
    list_remove(&w->node);
    note_cancel(w->note);
    timer_free(w->due);
    free(w);
}

static void reply(struct http_request *r, const struct controller *c, int pod, bool may,
                  const char *why)
{
    char name[NAME_SIZE + 8];

    log_event(may ? LOG_INFO : LOG_WARN, "prestop", may ? "the pod may stop" : "the wait is over",
              "pod", view_pod_name(&c->view, pod, name), "why", why, NULL);
    answer_json(r, may ? 200 : 503,
                json_pack("{s:s, s:b, s:o}", "pod", name, "mayStop", may, "why", answer_text(why)));
}

/* The pod that asked is gone, with whoever waited for the answer: a hook that outlives its pod
 * would stop the next one. */
static bool is_over(const struct view *v, struct wait *w)
{
    const struct pod *pod = &v->pods[w->pod];

    if (!w->uid[0] && pod->exists)
        (void)str_copy(w->uid, sizeof w->uid, pod->uid);
    return w->uid[0] && (!pod->exists || strcmp(pod->uid, w->uid) != 0);
}

void prestop_follow(struct prestop *p)
{
    const struct view *v = controller_view(p->c);
    char why[WHY_SIZE] = "";

    LIST_FOR_EACH (it, &p->waits) {
        struct wait *w = CONTAINER_OF(it, struct wait, node);
        bool over = is_over(v, w);
        bool may = over || stopping_may(v, w->pod, why);

        if (over)
            (void)str_copy(why, sizeof why, "that pod has stopped");
        else if (!may && p->c->stopping)
            (void)str_copy(why, sizeof why,
                           "this controller replica is stopping itself: ask another one");
        else if (!may && v->now_us < w->until_us)
            continue;
        reply(w->request, p->c, w->pod, may, why);
        end_wait(w);
    }
}

static void on_noted(void *arg, const struct fail *why, const struct record *record)
{
    struct wait *w = arg;

    (void)record;
    w->note = NULL;
    if (why->kind != FAIL_NONE)
        log_event(LOG_WARN, "prestop", "could not ask for it, trying again", "error", why->text,
                  NULL);
}

/* Kubernetes does not say that the pod goes: the record shall. Once more when that was served and
 * the pod may still not stop: a main that was replaced is the SYNC replica after that. */
static void ask_leader(struct wait *w)
{
    struct view *v = controller_view(w->p->c);
    struct request request = {.kind = REQUEST_STOP, .pod = w->pod, .at_wall_us = v->wall_us};
    char text[NOTE_SIZE], why[WHY_SIZE];

    if (w->note || v->pods[w->pod].terminating ||
        (v->record_exists && !note_request_may(&v->record, why)) ||
        !request_check(v, &request, why))
        return;
    w->note = note_write(w->p->c, "request", request_text(&request, text), note_request_may,
                         on_noted, w);
}

static void start_timer(struct wait *w)
{
    int64_t left_us = w->until_us - loop_now_us(w->p->c->loop);

    timer_start(w->due, left_us < ask_after_us ? left_us : ask_after_us);
}

static void on_due(void *arg)
{
    struct wait *w = arg;

    if (!is_over(controller_view(w->p->c), w))
        ask_leader(w);
    start_timer(w);
    prestop_follow(w->p); /* may end this wait */
}

static void begin_wait(struct prestop *p, struct http_request *r, int pod, const char *uid)
{
    struct wait *w = xcalloc(1, sizeof *w);
    char name[NAME_SIZE + 8];

    w->p = p;
    w->request = r;
    w->pod = pod;
    (void)is_over(controller_view(p->c), w); /* who it is */
    w->until_us = loop_now_us(p->c->loop) + p->c->config.prestop_s * 1000 * 1000;
    w->due = timer_new(p->c->loop, on_due, w);
    start_timer(w);
    if (uid)
        (void)str_copy(w->uid, sizeof w->uid, uid);
    list_add_tail(&p->waits, &w->node);
    log_event(LOG_INFO, "prestop", "the pod is about to stop, and waits", "pod",
              view_pod_name(&p->c->view, pod, name), NULL);
}

/* A hook that knows its pod's uid may come after the next pod of that name: that one does not
 * stop. */
static bool is_anothers(const struct view *v, int pod, const char *uid)
{
    const struct pod *p = &v->pods[pod];

    return uid && uid[0] && p->exists && strcmp(p->uid, uid) != 0;
}

void prestop_answer(struct prestop *p, struct http_request *r)
{
    int pod = pods_ordinal(p->c, http_request_path(r) + strlen(PRESTOP_PREFIX));
    char why[WHY_SIZE] = "";

    if (!answer_to(r, "POST"))
        return;
    if (p->credentials[0] && !answer_is_authorised(r, "Basic", p->credentials)) {
        http_reply_header(r, "WWW-Authenticate", "Basic realm=\"memgraph\"");
        answer_error(r, 401, "wanted HTTP Basic with MEMGRAPH_USER and MEMGRAPH_PASSWORD");
    } else if (pod < 0) {
        answer_error(r, 404, "no such pod: wanted /prestop-hook/<pod>");
    } else if (is_anothers(controller_view(p->c), pod, http_request_param(r, "uid"))) {
        reply(r, p->c, pod, true, "that pod is gone, another one has its name");
    } else if (stopping_may(controller_view(p->c), pod, why)) {
        reply(r, p->c, pod, true, why);
    } else {
        begin_wait(p, r, pod, http_request_param(r, "uid"));
    }
}

struct prestop *prestop_new(struct controller *c)
{
    struct prestop *p = xcalloc(1, sizeof *p);
    char plain[320];

    _Static_assert(sizeof p->credentials > (sizeof plain + 2) / 3 * 4, "room for Base64");
    p->c = c;
    list_init(&p->waits);
    if (c->config.user[0]) {
        (void)str_format(plain, sizeof plain, "%s:%s", c->config.user, c->config.password);
        (void)EVP_EncodeBlock((unsigned char *)p->credentials, (const unsigned char *)plain,
                              (int)strlen(plain));
    }
    return p;
}

void prestop_free(struct prestop *p)
{
    struct list *node;

    if (!p)
        return;
    while ((node = list_pop(&p->waits)))
        end_wait(CONTAINER_OF(node, struct wait, node));
    free(p);
}
