#include "sim/net.h"

#include "base/alloc.h"
#include "sim/net_impl.h"

#include <assert.h>

struct net net;

void net_reset(const struct net_config *config)
{
    net_done();
    net = (struct net){.config = *config, .random = random_stream(config->seed, 1)};
}

void net_done(void)
{
    for (size_t i = 0; i < NET_HOSTS_MAX; i++)
        if (net.hosts[i])
            host_free(net.hosts[i]);
}

/* ---- hosts ---- */

struct host *host_new(const char *name, const char *ip)
{
    struct host *h = xcalloc(1, sizeof *h), *before = host_find(ip);

    if (before && before->down)
        before->ip[0] = '\0'; /* it does not come back as what it was */
    (void)str_copy(h->name, sizeof h->name, name);
    (void)str_copy(h->ip, sizeof h->ip, ip);
    list_init(&h->listeners);
    list_init(&h->ends);
    while (net.hosts[h->index])
        h->index++;
    assert(h->index < NET_HOSTS_MAX && !host_find(ip));
    net.hosts[h->index] = h;
    for (size_t i = 0; i < NET_HOSTS_MAX; i++)
        net.paths[h->index][i] = net.paths[i][h->index] = (struct path){0};
    return h;
}

void host_free(struct host *h)
{
    assert(list_empty(&h->listeners) && list_empty(&h->ends));
    net.hosts[h->index] = NULL;
    http_forget_host(h);
    for (size_t i = 0; i < NET_HOSTS_MAX; i++)
        if (net.hosts[i])
            tcp_forget_host(h, net.hosts[i]);
    free(h);
}

const char *host_ip(const struct host *h)
{
    return h->ip;
}

const char *host_name(const struct host *h)
{
    return h->name;
}

struct host *host_find(const char *ip)
{
    for (size_t i = 0; i < NET_HOSTS_MAX; i++)
        if (net.hosts[i] && strcmp(net.hosts[i]->ip, ip) == 0)
            return net.hosts[i];
    return NULL;
}

void net_name(const char *name, const char *ip)
{
    size_t i = 0;

    while (i < net.names_n && strcmp(net.names[i].name, name) != 0)
        i++;
    assert(i < ARRAY_LEN(net.names));
    if (i == net.names_n)
        net.names_n++;
    (void)str_copy(net.names[i].name, sizeof net.names[i].name, name);
    (void)str_copy(net.names[i].ip, sizeof net.names[i].ip, ip);
}

void net_set_dns(bool works)
{
    net.dns_fails = !works;
}

const char *net_resolve(const char *name)
{
    for (size_t i = 0; i < net.names_n && !net.dns_fails; i++)
        if (strcmp(net.names[i].name, name) == 0)
            return net.names[i].ip;
    return NULL;
}

/* ---- paths ---- */

static struct path *path_between(const struct host *from, const struct host *to)
{
    return &net.paths[from->index][to->index];
}

void path_block_both(struct host *a, struct host *b, bool blocked)
{
    path_block(a, b, blocked);
    path_block(b, a, blocked);
}

bool path_open(const struct host *from, const struct host *to)
{
    return !from->down && !to->down && !path_between(from, to)->blocked;
}

int64_t path_latency_us(const struct host *from, const struct host *to)
{
    int64_t least_us = from == to ? 20 : net.config.latency_us;

    return least_us + random_range(&net.random, 0, least_us) + path_between(from, to)->slow_us;
}

int64_t path_arrival_us(const struct host *from, const struct host *to)
{
    enum { FIRST_RETRANSMISSION_US = 200 * 1000, RETRANSMISSIONS = 6 };
    unsigned loss = path_between(from, to)->loss_percent;
    int64_t at_us = clock_now_us() + path_latency_us(from, to), wait_us = FIRST_RETRANSMISSION_US;

    for (int i = 0; loss && i < RETRANSMISSIONS && random_chance(&net.random, loss); i++) {
        at_us += wait_us;
        wait_us *= 2;
    }
    return at_us;
}

void host_set_down(struct host *h, bool down)
{
    h->down = down;
    if (!down)
        for (size_t i = 0; i < NET_HOSTS_MAX; i++)
            if (net.hosts[i])
                tcp_look_again(net.hosts[i]);
}

bool host_is_down(const struct host *h)
{
    return h->down;
}

void path_block(struct host *from, struct host *to, bool blocked)
{
    struct path *path = path_between(from, to);

    if (!blocked && !path->blocked)
        return; /* another host has come in its place */
    path->blocked += blocked ? 1 : (unsigned)-1;
    if (path->blocked)
        return;
    tcp_look_again(from);
    tcp_look_again(to);
}

void path_degrade(struct host *from, struct host *to, int64_t slow_us, unsigned loss_percent)
{
    struct path *path = path_between(from, to);

    path->slow_us = slow_us;
    path->loss_percent = loss_percent;
}

void net_heal(void)
{
    memset(net.paths, 0, sizeof net.paths);
    net.dns_fails = false;
    for (size_t i = 0; i < NET_HOSTS_MAX; i++)
        if (net.hosts[i])
            tcp_look_again(net.hosts[i]);
}
