#include "sandbox/api_server.h"

#include "base/alloc.h"
#include "base/list.h"
#include "sandbox/api_stream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <unistd.h>

enum {
    BODY_LIMIT = 3 * 1024 * 1024, /* as the real one */
    CONNECTIONS_MAX = 512,
    SWEEP_US = 200 * 1000
};

struct api_server {
    struct api_server_config config;
    struct MHD_Daemon *daemon;
    struct loop_fd *watch; /* the daemon's epoll descriptor */
    struct timer *run_timer, *sweep_timer;
    struct list streams; /* struct api_stream */
    struct list delayed; /* requests that wait for their delay */
    int64_t delay_us;
    bool frozen, stopping;
};

struct request {
    struct list node; /* in `delayed` */
    struct api_server *server;
    struct MHD_Connection *connection;
    struct timer *timer; /* of its delay; NULL: had none */
    struct buf body;
};

/* Serves what is ready. libmicrohttpd says how soon it wants to be called again by itself. */
static void run(void *arg)
{
    struct api_server *s = arg;
    MHD_UNSIGNED_LONG_LONG wait_ms;

    if (s->frozen)
        return;
    MHD_run(s->daemon);
    if (MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES)
        timer_start(s->run_timer, (int64_t)wait_ms * 1000);
    if (!list_empty(&s->streams) && !timer_active(s->sweep_timer))
        timer_start(s->sweep_timer, SWEEP_US);
}

/* Ends watches whose time is over or whose client is gone, and gives bookmarks: the library does
 * not look at suspended connections. */
static void sweep(void *arg)
{
    struct api_server *s = arg;
    int64_t now_us = loop_now_us(s->config.loop);

    LIST_FOR_EACH (it, &s->streams)
        api_stream_tick(api_stream_of(it), now_us);
    run(s);
}

static enum MHD_Result reply_queue(struct MHD_Connection *connection, struct kube_reply reply)
{
    bool plain = json_is_string(reply.body);
    char *text = plain ? xstrdup(json_string_value(reply.body))
                       : json_dumps(reply.body, JSON_COMPACT);
    struct MHD_Response *response;
    enum MHD_Result result;

    assert(text);
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", plain ? "text/plain" : "application/json");
    MHD_add_response_header(response, "Cache-Control", "no-cache, private");
    result = MHD_queue_response(connection, reply.status, response);
    MHD_destroy_response(response);
    json_decref(reply.body);
    return result;
}

static const char *param(void *arg, const char *name)
{
    return MHD_lookup_connection_value(arg, MHD_GET_ARGUMENT_KIND, name);
}

/* NULL body: let in. Health and version are open to everybody. */
static struct kube_reply authorize(const struct api_server *s, struct MHD_Connection *connection,
                                   const char *path)
{
    const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_AUTHORIZATION);

    if (strncmp(path, "/api", 4) != 0)
        return (struct kube_reply){0};
    if (!header)
        return kube_rest_forbidden(path);
    if (strncmp(header, "Bearer ", 7) != 0 || strcmp(header + 7, s->config.token) != 0)
        return kube_rest_unauthorized();
    return (struct kube_reply){0};
}

static enum MHD_Result control_serve(const struct request *r, const char *method, const char *path)
{
    const struct api_server_config *config = &r->server->config;
    json_t *body = NULL;

    if (strncmp(path, "/sandbox/", strlen("/sandbox/")) == 0)
        body = config->on_control(config->arg, method, path + strlen("/sandbox/"),
                                  param(r->connection, "args"));
    if (!body)
        return reply_queue(r->connection, kube_status_text(404, "no such command\n"));
    return reply_queue(r->connection, (struct kube_reply){200, body});
}

static enum MHD_Result request_serve(struct request *r, const char *method, const char *path)
{
    struct api_server *s = r->server;
    struct kube_rest_request rest = {.method = method, .path = path, .body = buf_str(&r->body)};
    struct kube_rest_answer answer = {0};

    if (!s->config.store)
        return control_serve(r, method, path);
    if (r->body.failed)
        return reply_queue(r->connection, kube_rest_too_large(BODY_LIMIT));
    answer.reply = authorize(s, r->connection, path);
    if (!answer.reply.body) {
        rest.content_type = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
                                                        MHD_HTTP_HEADER_CONTENT_TYPE);
        rest.param = param;
        rest.arg = r->connection;
        answer = kube_rest_serve(s->config.store, &rest);
    }
    if (answer.watch)
        return api_stream_start(&s->streams, r->connection, &answer, loop_now_us(s->config.loop));
    return reply_queue(r->connection, answer.reply);
}

static void delay_end(void *arg)
{
    struct request *r = arg;

    list_remove(&r->node);
    MHD_resume_connection(r->connection);
    run(r->server);
}

/* Called when the headers are in, for each piece of the body, and at the end of it. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct api_server *s = arg;
    struct request *r = *context;

    (void)version;
    if (!r) {
        r = xcalloc(1, sizeof *r);
        r->server = s;
        r->connection = connection;
        list_init(&r->node);
        buf_init(&r->body, BODY_LIMIT);
        *context = r;
        return MHD_YES;
    }
    if (*size) {
        buf_add(&r->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (s->delay_us && !r->timer) {
        r->timer = timer_new(s->config.loop, delay_end, r);
        timer_start(r->timer, s->delay_us);
        list_add_tail(&s->delayed, &r->node);
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    return request_serve(r, method, path);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *r = *context;

    (void)arg;
    (void)connection;
    (void)code;
    if (!r)
        return;
    list_remove(&r->node);
    timer_free(r->timer);
    buf_done(&r->body);
    free(r);
    *context = NULL;
}

/* Our own listening socket: the library's options would let two sandboxes share an address. */
static int listen_on(const char *host, unsigned port, struct fail *why)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    char what[128];

    (void)str_format(what, sizeof what, "listen on %s:%u", host, port);
    if (fd >= 0 && inet_pton(AF_INET, host, &address.sin_addr) == 1 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 256) == 0)
        return fd;
    *why = fail_errno(what, errno);
    if (fd >= 0)
        close(fd);
    return -1;
}

struct api_server *api_server_start(const struct api_server_config *config, struct fail *why)
{
    int fd = listen_on(config->host, config->port, why);
    const union MHD_DaemonInfo *info;
    struct api_server *s;

    if (fd < 0)
        return NULL;
    s = xcalloc(1, sizeof *s);
    s->config = *config;
    list_init(&s->streams);
    list_init(&s->delayed);
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                 on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (!s->daemon) {
        *why = fail_make(FAIL_BUSY, "libmicrohttpd does not start");
        close(fd);
        free(s);
        return NULL;
    }
    info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info);
    s->watch = loop_fd_new(config->loop, info->epoll_fd, run, s);
    s->run_timer = timer_new(config->loop, run, s);
    s->sweep_timer = timer_new(config->loop, sweep, s);
    return s;
}

void api_server_stop(struct api_server *s)
{
    if (!s)
        return;
    /* The library insists that nothing is suspended when it stops. */
    LIST_FOR_EACH (it, &s->streams)
        api_stream_wake(api_stream_of(it));
    LIST_FOR_EACH (it, &s->delayed) {
        struct request *r = CONTAINER_OF(it, struct request, node);

        timer_stop(r->timer);
        MHD_resume_connection(r->connection);
    }
    loop_fd_free(s->watch);
    MHD_stop_daemon(s->daemon);
    timer_free(s->run_timer);
    timer_free(s->sweep_timer);
    free(s);
}

void api_server_wake(struct api_server *s)
{
    LIST_FOR_EACH (it, &s->streams)
        api_stream_wake(api_stream_of(it));
    timer_start(s->run_timer, 0);
}

void api_server_set_delay(struct api_server *s, int64_t delay_us)
{
    s->delay_us = delay_us;
}

/* The epoll descriptor stays readable while frozen, so it must not be watched meanwhile. */
void api_server_freeze(struct api_server *s, bool frozen)
{
    if (frozen == s->frozen)
        return;
    s->frozen = frozen;
    if (frozen) {
        loop_fd_free(s->watch);
        s->watch = NULL;
        timer_stop(s->sweep_timer);
        return;
    }
    s->watch = loop_fd_new(
        s->config.loop, MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, run, s);
    timer_start(s->run_timer, 0);
}
