/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-settings.c: what `bridge add|set` says of IGMP and MLD snooping.
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

static const struct number numbers[] = {
	NUMBER(BRIDGE_SNOOPING, on),
	NUMBER(BRIDGE_QUERIER, engine.querier),
	NUMBER(BRIDGE_IGMP_VERSION, engine.version[SNOOP_IPV4]),
	NUMBER(BRIDGE_MLD_VERSION, engine.version[SNOOP_IPV6]),
	NUMBER(BRIDGE_UNKNOWN_MULTICAST, engine.unregistered),
	NUMBER(BRIDGE_FAST_LEAVE, fast_leave),
	NUMBER(BRIDGE_QUERY_INTERVAL, engine.query_interval),
	NUMBER(BRIDGE_QUERY_RESPONSE_INTERVAL, engine.query_response_interval),
	NUMBER(BRIDGE_LAST_MEMBER_INTERVAL, engine.last_member_interval),
	NUMBER(BRIDGE_LAST_MEMBER_COUNT, engine.last_member_count),
	NUMBER(BRIDGE_ROBUSTNESS, engine.robustness),
	NUMBER(BRIDGE_STARTUP_INTERVAL, engine.startup_interval),
	NUMBER(BRIDGE_STARTUP_COUNT, engine.startup_count),
	NUMBER(BRIDGE_STRICT, engine.strict),
	NUMBER(BRIDGE_PROXY, engine.proxy),
	NUMBER(BRIDGE_GROUP_LIMIT, engine.groups_max),
	NUMBER(BRIDGE_SOURCE_LIMIT, engine.sources_max),
};

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

int snooping_settings_from(const struct arguments *arguments, const char *name,
			   struct snooping_settings *settings, struct error *error)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (argument_present(arguments, numbers[i].parameter))
			store(settings, &numbers[i], arguments->value[numbers[i].parameter].number);
	const struct snoop_settings *engine = &settings->engine;
	if (engine->startup_interval != 0 && engine->startup_interval < INTERVAL_LEAST)
		return refuse(
			error, -EINVAL,
			"bridge %s: startup-query-interval %g s: expected 0s, or 0.1 s or more",
			name, (double)engine->startup_interval / 1e9);
	if (engine->query_response_interval >= engine->query_interval)
		return refuse(error, -EINVAL,
			      "bridge %s: query-response-interval %g s: expected less than the "
			      "query interval, %g s",
			      name, (double)engine->query_response_interval / 1e9,
			      (double)engine->query_interval / 1e9);
	return argument_present(arguments, BRIDGE_QUERIER_ADDRESS)
		       ? address_from(arguments, name, settings, error)
		       : 0;
}

void snooping_settings_to(const struct snooping_settings *settings, const struct arguments *only,
			  struct arguments *arguments)
{
	static const struct address nobody = { { [10] = 0xff, 0xff } };
	struct snooping_settings usual;

	snooping_settings_begin(&usual);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t value = load(settings, &numbers[i]);
		if (only != NULL ? argument_present(only, numbers[i].parameter)
				 : value != load(&usual, &numbers[i]))
			argument_number(arguments, numbers[i].parameter, value);
	}
	if (only != NULL ? !argument_present(only, BRIDGE_QUERIER_ADDRESS)
			 : !settings->address_given)
		return;
	arguments->value[BRIDGE_QUERIER_ADDRESS].address =
		settings->address_given ? settings->engine.address[SNOOP_IPV4] : nobody;
	arguments->present |= parameter_bit(BRIDGE_QUERIER_ADDRESS);
}
