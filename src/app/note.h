/* note: what others than the leader write into the record: `request` and `paused`, on behalf of the
 * HTTP API, and `clients` (app/felt.h).
 *
 * Any controller replica does it, leader or not. The record is read afresh, judged, one key of it
 * changed, and written with the resourceVersion that was read: no other key can be touched, and
 * nobody's decision overwritten. A conflict, or an answer that got lost, is read again, a few
 * times.
 *
 * A note belongs to its caller until done is called (once, from the loop, never inside a call of
 * this header) or note_cancel returns. */
#ifndef APP_NOTE_H
#define APP_NOTE_H

#include "app/controller.h"

#include <jansson.h>

struct note;
/* Judges the record as it is now. False: nothing is written; why goes to done as CONFLICT. */
typedef bool note_check_fn(const struct record *r, char why[WHY_SIZE]);
/* why: NONE, CONFLICT (the check, or too many others wrote), GONE (there is no record), PROTOCOL
 * (it makes no sense), TIMEOUT (the API server's last word is missing: it may be written all the
 * same), or why the API server did not do it. record: as read, NULL on a failure. */
typedef void note_done_fn(void *arg, const struct fail *why, const struct record *record);

/* key: "request" or "paused"; text is copied. check may be NULL. */
struct note *note_write(struct controller *c, const char *key, const char *text,
                        note_check_fn *check, note_done_fn *done, void *arg);
/* Changes one key of the data of the ConfigMap. False: nothing is to be changed. */
typedef bool note_edit_fn(void *arg, json_t *data);
struct note *note_edit(struct controller *c, note_edit_fn *edit, note_done_fn *done, void *arg);
/* Reads the record, and nothing else. */
struct note *note_read(struct controller *c, note_done_fn *done, void *arg);
void note_cancel(struct note *n); /* NULL is fine */
/* A check: one request is open at a time. */
bool note_request_may(const struct record *r, char why[WHY_SIZE]);

#endif
