#include "app/cli_pod.h"

#include "app/aside.h"
#include "app/asking.h"
#include "app/run.h"
#include "base/duration.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MS = 500, ONE_ANSWER_MS = 6000 };

/* An environment variable; NULL: not set, or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static const char *pod_of(const struct cli_options *o)
{
    return o->pod ? o->pod : variable("POD_NAME");
}

/* How long one sub-command waits for controllers. */
struct patience {
    int64_t limit_ms;  /* in all */
    int64_t one_ms;    /* for one answer */
    int64_t margin_ms; /* the last answer may come so much later */
};

/* Asks again and again until the answer is 200, or one that will not change, or the time is up.
 * Returns the HTTP status; 0: nobody answered. The last answer's text, or the reason, is in out. */
static long insist(struct asking *a, const struct patience *p, struct buf *out)
{
    int64_t until_ms = cli_now_ms() + p->limit_ms;

    for (;;) {
        int64_t left_ms = until_ms + p->margin_ms - cli_now_ms();
        long status = 0;
        struct fail f;

        a->timeout_ms = left_ms < 1 ? 1 : left_ms < p->one_ms ? left_ms : p->one_ms;
        f = asking_send(a, &status, out);
        if (f.kind != FAIL_NONE) {
            buf_clear(out);
            buf_add_text(out, f.text);
        }
        if (status == 200 || (status >= 400 && status < 500) || until_ms - cli_now_ms() <= AGAIN_MS)
            return status;
        cli_sleep_ms(AGAIN_MS);
    }
}

/* ---- init ---- */

static int obey(const struct cli_options *o, struct str answer)
{
    json_t *json = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    const char *token = "", *why = "";
    int data = 0, replication = 0, may_overwrite = 0;
    struct aside_order order;
    struct fail f;
    bool acted;

    if (json_unpack(json, "{s:b, s:b, s:b, s:s, s:s}", "moveData", &data, "moveReplication",
                    &replication, "mayOverwrite", &may_overwrite, "token", &token, "why",
                    &why) != 0) {
        json_decref(json);
        return cli_trouble(EXIT_TROUBLE, "the controller's answer makes no sense");
    }
    order = (struct aside_order){data, replication, may_overwrite, token};
    f = aside_carry_out(o->data_directory, &order, &acted);
    if (f.kind != FAIL_NONE)
        (void)cli_trouble(0, "%s; nothing could be moved: %s", why, f.text);
    else
        printf("%s%s\n", why,
               acted                 ? ": moved aside"
               : data || replication ? ": was moved aside before"
                                     : "");
    json_decref(json);
    return f.kind == FAIL_NONE ? EXIT_OK : EXIT_TROUBLE;
}

int cli_pod_init(const struct cli_options *o)
{
    const char *pod = pod_of(o), *uid = variable("POD_UID"), *limit = variable("INIT_TIMEOUT");
    struct asking asking = {.urls = o->controllers, .method = "GET"};
    char path[400], why[300];
    struct buf answer;
    struct patience patience = {.one_ms = ONE_ANSWER_MS};
    long status;
    int result;

    if (!cli_is_pod_name(pod) || !cli_is_pod_name(uid))
        return cli_trouble(EXIT_CONFIG, "init: set POD_NAME and POD_UID (metadata.name and "
                                        "metadata.uid, through the downward API)");
    if (!duration_parse(str_of(limit ? limit : "60s"), &patience.limit_ms) ||
        patience.limit_ms == 0)
        return cli_trouble(EXIT_CONFIG, "INIT_TIMEOUT='%s': wanted a duration such as 60s", limit);
    (void)str_format(path, sizeof path, "/api/v1/init/%s?uid=%s", pod, uid);
    asking.path = path;
    buf_init(&answer, ANSWER_LIMIT);
    status = insist(&asking, &patience, &answer);
    if (status == 200)
        result = obey(o, buf_str(&answer));
    else
        result = cli_trouble(EXIT_TROUBLE,
                             "init: no controller (%s) says whether the data of %s may be used: %s",
                             o->controllers, pod, asking_why(buf_str(&answer), why, sizeof why));
    buf_done(&answer);
    return result;
}

/* ---- prestop ---- */

int cli_pod_prestop(const struct cli_options *o)
{
    enum { MARGIN_MS = 5000 };
    const char *pod = pod_of(o), *uid = variable("POD_UID");
    const char *limit = variable("PRESTOP_TIMEOUT_SECONDS");
    struct asking asking = {.urls = o->controllers,
                            .method = "POST",
                            .user = variable("MEMGRAPH_USER"),
                            .password = variable("MEMGRAPH_PASSWORD")};
    char path[300], why[300];
    int64_t limit_s = 60;
    struct patience patience;
    struct buf answer;
    long status;

    if (!cli_is_pod_name(pod))
        return cli_trouble(EXIT_CONFIG, "prestop: name the pod, or set POD_NAME");
    if (limit && (!str_to_int64(str_of(limit), &limit_s) || limit_s < 1 || limit_s > 3600))
        return cli_trouble(EXIT_CONFIG, "PRESTOP_TIMEOUT_SECONDS='%s': wanted 1 to 3600", limit);
    (void)str_format(path, sizeof path, "/prestop-hook/%s%s%s", pod, uid ? "?uid=" : "",
                     uid ? uid : "");
    asking.path = path;
    buf_init(&answer, ANSWER_LIMIT);
    patience = (struct patience){limit_s * 1000, limit_s * 1000 + MARGIN_MS, MARGIN_MS};
    status = insist(&asking, &patience, &answer);
    (void)asking_why(buf_str(&answer), why, sizeof why);
    buf_done(&answer);
    if (status != 200)
        return cli_trouble(EXIT_TROUBLE, "prestop: %s", why);
    printf("%s\n", why);
    return EXIT_OK;
}
