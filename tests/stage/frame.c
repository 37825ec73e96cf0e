/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/frame.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A header that is finished when the frame is: its length and its checksum. */
struct unfinished {
	enum { OUTER_IPV4, OUTER_IPV6, OUTER_GRE, OUTER_UDP, OUTER_TCP } kind;
	size_t at;
	bool checksum;
};

struct builder {
	uint8_t *frame;
	size_t length;
	size_t end; /* where padding begins; 0: none */
	struct unfinished outer[16];
	unsigned int outers;
	size_t protocol; /* offset of an IP header's protocol that the next word says, or 0 */
	size_t gre;      /* the same of a GRE header's protocol type */
	bool wants_type; /* an Ethernet header or a tag was last */
	bool open_label; /* a label was last that gets the bottom bit if none follows */
};

static void put(struct builder *builder, const void *bytes, size_t count)
{
	if (builder->length + count > FRAME_ROOM) {
		fprintf(stderr, "frame: longer than %d bytes\n", FRAME_ROOM);
		exit(1);
	}
	memcpy(builder->frame + builder->length, bytes, count);
	builder->length += count;
}

static void put16(struct builder *builder, unsigned int value)
{
	put(builder, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void store16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_protocol(struct builder *builder, unsigned int protocol)
{
	if (builder->protocol != 0)
		builder->frame[builder->protocol] = (uint8_t)protocol;
	builder->protocol = 0;
}

static void put_type(struct builder *builder, unsigned int type)
{
	if (builder->wants_type)
		put16(builder, type);
	if (builder->gre != 0)
		store16(builder->frame + builder->gre, type);
	put_protocol(builder, type == 0x0800 ? 4 : type == 0x86dd ? 41 : 137);
	builder->wants_type = false;
	builder->gre = 0;
}

static void put_hex(struct builder *builder, const char *digits)
{
	for (unsigned int byte; *digits != 0 && sscanf(digits, "%2x", &byte) == 1; digits += 2)
		put(builder, (uint8_t[]){ (uint8_t)byte }, 1);
}

static void put_ethernet(struct builder *builder, const uint8_t to[6], const uint8_t from[6])
{
	if (builder->gre != 0)
		put_type(builder, 0x6558);
	put(builder, to, 6);
	put(builder, from, 6);
	builder->wants_type = true;
}

static void put_tag(struct builder *builder, unsigned int type, unsigned int tag)
{
	put_type(builder, type);
	put16(builder, tag);
	builder->wants_type = true;
}

uint16_t frame_checksum(const uint8_t *at, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_udp(struct builder *builder)
{
	static const uint8_t udp[20] = { 0x13, 0x88, 0x17, 0x70, 0,   20,  0,   0,   's', 'h',
					 'u',  'n',  't',  '-',  't', 'e', 's', 't', 's', '!' };
	put(builder, udp, sizeof(udp));
}

static void put_ipv4(struct builder *builder, unsigned int ttl, unsigned int tos)
{
	uint8_t header[20] = {
		0x45, (uint8_t)tos, 0, 40, 0x12, 0x34, 0x40, 0, (uint8_t)ttl, 17, 0, 0, 10, 1, 2,
		3,    10,           9, 8,  7
	};
	uint16_t sum = frame_checksum(header, sizeof(header));

	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
	put_type(builder, 0x0800);
	put(builder, header, sizeof(header));
	put_udp(builder);
}

static void put_ipv6(struct builder *builder, unsigned int ttl, unsigned int traffic_class)
{
	uint8_t header[40] = { (uint8_t)(0x60 | traffic_class >> 4),
			       (uint8_t)(traffic_class << 4 | 0xa),
			       0xbc,
			       0xde,
			       0,
			       20,
			       17,
			       (uint8_t)ttl,
			       0x20,
			       1,
			       0xd,
			       0xb8 };
	header[23] = 1;
	header[24] = 0x20;
	header[39] = 2;
	put_type(builder, 0x86dd);
	put(builder, header, sizeof(header));
	put_udp(builder);
}

/* ---------------------------------------------------------------- tunnels */

static void unfinished_add(struct builder *builder, struct unfinished unfinished)
{
	if (builder->outers == sizeof(builder->outer) / sizeof(builder->outer[0])) {
		fprintf(stderr, "frame: too many headers\n");
		exit(1);
	}
	builder->outer[builder->outers++] = unfinished;
}

static bool put_outer(struct builder *builder, const char *word)
{
	unsigned int from, to, ttl = 64, class = 0, field = 0, id = 0;

	if (sscanf(word, "outer4:%u>%u/%u/%x/%x/%x", &from, &to, &ttl, &class, &field, &id) >= 2) {
		uint8_t header[20] = { 0x45,
				       (uint8_t) class,
				       0,
				       0,
				       (uint8_t)(id >> 8),
				       (uint8_t)id,
				       (uint8_t)(field >> 8),
				       (uint8_t)field,
				       (uint8_t)ttl,
				       0,
				       0,
				       0,
				       192,
				       0,
				       2,
				       (uint8_t)from,
				       192,
				       0,
				       2,
				       (uint8_t)to };
		put_type(builder, 0x0800);
		unfinished_add(builder, (struct unfinished){ OUTER_IPV4, builder->length, true });
		builder->protocol = builder->length + 9;
		put(builder, header, sizeof(header));
		return true;
	}
	if (sscanf(word, "outer6:%u>%u/%u/%x/%x", &from, &to, &ttl, &class, &field) >= 2) {
		uint8_t header[40] = { (uint8_t)(0x60 | class >> 4),
				       (uint8_t)(class << 4 | field >> 16),
				       (uint8_t)(field >> 8),
				       (uint8_t)field,
				       0,
				       0,
				       0,
				       (uint8_t)ttl,
				       0x20,
				       1,
				       0xd,
				       0xb8 };
		memcpy(header + 24, header + 8, 4);
		header[23] = (uint8_t)from;
		header[39] = (uint8_t)to;
		put_type(builder, 0x86dd);
		unfinished_add(builder, (struct unfinished){ OUTER_IPV6, builder->length, true });
		builder->protocol = builder->length + 6;
		put(builder, header, sizeof(header));
		return true;
	}
	return false;
}

static void put_gre(struct builder *builder, const char *options)
{
	size_t at = builder->length;
	const char *key = strstr(options, "key="), *sequence = strstr(options, "seq=");
	const char *type = strstr(options, "type="), *bits = strstr(options, "bits=");
	bool checksum = strstr(options, "csum") != NULL;
	unsigned int flags = (checksum ? 0x8000 : 0) | (key != NULL ? 0x2000 : 0) |
			     (sequence != NULL ? 0x1000 : 0);

	if (bits != NULL)
		flags |= (unsigned int)strtoul(bits + 5, NULL, 16);
	put_protocol(builder, 47);
	put16(builder, flags);
	put16(builder, type != NULL ? (unsigned int)strtoul(type + 5, NULL, 16) : 0);
	builder->gre = type != NULL ? 0 : at + 2;
	if (checksum) {
		unfinished_add(builder, (struct unfinished){ OUTER_GRE, at, true });
		put(builder, (uint8_t[4]){ 0 }, 4);
	}
	for (unsigned int i = 0; i < 2; i++) {
		const char *number = i == 0 ? key : sequence;
		uint32_t value = number == NULL ? 0 : (uint32_t)strtoul(number + 4, NULL, 0);
		if (number == NULL)
			continue;
		put16(builder, value >> 16);
		put16(builder, value & 0xffff);
	}
}

static void put_vxlan(struct builder *builder, unsigned int vni, unsigned int port, bool checksum)
{
	put_protocol(builder, 17);
	unfinished_add(builder, (struct unfinished){ OUTER_UDP, builder->length, checksum });
	put16(builder, port);
	put16(builder, 4789);
	put(builder, (uint8_t[4]){ 0 }, 4);
	put(builder, (uint8_t[4]){ 0x08 }, 4);
	put16(builder, vni >> 8);
	put16(builder, vni << 8 & 0xff00);
}

static void put_tcp(struct builder *builder, bool ipv4, unsigned int mss, unsigned int flags,
		    unsigned int ttl)
{
	uint8_t tcp[24] = { 0x13,
			    0x88,
			    0x17,
			    0x70,
			    0,
			    0,
			    0,
			    1,
			    0,
			    0,
			    0,
			    0,
			    0x60,
			    (uint8_t)flags,
			    0xff,
			    0xff,
			    0,
			    0,
			    0,
			    0,
			    2,
			    4,
			    (uint8_t)(mss >> 8),
			    (uint8_t)mss };
	uint8_t ipv4_header[20] = { 0x45, 0, 0,  44, 0x12, 0x34, 0x40, 0, 64, 6,
				    0,    0, 10, 1,  2,    3,    10,   9, 8,  7 };
	uint8_t ipv6_header[40] = { 0x60, 0, 0, 0, 0, 24, 6, (uint8_t)ttl, 0x20, 1, 0xd, 0xb8 };

	ipv6_header[23] = 1;
	ipv6_header[24] = 0x20;
	ipv6_header[39] = 2;
	ipv4_header[8] = (uint8_t)ttl;
	store16(ipv4_header + 10, frame_checksum(ipv4_header, 20));
	put_type(builder, ipv4 ? 0x0800 : 0x86dd);
	put(builder, ipv4 ? ipv4_header : ipv6_header, ipv4 ? 20 : 40);
	unfinished_add(builder, (struct unfinished){ OUTER_TCP, builder->length, true });
	put(builder, tcp, sizeof(tcp));
}

static bool put_tunnel_word(struct builder *builder, const char *word)
{
	unsigned int a, b = 49152, flags = 2, ttl = 64, option = 4;
	char text[16] = "";

	if (put_outer(builder, word))
		return true;
	if (strncmp(word, "gre", 3) == 0) {
		put_gre(builder, word + 3);
	} else if (sscanf(word, "vxlan:%u/%u/%15s", &a, &b, text) >= 1) {
		put_vxlan(builder, a, b, strcmp(text, "csum") == 0);
	} else if (strcmp(word, "options") == 0 || sscanf(word, "options:%x", &option) == 1) {
		size_t next = builder->length;
		put_protocol(builder, 60);
		put(builder, (uint8_t[8]){ 0, 0, (uint8_t)option, 1, 4, 1, 1, 0 }, 8);
		builder->protocol = next;
	} else if (sscanf(word, "tcp4:%u/%x/%u", &a, &flags, &ttl) >= 1) {
		put_tcp(builder, true, a, flags, ttl);
	} else if (sscanf(word, "tcp6:%u/%x/%u", &a, &flags, &ttl) >= 1) {
		put_tcp(builder, false, a, flags, ttl);
	} else if (strncmp(word, "cw:", 3) == 0) {
		put_hex(builder, word + 3);
	} else if (sscanf(word, "pad:%u", &a) == 1) {
		builder->end = builder->length;
		for (unsigned int i = 0; i < a; i++)
			put(builder, "", 1);
	} else {
		return false;
	}
	return true;
}

/* Sum of the pseudo-header of the IP header that ends at `at`, whose protocol this is. */
static uint32_t pseudo_sum(const uint8_t *at, unsigned int protocol, size_t length)
{
	bool ipv4 = (at - 20)[0] == 0x45 && (at - 20)[9] == protocol;
	const uint8_t *addresses = ipv4 ? at - 8 : at - 32;
	uint32_t sum = protocol + (uint32_t)length;

	for (unsigned int i = 0; i < (ipv4 ? 8 : 32); i += 2)
		sum += (uint32_t)(addresses[i] << 8 | addresses[i + 1]);
	return sum;
}

static uint16_t sum_more(uint32_t more, const uint8_t *at, size_t length)
{
	uint32_t sum = (uint16_t)~frame_checksum(at, length) + more;

	if (length % 2 != 0)
		sum += (uint32_t)at[length - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Lengths and checksums, innermost first. */
static void finish(struct builder *builder)
{
	size_t end = builder->end != 0 ? builder->end : builder->length;

	while (builder->outers > 0) {
		struct unfinished *unfinished = &builder->outer[--builder->outers];
		uint8_t *at = builder->frame + unfinished->at;
		size_t length = end - unfinished->at;
		switch (unfinished->kind) {
		case OUTER_IPV4:
			store16(at + 2, (unsigned int)length);
			store16(at + 10, frame_checksum(at, 20));
			break;
		case OUTER_IPV6:
			store16(at + 4, (unsigned int)length - 40);
			break;
		case OUTER_GRE:
			store16(at + 4, sum_more(0, at, length));
			break;
		case OUTER_UDP:
			store16(at + 4, (unsigned int)length);
			/* the protocol of the header before is known; its length does not count */
			if (unfinished->checksum)
				store16(at + 6, sum_more(pseudo_sum(at, 17, length), at, length));
			break;
		case OUTER_TCP:
			store16(at + 16, sum_more(pseudo_sum(at, 6, 24), at, 24));
		}
	}
}

static void put_label(struct builder *builder, const char *word)
{
	unsigned int label, traffic_class, ttl;
	char end = 0;

	if (sscanf(word, "%u/%u/%u%c", &label, &traffic_class, &ttl, &end) < 3) {
		fprintf(stderr, "frame: '%s': expected LABEL/TC/TTL\n", word);
		exit(1);
	}
	uint32_t entry = label << 12 | traffic_class << 9 | (end == 's') << 8 | ttl;
	put16(builder, entry >> 16);
	put16(builder, entry & 0xffff);
	builder->open_label = end == 0;
}

static bool put_ethernet_word(struct builder *builder, const char *word)
{
	static const uint8_t peer[6] = { 0x02, 0xaa, 0, 0, 0, 1 };
	unsigned int a, b, to[6];

	if (strcmp(word, "eth") == 0) {
		put_ethernet(builder, (uint8_t[6]){ 0x02 }, peer);
	} else if (sscanf(word, "eth:%u", &a) == 1) {
		put_ethernet(builder, (uint8_t[6]){ 0x02, 0, 0, 0, 0, (uint8_t)a }, peer);
	} else if (sscanf(word, "dst:%2x%2x%2x%2x%2x%2x", &to[0], &to[1], &to[2], &to[3], &to[4],
			  &to[5]) == 6) {
		uint8_t address[6];
		for (unsigned int i = 0; i < 6; i++)
			address[i] = (uint8_t)to[i];
		put_ethernet(builder, address, peer);
	} else if (sscanf(word, "out:%u/%u", &a, &b) == 2) {
		put_ethernet(builder,
			     (uint8_t[6]){ 0x02, 0xff, 0, 0, (uint8_t)(b >> 8), (uint8_t)b },
			     (uint8_t[6]){ 0x02, 0, 0, 0, 0, (uint8_t)a });
	} else if (strncmp(word, "mac:", 4) == 0) {
		put_hex(builder, word + 4);
		builder->wants_type = true;
	} else if (sscanf(word, "vlan:%u", &a) == 1) {
		put_tag(builder, 0x8100, a);
	} else if (sscanf(word, "qinq:%u", &a) == 1) {
		put_tag(builder, 0x88a8, a);
	} else {
		return false;
	}
	return true;
}

static bool put_word(struct builder *builder, const char *word)
{
	unsigned int a, b = 0;

	if (put_ethernet_word(builder, word) || put_tunnel_word(builder, word))
		return true;
	if (strcmp(word, "mpls") == 0)
		put_type(builder, 0x8847);
	else if (strcmp(word, "upstream") == 0)
		put_type(builder, 0x8848);
	else if (sscanf(word, "type:%x", &a) == 1)
		put_type(builder, a);
	else if (sscanf(word, "ip4/%u/%x", &a, &b) >= 1)
		put_ipv4(builder, a, b);
	else if (sscanf(word, "ip6/%u/%x", &a, &b) >= 1)
		put_ipv6(builder, a, b);
	else if (strncmp(word, "raw:", 4) == 0)
		put_hex(builder, word + 4);
	else if (sscanf(word, "fill:%u", &a) == 1)
		for (unsigned int i = 0; i < a; i++)
			put(builder, (uint8_t[]){ (uint8_t)i }, 1);
	else
		return false;
	return true;
}

static void close_stack(struct builder *builder)
{
	if (builder->open_label)
		builder->frame[builder->length - 2] |= 1;
	builder->open_label = false;
}

size_t frame_build(uint8_t frame[FRAME_ROOM], const char *text)
{
	struct builder builder = { .frame = frame };
	char copy[1024], *place = NULL;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) {
		fprintf(stderr, "frame: text of more than %zu characters\n", sizeof(copy) - 1);
		exit(1);
	}
	for (char *word = strtok_r(copy, " ", &place); word != NULL;
	     word = strtok_r(NULL, " ", &place)) {
		if (word[0] >= '0' && word[0] <= '9') {
			put_label(&builder, word);
			continue;
		}
		close_stack(&builder);
		if (!put_word(&builder, word)) {
			fprintf(stderr, "frame: '%s': expected a word of frame.h\n", word);
			exit(1);
		}
	}
	close_stack(&builder);
	finish(&builder);
	return builder.length;
}

static void print_bytes(const char *what, const uint8_t *bytes, size_t length)
{
	fprintf(stderr, "  %-8s (%zu)", what, length);
	for (size_t i = 0; i < length && i < 96; i++)
		fprintf(stderr, "%s%02x", i % 4 == 2 || i == 0 ? " " : "", bytes[i]);
	fprintf(stderr, "%s\n", length > 96 ? " ..." : "");
}

void frame_print_difference(const uint8_t *expected, size_t expected_length, const uint8_t *found,
			    size_t found_length)
{
	size_t at = 0;

	while (at < expected_length && at < found_length && expected[at] == found[at])
		at++;
	fprintf(stderr, "  differ from byte %zu\n", at);
	print_bytes("expected", expected, expected_length);
	print_bytes("found", found, found_length);
}
