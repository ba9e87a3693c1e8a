#include "app/asking.h"

#include "base/alloc.h"

#include <curl/curl.h>
#include <jansson.h>

static const long connect_limit_ms = 3000;

static size_t on_data(const char *data, size_t size, size_t n, void *arg)
{
    struct buf *answer = arg;

    buf_add(answer, data, size * n);
    return answer->failed ? 0 : n * size;
}

static struct curl_slist *headers_of(const struct asking *a)
{
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    struct buf line;

    if (a->token) {
        buf_init(&line, 128 * 1024);
        buf_printf(&line, "X-Memgraph-Admin-Token: %s", a->token);
        list = curl_slist_append(list, line.p);
        buf_done(&line);
    }
    return list;
}

static void set_options(CURL *curl, const struct asking *a, const char *url)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "memgraph-controller/0.1");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_limit_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)a->timeout_ms);
    if (strcmp(a->method, "POST") == 0)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, a->body ? a->body : "");
    if (a->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, a->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, a->password ? a->password : "");
    }
}

static struct fail send_to(const struct asking *a, struct str base, long *status,
                           struct buf *answer)
{
    struct curl_slist *headers = headers_of(a);
    CURL *curl = curl_easy_init();
    struct fail f = {0};
    long sent_bytes = 0;
    struct buf url;
    CURLcode code;

    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    buf_init(&url, 8192);
    buf_printf(&url, "%.*s%s", STR_ARGS(base), a->path);
    set_options(curl, a, url.p);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    else
        f = fail_make(a->once && sent_bytes > 0          ? FAIL_GONE
                      : code == CURLE_OPERATION_TIMEDOUT ? FAIL_TIMEOUT
                      : code == CURLE_WRITE_ERROR        ? FAIL_PROTOCOL
                                                         : FAIL_UNREACHABLE,
                      "%.*s: %s", STR_ARGS(base), curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    buf_done(&url);
    return f;
}

struct fail asking_send(const struct asking *a, long *status, struct buf *answer)
{
    struct fail all = fail_make(FAIL_UNREACHABLE, "no controller is named"), f;
    struct str rest = str_of(a->urls);
    unsigned n = 0;

    while (rest.n) {
        struct str url = str_trim(str_cut(&rest, ','));

        if (url.n == 0)
            continue;
        buf_clear(answer);
        f = send_to(a, url, status, answer);
        if (f.kind == FAIL_NONE || f.kind == FAIL_GONE)
            return f;
        if (n++ == 0)
            all = f;
        else
            (void)str_append(all.text, sizeof all.text, "; %s", f.text);
    }
    return all;
}

const char *asking_why(struct str answer, char *out, size_t size)
{
    json_t *json = json_loadb(answer.n ? answer.p : "", answer.n, 0, NULL);
    const char *error = json_string_value(json_object_get(json, "error"));
    const char *why = json_string_value(json_object_get(json, "why"));
    const char *message = json_string_value(json_object_get(json, "message"));

    if (error || why || message)
        (void)str_copy(out, size, error ? error : why ? why : message);
    else
        (void)str_copy_n(out, size, str_trim(answer));
    json_decref(json);
    return out;
}
