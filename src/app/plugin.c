#include "app/plugin.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVICE_LABEL "memgraph-controller/metrics=true"

enum { ARGUMENTS_MAX = 20, OUTPUT_LIMIT = 4 * 1024 * 1024 };

static pid_t proxy; /* 0: there is none */

struct arguments {
    unsigned n;
    const char *list[ARGUMENTS_MAX];
};

static void add(struct arguments *a, const char *name, const char *value)
{
    if (name && name[0] == '-' && !value)
        return; /* an option that is not given */
    a->list[a->n++] = name;
    if (value)
        a->list[a->n++] = value;
}

static struct arguments kubectl(const struct plugin_options *o)
{
    struct arguments a = {.n = 1, .list = {"kubectl"}};

    add(&a, "--context", o->context);
    add(&a, "--kubeconfig", o->kubeconfig);
    add(&a, "--namespace", o->namespace_);
    return a;
}

/* Starts it with its standard output in a pipe. It ends with us. */
static struct fail start(const struct arguments *a, pid_t *pid, int *out)
{
    pid_t parent = getpid();
    int fds[2];

    if (pipe(fds) != 0)
        return fail_errno("a pipe", errno);
    *pid = fork();
    if (*pid < 0)
        return fail_errno("fork", errno);
    if (*pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || dup2(fds[1], STDOUT_FILENO) < 0)
            _exit(127);
        close(fds[0]);
        close(fds[1]);
        execvp(a->list[0], (char *const *)a->list); /* const for our own sake */
        _exit(127);
    }
    close(fds[1]);
    *out = fds[0];
    return (struct fail){0};
}

static void read_all(int fd, struct buf *out, bool one_line)
{
    char chunk[4096];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0)
            buf_add(out, chunk, (size_t)n);
        if (one_line && str_contains(buf_str(out), "\n"))
            return;
    }
}

static struct fail ended(pid_t pid, const char *what)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return (struct fail){0};
    return fail_make(FAIL_UNREACHABLE, "%s did not work%s", what,
                     WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ": is kubectl installed?"
                                                                     : "");
}

/* ---- which Service ---- */

static const char *meta(json_t *service, const char *key)
{
    const char *value =
        json_string_value(json_object_get(json_object_get(service, "metadata"), key));

    return value ? value : "";
}

static struct fail choose(json_t *list, const struct plugin_options *o, char *path, size_t size)
{
    json_t *service, *chosen = NULL;
    struct fail f = {0};
    struct buf names;
    size_t i;

    buf_init(&names, 200);
    json_array_foreach (json_object_get(list, "items"), i, service) {
        if (o->service && strcmp(o->service, meta(service, "name")) != 0)
            continue;
        buf_printf(&names, "%s%s", chosen ? ", " : "", meta(service, "name"));
        if (chosen)
            f = fail_make(FAIL_CONFLICT, "there are several, name one with --service: %s", names.p);
        chosen = service;
    }
    buf_done(&names);
    if (!chosen)
        return fail_make(FAIL_GONE, "no Service with the label " SERVICE_LABEL " in this namespace "
                                    "(--namespace names another)");
    (void)str_format(path, size, "/api/v1/namespaces/%s/services/%s:http/proxy",
                     meta(chosen, "namespace"), meta(chosen, "name"));
    return f;
}

static struct fail find_service(const struct plugin_options *o, char *path, size_t size)
{
    struct arguments a = kubectl(o);
    struct fail f;
    struct buf out;
    json_t *list;
    pid_t pid = 0;
    int fd = -1;

    add(&a, "get", "services");
    add(&a, "--selector", SERVICE_LABEL);
    add(&a, "--output", "json");
    f = start(&a, &pid, &fd);
    if (f.kind != FAIL_NONE)
        return f;
    buf_init(&out, OUTPUT_LIMIT);
    read_all(fd, &out, false);
    close(fd);
    f = ended(pid, "kubectl get services");
    if (f.kind == FAIL_NONE) {
        list = json_loadb(out.n ? out.p : "", out.n, 0, NULL);
        f = choose(list, o, path, size);
        json_decref(list);
    }
    buf_done(&out);
    return f;
}

/* ---- the proxy ---- */

static struct fail start_proxy(const struct plugin_options *o, char *address, size_t size)
{
    static const char said[] = "Starting to serve on ";
    struct arguments a = kubectl(o);
    const char *at;
    struct fail f;
    struct buf out;
    int fd = -1;

    add(&a, "proxy", NULL);
    add(&a, "--port", "0");
    f = start(&a, &proxy, &fd);
    if (f.kind != FAIL_NONE)
        return f;
    buf_init(&out, 64 * 1024);
    read_all(fd, &out, true); /* the pipe stays open: it may say more */
    at = out.n ? strstr(out.p, said) : NULL;
    if (at) {
        struct str rest = str_of(at + strlen(said));

        (void)str_copy_n(address, size, str_trim(str_cut(&rest, '\n')));
    } else {
        f = fail_make(FAIL_UNREACHABLE, "kubectl proxy did not start");
        plugin_stop();
    }
    buf_done(&out);
    return f;
}

struct fail plugin_start(const struct plugin_options *o, char *url, size_t size)
{
    char path[400], address[100];
    struct fail f = find_service(o, path, sizeof path);

    if (f.kind == FAIL_NONE)
        f = start_proxy(o, address, sizeof address);
    if (f.kind == FAIL_NONE && !str_format(url, size, "http://%s%s", address, path))
        f = fail_make(FAIL_PROTOCOL, "the Service's name is too long");
    return f;
}

void plugin_stop(void)
{
    if (proxy <= 0)
        return;
    (void)kill(proxy, SIGTERM);
    (void)ended(proxy, "kubectl proxy");
    proxy = 0;
}
