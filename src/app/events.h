/* events: Kubernetes Events about the StatefulSet, for those who look with kubectl. The same words
 * are not posted twice within five minutes, and no more than 25 at once and one more every 10 s:
 * the log has all of them. */
#ifndef APP_EVENTS_H
#define APP_EVENTS_H

#include "app/controller.h"

struct events *events_new(struct controller *c);
void events_free(struct events *e); /* NULL is fine */
/* True: it is news. */
bool events_post(struct events *e, const char *reason, bool warning, const char *text);

#endif
