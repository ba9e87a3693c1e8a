#include "sandbox/sandbox.h"

#include "sandbox/command.h"
#include "sandbox/console.h"
#include "sandbox/log_line.h"
#include "sandbox/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

enum { STOP_LIMIT_US = 5 * 1000000, STOP_POLL_US = 10 * 1000 };

static int64_t wall_us(void *arg)
{
    return loop_wall_us(((struct sandbox *)arg)->loop);
}

static void on_change(void *arg)
{
    struct sandbox *sb = arg;

    if (sb->api)
        api_server_wake(sb->api);
    if (sb->pods)
        pods_wake(sb->pods);
}

static bool path_make(const struct sandbox *sb, const char *name, struct fail *why)
{
    char path[POD_PATH_SIZE];
    int rc;

    (void)str_format(path, sizeof path, "%s%s%s", sb->directory, *name ? "/" : "", name);
    rc = volume_make(path);
    if (rc == 0)
        return true;
    *why = fail_errno(path, -rc);
    return false;
}

static bool directory_make(struct sandbox *sb, struct fail *why)
{
    if (sb->config.directory) {
        if (!str_copy(sb->directory, sizeof sb->directory, sb->config.directory)) {
            *why = fail_make(FAIL_DENIED, "--dir is too long");
            return false;
        }
    } else {
        (void)str_copy(sb->directory, sizeof sb->directory, "/tmp/memgraph-sandbox-XXXXXX");
        if (!mkdtemp(sb->directory)) {
            *why = fail_errno("make a directory under /tmp", errno);
            sb->directory[0] = 0;
            return false;
        }
    }
    return path_make(sb, "", why) && path_make(sb, "volumes", why) && path_make(sb, "logs", why);
}

/* One bearer token for all controllers, new each time. */
static bool token_make(struct sandbox *sb, struct fail *why)
{
    unsigned char random[20];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        *why = fail_errno("read random bytes", errno);
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++)
        (void)str_append(sb->api_config.token, sizeof sb->api_config.token, "%02x", random[i]);
    return true;
}

static bool token_write(struct sandbox *sb, struct fail *why)
{
    int fd;

    (void)str_format(sb->token_file, sizeof sb->token_file, "%s/token", sb->directory);
    fd = open(sb->token_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0 && dprintf(fd, "%s\n", sb->api_config.token) > 0 && close(fd) == 0)
        return true;
    *why = fail_errno(sb->token_file, errno);
    return false;
}

static json_t *on_control(void *arg, const char *method, const char *name, const char *args)
{
    struct sandbox *sb = arg;
    char line[256], text[COMMAND_ANSWER_SIZE];
    bool ok;

    if (strcmp(name, "state") == 0)
        return sandbox_state(sb);
    if (strcmp(method, "POST") != 0)
        return NULL;
    (void)str_format(line, sizeof line, "%s %s", name, args ? args : "");
    ok = command_run(sb, str_of(line), text);
    return json_pack("{s:b, s:s}", "ok", ok, ok ? "text" : "error", text);
}

static void cluster_api_set(struct sandbox *sb, bool up)
{
    if (!sb->pods)
        return;
    kube_cluster_api_set(pods_cluster(sb->pods), loop_now_us(sb->loop), up);
    pods_wake(sb->pods);
}

bool sandbox_api_up(struct sandbox *sb, struct fail *why)
{
    if (!sb->api)
        sb->api = api_server_start(&sb->api_config, why);
    if (sb->api)
        cluster_api_set(sb, true);
    return sb->api != NULL;
}

void sandbox_api_down(struct sandbox *sb)
{
    api_server_stop(sb->api);
    sb->api = NULL;
    cluster_api_set(sb, false);
}

void sandbox_api_freeze(struct sandbox *sb, bool frozen)
{
    api_server_freeze(sb->api, frozen);
    cluster_api_set(sb, !frozen);
}

static bool servers_start(struct sandbox *sb, struct fail *why)
{
    struct api_server_config *config = &sb->api_config;
    struct api_server_config control;

    (void)str_format(config->host, sizeof config->host, "127.%u.0.1", sb->config.net);
    (void)str_format(sb->api_url, sizeof sb->api_url, "http://%s:%d", config->host,
                     SANDBOX_API_PORT);
    (void)str_format(sb->control_url, sizeof sb->control_url, "http://%s:%d", config->host,
                     SANDBOX_CONTROL_PORT);
    config->loop = sb->loop;
    control = *config;
    control.port = SANDBOX_CONTROL_PORT;
    control.on_control = on_control;
    control.arg = sb;
    config->port = SANDBOX_API_PORT;
    config->store = sb->store;
    sb->control = api_server_start(&control, why);
    return sb->control && sandbox_api_up(sb, why);
}

static bool network_begin(struct sandbox *sb, struct fail *why)
{
    unsigned net = sb->config.net;
    char *pods = sb->pod_addresses, *controllers = sb->controller_addresses;

    if (sb->config.netns) {
        (void)str_format(pods, sizeof sb->pod_addresses, "198.18.%u.", net);
        (void)str_format(controllers, sizeof sb->controller_addresses, "198.19.%u.", net);
        (void)str_format(sb->kubelet, sizeof sb->kubelet, "198.19.%u.200", net);
        sb->network = network_new(net, why);
        return sb->network != NULL;
    }
    (void)str_format(pods, sizeof sb->pod_addresses, "127.%u.1.", net);
    (void)str_format(controllers, sizeof sb->controller_addresses, "127.%u.2.", net);
    return true;
}

static void pods_begin(struct sandbox *sb)
{
    const struct sandbox_config *config = &sb->config;

    for (unsigned i = 0; i < config->controllers; i++)
        (void)str_append(sb->controller_urls, sizeof sb->controller_urls, "%shttp://%s%u:%d",
                         i ? "," : "", sb->controller_addresses, i + 1, CONTROLLERS_PORT_HTTP);
    sb->pods_config = (struct pods_config){.pod = {.loop = sb->loop,
                                                   .directory = sb->directory,
                                                   .memgraph = config->memgraph,
                                                   .controller = config->controller,
                                                   .init_hook = config->init_hook,
                                                   .stop_hook = config->stop_hook,
                                                   .init = config->init,
                                                   .prestop = config->prestop,
                                                   .controllers = sb->controller_urls,
                                                   .env = sb->config.env,
                                                   .network = sb->network,
                                                   .kubelet = sb->network ? sb->kubelet : NULL},
                                           .store = sb->store,
                                           .statefulset = config->statefulset,
                                           .app = config->app,
                                           .addresses = sb->pod_addresses,
                                           .replicas = config->pods,
                                           .parallel = !config->ordered,
                                           .grace_s = config->grace_s,
                                           .restart_delay_us = config->restart_delay_us,
                                           .no_backoff = config->no_backoff};
    sb->pods = pods_new(&sb->pods_config);
    pods_start(sb->pods);
}

static void on_controller_line(void *arg, const char *name, struct str line)
{
    const struct sandbox *sb = arg;

    log_line_show(name, line, sb->config.demo);
}

static void controllers_begin(struct sandbox *sb)
{
    const struct sandbox_config *config = &sb->config;

    sb->controllers_config =
        (struct controllers_config){.loop = sb->loop,
                                    .program = config->controller,
                                    .directory = sb->directory,
                                    .api_url = sb->api_url,
                                    .token_file = sb->token_file,
                                    .statefulset = config->statefulset,
                                    .app = config->app,
                                    .env = sb->config.env,
                                    .addresses = sb->controller_addresses,
                                    .count = config->controllers,
                                    .restart = config->restart_controllers,
                                    .wait = config->controllers_wait,
                                    .restart_delay_us = config->restart_delay_us,
                                    .on_line = on_controller_line,
                                    .arg = sb};
    sb->controllers = controllers_start(&sb->controllers_config);
}

static bool ready_file_write(const struct sandbox *sb, struct fail *why)
{
    char part[POD_PATH_SIZE];
    json_t *state;
    int rc;

    if (!sb->config.ready_file)
        return true;
    (void)str_format(part, sizeof part, "%s.part", sb->config.ready_file);
    state = sandbox_state(sb);
    rc = json_dump_file(state, part, JSON_INDENT(2));
    json_decref(state);
    if (rc == 0 && rename(part, sb->config.ready_file) == 0)
        return true;
    *why = fail_errno(sb->config.ready_file, errno);
    return false;
}

static void on_stop_timer(void *arg)
{
    struct sandbox *sb = arg;
    bool late = loop_now_us(sb->loop) >= sb->stop_by_us;

    if (!late && controllers_any_running(sb->controllers)) {
        timer_start(sb->stop_timer, STOP_POLL_US);
        return;
    }
    if (!sb->pods_told) {
        sb->pods_told = true;
        pods_stop_all(sb->pods);
    }
    if (!late && pods_any_running(sb->pods))
        timer_start(sb->stop_timer, STOP_POLL_US);
    else
        loop_stop(sb->loop);
}

bool sandbox_start(struct sandbox *sb, const struct sandbox_config *config, struct fail *why)
{
    const struct kube_store_config store = {
        .wall_us = wall_us, .on_change = on_change, .arg = sb, .seed = (uint64_t)time(NULL)};

    sb->config = *config;
    sb->loop = loop_new();
    sb->store = kube_store_new(&store);
    sb->stop_timer = timer_new(sb->loop, on_stop_timer, sb);
    /* The addresses first: who cannot have them must not touch the directory of who has. */
    if (!token_make(sb, why) || !servers_start(sb, why) || !network_begin(sb, why) ||
        !directory_make(sb, why) || !token_write(sb, why))
        return false;
    pods_begin(sb);
    controllers_begin(sb);
    return ready_file_write(sb, why);
}

void sandbox_stop(struct sandbox *sb)
{
    if (sb->stop_by_us)
        return;
    sb->stop_by_us = loop_now_us(sb->loop) + STOP_LIMIT_US;
    console_event("sandbox", "stopping", CONSOLE_QUIET, "stopping");
    if (sb->on_stop)
        sb->on_stop(sb->on_stop_arg);
    controllers_stop_all(sb->controllers);
    timer_start(sb->stop_timer, 0);
}

static void directory_remove(const struct sandbox *sb)
{
    static const char *const ours[] = {"volumes", "logs", "token"};
    char path[POD_PATH_SIZE];

    if (sb->config.keep || !sb->directory[0])
        return;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        (void)str_format(path, sizeof path, "%s/%s", sb->directory, ours[i]);
        if (volume_remove(path) != 0)
            console_event("sandbox", "error", CONSOLE_BAD, "cannot remove %s", path);
    }
    (void)rmdir(sb->directory); /* stays when somebody else's files are in it */
}

void sandbox_done(struct sandbox *sb)
{
    controllers_free(sb->controllers);
    pods_free(sb->pods);
    network_free(sb->network);
    api_server_stop(sb->api);
    api_server_stop(sb->control);
    timer_free(sb->stop_timer);
    kube_store_free(sb->store);
    loop_free(sb->loop);
    directory_remove(sb);
}

json_t *sandbox_record(const struct sandbox *sb)
{
    char name[KUBE_NAME_SIZE];
    struct kube_key key = {KUBE_CONFIGMAPS, "default", name};

    (void)str_format(name, sizeof name, "%s-state", sb->config.statefulset);
    return json_object_get(kube_store_find(sb->store, &key), "data");
}

struct pod *sandbox_pod(const struct sandbox *sb, struct str name)
{
    const char *index = json_string_value(json_object_get(sandbox_record(sb), "targetMainIndex"));
    unsigned main = index && strcmp(index, "1") == 0;

    if (str_eq(name, "main"))
        return index ? pods_at(sb->pods, main) : NULL;
    if (str_eq(name, "sync"))
        return index ? pods_at(sb->pods, !main) : NULL;
    if (str_eq(name, "async"))
        return pods_at(sb->pods, 2);
    return pods_find(sb->pods, name);
}

static json_t *bolt_url(const char *ip, unsigned port)
{
    return json_sprintf("bolt://%s:%u", ip, port);
}

static json_t *pod_state(const struct pods *pods, const struct pod *pod)
{
    const struct kube_cluster_pod *seen = pod->seen;

    return json_pack(
        "{s:s, s:s, s:s, s:o, s:I, s:s, s:b, s:b, s:b, s:i, s:s, s:s}", "name", seen->name, "uid",
        seen->uid, "ip", seen->ip, "bolt", bolt_url(seen->ip, POD_BOLT_PORT), "pid",
        (json_int_t)(pod->process ? process_pid(pod->process) : 0), "phase", pods_phase(pods, pod),
        "ready", seen->ready, "frozen", pod->frozen, "terminating", seen->terminating, "restarts",
        (int)seen->restarts, "volume", pod->volume, "revision", seen->revision);
}

static json_t *controller_state(const struct controller *c)
{
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "name", c->name, "ip", c->ip, "pid",
                     (json_int_t)(c->process ? process_pid(c->process) : 0), "gateway",
                     bolt_url(c->ip, CONTROLLERS_PORT_WRITE), "readGateway",
                     bolt_url(c->ip, CONTROLLERS_PORT_READ), "http",
                     json_sprintf("http://%s:%d", c->ip, CONTROLLERS_PORT_HTTP));
}

json_t *sandbox_state(const struct sandbox *sb)
{
    json_t *pods = json_array(), *controllers = json_array();
    const struct controller *c;

    for (unsigned i = 0; i < PODS_MAX; i++)
        if (pods_at(sb->pods, i))
            json_array_append_new(pods, pod_state(sb->pods, pods_at(sb->pods, i)));
    for (unsigned i = 0; (c = controllers_at(sb->controllers, i)); i++)
        json_array_append_new(controllers, controller_state(c));
    return json_pack("{s:I, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "pid",
                     (json_int_t)getpid(), "api", sb->api_url, "apiUp", sb->api != NULL, "control",
                     sb->control_url, "token", sb->api_config.token, "directory", sb->directory,
                     "namespace", "default", "statefulset", sb->config.statefulset, "pods", pods,
                     "controllers", controllers);
}
