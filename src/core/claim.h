/* claim: whose process is it that answers at a pod's address?
 *
 * Source: docs/decisions.md, "Whose process is it?". An address alone does not tell: a watch may be
 * behind, and Kubernetes itself may still say the address of a pod that has another one by now. A
 * process that was not seen before is taken for the pod's when a container of the pod was seen to
 * start for it, and Kubernetes, asked after the process had answered, says that the pod has this
 * address. Until then its answers claim the pod, and no rule sees them. */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include "core/view.h"

/* Kubernetes said which containers of the pod run (NULL: it does not tell). */
void claim_note_instances(struct view *v, struct pod *p, const char *now);
/* An answer of this process is the pod's; else it is noted as a claim. */
bool claim_takes(struct view *v, struct pod *p, const char *run, int64_t asked_us);

#endif
