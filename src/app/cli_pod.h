/* cli_pod: the sub-commands that run inside a Memgraph pod: `init` before Memgraph starts, and
 * `prestop` before it stops. The pod is named by POD_NAME or the argument. */
#ifndef APP_CLI_POD_H
#define APP_CLI_POD_H

#include "app/cli.h"

/* Source: docs/decisions.md, "Rebuild". Asks the controllers what is to be moved aside (POD_UID,
 * INIT_TIMEOUT) and does it. Exit status 1 when nobody answered in time or it could not be done:
 * the kubelet starts it again. */
int cli_pod_init(const struct cli_options *o);
/* Source: docs/decisions.md, "Planned restarts". Exit status 0 as soon as the pod may stop, 1 after
 * PRESTOP_TIMEOUT_SECONDS. */
int cli_pod_prestop(const struct cli_options *o);

#endif
