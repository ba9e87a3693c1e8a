/* install: copies this program to where a pod's preStop hook finds it.
 *
 * The hook runs in the container of Memgraph, whose image has neither this program nor its
 * libraries: an init container of our image lays down both, and the loader, in a volume of the pod.
 * They run there as `DIR/loader --library-path DIR DIR/memgraph-controller prestop`, whatever that
 * image has. */
#ifndef APP_INSTALL_H
#define APP_INSTALL_H

#include "base/fail.h"

/* Into a directory that exists. A file that is there is replaced as a whole. */
struct fail install_self(const char *directory) MUST_CHECK;

#endif
