/* console: a person's query straight to a pod, past controllers and gateways, as with mgconsole. */
#ifndef SIM_CONSOLE_H
#define SIM_CONSOLE_H

#include "sim/world.h"

struct console;

/* Connects and asks once. The text is copied; user may be NULL. */
struct console *console_new(struct world *w, unsigned pod, const char *user, const char *password,
                            const char *query);
void console_free(struct console *c); /* NULL is fine; before the world */
/* Answered, with success. */
bool console_done(const struct console *c);
/* It was not let in. */
bool console_denied(const struct console *c);

#endif
