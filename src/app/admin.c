#include "app/admin.h"

#include "app/answers.h"
#include "app/note.h"
#include "app/pods.h"
#include "base/alloc.h"
#include "base/duration.h"
#include "base/list.h"
#include "core/request.h"
#include "io/kube_token.h"

struct admin {
    struct controller *c;
    struct kube_token token;
    struct list asked; /* what waits for the API server */
};

/* What is to be written into the record, and whom to answer. */
struct asked {
    struct list node;
    struct admin *a;
    struct http_request *request;
    struct note *note;
    const char *action;
    char text[NOTE_SIZE];
};

/* ---- what is asked for, read from the path and the body ---- */

static bool wrong(char why[WHY_SIZE], const char *text)
{
    (void)str_copy(why, WHY_SIZE, text);
    return false;
}

static bool read_switchover(const struct controller *c, json_t *body, struct request *out,
                            char why[WHY_SIZE])
{
    const char *to = NULL;

    if (json_unpack(body, "{s?s!}", "to", &to) != 0)
        return wrong(why, "wanted {} or {\"to\": \"<pod>\"}");
    out->pod = to ? pods_ordinal(c, to) : -1;
    return !to || out->pod >= 0 || wrong(why, "'to' names none of our pods");
}

static bool read_failover(const struct controller *c, json_t *body, struct request *out,
                          char why[WHY_SIZE])
{
    const char *to = NULL;
    int accepted = 0;

    if (json_unpack(body, "{s?b, s?s!}", "acceptDataLoss", &accepted, "to", &to) == 0 && accepted) {
        out->pod = to ? pods_ordinal(c, to) : -1;
        return !to || out->pod >= 0 || wrong(why, "'to' names none of our pods");
    }
    return wrong(why, "a forced failover may lose acknowledged writes: wanted "
                      "{\"acceptDataLoss\": true}; to move the main without a loss ask for a "
                      "switchover");
}

static bool read_nothing(const struct controller *c, json_t *body, struct request *out,
                         char why[WHY_SIZE])
{
    (void)c;
    (void)out;
    return json_object_size(body) == 0 || wrong(why, "wanted an empty body or {}");
}

/* ---- what goes into the record ---- */

static bool pause_may(const struct record *r, char why[WHY_SIZE])
{
    if (r->transition == EPOCH_NONE)
        return true;
    (void)str_format(why, WHY_SIZE, "a %s is under way: writes wait for its end",
                     epoch_kind_name(r->transition));
    return false;
}

static unsigned status_of(enum fail_kind kind)
{
    if (kind == FAIL_CONFLICT || kind == FAIL_GONE)
        return 409;
    return kind == FAIL_TIMEOUT ? 504 : 503;
}

static void on_noted(void *arg, const struct fail *why, const struct record *record)
{
    struct asked *s = arg;
    unsigned status = status_of(why->kind);
    char text[240];

    (void)record;
    (void)str_format(text, sizeof text, "the API server did not take it: %s", why->text);
    log_event(why->kind == FAIL_NONE ? LOG_INFO : LOG_WARN, "admin", s->action, "recorded",
              why->kind == FAIL_NONE ? s->text : "", "error", why->text, NULL);
    if (why->kind == FAIL_NONE)
        answer_json(s->request, 202,
                    json_pack("{s:s, s:o}", "asked", s->action, "recorded", answer_text(s->text)));
    else
        answer_error(s->request, status, status == 503 ? text : why->text);
    list_remove(&s->node);
    free(s);
}

static void write_note(struct admin *a, struct http_request *r, const char *action, const char *key,
                       const char *text, note_check_fn *check)
{
    struct asked *s = xcalloc(1, sizeof *s);

    s->a = a;
    s->request = r;
    s->action = action;
    (void)str_copy(s->text, sizeof s->text, text);
    list_add_tail(&a->asked, &s->node);
    s->note = note_write(a->c, key, text, check, on_noted, s);
}

/* ---- the actions ---- */

struct action {
    const char *name;
    enum request_kind kind;
    bool (*read)(const struct controller *c, json_t *body, struct request *out, char why[WHY_SIZE]);
};

static const struct action actions[] = {
    {"switchover", REQUEST_SWITCHOVER, read_switchover},
    {"failover", REQUEST_FAILOVER, read_failover},
    {"rebuild", REQUEST_REBUILD, read_nothing},
    {"degrade", REQUEST_DEGRADE, read_nothing},
    {"refresh", REQUEST_REFRESH, read_nothing},
};

static void ask(struct admin *a, struct http_request *r, const struct action *action,
                const char *pod, json_t *body)
{
    struct view *v = controller_view(a->c);
    struct request request = {.kind = action->kind, .pod = -1, .at_wall_us = v->wall_us};
    char why[WHY_SIZE] = "", text[NOTE_SIZE];

    if (action->kind == REQUEST_REBUILD && (request.pod = pods_ordinal(a->c, pod)) < 0)
        answer_error(r, 404, "no such pod: wanted /api/v1/admin/rebuild/<pod>");
    else if (!action->read(a->c, body, &request, why))
        answer_error(r, 400, why);
    else if ((v->record_exists && !note_request_may(&v->record, why)) ||
             !request_check(v, &request, why))
        answer_error(r, 409, why);
    else
        write_note(a, r, action->name, "request", request_text(&request, text), note_request_may);
}

/* A person's name, or a program's, that stands in the record. */
static bool is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '@')
            return false;
    return text[0] && strlen(text) <= 64;
}

static void pause(struct admin *a, struct http_request *r, json_t *body)
{
    const struct view *v = controller_view(a->c);
    const char *limit = NULL, *by = "api";
    char why[WHY_SIZE], text[NOTE_SIZE];
    int64_t for_ms = 0;

    if (json_unpack(body, "{s?s, s?s!}", "for", &limit, "by", &by) != 0 || !is_name(by) ||
        (limit && (!duration_parse(str_of(limit), &for_ms) || for_ms == 0)))
        answer_error(r, 400,
                     "wanted {}, or {\"for\": \"1h\", \"by\": \"name\"}, each of them optional");
    else if (v->record_exists && !pause_may(&v->record, why))
        answer_error(r, 409, why);
    else
        write_note(a, r, "pause", "paused",
                   record_pause_text(by, v->wall_us, for_ms ? v->wall_us + for_ms * 1000 : 0, text),
                   pause_may);
}

static void resume(struct admin *a, struct http_request *r, json_t *body)
{
    const struct view *v = &a->c->view;

    if (json_object_size(body) != 0)
        answer_error(r, 400, "wanted an empty body or {}");
    else if (v->record_exists && !v->record.paused[0])
        answer_error(r, 409, "it is not paused");
    else
        write_note(a, r, "resume", "paused", "", NULL);
}

/* False: answered. */
static bool is_allowed(struct admin *a, struct http_request *r)
{
    const char *expected = kube_token_get(&a->token);
    char text[256];

    if (!a->c->config.admin_token_file[0]) {
        answer_error(r, 403,
                     "the admin routes are closed: set ADMIN_TOKEN_FILE to a file with a token");
        return false;
    }
    if (!expected) {
        (void)str_format(text, sizeof text, "the admin routes are closed: %s", a->token.fail.text);
        answer_error(r, 403, text);
        return false;
    }
    expected += strlen("Bearer ");
    if (answer_is_authorised(r, "Bearer", expected) ||
        answer_has_secret(r, "X-Memgraph-Admin-Token", expected))
        return true;
    log_event(LOG_WARN, "admin", "refused: no token, or a wrong one", "path", http_request_path(r),
              NULL);
    http_reply_header(r, "WWW-Authenticate", "Bearer");
    answer_error(r, 401,
                 "wanted the header Authorization: Bearer <the token in ADMIN_TOKEN_FILE>, or "
                 "X-Memgraph-Admin-Token: <it>");
    return false;
}

static void act(struct admin *a, struct http_request *r, json_t *body)
{
    struct str rest = str_of(http_request_path(r) + strlen(ADMIN_PREFIX));
    bool has_more = str_contains(rest, "/");
    struct str name = str_cut(&rest, '/');

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (!str_eq(name, actions[i].name) || has_more != (actions[i].kind == REQUEST_REBUILD))
            continue;
        ask(a, r, &actions[i], rest.p, body);
        return;
    }
    if (!has_more && str_eq(name, "pause"))
        pause(a, r, body);
    else if (!has_more && str_eq(name, "resume"))
        resume(a, r, body);
    else
        answer_error(r, 404,
                     "no such action; there are switchover, failover, rebuild/<pod>, degrade, "
                     "refresh, pause and resume");
}

void admin_answer(struct admin *a, struct http_request *r)
{
    struct str text = http_request_body(r);
    json_t *body;

    if (!answer_to(r, "POST") || !is_allowed(a, r))
        return;
    body = text.n ? json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (json_is_object(body))
        act(a, r, body);
    else
        answer_error(r, 400, "the body is no JSON object");
    json_decref(body);
}

struct admin *admin_new(struct controller *c)
{
    struct admin *a = xcalloc(1, sizeof *a);

    a->c = c;
    kube_token_init(&a->token, c->config.admin_token_file);
    list_init(&a->asked);
    return a;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    while (!list_empty(&a->asked)) {
        struct asked *s = CONTAINER_OF(list_pop(&a->asked), struct asked, node);

        note_cancel(s->note);
        free(s);
    }
    kube_token_done(&a->token);
    free(a);
}
