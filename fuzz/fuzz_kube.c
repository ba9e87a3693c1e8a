/* Kubernetes: any bytes as a line of a watch, and any JSON as each of the objects, whole and inside
 * of a list. What reads as a named object has a name. */
#include "fuzz.h"

#include "proto/kube.h"

#include <assert.h>

static void check_object(json_t *object)
{
    union {
        struct kube_meta meta;
        struct kube_pod pod;
        struct kube_lease lease;
    } out;
    json_t *data, *made;

    if (kube_read_pod(object, &out.pod).kind == FAIL_NONE)
        assert(out.pod.meta.name[0] != 0 && out.pod.restarts >= 0);
    if (kube_read_configmap(object, &out.meta, &data).kind == FAIL_NONE && data) {
        made = kube_make_configmap(out.meta.name, out.meta.version, data, NULL);
        assert(json_equal(json_object_get(made, "data"), data));
        json_decref(made);
    }
    if (kube_read_lease(object, &out.lease).kind == FAIL_NONE) {
        struct kube_lease again;

        made = kube_make_lease(&out.lease, true);
        assert(kube_read_lease(made, &again).kind == FAIL_NONE);
        assert(strcmp(again.holder, out.lease.holder) == 0);
        assert(strcmp(again.renew_time, out.lease.renew_time) == 0);
        assert(again.duration_s == out.lease.duration_s);
        json_decref(made);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    json_t *line, *object, *items, *item;
    enum kube_event_type type;
    char version[KUBE_VERSION_SIZE];
    size_t i;

    if (kube_watch_line(text, &line, &type, &object).kind == FAIL_NONE) {
        assert(type != KUBE_ERROR && json_is_object(object));
        check_object(object);
        json_decref(line);
    }
    object = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    check_object(object);
    assert(kube_judge(404, object).kind == FAIL_GONE);
    if (kube_read_list(object, version, &items).kind == FAIL_NONE) {
        assert(version[0] != 0);
        json_array_foreach (items, i, item)
            check_object(item);
    }
    json_decref(object);
    return 0;
}
