/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/piece.h"

#include <stdio.h>
#include <string.h>

void piece_mend(uint8_t *header, unsigned int length)
{
	header[10] = header[11] = 0;
	uint16_t sum = frame_checksum(header, length);
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The byte of the packet's contents at this offset. */
static uint8_t content(unsigned int at)
{
	return (uint8_t)(at * 7 + (at >> 8));
}

/* All up to the contents, which begin at *end. Returns where the IP header begins. */
static size_t build_header(uint8_t *frame, const struct piece_shape *shape, unsigned int length,
			   unsigned int start_at, bool more, bool whole, size_t *end)
{
	char text[128];
	snprintf(text, sizeof(text), "%s %s/%u", shape->link != NULL ? shape->link : "eth",
		 shape->family == IPV4 ? "ip4" : "ip6", shape->ttl != 0 ? shape->ttl : 64u);
	size_t at = frame_build(frame, text) - (shape->family == IPV4 ? 40 : 60);
	uint8_t *header = frame + at;
	uint8_t protocol = shape->protocol != 0 ? shape->protocol : UDP;

	if (shape->family == IPV4) {
		unsigned int size = 20 + shape->extension;
		header[0] = (uint8_t)(0x40 | size / 4);
		header[1] |= shape->ecn;
		put16(header + 2, size + length);
		put16(header + 4, shape->id);
		put16(header + 6, whole ? 0 : start_at / 8 | (more ? 0x2000u : 0));
		header[9] = protocol;
		memset(header + 20, 1, shape->extension); /* no operation */
		if (shape->option != 0) {
			header[20] = shape->option;
			header[21] = 4;
		}
		piece_mend(header, size);
		*end = at + size;
		return at;
	}
	uint8_t *next = header + 6;
	unsigned int extra = shape->extension + (whole ? 0 : 8);
	header[1] |= (uint8_t)(shape->ecn << 4);
	put16(header + 4, extra + length);
	header += 40;
	if (shape->extension > 0) {
		*next = 0;
		next = header;
		memset(header, 0, shape->extension);
		header[1] = (uint8_t)(shape->extension / 8 - 1);
		header[2] = 1; /* PadN over all the rest */
		header[3] = (uint8_t)(shape->extension - 4);
		header += shape->extension;
	}
	*next = protocol;
	if (!whole) {
		*next = 44;
		const uint8_t fragment[8] = {
			protocol, 0, (uint8_t)(start_at >> 8),  (uint8_t)(start_at | more),
			0,        0, (uint8_t)(shape->id >> 8), (uint8_t)shape->id
		};
		memcpy(header, fragment, 8);
		header += 8;
	}
	*end = (size_t)(header - frame);
	return at;
}

size_t piece_build(uint8_t *frame, const struct piece_shape *shape, unsigned int from,
		   unsigned int to, bool more, bool whole)
{
	size_t at;

	build_header(frame, shape, to - from, from, more, whole, &at);
	for (unsigned int i = from; i < to; i++)
		frame[at++] = content(i);
	memset(frame + at, 0xee, shape->padding);
	return at + shape->padding;
}
