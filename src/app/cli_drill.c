#include "app/cli_drill.h"

#include "app/cli_ask.h"
#include "app/cli_look.h"
#include "app/prober.h"
#include "app/run.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_MS = 100,
    WRITES_LIMIT_MS = 10 * 1000,
    READY_LIMIT_MS = 60 * 1000,
    READY_TELL_MS = 2000,
    WRITES_WANTED = 20,
    AFTER_MS = 1000
};

/* Where the main was before, and what the client felt of each way. */
struct drill {
    const struct cli_options *o;
    struct prober *prober;
    char home[260];
    double gap_ms[2];
};

/* ---- where the client writes ---- */

/* The host of a URL as it is written there, an IPv6 one in brackets; empty: there is a path behind
 * it, so that something else stands before the controller. */
static struct str host_of(struct str url)
{
    struct str rest;

    if (str_starts(url, "http://"))
        url = (struct str){url.p + 7, url.n - 7};
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    if (str_contains(url, "/"))
        return str_of("");
    rest = url;
    if (str_starts(url, "[") && str_contains(url, "]")) {
        (void)str_cut(&rest, ']');
        return (struct str){url.p, (size_t)(rest.p - url.p)};
    }
    return str_cut(&rest, ':');
}

/* The host of the first controller that answers with the port of its write gateway. */
static bool guess_gateway(const struct cli_options *o, char *out, size_t size)
{
    struct str rest = str_of(o->controllers);

    while (rest.n) {
        struct str url = str_trim(str_cut(&rest, ',')), host = host_of(url);
        char one[600];
        struct cli_options alone = {.controllers = one};
        long long port;
        json_t *document;
        int status;

        if (!host.n || !str_copy_n(one, sizeof one, url))
            continue;
        document = cli_fetch(&alone, "/api/v1/status", true, &status);
        port = json_integer_value(json_object_get(
            json_object_get(json_object_get(document, "gateways"), "write"), "port"));
        json_decref(document);
        if (port)
            return str_format(out, size, "%.*s:%lld", STR_ARGS(host), port);
    }
    return false;
}

/* ---- one way ---- */

static bool wait_writes(struct prober *p)
{
    uint64_t wanted = prober_writes(p) + WRITES_WANTED;
    int64_t until_ms = cli_now_ms() + WRITES_LIMIT_MS;

    while (cli_now_ms() < until_ms && !cli_is_interrupted()) {
        cli_sleep_ms(LOOK_MS);
        if (prober_writes(p) >= wanted)
            return true;
    }
    return false;
}

/* After a switchover the old main has to catch up before it can take over again. */
static int wait_possible(const struct cli_options *o, int64_t limit_ms)
{
    int64_t start_ms = cli_now_ms();
    bool told = false;

    for (;;) {
        int status;
        json_t *document = cli_fetch(o, "/api/v1/explain", false, &status);
        json_t *switchover = json_object_get(document, "switchover");
        bool possible = json_is_true(json_object_get(switchover, "possible"));
        int64_t waited_ms = cli_now_ms() - start_ms;

        if (document && !possible && waited_ms >= limit_ms)
            status = cli_trouble(EXIT_REFUSED, "no switchover now: %s",
                                 cli_text(switchover, "answer"));
        else if (document && !possible && waited_ms >= READY_TELL_MS && !told)
            told = cli_trouble(1, "waiting until it can go back: %s",
                               cli_text(switchover, "answer")) != 0;
        json_decref(document);
        if (possible || waited_ms >= limit_ms || !document)
            return status;
        if (cli_is_interrupted())
            return EXIT_TROUBLE;
        cli_sleep_ms(LOOK_MS);
    }
}

static int cannot_write(const struct drill *d, int status, const char *more)
{
    char why[200];

    if (cli_is_interrupted())
        return EXIT_TROUBLE;
    return cli_trouble(status, "the client cannot write%s (%s)", more,
                       prober_trouble(d->prober, why, sizeof why)[0] ? why : "no answer");
}

static int one_way(struct drill *d, unsigned way)
{
    struct cli_options o = *d->o;
    struct prober_counts seen;
    uint64_t before;
    int status = wait_possible(d->o, way == 0 ? 0 : READY_LIMIT_MS);

    if (status != EXIT_OK)
        return status;
    (void)prober_take(d->prober); /* from here on the gap counts */
    before = prober_writes(d->prober);
    o.to = way == 0 ? NULL : d->home;
    o.no_wait = false;
    status = cli_switchover(&o);
    if (status != EXIT_OK)
        return status;
    if (!wait_writes(d->prober)) /* it counts when it has ended */
        return cannot_write(d, EXIT_REFUSED, " since then");
    cli_sleep_ms(AFTER_MS); /* the last of the clients' trouble is over */
    seen = prober_take(d->prober);
    d->gap_ms[way] = (double)seen.gap_us / 1000;
    printf("the client could not write for %.1f ms: %llu writes acknowledged, %llu failed\n",
           d->gap_ms[way], (unsigned long long)(seen.writes - before),
           (unsigned long long)seen.errors);
    (void)fflush(stdout);
    return cli_is_interrupted() ? EXIT_TROUBLE : EXIT_OK;
}

/* ---- both ways ---- */

static void tell_where(const struct drill *d)
{
    int status;
    json_t *document = cli_fetch(d->o, "/api/v1/status", true, &status);
    const char *main = cli_text(document, "main");

    if (document && strcmp(main, d->home) != 0)
        (void)cli_trouble(0, "the main is %s now, and was %s: `switchover --to %s` moves it back",
                          main, d->home, d->home);
    else if (!document)
        (void)cli_trouble(0, "the main was %s before", d->home);
    json_decref(document);
}

static bool find_home(struct drill *d, int *status)
{
    json_t *document = cli_fetch(d->o, "/api/v1/status", false, status);

    (void)str_copy(d->home, sizeof d->home, cli_text(document, "main"));
    json_decref(document);
    return document != NULL;
}

static int drill(struct drill *d)
{
    int status;

    if (!wait_writes(d->prober))
        return cannot_write(d, EXIT_NOBODY,
                            ": is --write the write gateway, with bolt+s:// if it speaks TLS, and "
                            "are MEMGRAPH_USER and MEMGRAPH_PASSWORD its user's?");
    status = one_way(d, 0);
    if (status == EXIT_OK)
        status = one_way(d, 1);
    if (status == EXIT_OK)
        printf("%s is main again; the client could not write for %.1f ms and %.1f ms\n", d->home,
               d->gap_ms[0], d->gap_ms[1]);
    else
        tell_where(d);
    return status;
}

int cli_drill(const struct cli_options *o)
{
    struct client_target target = cli_client(o, o->write);
    struct drill d = {.o = o};
    struct fail why;
    char gateway[300];
    int status;

    if (!find_home(&d, &status) || (status = wait_possible(o, 0)) != EXIT_OK)
        return status;
    if (!o->write && !guess_gateway(o, gateway, sizeof gateway))
        return cli_trouble(EXIT_TROUBLE,
                           "drill wants --write HOST:PORT, the write gateway as "
                           "clients reach it (in a controller's own pod it does not)");
    if (!o->write)
        target.address = gateway;
    cli_catch_interrupts();
    d.prober = prober_start(&target, &why);
    if (!d.prober)
        return cli_trouble(EXIT_TROUBLE, "drill: %s", why.text);
    printf("a client writes through %s\n", target.address);
    (void)fflush(stdout);
    status = drill(&d);
    if (!prober_stop(d.prober))
        (void)cli_trouble(0,
                          "the client's node (label MemgraphControllerDrill) may be left behind");
    return status;
}
