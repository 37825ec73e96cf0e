/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_port.c: routed interfaces as the snooping engine's domains, and what is said about them in their commands.
 */
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"
#include "controlplane/protocol/snoop-message.h"

/* ---------------------------------------------------------------- from a command */

int multicast_wish_from(const struct model *model, const struct arguments *arguments,
			unsigned int first, const struct interface_object *draft, uint16_t vrf,
			const struct bridge_object *bridge, struct multicast_wish *wish,
			struct error *error)
{
	wish->given = router_settings_given(arguments, first);
	if (draft->multicast != NULL)
		wish->settings = draft->multicast->settings;
	else
		snooping_settings_begin(&wish->settings);
	int result = router_settings_from(arguments, first, draft->kind, draft->name,
					  &wish->settings, error);
	if (result != 0 || wish->settings.routing == MULTICAST_ROUTING_OFF)
		return result;
	if (bridge != NULL)
		return refuse(error, -EBUSY,
			      "%s %s: multicast-routing is of interfaces that are in no bridge: "
			      "expected `multicast-routing off`, and that of bridge %s",
			      interface_kind_name(draft->kind), draft->name,
			      bridge->interface->name);
	return multicast_route_allowed(model, draft, vrf, &wish->settings, error);
}

void multicast_to_arguments(const struct interface_object *interface, const struct arguments *only,
			    unsigned int first, struct arguments *arguments)
{
	struct snooping_settings usual;

	snooping_settings_begin(&usual);
	router_settings_to(interface->multicast != NULL ? &interface->multicast->settings : &usual,
			   only, first, arguments);
}

/* ---------------------------------------------------------------- into the engine */

bool multicast_port_has_address(const struct interface_object *interface, enum snoop_family family)
{
	struct address own[SNOOP_FAMILIES];

	snooping_own_addresses(interface, own);
	return !snoop_unspecified(&own[family]);
}

static void set_domain(struct model *model, const struct multicast_port *port)
{
	const struct interface_object *interface = port->interface;
	const struct snoop_domain_key key = multicast_port_key(interface);
	struct snoop_settings settings = port->settings.engine;
	struct snoop_port_settings own = {
		.up = interface_is_up(interface) && !port->link_lost,
		.fast_leave = port->settings.fast_leave,
	};
	struct snoop *engine = model->snooping->engine;
	uint64_t now = model_now(model);

	settings.querier = settings.router = true;
	snooping_own_addresses(interface, settings.address);
	if (snoop_domain_set(engine, &key, &settings, now) != 0 ||
	    snoop_port_set(engine, &key, MULTICAST_PORT_NUMBER, &own, now) != 0)
		model_complain(model, "%s: groups of its hosts: out of memory", interface->name);
	model->snooping->due = 0;
}

/* All but the routes. */
static void publish_port(struct model *model, const struct multicast_port *port)
{
	bool on = multicast_is_on(port->interface);

	if (on)
		set_domain(model, port);
	interface_features_set(model, port->interface->index, INTERFACE_GROUPS,
			       on ? INTERFACE_GROUPS : 0);
}

/* Routes go before the entries that they lead to. */
static void publish(struct model *model, struct multicast_port *port)
{
	struct interface_object *interface = port->interface;
	bool on = multicast_is_on(interface);

	publish_port(model, port);
	multicast_route_interface(model, interface);
	if (!on) {
		const struct snoop_domain_key key = multicast_port_key(interface);
		snoop_domain_delete(model->snooping->engine, &key);
	}
}

int multicast_apply(struct model *model, struct interface_object *interface,
		    const struct multicast_wish *wish, struct error *error)
{
	if (!wish->given)
		return 0;
	if (interface->multicast == NULL) {
		interface->multicast = calloc(1, sizeof(*interface->multicast));
		if (interface->multicast == NULL)
			return refuse(error, -ENOMEM, "%s %s: multicast-routing: out of memory",
				      interface_kind_name(interface->kind), interface->name);
		interface->multicast->interface = interface;
		DL_APPEND(model->multicast_ports, interface->multicast);
	}
	interface->multicast->settings = wish->settings;
	if (model->settled)
		publish(model, interface->multicast);
	return 0;
}

void multicast_leave(struct model *model, struct interface_object *interface)
{
	struct multicast_port *port = interface->multicast;

	if (port == NULL)
		return;
	port->settings.routing = MULTICAST_ROUTING_OFF;
	if (model->settled)
		publish(model, port);
	DL_DELETE(model->multicast_ports, port);
	interface->multicast = NULL;
	free(port);
}

/* ---------------------------------------------------------------- what happens to them */

static bool is_part_of(const struct multicast_port *port, const struct interface_object *interface)
{
	return port->interface == interface || port->interface->parent == interface;
}

void multicast_port_changed(struct model *model, const struct interface_object *interface)
{
	struct multicast_port *port;
	bool any = false;

	DL_FOREACH(model->multicast_ports, port)
	{
		if (!is_part_of(port, interface) || !multicast_is_on(port->interface))
			continue;
		publish_port(model, port);
		port->changed = any = true;
	}
	if (any)
		multicast_route_ports(model);
}

/* The link is there for the first time: queries of before found no port in the data plane. */
static void ask(struct model *model, const struct multicast_port *port)
{
	const struct snoop_domain_key key = multicast_port_key(port->interface);

	snoop_port_ask(model->snooping->engine, &key, MULTICAST_PORT_NUMBER, model_now(model));
	model->snooping->due = 0;
}

void multicast_port_link(struct model *model, const struct interface_object *port, bool up)
{
	struct multicast_port *i;

	DL_FOREACH(model->multicast_ports, i)
	{
		if (!is_part_of(i, port))
			continue;
		bool changed = i->link_lost == up;
		i->link_lost = !up;
		if (!model->settled || !multicast_is_on(i->interface))
			continue;
		if (changed)
			set_domain(model, i);
		else if (up)
			ask(model, i);
	}
}

void multicast_port_domains(struct model *model)
{
	struct multicast_port *port;

	DL_FOREACH(model->multicast_ports, port)
	if (multicast_is_on(port->interface))
		set_domain(model, port);
}

void multicast_port_settle(struct model *model)
{
	struct multicast_port *port;

	DL_FOREACH(model->multicast_ports, port)
	multicast_route_interface(model, port->interface);
}

void multicast_port_poll(struct model *model)
{
	struct multicast_port *port;
	bool any = false;

	DL_FOREACH(model->multicast_ports, port)
	{
		any |= port->dirty;
		port->changed |= port->dirty;
		port->dirty = false;
	}
	if (any)
		multicast_route_ports(model);
}

void multicast_port_input(struct model *model, const struct interface_object *interface,
			  const uint8_t *packet, size_t length, const uint8_t source_mac[6])
{
	const struct snoop_domain_key key = multicast_port_key(interface);
	struct snoop_ports others; /* there are none */

	snoop_input(model->snooping->engine, &key, MULTICAST_PORT_NUMBER, packet, length,
		    source_mac, model_now(model), &others);
	model->snooping->due = 0;
}
