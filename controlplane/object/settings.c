/* SPDX-License-Identifier: BSD-3-Clause
 *
 * settings.c: interface settings to and from a command's parameters, and on the wire.
 */
#include <arpa/inet.h>
#include "model.h"

enum { TYPE_VLAN = 0x8100, TYPE_PROVIDER_VLAN = 0x88a8 };

static bool given(const struct arguments *arguments, unsigned int parameter)
{
	return parameter < PARAMETER_MAX && argument_present(arguments, parameter);
}

/* A label space must be below LABEL_SPACE_MAX; the table of commands has checked the rest. */
static int check_space(const struct interface_object *interface, const char *word, uint64_t space,
		       struct error *error)
{
	if (space < LABEL_SPACE_MAX)
		return 0;
	return refuse(error, -ERANGE, "%s %s: %s %llu: expected 0 to %d",
		      interface_kind_name(interface->kind), interface->name, word,
		      (unsigned long long)space, LABEL_SPACE_MAX - 1);
}

int interface_settings_from(const struct arguments *arguments,
			    const struct interface_numbers *numbers,
			    const struct interface_object *interface,
			    struct interface_settings *settings, struct error *error)
{
	const struct value *value = arguments->value;

	if (given(arguments, numbers->space) &&
	    check_space(interface, "space", value[numbers->space].number, error) != 0)
		return -ERANGE;
	if (given(arguments, numbers->upstream_space) &&
	    check_space(interface, "upstream-space", value[numbers->upstream_space].number,
			error) != 0)
		return -ERANGE;
	if (given(arguments, numbers->mtu))
		settings->mtu = interface->kind == INTERFACE_PORT &&
						value[numbers->mtu].number == PORT_MTU_DEFAULT
					? 0
					: (uint16_t)value[numbers->mtu].number;
	if (given(arguments, numbers->mpls))
		settings->mpls = value[numbers->mpls].number != 0;
	if (given(arguments, numbers->space))
		settings->space = (uint8_t)value[numbers->space].number;
	if (given(arguments, numbers->upstream_space))
		settings->upstream_space = (uint8_t)value[numbers->upstream_space].number;
	if (given(arguments, numbers->rpf))
		settings->rpf = (uint8_t)value[numbers->rpf].number;
	if (given(arguments, numbers->admin))
		settings->up = value[numbers->admin].number == ADMIN_UP;
	if (!given(arguments, numbers->vrf) || value[numbers->vrf].number == settings->vrf)
		return 0;
	if (interface->addresses != NULL)
		return refuse(error, -EBUSY, "%s %s: vrf %u: delete its addresses first",
			      interface_kind_name(interface->kind), interface->name,
			      (unsigned int)value[numbers->vrf].number);
	settings->vrf = (uint16_t)value[numbers->vrf].number;
	return 0;
}

static void put(const struct arguments *only, struct arguments *arguments, unsigned int parameter,
		uint64_t number, uint64_t usual)
{
	if (parameter >= PARAMETER_MAX)
		return;
	if (only != NULL ? argument_present(only, parameter) : number != usual)
		argument_number(arguments, parameter, number);
}

void interface_settings_to(const struct interface_settings *settings,
			   const struct interface_numbers *numbers, const struct arguments *only,
			   struct arguments *arguments)
{
	/* 0, which no user can write, undoes to "not given" */
	put(only, arguments, numbers->mtu, settings->mtu, 0);
	put(only, arguments, numbers->mpls, settings->mpls, false);
	put(only, arguments, numbers->space, settings->space, 0);
	put(only, arguments, numbers->upstream_space, settings->upstream_space, 0);
	put(only, arguments, numbers->vrf, settings->vrf, 0);
	put(only, arguments, numbers->rpf, settings->rpf, RPF_OFF);
	put(only, arguments, numbers->admin, settings->up ? ADMIN_UP : ADMIN_DOWN, ADMIN_UP);
}

/* ---------------------------------------------------------------- on the wire */

static uint8_t *prepend16(uint8_t *at, unsigned int number)
{
	uint16_t value = htons((uint16_t)number);

	at -= 2;
	memcpy(at, &value, 2);
	return at;
}

unsigned int interface_header(const struct interface_object *interface, const uint8_t to[6],
			      unsigned int type, uint8_t header[24])
{
	const struct interface_settings *settings = &interface->settings;
	uint8_t *end = header + 24, *at = prepend16(end, type);

	if (settings->inner_tag != 0)
		at = prepend16(prepend16(at, settings->inner_tag), TYPE_VLAN);
	if (settings->outer_tag != 0)
		at = prepend16(prepend16(at, settings->outer_tag),
			       settings->inner_tag != 0 ? TYPE_PROVIDER_VLAN : TYPE_VLAN);
	at -= 6;
	memcpy(at, &interface->mac, 6);
	at -= 6;
	memcpy(at, to, 6);
	return (unsigned int)(end - at);
}
