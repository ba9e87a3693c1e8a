/* alloc: memory that is there, or the process ends. Kubernetes starts us again, and another
 * controller replica holds the lease meanwhile; checks that never run would double the code. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include "base/attrs.h"

#include <stddef.h>

/* Zeroed. The caller frees with free(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
/* For what a library could not get. */
_Noreturn void alloc_failed(void);

#endif
