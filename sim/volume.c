#include "sim/volume.h"

/* The operating system writes back what is older than this. */
static const int64_t flush_us = 2000 * 1000;

void volume_init(struct volume *v)
{
    *v = (struct volume){0};
    for (int i = 0; i < MG_FILE_COUNT; i++)
        buf_init(&v->files[i], SIZE_MAX);
}

void volume_done(struct volume *v)
{
    for (int i = 0; i < MG_FILE_COUNT; i++)
        buf_done(&v->files[i]);
}

static void note_cut(struct volume *v, int64_t now_us, size_t length)
{
    if (now_us - v->flushed_us > flush_us) {
        v->cuts_n = 0;
        v->flushed_us = now_us;
    }
    if (v->cuts_n == VOLUME_CUTS) /* thin them out */
        for (v->cuts_n = 1; v->cuts_n < VOLUME_CUTS / 2; v->cuts_n++)
            v->cuts[v->cuts_n] = v->cuts[2 * v->cuts_n];
    v->cuts[v->cuts_n++] = length;
}

void volume_write(struct volume *v, int64_t now_us, enum mg_file file, bool append,
                  struct str bytes)
{
    struct buf *b = &v->files[file];

    if (file == MG_FILE_WAL)
        note_cut(v, now_us, append ? b->n : 0);
    if (!append)
        buf_clear(b);
    buf_add_str(b, bytes);
}

void volume_crash(struct volume *v, struct random *r)
{
    size_t n = v->files[MG_FILE_WAL].n;
    size_t keep = v->cuts_n ? v->cuts[random_range(r, 0, (int64_t)v->cuts_n - 1)] : n;

    if (random_chance(r, 30))
        keep = n;
    if (keep < n)
        v->files[MG_FILE_WAL].n = keep;
    v->cuts_n = 0;
}

void volume_wipe(struct volume *v)
{
    for (int i = 0; i < MG_FILE_COUNT; i++)
        buf_clear(&v->files[i]);
    v->cuts_n = 0;
    volume_remove_aside(v);
}

bool volume_move_data(struct volume *v, const char *token, bool may_overwrite)
{
    if (strcmp(v->aside, token) == 0)
        return true; /* done before */
    v->in_the_way = v->aside[0] && !may_overwrite;
    if (v->in_the_way)
        return false;
    (void)str_copy(v->aside, sizeof v->aside, token);
    buf_clear(&v->files[MG_FILE_WAL]);
    buf_clear(&v->files[MG_FILE_SNAPSHOT]);
    volume_move_replication(v);
    v->cuts_n = 0;
    return true;
}

void volume_move_replication(struct volume *v)
{
    buf_clear(&v->files[MG_FILE_REPLICATION]);
}

void volume_remove_aside(struct volume *v)
{
    v->aside[0] = '\0';
    v->in_the_way = false;
}

void volume_copy(struct volume *to, const struct volume *from)
{
    for (int i = 0; i < MG_FILE_COUNT; i++) {
        buf_clear(&to->files[i]);
        buf_add_str(&to->files[i], buf_str(&from->files[i]));
    }
    to->cuts_n = 0;
}
