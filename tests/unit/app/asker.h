/* asker: an HTTP client in the test's own loop, for servers on loopback. One request a time each;
 * its answer may come later. */
#ifndef TESTS_ASKER_H
#define TESTS_ASKER_H

#include "desk.h"

struct asker {
    struct loop *loop;
    int fd; /* -1: not asking */
    struct loop_fd *watch;
    struct buf answer;
    bool ended;
};

void asker_init(struct asker *a, struct loop *loop);
void asker_done(struct asker *a);
/* Sends a request. headers: whole lines with their ends, or NULL. body may be NULL. */
void asker_send(struct asker *a, unsigned port, const char *method, const char *path,
                const char *headers, const char *body);
/* Waits for the end of the answer: its status; the text is borrowed until the next request. */
int asker_status(struct asker *a);
const char *asker_text(struct asker *a);
/* Its body as JSON. New reference. */
json_t *asker_json(struct asker *a);

#endif
