/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/frame.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
	uint8_t *frame;
	size_t length;
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

static void put_type(struct builder *builder, unsigned int type)
{
	if (builder->wants_type)
		put16(builder, type);
	builder->wants_type = false;
}

static void put_hex(struct builder *builder, const char *digits)
{
	for (unsigned int byte; *digits != 0 && sscanf(digits, "%2x", &byte) == 1; digits += 2)
		put(builder, (uint8_t[]){ (uint8_t)byte }, 1);
}

static void put_ethernet(struct builder *builder, const uint8_t to[6], const uint8_t from[6])
{
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

	if (put_ethernet_word(builder, word))
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
