/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watch-program.c: what is said to run is run by libpcap's interpreter, which aborts at what it does not
 * know; what its compiler makes is said to run; what does not end is not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pcap/pcap.h>
#include <string.h>

#include "dataplane/shm/watch-program.h"

enum { CODES = 65536, FRAME = 64, RETURN = BPF_RET | BPF_K, JUMP = BPF_JMP | BPF_JA };

static bool runs(const char *expression)
{
	struct bpf_program program;
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);

	assert_non_null(pcap);
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0)
		fail_msg("%s: %s", expression, pcap_geterr(pcap));
	bool result = watch_program_runs(program.bf_insns, program.bf_len);
	pcap_freecode(&program);
	pcap_close(pcap);
	return result;
}

static void test_compiled(void **state)
{
	static const char *const expressions[] = {
		"", "ip", "mpls 101 and mpls", "vlan 5 and udp port 53", "tcp[13] & 7 != 0",
		"ip[6:2] & 0x1fff = 0", "len > 100", "ether[len - 1] = 5", "ip[8] % 3 = 1",
		"ip[8] << (ip[9] & 3) > 16", "-ip[8] != 3", "ether multicast or host 10.1.1.1",
		"igmp or (ip and proto 47)", "portrange 1000-2000", "(ip[8] ^ ip[9]) / 3 = 7",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++)
		if (!runs(expressions[i]))
			fail_msg("%s", expressions[i]);
	assert_false(runs("ip6 protochain 6"));
}

/* Each code there is: the interpreter knows all that are said to run. */
static void test_codes(void **state)
{
	const uint8_t frame[FRAME] = { 0x45 };
	unsigned int known = 0;

	(void)state;
	for (unsigned int code = 0; code < CODES; code++) {
		const struct bpf_insn program[] = { { (uint16_t)code, 1, 0, 1 },
						    { RETURN, 0, 0, 1 },
						    { RETURN, 0, 0, 2 } };
		if (!watch_program_runs(program, 3))
			continue;
		known++;
		bpf_filter(program, frame, FRAME, FRAME);
	}
	/* 13 loads, 2 stores, 21 for arithmetic, 9 jumps, 2 returns, 2 between registers */
	assert_int_equal(known, 49);
}

static void test_refused(void **state)
{
	static const struct bpf_insn refused[][2] = {
		{ { JUMP, 0, 0, UINT32_MAX }, { RETURN, 0, 0, 1 } },
		{ { JUMP, 0, 0, 1 }, { RETURN, 0, 0, 1 } },
		{ { BPF_JMP | BPF_JEQ, 1, 0, 0 }, { RETURN, 0, 0, 1 } },
		{ { BPF_JMP | BPF_JEQ, 0, 1, 0 }, { RETURN, 0, 0, 1 } },
		{ { BPF_ST, 0, 0, BPF_MEMWORDS }, { RETURN, 0, 0, 1 } },
		{ { BPF_LD | BPF_MEM, 0, 0, BPF_MEMWORDS }, { RETURN, 0, 0, 1 } },
		{ { BPF_ALU | BPF_DIV, 0, 0, 0 }, { RETURN, 0, 0, 1 } },
		{ { BPF_ALU | BPF_MOD, 0, 0, 0 }, { RETURN, 0, 0, 1 } },
		{ { BPF_ALU | BPF_LSH, 0, 0, 32 }, { RETURN, 0, 0, 1 } },
		{ { RETURN, 0, 0, 1 }, { JUMP, 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (watch_program_runs(refused[i], 2))
			fail_msg("%zu", i);
	assert_false(watch_program_runs(refused[0], 0));
	assert_true(watch_program_runs(&refused[0][1], 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
