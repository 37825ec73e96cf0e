/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lines.h: the lines of a large batch, cut out of its message before that is parsed as JSON. A JSON
 * value for each line takes longer than executing the line.
 */
#ifndef SHUNT_API_LINES_H
#define SHUNT_API_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include "controlplane/api/buffer.h"

struct lines {
	struct buffer text; /* where they stand, zero-terminated each */
	const char **line;  /* NULL: nothing was cut out */
	size_t count;
};

/* If the message has one member "commands", an array of strings in which nothing is escaped and all
 * is ASCII, its strings become the lines, and `rest` is the message with an empty array in their
 * place (both to be freed). False: nothing was done, the message is to be parsed as it is.
 *
 * `rest` is JSON if and only if the message is. Whoever uses the lines must find the empty array
 * where "commands" belongs: there is only one, and no other spelling of the name, since a message
 * with an escape anywhere is left alone. */
bool lines_cut(struct lines *lines, const char *message, size_t size, struct buffer *rest);

void lines_free(struct lines *lines);

#endif
