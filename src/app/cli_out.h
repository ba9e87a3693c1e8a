/* cli_out: how the sub-commands write: colour on a terminal (unless NO_COLOR is set), documents as
 * JSON or YAML. */
#ifndef APP_CLI_OUT_H
#define APP_CLI_OUT_H

#include "base/str.h"

#include <jansson.h>

enum paint { PAINT_PLAIN, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_DIM, PAINT_BOLD };
/* printf in a colour, padded with spaces to `width` columns (0: none). */
void cli_paint(enum paint paint, int width, const char *fmt, ...) PRINTF_LIKE(3, 4);

enum cli_output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML };
bool cli_output_parse(const char *text, enum cli_output *out) MUST_CHECK;
/* The whole document on standard output; not for OUTPUT_TABLE. */
void cli_write_document(json_t *document, enum cli_output output);

/* A member's text; empty where there is none. Borrowed. */
const char *cli_text(json_t *object, const char *key);

#endif
