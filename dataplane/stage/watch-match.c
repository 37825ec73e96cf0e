/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/watch-match.h"

#include "dataplane/shm/watch-program.h"

void watch_match_load(struct watch_match *match, const struct watch_wish *wish)
{
	match->valid = false;
	match->length = wish->program_length;
	if (match->length > WATCH_PROGRAM_MAX)
		return;
	for (unsigned int i = 0; i < match->length; i++)
		match->program[i] = (struct bpf_insn){ .code = wish->program[i].code,
						       .jt = wish->program[i].jump_true,
						       .jf = wish->program[i].jump_false,
						       .k = wish->program[i].k };
	match->valid = match->length == 0 || watch_program_runs(match->program, match->length);
}

bool watch_matches(const struct watch_match *match, const struct rte_mbuf *mbuf)
{
	uint8_t copy[WATCH_MATCH_BYTES];
	const uint8_t *bytes = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint32_t length = mbuf->data_len;

	if (!match->valid || match->length == 0)
		return match->valid;
	if (mbuf->nb_segs > 1 && length < WATCH_MATCH_BYTES) {
		length = RTE_MIN(mbuf->pkt_len, (uint32_t)WATCH_MATCH_BYTES);
		bytes = rte_pktmbuf_read(mbuf, 0, length, copy);
		if (bytes == NULL)
			return false;
	}
	return bpf_filter(match->program, bytes, mbuf->pkt_len, length) != 0;
}
