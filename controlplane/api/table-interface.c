/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table-interface.c: parameters of ports, VLAN subinterfaces and loopbacks.
 */
#include "controlplane/api/parameter.h"

#define DEVARGS(extra, text)                                                                       \
	{                                                                                          \
		.name = "devargs", .type = VALUE_STRING, .flags = extra, .minimum = 1,             \
		.maximum = 255, .help = text                                                       \
	}
#define HOST_INTERFACE                                                                             \
	{                                                                                          \
		.name = "host-interface", .type = VALUE_STRING, .minimum = 1, .maximum = 15,       \
		.help = "the port as the machine's own kernel sees it: a network interface of "    \
			"this name; none: not there"                                               \
	}
#define ARRIVING  "label space of what comes in here"
#define RX_QUEUES NUMBER("rx-queues", 0, 0, WORKER_MAX, "receive queues, 0: one per worker")

const struct parameter port_add[] = {
	[PORT_NAME] = OBJECT_NAME(KEY, NULL, "name of the new port, unique in the instance"),
	[PORT_DEVARGS] = DEVARGS(PARAMETER_REQUIRED, "the device as DPDK names it: 0000:3b:00.0 or "
						     "net_af_xdp0,iface=eth1"),
	[PORT_RX_QUEUES] = RX_QUEUES,
	[PORT_VRF] = VRF("routing table of what comes in here"),
	[PORT_HOST_INTERFACE] = HOST_INTERFACE,
	BRIDGE_MEMBER(PORT),
	INTERFACE_PARAMETERS(PORT, ARRIVING),
};

const struct parameter port_set[] = {
	[PORT_NAME] = OBJECT_NAME(KEY, INTERFACES, "the interface"),
	[PORT_DEVARGS] = DEVARGS(0, "another device; what stands on the port stays"),
	[PORT_RX_QUEUES] = RX_QUEUES,
	[PORT_VRF] = NOT_HERE,
	[PORT_HOST_INTERFACE] = HOST_INTERFACE,
	BRIDGE_MEMBER(PORT),
	INTERFACE_PARAMETERS(PORT, ARRIVING),
};

const struct parameter port_del[] = { OBJECT_NAME(KEY, "port", "the port"),
					     { .name = NULL } };
const struct parameter port_show[] = { OBJECT_NAME(PARAMETER_KEY, "port", "only this one"),
					      { .name = NULL } };

const struct parameter vlan_add[] = {
	[VLAN_NAME] =
		OBJECT_NAME(KEY, NULL, "name of the new subinterface, unique in the instance"),
	[VLAN_DEV] = DEV(PARAMETER_REQUIRED, "port", "the port that it is part of"),
	[VLAN_TAG] = NUMBER("tag", PARAMETER_REQUIRED, 1, 4094, "VLAN ID of the outer tag"),
	[VLAN_INNER] = NUMBER("inner", 0, 1, 4094, "VLAN ID of the inner tag"),
	[VLAN_VRF] = VRF("routing table of what comes in here"),
	INTERFACE_PARAMETERS(VLAN, ARRIVING),
};

const struct parameter vlan_set[] = {
	[VLAN_NAME] = OBJECT_NAME(KEY, "vlan", "the subinterface"),
	[VLAN_DEV] = NOT_HERE,
	[VLAN_TAG] = NOT_HERE,
	[VLAN_INNER] = NOT_HERE,
	[VLAN_VRF] = NOT_HERE,
	INTERFACE_PARAMETERS(VLAN, ARRIVING),
};

const struct parameter vlan_del[] = { OBJECT_NAME(KEY, "vlan", "the subinterface"),
					     { .name = NULL } };
const struct parameter vlan_show[] = { OBJECT_NAME(PARAMETER_KEY, "vlan", "only this one"),
					      { .name = NULL } };

const struct parameter loopback_add[] = {
	[LOOPBACK_NAME] =
		OBJECT_NAME(KEY, NULL, "name of the new loopback, unique in the instance"),
	[LOOPBACK_VRF] = VRF("routing table that its addresses belong to"),
	[LOOPBACK_ADMIN] = ADMIN,
	[LOOPBACK_ADMIN + 1] = { .name = NULL },
};

const struct parameter loopback_set[] = {
	[LOOPBACK_NAME] = OBJECT_NAME(KEY, "loopback", "the loopback"),
	[LOOPBACK_VRF] = NOT_HERE,
	[LOOPBACK_ADMIN] = ADMIN,
	[LOOPBACK_ADMIN + 1] = { .name = NULL },
};

const struct parameter loopback_del[] = { OBJECT_NAME(KEY, "loopback", "the loopback"),
						 { .name = NULL } };
const struct parameter loopback_show[] = {
	OBJECT_NAME(PARAMETER_KEY, "loopback", "only this one"), { .name = NULL }
};
