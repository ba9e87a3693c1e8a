/* api_script: an API server that answers one request after the other as a script says, on the
 * test's own loop, over raw sockets (so that it can also answer wrongly), with TLS if wanted.
 *
 * A request that the script does not expect fails the test. */
#ifndef TESTS_API_SCRIPT_H
#define TESTS_API_SCRIPT_H

#include "base/buf.h"
#include "base/list.h"
#include "io/loop.h"

enum api_then {
    API_KEEP,  /* the connection stays */
    API_CLOSE, /* it is closed behind the answer */
    API_RESET  /* it is reset behind the answer */
};

struct api_step {
    const char *expect; /* part of the request; NULL: any */
    struct str answer;  /* owned by the test */
    size_t split;       /* so many bytes first, the rest a little later; 0: all at once */
    enum api_then then;
};

struct ssl_ctx_st;

struct api_script {
    struct loop *loop;
    int fd;
    unsigned port;
    struct ssl_ctx_st *tls; /* NULL: none */
    struct loop_fd *watch;
    struct list connections;
    const struct api_step *steps;
    size_t steps_n, step;
    unsigned accepted, closed; /* connections */
    struct buf requests;       /* all that was asked, one behind the other */
};

void api_script_start(struct api_script *s, struct loop *loop);
void api_script_stop(struct api_script *s);
/* From now on, these are the answers. */
void api_script_set(struct api_script *s, const struct api_step *steps, size_t n);
/* Closes all its connections, in the order of their age. */
void api_script_close_all(struct api_script *s);

/* Complete answers with a Content-Length, and pieces of a chunked one; the caller frees .p. */
struct str api_answer(long status, const char *body);
struct str api_answer_bytes(long status, struct str body);
struct str api_chunked(const char *const *chunks, size_t n, bool ended);

/* Runs the loop until *done is true; fails the test after 5 s. */
void run_until(struct loop *loop, const bool *done);
/* Runs the loop for so long. */
void run_for(struct loop *loop, int64_t us);

#endif
