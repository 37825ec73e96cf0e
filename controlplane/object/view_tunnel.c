/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_tunnel.c: tunnels and pseudowires: what they are, whether they are up, the way to the other end, statistics.
 */
#include <time.h>
#include "dataplane/shm/bridge.h"
#include "dataplane/shm/tunnel.h"
#include "view.h"

enum { LOOKS_A_STEP = 4096, ROWS_A_STEP = 16, ROW_TEXT = 2048 };

static const char *mode_name(uint8_t mode)
{
	static const char *const names[TUNNEL_MODES] = {
		[TUNNEL_GRE] = "gre",
		[TUNNEL_GRETAP] = "gretap",
		[TUNNEL_IPIP] = "ipip",
		[TUNNEL_VXLAN] = "vxlan",
		[TUNNEL_PSEUDOWIRE] = "pseudowire",
	};

	return mode < TUNNEL_MODES ? names[mode] : "unknown";
}

static void put_address(json_t *object, const char *key, const uint8_t address[16])
{
	char text[46] = "any";

	if (!tunnel_is_any(address))
		address_format((const struct address *)address, text);
	view_string(object, key, text);
}

static void put_ends(const struct tunnel *tunnel, json_t *object)
{
	view_string(object, "mode", mode_name(tunnel->mode));
	put_address(object, "local", tunnel->local);
	put_address(object, "remote", tunnel->remote);
	if (tunnel->flags & TUNNEL_KEY)
		view_number(object, "key", tunnel->id);
	if (tunnel->mode == TUNNEL_VXLAN)
		view_number(object, "vni", tunnel->id);
	view_number(object, "outer_vrf", tunnel->vrf);
}

static const char *sequence_name(uint32_t flags)
{
	if (flags & TUNNEL_SEQUENCE_STRICT)
		return "strict";
	if (flags & TUNNEL_SEQUENCE_WINDOW)
		return "window";
	return flags & TUNNEL_SEQUENCE_SEND ? "send" : "off";
}

/* What stands in the headers outside. */
static void put_header(const struct tunnel *tunnel, json_t *object)
{
	uint32_t flags = tunnel->flags;

	json_object_set_new(object, "checksum", json_boolean((flags & TUNNEL_CHECKSUM) != 0));
	view_string(object, "sequence", sequence_name(flags));
	json_object_set_new(object, "ttl",
			    flags & TUNNEL_TTL_FIXED ? json_integer(tunnel->ttl)
						     : json_string("inherit"));
	json_object_set_new(object, "dscp",
			    flags & TUNNEL_DSCP_FIXED ? json_integer(tunnel->dscp)
						      : json_string("inherit"));
	view_string(object, "df",
		    flags & TUNNEL_DF           ? "set"
		    : flags & TUNNEL_DF_INHERIT ? "inherit"
						: "clear");
	json_object_set_new(object, "fragment", json_boolean((flags & TUNNEL_FRAGMENT) != 0));
	view_number(object, "overhead", tunnel->header_length);
}

/* The paths to the other end, by which packets go now. */
static json_t *underlay(const struct view *view, uint32_t leaf)
{
	json_t *array = json_array();
	uint32_t index = route_index(leaf);

	if (route_kind(leaf) == ROUTE_NEXTHOP)
		json_array_append_new(array, view_path(view, index, -1));
	if (route_kind(leaf) != ROUTE_GROUP || index >= GROUP_MAX)
		return array;
	const struct group_members *members = tables_object_checked(
		view->tables, word_load(&view->tables->group_members[index]), sizeof(*members));
	for (uint32_t i = 0; members != NULL && i < members->count && i < GROUP_MEMBER_MAX; i++)
		json_array_append_new(array, view_path(view, members->member[i].nexthop, -1));
	return array;
}

/* What the control plane alone knows. */
static void put_status(const struct view *view, uint32_t index, json_t *object)
{
	struct tunnel_status status;

	if (view->model == NULL || !view_private(view)->tunnel(view->model, index, &status))
		return;
	view_string(object, "reason", status.reason);
	view_number(object, "changed", status.changed);
	if (status.keepalive == 0)
		return;
	json_object_set_new(object, "keepalive", json_real((double)status.keepalive / 1e9));
	view_number(object, "retries", status.retries);
	view_number(object, "keepalives_sent", status.sent);
	view_number(object, "keepalives_answered", status.answered);
	view_number(object, "keepalives_unanswered", status.unanswered);
}

/* Seconds since a packet came out of it, by whatever worker. */
static void put_last_seen(const struct view *view, uint32_t index, json_t *object)
{
	uint64_t last = 0;
	struct timespec now;

	if (view->state == NULL || index >= word_load(&view->state->control.interfaces_ready))
		return;
	uint64_t workers = word_load(&view->state->control.worker_count);
	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++) {
		uint64_t seen = counter_read(&view->state->interface[i][index].last_seen);
		last = seen > last ? seen : last;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (last != 0 && nanoseconds >= last)
		view_number(object, "last_seen", (nanoseconds - last) / 1000000000u);
}

static void put_statistics(const struct view *view, uint32_t index, json_t *object)
{
	struct interface_totals totals;

	interface_totals(view->tables, view->state, index, &totals);
	view_number(object, "rx_packets", TOTAL(&totals, rx_packets));
	view_number(object, "rx_bytes", TOTAL(&totals, rx_bytes));
	view_number(object, "tx_packets", TOTAL(&totals, tx_packets));
	view_number(object, "tx_bytes", TOTAL(&totals, tx_bytes));
	if (TOTAL(&totals, rx_packets) != 0)
		put_last_seen(view, index, object);
	json_object_set_new(object, "drops", view_drops(&totals));
}

bool view_tunnel_up(const struct view *view, uint32_t index, uint64_t flags)
{
	const struct interface *row = &view->tables->interface[index];
	const struct tunnel *tunnel =
		tables_object_checked(view->tables, word_load(&row->object), sizeof(*tunnel));
	uint32_t leaf = (uint32_t)word_load(&row->underlay);
	enum nexthop_kind kind;
	struct rewrite rewrite;

	if (!(flags & INTERFACE_UP) || tunnel == NULL)
		return false;
	if (view_kind(flags) == INTERFACE_TUNNEL)
		return leaf != 0 || tunnel_is_any(tunnel->remote);
	return view_rewrite(view, route_index(leaf), &rewrite, &kind) && kind == NEXTHOP_FORWARD &&
	       view_port_live(view, rewrite.port);
}

static json_t *build_tunnel(const struct view *view, const void *what)
{
	uint32_t index = *(const uint32_t *)what;
	const struct interface *row = &view->tables->interface[index];
	char name[NAME_SIZE];
	uint64_t flags = view_interface(view, index, name), features = word_load(&row->features);
	uint32_t leaf = (uint32_t)word_load(&row->underlay);
	const struct tunnel *found =
		tables_object_checked(view->tables, word_load(&row->object), sizeof(*found));

	if (view_kind(flags) != INTERFACE_TUNNEL || found == NULL)
		return NULL;
	struct tunnel tunnel = *found;
	json_t *object = json_object();
	view_string(object, "name", name);
	put_ends(&tunnel, object);
	view_string(object, "admin", flags & INTERFACE_UP ? "up" : "down");
	view_string(object, "state", view_tunnel_up(view, index, flags) ? "up" : "down");
	put_status(view, index, object);
	json_object_set_new(object, "underlay", underlay(view, leaf));
	put_header(&tunnel, object);
	view_settings(view, index, flags, object);
	view_number(object, "tcp_mss_clamp", features >> INTERFACE_MSS_SHIFT & 0xffff);
	put_statistics(view, index, object);
	return object;
}

/* ---------------------------------------------------------------- pseudowires */

static void put_bridge(const struct view *view, uint32_t index, json_t *object)
{
	const struct interface *row = &view->tables->interface[index];
	const struct bridge_port *port =
		tables_object_checked(view->tables, word_load(&row->bridge_port), sizeof(*port));
	char name[NAME_SIZE];

	if (port == NULL)
		return;
	uint64_t bridge = word_load(&view->tables->bridge[port->bridge % BRIDGE_MAX].flags);
	view_interface(view, (uint32_t)(bridge >> BRIDGE_INTERFACE_SHIFT) % INTERFACE_MAX, name);
	view_string(object, "bridge", name);
}

/* Labels both ways, the outgoing ones outermost first. */
static void put_labels(const struct view *view, const struct tunnel *tunnel, uint32_t nexthop,
		       json_t *object)
{
	json_t *labels = json_array();
	enum nexthop_kind kind;
	struct rewrite rewrite;

	if (view_rewrite(view, nexthop, &rewrite, &kind))
		for (unsigned int i = 0; i < rewrite.label_count; i++)
			json_array_append_new(labels, json_integer(rewrite.label[i]));
	json_array_append_new(labels, json_integer(tunnel->id));
	view_number(object, "in_label", tunnel->in_label);
	view_number(object, "in_space", tunnel->in_space);
	json_object_set_new(object, "out_labels", labels);
	json_object_set_new(object, "control_word",
			    json_boolean((tunnel->flags & TUNNEL_CONTROL_WORD) != 0));
}

static json_t *build_pseudowire(const struct view *view, const void *what)
{
	uint32_t index = *(const uint32_t *)what;
	const struct interface *row = &view->tables->interface[index];
	char name[NAME_SIZE];
	uint64_t flags = view_interface(view, index, name);
	uint32_t leaf = (uint32_t)word_load(&row->underlay);
	const struct tunnel *found =
		tables_object_checked(view->tables, word_load(&row->object), sizeof(*found));

	if (view_kind(flags) != INTERFACE_PSEUDOWIRE || found == NULL)
		return NULL;
	struct tunnel tunnel = *found;
	json_t *object = json_object();
	view_string(object, "name", name);
	put_bridge(view, index, object);
	put_labels(view, &tunnel, route_index(leaf), object);
	view_string(object, "admin", flags & INTERFACE_UP ? "up" : "down");
	view_string(object, "state", view_tunnel_up(view, index, flags) ? "up" : "down");
	json_object_set_new(object, "nexthops", underlay(view, leaf));
	view_number(object, "mtu", flags >> INTERFACE_MTU_SHIFT & 0xffff);
	put_statistics(view, index, object);
	return object;
}

/* ---------------------------------------------------------------- listings */

static void add_row(struct tunnel_listing *listing, json_t *row)
{
	struct buffer *text = &listing->text;
	size_t size;

	if (listing->count++ > 0)
		buffer_add(text, ",", 1);
	size = json_dumpb(row, buffer_reserve(text, ROW_TEXT), ROW_TEXT, JSON_COMPACT);
	if (size > ROW_TEXT) /* what it takes: again with room for it */
		json_dumpb(row, buffer_reserve(text, size), size, JSON_COMPACT);
	text->used += size;
	json_decref(row);
}

/* The row, if it is one that is asked for. */
static json_t *row_of(const struct view *view, const struct arguments *arguments, uint32_t index)
{
	bool tunnels = arguments->command->id == COMMAND_TUNNEL_SHOW;
	const char *only = view_name_argument(arguments, SHOW_NAME);
	char name[NAME_SIZE];
	uint64_t flags = view_interface(view, index, name);

	if (view_kind(flags) != (tunnels ? INTERFACE_TUNNEL : INTERFACE_PSEUDOWIRE) ||
	    (only != NULL && strcmp(only, name) != 0))
		return NULL;
	return view_row(view, tunnels ? build_tunnel : build_pseudowire, &index);
}

int tunnel_listing_step(struct tunnel_listing *listing, const struct view *view,
			const struct arguments *arguments, struct error *error)
{
	const char *only = view_name_argument(arguments, SHOW_NAME);
	uint32_t end = tables_interface_end(view->tables), rows = 0;

	if (listing->index == 0)
		buffer_add(&listing->text, "[", 1);
	for (uint32_t i = 0; i < LOOKS_A_STEP && rows < ROWS_A_STEP; i++) {
		uint32_t index = INTERFACE_FIRST_TUNNEL + listing->index++;
		if (index >= end && (only == NULL || listing->count > 0)) {
			buffer_add(&listing->text, "]", 1);
			return 1;
		}
		if (index >= end) {
			buffer_free(&listing->text);
			return error_set(error, ERROR_REFUSED, -ENOENT, "%s %s does not exist",
					 arguments->command->noun, only);
		}
		json_t *row = row_of(view, arguments, index);
		if (row == NULL)
			continue;
		add_row(listing, row);
		rows++;
	}
	return 0;
}

json_t *view_tunnels(const struct view *view, const struct arguments *arguments,
		     struct error *error)
{
	struct tunnel_listing listing = { 0 };
	int result = 0;

	while (result == 0)
		result = tunnel_listing_step(&listing, view, arguments, error);
	if (result < 0)
		return NULL;
	json_t *array = json_loadb(listing.text.data, listing.text.used, 0, NULL);
	buffer_free(&listing.text);
	return array;
}
