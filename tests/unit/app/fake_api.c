#include "fake_api.h"

#include "base/alloc.h"

#include "../cmocka_test.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 4 * 1024 * 1024 };

struct connection {
    struct list node;
    struct fake_api *api;
    int fd;
    struct loop_fd *watch;
    struct buf in, held;
    char stream[32]; /* the resource that it watches; empty: none */
    size_t told;     /* changes that were told on it, or need not be */
};

/* ---- connections ---- */

static void connection_free(struct connection *c)
{
    list_remove(&c->node);
    loop_fd_free(c->watch);
    close(c->fd);
    buf_done(&c->in);
    buf_done(&c->held);
    free(c);
}

/* Answers are small: the socket takes them whole, unless the client is gone. */
static void send_all(const struct connection *c, struct str bytes)
{
    ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);

    assert_true(n < 0 || (size_t)n == bytes.n);
}

static void add_answer(struct buf *out, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);

    assert_non_null(text);
    buf_printf(out,
               "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               status, strlen(text));
    buf_add_text(out, text);
    free(text);
    json_decref(body);
}

static void answer(struct connection *c, int status, json_t *body, bool hold)
{
    struct buf out;

    buf_init(&out, LIMIT);
    add_answer(&out, status, body);
    if (hold)
        buf_add_str(&c->held, buf_str(&out));
    else
        send_all(c, buf_str(&out));
    buf_done(&out);
}

static json_t *status_object(int code)
{
    return json_pack("{s:s, s:s, s:s, s:i}", "kind", "Status", "status", "Failure", "message",
                     "no, says the test", "code", code);
}

static void tell_line(const struct connection *c, const char *type, json_t *object)
{
    json_t *line = json_pack("{s:s, s:O}", "type", type, "object", object);
    char *text = json_dumps(line, JSON_COMPACT);
    struct buf out;

    buf_init(&out, LIMIT);
    buf_printf(&out, "%zx\r\n%s\n\r\n", strlen(text) + 1, text);
    send_all(c, buf_str(&out));
    buf_done(&out);
    free(text);
    json_decref(line);
}

/* ---- objects ---- */

static const char *name_of(json_t *object)
{
    return json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
}

static const char *version_of(json_t *object)
{
    return json_string_value(
        json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
}

static const char *key_of(const char *resource, const char *name, char out[400])
{
    (void)str_format(out, 400, "%s/%s", resource, name);
    return out;
}

json_t *fake_api_find(const struct fake_api *a, const char *resource, const char *name)
{
    char key[400];

    return json_object_get(a->objects, key_of(resource, name, key));
}

static void tell_news(struct connection *c)
{
    json_t *changes = c->api->changes;

    for (; c->told < json_array_size(changes); c->told++) {
        json_t *change = json_array_get(changes, c->told);

        if (strcmp(json_string_value(json_array_get(change, 0)), c->stream) == 0)
            tell_line(c, json_string_value(json_array_get(change, 1)), json_array_get(change, 2));
    }
}

void fake_api_release_events(struct fake_api *a)
{
    a->holds_events = false;
    LIST_FOR_EACH (it, &a->connections) {
        struct connection *c = CONTAINER_OF(it, struct connection, node);

        if (c->stream[0])
            tell_news(c);
    }
}

/* Takes over object. */
static void change(struct fake_api *a, const char *resource, const char *type, json_t *object)
{
    bool holds = a->holds_events;
    char version[32];

    (void)str_format(version, sizeof version, "%lld", (long long)++a->version);
    (void)json_object_set_new(json_object_get(object, "metadata"), "resourceVersion",
                              json_string(version));
    (void)json_array_append_new(a->changes,
                                json_pack("[s, s, o]", resource, type, json_deep_copy(object)));
    json_decref(object);
    if (!holds)
        fake_api_release_events(a);
}

void fake_api_put(struct fake_api *a, const char *resource, json_t *object)
{
    char key[400];
    bool is_new = !fake_api_find(a, resource, name_of(object));

    (void)json_object_set(a->objects, key_of(resource, name_of(object), key), object);
    change(a, resource, is_new ? "ADDED" : "MODIFIED", object);
}

void fake_api_delete(struct fake_api *a, const char *resource, const char *name)
{
    char key[400];
    json_t *object = json_incref(fake_api_find(a, resource, name));

    assert_non_null(object);
    (void)json_object_del(a->objects, key_of(resource, name, key));
    change(a, resource, "DELETED", object);
}

void fake_api_tell(struct fake_api *a, const char *resource, const char *type, json_t *object)
{
    LIST_FOR_EACH (it, &a->connections) {
        struct connection *c = CONTAINER_OF(it, struct connection, node);

        if (strcmp(c->stream, resource) == 0)
            tell_line(c, type, object);
    }
}

void fake_api_release(struct fake_api *a)
{
    a->holds_answers = a->holds_reads = a->holds_lists = false;
    LIST_FOR_EACH (it, &a->connections) {
        struct connection *c = CONTAINER_OF(it, struct connection, node);

        if (c->held.n)
            send_all(c, buf_str(&c->held));
        buf_clear(&c->held);
    }
}

unsigned fake_api_streams(const struct fake_api *a)
{
    unsigned n = 0;

    LIST_FOR_EACH (it, &a->connections)
        n += CONTAINER_OF(it, struct connection, node)->stream[0] != '\0';
    return n;
}

/* ---- requests ---- */

static void serve_list(struct connection *c, const char *resource, const char *query)
{
    struct fake_api *a = c->api;
    const char *wanted = strstr(query, "fieldSelector=metadata.name%3D");
    json_t *items = json_array(), *object;
    const char *key;
    char version[32];

    json_object_foreach (a->objects, key, object) {
        size_t n = strlen(resource);
        bool named = !wanted ||
                     str_starts(str_of(wanted + strlen("fieldSelector=metadata.name%3D")),
                                name_of(object));

        if (strncmp(key, resource, n) == 0 && key[n] == '/' && named)
            (void)json_array_append(items, object);
    }
    (void)str_format(version, sizeof version, "%lld", (long long)a->version);
    a->lists++;
    answer(c, 200,
           json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", version, "items", items),
           a->holds_lists);
}

static void serve_watch(struct connection *c, const char *resource, const char *query)
{
    const char *from = strstr(query, "resourceVersion=");

    assert_non_null(from);
    (void)str_copy(c->stream, sizeof c->stream, resource);
    /* One change a version: the place in the history is the version. */
    c->told = (size_t)strtoull(from + strlen("resourceVersion="), NULL, 10);
    send_all(c, str_of("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n"));
    if (!c->api->holds_events)
        tell_news(c);
}

static void serve_write(struct connection *c, bool create, const char *resource, json_t *body)
{
    struct fake_api *a = c->api;
    json_t *stored = fake_api_find(a, resource, name_of(body));
    int status = create ? 201 : 200;

    json_decref(a->last);
    a->last = json_deep_copy(body);
    if (create ? stored != NULL
               : stored && version_of(body) && strcmp(version_of(body), version_of(stored)) != 0)
        status = 409;
    else if (!create && !stored)
        status = 404;
    if (status >= 400) {
        answer(c, status, status_object(status), a->holds_answers);
        json_decref(body);
        return;
    }
    a->writes++;
    fake_api_put(a, resource, json_incref(body));
    if (a->cuts_writes)
        shutdown(c->fd, SHUT_RDWR); /* the end of it is read next */
    else
        answer(c, status, json_deep_copy(body), a->holds_answers);
    json_decref(body);
}

/* A precondition on the uid is looked at; grace periods are not. Takes over the body. */
static void serve_delete(struct connection *c, const char *resource, const char *name, json_t *body)
{
    struct fake_api *a = c->api;
    json_t *stored = fake_api_find(a, resource, name);
    const char *uid =
        json_string_value(json_object_get(json_object_get(body, "preconditions"), "uid"));
    const char *is = json_string_value(json_object_get(json_object_get(stored, "metadata"), "uid"));
    int status = !stored ? 404 : uid && strcmp(uid, is) != 0 ? 409 : 200;

    json_decref(a->last);
    a->last = body;
    a->writes++;
    if (status == 200)
        fake_api_delete(a, resource, name);
    answer(c, status, status_object(status), a->holds_answers);
}

/* JSON merge patch (RFC 7386); the uid in it is a precondition. */
static void merge(json_t *into, const json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)patch, key, value) {
        if (json_is_null(value))
            (void)json_object_del(into, key);
        else if (json_is_object(value) && json_is_object(json_object_get(into, key)))
            merge(json_object_get(into, key), value);
        else
            (void)json_object_set(into, key, value);
    }
}

/* Takes over the body. */
static void serve_patch(struct connection *c, const char *resource, const char *name, json_t *body)
{
    struct fake_api *a = c->api;
    json_t *stored = fake_api_find(a, resource, name), *next;
    const char *uid = json_string_value(json_object_get(json_object_get(body, "metadata"), "uid"));
    const char *is = json_string_value(json_object_get(json_object_get(stored, "metadata"), "uid"));
    int status = !stored ? 404 : uid && strcmp(uid, is) != 0 ? 409 : 200;

    json_decref(a->last);
    a->last = body;
    a->writes++;
    if (status == 200) {
        next = json_deep_copy(stored);
        merge(next, body);
        fake_api_put(a, resource, next);
    }
    answer(c, status, status_object(status), a->holds_answers);
}

static bool is_resource(const char *word)
{
    static const char *const resources[] = {"pods", "configmaps", "leases", "events"};

    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (strcmp(resources[i], word) == 0)
            return true;
    return false;
}

static void serve(struct connection *c, const char *method, char *path, const char *query,
                  json_t *body)
{
    char *name = strrchr(path, '/') + 1, *resource;
    json_t *found;

    if (is_resource(name)) {
        if (strcmp(method, "POST") == 0)
            serve_write(c, true, name, body);
        else if (strstr(query, "watch=1"))
            serve_watch(c, name, query);
        else
            serve_list(c, name, query);
        return;
    }
    name[-1] = '\0';
    resource = strrchr(path, '/') + 1;
    assert_true(is_resource(resource));
    if (strcmp(method, "PUT") == 0) {
        assert_string_equal(name_of(body), name);
        serve_write(c, false, resource, body);
        return;
    }
    if (strcmp(method, "DELETE") == 0) {
        serve_delete(c, resource, name, body);
        return;
    }
    if (strcmp(method, "PATCH") == 0) {
        serve_patch(c, resource, name, body);
        return;
    }
    assert_string_equal(method, "GET");
    c->api->reads++;
    found = fake_api_find(c->api, resource, name);
    answer(c, found ? 200 : 404, found ? json_deep_copy(found) : status_object(404),
           c->api->holds_reads);
}

/* A whole request stands in c->in, which begins its body at `body`. */
static void take_request(struct connection *c, const char *body)
{
    struct fake_api *a = c->api;
    struct str line = buf_str(&c->in), target, method;
    char method_text[16], path[700], query[700];

    if (a->silent || (a->deaf_to && strstr(c->in.p, a->deaf_to))) {
        buf_clear(&c->in);
        return;
    }
    method = str_cut(&line, ' ');
    line = str_cut(&line, ' ');
    target = str_cut(&line, '?');
    assert_true(str_copy_n(method_text, sizeof method_text, method));
    assert_true(str_copy_n(path, sizeof path, target));
    assert_true(str_copy_n(query, sizeof query, line));
    serve(c, method_text, path, query, *body ? json_loads(body, 0, NULL) : NULL);
    buf_clear(&c->in);
}

static void on_readable(void *arg)
{
    struct connection *c = arg;
    char chunk[65536];
    const char *end, *length;
    ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);

    if (n <= 0) {
        connection_free(c);
        return;
    }
    buf_add(&c->in, chunk, (size_t)n);
    end = strstr(c->in.p, "\r\n\r\n");
    if (!end)
        return;
    length = strcasestr(c->in.p, "\r\nContent-Length:");
    if (length && length < end &&
        strlen(end + 4) < strtoull(length + strlen("\r\nContent-Length:"), NULL, 10))
        return;
    take_request(c, end + 4);
}

static void on_connection(void *arg)
{
    struct fake_api *a = arg;
    struct connection *c = xcalloc(1, sizeof *c);
    int one = 1;

    c->api = a;
    c->fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    buf_init(&c->in, LIMIT);
    buf_init(&c->held, LIMIT);
    c->watch = loop_fd_new(a->loop, c->fd, on_readable, c);
    list_add_tail(&a->connections, &c->node);
}

/* ---- start and end ---- */

void fake_api_start(struct fake_api *a, struct loop *loop)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *a = (struct fake_api){.loop = loop, .objects = json_object(), .changes = json_array()};
    a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(a->fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(a->fd, 64), 0);
    assert_int_equal(getsockname(a->fd, (struct sockaddr *)&address, &size), 0);
    a->port = ntohs(address.sin_port);
    list_init(&a->connections);
    a->watch = loop_fd_new(loop, a->fd, on_connection, a);
}

void fake_api_stop(struct fake_api *a)
{
    struct list *node;

    while ((node = list_pop(&a->connections)))
        connection_free(CONTAINER_OF(node, struct connection, node));
    loop_fd_free(a->watch);
    close(a->fd);
    json_decref(a->objects);
    json_decref(a->changes);
    json_decref(a->last);
}
