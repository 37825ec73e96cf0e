/* SPDX-License-Identifier: BSD-3-Clause
 *
 * case.h: one packet through the real stages, and everything that can be said about where it ended.
 *
 * Ports 0 to PORTS - 1 stand ready (up, live, MPLS on, MTU 1500). A case gives a frame and its end;
 * the runner checks the bytes of the whole frame, the egress port, the counters of all interfaces (each
 * packet ends in exactly one place), what is in the punt ring, that no buffer was lost, and that no byte
 * was read past the frame (it ends where a page begins that cannot be read) or written before the buffer.
 */
#ifndef SHUNT_TESTS_CASE_H
#define SHUNT_TESTS_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include "tests/stage/fixture.h"
#include "tests/stage/frame.h"

enum {
	PORTS = 10,
	INTERFACES = 96, /* rows that a case may use ... */
	TUNNELS = 64,    /* and from INTERFACE_FIRST_TUNNEL on */
	HEADROOM = 128,
	ETHERNET = 14,
};

enum end_kind { END_SENT, END_DROPPED, END_PUNTED, END_AT_IP };

struct end {
	enum end_kind kind;
	unsigned int port;      /* SENT: egress port row */
	unsigned int interface; /* SENT: egress interface if it is not the port */
	int reason;             /* DROPPED: enum drop_reason; PUNTED: enum punt_reason */
	unsigned int l3;        /* PUNTED: offset of the label stack */
	unsigned int vrf;       /* AT_IP */
	const char *frame; /* SENT; AT_IP: from the IP header on; PUNTED: NULL is "as it arrived" */
};

#define SENT(port_, text)                                                                          \
	{                                                                                          \
		.kind = END_SENT, .port = (port_), .frame = (text)                                 \
	}
/* By a VLAN subinterface of the port. */
#define SENT_BY(port_, interface_, text)                                                           \
	{                                                                                          \
		.kind = END_SENT, .port = (port_), .interface = (interface_), .frame = (text)      \
	}
#define DROPPED(name)                                                                              \
	{                                                                                          \
		.kind = END_DROPPED, .reason = DROP_##name                                         \
	}
#define PUNTED(name)                                                                               \
	{                                                                                          \
		.kind = END_PUNTED, .reason = PUNT_##name, .l3 = ETHERNET                          \
	}
#define PUNTED_AT(name, l3_)                                                                       \
	{                                                                                          \
		.kind = END_PUNTED, .reason = PUNT_##name, .l3 = (l3_)                             \
	}
/* Not as it arrived: a label's TTL is in the header. */
#define PUNTED_AS(name, l3_, text)                                                                 \
	{                                                                                          \
		.kind = END_PUNTED, .reason = PUNT_##name, .l3 = (l3_), .frame = (text)            \
	}
/* The IP stage got it; without routes it is punted as ip_no_route. */
#define AT_IP(vrf_, text)                                                                          \
	{                                                                                          \
		.kind = END_AT_IP, .reason = PUNT_ip_no_route, .vrf = (vrf_), .frame = (text)      \
	}

struct stage_case {
	const char *name;
	const char *frame;
	struct end end;
	unsigned int port;      /* that it comes in by */
	unsigned int interface; /* where it is counted, if it is not the port */
	unsigned int tunnel;    /* row of the tunnel that it came out of: its end is counted there */
};

extern struct fixture fixture;

/* cmocka group fixtures: tables, ports and one worker. */
int stage_start(void **state);
int stage_stop(void **state);

/* Run the cases in order; each that fails is named. */
void cases_run(const struct stage_case *cases, size_t count);
#define CASES_RUN(cases) cases_run((cases), sizeof(cases) / sizeof((cases)[0]))

/* The same with a frame in bytes, with `headroom` bytes before it, its first `first_segment` bytes in
 * the first segment (0: all). Returns whether everything was as expected; prints what was not. */
bool case_run(const struct stage_case *stage_case, const uint8_t *frame, size_t length,
	      unsigned int headroom, size_t first_segment);

/* Send a frame in by port 0 and take it out again: the egress port, or -1 if it was not sent. */
int egress_of(const uint8_t *frame, size_t length);

/* What the counters of all interfaces were. Then: does each interface's identity hold for what came
 * since, and are there `count` ends in all? Prints what does not. */
struct account {
	uint64_t value[INTERFACES + TUNNELS][sizeof(struct interface_counters) / sizeof(uint64_t)];
};
void account_take(struct account *account);
/* Index in an account of an interface's row. */
unsigned int account_index(unsigned int interface);
bool account_balanced(const struct account *before, unsigned int count);

/* Since `before`, at this interface. */
uint64_t dropped_since(const struct account *before, unsigned int interface,
		       enum drop_reason reason);

/* Take everything out of the transmit buffers and free it; returns how many. */
unsigned int transmit_take(void);
/* Take everything out of the punt ring; returns how many. */
unsigned int punt_take(void);

/* Take all free buffers but `left` out of the pool; give them back. */
void buffers_take(unsigned int left);
void buffers_give(void);

/* A frame in a buffer of the pool, a long one in several segments. */
struct rte_mbuf *mbuf_of(const uint8_t *frame, size_t length);

/* A frame in a buffer that ends with it, where a page begins that cannot be read, and that has canaries
 * before it. One at a time. */
struct rte_mbuf *guarded_mbuf(const uint8_t *frame, size_t length, unsigned int headroom);

/* Table entries, in a line each. */
#define LABELS(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4
#define NO_LABELS   NULL, 0
uint32_t via(unsigned int port, unsigned int number, const uint32_t *labels, unsigned int count);
void route(uint32_t label, enum label_operation operation, uint32_t out, uint32_t index,
	   uint64_t flags);

#endif
