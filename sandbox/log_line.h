/* log_line: a controller's log line (JSON, as base/log.h writes it) as an event for the console:
 * what happened and to whom, without the clutter. Lines below info are left out. */
#ifndef SANDBOX_LOG_LINE_H
#define SANDBOX_LOG_LINE_H

#include "base/str.h"

/* arg is not used; the signature is that of controllers_config's on_line. */
void log_line_show(void *arg, const char *name, struct str line);

#endif
