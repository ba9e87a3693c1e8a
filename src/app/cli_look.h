/* cli_look: the sub-commands that only look: status, watch, history, explain. */
#ifndef APP_CLI_LOOK_H
#define APP_CLI_LOOK_H

#include "app/cli.h"

#include <jansson.h>

/* A document of a controller (new reference), or NULL: it was said on standard error (unless
 * quiet), and *status is the exit status that belongs to it. */
json_t *cli_fetch(const struct cli_options *o, const char *path, bool quiet, int *status);

int cli_status(const struct cli_options *o);
int cli_watch(const struct cli_options *o); /* until it is interrupted */
int cli_history(const struct cli_options *o);
/* EXIT_REFUSED when a failover (or the rebuild asked about) would not be possible now. */
int cli_explain(const struct cli_options *o);

#endif
