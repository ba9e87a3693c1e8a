/* plugin: the controllers of a Kubernetes cluster, reached with the user's own kubeconfig.
 *
 * As kubectl-memgraph_ha the program is a plugin of kubectl. It has kubectl find the controllers'
 * Service by its label, and lets `kubectl proxy` run for as long as it runs itself; what it asks
 * goes through the API server's proxy of that Service. So whoever may do that (services/proxy) can
 * ask, without any port being opened, and every way of logging on that kubectl knows works. */
#ifndef APP_PLUGIN_H
#define APP_PLUGIN_H

#include "base/fail.h"

#include <stddef.h>

struct plugin_options {
    const char *namespace_, *context, *kubeconfig; /* NULL: as kubectl has it */
    const char *service;                           /* NULL: the only one with the label */
};

/* The URL of a controller for cli_options. One at a time. */
struct fail plugin_start(const struct plugin_options *o, char *url, size_t size) MUST_CHECK;
void plugin_stop(void); /* harmless without a start */

#endif
