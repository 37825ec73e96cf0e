/* SPDX-License-Identifier: BSD-3-Clause
 *
 * command.h: what can be said to shunt. One declarative table (table.c) is the single source of the
 * parser, help, completion, man page, JSON-RPC validation, journal and configuration file.
 *
 * A command is NOUN VERB with parameters. It has three forms that are converted into each other:
 *   text   mpls add 100 swap 200 via 10.0.0.2            (command line, batch, journal)
 *   JSON   {"label":100,"paths":[{"swap":[200],"via":"10.0.0.2"}]}  (JSON-RPC params, config file)
 *   struct arguments                                     (what handlers get; typed, checked)
 * The JSON-RPC method is the words joined by a blank: "mpls add".
 */
#ifndef SHUNT_API_COMMAND_H
#define SHUNT_API_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "controlplane/api/command-parameters.h"
#include "dataplane/shm/layout.h"

/* How reals are written: 80.43, which is what 80.430000000000007 was meant to be. */
#define JSON_MEANT_REALS JSON_REAL_PRECISION(15)

enum {
	PARAMETER_MAX = 64, /* parameters of a command, or of a path */
	STRING_MAX = 4096,  /* bytes of a string value with its zero */
	ERROR_TEXT_MAX = 512,
	ROUTE_ROWS_MAX = 65536,  /* rows of one `route show` */
	LABEL_ROWS_MAX = 65536,  /* rows of one `mpls show` */
	LABEL_IMPLICIT_NULL = 3, /* RFC 3032 2.1: stands for no label */
};

/* ---- values ---- */

enum value_type {
	VALUE_FLAG,     /* a bare word; JSON true/false */
	VALUE_UNSIGNED, /* minimum..maximum of the parameter */
	VALUE_LABEL,    /* 16-1048575 (keys) */
	VALUE_STACK, /* L[/L...], outermost first, up to STACK_MAX; explicit-null, ipv6-explicit-null,
	                 * implicit-null (alone). JSON: array of numbers and those names */
	VALUE_NAME, /* an object's name: 1 to 31 of [A-Za-z0-9_.-], begins with a letter or digit */
	VALUE_STRING,  /* quoted in text where it has blanks or quotes */
	VALUE_WORD,    /* one of parameter->words; value is its index */
	VALUE_ON_OFF,  /* JSON true/false */
	VALUE_ADDRESS, /* IPv4 or IPv6 */
	VALUE_PREFIX,  /* address/length; host bits are kept (an interface address has them) */
	VALUE_MAC,
	VALUE_DURATION, /* 300ms, 2s, 5m, 1h: nanoseconds */
	VALUE_PREFIXES, /* PREFIX..., host bits 0, canonical and with blanks between in `string`; one
	                 * without a length is a host. Positional, the last one. JSON: an array */
	VALUE_PATHS,    /* repeated PATH group: parameters of parameter->group */
};

struct address {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct value {
	uint64_t number;        /* FLAG, UNSIGNED, LABEL, WORD, ON_OFF, DURATION; PREFIX: length in
	                             * bits of its own family; ADDRESS: 0, or see parameter->words */
	struct address address; /* ADDRESS, PREFIX */
	uint8_t mac[6];         /* MAC */
	uint8_t stack_count;    /* STACK */
	uint32_t stack[STACK_MAX]; /* STACK: outermost first; implicit-null alone is { 3 } */
	char *string;              /* NAME, STRING, PREFIXES: zero-terminated, stands in arguments->text */
};

/* A PATH begins where a keyword comes that the one before has already, or with the word `nexthop`.
 * `dev` right after `backup via IP` is the backup's.
 * Parameters of a PATH: [swap STACK] [via IP] [dev IF] [push STACK [entropy]] [weight N]
 * [backup via IP [dev IF]]. In JSON "backup" is an object {via, dev}. */
enum path_parameter {
	PATH_SWAP,
	PATH_VIA,
	PATH_DEV,
	PATH_PUSH,
	PATH_ENTROPY,
	PATH_WEIGHT,
	PATH_BACKUP_VIA,
	PATH_BACKUP_DEV,
	PATH_PARAMETER_COUNT
};

struct path {
	uint64_t present; /* parameter_bit() of each enum path_parameter */
	struct value value[PATH_PARAMETER_COUNT];
};

enum parameter_flag {
	PARAMETER_POSITIONAL = 1 << 0, /* no keyword in text */
	PARAMETER_REQUIRED = 1 << 1,
	PARAMETER_KEY = 1 << 2, /* names the object: same in add, replace, del */
	PARAMETER_ABSENT =
		1 << 3,          /* keeps its place in the noun's numbering; this verb hasn't it */
	PARAMETER_NUMBER = 1 << 5, /* STRING whose digits alone are a number in JSON */
	PARAMETER_SECONDS = 1 << 6, /* DURATION: a number without a unit is in seconds */
	PARAMETER_AT = 1 << 7, /* NAME: as @NAME too, which is how rules name it */
	PARAMETER_BARE = 1 << 4, /* its keyword may stand alone: the value is `usual` then */
};

struct parameter {
	const char *
		name; /* keyword in text (blanks allowed: "host-interface"); JSON key with - as _ */
	enum value_type type;
	unsigned int flags;
	uint64_t minimum, maximum; /* STRING: maximum is its length in bytes, 0: STRING_MAX - 1 */
	const char *const *
		words; /* VALUE_WORD: NULL-terminated; a blank in one is - in JSON. A WORD parameter of which the
	                                  * words themselves stand in the text without the keyword
	                                  * (e.g. `up|down`) is POSITIONAL. UNSIGNED, DURATION,
	                                  * ADDRESS: what may stand instead of a number or
	                                  * address: see value_word */
	const struct parameter *group; /* VALUE_PATHS */
	const char *complete;          /* where completion finds live names: nouns with a blank
	                                  * between, e.g. "port": from `port show`; NULL: nowhere */
	const char *help;
	uint64_t usual; /* BARE */
	const char *placeholder; /* of its value in help, where the type says too little; NULL */
};

/* The number of a value that is word `word` of an UNSIGNED, DURATION or ADDRESS: behind all that
 * its numbers can be; for an ADDRESS (whose bytes are 0 then), behind 0. */
static inline uint64_t value_word(const struct parameter *parameter, unsigned int word)
{
	return parameter->maximum + 1 + word;
}

enum access { ACCESS_LOOK, ACCESS_CHANGE };

/* Every command has one of these: handlers and parameters are found by them. */
enum command_id {
	COMMAND_BRIDGE_ADD,
	COMMAND_BRIDGE_SET,
	COMMAND_BRIDGE_DEL,
	COMMAND_BRIDGE_SHOW,
	COMMAND_PORT_ADD,
	COMMAND_PORT_SET,
	COMMAND_PORT_DEL,
	COMMAND_PORT_SHOW,
	COMMAND_VLAN_ADD,
	COMMAND_VLAN_SET,
	COMMAND_VLAN_DEL,
	COMMAND_VLAN_SHOW,
	COMMAND_LOOPBACK_ADD,
	COMMAND_LOOPBACK_SET,
	COMMAND_LOOPBACK_DEL,
	COMMAND_LOOPBACK_SHOW,
	COMMAND_TUNNEL_ADD,
	COMMAND_TUNNEL_SET,
	COMMAND_TUNNEL_DEL,
	COMMAND_TUNNEL_SHOW,
	COMMAND_ADDRESS_ADD,
	COMMAND_ADDRESS_DEL,
	COMMAND_ADDRESS_SHOW,
	COMMAND_PSEUDOWIRE_ADD,
	COMMAND_PSEUDOWIRE_SET,
	COMMAND_PSEUDOWIRE_DEL,
	COMMAND_PSEUDOWIRE_SHOW,
	COMMAND_FDB_ADD,
	COMMAND_FDB_DEL,
	COMMAND_FDB_FLUSH,
	COMMAND_FDB_SHOW,
	COMMAND_BRIDGE_GROUP_ADD,
	COMMAND_BRIDGE_GROUP_DEL,
	COMMAND_BRIDGE_GROUPS_SHOW,
	COMMAND_BRIDGE_ROUTER_ADD,
	COMMAND_BRIDGE_ROUTER_DEL,
	COMMAND_BRIDGE_ROUTERS_SHOW,
	COMMAND_BRIDGE_MULTICAST_ADD,
	COMMAND_BRIDGE_MULTICAST_DEL,
	COMMAND_BRIDGE_SNOOPING_SHOW,
	COMMAND_BRIDGE_TOPOLOGY_CHANGE,
	COMMAND_MULTICAST_ROUTE_SHOW,
	COMMAND_MULTICAST_GROUPS_SHOW,
	COMMAND_MULTICAST_QUERIER_SHOW,
	COMMAND_NEIGH_ADD,
	COMMAND_NEIGH_REPLACE,
	COMMAND_NEIGH_DEL,
	COMMAND_NEIGH_SHOW,
	COMMAND_ROUTE_ADD,
	COMMAND_ROUTE_REPLACE,
	COMMAND_ROUTE_DEL,
	COMMAND_ROUTE_SHOW,
	COMMAND_MPLS_ADD,
	COMMAND_MPLS_REPLACE,
	COMMAND_MPLS_DEL,
	COMMAND_MPLS_SHOW,
	COMMAND_NEXTHOP_SHOW,
	COMMAND_FILTER_LIST_ADD,
	COMMAND_FILTER_LIST_DEL,
	COMMAND_FILTER_LIST_SHOW,
	COMMAND_FILTER_ADD,
	COMMAND_FILTER_SET,
	COMMAND_FILTER_DEL,
	COMMAND_FILTER_SHOW,
	COMMAND_FILTER_TEST,
	COMMAND_FILTER_RULE_ADD,
	COMMAND_FILTER_RULE_REPLACE,
	COMMAND_FILTER_RULE_DEL,
	COMMAND_FILTER_RULE_SHOW,
	COMMAND_FILTER_BIND,
	COMMAND_FILTER_UNBIND,
	COMMAND_SHOW_DROPS,
	COMMAND_SHOW_COUNTERS,
	COMMAND_SHOW_WORKERS,
	COMMAND_SHOW_PROTOCOLS,
	COMMAND_SHOW_MEMORY,
	COMMAND_SHOW_VERSION,
	COMMAND_SHOW_RUNTIME,
	COMMAND_SHOW_TRACE,
	COMMAND_SHOW_EVENTS,
	COMMAND_METRICS_SHOW,
	COMMAND_TOP_SHOW,
	COMMAND_TABLES_EXPORT,
	COMMAND_TRACE,
	COMMAND_CAPTURE,
	COMMAND_COUNTERS_CLEAR,
	COMMAND_CLEAR_RUNTIME,
	COMMAND_CONFIG_SHOW,
	COMMAND_CONFIG_SAVE,
	COMMAND_CONFIG_DIFF,
	COMMAND_CONFIG_APPLY,
	COMMAND_CONFIG_CONFIRM,
	COMMAND_CONFIG_ROLLBACK,
	COMMAND_COUNT
};

struct command {
	enum command_id id;
	const char *noun, *verb; /* an object's kind, maybe in two words, and what is done to it */
	const char *spelled; /* what is said instead of both; NULL: they are */
	enum access access;
	const struct parameter *parameters; /* ends with name NULL; at most PARAMETER_MAX */
	const char *help;
};

static_assert((int)BRIDGE_ADMIN < PARAMETER_MAX && (int)TUNNEL_PARAMETER_ADMIN < PARAMETER_MAX &&
		      (int)PORT_ADMIN < PARAMETER_MAX && (int)VLAN_ADMIN < PARAMETER_MAX &&
		      (int)PSEUDOWIRE_ADMIN < PARAMETER_MAX && (int)RULE_LOG < PARAMETER_MAX &&
		      (int)PATH_PARAMETER_COUNT <= PARAMETER_MAX,
	      "parameters");

struct arguments {
	const struct command *command;
	uint64_t present; /* parameter_bit() of each that is given */
	struct value value[PARAMETER_MAX];
	unsigned int path_count;
	struct path path[GROUP_MEMBER_MAX];
	bool spelled_out;          /* by command_parse: every word stood in full, so that the line
				    * means the same to later versions */
	json_t *document;          /* borrowed: JSON-RPC params that are no parameters ("config") */
	char text[2 * STRING_MAX]; /* where strings stand */
	unsigned int text_used;
};
static_assert(8 * sizeof(((struct arguments *)0)->present) >= PARAMETER_MAX &&
		      8 * sizeof(((struct path *)0)->present) >= PARAMETER_MAX,
	      "a bit for each parameter");

/* ---- errors ---- */

enum error_kind { ERROR_NONE, ERROR_USAGE, ERROR_REFUSED };

struct error {
	enum error_kind kind; /* USAGE: the words are wrong; REFUSED: the control plane says no */
	int column;           /* text: of the word that is wrong, from 0; -1: none */
	int length;           /* of that word */
	int code;             /* REFUSED: negative errno; else -EINVAL */
	char text[ERROR_TEXT_MAX];     /* names the object, the value and what was expected */
	char expected[ERROR_TEXT_MAX]; /* what could have stood there, "" if it does not apply */
};

/* printf into error->text; returns -EINVAL for USAGE, -EPERM... the given errno otherwise. */
int error_set(struct error *error, enum error_kind kind, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- the table and its conversions (no process state, no I/O: used by both programs) ---- */

/* All commands; *count is set. In the order of help. */
const struct command *command_table(unsigned int *count);
const struct command *command_by_id(enum command_id id);

/* What is said to have the command executed: "mpls add", its JSON-RPC method too. */
void command_words(const struct command *command, char *text, size_t size);

/* "mpls add" -> its command, or NULL. */
const struct command *command_by_method(const char *method);

/* In `present` of a command's arguments, or of a path */
static inline uint64_t parameter_bit(unsigned int parameter)
{
	return (uint64_t)1 << parameter;
}
static inline bool argument_present(const struct arguments *arguments, unsigned int parameter)
{
	return arguments->present >> parameter & 1;
}
static inline bool path_present(const struct path *path, enum path_parameter parameter)
{
	return path->present >> parameter & 1;
}

/* `swap implicit-null`: nothing takes the label's place. */
static inline bool path_swaps_to_nothing(const struct path *path)
{
	const struct value *swap = &path->value[PATH_SWAP];

	return path_present(path, PATH_SWAP) && swap->stack_count == 1 &&
	       swap->stack[0] == LABEL_IMPLICIT_NULL;
}

/* One line of text to arguments. Words may be abbreviated where unambiguous; `show NOUN` and
 * `NOUN set IF ...` for any interface kind are understood (`IF set ...`'s order too: the caller has no
 * need to know the kind). Fast: no allocation; 1 M lines a second are meant to be parsed. */
int command_parse(const char *line, struct arguments *arguments, struct error *error);

/* JSON params (an object, or NULL for none) of a known command to arguments. Unknown members and wrong
 * types are refused by name. */
int command_from_json(const struct command *command, json_t *params, struct arguments *arguments,
		      struct error *error);

/* Arguments to canonical text (full words, fixed order). -ENOSPC: `size` is too small. Returns the
 * length. Parsing it again gives the same arguments. */
int command_to_text(const struct arguments *arguments, char *text, size_t size);

/* Arguments to JSON params: a new reference. */
json_t *command_to_json(const struct arguments *arguments);

/* "port add NAME devargs STRING [mtu N] ...": made from the table; cut at size. */
void command_usage(const struct command *command, char *text, size_t size);

/* How the value of a parameter of the command (or of its paths) is named in help: "N", "STACK",
 * "up|down"; "" for a flag. */
void parameter_placeholder(const struct command *command, const struct parameter *parameter,
			   char *text, size_t size);

/* What could stand at the end of `line`, whose last word may be begun: `visit` is called with each
 * full word that fits, or with word NULL and the nouns whose `show` lists the names that fit. */
void command_complete(const char *line,
		      void (*visit)(void *context, const char *word, const char *nouns),
		      void *context);

/* Formatting of single values, shared with show output. Each writes a zero-terminated string. */
void address_format(const struct address *address, char text[46]);
bool address_is_ipv4(const struct address *address);
void mac_format(const uint8_t mac[6], char text[18]);
/* "200/300", "explicit-null" */
void stack_format(const uint32_t *labels, unsigned int count, char *text, size_t size);
int address_parse(const char *text, struct address *address);

#endif
