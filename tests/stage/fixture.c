/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dataplane/stage/watch.h"

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "fixture: %s: %s\n", what, why);
	exit(1);
}

static void start_eal(bool huge)
{
	char *plain[] = { "fixture",           "--no-huge",     "-m", "256",
			  "--no-shconf",       "--no-pci",      "-l", "0",
			  "--log-level=error", "--no-telemetry" };
	char *with_huge[] = { "fixture", "--in-memory",       "--no-pci",      "-l",
			      "0",       "--log-level=error", "--no-telemetry" };

	int result = huge ? rte_eal_init(RTE_DIM(with_huge), with_huge)
			  : rte_eal_init(RTE_DIM(plain), plain);
	if (result < 0)
		fail("rte_eal_init", rte_strerror(rte_errno));
}

static void own_files(struct fixture *fixture, const char *parent)
{
	struct region_place place;
	char error[REGION_ERROR_SIZE] = "";
	bool created;

	snprintf(fixture->directory, sizeof(fixture->directory), "%s/shunt-fixture-%d",
		 parent != NULL ? parent : "/dev/shm", getpid());
	if (mkdir(fixture->directory, 0750) != 0)
		fail(fixture->directory, strerror(errno));
	if (region_place(&place, fixture->directory, "fixture", error) != 0 ||
	    region_place_make(&place, error) != 0 ||
	    region_own(&fixture->tables_region, &place, REGION_TABLES, 1ull << 30, &created,
		       error) != 0 ||
	    region_own(&fixture->state_region, &place, REGION_STATE, 0, &created, error) != 0)
		fail("shared files", error);
	fixture->tables = fixture->tables_region.base;
	fixture->state = fixture->state_region.base;
}

static void allocate(struct fixture *fixture, const void *start, size_t length)
{
	uint64_t offset = (uint64_t)((const uint8_t *)start - (const uint8_t *)fixture->state);
	int result = region_allocate(&fixture->state_region, offset, length);
	if (result != 0)
		fail("state memory", strerror(-result));
}

static void wish(struct fixture *fixture, _Atomic uint64_t *word, uint64_t count, uint32_t options)
{
	uint64_t offset = heap_allocate(fixture->heap, sizeof(struct watch_wish));

	if (offset == 0)
		fail("watch", "no memory");
	*(struct watch_wish *)heap_object(fixture->heap, offset) =
		(struct watch_wish){ .generation = 1,
				     .deadline = UINT64_MAX,
				     .count = count,
				     .interface = WATCH_ANY,
				     .options = options };
	word_store(word, offset);
}

/* From now on every packet is looked at, by whoever may look: nothing else shall be otherwise. */
static void watch_all(struct fixture *fixture)
{
	wish(fixture, &fixture->tables->control.trace, TRACE_PACKETS_MAX, 0);
	if (region_allocate_capture(&fixture->state_region, 1) != 0)
		fail("capture", "no memory");
	word_store(&fixture->state->control.capture_ready, 1);
	wish(fixture, &fixture->tables->control.capture, 0,
	     capture_options((1u << CAPTURE_EVENTS) - 1, STAGE_output, CAPTURE_SNAP_MAX));
	watch_turn(fixture->worker);
}

void fixture_start(struct fixture *fixture, const char *parent, unsigned int mbufs,
		   unsigned int data_room, bool eal_huge)
{
	memset(fixture, 0, sizeof(*fixture));
	start_eal(eal_huge);
	own_files(fixture, parent);
	allocate(fixture, fixture->state->interface[0], sizeof(fixture->state->interface[0]));
	allocate(fixture, &fixture->state->punt[0], sizeof(fixture->state->punt[0]));
	allocate(fixture, fixture->state->fdb_hit[0], sizeof(fixture->state->fdb_hit[0]));
	allocate(fixture, fixture->state->multicast[0], sizeof(fixture->state->multicast[0]));
	fixture->heap = heap_new(&fixture->tables_region);
	fixture->nexthops = nexthop_pool_new(fixture->tables, fixture->heap);
	/* with a cache, what was freed last is used first */
	fixture->pool = rte_pktmbuf_pool_create("fixture", mbufs, mbufs < 512 ? 0 : 256, PACKET_ROOM,
						(uint16_t)(RTE_PKTMBUF_HEADROOM + data_room), 0);
	fixture->worker = rte_zmalloc(NULL, sizeof(*fixture->worker), CACHE_LINE);
	if (fixture->heap == NULL || fixture->nexthops == NULL || fixture->pool == NULL ||
	    fixture->worker == NULL)
		fail("memory", "not enough");
	word_store(&fixture->state->control.worker_count, 1);
	word_store(&fixture->state->control.interfaces_ready, INTERFACE_MAX);
	atomic_store(&fixture->state->port_live[PORT_VIRTUAL], 1);
	if (tunnel_table_open(&fixture->tunnels, fixture->tables, fixture->heap) != 0)
		fail("tunnel tables", "no memory");
	heap_set_state(fixture->heap, NULL);
	fixture->plan.tables = fixture->tables;
	if (worker_init(fixture->worker, 0, fixture->state, fixture->pool, true, 1000000) != 0)
		fail("worker_init", "failed");
	fixture->worker->tables = fixture->tables;
	fixture->worker->current = &fixture->plan;
	if (getenv("SHUNT_WATCH") != NULL)
		watch_all(fixture);
}

static void remove_directory(const char *path)
{
	char name[512];
	DIR *directory = opendir(path);

	if (directory == NULL)
		return;
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (unlink(name) != 0)
			remove_directory(name);
	}
	closedir(directory);
	rmdir(path);
}

void fixture_stop(struct fixture *fixture)
{
	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++)
		for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
			lpm_delete(fixture->trie[vrf][family]);
	nexthop_pool_delete(fixture->nexthops);
	heap_delete(fixture->heap);
	region_close(&fixture->tables_region);
	region_close(&fixture->state_region);
	rte_mempool_free(fixture->pool);
	rte_eal_cleanup();
	remove_directory(fixture->directory);
}

struct lpm *fixture_trie(struct fixture *fixture, unsigned int vrf, enum route_family family,
			 bool large)
{
	struct lpm *trie = lpm_new(fixture->tables, fixture->heap,
				   &fixture->tables->route_root[vrf][family],
				   family == ROUTE_IPV4 ? 4 : 16, large);

	if (trie == NULL)
		fail("routes", "no memory");
	lpm_publish(trie);
	fixture->trie[vrf][family] = trie;
	return trie;
}

unsigned int fixture_transmitted(struct fixture *fixture)
{
	struct transmit *transmit = &fixture->worker->transmit;
	unsigned int sent = 0;

	for (; transmit->pending != 0; transmit->pending &= transmit->pending - 1) {
		uint16_t *count = &transmit->count[__builtin_ctzll(transmit->pending)];
		sent += *count;
		*count = 0;
	}
	return sent;
}

void fixture_mac(unsigned int port, uint8_t mac[6])
{
	static const uint8_t base[6] = { 0x02 };
	memcpy(mac, base, 6);
	mac[5] = (uint8_t)port;
}

void fixture_port(struct fixture *fixture, unsigned int port, const uint8_t mac[6], uint64_t flags)
{
	struct interface *row = &fixture->tables->interface[port];
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	word_store(&row->mac, word);
	row->parent = port;
	snprintf(row->name, sizeof(row->name), "p%u", port);
	word_store(&row->flags, INTERFACE_VALID | INTERFACE_UP |
					(uint64_t)INTERFACE_PORT << INTERFACE_KIND_SHIFT |
					(uint64_t)port << INTERFACE_PORT_SHIFT |
					1500ull << INTERFACE_MTU_SHIFT | flags);
	atomic_store(&fixture->state->port_live[port], 1);
}

void fixture_vlan(struct fixture *fixture, unsigned int interface, unsigned int port,
		  unsigned int outer_tag, unsigned int inner_tag, uint64_t flags)
{
	struct interface *row = &fixture->tables->interface[interface];
	struct vlan_entry entry = {
		.key = { port, (uint16_t)outer_tag, (uint16_t)inner_tag },
		.interface = interface,
	};

	word_store(&row->mac, word_load(&fixture->tables->interface[port].mac));
	row->parent = port;
	row->outer_tag = (uint16_t)outer_tag;
	row->inner_tag = (uint16_t)inner_tag;
	word_store(&row->flags, INTERFACE_VALID | INTERFACE_UP |
					(uint64_t)INTERFACE_VLAN << INTERFACE_KIND_SHIFT |
					(uint64_t)port << INTERFACE_PORT_SHIFT |
					1500ull << INTERFACE_MTU_SHIFT | flags);
	if (hash_create(fixture->tables, fixture->heap, HASH_VLAN, sizeof(struct vlan_key),
			sizeof(struct vlan_entry), 64) != 0 ||
	    hash_put(fixture->tables, fixture->heap, HASH_VLAN, &entry) != 0)
		fail("VLAN table", "full");
	_Atomic uint64_t *parent = &fixture->tables->interface[port].flags;
	word_store(parent, word_load(parent) | INTERFACE_HAS_VLANS);
}

void fixture_mtu(struct fixture *fixture, unsigned int interface, unsigned int mtu)
{
	_Atomic uint64_t *flags = &fixture->tables->interface[interface].flags;
	word_store(flags, (word_load(flags) & ~(0xffffull << INTERFACE_MTU_SHIFT)) |
				  (uint64_t)mtu << INTERFACE_MTU_SHIFT);
}

/* Tags of the interface, outermost first; returns how many bytes. */
static unsigned int write_tags(const struct interface *row, uint8_t *at)
{
	unsigned int size = 0;

	if (row->outer_tag != 0) {
		const uint8_t outer[4] = { row->inner_tag != 0 ? 0x88 : 0x81,
					   row->inner_tag != 0 ? 0xa8 : 0x00,
					   (uint8_t)(row->outer_tag >> 8),
					   (uint8_t)row->outer_tag };
		memcpy(at, outer, 4);
		size = 4;
	}
	if (row->inner_tag != 0) {
		const uint8_t inner[4] = { 0x81, 0x00, (uint8_t)(row->inner_tag >> 8),
					   (uint8_t)row->inner_tag };
		memcpy(at + 4, inner, 4);
		size = 8;
	}
	return size;
}

uint32_t fixture_nexthop(struct fixture *fixture, unsigned int interface, unsigned int number,
			 const uint32_t *labels, unsigned int label_count, uint32_t backup,
			 unsigned int flags)
{
	const struct interface *row = &fixture->tables->interface[interface];
	uint64_t word = word_load(&row->flags);
	struct rewrite rewrite = {
		.port = (uint8_t)(word >> INTERFACE_PORT_SHIFT),
		.interface = interface,
		.mtu = (uint16_t)(word >> INTERFACE_MTU_SHIFT),
		.label_count = (uint8_t)label_count,
		.backup = backup,
		.flags = (uint8_t)flags,
	};
	uint8_t header[24] = { 0x02, 0xff };
	uint32_t index;

	header[4] = (uint8_t)(number >> 8);
	header[5] = (uint8_t)number;
	uint64_t mac = word_load(&row->mac);
	memcpy(header + 6, &mac, 6);
	unsigned int length = 12 + write_tags(row, header + 12);
	header[length++] = 0x88;
	header[length++] = 0x47;
	rewrite.header_length = (uint8_t)length;
	memcpy(rewrite.header + sizeof(rewrite.header) - length, header, length);
	for (unsigned int i = 0; i < label_count; i++)
		rewrite.label[i] = labels[i];
	if (nexthop_add(fixture->nexthops, NEXTHOP_FORWARD, &rewrite, &index) != 0)
		fail("nexthop table", "full");
	return index;
}

void fixture_ipv4(uint8_t address[16], unsigned int last)
{
	static const uint8_t base[16] = { [10] = 0xff, 0xff, 192, 0, 2 };
	memcpy(address, base, 16);
	address[15] = (uint8_t)last;
}

void fixture_ipv6(uint8_t address[16], unsigned int last)
{
	static const uint8_t base[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	memcpy(address, base, 16);
	address[15] = (uint8_t)last;
}

uint32_t fixture_tunnel(struct fixture *fixture, unsigned int number, const struct tunnel *tunnel,
			uint64_t flags, uint64_t features, uint32_t underlay)
{
	uint32_t interface = INTERFACE_FIRST_TUNNEL + number;
	struct interface *row = &fixture->tables->interface[interface];
	uint64_t offset = heap_allocate(fixture->heap, sizeof(*tunnel));
	uint64_t kind = tunnel->mode == TUNNEL_PSEUDOWIRE ? INTERFACE_PSEUDOWIRE : INTERFACE_TUNNEL;

	if (offset == 0)
		fail("tunnel", "no memory");
	struct tunnel *copy = heap_object(fixture->heap, offset);
	memcpy(copy, tunnel, sizeof(*tunnel));
	if (tunnel_template(copy) != 0)
		fail("tunnel", "not valid");
	snprintf(row->name, sizeof(row->name), "t%u", number);
	word_store(&row->object, offset);
	word_store(&row->underlay, underlay);
	word_store(&row->features, features);
	word_store(&row->flags, INTERFACE_VALID | INTERFACE_UP | kind << INTERFACE_KIND_SHIFT |
					(uint64_t)PORT_VIRTUAL << INTERFACE_PORT_SHIFT |
					1400ull << INTERFACE_MTU_SHIFT | flags);
	int result = tunnel_add(&fixture->tunnels, copy, interface);
	if (result != 0)
		fail("tunnel", strerror(-result));
	return interface;
}

uint32_t fixture_nexthop_tunnel(struct fixture *fixture, uint32_t interface, const uint32_t *labels,
				unsigned int label_count)
{
	struct rewrite rewrite = {
		.port = PORT_VIRTUAL,
		.interface = interface,
		.mtu = (uint16_t)(word_load(&fixture->tables->interface[interface].flags) >>
				  INTERFACE_MTU_SHIFT),
		.label_count = (uint8_t)label_count,
	};
	uint32_t index;

	for (unsigned int i = 0; i < label_count; i++)
		rewrite.label[i] = labels[i];
	if (nexthop_add(fixture->nexthops, NEXTHOP_FORWARD, &rewrite, &index) != 0)
		fail("nexthop table", "full");
	return index;
}

void fixture_label(struct fixture *fixture, unsigned int space, uint32_t label, uint64_t entry)
{
	if (label_space_create(fixture->tables, fixture->heap, space) != 0)
		fail("label space", "no memory");
	if (fixture->worker->label[space] == NULL) {
		allocate(fixture, fixture->state->label[0][space],
			 sizeof(fixture->state->label[0][space]));
		fixture->worker->label[space] = fixture->state->label[0][space];
		word_store(&fixture->state->control.spaces_ready,
			   word_load(&fixture->state->control.spaces_ready) | 1ull << space);
	}
	label_set(fixture->tables, space, label, entry);
}
