/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge_vector.c: the frames of one port, many at a time: unicast to addresses and multicast to groups that
 * the tables know. Whatever else a frame may be, bridge_frame takes it alone.
 *
 * Passes: what is looked up, and its lines asked for; the entries' lines asked for; then frame after frame in
 * the order in which they came. A frame whose bytes say what those before it said is not looked at again.
 * Frames that go to the same ports as they are wait together, so that each port gets all of them at once.
 */
#include "dataplane/stage/bridge_look.h"
#include "dataplane/stage/transmit.h"

/* ---------------------------------------------------------------- third pass: sending */

/* All that wait, to each of their ports. */
static void send_waiting(struct batch *batch)
{
	struct waiting *waiting = &batch->waiting;
	unsigned int frames = waiting->frames;

	if (frames == 0)
		return;
	if (waiting->count > 1)
		for (unsigned int i = 0; i < frames; i++)
			rte_pktmbuf_refcnt_update(waiting->mbuf[i], (int16_t)(waiting->count - 1));
	for (unsigned int i = 0; i < waiting->count; i++) {
		struct interface_counters *egress =
			&batch->worker->interface[waiting->target[i].interface];
		counter_add(&egress->tx_packets, frames);
		counter_add(&egress->tx_bytes, waiting->bytes);
		transmit_add_many(batch->worker, waiting->target[i].port, waiting->mbuf, frames,
				  batch->interface);
	}
	batch->forwarded += (uint64_t)frames * waiting->count;
	batch->copies += (uint64_t)frames * (waiting->count - 1);
	waiting->frames = 0;
	waiting->bytes = 0;
}

/* Who gets the frames of these ports; not plain if any of them is no port, is down (it is counted there what it
 * missed), or wants another tag. */
static __rte_noinline void choose_targets(struct batch *batch, const struct look *look,
					  const struct port_set *ports)
{
	struct waiting *waiting = &batch->waiting;

	waiting->ports = *ports;
	waiting->domain = look->domain;
	waiting->tagged = look->tagged;
	waiting->mtu = UINT32_MAX;
	waiting->count = 0;
	waiting->plain = false;
	for (unsigned int i = 0; i < SLOT_WORDS; i++) {
		uint64_t differ = look->tagged ? ports->word[i] & ~look->domain->tagged.word[i]
					       : ports->word[i] & look->domain->tagged.word[i];
		if (differ != 0)
			return;
		for (uint64_t word = ports->word[i]; word != 0; word &= word - 1) {
			uint64_t member =
				batch->members
					->member[i * 64 + (unsigned int)__builtin_ctzll(word)];
			uint32_t port = member_port(member);
			if (port >= PORT_MAX || waiting->count == PORT_MAX)
				return;
			if (!atomic_load_explicit(&batch->worker->port_live[port],
						  memory_order_relaxed))
				return;
			waiting->mtu = RTE_MIN(waiting->mtu, member_mtu(member));
			waiting->target[waiting->count].port = port;
			waiting->target[waiting->count++].interface = member_interface(member);
		}
	}
	waiting->plain = waiting->count > 0;
}

/* With those that wait, if it can. */
static inline bool wait_with_others(struct batch *batch, struct packet *packet,
				    const struct look *look)
{
	struct waiting *waiting = &batch->waiting;
	struct rte_mbuf *mbuf = packet->mbuf;
	if (unlikely(!waiting->plain || mbuf->pkt_len - bridge_l3(look->tagged) > waiting->mtu))
		return false;
	waiting->mbuf[waiting->frames++] = mbuf;
	waiting->bytes += mbuf->pkt_len;
	return true;
}

/* From now on frames wait for these ports. */
static inline void wait_for(struct batch *batch, const struct look *look,
			    const struct port_set *ports)
{
	struct waiting *waiting = &batch->waiting;

	if (likely(waiting->domain == look->domain && waiting->tagged == look->tagged &&
		   same_ports(&waiting->ports, ports)))
		return;
	send_waiting(batch);
	choose_targets(batch, look, ports);
}

/* At once to the one port, if it takes the frame as it is. */
static inline bool send_to(struct batch *batch, struct packet *packet, const struct look *look,
			   unsigned int slot)
{
	struct worker *worker = batch->worker;
	uint64_t member = batch->members->member[slot];
	unsigned int port = member_port(member);
	uint32_t length = packet->mbuf->pkt_len;

	if (unlikely(port >= PORT_MAX || length - bridge_l3(look->tagged) > member_mtu(member) ||
		     port_set_has(&look->domain->tagged, slot) != look->tagged ||
		     !atomic_load_explicit(&worker->port_live[port], memory_order_relaxed)))
		return false;
	if (unlikely(batch->waiting.frames != 0))
		send_waiting(batch);
	struct interface_counters *egress = &worker->interface[member_interface(member)];
	counter_add(&egress->tx_packets, 1);
	counter_add(&egress->tx_bytes, length);
	transmit_add(worker, port, packet->mbuf, batch->interface);
	batch->forwarded++;
	return true;
}

/* ---------------------------------------------------------------- third pass: where to */

static __rte_noinline void find_allowed(struct batch *batch, const struct bridge_domain *domain)
{
	batch->allowed_in = domain;
	batch->allowed = bridge_allowed(domain, batch->members, batch->port);
}

/* The port of the address; NOWHERE: bridge_frame knows what becomes of it. */
static inline int slot_of(struct batch *batch, const struct look *look)
{
	const struct fdb_entry *entry =
		entry_of(batch, look, &look->address, sizeof(look->address));

	if (unlikely(entry == NULL || !port_set_has(&batch->allowed, entry->slot) ||
		     member_interface(batch->members->member[entry->slot % BRIDGE_SLOTS]) !=
			     entry->interface))
		return NOWHERE;
	return entry->slot % BRIDGE_SLOTS;
}

/* Members of the group who want the frame's source; NULL: unregistered. */
static __rte_noinline const struct port_set *
source_members(const struct batch *batch, const struct group_entry *entry,
	       const struct packet *packet, const struct look *look, uint32_t *counter)
{
	const uint8_t *l3 = packet->l3 + bridge_l3(look->tagged);
	uint8_t source[16];

	if (look->family == BRIDGE_IPV6)
		memcpy(source, l3 + 8, sizeof(source));
	else
		multicast_map_ipv4(source, l3 + 12);
	return multicast_source_members(batch->worker->tables, entry, source, counter);
}

/* Of the group that was looked up last. */
static inline void count_waiting(struct batch *batch)
{
	multicast_count(batch->worker, batch->counter, batch->counted_packets,
			batch->counted_bytes);
	batch->counted_packets = 0;
	batch->counted_bytes = 0;
}

/* Frames wait for its group's ports. *only: those of this source only. False: bridge_frame knows. */
static inline bool choose_ports(struct batch *batch, const struct packet *packet,
				const struct look *look, bool *only)
{
	const struct group_entry *entry = entry_of(batch, look, &look->group, sizeof(look->group));
	const struct port_set *members;
	struct port_set ports;

	if (unlikely(entry == NULL))
		return false;
	members = &entry->ports;
	uint32_t counter = entry->counter;
	*only = entry->flags != 0;
	if (unlikely(*only)) {
		members = source_members(batch, entry, packet, look, &counter);
		if (members == NULL)
			return false;
	}
	if (unlikely(!combine(&ports, members, &look->domain->routers[look->family],
			      &batch->allowed)))
		return false;
	if (counter != batch->counter)
		count_waiting(batch);
	batch->counter = counter;
	wait_for(batch, look, &ports);
	return true;
}

/* The frame as the functions of single frames know it. */
static inline struct bridging alone(struct batch *batch, struct packet *packet,
				    const struct look *look)
{
	return (struct bridging){
		.worker = batch->worker,
		.packet = packet,
		.mbuf = packet->mbuf,
		.frame = packet->l3,
		.port = batch->port,
		.domain = look->domain,
		.members = batch->members,
		.memo = &batch->memo,
		.tci = look->tci,
		.tagged = look->tagged,
	};
}

static __rte_noinline bool learn_alone(struct batch *batch, struct packet *packet,
				       const struct look *look)
{
	struct bridging bridging = alone(batch, packet, look);

	return bridge_learn(&bridging);
}

/* Its source is known here, or the control plane is told. False: it ended here. */
static inline bool learn(struct batch *batch, struct packet *packet, const struct look *look)
{
	if (look->repeats)
		return likely(batch->known) || learn_alone(batch, packet, look);
	const struct fdb_entry *entry = source_entry_of(batch->worker->tables, look);
	batch->known = likely(entry != NULL) && entry->slot == batch->port->slot &&
		       (look->source.mac[0] & 1) == 0;
	if (unlikely(!batch->known))
		return learn_alone(batch, packet, look);
	fdb_mark_seen(batch->worker, entry);
	return true;
}

static __rte_noinline void replicate_alone(struct batch *batch, struct packet *packet,
					   const struct look *look, struct port_set *ports)
{
	struct bridging bridging = alone(batch, packet, look);

	send_waiting(batch);
	bridge_replicate(&bridging, ports);
}

static __rte_noinline void frame_alone(struct batch *batch, struct packet *packet)
{
	send_waiting(batch);
	bridge_frame(batch->worker, packet, batch->port, &batch->memo);
}

/* Where it goes: slot or WAITING. NOWHERE: it ended here. */
static __rte_always_inline int find_way(struct batch *batch, struct packet *packet,
					const struct look *look)
{
	bool only = false;
	int way = WAITING;

	batch->again = NOWHERE;
	if (unlikely(batch->allowed_in != look->domain))
		find_allowed(batch, look->domain);
	if (look->kind == LOOK_UNICAST)
		way = slot_of(batch, look);
	else if (unlikely(!choose_ports(batch, packet, look, &only)))
		way = NOWHERE;
	if (unlikely(way == NOWHERE)) {
		batch->known = false;
		frame_alone(batch, packet);
		return NOWHERE;
	}
	if (unlikely(!learn(batch, packet, look)))
		return NOWHERE;
	if (likely(batch->known && !only))
		batch->again = way;
	return way;
}

static __rte_always_inline void forward(struct batch *batch, struct packet *packet,
					const struct look *look)
{
	if (unlikely(look->kind == LOOK_ALONE)) {
		frame_alone(batch, packet);
		return;
	}
	int way = look->same ? batch->again : NOWHERE;
	if (way == NOWHERE)
		way = find_way(batch, packet, look);
	if (unlikely(way == NOWHERE))
		return;
	if (way == WAITING) {
		batch->counted_packets++;
		batch->counted_bytes += packet->mbuf->pkt_len;
	}
	if (likely(way == WAITING ? wait_with_others(batch, packet, look)
				  : send_to(batch, packet, look, (unsigned int)way)))
		return;
	struct port_set ports = { 0 };
	if (way == WAITING)
		ports = batch->waiting.ports;
	else
		port_set_add(&ports, (unsigned int)way);
	replicate_alone(batch, packet, look, &ports);
}

static __rte_noinline void forward_one(struct batch *batch, struct packet *packet,
				       const struct look *look)
{
	forward(batch, packet, look);
}

/* Frames that ask what the one before them asks: where that one went, they wait to go all at once. */
static inline void forward_run(struct batch *batch, struct packet **packets, unsigned int count,
			       const struct look *look)
{
	struct waiting *waiting = &batch->waiting;
	int way = batch->again;
	unsigned int i = 0;
	uint64_t bytes = 0;

	if (way >= 0) {
		struct port_set ports = { 0 };
		port_set_add(&ports, (unsigned int)way);
		wait_for(batch, look, &ports);
	}
	if (likely(way != NOWHERE && waiting->plain)) {
		uint64_t longest = waiting->mtu + bridge_l3(look->tagged);
		struct rte_mbuf **to = &waiting->mbuf[waiting->frames];
		for (; i < count && packets[i]->mbuf->pkt_len <= longest; i++) {
			to[i] = packets[i]->mbuf;
			bytes += to[i]->pkt_len;
		}
		waiting->frames += i;
		waiting->bytes += bytes;
		if (way == WAITING) {
			batch->counted_packets += i;
			batch->counted_bytes += bytes;
		}
	}
	for (; i < count; i++)
		forward_one(batch, packets[i], look);
}

/* Frames of which some repeat others. */
static __rte_noinline void forward_runs(struct batch *batch, struct packet **packets,
					struct look *looks, unsigned int count)
{
	const struct look *last = NULL;

	for (unsigned int i = 0, run; i < count; i += run) {
		run = (unsigned int)__builtin_ctzll(~(batch->repeats >> i));
		if (run > 0) {
			forward_run(batch, &packets[i], run, last);
			continue;
		}
		run = 1;
		forward(batch, packets[i], &looks[i]);
		if (unlikely(looks[i].kind == LOOK_ALONE))
			continue;
		last = &looks[i];
		looks[i].same = looks[i].repeats = true; /* for those that repeat it */
	}
}

/* ---------------------------------------------------------------- the vector */

/* Has the port nothing that has each of its frames looked at: filters, limits? */
static inline bool is_simple(const struct worker *worker, const struct bridge_port *port,
			     uint32_t interface)
{
	uint64_t features = word_load(&worker->tables->interface[interface].features);

	return port->slot != SLOT_OWN && port->meter == 0 && !(features & INTERFACE_FILTER_IN) &&
	       word_load(&worker->tables->filter_outs) == 0;
}

void bridge_vector(struct worker *worker, struct packet **packets, unsigned int count,
		   const struct bridge_port *port)
{
	struct look looks[VECTOR_SIZE];
	const uint64_t all = UINT64_MAX >> (VECTOR_SIZE - count);
	struct batch batch;

	static_assert(VECTOR_SIZE == 64, "a bit of a word for each frame");

	batch.worker = worker;
	batch.port = port;
	batch.members = bridge_members(worker->tables, port->bridge);
	batch.interface = packets[0]->interface;
	batch.addresses = root_of(worker->tables, HASH_FDB);
	batch.groups = root_of(worker->tables, HASH_GROUP);
	batch.vlan = VLAN_NONE;
	batch.domain = batch.allowed_in = batch.waiting.domain = NULL;
	batch.before = NULL;
	batch.frame = no_frame;
	batch.repeats = 0;
	batch.counter = batch.counted_packets = 0;
	batch.counted_bytes = 0;
	batch.memo.port = NULL;
	batch.forwarded = batch.copies = 0;
	batch.waiting.frames = 0;
	batch.waiting.bytes = 0;
	if (unlikely(batch.members == NULL || batch.addresses == NULL ||
		     !is_simple(worker, port, batch.interface))) {
		for (unsigned int i = 0; i < count; i++)
			bridge_frame(worker, packets[i], port, &batch.memo);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (repeats_bytes(&batch, packets[i]))
			batch.repeats |= 1ull << i;
		else
			look_at(&batch, packets[i], &looks[i]);
	}
	for (uint64_t left = all & ~batch.repeats; left != 0; left &= left - 1)
		guess(worker->tables, &looks[__builtin_ctzll(left)]);
	if (batch.repeats != 0)
		forward_runs(&batch, packets, looks, count);
	else
		for (unsigned int i = 0; i < count; i++)
			forward(&batch, packets[i], &looks[i]);
	count_waiting(&batch);
	send_waiting(&batch);
	counter_add(&worker->interface[batch.interface].forwarded, batch.forwarded);
	counter_add(&worker->interface[batch.interface].copies, batch.copies);
}
