/* command: the words with which a person or a test troubles the sandbox; one line in, one line out.
 * `help` lists them. */
#ifndef SANDBOX_COMMAND_H
#define SANDBOX_COMMAND_H

#include "sandbox/sandbox.h"

enum { COMMAND_ANSWER_SIZE = 8192 };

/* True: done, or begun; `answer` says what. False: `answer` says why not. */
bool command_run(struct sandbox *sb, struct str line, char answer[COMMAND_ANSWER_SIZE]);

#endif
