/* Notes that others than the leader write into the record: the first line as a request, the rest as
 * who paused. What makes sense is written as something that means the same. */
#include "fuzz.h"

#include "core/request.h"

#include <assert.h>

static void check_request(struct str text)
{
    struct request r, again;
    char out[NOTE_SIZE];

    if (!request_parse(text, &r))
        return;
    assert(r.pod >= -1 && r.pod < PODS_MAX && r.at_wall_us >= 0);
    assert(request_parse(str_of(request_text(&r, out)), &again));
    assert(again.kind == r.kind && again.pod == r.pod && again.at_wall_us == r.at_wall_us);
}

/* A pause that we write ends when we say, and one that somebody else wrote ends or does not. */
static void check_pause(struct str text)
{
    static const int64_t until_us = 1764060000000000;
    struct record r = {0};
    char who[NOTE_SIZE];
    int64_t until = 0;

    (void)str_copy_n(who, sizeof who, text);
    (void)record_pause_text(who, 1, until_us, r.paused);
    assert(record_paused(&r, until_us - 1, &until) && until == until_us);
    assert(!record_paused(&r, until_us, NULL));
    (void)record_pause_text(who, 1, 0, r.paused);
    assert(record_paused(&r, INT64_MAX - 1, &until) && until == INT64_MAX);
    (void)str_copy(r.paused, sizeof r.paused, who);
    if (record_paused(&r, 0, &until))
        assert(who[0] != '\0' && until > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line = str_cut(&rest, '\n');

    check_request(line);
    check_pause(rest);
    return 0;
}
