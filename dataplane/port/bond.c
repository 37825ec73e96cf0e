/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/bond.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_eth_bond.h>
#include <stdio.h>
#include <string.h>
#include "dataplane/log.h"
#include "dataplane/port/host.h"

enum { NAME_MAX_SIZE = 64, DEVARGS_SIZE = 256 };

bool bond_wanted(const char *devargs)
{
	return strncmp(devargs, "net_bonding", 11) == 0;
}

bool bond_has(const struct bond *bond, uint16_t dpdk_port)
{
	for (unsigned int i = 0; i < bond->count; i++)
		if (!bond->member[i].apart && bond->member[i].dpdk_port == dpdk_port)
			return true;
	return false;
}

static void close_member(uint16_t dpdk_port)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(dpdk_port, &info) != 0)
		info.device = NULL;
	int result = rte_eth_dev_close(dpdk_port);
	if (result == 0 && info.device != NULL)
		result = rte_dev_remove(info.device);
	if (result != 0)
		log_warning("member %u of a group: close: %s", dpdk_port, strerror(-result));
}

void bond_close(struct bond *bond)
{
	while (bond->count > 0)
		if (!bond->member[--bond->count].apart)
			close_member(bond->member[bond->count].dpdk_port);
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

static int look_at_member(struct bond *bond, uint16_t dpdk_port)
{
	struct rte_eth_dev_info info;
	int result = rte_eth_dev_info_get(dpdk_port, &info);

	if (result != 0)
		return result;
	bool first = bond->count == 0;
	bond->rx_queues = first ? info.max_rx_queues : smaller(bond->rx_queues, info.max_rx_queues);
	bond->tx_queues = first ? info.max_tx_queues : smaller(bond->tx_queues, info.max_tx_queues);
	if (strncmp(info.driver_name, "net_af_", 7) == 0)
		bond->keeps_running = true;
	return 0;
}

/* From devargs of its own or a PCI address; its name is what the group's driver finds it by. */
static int add_member(struct bond *bond, const char *devargs, char name[NAME_MAX_SIZE],
		      bool (*used)(void *context, uint16_t dpdk_port), void *context,
		      char error[BOND_ERROR_SIZE])
{
	uint16_t port;

	snprintf(name, NAME_MAX_SIZE, "%.*s", (int)strcspn(devargs, ","), devargs);
	if (bond->count == BOND_MEMBERS_MAX) {
		snprintf(error, BOND_ERROR_SIZE, "%.40s: more than %d members", name,
			 BOND_MEMBERS_MAX);
		return -E2BIG;
	}
	if (rte_eth_dev_get_port_by_name(name, &port) == 0) {
		snprintf(error, BOND_ERROR_SIZE, "%.40s: %s", name,
			 used(context, port) || bond_has(bond, port) ? "belongs to another port"
								     : "is in use");
		return -EBUSY;
	}
	int result = rte_dev_probe(devargs);
	if (result == 0)
		result = rte_eth_dev_get_port_by_name(name, &port);
	if (result != 0) {
		snprintf(error, BOND_ERROR_SIZE,
			 "member %.60s: no such device, or its driver "
			 "refuses it (see the log)",
			 name);
		return result;
	}
	result = look_at_member(bond, port);
	struct bond_member *member = &bond->member[bond->count++];
	*member = (struct bond_member){ .dpdk_port = port };
	snprintf(member->devargs, sizeof(member->devargs), "%s", devargs);
	const char *device = strstr(devargs, ",iface=");
	if (device != NULL && strncmp(devargs, "net_af_", 7) == 0)
		snprintf(member->host_device, sizeof(member->host_device), "%.*s",
			 (int)strcspn(device + 7, ","), device + 7);
	if (result != 0)
		snprintf(error, BOND_ERROR_SIZE, "member %.60s: %.40s", name, strerror(-result));
	return result;
}

/* One key of the group's devargs; *at moves behind it. Members become slave=NAME. */
static int take_key(struct bond *bond, const char **at, char *key, size_t size,
		    bool (*used)(void *context, uint16_t dpdk_port), void *context,
		    char error[BOND_ERROR_SIZE])
{
	char devargs[DEVARGS_SIZE], name[NAME_MAX_SIZE];
	bool nested = strncmp(*at, "slave(", 6) == 0, plain = strncmp(*at, "slave=", 6) == 0;
	const char *start = *at + (nested || plain ? 6 : 0);
	size_t length = strcspn(start, nested ? ")" : ",");

	*at = start + length;
	if (nested && **at != ')') {
		snprintf(error, BOND_ERROR_SIZE, "slave(%.60s: expected ) after its devargs",
			 start);
		return -EINVAL;
	}
	*at += nested;
	snprintf(devargs, sizeof(devargs), "%.*s", (int)length, start);
	if (!nested && !plain) {
		snprintf(key, size, "%s", devargs);
		return 0;
	}
	int result = add_member(bond, devargs, name, used, context, error);
	snprintf(key, size, "slave=%s", name);
	return result;
}

int bond_open(struct bond *bond, const char *devargs, char *driver_devargs, size_t size,
	      bool (*used)(void *context, uint16_t dpdk_port), void *context,
	      char error[BOND_ERROR_SIZE])
{
	char key[DEVARGS_SIZE + 8];
	size_t length = 0;
	int result = 0;

	memset(bond, 0, sizeof(*bond));
	for (const char *at = devargs; result == 0 && *at != '\0'; at += *at == ',') {
		result = take_key(bond, &at, key, sizeof(key), used, context, error);
		length +=
			(size_t)snprintf(driver_devargs + length, length < size ? size - length : 0,
					 "%s%s", length == 0 ? "" : ",", key);
		if (result == 0 && (length >= size || (*at != ',' && *at != '\0'))) {
			snprintf(error, BOND_ERROR_SIZE, "%.60s: expected a comma between keys",
				 devargs);
			result = -EINVAL;
		}
	}
	if (result == 0 && bond->count == 0) {
		snprintf(error, BOND_ERROR_SIZE, "%.40s: expected slave(DEVARGS) or slave=NAME",
			 devargs);
		result = -EINVAL;
	}
	if (result != 0)
		bond_close(bond);
	return result;
}

void bond_limit(const struct bond *bond, struct rte_eth_dev_info *info)
{
	if (bond->count == 0)
		return;
	info->max_rx_queues = smaller(bond->rx_queues, info->max_rx_queues);
	info->max_tx_queues = smaller(bond->tx_queues, info->max_tx_queues);
}

/* ---------------------------------------------------------------- carriers */

static bool is_alive(const struct bond_member *member, int socket)
{
	return member->host_device[0] == '\0' || host_carrier(socket, member->host_device);
}

/* The last member stays, alive or not: a group without any is no device. */
static bool may_leave(const struct bond *bond)
{
	unsigned int together = 0;

	for (unsigned int i = 0; i < bond->count; i++)
		together += !bond->member[i].apart;
	return together > 1;
}

static bool is_misplaced(const struct bond *bond, const struct bond_member *member, int socket)
{
	return is_alive(member, socket) == member->apart && (member->apart || may_leave(bond));
}

bool bond_must_change(const struct bond *bond, int socket)
{
	for (unsigned int i = 0; i < bond->count; i++)
		if (is_misplaced(bond, &bond->member[i], socket))
			return true;
	return false;
}

static void take_out(struct bond_member *member, uint16_t group)
{
	(void)rte_eth_dev_stop(member->dpdk_port);
	int result = rte_eth_bond_slave_remove(group, member->dpdk_port);
	if (result != 0) {
		log_warning("%s: cannot be taken out of its group", member->devargs);
		return;
	}
	close_member(member->dpdk_port);
	member->apart = true;
	log_info("%s: no carrier: out of its group", member->devargs);
}

static void put_in(struct bond_member *member, uint16_t group)
{
	char name[NAME_MAX_SIZE];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(member->devargs, ","), member->devargs);
	if (rte_dev_probe(member->devargs) != 0 ||
	    rte_eth_dev_get_port_by_name(name, &member->dpdk_port) != 0)
		return; /* tried again */
	if (rte_eth_bond_slave_add(group, member->dpdk_port) != 0) {
		close_member(member->dpdk_port);
		return;
	}
	member->apart = false;
	log_info("%s: in its group again", member->devargs);
}

void bond_change(struct bond *bond, uint16_t group, int socket)
{
	for (unsigned int i = 0; i < bond->count; i++) {
		struct bond_member *member = &bond->member[i];
		if (!is_misplaced(bond, member, socket))
			continue;
		if (member->apart)
			put_in(member, group);
		else
			take_out(member, group);
	}
}
