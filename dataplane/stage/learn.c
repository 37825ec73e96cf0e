/* SPDX-License-Identifier: BSD-3-Clause
 *
 * learn.c: what a bridge's port tells by its frames: who is behind it, and how much it sends.
 *
 * The tables are the control plane's: a worker puts what is new into its ring of events. A full ring, an
 * address that was told a moment ago, or a port that tells too much lose the event: it comes again with
 * the next frame.
 */
#include <rte_cycles.h>
#include <rte_malloc.h>
#include "dataplane/stage/bridge.h"

enum { WINDOWS_PER_SECOND = 20, FRAME_WEIGHT = 1 };

int bridge_init(struct worker *worker)
{
	worker->bridging = rte_zmalloc("bridging", sizeof(*worker->bridging), CACHE_LINE);
	if (worker->bridging == NULL)
		return -ENOMEM;
	worker->bridging->learn_window = rte_get_tsc_hz() / WINDOWS_PER_SECOND;
	worker->learn = &worker->shared->learn[worker->id];
	worker->fdb_hit = worker->shared->fdb_hit[worker->id];
	worker->multicast = worker->shared->multicast[worker->id];
	return 0;
}

/* ---------------------------------------------------------------- addresses */

static bool within_budget(struct bridge_memory *memory, uint32_t interface, uint64_t now)
{
	unsigned int index = interface % LEARN_BUDGETS;

	if (now - memory->budget[index].window >= memory->learn_window) {
		memory->budget[index].window = now;
		memory->budget[index].events = 0;
	}
	return memory->budget[index].events++ < LEARN_BUDGET;
}

/* Was this told within a window? If not, it is now. */
static bool told_lately(struct bridge_memory *memory, const struct fdb_key *key, uint32_t interface,
			uint64_t now)
{
	uint64_t address, port = (uint64_t)interface << 32 | key->bridge;

	memcpy(&address, key, sizeof(address));
	struct learn_recent *recent =
		&memory->recent[(address * 0x9e3779b97f4a7c15ull >> 32) % LEARN_RECENT];
	if (recent->key == address && recent->port == port &&
	    now - recent->time < memory->learn_window)
		return true;
	*recent = (struct learn_recent){ address, port, now };
	return false;
}

static __rte_noinline void tell(struct worker *worker, const struct fdb_key *key,
				uint32_t interface)
{
	uint64_t now = rte_rdtsc();

	if (told_lately(worker->bridging, key, interface, now) ||
	    !within_budget(worker->bridging, interface, now))
		return;
	uint64_t tail = atomic_load_explicit(&worker->learn->tail, memory_order_relaxed);
	if (tail - word_load(&worker->tables->learn_consumer[worker->id].head) >= LEARN_SLOTS)
		return;
	struct learn_event *event = &worker->learn->slot[tail % LEARN_SLOTS];
	*event = (struct learn_event){
		.vlan = key->vlan, .interface = interface, .bridge = key->bridge, .sequence = tail
	};
	memcpy(event->mac, key->mac, sizeof(event->mac));
	word_store(&worker->learn->tail, tail + 1);
}

static void end_by_drop(const struct bridging *bridging, enum drop_reason reason)
{
	drop(bridging->worker, bridging->mbuf, bridging->packet->interface, reason);
}

bool bridge_learn(const struct bridging *bridging)
{
	struct worker *worker = bridging->worker;
	const uint8_t *source = bridging->frame + 6;
	const struct bridge_port *port = bridging->port;
	struct fdb_key key = fdb_key(port->bridge, bridging->domain->vlan, source);
	uint64_t word;

	memcpy(&word, &key, sizeof(word));
	if (unlikely((source[0] & 1) != 0 || (word & rte_cpu_to_le_64(0xffffffffffffull)) == 0)) {
		end_by_drop(bridging, DROP_bridge_source);
		return false;
	}
	const struct fdb_entry *entry = fdb_lookup(worker->tables, &key);
	if (likely(entry != NULL && entry->slot == port->slot)) {
		fdb_mark_seen(worker, entry);
		if (bridging->memo != NULL) {
			bridging->memo->port = port;
			bridging->memo->domain = bridging->domain;
			memcpy(bridging->memo->source, source, sizeof(bridging->memo->source));
		}
		return true;
	}
	if (entry != NULL && entry->origin == ORIGIN_SYSTEM) {
		end_by_drop(bridging, DROP_bridge_source);
		return false;
	}
	if ((port->flags & BRIDGE_PORT_LEARNING) &&
	    (entry == NULL || entry->origin == ORIGIN_LEARNED))
		tell(worker, &key,
		     member_interface(bridging->members->member[port->slot % BRIDGE_SLOTS]));
	return true;
}

/* ---------------------------------------------------------------- storms */

static bool meter_set(struct storm_meter *meter, uint64_t rate)
{
	struct rte_meter_srtcm_params parameters = { .cir = rate, .cbs = rate / 10 + 1, .ebs = 0 };

	meter->rate = rate;
	return rte_meter_srtcm_profile_config(&meter->profile, &parameters) == 0 &&
	       rte_meter_srtcm_config(&meter->meter, &meter->profile) == 0;
}

bool storm_allows(const struct bridging *bridging, enum storm_kind kind)
{
	const struct bridge_port *port = bridging->port;
	uint64_t rate = port->storm[kind];

	if (likely(rate == 0 || port->meter == 0))
		return true;
	struct storm_meter *meter =
		&bridging->worker->bridging->storm[port->meter % STORM_METERS][kind];
	if (meter->rate != rate && !meter_set(meter, rate))
		return true;
	return rte_meter_srtcm_color_blind_check(&meter->meter, &meter->profile, rte_rdtsc(),
						 FRAME_WEIGHT) != RTE_COLOR_RED;
}
