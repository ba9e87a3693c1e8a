/* kube_capture: the recorded exchanges of a real API server in tests/data/kubernetes, taken apart.
 *
 * NAME.resp holds the status line, the headers and the body as received, without the transfer
 * coding. Everything here fails the test instead of returning an error. */
#ifndef TESTS_KUBE_CAPTURE_H
#define TESTS_KUBE_CAPTURE_H

#include "base/alloc.h"
#include "base/str.h"

#include "cmocka_test.h"

#include <jansson.h>

struct capture {
    char *bytes; /* the caller's, see capture_done */
    long status;
    struct str body;
};

static inline char *capture_read(const char *name, size_t *n)
{
    char path[512];
    FILE *f;
    char *bytes;
    long size;

    str_format(path, sizeof(path), "%s/kubernetes/%s", getenv("TEST_DATA"), name);
    f = fopen(path, "rbe");
    if (!f)
        fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    bytes = xcalloc((size_t)size + 1, 1);
    *n = fread(bytes, 1, (size_t)size, f);
    assert_int_equal(*n, size);
    fclose(f);
    return bytes;
}

static inline struct str capture_body(const char *bytes, size_t n)
{
    const char *end = memmem(bytes, n, "\r\n\r\n", 4);

    if (end)
        end += 4;
    else if ((end = memmem(bytes, n, "\n\n", 2))) /* a .req */
        end += 2;
    else
        fail_msg("no end of the headers");
    return (struct str){end, n - (size_t)(end - bytes)};
}

static inline struct capture capture_load(const char *name)
{
    struct capture c = {0};
    size_t n;
    int64_t status;
    struct str line;

    c.bytes = capture_read(name, &n);
    c.body = capture_body(c.bytes, n);
    line = (struct str){c.bytes, n};
    assert_true(str_eq(str_cut(&line, ' '), "HTTP/1.1"));
    assert_true(str_to_int64(str_cut(&line, ' '), &status));
    c.status = (long)status;
    return c;
}

static inline void capture_done(struct capture *c)
{
    free(c->bytes);
    *c = (struct capture){0};
}

/* The JSON of the body, a new reference; NULL when it is none. */
static inline json_t *capture_json(const char *name)
{
    struct capture c = capture_load(name);
    json_t *json = json_loadb(c.body.p, c.body.n, JSON_DISABLE_EOF_CHECK, NULL);

    capture_done(&c);
    return json;
}

#endif
