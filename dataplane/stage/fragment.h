/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fragment.h: making fragments, and where one stands in its packet (RFC 791 3.2, RFC 8200 4.5).
 */
#ifndef SHUNT_FRAGMENT_H
#define SHUNT_FRAGMENT_H

#include <stdbool.h>
#include "dataplane/stage/ip_header.h"
#include "dataplane/worker.h"

enum {
	IP_PACKET_MAX = 65535,     /* bytes after IPv6's header, or of IPv4 with its header */
	FRAGMENT_HEADER = 8,       /* IPv6 */
	EXTENSION_HEADERS_MAX = 8, /* that are looked at */
	FRAGMENTS_MAX = 256,       /* of one packet */
};

struct fragment {
	uint32_t identification;
	uint32_t start, end; /* bytes of the fragmentable part that it carries: [start, end) */
	bool more;           /* it is not the last one */
	uint8_t protocol;    /* of what is fragmented */
	uint16_t header;     /* bytes from packet->l3 to what it carries */
	uint16_t
		next_at; /* IPv6: offset from packet->l3 of the byte that names the fragment header */
};

enum fragment_verdict {
	FRAGMENT_NONE,    /* a whole packet */
	FRAGMENT_GOOD,    /* *fragment is set */
	FRAGMENT_INVALID, /* length or offset that no fragment can have */
	FRAGMENT_TINY, /* the first one, and the transport header is not in it (RFC 1858, RFC 7112) */
};

/* Look at a packet whose IP header was validated. Nothing after its first segment is read. */
enum fragment_verdict fragment_read(const struct packet *packet, struct fragment *fragment);

/* Is it IPv4 with a header that is right, and may it be fragmented? Also asked of packets that no stage
 * validated (out of labels, at the penultimate hop). */
bool fragment_allowed(const struct packet *packet);

/* Cut a packet that fragment_allowed says yes to into fragments of at most `mtu` bytes, each with headroom
 * for what is to be put before it, which share the packet's bytes. Returns how many: they take the packet's
 * place, one more or less counted as created (`fragments`). 0: it was dropped, for want of buffers or
 * because the MTU is less than IPv4's least (68). */
unsigned int fragment(struct worker *worker, struct packet *packet, unsigned int mtu,
		      struct rte_mbuf *fragments[FRAGMENTS_MAX]);

/* Cut off what stands behind the first `length` bytes of a packet, segments that become empty too. */
void packet_cut(struct rte_mbuf *mbuf, uint32_t length);

#endif
