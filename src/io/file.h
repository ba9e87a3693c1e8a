/* file: small text files that others replace while we run, as Secrets are.
 *
 * Kubernetes replaces such a file by turning a symbolic link, so another file may stand under the
 * same path at any time: whoever holds what it said looks (one stat) before using it. */
#ifndef IO_FILE_H
#define IO_FILE_H

#include "base/buf.h"
#include "base/fail.h"

#include <sys/stat.h>

/* Adds the whole file to *out, up to its limit. The failure names the path; GONE: there is none. */
struct fail file_read(const char *path, struct buf *out) MUST_CHECK;
/* Two looks saw the same file with the same contents. */
bool file_same(const struct stat *a, const struct stat *b);

#endif
