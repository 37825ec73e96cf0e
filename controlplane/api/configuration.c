/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/configuration.h"

#include <errno.h>
#include <stdio.h>

enum { TEXT_MAX = 131072, BLOCK_SIZE = 1 << 18 };

/* Strings live as long as their configuration. */
struct text_block {
	struct text_block *next;
	size_t used;
	char text[BLOCK_SIZE];
};

static char *keep_string(struct configuration *configuration, const char *string, size_t length)
{
	struct text_block *block = configuration->blocks;
	char *to;

	if (!block || BLOCK_SIZE - block->used < length + 1) {
		block = malloc(sizeof(*block));
		if (!block)
			abort();
		block->next = configuration->blocks;
		block->used = 0;
		configuration->blocks = block;
	}
	to = block->text + block->used;
	memcpy(to, string, length);
	to[length] = 0;
	block->used += length + 1;
	return to;
}

void configuration_free(struct configuration *configuration)
{
	struct text_block *block;

	while ((block = configuration->blocks)) {
		configuration->blocks = block->next;
		free(block);
	}
	free(configuration->entry);
	free(configuration->slot);
	memset(configuration, 0, sizeof(*configuration));
}

/* ---- what the command table says ---- */

const struct command *configuration_command(const char *noun, const char *verb)
{
	static unsigned int last; /* a large batch asks for the same again and again */
	unsigned int count;
	const struct command *table = command_table(&count);

	for (unsigned int i = 0; i < count; i++) {
		const struct command *command = &table[(last + i) % count];

		if (strcmp(command->noun, noun) || strcmp(command->verb, verb))
			continue;
		last = (last + i) % count;
		return command;
	}
	return NULL;
}

bool configuration_takes(const struct command *command, unsigned int parameter)
{
	for (unsigned int i = 0; command->parameters[i].name; i++)
		if (i == parameter)
			return !(command->parameters[i].flags & PARAMETER_ABSENT);
	return false;
}

/* What is left out of a configuration because it is so anyway. */
static const struct {
	const char *noun; /* NULL: any */
	const char *parameter;
	uint64_t number;
} defaults[] = {
	{ "bridge", "vlan", 1 },
	{ "bridge", "mtu", 1500 },
	{ "bridge", "ageing", 300000000000ull },
	{ "bridge", "unknown-unicast", UNKNOWN_FLOOD },
	{ "bridge", "snooping", 1 },
	{ "bridge", "querier", 0 },
	{ NULL, "igmp-version", 3 },
	{ NULL, "mld-version", 2 },
	{ "bridge", "unknown-multicast", 0 },
	{ NULL, "fast-leave", 0 },
	{ NULL, "query-interval", 125000000000ull },
	{ NULL, "query-response-interval", 10000000000ull },
	{ NULL, "last-member-interval", 1000000000ull },
	{ NULL, "last-member-count", 0 },
	{ NULL, "robustness", 2 },
	{ NULL, "startup-query-interval", 0 },
	{ NULL, "startup-query-count", 0 },
	{ NULL, "strict", 0 },
	{ "bridge", "proxy", 0 },
	{ "bridge multicast", "group-limit", 0 },
	{ NULL, "group-limit", 4096 },
	{ NULL, "source-limit", 64 },
	{ NULL, "multicast-routing", MULTICAST_ROUTING_OFF },
	{ NULL, "multicast-ttl-threshold", 0 },
	{ "bridge router", "mode", ROUTER_ALWAYS },
	{ NULL, "learning", 1 },
	{ NULL, "isolated", 0 },
	{ NULL, "learning-limit", 0 },
	{ NULL, "storm-broadcast", 0 },
	{ NULL, "storm-multicast", 0 },
	{ NULL, "storm-unicast", 0 },
	{ "port", "mtu", 1500 },
	{ "port", "rx-queues", 0 },
	{ "mpls", "ttl", MODEL_UNIFORM },
	{ "mpls", "tc", MODEL_PIPE },
	{ NULL, "mpls", 0 },
	{ NULL, "space", 0 },
	{ NULL, "upstream-space", 0 },
	{ NULL, "vrf", 0 },
	{ NULL, "admin", ADMIN_UP },
	{ "tunnel", "checksum", 0 },
	{ "tunnel", "fragment", 0 },
	{ "tunnel", "sequence", SEQUENCE_WORD_OFF },
	{ "tunnel", "ttl", TUNNEL_TTL_USUAL },
	{ "tunnel", "dscp", DSCP_MAX + 1 },
	{ "tunnel", "df", DF_WORD_INHERIT },
	{ "tunnel", "keepalive", KEEPALIVE_MAX_NS + 1 },
	{ "tunnel", "retries", TUNNEL_RETRIES_USUAL },
	{ "tunnel", "tcp-mss-clamp", MSS_MAX + 1 },
	{ "tunnel", "outer-vrf", 0 },
	{ NULL, "control-word", 0 },
	{ NULL, "no-counters", 0 },
	{ "filter", "default", FILTER_WORD_DENY },
};

bool configuration_default(const struct command *command, unsigned int parameter, uint64_t *number)
{
	for (unsigned int i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		if (defaults[i].noun && strcmp(defaults[i].noun, command->noun))
			continue;
		if (strcmp(defaults[i].parameter, command->parameters[parameter].name))
			continue;
		*number = defaults[i].number;
		return true;
	}
	return false;
}

static void drop_defaults(struct arguments *arguments)
{
	for (unsigned int i = 0; arguments->command->parameters[i].name; i++) {
		uint64_t number;

		if (argument_present(arguments, i) &&
		    configuration_default(arguments->command, i, &number) &&
		    arguments->value[i].number == number)
			arguments->present &= ~parameter_bit(i);
	}
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		struct path *path = &arguments->path[i];

		if (path_present(path, PATH_WEIGHT) && path->value[PATH_WEIGHT].number == 1)
			path->present &= ~parameter_bit(PATH_WEIGHT);
		if (path_present(path, PATH_ENTROPY) && !path->value[PATH_ENTROPY].number)
			path->present &= ~parameter_bit(PATH_ENTROPY);
	}
}

static void set_stack(struct path *path, enum path_parameter parameter, const uint32_t *label,
		      unsigned int count)
{
	path->value[parameter].stack_count = (uint8_t)count;
	memcpy(path->value[parameter].stack, label, count * sizeof(label[0]));
	path->present |= parameter_bit(parameter);
}

/* All labels stand in swap, but those above an entropy label in push: as the model tells them. */
static void join_labels(struct path *path)
{
	const struct value *push = &path->value[PATH_PUSH], *swap = &path->value[PATH_SWAP];
	unsigned int count = push->stack_count, outside;
	uint32_t label[2 * STACK_MAX];

	memcpy(label, push->stack, count * sizeof(label[0]));
	for (unsigned int i = 0; i < swap->stack_count && !path_swaps_to_nothing(path); i++)
		label[count++] = swap->stack[i];
	outside = !path_present(path, PATH_ENTROPY) ? 0 : count > 1 ? count - 1 : count;
	if (outside)
		set_stack(path, PATH_PUSH, label, outside);
	else
		path->present &= ~parameter_bit(PATH_PUSH);
	if (count > outside)
		set_stack(path, PATH_SWAP, label + outside, count - outside);
}

/* What can be said in two ways is said in one: a swap to implicit null is a pop (RFC 3032 2.1), and
 * `swap 200 push 300` is `swap 300/200`. */
static void unify_paths(struct arguments *arguments)
{
	bool pops = arguments->path_count > 0 &&
		    (strcmp(arguments->command->noun, "mpls") ||
		     arguments->value[MPLS_OPERATION].number != OPERATION_REPLICATE);

	for (unsigned int i = 0; i < arguments->path_count; i++)
		pops &= path_swaps_to_nothing(&arguments->path[i]);
	if (pops)
		arguments->value[MPLS_OPERATION].number = OPERATION_POP;
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		struct path *path = &arguments->path[i];

		if (pops)
			path->present &= ~parameter_bit(PATH_SWAP);
		else if (path_present(path, PATH_SWAP) && path_present(path, PATH_PUSH))
			join_labels(path);
	}
}

uint64_t configuration_key(const struct command *command)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; command->parameters[i].name; i++)
		if (command->parameters[i].flags & PARAMETER_KEY)
			mask |= parameter_bit(i);
	return mask;
}

/* The key is the command that deletes the object. Returns its length or a negative errno. */
static int make_key(struct arguments *arguments, char *key, size_t size)
{
	const struct command *command = arguments->command;
	const struct command *del = configuration_command(command->noun, "del");
	uint64_t present = arguments->present;
	int length;

	if (!del)
		return -EINVAL;
	arguments->command = del;
	arguments->present &= configuration_key(del);
	length = command_to_text(arguments, key, size);
	arguments->command = command;
	arguments->present = present;
	return length;
}

/* ---- entries by key ---- */

static uint64_t hash_string(const char *string)
{
	uint64_t hash = 0xcbf29ce484222325ull; /* FNV-1a */

	while (*string)
		hash = (hash ^ (unsigned char)*string++) * 0x100000001b3ull;
	return hash ^ hash >> 32;
}

/* Slot of the key, or the empty one where it would be. */
static uint32_t *find_slot(const struct configuration *configuration, uint64_t hash,
			   const char *key)
{
	size_t mask = configuration->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &configuration->slot[i];
		const struct configuration_entry *entry = configuration->entry + *slot - 1;

		if (!*slot || (entry->hash == hash && !strcmp(entry->key, key)))
			return slot;
	}
}

struct configuration_entry *configuration_find(const struct configuration *configuration,
					       const char *key)
{
	uint32_t index =
		configuration->slot_count ? *find_slot(configuration, hash_string(key), key) : 0;

	return index ? &configuration->entry[index - 1] : NULL;
}

static void grow(struct configuration *configuration)
{
	size_t capacity = configuration->capacity ? configuration->capacity * 2 : 64;

	configuration->entry =
		realloc(configuration->entry, capacity * sizeof(*configuration->entry));
	free(configuration->slot);
	configuration->slot_count = capacity * 2;
	configuration->slot = calloc(configuration->slot_count, sizeof(*configuration->slot));
	if (!configuration->entry || !configuration->slot)
		abort();
	configuration->capacity = capacity;
	for (size_t i = 0; i < configuration->count; i++) {
		const struct configuration_entry *entry = &configuration->entry[i];

		*find_slot(configuration, entry->hash, entry->key) = (uint32_t)i + 1;
	}
}

static struct configuration_entry *add_entry(struct configuration *configuration, const char *key,
					     const struct command *command)
{
	uint64_t hash = hash_string(key);
	struct configuration_entry *entry;

	if (configuration->count == configuration->capacity)
		grow(configuration);
	*find_slot(configuration, hash, key) = (uint32_t)configuration->count + 1;
	entry = &configuration->entry[configuration->count++];
	*entry = (struct configuration_entry){ .hash = hash, .order = command->id };
	entry->key = keep_string(configuration, key, strlen(key));
	return entry;
}

static int take_one(struct configuration *configuration, struct arguments *arguments,
		    struct error *error)
{
	static char key[TEXT_MAX], text[TEXT_MAX];
	struct configuration_entry *entry;
	int length;

	drop_defaults(arguments);
	unify_paths(arguments);
	length = make_key(arguments, key, sizeof(key));
	if (length >= 0)
		length = command_to_text(arguments, text, sizeof(text));
	if (length < 0 || strpbrk(text, "\n\r"))
		return error_set(error, ERROR_USAGE, -EINVAL,
				 "%s %s: too long, or a newline in a string",
				 arguments->command->noun, arguments->command->verb);
	if (configuration_find(configuration, key))
		return error_set(error, ERROR_USAGE, -EEXIST, "'%s': stands here twice", text);
	entry = add_entry(configuration, key, arguments->command);
	entry->line = keep_string(configuration, text, (size_t)length);
	return 0;
}

/* A list's prefixes are objects of their own, however many of them a command adds. */
int configuration_take(struct configuration *configuration, struct arguments *arguments,
		       struct error *error)
{
	struct value *prefixes = &arguments->value[FILTER_LIST_PREFIXES];
	char *next;
	int rc = 0;

	if (arguments->command->id != COMMAND_FILTER_LIST_ADD)
		return take_one(configuration, arguments, error);
	for (char *at = prefixes->string; at && !rc; at = next) {
		next = strchr(at, ' ');
		if (next)
			*next++ = '\0';
		prefixes->string = at;
		rc = take_one(configuration, arguments, error);
	}
	return rc;
}

void configuration_commands(const struct configuration *configuration, struct buffer *lines)
{
	for (unsigned int order = 0; order < COMMAND_COUNT; order++) {
		for (size_t i = 0; i < configuration->count; i++) {
			const struct configuration_entry *entry = &configuration->entry[i];

			if (entry->order != order)
				continue;
			buffer_add_string(lines, entry->line);
			buffer_add(lines, "\n", 1);
		}
	}
}
