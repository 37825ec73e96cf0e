/* SPDX-License-Identifier: BSD-3-Clause
 *
 * scanner.h: where a message ends. A message is one complete JSON object or array; whitespace may
 * stand between messages and inside them, so one message a line and pretty-printed ones both work.
 *
 * The scanner looks at each byte once, however the bytes arrive. It knows of JSON only what it
 * needs for finding the end; what is inside is the parser's business.
 */
#ifndef SHUNT_API_SCANNER_H
#define SHUNT_API_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCANNER_DEPTH_MAX = 2000,     /* nested objects and arrays; jansson's own limit is 2,048 */
	SCANNER_VALUES_MAX = 4 << 20, /* each takes up to 200 bytes while the message is parsed */
};

enum scanner_result {
	SCANNER_MORE,     /* no end yet: all bytes are taken */
	SCANNER_MESSAGE,  /* the message ends before *taken */
	SCANNER_BROKEN,   /* this cannot become JSON; the rest of the line is to be dropped */
	SCANNER_TOO_DEEP, /* nested deeper than SCANNER_DEPTH_MAX; same */
	SCANNER_TOO_MANY, /* more than SCANNER_VALUES_MAX in it, where it stands; the scanner is
			   * spent */
};

struct scanner {
	unsigned int depth;
	unsigned int
		values; /* elements and members so far; an empty object or array counts twice */
	bool in_string;
	bool escaped;  /* the byte before was a backslash */
	bool dropping; /* up to the end of the line, after broken input */
	uint8_t square[SCANNER_DEPTH_MAX / 8 + 1]; /* bit per depth: opened by [ rather than { */
};

/* Between messages: how many of these bytes are blanks, or the rest of a broken line. */
size_t scanner_skip(struct scanner *scanner, const char *bytes, size_t size);

/* Look at `size` bytes of a message, from its first one that is not blank, following those of the
 * last call. *taken: bytes looked at. */
enum scanner_result scanner_feed(struct scanner *scanner, const char *bytes, size_t size,
				 size_t *taken);

/* Is a message under way? */
static inline bool scanner_begun(const struct scanner *scanner)
{
	return scanner->depth > 0;
}

#endif
