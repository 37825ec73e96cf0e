/* SPDX-License-Identifier: BSD-3-Clause
 *
 * address.c: interface addresses. They are private to the control plane: what packets see of them
 * are the nexthops on the networks that they connect.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/bridge.h"
#include "route.h"

enum { IPV4_OFFSET = 96 }; /* bits before an IPv4 address in ::ffff:a.b.c.d */

/* Bits of the 16 bytes that a prefix of the address' own family covers. */
static unsigned int covered(const struct address *address, unsigned int length)
{
	return address_is_ipv4(address) ? IPV4_OFFSET + length : length;
}

static bool equal_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & (0xff00u >> bits % 8) & 0xff) == 0;
}

bool prefix_contains(const struct address *network, unsigned int length,
		     const struct address *address)
{
	return address_is_ipv4(network) == address_is_ipv4(address) &&
	       equal_bits(network->bytes, address->bytes, covered(network, length));
}

bool address_is_link_local(const struct address *address)
{
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

const struct address_object *address_covering(const struct interface_object *interface,
					      const struct address *address)
{
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (prefix_contains(&object->address, object->length, address))
		return object;
	return NULL;
}

bool address_connected(const struct interface_object *interface, const struct address *address)
{
	return address_is_link_local(address) || address_covering(interface, address) != NULL;
}

const struct address_object *address_own(const struct model *model, uint16_t vrf,
					 const struct address *address)
{
	const struct address_object *object;

	DL_FOREACH2(model->addresses, object, all_next)
	if (object->interface->settings.vrf == vrf &&
	    memcmp(&object->address, address, sizeof(*address)) == 0)
		return object;
	return NULL;
}

void prefix_format(const struct address *address, unsigned int length, char text[52])
{
	address_format(address, text);
	size_t used = strlen(text);
	snprintf(text + used, 52 - used, "/%u", length);
}

/* ---------------------------------------------------------------- checks */

/* All bits after the prefix are `bit`. */
static bool host_bits_are(const struct address *address, unsigned int length, bool bit)
{
	for (unsigned int i = covered(address, length); i < 128; i++)
		if ((address->bytes[i / 8] >> (7 - i % 8) & 1) != bit)
			return false;
	return true;
}

/* Why no interface can have this IPv4 address, or NULL (RFC 1122 3.2.1.3, RFC 3021). */
static const char *ipv4_trouble(const struct address *address, unsigned int length, bool loopback)
{
	uint8_t first = address->bytes[12];

	if (first == 0)
		return "is unspecified";
	if (first == 127 && !loopback)
		return "is a loopback address";
	if (first >= 224 && first < 240)
		return "is multicast";
	if (first >= 240)
		return host_bits_are(address, 0, true) ? "is the broadcast address" : "is reserved";
	if (length < 31 && host_bits_are(address, length, false))
		return "is the network's own address";
	if (length < 31 && host_bits_are(address, length, true))
		return "is the network's broadcast address";
	return NULL;
}

/* The same of IPv6 (RFC 4291 2.5, 2.7). */
static const char *ipv6_trouble(const struct address *address, bool loopback)
{
	static const uint8_t zero[15];

	if (address->bytes[0] == 0xff)
		return "is multicast";
	if (memcmp(address->bytes, zero, 15) != 0)
		return NULL;
	if (address->bytes[15] == 0)
		return "is unspecified";
	return address->bytes[15] == 1 && !loopback ? "is the loopback address" : NULL;
}

const char *address_trouble(const struct address *address, unsigned int length, bool loopback)
{
	return address_is_ipv4(address) ? ipv4_trouble(address, length, loopback)
					: ipv6_trouble(address, loopback);
}

/* Packets to a tunnel's network go into the tunnel, unless it takes from everybody. */
static int acquire_into(struct model *model, struct address_object *object)
{
	const struct interface_object *interface = object->interface;
	struct nexthop_key key = { .interface = interface->index, .flags = REWRITE_DEV_GIVEN };

	if (interface->tunnel == NULL || !tunnel_has_remote(interface) ||
	    address_is_link_local(&object->address))
		return 0;
	return nexthop_acquire_key(model, &key, &object->into);
}

/* A tunnel that carries Ethernet has no addresses; no tunnel's network leads to its own remote end. */
static int check_tunnel(struct model *model, const struct address *address, unsigned int length,
			const struct interface_object *interface, const char *text,
			struct error *error)
{
	struct route_prefix prefix = route_prefix_of(interface->settings.vrf, address, length);
	struct address_object draft = { .interface = (struct interface_object *)interface };
	char why[ERROR_TEXT_MAX];

	if (interface->tunnel == NULL)
		return 0;
	if (!tunnel_carries_ip(interface))
		return refuse(error, -EINVAL,
			      "address %s: %s carries Ethernet: expected an interface for packets",
			      text, interface->name);
	if (!model->settled || acquire_into(model, &draft) != 0 || draft.into == NULL)
		return 0;
	uint32_t leaf = route_leaf(ROUTE_NEXTHOP, draft.into->index) | ROUTE_SYSTEM;
	int result = underlay_check(model, &prefix, leaf, error);
	nexthop_release(model, draft.into);
	if (result == 0)
		return 0;
	snprintf(why, sizeof(why), "%s", error->text);
	return refuse(error, result, "address %s: %.400s", text, why);
}

static int check_address(const struct address *address, unsigned int length,
			 const struct interface_object *interface, const char *text,
			 struct error *error)
{
	bool loopback = interface->kind == INTERFACE_LOOPBACK;
	unsigned int bits = address_is_ipv4(address) ? 32 : 128;

	if (interface->member != NULL)
		return refuse(error, -EINVAL,
			      "address %s: %s is a port of a bridge: expected the bridge", text,
			      interface->name);
	if (length == 0 || length > bits)
		return refuse(error, -EINVAL, "address %s: expected a prefix length of 1 to %u",
			      text, bits);
	const char *trouble = address_trouble(address, length, loopback);
	if (trouble != NULL)
		return refuse(error, -EINVAL, "address %s %s: expected a host's unicast address",
			      text, trouble);
	return 0;
}

/* A nexthop's interface follows from its address, so no two interfaces of a VRF may claim the same
 * addresses; link-local ones say nothing without their interface. */
static int check_overlap(const struct model *model, const struct address *address,
			 unsigned int length, const struct interface_object *interface,
			 const char *text, struct error *error)
{
	const struct address_object *other;

	DL_FOREACH2(model->addresses, other, all_next)
	{
		char other_text[52];
		bool same_interface = other->interface == interface;
		if (other->interface->settings.vrf != interface->settings.vrf ||
		    (!same_interface && address_is_link_local(address) &&
		     address_is_link_local(&other->address)))
			continue;
		prefix_format(&other->address, other->length, other_text);
		if (memcmp(address, &other->address, sizeof(*address)) == 0)
			return refuse(error, -EEXIST, "address %s: %s has %s already", text,
				      other->interface->name, other_text);
		unsigned int shorter = length < other->length ? length : other->length;
		if (!same_interface && prefix_contains(address, shorter, &other->address))
			return refuse(error, -EEXIST,
				      "address %s: its network overlaps %s of %s in vrf %u", text,
				      other_text, other->interface->name, interface->settings.vrf);
	}
	return 0;
}

/* ---------------------------------------------------------------- commands */

static void forget(struct model *model, struct address_object *object)
{
	DL_DELETE(object->interface->addresses, object);
	DL_DELETE2(model->addresses, object, all_prev, all_next);
	model->tentative -= object->state == ADDRESS_TENTATIVE;
	fib_address_removed(model, object);
	if (object->into != NULL)
		nexthop_release(model, object->into);
	if (model->settled)
		tunnel_address_changed(model, object->interface->settings.vrf, &object->address);
	free(object);
}

static int address_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct value *prefix = &arguments->value[ADDRESS_PREFIX];
	struct interface_object *interface =
		interface_get(model, arguments->value[ADDRESS_DEV].string, error);
	unsigned int length = (unsigned int)prefix->number;
	char text[52];

	if (interface == NULL)
		return -ENOENT;
	prefix_format(&prefix->address, length, text);
	int result = check_address(&prefix->address, length, interface, text, error);
	if (result == 0)
		result = check_overlap(model, &prefix->address, length, interface, text, error);
	if (result == 0)
		result = check_tunnel(model, &prefix->address, length, interface, text, error);
	if (result != 0)
		return result;
	struct neighbour_object *neighbour = neighbour_find(model, &prefix->address, interface);
	/* a learned one makes room: if somebody still has it, that is noticed as a duplicate */
	if (neighbour != NULL && (neighbour->configured || !neighbour_yield(model, neighbour)))
		return refuse(error, -EEXIST, "address %s is a neighbour's on %s", text,
			      interface->name);
	struct address_object *object = calloc(1, sizeof(*object));
	if (object == NULL)
		return refuse(error, -ENOMEM, "address %s: out of memory", text);
	object->address = prefix->address;
	object->length = (uint8_t)length;
	object->interface = interface;
	DL_APPEND(interface->addresses, object);
	DL_APPEND2(model->addresses, object, all_prev, all_next);
	model->tentative++;
	if (acquire_into(model, object) != 0 || fib_address_added(model, object) != 0) {
		forget(model, object);
		return refuse_full(model, error, "route", 0, 1);
	}
	route_refresh(model);
	if (!model->settled)
		return 0;
	bridge_interface_changed(model, interface);
	tunnel_address_changed(model, interface->settings.vrf, &object->address);
	return 0;
}

static struct address_object *address_exact(const struct interface_object *interface,
					    const struct value *prefix)
{
	struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (object->length == prefix->number &&
	    memcmp(&object->address, &prefix->address, sizeof(object->address)) == 0)
		return object;
	return NULL;
}

/* Would the neighbour be on no network of its interface without this address? */
static bool needs(const struct neighbour_object *neighbour, const struct address_object *without)
{
	const struct address *address = (const struct address *)neighbour->key.address;
	const struct address_object *other;
	static const struct address none;

	if (neighbour->interface->tunnel != NULL && memcmp(address, &none, sizeof(none)) == 0)
		return false;
	if (address_is_link_local(address) ||
	    !prefix_contains(&without->address, without->length, address))
		return false;
	DL_FOREACH(neighbour->interface->addresses, other)
	if (other != without && prefix_contains(&other->address, other->length, address))
		return false;
	return true;
}

static int address_unused(const struct model *model, const struct address_object *object,
			  struct error *error)
{
	char text[52], user[128];

	prefix_format(&object->address, object->length, text);
	for (const struct neighbour_object *n = object->interface->neighbours; n != NULL;
	     n = n->next) {
		if (!needs(n, object))
			continue;
		if (neighbour_user(n) != NULL) {
			nexthop_describe(model, neighbour_user(n), user, sizeof(user));
			return refuse(error, -EBUSY, "address %s is in use by %s", text, user);
		}
		address_format((const struct address *)n->key.address, user);
		return refuse(error, -EBUSY, "address %s is in use by neighbour %s", text, user);
	}
	return 0;
}

/* Tunnels to somewhere on its network look again. */
static void mark_underlays(struct model *model, const struct address_object *object)
{
	struct route_prefix prefix =
		route_prefix_of(object->interface->settings.vrf, &object->address, object->length);

	underlay_mark(model, &prefix);
}

static int address_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct value *prefix = &arguments->value[ADDRESS_PREFIX];
	struct interface_object *interface =
		interface_get(model, arguments->value[ADDRESS_DEV].string, error);
	char text[52];

	if (interface == NULL)
		return -ENOENT;
	struct address_object *object = address_exact(interface, prefix);
	if (object == NULL) {
		prefix_format(&prefix->address, (unsigned int)prefix->number, text);
		return refuse(error, -ENOENT, "address %s does not exist on %s", text,
			      interface->name);
	}
	/* recursive routes look for another way first */
	object->leaving = true;
	mark_underlays(model, object);
	route_refresh(model);
	underlay_follow(model);
	neighbour_flush(model, interface, object);
	int result = address_unused(model, object, error);
	if (result != 0) {
		object->leaving = false;
		mark_underlays(model, object);
		route_refresh(model);
		return result;
	}
	forget(model, object);
	bridge_interface_changed(model, interface);
	return 0;
}

/* ---------------------------------------------------------------- inverses */

static void fill(struct arguments *arguments, enum command_id id, const struct address *address,
		 unsigned int length, const char *dev)
{
	arguments_begin(arguments, id);
	argument_number(arguments, ADDRESS_PREFIX, length);
	arguments->value[ADDRESS_PREFIX].address = *address;
	argument_string(arguments, ADDRESS_DEV, dev);
}

void address_to_arguments(const struct address_object *object, struct arguments *arguments)
{
	fill(arguments, COMMAND_ADDRESS_ADD, &object->address, object->length,
	     object->interface->name);
}

static int inverse(const struct model *model, const struct arguments *arguments,
		   struct arguments *undo, enum command_id id, bool must_exist)
{
	const struct value *prefix = &arguments->value[ADDRESS_PREFIX];
	const struct interface_object *interface =
		interface_find(model, arguments->value[ADDRESS_DEV].string);

	if (interface == NULL || (address_exact(interface, prefix) != NULL) != must_exist)
		return -ENOENT;
	fill(undo, id, &prefix->address, (unsigned int)prefix->number, interface->name);
	return 0;
}

static int address_add_inverse(const struct model *model, const struct arguments *arguments,
			       struct arguments *undo)
{
	return inverse(model, arguments, undo, COMMAND_ADDRESS_DEL, false);
}

static int address_del_inverse(const struct model *model, const struct arguments *arguments,
			       struct arguments *undo)
{
	return inverse(model, arguments, undo, COMMAND_ADDRESS_ADD, true);
}

const struct handler address_add_handler = { address_add, address_add_inverse };
const struct handler address_del_handler = { address_del, address_del_inverse };
