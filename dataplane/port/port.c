/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "dataplane/clock.h"
#include "dataplane/dataplane.h"
#include "dataplane/control.h"
#include "dataplane/log.h"
#include "dataplane/port/plan.h"
#include "dataplane/port/push.h"
#include "dataplane/port/status.h"
#include "dataplane/shm/epoch.h"

enum {
	/* The first is for what the kernel takes apart later than we do (sockets of net_af_xdp). */
	RETRY_FIRST_MS = 250,
	RETRY_LAST_MS = 16000,
};

/* ---------------------------------------------------------------- in and out of the plans */

static void read_link(struct dataplane *dataplane, struct port *port)
{
	struct link_report report;

	link_watch_read(dataplane->links, port->row, &report);
	port->status.link_up = report.up;
	port->status.speed_mbps = report.speed;
	port->status.flaps = port->flaps_before + report.flaps;
}

static int plug(struct dataplane *dataplane, struct port *port, char error[DEVICE_ERROR_SIZE])
{
	int result = device_start(&port->device, error);

	if (result != 0)
		return result;
	port->plugged = true;
	result = plan_publish(dataplane);
	if (result != 0) {
		port->plugged = false;
		if (result != -ECANCELED)
			device_stop(&port->device);
		snprintf(error, DEVICE_ERROR_SIZE, "%s: plan: %s", port->device.name,
			 strerror(-result));
		return result;
	}
	link_watch_add(dataplane->links, port->row, &port->device, port->wish.host_device);
	return 0;
}

/* -ENOMEM, -ECANCELED: it is in use still. */
static int unplug(struct dataplane *dataplane, struct port *port)
{
	if (!port->plugged)
		return 0;
	read_link(dataplane, port);
	link_watch_remove(dataplane->links, port->row); /* a backup takes over first */
	port->flaps_before = port->status.flaps;
	port->plugged = false;
	int result = plan_publish(dataplane);
	if (result != 0) {
		port->plugged = true;
		return result;
	}
	device_stop(&port->device);
	return 0;
}

static int close_device(struct dataplane *dataplane, struct port *port)
{
	if (!port->device.present)
		return 0;
	int result = unplug(dataplane, port);
	if (result != 0)
		return result;
	push_stop(dataplane, port);
	status_keep(port);
	device_close(&port->device, &dataplane->pools);
	port->status.link_up = 0;
	port->status.speed_mbps = 0;
	return 0;
}

/* ---------------------------------------------------------------- status */

static void report(struct dataplane *dataplane, struct port *port, enum port_condition condition,
		   const char *error)
{
	struct port_status *status = &port->status;
	const struct device *device = &port->device;

	status->generation = port->wish.generation;
	if (status->identity != port->wish.identity) {
		/* nothing that was known of another device is told of this one */
		status->identity = port->wish.identity;
		status->mtu = status->rx_queues = status->tx_queues = 0;
		memset(status->mac, 0, sizeof(status->mac));
		memset(status->driver, 0, sizeof(status->driver));
	}
	status->condition = condition;
	memset(status->error, 0, sizeof(status->error));
	snprintf(status->error, sizeof(status->error), "%s", error);
	if (device->present) {
		status->dpdk_port = device->dpdk_port;
		status->mtu = device->mtu;
		status->rx_queues = device->rx_queues;
		status->tx_queues = device->tx_queues;
		memcpy(status->mac, device->mac, sizeof(status->mac));
		status->xdp_mode = !device->steer.attached ? XDP_NONE
				   : device->steer.generic ? XDP_GENERIC
							   : XDP_NATIVE;
		memcpy(status->driver, device->driver, sizeof(status->driver));
	}
	read_link(dataplane, port);
	status_count(port);
	status_publish(dataplane->state, port);
}

static void report_failure(struct dataplane *dataplane, struct port *port, const char *error)
{
	bool news = port->status.condition != PORT_FAILED || strcmp(port->status.error, error) != 0;

	if (news)
		log_warning("port %s: %s", port->wish.name, error);
	/* an interface that is not there (yet) may appear */
	port->retry_at = 0;
	if (port->wish.host_device[0] != '\0') {
		port->retry_ms = port->retry_ms == 0 ? RETRY_FIRST_MS : port->retry_ms * 2;
		if (port->retry_ms > RETRY_LAST_MS)
			port->retry_ms = RETRY_LAST_MS;
		port->retry_at = clock_ns(CLOCK_MONOTONIC) + port->retry_ms * 1000000ull;
		port->host_seen = if_nametoindex(port->wish.host_device);
	}
	report(dataplane, port, PORT_FAILED, error);
}

/* ---------------------------------------------------------------- from wish to port */

struct question {
	const struct dataplane *dataplane;
	unsigned int row;
};

static bool used_by_other(void *context, uint16_t dpdk_port)
{
	const struct question *question = context;

	for (unsigned int row = 0; row < PORT_MAX; row++) {
		const struct port *port = &question->dataplane->port[row];
		if (row != question->row && port->device.present &&
		    (port->device.dpdk_port == dpdk_port ||
		     bond_has(&port->device.bond, dpdk_port)))
			return true;
	}
	return false;
}

/* What the kernel keeps, and what shunt wants, told to the program in the driver. */
static void refresh_steering(struct dataplane *dataplane, struct port *port)
{
	struct worker_state *row = &dataplane->state->worker[CONTROL_ROW];

	if (!port->device.steer.attached)
		return;
	epoch_online(dataplane->tables, row);
	steer_refresh(&port->device.steer, dataplane->tables, port->row, port->wish.host_device,
		      port->mirror.open);
	epoch_offline(row);
}

static int open_device(struct dataplane *dataplane, struct port *port,
		       char error[DEVICE_ERROR_SIZE])
{
	struct question question = { dataplane, port->row };

	int result = device_open(&port->device, &port->wish, dataplane->worker_count,
				 &dataplane->pools, used_by_other, &question, error);
	if (result == 0)
		refresh_steering(dataplane, port);
	return result;
}

/* MTU in place where the driver can; else the device is made anew. */
static int set_mtu(struct dataplane *dataplane, struct port *port, char error[DEVICE_ERROR_SIZE])
{
	if (port->device.mtu == port->wish.mtu)
		return 0;
	int result = device_set_mtu(&port->device, &port->wish, error);
	if (result != -EBUSY)
		return result;
	result = close_device(dataplane, port);
	return result != 0 ? result : open_device(dataplane, port, error);
}

/* Make the port what port->wish says. */
static void apply(struct dataplane *dataplane, struct port *port)
{
	char error[DEVICE_ERROR_SIZE] = "";
	int result;

	if (port->device.present)
		result = set_mtu(dataplane, port, error);
	else
		result = open_device(dataplane, port, error);
	if (port->device.present) {
		int moved = 0;
		if (port->wish.up && !port->plugged)
			moved = plug(dataplane, port, error);
		else if (!port->wish.up)
			moved = unplug(dataplane, port);
		result = result != 0 ? result : moved;
	}
	if (result == -ECANCELED)
		return;
	if (result != 0) {
		report_failure(dataplane, port, error[0] != '\0' ? error : strerror(-result));
		return;
	}
	port->retry_at = 0;
	port->retry_ms = 0;
	report(dataplane, port, port->wish.up ? PORT_RUNNING : PORT_STOPPED, "");
	log_info("port %s: %s (%s, %u receive and %u transmit queues, mtu %u)", port->wish.name,
		 port->wish.up ? "running" : "stopped", port->device.driver, port->device.rx_queues,
		 port->device.tx_queues, port->device.mtu);
}

static bool must_be_new(const struct port_wish *old, const struct port_wish *new)
{
	return old->identity != new->identity || old->rx_queues != new->rx_queues ||
	       strcmp(old->devargs, new->devargs) != 0 ||
	       strcmp(old->host_device, new->host_device) != 0;
}

/* Close what no wish wants as it is, before anything is opened: a device may move to another row. */
static void close_unwanted(struct dataplane *dataplane, struct port *port,
			   const struct port_wish *wish)
{
	if (wish != NULL && (!port->wished || !must_be_new(&port->wish, wish)))
		return;
	if (close_device(dataplane, port) != 0 || wish != NULL)
		return;
	mirror_remove(dataplane, port);
	if (port->mirror.open) /* the process ends */
		return;
	if (port->wished)
		log_info("port %s: removed", port->wish.name);
	port->wished = false;
	port->retry_at = 0;
	/* the next port of this row counts from 0 */
	port->flaps_before = 0;
	memset(&port->wish, 0, sizeof(port->wish));
	memset(&port->mirror, 0, sizeof(port->mirror));
	memset(&port->before, 0, sizeof(port->before));
	memset(&port->status, 0, sizeof(port->status));
	status_publish(dataplane->state, port);
}

static bool changed(const struct port *port, const struct port_wish *wish)
{
	return !port->wished || memcmp(&port->wish, wish, sizeof(*wish)) != 0;
}

/* The Linux interface went away, or another one has its name now: our sockets are of no use. */
static void close_gone(struct dataplane *dataplane, struct port *port)
{
	struct link_report link;
	char error[DEVICE_ERROR_SIZE];

	link_watch_read(dataplane->links, port->row, &link);
	if (!port->plugged || !link.gone || close_device(dataplane, port) != 0)
		return;
	snprintf(error, sizeof(error), "%s: interface is gone", port->wish.host_device);
	report_failure(dataplane, port, error);
	port->host_seen = 0; /* it may be back already */
}

/* Failed, and worth another try: some time has passed, or its interface has come. */
static bool retry_now(const struct port *port)
{
	if (port->retry_at == 0)
		return false;
	unsigned int index = if_nametoindex(port->wish.host_device);
	return (index != 0 && index != port->host_seen) ||
	       clock_ns(CLOCK_MONOTONIC) >= port->retry_at;
}

void port_reconcile(struct dataplane *dataplane, const struct port_wish *const wish[PORT_MAX])
{
	if (!dataplane->swept) {
		mirror_sweep(dataplane, wish);
		dataplane->swept = true;
	}
	for (unsigned int row = 0; row < PORT_MAX && !atomic_load(&dataplane->stop); row++)
		close_unwanted(dataplane, &dataplane->port[row], wish[row]);
	for (unsigned int row = 0; row < PORT_MAX && !atomic_load(&dataplane->stop); row++) {
		struct port *port = &dataplane->port[row];
		if (wish[row] == NULL)
			continue;
		close_gone(dataplane, port);
		if (changed(port, wish[row])) {
			port->wish = *wish[row];
			port->wished = true;
			port->retry_ms = 0;
			apply(dataplane, port);
		} else if (retry_now(port)) {
			apply(dataplane, port);
		}
	}
}

/* ---------------------------------------------------------------- start, reports, end */

void port_start(struct dataplane *dataplane)
{
	for (unsigned int row = 0; row < PORT_MAX; row++) {
		struct port *port = &dataplane->port[row];
		port->row = row;
		status_take_over(dataplane->state, row, &port->status);
		port->before = port->status;
		port->flaps_before = port->status.flaps;
		port->status.generation = 0;
		port->status.condition = PORT_ABSENT;
		port->status.link_up = 0;
		memset(port->status.error, 0, sizeof(port->status.error));
		status_publish(dataplane->state, port);
		atomic_store(&dataplane->state->port_live[row], 0);
	}
}

/* Members of a group whose links came or went: the driver takes them out or in while nobody polls it. */
static void follow_members(struct dataplane *dataplane, struct port *port)
{
	struct bond *bond = &port->device.bond;
	static int any = -1;

	if (!port->plugged || bond->count == 0)
		return;
	if (any < 0)
		any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (any < 0 || !bond_must_change(bond, any))
		return;
	port->plugged = false;
	int result = plan_publish(dataplane);
	if (result == 0)
		bond_change(bond, port->device.dpdk_port, any);
	port->plugged = true;
	if (result == 0)
		result = plan_publish(dataplane);
	if (result != 0 && result != -ECANCELED)
		log_warning("port %s: plan: %s", port->wish.name, strerror(-result));
}

void port_report(struct dataplane *dataplane, bool statistics)
{
	for (unsigned int row = 0; row < PORT_MAX; row++) {
		struct port *port = &dataplane->port[row];
		if (!port->wished)
			continue;
		if (port->plugged)
			read_link(dataplane, port);
		follow_members(dataplane, port);
		if (statistics) {
			refresh_steering(dataplane, port);
			status_count(port);
		}
		push_follow(dataplane, port, statistics);
		mirror_follow(dataplane, port);
		status_publish(dataplane->state, port);
	}
}

void port_close_all(struct dataplane *dataplane)
{
	for (unsigned int row = 0; row < PORT_MAX; row++) {
		struct port *port = &dataplane->port[row];
		port->plugged = false;
		mirror_close(port);
		if (port->device.present) {
			push_stop(dataplane, port);
			status_keep(port);
			device_close(&port->device, &dataplane->pools);
		}
		port->status.condition = PORT_ABSENT;
		port->status.link_up = 0;
		status_publish(dataplane->state, port);
	}
}
