/* confirm: asks Kubernetes whose process it is that answers at a pod's address (core/claim.h).
 *
 * One list of the pods at a time, without a resourceVersion: as true as the API server's database,
 * where the watch may be behind. */
#ifndef APP_CONFIRM_H
#define APP_CONFIRM_H

#include "app/controller.h"

struct confirm *confirm_new(struct controller *c);
void confirm_free(struct confirm *f); /* NULL is fine */
/* Asks, when it is not asked already; what was claimed since then is asked for after that. */
void confirm_ask(struct confirm *f);

#endif
