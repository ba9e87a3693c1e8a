/* status: the controller's knowledge as JSON, for /status. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include "app/controller.h"

/* New reference. */
json_t *status_json(const struct controller *c);
json_t *status_leadership_json(const struct controller *c);

#endif
