/* The routes on HTTP_PORT, over a socket in the same loop. */
#include "app/api.h"

#include "app/election.h"
#include "app/pods.h"
#include "app/routes.h"
#include "app/state.h"
#include "io/http_server.h"

#include "desk.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct http_server *__real_http_server_start(struct loop *loop, const char *host, unsigned port,
                                             size_t body_limit, http_handler_fn *handler, void *arg,
                                             struct fail *why);
struct http_server *__wrap_http_server_start(struct loop *loop, const char *host, unsigned port,
                                             size_t body_limit, http_handler_fn *handler, void *arg,
                                             struct fail *why);

static struct loop *loop;
static struct fake_api kube;
static struct controller c;
static struct api *api;
static unsigned port; /* that the server got */

struct http_server *__wrap_http_server_start(struct loop *on, const char *host, unsigned wanted,
                                             size_t body_limit, http_handler_fn *handler, void *arg,
                                             struct fail *why)
{
    struct http_server *s = __real_http_server_start(on, host, wanted, body_limit, handler, arg,
                                                     why);

    port = s ? http_server_port(s) : 0;
    return s;
}

static int setup(void **state)
{
    struct config config;
    struct fail why;

    (void)state;
    loop = loop_new();
    fake_api_start(&kube, loop);
    desk_config(&config, "me", kube.port);
    desk_set(&c, loop, &config);
    c.routes = routes_new(&c, &why);
    c.state = state_new(&c);
    c.pods = pods_new(&c);
    c.election = election_new(&c);
    api = api_new(&c, &why);
    assert_non_null(api);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    api_free(api);
    desk_clear(&c);
    fake_api_stop(&kube);
    loop_free(loop);
    return 0;
}

/* ---- a client ---- */

static struct buf answer;
static bool ended;

static void on_answer(void *arg)
{
    const int *fd = arg;
    char chunk[4096];
    ssize_t n = recv(*fd, chunk, sizeof chunk, MSG_DONTWAIT);

    ended = n <= 0;
    if (n > 0)
        buf_add(&answer, chunk, (size_t)n);
}

/* The whole answer, with its headers; borrowed until the next one. */
static const char *ask(const char *method, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct loop_fd *watch;
    char request[200];

    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)str_format(request, sizeof request,
                     "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, path,
                     strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n" : "");
    assert_int_equal(send(fd, request, strlen(request), 0), (int)strlen(request));
    buf_done(&answer);
    buf_init(&answer, 1 << 20);
    ended = false;
    watch = loop_fd_new(loop, fd, on_answer, &fd);
    while (!ended)
        desk_turn(loop);
    loop_fd_free(watch);
    close(fd);
    return answer.p;
}

static int status_of(const char *text)
{
    assert_true(text && strncmp(text, "HTTP/1.1 ", 9) == 0);
    return (int)strtol(text + 9, NULL, 10);
}

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(strstr(text, "\r\n\r\n") + 4, 0, NULL);

    assert_non_null(json);
    return json;
}

static void test_routes_that_are_documented(void **state)
{
    static const char *const pages[] = {"/", "/status", "/api/v1/status"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        const char *text = ask("GET", pages[i]);
        json_t *json = json_of(text);

        assert_int_equal(status_of(text), 200);
        assert_non_null(strstr(text, "application/json"));
        assert_string_equal(json_string_value(json_object_get(json, "phase")), "BOOTSTRAP");
        json_decref(json);
    }
    assert_non_null(strstr(ask("GET", "/api/v1/leadership"), "\"identity\": \"me\""));
    assert_non_null(strstr(ask("GET", "/metrics"), "\nmemgraph_controller_is_leader "));
    assert_non_null(strstr(answer.p, "text/plain; version=0.0.4"));
    assert_int_equal(status_of(ask("GET", "/livez")), 200);
}

static void test_ready_only_once_it_has_heard_and_until_it_stops(void **state)
{
    json_t *json;

    (void)state;
    assert_int_equal(status_of(ask("GET", "/readyz")), 503);
    assert_non_null(strstr(answer.p, "the API server has not been heard yet\n"));
    assert_int_equal(status_of(ask("GET", "/health")), 503);
    c.heard = true;
    assert_int_equal(status_of(ask("GET", "/readyz")), 200);
    assert_int_equal(status_of(ask("GET", "/health")), 200);
    json = json_of(answer.p);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "healthy");
    json_decref(json);
    c.stopping = true;
    assert_int_equal(status_of(ask("GET", "/readyz")), 503);
    assert_non_null(strstr(answer.p, "stopping"));
    assert_int_equal(status_of(ask("GET", "/health")), 503);
    assert_int_equal(status_of(ask("GET", "/livez")), 200);
}

static void test_methods_and_paths(void **state)
{
    static const char *const methods[] = {"POST", "DELETE", "PATCH"};
    const char *text;

    (void)state;
    text = ask("HEAD", "/status");
    assert_int_equal(status_of(text), 200);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n"); /* no body */
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        assert_int_equal(status_of(ask(methods[i], "/status")), 405);
        assert_non_null(strstr(answer.p, "Allow: GET, HEAD"));
    }
    assert_int_equal(status_of(ask("GET", "/statuses")), 404);
    assert_int_equal(status_of(ask("GET", "/status/")), 404);
    assert_int_equal(status_of(ask("POST", "/nothing")), 404);
    assert_int_equal(status_of(ask("GET", "/status?x=1")), 200);
}

static void test_taken_port_is_said(void **state)
{
    struct controller other = c;
    struct fail why;

    (void)state;
    other.config.http_port = port;
    assert_null(api_new(&other, &why));
    assert_true(why.text[0]);
}

static int forget_answer(void **state)
{
    (void)state;
    buf_done(&answer);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(routes_that_are_documented),
        TEST(ready_only_once_it_has_heard_and_until_it_stops),
        TEST(methods_and_paths),
        TEST(taken_port_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, forget_answer);
}
