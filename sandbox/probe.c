#include "sandbox/probe.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <uv.h>

/* Lives until libuv has closed its handle. */
struct probe {
    uv_tcp_t tcp;
    uv_connect_t connect;
    void (*on_done)(void *arg, bool good); /* NULL: given up */
    void *arg;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct probe *p = connect->data;

    if (p->on_done)
        p->on_done(p->arg, status == 0);
}

struct probe *probe_start(struct loop *loop, const char *source, const char *ip, unsigned port,
                          void (*on_done)(void *arg, bool good), void *arg)
{
    struct probe *p = xcalloc(1, sizeof *p);
    struct sockaddr_in address;

    p->on_done = on_done;
    p->arg = arg;
    p->tcp.data = p->connect.data = p;
    uv_tcp_init(loop_uv(loop), &p->tcp);
    if (source) {
        uv_ip4_addr(source, 0, &address);
        uv_tcp_bind(&p->tcp, (const struct sockaddr *)&address, 0);
    }
    uv_ip4_addr(ip, (int)port, &address);
    if (uv_tcp_connect(&p->connect, &p->tcp, (const struct sockaddr *)&address, on_connect) == 0)
        return p;
    probe_free(p);
    return NULL;
}

void probe_free(struct probe *p)
{
    if (!p)
        return;
    p->on_done = NULL;
    uv_close((uv_handle_t *)&p->tcp, on_closed);
}
