#include "sandbox/input.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "sandbox/command.h"
#include "sandbox/console.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_LIMIT = 4096 };

struct input {
    struct sandbox *sb;
    struct loop_fd *watch;
    struct buf text;
};

static void line_run(struct sandbox *sb, struct str line)
{
    char answer[COMMAND_ANSWER_SIZE];
    bool ok;

    if (!str_trim(line).n)
        return;
    ok = command_run(sb, line, answer);
    console_answer(ok, answer);
}

static void on_readable(void *arg)
{
    struct input *in = arg;
    char bytes[512];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    struct str rest;
    size_t used = 0;

    if (n <= 0) {
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        loop_fd_free(in->watch);
        in->watch = NULL;
        if (n == 0)
            sandbox_stop(in->sb);
        return;
    }
    buf_add(&in->text, bytes, (size_t)n);
    if (in->text.failed)
        buf_clear(&in->text);
    rest = buf_str(&in->text);
    while (rest.n && memchr(rest.p, '\n', rest.n)) {
        struct str line = str_cut(&rest, '\n');

        used += line.n + 1;
        line_run(in->sb, line);
    }
    buf_drop(&in->text, used);
}

struct input *input_start(struct sandbox *sb)
{
    struct input *in;
    struct stat st;

    if (fstat(STDIN_FILENO, &st) != 0 ||
        !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(STDIN_FILENO)))
        return NULL;
    in = xcalloc(1, sizeof *in);
    in->sb = sb;
    buf_init(&in->text, LINES_LIMIT);
    in->watch = loop_fd_new(sb->loop, STDIN_FILENO, on_readable, in);
    return in;
}

void input_free(struct input *in)
{
    if (!in)
        return;
    loop_fd_free(in->watch);
    buf_done(&in->text);
    free(in);
}
