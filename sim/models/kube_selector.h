/* kube_selector: labelSelector and fieldSelector of a list or a watch.
 *
 * Source: Kubernetes "Labels and Selectors": a=b, a==b, a!=b, a, !a, a in (b,c), a notin (b,c),
 * joined by commas; fields: metadata.name and metadata.namespace with =, ==, !=. A selector owns
 * copies of the texts; kube_selector_done frees them. */
#ifndef MODELS_KUBE_SELECTOR_H
#define MODELS_KUBE_SELECTOR_H

#include "base/str.h"

#include <jansson.h>

struct kube_selector {
    json_t *terms; /* array of {from, key, not, values?}; NULL selects all */
};

/* NULL texts select all. False: the text makes no sense, nothing to free. */
bool kube_selector_parse(struct kube_selector *s, const char *labels,
                         const char *fields) MUST_CHECK;
void kube_selector_done(struct kube_selector *s);
bool kube_selector_matches(const struct kube_selector *s, const json_t *object);

#endif
