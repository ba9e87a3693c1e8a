/* What the sandbox knows about itself: the record, pods by their role, the state as JSON. */
#include "sandbox/sandbox.h"

#include <unistd.h>

#include <signal.h>

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

static json_t *pod_state(const struct pod *pod)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:s, s:b, s:b, s:b, s:i, s:s}", "name", pod->name,
                     "uid", pod->uid, "ip", pod->ip, "bolt", bolt_url(pod->ip, POD_BOLT_PORT),
                     "pid", (json_int_t)(pod->process ? process_pid(pod->process) : 0), "phase",
                     pod_phase_name(pod->phase), "ready", pod->ready, "frozen", pod->frozen,
                     "terminating", pod->terminating, "restarts", (int)pod->restarts, "volume",
                     pod->volume);
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
            json_array_append_new(pods, pod_state(pods_at(sb->pods, i)));
    for (unsigned i = 0; (c = controllers_at(sb->controllers, i)); i++)
        json_array_append_new(controllers, controller_state(c));
    return json_pack("{s:I, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "pid",
                     (json_int_t)getpid(), "api", sb->api_url, "apiUp", sb->api != NULL, "control",
                     sb->control_url, "token", sb->api_config.token, "directory", sb->directory,
                     "namespace", "default", "statefulset", sb->config.statefulset, "pods", pods,
                     "controllers", controllers);
}
