#include "sandbox/network.h"

#include "base/alloc.h"
#include "base/list.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

enum { PATH_SIZE = 64 };

struct network {
    unsigned net, ports; /* ports: so many were made so far */
    int host, hub;       /* namespaces: the one that we are in, the switch's */
    unsigned cut[NETWORK_NODES];
    struct list pods;
};

struct network_pod {
    struct list node;
    struct network *network;
    unsigned ordinal;
    int namespace;
    char ip[40];
};

/* Of this thread, and of what is forked from it. */
static void namespace_enter(int namespace)
{
    int rc = setns(namespace, CLONE_NEWNET);

    assert(rc == 0); /* we made it, or began in it */
}

static int namespace_open(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Drops what comes from an address to which the way out is another: a partition needs that. */
static bool reverse_filter_set(void)
{
    int fd = open("/proc/sys/net/ipv4/conf/all/rp_filter", O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, "1", 1) == 1;

    if (fd >= 0)
        close(fd);
    return good;
}

/* -1: errno. */
static int namespace_new(const struct network *n)
{
    int namespace, err;

    if (unshare(CLONE_NEWNET) != 0)
        return -1;
    namespace = reverse_filter_set() ? namespace_open() : -1;
    err = errno;
    namespace_enter(n->host);
    errno = err;
    return namespace;
}

/* Lines written to it are commands of ip(8), in that namespace. */
static FILE *ip_begin(const struct network *n, int namespace)
{
    FILE *ip;

    namespace_enter(namespace);
    ip = popen("exec ip -batch -", "we");
    namespace_enter(n->host);
    if (!ip)
        fprintf(stderr, "sandbox: cannot start ip: %m\n");
    return ip;
}

/* False: `ip` has said why. */
static bool ip_end(FILE *ip)
{
    return ip && pclose(ip) == 0;
}

/* How another process names a namespace of ours. */
static const char *namespace_path(int namespace, char out[PATH_SIZE])
{
    (void)str_format(out, PATH_SIZE, "/proc/%ld/fd/%d", (long)getpid(), namespace);
    return out;
}

static bool hub_make(const struct network *n)
{
    FILE *ip = ip_begin(n, n->hub);

    if (ip)
        fprintf(ip, "link add name hub type bridge\n"
                    "link set hub up\n"
                    "link set host master hub up\n");
    return ip_end(ip);
}

static bool host_connect(const struct network *n)
{
    char path[PATH_SIZE];
    FILE *ip = ip_begin(n, n->host);

    if (!ip)
        return false;
    fprintf(ip, "link add name sandbox%u type veth peer name host netns %s\n", n->net,
            namespace_path(n->hub, path));
    fprintf(ip, "addr add 198.19.%u.100/24 dev sandbox%u\n", n->net, n->net);
    fprintf(ip, "addr add 198.19.%u.200/24 dev sandbox%u\n", n->net, n->net);
    for (unsigned i = 1; i <= 8; i++)
        fprintf(ip, "addr add 198.19.%u.%u/24 dev sandbox%u\n", n->net, i, n->net);
    fprintf(ip, "link set sandbox%u up\n", n->net);
    fprintf(ip, "route add 198.18.%u.0/24 dev sandbox%u src 198.19.%u.100\n", n->net, n->net,
            n->net);
    return ip_end(ip);
}

/* What a sandbox of the same net left, which the kernel is perhaps just taking away. */
static void host_clean(const struct network *n)
{
    char command[80];

    (void)str_format(command, sizeof command, "ip link del sandbox%u 2>/dev/null", n->net);
    (void)!system(command);
}

struct network *network_new(unsigned net, struct fail *why)
{
    struct network *n = xcalloc(1, sizeof *n);

    n->net = net;
    list_init(&n->pods);
    n->host = namespace_open();
    n->hub = n->host >= 0 ? namespace_new(n) : -1;
    if (n->hub < 0) {
        *why = fail_make(FAIL_DENIED,
                         "--netns needs root (CAP_NET_ADMIN, CAP_SYS_ADMIN): cannot make a "
                         "network namespace: %s",
                         strerror(errno));
    } else {
        host_clean(n);
        if (host_connect(n) && hub_make(n))
            return n;
        *why = fail_make(FAIL_DENIED, "--netns: ip (package iproute2) could not make the network");
    }
    network_free(n);
    return NULL;
}

void network_free(struct network *n)
{
    if (!n)
        return;
    LIST_FOR_EACH (it, &n->pods)
        network_leave(CONTAINER_OF(it, struct network_pod, node));
    if (n->hub >= 0) {
        host_clean(n); /* at once, where the kernel would take its time */
        close(n->hub);
    }
    if (n->host >= 0)
        close(n->host);
    free(n);
}

/* The way out of a pod to those that it is cut off from leads nowhere: what it sends them is lost
 * on the loopback interface, and what comes from them is dropped by the reverse filter. More than a
 * blackhole, this also lets a new connection wait in vain, where a blackhole refuses it. */
static void way_set(FILE *ip, const struct network_pod *pod, const char *to, bool cut)
{
    fprintf(ip, "route %s %s dev lo src %s\n", cut ? "add" : "del", to, pod->ip);
}

static bool ways_change(const struct network_pod *pod, const unsigned before[NETWORK_NODES])
{
    const struct network *n = pod->network;
    unsigned is = n->cut[pod->ordinal], changed = is ^ before[pod->ordinal];
    char controllers[PATH_SIZE];
    FILE *ip;

    if (!changed)
        return true;
    ip = ip_begin(n, pod->namespace);
    if (!ip)
        return false;
    LIST_FOR_EACH (it, &n->pods) {
        const struct network_pod *other = CONTAINER_OF(it, struct network_pod, node);

        if (changed >> other->ordinal & 1)
            way_set(ip, pod, other->ip, is >> other->ordinal & 1);
    }
    (void)str_format(controllers, sizeof controllers, "198.19.%u.0/25", n->net);
    if (changed >> NETWORK_CONTROLLERS & 1)
        way_set(ip, pod, controllers, is >> NETWORK_CONTROLLERS & 1);
    return ip_end(ip);
}

/* Everybody else's ways to a pod that comes or goes. */
static bool others_change(const struct network_pod *pod, bool here)
{
    const struct network *n = pod->network;
    bool good = true;

    LIST_FOR_EACH (it, &n->pods) {
        const struct network_pod *other = CONTAINER_OF(it, struct network_pod, node);
        FILE *ip;

        if (other == pod || !network_is_cut(n, other->ordinal, pod->ordinal))
            continue;
        ip = ip_begin(n, other->namespace);
        if (ip)
            way_set(ip, other, pod->ip, here);
        good = ip_end(ip) && good;
    }
    return good;
}

static bool pod_connect(struct network_pod *pod)
{
    static const unsigned nobody[NETWORK_NODES];
    struct network *n = pod->network;
    unsigned port = ++n->ports;
    char path[PATH_SIZE];
    FILE *ip = ip_begin(n, n->hub);

    if (ip)
        fprintf(ip,
                "link add name port%u type veth peer name eth0 netns %s\n"
                "link set port%u master hub up\n",
                port, namespace_path(pod->namespace, path), port);
    if (!ip_end(ip))
        return false;
    ip = ip_begin(n, pod->namespace);
    if (ip)
        fprintf(ip,
                "link set lo up\n"
                "addr add %s/24 dev eth0\n"
                "link set eth0 up\n"
                "route add 198.19.%u.0/24 dev eth0\n",
                pod->ip, n->net);
    return ip_end(ip) && ways_change(pod, nobody) && others_change(pod, true);
}

struct network_pod *network_join(struct network *n, unsigned ordinal, const char *ip)
{
    struct network_pod *pod = xcalloc(1, sizeof *pod);

    pod->network = n;
    pod->ordinal = ordinal;
    (void)str_copy(pod->ip, sizeof pod->ip, ip);
    pod->namespace = namespace_new(n);
    list_add_tail(&n->pods, &pod->node);
    if (pod->namespace >= 0 && pod_connect(pod))
        return pod;
    network_leave(pod);
    return NULL;
}

void network_leave(struct network_pod *pod)
{
    if (!pod)
        return;
    (void)others_change(pod, false);
    list_remove(&pod->node);
    if (pod->namespace >= 0)
        close(pod->namespace);
    free(pod);
}

int network_namespace(const struct network_pod *pod)
{
    return pod->namespace;
}

const char *network_address(const struct network_pod *pod)
{
    return pod->ip;
}

static bool cut_set(struct network *n, unsigned a, unsigned b, bool cut)
{
    unsigned before[NETWORK_NODES];
    bool good = true;

    memcpy(before, n->cut, sizeof before);
    for (unsigned i = 0; i < NETWORK_NODES; i++) {
        unsigned others = ((a >> i & 1 ? b : 0) | (b >> i & 1 ? a : 0)) & ~(1U << i);

        n->cut[i] = cut ? n->cut[i] | others : n->cut[i] & ~others;
    }
    LIST_FOR_EACH (it, &n->pods)
        good = ways_change(CONTAINER_OF(it, struct network_pod, node), before) && good;
    return good;
}

bool network_partition(struct network *n, unsigned a, unsigned b)
{
    return cut_set(n, a, b, true);
}

bool network_heal(struct network *n, unsigned a, unsigned b)
{
    return cut_set(n, a, b, false);
}

bool network_is_cut(const struct network *n, unsigned a, unsigned b)
{
    return n->cut[a] >> b & 1;
}
