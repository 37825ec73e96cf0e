/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_label.c: label routes and nexthops.
 */
#include "view.h"

bool view_rewrite(const struct view *view, uint32_t nexthop, struct rewrite *rewrite,
		  enum nexthop_kind *kind)
{
	if (nexthop == NEXTHOP_NONE || nexthop >= NEXTHOP_MAX)
		return false;
	uint64_t word = word_load(&view->tables->nexthop[nexthop]);
	*kind = nexthop_kind(word);
	const struct rewrite *found =
		tables_object_checked(view->tables, word & NEXTHOP_OFFSET_MASK, sizeof(*found));
	if (*kind == NEXTHOP_FREE || found == NULL)
		return false;
	*rewrite = *found;
	if (rewrite->label_count > STACK_MAX)
		rewrite->label_count = STACK_MAX;
	if (rewrite->header_length > sizeof(rewrite->header))
		rewrite->header_length = sizeof(rewrite->header);
	return true;
}

/* Is it the one to use while its port is up? */
static bool usable(const struct view *view, uint32_t nexthop)
{
	enum nexthop_kind kind;
	struct rewrite rewrite;

	return view_rewrite(view, nexthop, &rewrite, &kind) && kind == NEXTHOP_FORWARD &&
	       view_port_live(view, rewrite.port);
}

/* "active": packets go by it; "backup": its port is down and they go by the backup. */
static const char *path_state(const struct view *view, const struct rewrite *rewrite,
			      enum nexthop_kind kind)
{
	if (kind == NEXTHOP_UNRESOLVED)
		return "unresolved";
	if (kind == NEXTHOP_BLACKHOLE)
		return "blackhole";
	if (view_port_live(view, rewrite->port))
		return "active";
	return usable(view, rewrite->backup) ? "backup" : "down";
}

static void put_hop(const struct view *view, const struct rewrite *rewrite, enum nexthop_kind kind,
		    json_t *object)
{
	static const uint8_t none[6];
	const uint8_t *mac = rewrite->header + sizeof(rewrite->header) - rewrite->header_length;
	char text[46], name[NAME_SIZE];

	address_format((const struct address *)rewrite->via, text);
	view_string(object, "via", text);
	view_interface(view, rewrite->interface, name);
	view_string(object, "dev", name);
	view_interface(view, rewrite->port, name);
	view_string(object, "port", name);
	if (rewrite->header_length >= 14 && memcmp(mac, none, 6) != 0) {
		mac_format(mac, text);
		view_string(object, "mac", text);
	}
	view_string(object, "state", path_state(view, rewrite, kind));
}

static json_t *labels_of(const struct rewrite *rewrite, int64_t word_label)
{
	json_t *labels = json_array();

	for (unsigned int i = 0; i < rewrite->label_count; i++)
		json_array_append_new(labels, json_integer(rewrite->label[i]));
	if (word_label >= 0)
		json_array_append_new(labels, json_integer(word_label));
	return labels;
}

json_t *view_path(const struct view *view, uint32_t nexthop, int64_t word_label)
{
	enum nexthop_kind kind;
	struct rewrite rewrite, backup;
	json_t *object = json_object();

	view_number(object, "nexthop", nexthop);
	if (!view_rewrite(view, nexthop, &rewrite, &kind)) {
		view_string(object, "state", "invalid");
		return object;
	}
	put_hop(view, &rewrite, kind, object);
	json_object_set_new(object, "labels", labels_of(&rewrite, word_label));
	if (rewrite.flags & REWRITE_ENTROPY)
		json_object_set_new(object, "entropy", json_true());
	if (view_rewrite(view, rewrite.backup, &backup, &kind)) {
		json_t *other = json_object();
		put_hop(view, &backup, kind, other);
		json_object_set_new(object, "backup", other);
	}
	return object;
}

/* ---------------------------------------------------------------- label routes */

struct label_key {
	unsigned int space;
	uint32_t label;
};

static const char *operation_name(enum label_operation operation)
{
	switch (operation) {
	case LABEL_SWAP:
	case LABEL_REPLACE:
		return "swap";
	case LABEL_POP:
		return "pop";
	case LABEL_POP_LABEL:
		return "pop-label";
	case LABEL_POP_IP:
		return "pop-ip";
	case LABEL_POP_BRIDGE:
		return "pop-bridge";
	default:
		return "unknown";
	}
}

static void put_members(const struct view *view, uint32_t group, int64_t word_label, json_t *paths)
{
	const struct group_members *found =
		group < GROUP_MAX
			? tables_object_checked(view->tables,
						word_load(&view->tables->group_members[group]),
						sizeof(*found))
			: NULL;

	if (found == NULL)
		return;
	struct group_members members = *found;
	for (uint32_t i = 0; i < members.count && i < GROUP_MEMBER_MAX; i++) {
		json_t *path = view_path(view, members.member[i].nexthop, word_label);
		view_number(path, "weight", members.member[i].weight);
		json_array_append_new(paths, path);
	}
}

/* The labels that go out, if all paths put on the same ones; else none: see the paths'. */
static json_t *common_labels(const json_t *paths)
{
	const json_t *first = json_object_get(json_array_get(paths, 0), "labels");

	for (size_t i = 1; i < json_array_size(paths); i++)
		if (!json_equal(first, json_object_get(json_array_get(paths, i), "labels")))
			return json_array();
	return first != NULL ? json_copy((json_t *)first) : json_array();
}

static void put_paths(const struct view *view, uint64_t word, json_t *object)
{
	int64_t word_label = label_operation(word) == LABEL_SWAP ? (int64_t)label_out(word) : -1;
	json_t *paths = json_array();

	if (word & LABEL_GROUP) {
		put_members(view, label_index(word), word_label, paths);
	} else {
		json_t *path = view_path(view, label_index(word), word_label);
		view_number(path, "weight", 1);
		json_array_append_new(paths, path);
	}
	json_object_set_new(object, "out_labels", common_labels(paths));
	json_object_set_new(object, "nexthops", paths);
}

static json_t *build_label(const struct view *view, const void *what)
{
	const struct label_key *key = what;
	const uint64_t offset = word_load(&view->tables->label_space[key->space]);
	uint64_t packets, bytes;

	if (tables_object_checked(view->tables, offset, LABEL_COUNT * sizeof(uint64_t)) == NULL)
		return NULL;
	uint64_t word = label_get(view->tables, key->space, key->label);
	enum label_operation operation = label_operation(word);
	if (word == 0 || operation == LABEL_SPECIAL)
		return NULL;
	json_t *object = json_object();
	view_number(object, "label", key->label);
	view_number(object, "space", key->space);
	view_string(object, "operation", operation_name(operation));
	if (operation == LABEL_SWAP || operation == LABEL_REPLACE || operation == LABEL_POP) {
		put_paths(view, word, object);
	} else {
		json_object_set_new(object, "out_labels", json_array());
		json_object_set_new(object, "nexthops", json_array());
	}
	if (operation == LABEL_POP_IP)
		view_number(object, "vrf", label_index(word));
	view_string(object, "ttl", word & LABEL_TTL_PIPE ? "pipe" : "uniform");
	view_string(object, "tc", word & LABEL_TC_UNIFORM ? "uniform" : "pipe");
	json_object_set_new(object, "counters", json_boolean(!(word & LABEL_NO_COUNTERS)));
	label_counters(view->tables, view->state, key->space, key->label, &packets, &bytes);
	view_number(object, "packets", packets);
	view_number(object, "bytes", bytes);
	return object;
}

static void list_space(const struct view *view, unsigned int space, uint32_t first, uint32_t last,
		       json_t *array)
{
	if (tables_object_checked(view->tables, word_load(&view->tables->label_space[space]),
				  LABEL_COUNT * sizeof(uint64_t)) == NULL)
		return;
	for (uint32_t label = first; label <= last; label++) {
		struct label_key key = { space, label };
		if (label_get(view->tables, space, label) == 0)
			continue;
		json_t *row = view_row(view, build_label, &key);
		if (row != NULL)
			json_array_append_new(array, row);
	}
}

/* All label routes; of one space; or one label, of space 0 unless it is named. */
json_t *view_labels(const struct view *view, const struct arguments *arguments, struct error *error)
{
	bool one = argument_present(arguments, MPLS_LABEL);
	bool one_space = one || argument_present(arguments, MPLS_SPACE);
	uint64_t space =
		argument_present(arguments, MPLS_SPACE) ? arguments->value[MPLS_SPACE].number : 0;
	uint64_t label = one ? arguments->value[MPLS_LABEL].number : 0;
	json_t *array = json_array();

	for (unsigned int s = 0; s < LABEL_SPACE_MAX; s++)
		if (!one_space || s == space)
			list_space(view, s,
				   one && label < LABEL_COUNT ? (uint32_t)label : LABEL_FIRST_FREE,
				   one && label < LABEL_COUNT ? (uint32_t)label : LABEL_COUNT - 1,
				   array);
	if (!one || json_array_size(array) > 0)
		return array;
	json_decref(array);
	error_set(error, ERROR_REFUSED, -ENOENT, "label %llu does not exist in space %llu",
		  (unsigned long long)label, (unsigned long long)space);
	return NULL;
}
