#include "sandbox/api_stream.h"

#include "base/alloc.h"

#include <assert.h>
#include <sys/socket.h>

enum {
    BLOCK_SIZE = 32 * 1024,
    PENDING_LIMIT = 4 * 1024 * 1024, /* one line is at most an object of 3 MiB */
    BOOKMARK_US = 60 * 1000000,
    LAST_BOOKMARK_US = 2 * 1000000
};

struct api_stream {
    struct list node;
    struct MHD_Connection *connection;
    struct kube_watcher *watcher;
    struct buf pending; /* bytes that the client has not got */
    int64_t end_us, bookmark_us;
    bool bookmarks, suspended, ending;
};

struct api_stream *api_stream_of(struct list *node)
{
    return CONTAINER_OF(node, struct api_stream, node);
}

static void line_add(struct api_stream *st, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    assert(text);
    buf_add_text(&st->pending, text);
    buf_add_byte(&st->pending, '\n');
    free(text);
    json_decref(line);
}

static ssize_t stream_read(void *arg, uint64_t pos, char *out, size_t max)
{
    struct api_stream *st = arg;
    json_t *line;
    size_t n;

    (void)pos;
    while (st->pending.n < max && (line = kube_watcher_next(st->watcher)))
        line_add(st, line);
    if (st->pending.failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (st->pending.n) {
        n = st->pending.n < max ? st->pending.n : max;
        memcpy(out, st->pending.p, n);
        buf_drop(&st->pending, n);
        return (ssize_t)n;
    }
    if (st->ending || kube_watcher_ended(st->watcher))
        return MHD_CONTENT_READER_END_OF_STREAM;
    st->suspended = true;
    MHD_suspend_connection(st->connection);
    return 0;
}

static void stream_free(void *arg)
{
    struct api_stream *st = arg;

    list_remove(&st->node);
    kube_watcher_free(st->watcher);
    buf_done(&st->pending);
    free(st);
}

static int64_t bookmark_after(const struct api_stream *st, int64_t now_us)
{
    int64_t next_us = now_us + BOOKMARK_US, last_us = st->end_us - LAST_BOOKMARK_US;

    return now_us < last_us && last_us < next_us ? last_us : next_us;
}

enum MHD_Result api_stream_start(struct list *streams, struct MHD_Connection *connection,
                                 const struct kube_rest_answer *answer, int64_t now_us)
{
    struct api_stream *st = xcalloc(1, sizeof *st);
    struct MHD_Response *response;
    enum MHD_Result result;

    st->connection = connection;
    st->watcher = answer->watch;
    st->bookmarks = answer->bookmarks;
    st->end_us = now_us + answer->timeout_s * 1000000;
    st->bookmark_us = bookmark_after(st, now_us);
    buf_init(&st->pending, PENDING_LIMIT);
    list_add_tail(streams, &st->node);
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, stream_read, st,
                                                 stream_free);
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Cache-Control", "no-cache, private");
    result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

void api_stream_wake(struct api_stream *st)
{
    if (!st->suspended)
        return;
    st->suspended = false;
    MHD_resume_connection(st->connection);
}

static bool client_gone(const struct api_stream *st)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(st->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;

    return recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void api_stream_tick(struct api_stream *st, int64_t now_us)
{
    if (!st->suspended)
        return;
    if (now_us >= st->end_us || client_gone(st)) {
        st->ending = true;
        api_stream_wake(st);
        return;
    }
    if (now_us >= st->bookmark_us) {
        json_t *line = st->bookmarks ? kube_watcher_bookmark(st->watcher) : NULL;

        st->bookmark_us = bookmark_after(st, now_us);
        if (line) {
            line_add(st, line);
            api_stream_wake(st);
        }
    }
}
