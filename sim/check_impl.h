/* check_impl: what the parts of the checker share. */
#ifndef SIM_CHECK_IMPL_H
#define SIM_CHECK_IMPL_H

#include "sim/check.h"

/* Only the first is kept. */
void check_break(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* check_moves.c: the record has changed; struct check has the one before it. */
void check_moves(struct check *c, const struct record *r);
/* check_order.c: after every step, and whenever the record has changed. */
void check_commands(struct check *c);
void check_armed(struct check *c, const struct record *r);

#endif
