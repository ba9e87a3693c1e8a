#include "app/startup.h"

#include "app/answers.h"
#include "app/note.h"
#include "app/pods.h"
#include "base/alloc.h"
#include "base/list.h"
#include "core/rebuild.h"

struct startup {
    struct controller *c;
    struct list questions;
};

struct question {
    struct list node;
    struct http_request *request;
    struct note *note;
    int pod;
    char uid[UID_SIZE];
};

static void reply(const struct question *q, const struct rebuild_order *o)
{
    answer_json(q->request, 200,
                json_pack("{s:b, s:b, s:b, s:s, s:o}", "moveData", o->move_data, "moveReplication",
                          o->move_replication, "mayOverwrite", o->may_overwrite, "token", o->token,
                          "why", answer_text(o->why)));
}

static void on_read(void *arg, const struct fail *why, const struct record *record)
{
    struct question *q = arg;
    struct rebuild_order order = {.why = "there is no record: nothing was decided yet"};

    if (why->kind == FAIL_NONE)
        rebuild_order(record, q->pod, q->uid, &order);
    if (why->kind == FAIL_NONE || why->kind == FAIL_GONE)
        reply(q, &order);
    else
        answer_error(q->request, 503, why->text);
    list_remove(&q->node);
    free(q);
}

void startup_answer(struct startup *s, struct http_request *r)
{
    const char *uid = http_request_param(r, "uid");
    int pod = pods_ordinal(s->c, http_request_path(r) + strlen(STARTUP_PREFIX));
    struct question *q;

    if (!answer_to(r, "GET"))
        return;
    if (pod < 0) {
        answer_error(r, 404, "no such pod: wanted /api/v1/init/<pod>?uid=<its uid>");
        return;
    }
    q = xcalloc(1, sizeof *q);
    if (!uid || !uid[0] || !str_copy(q->uid, sizeof q->uid, uid)) {
        free(q);
        answer_error(r, 400, "wanted ?uid=<the pod's uid>");
        return;
    }
    q->request = r;
    q->pod = pod;
    list_add_tail(&s->questions, &q->node);
    q->note = note_read(s->c, on_read, q);
}

struct startup *startup_new(struct controller *c)
{
    struct startup *s = xcalloc(1, sizeof *s);

    s->c = c;
    list_init(&s->questions);
    return s;
}

void startup_free(struct startup *s)
{
    if (!s)
        return;
    while (!list_empty(&s->questions)) {
        struct question *q = CONTAINER_OF(list_pop(&s->questions), struct question, node);

        note_cancel(q->note);
        free(q);
    }
    free(s);
}
