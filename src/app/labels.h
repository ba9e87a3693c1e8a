/* labels: keeps the label memgraph-controller/role of the pods as core/label.h wants it. The leader
 * writes; every controller replica sees what they read. */
#ifndef APP_LABELS_H
#define APP_LABELS_H

#include "app/controller.h"

#define LABEL_ROLE "memgraph-controller/role"

struct labels *labels_new(struct controller *c);
void labels_free(struct labels *l); /* NULL is fine */
/* What a pod's label reads; "" when it has none, or is gone. uid: of the pod. */
void labels_saw(struct labels *l, int pod, const char *uid, const char *text);
/* Writes what is not as it should be; one that failed is tried again after a second. */
void labels_follow(struct labels *l);

#endif
