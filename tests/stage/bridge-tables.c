/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/bridge-tables.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static uint64_t object(const void *bytes, size_t size)
{
	uint64_t offset = heap_allocate(fixture.heap, size);

	assert_int_not_equal(offset, 0);
	memcpy(heap_object(fixture.heap, offset), bytes, size);
	return offset;
}

static void put_word(_Atomic uint64_t *word, uint64_t mask, uint64_t bits)
{
	word_store(word, (word_load(word) & ~mask) | bits);
}

static void seat_port(unsigned int index, const struct bridge_seat *seat)
{
	struct interface *row = &fixture.tables->interface[seat->interface];
	struct bridge_port port = { .bridge = index,
				    .slot = (uint16_t)seat->slot,
				    .native = seat->native,
				    .flags = seat->flags,
				    .meter = seat->meter };

	memcpy(port.storm, seat->storm, sizeof(port.storm));
	word_store(&row->bridge_port, object(&port, sizeof(port)));
	if (seat->slot != SLOT_OWN)
		put_word(&row->features, 0, INTERFACE_BRIDGED);
}

static bool is_tagged(const struct bridge_seat *seat, unsigned int vlan)
{
	for (const uint16_t *tagged = seat->tagged; tagged != NULL && *tagged != 0; tagged++)
		if (*tagged == vlan)
			return true;
	return false;
}

static void make_domain(unsigned int index, unsigned int vlan, const struct bridge_seat *seats,
			unsigned int count, uint32_t rule, _Atomic uint64_t *words)
{
	struct bridge_domain domain = { .vlan = vlan, .bridge = index, .flags = rule };
	bool any = false;

	for (unsigned int i = 0; i < count; i++) {
		bool tagged = is_tagged(&seats[i], vlan);
		if (!tagged && seats[i].native != vlan)
			continue;
		any = true;
		port_set_add(&domain.member, seats[i].slot);
		if (tagged)
			port_set_add(&domain.tagged, seats[i].slot);
	}
	word_store(&words[vlan], any ? object(&domain, sizeof(domain)) : 0);
}

static uint64_t member_of(unsigned int interface, unsigned int port)
{
	return MEMBER_VALID | 1500ull << MEMBER_MTU_SHIFT | (uint64_t)port << MEMBER_PORT_SHIFT |
	       interface;
}

static void own_interface(unsigned int index, unsigned int interface)
{
	struct interface *row = &fixture.tables->interface[interface];
	const uint8_t mac[8] = { 0x02, 0, 0, 0, 0xb0, (uint8_t)index };
	uint64_t word;

	memcpy(&word, mac, sizeof(word));
	word_store(&row->mac, word);
	word_store(&row->features, (uint64_t)index << INTERFACE_BRIDGE_SHIFT);
	word_store(&row->flags, INTERFACE_VALID | INTERFACE_UP | INTERFACE_MPLS |
					(uint64_t)INTERFACE_BRIDGE << INTERFACE_KIND_SHIFT |
					(uint64_t)PORT_VIRTUAL << INTERFACE_PORT_SHIFT |
					1500ull << INTERFACE_MTU_SHIFT);
	atomic_store(&fixture.state->port_live[PORT_VIRTUAL], 1);
}

void bridge_make(unsigned int index, const struct bridge_seat *seats, unsigned int count,
		 unsigned int own_vlan, uint64_t flags, uint32_t rule)
{
	struct bridge_row *row = &fixture.tables->bridge[index];
	unsigned int own = OWN_ROW + index - 1;
	struct bridge_members members = { 0 };
	struct bridge_seat all[BRIDGE_SLOTS] = {
		{ own, SLOT_OWN, (uint16_t)own_vlan, NULL, 0, { 0 }, 0 }
	};

	own_interface(index, own);
	for (unsigned int i = 0; i < count; i++)
		all[i + 1] = seats[i];
	for (unsigned int i = 0; i <= count; i++) {
		unsigned int interface = all[i].interface;
		members.member[all[i].slot] =
			member_of(interface, interface < PORT_MAX ? interface : PORT_VIRTUAL);
		if (all[i].flags & BRIDGE_PORT_ISOLATED)
			port_set_add(&members.isolated, all[i].slot);
		if (all[i].flags & BRIDGE_PORT_HORIZON)
			port_set_add(&members.horizon, all[i].slot);
		seat_port(index, &all[i]);
	}
	uint64_t domains = heap_allocate(fixture.heap, VLAN_MAX * sizeof(uint64_t));
	_Atomic uint64_t *words = heap_object(fixture.heap, domains);
	for (unsigned int vlan = 1; vlan < VLAN_LAST; vlan++)
		make_domain(index, vlan, all, count + 1, rule, words);
	word_store(&row->members, object(&members, sizeof(members)));
	word_store(&row->domains, domains);
	word_store(&row->flags, BRIDGE_VALID | flags | (uint64_t)own << BRIDGE_INTERFACE_SHIFT);
	char mac[13];
	snprintf(mac, sizeof(mac), "02000000b0%02x", index);
	fdb_entry_add(index, own_vlan, mac, own, SLOT_OWN, ORIGIN_SYSTEM);
}

void bridge_routers(unsigned int index, unsigned int vlan, enum bridge_family family,
		    const unsigned int *slots, unsigned int count)
{
	_Atomic uint64_t *words =
		heap_object(fixture.heap, word_load(&fixture.tables->bridge[index].domains));
	struct bridge_domain domain = *bridge_domain(fixture.tables, index, vlan);

	memset(&domain.routers[family], 0, sizeof(domain.routers[family]));
	for (unsigned int i = 0; i < count; i++)
		port_set_add(&domain.routers[family], slots[i]);
	word_store(&words[vlan], object(&domain, sizeof(domain)));
}

void fdb_entry_add(unsigned int index, unsigned int vlan, const char *mac, unsigned int interface,
		   unsigned int slot, enum origin origin)
{
	static uint32_t hit;
	uint8_t bytes[6];

	for (unsigned int i = 0; i < 6; i++)
		sscanf(mac + i * 2, "%2hhx", &bytes[i]);
	struct fdb_entry entry = { .key = fdb_key(index, vlan, bytes),
				   .interface = interface,
				   .slot = (uint16_t)slot,
				   .origin = (uint8_t)origin,
				   .hit = hit++ };
	assert_int_equal(hash_create(fixture.tables, fixture.heap, HASH_FDB, sizeof(struct fdb_key),
				     sizeof(entry), 64),
			 0);
	assert_int_equal(hash_put(fixture.tables, fixture.heap, HASH_FDB, &entry), 0);
}

const uint8_t *table_address(const char *text, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	if (strchr(text, ':') != NULL) {
		assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
		return bytes;
	}
	bytes[10] = bytes[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, bytes + 12), 1);
	return bytes + 12;
}

void group_add_entry(unsigned int index, unsigned int vlan, const char *group, const char *source,
		     uint64_t flags, const unsigned int *slots, unsigned int count)
{
	struct group_entry any = { .key = { .bridge = index, .vlan = (uint16_t)vlan },
				   .flags = (uint32_t)flags,
				   .counter = (uint32_t)(flags >> 32) };
	struct group_source_entry own = { .key.any = any.key };

	table_address(group, any.key.group);
	for (unsigned int i = 0; i < count; i++)
		port_set_add(&any.ports, slots[i]);
	hash_create(fixture.tables, fixture.heap, HASH_GROUP, sizeof(any.key), sizeof(any), 64);
	hash_create(fixture.tables, fixture.heap, HASH_GROUP_SOURCE, sizeof(own.key), sizeof(own),
		    64);
	if (source == NULL) {
		assert_int_equal(hash_put(fixture.tables, fixture.heap, HASH_GROUP, &any), 0);
		return;
	}
	own.key.any = any.key;
	own.ports = any.ports;
	own.counter = any.counter;
	table_address(source, own.key.source);
	assert_int_equal(hash_put(fixture.tables, fixture.heap, HASH_GROUP_SOURCE, &own), 0);
}

void route_group(const char *group, const struct branch *branches, unsigned int count)
{
	struct multicast_route entry = { .count = count };

	table_address(group, entry.key.group);
	for (unsigned int i = 0; i < count; i++) {
		entry.branch[i].interface = OWN_ROW + branches[i].bridge - 1;
		entry.branch[i].threshold = (uint16_t)branches[i].threshold;
		entry.branch[i].flags = (uint16_t)branches[i].flags;
	}
	hash_create(fixture.tables, fixture.heap, HASH_MULTICAST_ROUTE, sizeof(entry.key),
		    sizeof(entry), 64);
	assert_int_equal(hash_put(fixture.tables, fixture.heap, HASH_MULTICAST_ROUTE, &entry), 0);
}
