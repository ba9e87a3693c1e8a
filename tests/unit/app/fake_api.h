/* fake_api: a small Kubernetes API server in the test's own loop, over raw sockets.
 *
 * It keeps objects by "<resource>/<name>" (namespaces are not looked at), gives each change the
 * next resourceVersion, refuses a PUT with another one than the object's and a DELETE of another
 * uid (409), and tells watches.
 * On request it misbehaves, as below. */
#ifndef TESTS_FAKE_API_H
#define TESTS_FAKE_API_H

#include "base/buf.h"
#include "base/list.h"
#include "io/loop.h"

#include <jansson.h>

struct fake_api {
    struct loop *loop;
    int fd;
    unsigned port;
    struct loop_fd *watch;
    struct list connections;
    json_t *objects, *changes;
    int64_t version;

    /* How it misbehaves. */
    bool silent;         /* requests are neither done nor answered */
    const char *deaf_to; /* as silent, for requests that hold this text */
    bool cuts_writes;    /* writes are done, and the connection ends instead of the answer */
    bool holds_answers;  /* writes are done; fake_api_release sends their answers */
    bool holds_reads;    /* the same for the answers to a GET of one object */
    bool holds_lists;    /* and of a list */
    bool holds_events;   /* watches are told nothing; fake_api_release_events tells all */

    unsigned reads, writes; /* of single objects, done */
    unsigned lists;
    json_t *last; /* body of the last write, done or refused */
};

void fake_api_start(struct fake_api *a, struct loop *loop);
void fake_api_stop(struct fake_api *a);
/* Somebody else writes or deletes an object: a new version, and watches are told. Takes over
 * the object. */
void fake_api_put(struct fake_api *a, const char *resource, json_t *object);
void fake_api_delete(struct fake_api *a, const char *resource, const char *name);
/* The object, borrowed; NULL: none. */
json_t *fake_api_find(const struct fake_api *a, const char *resource, const char *name);
/* A line of the watches of a resource, whatever is stored. object is borrowed. */
void fake_api_tell(struct fake_api *a, const char *resource, const char *type, json_t *object);
/* Sends the answers that were held. */
void fake_api_release(struct fake_api *a);
void fake_api_release_events(struct fake_api *a);
/* Watches that are open. */
unsigned fake_api_streams(const struct fake_api *a);

#endif
