/* api: the HTTP routes on HTTP_PORT; docs/reference.md lists them. */
#ifndef APP_API_H
#define APP_API_H

#include "app/controller.h"

struct api;
/* NULL: it cannot listen; *why. */
struct api *api_new(struct controller *c, struct fail *why);
void api_free(struct api *a); /* NULL is fine */

#endif
