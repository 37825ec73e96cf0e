/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/queues.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/log.h"
#include "dataplane/worker.h"

enum {
	DESCRIPTORS = 1024, /* of a queue, where the driver has no opinion */
	POOL_CACHE = 256,
	AF_XDP_BUFFERS = 8191, /* per queue: two rings of 2048, and what is on its way elsewhere */
};

struct rte_mempool *queues_pool(const char *name, unsigned int count, unsigned int cache,
				uint16_t room)
{
	struct rte_pktmbuf_pool_private private = { .mbuf_data_room_size = room,
						    .mbuf_priv_size = PACKET_ROOM };
	/* Without hugepages no device is there that needs a buffer within one page, and each would take
	 * a whole one. */
	unsigned int flags = rte_eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
	struct rte_mempool *pool = rte_mempool_create_empty(
		name, count, (unsigned int)sizeof(struct rte_mbuf) + PACKET_ROOM + room, cache,
		sizeof(private), SOCKET_ID_ANY, flags);

	if (pool == NULL)
		return NULL;
	rte_pktmbuf_pool_init(pool, &private);
	int result = rte_mempool_populate_default(pool);
	if (result < 0) {
		rte_mempool_free(pool);
		rte_errno = -result;
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

/* Its cache holds a few vectors, as the others' do: buffers that come back from the whole pool are in no cache of
 * the processor any more, and a frame is long. */
static struct rte_mempool *jumbo_pool(struct device_pools *pools)
{
	unsigned int count = pools->mbufs / JUMBO_SHARE;

	if (pools->jumbo == NULL)
		pools->jumbo =
			queues_pool("jumbo", count, count / 4 < POOL_CACHE ? count / 4 : POOL_CACHE,
				    JUMBO_ROOM);
	return pools->jumbo;
}

/* A spare pool of net_af_xdp if there is one of this size that has not lost too much, or a new one. */
static struct rte_mempool *own_pool(struct device_pools *pools, unsigned int queues)
{
	static unsigned int made;
	unsigned int size = queues * AF_XDP_BUFFERS;
	char name[32];

	for (unsigned int i = 0; i < pools->spare_count; i++) {
		struct rte_mempool *pool = pools->spare[i];
		if (pool->size != size || rte_mempool_avail_count(pool) < size / 4 * 3)
			continue;
		pools->spare[i] = pools->spare[--pools->spare_count];
		return pool;
	}
	snprintf(name, sizeof(name), "af_xdp-%u", made++);
	return queues_pool(name, size, POOL_CACHE, BUFFER_ROOM);
}

static struct rte_mempool *choose_pool(const struct device *device, struct device_pools *pools)
{
	struct rte_mempool *pool = pools->normal;

	if (strcmp(device->driver, "net_af_xdp") == 0)
		pool = own_pool(pools, device->rx_queues);
	else if (device->jumbo)
		pool = jumbo_pool(pools);
	if (pool == NULL)
		log_warning("%s: packet buffers: %s", device->name, rte_strerror(rte_errno));
	return pool;
}

/* Those that have all their buffers back are of no use to anybody. */
static void free_spares(struct device_pools *pools)
{
	for (unsigned int i = pools->spare_count; i-- > 0;) {
		if (!rte_mempool_full(pools->spare[i]))
			continue;
		rte_mempool_free(pools->spare[i]);
		pools->spare[i] = pools->spare[--pools->spare_count];
	}
}

void queues_release_pool(struct device *device, struct device_pools *pools, bool failed)
{
	if (device->pool == NULL || device->pool == pools->normal || device->pool == pools->jumbo)
		return;
	free_spares(pools);
	if (failed)
		rte_mempool_free(device->pool);
	else if (pools->spare_count < PORT_MAX)
		pools->spare[pools->spare_count++] = device->pool;
	device->pool = NULL;
}

static uint16_t smaller(unsigned int a, unsigned int b)
{
	return (uint16_t)(a < b ? a : b);
}

/* Spread by the innermost headers and by labels where the device can: users of every tunnel endpoint
 * find all their traffic on one queue otherwise. */
static void set_rss(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info)
{
	uint64_t wanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP |
			  RTE_ETH_RSS_MPLS | RTE_ETH_RSS_LEVEL_INNERMOST;
	uint64_t can = wanted & info->flow_type_rss_offloads;

	if (can == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = can;
}

static int set_up_all(struct device *device, const struct rte_eth_dev_info *info,
		      struct rte_mempool *pool, const char **what)
{
	uint16_t rx = info->default_rxportconf.ring_size, tx = info->default_txportconf.ring_size;
	int node = rte_eth_dev_socket_id(device->dpdk_port);
	unsigned int socket = node < 0 ? (unsigned int)SOCKET_ID_ANY : (unsigned int)node;

	rx = rx != 0 ? rx : DESCRIPTORS;
	tx = tx != 0 ? tx : DESCRIPTORS;
	*what = "number of descriptors";
	int result = rte_eth_dev_adjust_nb_rx_tx_desc(device->dpdk_port, &rx, &tx);
	*what = "receive queue";
	for (uint16_t i = 0; result == 0 && i < device->rx_queues; i++)
		result = rte_eth_rx_queue_setup(device->dpdk_port, i, rx, socket, NULL, pool);
	if (result != 0)
		return result;
	*what = "transmit queue";
	for (uint16_t i = 0; result == 0 && i < device->tx_queues; i++)
		result = rte_eth_tx_queue_setup(device->dpdk_port, i, tx, socket, NULL);
	return result;
}

int queues_set_up(struct device *device, const struct rte_eth_dev_info *info,
		  const struct port_wish *wish, unsigned int workers, struct device_pools *pools,
		  const char **what)
{
	struct rte_eth_conf conf;
	unsigned int wished = wish->rx_queues != 0 ? wish->rx_queues : workers;

	memset(&conf, 0, sizeof(conf));
	device->rx_queues = smaller(wished, info->max_rx_queues);
	device->tx_queues = smaller(workers, info->max_tx_queues);
	if (strcmp(device->driver, "net_af_packet") == 0 ||
	    strcmp(device->driver, "net_af_xdp") == 0) {
		/* the kernel spreads over all that the devargs made: each must be polled; and a
		 * queue's socket sends and receives */
		device->rx_queues = info->max_rx_queues;
		device->tx_queues = info->max_tx_queues;
	}
	if (device->tx_queues > WORKER_MAX)
		device->tx_queues = WORKER_MAX;
	*what = "device has no queues";
	if (device->rx_queues == 0 || device->tx_queues == 0)
		return -ENODEV;

	*what = "packet buffers";
	struct rte_mempool *pool = choose_pool(device, pools);
	if (pool == NULL)
		return -ENOMEM;
	device->pool = pool;
	if (device->rx_queues > 1)
		set_rss(&conf, info);
	/* net_af_packet's own limit says nothing about its framesz= */
	conf.rxmode.mtu = device->host_mtu ? RTE_ETHER_MTU : wish->mtu;
	if (device->scatter)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	/* Not MBUF_FAST_FREE: packets come from two pools, and copies of a multicast share data. */
	device->multi_segment = (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	if (device->multi_segment)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	*what = "configuration of queues and mtu";
	int result = rte_eth_dev_configure(device->dpdk_port, device->rx_queues, device->tx_queues,
					   &conf);
	return result != 0 ? result : set_up_all(device, info, pool, what);
}
