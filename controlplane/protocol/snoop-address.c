/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-address.c: groups and sources of both families.
 */
#include <string.h>
#include "controlplane/protocol/snoop-message.h"

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

struct address snoop_address(enum snoop_family family, const uint8_t *bytes)
{
	struct address address;

	if (family == SNOOP_IPV6) {
		memcpy(address.bytes, bytes, 16);
		return address;
	}
	memcpy(address.bytes, mapped, 12);
	memcpy(address.bytes + 12, bytes, 4);
	return address;
}

const uint8_t *snoop_address_bytes(enum snoop_family family, const struct address *address)
{
	return family == SNOOP_IPV4 ? address->bytes + 12 : address->bytes;
}

bool snoop_address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

enum snoop_family snoop_family_of(const struct address *address)
{
	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0 ? SNOOP_IPV4 : SNOOP_IPV6;
}

bool snoop_unspecified(const struct address *address)
{
	static const struct address zero;
	static const struct address zero4 = { { [10] = 0xff, 0xff } };

	return snoop_address_equal(address, &zero) || snoop_address_equal(address, &zero4);
}

bool snoop_is_group(enum snoop_family family, const struct address *address)
{
	return family == SNOOP_IPV4 ? (address->bytes[12] & 0xf0) == 0xe0
				    : address->bytes[0] == 0xff;
}

bool snoop_is_local(enum snoop_family family, const struct address *group)
{
	static const uint8_t local[3] = { 224, 0, 0 };
	static const struct address all_nodes = { { 0xff, 2, [15] = 1 } };

	if (family == SNOOP_IPV4)
		return memcmp(group->bytes + 12, local, 3) == 0;
	return (group->bytes[1] & 0xf) <= 1 || snoop_address_equal(group, &all_nodes);
}

bool snoop_is_ssm(enum snoop_family family, const struct address *group)
{
	if (family == SNOOP_IPV4)
		return group->bytes[12] == 232;
	return (group->bytes[1] & 0xf0) == 0x30 && group->bytes[2] == 0 && group->bytes[3] == 0;
}

void snoop_group_mac(enum snoop_family family, const struct address *group, uint8_t mac[6])
{
	if (family == SNOOP_IPV6) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, group->bytes + 12, 4);
		return;
	}
	mac[0] = 0x01;
	mac[1] = 0x00;
	mac[2] = 0x5e;
	memcpy(mac + 3, group->bytes + 13, 3);
	mac[3] &= 0x7f;
}
