/* net_impl: what net.c (hosts and paths) and tcp.c (connections) share. */
#ifndef SIM_NET_IMPL_H
#define SIM_NET_IMPL_H

#include "base/list.h"
#include "sim/net.h"
#include "sim/process.h"

struct host {
    char name[64], ip[48];
    size_t index;
    bool down;
    struct list listeners, ends; /* ends: of TCP connections */
};

struct path {
    unsigned blocked, loss_percent;
    int64_t slow_us;
};

struct net {
    struct random random;
    struct net_config config;
    struct host *hosts[NET_HOSTS_MAX];
    struct path paths[NET_HOSTS_MAX][NET_HOSTS_MAX];
    struct {
        char name[128], ip[48];
    } names[16];
    size_t names_n;
    bool dns_fails;
};
extern struct net net;

const char *net_resolve(const char *name);
/* When something that leaves now is there. */
int64_t path_arrival_us(const struct host *from, const struct host *to);
/* Something may have healed: looks again at what got stuck. */
void tcp_look_again(struct host *h);
/* A host goes: the ends on `h` whose other side was there. */
void http_forget_host(const struct host *gone);
void tcp_forget_host(struct host *gone, struct host *h);

#endif
