/* try_out: writes through one gateway and reads through the other, as a client does.
 *
 * `memgraph-controller try`, which is what `helm test` runs. It leaves nothing behind. */
#ifndef APP_TRY_OUT_H
#define APP_TRY_OUT_H

#include "app/client.h"

struct try_out {
    struct client_target write;
    const char *read; /* as write.address; NULL: the write gateway is read from */
    int64_t limit_us;
};

/* Until it has worked, or the limit is over: then why not. Says each step on standard output. */
struct fail try_out_run(const struct try_out *t) MUST_CHECK;

#endif
