/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel.c: how the control plane makes tunnels and lets packets into them.
 */
#include "tunnel.h"

#include <errno.h>

enum {
	PROTOCOL_UDP = 17,
	PROTOCOL_GRE = 47,
	GRE_HAS_CHECKSUM = 0x80,
	GRE_HAS_KEY = 0x20,
	GRE_HAS_SEQUENCE = 0x10,
	VXLAN_HAS_VNI = 0x08,
	LABEL_TTL_DEFAULT = 255,
};

static void store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void store32(uint8_t *at, uint32_t value)
{
	store16(at, value >> 16);
	store16(at + 2, value);
}

/* ---------------------------------------------------------------- outer headers */

static unsigned int write_gre(uint8_t *at, const struct tunnel *tunnel)
{
	unsigned int length = 4;

	if (tunnel->mode == TUNNEL_GRETAP)
		store16(at + 2, 0x6558);
	if (tunnel->flags & TUNNEL_CHECKSUM) {
		at[0] |= GRE_HAS_CHECKSUM;
		length += 4;
	}
	if (tunnel->flags & TUNNEL_KEY) {
		at[0] |= GRE_HAS_KEY;
		store32(at + length, tunnel->id);
		length += 4;
	}
	if (tunnel->flags & TUNNEL_SEQUENCE_SEND) {
		at[0] |= GRE_HAS_SEQUENCE;
		length += 4;
	}
	return length;
}

static unsigned int write_vxlan(uint8_t *at, const struct tunnel *tunnel)
{
	store16(at + 2, VXLAN_PORT);
	at[8] = VXLAN_HAS_VNI;
	store32(at + 12, tunnel->id << 8);
	return 16;
}

static unsigned int write_pseudowire(uint8_t *at, const struct tunnel *tunnel)
{
	uint8_t ttl = tunnel->flags & TUNNEL_TTL_FIXED ? tunnel->ttl : LABEL_TTL_DEFAULT;

	store32(at, tunnel->id << 12 | 1u << 8 | ttl);
	return tunnel->flags & TUNNEL_CONTROL_WORD ? 8 : 4;
}

static unsigned int write_ip(uint8_t *at, const struct tunnel *tunnel, uint8_t protocol)
{
	uint8_t ttl = tunnel->flags & TUNNEL_TTL_FIXED ? tunnel->ttl : 0;

	if (tunnel_is_ipv4(tunnel->local)) {
		at[0] = 0x45;
		at[8] = ttl;
		at[9] = protocol;
		memcpy(at + 12, tunnel->local + 12, 4);
		memcpy(at + 16, tunnel->remote + 12, 4);
		return 20;
	}
	at[0] = 0x60;
	at[6] = protocol;
	at[7] = ttl;
	memcpy(at + 8, tunnel->local, 16);
	memcpy(at + 24, tunnel->remote, 16);
	return 40;
}

/* Does the mode have all of the flags? */
static bool flags_fit(const struct tunnel *tunnel)
{
	static const uint32_t outer = TUNNEL_DF | TUNNEL_DF_INHERIT | TUNNEL_FRAGMENT |
				      TUNNEL_TTL_FIXED | TUNNEL_DSCP_FIXED;
	static const uint32_t gre = outer | TUNNEL_KEY | TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND |
				    TUNNEL_SEQUENCE_RECEIVE;
	static const uint32_t allowed[TUNNEL_MODES] = {
		[TUNNEL_GRE] = gre,
		[TUNNEL_GRETAP] = gre,
		[TUNNEL_IPIP] = outer,
		[TUNNEL_VXLAN] = outer | TUNNEL_CHECKSUM,
		[TUNNEL_PSEUDOWIRE] = TUNNEL_CONTROL_WORD | TUNNEL_TTL_FIXED,
	};

	return tunnel->mode < TUNNEL_MODES && (tunnel->flags & ~allowed[tunnel->mode]) == 0;
}

int tunnel_template(struct tunnel *tunnel)
{
	uint8_t header[TUNNEL_HEADER_MAX] = { 0 };
	unsigned int length = 0;

	if (!flags_fit(tunnel))
		return -EINVAL;
	if (tunnel->mode != TUNNEL_PSEUDOWIRE && !tunnel_is_any(tunnel->remote) &&
	    tunnel_is_ipv4(tunnel->local) != tunnel_is_ipv4(tunnel->remote))
		return -EINVAL;
	switch ((enum tunnel_mode)tunnel->mode) {
	case TUNNEL_GRE:
	case TUNNEL_GRETAP:
		length = write_ip(header, tunnel, PROTOCOL_GRE);
		length += write_gre(header + length, tunnel);
		break;
	case TUNNEL_IPIP:
		length = write_ip(header, tunnel, 0);
		break;
	case TUNNEL_VXLAN:
		length = write_ip(header, tunnel, PROTOCOL_UDP);
		length += write_vxlan(header + length, tunnel);
		break;
	default:
		length = write_pseudowire(header, tunnel);
	}
	memset(tunnel->header, 0, sizeof(tunnel->header));
	memcpy(tunnel->header + TUNNEL_HEADER_MAX - length, header, length);
	tunnel->header_length = (uint8_t)length;
	return 0;
}

/* ---------------------------------------------------------------- hash entries */

/* An entry of either table; the tables' key sizes tell how much of it counts. */
union entry {
	struct tunnel_entry_ipv4 ipv4;
	struct tunnel_entry_ipv6 ipv6;
};

static enum hash_table_id table_of(const struct tunnel *tunnel)
{
	return tunnel_is_ipv4(tunnel->local) ? HASH_TUNNEL_IPV4 : HASH_TUNNEL_IPV6;
}

static uint8_t form_of(const struct tunnel *tunnel)
{
	bool key = (tunnel->flags & TUNNEL_KEY) != 0;

	switch ((enum tunnel_mode)tunnel->mode) {
	case TUNNEL_GRE:
		return key ? TUNNEL_FORM_GRE_KEY : TUNNEL_FORM_GRE;
	case TUNNEL_GRETAP:
		return key ? TUNNEL_FORM_GRETAP_KEY : TUNNEL_FORM_GRETAP;
	case TUNNEL_VXLAN:
		return TUNNEL_FORM_VXLAN;
	default:
		return TUNNEL_FORM_IPIP;
	}
}

static unsigned int form_bit(const struct tunnel *tunnel)
{
	return form_of(tunnel) + (tunnel_is_any(tunnel->remote) ? TUNNEL_FORM_ANY : 0) +
	       (tunnel_is_ipv4(tunnel->local) ? 0 : TUNNEL_FORM_IPV6);
}

static union entry entry_of(const struct tunnel *tunnel, uint8_t form, uint32_t id,
			    uint32_t interface)
{
	union entry entry;
	struct tunnel_value value = { .interface = interface, .flags = tunnel->flags };

	memset(&entry, 0, sizeof(entry));
	if (table_of(tunnel) == HASH_TUNNEL_IPV4) {
		bool any = tunnel_is_any(tunnel->remote);
		if (!any)
			memcpy(entry.ipv4.key.remote, tunnel->remote + 12, 4);
		memcpy(entry.ipv4.key.local, tunnel->local + 12, 4);
		entry.ipv4.key.id = id;
		entry.ipv4.key.form = form;
		entry.ipv4.key.vrf = tunnel->vrf;
		memcpy(value.local, entry.ipv4.key.local, 4);
		memcpy(value.remote, entry.ipv4.key.remote, 4);
		entry.ipv4.value = value;
	} else {
		memcpy(entry.ipv6.key.remote, tunnel->remote, 16);
		memcpy(entry.ipv6.key.local, tunnel->local, 16);
		entry.ipv6.key.id = id;
		entry.ipv6.key.form = form;
		entry.ipv6.key.vrf = tunnel->vrf;
		entry.ipv6.value = value;
	}
	return entry;
}

static union entry tunnel_entry(const struct tunnel *tunnel, uint32_t interface)
{
	bool has_id = (tunnel->flags & TUNNEL_KEY) != 0 || tunnel->mode == TUNNEL_VXLAN;

	return entry_of(tunnel, form_of(tunnel), has_id ? tunnel->id : 0, interface);
}

/* The value of the entry with the key that `entry` has, or NULL. */
static const struct tunnel_value *look_up(const struct tables *tables, enum hash_table_id id,
					  const union entry *entry)
{
	if (id == HASH_TUNNEL_IPV4) {
		const struct tunnel_entry_ipv4 *found =
			hash_lookup(tables, id, &entry->ipv4.key, sizeof(entry->ipv4.key));
		return found == NULL ? NULL : &found->value;
	}
	const struct tunnel_entry_ipv6 *found =
		hash_lookup(tables, id, &entry->ipv6.key, sizeof(entry->ipv6.key));
	return found == NULL ? NULL : &found->value;
}

uint32_t tunnel_find(const struct tables *tables, const struct tunnel *tunnel)
{
	union entry entry = tunnel_entry(tunnel, 0);
	const struct tunnel_value *value = NULL;

	if (tunnel->mode != TUNNEL_PSEUDOWIRE)
		value = look_up(tables, table_of(tunnel), &entry);
	return value == NULL ? 0 : value->interface;
}

/* One more or one less tunnel with these addresses and other keys. IP-in-IP has no keys. */
static int count_some(struct tunnel_table *table, const struct tunnel *tunnel, int more)
{
	enum hash_table_id id = table_of(tunnel);
	uint8_t form = tunnel->mode == TUNNEL_VXLAN ? TUNNEL_FORM_SOME_VXLAN : TUNNEL_FORM_SOME_GRE;

	if (tunnel->mode == TUNNEL_IPIP)
		return 0;
	union entry entry = entry_of(tunnel, form, 0, 0);
	const struct tunnel_value *value = look_up(table->tables, id, &entry);
	uint32_t count = (value == NULL ? 0 : value->interface) + (uint32_t)more;
	if (count == 0)
		return hash_remove(table->tables, table->heap, id, &entry);
	entry = entry_of(tunnel, form, 0, count);
	if (id == HASH_TUNNEL_IPV4)
		entry.ipv4.value.flags = 0;
	else
		entry.ipv6.value.flags = 0;
	return hash_put(table->tables, table->heap, id, &entry);
}

static void publish_forms(struct tunnel_table *table)
{
	uint64_t forms = 0;

	for (unsigned int i = 0; i < 32; i++)
		forms |= table->count[i] != 0 ? 1ull << i : 0;
	if (forms != word_load(&table->tables->control.tunnel_forms))
		word_store(&table->tables->control.tunnel_forms, forms);
}

int tunnel_add(struct tunnel_table *table, const struct tunnel *tunnel, uint32_t interface)
{
	enum hash_table_id id = table_of(tunnel);
	union entry entry = tunnel_entry(tunnel, interface);

	if (tunnel->mode == TUNNEL_PSEUDOWIRE)
		return 0;
	uint32_t before = tunnel_find(table->tables, tunnel);
	if (before != 0 && before != interface)
		return -EEXIST;
	int result = before != 0 ? 0 : count_some(table, tunnel, 1);
	if (result != 0)
		return result;
	result = hash_put(table->tables, table->heap, id, &entry);
	if (before != 0)
		return result;
	if (result != 0) {
		count_some(table, tunnel, -1);
		return result;
	}
	table->count[form_bit(tunnel)]++;
	publish_forms(table);
	return 0;
}

int tunnel_remove(struct tunnel_table *table, const struct tunnel *tunnel, uint32_t interface)
{
	union entry entry = tunnel_entry(tunnel, interface);

	if (tunnel->mode == TUNNEL_PSEUDOWIRE)
		return 0;
	if (interface == 0 || tunnel_find(table->tables, tunnel) != interface)
		return -ENOENT;
	int result = hash_remove(table->tables, table->heap, table_of(tunnel), &entry);
	if (result != 0)
		return result;
	table->count[form_bit(tunnel)]--;
	publish_forms(table);
	/* less by one: a smaller number for the same key; if even that finds no memory, a later drop
	 * says tunnel_key where it should say tunnel_unknown */
	count_some(table, tunnel, -1);
	return 0;
}

/* ---------------------------------------------------------------- restart */

static void count_entry(struct tunnel_table *table, uint8_t form, bool any, unsigned int family)
{
	if (form <= TUNNEL_FORM_VXLAN)
		table->count[form + (any ? TUNNEL_FORM_ANY : 0) + family]++;
}

static void count_ipv4(void *context, const void *entry)
{
	static const uint8_t zero[4];
	const struct tunnel_entry_ipv4 *ipv4 = entry;

	count_entry(context, ipv4->key.form, memcmp(ipv4->key.remote, zero, 4) == 0, 0);
}

static void count_ipv6(void *context, const void *entry)
{
	const struct tunnel_entry_ipv6 *ipv6 = entry;

	count_entry(context, ipv6->key.form, tunnel_is_any(ipv6->key.remote), TUNNEL_FORM_IPV6);
}

int tunnel_table_open(struct tunnel_table *table, struct tables *tables, struct heap *heap)
{
	*table = (struct tunnel_table){ .tables = tables, .heap = heap };
	int result = hash_create(tables, heap, HASH_TUNNEL_IPV4, sizeof(struct tunnel_key_ipv4),
				 sizeof(struct tunnel_entry_ipv4), 64);
	if (result == 0)
		result = hash_create(tables, heap, HASH_TUNNEL_IPV6, sizeof(struct tunnel_key_ipv6),
				     sizeof(struct tunnel_entry_ipv6), 64);
	if (result != 0)
		return result;
	hash_walk(tables, HASH_TUNNEL_IPV4, count_ipv4, table);
	hash_walk(tables, HASH_TUNNEL_IPV6, count_ipv6, table);
	publish_forms(table);
	return 0;
}
