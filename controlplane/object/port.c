/* SPDX-License-Identifier: BSD-3-Clause
 *
 * port.c: ports: commands, wishes for the data plane, and what it reports back.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/snooping.h"
#include "model.h"

static const struct interface_numbers numbers = {
	PORT_MTU, PORT_MPLS, PORT_SPACE, PORT_UPSTREAM_SPACE, PORT_VRF, PORT_RPF, PORT_ADMIN
};

/* ---------------------------------------------------------------- devargs */

/* A PCI address: [dddd:]bb:dd.f */
static bool is_pci_address(const char *text, size_t length)
{
	unsigned int domain, bus, device, function;
	char copy[16];
	int end = 0;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = 0;
	if (sscanf(copy, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
	    (size_t)end == length)
		return true;
	end = 0;
	return sscanf(copy, "%2x:%2x.%1x%n", &bus, &device, &function, &end) == 3 &&
	       (size_t)end == length;
}

static bool is_driver(const char *text, size_t length)
{
	if (length == 0 || !isalpha((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	return true;
}

/* Each ,key[=value] has a key, and nothing in it is a blank. */
static bool are_keys(const char *text)
{
	for (const char *at = text; *at != 0; at++)
		if (isspace((unsigned char)*at) || !isprint((unsigned char)*at) ||
		    (*at == ',' && (at[1] == 0 || at[1] == ',' || at[1] == '=')))
			return false;
	return true;
}

static size_t device_length(const char *devargs)
{
	return strcspn(devargs, ",");
}

/* The Linux interface behind the device: its iface= parameter; a group's members have their own, in
 * slave(DEVARGS). */
static int parse_host_device(const char *devargs, char host_device[16])
{
	const char *at = strstr(devargs, ",iface=");

	memset(host_device, 0, 16);
	if (at == NULL || memchr(devargs, '(', (size_t)(at - devargs)) != NULL)
		return 0;
	at += strlen(",iface=");
	size_t length = strcspn(at, ",");
	if (length == 0 || length > 15)
		return -EINVAL;
	memcpy(host_device, at, length);
	return 0;
}

static int check_devargs(const struct model *model, const char *name, const char *devargs,
			 struct interface_settings *settings, struct error *error)
{
	size_t length = device_length(devargs);

	if (strlen(devargs) >= sizeof(settings->devargs))
		return refuse(error, -EINVAL, "port %s: devargs are %zu bytes long: at most %zu",
			      name, strlen(devargs), sizeof(settings->devargs) - 1);
	if ((!is_pci_address(devargs, length) && !is_driver(devargs, length)) ||
	    !are_keys(devargs + length))
		return refuse(
			error, -EINVAL,
			"port %s: devargs %s: expected DRIVER[,KEY=VALUE...] or a PCI address "
			"(net_af_packet0,iface=eth1 or 0000:3b:00.0)",
			name, devargs);
	if (parse_host_device(devargs, settings->host_device) != 0)
		return refuse(error, -EINVAL,
			      "port %s: devargs %s: expected 1 to 15 characters after iface=", name,
			      devargs);
	for (const struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		if (i->kind != INTERFACE_PORT || strcmp(i->name, name) == 0)
			continue;
		const char *other = i->settings.devargs;
		if (device_length(other) == length && strncmp(other, devargs, length) == 0)
			return refuse(error, -EEXIST, "port %s: device %.*s is in use by port %s",
				      name, (int)length, devargs, i->name);
		if (settings->host_device[0] != 0 &&
		    strcmp(i->settings.host_device, settings->host_device) == 0)
			return refuse(error, -EEXIST,
				      "port %s: Linux interface %s is in use by port %s", name,
				      settings->host_device, i->name);
		if (settings->host_device[0] != 0 &&
		    strcmp(i->settings.host_interface, settings->host_device) == 0)
			return refuse(error, -EEXIST,
				      "port %s: Linux interface %s is the host-interface of port "
				      "%s",
				      name, settings->host_device, i->name);
	}
	snprintf(settings->devargs, sizeof(settings->devargs), "%s", devargs);
	return 0;
}

/* ---------------------------------------------------------------- host-interface */

/* What the kernel takes as a name, and what it makes no other name of (`%d`). */
static bool is_link_name(const char *name)
{
	if (name[0] == 0 || strlen(name) > 15 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name != 0; name++)
		if (!isgraph((unsigned char)*name) || strchr("/:%", *name) != NULL)
			return false;
	return true;
}

static int set_host_interface(const struct model *model, const char *port, const char *name,
			      struct interface_settings *settings, struct error *error)
{
	memset(settings->host_interface, 0, sizeof(settings->host_interface));
	if (strcmp(name, "none") == 0)
		return 0;
	if (!is_link_name(name))
		return refuse(error, -EINVAL,
			      "port %s: host-interface %s: expected 1 to 15 characters without "
			      "blanks, '/', ':' and '%%', or none",
			      port, name);
	if (strcmp(settings->host_device, name) == 0)
		return refuse(error, -EEXIST, "port %s: host-interface %s is its own device", port,
			      name);
	for (const struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		if (i->kind != INTERFACE_PORT)
			continue;
		if (strcmp(i->settings.host_device, name) == 0)
			return refuse(error, -EEXIST,
				      "port %s: host-interface %s is the device of port %s", port,
				      name, i->name);
		if (strcmp(i->name, port) != 0 && strcmp(i->settings.host_interface, name) == 0)
			return refuse(error, -EEXIST,
				      "port %s: host-interface %s is in use by port %s", port, name,
				      i->name);
	}
	snprintf(settings->host_interface, sizeof(settings->host_interface), "%s", name);
	return 0;
}

/* ---------------------------------------------------------------- wishes */

/* Publish the wish if it differs from what is published. */
int port_wish_publish(struct model *model, struct interface_object *port,
		      const struct interface_settings *settings)
{
	uint64_t offset = word_load(&model->tables->port[port->index].wish);
	const struct port_wish *old = offset != 0 ? tables_object(model->tables, offset) : NULL;
	struct port_wish wish = {
		.mtu = settings->mtu != 0 ? settings->mtu : PORT_MTU_DEFAULT,
		.rx_queues = settings->rx_queues,
		.up = settings->up,
	};

	snprintf(wish.name, sizeof(wish.name), "%s", port->name);
	memcpy(wish.devargs, settings->devargs, sizeof(wish.devargs));
	memcpy(wish.host_device, settings->host_device, sizeof(wish.host_device));
	memcpy(wish.host_interface, settings->host_interface, sizeof(wish.host_interface));
	bool same_device = old != NULL && strcmp(old->name, wish.name) == 0 &&
			   strcmp(old->devargs, wish.devargs) == 0 &&
			   old->rx_queues == wish.rx_queues;
	if (same_device && old->mtu == wish.mtu && old->up == wish.up &&
	    strcmp(old->host_interface, wish.host_interface) == 0)
		return 0;
	wish.generation = model->generation + 1;
	wish.identity = same_device ? old->identity : model->identity + 1;
	int result = port_wish_set(model->tables, model->heap, port->index, &wish);
	if (result != 0)
		return result;
	model->generation = wish.generation;
	if (!same_device)
		model->identity = wish.identity;
	return 0;
}

static void take_status(struct model *model, struct interface_object *port,
			const struct port_status *status)
{
	static const uint8_t none[6];
	bool came_up = status->link_up && !port->link_up;

	if (came_up && status->speed_mbps != 0)
		model_event(model, EVENT_LINK, port->name, "up, %u Mb/s", status->speed_mbps);
	else if (came_up) /* virtual ones have no speed */
		model_event(model, EVENT_LINK, port->name, "up");
	else if (port->link_up && !status->link_up)
		model_event(model, EVENT_LINK, port->name, "down");
	/* who was behind it may turn up elsewhere */
	if (port->link_up && !status->link_up && port->member != NULL)
		fdb_flush(model, port->member, false);
	if (port->link_up != (status->link_up != 0))
		snooping_link(model, port, status->link_up != 0);
	port->link_up = status->link_up != 0;
	interface_device_mtu(model, port, status->mtu);
	if (memcmp(status->mac, none, 6) != 0)
		interface_mac_learned(model, port, status->mac);
	if (!came_up)
		return;
	for (struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next)
		if (i == port || i->parent == port) {
			interface_link_changed(model, i);
			neighbour_suspect(model, i);
		}
}

/* An answer to an earlier wish for another device of this row tells nothing about this one. */
static bool answers(const struct model *model, uint32_t index, const struct port_status *status)
{
	uint64_t offset = word_load(&model->tables->port[index].wish);
	const struct port_wish *wish = offset != 0 ? tables_object(model->tables, offset) : NULL;

	return wish != NULL && status->identity == wish->identity;
}

void port_poll(struct model *model)
{
	for (uint32_t i = 0; i < PORT_MAX; i++) {
		struct interface_object *port = model->interface[i];
		struct port_status status;
		if (port == NULL)
			continue;
		uint64_t sequence = word_load(&model->state->port[i].sequence);
		if (sequence == port->status_sequence ||
		    port_status_copy(model->state, i, &status) != 0 || !answers(model, i, &status))
			continue;
		port->status_sequence = sequence;
		take_status(model, port, &status);
	}
}

/* ---------------------------------------------------------------- commands */

static int port_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[PORT_NAME].string;
	struct interface_object draft = { .kind = INTERFACE_PORT, .settings.up = true };
	struct interface_settings settings = draft.settings;
	int result = interface_name_free(model, name, error);

	snprintf(draft.name, sizeof(draft.name), "%s", name);
	if (result == 0)
		result = check_devargs(model, name, arguments->value[PORT_DEVARGS].string,
				       &settings, error);
	if (result == 0)
		result = interface_settings_from(arguments, &numbers, &draft, &settings, error);
	if (result != 0)
		return result;
	if (argument_present(arguments, PORT_RX_QUEUES))
		settings.rx_queues = (uint16_t)arguments->value[PORT_RX_QUEUES].number;
	if (argument_present(arguments, PORT_HOST_INTERFACE))
		result = set_host_interface(model, name,
					    arguments->value[PORT_HOST_INTERFACE].string, &settings,
					    error);
	if (result != 0)
		return result;
	struct member_wish wish;
	struct multicast_wish multicast;
	result = member_wish_from(model, arguments, PORT_BRIDGE, INTERFACE_PORT, name, NULL, &wish,
				  error);
	if (result == 0)
		result = multicast_wish_from(model, arguments, PORT_MULTICAST_ROUTING, &draft,
					     settings.vrf, wish.bridge, &multicast, error);
	if (result != 0)
		return result;
	struct interface_object *port =
		interface_new(model, name, INTERFACE_PORT, NULL, &settings, error);
	if (port == NULL)
		return error->code;
	result = interface_apply(model, port, &settings, error);
	if (result != 0)
		interface_abandon(model, port);
	else if (member_apply(model, port, &wish, error) != 0 ||
		 multicast_apply(model, port, &multicast, error) != 0) {
		interface_delete(model, port);
		result = error->code;
	}
	return result;
}

/* `port set` says what to set of any interface: its parameters under the numbers of the other kind's
 * own command. */
static const struct other_kind {
	enum interface_kind kind;
	enum command_id set;
	const struct handler *handler;
	unsigned int admin, mtu, mpls, space, upstream_space, vrf, rpf; /* 0: has none */
} other_kinds[] = {
	{ INTERFACE_VLAN, COMMAND_VLAN_SET, &vlan_set_handler, VLAN_ADMIN, VLAN_MTU, VLAN_MPLS,
	  VLAN_SPACE, VLAN_UPSTREAM_SPACE, VLAN_VRF, VLAN_RPF },
	{ INTERFACE_BRIDGE, COMMAND_BRIDGE_SET, &bridge_set_handler, BRIDGE_ADMIN, BRIDGE_MTU,
	  BRIDGE_MPLS, BRIDGE_SPACE, BRIDGE_UPSTREAM_SPACE, BRIDGE_VRF, BRIDGE_RPF },
	{ INTERFACE_TUNNEL, COMMAND_TUNNEL_SET, &tunnel_set_handler, TUNNEL_PARAMETER_ADMIN,
	  TUNNEL_PARAMETER_MTU, TUNNEL_PARAMETER_MPLS, TUNNEL_PARAMETER_SPACE, 0,
	  TUNNEL_PARAMETER_VRF, TUNNEL_PARAMETER_RPF },
	{ INTERFACE_PSEUDOWIRE, COMMAND_PSEUDOWIRE_SET, &pseudowire_set_handler, PSEUDOWIRE_ADMIN,
	  PSEUDOWIRE_MTU, 0, 0, 0, 0, 0 },
	{ INTERFACE_LOOPBACK, COMMAND_LOOPBACK_SET, &loopback_set_handler, LOOPBACK_ADMIN, 0, 0, 0,
	  0, 0, 0 },
};

static const struct other_kind *other_kind(enum interface_kind kind)
{
	const struct other_kind *other = other_kinds;

	while (other->kind != kind && other->kind != INTERFACE_LOOPBACK)
		other++;
	return other;
}

/* The rest of *other is not touched. */
static int as_other_kind(const struct arguments *arguments, enum interface_kind kind,
			 struct arguments *other, struct error *error)
{
	const struct other_kind *own = other_kind(kind);
	const struct {
		unsigned int from, to;
	} map[] = { { PORT_ADMIN, own->admin },
		    { PORT_MTU, own->mtu },
		    { PORT_MPLS, own->mpls },
		    { PORT_SPACE, own->space },
		    { PORT_UPSTREAM_SPACE, own->upstream_space },
		    { PORT_VRF, own->vrf },
		    { PORT_RPF, own->rpf } };
	uint64_t known = parameter_bit(PORT_NAME);

	if (argument_present(arguments, PORT_DEVARGS) ||
	    argument_present(arguments, PORT_RX_QUEUES) ||
	    argument_present(arguments, PORT_HOST_INTERFACE))
		return refuse(error, -EINVAL,
			      "%s has no device: devargs, rx-queues and host-interface are set of "
			      "a port",
			      arguments->value[PORT_NAME].string);
	arguments_begin(other, own->set);
	argument_string(other, PORT_NAME, arguments->value[PORT_NAME].string);
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (!argument_present(arguments, map[i].from))
			continue;
		if (map[i].to == 0)
			return refuse(
				error, -EINVAL,
				"%s %s has no %s to set: expected what `%s set` takes",
				interface_kind_name(kind), arguments->value[PORT_NAME].string,
				arguments->command->parameters[map[i].from].name,
				interface_kind_name(kind));
		argument_number(other, map[i].to, arguments->value[map[i].from].number);
		known |= parameter_bit(map[i].from);
	}
	if ((arguments->present & ~known) != 0)
		return refuse(error, -EINVAL, "%s %s is no port: expected what `%s set` takes",
			      interface_kind_name(kind), arguments->value[PORT_NAME].string,
			      interface_kind_name(kind));
	return 0;
}

static int set_other_kind(struct model *model, const struct interface_object *interface,
			  const struct arguments *arguments, struct error *error)
{
	struct arguments *other = malloc(sizeof(*other));
	int result = -ENOMEM;

	if (other == NULL)
		return refuse(error, -ENOMEM, "%s: out of memory", interface->name);
	result = as_other_kind(arguments, interface->kind, other, error);
	if (result == 0)
		result = other_kind(interface->kind)->handler->execute(model, other, error);
	free(other);
	return result;
}

/* Multicast is routed to a port while it is in no bridge. */
static int apply_memberships(struct model *model, struct interface_object *port,
			     const struct member_wish *wish, const struct multicast_wish *multicast,
			     struct error *error)
{
	struct multicast_wish before = { .given = multicast->given && port->multicast != NULL };

	if (multicast->settings.routing != MULTICAST_ROUTING_OFF) {
		int result = member_apply(model, port, wish, error);
		return result == 0 ? multicast_apply(model, port, multicast, error) : result;
	}
	if (before.given)
		before.settings = port->multicast->settings;
	int result = multicast_apply(model, port, multicast, error);
	if (result != 0)
		return result;
	result = member_apply(model, port, wish, error);
	if (result != 0)
		multicast_apply(model, port, &before, error); /* takes no memory: is not refused */
	return result;
}

static int apply_all(struct model *model, struct interface_object *port,
		     const struct interface_settings *settings, const struct arguments *arguments,
		     struct error *error)
{
	struct member_wish wish;
	struct multicast_wish multicast;
	int result = member_wish_from(model, arguments, PORT_BRIDGE, INTERFACE_PORT, port->name,
				      port, &wish, error);

	if (result == 0)
		result = multicast_wish_from(model, arguments, PORT_MULTICAST_ROUTING, port,
					     settings->vrf, wish.bridge, &multicast, error);
	if (result == 0)
		result = interface_apply(model, port, settings, error);
	return result == 0 ? apply_memberships(model, port, &wish, &multicast, error) : result;
}

static int port_set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *port =
		interface_get(model, arguments->value[PORT_NAME].string, error);

	if (port == NULL)
		return -ENOENT;
	if (port->kind != INTERFACE_PORT)
		return set_other_kind(model, port, arguments, error);
	struct interface_settings settings = port->settings;
	int result = 0;
	if (argument_present(arguments, PORT_DEVARGS))
		result = check_devargs(model, port->name, arguments->value[PORT_DEVARGS].string,
				       &settings, error);
	if (result == 0)
		result = interface_settings_from(arguments, &numbers, port, &settings, error);
	if (result != 0)
		return result;
	if (argument_present(arguments, PORT_RX_QUEUES))
		settings.rx_queues = (uint16_t)arguments->value[PORT_RX_QUEUES].number;
	if (argument_present(arguments, PORT_HOST_INTERFACE))
		result = set_host_interface(model, port->name,
					    arguments->value[PORT_HOST_INTERFACE].string, &settings,
					    error);
	if (result != 0)
		return result;
	return apply_all(model, port, &settings, arguments, error);
}

static int port_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[PORT_NAME].string;
	struct interface_object *port = interface_find(model, name);

	if (port == NULL || port->kind != INTERFACE_PORT)
		return refuse(error, -ENOENT, "port %s does not exist", name);
	int result = interface_unused(model, port, error);
	if (result == 0)
		interface_delete(model, port);
	return result;
}

/* ---------------------------------------------------------------- inverses */

static void port_to_arguments(const struct interface_object *port, const struct arguments *only,
			      struct arguments *arguments)
{
	const struct interface_settings *settings = &port->settings;

	argument_string(arguments, PORT_NAME, port->name);
	if (only == NULL || argument_present(only, PORT_DEVARGS))
		argument_string(arguments, PORT_DEVARGS, settings->devargs);
	if (only != NULL ? argument_present(only, PORT_RX_QUEUES) : settings->rx_queues != 0)
		argument_number(arguments, PORT_RX_QUEUES, settings->rx_queues);
	bool mirrored = settings->host_interface[0] != 0;
	if (only != NULL ? argument_present(only, PORT_HOST_INTERFACE) : mirrored)
		argument_string(arguments, PORT_HOST_INTERFACE,
				mirrored ? settings->host_interface : "none");
	member_to_arguments(port, only, PORT_BRIDGE, arguments);
	multicast_to_arguments(port, only, PORT_MULTICAST_ROUTING, arguments);
	interface_settings_to(settings, &numbers, only, arguments);
}

static int port_add_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	if (interface_find(model, arguments->value[PORT_NAME].string) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_PORT_DEL);
	argument_string(undo, PORT_NAME, arguments->value[PORT_NAME].string);
	return 0;
}

static int port_set_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	const struct interface_object *port =
		interface_find(model, arguments->value[PORT_NAME].string);
	struct error error;

	if (port == NULL)
		return -ENOENT;
	if (port->kind != INTERFACE_PORT) {
		struct arguments *other = malloc(sizeof(*other));
		int result = other == NULL ? -ENOMEM
					   : as_other_kind(arguments, port->kind, other, &error);
		if (result == 0)
			result = other_kind(port->kind)->handler->inverse(model, other, undo);
		free(other);
		return result == 0 ? 0 : -ENOENT;
	}
	arguments_begin(undo, COMMAND_PORT_SET);
	port_to_arguments(port, arguments, undo);
	return 0;
}

static int port_del_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	const struct interface_object *port =
		interface_find(model, arguments->value[PORT_NAME].string);

	if (port == NULL || port->kind != INTERFACE_PORT)
		return -ENOENT;
	arguments_begin(undo, COMMAND_PORT_ADD);
	port_to_arguments(port, NULL, undo);
	return 0;
}

const struct handler port_add_handler = { port_add, port_add_inverse };
const struct handler port_set_handler = { port_set, port_set_inverse };
const struct handler port_del_handler = { port_del, port_del_inverse };

void port_add_arguments(const struct interface_object *port, struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_PORT_ADD);
	port_to_arguments(port, NULL, arguments);
}
