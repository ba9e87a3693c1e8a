#include "app/cli_drill.h"

#include "app/cli_ask.h"
#include "app/cli_look.h"
#include "app/prober.h"
#include "app/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOOK_MS = 100,
    WRITES_LIMIT_MS = 10 * 1000,
    READY_LIMIT_MS = 60 * 1000,
    WRITES_WANTED = 20,
    AFTER_MS = 1000
};

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

static const char *text_of(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

/* The host of the first controller's URL with the port of its write gateway. */
static bool guess_gateway(const struct cli_options *o, char *out, size_t size)
{
    struct str rest = str_of(o->controllers), url = str_cut(&rest, ',');
    int status;
    json_t *document = cli_fetch(o, "/api/v1/status", true, &status);
    json_t *gateways = json_object_get(document, "gateways");
    long long port =
        json_integer_value(json_object_get(json_object_get(gateways, "write"), "port"));
    bool direct;

    json_decref(document);
    if (str_starts(url, "http://"))
        url = (struct str){url.p + 7, url.n - 7};
    direct = !str_contains(url, "/");
    url = str_cut(&url, ':');
    return direct && port && str_format(out, size, "%.*s:%lld", STR_ARGS(url), port);
}

static bool wait_writes(struct prober *p)
{
    uint64_t wanted = prober_take(p).writes + WRITES_WANTED;

    for (int waited_ms = 0; waited_ms < WRITES_LIMIT_MS; waited_ms += LOOK_MS) {
        pause_ms(LOOK_MS);
        if (prober_take(p).writes >= wanted)
            return true;
    }
    return false;
}

/* After a switchover the old main has to catch up before it can take over again. */
static int wait_possible(const struct cli_options *o)
{
    int status = EXIT_OK;

    for (int waited_ms = 0;; waited_ms += LOOK_MS) {
        json_t *document = cli_fetch(o, "/api/v1/explain", waited_ms > 0, &status);
        json_t *switchover = json_object_get(document, "switchover");
        bool possible = json_is_true(json_object_get(switchover, "possible"));

        if (document && !possible && waited_ms >= READY_LIMIT_MS)
            status = cli_trouble(EXIT_REFUSED, "no switchover now: %s",
                                 text_of(switchover, "answer"));
        json_decref(document);
        if (possible || waited_ms >= READY_LIMIT_MS || (!document && waited_ms == 0))
            return status;
        pause_ms(LOOK_MS);
    }
}

static int one_way(const struct cli_options *o, struct prober *p)
{
    struct prober_counts seen;
    uint64_t before;
    int status = wait_possible(o);

    if (status != EXIT_OK)
        return status;
    before = prober_take(p).writes; /* from here on the gap counts */
    status = cli_switchover(o);
    if (status != EXIT_OK)
        return status;
    pause_ms(AFTER_MS); /* the last of the clients' trouble is over */
    seen = prober_take(p);
    printf("the client could not write for %.1f ms: %llu writes acknowledged, %llu failed\n",
           (double)seen.gap_us / 1000, (unsigned long long)(seen.writes - before),
           (unsigned long long)seen.errors);
    (void)fflush(stdout);
    return EXIT_OK;
}

static int drill(const struct cli_options *o, struct prober *p)
{
    int status;

    if (!wait_writes(p))
        return cli_trouble(EXIT_NOBODY,
                           "the client cannot write: is --write the write gateway, with "
                           "bolt+s:// if it speaks TLS? (MEMGRAPH_USER and "
                           "MEMGRAPH_PASSWORD are used)");
    status = one_way(o, p);
    return status == EXIT_OK ? one_way(o, p) : status;
}

int cli_drill(const struct cli_options *o)
{
    struct client_target target = cli_client(o, o->write);
    struct prober *p;
    struct fail why;
    char gateway[300];
    int status;

    if (!o->write && !guess_gateway(o, gateway, sizeof gateway))
        return cli_trouble(EXIT_TROUBLE, "drill wants --write HOST:PORT, the write gateway");
    if (!o->write)
        target.address = gateway;
    p = prober_start(&target, &why);
    if (!p)
        return cli_trouble(EXIT_TROUBLE, "drill: %s", why.text);
    printf("a client writes through %s\n", target.address);
    (void)fflush(stdout);
    status = drill(o, p);
    prober_stop(p);
    return status;
}
