/* net: the virtual network: hosts with an address each, listeners, and TCP connections between them
 * (io/tcp.h), with faults.
 *
 * A path leads from one host to another, one way. While a path is blocked nothing arrives; TCP
 * sends it again when the path heals, a little later. On a lossy path what is lost arrives one or
 * more retransmissions later, and all that follows it waits. A host that is down is silent. A host
 * is a pod's network namespace rather than a machine: it goes with its pod, and its address may
 * come back on another one. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "io/tcp.h"
#include "sim/random.h"

enum { NET_HOSTS_MAX = 48 };

struct host;

struct net_config {
    uint64_t seed;
    int64_t latency_us; /* one way, the least; up to as much again on top */
    bool silent_gone;   /* an address that nobody has is silent, instead of "no route to host" */
};

void net_reset(const struct net_config *config);
/* Only when no process is left on any host. */
void net_done(void);
struct host *host_new(const char *name, const char *ip);
/* Nobody has its address from now on. All its processes have ended. */
void host_free(struct host *h);
const char *host_ip(const struct host *h);
const char *host_name(const struct host *h);
/* NULL: nobody has this address. */
struct host *host_find(const char *ip);
/* Its address by name. */
void net_name(const char *name, const char *ip);
void net_set_dns(bool works);

/* Down: nothing comes from it, connections are not even reset. Processes on it are its owner's to
 * kill, after this. */
void host_set_down(struct host *h, bool down);
bool host_is_down(const struct host *h);
/* Nests: blocked as often as it was blocked more often than unblocked. */
void path_block(struct host *from, struct host *to, bool blocked);
/* The same, both ways. */
void path_block_both(struct host *a, struct host *b, bool blocked);
bool path_open(const struct host *from, const struct host *to);
/* Added to the latency; percent of what is lost. */
void path_degrade(struct host *from, struct host *to, int64_t slow_us, unsigned loss_percent);
/* Ends all faults of all paths. */
void net_heal(void);
/* For requests that are no TCP connection: how long one way takes now. */
int64_t path_latency_us(const struct host *from, const struct host *to);
/* Resets all connections between two hosts (a firewall that forgot them). */
void net_reset_between(struct host *a, struct host *b);

/* Beyond io/tcp.h, for the gateway's model. */
/* Ends it with a reset. */
void tcp_abort(struct tcp *t);
/* Reads nothing for now: what arrives waits. */
void tcp_pause(struct tcp *t, bool paused);
/* The address of the other side. */
const char *tcp_peer_ip(const struct tcp *t);

#endif
