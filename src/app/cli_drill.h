/* cli_drill: `drill`: a real switchover and back while a client writes, and the gap that it saw. */
#ifndef APP_CLI_DRILL_H
#define APP_CLI_DRILL_H

#include "app/cli.h"

/* --write names the write gateway; without it the first controller's host with its gateway's port.
 * EXIT_REFUSED: a switchover is not possible now, or was refused. */
int cli_drill(const struct cli_options *o);

#endif
