/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel.c: the commands of tunnels: GRE (RFC 2784, 2890, 7676), IP in IP (RFC 2003, 2473, 4213),
 * VXLAN (RFC 7348).
 */
#include <stdio.h>
#include "controlplane/object/bridge.h"
#include "tunnel.h"

const char *tunnel_mode_name(enum tunnel_mode mode)
{
	static const char *const names[TUNNEL_MODES] = {
		[TUNNEL_GRE] = "gre",
		[TUNNEL_GRETAP] = "gretap",
		[TUNNEL_IPIP] = "ipip",
		[TUNNEL_VXLAN] = "vxlan",
		[TUNNEL_PSEUDOWIRE] = "pseudowire",
	};

	return mode < TUNNEL_MODES ? names[mode] : "?";
}

bool tunnel_carries_ip(const struct interface_object *interface)
{
	uint8_t mode = interface->tunnel->settings.wire.mode;

	return mode == TUNNEL_GRE || mode == TUNNEL_IPIP;
}

bool tunnel_has_remote(const struct interface_object *interface)
{
	return interface->tunnel->underlay != NULL;
}

/* ---------------------------------------------------------------- commands */

static int check_unique(const struct model *model, const char *name, const struct tunnel *wire,
			struct error *error)
{
	struct tunnel_key key = tunnel_key_of(wire);
	const struct tunnel_object *other;

	HASH_FIND(hh, model->tunnels, &key, sizeof(key), other);
	if (other == NULL)
		return 0;
	return refuse(error, -EEXIST,
		      "tunnel %s: tunnel %s has the same mode, addresses, %s and outer vrf", name,
		      other->interface->name, wire->mode == TUNNEL_VXLAN ? "vni" : "key");
}

/* Row, then what lets packets in, then what lets them out. */
static int publish_new(struct model *model, struct interface_object *interface, struct error *error)
{
	struct interface_settings settings = interface->settings;
	int result = interface_apply(model, interface, &settings, error);

	if (result != 0 || !model->settled)
		return result;
	result = when_full_again(model,
				 tunnel_add(&model->tunnel_table, &interface->tunnel->settings.wire,
					    interface->index));
	if (result != 0)
		return refuse_full(model, error, "tunnel", 0, 1);
	keepalive_start(model, interface->tunnel);
	underlay_follow(model);
	tunnel_changed(model, interface->tunnel);
	return 0;
}

/* Ethernet goes into a bridge, packets don't. */
static int read_member(struct model *model, const struct arguments *arguments, const char *name,
		       const struct interface_object *interface, const struct tunnel *wire,
		       struct member_wish *wish, struct error *error)
{
	int result = member_wish_from(model, arguments, TUNNEL_PARAMETER_BRIDGE, INTERFACE_TUNNEL,
				      name, interface, wish, error);

	if (result != 0 || wish->bridge == NULL || wire->mode == TUNNEL_GRETAP ||
	    wire->mode == TUNNEL_VXLAN)
		return result;
	return refuse(error, -EINVAL, "tunnel %s: bridge: mode %s carries no Ethernet, %s does",
		      name, tunnel_mode_name((enum tunnel_mode)wire->mode),
		      wire->mode == TUNNEL_GRE ? "gretap" : "vxlan");
}

static int add_interface(struct model *model, const char *name, enum interface_kind kind,
			 const struct interface_settings *interface_settings,
			 const struct tunnel_settings *settings, const struct member_wish *wish,
			 struct error *error)
{
	struct interface_object *interface =
		interface_new(model, name, kind, NULL, interface_settings, error);

	if (interface == NULL)
		return error->code;
	int result = tunnel_attach(model, interface, settings);
	if (result != 0) {
		interface_abandon(model, interface);
		return refuse(error, result, "tunnel %s: out of memory", name);
	}
	result = publish_new(model, interface, error);
	if (result == 0)
		result = member_apply(model, interface, wish, error);
	if (result == 0)
		return 0;
	bool published = interface_published(model, interface);
	tunnel_detach(model, interface);
	if (published)
		interface_delete(model, interface);
	else
		interface_abandon(model, interface);
	return result;
}

static int add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[TUNNEL_PARAMETER_NAME].string;
	struct interface_object draft = { .kind = INTERFACE_TUNNEL, .settings.up = true };
	struct interface_settings interface_settings = draft.settings;
	struct tunnel_settings settings = {
		.wire = { .flags = TUNNEL_DF_INHERIT | TUNNEL_TTL_FIXED, .ttl = TUNNEL_TTL_USUAL },
		.retries = TUNNEL_RETRIES_USUAL,
	};
	int result = interface_name_free(model, name, error);

	snprintf(draft.name, sizeof(draft.name), "%s", name);
	if (result == 0)
		result = tunnel_settings_from(arguments, name, &settings, error);
	if (result == 0)
		result = interface_settings_from(arguments, &tunnel_numbers, &draft,
						 &interface_settings, error);
	if (result == 0)
		result = check_unique(model, name, &settings.wire, error);
	struct member_wish wish;
	if (result == 0)
		result = read_member(model, arguments, name, NULL, &settings.wire, &wish, error);
	if (result != 0)
		return result;
	return add_interface(model, name, INTERFACE_TUNNEL, &interface_settings, &settings, &wish,
			     error);
}

static struct interface_object *get(const struct model *model, const struct arguments *arguments,
				    struct error *error)
{
	const char *name = arguments->value[TUNNEL_PARAMETER_NAME].string;
	struct interface_object *interface = interface_find(model, name);

	if (interface != NULL && interface->kind == INTERFACE_TUNNEL)
		return interface;
	refuse(error, -ENOENT, "tunnel %s does not exist", name);
	return NULL;
}

/* Settings that leave addresses, key and mode as they are: the hash's copy of the flags follows. */
static int change(struct model *model, struct interface_object *interface,
		  const struct interface_settings *interface_settings,
		  const struct tunnel_settings *settings, struct error *error)
{
	struct tunnel_object *tunnel = interface->tunnel;
	struct tunnel_settings before = tunnel->settings;

	tunnel->settings = *settings;
	int result = interface_apply(model, interface, interface_settings, error);
	if (result == 0 && model->settled)
		result = when_full_again(
			model, tunnel_add(&model->tunnel_table, &settings->wire, interface->index));
	if (result != 0) {
		tunnel->settings = before;
		return error->code != 0 ? result : refuse_full(model, error, "tunnel", 0, 1);
	}
	if (!model->settled)
		return 0;
	if (before.keepalive != settings->keepalive || before.retries != settings->retries) {
		keepalive_stop(model, tunnel);
		keepalive_start(model, tunnel);
	}
	tunnel_changed(model, tunnel);
	return 0;
}

static int set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *interface = get(model, arguments, error);

	if (interface == NULL)
		return -ENOENT;
	struct interface_settings interface_settings = interface->settings;
	struct tunnel_settings settings = interface->tunnel->settings;
	int result = tunnel_settings_from(arguments, interface->name, &settings, error);
	if (result == 0)
		result = interface_settings_from(arguments, &tunnel_numbers, interface,
						 &interface_settings, error);
	struct member_wish wish;
	if (result == 0)
		result = read_member(model, arguments, interface->name, interface, &settings.wire,
				     &wish, error);
	if (result == 0)
		result = change(model, interface, &interface_settings, &settings, error);
	return result == 0 ? member_apply(model, interface, &wish, error) : result;
}

static int del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *interface = get(model, arguments, error);

	if (interface == NULL)
		return -ENOENT;
	int result = interface_unused(model, interface, error);
	if (result != 0)
		return result;
	tunnel_detach(model, interface);
	interface_delete(model, interface);
	return 0;
}

/* ---------------------------------------------------------------- inverses */

void tunnel_add_arguments(const struct interface_object *interface, struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_TUNNEL_ADD);
	argument_string(arguments, TUNNEL_PARAMETER_NAME, interface->name);
	tunnel_settings_to(&interface->tunnel->settings, NULL, arguments);
	member_to_arguments(interface, NULL, TUNNEL_PARAMETER_BRIDGE, arguments);
	interface_settings_to(&interface->settings, &tunnel_numbers, NULL, arguments);
}

static int add_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	if (interface_find(model, arguments->value[TUNNEL_PARAMETER_NAME].string) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_TUNNEL_DEL);
	argument_string(undo, TUNNEL_PARAMETER_NAME,
			arguments->value[TUNNEL_PARAMETER_NAME].string);
	return 0;
}

static int set_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct error error;
	const struct interface_object *interface = get(model, arguments, &error);

	if (interface == NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_TUNNEL_SET);
	argument_string(undo, TUNNEL_PARAMETER_NAME, interface->name);
	tunnel_settings_to(&interface->tunnel->settings, arguments, undo);
	member_to_arguments(interface, arguments, TUNNEL_PARAMETER_BRIDGE, undo);
	interface_settings_to(&interface->settings, &tunnel_numbers, arguments, undo);
	return 0;
}

static int del_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct error error;
	const struct interface_object *interface = get(model, arguments, &error);

	if (interface == NULL)
		return -ENOENT;
	tunnel_add_arguments(interface, undo);
	return 0;
}

const struct handler tunnel_add_handler = { add, add_inverse };
const struct handler tunnel_set_handler = { set, set_inverse };
const struct handler tunnel_del_handler = { del, del_inverse };
