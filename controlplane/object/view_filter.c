/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_filter.c: filters, their rules and counters; lists; and `filter test`, which asks the published
 * filter by the very code that the data plane asks it by.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include "controlplane/api/filter-words.h"
#include "view.h"
#include "view_metrics.h"

/* ---------------------------------------------------------------- reading */

/* A copy of a published filter's rules and texts, whole as far as they are looked at; NULL: none. */
static struct filter *copy_filter(const struct view *view, uint32_t number)
{
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t begin = tables_read_begin(view->tables);
		uint64_t offset = word_load(&view->tables->filter[number]) & FILTER_OFFSET_MASK;
		const struct filter *filter =
			tables_object_checked(view->tables, offset, sizeof(*filter));
		uint64_t size = filter != NULL ? filter->size : 0;
		if (size < sizeof(*filter) ||
		    tables_object_checked(view->tables, offset, size) == NULL)
			return NULL;
		struct filter *copy = malloc(size + 1);
		if (copy == NULL)
			return NULL;
		memcpy(copy, filter, size);
		((char *)copy)[size] = 0; /* whatever is behind the last text */
		copy->size = size;
		copy->name[NAME_SIZE - 1] = 0;
		if (!tables_read_retry(view->tables, begin))
			return copy;
		free(copy);
	}
	return NULL;
}

/* Rule i of a copy, or NULL where it is not to be believed. */
static const struct filter_rule *rule_of(const struct filter *filter, uint32_t i)
{
	uint64_t at = filter->rule + (uint64_t)i * sizeof(struct filter_rule);

	if (i >= filter->rule_count || at + sizeof(struct filter_rule) > filter->size || at % 8 != 0)
		return NULL;
	const struct filter_rule *rule = filter_at(filter, (uint32_t)at);
	return rule->text < filter->size ? rule : NULL;
}

static bool named(const struct filter *filter, const char *name)
{
	return name == NULL || strcmp(filter->name, name) == 0;
}

static json_t *no_such(struct error *error, const char *name)
{
	error_set(error, ERROR_REFUSED, -ENOENT, "filter %s does not exist", name);
	return NULL;
}

/* ---------------------------------------------------------------- rules */

static void put_counters(const struct view *view, uint32_t number, unsigned int slot, json_t *row)
{
	uint64_t packets, bytes;

	filter_counters(view->tables, view->state, number, slot, &packets, &bytes);
	view_number(row, "packets", packets);
	view_number(row, "bytes", bytes);
}

/* The words of the rule as they would be said in JSON. */
static json_t *rule_row(const struct view *view, const struct filter *filter, uint32_t number,
			const struct filter_rule *rule)
{
	static char line[2 * STRING_MAX + 512];  /* large; one thread */
	static struct arguments arguments;       /* the same */
	const char *text = filter_at(filter, rule->text);
	struct error error;
	json_t *row = NULL;

	snprintf(line, sizeof(line), "filter rule add %s %u %s", filter->name, rule->sequence, text);
	if (command_parse(line, &arguments, &error) == 0)
		row = command_to_json(&arguments);
	else
		row = json_object();
	json_object_del(row, "name");
	view_number(row, "seq", rule->sequence);
	view_string(row, "text", text);
	put_counters(view, number, rule->decision & FILTER_SLOT_MASK, row);
	return row;
}

static json_t *rule_rows(const struct view *view, const struct filter *filter, uint32_t number,
			 uint64_t only)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < filter->rule_count; i++) {
		const struct filter_rule *rule = rule_of(filter, i);
		if (rule == NULL)
			break;
		if (only == 0 || rule->sequence == only)
			json_array_append_new(rows, rule_row(view, filter, number, rule));
	}
	return rows;
}

json_t *view_filter_rules(const struct view *view, const struct arguments *arguments,
			  struct error *error)
{
	const char *name = view_name_argument(arguments, RULE_FILTER);
	uint64_t only = argument_present(arguments, RULE_SEQUENCE)
				? arguments->value[RULE_SEQUENCE].number
				: 0;
	json_t *rows = json_array(), *row;
	bool found = name == NULL;
	size_t index;

	for (uint32_t i = 1; i < FILTER_MAX; i++) {
		struct filter *filter = copy_filter(view, i);
		if (filter != NULL && named(filter, name)) {
			json_t *some = rule_rows(view, filter, i, only);
			json_array_foreach(some, index, row)
				json_object_set_new(row, "filter", json_string(filter->name));
			json_array_extend(rows, some);
			json_decref(some);
			found = true;
		}
		free(filter);
	}
	if (found)
		return rows;
	json_decref(rows);
	return no_such(error, name);
}

/* ---------------------------------------------------------------- sums */

bool view_filter_sums(const struct view *view, uint32_t number, struct filter_sums *sums)
{
	struct filter *filter = copy_filter(view, number);
	uint64_t packets, bytes;

	memset(sums, 0, sizeof(*sums));
	if (filter == NULL)
		return false;
	memcpy(sums->name, filter->name, NAME_SIZE);
	filter_counters(view->tables, view->state, number, 0, &sums->packets[FILTER_SUM_DEFAULT],
			&sums->bytes[FILTER_SUM_DEFAULT]);
	for (uint32_t i = 0; i < filter->rule_count; i++) {
		const struct filter_rule *rule = rule_of(filter, i);
		unsigned int action = rule != NULL ? filter_action(rule->decision) : FILTER_SUMS;
		if (action >= FILTER_SUM_DEFAULT)
			break;
		filter_counters(view->tables, view->state, number,
				rule->decision & FILTER_SLOT_MASK, &packets, &bytes);
		sums->packets[action] += packets;
		sums->bytes[action] += bytes;
	}
	free(filter);
	return true;
}

/* ---------------------------------------------------------------- filters */

static void add_place(json_t *bound, const char *format, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), format, name);
	json_array_append_new(bound, json_string(text));
}

/* Where it decides: "in p0", "out p1", "vrf 3", "local". */
static json_t *places_of(const struct view *view, uint32_t number)
{
	uint32_t end = tables_interface_end(view->tables);
	json_t *bound = json_array();
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < end; i++) {
		const struct interface *row = &view->tables->interface[i];
		uint64_t features = word_load(&row->features);
		if (!(features & (INTERFACE_FILTER_IN | INTERFACE_FILTER_OUT)) ||
		    view_interface(view, i, name) == 0)
			continue;
		if (features & INTERFACE_FILTER_IN && word_load(&row->filter_in) == number)
			add_place(bound, "in %s", name);
		if (features & INTERFACE_FILTER_OUT && word_load(&row->filter_out) == number)
			add_place(bound, "out %s", name);
	}
	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++) {
		snprintf(name, sizeof(name), "%u", vrf);
		if (word_load(&view->tables->filter_vrf[vrf]) == number)
			add_place(bound, "vrf %s", name);
	}
	if (word_load(&view->tables->filter_local) == number)
		add_place(bound, "%s", "local");
	return bound;
}

/* Ports in whose driver it decides already, and those with XDP where it cannot, with the reason. */
static json_t *drivers_of(const struct view *view, uint32_t number)
{
	json_t *drivers = json_array();
	char name[NAME_SIZE], text[256];

	for (uint32_t port = 0; port < PORT_MAX && view->state != NULL; port++) {
		struct port_status status;
		if (view_interface(view, port, name) == 0 ||
		    word_load(&view->tables->interface[port].filter_in) != number ||
		    port_status_copy(view->state, port, &status) != 0 ||
		    status.xdp_filter == XDP_FILTER_NONE || status.xdp_filter_number != number)
			continue;
		snprintf(text, sizeof(text), "%s %s", name, view_xdp_filter(view, &status));
		json_array_append_new(drivers, json_string(text));
	}
	return drivers;
}

static json_t *filter_row(const struct view *view, const struct filter *filter, uint32_t number,
			  bool rules)
{
	json_t *row = json_object();

	view_string(row, "name", filter->name);
	view_string(row, "default",
		    filter_action(filter->otherwise) == FILTER_PERMIT ? "permit" : "deny");
	json_object_set_new(row, "bound", places_of(view, number));
	json_object_set_new(row, "xdp", drivers_of(view, number));
	view_number(row, "rule_count", filter->rule_count);
	put_counters(view, number, 0, row); /* of the default */
	view_number(row, "memory", filter->size);
	if (rules)
		json_object_set_new(row, "rules", rule_rows(view, filter, number, 0));
	return row;
}

json_t *view_filters(const struct view *view, const struct arguments *arguments, struct error *error)
{
	const char *name = view_name_argument(arguments, FILTER_NAME);
	json_t *rows = json_array();

	for (uint32_t i = 1; i < FILTER_MAX; i++) {
		struct filter *filter = copy_filter(view, i);
		if (filter != NULL && named(filter, name))
			json_array_append_new(rows, filter_row(view, filter, i, name != NULL));
		free(filter);
	}
	if (name == NULL || json_array_size(rows) > 0)
		return rows;
	json_decref(rows);
	return no_such(error, name);
}

/* ---------------------------------------------------------------- lists */

static bool needs_control_plane(const struct view *view, const char *what, struct error *error)
{
	if (view->model != NULL)
		return true;
	error_set(error, ERROR_REFUSED, -ENOTCONN,
		  "%s: not known without the control plane, which does not run", what);
	return false;
}

json_t *view_filter_lists(const struct view *view, const struct arguments *arguments,
			  struct error *error)
{
	const char *name = view_name_argument(arguments, FILTER_LIST_NAME);
	uint64_t count = argument_present(arguments, FILTER_LIST_SHOW_COUNT)
				 ? arguments->value[FILTER_LIST_SHOW_COUNT].number
				 : ROUTE_ROWS_MAX;
	struct filter_prefix from;
	bool has_from = argument_present(arguments, FILTER_LIST_SHOW_FROM);

	if (!needs_control_plane(view, "filter lists", error))
		return NULL;
	if (has_from)
		filter_prefix_of(&arguments->value[FILTER_LIST_SHOW_FROM], &from);
	json_t *rows = view_private(view)->filter_lists(view->model, name, has_from ? &from : NULL,
							count);
	if (name == NULL || json_array_size(rows) > 0)
		return rows;
	json_decref(rows);
	error_set(error, ERROR_REFUSED, -ENOENT, "filter list %s does not exist", name);
	return NULL;
}

/* ---------------------------------------------------------------- test */

/* The packet that is asked about. */
struct question {
	struct filter_words words;
	struct filter_packet packet;
	uint8_t source[16], destination[16], l4[20];
};

/* Is it one address, or none? */
static bool host_of(const struct filter_party *party, uint8_t *bytes)
{
	if (!party->given)
		return true;
	memcpy(bytes, party->prefix.bytes, 16);
	return party->list[0] == 0 &&
	       party->prefix.length == (party->prefix.family == ROUTE_IPV4 ? 32 : 128);
}

static unsigned int family_of(const struct filter_words *words)
{
	const struct filter_party *party = words->from.given ? &words->from : &words->to;

	if (party->given)
		return party->prefix.family;
	return words->protocol == PROTOCOL_ICMPV6 || words->ethertype == 0x86dd ? ROUTE_IPV6
										 : ROUTE_IPV4;
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void fill_l4(struct question *question)
{
	const struct filter_words *words = &question->words;
	uint8_t *l4 = question->l4;

	if (words->sport_count > 0)
		put16(l4, words->sport[0].first);
	if (words->dport_count > 0)
		put16(l4 + 2, words->dport[0].first);
	if (words->icmp_type >= 0) {
		l4[0] = (uint8_t)words->icmp_type;
		l4[1] = (uint8_t)(words->icmp_code < 0 ? 0 : words->icmp_code);
	}
	l4[12] = 0x50;
	l4[13] = (uint8_t)((words->syn ? TCP_FLAG_SYN : 0) | (words->established ? TCP_FLAG_ACK : 0));
}

/* -EINVAL with *error set: no packet is like that. */
static int make_question(const struct arguments *arguments, struct question *question,
			 struct error *error)
{
	struct filter_words *words = &question->words;

	memset(question, 0, sizeof(*question));
	filter_words_read(arguments, words);
	unsigned int family = family_of(words);
	if (!host_of(&words->from, question->source) || !host_of(&words->to, question->destination))
		return error_set(error, ERROR_REFUSED, -EINVAL,
				 "a packet has one source and one destination: expected from IP and "
				 "to IP");
	bool ports = words->sport_count + words->dport_count > 0;
	if (words->sport_count > 1 || words->dport_count > 1 ||
	    (words->sport_count == 1 && words->sport[0].first != words->sport[0].last) ||
	    (words->dport_count == 1 && words->dport[0].first != words->dport[0].last))
		return error_set(error, ERROR_REFUSED, -EINVAL,
				 "a packet has one port: expected sport N and dport N");
	if (words->protocol == FILTER_ANY)
		words->protocol = ports ? PROTOCOL_TCP : 255;
	fill_l4(question);
	question->packet = (struct filter_packet){
		.source = question->source,
		.destination = question->destination,
		.family = (uint8_t)family,
		.protocol = (uint8_t)words->protocol,
		.dscp = (uint8_t)(words->dscp < 0 ? 0 : words->dscp),
	};
	if (words->fragments)
		packet_parse_later(&question->packet, 2);
	else
		packet_parse_l4(&question->packet, question->l4, question->l4 + sizeof(question->l4),
				false);
	return 0;
}

static uint16_t ask(const struct view *view, const struct filter *filter,
		    const struct question *question)
{
	unsigned int type = question->words.ethertype;

	if (type == 0 || type == 0x0800 || type == 0x86dd)
		return filter_decide(view->tables, filter, &question->packet, filter_has_simd());
	int decision = filter_decide_ethertype(filter, (uint16_t)type);
	return decision < 0 ? 0 : (uint16_t)decision; /* what is not IP passes */
}

static json_t *answer(const struct view *view, const struct filter *filter, uint32_t number,
		      uint16_t decision)
{
	static const char *const words[] = { "permit", "deny", "police", "?" };
	const uint16_t *by_slot = filter_at(filter, filter->by_slot);
	unsigned int slot = decision & FILTER_SLOT_MASK;
	const struct filter_rule *rule =
		slot < filter->slots && slot != 0 ? rule_of(filter, by_slot[slot]) : NULL;
	json_t *object = json_object();

	view_string(object, "name", filter->name);
	view_string(object, "verdict", words[filter_action(decision)]);
	if (rule == NULL) {
		view_string(object, "by", "default");
		return object;
	}
	view_string(object, "by", "rule");
	view_number(object, "seq", rule->sequence);
	view_string(object, "rule", filter_at(filter, rule->text));
	put_counters(view, number, slot, object);
	return object;
}

json_t *view_filter_test(const struct view *view, const struct arguments *arguments,
			 struct error *error)
{
	static struct question question; /* large; one thread */
	const char *name = arguments->value[RULE_FILTER].string;

	if (!needs_control_plane(view, "filter test", error) ||
	    make_question(arguments, &question, error) != 0)
		return NULL;
	for (uint32_t i = 1; i < FILTER_MAX; i++) {
		const struct filter *filter = filter_get(view->tables, i);
		if (filter != NULL && named(filter, name))
			return answer(view, filter, i, ask(view, filter, &question));
	}
	return no_such(error, name);
}
