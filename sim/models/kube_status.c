#include "models/kube_status.h"

#include "base/str.h"

#include <stdarg.h>

enum { TEXT_SIZE = 1024 };

static json_t *status_make(unsigned code, const char *reason, const char *message)
{
    return json_pack("{s:s, s:s, s:{}, s:s, s:s, s:s*, s:i}", "kind", "Status", "apiVersion", "v1",
                     "metadata", "status", "Failure", "message", message, "reason", reason, "code",
                     (int)code);
}

static json_t *details_make(const struct kube_subject *about)
{
    json_t *details = json_pack("{s:s, s:s}", "name", about->name, "kind", about->plural);

    if (*about->group)
        json_object_set_new(details, "group", json_string(about->group));
    return details;
}

/* "pods", "leases.coordination.k8s.io" */
static const char *resource_name(const struct kube_subject *about, char *out, size_t size)
{
    (void)str_format(out, size, "%s%s%s", about->plural, *about->group ? "." : "", about->group);
    return out;
}

static struct kube_reply reply_about(const struct kube_subject *about, unsigned code,
                                     const char *reason, const char *message)
{
    struct kube_reply reply = {code, status_make(code, reason, message)};

    json_object_set_new(reply.body, "details", details_make(about));
    return reply;
}

struct kube_reply kube_status_not_found(const struct kube_subject *about)
{
    char text[TEXT_SIZE], resource[128];

    (void)str_format(text, sizeof text, "%s \"%s\" not found",
                     resource_name(about, resource, sizeof resource), about->name);
    return reply_about(about, 404, "NotFound", text);
}

struct kube_reply kube_status_already_exists(const struct kube_subject *about)
{
    char text[TEXT_SIZE], resource[128];

    (void)str_format(text, sizeof text, "%s \"%s\" already exists",
                     resource_name(about, resource, sizeof resource), about->name);
    return reply_about(about, 409, "AlreadyExists", text);
}

struct kube_reply kube_status_conflict(const struct kube_subject *about, const char *why)
{
    char text[TEXT_SIZE], resource[128];

    if (!why)
        why = "the object has been modified; please apply your changes to the latest version and "
              "try again";
    (void)str_format(text, sizeof text, "Operation cannot be fulfilled on %s \"%s\": %s",
                     resource_name(about, resource, sizeof resource), about->name, why);
    return reply_about(about, 409, "Conflict", text);
}

struct kube_reply kube_status_invalid(const struct kube_subject *about, const char *field,
                                      const char *why)
{
    char text[TEXT_SIZE], resource[128];
    struct kube_reply reply;

    (void)str_format(text, sizeof text, "%s \"%s\" is invalid: %s: %s",
                     resource_name(about, resource, sizeof resource), about->name, field, why);
    reply = reply_about(about, 422, "Invalid", text);
    json_object_set_new(json_object_get(reply.body, "details"), "causes",
                        json_pack("[{s:s, s:s, s:s}]", "reason", "FieldValueInvalid", "message",
                                  why, "field", field));
    return reply;
}

struct kube_reply kube_status_failure(unsigned status, const char *reason, const char *fmt, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return (struct kube_reply){status, status_make(status, reason, text)};
}

json_t *kube_status_expired(void)
{
    return status_make(410, "Expired", "The resourceVersion for the provided watch is too old.");
}

struct kube_reply kube_status_deleted(const struct kube_subject *about, const char *uid)
{
    json_t *details = details_make(about);

    json_object_set_new(details, "uid", json_string(uid));
    return (struct kube_reply){200, json_pack("{s:s, s:s, s:{}, s:s, s:o}", "kind", "Status",
                                              "apiVersion", "v1", "metadata", "status", "Success",
                                              "details", details)};
}

struct kube_reply kube_status_text(unsigned status, const char *text)
{
    return (struct kube_reply){status, json_string(text)};
}
