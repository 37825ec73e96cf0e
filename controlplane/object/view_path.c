/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_path.c: where a packet goes: nexthops with the labels that they put on, as text.
 */
#include "view.h"
#include "view_text.h"

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
		    struct buffer *text)
{
	static const uint8_t none[6], no_via[16]; /* the latter: into a tunnel */
	const uint8_t *mac = rewrite->header + sizeof(rewrite->header) - rewrite->header_length;
	char form[46], name[NAME_SIZE];

	if (memcmp(rewrite->via, no_via, sizeof(no_via)) != 0) {
		address_format((const struct address *)rewrite->via, form);
		text_string(text, "via", form);
	}
	view_interface(view, rewrite->interface, name);
	text_string(text, "dev", name);
	if (rewrite->port < PORT_MAX) {
		view_interface(view, rewrite->port, name);
		text_string(text, "port", name);
	}
	if (rewrite->header_length >= 14 && memcmp(mac, none, 6) != 0) {
		mac_format(mac, form);
		text_string(text, "mac", form);
	}
	text_string(text, "state", path_state(view, rewrite, kind));
}

static void put_labels(const struct rewrite *rewrite, int64_t word_label, struct buffer *text)
{
	text_member(text, "labels", "[");
	for (unsigned int i = 0; i < rewrite->label_count; i++)
		text_item(text, rewrite->label[i]);
	if (word_label >= 0)
		text_item(text, (uint64_t)word_label);
	buffer_add(text, "]", 1);
}

void view_path_text(const struct view *view, uint32_t nexthop, int64_t word_label,
		    struct buffer *text)
{
	enum nexthop_kind kind;
	struct rewrite rewrite, backup;

	text_number(text, "nexthop", nexthop);
	if (!view_rewrite(view, nexthop, &rewrite, &kind)) {
		text_string(text, "state", "invalid");
		return;
	}
	put_hop(view, &rewrite, kind, text);
	put_labels(&rewrite, word_label, text);
	if (rewrite.flags & REWRITE_ENTROPY)
		text_member(text, "entropy", "true");
	if (view_rewrite(view, rewrite.backup, &backup, &kind)) {
		text_member(text, "backup", "{");
		put_hop(view, &backup, kind, text);
		buffer_add(text, "}", 1);
	}
}

json_t *view_path(const struct view *view, uint32_t nexthop, int64_t word_label)
{
	struct buffer text = { 0 };
	json_t *object;

	buffer_add(&text, "{", 1);
	view_path_text(view, nexthop, word_label, &text);
	buffer_add(&text, "}", 1);
	object = json_loadb(text.data, text.used, 0, NULL);
	buffer_free(&text);
	return object != NULL ? object : json_object();
}
