/* input: commands typed on standard input, one a line. Its end (the terminal's Ctrl-D, or a test
 * that died) stops the sandbox. */
#ifndef SANDBOX_INPUT_H
#define SANDBOX_INPUT_H

#include "sandbox/sandbox.h"

struct input;
/* NULL: standard input is nothing that commands can come from (a file, /dev/null). */
struct input *input_start(struct sandbox *sb);
void input_free(struct input *in); /* NULL is fine */

#endif
