/* kube_config: where the API server is and how to prove who we are, when nobody said it. */
#include "io/kube_client.h"

#include <unistd.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

enum { TIMEOUT_US = 5000000, WATCH_TIMEOUT_US = 60000000 };

static bool url_from_environment(char *out, size_t size)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    bool v6 = host && strchr(host, ':');

    if (!host || host[0] == 0)
        return false;
    return str_format(out, size, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
                      port && port[0] != 0 ? port : "443");
}

static void file_default(char *out, size_t size, const char *path)
{
    if (out[0] == 0 && access(path, R_OK) == 0)
        str_copy(out, size, path);
}

bool kube_config_complete(struct kube_config *config, struct fail *why)
{
    bool in_cluster = config->api_url[0] == 0;

    *why = (struct fail){0};
    if (in_cluster && !url_from_environment(config->api_url, sizeof(config->api_url))) {
        *why = fail_make(FAIL_GONE, "no Kubernetes API: not in a pod (KUBERNETES_SERVICE_HOST is "
                                    "not set), and no KUBE_API_URL given");
        return false;
    }
    /* A token never goes over a connection in clear unless it was asked for. */
    if (str_starts(str_of(config->api_url), "https://")) {
        file_default(config->token_file, sizeof(config->token_file), SERVICE_ACCOUNT "/token");
        file_default(config->ca_file, sizeof(config->ca_file), SERVICE_ACCOUNT "/ca.crt");
    }
    if (in_cluster && config->token_file[0] == 0) {
        *why = fail_make(FAIL_GONE, "no ServiceAccount token at " SERVICE_ACCOUNT
                                    "/token, and no KUBE_TOKEN_FILE given");
        return false;
    }
    if (config->user_agent[0] == 0)
        str_copy(config->user_agent, sizeof(config->user_agent), "memgraph-controller");
    if (config->timeout_us <= 0)
        config->timeout_us = TIMEOUT_US;
    if (config->watch_timeout_us <= 0)
        config->watch_timeout_us = WATCH_TIMEOUT_US;
    return true;
}
