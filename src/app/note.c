#include "app/note.h"

#include "app/state.h"
#include "base/alloc.h"
#include "core/request.h"

enum { TRIES_MAX = 6, TRIES_SILENCE = 3, RETRY_US = 100 * 1000 };

struct note {
    struct controller *c;
    char key[16]; /* empty: it only reads */
    char text[NOTE_SIZE];
    note_edit_fn *edit; /* in place of key and text */
    note_check_fn *check;
    note_done_fn *done;
    void *arg;
    char path[800];
    struct kube_request *request;
    struct timer *retry;
    unsigned tries;
    bool doubtful;        /* it was sent, and neither taken nor refused as far as we know */
    struct record record; /* as read last */
};

void note_cancel(struct note *n)
{
    if (!n)
        return;
    kube_request_cancel(n->request);
    timer_free(n->retry);
    free(n);
}

static void finish(struct note *n, const struct fail *why)
{
    n->done(n->arg, why, why->kind == FAIL_NONE ? &n->record : NULL);
    note_cancel(n);
}

static void give_up(struct note *n, const struct fail *why)
{
    struct fail f = *why;

    if (n->doubtful)
        f = fail_make(FAIL_TIMEOUT,
                      "the API server's answer is missing (%.70s): it may have been "
                      "written all the same",
                      why->text);
    else if (f.kind == FAIL_TIMEOUT)
        f.kind = FAIL_UNREACHABLE;
    finish(n, &f);
}

/* Reads again, at once after a conflict, else a little later; or gives up: two requests that nobody
 * answered are enough, as who asked us waits. */
static void try_again(struct note *n, const struct fail *why)
{
    n->tries += why->kind == FAIL_TIMEOUT ? TRIES_SILENCE : 1;
    if (n->tries < TRIES_MAX && why->kind != FAIL_DENIED)
        timer_start(n->retry, why->kind == FAIL_CONFLICT ? 0 : n->tries * RETRY_US);
    else
        give_up(n, why);
}

static void on_written(void *arg, const struct kube_answer *answer)
{
    struct note *n = arg;

    n->request = NULL;
    if (answer->fail.kind == FAIL_NONE) {
        finish(n, &answer->fail);
        return;
    }
    n->doubtful = answer->fail.kind != FAIL_CONFLICT && answer->fail.kind != FAIL_DENIED &&
                  answer->fail.kind != FAIL_GONE && answer->fail.kind != FAIL_REFUSED;
    try_again(n, &answer->fail); /* it may have been written all the same: the read tells */
}

static struct fail read_object(struct note *n, json_t *object, json_t **data)
{
    struct kube_meta meta;
    struct fail f = kube_read_configmap(object, &meta, data);

    if (f.kind != FAIL_NONE)
        return f;
    if (!*data)
        return fail_make(FAIL_PROTOCOL, "the record has no data");
    n->record = (struct record){0};
    return state_decode(*data, &n->record);
}

/* An earlier try was written after all, and the leader has closed it since. */
static bool was_answered(const struct note *n)
{
    return strcmp(n->key, "request") == 0 && request_outcome(n->record.answer, n->text) != NULL;
}

/* False: there is nothing to change. */
static bool change(const struct note *n, json_t *data)
{
    const char *now;

    if (n->edit)
        return n->edit(n->arg, data);
    now = json_string_value(json_object_get(data, n->key));
    if (!n->key[0] || strcmp(now ? now : "", n->text) == 0 || was_answered(n))
        return false;
    (void)json_object_set_new(data, n->key, json_string(n->text));
    return true;
}

/* object: as it was read. Writes it with one key changed. */
static void write_change(struct note *n, json_t *object)
{
    json_t *changed = json_deep_copy(object);
    struct fail f = {0};
    char why[WHY_SIZE] = "";

    if (!change(n, json_object_get(changed, "data"))) {
        finish(n, &f);
    } else if (n->check && !n->check(&n->record, why)) {
        f = fail_make(FAIL_CONFLICT, "%s", why);
        finish(n, &f);
    } else {
        n->request = kube_client_send(n->c->kube, "PUT", n->path, NULL, changed, on_written, n);
    }
    json_decref(changed);
}

static void on_read(void *arg, const struct kube_answer *answer)
{
    struct note *n = arg;
    struct fail f = answer->fail;
    json_t *data;

    n->request = NULL;
    if (f.kind == FAIL_GONE) {
        f = fail_make(FAIL_GONE, "there is no record yet: the cluster is still being formed");
        finish(n, &f);
        return;
    }
    if (f.kind != FAIL_NONE) {
        try_again(n, &f);
        return;
    }
    n->doubtful = false;
    f = read_object(n, answer->body, &data);
    if (f.kind == FAIL_NONE)
        write_change(n, answer->body);
    else
        finish(n, &f);
}

static void send_read(void *arg)
{
    struct note *n = arg;

    n->request = kube_client_send(n->c->kube, "GET", n->path, NULL, NULL, on_read, n);
}

static struct note *begin(struct controller *c, note_done_fn *done, void *arg)
{
    struct note *n = xcalloc(1, sizeof *n);
    char name[KUBE_NAME_SIZE];

    n->c = c;
    n->done = done;
    n->arg = arg;
    config_record_name(&c->config, name, sizeof name);
    (void)str_format(n->path, sizeof n->path, "/api/v1/namespaces/%s/configmaps/%s",
                     c->config.namespace_, name);
    n->retry = timer_new(c->loop, send_read, n);
    send_read(n);
    return n;
}

struct note *note_write(struct controller *c, const char *key, const char *text,
                        note_check_fn *check, note_done_fn *done, void *arg)
{
    struct note *n = begin(c, done, arg);

    n->check = check;
    (void)str_copy(n->key, sizeof n->key, key);
    (void)str_copy(n->text, sizeof n->text, text);
    return n;
}

struct note *note_edit(struct controller *c, note_edit_fn *edit, note_done_fn *done, void *arg)
{
    struct note *n = begin(c, done, arg);

    n->edit = edit;
    return n;
}

struct note *note_read(struct controller *c, note_done_fn *done, void *arg)
{
    return begin(c, done, arg);
}

bool note_request_may(const struct record *r, char why[WHY_SIZE])
{
    if (!r->request[0])
        return true;
    (void)str_format(why, WHY_SIZE, "a request is open already: %s", r->request);
    return false;
}
