#include "models/kube_validate.h"

enum { CONFIGMAP_BYTES_MAX = 1024 * 1024 };

/* A DNS subdomain: lower case letters, digits, - and ., beginning and ending with one of the first
 * two kinds. */
static bool is_name(struct str name)
{
    if (!name.n || name.n > 253)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        bool edge = i == 0 || i == name.n - 1 || name.p[i - 1] == '.' || name.p[i + 1] == '.';

        if (!strchr(edge ? "abcdefghijklmnopqrstuvwxyz0123456789"
                         : "abcdefghijklmnopqrstuvwxyz0123456789-.",
                    name.p[i]) &&
            !(name.p[i] == '.' && i > 0 && i < name.n - 1 && name.p[i - 1] != '.'))
            return false;
    }
    return true;
}

/* "2006-01-02T15:04:05.000000Z": the form of a MicroTime, and nothing else. */
static bool is_micro_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00.000000Z";

    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

static bool lease_check(const struct kube_subject *about, const json_t *spec,
                        struct kube_reply *why)
{
    static const char *const times[] = {"acquireTime", "renewTime"};
    const json_t *duration = json_object_get(spec, "leaseDurationSeconds");
    char text[128];

    if (duration && !json_is_null(duration) && json_integer_value(duration) <= 0) {
        (void)str_format(text, sizeof text, "Invalid value: %lld: must be greater than 0",
                         (long long)json_integer_value(duration));
        *why = kube_status_invalid(about, "spec.leaseDurationSeconds", text);
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        const json_t *time = json_object_get(spec, times[i]);

        if (!time || json_is_null(time) ||
            (json_is_string(time) && is_micro_time(json_string_value(time))))
            continue;
        *why = kube_status_failure(400, "BadRequest",
                                   "Lease in version \"v1\" cannot be handled as a Lease: "
                                   "v1.LeaseSpec.%s: parsing time as "
                                   "\"2006-01-02T15:04:05.000000Z07:00\"",
                                   times[i]);
        return false;
    }
    return true;
}

static bool configmap_check(const struct kube_subject *about, const json_t *data,
                            struct kube_reply *why)
{
    struct kube_subject kind = {"ConfigMap", "", about->name};
    size_t bytes = 0;
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)data, key, value) {
        if (!json_is_string(value)) {
            *why = kube_status_failure(400, "BadRequest",
                                       "ConfigMap in version \"v1\" cannot be handled as a "
                                       "ConfigMap: v1.ConfigMap.Data: ReadString: expects \" or n");
            return false;
        }
        bytes += strlen(key) + json_string_length(value);
    }
    if (bytes <= CONFIGMAP_BYTES_MAX)
        return true;
    *why = kube_status_invalid(&kind, "[]", "Too long: must have at most 1048576 bytes");
    return false;
}

/* An Event lives in the namespace of what it is about. */
static bool event_check(const struct kube_key *key, const json_t *object, struct kube_reply *why)
{
    struct kube_subject kind = {"Event", "", key->name};
    const char *ns =
        json_string_value(json_object_get(json_object_get(object, "involvedObject"), "namespace"));
    char text[400];

    if (ns && strcmp(ns, key->ns) == 0)
        return true;
    (void)str_format(text, sizeof text, "Invalid value: \"%s\": does not match event.namespace",
                     ns ? ns : "");
    *why = kube_status_invalid(&kind, "involvedObject.namespace", text);
    return false;
}

bool kube_validate(const struct kube_key *key, const json_t *object, struct kube_reply *why)
{
    const struct kube_resource_info *info = &kube_resources[key->resource];
    struct kube_subject about = {info->plural, info->group, key->name};
    struct kube_subject kind = {info->kind, info->group, key->name};

    if (!is_name(str_of(key->name))) {
        *why = kube_status_invalid(
            &kind, "metadata.name",
            "Invalid value: a DNS-1123 subdomain must consist of lower case alphanumeric "
            "characters, '-' or '.', and must start and end with an alphanumeric character");
        return false;
    }
    switch (key->resource) {
    case KUBE_LEASES:
        return lease_check(&kind, json_object_get(object, "spec"), why);
    case KUBE_CONFIGMAPS:
        return configmap_check(&about, json_object_get(object, "data"), why);
    case KUBE_EVENTS:
        return event_check(key, object, why);
    case KUBE_PODS:
    case KUBE_STATEFULSETS:
    case KUBE_RESOURCE_COUNT:
        break;
    }
    return true;
}
