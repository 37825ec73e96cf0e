/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/bare.h"

#include <rte_prefetch.h>
#include "dataplane/shm/lpm.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/mpls_header.h"

struct buffer {
	unsigned int count;
	struct rte_mbuf *mbuf[VECTOR_SIZE];
};
static struct buffer transmit[PORT_MAX];

static __rte_always_inline void prefetch_packets(struct rte_mbuf **packets)
{
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		rte_prefetch0(packets[i]);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
}

static __rte_always_inline void prefetch(enum operation operation, struct rte_mbuf **packets,
					 const _Atomic uint64_t *ilm,
					 struct traffic_counter *counters)
{
	prefetch_packets(packets);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		uint8_t *l3 = rte_pktmbuf_mtod_offset(packets[i], uint8_t *, 14);
		uint32_t label = lse_label(lse_load(l3));
		if (operation == PUSH_2)
			rte_prefetch0(l3 - CACHE_LINE);
		rte_prefetch0(&ilm[label]);
		rte_prefetch0(&counters[label]);
	}
}

static __rte_always_inline void labels(const struct fixture *fixture, struct rte_mbuf **packets,
				       enum operation operation)
{
	const struct tables *tables = fixture->tables;
	const _Atomic uint64_t *ilm = tables_object(tables, word_load(&tables->label_space[0]));
	struct traffic_counter *counters = fixture->worker->label[0];

	prefetch(operation, packets, ilm, counters);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		struct rte_mbuf *mbuf = packets[i];
		uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, 14);
		uint32_t word = lse_load(l3);
		uint32_t label = lse_label(word);
		uint64_t entry = word_load(&ilm[label]);
		const struct rewrite *rewrite =
			nexthop_rewrite(tables, word_load(&tables->nexthop[label_index(entry)]));

		counter_add(&counters[label].packets, 1);
		counter_add(&counters[label].bytes, mbuf->pkt_len);
		if (operation == POP) {
			uint32_t below = lse_load(l3 + 4);
			uint32_t ttl = lse_ttl(word) - 1 < lse_ttl(below) ? lse_ttl(word) - 1
									  : lse_ttl(below);
			l3 += 4;
			lse_store(l3, (below & ~LSE_TTL_MASK) | ttl);
		} else {
			lse_store(l3, label_out(entry) << 12 | ((word & 0xfff) - 1));
		}
		if (operation == PUSH_2) {
			uint32_t low = ((word & 0xfff) - 1) & ~LSE_BOTTOM;
			lse_store(l3 - 4, rewrite->label[1] << 12 | low);
			lse_store(l3 - 8, rewrite->label[0] << 12 | low);
			l3 -= 8;
		}
		memcpy(l3 - 14, rewrite->header + 10, 14);
		if (operation == POP || operation == PUSH_2) {
			int moved = operation == POP ? 4 : -8;
			mbuf->data_off = (uint16_t)(mbuf->data_off + moved);
			mbuf->data_len = (uint16_t)(mbuf->data_len - moved);
			mbuf->pkt_len = (uint32_t)((int)mbuf->pkt_len - moved);
		}
		struct buffer *buffer = &transmit[rewrite->port];
		buffer->mbuf[buffer->count++ % VECTOR_SIZE] = mbuf;
	}
	for (unsigned int i = 0; i <= EGRESS_PORTS; i++)
		transmit[i].count = 0;
}

/* What a popped label or an arriving packet needs to be routed: two steps down the trie, TTL, header. */
static __rte_always_inline void routes(const struct fixture *fixture, struct rte_mbuf **packets,
				       bool labelled, unsigned int family)
{
	const struct tables *tables = fixture->tables;
	const _Atomic uint32_t *root = &tables->route_root[0][family];
	struct traffic_counter *counters = fixture->worker->label[0];
	const _Atomic uint64_t *ilm = NULL;
	uint32_t entries[VECTOR_SIZE];
	const uint8_t *destinations[VECTOR_SIZE];

	if (labelled) {
		ilm = tables_object(tables, word_load(&tables->label_space[0]));
		prefetch(POP, packets, ilm, counters);
	} else {
		prefetch_packets(packets);
	}
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		uint8_t *l3 = rte_pktmbuf_mtod_offset(packets[i], uint8_t *, 14);
		if (labelled) {
			uint32_t label = lse_label(lse_load(l3));
			if (label_operation(word_load(&ilm[label])) != LABEL_POP_IP)
				continue;
			counter_add(&counters[label].packets, 1);
			counter_add(&counters[label].bytes, packets[i]->pkt_len);
			l3 += 4;
		}
		destinations[i] = l3 + (family == ROUTE_IPV6 ? 24 : 16);
	}
	lpm_lookup_table(tables, atomic_load_explicit(root, memory_order_acquire), entries,
			 destinations, VECTOR_SIZE);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		struct rte_mbuf *mbuf = packets[i];
		uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, labelled ? 18 : 14);
		const struct rewrite *rewrite = nexthop_rewrite(
			tables, word_load(&tables->nexthop[route_index(entries[i])]));

		memcpy(l3 - 14, rewrite->header + 10, 12);
		if (family == ROUTE_IPV6) {
			l3[7]--;
			memcpy(l3 - 2, (const uint8_t[]){ 0x86, 0xdd }, 2);
		} else {
			ipv4_decrement(l3);
			memcpy(l3 - 2, (const uint8_t[]){ 0x08, 0x00 }, 2);
		}
		if (labelled) {
			mbuf->data_off = (uint16_t)(mbuf->data_off + 4);
			mbuf->data_len = (uint16_t)(mbuf->data_len - 4);
			mbuf->pkt_len -= 4;
		}
		struct buffer *buffer = &transmit[rewrite->port];
		buffer->mbuf[buffer->count++ % VECTOR_SIZE] = mbuf;
	}
	for (unsigned int i = 0; i <= EGRESS_PORTS; i++)
		transmit[i].count = 0;
}

void bare_run(const struct fixture *fixture, struct rte_mbuf **packets, enum operation operation)
{
	switch (operation) {
	case SWAP:
	case SWAP_3:
		labels(fixture, packets, SWAP);
		break;
	case POP:
		labels(fixture, packets, POP);
		break;
	case PUSH_2:
		labels(fixture, packets, PUSH_2);
		break;
	case POP_IP:
		routes(fixture, packets, true, ROUTE_IPV4);
		break;
	case ROUTE_4:
		routes(fixture, packets, false, ROUTE_IPV4);
		break;
	case ROUTE_6:
		routes(fixture, packets, false, ROUTE_IPV6);
		break;
	default: /* tunnels stand alone */
		break;
	}
}
