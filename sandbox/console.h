/* console: what the sandbox says while it runs, one line an event on standard output: in words for
 * people, or as one JSON object a line for programs.
 *
 * An event is about a subject ("memgraph-0", "controller-0", "api", "client"); `what` is a short
 * word that programs look for, `text` the sentence for people. */
#ifndef SANDBOX_CONSOLE_H
#define SANDBOX_CONSOLE_H

#include "base/str.h"

enum console_form { CONSOLE_WORDS, CONSOLE_JSON };

/* How a line looks on a terminal. */
enum console_tone { CONSOLE_PLAIN, CONSOLE_GOOD, CONSOLE_BAD, CONSOLE_QUIET };

void console_setup(enum console_form form);
void console_event(const char *subject, const char *what, enum console_tone tone, const char *fmt,
                   ...) PRINTF_LIKE(4, 5);
/* An answer to a command that was typed: as it is in words, an event in JSON. */
void console_answer(bool ok, const char *text);

#endif
