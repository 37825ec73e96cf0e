/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Headers in a line: what they say, and that what is not there is not looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/object/packet_text.h"

enum { RANDOM_FRAMES = 200000 };

#define MACS    "020000000002020000000001"
#define SAID    "02:00:00:00:00:01 > 02:00:00:00:00:02"
#define IPV4(protocol) "450000300000000040" protocol "00000a0000010a000002"
#define SAID4   "ipv4 10.0.0.1 > 10.0.0.2 ttl 64"
#define ADDRESSES6 "20010db8000000000000000000000001" "20010db8000000000000000000000002"
#define SAID6   "ipv6 2001:db8::1 > 2001:db8::2 ttl 9"

static const struct {
	enum packet_start start;
	const char *bytes;
	const char *text;
} cases[] = {
	{ PACKET_ETHERNET, MACS "0800" IPV4("11") "03e807d000080000", SAID " " SAID4 " udp 1000 > 2000" },
	{ PACKET_ETHERNET, MACS "8100000a0800" IPV4("06") "005000501111",
	  SAID " vlan 10 " SAID4 " tcp 80 > 80" },
	{ PACKET_ETHERNET, MACS "88a80fff8100000a0800" IPV4("01") "0800",
	  SAID " vlan 4095 vlan 10 " SAID4 " icmp type 8 code 0" },
	{ PACKET_ETHERNET, MACS "8847" "00064a40" "00065109" IPV4("59"),
	  SAID " mpls 100/101 tc 5 ttl 64 " SAID4 " protocol 89" },
	{ PACKET_ETHERNET, MACS "8847" "00064140" "00000000", SAID " mpls 100 tc 0 ttl 64" },
	{ PACKET_ETHERNET, MACS "8848" "00064140", SAID " mpls 100 tc 0 ttl 64" },
	{ PACKET_ETHERNET, MACS "0806" "0001080006040001" "020000000001" "0a000001" "000000000000" "0a000002",
	  SAID " arp request 10.0.0.1 > 10.0.0.2" },
	{ PACKET_ETHERNET, MACS "1234" "0000", SAID " ethertype 0x1234" },
	{ PACKET_ETHERNET, MACS "0026" "4242", SAID " llc, length 38" },
	{ PACKET_IP, IPV4("2f") "20000800" "0000004d" IPV4("11") "00010002",
	  SAID4 " gre key 77 " SAID4 " udp 1 > 2" },
	{ PACKET_IP, IPV4("2f") "b0008847" "abcd0000" "0000004d" "00000001" "00064140" IPV4("3b"),
	  SAID4 " gre key 77 mpls 100 tc 0 ttl 64 " SAID4 " protocol 59" },
	{ PACKET_IP, IPV4("11") "303912b500000000" "0800000000002a00" MACS "0800" IPV4("04") IPV4("01") "0301",
	  SAID4 " udp 12345 > 4789 vni 42 " SAID " " SAID4 " " SAID4 " icmp type 3 code 1" },
	{ PACKET_IP, "600000000008" "2c09" ADDRESSES6 "1100000900000001" "00010002",
	  SAID6 " fragment 8+ protocol 17" },
	{ PACKET_IP, "600000000008" "2c09" ADDRESSES6 "1100000100000001" "00010002",
	  SAID6 " fragment 0+ udp 1 > 2" },
	{ PACKET_IP, "600000000008" "0009" ADDRESSES6 "3c00000000000000" "3a01000000000000" "0000000000000000" "8000",
	  SAID6 " icmp6 type 128 code 0" },
	{ PACKET_IP, "4500003000002003" "4011" "0000" "0a0000010a000002" "0001", SAID4 " fragment 24+ protocol 17" },
	{ PACKET_MPLS, "00064140" "600000000000" "2909" ADDRESSES6 IPV4("11") "00010002",
	  "mpls 100 tc 0 ttl 64 " SAID6 " ipv6 ..." },
};

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned int byte;
		sscanf(hex + 2 * i, "%2x", &byte);
		bytes[i] = (uint8_t)byte;
	}
	return length;
}

static void what_it_says(void **state)
{
	uint8_t bytes[512];
	char text[PACKET_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		packet_text(bytes, from_hex(cases[i].bytes, bytes), cases[i].start, text);
		assert_string_equal(text, cases[i].text);
	}
}

/* Of memory that ends where the packet does, for the sanitizer to see. */
static void try(const uint8_t *bytes, size_t length, enum packet_start start,
		char text[PACKET_TEXT_SIZE])
{
	uint8_t *exact = malloc(length > 0 ? length : 1);

	memcpy(exact, bytes, length);
	memset(text, 0x55, PACKET_TEXT_SIZE);
	packet_text(exact + (length == 0), length, start, text);
	assert_non_null(memchr(text, '\0', PACKET_TEXT_SIZE));
	free(exact);
}

static void cut_anywhere(void **state)
{
	uint8_t bytes[512];
	char text[PACKET_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t length = from_hex(cases[i].bytes, bytes); length-- > 0;) {
			try(bytes, length, cases[i].start, text);
			/* what is there is said as in the whole packet */
			char *more = strstr(text, " ...");
			size_t same = more != NULL ? (size_t)(more - text) : 0;
			assert_memory_equal(text, cases[i].text, same < strlen(cases[i].text) ? same : 0);
		}
}

static void rubbish(void **state)
{
	uint8_t bytes[160];
	char text[PACKET_TEXT_SIZE];

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < RANDOM_FRAMES; i++) {
		size_t length = (size_t)random() % sizeof(bytes);
		size_t known = from_hex(cases[(size_t)random() % (sizeof(cases) / sizeof(cases[0]))].bytes, bytes);
		for (size_t k = (size_t)random() % 64; k < length; k++)
			if (k >= known || random() % 8 == 0)
				bytes[k] = (uint8_t)random();
		try(bytes, length, (enum packet_start)(random() % 3), text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
