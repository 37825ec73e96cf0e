/* SPDX-License-Identifier: BSD-3-Clause
 *
 * neigh.c: neighbours: static ones in the exact-match table, and those that nexthops go by.
 */
#include <stdio.h>
#include <stdlib.h>
#include "model.h"

static struct neighbour_key make_key(const uint8_t address[16], uint32_t interface)
{
	struct neighbour_key key = { .interface = interface };

	memcpy(key.address, address, 16);
	return key;
}

static struct neighbour_object *find_key(const struct model *model, const struct neighbour_key *key)
{
	struct neighbour_object *neighbour;

	HASH_FIND(hh, model->neighbours, key, sizeof(*key), neighbour);
	return neighbour;
}

struct neighbour_object *neighbour_find(const struct model *model, const struct address *address,
					const struct interface_object *interface)
{
	struct neighbour_key key = make_key(address->bytes, interface->index);

	return find_key(model, &key);
}

struct neighbour_object *neighbour_acquire(struct model *model, const uint8_t via[16],
					   struct interface_object *interface)
{
	struct neighbour_key key = make_key(via, interface->index);
	struct neighbour_object *neighbour = find_key(model, &key);

	if (neighbour != NULL)
		return neighbour;
	neighbour = calloc(1, sizeof(*neighbour));
	if (neighbour == NULL)
		return NULL;
	neighbour->key = key;
	neighbour->interface = interface;
	HASH_ADD(hh, model->neighbours, key, sizeof(key), neighbour);
	DL_APPEND(interface->neighbours, neighbour);
	return neighbour;
}

void neighbour_release(struct model *model, struct neighbour_object *neighbour)
{
	struct neighbour_packet *packet;

	if (neighbour->configured || neighbour->nexthops != NULL ||
	    neighbour->state != NEIGHBOUR_NONE)
		return;
	while ((packet = neighbour_dequeue(model, neighbour)) != NULL)
		free(packet);
	neighbour_unschedule(model, neighbour);
	DL_DELETE(neighbour->interface->neighbours, neighbour);
	HASH_DEL(model->neighbours, neighbour);
	free(neighbour);
}

int neighbour_publish(struct model *model, const struct neighbour_object *neighbour)
{
	struct neighbour_entry entry = {
		.key = neighbour->key,
		.origin = neighbour->configured ? ORIGIN_STATIC : ORIGIN_LEARNED,
	};
	const struct neighbour_entry *old;

	memcpy(entry.mac, neighbour->mac, 6);
	old = hash_lookup(model->tables, HASH_NEIGHBOUR, &entry.key, sizeof(entry.key));
	if (old != NULL && memcmp(old, &entry, sizeof(entry)) == 0)
		return 0;
	return hash_put(model->tables, model->heap, HASH_NEIGHBOUR, &entry);
}

/* ---------------------------------------------------------------- sweep */

struct sweep {
	const struct model *model;
	struct neighbour_key *key;
	size_t count, size;
};

static void collect_unknown(void *context, const void *found)
{
	const struct neighbour_entry *entry = found;
	struct sweep *sweep = context;
	const struct neighbour_object *neighbour = find_key(sweep->model, &entry->key);

	if (neighbour != NULL && neighbour_known(neighbour))
		return;
	if (sweep->count == sweep->size) {
		size_t size = sweep->size == 0 ? 64 : sweep->size * 2;
		struct neighbour_key *larger = realloc(sweep->key, size * sizeof(*larger));
		if (larger == NULL)
			return;
		sweep->key = larger;
		sweep->size = size;
	}
	sweep->key[sweep->count++] = entry->key;
}

void neighbour_sweep(struct model *model)
{
	struct sweep sweep = { .model = model };

	hash_walk(model->tables, HASH_NEIGHBOUR, collect_unknown, &sweep);
	for (size_t i = 0; i < sweep.count; i++)
		hash_remove(model->tables, model->heap, HASH_NEIGHBOUR, &sweep.key[i]);
	free(sweep.key);
}

/* ---------------------------------------------------------------- commands */

void neighbour_refresh_nexthops(struct model *model, struct neighbour_object *neighbour)
{
	struct nexthop_object *nexthop;

	DL_FOREACH(neighbour->nexthops, nexthop)
	nexthop_refresh(model, nexthop);
}

static int check_mac(const uint8_t mac[6], const char *text, struct error *error)
{
	static const uint8_t zero[6];
	char mac_text[18];

	mac_format(mac, mac_text);
	if (memcmp(mac, zero, 6) == 0)
		return refuse(error, -EINVAL,
			      "neighbour %s: lladdr %s is all zero: expected a unicast "
			      "MAC address",
			      text, mac_text);
	if (mac[0] & 1)
		return refuse(error, -EINVAL,
			      "neighbour %s: lladdr %s is multicast: expected a unicast "
			      "MAC address",
			      text, mac_text);
	return 0;
}

/* The interface of the command, if the neighbour can be there; else NULL and *error set. */
static struct interface_object *check(struct model *model, const struct arguments *arguments,
				      char text[46], struct error *error)
{
	const struct address *address = &arguments->value[NEIGH_ADDRESS].address;
	struct interface_object *interface =
		interface_get(model, arguments->value[NEIGH_DEV].string, error);

	address_format(address, text);
	if (interface == NULL)
		return NULL;
	if (interface->kind == INTERFACE_LOOPBACK) {
		refuse(error, -EINVAL, "neighbour %s: %s is a loopback: expected a port or vlan",
		       text, interface->name);
		return NULL;
	}
	if (interface->tunnel != NULL) {
		refuse(error, -EINVAL, "neighbour %s: %s is a tunnel: expected a port or vlan",
		       text, interface->name);
		return NULL;
	}
	if (!address_connected(interface, address)) {
		refuse(error, -ENETUNREACH, "neighbour %s is on no connected network of %s", text,
		       interface->name);
		return NULL;
	}
	const struct address_object *network = address_covering(interface, address);
	const char *trouble =
		address_trouble(address, network != NULL ? network->length : 32, false);
	if (trouble != NULL) {
		refuse(error, -EINVAL, "neighbour %s %s: expected a host's unicast address", text,
		       trouble);
		return NULL;
	}
	const struct address_object *own = address_own(model, interface->settings.vrf, address);
	if (own != NULL) {
		refuse(error, -EINVAL, "neighbour %s is our own address on %s", text,
		       own->interface->name);
		return NULL;
	}
	if (check_mac(arguments->value[NEIGH_LLADDR].mac, text, error) != 0)
		return NULL;
	return interface;
}

static int put(struct model *model, const struct arguments *arguments, bool replace,
	       struct error *error)
{
	const uint8_t *mac = arguments->value[NEIGH_LLADDR].mac;
	char text[46];
	struct interface_object *interface = check(model, arguments, text, error);

	if (interface == NULL)
		return error->code;
	struct neighbour_object *neighbour =
		neighbour_acquire(model, arguments->value[NEIGH_ADDRESS].address.bytes, interface);
	if (neighbour == NULL)
		return refuse(error, -ENOMEM, "neighbour %s: out of memory", text);
	if (neighbour->configured && !replace)
		return refuse(error, -EEXIST, "neighbour %s exists already on %s", text,
			      interface->name);
	struct neighbour_object before = *neighbour;
	neighbour->configured = true;
	memcpy(neighbour->mac, mac, 6);
	int result = model->settled ? neighbour_publish(model, neighbour) : 0;
	if (result != 0) {
		neighbour->configured = before.configured;
		memcpy(neighbour->mac, before.mac, 6);
		neighbour_release(model, neighbour);
		return refuse_full(model, error, "neighbour", 0, 1);
	}
	neighbour_refresh_nexthops(model, neighbour);
	if (!model->settled)
		return 0;
	neighbour_tell(model, neighbour, true);
	neighbour_forget(model, neighbour); /* what was learned of it; what waits is sent */
	return 0;
}

static int neigh_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	return put(model, arguments, false, error);
}

static int neigh_replace(struct model *model, const struct arguments *arguments,
			 struct error *error)
{
	return put(model, arguments, true, error);
}

static int neigh_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct address *address = &arguments->value[NEIGH_ADDRESS].address;
	struct interface_object *interface =
		interface_get(model, arguments->value[NEIGH_DEV].string, error);
	char text[46];

	if (interface == NULL)
		return -ENOENT;
	struct neighbour_object *neighbour = neighbour_find(model, address, interface);
	address_format(address, text);
	if (neighbour == NULL || !neighbour->configured)
		return refuse(error, -ENOENT, "neighbour %s does not exist on %s", text,
			      interface->name);
	/* its host route's nexthop is no user of it */
	neighbour_tell(model, neighbour, false);
	if (model->settled)
		hash_remove(model->tables, model->heap, HASH_NEIGHBOUR, &neighbour->key);
	neighbour->configured = false;
	if (neighbour->nexthops != NULL) { /* from now on it is asked for */
		neighbour_refresh_nexthops(model, neighbour);
		neighbour_need(model, neighbour);
	} else {
		neighbour_release(model, neighbour);
	}
	return 0;
}

/* ---------------------------------------------------------------- inverses */

static void fill(struct arguments *arguments, enum command_id id, const uint8_t address[16],
		 const uint8_t *mac, const char *dev)
{
	arguments_begin(arguments, id);
	memcpy(arguments->value[NEIGH_ADDRESS].address.bytes, address, 16);
	arguments->present |= parameter_bit(NEIGH_ADDRESS);
	if (mac != NULL) {
		memcpy(arguments->value[NEIGH_LLADDR].mac, mac, 6);
		arguments->present |= parameter_bit(NEIGH_LLADDR);
	}
	argument_string(arguments, NEIGH_DEV, dev);
}

void neigh_to_arguments(const struct neighbour_object *neighbour, struct arguments *arguments)
{
	fill(arguments, COMMAND_NEIGH_ADD, neighbour->key.address, neighbour->mac,
	     neighbour->interface->name);
}

/* The configured neighbour of the command, or NULL; *interface is set if there is one of the name.
 */
static const struct neighbour_object *named(const struct model *model,
					    const struct arguments *arguments,
					    const struct interface_object **interface)
{
	*interface = interface_find(model, arguments->value[NEIGH_DEV].string);
	if (*interface == NULL)
		return NULL;
	const struct neighbour_object *neighbour =
		neighbour_find(model, &arguments->value[NEIGH_ADDRESS].address, *interface);
	return neighbour != NULL && neighbour->configured ? neighbour : NULL;
}

static int neigh_replace_inverse(const struct model *model, const struct arguments *arguments,
				 struct arguments *undo)
{
	const struct interface_object *interface;
	const struct neighbour_object *neighbour = named(model, arguments, &interface);

	if (interface == NULL)
		return -ENOENT;
	if (neighbour != NULL)
		fill(undo, COMMAND_NEIGH_REPLACE, neighbour->key.address, neighbour->mac,
		     interface->name);
	else
		fill(undo, COMMAND_NEIGH_DEL, arguments->value[NEIGH_ADDRESS].address.bytes, NULL,
		     interface->name);
	return 0;
}

static int neigh_add_inverse(const struct model *model, const struct arguments *arguments,
			     struct arguments *undo)
{
	const struct interface_object *interface;

	if (named(model, arguments, &interface) != NULL)
		return -ENOENT;
	return neigh_replace_inverse(model, arguments, undo);
}

static int neigh_del_inverse(const struct model *model, const struct arguments *arguments,
			     struct arguments *undo)
{
	const struct interface_object *interface;
	const struct neighbour_object *neighbour = named(model, arguments, &interface);

	if (neighbour == NULL)
		return -ENOENT;
	neigh_to_arguments(neighbour, undo);
	return 0;
}

const struct handler neigh_add_handler = { neigh_add, neigh_add_inverse };
const struct handler neigh_replace_handler = { neigh_replace, neigh_replace_inverse };
const struct handler neigh_del_handler = { neigh_del, neigh_del_inverse };
