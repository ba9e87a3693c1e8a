/* web_files: the bytes of web/, written by scripts/embed at build time. */
#ifndef APP_WEB_FILES_H
#define APP_WEB_FILES_H

#include <stddef.h>

struct web_file {
    const char *name, *type, *etag;
    const unsigned char *bytes;
    size_t n;
};

extern const struct web_file web_files[];
extern const size_t web_files_n;

#endif
