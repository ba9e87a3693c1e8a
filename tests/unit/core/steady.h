/* steady: the view of a leader of a healthy cluster, for tests that change one thing in it.
 *
 * mg-0 is main in run r0, mg-1 its STRICT_SYNC replica in run r1 and proven, mg-2 an ASYNC replica
 * in run r2. All was seen at steady_us; nothing is under way. */
#ifndef TESTS_CORE_STEADY_H
#define TESTS_CORE_STEADY_H

#include "core/view.h"

static const int64_t steady_us = 1000 * 1000 * 1000;

void steady_settings(struct settings *s);
void steady_view(struct view *v);
/* T's answer to SHOW REPLICAS, asked now. */
void steady_rows(struct view *v, enum row_status s, enum row_status a);

#endif
