/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-settings.c: what commands say of IGMP and MLD: `bridge add|set` of snooping, and those of each
 * interface that multicast is routed to of MULTICAST_ROUTER (controlplane/api/parameter.h).
 */
#include "controlplane/object/snooping.h"
#include "controlplane/protocol/snoop-message.h"

enum { INTERVAL_LEAST = 100000000 }; /* ns; as the engine */

void snooping_settings_begin(struct snooping_settings *settings)
{
	*settings = (struct snooping_settings){ .on = true, .engine = snoop_settings_default };
}

/* A parameter that is a number in the settings. */
struct number {
	unsigned int parameter;
	size_t offset, size;
};

#define NUMBER(parameter, field)                                                                   \
	{                                                                                          \
		parameter, offsetof(struct snooping_settings, field),                              \
			sizeof(((struct snooping_settings *)0)->field)                             \
	}

static const struct number bridge_numbers[] = {
	NUMBER(BRIDGE_SNOOPING, on),
	NUMBER(BRIDGE_QUERIER, engine.querier),
	NUMBER(BRIDGE_UNKNOWN_MULTICAST, engine.unregistered),
	NUMBER(BRIDGE_PROXY, engine.proxy),
};

/* Counted from the command's first one. */
#define ROUTER_NUMBER(parameter, field) NUMBER(parameter - BRIDGE_MULTICAST_ROUTING, field)
static const struct number router_numbers[] = {
	ROUTER_NUMBER(BRIDGE_MULTICAST_ROUTING, routing),
	ROUTER_NUMBER(BRIDGE_TTL_THRESHOLD, ttl_threshold),
	ROUTER_NUMBER(BRIDGE_IGMP_VERSION, engine.version[SNOOP_IPV4]),
	ROUTER_NUMBER(BRIDGE_MLD_VERSION, engine.version[SNOOP_IPV6]),
	ROUTER_NUMBER(BRIDGE_FAST_LEAVE, fast_leave),
	ROUTER_NUMBER(BRIDGE_QUERY_INTERVAL, engine.query_interval),
	ROUTER_NUMBER(BRIDGE_QUERY_RESPONSE_INTERVAL, engine.query_response_interval),
	ROUTER_NUMBER(BRIDGE_LAST_MEMBER_INTERVAL, engine.last_member_interval),
	ROUTER_NUMBER(BRIDGE_LAST_MEMBER_COUNT, engine.last_member_count),
	ROUTER_NUMBER(BRIDGE_ROBUSTNESS, engine.robustness),
	ROUTER_NUMBER(BRIDGE_STARTUP_INTERVAL, engine.startup_interval),
	ROUTER_NUMBER(BRIDGE_STARTUP_COUNT, engine.startup_count),
	ROUTER_NUMBER(BRIDGE_STRICT, engine.strict),
	ROUTER_NUMBER(BRIDGE_GROUP_LIMIT, engine.groups_max),
	ROUTER_NUMBER(BRIDGE_SOURCE_LIMIT, engine.sources_max),
};
enum { ROUTER_NUMBERS = sizeof(router_numbers) / sizeof(router_numbers[0]) };
static_assert(BRIDGE_SOURCE_LIMIT - BRIDGE_MULTICAST_ROUTING == ROUTER_NUMBERS - 1 &&
		      PORT_SOURCE_LIMIT - PORT_MULTICAST_ROUTING == ROUTER_NUMBERS - 1 &&
		      VLAN_SOURCE_LIMIT - VLAN_MULTICAST_ROUTING == ROUTER_NUMBERS - 1 &&
		      PORT_STRICT - PORT_MULTICAST_ROUTING ==
			      BRIDGE_STRICT - BRIDGE_MULTICAST_ROUTING,
	      "MULTICAST_ROUTER");

static uint64_t load(const struct snooping_settings *settings, const struct number *number)
{
	const void *at = (const uint8_t *)settings + number->offset;

	switch (number->size) {
	case 1:
		return *(const uint8_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void store(struct snooping_settings *settings, const struct number *number, uint64_t value)
{
	void *at = (uint8_t *)settings + number->offset;

	switch (number->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)at = value;
	}
}

static int address_from(const struct arguments *arguments, const char *name,
			struct snooping_settings *settings, struct error *error)
{
	const struct address *address = &arguments->value[BRIDGE_QUERIER_ADDRESS].address;

	char text[46];

	address_format(address, text);
	if (!address_is_ipv4(address) || address->bytes[12] >= 0xe0 || address->bytes[12] == 127 ||
	    (address->bytes[12] == 0 && !snoop_unspecified(address)))
		return refuse(error, -EINVAL,
			      "bridge %s: querier-address %s: expected an IPv4 unicast address or "
			      "0.0.0.0 (MLD asks from the bridge's link-local one)",
			      name, text);
	settings->engine.address[SNOOP_IPV4] = *address;
	settings->address_given = address->bytes[12] != 0;
	return 0;
}

static void numbers_from(const struct number *numbers, unsigned int count,
			 const struct arguments *arguments, unsigned int first,
			 struct snooping_settings *settings)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int parameter = first + numbers[i].parameter;
		if (argument_present(arguments, parameter))
			store(settings, &numbers[i], arguments->value[parameter].number);
	}
}

static void numbers_to(const struct number *numbers, unsigned int count,
		       const struct snooping_settings *settings, const struct arguments *only,
		       unsigned int first, struct arguments *arguments)
{
	struct snooping_settings usual;

	snooping_settings_begin(&usual);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int parameter = first + numbers[i].parameter;
		uint64_t value = load(settings, &numbers[i]);
		if (only != NULL ? argument_present(only, parameter)
				 : value != load(&usual, &numbers[i]))
			argument_number(arguments, parameter, value);
	}
}

bool router_settings_given(const struct arguments *arguments, unsigned int first)
{
	return (arguments->present >> first & (parameter_bit(ROUTER_NUMBERS) - 1)) != 0;
}

int router_settings_from(const struct arguments *arguments, unsigned int first,
			 enum interface_kind kind, const char *name,
			 struct snooping_settings *settings, struct error *error)
{
	const struct snoop_settings *engine = &settings->engine;

	numbers_from(router_numbers, ROUTER_NUMBERS, arguments, first, settings);
	if (engine->startup_interval != 0 && engine->startup_interval < INTERVAL_LEAST)
		return refuse(error, -EINVAL,
			      "%s %s: startup-query-interval %g s: expected 0s, or 0.1 s or more",
			      interface_kind_name(kind), name,
			      (double)engine->startup_interval / 1e9);
	if (engine->query_response_interval < engine->query_interval)
		return 0;
	return refuse(error, -EINVAL,
		      "%s %s: query-response-interval %g s: expected less than the query interval, "
		      "%g s",
		      interface_kind_name(kind), name,
		      (double)engine->query_response_interval / 1e9,
		      (double)engine->query_interval / 1e9);
}

void router_settings_to(const struct snooping_settings *settings, const struct arguments *only,
			unsigned int first, struct arguments *arguments)
{
	numbers_to(router_numbers, ROUTER_NUMBERS, settings, only, first, arguments);
}

int snooping_settings_from(const struct arguments *arguments, const char *name,
			   struct snooping_settings *settings, struct error *error)
{
	numbers_from(bridge_numbers, sizeof(bridge_numbers) / sizeof(bridge_numbers[0]), arguments,
		     0, settings);
	int result = router_settings_from(arguments, BRIDGE_MULTICAST_ROUTING, INTERFACE_BRIDGE,
					  name, settings, error);
	if (result == 0 && argument_present(arguments, BRIDGE_QUERIER_ADDRESS))
		result = address_from(arguments, name, settings, error);
	return result;
}

void snooping_settings_to(const struct snooping_settings *settings, const struct arguments *only,
			  struct arguments *arguments)
{
	static const struct address nobody = { { [10] = 0xff, 0xff } };

	numbers_to(bridge_numbers, sizeof(bridge_numbers) / sizeof(bridge_numbers[0]), settings,
		   only, 0, arguments);
	router_settings_to(settings, only, BRIDGE_MULTICAST_ROUTING, arguments);
	if (only != NULL ? !argument_present(only, BRIDGE_QUERIER_ADDRESS)
			 : !settings->address_given)
		return;
	arguments->value[BRIDGE_QUERIER_ADDRESS].address =
		settings->address_given ? settings->engine.address[SNOOP_IPV4] : nobody;
	arguments->present |= parameter_bit(BRIDGE_QUERIER_ADDRESS);
}
