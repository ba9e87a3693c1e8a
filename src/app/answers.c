#include "app/answers.h"

#include "base/alloc.h"

#include <openssl/crypto.h>

#include <string.h>
#include <strings.h>

json_t *answer_text(const char *text)
{
    json_t *out = json_string(text);
    char *ascii;

    if (out)
        return out;
    /* It may also be cut off in the middle of a letter. */
    ascii = xstrdup(text);
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    out = json_string(ascii);
    free(ascii);
    return out;
}

void answer_json(struct http_request *r, unsigned status, json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2));

    http_reply_header(r, "Cache-Control", "no-store");
    http_reply(r, status, "application/json", str_of(text ? text : "{}"));
    free(text);
    json_decref(json);
}

void answer_error(struct http_request *r, unsigned status, const char *error)
{
    answer_json(r, status, json_pack("{s:o}", "error", answer_text(error)));
}

bool answer_to(struct http_request *r, const char *method)
{
    const char *asked = http_request_method(r);
    bool get = strcmp(method, "GET") == 0;

    if (strcmp(asked, method) == 0 || (get && strcmp(asked, "HEAD") == 0))
        return true;
    http_reply_header(r, "Allow", get ? "GET, HEAD" : method);
    answer_error(r, 405, get ? "this route answers GET only" : "this route answers POST only");
    return false;
}

static bool is_secret(const char *value, const char *secret)
{
    size_t n = strlen(secret);

    return strlen(value) == n && CRYPTO_memcmp(value, secret, n) == 0;
}

bool answer_has_secret(const struct http_request *r, const char *header, const char *secret)
{
    const char *value = http_request_header(r, header);

    return value && is_secret(value, secret);
}

bool answer_is_authorised(const struct http_request *r, const char *scheme, const char *credentials)
{
    const char *header = http_request_header(r, "Authorization");
    size_t n = strlen(scheme);

    if (!header || strncasecmp(header, scheme, n) != 0 || header[n] != ' ')
        return false;
    header += n + strspn(header + n, " ");
    return is_secret(header, credentials);
}
