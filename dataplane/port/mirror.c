/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/clock.h"
#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "dataplane/port/exchange.h"
#include "dataplane/port/plan.h"
#include "dataplane/port/status.h"
#include "dataplane/port/tap.h"

enum { RETRY_NS = 1000000000 };

/* By which a device is known as this instance's. */
static void make_mark(const struct dataplane *dataplane, char mark[256])
{
	snprintf(mark, 256, "shunt mirror: %.200s", dataplane->place.directory);
}

static void set_text(char *to, size_t size, const char *from)
{
	memset(to, 0, size); /* status is compared and copied whole */
	snprintf(to, size, "%s", from);
}

static void set_error(struct port *port, const char *error)
{
	struct mirror *mirror = &port->mirror;

	if (strcmp(mirror->error, error) == 0)
		return;
	snprintf(mirror->error, sizeof(mirror->error), "%s", error);
	if (error[0] != '\0')
		log_warning("port %s: %s", port->wish.name, error);
}

/* ---------------------------------------------------------------- there and away */

static void fail(struct port *port, const char *what, int result)
{
	char error[DEVICE_ERROR_SIZE];

	snprintf(error, sizeof(error), "host-interface %s: %.40s: %.40s", port->mirror.name, what,
		 strerror(-result));
	set_error(port, error);
}

static int use(struct dataplane *dataplane, struct port *port)
{
	struct mirror *mirror = &port->mirror;
	struct rte_mempool *pool =
		port->device.jumbo ? dataplane->pools.jumbo : dataplane->pools.normal;

	int result = exchange_add(dataplane->exchange, port->row, mirror->fd, pool, &mirror->ring);
	if (result != 0)
		return result;
	mirror->open = true;
	result = plan_publish(dataplane);
	if (result == 0)
		return 0;
	mirror->open = false;
	/* -ECANCELED: the process ends; workers may have the ring in their plans */
	if (result != -ECANCELED)
		exchange_remove(dataplane->exchange, port->row);
	return result;
}

static void open_mirror(struct dataplane *dataplane, struct port *port)
{
	struct mirror *mirror = &port->mirror;
	struct port_status *status = &port->status;
	char mark[256], error[DEVICE_ERROR_SIZE] = "";
	bool made;

	set_text(mirror->name, sizeof(mirror->name), port->wish.host_interface);
	/* whoever comes after us must know of it before it is there */
	set_text(status->host_interface, sizeof(status->host_interface), mirror->name);
	status_publish(dataplane->state, port);
	make_mark(dataplane, mark);
	mirror->fd = tap_open(mirror->name, mark, &made, error);
	if (mirror->fd < 0) {
		set_text(status->host_interface, sizeof(status->host_interface), "");
		mirror->retry_at = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
		set_error(port, error);
		return;
	}
	memcpy(mirror->mac, port->device.mac, sizeof(mirror->mac));
	mirror->mtu = port->device.mtu;
	mirror->carrier = false;
	const char *what = "MAC address";
	int result = tap_set_mac(mirror->fd, mirror->mac);
	if (result == 0) {
		what = "mtu";
		result = tap_set_mtu(mirror->fd, mirror->mtu);
	}
	if (result == 0 && made) {
		what = "up";
		result = tap_set_up(mirror->fd);
	}
	if (result == 0) {
		what = "plan";
		result = use(dataplane, port);
	}
	if (result == 0) {
		set_error(port, "");
		log_info("port %s: host-interface %s %s", port->wish.name, mirror->name,
			 made ? "made" : "taken over");
		return;
	}
	close(mirror->fd);
	mirror->retry_at = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
	if (result != -ECANCELED)
		fail(port, what, result);
}

/* Out of the plans. Returns whether it is out of use, and its descriptor ours. */
static bool take_out(struct dataplane *dataplane, struct port *port)
{
	struct mirror *mirror = &port->mirror;
	struct exchange_report report;

	mirror->open = false;
	int result = plan_publish(dataplane);
	if (result != 0) {
		mirror->open = true;
		return false;
	}
	exchange_remove(dataplane->exchange, port->row);
	exchange_read(dataplane->exchange, port->row, &report);
	mirror->lost_before += report.lost;
	mirror->retry_at = 0;
	return true;
}

void mirror_remove(struct dataplane *dataplane, struct port *port)
{
	struct mirror *mirror = &port->mirror;

	if (mirror->open && take_out(dataplane, port)) {
		tap_remove(mirror->fd);
		log_info("port %s: host-interface %s removed", port->wish.name, mirror->name);
	}
	if (!mirror->open) {
		set_error(port, "");
		set_text(port->status.host_interface, sizeof(port->status.host_interface), "");
	}
}

void mirror_close(struct port *port)
{
	if (port->mirror.open)
		close(port->mirror.fd);
	port->mirror.open = false;
}

/* ---------------------------------------------------------------- like the port */

static void follow_device(struct port *port)
{
	struct mirror *mirror = &port->mirror;
	const struct device *device = &port->device;
	bool carrier = port->plugged && port->status.link_up;

	if (device->present && memcmp(mirror->mac, device->mac, sizeof(mirror->mac)) != 0) {
		memcpy(mirror->mac, device->mac, sizeof(mirror->mac));
		int result = tap_set_mac(mirror->fd, mirror->mac);
		if (result != 0)
			fail(port, "MAC address", result);
	}
	if (device->present && mirror->mtu != device->mtu) {
		mirror->mtu = device->mtu;
		int result = tap_set_mtu(mirror->fd, mirror->mtu);
		if (result != 0)
			fail(port, "mtu", result);
	}
	if (mirror->carrier != carrier) {
		mirror->carrier = carrier;
		int result = tap_set_carrier(mirror->fd, carrier);
		if (result != 0)
			fail(port, "carrier", result);
	}
}

/* Somebody deleted the device. */
static void forget_gone(struct dataplane *dataplane, struct port *port)
{
	struct exchange_report report;

	exchange_read(dataplane->exchange, port->row, &report);
	port->status.host_lost = port->mirror.lost_before + report.lost;
	if (!report.gone || !take_out(dataplane, port))
		return;
	close(port->mirror.fd);
	log_warning("port %s: host-interface %s is gone: it is made anew", port->wish.name,
		    port->mirror.name);
}

/* The error of the mirror is the port's, if nothing is wrong with the port itself. */
static void report_error(struct port *port)
{
	struct port_status *status = &port->status;

	if (status->condition == PORT_RUNNING || status->condition == PORT_STOPPED)
		set_text(status->error, sizeof(status->error), port->mirror.error);
}

void mirror_follow(struct dataplane *dataplane, struct port *port)
{
	struct mirror *mirror = &port->mirror;
	const char *name = port->wish.host_interface;

	if (mirror->open && strcmp(mirror->name, name) != 0)
		mirror_remove(dataplane, port);
	if (mirror->open)
		forget_gone(dataplane, port);
	if (name[0] == '\0' || strcmp(mirror->name, name) != 0) {
		set_error(port, "");
		mirror->retry_at = 0;
	}
	if (!mirror->open && name[0] != '\0' && port->device.present &&
	    clock_ns(CLOCK_MONOTONIC) >= mirror->retry_at)
		open_mirror(dataplane, port);
	if (mirror->open)
		follow_device(port);
	report_error(port);
}

/* ---------------------------------------------------------------- of earlier data planes */

static bool wanted_by_any(const struct port_wish *const wish[PORT_MAX], const char *name)
{
	for (unsigned int row = 0; row < PORT_MAX; row++)
		if (wish[row] != NULL && strcmp(wish[row]->host_interface, name) == 0)
			return true;
	return false;
}

void mirror_sweep(struct dataplane *dataplane, const struct port_wish *const wish[PORT_MAX])
{
	char mark[256];

	make_mark(dataplane, mark);
	for (unsigned int row = 0; row < PORT_MAX; row++) {
		struct port *port = &dataplane->port[row];
		char *name = port->status.host_interface;
		size_t size = sizeof(port->status.host_interface);
		name[size - 1] = '\0'; /* whatever stood there */
		port->mirror.lost_before = port->status.host_lost;
		if (name[0] == '\0' || (wish[row] != NULL && wanted_by_any(wish, name)))
			continue;
		if (!wanted_by_any(wish, name)) {
			int result = tap_remove_left(name, mark);
			if (result == 0)
				log_info("host-interface %s of an earlier run removed", name);
			else if (result != -EEXIST)
				log_warning("host-interface %s of an earlier run: %s", name,
					    strerror(-result));
		}
		set_text(name, size, "");
		status_publish(dataplane->state, port);
	}
}
