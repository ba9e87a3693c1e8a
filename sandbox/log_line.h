/* log_line: a controller's log line (JSON, as base/log.h writes it) as an event for the console.
 *
 * Programs get every line from info on, with all its fields. People get what matters to somebody
 * who watches: decisions, gates, leadership, warnings; not each query that went well, nor what the
 * sandbox tells by itself. The log files hold everything. */
#ifndef SANDBOX_LOG_LINE_H
#define SANDBOX_LOG_LINE_H

#include "base/str.h"

void log_line_show(const char *controller, struct str line, bool for_people);

#endif
