/* SPDX-License-Identifier: BSD-3-Clause
 *
 * pim.c: PIM hellos as read (RFC 7761 4.9): a router is there.
 */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	PIM_HEADER = 4,
	VERSION_2_HELLO = 0x20, /* version 2, type 0 */
	PROTOCOL = 103,
	OPTION_HOLDTIME = 1,
	HOLDTIME_DEFAULT = 105, /* s; 3.5 times the hello period */
	HOLDTIME_FOR_EVER = 0xffff,
};

static const struct address all_routers[SNOOP_FAMILIES] = {
	{ { [10] = 0xff, 0xff, 224, 0, 0, 13 } },
	{ { 0xff, 2, [15] = 0x0d } },
};

static bool checksum_fits(const uint8_t *packet, const uint8_t *at, size_t size,
			  enum snoop_family family)
{
	if (family == SNOOP_IPV4)
		return checksum(at, size) == 0;
	uint32_t sum = sum_add((uint32_t)size + PROTOCOL, packet + 8, 32);
	return sum_end(sum_add(sum, at, size)) == 0;
}

/* The holdtime in seconds; -1: options that are malformed. */
static long holdtime(const uint8_t *at, size_t size)
{
	long seconds = HOLDTIME_DEFAULT;

	while (size > 0) {
		if (size < 4 || load16(at + 2) > size - 4)
			return -1;
		size_t length = load16(at + 2);
		if (load16(at) == OPTION_HOLDTIME) {
			if (length != 2)
				return -1;
			seconds = load16(at + 4);
		}
		at += 4 + length;
		size -= 4 + length;
	}
	return seconds;
}

bool pim_parse(const uint8_t *packet, const uint8_t *at, size_t size,
	       struct snoop_counters *counters, struct snoop_message *message)
{
	enum snoop_family family = message->family;

	if (size >= 1 && at[0] != VERSION_2_HELLO)
		return true; /* joins, asserts and others: flooded */
	long seconds = size < PIM_HEADER ? -1 : holdtime(at + PIM_HEADER, size - PIM_HEADER);
	if (seconds < 0 || !checksum_fits(packet, at, size, family) ||
	    !snoop_address_equal(&message->destination, &all_routers[family]) ||
	    snoop_unspecified(&message->source)) {
		counters->pim_invalid++;
		return false;
	}
	message->kind = MESSAGE_HELLO;
	message->lifetime =
		seconds == HOLDTIME_FOR_EVER ? UINT64_MAX : (uint64_t)seconds * SNOOP_SECOND;
	return true;
}
