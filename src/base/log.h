/* log: one line an event, on standard error: logfmt by default, JSON when asked.
 *
 * Nobody waits for the reader of standard error: when it takes no line for 0.1 s, the line and
 * those after it are lost, and counted in the log once it takes one again.
 *
 * Only app, sandbox and programs log; libraries return what happened (base, proto, core, io and
 * gateway never call this). Called from the control thread only. Fields follow as pairs of key and
 * value, ended by NULL:
 *
 *     log_event(LOG_INFO, "gate", "gate opened", "pod", pod, "reason", why, NULL);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NONE };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Sets what is written. The default is INFO and logfmt. */
void log_setup(enum log_level least, enum log_format format);
/* Lines go to the sink, without the time; NULL: to standard error again. For the simulator, whose
 * time is another one. */
void log_redirect(void (*sink)(void *arg, struct str line), void *arg);
bool log_level_parse(struct str text, enum log_level *out) MUST_CHECK;
bool log_format_parse(struct str text, enum log_format *out) MUST_CHECK;
bool log_enabled(enum log_level level);

void log_event(enum log_level level, const char *module, const char *message, ...)
    __attribute__((sentinel));

#endif
