/* bolt_encode: writes Bolt messages, of clients and of servers, in chunks of at most 65535 bytes.
 *
 * Each function adds one whole message to `out` (check out->failed at the end). Values are
 * borrowed; a NULL map stands for the empty one. Where the version matters, fields are left out or
 * added as it wants them (facts 1.2). */
#ifndef PROTO_BOLT_ENCODE_H
#define PROTO_BOLT_ENCODE_H

#include "proto/bolt.h"

/* Any message: signature and at most 15 fields (asserted). */
void bolt_encode(struct buf *out, enum bolt_signature signature, const struct value *fields,
                 size_t n);
/* Messages without fields: RESET, GOODBYE, COMMIT, ROLLBACK, LOGOFF, ACK_FAILURE, NOOP, IGNORED. */
void bolt_encode_bare(struct buf *out, enum bolt_signature signature);

/* Requests. An empty user means scheme none. HELLO carries the credentials up to 4.4; from 5.1 on
 * LOGON does, which must follow (bolt_has_logon). */
void bolt_encode_hello(struct buf *out, enum bolt_version version, const char *user_agent,
                       const char *user, const char *password);
void bolt_encode_logon(struct buf *out, const char *user, const char *password);
void bolt_encode_run(struct buf *out, enum bolt_version version, struct str query,
                     const struct value *params, const struct value *extra);
/* n < 0: all. qid < 0: none is sent (facts 1.4: one outside of a transaction kills the server). */
void bolt_encode_pull(struct buf *out, enum bolt_version version, int64_t n, int64_t qid);
void bolt_encode_discard(struct buf *out, enum bolt_version version, int64_t n, int64_t qid);
void bolt_encode_begin(struct buf *out, const struct value *extra);

/* Answers. */
void bolt_encode_success(struct buf *out, const struct value *metadata);
void bolt_encode_record(struct buf *out, const struct value *values, size_t n);
void bolt_encode_failure(struct buf *out, const char *code, const char *message);
void bolt_encode_ignored(struct buf *out);

#endif
