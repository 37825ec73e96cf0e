/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/device.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/log.h"
#include "dataplane/port/host.h"
#include "dataplane/port/queues.h"

enum { DRAIN_BURSTS = 4096 };

static int fail(char error[DEVICE_ERROR_SIZE], const struct device *device, const char *what,
		int result)
{
	snprintf(error, DEVICE_ERROR_SIZE, "%.40s: %.40s: %.40s", device->name, what,
		 strerror(-result));
	return result;
}

/* "0000:3b:00.0,x=y" to "0000:3b:00.0" */
static void set_name(struct device *device, const char *devargs)
{
	size_t length = strcspn(devargs, ",");

	if (length >= sizeof(device->name))
		length = sizeof(device->name) - 1;
	memcpy(device->name, devargs, length);
	device->name[length] = '\0';
}

/* The first ethdev of these devargs that no other row has. */
static int find_port(struct device *device, const char *devargs,
		     bool (*used)(void *context, uint16_t dpdk_port), void *context)
{
	struct rte_dev_iterator iterator;
	uint16_t port;
	int result = -ENODEV;

	if (rte_eth_dev_get_port_by_name(device->name, &port) == 0) {
		device->dpdk_port = port;
		return used(context, port) ? -EBUSY : 0;
	}
	RTE_ETH_FOREACH_MATCHING_DEV(port, devargs, &iterator)
	{
		if (used(context, port)) {
			result = -EBUSY;
			continue;
		}
		device->dpdk_port = port;
		rte_eth_iterator_cleanup(&iterator);
		return 0;
	}
	return result;
}

static int attach(struct device *device, const char *devargs,
		  bool (*used)(void *context, uint16_t dpdk_port), void *context,
		  char error[DEVICE_ERROR_SIZE])
{
	/* it may be there: given to EAL at start, or another port of the same PCI device */
	int result = find_port(device, devargs, used, context);
	if (result == 0)
		return 0;
	int probed = rte_dev_probe(devargs);
	if (probed == 0 || probed == -EEXIST)
		result = find_port(device, devargs, used, context);
	else
		result = probed;
	if (result == 0)
		return 0;
	/* EAL's errors are not what they seem: it says EFAULT for a driver that it does not know, and
	 * drivers say -1 for anything */
	if (result == -EBUSY)
		snprintf(error, DEVICE_ERROR_SIZE, "%.60s: belongs to another port", device->name);
	else if (result == -EFAULT || result == -ENODEV)
		snprintf(error, DEVICE_ERROR_SIZE, "%.60s: no such device or driver", device->name);
	else if (result == -ENOTSUP)
		snprintf(error, DEVICE_ERROR_SIZE, "%.60s: no driver takes it (bound to vfio-pci?)",
			 device->name);
	else if (result == -EPERM)
		snprintf(error, DEVICE_ERROR_SIZE, "%.60s: refused by its driver; see the log",
			 device->name);
	else
		fail(error, device, "probe", result);
	return result;
}

static bool driver_is(const struct device *device, const char *name)
{
	return strcmp(device->driver, name) == 0;
}

static void look_at_driver(struct device *device, const struct rte_eth_dev_info *info)
{
	snprintf(device->driver, sizeof(device->driver), "%s", info->driver_name);
	/* Their sockets are bound when the device is made or its queues are set up, and stopping them
	 * does not stop the kernel from filling their rings. */
	device->keeps_running =
		driver_is(device, "net_af_packet") || driver_is(device, "net_af_xdp") ||
		device->bond.keeps_running;
	/* ethdev's limit for it is 1500, whatever framesz= is */
	device->host_mtu = driver_is(device, "net_af_packet");
}

/* The kernel wants its own headroom in each buffer, and no buffer may be longer than a page. */
static unsigned int mtu_limit(const struct device *device, const struct rte_eth_dev_info *info)
{
	unsigned int limit = info->max_mtu;

	if (driver_is(device, "net_af_xdp"))
		limit = QUEUES_NORMAL_FRAME - QUEUES_OVERHEAD - XDP_PACKET_HEADROOM;
	else if (limit > QUEUES_JUMBO_FRAME - QUEUES_OVERHEAD)
		limit = QUEUES_JUMBO_FRAME - QUEUES_OVERHEAD;
	return limit;
}

/* An MTU's buffers: chained, jumbo, or ordinary ones. */
static int choose_buffers(struct device *device, const struct rte_eth_dev_info *info, uint16_t mtu,
			  char error[DEVICE_ERROR_SIZE])
{
	bool fits = mtu + QUEUES_OVERHEAD <= QUEUES_NORMAL_FRAME;

	if (mtu > mtu_limit(device, info)) {
		snprintf(error, DEVICE_ERROR_SIZE, "%.40s: mtu %u: expected at most %u",
			 device->name, mtu, mtu_limit(device, info));
		return -EINVAL;
	}
	device->scatter = !fits && (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	device->jumbo = !fits && !device->scatter;
	return 0;
}

static int apply_mtu(struct device *device, const struct port_wish *wish,
		     char error[DEVICE_ERROR_SIZE])
{
	char what[64];
	int result;

	if (device->host_mtu)
		result = host_set_mtu(wish->host_device, wish->devargs, wish->mtu);
	else
		result = rte_eth_dev_set_mtu(device->dpdk_port, wish->mtu);
	if (result == -ENOTSUP)
		result = 0; /* nothing to set: net_null, net_ring, net_pcap */
	if (result == 0) {
		device->mtu = wish->mtu;
		return 0;
	}
	snprintf(what, sizeof(what), device->host_mtu ? "mtu %u (framesz= limits it)" : "mtu %u",
		 wish->mtu);
	return fail(error, device, what, result);
}

static int configure(struct device *device, const struct port_wish *wish, unsigned int workers,
		     struct device_pools *pools, char error[DEVICE_ERROR_SIZE])
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	const char *what;

	int result = rte_eth_dev_info_get(device->dpdk_port, &info);
	if (result != 0)
		return fail(error, device, "device information", result);
	look_at_driver(device, &info);
	bond_limit(&device->bond, &info);
	result = choose_buffers(device, &info, wish->mtu, error);
	if (result != 0)
		return result;
	struct af_xdp_sockets before;
	if (driver_is(device, "net_af_xdp"))
		af_xdp_wait();
	af_xdp_note(&before);
	result = queues_set_up(device, &info, wish, workers, pools, &what);
	if (result == -ENOMEM && !device->jumbo && device->pool == pools->normal) {
		/* net_af_packet with a large framesz= wants buffers as large, whatever the MTU */
		device->jumbo = true;
		result = queues_set_up(device, &info, wish, workers, pools, &what);
	}
	af_xdp_note(&device->sockets);
	af_xdp_subtract(&device->sockets, &before);
	if (result != 0)
		return fail(error, device, what, result);
	result = apply_mtu(device, wish, error);
	if (result != 0)
		return result;
	result = rte_eth_macaddr_get(device->dpdk_port, &mac);
	if (result != 0)
		return fail(error, device, "MAC address", result);
	memcpy(device->mac, mac.addr_bytes, sizeof(device->mac));
	return 0;
}

/* What a router takes: its own address and all multicast (labelled multicast has addresses of its
 * own). A driver that cannot choose gives everything, and classify sorts it out. */
static void set_filters(const struct device *device)
{
	/* a group drops multicast itself unless it is promiscuous, if a member cannot choose */
	int result = device->bond.count > 0 ? rte_eth_promiscuous_enable(device->dpdk_port)
					    : rte_eth_promiscuous_disable(device->dpdk_port);

	if (device->bond.count > 0)
		return;
	if (result != 0 && result != -ENOTSUP)
		log_warning("%s: promiscuous mode off: %s", device->name, strerror(-result));
	result = rte_eth_allmulticast_enable(device->dpdk_port);
	if (result != 0 && result != -ENOTSUP)
		log_warning("%s: all multicast on: %s", device->name, strerror(-result));
}

static int start(struct device *device, char error[DEVICE_ERROR_SIZE])
{
	int result = rte_eth_dev_start(device->dpdk_port);

	if (result != 0)
		return fail(error, device, "start", result);
	device->running = true;
	set_filters(device);
	return 0;
}

static void stop(struct device *device)
{
	if (!device->running)
		return;
	device->running = false;
	int result = rte_eth_dev_stop(device->dpdk_port);
	if (result != 0)
		log_warning("%s: stop: %s", device->name, strerror(-result));
}

/* Is it a driver that takes a Linux interface, rather than making one as net_tap does? */
static bool needs_host(const struct port_wish *wish)
{
	return wish->host_device[0] != '\0' && (strncmp(wish->devargs, "net_af_", 7) == 0 ||
						strncmp(wish->devargs, "eth_af_", 7) == 0);
}

static int open_with(struct device *device, const struct port_wish *wish, const char *devargs,
		     unsigned int workers, struct device_pools *pools,
		     bool (*used)(void *context, uint16_t dpdk_port), void *context,
		     char error[DEVICE_ERROR_SIZE])
{
	memset(device, 0, sizeof(*device));
	set_name(device, wish->devargs);
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		rte_spinlock_init(&device->tx_lock[i]);
	if (needs_host(wish) && if_nametoindex(wish->host_device) == 0) {
		snprintf(error, DEVICE_ERROR_SIZE, "%s: no such interface", wish->host_device);
		return -ENODEV;
	}
	char group[sizeof(wish->devargs) + 64];
	int result = 0;
	if (bond_wanted(devargs)) {
		result = bond_open(&device->bond, devargs, group, sizeof(group), used, context,
				   error);
		devargs = group;
	}
	if (result == 0)
		result = attach(device, devargs, used, context, error);
	if (result != 0) {
		bond_close(&device->bond);
		return result;
	}
	device->present = true;
	if (wish->host_device[0] != '\0')
		device->host_index = if_nametoindex(wish->host_device);
	result = configure(device, wish, workers, pools, error);
	if (result == 0 && device->keeps_running)
		result = start(device, error);
	device->opened = result == 0;
	if (result != 0)
		device_close(device, pools);
	return result;
}

/* The driver with our program. Where the kernel or its driver refuses that, with the library's, which
 * gives everything to shunt. -EADDRINUSE: neither, another instance lives on it. */
static int open_steered(struct device *device, const struct port_wish *wish, unsigned int workers,
			struct device_pools *pools, bool (*used)(void *context, uint16_t dpdk_port),
			void *context, char error[DEVICE_ERROR_SIZE])
{
	char devargs[sizeof(wish->devargs) + 64];
	unsigned int host_index = if_nametoindex(wish->host_device);

	if (steer_of_others(host_index) && af_xdp_is_bound(host_index)) {
		memset(device, 0, sizeof(*device));
		snprintf(error, DEVICE_ERROR_SIZE, "%s: another instance of shunt has it",
			 wish->host_device);
		return -EADDRINUSE;
	}
	int result = steer_devargs(wish, devargs, sizeof(devargs));
	if (result != 0)
		return fail(error, device, "XDP program", result);
	steer_clean(host_index);
	result = open_with(device, wish, devargs, workers, pools, used, context, error);
	if (result == 0 && steer_open(&device->steer, host_index, wish->name) != 0)
		log_warning("port %s: %s has another XDP program than ours", wish->name,
			    wish->host_device);
	return result;
}

int device_open(struct device *device, const struct port_wish *wish, unsigned int workers,
		struct device_pools *pools, bool (*used)(void *context, uint16_t dpdk_port),
		void *context, char error[DEVICE_ERROR_SIZE])
{
	bool af_xdp = strncmp(wish->devargs, "net_af_xdp", 10) == 0 ||
		      strncmp(wish->devargs, "eth_af_xdp", 10) == 0;

	if (af_xdp && af_xdp_probe(wish->host_device, error, DEVICE_ERROR_SIZE) != 0) {
		memset(device, 0, sizeof(*device));
		return -EOPNOTSUPP;
	}
	if (steer_wanted(wish) && if_nametoindex(wish->host_device) != 0) {
		int result = open_steered(device, wish, workers, pools, used, context, error);
		if (result == 0 || result == -EADDRINUSE)
			return result;
		log_warning("port %s: %s; without steering %s gives shunt everything", wish->name,
			    error, wish->host_device);
	}
	return open_with(device, wish, wish->devargs, workers, pools, used, context, error);
}

static void drain(const struct device *device)
{
	struct rte_mbuf *mbufs[32];

	for (uint16_t queue = 0; queue < device->rx_queues; queue++) {
		for (unsigned int i = 0; i < DRAIN_BURSTS; i++) {
			uint16_t count = rte_eth_rx_burst(device->dpdk_port, queue, mbufs, 32);
			if (count == 0)
				break;
			rte_pktmbuf_free_bulk(mbufs, count);
		}
	}
}

int device_start(struct device *device, char error[DEVICE_ERROR_SIZE])
{
	int result = 0;

	if (device->keeps_running)
		drain(device);
	else
		result = start(device, error);
	device->started = result == 0;
	return result;
}

void device_stop(struct device *device)
{
	device->started = false;
	if (!device->keeps_running)
		stop(device);
}

int device_set_mtu(struct device *device, const struct port_wish *wish,
		   char error[DEVICE_ERROR_SIZE])
{
	struct device now = { .present = false };
	struct rte_eth_dev_info info;

	int result = rte_eth_dev_info_get(device->dpdk_port, &info);
	if (result != 0)
		return fail(error, device, "device information", result);
	memcpy(now.name, device->name, sizeof(now.name));
	memcpy(now.driver, device->driver, sizeof(now.driver));
	result = choose_buffers(&now, &info, wish->mtu, error);
	if (result != 0)
		return result;
	/* buffers of net_af_packet go by framesz= already; what takes longer frames takes shorter ones */
	if (!device->host_mtu && !device->jumbo &&
	    (now.jumbo || (now.scatter && !device->scatter))) {
		snprintf(error, DEVICE_ERROR_SIZE, "%.40s: mtu %u needs other buffers",
			 device->name, wish->mtu);
		return -EBUSY;
	}
	return apply_mtu(device, wish, error);
}

/* The bus device, once its last ethdev is closed. */
static void unplug(const struct device *device, struct rte_device *bus_device)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV_OF(port, bus_device)
	return;
	int result = rte_dev_remove(bus_device);
	if (result != 0)
		log_warning("%s: unplug: %s", device->name, strerror(-result));
}

void device_close(struct device *device, struct device_pools *pools)
{
	struct af_xdp_buffers buffers = { .count = 0 };
	struct rte_eth_dev_info info;

	if (!device->present)
		return;
	int result = rte_eth_dev_info_get(device->dpdk_port, &info);
	if (result != 0)
		info.device = NULL;
	stop(device);
	if (device->pool != NULL)
		af_xdp_collect(&device->sockets, device->pool, &buffers);
	if (result == 0)
		result = rte_eth_dev_close(device->dpdk_port);
	if (result != 0)
		log_warning("%s: close: %s", device->name, strerror(-result));
	else if (info.device != NULL)
		unplug(device, info.device);
	bond_close(&device->bond);
	steer_close(&device->steer);
	af_xdp_clean(&device->sockets, &buffers);
	queues_release_pool(device, pools, !device->opened);
	device->opened = false;
	device->present = false;
	device->started = false;
}
