/* kube: the few Kubernetes objects that a controller reads and writes, as JSON and as structs.
 *
 * Source: Kubernetes API reference (Pod v1, ConfigMap v1, Lease coordination.k8s.io/v1, Event v1,
 * Status) and the captured exchanges in tests/data/kubernetes. json_t arguments are borrowed;
 * makers return a new reference for the caller. */
#ifndef PROTO_KUBE_H
#define PROTO_KUBE_H

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

#include <jansson.h>

enum {
    KUBE_NAME_SIZE = 256, /* DNS subdomain: at most 253 */
    KUBE_UID_SIZE = 64,
    KUBE_VERSION_SIZE = 64, /* a resourceVersion is opaque */
    KUBE_IP_SIZE = 64,
    KUBE_INSTANCES_SIZE = 400 /* of five containers */
};

struct kube_meta {
    char name[KUBE_NAME_SIZE];
    char uid[KUBE_UID_SIZE];
    char version[KUBE_VERSION_SIZE]; /* resourceVersion */
};

struct kube_pod {
    struct kube_meta meta;
    char ip[KUBE_IP_SIZE]; /* empty: none yet */
    bool ready;            /* condition Ready is True */
    bool terminating;      /* has a deletionTimestamp */
    bool running;          /* phase Running */
    int restarts;          /* of the first container */
    /* The containerIDs of the containers that run, a space between; empty: none runs. `told` false:
     * the object does not say (no containerStatuses, no ids, or more than there is room for). */
    bool told;
    char instances[KUBE_INSTANCES_SIZE];
    char owner_uid[KUBE_UID_SIZE]; /* of the StatefulSet that made it; empty: none did */
    char role[16];                 /* label memgraph-controller/role; empty: none */
};

struct kube_lease {
    struct kube_meta meta;
    char holder[KUBE_NAME_SIZE]; /* empty: released */
    int64_t duration_s;
    char acquire_time[40], renew_time[40]; /* as written: RFC 3339 with microseconds */
    int64_t transitions;
};

/* A failed request's Status object, and how a controller judges it. `status` is the HTTP status. */
struct fail kube_judge(long status, json_t *body);

enum kube_event_type { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED, KUBE_BOOKMARK, KUBE_ERROR };

/* One line of a watch stream. *object is borrowed from *line, which the caller drops with
 * json_decref. FAIL_PROTOCOL for a line that is none; an ERROR event gives FAIL_GONE (410) or
 * what its Status says. */
struct fail kube_watch_line(struct str text, json_t **line, enum kube_event_type *type,
                            json_t **object);

struct fail kube_read_meta(json_t *object, struct kube_meta *out);
struct fail kube_read_pod(json_t *object, struct kube_pod *out);
struct fail kube_read_lease(json_t *object, struct kube_lease *out);
/* A list: its resourceVersion and the array of its items (borrowed). */
struct fail kube_read_list(json_t *list, char version[KUBE_VERSION_SIZE], json_t **items);
/* A ConfigMap's data as an object of strings (borrowed; NULL when it has none). */
struct fail kube_read_configmap(json_t *object, struct kube_meta *meta, json_t **data);

/* data: an object of strings, borrowed. version NULL: for a create. */
json_t *kube_make_configmap(const char *name, const char *version, json_t *data, json_t *labels);
json_t *kube_make_lease(const struct kube_lease *lease, bool with_version);
/* Event v1 about an object of this namespace. `type` is Normal or Warning; `name` must be unique.
 */
struct kube_event {
    const char *namespace_, *name, *type, *reason, *message;
    const char *kind, *api_version, *object_name, *object_uid; /* what it is about */
    const char *component, *instance, *time;                   /* time: RFC 3339 */
};
json_t *kube_make_event(const struct kube_event *event);
/* RFC 3339 in UTC with microseconds, as MicroTime wants it. */
void kube_format_time(int64_t wall_us, char *out, size_t size);

#endif
