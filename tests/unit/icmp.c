/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ICMP for both families: echo, errors, label stacks in errors, the way back.
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/punt.h"
#include "dataplane/shm/reason.h"
#include "frames.h"
#include "packet.h"

enum { P0, P1, IP = 14 };

static int setup(void **state)
{
	fixture_ports(state);
	struct fixture *f = *state;
	say(f, "address add 2001:db8::1/64 dev p0");
	say(f, "neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev p0");
	say(f, "neigh add fe80::ff:fe00:9 lladdr 02:00:00:00:00:09 dev p0");
	say(f, "neigh add 10.0.1.3 lladdr 02:00:00:00:00:03 dev p1");
	say(f, "mpls add 100 swap 200 via 10.0.1.3 push 300");
	skip_frames(f);
	clock_stop(f);
	return 0;
}

static uint64_t sent(const struct fixture *f)
{
	return f->model->counters.icmp_sent;
}

/* ---------------------------------------------------------------- echo */

static void echo_is_answered(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_ip_local, P0, IP, ECHO);
	expect_frame(f, P0, ECHO_REPLY);
	expect_nothing(f);
	f->model->ip_identification = 0;
	punt_text(f, PUNT_ip_local, P0, IP, ECHO_OPTIONS);
	expect_frame(f, P0, ECHO_OPTIONS_REPLY);
	punt_text(f, PUNT_ip_local, P0, IP, ECHO6);
	expect_frame(f, P0, ECHO6_REPLY);
	punt_text(f, PUNT_ip_local, P0, IP, ECHO6_LL);
	expect_frame(f, P0, ECHO6_LL_REPLY);
	punt_text(f, PUNT_ip_local, P0, IP, ECHO6_ALL);
	expect_frame(f, P0, ECHO6_LL_REPLY);
	expect_nothing(f);
	assert_int_equal(sent(f), 5);
}

/* As large as the link takes, odd and even. */
static void large_echo_is_answered(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[2048] = { 0 };

	for (size_t size = 1499; size <= 1501; size++) {
		bytes(ECHO, frame);
		memset(frame + IP + 28, 0xa5, 1600);
		store16(frame + IP + 2, (uint32_t)size);
		ip_checksums(frame + IP, size);
		punt_bytes(f, PUNT_ip_local, P0, IP, frame, IP + size);
		const struct frame_slot *slot = injected(f);
		if (size > 1500) {
			assert_null(slot);
			continue;
		}
		assert_non_null(slot);
		assert_int_equal(slot->length, IP + size);
		assert_int_equal(checksum(slot->data + IP + 20, size - 20), 0);
		assert_memory_equal(slot->data + IP + 28, frame + IP + 28, size - 28);
	}
}

/* The replies' fragments, put together again; returns how many. */
static unsigned int join_fragments(struct fixture *f, uint8_t *message, size_t header, size_t *size)
{
	const struct frame_slot *slot;
	unsigned int count = 0;

	*size = 0;
	for (; (slot = injected(f)) != NULL; count++) {
		const uint8_t *ip = slot->data + IP;
		size_t part = slot->length - IP - header;
		unsigned int word = load16(ip + (header == 20 ? 6 : 42));
		size_t at = header == 20 ? (word & 0x1fff) * 8u : word & ~7u;
		bool more = header == 20 ? (word & 0x2000) != 0 : word & 1;
		assert_in_range(slot->length, IP + header + 1, IP + 1500);
		assert_int_equal(at, *size);
		assert_int_equal(more, part == (1500 - header) / 8 * 8);
		if (header == 20) {
			assert_int_equal(checksum(ip, 20), 0);
			assert_int_equal(load16(ip + 2), 20 + part);
		} else {
			assert_int_equal(ip[6], 44);
			assert_int_equal(ip[40], 58);
			assert_int_equal(load16(ip + 4), 8 + part);
		}
		memcpy(message + at, ip + header, part);
		*size += part;
	}
	return count;
}

/* It came in fragments, and is answered in fragments. */
static void long_echo_is_answered(void **state)
{
	struct fixture *f = *state;
	static uint8_t frame[FRAME_MAX], message[FRAME_MAX];
	size_t size;

	bytes(ECHO, frame);
	for (size_t i = 0; i < 8000; i++)
		frame[IP + 28 + i] = (uint8_t)(i * 7 + i / 256);
	frame[IP + 6] = 0;
	store16(frame + IP + 2, 8028);
	ip_checksums(frame + IP, 8028);
	punt_bytes(f, PUNT_ip_local, P0, IP, frame, IP + 8028);
	assert_int_equal(join_fragments(f, message, 20, &size), 6);
	assert_int_equal(size, 8008);
	assert_int_equal(checksum(message, size), 0);
	assert_memory_equal(message + 8, frame + IP + 28, 8000);
	/* but not where it must not be */
	frame[IP + 6] = 0x40;
	ip_checksums(frame + IP, 8028);
	punt_bytes(f, PUNT_ip_local, P0, IP, frame, IP + 8028);
	expect_nothing(f);

	bytes(ECHO6, frame);
	for (size_t i = 0; i < 8000; i++)
		frame[IP + 48 + i] = (uint8_t)(i * 7 + i / 256);
	store16(frame + IP + 4, 8008);
	ip_checksums(frame + IP, 8048);
	punt_bytes(f, PUNT_ip_local, P0, IP, frame, IP + 8048);
	assert_int_equal(join_fragments(f, message, 48, &size), 6);
	assert_int_equal(size, 8008);
	assert_memory_equal(message + 8, frame + IP + 48, 8000);
	assert_int_equal(message[0], 129);
}

static void other_echo_is_not(void **state)
{
	static const struct {
		const char *what, *frame;
		size_t at;
		uint8_t value;
		bool sum;
	} cases[] = {
		{ "checksum", ECHO, IP + 22, 1, false },
		{ "a fragment", ECHO, IP + 6, 0x20, true },
		{ "a later fragment", ECHO, IP + 7, 1, true },
		{ "not for us", ECHO, IP + 19, 9, true },
		{ "a reply", ECHO, IP + 20, 0, true },
		{ "code", ECHO, IP + 21, 1, true },
		{ "from a group", ECHO, IP + 12, 224, true },
		{ "from loopback", ECHO, IP + 12, 127, true },
		{ "IGMP", ECHO, IP + 9, 2, true },
		{ "checksum 6", ECHO6, IP + 42, 1, false },
		{ "from a group 6", ECHO6, IP + 8, 0xff, true },
		{ "not for us 6", ECHO6, IP + 39, 9, true },
		{ "a reply 6", ECHO6, IP + 40, 129, true },
		{ "fragment 6", ECHO6, IP + 6, 44, false },
	};
	struct fixture *f = *state;
	uint8_t frame[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = bytes(cases[i].frame, frame);
		frame[cases[i].at] = cases[i].value;
		if (cases[i].sum)
			ip_checksums(frame + IP, length - IP);
		punt_bytes(f, PUNT_ip_local, P0, IP, frame, length);
		if (injected(f) != NULL)
			fail_msg("answered: %s", cases[i].what);
	}
}

/* Put these bytes behind the IPv6 header, and `first` into it. Returns the frame's new length. */
static size_t extend(uint8_t *frame, size_t length, uint8_t first, const void *headers, size_t size)
{
	memmove(frame + IP + 40 + size, frame + IP + 40, length - IP - 40);
	memcpy(frame + IP + 40, headers, size);
	frame[IP + 6] = first;
	store16(frame + IP + 4, (uint32_t)(length + size - IP - 40));
	return length + size;
}

/* Hop-by-hop and destination options, a routing header that leads no further, a fragment that is whole. */
static void extension_headers_are_skipped(void **state)
{
	static const char headers[] = "\x3c\0\x05\x02\0\0\x01\0"
				      "\x2b\0\x01\x04\0\0\0\0"
				      "\x2c\0\0\0\0\0\0\0"
				      "\x3a\0\0\0\0\0\0\x07";
	struct fixture *f = *state;
	uint8_t frame[256];
	size_t length = extend(frame, bytes(ECHO6, frame), 0, headers, 32);

	punt_bytes(f, PUNT_ip_local, P0, IP, frame, length);
	expect_frame(f, P0, ECHO6_REPLY);
	expect_nothing(f);
	frame[IP + 40 + 16 + 3] = 1; /* segments left */
	punt_bytes(f, PUNT_ip_local, P0, IP, frame, length);
	const struct frame_slot *slot = injected(f);
	assert_non_null(slot);
	assert_memory_equal(slot->data + IP + 40, "\x04\0", 2);
	assert_int_equal(load32(slot->data + IP + 44), 40 + 16 + 2);
	expect_nothing(f);
}

/* ---------------------------------------------------------------- errors */

/* The ICMP error about a frame for ourselves, or NULL; its source is the address that the frame was for. */
static const uint8_t *told_about(struct fixture *f, const uint8_t *frame, size_t length)
{
	bool ipv4 = frame[IP] >> 4 == 4;
	size_t size = ipv4 ? 20 : 40, source = ipv4 ? 12 : 8, address = ipv4 ? 4 : 16;

	punt_bytes(f, PUNT_ip_local, P0, IP, frame, length);
	const struct frame_slot *slot = injected(f);
	if (slot == NULL)
		return NULL;
	assert_int_equal(slot->data[IP + (ipv4 ? 9 : 6)], ipv4 ? 1 : 58);
	assert_memory_equal(slot->data + IP + source, frame + IP + source + address, address);
	assert_memory_equal(slot->data + IP + size + 8, frame + IP, length - IP);
	expect_nothing(f);
	return slot->data + IP + size;
}

/* RFC 1122 3.2.2.1, RFC 4443 3.1, 3.4 */
static void what_nobody_takes_is_told(void **state)
{
	static const struct {
		uint8_t protocol;
		const char *ipv4, *ipv6;
		uint8_t offset;
	} cases[] = {
		{ 17, "\x03\x03", "\x01\x04", 0 },
		{ 6, "\x03\x03", "\x01\x04", 0 },
		{ 132, "\x03\x02", "\x04\x01", 6 },
	};
	struct fixture *f = *state;
	const uint8_t *message;
	uint8_t frame[256];
	size_t length;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		length = bytes(TTL_1, frame);
		memcpy(frame + IP + 16, "\x0a\0\x01\x01", 4); /* ours, of another port */
		frame[IP + 9] = cases[i].protocol;
		ip_checksums(frame + IP, length - IP);
		message = told_about(f, frame, length);
		assert_non_null(message);
		assert_memory_equal(message, cases[i].ipv4, 2);
		frame[IP + 6] = 0x20; /* a fragment says nothing */
		ip_checksums(frame + IP, length - IP);
		assert_null(told_about(f, frame, length));

		length = bytes(TTL_1_6, frame);
		memcpy(frame + IP + 24, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
		frame[IP + 6] = cases[i].protocol;
		message = told_about(f, frame, length);
		assert_non_null(message);
		assert_memory_equal(message, cases[i].ipv6, 2);
		assert_int_equal(load32(message + 4), cases[i].offset);
		frame[IP + 39] = 9; /* not ours */
		assert_null(told_about(f, frame, length));
	}
	/* the byte that names an unknown header stands in the one before; nothing follows "no next header" */
	length = extend(frame, bytes(ECHO6, frame), 60, "\x8f\0\x01\x04\0\0\0\0", 8);
	message = told_about(f, frame, length);
	assert_non_null(message);
	assert_memory_equal(message, "\x04\x01", 2);
	assert_int_equal(load32(message + 4), 40);
	frame[IP + 40] = 59;
	assert_null(told_about(f, frame, length));
	frame[IP + 41] = 200; /* longer than the packet */
	assert_null(told_about(f, frame, length));
}

static void errors_are_told(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_ip_ttl_exceeded, P0, IP, TTL_1);
	expect_frame(f, P0, TIME_EXCEEDED);
	f->model->ip_identification = 0;
	punt_text(f, PUNT_ip_unreachable, P0, IP, TTL_1);
	expect_frame(f, P0, UNREACHABLE);
	punt_text(f, PUNT_ip_ttl_exceeded, P0, IP, TTL_1_6);
	expect_frame(f, P0, TIME_EXCEEDED_6);
	/* no route: network unreachable, or no route to the destination */
	punt_text(f, PUNT_ip_no_route, P0, IP, TTL_1);
	const struct frame_slot *slot = injected(f);
	assert_non_null(slot);
	assert_memory_equal(slot->data + IP + 20, "\x03\x00", 2);
	punt_text(f, PUNT_ip_no_route, P0, IP, TTL_1_6);
	slot = injected(f);
	assert_non_null(slot);
	assert_memory_equal(slot->data + IP + 40, "\x01\x00", 2);
	expect_nothing(f);
	assert_int_equal(sent(f), 5);
}

static void some_are_never_told(void **state)
{
	static const struct {
		const char *what, *frame;
		size_t at;
		uint8_t value[4];
		size_t count;
	} cases[] = {
		{ "link broadcast", TTL_1, 0, { 0xff }, 1 },
		{ "to a group", TTL_1, IP + 16, { 224, 0, 1, 1 }, 4 },
		{ "to the broadcast address", TTL_1, IP + 16, { 10, 0, 1, 255 }, 4 },
		{ "from the broadcast address", TTL_1, IP + 12, { 10, 0, 0, 255 }, 4 },
		{ "from this network", TTL_1, IP + 12, { 0 }, 1 },
		{ "from loopback", TTL_1, IP + 12, { 127 }, 1 },
		{ "from a group", TTL_1, IP + 12, { 239 }, 1 },
		{ "from class E", TTL_1, IP + 12, { 250 }, 1 },
		{ "a later fragment", TTL_1, IP + 6, { 0, 1 }, 2 },
		{ "an ICMP error", TIME_EXCEEDED, 0, { 2 }, 1 },
		{ "an unknown ICMP type", TIME_EXCEEDED, IP + 20, { 99 }, 1 },
		{ "an ICMPv6 error", TIME_EXCEEDED_6, 0, { 2 }, 1 },
		{ "a redirect", TIME_EXCEEDED_6, IP + 40, { 137 }, 1 },
		{ "to a group 6", TTL_1_6, IP + 24, { 0xff, 5 }, 2 },
		{ "from a group 6", TTL_1_6, IP + 8, { 0xff, 5 }, 2 },
		{ "extension header cut off", TTL_1_6, IP + 6, { 60 }, 1 },
	};
	struct fixture *f = *state;
	uint8_t frame[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = bytes(cases[i].frame, frame);
		memcpy(frame + cases[i].at, cases[i].value, cases[i].count);
		if (strcmp(cases[i].what, "extension header cut off") == 0)
			frame[IP + 41] = 200;
		ip_checksums(frame + IP, length - IP);
		punt_bytes(f, PUNT_ip_ttl_exceeded, P0, IP, frame, length);
		if (injected(f) != NULL)
			fail_msg("told: %s", cases[i].what);
		if (f->model->counters.icmp_suppressed != i + 1)
			fail_msg("not suppressed: %s", cases[i].what);
	}
	/* an echo request that does not arrive is told about */
	punt_text(f, PUNT_ip_ttl_exceeded, P0, IP, ECHO);
	assert_non_null(injected(f));
}

static void errors_are_limited(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2 * ICMP_ERROR_BURST; i++)
		punt_text(f, PUNT_ip_ttl_exceeded, P0, IP, TTL_1);
	assert_int_equal(sent(f), ICMP_ERROR_BURST);
	assert_int_equal(f->model->counters.icmp_limited, ICMP_ERROR_BURST);
	skip_frames(f);
	test_time += 1000000000ull / ICMP_ERROR_RATE * 10;
	for (int i = 0; i < ICMP_ERROR_BURST; i++)
		punt_text(f, PUNT_ip_ttl_exceeded, P0, IP, TTL_1);
	assert_int_equal(sent(f), ICMP_ERROR_BURST + 10);
	/* each interface has its own */
	skip_frames(f);
	punt_text(f, PUNT_ip_ttl_exceeded, P1, IP, UDP_IN_1);
	assert_int_equal(sent(f), ICMP_ERROR_BURST + 11);
}

static void a_loopback_answers_for_an_interface_without_addresses(void **state)
{
	struct fixture *f = *state;

	say(f, "neigh del 10.0.0.2 dev p0");
	say(f, "address del 10.0.0.1/24 dev p0");
	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL_FAR);
	expect_nothing(f);
	assert_int_equal(f->model->counters.icmp_no_way, 1);
	say(f, "loopback add lo0");
	say(f, "address add 10.0.0.1/32 dev lo0");
	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL_FAR);
	expect_frame(f, P1, MPLS_TIME_EXCEEDED_ALONG);
}

/* ---------------------------------------------------------------- labels */

static void label_stacks_are_shown(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL);
	expect_frame(f, P0, MPLS_TIME_EXCEEDED);
	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL_6);
	expect_frame(f, P0, MPLS_TIME_EXCEEDED_6);
	expect_nothing(f);
}

static void errors_go_on_along_the_path(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL_FAR);
	expect_frame(f, P1, MPLS_TIME_EXCEEDED_ALONG);
	/* a path that ends in nothing */
	say(f, "mpls del 100");
	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL_FAR);
	expect_nothing(f);
	assert_int_equal(f->model->counters.icmp_no_way, 1);
	/* a pop leaves the labels below, and goes on from there */
	say(f, "mpls add 100 pop label");
	say(f, "mpls add 77 pop via 10.0.1.3");
	punt_text(f, PUNT_mpls_ttl_exceeded, P0, IP, MPLS_TTL_FAR);
	const struct frame_slot *slot = injected(f);
	assert_non_null(slot);
	assert_int_equal(slot->interface, P1);
	assert_int_equal(load16(slot->data + 12), 0x0800);
	assert_int_equal(slot->data[14 + 20], 11);
}

static uint32_t nexthop_of(struct fixture *f, uint32_t label)
{
	return label_index(word_of(f, label));
}

static void too_long_is_told_with_the_mtu(void **state)
{
	struct fixture *f = *state;
	uint8_t packet[2048];
	size_t length = bytes(BIG, packet);

	punt_long(f, P0, packet, length, nexthop_of(f, 100), 0x0800);
	expect_frame(f, P0, TOO_BIG);
	packet[6] &= 0xbf; /* without DF nobody asked */
	punt_long(f, P0, packet, length, nexthop_of(f, 100), 0x0800);
	expect_nothing(f);
	f->model->ip_identification = 0;
	length = bytes(BIG_LABELLED, packet);
	punt_long(f, P0, packet, length, nexthop_of(f, 100), 0x8847);
	expect_frame(f, P1, TOO_BIG_ALONG);
	expect_nothing(f);
	/* of a nexthop that is not there */
	punt_long(f, P0, packet, length, 77, 0x8847);
	expect_nothing(f);
}

static void options_go_on(void **state)
{
	struct fixture *f = *state;

	f->model->tables->route_root[0][ROUTE_IPV4] = route_leaf(ROUTE_GLEAN, P0);
	punt_text(f, PUNT_ip_options, P1, IP, OPTIONS_IN);
	expect_frame(f, P0, OPTIONS_OUT);
	uint8_t frame[256];
	size_t length = bytes(OPTIONS_IN, frame);
	frame[IP + 20] = 131; /* the sender chooses the way */
	ip_checksums(frame + IP, length - IP);
	punt_bytes(f, PUNT_ip_options, P1, IP, frame, length);
	expect_nothing(f);
	bytes(OPTIONS_IN, frame);
	frame[IP + 21] = 1; /* a length that is none: RFC 1812 4.3.3.5 */
	punt_bytes(f, PUNT_ip_options, P1, IP, frame, length);
	const struct frame_slot *slot = injected(f);
	assert_non_null(slot);
	assert_int_equal(slot->data[IP + 20], 12);
	assert_int_equal(slot->data[IP + 24], 20); /* where it stands */
	assert_memory_equal(slot->data + IP + 28, frame + IP, length - IP);
}

/* RFC 4291 2.5.6, RFC 4443 3.1 */
static void a_link_local_source_goes_no_further(void **state)
{
	static const uint32_t reasons[] = { PUNT_ip_unreachable, PUNT_neighbour_unknown };
	struct fixture *f = *state;
	uint8_t frame[256];
	size_t length = bytes(ECHO6_LL, frame);

	memcpy(frame + IP + 24, "\x20\x01\x0d\xb8\0\x99", 6);
	ip_checksums(frame + IP, length - IP);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		punt_bytes(f, reasons[i], P0, IP, frame, length);
		const struct frame_slot *slot = injected(f);
		assert_non_null(slot);
		assert_int_equal(slot->data[IP + 40], 1);
		assert_int_equal(slot->data[IP + 41], 2);
		assert_memory_equal(slot->data + IP + 48, frame + IP, length - IP);
	}
}

/* RFC 4443 2.4 e: of fragments only those are not told about that may be of an ICMP error. */
static void later_fragments_6_are_told(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	size_t length = bytes(TTL_1_6, frame);

	frame[IP + 6] = 44;
	memcpy(frame + IP + 40, "\x11\0\0\x50\0\0\0\1", 8);
	punt_bytes(f, PUNT_ip_ttl_exceeded, P0, IP, frame, length);
	assert_non_null(injected(f));
	frame[IP + 40] = 58;
	punt_bytes(f, PUNT_ip_ttl_exceeded, P0, IP, frame, length);
	assert_null(injected(f));
}

static void anything_is_survived(void **state)
{
	static const struct {
		uint32_t reason, l3;
		const char *frame;
	} seeds[] = {
		{ PUNT_ip_local, IP, ECHO },
		{ PUNT_ip_local, IP, ECHO_OPTIONS },
		{ PUNT_ip_local, IP, ECHO6 },
		{ PUNT_ip_ttl_exceeded, IP, TTL_1 },
		{ PUNT_ip_ttl_exceeded, IP, TTL_1_6 },
		{ PUNT_ip_ttl_exceeded, IP, TIME_EXCEEDED_6 },
		{ PUNT_mpls_ttl_exceeded, IP, MPLS_TTL },
		{ PUNT_mpls_ttl_exceeded, IP, MPLS_TTL_FAR },
		{ PUNT_mpls_ttl_exceeded, IP, MPLS_TTL_6 },
		{ PUNT_ip_options, IP, OPTIONS_IN },
		{ PUNT_ip_unreachable, IP, OPTIONS_IN },
		{ PUNT_ip_no_route, IP, TTL_1_6 },
	};
	struct fixture *f = *state;
	uint8_t frame[2048];

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		test_time += 1000000000ull;
		punt_mutations(f, seeds[i].reason, seeds[i].l3, frame,
			       bytes(seeds[i].frame, frame));
	}
	/* the labels and headers of a long one; its payload is not looked at */
	size_t length = bytes(BIG_LABELLED, frame);
	store16(frame + 12 + 2, 60);
	assert_true(length > 72);
	punt_mutations(f, PUNT_mtu_exceeded, 0, frame, 72);
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, setup, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(echo_is_answered),
		IN_PORTS(large_echo_is_answered),
		IN_PORTS(long_echo_is_answered),
		IN_PORTS(other_echo_is_not),
		IN_PORTS(extension_headers_are_skipped),
		IN_PORTS(what_nobody_takes_is_told),
		IN_PORTS(errors_are_told),
		IN_PORTS(some_are_never_told),
		IN_PORTS(errors_are_limited),
		IN_PORTS(a_loopback_answers_for_an_interface_without_addresses),
		IN_PORTS(label_stacks_are_shown),
		IN_PORTS(errors_go_on_along_the_path),
		IN_PORTS(too_long_is_told_with_the_mtu),
		IN_PORTS(options_go_on),
		IN_PORTS(a_link_local_source_goes_no_further),
		IN_PORTS(later_fragments_6_are_told),
		IN_PORTS(anything_is_survived),
	};
	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
