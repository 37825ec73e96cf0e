/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fixture.h: real tables, real stages, no ports: for the stage tests and the pipeline benchmark.
 */
#ifndef SHUNT_TESTS_FIXTURE_H
#define SHUNT_TESTS_FIXTURE_H

#include "dataplane/shm/heap.h"
#include "dataplane/shm/hash.h"
#include "dataplane/shm/lpm.h"
#include "dataplane/shm/region.h"
#include "dataplane/shm/table.h"
#include "dataplane/shm/tunnel.h"
#include "dataplane/worker.h"

/* Both planes in one process: it owns the two files and runs the stages by hand. */
struct fixture {
	char directory[128];
	struct region tables_region, state_region;
	struct tables *tables;
	struct state *state;
	struct heap *heap;
	struct nexthop_pool *nexthops;
	struct rte_mempool *pool;
	struct worker *worker;
	struct plan plan;
	struct tunnel_table tunnels;
	struct lpm *trie[VRF_MAX][ROUTE_FAMILIES]; /* those that were made */
};

/* EAL without ports, the files in a new directory below `parent` (NULL: /dev/shm), one worker, `mbufs`
 * buffers of `data_room` bytes. With `eal_huge`, hugepages are used if there are any. Exits with a
 * message if anything of it fails: nothing can be tested then. */
void fixture_start(struct fixture *fixture, const char *parent, unsigned int mbufs,
		   unsigned int data_room, bool eal_huge);
void fixture_stop(struct fixture *fixture);

/* Interface row of a port with this MAC; up, live, MTU 1500; `flags` are further INTERFACE_... bits. */
void fixture_port(struct fixture *fixture, unsigned int port, const uint8_t mac[6], uint64_t flags);
/* VLAN subinterface row. */
void fixture_vlan(struct fixture *fixture, unsigned int interface, unsigned int port,
		  unsigned int outer_tag, unsigned int inner_tag, uint64_t flags);
void fixture_mtu(struct fixture *fixture, unsigned int interface, unsigned int mtu);

/* A nexthop out of `interface`: from 02:00:00:00:00:<port> to 02:ff:00:00:00:<number>. Labels are
 * outermost first. Returns its index. */
uint32_t fixture_nexthop(struct fixture *fixture, unsigned int interface, unsigned int number,
			 const uint32_t *labels, unsigned int label_count, uint32_t backup,
			 unsigned int flags);

/* The row INTERFACE_FIRST_TUNNEL + number of a tunnel, whose template is made here; up, MTU 1400, `flags`
 * are further INTERFACE_... bits. Packets go out by `underlay`, a route leaf. Returns the row. */
uint32_t fixture_tunnel(struct fixture *fixture, unsigned int number, const struct tunnel *tunnel,
			uint64_t flags, uint64_t features, uint32_t underlay);
/* A nexthop by a tunnel's row. */
uint32_t fixture_nexthop_tunnel(struct fixture *fixture, uint32_t interface,
				const uint32_t *labels, unsigned int label_count);
/* 192.0.2.<last> as struct tunnel has it; 2001:db8::<last>. */
void fixture_ipv4(uint8_t address[16], unsigned int last);
void fixture_ipv6(uint8_t address[16], unsigned int last);

/* A label's entry in a space, which is made if it is not there. */
void fixture_label(struct fixture *fixture, unsigned int space, uint32_t label, uint64_t entry);

/* The routes of a VRF and family, empty and published; to be made once each. `large` as lpm_new has
 * it. They go with the fixture. */
struct lpm *fixture_trie(struct fixture *fixture, unsigned int vrf, enum route_family family,
			 bool large);

/* As if all that waits for the ports had been sent; the buffers stay the caller's. Returns how many. */
unsigned int fixture_transmitted(struct fixture *fixture);

/* The port's MAC: 02:00:00:00:00:<port>. */
void fixture_mac(unsigned int port, uint8_t mac[6]);

#endif
