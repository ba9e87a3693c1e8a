/* volume: directories of the sandbox: made, emptied, removed. Symbolic links are never followed. */
#ifndef SANDBOX_VOLUME_H
#define SANDBOX_VOLUME_H

#include "base/attrs.h"

/* 0 or -errno; a directory that is there already is fine. */
int volume_make(const char *path) MUST_CHECK;
/* Removes what is in it, not the directory itself. */
int volume_empty(const char *path) MUST_CHECK;
/* Removes it with all that is in it. One that is not there is fine. */
int volume_remove(const char *path) MUST_CHECK;

#endif
