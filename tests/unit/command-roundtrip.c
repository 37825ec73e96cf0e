/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random commands made from the table itself: text -> arguments -> JSON -> arguments -> text says
 * the same, whatever the command. And random damage to lines never does more than being refused.
 * SEED in the environment repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "controlplane/api/command.h"

enum { ROUNDS = 25000, LINE_MAX_BYTES = 65536 };

static struct arguments arguments, again;
static unsigned int seed;

static unsigned int pick(unsigned int count)
{
	return (unsigned int)rand() % count;
}

/* ---- random values as text ---- */

static void random_address(char *text)
{
	struct address address;

	if (pick(2)) {
		sprintf(text, "%u.%u.%u.%u", pick(256), pick(256), pick(256), pick(256));
		return;
	}
	do {
		for (unsigned int i = 0; i < 16; i++)
			address.bytes[i] = pick(2) ? (uint8_t)pick(256) : 0;
	} while (address_is_ipv4(&address));
	address_format(&address, text);
}

static void random_stack(char *text, unsigned int most)
{
	uint32_t label[STACK_MAX];
	unsigned int count = 1 + pick(most);

	for (unsigned int i = 0; i < count; i++)
		label[i] = pick(8) ? LABEL_FIRST_FREE + pick(LABEL_COUNT - LABEL_FIRST_FREE)
				   : pick(2) * 2;
	stack_format(label, count, text, LINE_MAX_BYTES);
}

static void random_string(char *text, size_t least, size_t most)
{
	static const char characters[] = "abcXYZ019 _.,=/#'\"\\:;";
	size_t length = least + pick(24);

	if (most != 0 && length > most)
		length = most;
	*text++ = '"';
	for (size_t i = 0; i < length; i++) {
		char c = characters[pick(sizeof(characters) - 1)];
		if (c == '"' || c == '\\')
			*text++ = '\\';
		*text++ = c;
	}
	*text++ = '"';
	*text = '\0';
}

static void random_name(char *text)
{
	static const char characters[] = "abcXYZ019_.-";
	unsigned int length = 1 + pick(NAME_SIZE - 1);

	for (unsigned int i = 0; i < length; i++)
		text[i] = characters[pick(i ? 12 : 9)];
	text[length] = '\0';
}

static void random_value(const struct parameter *parameter, char *text)
{
	static const uint64_t unit[] = { 1, 60, 3600 };
	static const char *const suffix[] = { "s", "m", "h" };
	uint64_t range = parameter->maximum - parameter->minimum + 1;
	unsigned int words = 0, i, count;

	while (parameter->words && parameter->words[words])
		words++;
	if (words > 0 && (parameter->type == VALUE_WORD || pick(3) == 0)) {
		strcpy(text, parameter->words[pick(words)]);
		return;
	}
	if (parameter->flags & PARAMETER_BARE && pick(4) == 0) {
		*text = '\0';
		return;
	}
	switch (parameter->type) {
	case VALUE_UNSIGNED:
	case VALUE_LABEL:
		sprintf(text, "%u", (unsigned int)(parameter->minimum + (uint64_t)rand() % range));
		break;
	case VALUE_STACK:
		random_stack(text, STACK_MAX / 2);
		break;
	case VALUE_NAME:
		random_name(text);
		break;
	case VALUE_STRING:
		random_string(text, parameter->minimum, parameter->maximum);
		break;
	case VALUE_ON_OFF:
		strcpy(text, pick(2) ? "on" : "off");
		break;
	case VALUE_ADDRESS:
		random_address(text);
		break;
	case VALUE_PREFIX:
		random_address(text);
		sprintf(text + strlen(text), "/%u", pick(strchr(text, ':') ? 129 : 33));
		break;
	case VALUE_MAC:
		sprintf(text, "%02x:%02X:%02x:00:ff:%02x", pick(256), pick(256), pick(256),
			pick(256));
		break;
	case VALUE_DURATION:
		do
			i = pick(3), count = 1 + pick(150);
		while (parameter->maximum / 1000000000ull < count * unit[i]);
		sprintf(text, "%u%s", count, suffix[i]);
		break;
	case VALUE_PREFIXES:
		*text = '\0';
		for (i = 1 + pick(3); i > 0; i--)
			strcat(text, i % 2 ? " 10.0.0.0/8" : " 2001:db8::1");
		memmove(text, text + 1, strlen(text));
		break;
	case VALUE_WORD:
	case VALUE_FLAG:
	case VALUE_PATHS:
		*text = '\0';
	}
}

/* ---- random commands ---- */

static void add(char *line, const char *word)
{
	if (*line && *word)
		strcat(line, " ");
	strcat(line, word);
}

static void add_parameter(char *line, const struct parameter *parameter, const char *name)
{
	char value[1024];

	if (!(parameter->flags & PARAMETER_POSITIONAL))
		add(line, name);
	random_value(parameter, value);
	add(line, value);
}

static void add_path(char *line, const struct parameter *group, bool swap)
{
	bool via = pick(3) > 0, push = pick(3) == 0;

	if (pick(4) == 0)
		add(line, "nexthop");
	if (swap)
		add_parameter(line, &group[PATH_SWAP], "swap");
	if (push) {
		add_parameter(line, &group[PATH_PUSH], "push");
		if (pick(2))
			add(line, "entropy");
	}
	if (via)
		add_parameter(line, &group[PATH_VIA], "via");
	if (!via || pick(2))
		add_parameter(line, &group[PATH_DEV], "dev");
	if (pick(3) == 0) {
		add_parameter(line, &group[PATH_BACKUP_VIA], "backup via");
		if (pick(2))
			add_parameter(line, &group[PATH_BACKUP_DEV], "dev");
	}
	if (pick(3) == 0)
		add_parameter(line, &group[PATH_WEIGHT], "weight");
}

/* Paths that one after the other might be read as one: they begin with `nexthop`. */
static void add_paths(char *line, const struct parameter *group, bool swap)
{
	unsigned int count = 1 + (pick(4) ? pick(3) : pick(GROUP_MEMBER_MAX));

	for (unsigned int i = 0; i < count; i++) {
		if (i > 0)
			add(line, "nexthop");
		add_path(line, group, swap);
	}
}

/* A label route keeps to the rules between its parameters. */
static void add_label_route(char *line, const struct parameter *list)
{
	unsigned int operation = pick(5);

	if (pick(2))
		add_parameter(line, &list[MPLS_SPACE], "space");
	if (operation != OPERATION_SWAP)
		add(line, list[MPLS_OPERATION].words[operation]);
	if (operation == OPERATION_SWAP || operation == OPERATION_POP)
		add_paths(line, list[MPLS_PATHS].group, operation == OPERATION_SWAP);
	if (operation == OPERATION_POP_IP && pick(2))
		add_parameter(line, &list[MPLS_VRF], "vrf");
	if (operation == OPERATION_POP_BRIDGE) {
		random_name(line + strlen(strcat(line, " ")));
		if (pick(2))
			add(line, "control-word");
	}
	for (unsigned int i = MPLS_TTL; i <= MPLS_NO_COUNTERS; i++)
		if (pick(2))
			add_parameter(line, &list[i], list[i].name);
}

/* So does a route: paths or a word. */
static void add_route(char *line, const struct parameter *list)
{
	if (pick(3) == 0)
		add_parameter(line, &list[ROUTE_TARGET], list[ROUTE_TARGET].name);
	else
		add_paths(line, list[ROUTE_PATHS].group, false);
}

/* Words of a filter's rule that go together, not all in their canonical form. */
static void add_filter_rule(char *line, bool test)
{
	static const char *const actions[] = { "permit", "deny", "police 10mbps",
					       "police 999pps burst 5k",
					       "police 10mbps excess-burst 5k exceed deny",
					       "police 8kpps peak 9kpps peak-burst 7 exceed permit" };
	static const char *const matches[] = {
		"",
		"dport 443,80,8000-8100,81 proto tcp",
		"from 10.0.0.0/8 to @blocked dscp ef",
		"proto 17 sport domain from 2001:db8::1",
		"icmp 8/0",
		"proto icmpv6 icmp 128 to 2001:db8::/32",
		"syn dport https",
		"established proto tcp",
		"fragments",
		"ethertype 0x88cc",
		"ethertype ipv6 proto ospf dscp 12",
	};
	static const char *const packets[] = {
		"", "proto tcp from 10.0.0.1 to 10.0.0.2 dport 443 sport 9 syn", "ethertype lldp",
		"proto icmpv6 icmp 128", "dport domain proto udp dscp af11", "fragments proto tcp",
	};

	if (!test)
		add(line, actions[pick(6)]);
	add(line, test ? packets[pick(6)] : matches[pick(11)]);
	if (!test && pick(2))
		add(line, "log");
}

static void add_binding(char *line)
{
	static const char *const places[] = { "in p0", "out v1", "vrf 3", "local", "in local" };

	add(line, places[pick(5)]);
}

static void random_command(char *line)
{
	unsigned int count;
	const struct command *command = &command_table(&count)[0];

	command += pick(3) ? pick(count) : (unsigned int)COMMAND_MPLS_ADD;
	bool one = false;
	command_words(command, line, LINE_MAX_BYTES);
	for (unsigned int i = 0; command->parameters[i].name; i++) {
		const struct parameter *parameter = &command->parameters[i];
		if (i == MPLS_SPACE && command->parameters[0].type == VALUE_LABEL &&
		    command->id != COMMAND_MPLS_DEL && command->id != COMMAND_MPLS_SHOW) {
			add_label_route(line, command->parameters);
			return;
		}
		if (command->id == COMMAND_FILTER_BIND || command->id == COMMAND_FILTER_UNBIND) {
			add_parameter(line, parameter, parameter->name);
			add_binding(line);
			return;
		}
		if (parameter->type == VALUE_WORD && i == RULE_ACTION &&
		    (command->id == COMMAND_FILTER_RULE_ADD ||
		     command->id == COMMAND_FILTER_RULE_REPLACE)) {
			add_filter_rule(line, false);
			return;
		}
		if (command->id == COMMAND_FILTER_TEST && i > RULE_FILTER) {
			add_filter_rule(line, true);
			return;
		}
		if (i == ROUTE_TARGET &&
		    (command->id == COMMAND_ROUTE_ADD || command->id == COMMAND_ROUTE_REPLACE)) {
			add_route(line, command->parameters);
			return;
		}
		if (command->id == COMMAND_ROUTE_SHOW && i == ROUTE_SHOW_FROM && strchr(line, '/'))
			return; /* a list's words, not one prefix' */
		if (command->id == COMMAND_MPLS_SHOW && i == MPLS_SHOW_FROM && one)
			return; /* a page is one of a list */
		bool needed = parameter->flags & PARAMETER_REQUIRED ||
			      (i > 0 && strcmp(command->verb, "set") == 0 &&
			       !command->parameters[i + 1].name);
		if (parameter->flags & PARAMETER_ABSENT || !(needed || pick(2)))
			continue;
		one |= i == 0;
		add_parameter(line, parameter, parameter->name);
	}
}

/* ---- the property ---- */

static void check_round_trip(const char *line)
{
	static char first[LINE_MAX_BYTES], second[LINE_MAX_BYTES];
	struct error error;
	json_t *json, *json_again;

	assert_true(command_to_text(&arguments, first, sizeof(first)) > 0);
	json = command_to_json(&arguments);
	if (command_from_json(arguments.command, json, &again, &error) != 0)
		fail_msg("seed %u: %s: from JSON: %s", seed, line, error.text);
	assert_true(command_to_text(&again, second, sizeof(second)) > 0);
	if (strcmp(first, second) != 0)
		fail_msg("seed %u: %s\n%s\n%s", seed, line, first, second);
	if (command_parse(first, &again, &error) != 0)
		fail_msg("seed %u: %s: %s", seed, first, error.text);
	json_again = command_to_json(&again);
	if (!json_equal(json, json_again))
		fail_msg("seed %u: %s\n%s", seed, line, first);
	json_decref(json_again);
	json_decref(json);
}

static void test_round_trip(void **state)
{
	static char line[LINE_MAX_BYTES];
	struct error error;

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		random_command(line);
		if (command_parse(line, &arguments, &error) != 0)
			fail_msg("seed %u: %s: %s (at %d)", seed, line, error.text, error.column);
		check_round_trip(line);
	}
}

static void damage(char *line)
{
	static const char spoil[] = " \"'/.:-\t\\0aZ\x01\xff";
	size_t length = strlen(line), at = pick((unsigned int)length + 1);

	switch (pick(4)) {
	case 0:
		line[at] = '\0';
		break;
	case 1:
		if (at < length)
			line[at] = spoil[pick(sizeof(spoil) - 1)];
		break;
	case 2:
		memmove(line + at, line + at + (at < length), length - at + (at == length));
		break;
	default:
		memmove(line + at + 1, line + at, length - at + 1);
		line[at] = spoil[pick(sizeof(spoil) - 1)];
	}
}

static void test_damaged_lines(void **state)
{
	static char line[LINE_MAX_BYTES];
	struct error error;
	unsigned int taken = 0;

	(void)state;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		random_command(line);
		for (unsigned int n = 1 + pick(3); n > 0; n--)
			damage(line);
		if (command_parse(line, &arguments, &error) == 0) {
			taken++;
			check_round_trip(line);
			continue;
		}
		assert_int_equal(error.kind, ERROR_USAGE);
		assert_true(error.text[0] != '\0');
		assert_in_range(error.column, 0, strlen(line));
	}
	assert_in_range(taken, 1, ROUNDS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_lines),
	};
	const char *given = getenv("SEED");

	seed = given ? (unsigned int)atoi(given) : (unsigned int)time(NULL);
	srand(seed);
	return cmocka_run_group_tests_name("command-roundtrip", tests, NULL, NULL);
}
