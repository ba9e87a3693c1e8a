/* kube_watch: a list that is kept true by a watch (see kube_client.h).
 *
 *     list --> stream --> stream (it ended as it should: from the last resourceVersion)
 *       ^         |
 *       '- pause -'  (anything else) */
#include "io/kube_client.h"

#include "base/alloc.h"
#include "io/kube_transport.h"

#include <ctype.h>

enum {
    LINE_LIMIT = 4 * 1024 * 1024, /* etcd takes no object over 1.5 MiB */
    PAUSE_LEAST_US = 100 * 1000,
    PAUSE_MOST_US = 10 * 1000 * 1000,
    SHORT_STREAM_US = 1000 * 1000, /* a stream that ended so soon is no reason to hurry */
    MARGIN_MOST_US = 5 * 1000 * 1000
};

struct kube_watch {
    struct list node;
    struct kube_client *client;
    char *path, *selector;
    struct kube_watch_events events;
    void *arg;

    struct kube_request *request;   /* the list, while it is under way */
    struct http_transfer *transfer; /* the stream, while it is open */
    struct timer *timer;            /* pause, or the limit of the stream */
    int64_t asked_us;               /* when the list or the stream was asked for */
    int64_t fresh_us;
    int64_t pause_us; /* of the last pause; 0: none since all was well */
    bool failing;     /* on_state was told so */
    char version[KUBE_VERSION_SIZE];
    struct buf line; /* what came behind the last line break */
    bool telling;    /* a callback is under way: what it stops is freed after it */
    bool stopped;
};

static void watch_list(struct kube_watch *w);
static void watch_stream(struct kube_watch *w);

/* ---- callbacks to the owner, who may stop the watch in any of them ---- */

/* Behind a callback. False: it stopped the watch, which is freed now. */
static bool told(struct kube_watch *w)
{
    bool stopped = w->stopped;

    w->telling = false;
    if (stopped)
        free(w);
    return !stopped;
}

static bool tell_state(struct kube_watch *w, const struct fail *why)
{
    w->failing = why->kind != FAIL_NONE;
    w->telling = true;
    if (w->events.on_state)
        w->events.on_state(w->arg, why);
    return told(w);
}

static bool tell_list(struct kube_watch *w, json_t *items)
{
    w->telling = true;
    w->events.on_list(w->arg, items);
    return told(w);
}

static bool tell_event(struct kube_watch *w, enum kube_event_type type, json_t *object)
{
    w->telling = true;
    w->events.on_event(w->arg, type, object);
    return told(w);
}

/* ---- pauses ---- */

static void watch_pause(struct kube_watch *w)
{
    w->pause_us = w->pause_us == 0 ? PAUSE_LEAST_US : w->pause_us * 2;
    if (w->pause_us > PAUSE_MOST_US)
        w->pause_us = PAUSE_MOST_US;
    timer_start(w->timer, w->pause_us);
}

/* Whatever went wrong: a fresh list, after a pause, puts it right. */
static void watch_fail(struct kube_watch *w, const struct fail *why)
{
    http_transfer_cancel(w->transfer);
    w->transfer = NULL;
    w->version[0] = 0;
    watch_pause(w);
    tell_state(w, why);
}

/* The end of a pause, or the stream outlived its limit. */
static void on_timer(void *arg)
{
    struct kube_watch *w = arg;
    struct fail silent = fail_make(FAIL_TIMEOUT, "the watch did not end when it should");

    if (w->transfer)
        watch_fail(w, &silent);
    else if (w->version[0] != 0)
        watch_stream(w);
    else
        watch_list(w);
}

/* ---- the list ---- */

static void on_list_done(void *arg, const struct kube_answer *answer)
{
    static const struct fail well = {0};
    struct kube_watch *w = arg;
    struct fail fail = answer->fail;
    json_t *items = NULL;

    w->request = NULL;
    if (fail.kind == FAIL_NONE)
        fail = kube_read_list(answer->body, w->version, &items);
    if (fail.kind != FAIL_NONE) {
        watch_fail(w, &fail);
        return;
    }
    w->fresh_us = w->asked_us; /* it was read at some time after that */
    if (!tell_list(w, items))
        return;
    if (w->failing && !tell_state(w, &well))
        return;
    watch_stream(w);
}

static void watch_list(struct kube_watch *w)
{
    struct buf path;

    buf_init(&path, 4096);
    buf_printf(&path, "%s%s%s", w->path, w->selector[0] ? "?" : "", w->selector);
    w->asked_us = loop_now_us(w->client->loop);
    w->request = kube_client_send(w->client, "GET", path.p, NULL, NULL, on_list_done, w);
    buf_done(&path);
}

/* ---- the stream ---- */

/* False: the watch was stopped, or the stream ended. */
static bool watch_take_line(struct kube_watch *w, struct str text)
{
    json_t *line, *object;
    enum kube_event_type type;
    struct kube_meta meta;
    struct fail fail = kube_watch_line(text, &line, &type, &object);
    bool goes_on = true;

    if (fail.kind == FAIL_NONE)
        fail = kube_read_meta(object, &meta);
    if (fail.kind == FAIL_NONE && meta.version[0] == 0)
        fail = fail_make(FAIL_PROTOCOL, "watch line: object without a resourceVersion");
    if (fail.kind != FAIL_NONE) {
        watch_fail(w, &fail);
        goes_on = false;
    } else {
        str_copy(w->version, sizeof(w->version), meta.version);
        w->fresh_us = loop_now_us(w->client->loop);
        w->pause_us = 0;
        if (type != KUBE_BOOKMARK)
            goes_on = tell_event(w, type, object);
    }
    json_decref(line);
    return goes_on;
}

static void on_stream_data(void *arg, struct str data)
{
    struct kube_watch *w = arg;
    const char *end;
    struct fail too_long;

    while ((end = memchr(data.p, '\n', data.n))) {
        struct str text = {data.p, (size_t)(end - data.p)};
        struct buf whole = w->line;
        bool goes_on;

        data.n -= text.n + 1;
        data.p = end + 1;
        if (whole.n > 0) { /* taken out of the watch, which may be gone after the callback */
            buf_init(&w->line, LINE_LIMIT);
            buf_add_str(&whole, text);
            text = buf_str(&whole);
            if (whole.failed)
                text.n = 0; /* no event: ends the stream */
            goes_on = watch_take_line(w, text);
            buf_done(&whole);
        } else {
            goes_on = watch_take_line(w, text);
        }
        if (!goes_on)
            return;
    }
    buf_add_str(&w->line, data);
    if (w->line.failed) {
        too_long = fail_make(FAIL_PROTOCOL, "watch line of over %d bytes", LINE_LIMIT);
        watch_fail(w, &too_long);
    }
}

/* The stream ended as it should, so nothing was left untold. */
static void watch_go_on(struct kube_watch *w, int64_t lasted_us)
{
    w->fresh_us = w->asked_us + lasted_us;
    if (lasted_us < SHORT_STREAM_US) {
        watch_pause(w);
    } else {
        w->pause_us = 0;
        watch_stream(w);
    }
}

static void on_stream_done(void *arg, const struct http_result *result)
{
    struct kube_watch *w = arg;
    int64_t lasted_us = loop_now_us(w->client->loop) - w->asked_us;
    json_t *body;
    struct fail fail = kube_transport_judge(w->client, result, &body);

    w->transfer = NULL;
    timer_stop(w->timer);
    json_decref(body);
    if (fail.kind == FAIL_NONE && w->line.n > 0)
        fail = fail_make(FAIL_UNREACHABLE, "the watch ended inside a line");
    if (fail.kind != FAIL_NONE)
        watch_fail(w, &fail);
    else
        watch_go_on(w, lasted_us);
}

/* A resourceVersion is opaque: nobody promises digits. */
static void add_escaped(struct buf *path, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text))
            buf_add_byte(path, (uint8_t)*text);
        else
            buf_printf(path, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

/* The server ends the stream after timeoutSeconds; a stream that lives longer is one that nobody
 * writes to any more (an API server that is being stopped leaves such ones behind). */
static void watch_stream(struct kube_watch *w)
{
    int64_t limit_us = w->client->config.watch_timeout_us;
    int64_t seconds = (limit_us + 999999) / 1000000;
    int64_t margin_us = limit_us / 2 < MARGIN_MOST_US ? limit_us / 2 : MARGIN_MOST_US;
    struct http_transfer_config config = {
        .method = "GET",
        .on_data = on_stream_data,
        .on_done = on_stream_done,
        .arg = w,
    };
    struct buf path;

    buf_init(&path, 4096);
    buf_printf(&path,
               "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%lld&resourceVersion=", w->path,
               (long long)seconds);
    add_escaped(&path, w->version);
    if (w->selector[0])
        buf_printf(&path, "&%s", w->selector);
    buf_clear(&w->line);
    w->asked_us = loop_now_us(w->client->loop);
    w->transfer = kube_transport_start(w->client, path.p, &config);
    timer_start(w->timer, seconds * 1000000 + margin_us);
    buf_done(&path);
}

/* ---- start and stop ---- */

struct kube_watch *kube_watch_start(struct kube_client *k, const char *path, const char *selector,
                                    const struct kube_watch_events *events, void *arg)
{
    struct kube_watch *w = xcalloc(1, sizeof(*w));

    w->client = k;
    w->path = xstrdup(path);
    w->selector = xstrdup(selector);
    w->events = *events;
    w->arg = arg;
    w->timer = timer_new(k->loop, on_timer, w);
    buf_init(&w->line, LINE_LIMIT);
    list_add_tail(&k->watches, &w->node);
    watch_list(w);
    return w;
}

void kube_watch_stop(struct kube_watch *w)
{
    if (!w)
        return;
    list_remove(&w->node);
    kube_request_cancel(w->request);
    http_transfer_cancel(w->transfer);
    timer_free(w->timer);
    buf_done(&w->line);
    free(w->path);
    free(w->selector);
    w->stopped = true;
    if (!w->telling)
        free(w);
}

void kube_watch_end(struct list *node)
{
    kube_watch_stop(CONTAINER_OF(node, struct kube_watch, node));
}

int64_t kube_watch_fresh_us(const struct kube_watch *w)
{
    return w->fresh_us;
}
