#include "app/web.h"

#include "app/answers.h"
#include "app/web_files.h"
#include "base/alloc.h"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool web_wants_page(const struct http_request *r)
{
    const char *accept = http_request_header(r, "Accept");

    return !accept || strstr(accept, "text/html") || !strstr(accept, "application/json");
}

static const struct web_file *find(const char *name)
{
    for (size_t i = 0; i < web_files_n; i++)
        if (strcmp(web_files[i].name, name) == 0)
            return &web_files[i];
    return NULL;
}

static void answer_file(struct http_request *r, const struct web_file *file)
{
    const char *known = http_request_header(r, "If-None-Match");
    bool same = known && strstr(known, file->etag);

    http_reply_header(r, "ETag", file->etag);
    http_reply_header(r, "Cache-Control", "no-cache"); /* kept, and asked for again by its ETag */
    http_reply_header(r, "Content-Security-Policy", policy);
    http_reply_header(r, "X-Content-Type-Options", "nosniff");
    http_reply_header(r, "Referrer-Policy", "no-referrer");
    http_reply_header(r, "Vary", "Accept");
    http_reply(r, same ? 304 : 200, file->type,
               same ? (struct str){0} : (struct str){(const char *)file->bytes, file->n});
}

void web_answer_page(struct http_request *r)
{
    answer_file(r, find("index.html"));
}

void web_answer_file(struct http_request *r)
{
    const struct web_file *file = find(http_request_path(r) + strlen(WEB_PREFIX));

    if (file)
        answer_file(r, file);
    else
        answer_error(r, 404, "no such file");
}
