/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bond.h: the members of a link aggregation group: a port whose devargs are net_bonding's. Control thread
 * only.
 *
 *   net_bonding0,mode=4,slave(net_af_packet1,iface=eth1),slave(net_af_packet2,iface=eth2)
 *   net_bonding0,mode=1,slave=0000:3b:00.0,slave=0000:3b:00.1,primary=0000:3b:00.0
 *
 * Mode 4 is LACP (IEEE 802.1AX), mode 1 active-backup; all keys are the driver's. It wants its members to
 * be there before it, under their names alone: slave(DEVARGS) is a member that is made from these devargs,
 * slave=NAME one that needs none (a PCI device). Members are closed with the group.
 */
#ifndef SHUNT_PORT_BOND_H
#define SHUNT_PORT_BOND_H

#include <rte_ethdev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOND_MEMBERS_MAX = 8, BOND_ERROR_SIZE = 128 };

struct bond_member {
	uint16_t dpdk_port;
	bool apart; /* its Linux interface has no carrier: it is closed, and not in the group */
	char devargs[256];
	char host_device[16]; /* Linux interface of net_af_packet and net_af_xdp, or "" */
};

struct bond {
	unsigned int count;
	struct bond_member member[BOND_MEMBERS_MAX];
	bool keeps_running;            /* a member would not start again after a stop */
	uint16_t rx_queues, tx_queues; /* that all members have */
};

/* Are these devargs a group's? */
bool bond_wanted(const char *devargs);

/* Make the members, and the group's devargs as its driver takes them. `used` tells whether a DPDK port
 * belongs to another row. On failure nothing stays behind and `error` says why. */
int bond_open(struct bond *bond, const char *devargs, char *driver_devargs, size_t size,
	      bool (*used)(void *context, uint16_t dpdk_port), void *context,
	      char error[BOND_ERROR_SIZE]);

/* The group itself is closed: its members too. */
void bond_close(struct bond *bond);

/* net_af_packet and net_af_xdp say that their link is up whatever it is, and the driver would send into a
 * dead one for 90 s (LACP's slow timeout) or for ever. So we look at the Linux interfaces: is there a
 * member to be taken out, or to be put in again? `socket` is any for ioctl. */
bool bond_must_change(const struct bond *bond, int socket);
/* Do so. No worker uses the group. */
void bond_change(struct bond *bond, uint16_t group, int socket);

/* Is it one of the members? */
bool bond_has(const struct bond *bond, uint16_t dpdk_port);

/* No more queues than every member has; the driver does not know before it is configured. */
void bond_limit(const struct bond *bond, struct rte_eth_dev_info *info);

#endif
