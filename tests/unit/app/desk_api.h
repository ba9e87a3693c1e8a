/* desk_api: a desk whose controller has its HTTP routes open, and a client of them.
 *
 * Link with -Wl,--wrap=http_server_start: the port that the server got is looked at on the way. */
#ifndef TESTS_DESK_API_H
#define TESTS_DESK_API_H

#include "app/api.h"

#include "asker.h"

struct desk_api {
    struct loop *loop;
    struct fake_api kube;
    struct config config; /* set what the test needs of it between the two */
    struct controller c;
    struct api *api;
    struct asker asker;
};

extern unsigned desk_api_port; /* of the last HTTP server that was started */

void desk_api_prepare(struct desk_api *d); /* loop, API server, configuration */
void desk_api_start(struct desk_api *d);   /* the controller's parts and its routes */
void desk_api_stop(struct desk_api *d);
/* Asks and waits for the answer: its status; the text is in the asker. */
int desk_api_ask(struct desk_api *d, const char *method, const char *path, const char *headers,
                 const char *body);
/* A key of the record as the API server has it. */
const char *desk_api_stored(const struct desk_api *d, const char *key);

#endif
