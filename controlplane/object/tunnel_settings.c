/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_settings.c: a tunnel's settings to and from a command's parameters.
 */
#include <limits.h>
#include <stdio.h>
#include "tunnel.h"

const struct interface_numbers tunnel_numbers = { TUNNEL_PARAMETER_MTU,   TUNNEL_PARAMETER_MPLS,
						  TUNNEL_PARAMETER_SPACE, UINT_MAX,
						  TUNNEL_PARAMETER_VRF,   TUNNEL_PARAMETER_RPF,
						  TUNNEL_PARAMETER_ADMIN };

/* sequence: what each word asks for */
static const uint32_t sequence_flags[] = {
	[SEQUENCE_WORD_STRICT] = TUNNEL_SEQUENCE_SEND | TUNNEL_SEQUENCE_STRICT,
	[SEQUENCE_WORD_WINDOW] = TUNNEL_SEQUENCE_SEND | TUNNEL_SEQUENCE_WINDOW,
	[SEQUENCE_WORD_SEND] = TUNNEL_SEQUENCE_SEND,
	[SEQUENCE_WORD_OFF] = 0,
};
static const uint32_t df_flags[] = {
	[DF_WORD_INHERIT] = TUNNEL_DF_INHERIT,
	[DF_WORD_SET] = TUNNEL_DF,
	[DF_WORD_CLEAR] = 0,
};

static bool given(const struct arguments *arguments, unsigned int parameter)
{
	return argument_present(arguments, parameter);
}

static void set_flag(struct tunnel *wire, uint32_t mask, uint32_t flags)
{
	wire->flags = (wire->flags & ~mask) | flags;
}

/* ---------------------------------------------------------------- from a command */

static int read_ends(const struct arguments *arguments, const char *name, struct tunnel *wire,
		     struct error *error)
{
	const struct address *local = &arguments->value[TUNNEL_PARAMETER_LOCAL].address;
	const struct address *remote = &arguments->value[TUNNEL_PARAMETER_REMOTE].address;
	bool any = tunnel_is_any(remote->bytes);
	char local_text[46], remote_text[46];

	address_format(local, local_text);
	address_format(remote, remote_text);
	memcpy(wire->local, local->bytes, sizeof(wire->local));
	memcpy(wire->remote, remote->bytes, sizeof(wire->remote));
	const char *trouble = address_trouble(local, 32, true);
	if (trouble != NULL)
		return refuse(error, -EINVAL,
			      "tunnel %s: local %s %s: expected an address of our own", name,
			      local_text, trouble);
	if (any)
		return 0;
	if (address_is_ipv4(local) != address_is_ipv4(remote))
		return refuse(error, -EINVAL,
			      "tunnel %s: local %s and remote %s are of different families", name,
			      local_text, remote_text);
	if (memcmp(local, remote, sizeof(*local)) == 0)
		return refuse(error, -EINVAL, "tunnel %s: remote %s is the local address", name,
			      remote_text);
	trouble = address_trouble(remote, 32, false);
	if (trouble != NULL || address_is_link_local(remote) || address_is_link_local(local))
		return refuse(error, -EINVAL,
			      "tunnel %s: remote %s %s: expected a node's unicast address, or any",
			      name, remote_text, trouble != NULL ? trouble : "is link-local");
	return 0;
}

/* What packets are told apart by: a GRE key, or VXLAN's network identifier. */
static int read_id(const struct arguments *arguments, const char *name, struct tunnel *wire,
		   struct error *error)
{
	bool gre = wire->mode == TUNNEL_GRE || wire->mode == TUNNEL_GRETAP;
	const char *mode = tunnel_mode_name((enum tunnel_mode)wire->mode);

	if (given(arguments, TUNNEL_PARAMETER_KEY) && !gre)
		return refuse(error, -EINVAL, "tunnel %s: key: mode %s has no keys, gre has", name,
			      mode);
	if (given(arguments, TUNNEL_PARAMETER_VNI) && wire->mode != TUNNEL_VXLAN)
		return refuse(error, -EINVAL, "tunnel %s: vni: mode %s has none, vxlan has", name,
			      mode);
	if (wire->mode == TUNNEL_VXLAN && !given(arguments, TUNNEL_PARAMETER_VNI))
		return refuse(error, -EINVAL, "tunnel %s: mode vxlan: expected vni N", name);
	if (given(arguments, TUNNEL_PARAMETER_KEY)) {
		wire->id = (uint32_t)arguments->value[TUNNEL_PARAMETER_KEY].number;
		wire->flags |= TUNNEL_KEY;
	} else if (given(arguments, TUNNEL_PARAMETER_VNI)) {
		wire->id = (uint32_t)arguments->value[TUNNEL_PARAMETER_VNI].number;
	}
	return 0;
}

static int read_gre(const struct arguments *arguments, const char *name, struct tunnel *wire,
		    struct error *error)
{
	const struct value *value = arguments->value;
	bool gre = wire->mode == TUNNEL_GRE || wire->mode == TUNNEL_GRETAP;
	const char *mode = tunnel_mode_name((enum tunnel_mode)wire->mode);

	if (given(arguments, TUNNEL_PARAMETER_CHECKSUM)) {
		bool on = value[TUNNEL_PARAMETER_CHECKSUM].number != 0;
		if (on && !gre && wire->mode != TUNNEL_VXLAN)
			return refuse(error, -EINVAL,
				      "tunnel %s: checksum: mode %s has none, gre has", name, mode);
		set_flag(wire, TUNNEL_CHECKSUM, on ? TUNNEL_CHECKSUM : 0);
	}
	if (given(arguments, TUNNEL_PARAMETER_SEQUENCE)) {
		uint32_t flags = sequence_flags[value[TUNNEL_PARAMETER_SEQUENCE].number];
		if (flags != 0 && !gre)
			return refuse(error, -EINVAL,
				      "tunnel %s: sequence: mode %s has no sequence numbers, gre "
				      "has",
				      name, mode);
		set_flag(wire, TUNNEL_SEQUENCE_SEND | TUNNEL_SEQUENCE_RECEIVE, flags);
	}
	return 0;
}

static void read_outer(const struct arguments *arguments, struct tunnel *wire)
{
	const struct value *value = arguments->value;

	if (given(arguments, TUNNEL_PARAMETER_TTL)) {
		bool inherit = value[TUNNEL_PARAMETER_TTL].number > TTL_MAX;
		set_flag(wire, TUNNEL_TTL_FIXED, inherit ? 0 : TUNNEL_TTL_FIXED);
		wire->ttl = inherit ? 0 : (uint8_t)value[TUNNEL_PARAMETER_TTL].number;
	}
	if (given(arguments, TUNNEL_PARAMETER_DSCP)) {
		bool inherit = value[TUNNEL_PARAMETER_DSCP].number > DSCP_MAX;
		set_flag(wire, TUNNEL_DSCP_FIXED, inherit ? 0 : TUNNEL_DSCP_FIXED);
		wire->dscp = inherit ? 0 : (uint8_t)value[TUNNEL_PARAMETER_DSCP].number;
	}
	if (given(arguments, TUNNEL_PARAMETER_DF))
		set_flag(wire, TUNNEL_DF | TUNNEL_DF_INHERIT,
			 df_flags[value[TUNNEL_PARAMETER_DF].number]);
	if (given(arguments, TUNNEL_PARAMETER_FRAGMENT))
		set_flag(wire, TUNNEL_FRAGMENT,
			 value[TUNNEL_PARAMETER_FRAGMENT].number != 0 ? TUNNEL_FRAGMENT : 0);
}

/* Cisco's keepalives: GRE over IPv4, without a key there is none of theirs to tell apart. */
static int read_keepalive(const struct arguments *arguments, const char *name,
			  struct tunnel_settings *settings, struct error *error)
{
	const struct value *value = arguments->value;
	const struct tunnel *wire = &settings->wire;

	if (given(arguments, TUNNEL_PARAMETER_KEEPALIVE)) {
		uint64_t number = value[TUNNEL_PARAMETER_KEEPALIVE].number;
		settings->keepalive = number > KEEPALIVE_MAX_NS ? 0 : number;
	}
	if (given(arguments, TUNNEL_PARAMETER_RETRIES))
		settings->retries = (uint8_t)value[TUNNEL_PARAMETER_RETRIES].number;
	if (settings->keepalive == 0)
		return 0;
	if (wire->mode != TUNNEL_GRE || !tunnel_is_ipv4(wire->local))
		return refuse(error, -EINVAL,
			      "tunnel %s: keepalive: expected mode gre between IPv4 addresses",
			      name);
	if (tunnel_is_any(wire->remote))
		return refuse(error, -EINVAL,
			      "tunnel %s: keepalive: remote any: expected one remote address",
			      name);
	return 0;
}

int tunnel_settings_from(const struct arguments *arguments, const char *name,
			 struct tunnel_settings *settings, struct error *error)
{
	struct tunnel *wire = &settings->wire;
	int result = 0;

	if (given(arguments, TUNNEL_PARAMETER_MODE)) {
		wire->mode = (uint8_t)arguments->value[TUNNEL_PARAMETER_MODE].number;
		result = read_ends(arguments, name, wire, error);
		if (result == 0)
			result = read_id(arguments, name, wire, error);
	}
	if (result == 0)
		result = read_gre(arguments, name, wire, error);
	if (result != 0)
		return result;
	if (given(arguments, TUNNEL_PARAMETER_OUTER_VRF))
		wire->vrf = (uint8_t)arguments->value[TUNNEL_PARAMETER_OUTER_VRF].number;
	read_outer(arguments, wire);
	if (given(arguments, TUNNEL_PARAMETER_MSS)) {
		uint64_t mss = arguments->value[TUNNEL_PARAMETER_MSS].number;
		settings->mss = mss > MSS_MAX ? 0 : (uint16_t)mss;
	}
	result = read_keepalive(arguments, name, settings, error);
	if (result == 0 && tunnel_template(wire) != 0)
		result = refuse(error, -EINVAL, "tunnel %s: mode %s has no such header", name,
				tunnel_mode_name((enum tunnel_mode)wire->mode));
	return result;
}

/* ---------------------------------------------------------------- to a command */

/* A parameter that has a usual value stands there if it has another, or if it is asked for. */
static void put(const struct arguments *only, struct arguments *arguments, unsigned int parameter,
		uint64_t number, uint64_t usual)
{
	if (only != NULL ? argument_present(only, parameter) : number != usual)
		argument_number(arguments, parameter, number);
}

static unsigned int word_of(const uint32_t *flags, unsigned int words, uint32_t wanted)
{
	for (unsigned int i = 0; i < words; i++)
		if (flags[i] == wanted)
			return i;
	return words - 1;
}

static void put_address(struct arguments *arguments, unsigned int parameter,
			const uint8_t bytes[16])
{
	argument_number(arguments, parameter, tunnel_is_any(bytes) ? 1 : 0);
	memcpy(arguments->value[parameter].address.bytes, bytes, 16);
}

static void put_identity(const struct tunnel *wire, struct arguments *arguments)
{
	argument_number(arguments, TUNNEL_PARAMETER_MODE, wire->mode);
	put_address(arguments, TUNNEL_PARAMETER_LOCAL, wire->local);
	put_address(arguments, TUNNEL_PARAMETER_REMOTE, wire->remote);
	if (wire->flags & TUNNEL_KEY)
		argument_number(arguments, TUNNEL_PARAMETER_KEY, wire->id);
	if (wire->mode == TUNNEL_VXLAN)
		argument_number(arguments, TUNNEL_PARAMETER_VNI, wire->id);
	if (wire->vrf != 0)
		argument_number(arguments, TUNNEL_PARAMETER_OUTER_VRF, wire->vrf);
}

void tunnel_settings_to(const struct tunnel_settings *settings, const struct arguments *only,
			struct arguments *arguments)
{
	const struct tunnel *wire = &settings->wire;
	uint32_t flags = wire->flags;

	if (only == NULL)
		put_identity(wire, arguments);
	put(only, arguments, TUNNEL_PARAMETER_CHECKSUM, (flags & TUNNEL_CHECKSUM) != 0, 0);
	put(only, arguments, TUNNEL_PARAMETER_SEQUENCE,
	    word_of(sequence_flags, SEQUENCE_WORD_OFF + 1,
		    flags & (TUNNEL_SEQUENCE_SEND | TUNNEL_SEQUENCE_RECEIVE)),
	    SEQUENCE_WORD_OFF);
	put(only, arguments, TUNNEL_PARAMETER_TTL,
	    flags & TUNNEL_TTL_FIXED ? wire->ttl : TTL_MAX + 1, TUNNEL_TTL_USUAL);
	put(only, arguments, TUNNEL_PARAMETER_DSCP,
	    flags & TUNNEL_DSCP_FIXED ? wire->dscp : DSCP_MAX + 1, DSCP_MAX + 1);
	put(only, arguments, TUNNEL_PARAMETER_DF,
	    word_of(df_flags, DF_WORD_CLEAR + 1, flags & (TUNNEL_DF | TUNNEL_DF_INHERIT)),
	    DF_WORD_INHERIT);
	put(only, arguments, TUNNEL_PARAMETER_FRAGMENT, (flags & TUNNEL_FRAGMENT) != 0, 0);
	put(only, arguments, TUNNEL_PARAMETER_KEEPALIVE,
	    settings->keepalive != 0 ? settings->keepalive : KEEPALIVE_MAX_NS + 1,
	    KEEPALIVE_MAX_NS + 1);
	put(only, arguments, TUNNEL_PARAMETER_RETRIES, settings->retries, TUNNEL_RETRIES_USUAL);
	put(only, arguments, TUNNEL_PARAMETER_MSS, settings->mss != 0 ? settings->mss : MSS_MAX + 1,
	    MSS_MAX + 1);
}
