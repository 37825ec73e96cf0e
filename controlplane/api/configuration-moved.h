/* SPDX-License-Identifier: BSD-3-Clause
 *
 * configuration-moved.h: which objects must be made anew because something that they stand on is
 * taken away, be it only to be added again in another way: those that name its interface, and those
 * that reach an address by its network. For configuration-difference.c alone.
 */
#ifndef SHUNT_API_CONFIGURATION_MOVED_H
#define SHUNT_API_CONFIGURATION_MOVED_H

#include <stddef.h>
#include "controlplane/api/command.h"

struct moved {
	char (*name)[NAME_SIZE]; /* of interfaces that go away */
	struct value *network;   /* prefixes of addresses that go away */
	size_t name_count, network_count;
};

/* The object of this `add` command goes away. */
void moved_add(struct moved *moved, const struct arguments *add);

/* Does the object of this `add` command stand on one that goes away? */
bool moved_mentions(const struct moved *moved, const struct arguments *add);

void moved_free(struct moved *moved);

#endif
