/* demo: what makes the sandbox pleasant for people: where everything is, what to try, the roles as
 * the servers tell them, a client that writes. In machine mode only the client, when asked for. */
#ifndef SANDBOX_DEMO_H
#define SANDBOX_DEMO_H

#include "sandbox/sandbox.h"

struct demo;
struct demo *demo_start(struct sandbox *sb);
void demo_free(struct demo *demo);

#endif
