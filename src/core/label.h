/* label: what a pod's label memgraph-controller/role shall read, for Services and people that look
 * for pods by it.
 *
 * Source: docs/decisions.md, "Labels". The leader keeps them; before a promotion the old main's is
 * taken away, so that nobody finds two mains. */
#ifndef CORE_LABEL_H
#define CORE_LABEL_H

#include "core/view.h"

enum { LABEL_SIZE = 16 };

/* "main", "sync", "async", or "" for none. now: what it reads, which stays while nothing better is
 * known. */
const char *label_wanted(const struct view *v, int pod, const char *now);

#endif
