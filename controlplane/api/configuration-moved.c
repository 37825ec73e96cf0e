/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/configuration-moved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	list = realloc(list, (count ? 2 * count : 1) * size);
	if (!list)
		abort();
	return list;
}

void moved_add(struct moved *moved, const struct arguments *add)
{
	const struct parameter *first = &add->command->parameters[0];

	if (first->type == VALUE_NAME) {
		moved->name = grow(moved->name, moved->name_count, sizeof(*moved->name));
		snprintf(moved->name[moved->name_count++], NAME_SIZE, "%s", add->value[0].string);
	} else if (!strcmp(add->command->noun, "address")) {
		moved->network =
			grow(moved->network, moved->network_count, sizeof(*moved->network));
		moved->network[moved->network_count++] = add->value[0];
	}
}

static bool has_name(const struct moved *moved, const char *name)
{
	for (size_t i = 0; i < moved->name_count; i++)
		if (!strcmp(moved->name[i], name))
			return true;
	return false;
}

static bool in_network(const struct value *network, const struct address *address)
{
	unsigned int bits =
		(unsigned int)network->number + (address_is_ipv4(&network->address) ? 96 : 0);

	for (unsigned int i = 0; i < 16 && bits; i++) {
		unsigned int here = bits < 8 ? bits : 8;

		if ((network->address.bytes[i] ^ address->bytes[i]) >> (8 - here))
			return false;
		bits -= here;
	}
	return true;
}

static bool has_network(const struct moved *moved, const struct address *address)
{
	for (size_t i = 0; i < moved->network_count; i++)
		if (in_network(&moved->network[i], address))
			return true;
	return false;
}

static bool mentions(const struct moved *moved, const struct parameter *parameter,
		     const struct value *value)
{
	if (parameter->type == VALUE_NAME)
		return has_name(moved, value->string);
	return parameter->type == VALUE_ADDRESS && has_network(moved, &value->address);
}

bool moved_mentions(const struct moved *moved, const struct arguments *add)
{
	const struct parameter *list = add->command->parameters;

	if (!moved->name_count && !moved->network_count)
		return false;
	for (unsigned int i = 0; list[i].name; i++) {
		if (argument_present(add, i) && list[i].type != VALUE_PATHS &&
		    mentions(moved, &list[i], &add->value[i]))
			return true;
		for (unsigned int p = 0; list[i].type == VALUE_PATHS && p < add->path_count; p++)
			for (unsigned int k = 0; k < PATH_PARAMETER_COUNT; k++)
				if (path_present(&add->path[p], k) &&
				    mentions(moved, &list[i].group[k], &add->path[p].value[k]))
					return true;
	}
	return false;
}

void moved_free(struct moved *moved)
{
	free(moved->name);
	free(moved->network);
}
