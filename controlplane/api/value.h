/* SPDX-License-Identifier: BSD-3-Clause
 *
 * value.h: single values: from and to text and JSON, checked against their parameter. Inside api/,
 * the CLI and the views only.
 */
#ifndef SHUNT_API_VALUE_H
#define SHUNT_API_VALUE_H

#include "controlplane/api/command.h"

/* `length` bytes at `text` to a value (not FLAG, not PATHS); strings go to arguments->text.
 * -EINVAL: error says what is wrong, its column is counted from `text`. */
int value_from_text(const struct parameter *parameter, const char *text, size_t length,
		    struct arguments *arguments, struct value *value, struct error *error);

/* JSON to a value (not PATHS). */
int value_from_json(const struct parameter *parameter, json_t *json, struct arguments *arguments,
		    struct value *value, struct error *error);

/* Canonical text, zero-terminated. Returns its length; -ENOSPC. */
int value_to_text(const struct parameter *parameter, const struct value *value, char *text,
		  size_t size);

/* A new reference. */
json_t *value_to_json(const struct parameter *parameter, const struct value *value);

/* The word that stands instead of a number or address, or NULL. */
const char *value_alternative(const struct parameter *parameter, const struct value *value);

/* What a value must be, in words: "16 to 1048575", "an IPv4 or IPv6 address". */
void value_expected(const struct parameter *parameter, char *text, size_t size);

/* "200/300" and names to labels. -EINVAL: error is set; what as in `parameter`. */
int stack_from_text(const struct parameter *parameter, const char *text, size_t length,
		    struct value *value, struct error *error);
int stack_from_json(const struct parameter *parameter, json_t *json, struct value *value,
		    struct error *error);
json_t *stack_to_json(const struct value *value);

/* Decimal digits and nothing else, no leading zero, at most `maximum`. */
bool number_from_text(const char *text, size_t length, uint64_t maximum, uint64_t *number);

/* The number in decimal digits, no zero behind it. Returns how many digits, at most 20. The
 * journal's lines are made with this: printf takes most of their time otherwise. */
size_t number_to_text(uint64_t number, char *text);

/* One more prefix at the end of a value of VALUE_PREFIXES, which stands last in arguments->text; the first
 * one if `more` is not set. */
int prefixes_add(const struct parameter *parameter, const char *text, size_t length,
		 struct arguments *arguments, struct value *value, bool more, struct error *error);

/* "NAME VALUE: expected ..." for the `length` bytes at text. Returns -EINVAL. */
int value_refuse(const struct parameter *parameter, const char *text, size_t length,
		 struct error *error);

/* Is this word of a positional WORD also a keyword of a path (`swap`), which then says it? */
bool word_of_path(const struct parameter *list, const char *word);

/* The parameter whose keyword is the last word of a positional WORD (`pop bridge BR`), or -1. */
int word_tail(const struct parameter *list, const char *word);

/* Rules between parameters, for text and JSON alike; fills in what is implied (mpls: operation).
 * `path` is set to the path that is wrong, or -1; `parameter` likewise. */
int command_check(struct arguments *arguments, struct error *error, int *parameter, int *path);

#endif
