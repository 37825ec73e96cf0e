/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_label.c: label routes, row by row, so that a table of a million stops nobody.
 */
#include "dataplane/shm/bridge.h"
#include "view.h"
#include "view_text.h"

enum { ROW_TRIES = 5, ROWS_A_STEP = 64, LABELS_A_STEP = 1 << 16 };

const char *view_operation_name(enum label_operation operation)
{
	switch (operation) {
	case LABEL_SWAP:
	case LABEL_REPLACE:
		return "swap";
	case LABEL_POP:
		return "pop";
	case LABEL_REPLICATE:
		return "replicate";
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

/* ---------------------------------------------------------------- paths */

/* The members of a word's group, or its one nexthop. */
static void members_of(const struct view *view, uint64_t word, struct group_members *members)
{
	uint32_t group = label_index(word);
	const struct group_members *found;

	members->count = 0;
	if (!(word & LABEL_GROUP)) {
		members->count = 1;
		members->member[0].nexthop = label_index(word);
		members->member[0].weight = 1;
		return;
	}
	if (group >= GROUP_MAX)
		return;
	found = tables_object_checked(view->tables, word_load(&view->tables->group_members[group]),
				      sizeof(*found));
	if (found == NULL)
		return;
	*members = *found;
	if (members->count > GROUP_MEMBER_MAX)
		members->count = GROUP_MEMBER_MAX;
}

/* The labels that go out, if all paths put on the same ones; else none: see the paths'. */
static void put_common_labels(const struct view *view, const struct group_members *members,
			      int64_t word_label, struct buffer *text)
{
	struct rewrite first, other;
	enum nexthop_kind kind;
	bool same =
		members->count > 0 && view_rewrite(view, members->member[0].nexthop, &first, &kind);

	for (uint32_t i = 1; i < members->count && same; i++)
		same = view_rewrite(view, members->member[i].nexthop, &other, &kind) &&
		       other.label_count == first.label_count &&
		       memcmp(other.label, first.label,
			      first.label_count * sizeof(first.label[0])) == 0;
	text_member(text, "out_labels", "[");
	for (unsigned int i = 0; same && i < first.label_count; i++)
		text_item(text, first.label[i]);
	if (same && word_label >= 0)
		text_item(text, (uint64_t)word_label);
	buffer_add(text, "]", 1);
}

static void put_paths(const struct view *view, uint64_t word, struct buffer *text)
{
	int64_t word_label = label_operation(word) == LABEL_SWAP ? (int64_t)label_out(word) : -1;
	struct group_members members;

	members_of(view, word, &members);
	put_common_labels(view, &members, word_label, text);
	text_member(text, "nexthops", "[");
	for (uint32_t i = 0; i < members.count; i++) {
		text_separate(text);
		buffer_add(text, "{", 1);
		view_path_text(view, members.member[i].nexthop, word_label, text);
		text_number(text, "weight", members.member[i].weight);
		buffer_add(text, "}", 1);
	}
	buffer_add(text, "]", 1);
}

/* ---------------------------------------------------------------- rows */

/* Where Ethernet below the label goes: into a bridge, or the port of one that a pseudowire is. */
static void put_bridge(const struct view *view, uint64_t word, struct buffer *text)
{
	uint32_t index = label_index(word);
	char name[NAME_SIZE] = "";

	if (index < BRIDGE_MAX)
		index = (uint32_t)(word_load(&view->tables->bridge[index].flags) >>
				   BRIDGE_INTERFACE_SHIFT);
	if (index < INTERFACE_MAX)
		view_interface(view, index, name);
	text_string(text, label_index(word) < BRIDGE_MAX ? "bridge" : "pseudowire", name);
	text_member(text, "control_word", word & LABEL_CONTROL_WORD ? "true" : "false");
}

static void put_row(const struct view *view, unsigned int space, uint32_t label, uint64_t word,
		    struct buffer *text)
{
	enum label_operation operation = label_operation(word);
	uint64_t packets, bytes;

	text_separate(text);
	buffer_add(text, "{", 1);
	text_number(text, "label", label);
	text_number(text, "space", space);
	text_string(text, "operation", view_operation_name(operation));
	if (operation == LABEL_SWAP || operation == LABEL_REPLACE || operation == LABEL_POP ||
	    operation == LABEL_REPLICATE) {
		put_paths(view, word, text);
	} else {
		text_member(text, "out_labels", "[]");
		text_member(text, "nexthops", "[]");
	}
	if (operation == LABEL_POP_IP)
		text_number(text, "vrf", label_index(word));
	else if (word & LABEL_LOCAL)
		text_number(text, "vrf", label_out(word));
	if (operation == LABEL_POP_BRIDGE)
		put_bridge(view, word, text);
	text_string(text, "ttl", word & LABEL_TTL_PIPE ? "pipe" : "uniform");
	text_string(text, "tc", word & LABEL_TC_UNIFORM ? "uniform" : "pipe");
	text_member(text, "counters", word & LABEL_NO_COUNTERS ? "false" : "true");
	label_counters(view->tables, view->state, space, label, &packets, &bytes);
	text_number(text, "packets", packets);
	text_number(text, "bytes", bytes);
}

/* As view_row: built between two looks at `reclaim`. False: there is no such route (any more). */
static bool add_row(const struct view *view, unsigned int space, uint32_t label,
		    struct buffer *text)
{
	size_t mark = text->used;

	for (unsigned int i = 1;; i++) {
		uint64_t begin = tables_read_begin(view->tables);
		uint64_t word = label_get(view->tables, space, label);

		if (word == 0 || label_operation(word) == LABEL_SPECIAL)
			return false;
		put_row(view, space, label, word, text);
		if (view->model != NULL || !tables_read_retry(view->tables, begin))
			break;
		if (i == ROW_TRIES) {
			text_member(text, "inconsistent", "true");
			break;
		}
		text->used = mark;
	}
	buffer_add(text, "}", 1);
	return true;
}

static bool has_space(const struct view *view, unsigned int space)
{
	return tables_object_checked(view->tables, word_load(&view->tables->label_space[space]),
				     LABEL_COUNT * sizeof(uint64_t)) != NULL;
}

/* ---------------------------------------------------------------- listings */

int label_listing_begin(struct label_listing *listing, const struct view *view,
			const struct arguments *arguments, struct error *error)
{
	bool one = argument_present(arguments, MPLS_LABEL);
	bool one_space = one || argument_present(arguments, MPLS_SPACE);
	uint64_t space =
		argument_present(arguments, MPLS_SPACE) ? arguments->value[MPLS_SPACE].number : 0;
	uint64_t first = LABEL_FIRST_FREE;

	if (one)
		first = arguments->value[MPLS_LABEL].number;
	else if (argument_present(arguments, MPLS_SHOW_FROM))
		first = arguments->value[MPLS_SHOW_FROM].number;
	listing->space = (unsigned int)space;
	listing->end_space = one_space ? (unsigned int)space + 1 : LABEL_SPACE_MAX;
	listing->label = (uint32_t)first;
	listing->end_label = one ? (uint32_t)first + 1 : LABEL_COUNT;
	listing->wanted = argument_present(arguments, MPLS_SHOW_COUNT)
				  ? (uint32_t)arguments->value[MPLS_SHOW_COUNT].number
				  : UINT32_MAX;
	listing->count = 0;
	listing->text = (struct buffer){ 0 };
	buffer_add(&listing->text, "[", 1);
	if (!one || (has_space(view, listing->space) &&
		     label_get(view->tables, listing->space, listing->label) != 0))
		return 0;
	buffer_free(&listing->text);
	return error_set(error, ERROR_REFUSED, -ENOENT, "label %llu does not exist in space %llu",
			 (unsigned long long)first, (unsigned long long)space);
}

/* The next label, or the first of the next space. */
static void advance(struct label_listing *listing)
{
	if (++listing->label < listing->end_label)
		return;
	listing->space++;
	listing->label = LABEL_FIRST_FREE;
}

int label_listing_step(struct label_listing *listing, const struct view *view, struct error *error)
{
	uint32_t rows = listing->count + ROWS_A_STEP;

	for (unsigned int i = 0; i < LABELS_A_STEP && listing->count < rows; i++) {
		if (listing->count == listing->wanted || listing->space >= listing->end_space) {
			buffer_add(&listing->text, "]", 1);
			return 1;
		}
		if (!has_space(view, listing->space))
			listing->label = listing->end_label - 1;
		else if (label_get(view->tables, listing->space, listing->label) != 0)
			listing->count +=
				add_row(view, listing->space, listing->label, &listing->text);
		if (listing->count > LABEL_ROWS_MAX) {
			buffer_free(&listing->text);
			return error_set(
				error, ERROR_REFUSED, -E2BIG,
				"more than %d label routes in one answer: expected `count` "
				"of at most that, and `from` for those that follow",
				LABEL_ROWS_MAX);
		}
		advance(listing);
	}
	return 0;
}

json_t *view_labels(const struct view *view, const struct arguments *arguments, struct error *error)
{
	struct label_listing listing;
	json_t *array;
	int result = label_listing_begin(&listing, view, arguments, error);

	while (result == 0)
		result = label_listing_step(&listing, view, error);
	if (result < 0)
		return NULL;
	array = json_loadb(listing.text.data, listing.text.used, 0, NULL);
	buffer_free(&listing.text);
	return array;
}
