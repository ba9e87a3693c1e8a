#include "app/feed.h"

#include "app/answers.h"
#include "app/explanation.h"
#include "app/flights.h"
#include "app/metrics.h"
#include "app/state.h"
#include "app/status.h"
#include "base/alloc.h"
#include "base/list.h"

static const int64_t look_us = 100LL * 1000; /* how often it is looked for a change */
static const int64_t beat_us = 1000LL * 1000;
enum { MARK_SIZE = 4096, DOCUMENT_LIMIT = 1 << 20 };

struct reader {
    struct list node;
    struct feed *f;
    struct http_stream *stream;
};

struct feed {
    struct controller *c;
    struct timer *timer; /* runs while somebody reads */
    struct list readers;
    int64_t sent_us;
    char mark[MARK_SIZE]; /* of what was sent last */
};

static json_t *overview_json(struct controller *c)
{
    return json_pack("{s:o, s:o, s:o, s:b}", "status", status_json(c), "explain",
                     explanation_json(c, -1), "history", flights_json(c), "actions",
                     c->config.admin_token_file[0] != '\0');
}

/* What of a registration is news: under writes a status flickers between ready and replicating, an
 * ASYNC one's also to invalid. */
static int row_news(const struct row *row)
{
    if (!row)
        return -1;
    if (row->mode == MODE_ASYNC)
        return row->has_data && row->status != ROW_DIVERGED;
    return row_serves(row) ? (int)ROW_READY : (int)row->status;
}

/* Everything but ages and counters: when this text changes, there is news. */
static void mark_write(const struct controller *c, char out[MARK_SIZE])
{
    const struct view *v = &c->view;
    struct buf b;

    buf_init(&b, MARK_SIZE - 1);
    buf_printf(&b, "%u %d %s %d %s", c->decisions_n, (int)c->plan.gate.state, c->plan.gate.why,
               v->leader, state_version(c->state));
    for (int i = 0; i < PODS_MAX; i++) {
        const struct pod *p = &v->pods[i];
        const struct row *row = view_row(v, i);

        buf_printf(&b, " %d%d%d%d%d%d.%d", p->exists, p->ready, p->terminating, (int)p->link,
                   (int)pod_role(p), (int)p->command, row_news(row));
    }
    buf_printf(&b, " %s", c->plan.reason);
    (void)str_copy_n(out, MARK_SIZE, buf_str(&b));
    buf_done(&b);
}

/* One event: the document in a line, and how long to wait before a new connection. */
static void event_write(struct controller *c, struct buf *out)
{
    json_t *json = overview_json(c);
    char *text = json_dumps(json, JSON_COMPACT);

    buf_init(out, DOCUMENT_LIMIT);
    buf_printf(out, "retry: 1000\nevent: overview\ndata: %s\n\n", text ? text : "{}");
    free(text);
    json_decref(json);
}

static void send_to_all(struct feed *f)
{
    struct buf event;

    metrics_ask(f->c); /* what pods store; seldom */
    event_write(f->c, &event);
    LIST_FOR_EACH (it, &f->readers)
        (void)http_stream_send(CONTAINER_OF(it, struct reader, node)->stream, buf_str(&event));
    buf_done(&event);
    f->sent_us = loop_now_us(f->c->loop);
}

static void on_look(void *arg)
{
    struct feed *f = arg;
    char mark[MARK_SIZE];

    if (list_empty(&f->readers))
        return;
    (void)controller_view(f->c);
    mark_write(f->c, mark);
    if (strcmp(mark, f->mark) != 0 || loop_now_us(f->c->loop) - f->sent_us >= beat_us) {
        (void)str_copy(f->mark, sizeof f->mark, mark);
        send_to_all(f);
    }
    timer_start(f->timer, look_us);
}

static void on_closed(void *arg)
{
    struct reader *reader = arg;

    list_remove(&reader->node);
    free(reader);
}

void feed_answer_overview(struct feed *f, struct http_request *r)
{
    answer_json(r, 200, overview_json(f->c));
}

void feed_answer_events(struct feed *f, struct http_request *r)
{
    struct reader *reader = xcalloc(1, sizeof *reader);
    struct buf event;

    reader->f = f;
    http_reply_header(r, "Cache-Control", "no-store");
    http_reply_header(r, "X-Accel-Buffering", "no"); /* a proxy shall pass it on at once */
    reader->stream = http_reply_stream(r, "text/event-stream", on_closed, reader);
    if (!reader->stream) {
        free(reader);
        return;
    }
    list_add_tail(&f->readers, &reader->node);
    event_write(f->c, &event);
    (void)http_stream_send(reader->stream, buf_str(&event));
    buf_done(&event);
    timer_start(f->timer, look_us);
}

struct feed *feed_new(struct controller *c)
{
    struct feed *f = xcalloc(1, sizeof *f);

    f->c = c;
    f->timer = timer_new(c->loop, on_look, f);
    list_init(&f->readers);
    return f;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    timer_free(f->timer);
    free(f);
}
