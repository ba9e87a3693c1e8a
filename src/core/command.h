/* command: what the core remembers of the commands that it sent.
 *
 * Source: docs/decisions.md, "Epochs: the one procedure", "Registrations", "Memgraph as it is".
 *
 * One command a pod at a time. The edges call command_started when they send one, and command_done
 * when it ended, whatever happened; they may call nothing else in between about that command. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include "core/plan.h"

void command_started(struct view *v, const struct effect *effect);
void command_done(struct view *v, int pod, enum outcome outcome);

#endif
