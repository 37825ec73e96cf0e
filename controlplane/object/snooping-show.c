/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-show.c: memberships and router ports as JSON.
 */
#include <stdio.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/snooping.h"

struct list {
	const struct model *model;
	const char *only;
	bool routed; /* interfaces; else bridges */
	uint64_t now;
	json_t *array;
};

/* The interface of a domain that is to be shown, or NULL. */
static const struct interface_object *shown(const struct list *list,
					    const struct snoop_domain_key *domain)
{
	const struct interface_object *interface = snooping_domain_interface(list->model, domain);

	if (interface == NULL || (interface->bridge == NULL) != list->routed ||
	    (list->only != NULL && strcmp(list->only, interface->name) != 0))
		return NULL;
	return interface;
}

/* Seconds until then. */
static json_t *remaining(const struct list *list, uint64_t expires)
{
	return json_real(expires > list->now ? (double)((expires - list->now) / 1000000) / 1000
					     : 0);
}

static json_t *address_json(const struct address *address)
{
	char text[46];

	address_format(address, text);
	return json_string(text);
}

/* A row that begins with the bridge, VLAN and port, or a routed interface as port; NULL: not to be shown. */
static json_t *row_of(const struct list *list, const struct snoop_domain_key *domain,
		      unsigned int slot)
{
	const struct interface_object *interface = shown(list, domain);
	const struct interface_object *port =
		interface == NULL ? NULL : snooping_domain_port(list->model, domain, slot);

	if (port == NULL)
		return NULL;
	if (list->routed)
		return json_pack("{s:s}", "port", port->name);
	return json_pack("{s:s, s:i, s:s}", "bridge", interface->name, "vlan", (int)domain->vlan,
			 "port", port->name);
}

static json_t *sources_json(const struct list *list, const struct snoop_member_view *member)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < member->source_count; i++) {
		const struct snoop_source_view *source = &member->sources[i];
		json_t *row = json_pack("{s:o, s:b}", "address", address_json(&source->address),
					"forwarded", source->forwarded);
		if (source->expires != 0)
			json_object_set_new(row, "expires", remaining(list, source->expires));
		json_array_append_new(array, row);
	}
	return array;
}

static bool is_configured(const struct snoop_member_view *member)
{
	bool configured = member->configured;

	for (unsigned int i = 0; i < member->source_count; i++)
		configured |= member->sources[i].configured;
	return configured;
}

static void see_member(void *context, const struct snoop_member_view *member)
{
	struct list *list = context;
	json_t *row = row_of(list, &member->domain, member->port);
	char text[16], mac[18];

	if (row == NULL)
		return;
	json_object_set_new(row, "group", address_json(&member->group));
	json_object_set_new(row, "mode", json_string(member->exclude ? "exclude" : "include"));
	json_object_set_new(row, "sources", sources_json(list, member));
	json_object_set_new(row, "origin",
			    json_string(is_configured(member) ? "static"
					: member->stale       ? "stale"
							      : "learned"));
	if (member->version != 0) {
		snprintf(text, sizeof(text), "%s%u",
			 address_is_ipv4(&member->group) ? "igmpv" : "mldv", member->version);
		json_object_set_new(row, "version", json_string(text));
		json_object_set_new(row, "reporter", address_json(&member->reporter));
		mac_format(member->reporter_mac, mac);
		json_object_set_new(row, "reporter_mac", json_string(mac));
	}
	if (member->expires != 0)
		json_object_set_new(row, "expires", remaining(list, member->expires));
	json_array_append_new(list->array, row);
}

static json_t *reasons_json(unsigned int reasons)
{
	static const char *const names[] = { "query", "pim", "advertisement", "static" };
	json_t *array = json_array();

	for (unsigned int i = 0; i < 4; i++)
		if (reasons >> i & 1)
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static void see_router(void *context, const struct snoop_router_view *router)
{
	static const struct address nobody;
	struct list *list = context;
	json_t *row = row_of(list, &router->domain, router->port);
	struct snoop_querier_view querier;

	if (row == NULL)
		return;
	json_object_set_new(row, "family",
			    json_string(router->family == SNOOP_IPV4 ? "ipv4" : "ipv6"));
	json_object_set_new(row, "reasons", reasons_json(router->reasons));
	if (memcmp(&router->address, &nobody, sizeof(nobody)) != 0)
		json_object_set_new(row, "address", address_json(&router->address));
	if (snoop_querier(list->model->snooping->engine, &router->domain, router->family,
			  &querier) &&
	    !querier.self && querier.expires != 0 && querier.port == router->port)
		json_object_set_new(row, "querier", json_true());
	if (router->expires != 0)
		json_object_set_new(row, "expires", remaining(list, router->expires));
	json_array_append_new(list->array, row);
}

/* ---------------------------------------------------------------- domains */

static json_t *querier_json(const struct list *list, const struct snoop_domain_key *key,
			    enum snoop_family family)
{
	static const struct address nobody;
	const struct interface_object *port;
	struct snoop_querier_view view;

	if (!snoop_querier(list->model->snooping->engine, key, family, &view))
		return json_null();
	bool other = !view.self && view.expires != 0;
	bool known = memcmp(&view.address, &nobody, sizeof(nobody)) != 0;
	json_t *object = json_object();
	json_object_set_new(object, "querier",
			    view.self ? json_string("self")
			    : !other  ? json_string("none")
			    : known   ? address_json(&view.address)
				      : json_string("unknown"));
	port = snooping_domain_port(list->model, key, view.port);
	if (other && known && port != NULL && !list->routed)
		json_object_set_new(object, "port", json_string(port->name));
	if (!list->routed)
		json_object_set_new(object, "enforced", json_boolean(view.enforced));
	json_object_set_new(object, "robustness", json_integer(view.robustness));
	json_object_set_new(object, "query_interval",
			    json_real((double)view.query_interval / 1000000000));
	if (other)
		json_object_set_new(object, "expires", remaining(list, view.expires));
	return object;
}

static json_t *counters_json(const struct snoop_counters *counters)
{
	json_t *object = json_object();

#define X(name, text)                                                                              \
	if (counters->name != 0)                                                                   \
		json_object_set_new(object, #name, json_integer((json_int_t)counters->name));
	SNOOP_COUNTERS(X)
#undef X
	return object;
}

/* What a row of a domain begins with. */
static json_t *domain_json(const struct list *list, const struct interface_object *interface,
			   const struct snoop_domain_key *key)
{
	const struct snooping_settings *settings;

	if (!list->routed)
		return json_pack("{s:s, s:i}", "bridge", interface->name, "vlan", (int)key->vlan);
	settings = &interface->multicast->settings;
	return json_pack("{s:s, s:s, s:i}", "port", interface->name, "rpf",
			 settings->routing == MULTICAST_ROUTING_NO_RPF ? "off" : "strict",
			 "ttl_threshold", (int)settings->ttl_threshold);
}

static void see_domain(void *context, const struct snoop_domain_key *key, unsigned int groups)
{
	struct list *list = context;
	const struct interface_object *interface = shown(list, key);

	if (interface == NULL)
		return;
	json_t *row = domain_json(list, interface, key);
	json_object_set_new(row, "groups", json_integer(groups));
	json_object_set_new(row, "ipv4", querier_json(list, key, SNOOP_IPV4));
	json_object_set_new(row, "ipv6", querier_json(list, key, SNOOP_IPV6));
	json_object_set_new(
		row, "counters",
		counters_json(snoop_domain_counters(list->model->snooping->engine, key)));
	json_array_append_new(list->array, row);
}

static struct list list_of(const struct model *model, const char *only, bool routed)
{
	return (struct list){ model, only, routed, model_now(model), json_array() };
}

json_t *snooping_status(const struct model *model, const char *only, bool routed)
{
	struct list list = list_of(model, only, routed);

	snoop_each_domain(model->snooping->engine, see_domain, &list);
	return list.array;
}

/* Asked for by every scrape: there may be thousands of domains. */
static void sum_bridge(const struct model *model, const struct bridge_object *bridge,
		       struct snoop_counters *sum)
{
	*sum = bridge->gone;
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++) {
		const struct snoop_domain_key key = { (uint16_t)bridge->index, (uint16_t)vlan };
		const struct snoop_counters *counters =
			bridge->rule[vlan] == NULL
				? NULL
				: snoop_domain_counters(model->snooping->engine, &key);
		if (counters != NULL)
			snoop_counters_add(sum, counters);
	}
}

void snooping_bridge_counters(const struct model *model,
			      void (*see)(void *context, const char *name,
					  const struct snoop_counters *counters),
			      void *context)
{
	struct snoop_counters sum;

	for (unsigned int i = 0; i < BRIDGE_MAX; i++) {
		if (model->bridge[i] == NULL)
			continue;
		sum_bridge(model, model->bridge[i], &sum);
		see(context, model->bridge[i]->interface->name, &sum);
	}
}

void snooping_port_counters(const struct model *model,
			    void (*see)(void *context, const char *name,
					const struct snoop_counters *counters),
			    void *context)
{
	const struct multicast_port *port;

	DL_FOREACH(model->multicast_ports, port)
	{
		const struct snoop_domain_key key = multicast_port_key(port->interface);
		const struct snoop_counters *counters =
			snoop_domain_counters(model->snooping->engine, &key);
		if (counters != NULL)
			see(context, port->interface->name, counters);
	}
}

json_t *snooping_groups(const struct model *model, const char *only, bool routed)
{
	struct list list = list_of(model, only, routed);

	snoop_each_member(model->snooping->engine, NULL, see_member, &list);
	return list.array;
}

json_t *snooping_routers(const struct model *model, const char *only)
{
	struct list list = list_of(model, only, false);

	snoop_each_router(model->snooping->engine, NULL, see_router, &list);
	return list.array;
}
