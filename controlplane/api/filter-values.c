/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/filter-values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/api/value.h"

enum { PORT_LAST = 65535, NAME_LONGEST = 64 };

struct name {
	const char *name;
	unsigned int number;
};

/* First those that are written with their names. */
static const struct name protocols[] = {
	{ "icmp", 1 },  { "igmp", 2 },  { "ipip", 4 }, { "tcp", 6 },     { "udp", 17 },
	{ "dccp", 33 }, { "ipv6", 41 }, { "gre", 47 }, { "esp", 50 },    { "ah", 51 },
	{ "icmpv6", 58 }, { "ospf", 89 }, { "pim", 103 }, { "vrrp", 112 }, { "l2tp", 115 },
	{ "sctp", 132 }, { "udplite", 136 }, { "mpls-in-ip", 137 },
};

static const struct name ethertypes[] = {
	{ "ipv4", 0x0800 },  { "ipv6", 0x86dd },  { "mpls", 0x8847 }, { "mpls-multicast", 0x8848 },
	{ "pppoe-discovery", 0x8863 }, { "pppoe", 0x8864 }, { "eapol", 0x888e }, { "lldp", 0x88cc },
	{ "ptp", 0x88f7 },   { "macsec", 0x88e5 },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int find_name(const struct name *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].name, text) == 0)
			return (int)names[i].number;
	return -EINVAL;
}

static void write_name(const struct name *names, size_t count, unsigned int number, char text[16],
		       const char *format)
{
	for (size_t i = 0; i < count; i++) {
		if (names[i].number == number) {
			snprintf(text, 16, "%s", names[i].name);
			return;
		}
	}
	snprintf(text, 16, format, number);
}

static bool read_number(const char *text, uint64_t maximum, uint64_t *number)
{
	return number_from_text(text, strlen(text), maximum, number);
}

int filter_protocol_number(const char *text)
{
	uint64_t number;
	int found = find_name(protocols, LENGTH(protocols), text);

	if (found >= 0)
		return found;
	if (read_number(text, 255, &number))
		return (int)number;
	const struct protoent *entry = getprotobyname(text);
	return entry != NULL ? entry->p_proto : -EINVAL;
}

void filter_protocol_format(int protocol, char text[16])
{
	write_name(protocols, LENGTH(protocols), (unsigned int)protocol, text, "%u");
}

int filter_ethertype_number(const char *text)
{
	int found = find_name(ethertypes, LENGTH(ethertypes), text);
	uint64_t number;
	char *end;

	if (found >= 0)
		return found;
	if (strncmp(text, "0x", 2) == 0 && text[2] != 0) {
		unsigned long value = strtoul(text + 2, &end, 16);
		return *end == 0 && value >= 0x600 && value <= 0xffff ? (int)value : -EINVAL;
	}
	return read_number(text, 0xffff, &number) && number >= 0x600 ? (int)number : -EINVAL;
}

void filter_ethertype_format(unsigned int type, char text[16])
{
	write_name(ethertypes, LENGTH(ethertypes), type, text, "0x%04x");
}

/* RFC 2474 4.2.2.2, RFC 2597 6, RFC 3246 2.7 */
int filter_dscp_number(const char *text)
{
	uint64_t number;

	if (read_number(text, 63, &number))
		return (int)number;
	if (strcmp(text, "ef") == 0)
		return 46;
	if (strncmp(text, "cs", 2) == 0 && read_number(text + 2, 7, &number))
		return (int)number * 8;
	if (strncmp(text, "af", 2) == 0 && strlen(text) == 4 && text[2] >= '1' && text[2] <= '4' &&
	    text[3] >= '1' && text[3] <= '3')
		return (text[2] - '0') * 8 + (text[3] - '0') * 2;
	return -EINVAL;
}

/* ---------------------------------------------------------------- ports */

static int port_number(const char *text, size_t length, int protocol)
{
	char name[NAME_LONGEST];
	uint64_t number;

	if (number_from_text(text, length, PORT_LAST, &number))
		return (int)number;
	if (length == 0 || length >= sizeof(name) || (*text >= '0' && *text <= '9'))
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	const struct servent *entry = getservbyname(name, protocol == PROTOCOL_TCP    ? "tcp"
							  : protocol == PROTOCOL_UDP  ? "udp"
							  : protocol == PROTOCOL_SCTP ? "sctp"
							  : protocol == PROTOCOL_DCCP ? "dccp"
										      : NULL);
	return entry != NULL ? ntohs((uint16_t)entry->s_port) : -EINVAL;
}

/* A name may have hyphens: the whole is tried before what stands around one. */
static int read_range(const char *text, size_t length, int protocol, struct filter_range *range)
{
	int first = port_number(text, length, protocol), last = first;

	for (size_t i = 1; first < 0 && i + 1 < length; i++) {
		if (text[i] != '-')
			continue;
		first = port_number(text, i, protocol);
		last = port_number(text + i + 1, length - i - 1, protocol);
		if (last < 0)
			first = -EINVAL;
	}
	if (first < 0)
		return -EINVAL;
	*range = (struct filter_range){ (uint16_t)first, (uint16_t)last };
	return first <= last ? 0 : -ERANGE;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct filter_range *one = a, *other = b;

	return one->first != other->first ? one->first - other->first : one->last - other->last;
}

static unsigned int merge_ranges(struct filter_range *range, unsigned int count)
{
	unsigned int used = 0;

	qsort(range, count, sizeof(*range), compare_ranges);
	for (unsigned int i = 0; i < count; i++) {
		if (used > 0 && range[i].first <= range[used - 1].last + 1) {
			if (range[i].last > range[used - 1].last)
				range[used - 1].last = range[i].last;
			continue;
		}
		range[used++] = range[i];
	}
	return used;
}

int filter_ports_read(const char *text, int protocol, struct filter_range *ranges,
		      char expected[EXPECTED_MAX])
{
	unsigned int count = 0;

	for (;;) {
		size_t length = strcspn(text, ",");
		int result = count == FILTER_RANGES_MAX
				     ? -E2BIG
				     : read_range(text, length, protocol, &ranges[count]);
		if (result != 0) {
			int shown = length < 40 ? (int)length : 40;
			if (result == -E2BIG)
				snprintf(expected, EXPECTED_MAX, "at most %d ranges of ports",
					 FILTER_RANGES_MAX);
			else
				snprintf(expected, EXPECTED_MAX,
					 result == -ERANGE
						 ? "%.*s the other way round: the lower port first"
						 : "ports from 0 to 65535, ranges (8000-8100), service "
						   "names (https), with commas between; '%.*s' is none",
					 shown, text);
			return -EINVAL;
		}
		count++;
		if (text[length] == 0)
			return (int)merge_ranges(ranges, count);
		text += length + 1;
	}
}

void filter_ports_write(const struct filter_range *ranges, unsigned int count,
			char text[FILTER_TEXT_MAX])
{
	size_t used = 0;

	for (unsigned int i = 0; i < count; i++) {
		const char *comma = i > 0 ? "," : "";
		used += (size_t)(ranges[i].first == ranges[i].last
					 ? snprintf(text + used, FILTER_TEXT_MAX - used, "%s%u",
						    comma, ranges[i].first)
					 : snprintf(text + used, FILTER_TEXT_MAX - used, "%s%u-%u",
						    comma, ranges[i].first, ranges[i].last));
	}
}

int filter_icmp_read(const char *text, int *type, int *code)
{
	size_t length = strcspn(text, "/");
	uint64_t number;

	*code = FILTER_ANY;
	if (!number_from_text(text, length, 255, &number))
		return -EINVAL;
	*type = (int)number;
	if (text[length] == 0)
		return 0;
	if (!read_number(text + length + 1, 255, &number))
		return -EINVAL;
	*code = (int)number;
	return 0;
}

/* ---------------------------------------------------------------- rates and sizes */

static int read_scaled(const char *text, size_t length, uint64_t maximum, uint64_t *number)
{
	uint64_t factor = 1;

	if (length > 0 && strchr("kmg", text[length - 1]) != NULL) {
		char unit = text[--length];
		factor = unit == 'k' ? 1000 : unit == 'm' ? 1000000 : 1000000000;
	}
	if (!number_from_text(text, length, maximum / factor, number))
		return -EINVAL;
	*number *= factor;
	return 0;
}

int filter_rate_read(const char *text, uint64_t *rate, bool *packets)
{
	size_t length = strlen(text);

	if (length < 4 || (strcmp(text + length - 3, "bps") != 0 &&
			   strcmp(text + length - 3, "pps") != 0))
		return -EINVAL;
	*packets = text[length - 3] == 'p';
	/* rte_meter has no use for more than this many bytes a second */
	if (read_scaled(text, length - 3, 4000000000000ull, rate) != 0)
		return -EINVAL;
	if (!*packets)
		*rate /= 8;
	return *rate > 0 ? 0 : -EINVAL;
}

void filter_rate_write(uint64_t rate, bool packets, char text[40])
{
	uint64_t number = packets ? rate : rate * 8;
	const char *unit = "";

	for (unsigned int i = 0; i < 3 && number % 1000 == 0; i++) {
		number /= 1000;
		unit = i == 0 ? "k" : i == 1 ? "m" : "g";
	}
	snprintf(text, 40, "%llu%s%s", (unsigned long long)number, unit, packets ? "pps" : "bps");
}

int filter_exceed_read(const char *text)
{
	if (strcmp(text, "permit") == 0)
		return FILTER_EXCEED_PERMIT;
	return strcmp(text, "deny") == 0 ? FILTER_EXCEED_DENY : filter_dscp_number(text);
}

int filter_size_read(const char *text, uint64_t *size)
{
	return read_scaled(text, strlen(text), 1ull << 40, size) == 0 && *size > 0 ? 0 : -EINVAL;
}

/* ---------------------------------------------------------------- prefixes and lists */

bool filter_prefix_of(const struct value *value, struct filter_prefix *prefix)
{
	bool ipv4 = address_is_ipv4(&value->address);
	bool good = true;

	*prefix = (struct filter_prefix){ .family = ipv4 ? ROUTE_IPV4 : ROUTE_IPV6,
					  .length = (uint8_t)value->number };
	memcpy(prefix->bytes, value->address.bytes + (ipv4 ? 12 : 0), ipv4 ? 4 : 16);
	for (unsigned int i = prefix->length; i < (ipv4 ? 32u : 128u); i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);
		good = good && !(prefix->bytes[i / 8] & bit);
		prefix->bytes[i / 8] &= (uint8_t)~bit;
	}
	return good;
}

void filter_prefix_format(const struct filter_prefix *prefix, char text[52])
{
	inet_ntop(prefix->family == ROUTE_IPV4 ? AF_INET : AF_INET6, prefix->bytes, text, 46);
	snprintf(text + strlen(text), 5, "/%u", prefix->length);
}

/* One without a length is a host. */
static bool read_prefix(const char *text, size_t length, struct value *value)
{
	static const struct parameter prefix = { .name = "prefix", .type = VALUE_PREFIX };
	static const struct parameter address = { .name = "address", .type = VALUE_ADDRESS };
	struct error error;
	bool host = memchr(text, '/', length) == NULL;

	if (value_from_text(host ? &address : &prefix, text, length, NULL, value, &error) != 0)
		return false;
	if (host)
		value->number = address_is_ipv4(&value->address) ? 32 : 128;
	return true;
}

bool filter_prefix_next(const char **text, struct filter_prefix *prefix)
{
	size_t length = strcspn(*text, " ");
	struct value value;

	if (length == 0 || !read_prefix(*text, length, &value) || !filter_prefix_of(&value, prefix))
		return false;
	*text += length + strspn(*text + length, " ");
	return true;
}

static bool is_list_name(const char *text)
{
	static const struct parameter name = { .name = "list", .type = VALUE_NAME };
	static struct arguments scratch; /* large; one thread */
	struct error error;
	struct value value;

	scratch.text_used = 0;
	return value_from_text(&name, text, strlen(text), &scratch, &value, &error) == 0;
}

int filter_party_read(const char *text, struct filter_party *party, char expected[EXPECTED_MAX])
{
	struct value value;
	char right[52];

	*party = (struct filter_party){ .given = true };
	if (text[0] == '@' && is_list_name(text + 1)) {
		snprintf(party->list, sizeof(party->list), "%s", text + 1);
		return 0;
	}
	if (text[0] == '@' || !read_prefix(text, strlen(text), &value)) {
		snprintf(expected, EXPECTED_MAX, "a prefix (10.0.0.0/8, 2001:db8::/32) or @LIST");
		return -EINVAL;
	}
	if (filter_prefix_of(&value, &party->prefix))
		return 0;
	filter_prefix_format(&party->prefix, right);
	snprintf(expected, EXPECTED_MAX, "%s: this has bits behind its length", right);
	return -EINVAL;
}

void filter_party_write(const struct filter_party *party, char text[52])
{
	if (party->list[0] != 0)
		snprintf(text, 52, "@%s", party->list);
	else
		filter_prefix_format(&party->prefix, text);
}
