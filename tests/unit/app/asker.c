#include "asker.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

void asker_init(struct asker *a, struct loop *loop)
{
    *a = (struct asker){.loop = loop, .fd = -1};
    buf_init(&a->answer, 1 << 20);
}

static void hang_up(struct asker *a)
{
    if (a->fd < 0)
        return;
    loop_fd_free(a->watch);
    close(a->fd);
    a->fd = -1;
}

void asker_done(struct asker *a)
{
    hang_up(a);
    buf_done(&a->answer);
}

static void on_answer(void *arg)
{
    struct asker *a = arg;
    char chunk[4096];
    ssize_t n = recv(a->fd, chunk, sizeof chunk, MSG_DONTWAIT);

    a->ended = n <= 0;
    if (n > 0)
        buf_add(&a->answer, chunk, (size_t)n);
    else
        hang_up(a);
}

void asker_send(struct asker *a, unsigned port, const char *method, const char *path,
                const char *headers, const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct buf request;

    hang_up(a);
    buf_clear(&a->answer);
    a->ended = false;
    a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(a->fd, (const struct sockaddr *)&address, sizeof address), 0);
    buf_init(&request, 1 << 20);
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, path,
               headers ? headers : "");
    if (body || strcmp(method, "POST") == 0)
        buf_printf(&request, "Content-Length: %zu\r\n", body ? strlen(body) : 0);
    buf_printf(&request, "\r\n%s", body ? body : "");
    assert_int_equal(send(a->fd, request.p, request.n, 0), (int)request.n);
    buf_done(&request);
    a->watch = loop_fd_new(a->loop, a->fd, on_answer, a);
}

int asker_status(struct asker *a)
{
    WAIT_UNTIL(a->loop, a->ended);
    assert_true(a->answer.n > 9 && strncmp(a->answer.p, "HTTP/1.1 ", 9) == 0);
    return (int)strtol(a->answer.p + 9, NULL, 10);
}

const char *asker_text(struct asker *a)
{
    WAIT_UNTIL(a->loop, a->ended);
    return a->answer.p;
}

json_t *asker_json(struct asker *a)
{
    json_t *json = json_loads(strstr(asker_text(a), "\r\n\r\n") + 4, 0, NULL);

    assert_non_null(json);
    return json;
}
