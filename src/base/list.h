/* list: intrusive, circular, doubly linked. A node is a member of the thing that is listed; a list
 * is a node of its own. Nothing is allocated. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/attrs.h"

#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add_tail(struct list *l, struct list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

/* Safe on a node that was initialised and is in no list. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *list_pop(struct list *l)
{
    struct list *node = l->next;

    if (node == l)
        return NULL;
    l->next = node->next; /* not list_remove: clang's analyzer does not see that node->prev is l */
    node->next->prev = l;
    list_init(node);
    return node;
}

/* The current node may be removed in the body; others may not. */
#define LIST_FOR_EACH(it, head)                                                                    \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif
