/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/pcapng.h"

#include <string.h>
#include "controlplane/api/buffer.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
	PACKET_LOST = 4,
	OPTION_MAX = 65535,
};

/* The block at hand: one after the other in the same memory. */
static struct buffer block;

/* The writer's byte order is the file's. */
static void put32(uint32_t value)
{
	buffer_add(&block, &value, sizeof(value));
}

static void put_time(uint64_t time)
{
	put32((uint32_t)(time >> 32));
	put32((uint32_t)time);
}

static void pad(void)
{
	static const uint8_t zeros[3];

	buffer_add(&block, zeros, -block.used & 3);
}

static void put_option(uint16_t code, const void *value, size_t length)
{
	uint16_t head[2] = { code, (uint16_t)(length < OPTION_MAX ? length : OPTION_MAX) };

	buffer_add(&block, head, sizeof(head));
	buffer_add(&block, value, head[1]);
	pad();
}

static void begin(uint32_t type)
{
	block.used = 0;
	put32(type);
	put32(0); /* its length, when it is known */
}

/* The end of its options, its length at both ends, and out. */
static void end(FILE *file)
{
	put32(0);
	uint32_t length = (uint32_t)block.used + 4;
	put32(length);
	memcpy(block.data + 4, &length, sizeof(length));
	fwrite(block.data, 1, block.used, file);
}

void pcapng_section(FILE *file, const char *application)
{
	static const uint16_t version[2] = { 1, 0 };

	begin(BLOCK_SECTION);
	put32(BYTE_ORDER_MAGIC);
	buffer_add(&block, version, sizeof(version));
	put32(UINT32_MAX); /* its length is not known: both words */
	put32(UINT32_MAX);
	put_option(SECTION_APPLICATION, application, strlen(application));
	end(file);
}

void pcapng_interface(FILE *file, const char *name, uint32_t snap)
{
	static const uint16_t linktype[2] = { LINKTYPE_ETHERNET, 0 };
	static const uint8_t nanoseconds = 9;

	begin(BLOCK_INTERFACE);
	buffer_add(&block, linktype, sizeof(linktype));
	put32(snap);
	put_option(INTERFACE_NAME, name, strlen(name));
	put_option(INTERFACE_RESOLUTION, &nanoseconds, sizeof(nanoseconds));
	end(file);
}

void pcapng_packet(FILE *file, const struct pcapng_packet *packet)
{
	uint32_t flags = (uint32_t)packet->direction;

	begin(BLOCK_PACKET);
	put32(packet->interface);
	put_time(packet->time);
	put32(packet->captured);
	put32(packet->length);
	buffer_add(&block, packet->bytes, packet->captured);
	pad();
	if (packet->comment != NULL)
		put_option(OPTION_COMMENT, packet->comment, strlen(packet->comment));
	if (flags != PCAPNG_UNKNOWN)
		put_option(PACKET_FLAGS, &flags, sizeof(flags));
	if (packet->lost != 0)
		put_option(PACKET_LOST, &packet->lost, sizeof(packet->lost));
	end(file);
}
