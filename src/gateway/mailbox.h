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
/* Makes the descriptor unreadable; take after this, or a message may be left lying. */
void mailbox_hush(struct mailbox *m);
/* Moves all messages, in the order of their posts, to the end of `into`. */
void mailbox_take(struct mailbox *m, struct list *into);

#endif
