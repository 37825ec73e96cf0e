/* SPDX-License-Identifier: BSD-3-Clause
 *
 * reassemble.c: fragments of packets for ourselves wait here for the rest (RFC 791 3.2, RFC 8200 4.5).
 *
 * Not rte_ip_frag's tables: as Debian builds them a packet has at most 8 fragments (8,000 bytes on a link
 * of 1,000 have 9), overlaps are not refused (RFC 5722), a duplicate loses the packet, and what timed out
 * comes back as buffers alone, so that neither the interface to count it at nor the first fragment to
 * answer is known.
 *
 * A worker has DATAGRAMS packets in the making, of at most PIECES_OF_ONE pieces each, and no more buffers
 * in all than `pieces_max`; who comes when they are used up takes the place of the oldest. A packet whose
 * fragments overlap is refused with all that still comes of it until its time is over.
 *
 * What is kept from one turn to the next are buffers, byte counts, and for each piece the row number of
 * the interface that it came in by. That number indexes the worker's own counters, which stay for as long
 * as the process; before it names an interface to anybody else, the row is looked at again: it must
 * be up and in the VRF in which the packet was. The packet that is whole goes on as one that came in by
 * the interface of its last fragment, in this turn.
 */
#include <rte_cycles.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <errno.h>
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/stage/stage.h"

enum {
	DATAGRAMS = 256,
	PIECES = 1024,
	PIECES_OF_ONE = 64,
	POOL_SHARE = 4, /* no more than this part of the buffers */
	BUCKETS = 512,
	NONE = UINT16_MAX,
	ECN_MASK = 3,
	ECN_CONGESTED = 3,
	NOT_REFUSED = -1,
};

/* What fragments of one packet have in common. No padding. */
struct datagram_key {
	uint8_t addresses[32]; /* source and destination; IPv4's in the first 8 */
	uint32_t identification;
	uint8_t vrf;
	uint8_t payload;  /* enum payload */
	uint8_t protocol; /* IPv4; 0 */
	uint8_t reserved;
};
static_assert(sizeof(struct datagram_key) == 40, "datagram_key has no padding");

struct piece {
	struct rte_mbuf *mbuf;
	uint32_t start, end;
	uint32_t interface;
	uint16_t l3;      /* bytes of the frame before the IP header */
	uint16_t header;  /* bytes from there to what it carries */
	uint16_t next_at; /* as in struct fragment */
	uint16_t next;    /* piece after it; or free one */
};

struct datagram {
	struct datagram_key key;
	uint64_t expires; /* TSC */
	uint32_t have;    /* bytes */
	uint32_t total;   /* bytes; 0: the last fragment is not there yet */
	int refused;      /* NOT_REFUSED, or enum drop_reason of all that comes */
	uint16_t first;   /* piece; in order of start */
	uint16_t count;   /* pieces */
	uint16_t chain;   /* next one in its bucket; or free one */
	uint16_t bucket;
	uint16_t older, newer;
	uint8_t ecn; /* bit per codepoint seen */
};

struct reassembly {
	uint32_t seed;
	uint16_t oldest, newest;
	uint16_t free_datagram, free_piece;
	unsigned int pieces, pieces_max;
	uint64_t lifetime; /* cycles */
	uint16_t bucket[BUCKETS];
	struct datagram datagram[DATAGRAMS];
	struct piece piece[PIECES];
};

int reassembly_init(struct worker *worker)
{
	struct reassembly *table = rte_zmalloc("reassembly", sizeof(*table), CACHE_LINE);

	if (table == NULL)
		return -ENOMEM;
	table->seed = (uint32_t)rte_rand();
	table->oldest = table->newest = NONE;
	table->lifetime = rte_get_tsc_hz() * REASSEMBLY_SECONDS;
	table->pieces_max = worker->pool->size / POOL_SHARE;
	if (table->pieces_max > PIECES)
		table->pieces_max = PIECES;
	for (unsigned int i = 0; i < BUCKETS; i++)
		table->bucket[i] = NONE;
	for (unsigned int i = 0; i < DATAGRAMS; i++)
		table->datagram[i].chain = (uint16_t)(i + 1 < DATAGRAMS ? i + 1 : NONE);
	for (unsigned int i = 0; i < PIECES; i++)
		table->piece[i].next = (uint16_t)(i + 1 < PIECES ? i + 1 : NONE);
	worker->reassembly = table;
	worker->reassembling = 0;
	return 0;
}

/* ---------------------------------------------------------------- the table */

static struct datagram_key key_of(const struct packet *packet, const struct fragment *fragment)
{
	bool ipv4 = packet->payload == PAYLOAD_IPV4;
	struct datagram_key key = {
		.identification = fragment->identification,
		.vrf = packet->vrf,
		.payload = packet->payload,
		.protocol = ipv4 ? fragment->protocol : 0,
	};

	memcpy(key.addresses, packet->l3 + (ipv4 ? 12 : 8), ipv4 ? 8 : 32);
	return key;
}

static uint16_t bucket_of(const struct reassembly *table, const struct datagram_key *key)
{
	return (uint16_t)(rte_jhash(key, sizeof(*key), table->seed) % BUCKETS);
}

static struct datagram *find(struct reassembly *table, const struct datagram_key *key)
{
	uint16_t at = table->bucket[bucket_of(table, key)];

	while (at != NONE && memcmp(&table->datagram[at].key, key, sizeof(*key)) != 0)
		at = table->datagram[at].chain;
	return at == NONE ? NULL : &table->datagram[at];
}

static uint16_t number_of(const struct reassembly *table, const struct datagram *datagram)
{
	return (uint16_t)(datagram - table->datagram);
}

/* Take the first piece off. */
static struct piece *take_piece(struct reassembly *table, struct datagram *datagram)
{
	uint16_t number = datagram->first;
	struct piece *piece = &table->piece[number];

	datagram->first = piece->next;
	datagram->count--;
	table->pieces--;
	piece->next = table->free_piece;
	table->free_piece = number;
	return piece; /* its contents stay until the next one is put in */
}

static void forget(struct worker *worker, struct datagram *datagram)
{
	struct reassembly *table = worker->reassembly;
	uint16_t number = number_of(table, datagram), *link = &table->bucket[datagram->bucket];

	while (*link != number)
		link = &table->datagram[*link].chain;
	*link = datagram->chain;
	*(datagram->older != NONE ? &table->datagram[datagram->older].newer : &table->oldest) =
		datagram->newer;
	*(datagram->newer != NONE ? &table->datagram[datagram->newer].older : &table->newest) =
		datagram->older;
	datagram->chain = table->free_datagram;
	table->free_datagram = number;
	worker->reassembling--;
}

static void drop_pieces(struct worker *worker, struct datagram *datagram, enum drop_reason reason)
{
	while (datagram->count > 0) {
		struct piece *piece = take_piece(worker->reassembly, datagram);
		drop(worker, piece->mbuf, piece->interface, reason);
	}
}

/* No more of this packet is taken, now or later. */
static void refuse(struct worker *worker, struct datagram *datagram, enum drop_reason reason)
{
	drop_pieces(worker, datagram, reason);
	datagram->refused = (int)reason;
}

static void evict_oldest(struct worker *worker)
{
	struct datagram *datagram = &worker->reassembly->datagram[worker->reassembly->oldest];

	drop_pieces(worker, datagram, DROP_fragments_full);
	forget(worker, datagram);
}

static struct datagram *begin(struct worker *worker, const struct datagram_key *key)
{
	struct reassembly *table = worker->reassembly;

	if (table->free_datagram == NONE)
		evict_oldest(worker);
	uint16_t number = table->free_datagram, bucket = bucket_of(table, key);
	struct datagram *datagram = &table->datagram[number];
	table->free_datagram = datagram->chain;
	*datagram = (struct datagram){
		.key = *key,
		.expires = rte_rdtsc() + table->lifetime,
		.refused = NOT_REFUSED,
		.first = NONE,
		.chain = table->bucket[bucket],
		.bucket = bucket,
		.older = table->newest,
		.newer = NONE,
	};
	table->bucket[bucket] = number;
	*(table->newest != NONE ? &table->datagram[table->newest].newer : &table->oldest) = number;
	table->newest = number;
	worker->reassembling++;
	return datagram;
}

/* ---------------------------------------------------------------- time is over */

/* Is the row still one that the packet may have come in by? */
static bool interface_still(const struct worker *worker, uint32_t interface, uint8_t vrf)
{
	const uint64_t wanted = INTERFACE_VALID | INTERFACE_UP;
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);

	return (flags & wanted) == wanted && (uint8_t)(flags >> INTERFACE_VRF_SHIFT) == vrf;
}

/* RFC 792, RFC 4443 3.3: with the first fragment, its sender can be told. */
static void give_up(struct worker *worker, struct datagram *datagram)
{
	while (datagram->count > 0) {
		struct piece *piece = take_piece(worker->reassembly, datagram);
		if (piece->start == 0 &&
		    interface_still(worker, piece->interface, datagram->key.vrf))
			punt_or_drop(worker, piece->mbuf, piece->interface, PUNT_fragment_timeout,
				     rte_pktmbuf_mtod_offset(piece->mbuf, uint8_t *, piece->l3),
				     DROP_fragment_timeout);
		else
			drop(worker, piece->mbuf, piece->interface, DROP_fragment_timeout);
	}
	forget(worker, datagram);
}

void reassembly_expire(struct worker *worker, uint64_t now)
{
	struct reassembly *table = worker->reassembly;

	while (table->oldest != NONE && table->datagram[table->oldest].expires <= now)
		give_up(worker, &table->datagram[table->oldest]);
}

void reassembly_flush(struct worker *worker)
{
	struct reassembly *table = worker->reassembly;

	while (table->oldest != NONE) {
		struct datagram *datagram = &table->datagram[table->oldest];
		drop_pieces(worker, datagram, DROP_fragment_timeout);
		forget(worker, datagram);
	}
}

/* ---------------------------------------------------------------- another piece */

static uint8_t ecn_of(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	unsigned int codepoint = packet->payload == PAYLOAD_IPV4 ? header[1] : header[1] >> 4;

	return (uint8_t)(1u << (codepoint & ECN_MASK));
}

/* Where it belongs among the pieces: *link is the number of the one after it. GOOD: it fits. */
enum place { PLACE_GOOD, PLACE_DUPLICATE, PLACE_OVERLAP };
static enum place find_place(struct reassembly *table, struct datagram *datagram,
			     const struct fragment *fragment, uint16_t **link)
{
	uint32_t before = 0;

	*link = &datagram->first;
	while (**link != NONE && table->piece[**link].start < fragment->start) {
		before = table->piece[**link].end;
		*link = &table->piece[**link].next;
	}
	const struct piece *after = **link == NONE ? NULL : &table->piece[**link];
	if (after != NULL && after->start == fragment->start && after->end == fragment->end)
		return PLACE_DUPLICATE;
	if (before > fragment->start || (after != NULL && after->start < fragment->end))
		return PLACE_OVERLAP;
	/* nothing stands behind the end, and there is one end */
	if (datagram->total != 0 && (!fragment->more || fragment->end > datagram->total))
		return PLACE_OVERLAP;
	if (!fragment->more && after != NULL)
		return PLACE_OVERLAP;
	return PLACE_GOOD;
}

static void insert(struct worker *worker, struct datagram *datagram, uint16_t *link,
		   const struct packet *packet, const struct fragment *fragment)
{
	struct reassembly *table = worker->reassembly;
	uint16_t number = table->free_piece;
	struct piece *piece = &table->piece[number];

	table->free_piece = piece->next;
	table->pieces++;
	*piece = (struct piece){
		.mbuf = packet->mbuf,
		.start = fragment->start,
		.end = fragment->end,
		.interface = packet->interface,
		.l3 = (uint16_t)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, uint8_t *)),
		.header = fragment->header,
		.next_at = fragment->next_at,
		.next = *link,
	};
	*link = number;
	datagram->count++;
	datagram->have += fragment->end - fragment->start;
	if (!fragment->more)
		datagram->total = fragment->end;
	datagram->ecn |= ecn_of(packet);
}

/* There is room for one more piece, or the packet was dropped. What is older makes room. */
static bool make_room(struct worker *worker, const struct datagram *datagram)
{
	struct reassembly *table = worker->reassembly;

	if (datagram->count >= PIECES_OF_ONE)
		return false;
	while (table->pieces >= table->pieces_max) {
		if (table->oldest == number_of(table, datagram))
			return false;
		evict_oldest(worker);
	}
	return true;
}

/* ---------------------------------------------------------------- the whole */

/* Take the headers off. They stand in the first segment, which may have had nothing else. */
static struct rte_mbuf *without_headers(const struct piece *piece)
{
	struct rte_mbuf *mbuf = piece->mbuf, *next = mbuf->next;

	rte_pktmbuf_adj(mbuf, (uint16_t)(piece->l3 + piece->header));
	if (mbuf->data_len != 0 || next == NULL)
		return mbuf;
	next->pkt_len = mbuf->pkt_len;
	next->nb_segs = (uint16_t)(mbuf->nb_segs - 1);
	rte_pktmbuf_free_seg(mbuf);
	return next;
}

/* The header of the whole packet. IPv6's loses the fragment header, and what stands before it moves. */
static uint8_t *mend_header(const struct piece *first, const struct datagram *datagram)
{
	uint8_t *frame = rte_pktmbuf_mtod(first->mbuf, uint8_t *);
	uint8_t *header = frame + first->l3;
	bool congested = datagram->ecn & 1u << ECN_CONGESTED;

	if (datagram->key.payload == PAYLOAD_IPV4) {
		ip_store16(header + 2, first->header + datagram->total);
		ip_store16(header + 6, 0);
		header[1] |= congested ? ECN_CONGESTED : 0;
		ipv4_set_checksum(header);
		return header;
	}
	header[first->next_at] = header[first->header - FRAGMENT_HEADER];
	unsigned int before = first->header - (unsigned int)FRAGMENT_HEADER; /* of the packet */
	ip_store16(header + 4, before - IPV6_HEADER + datagram->total);
	header[1] |= congested ? ECN_CONGESTED << 4 : 0;
	memmove(frame + FRAGMENT_HEADER, frame, first->l3 + before);
	rte_pktmbuf_adj(first->mbuf, FRAGMENT_HEADER);
	return header + FRAGMENT_HEADER;
}

/* All pieces are there: one packet with the first one's headers. The packet that the last one was is
 * what becomes of it, in the first one's buffer, since its own may go; each other one ends here, consumed. */
static struct packet *join(struct worker *worker, struct datagram *datagram, struct packet *packet)
{
	struct reassembly *table = worker->reassembly;
	struct rte_mbuf *last = packet->mbuf, *head = NULL;
	struct packet whole = *packet;

	while (datagram->count > 0) {
		struct piece *piece = take_piece(table, datagram);
		struct rte_mbuf *mbuf = piece->mbuf;
		if (mbuf != last) {
			counter_add(&worker->interface[piece->interface].consumed, 1);
			if (unlikely(worker->watch & WATCH_PACKETS))
				watch_end(worker, mbuf, piece->interface, WATCH_CONSUMED,
					  WATCH_reassembled);
		}
		packet_cut(mbuf, piece->l3 + piece->header + piece->end - piece->start);
		if (head == NULL) {
			whole.l3 = mend_header(piece, datagram);
			head = mbuf;
		} else {
			rte_pktmbuf_chain(head, without_headers(piece));
		}
	}
	whole.mbuf = head;
	if (unlikely(worker->watch & WATCH_PACKETS)) /* while the last one's buffer is there */
		watch_joined(worker, head, last, whole.interface);
	*packet_of(head) = whole;
	/* most of those that tunnels make fit into one buffer; if not, they stay in several */
	(void)rte_pktmbuf_linearize(head);
	forget(worker, datagram);
	return packet_of(head);
}

/* RFC 3168 5.3: congestion was seen by one, and another is of a sender that does not know about it. */
static bool ecn_is_contradictory(uint8_t seen)
{
	return (seen & 1u << ECN_CONGESTED) && (seen & 1);
}

static bool is_complete(const struct datagram *datagram)
{
	return datagram->total != 0 && datagram->have == datagram->total;
}

/* The first one may have longer headers than the one whose length was checked. */
static bool is_too_long(const struct reassembly *table, const struct datagram *datagram)
{
	const struct piece *first = &table->piece[datagram->first];
	uint32_t headers = datagram->key.payload == PAYLOAD_IPV4
				   ? first->header
				   : first->header - (uint32_t)(IPV6_HEADER + FRAGMENT_HEADER);

	return headers + datagram->total > IP_PACKET_MAX;
}

/* An IPv6 packet that is its own only fragment goes on without the table. RFC 6946 */
static void unwrap(struct packet *packet, const struct fragment *fragment)
{
	struct datagram alone = { .key.payload = packet->payload, .total = fragment->end };
	struct piece piece = {
		.mbuf = packet->mbuf,
		.l3 = (uint16_t)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, uint8_t *)),
		.header = fragment->header,
		.next_at = fragment->next_at,
	};

	packet->l3 = mend_header(&piece, &alone);
}

/* The packet that it belongs to now, or NULL: it was dropped. */
static struct datagram *add(struct worker *worker, struct packet *packet,
			    const struct fragment *fragment)
{
	struct datagram_key key = key_of(packet, fragment);
	struct datagram *datagram = find(worker->reassembly, &key);
	enum drop_reason reason = DROP_fragments_full;
	uint16_t *link;

	if (datagram == NULL)
		datagram = begin(worker, &key);
	if (datagram->refused != NOT_REFUSED) {
		reason = (enum drop_reason)datagram->refused;
	} else {
		enum place place = find_place(worker->reassembly, datagram, fragment, &link);
		if (place == PLACE_GOOD && make_room(worker, datagram)) {
			insert(worker, datagram, link, packet, fragment);
			return datagram;
		}
		if (place == PLACE_DUPLICATE)
			reason = DROP_fragment_duplicate;
		else if (place == PLACE_OVERLAP)
			reason = DROP_fragment_overlap;
		if (place != PLACE_DUPLICATE)
			refuse(worker, datagram, reason);
	}
	drop(worker, packet->mbuf, packet->interface, reason);
	return NULL;
}

struct packet *reassemble(struct worker *worker, struct packet *packet)
{
	struct fragment fragment;

	switch (fragment_read(packet, &fragment)) {
	case FRAGMENT_NONE:
		return packet;
	case FRAGMENT_INVALID:
		drop(worker, packet->mbuf, packet->interface, DROP_fragment_invalid);
		return NULL;
	case FRAGMENT_TINY:
		drop(worker, packet->mbuf, packet->interface, DROP_fragment_tiny);
		return NULL;
	case FRAGMENT_GOOD:
		break;
	}
	if (fragment.start == 0 && !fragment.more) {
		unwrap(packet, &fragment);
		return packet;
	}
	struct datagram *datagram = add(worker, packet, &fragment);
	if (datagram == NULL || !is_complete(datagram)) {
		if (unlikely(worker->watch & WATCH_PACKETS) && datagram != NULL)
			watch_end(worker, packet->mbuf, packet->interface, WATCH_CONSUMED,
				  WATCH_fragment_waits);
		return NULL;
	}
	if (ecn_is_contradictory(datagram->ecn) || is_too_long(worker->reassembly, datagram)) {
		refuse(worker, datagram, DROP_fragment_invalid);
		return NULL;
	}
	return join(worker, datagram, packet);
}
