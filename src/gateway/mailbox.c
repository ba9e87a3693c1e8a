#include "gateway/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *m)
{
    list_init(&m->mails);
    m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (m->fd < 0)
        return -errno;
    return -pthread_mutex_init(&m->mutex, NULL);
}

void mailbox_done(struct mailbox *m)
{
    assert(list_empty(&m->mails));
    close(m->fd);
    pthread_mutex_destroy(&m->mutex);
}

void mailbox_ring(struct mailbox *m)
{
    uint64_t one = 1;

    /* It fails only when the counter is full, and then the reader is awake already. */
    (void)!write(m->fd, &one, sizeof one);
}

void mailbox_hush(struct mailbox *m)
{
    uint64_t count;

    (void)!read(m->fd, &count, sizeof count);
}

void mailbox_post(struct mailbox *m, struct list *mail)
{
    bool first;

    pthread_mutex_lock(&m->mutex);
    first = list_empty(&m->mails);
    list_add_tail(&m->mails, mail);
    pthread_mutex_unlock(&m->mutex);
    /* A list that was not empty is about to be taken: its first post has rung. */
    if (first)
        mailbox_ring(m);
}

struct list *mailbox_take(struct mailbox *m)
{
    struct list *mail;

    pthread_mutex_lock(&m->mutex);
    mail = list_pop(&m->mails);
    pthread_mutex_unlock(&m->mutex);
    return mail;
}
