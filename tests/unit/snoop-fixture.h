/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-fixture.h: a snooping engine with a stopped clock, what it has put out, and a language for
 * situations: see snoop_script().
 */
#ifndef SHUNT_TESTS_SNOOP_FIXTURE_H
#define SHUNT_TESTS_SNOOP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "controlplane/protocol/snoop.h"

enum { SENT_MAX = 64, ENTRY_MAX = 4096, WIRE_MAX = 2048 };

#define SECOND 1000000000ull

/* An entry as the data plane would have it. */
struct entry {
	bool used, any;
	struct address source, group;
	struct snoop_ports ports;
};

struct snoop_fixture {
	struct snoop *snoop;
	struct snoop_domain_key key;
	struct snoop_settings settings;
	struct snoop_port_settings port[SNOOP_PORT_MAX];
	uint64_t now, next;
	struct snoop_ports verdict; /* of the last frame */
	struct entry entry[ENTRY_MAX];
	unsigned int entries, writes, removals;
	bool table_full, busy;
	struct snoop_rule rule[SNOOP_FAMILIES];
	unsigned int rules;
	char sent[SENT_MAX][256]; /* what was sent, as text */
	unsigned int sent_count, sent_seen;
	uint8_t last_packet[SNOOP_PACKET_MAX];
	size_t last_length;
	uint8_t last_mac[6];
	unsigned int solicitations;
	unsigned int records; /* of the reports that were sent */
	unsigned int events[8];   /* by kind */
	enum snoop_family family; /* that names in scripts stand for */
	const char *where;        /* for messages: title of the situation */
};

/* Domain 7/10 with ports 1 to 4 up. */
void fixture_start(struct snoop_fixture *f);
void fixture_stop(struct snoop_fixture *f);
/* Apply f->settings, f->port[port]. */
void fixture_settings(struct snoop_fixture *f);
void fixture_port(struct snoop_fixture *f, unsigned int port);
/* Advance to `now` + `time` ns, with a tick whenever the engine wants one. */
void fixture_advance(struct snoop_fixture *f, uint64_t time);
void fixture_input(struct snoop_fixture *f, unsigned int port, const uint8_t *packet,
		   size_t length);
/* Where the entries and rules that were put out let a frame go; the engine must say the same. */
struct snoop_ports fixture_forward(struct snoop_fixture *f, const struct address *source,
				   const struct address *group);
/* "1,3", "-" */
void ports_text(const struct snoop_ports *ports, char *text, size_t size);
struct address address_of(const char *text);

/* State of a group on a port: "none", "I a:260,b:3.5", "E260 a:260 -b,c"; sources in order, times in
 * seconds from now. */
void fixture_state(struct snoop_fixture *f, unsigned int port, const struct address *group,
		   char *text, size_t size);

/* Run statements, divided by ';'. Names stand for addresses of f->family: G, H groups, a to f sources,
 * U ours (as querier), L lower, R higher than ours, Z unspecified.
 *   + SECONDS                        time goes on
 *   N join GROUP [FROM]              IGMPv2, MLDv1 report; join1: IGMPv1; leave: leave, done
 *   N rec TYPE GROUP [S,S] [& ...]   IGMPv3, MLDv2 report; TYPE is_in ... block, or a number
 *   N query FROM [group=G] [sources=S,S] [v=N] [resp=MS] [qrv=N] [qqi=S] [s]
 *   N pim FROM SECONDS | N mrd FROM SECONDS | N term FROM
 *   set NAME=VALUE ...               settings; times in ms
 *   port N WORD ...                  up, down, delete, fast, slow, router=static|never|learn, max=N,
 *                                    permit=PREFIX
 *   static N GROUP [S] | unstatic N GROUP [S] | topology
 *   ? GROUP PORTS | ? S>GROUP PORTS  where data goes; '*': all ports that are up, '-': nowhere
 *   to PORTS                         where the last frame went
 *   sent TEXT | sent - | clear       the next packet sent; none; whatever was sent is forgotten
 *   state N GROUP TEXT               as fixture_state, blanks as '_'
 *   routers PORTS | why N REASONS | enforced 0|1 | querier self|none|ADDRESS
 *   other                            names are the other family's from here on
 *   count NAME N | entries N | events KIND N | version N GROUP V
 */
void snoop_script(struct snoop_fixture *f, const char *script);

/* A row of a table of situations. `start`: what is there before the script runs, 20 s after which
 * what was sent is forgotten. */
enum snoop_start {
	START_BARE,    /* nobody asks */
	START_QUERIER, /* we are querier, everything is enforced */
	START_OTHER,   /* R is, on port 4 */
};

enum { ONLY_IPV4 = 1, ONLY_IPV6 = 2, BOTH = 3 };

struct snoop_row {
	const char *title, *section; /* RFC and section */
	unsigned int families;
	enum snoop_start start;
	const char *script;
};

/* Run a table, each row once for each of its families. */
void snoop_table(const struct snoop_row *rows, size_t count);

/* ---- frames, made here and not by what is tested; each returns the packet's length */

struct wire_query {
	unsigned int version; /* IGMP 1 to 3, MLD 1, 2 */
	struct address source, group;
	const struct address *sources;
	unsigned int source_count, response_ms, robustness, interval_s;
	bool suppress;
};

struct wire_record {
	unsigned int type, auxiliary; /* 32-bit words */
	struct address group;
	const struct address *sources;
	unsigned int count;
};

size_t wire_query(enum snoop_family family, const struct wire_query *query, uint8_t *packet);
/* type: of IGMP or ICMPv6 */
size_t wire_single(enum snoop_family family, unsigned int type, const struct address *source,
		   const struct address *group, uint8_t *packet);
size_t wire_records(enum snoop_family family, const struct address *source,
		    const struct wire_record *records, unsigned int count, uint8_t *packet);
size_t wire_pim(enum snoop_family family, const struct address *source, unsigned int holdtime,
		uint8_t *packet);
size_t wire_discovery(enum snoop_family family, unsigned int type, const struct address *source,
		      unsigned int interval, uint8_t *packet);
/* Fill lengths and checksums in again after a change; `length` bytes in all. */
void wire_seal(uint8_t *packet, size_t length);
/* Where the message begins behind the IP header. */
size_t wire_start(const uint8_t *packet);

#endif
