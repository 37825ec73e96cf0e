/* SPDX-License-Identifier: BSD-3-Clause */
#include "snooping-entries.h"

const struct group_entry *any_entry(struct fixture *f, unsigned int vlan, const char *group)
{
	struct address address = address_of(group);
	struct group_key key = { .bridge = bridge_get(f->model, "b0", &f->error)->index,
				 .vlan = (uint16_t)vlan };

	memcpy(key.group, address.bytes, 16);
	return hash_lookup(f->model->tables, HASH_GROUP, &key, sizeof(key));
}

const struct group_source_entry *source_entry(struct fixture *f, unsigned int vlan,
					      const char *group, const char *source)
{
	struct address address = address_of(group), from = address_of(source);
	struct group_source_key key = {
		.any = { .bridge = bridge_get(f->model, "b0", &f->error)->index,
			 .vlan = (uint16_t)vlan },
	};

	memcpy(key.any.group, address.bytes, 16);
	memcpy(key.source, from.bytes, 16);
	return hash_lookup(f->model->tables, HASH_GROUP_SOURCE, &key, sizeof(key));
}

void expect_set(struct fixture *f, const struct port_set *set, const char *expected)
{
	char text[64] = "-";
	size_t at = 0;

	for (unsigned int i = 0; i < PORTS; i++) {
		const struct bridge_member *member = f->model->interface[i]->member;
		if (member != NULL && port_set_has(set, member->slot))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u",
					       at > 0 ? "," : "", i);
	}
	assert_string_equal(text, expected);
}

void expect_group(struct fixture *f, unsigned int vlan, const char *group, const char *expected)
{
	const struct group_entry *entry = any_entry(f, vlan, group);

	if (entry == NULL)
		assert_string_equal("no entry", expected);
	else
		expect_set(f, &entry->ports, expected);
}

const struct bridge_domain *domain(struct fixture *f, unsigned int vlan)
{
	const struct bridge_domain *found =
		bridge_domain(f->model->tables, bridge_get(f->model, "b0", &f->error)->index, vlan);

	assert_non_null(found);
	return found;
}
