/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_trace_lookup.c: what a traced packet was looked up by, and what was found.
 */
#include "view_trace.h"

enum { TEXT_SIZE = 256 };

static const char *const route_words[] = { "no route",  "nexthop",   "group",      "local",
					   "neighbour", "blackhole", "unreachable" };
static const char *const action_words[] = { "permit", "deny", "police" };

static void say(json_t *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *object, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	view_string(object, "text", text);
}

/* "nexthop 5", with the interface that it goes out by */
static void nexthop_text(const struct view *view, uint32_t index, bool group, char *text,
			 size_t size)
{
	char name[NAME_SIZE] = "";
	struct rewrite rewrite;
	enum nexthop_kind kind;

	if (!group && view_rewrite(view, index, &rewrite, &kind))
		view_interface(view, rewrite.interface, name);
	snprintf(text, size, "%s %u%s%s%s", group ? "group" : "nexthop", index, *name ? " (" : "",
		 name, *name ? ")" : "");
}

static void put_label(const struct view *view, const struct trace_record *record, json_t *object)
{
	enum label_operation operation = label_operation(record->result);
	const char *word = view_operation_name(operation);
	char to[96] = "";

	view_number(object, "label", record->index);
	view_number(object, "space", record->space);
	view_string(object, "operation", word);
	if (operation == LABEL_SWAP)
		view_number(object, "out_label", label_out(record->result));
	if (operation >= LABEL_SWAP && operation <= LABEL_POP) {
		bool group = (record->result & LABEL_GROUP) != 0;
		view_number(object, group ? "group" : "nexthop", label_index(record->result));
		nexthop_text(view, label_index(record->result), group, to, sizeof(to));
	}
	if (operation == LABEL_SWAP)
		say(object, "label %u (space %u): swap %u, %s", record->index, record->space,
		    label_out(record->result), to);
	else
		say(object, "label %u (space %u): %s%s%s", record->index, record->space, word,
		    *to ? ", " : "", to);
}

static void put_route(const struct view *view, const struct trace_record *record, json_t *object)
{
	uint32_t leaf = (uint32_t)record->result;
	enum route_kind kind = route_kind(leaf);
	const char *word = kind <= ROUTE_UNREACHABLE ? route_words[kind] : "?";
	char address[46], to[96] = "", name[NAME_SIZE];
	struct address key;

	memcpy(key.bytes, record->key, sizeof(key.bytes));
	address_format(&key, address);
	view_string(object, "address", address);
	view_number(object, "vrf", record->vrf);
	view_string(object, "route", word);
	if (kind == ROUTE_NEXTHOP || kind == ROUTE_GROUP) {
		view_number(object, word, route_index(leaf));
		nexthop_text(view, route_index(leaf), kind == ROUTE_GROUP, to, sizeof(to));
	} else if (kind == ROUTE_LOCAL || kind == ROUTE_GLEAN) {
		view_interface(view, route_index(leaf), name);
		view_string(object, "interface", name);
		snprintf(to, sizeof(to), "%s %s", word, name);
	} else {
		snprintf(to, sizeof(to), "%s", word);
	}
	say(object, "%s (VRF %u): %s", address, record->vrf, to);
}

static void put_filter(const struct view *view, const struct trace_record *record, json_t *object)
{
	uint32_t sequence = (uint32_t)(record->result >> 16);
	unsigned int action = (unsigned int)filter_action((uint16_t)record->result);
	const char *word = action < 3 ? action_words[action] : "?";
	const struct filter *filter = NULL;
	char name[NAME_SIZE] = "?";

	if (record->index < FILTER_MAX)
		filter = tables_object_checked(view->tables,
					       word_load(&view->tables->filter[record->index]) &
						       FILTER_OFFSET_MASK,
					       sizeof(*filter));
	if (filter != NULL) {
		memcpy(name, filter->name, sizeof(name));
		name[sizeof(name) - 1] = 0;
	}
	view_string(object, "filter", name);
	if (sequence != 0)
		view_number(object, "rule", sequence);
	view_string(object, "action", word);
	if (sequence != 0)
		say(object, "filter %s: rule %u: %s", name, sequence, word);
	else
		say(object, "filter %s: no rule, its default: %s", name, word);
}

static void put_address(const struct view *view, const struct trace_record *record, json_t *object)
{
	char bridge[NAME_SIZE], name[NAME_SIZE] = "", mac[18];
	unsigned int vlan = (unsigned int)record->key[6] << 8 | record->key[7];
	bool known = record->result != WATCH_ANY;

	view_bridge_name(view, record->index, bridge);
	mac_format(record->key, mac);
	view_string(object, "bridge", bridge);
	view_string(object, "mac", mac);
	view_number(object, "vlan", vlan);
	if (known) {
		view_interface(view, (uint32_t)record->result, name);
		view_string(object, "interface", name);
	}
	say(object, "bridge %s, VLAN %u: %s: %s%s", bridge, vlan, mac, known ? "at " : "not known",
	    name);
}

static void put_group(const struct view *view, const struct trace_record *record, json_t *object)
{
	char bridge[NAME_SIZE], address[46];
	struct address key;

	view_bridge_name(view, record->index, bridge);
	memcpy(key.bytes, record->key, sizeof(key.bytes));
	address_format(&key, address);
	view_string(object, "bridge", bridge);
	view_string(object, "group", address);
	json_object_set_new(object, "joined", json_boolean(record->result != 0));
	say(object, "bridge %s: group %s: %s", bridge, address,
	    record->result != 0 ? "joined" : "nobody has joined");
}

static void put_nexthop(const struct view *view, const struct trace_record *record, json_t *object)
{
	unsigned int count = (unsigned int)(record->result >> 32) & 0xff;
	char name[NAME_SIZE] = "", labels[64] = "";
	uint32_t label[4];

	view_number(object, "nexthop", record->index);
	if ((uint32_t)record->result == WATCH_ANY) {
		say(object, "nexthop %u: cannot be sent by", record->index);
		return;
	}
	memcpy(label, record->key, sizeof(label));
	view_interface(view, (uint32_t)record->result, name);
	view_string(object, "interface", name);
	json_t *array = json_array();
	for (unsigned int i = 0; i < count && i < 4; i++)
		json_array_append_new(array, json_integer(label[i]));
	if (count > 0)
		stack_format(label, count < 4 ? count : 4, labels, sizeof(labels));
	json_object_set_new(object, "labels", array);
	say(object, "nexthop %u: out by %s%s%s%s", record->index, name,
	    count > 0 ? ", labels " : "", labels, count > 4 ? "/..." : "");
}

static void put_interface(const struct view *view, const struct trace_record *record,
			  json_t *object)
{
	char name[NAME_SIZE];

	view_interface(view, record->index, name);
	view_string(object, "interface", name);
	say(object, record->lookup == TRACE_TUNNEL ? "into %s" : "came in by %s", name);
}

json_t *view_trace_lookup(const struct view *view, const struct trace_record *record)
{
	static void (*const put[TRACE_LOOKUPS])(const struct view *, const struct trace_record *,
						json_t *) = {
		[TRACE_LABEL] = put_label,         [TRACE_ROUTE] = put_route,
		[TRACE_FILTER] = put_filter,       [TRACE_TUNNEL] = put_interface,
		[TRACE_INTERFACE] = put_interface, [TRACE_ADDRESS] = put_address,
		[TRACE_GROUP] = put_group,         [TRACE_NEXTHOP] = put_nexthop,
	};
	json_t *object = json_object();

	if (record->lookup < TRACE_LOOKUPS)
		put[record->lookup](view, record, object);
	return object;
}
