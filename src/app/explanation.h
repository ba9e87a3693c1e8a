/* explanation: the core's answers to "what would happen if" as JSON, for /api/v1/explain. */
#ifndef APP_EXPLANATION_H
#define APP_EXPLANATION_H

#include "app/controller.h"

/* A failover, a switchover, and the rebuild of each replica; with pod >= 0 that pod's rebuild
 * alone. New reference. */
json_t *explanation_json(struct controller *c, int pod);

#endif
