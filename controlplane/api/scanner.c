/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/scanner.h"

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static enum scanner_result broken(struct scanner *scanner, char byte, enum scanner_result result)
{
	scanner->depth = 0;
	scanner->in_string = false;
	scanner->escaped = false;
	scanner->dropping = byte != '\n';
	return result;
}

static void scan_string(struct scanner *scanner, char byte)
{
	if (scanner->escaped)
		scanner->escaped = false;
	else if (byte == '\\')
		scanner->escaped = true;
	else if (byte == '"')
		scanner->in_string = false;
}

/* A value comes after each comma and each bracket that opens. */
static enum scanner_result count_value(struct scanner *scanner)
{
	return scanner->values++ < SCANNER_VALUES_MAX ? SCANNER_MORE : SCANNER_TOO_MANY;
}

static enum scanner_result open_bracket(struct scanner *scanner, char byte)
{
	uint8_t *bits = &scanner->square[scanner->depth / 8];
	uint8_t bit = (uint8_t)(1u << scanner->depth % 8);

	if (!scanner->depth)
		scanner->values = 0;
	if (scanner->depth == SCANNER_DEPTH_MAX)
		return broken(scanner, byte, SCANNER_TOO_DEEP);
	*bits = (uint8_t)(byte == '[' ? *bits | bit : *bits & ~bit);
	scanner->depth++;
	return count_value(scanner);
}

static enum scanner_result close_bracket(struct scanner *scanner, char byte)
{
	unsigned int depth = scanner->depth - 1;
	bool square = scanner->square[depth / 8] >> depth % 8 & 1;

	if (square != (byte == ']'))
		return broken(scanner, byte, SCANNER_BROKEN);
	scanner->depth = depth;
	return depth ? SCANNER_MORE : SCANNER_MESSAGE;
}

static enum scanner_result scan_byte(struct scanner *scanner, char byte)
{
	if (scanner->in_string) {
		/* No control character stands raw in a JSON string: this way a quote that was
		 * forgotten is told at the end of its line. */
		if ((unsigned char)byte < 0x20)
			return broken(scanner, byte, SCANNER_BROKEN);
		scan_string(scanner, byte);
		return SCANNER_MORE;
	}
	switch (byte) {
	case '"':
		scanner->in_string = true;
		return SCANNER_MORE;
	case '{':
	case '[':
		return open_bracket(scanner, byte);
	case '}':
	case ']':
		return close_bracket(scanner, byte);
	case ',':
		return count_value(scanner);
	default:
		return SCANNER_MORE;
	}
}

/* Bytes of a string that end nothing: most of a long message. */
static size_t plain_length(const char *bytes, size_t size)
{
	size_t i = 0;

	while (i < size && (unsigned char)bytes[i] >= 0x20 && bytes[i] != '"' && bytes[i] != '\\')
		i++;
	return i;
}

size_t scanner_skip(struct scanner *scanner, const char *bytes, size_t size)
{
	size_t i = 0;

	for (; i < size && (scanner->dropping || is_blank(bytes[i])); i++)
		if (bytes[i] == '\n')
			scanner->dropping = false;
	return i;
}

enum scanner_result scanner_feed(struct scanner *scanner, const char *bytes, size_t size,
				 size_t *taken)
{
	for (size_t i = 0; i < size; i++) {
		enum scanner_result result;

		if (scanner->in_string && !scanner->escaped) {
			i += plain_length(bytes + i, size - i);
			if (i == size)
				break;
		}
		if (scanner->depth || bytes[i] == '{' || bytes[i] == '[')
			result = scan_byte(scanner, bytes[i]);
		else
			result = broken(scanner, bytes[i], SCANNER_BROKEN);
		if (result != SCANNER_MORE) {
			*taken = i + 1;
			return result;
		}
	}
	*taken = size;
	return SCANNER_MORE;
}
