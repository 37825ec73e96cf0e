/* SPDX-License-Identifier: BSD-3-Clause
 *
 * match.c: a match expression (pcap-filter(7)) becomes a program of the BSD packet filter.
 *
 * Here and not in the control plane: the compiler may ask name servers, and nobody else shall wait for
 * them.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include "cli/session.h"
#include "dataplane/shm/watch-program.h"

enum { WHOLE_FRAME = 65535 };

/* As the control plane reads it (controlplane/object/watch.h). */
static int program_write(const struct bpf_program *program, char *text, size_t size)
{
	size_t used = 0;

	for (unsigned int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *at = &program->bf_insns[i];
		int length = snprintf(text + used, size - used, "%s%u %u %u %u", i > 0 ? "," : "",
				      at->code, at->jt, at->jf, at->k);
		if (length < 0 || (size_t)length >= size - used)
			return -ENOSPC;
		used += (size_t)length;
	}
	return program->bf_len <= WATCH_PROGRAM_MAX ? 0 : -ENOSPC;
}

/* Its text. 0, or *error is set. */
static int match_compile(const char *expression, char *text, size_t size, struct error *error)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, WHOLE_FRAME);
	struct bpf_program program;
	int result;

	if (pcap == NULL)
		return error_set(error, ERROR_REFUSED, -ENOMEM, "match: out of memory");
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		result = error_set(error, ERROR_USAGE, -EINVAL,
				   "match: '%.256s': %.200s; expected an expression as in "
				   "pcap-filter(7)",
				   expression, pcap_geterr(pcap));
		pcap_close(pcap);
		return result;
	}
	bool runs = watch_program_runs(program.bf_insns, program.bf_len);
	result = program_write(&program, text, size);
	pcap_freecode(&program);
	pcap_close(pcap);
	if (!runs)
		return error_set(error, ERROR_USAGE, -EINVAL,
				 "match: '%.256s' makes a program that goes round in circles; "
				 "expected an expression without protochain",
				 expression);
	return result == 0 ? 0
			   : error_set(error, ERROR_USAGE, -EINVAL,
				       "match: '%.256s' makes a program of more than %d "
				       "instructions or %zu bytes",
				       expression, WATCH_PROGRAM_MAX, size);
}

int match_params(const char *expression, json_t *params, struct error *error)
{
	char text[STRING_MAX];
	int result = match_compile(expression, text, sizeof(text), error);

	if (result != 0)
		return result;
	json_object_del(params, "match");
	json_object_set_new(params, "program", json_string(text));
	return 0;
}
