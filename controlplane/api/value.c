/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/value.h"
#include "controlplane/api/filter-words.h"

static const struct {
	const char *suffix;
	uint64_t nanoseconds;
} units[] = { { "ms", 1000000ull },
	      { "s", 1000000000ull },
	      { "m", 60000000000ull },
	      { "h", 3600000000000ull } };
enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

int error_set(struct error *error, enum error_kind kind, int code, const char *format, ...)
{
	va_list list;

	error->kind = kind;
	error->column = -1;
	error->length = 0;
	error->expected[0] = '\0';
	va_start(list, format);
	vsnprintf(error->text, sizeof(error->text), format, list);
	va_end(list);
	error->code = kind == ERROR_USAGE || code == 0 ? -EINVAL : code < 0 ? code : -code;
	return error->code;
}

static void words_join(const char *const *words, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; words[i] && used < size; i++) {
		const char *before = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		used += (size_t)snprintf(text + used, size - used, "%s%s", before, words[i]);
	}
}

void value_expected(const struct parameter *parameter, char *text, size_t size)
{
	static const char *const expectation[] = {
		[VALUE_STACK] =
			"16 to 1048575, explicit-null, ipv6-explicit-null or implicit-null, "
			"several joined with /",
		[VALUE_NAME] = "a name: 1 to 31 of A-Z a-z 0-9 _ . -, first a letter or digit",
		[VALUE_ON_OFF] = "on or off",
		[VALUE_ADDRESS] = "an IPv4 or IPv6 address",
		[VALUE_PREFIX] = "an IPv4 or IPv6 address with a length, as in 10.0.0.1/24",
		[VALUE_MAC] = "an Ethernet address, as in 02:00:00:00:00:01",
		[VALUE_FLAG] = "true or false",
		[VALUE_PATHS] = "an array of paths",
		[VALUE_PREFIXES] = "IPv4 or IPv6 addresses or prefixes, no bits behind their length",
	};
	char from[24], to[24];

	if (parameter->words && parameter->type != VALUE_WORD) {
		struct parameter plain = *parameter;
		size_t used;

		plain.words = NULL;
		value_expected(&plain, text, size);
		used = strlen(text);
		used += (size_t)snprintf(text + used, size - used, ", or ");
		if (used < size)
			words_join(parameter->words, text + used, size - used);
		return;
	}
	switch (parameter->type) {
	case VALUE_UNSIGNED:
	case VALUE_LABEL:
		snprintf(text, size, "%llu to %llu", (unsigned long long)parameter->minimum,
			 (unsigned long long)parameter->maximum);
		break;
	case VALUE_STRING:
		snprintf(text, size, "a string of %u to %u bytes, UTF-8 without control characters",
			 (unsigned int)parameter->minimum,
			 parameter->maximum ? (unsigned int)parameter->maximum : STRING_MAX - 1);
		break;
	case VALUE_WORD:
		words_join(parameter->words, text, size);
		break;
	case VALUE_DURATION:
		value_to_text(parameter, &(struct value){ .number = parameter->minimum }, from,
			      sizeof(from));
		value_to_text(parameter, &(struct value){ .number = parameter->maximum }, to,
			      sizeof(to));
		snprintf(text, size, "a time of %s to %s, as in 300ms, 2s, 5m or 1h", from, to);
		break;
	default:
		snprintf(text, size, "%s", expectation[parameter->type]);
	}
}

int value_refuse(const struct parameter *parameter, const char *text, size_t length,
		 struct error *error)
{
	char expected[sizeof(error->expected)];
	int shown = length > 64 ? 64 : (int)length;

	value_expected(parameter, expected, sizeof(expected));
	error_set(error, ERROR_USAGE, EINVAL, "%s %.*s%s: expected %s", parameter->name, shown,
		  text, length > 64 ? "..." : "", expected);
	snprintf(error->expected, sizeof(error->expected), "%s", expected);
	error->column = 0;
	error->length = (int)length;
	return -EINVAL;
}

bool number_from_text(const char *text, size_t length, uint64_t maximum, uint64_t *number)
{
	uint64_t sum = 0;

	if (length == 0 || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');
		if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*number = sum;
	return sum <= maximum;
}

size_t number_to_text(uint64_t number, char *text)
{
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	for (size_t i = 0; i < count; i++)
		text[i] = digits[count - 1 - i];
	return count;
}

/* ---- addresses ---- */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool address_is_ipv4(const struct address *address)
{
	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

void address_format(const struct address *address, char text[46])
{
	if (!address_is_ipv4(address)) {
		inet_ntop(AF_INET6, address->bytes, text, 46);
		return;
	}
	for (unsigned int i = 12; i < 16; i++) {
		text += number_to_text(address->bytes[i], text);
		*text++ = '.';
	}
	text[-1] = '\0';
}

void mac_format(const uint8_t mac[6], char text[18])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < 6; i++) {
		*text++ = digits[mac[i] >> 4];
		*text++ = digits[mac[i] & 15];
		*text++ = i < 5 ? ':' : '\0';
	}
}

static bool ipv4_from_text(const char *text, size_t length, struct address *address)
{
	const char *end = text + length;

	memcpy(address->bytes, mapped, sizeof(mapped));
	for (unsigned int i = 0; i < 4; i++) {
		const char *dot = text;
		uint64_t number;
		while (dot < end && *dot != '.')
			dot++;
		if ((dot == end) != (i == 3) ||
		    !number_from_text(text, (size_t)(dot - text), 255, &number))
			return false;
		address->bytes[12 + i] = (uint8_t)number;
		text = dot + 1;
	}
	return true;
}

static bool address_from_text(const char *text, size_t length, struct address *address)
{
	char copy[INET6_ADDRSTRLEN];

	if (ipv4_from_text(text, length, address))
		return true;
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	/* ::ffff:a.b.c.d is our form of IPv4: taken from the user it would silently become that */
	return inet_pton(AF_INET6, copy, address->bytes) == 1 && !address_is_ipv4(address);
}

int address_parse(const char *text, struct address *address)
{
	return address_from_text(text, strlen(text), address) ? 0 : -EINVAL;
}

static bool prefix_from_text(const char *text, size_t length, struct value *value)
{
	const char *slash = memchr(text, '/', length);

	if (!slash || !address_from_text(text, (size_t)(slash - text), &value->address))
		return false;
	return number_from_text(slash + 1, length - (size_t)(slash + 1 - text),
				address_is_ipv4(&value->address) ? 32 : 128, &value->number);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool mac_from_text(const char *text, size_t length, uint8_t mac[6])
{
	if (length != 17)
		return false;
	for (unsigned int i = 0; i < 6; i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ---- the other kinds ---- */

static bool duration_from_text(const struct parameter *parameter, const char *text, size_t length,
			       uint64_t *number)
{
	size_t digits = 0;

	while (digits < length && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	for (unsigned int i = 0; i < UNIT_COUNT; i++) {
		const char *suffix = units[i].suffix;
		uint64_t unit = units[i].nanoseconds;
		bool bare = length == digits && parameter->flags & PARAMETER_SECONDS;
		if (bare ? unit != 1000000000u
			 : strlen(suffix) != length - digits ||
				   memcmp(text + digits, suffix, length - digits) != 0)
			continue;
		if (!number_from_text(text, digits, parameter->maximum / unit, number))
			return false;
		*number *= unit;
		return *number >= parameter->minimum;
	}
	return false;
}

static bool is_name(const char *text, size_t length)
{
	if (length == 0 || length >= NAME_SIZE)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			continue;
		if (i == 0 || (c != '_' && c != '.' && c != '-'))
			return false;
	}
	return true;
}

/* Bytes of the UTF-8 character at text (RFC 3629 4), or 0 if it is none. JSON can't carry others.
 */
static size_t utf8_length(const unsigned char *text, size_t length)
{
	uint32_t character, least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t count = text[0] < 0x80   ? 1
		       : text[0] < 0xc2 ? 0
		       : text[0] < 0xe0 ? 2
		       : text[0] < 0xf0 ? 3
		       : text[0] < 0xf5 ? 4
					: 0;

	if (count == 0 || count > length)
		return 0;
	character = count == 1 ? text[0] : text[0] & (0x7fu >> count);
	for (size_t i = 1; i < count; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (text[i] & 0x3f);
	}
	if (character < least[count] || character > 0x10ffff || (character >> 11) == 0x1b)
		return 0;
	return count;
}

static bool is_string(const struct parameter *parameter, const char *text, size_t length)
{
	size_t most = parameter->maximum ? parameter->maximum : STRING_MAX - 1;

	if (length < parameter->minimum || length > most)
		return false;
	for (size_t i = 0, step; i < length; i += step) {
		step = utf8_length((const unsigned char *)text + i, length - i);
		if (step == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	return true;
}

static int string_store(const char *text, size_t length, struct arguments *arguments,
			struct value *value, struct error *error)
{
	if (length >= sizeof(arguments->text) - arguments->text_used) {
		error_set(error, ERROR_USAGE, EINVAL,
			  "the names and strings of one command are "
			  "longer than %zu bytes",
			  sizeof(arguments->text));
		error->column = 0;
		error->length = (int)length;
		return -EINVAL;
	}
	value->string = arguments->text + arguments->text_used;
	memmove(value->string, text, length);
	value->string[length] = '\0';
	arguments->text_used += (unsigned int)length + 1;
	return 0;
}

static int name_from_text(const struct parameter *parameter, const char *text, size_t length,
			  struct arguments *arguments, struct value *value, struct error *error)
{
	bool at = parameter->flags & PARAMETER_AT && length > 0 && text[0] == '@';

	if (!is_name(text + at, length - at))
		return value_refuse(parameter, text, length, error);
	arguments->spelled_out &= !at;
	return string_store(text + at, length - at, arguments, value, error);
}

static bool word_from_text(const struct parameter *parameter, const char *text, size_t length,
			   uint64_t *number)
{
	unsigned int found = 0;

	for (unsigned int i = 0; parameter->words[i]; i++) {
		if (strncmp(parameter->words[i], text, length) != 0)
			continue;
		*number = i;
		if (parameter->words[i][length] == '\0')
			return true;
		found++;
	}
	return length > 0 && found == 1;
}

static bool on_off_from_text(const char *text, size_t length, uint64_t *number)
{
	*number = length == 2 && memcmp(text, "on", 2) == 0;
	return *number || (length == 3 && memcmp(text, "off", 3) == 0);
}

int prefixes_add(const struct parameter *parameter, const char *text, size_t length,
		 struct arguments *arguments, struct value *value, bool more, struct error *error)
{
	char copy[INET6_ADDRSTRLEN + 8], canonical[52];
	const char *at = copy;
	struct filter_prefix prefix;
	struct value one;

	snprintf(copy, sizeof(copy), "%.*s", length < sizeof(copy) ? (int)length : 0, text);
	if (!filter_prefix_next(&at, &prefix) || *at != '\0')
		return value_refuse(parameter, text, length, error);
	filter_prefix_format(&prefix, canonical);
	if (!more)
		return string_store(canonical, strlen(canonical), arguments, value, error);
	if (string_store(canonical, strlen(canonical), arguments, &one, error) != 0)
		return -EINVAL;
	one.string[-1] = ' ';
	return 0;
}

int value_from_text(const struct parameter *parameter, const char *text, size_t length,
		    struct arguments *arguments, struct value *value, struct error *error)
{
	bool good = false;

	if (parameter->words && parameter->type != VALUE_WORD &&
	    word_from_text(parameter, text, length, &value->number)) {
		value->number = value_word(parameter, (unsigned int)value->number);
		memset(&value->address, 0, sizeof(value->address));
		return 0;
	}
	switch (parameter->type) {
	case VALUE_UNSIGNED:
	case VALUE_LABEL:
		good = number_from_text(text, length, parameter->maximum, &value->number) &&
		       value->number >= parameter->minimum;
		break;
	case VALUE_STACK:
		return stack_from_text(parameter, text, length, value, error);
	case VALUE_NAME:
		return name_from_text(parameter, text, length, arguments, value, error);
	case VALUE_STRING:
		if (is_string(parameter, text, length))
			return string_store(text, length, arguments, value, error);
		break;
	case VALUE_WORD:
		good = word_from_text(parameter, text, length, &value->number);
		break;
	case VALUE_ON_OFF:
		good = on_off_from_text(text, length, &value->number);
		break;
	case VALUE_ADDRESS:
		value->number = 0;
		good = address_from_text(text, length, &value->address);
		break;
	case VALUE_PREFIX:
		good = prefix_from_text(text, length, value);
		break;
	case VALUE_MAC:
		good = mac_from_text(text, length, value->mac);
		break;
	case VALUE_DURATION:
		good = duration_from_text(parameter, text, length, &value->number);
		break;
	case VALUE_PREFIXES:
		return prefixes_add(parameter, text, length, arguments, value, false, error);
	case VALUE_FLAG:
	case VALUE_PATHS:
		break;
	}
	return good ? 0 : value_refuse(parameter, text, length, error);
}

/* Quoted where the parser would not read it back as one plain word. */
static int string_to_text(const char *string, char *text, size_t size)
{
	size_t used = 0, length = strlen(string);
	bool quote = string[0] == '\0' || strpbrk(string, " \"'\\#") != NULL;

	if (!quote) {
		if (length >= size)
			return -ENOSPC;
		memcpy(text, string, length + 1);
		return (int)length;
	}
	if (size < 2 * length + 3)
		return -ENOSPC;
	text[used++] = '"';
	for (; *string; string++) {
		if (*string == '"' || *string == '\\')
			text[used++] = '\\';
		text[used++] = *string;
	}
	text[used++] = '"';
	text[used] = '\0';
	return (int)used;
}

static int duration_to_text(uint64_t number, char *text, size_t size)
{
	unsigned int i = UNIT_COUNT - 1;

	while (i > 0 && (number == 0 || number % units[i].nanoseconds != 0))
		i--;
	return snprintf(text, size, "%llu%s", (unsigned long long)(number / units[i].nanoseconds),
			units[i].suffix);
}

/* Text of at most 64 bytes, whatever `size` is. */
static size_t short_to_text(const struct parameter *parameter, const struct value *value,
			    char text[64])
{
	size_t length;

	switch (parameter->type) {
	case VALUE_UNSIGNED:
	case VALUE_LABEL:
		length = number_to_text(value->number, text);
		text[length] = '\0';
		return length;
	case VALUE_ON_OFF:
		strcpy(text, value->number ? "on" : "off");
		break;
	case VALUE_ADDRESS:
		address_format(&value->address, text);
		break;
	case VALUE_PREFIX:
		address_format(&value->address, text);
		length = strlen(text);
		text[length++] = '/';
		length += number_to_text(value->number, text + length);
		text[length] = '\0';
		return length;
	case VALUE_MAC:
		mac_format(value->mac, text);
		break;
	case VALUE_DURATION:
		return (size_t)duration_to_text(value->number, text, 64);
	default:
		text[0] = '\0';
	}
	return strlen(text);
}

const char *value_alternative(const struct parameter *parameter, const struct value *value)
{
	if (!parameter->words || parameter->type == VALUE_WORD ||
	    value->number <= parameter->maximum)
		return NULL;
	return parameter->words[value->number - parameter->maximum - 1];
}

static int copy_text(const char *from, size_t length, char *text, size_t size)
{
	if (length >= size)
		return -ENOSPC;
	memcpy(text, from, length + 1);
	return (int)length;
}

int value_to_text(const struct parameter *parameter, const struct value *value, char *text,
		  size_t size)
{
	char form[STACK_MAX * 24];
	const char *word = value_alternative(parameter, value);
	size_t length;

	if (word)
		return copy_text(word, strlen(word), text, size);
	switch (parameter->type) {
	case VALUE_NAME:
	case VALUE_STRING:
		return string_to_text(value->string, text, size);
	case VALUE_WORD:
		return copy_text(parameter->words[value->number],
				 strlen(parameter->words[value->number]), text, size);
	case VALUE_PREFIXES:
		return copy_text(value->string, strlen(value->string), text, size);
	case VALUE_STACK:
		stack_format(value->stack, value->stack_count, form, sizeof(form));
		return copy_text(form, strlen(form), text, size);
	default:
		length = short_to_text(parameter, value, form);
		return copy_text(form, length, text, size);
	}
}
