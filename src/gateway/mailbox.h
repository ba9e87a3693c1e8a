/* mailbox: messages from one thread to another: a list under a mutex, and an eventfd that wakes the
 * reader. The idea is h2o's. It is the only way in which workers and control speak to each other.
 *
 * A message has a struct list as its node and belongs to the mailbox from the post until it is
 * taken. The descriptor is readable from a post until mailbox_hush. */
#ifndef GATEWAY_MAILBOX_H
#define GATEWAY_MAILBOX_H

#include "base/list.h"

#include <pthread.h>

struct mailbox {
    pthread_mutex_t mutex;
    struct list mails;
    int fd;
};

/* 0 or -errno. */
int mailbox_init(struct mailbox *m) MUST_CHECK;
/* The mailbox must be empty. */
void mailbox_done(struct mailbox *m);
/* From any thread. */
void mailbox_post(struct mailbox *m, struct list *mail);
/* Makes the descriptor readable without a message. */
void mailbox_ring(struct mailbox *m);
/* Makes the descriptor unreadable; take after this, until there is none, or one may be left. */
void mailbox_hush(struct mailbox *m);
/* The oldest message; NULL: none. */
struct list *mailbox_take(struct mailbox *m) MUST_CHECK;

#endif
